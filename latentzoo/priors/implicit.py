"""What priors share that are a network from noise to codes and nothing else."""

import numpy as np
from keras import ops

from latentzoo.errors import flag, sizes
from latentzoo.priors.prior import Prior


class Implicit(Prior):
    """A network T from noise to codes, `z = T(u)`: samples, but neither a density nor an inverse. Abstract.

    Families define `make(noise_dim, latent_dim, units, hidden_layers, dtype)`, which builds the network, of
    hidden layers of which each is dense, batch norm called `dense_0_norm` and so on, and activation.

    Args:
        latent_dim: int, d. Width of a code.
        noise_dim: int. Width of the noise u.
        units: int. Width of the hidden layers.
        hidden_layers: int, at least 1.
        unit_norm: bool. Whether codes are scaled to a length of 1. The network is fitted without it.
        dtype: Keras dtype policy of the hidden layers.
    """

    noise_dim = None  # an argument, where other priors have a property

    def __init__(self, latent_dim, *, noise_dim, units, hidden_layers, unit_norm=False, **kwargs):
        super().__init__(latent_dim, **kwargs)
        sizes(noise_dim=noise_dim, units=units, hidden_layers=hidden_layers)
        self.noise_dim, self.units, self.hidden_layers = int(noise_dim), int(units), int(hidden_layers)
        self.unit_norm = flag("unit_norm", unit_norm)
        self.network = self.make(
            noise_dim=self.noise_dim,
            latent_dim=self.latent_dim,
            units=self.units,
            hidden_layers=self.hidden_layers,
            dtype=self.dtype_policy,
        )
        self.built = True

    @property
    def fitted(self):
        """Whether the network was trained: the moving means of a fresh one are zeros."""
        return bool(np.any(self.network.get_layer("dense_0_norm").moving_mean))

    def call(self, noise, training=False):
        codes = self.network(noise, training=training)
        return ops.normalize(codes, axis=-1) if self.unit_norm else codes

    def get_config(self):
        names = ["noise_dim", "units", "hidden_layers", "unit_norm"]
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
