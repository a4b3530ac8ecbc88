"""What the measures take and give: checked arrays, estimates, and warnings with names."""

import math
import warnings
from typing import NamedTuple

import numpy as np

from latentzoo.errors import describe, error

LARGEST = 1e15  # of a feature: its sixth power is in the kernel distance


class FewSamples(UserWarning):
    """There are fewer samples than the measure needs to mean something."""


class ConstantFeatures(UserWarning):
    """All samples have the same features: the network that computes them, or its input, is broken."""


class Estimate(NamedTuple):
    """A mean with the standard deviation (ddof 0) of the `count` values behind it.

    Example:

    >>> from latentzoo.metrics import Estimate
    >>> Estimate(mean=2.0, deviation=1.0, count=4).standard_error
    0.5
    """

    mean: float
    deviation: float
    count: int

    @property
    def standard_error(self):
        """`deviation / sqrt(count)`: that of the mean, if the values are independent."""
        return self.deviation / math.sqrt(self.count)

    @classmethod
    def of(cls, values):
        """The estimate from an array `(count,)`."""
        values = np.asarray(values, "float64")
        return cls(float(values.mean()), float(values.std()), len(values))


def features(x, name, *, least=2):
    """Checks features, one row for each sample.

    Args:
        x: an array or tensor of floats, `(n, width)`.
        name: str. What an error calls it.
        least: int. Rows that it must have.

    Returns:
        A NumPy array, of float32 or float64.

    Raises:
        ValueError: it has other axes, is not of floats, has too few rows, or holds NaN or infinity.

    Example:

    >>> from latentzoo.metrics.arrays import features
    >>> features([[0.0, 1.0]], "real")
    Traceback (most recent call last):
    ValueError: There are too few samples. Expected: 2 or more. Received: real=float64 (1, 2) in [0.0, 1.0].
    """
    x = np.asarray(x)
    if x.ndim != 2 or not x.shape[1]:
        raise error(
            "Features have one row for each sample.",
            "floats (n, width)",
            f"{name}={describe(x)}",
            {1: "If it is one feature of many samples, add the axis with `x[:, None]`.",
             4: "Images are not features: give what a network makes of them."}.get(x.ndim, ""),
        )  # fmt: skip
    if x.dtype.kind != "f" and x.dtype.name != "bfloat16":  # which NumPy does not know as a float
        raise error(
            "Features are of another type.",
            "floats (n, width)",
            f"{name}={describe(x)}",
            "Pixels are not features: give what a network makes of them. Where integers are meant, "
            "convert both sets with `.astype('float32')`.",
        )
    if len(x) < least:
        raise error("There are too few samples.", f"{least} or more", f"{name}={describe(x)}")
    if not (finite := np.isfinite(x).all(axis=1)).all():
        raise error(
            "Features are NaN or infinite.",
            "finite floats",
            f"{name} with {(~finite).sum()} of {len(x)} rows that are not, the first at {finite.argmin()}",
            "Look at the images of these rows, and at the network's range in float16.",
        )
    if (largest := max(float(x.max()), -float(x.min()))) > LARGEST:
        received = f"{name} with values up to {largest:.3g}"
        raise error("Features are too large to be squared.", f"values up to {LARGEST:g}", received)
    return x.astype("float32") if x.dtype.itemsize < 4 else x


def same_width(generated, real):
    """Checks that two sets, arrays or `Moments`, describe samples by the same features."""
    a, b = (x.width if hasattr(x, "width") else x.shape[1] for x in (generated, real))
    if a != b:
        raise error(
            "The two sets have different features.",
            "the same width, from the same network and layer",
            f"generated with {a} features, real with {b}",
        )


def pair(generated, real, *, least=2):
    """Two checked sets of features of the same width, with a warning where one does not vary."""
    generated, real = features(generated, "generated", least=least), features(real, "real", least=least)
    same_width(generated, real)
    for x, name in ((generated, "generated"), (real, "real")):
        if (x[-1] == x[0]).all() and (x == x[0]).all():
            warn_constant(name, stacklevel=4)
    return generated, real


def warn_constant(name, stacklevel):
    warnings.warn(
        f"All samples of `{name}` have the same features, so that the value says little. Look at the "
        "images, and at the network that computes the features.",
        ConstantFeatures,
        stacklevel=stacklevel,
    )


def labels(y, n, name="labels"):
    """Checks labels, one integer (or truth value) for each of `n` samples."""
    y = np.asarray(y)
    if y.shape != (n,) or y.dtype.kind not in "biu":
        raise error(
            "Labels do not fit the samples.",
            f"one integer for each sample, ({n},)",
            f"{name}={describe(y)}",
            "Turn scores into labels with `.argmax(axis=1)`." if y.ndim == 2 else "",
        )
    return y


def same_shape(starts, ends):
    """Checks two arrays of codes, `(n, d)`, whose rows belong together."""
    starts, ends = features(starts, "starts", least=1), features(ends, "ends", least=1)
    if starts.shape != ends.shape:
        raise error(
            "Each path has a start and an end.",
            "two arrays of the same shape (n, d)",
            f"starts of shape {starts.shape}, ends of shape {ends.shape}",
        )
    return starts, ends
