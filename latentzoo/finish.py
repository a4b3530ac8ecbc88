"""What a finished run leaves in its folder: the checkpoint, its measurements, its pictures and its card."""

import dataclasses
import json
import os
import pathlib
import subprocess

import numpy as np
import tensorflow as tf

from latentzoo import cards, checkpoints, extractors, golden, plots, storage, zoo
from latentzoo.evaluation import references
from latentzoo.files import write_json
from latentzoo.models import Classifier
from latentzoo.recipes.running import FIXTURE

SAMPLES = 32


def finish(model, name, recipe, history, out, data, command, prior_history=None):
    """Writes the checkpoint folder of a trained model.

    Args:
        model: the trained model.
        name: str. What the checkpoint is called.
        recipe: dict.
        history: list with one dict for each epoch.
        out: `pathlib.Path` of the folder.
        data: dict of `(x, y)`, uint8 images and labels, of which `test` was not trained on.
        command: str. The command line that trained it.
        prior_history: that of a prior which was fitted afterwards, or `None`.

    Returns:
        The metrics, as `metrics.json` holds them.
    """
    x, y = data["test"]
    base = checkpoints.lineage(model, None) if "from" in recipe else {}
    model = at_full_precision(model)
    before, shown = measure(model, x, y), show(model, x)
    provenance = {**base, **describe(name, recipe, history, data, command, prior_history)}
    if "non-commercial" in base.get("licence", ""):
        provenance["licence"] = base["licence"]
    checkpoints.save(model, out, "int8", provenance=provenance)
    if isinstance(model, Classifier):
        splits = {"test": x, **({"train": data["train"][0]} if recipe["split"] == "train" else {})}
        references.ship(out, extractors.load(out), splits)
    stored = zoo.load(out)  # what users get is what is measured
    after = measure(stored, x, y)
    difference = float(np.abs(show(stored, x) - shown).mean())
    metrics = {
        "command": provenance["command"],
        "data": f"{provenance['data']}, test split",
        "images": len(x),
        "test": after,
        "storage": {
            "float32": before,
            "int8": after,
            "sample_difference": difference,
            "samples": len(shown),
            "seed": 0,
        },
    }
    write_json(out / "metrics.json", metrics)
    illustrate(stored, out)
    cards.write(out, cards.readme(out, str(out) if "from" in recipe else name))
    return metrics


def show(model, x):
    """What storage may change for the eye: samples, or a classifier's probabilities for test images."""
    return model.probabilities(x) if isinstance(model, Classifier) else model.sample(SAMPLES, seed=0)


def illustrate(model, folder):
    """Writes what shows a checkpoint: `golden.npz`, and pictures if it makes any."""
    golden.write(model, folder / "golden.npz")
    if isinstance(model, Classifier):
        return
    samples = model.sample(SAMPLES, seed=0)
    scale = 2 if samples.shape[1] < 64 else 1
    plots.save(samples, folder / "samples.png", columns=8, scale=scale)
    if model.prior.invertible and model.encoder is not None:
        steps = model.interpolate(samples[:4], samples[4:8], steps=8)
        plots.save(steps, folder / "interpolations.png", scale=scale)


def at_full_precision(model):
    """The same weights in a float32 model: what training in bfloat16 computed in is not measured."""
    arguments = checkpoints.with_policy(json.loads(json.dumps(model.get_config())), "float32")
    same = type(model).from_config(arguments)
    for (ours, _), (theirs, _) in zip(
        storage.named_variables(same).values(), storage.named_variables(model).values(), strict=True
    ):
        ours.assign(theirs)
    return same


def measure(model, x, y=None, batch_size=256):
    """What can be told from images alone, mean and standard error over them; nothing without an encoder.

    Args:
        model: an `Autoencoder` or a `Classifier`.
        x: uint8 or float images that it was not trained on.
        y: their labels, for a classifier.
        batch_size: int.

    Returns:
        dict of `{"mean": ..., "standard_error": ...}`: of an autoencoder `mean_squared_error`, for a pixel in
        [0, 1], and, where the prior has a density, `nll`, nats for a code; of a classifier `accuracy`.
    """
    found = {}
    for start in range(0, len(x), batch_size):
        batch, labels = x[start : start + batch_size], None if y is None else y[start : start + batch_size]
        for name, values in per_image(model, batch, labels).items():
            found.setdefault(name, []).append(values)
    return {name: summary(np.concatenate(values)) for name, values in found.items()}


def per_image(model, x, y):
    if isinstance(model, Classifier):
        chances = model.probabilities(x)
        right = ((chances > 0.5) == y).mean(axis=1) if model.attributes else chances.argmax(axis=1) == y
        return {"accuracy": right}
    if model.encoder is None:
        return {}
    codes = model.encode(x)
    pixels = x.astype("float32") / 255 if x.dtype == "uint8" else x
    errors = {"mean_squared_error": np.square(model.decode(codes) - pixels).mean(axis=(1, 2, 3))}
    return {**errors, "nll": -model.prior.log_prob(codes)} if model.prior.explicit else errors


def summary(values):
    values = values.astype("float64")
    return {"mean": float(values.mean()), "standard_error": float(values.std() / len(values) ** 0.5)}


def describe(name, recipe, history, data, command, prior_history=None):
    """Where a checkpoint comes from."""
    from latentzoo.sources import DATASETS

    known = DATASETS.get(recipe["data"])
    if recipe["data"] == FIXTURE:
        known = dataclasses.replace(
            DATASETS["fashion_mnist"], card_name="Fashion-MNIST (of the tests, resized)"
        )
    return {
        "recipe": name,
        "command": command,
        "settings": recipe,
        "commit": commit(),
        "data": known.card_name if known else recipe["data"],
        "licence": known.licence if known else "unknown",
        "train_images": len(data["train"][0]),
        "epochs": len(history),
        "seconds": seconds(history),
        **({"prior_seconds": seconds(prior_history)} if prior_history else {}),
        "device": device(),
    }


def seconds(history):
    return round(sum(epoch["seconds"] for epoch in history))


def device():
    """What this process trains on."""
    gpus = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    if gpus:
        return ", ".join(gpu.get("device_name", "GPU") for gpu in gpus)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} CPU core{'s' * (cores != 1)}"


def commit():
    """The commit of the source tree; `None` of an installation, though it stands in somebody's repository."""
    command = ["git", "-C", str(zoo.ROOT), "rev-parse", "--show-toplevel", "HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
    except (OSError, subprocess.CalledProcessError):
        return None
    return found[1] if pathlib.Path(found[0]) == zoo.ROOT.parent.resolve() else None
