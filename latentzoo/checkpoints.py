"""Checkpoint folders to models and back."""

import contextlib
import json
import math
import os
import pathlib
import shutil

# The models first: on other backends they have the better word than Keras.
from latentzoo import __version__, allowed, models

# isort: split
import keras
import numpy as np
from keras.src.backend.common import global_state

from latentzoo.configs import broken, read_config, without_compile
from latentzoo.errors import error
from latentzoo.files import write_json
from latentzoo.storage import named_variables, pack, weight_files, write
from latentzoo.weights import Weights

VARIABLES = 10_000


def open_folder(folder, config, wanted=None, weights=True, dtype=None):
    """Builds the model of a checkpoint folder, after everything about it was checked.

    Args:
        folder: `pathlib.Path`.
        config: what `configs.read_config(folder)` returns.
        wanted: class that the model must be of, or `None`.
        weights, dtype: as in `latentzoo.load`.
    """
    family = getattr(models, config["class"])
    if wanted is not None and not issubclass(family, wanted):
        raise error(
            f"'{folder}' holds another model.",
            f"class {wanted.__name__}",
            f"class {family.__name__}",
            f"Use `latentzoo.models.{family.__name__}.from_pretrained`, or `latentzoo.load`.",
        )
    arguments = with_policy(config["arguments"], check_dtype(dtype))
    # Building without values tells all shapes before a byte of weights is read, and spares drawing
    # initial values that would be thrown away.
    scope = keras.StatelessScope(initialize_variables=False)
    pending = global_state.get_global_attribute("uninitialized_variables", [])
    files = Weights(folder, config["weights"]) if weights else contextlib.nullcontext()
    try:
        global_state.set_global_attribute("uninitialized_variables", Declared(config["parameters"]))
        with files, scope:
            with fitting(family, folder):
                check_sizes(arguments, config["parameters"])
                model = family.from_config(arguments)
            named = named_variables(model)
            count = sum(math.prod(variable.shape) for variable, _ in named.values())
            if count != config["parameters"]:
                raise broken(folder / "config.json", f"{count} parameters", config["parameters"])
            if weights:
                files.check(named)
                for key, (variable, layer) in named.items():
                    variable._initializer = reader(files, key, layer)
            scope.initialize_variables = True
    finally:  # after a failure, Keras would allocate what is left at its next opportunity
        global_state.set_global_attribute("uninitialized_variables", pending)
    with fitting(family, folder):
        model.compile()
    model._storage = config["storage"]
    model._provenance = config["provenance"]
    model._origin = {
        "name": folder.absolute().name,
        "folder": folder,
        "weights": config["weights"] if weights else None,
    }
    return model


SIZES = {
    "blocks", "components", "couplings_per_block", "filters", "hidden_layers", "latent_dim", "noise_dim",
    "units",
}  # fmt: skip


def check_sizes(arguments, parameters):
    """Checks what makes networks large, which brings a parameter for every one of it, at least.

    Some of it is computed with before there is a weight to count.
    """
    for key, value in arguments.items() if isinstance(arguments, dict) else enumerate(arguments):
        if key in SIZES and isinstance(value, int | float) and value > parameters:
            raise ValueError(f"More weights than are declared: {key}={value}")
        if isinstance(value, dict | list):
            check_sizes(value, parameters)


class Declared(list):
    """Keras' list of variables to allocate, which ends the building of more than a config declares."""

    def __init__(self, parameters):
        self.left = parameters + 1000  # the seeds of dropout are not counted as weights

    def append(self, variable):
        super().append(variable)
        self.left -= math.prod(variable.shape)
        if self.left < 0 or len(self) > VARIABLES:
            raise ValueError(f"More weights than are declared, or than {VARIABLES}")


def reader(files, key, layer):
    return lambda shape, dtype: files.read(key, layer, dtype)


@contextlib.contextmanager
def fitting(family, folder):
    """Context in which an error means that the config does not fit."""
    try:
        yield
    except Exception as error:  # Keras raises many, and it was the config that asked for it
        received = f"{type(error).__name__}: {error}"[:1000]
        raise broken(folder / "config.json", f"arguments of {family.__name__}", received) from error


def check_dtype(dtype):
    try:
        policy = keras.dtype_policies.get("float32" if dtype is None else dtype)
        known = ("float32", "bfloat16", "float64")
        fits = policy.compute_dtype in known and not policy.quantization_mode
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ValueError(
            "The zoo's models do not run in this dtype policy. Expected: 'float32', 'bfloat16', "
            f"'mixed_bfloat16' or 'float64'. Received: dtype={dtype!r}. Instead of float16, which needs "
            "loss scaling, use 'mixed_bfloat16'."
        )
    return policy.name


