"""A Keras 3 model zoo of generative autoencoders with pretrained checkpoints.

    model = latentzoo.load("glf-celeba")
    images = model.sample(16, seed=0)

Importing this package is cheap; public names load what they need on first use.
"""

import importlib

__version__ = "0.1.0"

_FUNCTIONS = {"info": "zoo", "list_families": "zoo", "list_models": "zoo", "load": "zoo"}
_MODULES = ("data", "losses", "models", "networks", "plots", "priors", "recipes", "updates", "zoo")

__all__ = [*_FUNCTIONS, *_MODULES]


def __getattr__(name):
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(f"latentzoo.{_FUNCTIONS[name]}"), name)
    if name in _MODULES:
        return importlib.import_module(f"latentzoo.{name}")
    raise AttributeError(f"module 'latentzoo' has no attribute '{name}'")


def __dir__():
    return sorted([*__all__, "__version__"])
