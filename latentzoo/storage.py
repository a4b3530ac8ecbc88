"""Weights as files: names, storage types, shards and their hashes.

A key is `part/layer/.../variable`, such as `encoder/conv_1/kernel`, made of attribute and layer names;
`variable.path` would change from process to process. Files are safetensors: nothing in them runs.
"""

import contextlib
import hashlib
import json
import math
import os
import pathlib
import re

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from latentzoo.allowed import INDEX, STORAGES, WEIGHT_FILE
from latentzoo.errors import Damaged, error

SHARD_BYTES = 90_000_000
HEADER_BYTES = 2_000_000
FILES, ENTRIES = 500, 20_000  # of a checkpoint; open at a time, and in all headers
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
        walk(getattr(model, part), part)
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
            table[path.name] = {"bytes": path.stat().st_size, "sha256": sha256(file)}
    if len(shards) > 1:
        total = sum(value.nbytes for value in arrays.values())
        index = {"metadata": {"total_size": total}, "weight_map": index}
        (folder / INDEX).write_text(json.dumps(index, indent=1, sort_keys=True) + "\n")
    return table


def weight_files(folder):
    """The files in a folder that `write` may have written."""
    return [*folder.glob("model.safetensors"), *folder.glob("model-*-of-*.safetensors"), *folder.glob(INDEX)]


class Weights:
    """The weights of a checkpoint folder, read one at a time; a context that closes the files.

    Opening checks sizes and hashes against the table in `config.json`; nothing is read before. Files
    are read and not mapped into memory: what was checked is what is read, and pages of weights that a
    model already has do not stay.

    Args:
        folder: `pathlib.Path`.
        table: `{file name: {"bytes": ..., "sha256": ...}}`.
        hashed: bool. Whether the hashes have just been checked.
    """

    def __init__(self, folder, table, *, hashed=False):
        self.folder, self.entries = folder, {}
        if len(table) > FILES:
            raise unfit(folder / "config.json", f"at most {FILES} weight files", f"{len(table)}")
        with contextlib.ExitStack() as files:
            for name, facts in table.items():
                if not re.fullmatch(WEIGHT_FILE, name):
                    raise unfit(folder / "config.json", "plain names of weight files", repr(name)[:100])
                file = files.enter_context(open_checked(folder / name, facts, hashed))
                for key, entry in read_header(file).items():
                    if key in self.entries:
                        raise unfit(folder / name, "each weight in one file", f"'{key}' a second time")
                    self.entries[key] = (*entry, file)
                if len(self.entries) > ENTRIES:
                    raise unfit(folder / name, f"at most {ENTRIES} weights", f"{len(self.entries)}")
            self._files = files.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._files.close()

    def check(self, variables):
        """Checks that the files hold exactly these weights, before any is read.

        Args:
            variables: what `named_variables` returns.
        """
        found = {key: entry[:2] for key, entry in self.entries.items()}
        scales = {f"{key}.scale" for key in variables if found.get(key, ("", ()))[0] == "I8"}
        missing = [key for key in [*variables, *sorted(scales)] if key not in found]
        unknown = [key for key in found if key not in variables and key not in scales]
        if missing or unknown:
            raise unfit(
                self.folder,
                f"the {len(variables)} weights of the model in config.json",
                f"missing {str(missing[:3])[:200]}, unknown {str(unknown[:3])[:200]}",
            )
        for key, (variable, layer) in variables.items():
            shape = tuple(variable.shape)
            if "float" in variable.dtype:
                kinds = ["F64", "F32", "F16", *["I8"] * (len(shape) >= 2)]
            else:
                kinds = [kind for kind, dtype in TYPES.items() if dtype == variable.dtype]
            kind, stored = found[key]
            if kind not in kinds or stored != shape:
                raise unfit(self.folder, f"'{key}' of shape {shape} in {kinds}", f"shape {stored} in {kind}")
            scale = ("F32", (shape[output_axis(layer)],)) if kind == "I8" else None
            if scale and found[f"{key}.scale"] != scale:
                raise unfit(self.folder, f"'{key}.scale' to be {scale}", found[f"{key}.scale"])

    def read(self, key, layer, dtype):
        """One weight as the model holds it.

        Raises:
            ValueError: it is not finite, so that the model would be of no use.
        """
        value = self._array(key)
        with np.errstate(over="ignore", invalid="ignore"):
            if value.dtype == np.int8:
                value = dequantize(value, self._array(f"{key}.scale"), output_axis(layer))
            value = value.astype(dtype, copy=False)
        if not np.isfinite(value).all():
            raise unfit(self.folder, "finite weights", f"NaN or infinity in '{key}'")
        return value

    def _array(self, key):
        kind, shape, start, file = self.entries[key]
        file.seek(start)
        value = np.fromfile(file, TYPES[kind], math.prod(shape))
        if value.size != math.prod(shape):
            raise damaged(pathlib.Path(file.name), "the bytes that were there when it was opened", "fewer")
        return value.reshape(shape)


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


def open_checked(path, facts, hashed=False):
    """Opens a file if it is there and is the one that was recorded."""
    try:
        return open_recorded(path, facts, hashed)
    except FileNotFoundError:
        raise
    except OSError as reason:
        raise error(
            "A file of the checkpoint cannot be read.",
            "a file that may be read",
            f"'{path}': {reason.strerror}",
            "Look at its permissions, and at the disk.",
        ) from None


def open_recorded(path, facts, hashed):
    if not path.is_file():
        raise FileNotFoundError(
            f"A file of the checkpoint is missing. Expected: '{path.name}' in '{path.parent}'. "
            "Received: no such file. Copy the whole folder, or load the checkpoint by its name."
        )
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open(path, "rb"))
        if file.read(40).startswith(b"version https://git-lfs"):
            raise damaged(
                path,
                "weights",
                "a git-lfs pointer, a note where the file can be had",
                "Run `git lfs install` and `git lfs pull` in the repository.",
            )
        if (size := os.fstat(file.fileno()).st_size) != facts["bytes"]:
            raise damaged(path, f"{facts['bytes']} bytes", f"{size} bytes")
        if not hashed and (found := sha256(file)) != facts["sha256"]:
            raise damaged(path, f"sha256 {facts['sha256']}", f"sha256 {found}")
        stack.pop_all()
        return file


def read_header(file):
    """What an open safetensors file holds: `{key: (type, shape, first byte)}`."""
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if length > HEADER_BYTES:
        raise unfit(file.name, f"a header of at most {HEADER_BYTES} bytes", f"{length} bytes")
    try:
        with safe_open(file.name, "numpy"):  # checks types, sizes and offsets, and nothing beside them
            header = json.loads(file.read(length))
    except (SafetensorError, OSError, ValueError, RecursionError) as reason:
        raise unfit(file.name, "a safetensors file", str(reason)) from None
    header.pop("__metadata__", None)
    return {
        key: (facts["dtype"], tuple(facts["shape"]), 8 + length + facts["data_offsets"][0])
        for key, facts in header.items()
    }


REMEDY = "Get the checkpoint again; nothing was loaded."


def unfit(path, expected, received, remedy=REMEDY):
    """Of a file that does not fit the model; what was received may be as long as who wrote it liked."""
    return ValueError(
        f"'{path}' is damaged or does not belong to its config.json. Expected: {expected}. "
        f"Received: {str(received)[:400]}. {remedy}"
    )


def damaged(path, expected, received, remedy=REMEDY):
    """Of a file that is not the one recorded, which another copy of it may cure."""
    return Damaged(str(unfit(path, expected, received, remedy)), path)


def sha256(file):
    file.seek(0)
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