def with_policy(arguments, policy):
    """The arguments with the policy for the autoencoder and for networks of a user's own."""

    def walk(node):
        if isinstance(node, list):
            return [walk(value) for value in node]
        if not isinstance(node, dict):
            return node
        if node.get("class_name") == "DTypePolicy":
            return {**node, "config": {"name": policy}}
        return {key: walk(value) for key, value in node.items()}

    networks = {part: walk(arguments[part]) for _, part in allowed.OWN if part in arguments}
    return {**arguments, **networks, "dtype": policy}


def save(model, folder, storage=None, *, provenance=None):
    """Writes a checkpoint folder, or nothing.

    Everything is written aside first. An older checkpoint in the folder stays whole until then, and
    only renaming is left; `config.json` goes first and comes last, so that half a folder is no
    checkpoint. One process at a time may write to a folder.

    Args:
        model: a `latentzoo.models.Autoencoder`.
        folder: path.
        storage: `"float32"`, `"float16"`, `"int8"`, or `None`: as the model was loaded, or float32.
        provenance: dict of facts to record, JSON types. If `None`, those that the model was loaded with, or
            what it was made from if it was trained since.

    Raises:
        ValueError: the storage is unknown, a weight is not finite, a network of the user's own holds a
            layer that checkpoints may not hold, or the folder cannot be written.
    """
    family = type(model).__name__
    known = allowed.FAMILIES | allowed.CLASSIFIERS
    if family not in known or type(model) is not getattr(models, family):
        raise ValueError(
            "Checkpoint folders hold the zoo's own families. Expected: one of "
            f"{sorted(known)}. Received: {type(model)}. Use `model.save('model.keras')`."
        )
    if not isinstance(folder, (str, os.PathLike)) or not os.fspath(folder):
        raise error("A checkpoint is saved to a folder.", "its path, such as 'my-glf'", f"{folder!r}")
    kind = storage or getattr(model, "_storage", "float32")
    config = {
        "format": allowed.FORMAT,
        "latentzoo": __version__,
        "class": family,
        "arguments": None,
        "parameters": sum(math.prod(v.shape) for v, _ in named_variables(model).values()),
        "storage": kind,
        "weights": {},
        "provenance": provenance or {},
    }
    try:
        config["arguments"] = json.loads(json.dumps(model.get_config(), default=of_numpy))
        config = json.loads(json.dumps(config, allow_nan=False), object_hook=without_compile)
    except (NotImplementedError, TypeError, ValueError) as reason:
        raise ValueError(
            f"What describes this {family} does not fit into JSON. Expected: networks with a Keras "
            f"config, and a provenance of JSON types. Received: {type(reason).__name__}: {reason}. Give own "
            "layers a `get_config`, or keep the model with `model.save_weights`."
        ) from reason
    config["arguments"] |= model.when_trained
    for name in ("name", "dtype"):  # of this run: a count of the models before, and a choice of its own
        del config["arguments"][name]
    allowed.check(config, f"This {family}")
    arrays = pack(model, kind)
    folder = pathlib.Path(folder)
    aside = folder / ".new"
    try:
        if aside.exists():  # of a process that was killed
            shutil.rmtree(aside)
        aside.mkdir(parents=True)
        config["weights"] = write(arrays, aside)
        if provenance is None:
            config["provenance"] = lineage(model, config["weights"])
        write_json(aside / "config.json", config)
        (folder / "config.json").unlink(missing_ok=True)
        for old in weight_files(folder):
            old.unlink()
        for new in [*weight_files(aside), aside / "config.json"]:
            os.replace(new, folder / new.name)
    except OSError as reason:
        raise ValueError(
            f"The checkpoint could not be written. Expected: a folder to write to, with room for "
            f"{sum(value.nbytes for value in arrays.values()) / 1e6:.1f} MB. Received: '{folder}': "
            f"{reason}. Choose another folder."
        ) from reason
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def of_numpy(value):
    """A scalar of NumPy as one of Python."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no type of JSON")


def lineage(model, weights):
    """What is known of weights: what came with them, or, if they moved since, from which they were made."""
    origin, known = getattr(model, "_origin", None), getattr(model, "_provenance", {})
    if origin is None or origin["weights"] == weights:
        return known
    base = {key: value for key, value in known.items() if key != "base"}
    return {"base_model": origin["name"], "licence": known.get("licence", "unknown"), "base": base}


def unchanged(model, folder):
    """The folder that a model was loaded from, if `folder` holds the same weights, or `None`."""
    origin = getattr(model, "_origin", None)
    same = origin is not None and origin["weights"] == read_config(folder)["weights"]
    return origin["folder"] if same and origin["folder"].is_dir() else None
