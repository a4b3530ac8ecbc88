"""A Keras 3 model zoo of generative autoencoders with pretrained checkpoints.

    model = latentzoo.load("glf-celeba")
    images = model.sample(16, seed=0)

Importing this package is cheap; public names load what they need on first use.
"""

import importlib
import os

__version__ = "0.1.0"

_FUNCTIONS = {
    "evaluate": "evaluation",
    **dict.fromkeys(["info", "list_families", "list_models", "load"], "zoo"),
}
_MODULES = (
    "data",
    "evaluation",
    "extractors",
    "hub",
    "losses",
    "metrics",
    "models",
    "networks",
    "plots",
    "priors",
    "recipes",
    "updates",
    "zoo",
)

__all__ = [*_FUNCTIONS, *_MODULES]


def __getattr__(name):
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(f"latentzoo.{_FUNCTIONS[name]}"), name)
    if name not in _MODULES:
        raise AttributeError(f"module 'latentzoo' has no attribute '{name}'")
    try:
        return importlib.import_module(f"latentzoo.{name}")
    except ModuleNotFoundError as error:
        if (backend := os.environ.get("KERAS_BACKEND", "tensorflow")) == "tensorflow":
            raise
        # Keras did not find that other backend; where it does, `latentzoo.updates` says the same.
        raise RuntimeError(
            "latentzoo trains and runs on Keras' TensorFlow backend. Expected: KERAS_BACKEND=tensorflow. "
            f"Received: KERAS_BACKEND={backend}. Set the environment variable before Keras is first "
            "imported."
        ) from error


def __dir__():
    return sorted([*__all__, "__version__"])
