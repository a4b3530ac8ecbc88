"""Endless batches of pictures or codes for training, exactly resumable: an epoch follows from its number."""

import numpy as np
import tensorflow as tf

from latentzoo.errors import describe, error, whole


def indexed(x):
    """Pictures, each with the number of its row, for a family that learns a code for each, such as GLANN.

    `model.fit(data.indexed(x), batch_size=128)` shuffles the pairs; `epochs(x, ..., indexed=True)` makes
    batches of them.

    Args:
        x: Array, `(n, height, width, channels)`. No dataset: one that shuffles would number its pictures
            anew in every pass.

    Returns:
        `(rows, x)`: int64 `(n,)`, 0 to n - 1, and what came in.

    Raises:
        ValueError: x is no array of pictures.

    Example:

    >>> import numpy as np
    >>> from latentzoo import data
    >>> rows, x = data.indexed(np.zeros((3, 8, 8, 1), "uint8"))
    >>> rows
    array([0, 1, 2])
    """
    if len(getattr(x, "shape", ())) != 4:
        expected = "(n, height, width, channels)"
        remedy = "Give the array, or the batches of `data.epochs(x, ..., indexed=True)` to `fit` themselves."
        raise error("Not an array of pictures.", expected, f"x={describe(x)}", remedy)
    return np.arange(len(x)), x


def pair(x):
    """Row numbers and images, as of `indexed`: arrays, tensors, or what a dataset tells of its batches."""
    if not (isinstance(x, (tuple, list)) and len(x) == 2):
        raise error(
            "A family that learns a code for each image has to know which is which.",
            "(rows, images), as of `latentzoo.data.indexed(images)` or `latentzoo.data.epochs(images, ..., "
            "indexed=True)`",
            describe(x) if hasattr(x, "shape") else f"{type(x).__name__}",
        )
    rows = x[0]
    if hasattr(rows, "dtype") and not tf.as_dtype(rows.dtype).is_integer:
        raise error("Numbers of rows are integers.", "int64 (n,)", f"{rows.dtype}")
    return x


