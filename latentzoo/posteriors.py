"""Gaussian posteriors: what a variational encoder returns, and what is computed with it.

    q(z | x) = N(mu, diag(s^2)),  s = 1e-6 + softplus(h)

The encoder returns `mu` and `h` side by side; the form of s is that of Dai and Wipf's public code (2019,
arXiv:1903.05789). Functions take tensors or NumPy arrays and return tensors.
"""

import math

import keras
from keras import ops

LEAST = 1e-6  # of a deviation
LOG_2_PI = math.log(2 * math.pi)


def split(encoded, deviation=None):
    """Mean and deviation, `(batch, latent_dim)` each, of what an encoder returns.

    Args:
        encoded: `(batch, 2 * latent_dim)`; only the means, `(batch, latent_dim)`, if the deviation is given.
        deviation: float, s. The same for all codes.

    Example:

    >>> import numpy as np
    >>> from latentzoo import posteriors
    >>> mean, deviation = posteriors.split(np.zeros((1, 4), "float32"))
    >>> mean.shape[1], round(float(deviation[0, 0]), 4)
    (2, 0.6931)
    """
    encoded = ops.cast(encoded, "float32")
    if deviation is not None:
        return encoded, deviation * ops.ones_like(encoded)
    mean, free = ops.split(encoded, 2, axis=-1)
    return mean, LEAST + ops.softplus(free)


def split_log_variance(encoded):
    """Mean and deviation, `(batch, latent_dim)` each, of what an encoder returns as mean and log variance.

    Args:
        encoded: `(batch, 2 * latent_dim)`.

    Example:

    >>> import numpy as np
    >>> from latentzoo import posteriors
    >>> mean, deviation = posteriors.split_log_variance(np.zeros((1, 4), "float32"))
    >>> mean.shape[1], float(deviation[0, 0])
    (2, 1.0)
    """
    mean, log_variance = ops.split(ops.cast(encoded, "float32"), 2, axis=-1)
    return mean, ops.exp(0.5 * log_variance)


def draw(mean, deviation, seed):
    """One code from each posterior, `mu + s * eps`, through which gradients reach both.

    Args:
        mean, deviation: `(batch, latent_dim)`.
        seed: a `keras.random.SeedGenerator`.
    """
    return mean + deviation * keras.random.normal(ops.shape(mean), seed=seed)


def divergence(mean, deviation):
    """Kullback-Leibler divergence to the standard normal, `(batch,)`, nats.

    `0.5 * sum (mu^2 + s^2 - 2 log s - 1)`.

    Example:

    >>> import numpy as np
    >>> from latentzoo import posteriors
    >>> float(posteriors.divergence(np.full((1, 2), 3.0), np.ones((1, 2)))[0])
    9.0
    """
    return 0.5 * ops.sum(ops.square(mean) + ops.square(deviation) - 2 * ops.log(deviation) - 1, axis=-1)


def entropy(deviation):
    """Entropy, `(batch,)`, nats: `sum log s + 0.5 (1 + log 2 pi)`.

    Example:

    >>> import numpy as np
    >>> from latentzoo import posteriors
    >>> round(float(posteriors.entropy(np.ones((1, 2), "float32"))[0]), 4)
    2.8379
    """
    return ops.sum(ops.log(deviation) + 0.5 * (1 + LOG_2_PI), axis=-1)


def log_prob(z, mean, deviation):
    """Log density of codes, `(batch,)`, nats.

    `-0.5 * sum (((z - mu) / s)^2 + 2 log s + log 2 pi)`.

    Example:

    >>> import numpy as np
    >>> from latentzoo import posteriors
    >>> z = np.zeros((1, 2), "float32")
    >>> round(float(posteriors.log_prob(z, z, np.ones((1, 2), "float32"))[0]), 4)
    -1.8379
    """
    squares = ops.square((z - mean) / deviation)
    return -0.5 * ops.sum(squares + 2 * ops.log(deviation) + LOG_2_PI, axis=-1)
