"""Losses, for one example each if nothing else is said; names or first lines tell the sum and its unit."""

import math

from keras import ops

from latentzoo.errors import error


def squared_error(x, y):
    """Half the squared error, summed over pixels, in nats.

    `0.5 * sum (x - y)^2`: the negative log-likelihood of a Gaussian with unit variance and mean
    `y`, without its constant.

    Args:
        x: images, `(batch, height, width, channels)`.
        y: their reconstructions, of the same shape.

    Returns:
        `(batch,)`, float32.

    Example:

    >>> import numpy as np
    >>> from latentzoo import losses
    >>> float(losses.squared_error(np.ones((1, 2, 2, 1)), np.zeros((1, 2, 2, 1)))[0])
    2.0
    """
    error = ops.square(ops.cast(x, "float32") - ops.cast(y, "float32"))
    return 0.5 * ops.sum(error, axis=tuple(range(1, len(error.shape))))


def gaussian(x, y, deviation):
    """Negative log-likelihood of normal pixels of one deviation, summed, in nats.

    `sum (x - y)^2 / (2 s^2) + log s + 0.5 log 2 pi`.

    Args:
        x: images, `(batch, ...)`.
        y: their means, of the same shape.
        deviation: `()`, s.

    Returns:
        `(batch,)`, float32.

    Example:

    >>> import numpy as np
    >>> from latentzoo import losses
    >>> round(float(losses.gaussian(np.ones((1, 2)), np.ones((1, 2)), np.float32(1.0))[0]), 4)
    1.8379
    """
    constant = ops.log(deviation) + 0.5 * math.log(2 * math.pi)
    return squared_error(x, y) / ops.square(deviation) + math.prod(x.shape[1:]) * constant


def bernoulli(x, y):
    """Negative log-likelihood of independent binary pixels, summed, in nats.

    `-sum x log y + (1 - x) log(1 - y)`. Where float32 tells y from 0 and 1 it is exact, and so is its
    gradient through a sigmoid: y is kept above 1e-37 and below 1 - 2^-24, the last number before 1.

    Args:
        x: images, `(batch, ...)`, in [0, 1].
        y: probabilities of ones, of the same shape.

    Returns:
        `(batch,)`, float32.

    Example:

    >>> import numpy as np
    >>> from latentzoo import losses
    >>> round(float(losses.bernoulli(np.ones((1, 2)), np.full((1, 2), 0.5))[0]), 4)
    1.3863
    """
    x, y = ops.cast(x, "float32"), ops.cast(y, "float32")
    nats = -x * ops.log(ops.maximum(y, 1e-37)) - (1 - x) * ops.log1p(-ops.minimum(y, 1 - 2**-24))
    return ops.sum(nats, axis=tuple(range(1, len(nats.shape))))


LIKELIHOODS = {"gaussian": squared_error, "bernoulli": bernoulli}


def likelihood(name):
    """The negative log-likelihood of pixels, `(x, y)` to nats `(batch,)`, by the name of a distribution.

    Raises:
        ValueError: the name is neither `"gaussian"`, of unit variance and without its constant, nor
            `"bernoulli"`.
    """
    if not isinstance(name, str) or name not in LIKELIHOODS:
        raise error("Unknown likelihood.", f"one of {tuple(LIKELIHOODS)}", f"likelihood={name!r}")
    return LIKELIHOODS[name]


def cross_entropy(labels, logits):
    """Negative log-likelihood of a class, in nats.

    Args:
        labels: integers, `(batch,)`.
        logits: `(batch, classes)`.

    Returns:
        `(batch,)`, float32.

    Example:

    >>> import numpy as np
    >>> from latentzoo import losses
    >>> round(float(losses.cross_entropy(np.array([1]), np.zeros((1, 2), "float32"))[0]), 4)
    0.6931
    """
    logits = ops.cast(logits, "float32")
    chosen = ops.one_hot(ops.cast(labels, "int32"), logits.shape[-1])
    return ops.logsumexp(logits, axis=-1) - ops.sum(chosen * logits, axis=-1)


def binary_cross_entropy(x, logits):
    """Negative log-likelihood of independent Bernoulli variables, summed, in nats.

    Args:
        x: `(batch, ...)`, in [0, 1].
        logits: of the same shape.

    Returns:
        `(batch,)`, float32.

    Example:

    >>> import numpy as np
    >>> from latentzoo import losses
    >>> round(float(losses.binary_cross_entropy(np.ones((1, 2)), np.zeros((1, 2)))[0]), 4)
    1.3863
    """
    x, logits = ops.cast(x, "float32"), ops.cast(logits, "float32")
    nats = ops.softplus(logits) - x * logits
    return ops.sum(nats, axis=tuple(range(1, len(nats.shape))))


def weight_decay(variables):
    """Half the sum of squared weights, a scalar.

    Times the decay rate it is the L2 penalty whose gradient is `rate * w`, as PyTorch's optimizers
    apply their `weight_decay` (coupled, not that of AdamW).

    Args:
        variables: list of `keras.Variable`.

    Returns:
        `()`, float32; 0 for an empty list.
    """
    total = ops.zeros((), "float32")
    for variable in variables:
        total = total + 0.5 * ops.sum(ops.square(ops.cast(variable, "float32")))
    return total


SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # of the kernels


def maximum_mean_discrepancy(z, p, deviation):
    """The unbiased maximum mean discrepancy of two batches of codes, at best about 0.

    Of inverse multiquadratic kernels `C / (C + |a - b|^2)`, summed over `C = scale * 2 d s^2`.

    Args:
        z, p: `(batch, latent_dim)`.
        deviation: float, s.

    Returns:
        `()`, float32.

    Example:

    >>> import numpy as np
    >>> from latentzoo import losses
    >>> z = np.eye(4, dtype="float32")
    >>> round(float(losses.maximum_mean_discrepancy(z, z + 1, 1.0)), 4)
    2.1471
    """
    size = ops.cast(ops.shape(z)[0], "float32")
    others = 1.0 - ops.eye(ops.shape(z)[0])
    total, zz, pp, zp = 0.0, distances(z, z), distances(p, p), distances(z, p)
    for scale in SCALES:
        c = scale * 2 * z.shape[1] * deviation**2
        within = (c / (c + zz) + c / (c + pp)) * others
        between = c / (c + zp)
        # A batch of one has no pairs, and no spread to compare.
        total = total + ops.sum(within) / ops.maximum(size * (size - 1), 1) - 2 * ops.mean(between)
    return total


def distances(a, b):
    """Squared distances of all codes of two batches, `(batch, batch)`."""
    squares = ops.sum(ops.square(a), axis=1)[:, None] + ops.sum(ops.square(b), axis=1)
    return ops.maximum(squares - 2 * ops.matmul(a, ops.transpose(b)), 0)
