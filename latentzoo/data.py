"""Pictures for training and scoring: one table of data sets, read from whatever this machine has.

| name | pictures | by |
|---|---|---|
| `mnist` | digits, 28x28x1 | LeCun, Bottou, Bengio and Haffner, 1998 |
| `fashion_mnist` | clothes, 28x28x1 | Xiao, Rasul and Vollgraf, 2017, arXiv 1708.07747 |
| `cifar10` | ten kinds of things, 32x32x3 | Krizhevsky, 2009 |
| `celeba` | faces, 64x64x3 | Liu, Luo, Wang and Tang, 2015, arXiv 1411.7766 |

A data set is looked for in `$LATENTZOO_DATA/<name>.npz` (uint8 `x_train` and `x_test` of shape
`(n, height, width, channels)`, their labels `y_train` and `y_test`, for `celeba` `identity_train`),
then in Debian's package `dataset-fashion-mnist`, then in tensorflow-datasets. A folder of pictures
does as well.
"""

import os
import pathlib

import numpy as np
import tensorflow as tf

from latentzoo.batches import epochs, indexed, on_host, rows, unit
from latentzoo.errors import describe, error, whole
from latentzoo.pictures import folder, picture
from latentzoo.sources import DATASETS, REWRITE, find, read

__all__ = ["DATASETS", "SPLITS", "arrays", "epochs", "indexed", "load", "picture", "rows"]

SPLITS = ("train", "test", "fit", "validation")


def arrays(name, split="train", *, crop=None, size=None, channels=None):
    """The pictures of one split and their labels, as NumPy arrays.

    `"fit"` and `"validation"` are a partition of `"train"`: the last tenth validates, in the order in
    which the source has the pictures (that of tensorflow-datasets is its own), but for `celeba`
    whole identities do, about 1,400 faces of people who are not in `"fit"`. A folder is sorted by
    relative path: `"train"` is all of it, `"validation"` and `"test"` are every tenth picture from
    the first on, `"fit"` is the rest.

    Args:
        name: A key of `DATASETS`, or a folder of pictures of any sizes, searched in depth: a
            `pathlib.Path`, or a string that has a separator in it or names an existing folder.
            Hidden files and files that do not end in one of `SUFFIXES` are ignored.
        split: One of `SPLITS`.
        crop: Side in pixels of the square that is cut from the centre before resizing. For
            `celeba` 108, 128, 140, 160 or 178 out of 218x178, 160 by default (an npz holds just
            that one); for a folder the largest square by default.
        size: Side in pixels after the resizing (bilinear, antialiased) of `celeba` or of a folder,
            64 by default.
        channels: 3, the default, or 1; for a folder only. Transparent pixels turn white.

    Returns:
        `(x, y)`: uint8 `(n, height, width, channels)` and int32 labels `(n,)`; for `celeba` y holds
        the 40 attributes, 0 or 1, `(n, 40)`, and for a folder it is `None`.

    Raises:
        ValueError: An unknown name or split; a source that is broken or has no such crop.
        FileNotFoundError: No source has the data set, or there is no such folder.

    Example:

    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from latentzoo import data
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (100, 80), "red").save(pathlib.Path(folder, "red.png"))
    ...     x, y = data.arrays(folder, size=32)
    >>> x.shape, str(x.dtype), x[0, 0, 0].tolist(), y
    ((1, 32, 32, 3), 'uint8', [255, 0, 0], None)
    """
    if split not in SPLITS:
        raise error("Unknown split.", f"one of {SPLITS}", f"split={split!r}")
    for key, value in {"crop": crop, "size": size}.items():
        if value is not None:
            whole(key, value, least=1)
    if _is_folder(name):
        return folder(pathlib.Path(name).expanduser(), split, crop, size, channels), None
    info = find(name)
    part = "test" if split == "test" else "train"
    where, x, y, identity = read(info, part, crop, size, channels)
    if split == part:
        return x, y
    held_out = _held_out(info, where, len(x), identity)
    keep = held_out if split == "validation" else ~held_out
    if not keep.any():
        received = f"{len(x)} pictures, of which none are left for {split!r}"
        raise error(f"{where} is too small.", "pictures for both fit and validation", received)
    return x[keep], y[keep]


def load(
    name,
    split="train",
    batch_size=None,
    shuffle=False,
    seed=None,
    *,
    crop=None,
    size=None,
    channels=None,
):
    """The pictures of one split, without labels, as a `tf.data.Dataset`.

    Args:
        name: As for `arrays`; so are `split`, `crop`, `size` and `channels`.
        split: One of `SPLITS`.
        batch_size: Pictures per batch, the last batch being the remainder. `None`: no batches.
        shuffle: Whether each pass has its own random order.
        seed: Integer that makes these orders reproducible (along with TensorFlow's global seed).
        crop, size, channels: As for `arrays`.

    Returns:
        A prefetched dataset of known length of float32 in [0, 1], `(height, width, channels)`, or
        `(batch, height, width, channels)` if there is a `batch_size`.

    Raises:
        ValueError, FileNotFoundError: As `arrays`.

    Example:

    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from latentzoo import data
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for level in range(5):
    ...         Image.new("L", (8, 8), 50 * level).save(pathlib.Path(folder, f"{level}.png"))
    ...     dataset = data.load(folder, batch_size=2, shuffle=True, seed=0, size=8, channels=1)
    >>> [tuple(batch.shape) for batch in dataset]
    [(2, 8, 8, 1), (2, 8, 8, 1), (1, 8, 8, 1)]
    """
    if batch_size is not None:
        whole("batch_size", batch_size, least=1)
    x, _ = arrays(name, split, crop=crop, size=size, channels=channels)
    images = on_host(x)
    rows = tf.data.Dataset.range(len(x))
    if shuffle:
        rows = rows.shuffle(len(x), seed=seed, reshuffle_each_iteration=True)
    rows = rows.batch(batch_size or 64)  # Even for single pictures, gathered faster by the batch.
    pictures = rows.map(lambda rows: unit(tf.gather(images, rows)), tf.data.AUTOTUNE)
    if batch_size is None:
        pictures = pictures.unbatch().apply(tf.data.experimental.assert_cardinality(len(x)))
    return pictures.prefetch(tf.data.AUTOTUNE)


def _held_out(info, where, n, identity):
    """Which of the n training pictures validate."""
    if not info.crops:
        return np.arange(n) >= n - max(1, n // 10)
    if identity is None or identity.shape != (n,):
        received = "nothing" if identity is None else describe(identity)
        expected = f"identity_train, integers ({n},)"
        raise error(f"{where} does not say who is who.", expected, received, REWRITE)
    people, counts = np.unique(identity, return_counts=True)
    # RandomState's numbers are frozen for good; those of default_rng may change.
    order = np.random.RandomState(0).permutation(len(people))
    enough = np.searchsorted(np.cumsum(counts[order]), min(1400, n // 10))
    return np.isin(identity, people[order[: enough + 1]])


def _is_folder(name):
    if not isinstance(name, str):
        return isinstance(name, os.PathLike)
    return name not in DATASETS and (any(mark in name for mark in "/\\") or os.path.isdir(name))
