"""Priors over codes: what `sample` draws from.

| name | class | density | inverse | fitted by |
|---|---|---|---|---|
| `"normal"` | `Normal` | yes | yes | nothing to fit |
| `"gaussian"` | `Gaussian` | yes | yes | mean and covariance |
| `"mixture"` | `Mixture` | yes | no | expectation maximization |
| `"realnvp"` | `RealNVP` | yes | yes | maximum likelihood |
| `"maf"` | `MAF` | yes | yes | maximum likelihood |
| `"second-stage"` | `SecondStageVAE` | no | no | its evidence lower bound |
| `"imle"` | `Generator` | no | no | implicit maximum likelihood |
| `"adversarial"` | `AdversarialGenerator` | no | no | a critic, as a GAN or a WGAN-GP |

All but `Normal` and the abstract `Prior` are imported on first use: some bring other libraries.
"""

import difflib
import importlib

import keras

from latentzoo.allowed import PRIORS
from latentzoo.priors.normal import Normal
from latentzoo.priors.prior import Prior

__all__ = [
    "MAF", "AdversarialGenerator", "Gaussian", "Generator", "Mixture", "Normal", "Prior", "RealNVP",
    "SecondStageVAE", "build", "latent_flow",
]  # fmt: skip

NAMES = {
    "adversarial": "AdversarialGenerator",
    "gaussian": "Gaussian",
    "imle": "Generator",
    "maf": "MAF",
    "mixture": "Mixture",
    "normal": "Normal",
    "realnvp": "RealNVP",
    "second-stage": "SecondStageVAE",
}


def build(prior, latent_dim, *, default=None, **arguments):
    """Returns a prior for codes of width `latent_dim`.

    Args:
        prior: a `Prior` of that width, returned as it is, or a name of the table above.
        latent_dim: int.
        default: the same, what `None` stands for.
        **arguments: passed to the constructor when `prior` is a name.

    Raises:
        ValueError: the name is unknown or the width does not fit.

    Example:

    >>> from latentzoo import priors
    >>> priors.build("normal", 8).latent_dim
    8
    """
    prior = default if prior is None else prior
    if isinstance(prior, str):
        if prior not in NAMES:
            near = difflib.get_close_matches(prior, NAMES, 1, 0.0)[0]
            raise ValueError(
                f"Unknown prior. Expected: one of {sorted(NAMES)}, or a `latentzoo.priors.Prior`. "
                f"Received: prior='{prior}'. Did you mean '{near}'?"
            )
        return named(NAMES[prior])(latent_dim, **arguments)
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


def latent_flow(prior, latent_dim):
    """`build`, where `None` is the flow of Xiao, Yan and Amit (2019), arXiv:1905.10485.

    A RealNVP of 4 blocks of 2 couplings with k = 64 hidden units where d is 20 or less, 256 above.
    """
    if prior is not None:
        return build(prior, latent_dim)
    return build("realnvp", latent_dim, units=64 if latent_dim <= 20 else 256, coupling="sigmoid")


def deserialize(config):
    """A prior, or another part, from its Keras config; the class of a prior is imported on the way."""
    registered = config.get("registered_name") or ""
    if registered.removeprefix("latentzoo>") in PRIORS:
        named(registered.removeprefix("latentzoo>"))
    return keras.saving.deserialize_keras_object(config)


def named(name):
    """The class of a prior, its module being imported on the way."""
    return getattr(importlib.import_module(f"latentzoo.priors.{PRIORS[name]}"), name)


def __getattr__(name):
    if name in PRIORS:
        return named(name)
    raise AttributeError(f"module 'latentzoo.priors' has no attribute '{name}'")
