"""A mixture of normal distributions, fitted to the codes of an autoencoder that needs no prior to train.

Ghosh, Sajjadi, Vergari, Black and Schoelkopf (2020), "From Variational to Deterministic Autoencoders",
arXiv:1903.12436: ten components with full covariances.

scikit-learn's expectation maximization does the fitting. What it finds is kept as three arrays, so that
sampling needs neither scikit-learn nor data.
"""

import functools
import math
import warnings

import numpy as np
from keras import ops

from latentzoo.errors import error, real, whole
from latentzoo.graphs import chunks
from latentzoo.priors.gaussian import (
    RIDGE,
    drawn,
    fixed,
    log_normal,
    moments,
    record,
    scale,
    singular,
    started,
    warn_of_ridge,
)
from latentzoo.priors.prior import Prior
from latentzoo.updates import serializable


@serializable
class Mixture(Prior):
    """A mixture of normal distributions with full covariances.

    `p(z) = sum_k w_k N(m_k, L_k L_k^T)`.

    From noise to codes: `z = m_k + L_k e`, where e are the first d of the d + 2 coordinates of the base
    noise, and the angle of the last two chooses k. Their angle is uniform, and it stays where it is when
    `temperature` scales the noise: components keep their weights and shrink. At temperature 0 there is no
    angle, and all samples are the mean of one component.

    Until it is fitted its density is that of N(0, I), as a fresh flow's is.

    Args:
        latent_dim: int, d. Width of a code.
        components: int, K. The paper uses 10.

    Example:

    >>> import numpy as np
    >>> from latentzoo import priors
    >>> codes = np.random.default_rng(0).normal(size=(200, 3))
    >>> prior = priors.Mixture(3, components=2)
    >>> history = prior.fit(np.concatenate([codes - 5, codes + 5]), verbose=0)
    >>> prior.sample(100, seed=0).shape, np.exp(prior.log_weights).round(2)
    ((100, 3), array([0.5, 0.5], dtype=float32))
    """

    def __init__(self, latent_dim, *, components=10, **kwargs):
        super().__init__(latent_dim, **kwargs)
        whole("components", components, least=1)
        self.components = int(components)
        self.log_weights = fixed(self, "log_weights", (components,), -math.log(components))
        self.means = fixed(self, "means", (components, latent_dim))
        self.cholesky = fixed(self, "cholesky", (components, latent_dim, latent_dim))
        self.built = True

    noise_dim = property(lambda self: self.latent_dim + 2)

    @property
    def fitted(self):
        """Whether it has seen codes: the Cholesky factors are zero before."""
        return bool(np.any(ops.convert_to_numpy(self.cholesky)))

    def call(self, noise, training=False):
        noise = ops.cast(noise, "float32")
        pair = noise[:, self.latent_dim :]
        # At temperature 0 some zeros are negative, and these have angles of their own.
        pair = ops.where(ops.equal(pair, 0), ops.zeros_like(pair), pair)
        share = ops.arctan2(pair[:, 1], pair[:, 0]) / (2 * math.pi) + 0.5
        bounds = ops.cumsum(ops.exp(self.log_weights))[:-1]
        chosen = ops.sum(ops.cast(share[:, None] >= bounds, "int32"), axis=-1)
        # Every component moves the noise: K times the work, but no (d, d) matrix for every sample.
        base = noise[:, : self.latent_dim]
        codes = self.means + ops.einsum("kij,bj->bki", started(self.cholesky), base)
        return ops.einsum("bk,bki->bi", ops.one_hot(chosen, self.components), codes)

    def log_prob(self, codes):
        def density(z):
            components = log_normal(z, self.means, started(self.cholesky))
            return ops.logsumexp(components + self.log_weights[:, None], axis=0)

        return self.apply_to(codes, density)

    def fit(self, codes, *, seed=0, max_iter=2000, tol=1e-3, n_init=1, validation_data=None, verbose="auto"):
        """Fits by expectation maximization, which starts from k-means.

        Args:
            codes: `(n, latent_dim)`, float; or `(n, 2, latent_dim)`, means and deviations of normal
                distributions, of which one draw each is fitted.
            seed: int. Of k-means.
            max_iter: int. Most iterations.
            tol: float. Gain in nats for a code below which iterations end.
            n_init: int. Fits to choose the best of.
            validation_data: codes to judge the fit by, in either form, or `None`.
            verbose: 0 is silent, 2 prints one line, anything else shows every tenth iteration too.

        Returns:
            A `keras.callbacks.History` with one `nll`, and one `val_nll` if there are validation data: nats
            for a code.

        Raises:
            ValueError: the codes are not finite, of another width or fewer than components, or an
                argument is out of range.

        Warns:
            UserWarning: a component is singular, so that a ridge was added; or iterations ended early.
        """
        codes = drawn(self.check_codes(codes))
        held_out = None if validation_data is None else drawn(self.check_codes(validation_data))
        for name, value, least in [("seed", seed, 0), ("max_iter", max_iter, 1), ("n_init", n_init, 1)]:
            whole(name, value, least=least)
        real("tol", tol, least=0)
        least = max(2, self.components)  # two, since one has no spread
        if len(codes) < least:
            raise error(
                "There are too few codes for the components.",
                f"at least {least} codes",
                f"{len(codes)}",
                "Encode more images, or build the mixture with fewer components.",
            )
        mean, covariance = moments(codes)
        unit = scale(mean, covariance)
        estimate = functools.partial(
            expectation_maximization,
            (codes - mean) / math.sqrt(unit),  # of size 1, since the ridge is an absolute number
            n_components=self.components,
            covariance_type="full",
            random_state=int(seed),
            max_iter=max_iter,
            tol=tol,
            n_init=n_init,
            verbose=int(verbose not in (0, 2)),
        )
        # A flat cloud has flat parts only, and need not be tried as it is.
        found = None if singular(covariance / unit) else estimate(reg_covar=0.0)
        if found is None or singular(found.covariances_):
            found = estimate(reg_covar=RIDGE)
            warn_of_ridge(RIDGE * unit, covariance, "One component or more have", "Use fewer components")
        if not found.converged_:
            warnings.warn(
                f"The mixture was still getting better when its iterations ended: max_iter={max_iter}, "
                f"tol={tol:g}. It is usable as it is. Give more iterations, or a larger tolerance.",
                stacklevel=2,
            )
        self.log_weights.assign(np.log(found.weights_))
        self.means.assign(mean + math.sqrt(unit) * found.means_)
        self.cholesky.assign(math.sqrt(unit) * np.linalg.cholesky(found.covariances_))
        values = {"nll": self._cross_entropy(codes)}
        if held_out is not None:
            values["val_nll"] = self._cross_entropy(held_out)
        return record(values, verbose)

    def _cross_entropy(self, codes):
        """The mean of `-log_prob` over codes, some at a time: each takes K d numbers on the way."""
        return -float(np.concatenate([self.log_prob(part) for part in chunks(codes, 4096)]).mean())

    def get_config(self):
        return {**super().get_config(), "components": self.components}


def expectation_maximization(codes, **arguments):
    """scikit-learn's mixture, fitted to codes; `None` if a component collapsed and there is no ridge.

    Whether it converged is for the caller to say.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture  # takes a second to import

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            return GaussianMixture(**arguments).fit(codes)
        except ValueError:
            if arguments["reg_covar"]:
                raise
            return None
