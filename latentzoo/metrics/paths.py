"""How images change along paths between codes."""

from typing import NamedTuple

import numpy as np

from latentzoo.errors import describe, error, whole
from latentzoo.metrics.arrays import features, same_shape


def lerp(a, b, t):
    """Straight lines."""
    return a + t * (b - a)


def slerp(a, b, t):
    """Points on arcs between vectors: the angle and the length go evenly from one to the other.

    Shoemake, 1985, "Animating rotation with quaternion curves", for unit vectors. Here the point on the
    unit sphere is multiplied by `(1 - t) |a| + t |b|`, so that codes keep the length that the decoder
    knows.

    Args:
        a, b: floats `(n, d)`.
        t: floats that broadcast against `(n, 1)`.

    Returns:
        `(n, d)`.

    Example:

    >>> import numpy as np
    >>> from latentzoo.metrics import slerp
    >>> np.round(slerp(np.array([[2.0, 0.0]]), np.array([[0.0, 4.0]]), 0.5), 3)
    array([[2.121, 2.121]])
    """
    length_a, unit_a = polar(a)
    length_b, unit_b = polar(b)
    cosine = (unit_a * unit_b).sum(axis=-1, keepdims=True).clip(-1, 1)
    angle = t * np.arccos(cosine)
    _, across = polar(unit_b - cosine * unit_a)
    return lerp(length_a, length_b, t) * (unit_a * np.cos(angle) + across * np.sin(angle))


def polar(x):
    length = np.sqrt(np.square(x).sum(axis=-1, keepdims=True))
    return length, x / np.maximum(length, np.finfo(x.dtype).tiny)


PATHS = {"linear": lerp, "spherical": slerp}


def path_length(
    starts, ends, *, decode, distance, path="linear", sampling="full", epsilon=1e-4, batch_size=64, seed=0
):
    """Perceptual path length: how fast images change along the paths between codes.

        mean d(decode(path(t)), decode(path(t + e))) / e^2,  t ~ U(0, 1)

    without the lowest and the highest hundredth. Karras, Laine and Aila, 2018, arXiv:1812.04948, with e =
    1e-4, 100,000 paths and `d` the perceptual distance (LPIPS) of VGG16, which grows as a square. In their
    words "full" draws `t` along the path and "end" takes its start.

    Codes go through `decode` in the type they have. Neighbours differ in the fourth digit: keep to
    float32 or better, with TensorFloat-32 switched off.

    Args:
        starts: floats `(n, d)`, codes.
        ends: likewise; the n-th path goes from one to the other.
        decode: function from codes `(m, d)` to images, with the crop and range that `distance` wants.
        distance: function from two batches of images to distances `(m,)`.
        path: `"linear"`, or `"spherical"` as by `slerp`, for the noise of a normal prior.
        sampling: `"full"` or `"end"`.
        epsilon: float, e.
        batch_size: int, of codes decoded at a time.
        seed: int, of `t`.

    Returns:
        float, in units of `distance`.

    Raises:
        ValueError: codes are not finite floats of one shape, an option is unknown, or `distance` gives
            something else than distances.

    Example:

    >>> import numpy as np
    >>> from latentzoo.metrics import path_length
    >>> a, b = np.zeros((10, 2)), np.ones((10, 2))
    >>> square = lambda x, y: np.square(x - y).sum(axis=1)
    >>> round(path_length(a, b, decode=lambda z: 3 * z, distance=square), 6)  # |3 (b - a)|^2
    18.0
    """
    starts, ends = same_shape(starts, ends)
    between = choice("path", path, PATHS)
    full = choice("sampling", sampling, {"full": 1.0, "end": 0.0})
    whole("batch_size", batch_size, least=1)
    if not epsilon > 0:
        raise error("Bad epsilon.", "a number > 0", f"epsilon={epsilon!r}")
    t = full * np.random.default_rng(seed).random((len(starts), 1))
    found = []
    for i in range(0, len(starts), batch_size):
        rows = slice(i, i + batch_size)
        here, there = (along(between, starts[rows], ends[rows], t[rows] + step) for step in (0.0, epsilon))
        found.append(measured(distance, decode(here), decode(there), len(here)))
    values = np.concatenate(found) / epsilon**2
    low = np.percentile(values, 1, method="lower")
    high = np.percentile(values, 99, method="higher")
    return float(values[(low <= values) & (values <= high)].mean())


