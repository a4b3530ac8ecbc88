"""Fixed noise and images with the outputs that a checkpoint must give for them, on any machine.

`sampled` is what `decode` makes of codes: with moving statistics, also where `sample` takes those of a batch.
"""

import numpy as np

from latentzoo import npz
from latentzoo.errors import error
from latentzoo.files import replacing
from latentzoo.models import Classifier

COUNT, TOLERANCE = 4, 1e-4


def inputs(model):
    """Noise, and images, which are noise or samples of the model: never a photograph of a person."""
    rng = np.random.default_rng(1)
    if isinstance(model, Classifier):
        return {"images": rng.random((COUNT, *model.image_shape), "float32")}
    noise = rng.standard_normal((COUNT, model.prior.noise_dim)).astype("float32")
    return {"noise": noise, **({} if model.encoder is None else {"images": model.sample(COUNT, seed=2)})}


def outputs(model, images=None, noise=None):
    """What the model makes of them."""
    if isinstance(model, Classifier):
        return {"features": model.features(images), "probabilities": model.probabilities(images)}
    sampled = {"sampled": model.decode(np.asarray(model.prior(noise)))}
    if model.encoder is None:
        return sampled
    return {**sampled, "encoded": model.encode(images), "reconstructed": model.reconstruct(images)}


def write(model, path):
    """Writes inputs and outputs of a model into an npz file."""
    given = inputs(model)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **given, **outputs(model, **given))


def check(model, path):
    """Compares a model with what was written.

    Raises:
        ValueError: an output is off by more than 1e-4, or the file does not fit the model.
    """
    try:
        arrays = npz.read(path)
        if counts := {key: value.shape for key, value in arrays.items() if len(value) != COUNT}:
            raise ValueError(f"arrays of other counts than {COUNT}: {counts}")
        found = outputs(model, **{key: arrays[key] for key in ("noise", "images") if key in arrays})
        if shapes := {key: arrays[key].shape for key in found if arrays[key].shape != found[key].shape}:
            raise ValueError(f"outputs of other shapes: {shapes}")
        off = {key: float(np.abs(value - arrays[key]).max()) for key, value in found.items()}
    except (KeyError, TypeError, OSError, ValueError) as reason:
        remedy = "Write the folder again with `save_pretrained`, or delete the file."
        raise error(
            f"'{path}' does not fit the model.", "noise, images and outputs", reason, remedy
        ) from reason
    for key, difference in off.items():
        if not difference <= TOLERANCE:
            raise error(
                "The model does not give what was recorded for it.",
                f"'{key}' of '{path}' within {TOLERANCE}",
                f"a difference of {difference:.2g}",
                "The file is of other weights, or the model is damaged: write the folder again.",
            )
