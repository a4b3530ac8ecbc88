"""Weights on their way into files: names, storage types, shards and their hashes.

A key is `part/layer/.../variable`, such as `encoder/conv_1/kernel`, made of attribute and layer names;
`variable.path` would change from process to process. Files are safetensors: nothing in them runs.
"""

import hashlib
import json
import os

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from latentzoo.allowed import INDEX, STORAGES

SHARD_BYTES = 90_000_000
TYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "I8": "int8", "I32": "int32", "I64": "int64",
         "BOOL": "bool"}  # fmt: skip


def named_variables(model):
    """The weights of a model's parts by key, and for each the layer that owns it.

    Args:
        model: a `latentzoo.models.Autoencoder`.

    Returns:
        dict of key to `(variable, layer)`, in a fixed order.

    Raises:
        ValueError: two weights have one key, or one weight has two.
    """
    named, keys = {}, {}

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
        if id(variable) in keys:
            raise ValueError(
                "A weight that networks share would be two weights when loaded. Expected: networks "
                f"without a layer in common. Received: one weight as '{keys[id(variable)]}' and '{key}'. "
                "Keep such a model with `model.save_weights` and the code that builds it."
            )
        named[key], keys[id(variable)] = (variable, layer), key

    for part in model.parts:
        if (layer := getattr(model, part)) is not None:
            walk(layer, part)
    return named


def stored_type(variable, layer, storage):
    """How a float weight is stored: `"float32"` (its own type), `"float16"` or `"int8"`.

    Statistics and scales of normalization, whatever is never trained, and a prior's own arrays keep
    their type; of the rest, large kernels become int8 and everything else float16.
    """
    from latentzoo.priors import Prior

    # What the layer declared, and not `variable.trainable`, which is false in a frozen network.
    trained = any(v is variable for v in layer._trainable_variables)
    if (
        storage == "float32"
        or not trained
        or variable.dtype == "float64"
        or isinstance(layer, Prior)
        or "Normalization" in type(layer).__name__
    ):
        return "float32"
    large = len(variable.shape) >= 2 and np.prod(variable.shape) > 65_536
    return "int8" if storage == "int8" and large else "float16"


def output_axis(layer):
    """The axis of a kernel that counts output units."""
    return -2 if "Transpose" in type(layer).__name__ else -1


def pack(model, storage):
    """The weights as they are stored: a dict of key to array.

    Raises:
        ValueError: the storage is unknown, a weight is not finite, or a key is not unique.
    """
    if storage not in STORAGES:
        raise ValueError(
            f"Unknown storage. Expected: one of {STORAGES}. Received: storage={storage!r}. Leave it out to "
            "keep the storage that the model was loaded with."
        )
    import keras  # late: checking files does not need it

    arrays = {}
    for key, (variable, layer) in named_variables(model).items():
        value = keras.ops.convert_to_numpy(variable)
        if variable.dtype in ("bfloat16", "float16"):  # the policy of this run, not of the checkpoint
            value = value.astype("float32")
        if value.dtype.kind != "f":
            arrays[key] = value
            continue
        if not np.isfinite(value).all():
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
    return arrays


def write(arrays, folder):
    """Writes what `pack` returns, in shards if it is large, and an index of the shards.

    Returns:
        `{file name: {"bytes": ..., "sha256": ...}}` of the weight files.
    """
    shards = [{}]
    for key, value in arrays.items():
        if shards[-1] and sum(v.nbytes for v in shards[-1].values()) + value.nbytes > SHARD_BYTES:
            shards.append({})
        shards[-1][key] = value
    table, index = {}, {}
    for i, shard in enumerate(shards, 1):
        name = f"model-{i:05}-of-{len(shards):05}.safetensors"
        path = folder / (name if len(shards) > 1 else "model.safetensors")
        try:
            save_file(shard, path)
        except SafetensorError as error:
            raise OSError(str(error)) from None
        os.chmod(path, 0o644)
        index |= dict.fromkeys(shard, path.name)
        with open(path, "rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        table[path.name] = {"bytes": path.stat().st_size, "sha256": sha256}
    if len(shards) > 1:
        total = sum(value.nbytes for value in arrays.values())
        index = {"metadata": {"total_size": total}, "weight_map": index}
        (folder / INDEX).write_text(json.dumps(index, indent=1, sort_keys=True) + "\n")
    return table


def weight_files(folder):
    """The files in a folder that `write` may have written."""
    return [*folder.glob("model.safetensors"), *folder.glob("model-*-of-*.safetensors"), *folder.glob(INDEX)]


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
