"""Weight files, read as what they may be, hostile: only what is recorded, and only what the model needs."""

import contextlib
import hashlib
import json
import math
import os
import pathlib
import re

import numpy as np
from safetensors import SafetensorError, safe_open

from latentzoo.allowed import WEIGHT_FILE
from latentzoo.errors import Damaged, error
from latentzoo.storage import TYPES, dequantize, output_axis

HEADER_BYTES = 2_000_000
FILES, ENTRIES = 500, 20_000  # of a checkpoint; open at a time, and in all headers
REMEDY = "Get the checkpoint again; nothing was loaded."


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
        file.seek(0)
        if not hashed and (found := hashlib.file_digest(file, "sha256").hexdigest()) != facts["sha256"]:
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


def unfit(path, expected, received, remedy=REMEDY):
    """Of a file that does not fit the model; what was received may be as long as who wrote it liked."""
    return ValueError(
        f"'{path}' is damaged or does not belong to its config.json. Expected: {expected}. "
        f"Received: {str(received)[:400]}. {remedy}"
    )


def damaged(path, expected, received, remedy=REMEDY):
    """Of a file that is not the one recorded, which another copy of it may cure."""
    return Damaged(str(unfit(path, expected, received, remedy)), path)
