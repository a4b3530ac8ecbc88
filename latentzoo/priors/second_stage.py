"""A variational autoencoder over codes, as the prior of another one.

Dai and Wipf (2019), "Diagnosing and Enhancing VAE Models", arXiv:1903.05789; the networks are those of their
public code.
"""

import keras
import numpy as np
from keras import layers, ops

from latentzoo import losses, posteriors
from latentzoo.errors import sizes
from latentzoo.priors.code_models import CodeModel
from latentzoo.priors.prior import Prior
from latentzoo.updates import Update, serializable


@serializable
class SecondStageVAE(Prior):
    """The second stage of a two-stage variational autoencoder.

    `z = G(u) + g * eps`, u and eps standard normal: the noise of a learned deviation g stays in the codes. It
    has neither a density nor an inverse. `fit` raises its evidence lower bound, and returns a history of
    `reconstruction` and `kl`, nats for a code, and their sum, `loss`.

    Args:
        latent_dim: int, d. Width of a code, and of u.
        units: int. Width of the hidden layers.
        hidden_layers: int. In each of the two networks, whose output layers see their input too.
        dtype: Keras dtype policy of the networks.

    Example:

    >>> import numpy as np
    >>> from latentzoo import priors
    >>> prior = priors.SecondStageVAE(2, units=8)
    >>> history = prior.fit(np.random.default_rng(0).normal(size=(64, 2)), epochs=1, verbose=0)
    >>> prior.sample(3, seed=0).shape
    (3, 2)
    """

    def __init__(self, latent_dim, *, units=1024, hidden_layers=3, **kwargs):
        super().__init__(latent_dim, **kwargs)
        sizes(units=units, hidden_layers=hidden_layers)
        self.units, self.hidden_layers = int(units), int(hidden_layers)
        self.encoder = self._network("encoder", 2 * latent_dim)
        self.decoder = self._network("decoder", latent_dim)
        self.log_deviation = self.add_weight(shape=(), initializer="zeros", name="log_deviation")
        self.epochs = self.add_weight(
            shape=(), dtype="int32", initializer="zeros", trainable=False, name="epochs"
        )
        self.built = True

    def _network(self, name, outputs):
        full = self.dtype_policy.variable_dtype
        x = inputs = layers.Input((self.latent_dim,), dtype=full, name="inputs")
        for i in range(self.hidden_layers):
            x = layers.Dense(self.units, "relu", dtype=self.dtype_policy, name=f"dense_{i}")(x)
        x = layers.Concatenate(dtype=full, name="skip")([x, inputs])
        return keras.Model(inputs, layers.Dense(outputs, dtype=full, name="outputs")(x), name=name)

    noise_dim = property(lambda self: 2 * self.latent_dim)

    @property
    def fitted(self):
        return bool(np.any(self.epochs))

    def call(self, noise, training=False):
        u, eps = ops.split(noise, 2, axis=-1)
        return self.decoder(u) + ops.exp(self.log_deviation) * eps

    trainer_class = property(lambda self: SecondStage)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "hidden_layers": self.hidden_layers}


class SecondStage(CodeModel):
    """Trains the second autoencoder; its networks share one objective."""

    objective = "loss"

    def updates(self):
        return [Update(self.terms, prior={"reconstruction": 1.0, "kl": 1.0})]

    def end_epoch(self):
        self.prior.epochs.assign(self.prior.epochs + 1)

    def terms(self, codes, training):
        mean, log_deviation = ops.split(self.prior.encoder(codes), 2, axis=-1)
        deviation = ops.exp(log_deviation)
        u = posteriors.draw(mean, deviation, self.seed_generator)
        return {
            "reconstruction": losses.gaussian(
                codes, self.prior.decoder(u), ops.exp(self.prior.log_deviation)
            ),
            "kl": posteriors.divergence(mean, deviation),
        }
