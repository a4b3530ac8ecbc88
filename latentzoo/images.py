"""Images as they come in at the public doors: `(n, height, width, channels)`, floats in [0, 1] or uint8.

Those of a binary model are black or white: 0 or 1, or 0 or 255 as uint8.
"""

import keras
import numpy as np
from keras import ops

from latentzoo.errors import error, whole
from latentzoo.graphs import chunks, require


def shape(image_shape):
    """The shape of one image as a tuple of three ints, or a `ValueError`."""
    sides = tuple(image_shape) if isinstance(image_shape, (tuple, list)) else ()
    if len(sides) != 3 or not all(isinstance(n, (int, np.integer)) and n > 0 for n in sides):
        raise error(
            "An image has three axes, none of them empty.",
            "`image_shape` is (height, width, channels), positive ints",
            f"image_shape={image_shape!r}",
        )
    return tuple(int(n) for n in sides)


def batches(x, image_shape, batch_size, binary=False):
    """Float32 NumPy batches of images from an array, a tensor or a dataset of batches."""
    if hasattr(x, "element_spec"):  # tf.data: of x, (x, y) or (x, y, sample_weight)
        pieces = (np.asarray(b[0] if isinstance(b, (tuple, list)) else b) for b in x)
    else:
        x = np.asarray(x)
        pieces = chunks(x, batch_size) if x.ndim == 4 and len(x) else iter([x])
    empty = True
    for piece in pieces:
        empty = False
        yield scaled(piece, image_shape, binary)
    if empty:
        raise no_images("an empty dataset")


def scaled(x, image_shape, binary=False):
    """A NumPy batch as float32 in [0, 1]."""
    check(x, image_shape)
    if not len(x):
        raise no_images(f"shape {x.shape}")
    if x.dtype == "uint8":
        x = x.astype("float32") / np.float32(255)
    else:
        x = x.astype("float32", copy=False)
        if not np.isfinite(x).all():
            raise ValueError(NOT_FINITE)
        if not (x.min() >= 0 and x.max() <= 1):
            raise ValueError(OUT_OF_RANGE)
    if binary and not np.all((x == 0) | (x == 1)):
        raise ValueError(NOT_BINARY)
    return x


def scaled_tensor(x, image_shape, binary=False):
    """A batch as a float32 tensor in [0, 1], inside compiled steps too."""
    check(x, image_shape)
    whole = keras.backend.standardize_dtype(x.dtype) == "uint8"
    x = ops.cast(x, "float32")
    if whole:
        x = x / 255
    else:
        x = require(ops.all(ops.isfinite(x)), NOT_FINITE, x)
        x = require(ops.all(ops.logical_and(x >= 0, x <= 1)), OUT_OF_RANGE, x)
    return require(ops.all(ops.logical_or(x == 0, x == 1)), NOT_BINARY, x) if binary else x


def binarized(x, *, seed=None):
    """Images as a binary model wants them: uint8, 255 where `x` is above half of its range, else 0.

    Args:
        x: `(n, height, width, channels)`, floats in [0, 1] or uint8.
        seed: int, at least 0. Draw each pixel instead, 255 with a probability of its grey, as for training.

    Example:

    >>> import numpy as np
    >>> from latentzoo import images
    >>> images.binarized(np.array([127, 128], "uint8")), images.binarized(np.array([0.2, 0.7]))
    (array([  0, 255], dtype=uint8), array([  0, 255], dtype=uint8))
    """
    x = np.asarray(x)
    if seed is not None:
        whole("seed", seed, least=0)
    scale = 255 if x.dtype == "uint8" else 1
    half = scale / 2 if seed is None else scale * np.random.default_rng(seed).random(x.shape, "float32")
    return (x > half).astype("uint8") * np.uint8(255)


def check_data(x, image_shape):
    """Checks what a model is given to learn from, as far as it says what it is: arrays and datasets do."""
    spec = getattr(x, "element_spec", None)  # of a dataset: what it says of its batches
    if spec is None and isinstance(x, (tuple, list)):
        received = f"a {type(x).__name__} of {len(x)}"
        remedy = "No labels are needed."
        raise error("Images are not one array.", "`fit(images)`, or a dataset", received, remedy)
    x = x if spec is None else spec[0] if isinstance(spec, tuple) else spec
    if hasattr(x, "shape") and hasattr(x, "dtype"):
        check(x, image_shape)


def check(x, image_shape):
    """Checks the shape and type of a batch, an array or a tensor."""
    rank = x.shape.rank if hasattr(x.shape, "rank") else len(x.shape)
    given = None if rank is None else tuple(x.shape)
    if rank != 4 or given[1:] != image_shape:
        raise error(
            "Images do not fit the model.",
            f"(n, {', '.join(map(str, image_shape))}), that is (n, height, width, channels)",
            f"shape {given or 'unknown'}",
            missing_axis(given, image_shape),
        )
    dtype = getattr(x.dtype, "name", x.dtype)
    if dtype != "uint8" and "float" not in dtype:
        raise error(
            "Images have another type.",
            "floats in [0, 1], or uint8",
            dtype,
            "Convert values of 0 to 255 with `.astype('uint8')`, and others to floats in [0, 1].",
        )


def missing_axis(given, image_shape):
    """The way out where one axis is missing."""
    if given == image_shape:
        return "Add the axis of one image with `x[None]`."
    if given is not None and len(given) == 3 and given[1:] == image_shape[:2]:
        return "Add the axis of channels with `x[..., None]`."
    return ""


def no_images(received):
    return error("There are no images.", "1 or more", received)


NOT_FINITE = str(
    error(
        "Images are not finite.",
        "floats in [0, 1], or uint8",
        "NaN or infinity",
        "Find them with `numpy.isfinite`, and leave them out.",
    )
)
OUT_OF_RANGE = str(
    error(
        "Images are outside the range.",
        "floats in [0, 1], or uint8",
        "pixels below 0 or above 1",
        "Divide by 255, or give uint8 as it is.",
    )
)
NOT_BINARY = str(
    error(
        "Images are grey.",
        "pixels of 0 or 1, or as uint8 of 0 or 255, since this model's likelihood is of binary pixels",
        "pixels between",
        "Give `latentzoo.images.binarized(x)`, or train with likelihood='gaussian'.",
    )
)
