"""Checkpoints to and from the Hugging Face Hub.

Nothing that comes from there is trusted: `latentzoo.load` builds only what the allow-list names, and
reads only weights whose hashes fit. The folders are the zoo's own; `keras.saving.load_model("hf://...")`
does not open them, since Keras' format would bring HDF5 files and classes looked up by name.
"""

import importlib

_HOME = {"PushToHub": "callback", "pull": "pulling", "push": "pushing"}

__all__ = [*_HOME]


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module 'latentzoo.hub' has no attribute '{name}'")
    return getattr(importlib.import_module(f"latentzoo.hub.{_HOME[name]}"), name)
