"""The least that can be fitted to codes: one normal distribution with all its covariances.

Ghosh, Sajjadi, Vergari, Black and Schoelkopf (2020), "From Variational to Deterministic Autoencoders",
arXiv:1903.12436, who fit it after training and call it N.
"""

import math
import warnings

import keras
import numpy as np
from keras import ops

from latentzoo.priors.prior import Prior
from latentzoo.updates import serializable

# Parts of the mean variance. Codes are float32: along a direction that varies less than SINGULAR they hold
# rounding and no data, and a density in float32 is lost. With RIDGE it has digits to spare.
SINGULAR = 1e-12
RIDGE = 1e-6


@serializable
class Gaussian(Prior):
    """A normal distribution with a full covariance, fitted in closed form.

    `p(z) = N(m, L L^T)`, from noise to codes `z = m + L e`, L lower triangular.

    Until it is fitted its density is that of N(0, I), as a fresh flow's is.

    Args:
        latent_dim: int, d. Width of a code.

    Example:

    >>> import numpy as np
    >>> from latentzoo import priors
    >>> codes = np.random.default_rng(0).normal(3.0, 2.0, size=(10_000, 2))
    >>> prior = priors.Gaussian(2)
    >>> history = prior.fit(codes, verbose=0)
    >>> prior.sample(10_000, seed=1).mean(axis=0).round()
    array([3., 3.], dtype=float32)
    """

    def __init__(self, latent_dim, **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.mean = fixed(self, "mean", (latent_dim,))
        self.cholesky = fixed(self, "cholesky", (latent_dim, latent_dim))
        self.built = True

    @property
    def fitted(self):
        """Whether it has seen codes: the Cholesky factor is zero before."""
        return bool(np.any(ops.convert_to_numpy(self.cholesky)))

    def call(self, noise, training=False):
        return self.mean + ops.matmul(ops.cast(noise, "float32"), ops.transpose(started(self.cholesky)))

    def inverse(self, codes):
        def whiten(z):
            return ops.transpose(whitened(z, self.mean, started(self.cholesky)))

        return self.apply_to(codes, whiten)

    def log_prob(self, codes):
        return self.apply_to(codes, lambda z: log_normal(z, self.mean, started(self.cholesky)))

    def fit(self, codes, *, validation_data=None, verbose="auto"):
        """Takes over the mean and the covariance of codes, which maximizes the likelihood.

        Args:
            codes: `(n, latent_dim)`, float; or `(n, 2, latent_dim)`, means and deviations of normal
                distributions, whose mixture has a mean and a covariance without draws.
            validation_data: codes to judge the fit by, in either form, or `None`.
            verbose: 0 is silent; otherwise a line is printed.

        Returns:
            A `keras.callbacks.History` with one `nll`, and one `val_nll` if there are validation data: nats
            for a code.

        Raises:
            ValueError: the codes are not finite or of another width.

        Warns:
            UserWarning: the covariance is singular, so that a ridge was added.
        """
        mean, covariance = moments(self.check_codes(codes))
        held_out = None if validation_data is None else moments(self.check_codes(validation_data))
        unit = scale(mean, covariance)
        ridge = RIDGE * unit if singular(covariance / unit) else 0.0
        if ridge:
            warn_of_ridge(ridge, covariance, "The codes have", "Fit more codes")
        self.mean.assign(mean)
        self.cholesky.assign(np.linalg.cholesky(covariance + ridge * np.eye(self.latent_dim)))
        values = {"nll": self._cross_entropy(mean, covariance)}
        if held_out is not None:
            values["val_nll"] = self._cross_entropy(*held_out)
        return record(values, verbose)

    def _cross_entropy(self, mean, covariance):
        """The mean of `-log_prob` over all codes of these moments, in float64."""
        cholesky = ops.convert_to_numpy(self.cholesky).astype("float64")
        offset = mean - ops.convert_to_numpy(self.mean)
        # tr(S^-1 C) with C about our mean
        quadratic = np.trace(np.linalg.solve(cholesky @ cholesky.T, covariance + np.outer(offset, offset)))
        return float(
            0.5 * (quadratic + self.latent_dim * math.log(2 * math.pi)) + np.log(np.diag(cholesky)).sum()
        )


def fixed(prior, name, shape, value=0.0):
    """An array of a prior that `fit` sets and no gradient moves."""
    return prior.add_weight(
        shape=shape,
        initializer=keras.initializers.Constant(value),
        dtype="float32",
        trainable=False,
        autocast=False,
        name=name,
    )


def started(cholesky):
    """Cholesky factors `(..., d, d)`; identities as long as they are all zero, that is before a fit."""
    return ops.where(ops.any(ops.not_equal(cholesky, 0)), cholesky, ops.eye(cholesky.shape[-1]))


def whitened(codes, mean, cholesky):
    """`L^-1 (z - m)` of codes `(n, d)`: `(..., d, n)` for means `(..., d)` and factors `(..., d, d)`."""
    centred = codes - ops.expand_dims(mean, -2)
    return ops.solve_triangular(cholesky, ops.swapaxes(centred, -1, -2), lower=True)


def log_normal(codes, mean, cholesky):
    """Log densities of codes `(n, d)`: `(..., n)` for means `(..., d)` and factors `(..., d, d)`."""
    quadratic = ops.sum(ops.square(whitened(codes, mean, cholesky)), axis=-2)
    log_det = ops.sum(ops.log(ops.diagonal(cholesky, axis1=-2, axis2=-1)), axis=-1)
    constant = 0.5 * codes.shape[-1] * math.log(2 * math.pi)
    return -0.5 * quadratic - ops.expand_dims(log_det, -1) - constant


def moments(codes):
    """Mean `(d,)` and covariance `(d, d)`, float64, of codes in either form that `fit` takes."""
    codes = codes.astype("float64")
    means = codes if codes.ndim == 2 else codes[:, 0]
    mean = means.mean(axis=0)
    covariance = (means - mean).T @ (means - mean) / len(means)
    if codes.ndim == 3:
        covariance += np.diag(np.square(codes[:, 1]).mean(axis=0))
    return mean, covariance


def scale(mean, covariance):
    """The variance that a ridge is measured by: the mean of the coordinates'.

    Where codes are all equal, up to the rounding of float32, it is their squared size; of zeros it is 1.
    """
    variance, size = np.diag(covariance).mean(), np.square(mean).mean()
    return variance if variance > 1e-14 * size else size or 1.0


def singular(covariances):
    """Whether one of the covariances `(..., d, d)`, divided by their `scale`, is that of a flat cloud."""
    return np.linalg.eigvalsh(covariances).min() <= SINGULAR


def drawn(codes):
    """Codes as they are, or one draw, always the same, from the normal distributions in their place."""
    if codes.ndim == 2:
        return codes
    noise = np.random.default_rng(0).standard_normal(codes[:, 0].shape, "float32")
    return codes[:, 0] + codes[:, 1] * noise


def warn_of_ridge(ridge, covariance, who, remedy):
    """Warns whoever called `fit`."""
    warnings.warn(
        f"{who} a singular covariance: too few codes, or directions in which they do not vary. A ridge of "
        f"{ridge:.3g} was added to every variance; the mean variance is {np.diag(covariance).mean():.3g}. "
        f"{remedy}, or train with a smaller latent_dim.",
        stacklevel=3,
    )


def record(values, verbose):
    """A `keras.callbacks.History` of one step, told as Keras would if `verbose`."""
    history = keras.callbacks.History()
    history.epoch = [0]
    history.history = {name: [value] for name, value in values.items()}
    if verbose:
        print(" - ".join(f"{name}: {value:.4f}" for name, value in values.items()))
    return history
