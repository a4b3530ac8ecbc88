"""RealNVP: a normalizing flow of affine couplings, through TensorFlow Probability.

Dinh, Sohl-Dickstein and Bengio (2017), "Density estimation using Real NVP", arXiv:1605.08803, in the
two forms that the zoo's papers draw:

- Xiao, Yan and Amit (2019), arXiv:1905.10485: blocks of couplings in alternating roles, each block
  ended by a fixed random permutation. `RealNVP(latent_dim)`.
- Morrow and Chiu (2020): single couplings, the order of the coordinates reversed after each, and a
  learned elementwise affine map before every second one. `RealNVP.learned_prior(latent_dim)`.

A Keras model owns the networks, since Keras tracks nothing inside a bijector; bijectors are built
anew for every call and equal no other, since TensorFlow Probability gives equal bijectors one memory
of what they computed, which would be stale after a step.
"""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from keras import layers, ops

from latentzoo.errors import error, sizes
from latentzoo.priors.coupling import LOG_SCALES, Coupling
from latentzoo.priors.prior import Prior, sequential
from latentzoo.updates import serializable

tfb, tfd = tfp.bijectors, tfp.distributions


@serializable
class RealNVP(Prior):
    """A flow prior: `log p(z) = log N(f(z); 0, I) + log |det df/dz|`.

    The flow f runs from codes to noise. Each coupling keeps one part a of the coordinates and maps the
    other, b, with a scale and a shift that a network computes from a:

        exp        b' = b * exp(s(a)) + t(a)
        tanh       b' = b * exp(tanh(s(a))) + t(a)
        sigmoid    b' = (b + t(a)) * sigmoid(s(a) + 2)

    The last layers of the networks start at zero. With `"exp"` and `"tanh"` the flow starts as a
    permutation; with `"sigmoid"` every coupling first scales its half by sigmoid(2) = 0.88, and never by more
    than 1: without affine maps such a flow takes no codes that are narrower than the noise. Logarithms of
    scales are kept between -5 and 5.

    Args:
        latent_dim: int, d. Width of a code, at least 2.
        blocks: int. Coupling blocks.
        couplings_per_block: int. Couplings in a block; neighbours map opposite parts.
        units: int, k. Width of the networks' hidden layers.
        hidden_layers: int.
        coupling: `"exp"`, `"tanh"` or `"sigmoid"`.
        mixing: what ends a block: `"permute"`, a fixed random permutation, or `"reverse"`.
        affine: bool. A learned elementwise affine map, the identity at first, before every second
            block, starting with the first.
        seed: int. Draws the permutations, which are stored with the weights.
        dtype: Keras dtype policy of the networks; the flow itself is float32.

    Example:

    >>> import numpy as np
    >>> from latentzoo import priors
    >>> flow = priors.RealNVP(4, blocks=2, units=8)
    >>> codes = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    >>> flow.log_prob(codes).shape, flow.inverse(codes).shape
    ((6,), (6, 4))
    """

    def __init__(
        self,
        latent_dim,
        *,
        blocks=4,
        couplings_per_block=2,
        units=64,
        hidden_layers=2,
        coupling="exp",
        mixing="permute",
        affine=False,
        seed=0,
        **kwargs,
    ):
        super().__init__(latent_dim, **kwargs)
        check_arguments(latent_dim, blocks, couplings_per_block, units, hidden_layers, coupling, mixing)
        self.blocks, self.couplings_per_block = int(blocks), int(couplings_per_block)
        self.units, self.hidden_layers = int(units), int(hidden_layers)
        self.coupling, self.mixing, self.affine, self.seed = coupling, mixing, affine, seed
        self.conditioners = []
        for i in range(blocks * couplings_per_block):
            kept, mapped = self._widths(flip=bool(i % couplings_per_block % 2))
            network = [
                layers.Input((kept,), name="kept"),
                *(
                    layers.Dense(units, "relu", name=f"hidden_{j}", dtype=self.dtype_policy)
                    for j in range(hidden_layers)
                ),
                layers.Dense(
                    2 * mapped,
                    kernel_initializer="zeros",
                    name="scale_shift",
                    dtype=self.dtype_policy,
                ),
            ]
            self.conditioners.append(sequential(network, self.dtype_policy, f"coupling_{i}"))
        self.log_gains, self.offsets, self.permutations = [], [], []
        rng = np.random.default_rng(seed)
        for i in range(blocks):
            if affine and i % 2 == 0:
                self.log_gains.append(self._vector(f"log_gain_{i}"))
                self.offsets.append(self._vector(f"offset_{i}"))
            if mixing == "permute":
                order = rng.permutation(latent_dim)
                self.permutations.append(
                    self.add_weight(
                        shape=(latent_dim,),
                        dtype="int32",
                        initializer=lambda shape, dtype, order=order: ops.cast(order, dtype),
                        trainable=False,
                        name=f"permutation_{i}",
                    )
                )
        self.built = True

    @classmethod
    def learned_prior(cls, latent_dim, couplings=24, units=1024, **kwargs):
        """The flow of Morrow and Chiu (2020): sigmoid couplings, reversals and affine maps.

        The paper uses (couplings, units) = (24, 1024) for MNIST and Fashion-MNIST, (16, 256) for
        CIFAR-10 and (30, 1024) for CelebA, all with d = 64.

        Args:
            latent_dim: int, d. Width of a code.
            couplings: int, L.
            units: int, D. Width of the networks' hidden layers.
            **kwargs: further arguments of `RealNVP`.
        """
        return cls(
            latent_dim,
            blocks=couplings,
            couplings_per_block=1,
            units=units,
            coupling="sigmoid",
            mixing="reverse",
            affine=True,
            **kwargs,
        )

    @property
    def fitted(self):
        """Whether the flow was trained: a fresh one has zeros in all its last layers."""
        return any(np.any(network.layers[-1].kernel) for network in self.conditioners)

    def distribution(self):
        """The prior as a `tfp.distributions.TransformedDistribution`, good for one call.

        Build a new one after the weights change: bijectors remember their results.
        """
        flow = []  # from codes to noise
        for i in range(self.blocks):
            if self.affine and i % 2 == 0:
                gain, offset = self.log_gains[i // 2], self.offsets[i // 2]
                flow.append(tfb.Shift(offset.value)(tfb.Scale(log_scale=gain.value)))
            for j in range(self.couplings_per_block):
                network = self.conditioners[i * self.couplings_per_block + j]
                flow.append(Coupling(network, self._widths(j % 2 == 1), j % 2 == 1, self.coupling))
            if self.mixing == "permute":
                order = self.permutations[i].value
            else:
                order = np.arange(self.latent_dim)[::-1].astype("int32")
            flow.append(tfb.Permute(order))
        noise = tfd.MultivariateNormalDiag(tf.zeros(self.latent_dim), tf.ones(self.latent_dim))
        return tfd.TransformedDistribution(noise, tfb.Invert(tfb.Chain(flow[::-1])))

    # Bijectors remember for as long as a tensor lives; `identity` gives them one that lives for a call.

    def log_prob(self, codes):
        return self.apply_to(codes, lambda z: self.distribution().log_prob(tf.identity(z)))

    def inverse(self, codes):
        return self.apply_to(codes, lambda z: self.distribution().bijector.inverse(tf.identity(z)))

    def inverse_and_log_prob(self, codes):
        """Both `inverse(codes)` and `log_prob(codes)` for the price of one; tensors."""
        flow, codes = self.distribution(), tf.identity(codes)
        return flow.bijector.inverse(codes), flow.log_prob(codes)

    def call(self, noise, training=False):
        return self.distribution().bijector.forward(tf.identity(ops.cast(noise, "float32")))

    def _widths(self, flip):
        half = self.latent_dim // 2
        return (self.latent_dim - half, half) if flip else (half, self.latent_dim - half)

    def _vector(self, name):
        return self.add_weight(shape=(self.latent_dim,), initializer="zeros", name=name, autocast=False)

    def get_config(self):
        names = [
            "blocks", "couplings_per_block", "units", "hidden_layers", "coupling", "mixing", "affine", "seed",
        ]  # fmt: skip
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def check_arguments(latent_dim, blocks, couplings_per_block, units, hidden_layers, coupling, mixing):
    sizes(blocks=blocks, couplings_per_block=couplings_per_block, units=units, hidden_layers=hidden_layers)
    if latent_dim < 2:
        raise error(
            "A coupling needs two coordinates, one to keep and one to map.",
            "latent_dim >= 2",
            f"latent_dim={latent_dim}",
        )
    for name, value, known in [
        ("coupling", coupling, tuple(LOG_SCALES)),
        ("mixing", mixing, ("permute", "reverse")),
    ]:
        if value not in known:
            raise error(f"Unknown `{name}`.", f"one of {known}", f"{name}={value!r}")
