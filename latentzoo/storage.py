"""Weights as files: names, storage types, shards and their hashes.

A key is `part/layer/.../variable`, such as `encoder/conv_1/kernel`, made of attribute and layer names;
`variable.path` would change from process to process. Files are safetensors: nothing in them runs.
"""

import hashlib
import json
import os
import pathlib

import keras
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

STORAGES = ("float32", "float16", "int8")
SHARD_BYTES = 90_000_000
INDEX = "model.safetensors.index.json"


def named_variables(model):
    """The weights of a model's parts by key, and for each the layer that owns it.

    Args:
        model: a `latentzoo.models.Autoencoder`.

    Returns:
        dict of key to `(variable, layer)`, in a fixed order.
    """
    named = {}

    def walk(layer, path):
        children = list(layer._flatten_layers(include_self=False, recursive=False))
        nested = {id(v) for child in children for v in child.weights}
        for variable in layer.weights:
            if id(variable) not in nested:
                add(f"{path}/{variable.name}", variable, layer)
        for child in children:
            walk(child, f"{path}/{child.name}")

    def add(key, variable, layer):
        if key in named:
            raise ValueError(
                "Two weights would be saved under one name. Expected: different names for the "
                f"layers of one network. Received: '{key}' twice. Name the layers."
            )
        named[key] = (variable, layer)

    for part in model.parts:
        walk(getattr(model, part), part)
    return named


def stored_type(variable, layer, storage):
    """How a weight is stored: `"float32"` (its own type), `"float16"` or `"int8"`.

    Statistics and scales of normalization, whatever is not trained, and a prior's own arrays keep
    their type; of the rest, large kernels become int8 and everything else float16.
    """
    from latentzoo.priors import Prior

    if (
        storage == "float32"
        or not variable.trainable
        or variable.dtype != "float32"
        or isinstance(layer, Prior)
        or "Normalization" in type(layer).__name__
    ):
        return "float32"
    large = len(variable.shape) >= 2 and np.prod(variable.shape) > 65_536
    return "int8" if storage == "int8" and large else "float16"


def output_axis(layer):
    """The axis of a kernel that counts output units."""
    return -2 if "Transpose" in type(layer).__name__ else -1


def write(model, folder, storage):
    """Writes the weights and returns `{file name: {"bytes": ..., "sha256": ...}}`.

    Raises:
        ValueError: the storage is unknown or a weight is not finite.
    """
    if storage not in STORAGES:
        raise ValueError(f"Unknown storage. Expected: one of {STORAGES}. Received: storage={storage!r}.")
    arrays = {}
    for key, (variable, layer) in named_variables(model).items():
        value = keras.ops.convert_to_numpy(variable)
        if np.issubdtype(value.dtype, np.floating) and not np.isfinite(value).all():
            raise ValueError(
                "A checkpoint of a model that diverged is of no use. Expected: finite weights. "
                f"Received: NaN or infinity in '{key}'. Go back to an earlier state of the run."
            )
        kind = stored_type(variable, layer, storage)
        if kind == "int8":
            arrays[key], arrays[f"{key}.scale"] = quantize(value, output_axis(layer))
        elif kind == "float16" and np.abs(value).max(initial=0) < 65_504:
            arrays[key] = value.astype("float16")
        else:
            arrays[key] = value
    shards = [{}]
    for key, value in arrays.items():
        if shards[-1] and sum(v.nbytes for v in shards[-1].values()) + value.nbytes > SHARD_BYTES:
            shards.append({})
        shards[-1][key] = value
    table, index = {}, {}
    for i, shard in enumerate(shards, 1):
        name = f"model-{i:05}-of-{len(shards):05}.safetensors"
        name = name if len(shards) > 1 else "model.safetensors"
        with replacing(folder / name) as temporary:
            save_file(shard, temporary)
        index |= dict.fromkeys(shard, name)
        table[name] = {"bytes": (folder / name).stat().st_size, "sha256": sha256(folder / name)}
    if len(shards) > 1:
        total = sum(value.nbytes for value in arrays.values())
        with replacing(folder / INDEX) as temporary:
            index = {"metadata": {"total_size": total}, "weight_map": index}
            temporary.write_text(json.dumps(index, indent=1, sort_keys=True) + "\n")
    return table