class RateOfChange(NamedTuple):
    """Distances between neighbours along paths, one value for each step.

    Attributes:
        median, low, high: `(points - 1,)`: the median and the 5th and 95th percentile over paths.
        variation: float, the deviation of `median` along the path by its mean; 0 for an even change.
    """

    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    variation: float


def rate_of_change(starts, ends, *, decode, distance, points=16, path="linear", batch_size=64):
    """How evenly images change along paths, such as those that add an attribute.

    The distance of neighbouring images at `points` equal steps. Morrow and Chiu compare straight lines
    between codes with arcs in the noise of a flow (there, `starts` and `ends` are noise, `path` is
    `"spherical"`, and `decode` goes through the flow), over 5,000 images without the attribute and a
    direction from `attribute_direction`.

    Args:
        starts: floats `(n, d)`.
        ends: likewise.
        decode, distance, path, batch_size: as for `path_length`.
        points: int, images on each path, its ends included.

    Returns:
        `RateOfChange(median, low, high, variation)`.

    Raises:
        ValueError: as for `path_length`.

    Example:

    >>> import numpy as np
    >>> from latentzoo.metrics import rate_of_change
    >>> a, b = np.zeros((10, 2)), np.ones((10, 2))
    >>> found = rate_of_change(a, b, decode=np.square, distance=lambda x, y: abs(x - y).sum(axis=1), points=4)
    >>> np.round(found.median * 9 / 2, 6)
    array([1., 3., 5.])
    """
    starts, ends = same_shape(starts, ends)
    between = choice("path", path, PATHS)
    whole("points", points, least=2)
    whole("batch_size", batch_size, least=1)
    found = []
    for i in range(0, len(starts), batch_size):
        a, b = starts[i : i + batch_size], ends[i : i + batch_size]
        last, steps = None, []
        for t in np.linspace(0, 1, points):
            image = decode(along(between, a, b, t))
            if last is not None:
                steps.append(measured(distance, last, image, len(a)))
            last = image
        found.append(np.stack(steps, axis=1))
    low, median, high = np.percentile(np.concatenate(found), [5, 50, 95], axis=0)
    mean = median.mean()
    return RateOfChange(median, low, high, float(median.std() / mean) if mean else 0.0)


def attribute_direction(codes, present):
    """The mean code with an attribute less the mean code without it.

    Args:
        codes: floats `(n, d)`.
        present: truth values `(n,)`.

    Returns:
        float64 `(d,)`.

    Raises:
        ValueError: codes are not finite floats `(n, d)`, or `present` does not fit, or is the same for all.

    Example:

    >>> import numpy as np
    >>> from latentzoo.metrics import attribute_direction
    >>> attribute_direction(np.array([[0.0, 1.0], [2.0, 1.0]]), np.array([False, True]))
    array([2., 0.])
    """
    codes, present = features(codes, "codes"), np.asarray(present)
    if present.shape != (len(codes),) or present.dtype != bool or present.all() or not present.any():
        raise error(
            "A direction needs codes with the attribute and codes without it.",
            f"truth values ({len(codes)},), both of them among these",
            f"present={describe(present)}",
        )
    return codes[present].mean(axis=0, dtype="float64") - codes[~present].mean(axis=0, dtype="float64")


def along(between, a, b, t):
    """Points on the paths, computed in float64, in the type of the codes."""
    return between(a.astype("float64"), b.astype("float64"), t).astype(a.dtype)


def measured(distance, x, y, n):
    """Checked distances `(n,)`, float64."""
    found = np.asarray(distance(x, y))
    if found.shape != (n,) or not np.isfinite(found).all() or (found < 0).any():
        raise error(
            "The distance function does not give distances.",
            f"finite numbers >= 0, one for each of {n} pairs",
            describe(found),
        )
    return found.astype("float64")


def choice(key, value, options):
    if value not in options:
        raise error(f"Unknown {key}.", f"one of {list(options)}", f"{key}={value!r}")
    return options[value]