def epochs(x, batch_size, *, y=None, seed=0, start=0, flip=False, shift=0, binarize=False, indexed=False):
    """Endless shuffled batches, exactly resumable: epoch e follows from `(seed, e)` alone.

    An epoch is `ceil(n / batch_size)` batches. With `start=e` a run goes on, batch for batch, as if
    it had never stopped after e epochs, and none of the earlier ones is computed.

    Args:
        x: uint8 `(n, height, width, channels)`; held in memory once more, as uint8.
        batch_size: Pictures per batch, the last batch of each epoch being the remainder.
        y: Labels, `(n, ...)`, to come with the pictures.
        seed: Integer.
        start: The first epoch, counted from 0.
        flip: Whether to mirror pictures left to right, each with probability 1/2 in each epoch.
        shift: Pixels by which to move pictures at most, up or down and left or right, over a black border.
        binarize: Whether each pixel is drawn anew in each epoch, 1 with a probability of its grey, else 0.
        indexed: Whether pictures come with the numbers of their rows, as of the function `indexed`.

    Returns:
        An infinite prefetched `tf.data.Dataset` of float32 in [0, 1],
        `(batch, height, width, channels)`, or of pairs with the labels; if indexed, of `((rows, pictures),)`,
        or of `((rows, pictures), labels)`.

    Raises:
        ValueError: An argument is not as above.

    Example:

    >>> import numpy as np
    >>> from latentzoo import data
    >>> x = np.arange(5, dtype="uint8").reshape(5, 1, 1, 1)
    >>> run = [batch.numpy() for batch in data.epochs(x, 2, seed=7).take(6)]
    >>> resumed = [batch.numpy() for batch in data.epochs(x, 2, seed=7, start=1).take(3)]
    >>> [len(batch) for batch in run], all(map(np.array_equal, run[3:], resumed))
    ([2, 2, 1, 2, 2, 1], True)
    """
    if not (isinstance(x, np.ndarray) and x.dtype == np.uint8 and x.ndim == 4 and x.size):
        expected = "uint8 (n, height, width, channels), not empty"
        raise error("Not an array of pictures.", expected, f"x={describe(x)}")
    whole("batch_size", batch_size, least=1)
    whole("start", start, least=0)
    whole("seed", seed, least=-(2**63))
    whole("shift", shift, least=0)
    images, labels = on_host(x), None if y is None else on_host(y)

    def rows_of(epoch):
        # The algorithm is named because "auto_select" may choose another one on other hardware.
        seeds = tf.random.split(tf.stack([tf.constant(seed, tf.int64), epoch]), 2, alg="philox")
        rows = tf.range(len(x), dtype=tf.int64)
        rows = tf.random.experimental.stateless_shuffle(rows, seeds[0], alg="philox")
        mirrored = tf.random.stateless_uniform([len(x)], seeds[1], alg="philox") < 0.5
        limits = {"minval": 0, "maxval": 2 * shift + 1, "dtype": tf.int32, "alg": "philox"}
        corners = tf.random.stateless_uniform([len(x), 2], seeds[1] + 1, **limits)
        batches = tf.data.Dataset.from_tensor_slices((rows, mirrored, corners)).batch(batch_size)
        dice = tf.data.Dataset.counter().map(lambda i: seeds[1] + tf.stack([0, i + 2]))
        return tf.data.Dataset.zip(batches, dice)

    def pictures_of(drawn, dice):
        rows, mirrored, corners = drawn
        batch = tf.gather(images, rows)
        if shift:
            batch = crops(batch, corners, shift)
        if flip:
            # Nine times faster than tf.where and a slice with a negative step.
            batch = tf.raw_ops.Select(condition=mirrored, x=tf.reverse(batch, [2]), y=batch)
        if binarize:
            limits = {"minval": 0, "maxval": 255, "dtype": tf.int32, "alg": "philox"}
            thresholds = tf.random.stateless_uniform(tf.shape(batch), dice, **limits)
            batch = tf.where(thresholds < tf.cast(batch, tf.int32), tf.uint8.max, tf.uint8.min)
        batch = (rows, unit(batch)) if indexed else unit(batch)
        if labels is not None:
            return batch, tf.gather(labels, rows)
        return (batch,) if indexed else batch  # a pair by itself would be pictures and labels

    rows = tf.data.Dataset.counter(start).flat_map(rows_of)
    pictures = rows.map(pictures_of, tf.data.AUTOTUNE, deterministic=True)
    return pictures.prefetch(tf.data.AUTOTUNE)


def rows(x, batch_size, *, seed=0, start=0):
    """Endless shuffled batches of any rows, such as codes, exactly resumable as those of `epochs` are.

    Args:
        x: `(n, ...)`.
        batch_size: Rows per batch, the last batch of each epoch being the remainder.
        seed: Integer.
        start: The first epoch, counted from 0.

    Returns:
        An infinite prefetched `tf.data.Dataset` of `(batch, ...)`.

    Example:

    >>> import numpy as np
    >>> from latentzoo import data
    >>> [batch.shape[0] for batch in data.rows(np.zeros((5, 2)), 2).take(3)]
    [2, 2, 1]
    """
    kept = on_host(x)

    def rows_of(epoch):
        seeds = tf.random.split(tf.stack([tf.constant(seed, tf.int64), epoch]), 2, alg="philox")
        order = tf.random.experimental.stateless_shuffle(tf.range(len(x)), seeds[0], alg="philox")
        return tf.data.Dataset.from_tensor_slices(order).batch(batch_size)

    batches = tf.data.Dataset.counter(start).flat_map(rows_of)
    return batches.map(lambda chosen: tf.gather(kept, chosen), tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def crops(batch, corners, border):
    """From each picture with a black border the part that starts at its corner, of the old size."""
    height, width = batch.shape[1:3]
    batch = tf.pad(batch, [[0, 0], [border, border], [border, border], [0, 0]])
    batch = tf.gather(batch, corners[:, :1] + tf.range(height), axis=1, batch_dims=1)
    return tf.gather(batch, corners[:, 1:] + tf.range(width), axis=2, batch_dims=1)


def on_host(x):
    # A tensor that a dataset's function captures is no constant of its graph, so it may exceed the
    # graph's 2 GB. It stays on the host: eager constants go to the first accelerator otherwise.
    with tf.device("CPU:0"):
        return tf.constant(x)


def unit(x):
    return tf.cast(x, tf.float32) / 255.0
