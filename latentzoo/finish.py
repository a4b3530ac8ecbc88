"""What a finished run leaves in its folder: the checkpoint, its measurements, its pictures and its card."""

import json
import subprocess

import numpy as np

from latentzoo import cards, golden, plots, zoo

SAMPLES = 32


def finish(model, name, recipe, history, out, images, command):
    """Writes the checkpoint folder of a trained model.

    Args:
        model: the trained `Autoencoder`.
        name: str. What the checkpoint is called.
        recipe: dict.
        history: list with one dict for each epoch.
        out: `pathlib.Path` of the folder.
        images: dict of uint8 images, of which `test` was not trained on.
        command: str. The command line that trained it.

    Returns:
        The metrics, as `metrics.json` holds them.
    """
    base = zoo.lineage(model, None) if "from" in recipe else {}
    model = at_full_precision(model)
    before = measure(model, images["test"])
    pictures = model.sample(SAMPLES, seed=0)
    provenance = {**base, **describe(name, recipe, history, images, command)}
    if "non-commercial" in base.get("licence", ""):
        provenance["licence"] = base["licence"]
    zoo.save(model, out, "int8", provenance=provenance)
    stored = zoo.load(out)  # what users get is what is measured
    after = measure(stored, images["test"])
    found = stored.sample(SAMPLES, seed=0)
    metrics = {
        "command": provenance["command"],
        "data": f"{provenance['data']}, test split",
        "images": len(images["test"]),
        "test": after,
        "storage": {
            "float32": before,
            "int8": after,
            "sample_difference": float(np.abs(found - pictures).mean()),
            "samples": SAMPLES,
            "seed": 0,
        },
    }
    zoo.write_json(out / "metrics.json", metrics)
    illustrate(stored, out)
    steps = stored.interpolate(found[:4], found[4:8], steps=8)
    plots.save(steps, out / "interpolations.png", scale=2 if found.shape[1] < 64 else 1)
    cards.write(out, cards.readme(out, name if name in zoo.shelf() else str(out)))
    return metrics


def illustrate(model, folder):
    """Writes what shows a checkpoint: `golden.npz` and `samples.png`."""
    golden.write(model, folder / "golden.npz")
    samples = model.sample(SAMPLES, seed=0)
    plots.save(samples, folder / "samples.png", columns=8, scale=2 if samples.shape[1] < 64 else 1)


def at_full_precision(model):
    """The same weights in a float32 model: what training in bfloat16 computed in is not measured."""
    from latentzoo import storage

    arguments = zoo.with_policy(json.loads(json.dumps(model.get_config())), "float32")
    same = type(model).from_config(arguments)
    for (ours, _), (theirs, _) in zip(
        storage.named_variables(same).values(), storage.named_variables(model).values(), strict=True
    ):
        ours.assign(theirs)
    return same


def measure(model, images, batch_size=256):
    """Errors of reconstruction and negative log-likelihoods of codes, mean and standard error.

    Args:
        model: an `Autoencoder`.
        images: uint8 or float images that it was not trained on.
        batch_size: int.

    Returns:
        dict of `mean_squared_error`, for a pixel in [0, 1], and, where the prior has a density, `nll`,
        nats for a code; each `{"mean": ..., "standard_error": ...}` over images.
    """
    errors, likelihoods = [], []
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        codes = model.encode(batch)
        x = batch.astype("float32") / 255 if batch.dtype == "uint8" else batch
        errors.append(np.square(model.decode(codes) - x).mean(axis=(1, 2, 3)))
        if model.prior.explicit:
            likelihoods.append(-model.prior.log_prob(codes))
    found = {"mean_squared_error": errors, "nll": likelihoods}
    return {name: summary(np.concatenate(values)) for name, values in found.items() if values}


def summary(values):
    values = values.astype("float64")
    return {"mean": float(values.mean()), "standard_error": float(values.std() / len(values) ** 0.5)}


def describe(name, recipe, history, images, command):
    """Where a checkpoint comes from."""
    from latentzoo import data

    known = data.DATASETS.get(recipe["data"])
    return {
        "recipe": name,
        "command": command,
        "settings": recipe,
        "commit": commit(),
        "data": known.card_name if known else recipe["data"],
        "licence": known.licence if known else "unknown",
        "train_images": len(images["train"]),
        "epochs": len(history),
        "seconds": round(sum(epoch["seconds"] for epoch in history)),
    }


def commit():
    """The commit of the source tree, or `None`."""
    command = ["git", "-C", str(zoo.ROOT), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
