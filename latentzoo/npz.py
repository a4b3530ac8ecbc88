"""Arrays from npz files that may come from anywhere."""

import zipfile
import zlib

import numpy as np

MOST = 512 << 20  # bytes of all arrays: zeros are packed a thousand times smaller


def read(path):
    """All arrays of an npz file, a dict; pickled ones are not read.

    Raises:
        ValueError: the file is damaged, no npz archive, or unpacks to more than 512 MiB.
        FileNotFoundError: there is none.
    """
    try:
        # Opened here, since NumPy leaves a file that is no archive open.
        with open(path, "rb") as stream:
            with zipfile.ZipFile(stream) as archive:
                unpacked = sum(member.file_size for member in archive.infolist())
            if unpacked > MOST:
                raise ValueError(f"unpacked it has {unpacked:,} bytes, of {MOST:,} at most")
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as file:
                arrays = dict(file)
    except FileNotFoundError:
        raise
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, LookupError, TypeError, MemoryError,
            NotImplementedError) as problem:  # fmt: skip
        raise ValueError(str(problem)) from None
    if others := [name for name, value in arrays.items() if not isinstance(value, np.ndarray)]:
        raise ValueError(f"members that are no arrays: {others}")
    return arrays
