"""The fixed prior of variational and Wasserstein autoencoders."""

import math

from keras import ops

from latentzoo.errors import real
from latentzoo.priors.prior import Prior
from latentzoo.updates import serializable


@serializable
class Normal(Prior):
    """A centred normal distribution with one fixed deviation.

    `p(z) = N(0, s^2 I)`.

    Args:
        latent_dim: int, d. Width of a code.
        deviation: float, s. More than 0.

    Example:

    >>> from latentzoo import priors
    >>> prior = priors.Normal(2, deviation=2.0)
    >>> prior.sample(3, seed=0).shape
    (3, 2)
    """

    def __init__(self, latent_dim, deviation=1.0, **kwargs):
        super().__init__(latent_dim, **kwargs)
        real("deviation", deviation, above=0)
        self.deviation = float(deviation)
        self.built = True

    def call(self, noise, training=False):
        return self.deviation * noise

    def inverse(self, codes):
        return self.apply_to(codes, lambda z: z / self.deviation)

    def log_prob(self, codes):
        constant = math.log(self.deviation) + 0.5 * math.log(2 * math.pi)

        def density(z):
            return -0.5 * ops.sum(ops.square(z / self.deviation), axis=-1) - self.latent_dim * constant

        return self.apply_to(codes, density)

    def get_config(self):
        return {**super().get_config(), "deviation": self.deviation}
