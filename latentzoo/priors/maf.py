"""MAF: a masked autoregressive flow.

Papamakarios, Pavlakou and Murray (2017), "Masked Autoregressive Flow for Density Estimation",
arXiv:1705.07057, over the network of Germain, Gregor, Murray and Larochelle (2015), "MADE: Masked
Autoencoder for Distribution Estimation", arXiv:1502.03509.

A density takes one pass through each network, so that fitting is fast; a sample takes d.

Differences from the paper: no batch normalization between blocks; log scales are bounded; degrees of
hidden units are spread evenly and not drawn.
"""

import functools
import math

import keras
import numpy as np
from keras import layers, ops

from latentzoo.errors import error, sizes
from latentzoo.priors.prior import Prior, sequential
from latentzoo.updates import serializable

# As in RealNVP: scales are kept within exp(-5) and exp(5), or a sample far from the data might overflow.
LOG_SCALE = 5.0
MOST = 65_536  # units: degrees are made before it shows that weights are more than a checkpoint declares


@serializable
class MAF(Prior):
    """A flow prior: `log p(z) = log N(f(z); 0, I) + log |det df/dz|`.

    The flow f runs from codes to noise. In each block every coordinate is scaled and shifted by what a
    masked network computes from those before it:

        z'_i = (z_i - t(z_1 ... z_i-1)) * exp(-s(z_1 ... z_i-1))

    The order of the coordinates is reversed between blocks. The last layers of the networks start at zero,
    so that the flow starts as a permutation.

    Args:
        latent_dim: int, d. Width of a code.
        blocks: int. Networks, one after another.
        units: int. Width of the networks' hidden layers; at least d - 1 lets every coordinate see all
            those before it.
        hidden_layers: int. Hidden layers of a network, at least 1.
        dtype: Keras dtype policy of the networks; the flow itself is float32.

    Example:

    >>> import numpy as np
    >>> from latentzoo import priors
    >>> flow = priors.MAF(4, blocks=2, units=8)
    >>> codes = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    >>> flow.log_prob(codes).shape, flow.inverse(codes).shape
    ((6,), (6, 4))
    """

    def __init__(self, latent_dim, *, blocks=5, units=64, hidden_layers=2, **kwargs):
        super().__init__(latent_dim, **kwargs)
        sizes(blocks=blocks, units=units, hidden_layers=hidden_layers)
        if units > MOST:
            raise error("Hidden layers are too wide.", f"at most {MOST} units", f"units={units}")
        self.blocks, self.units, self.hidden_layers = int(blocks), int(units), int(hidden_layers)
        self.networks = [
            made(latent_dim, units, hidden_layers, dtype=self.dtype_policy, name=f"block_{i}")
            for i in range(blocks)
        ]
        self.built = True

    @property
    def fitted(self):
        """Whether the flow was trained: a fresh one has zeros in all its last layers."""
        # The bias counts too: it is all that a first coordinate has.
        last = [weight for network in self.networks for weight in network.layers[-1].weights]
        return any(np.any(ops.convert_to_numpy(weight)) for weight in last)

    def log_prob(self, codes):
        def density(z):
            noise, log_det = self._to_noise(z)
            constant = 0.5 * self.latent_dim * math.log(2 * math.pi)
            return log_det - 0.5 * ops.sum(ops.square(noise), axis=-1) - constant

        return self.apply_to(codes, density)

    def inverse(self, codes):
        return self.apply_to(codes, lambda z: self._to_noise(z)[0])

    def call(self, noise, training=False):
        z = ops.cast(noise, "float32")
        for i, network in reversed(list(enumerate(self.networks))):
            z = coordinate_by_coordinate(network, z)
            z = ops.flip(z, axis=-1) if i else z
        return z

    def _to_noise(self, z):
        """Noise `(batch, d)` of codes, and the log determinants `(batch,)` of the way there."""
        log_det = 0.0
        for i, network in enumerate(self.networks):
            z = ops.flip(z, axis=-1) if i else z
            shift, log_scale = shift_and_log_scale(network, z)
            z = (z - shift) * ops.exp(-log_scale)
            log_det = log_det - ops.sum(log_scale, axis=-1)
        return z, log_det

    def get_config(self):
        names = ["blocks", "units", "hidden_layers"]
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def shift_and_log_scale(network, z):
    shift, log_scale = ops.split(ops.cast(network(z), "float32"), 2, axis=-1)
    return shift, ops.clip(log_scale, -LOG_SCALE, LOG_SCALE)


def coordinate_by_coordinate(network, noise):
    """The z that a block maps to `noise`, `(batch, d)`: a loop, in a graph too, and not d networks."""
    coordinates = ops.arange(noise.shape[-1])

    def fill(i, z):
        # Those after the i-th stay zero. Their values do not matter yet, but an overflow among them would.
        shift, log_scale = shift_and_log_scale(network, z)
        return ops.where(ops.equal(coordinates, i), noise * ops.exp(log_scale) + shift, z)

    return ops.fori_loop(0, noise.shape[-1], fill, ops.zeros_like(noise))


def made(latent_dim, units, hidden_layers, *, dtype, name):
    """A network of codes `(batch, d)` to shifts and log scales `(batch, 2 d)`, the i-th of the first i - 1.

    Every unit has a degree, and sees units of its degree or less: the i-th coordinate is of degree i, hidden
    units are of 1 to d - 1, and what comes out for the i-th coordinate is of degree i - 1.
    """
    hidden = np.linspace(1, max(1, latent_dim - 1), units).round()
    degrees = [np.arange(latent_dim) + 1, *[hidden] * hidden_layers, np.tile(np.arange(latent_dim), 2)]
    network = [layers.Input((latent_dim,), name="coordinates")]
    for i in range(hidden_layers):
        network.append(MaskedDense(degrees[i], degrees[i + 1], "relu", name=f"hidden_{i}", dtype=dtype))
    network.append(
        MaskedDense(degrees[-2], degrees[-1], kernel_initializer="zeros", name="shift_scale", dtype=dtype)
    )
    return sequential(network, dtype, name)


class MaskedDense(layers.Layer):
    """A dense layer, each unit of which sees inputs of its own degree or less.

    Args:
        before, after: degrees of the inputs and of the units, NumPy. The mask is computed from them, and
            is no weight.
        activation, kernel_initializer: as in `keras.layers.Dense`.
    """

    def __init__(self, before, after, activation=None, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.before, self.after = before, after
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    @functools.cached_property
    def mask(self):
        """Which input each unit sees; not before there is a weight of that size."""
        return self.before[:, None] <= self.after

    def build(self, input_shape):
        def masked(shape, dtype):
            # What has no effect is zero, where weight decay does not see it, nor the scale of an int8 file.
            return self.kernel_initializer(shape, dtype) * ops.cast(self.mask, dtype)

        shape = (len(self.before), len(self.after))
        self.kernel = self.add_weight(shape=shape, initializer=masked, name="kernel")
        self.bias = self.add_weight(shape=shape[1:], initializer="zeros", name="bias")
        self.built = True

    def call(self, x):
        kernel = self.kernel * ops.cast(self.mask, self.compute_dtype)
        return self.activation(ops.matmul(x, kernel) + self.bias)