class Weights:
    """The weights of a checkpoint folder, read one at a time.

    Opening checks sizes and hashes against the table in `config.json`; nothing is read before.

    Args:
        folder: `pathlib.Path`.
        table: `{file name: {"bytes": ..., "sha256": ...}}`.
    """

    def __init__(self, folder, table):
        self.folder, self.files, self.keys = folder, {}, {}
        for name, facts in table.items():
            if pathlib.PurePath(name).name != name or not name.endswith(".safetensors"):
                raise damaged(folder / "config.json", "plain names of weight files", repr(name))
            check_file(folder / name, facts)
            try:
                self.files[name] = file = safe_open(folder / name, "numpy")
            except SafetensorError as error:
                raise damaged(folder / name, "a safetensors file", str(error)) from None
            self.keys |= {key: file for key in file.keys()}

    def check(self, variables):
        """Checks that the files hold exactly these weights, before any is read.

        Args:
            variables: what `named_variables` returns.
        """
        wanted = {key for key in self.keys if key.removesuffix(".scale") in variables}
        missing = [key for key in variables if key not in self.keys]
        if missing or len(wanted) != len(self.keys):
            extra = [key for key in self.keys if key not in wanted]
            raise damaged(
                self.folder,
                f"the {len(variables)} weights of the model in config.json",
                f"missing {missing[:3]}, unknown {extra[:3]}",
            )
        for key, (variable, layer) in variables.items():
            part = self.keys[key].get_slice(key)
            shape, kind = tuple(part.get_shape()), part.get_dtype()
            own = {
                "float32": "F32",
                "float64": "F64",
                "int32": "I32",
                "int64": "I64",
                "bool": "BOOL",
            }
            kinds = {own.get(variable.dtype, "?")}
            if variable.dtype == "float32":
                kinds |= {"F16", "I8"}
            if shape != tuple(variable.shape) or kind not in kinds:
                raise damaged(
                    self.folder,
                    f"'{key}' of shape {tuple(variable.shape)} and type {sorted(kinds)}",
                    f"shape {shape} and type {kind}",
                )
            if kind == "I8":
                scale = self.keys.get(f"{key}.scale")
                scale = scale and scale.get_slice(f"{key}.scale")
                units = shape[output_axis(layer)]
                if scale is None or (scale.get_shape(), scale.get_dtype()) != ([units], "F32"):
                    raise damaged(self.folder, f"'{key}.scale', float32 of shape ({units},)", scale)

    def read(self, key, layer, dtype):
        """One weight as the model holds it."""
        value = self.keys[key].get_tensor(key)
        if value.dtype == np.int8:
            return dequantize(value, self.keys[f"{key}.scale"].get_tensor(f"{key}.scale"), output_axis(layer))
        return value.astype(dtype, copy=False)


def quantize(value, axis):
    """int8 with one float32 scale for each output unit: `value = int8 * scale`."""
    others = tuple(i for i in range(value.ndim) if i != axis % value.ndim)
    scale = np.abs(value).max(axis=others, keepdims=True).astype("float32") / np.float32(127)
    rounded = np.rint(value / np.where(scale > 0, scale, 1))
    return np.clip(rounded, -127, 127).astype("int8"), scale.ravel()


def dequantize(value, scale, axis):
    shape = [1] * value.ndim
    shape[axis] = -1
    result = value.astype("float32")
    result *= scale.reshape(shape)
    return result


def check_file(path, facts):
    """Checks that a file is there and is the one that was recorded."""
    if not path.is_file():
        raise FileNotFoundError(
            f"A file of the checkpoint is missing. Expected: '{path.name}' in '{path.parent}'. "
            "Received: no such file. Copy the whole folder, or load the checkpoint by its name."
        )
    size = path.stat().st_size
    with open(path, "rb") as file:
        if file.read(40).startswith(b"version https://git-lfs"):
            raise damaged(
                path,
                "weights",
                "a git-lfs pointer, a note where the file can be had",
                "Run `git lfs install` and `git lfs pull` in the repository.",
            )
    if size != facts["bytes"]:
        raise damaged(path, f"{facts['bytes']} bytes", f"{size} bytes")
    if (found := sha256(path)) != facts["sha256"]:
        raise damaged(path, f"sha256 {facts['sha256']}", f"sha256 {found}")


def damaged(path, expected, received, remedy="Get the checkpoint again; nothing was loaded."):
    return ValueError(
        f"'{path}' is damaged or does not belong to its config.json. Expected: {expected}. "
        f"Received: {received}. {remedy}"
    )


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class replacing:
    """Context of a temporary path that takes the place of `path` at the end, whole or not at all."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")

    def __enter__(self):
        return self.temporary

    def __exit__(self, kind, error, trace):
        if kind is None:
            os.chmod(self.temporary, 0o644)
            os.replace(self.temporary, self.path)
        else:
            self.temporary.unlink(missing_ok=True)
