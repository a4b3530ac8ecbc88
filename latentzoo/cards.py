"""What a finished run leaves in its folder: the checkpoint, its measurements and its card.

Every number on a card is written here by the command that measured it, from the checkpoint as it is
stored, and never by hand.
"""

import json
import subprocess

import numpy as np

from latentzoo import plots, zoo
from latentzoo.storage import replacing

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
    model = at_full_precision(model)
    before = measure(model, images["test"])
    pictures = model.sample(SAMPLES, seed=0)
    provenance = describe(name, recipe, history, images, command)
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
    write_golden(stored, out / "golden.npz")
    plots.save(found, out / "samples.png", columns=8, scale=2 if found.shape[1] < 64 else 1)
    steps = stored.interpolate(found[:4], found[4:8], steps=8)
    plots.save(steps, out / "interpolations.png", scale=2 if found.shape[1] < 64 else 1)
    with replacing(out / "README.md") as temporary:
        temporary.write_text(card(name, stored, provenance, metrics), encoding="utf-8")
    return metrics


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


def write_golden(model, path):
    """Fixed noise and images with the outputs they must give; the images are the model's own samples."""
    noise = np.random.default_rng(1).standard_normal((4, model.latent_dim)).astype("float32")
    sampled = model.decode(np.asarray(model.prior(noise)))
    images = model.sample(4, seed=2)
    arrays = {
        "noise": noise,
        "sampled": sampled,
        "images": images,
        "encoded": model.encode(images),
        "reconstructed": model.reconstruct(images),
    }
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)


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


def card(name, model, provenance, metrics):
    """The model card, Markdown with the Hub's metadata block."""
    settings, test, storage = provenance["settings"], metrics["test"], metrics["storage"]
    faces = "non-commercial" in provenance["licence"]
    licence = "other" if faces else "apache-2.0"
    family = type(model).__name__
    about = type(model).__doc__.splitlines()[0]
    split = "" if settings["split"] == "train" else f" (split `{settings['split']}`)"
    flips = ", flipped at random" if settings["flip"] else ""
    rows = "\n".join(
        f"| {label} | {show(test[key])} | {show(storage['float32'][key])} |"
        for key, label in [
            ("mean_squared_error", "squared error of reconstruction, mean over pixels in [0, 1]"),
            ("nll", "negative log-likelihood of codes, nats"),
        ]
        if key in test
    )
    losses = ", ".join(f"`{term}`" for update in model.updates() for term in update.names)
    return f"""---
library_name: latentzoo
pipeline_tag: unconditional-image-generation
license: {licence}
tags: [keras, generative-autoencoder, {family.lower()}]
---

# {name}

![Samples, seed 0](samples.png)

{about} {model.count_params() / 1e6:.1f} million parameters, images of {show_shape(model.image_shape)},
codes of width {model.latent_dim}.

```python
import latentzoo

model = latentzoo.load("{name}")
images = model.sample(16, seed=0)  # float32, (16, {", ".join(map(str, model.image_shape))}), in [0, 1]
```

## Training

`{provenance["command"]}`

- Data: {provenance["train_images"]:,} training images of {provenance["data"]}{split}{flips}. Licence of the
  data: {provenance["licence"]}.{NON_COMMERCIAL if faces else ""}
- {provenance["epochs"]} epochs in batches of {settings["batch_size"]}, seed {settings["seed"]}, in
  {provenance["seconds"] / 60:.0f} minutes on two CPU cores shared with other work.
- Adam at {settings["optimizer"]["learning_rate"]:g}, times {steps(settings)}.
- Terms: {losses}; [history.csv](history.csv) has them for each epoch.

## Measurements

Measured at the end of that command on the {metrics["images"]:,} images of {metrics["data"]},
none of them trained on; mean and standard error over images.

| | as stored (int8) | before storing (float32) |
|---|---|---|
{rows}

{SAMPLES} samples of seed 0 differ by {storage["sample_difference"]:.5f} on average between the two, for a
pixel in [0, 1].

![Interpolations between samples, in the noise of the prior](interpolations.png)

Straight lines in the base noise of the prior between samples of seed 0.
"""


NON_COMMERCIAL = """ The weights likewise.
  The pictures here are samples of the model and lines between them; none is a photograph of a person."""


def steps(settings):
    factors = settings["learning_rate_factors"]
    return ", ".join(f"{f:g} from epoch {int(e) + 1}" for e, f in factors.items()) or "1 throughout"


def show(summary):
    digits = 5 if summary["mean"] < 1 else 2
    return f"{summary['mean']:.{digits}f} ± {summary['standard_error']:.{digits}f}"


def show_shape(shape):
    return " x ".join(map(str, shape))
