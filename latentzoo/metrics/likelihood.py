"""Likelihoods as they are reported."""

import math

import numpy as np

from latentzoo.errors import describe, error, whole
from latentzoo.metrics.arrays import Estimate, features


def negative_log_likelihood(codes, log_prob, *, batch_size=1024):
    """The mean negative log-likelihood of codes under a prior.

        mean -log p(z)

    Args:
        codes: floats `(n, d)`.
        log_prob: function from codes `(m, d)` to log densities `(m,)`, nats: `model.prior.log_prob`.
        batch_size: int.

    Returns:
        `Estimate`, nats for a code: mean, deviation over codes, number of codes.

    Raises:
        ValueError: codes are not finite floats `(n, d)`, or a log density is NaN, infinite or missing.

    Example:

    >>> import numpy as np
    >>> from latentzoo.metrics import negative_log_likelihood
    >>> log_prob = lambda z: -0.5 * (np.square(z) + np.log(2 * np.pi)).sum(axis=1)  # standard normal
    >>> round(negative_log_likelihood(np.zeros((8, 1)), log_prob).mean, 4)
    0.9189
    """
    codes = features(codes, "codes", least=1)
    whole("batch_size", batch_size, least=1)
    found = []
    for i in range(0, len(codes), batch_size):
        batch = codes[i : i + batch_size]
        value = np.asarray(log_prob(batch))
        if value.shape != (len(batch),) or not np.isfinite(value).all():
            raise error(
                "The prior does not give log densities.",
                f"finite numbers, one for each of {len(batch)} codes",
                describe(value),
                "Look for codes outside of what the prior can produce.",
            )
        found.append(-value.astype("float64"))
    return Estimate.of(np.concatenate(found))


def bits_per_dimension(nats, image_shape, *, scale=256):
    """A negative log-likelihood of images as bits for each of their numbers.

        nats / (D log 2) + log2(scale),  D = height * width * channels

    for densities over pixels that were divided by `scale`, dequantized by uniform noise: it then bounds
    what a lossless code of the 8-bit image would take (Theis, van den Oord and Bethge, 2016,
    arXiv:1511.01844).

    Args:
        nats: float or floats, for a whole image.
        image_shape: `(height, width, channels)`.
        scale: float. 256 for densities over [0, 1], 1 for densities over [0, 256).

    Returns:
        As `nats`, in bits for a dimension.

    Raises:
        ValueError: the scale is not positive, or the shape not of positive integers.

    Example:

    >>> from latentzoo.metrics import bits_per_dimension
    >>> bits_per_dimension(0.0, (32, 32, 3))  # the uniform density over [0, 1]
    8.0
    """
    if not scale > 0:
        raise error("Bad scale.", "a number > 0", f"scale={scale!r}")
    for side in image_shape:
        whole("side of image_shape", side, least=1)
    return nats / (math.prod(image_shape) * math.log(2)) + math.log2(scale)
