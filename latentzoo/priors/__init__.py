"""Priors over codes: what `sample` draws from.

`Normal` and the abstract `Prior` need nothing but Keras; `RealNVP` brings TensorFlow Probability and
is therefore imported on first use.
"""

import difflib
import importlib

import keras

from latentzoo.priors.normal import Normal
from latentzoo.priors.prior import Prior

__all__ = ["Normal", "Prior", "RealNVP", "build"]

NAMES = {"normal": "Normal", "realnvp": "RealNVP"}


def build(prior, latent_dim, **arguments):
    """Returns a prior for codes of width `latent_dim`.

    Args:
        prior: a `Prior` of that width, returned as it is, or a name: `"normal"`, `"realnvp"`.
        latent_dim: int.
        **arguments: passed to the constructor when `prior` is a name.

    Raises:
        ValueError: the name is unknown or the width does not fit.

    Example:

    >>> from latentzoo import priors
    >>> priors.build("normal", 8).latent_dim
    8
    """
    if isinstance(prior, str):
        if prior not in NAMES:
            near = difflib.get_close_matches(prior, NAMES, 1, 0.0)[0]
            raise ValueError(
                f"Unknown prior. Expected: one of {sorted(NAMES)}, or a `latentzoo.priors.Prior`. "
                f"Received: prior='{prior}'. Did you mean '{near}'?"
            )
        return __getattr__(NAMES[prior])(latent_dim, **arguments)
    if not isinstance(prior, Prior):
        raise ValueError(
            f"A prior is an object or a name. Expected: a `latentzoo.priors.Prior` or one of "
            f"{sorted(NAMES)}. Received: prior={prior!r}."
        )
    if prior.latent_dim != latent_dim:
        raise ValueError(
            f"The prior is over codes of another width. Expected: latent_dim={latent_dim}. "
            f"Received: {type(prior).__name__} with latent_dim={prior.latent_dim}."
        )
    return prior


def deserialize(config):
    """A prior from its serialized Keras config, importing the class on the way."""
    registered = config.get("registered_name") or ""
    if registered.removeprefix("latentzoo>") in NAMES.values():
        __getattr__(registered.removeprefix("latentzoo>"))
    return keras.saving.deserialize_keras_object(config)


def __getattr__(name):
    if name == "RealNVP":
        return importlib.import_module("latentzoo.priors.realnvp").RealNVP
    if name in globals():
        return globals()[name]
    raise AttributeError(f"module 'latentzoo.priors' has no attribute '{name}'")
