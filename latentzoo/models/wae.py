"""Wasserstein autoencoders: codes of all images together, not of each, are held to the prior.

Tolstikhin, Bousquet, Gelly and Schoelkopf (2018), "Wasserstein Auto-Encoders", arXiv:1711.01558, with the
settings of Xiao, Yan and Amit (2019), arXiv:1905.10485, table 8, where they differ from the public code.

    encoder, decoder    c |x - D(E(x))|^2 + lambda * penalty(E(x))
    critic              lambda * (-log A(p) - log (1 - A(E(x)))),    p ~ N(0, s^2 I)      (penalty "gan")

The penalty is `-log A(E(x))`, the form that does not saturate, or the maximum mean discrepancy of the batch's
codes from as many of the prior. It depends on the encoder alone: the decoder stands in its row for one
backward pass. Both move once for a batch, from where the other was before it: the public code lets the critic
move after the autoencoder, for one more pass through the encoder.

Flags bring what the public code does beside: pretraining by moments, and the logarithm of the prior's density
as a part of the critic (its "p-trick"). Difference: its pretraining takes batches of 1,000 and may end early.
"""

import math

import keras
from keras import ops

from latentzoo import losses, priors
from latentzoo.errors import error, flag, real, whole
from latentzoo.models.autoencoder import Autoencoder
from latentzoo.networks import critics, infogan
from latentzoo.updates import Update, after, serializable


@serializable
class WAE(Autoencoder):
    """Wasserstein autoencoder (Tolstikhin, Bousquet, Gelly and Schoelkopf, 2018, arXiv:1711.01558).

    Args:
        image_shape: `(height, width, channels)`, pixels in [0, 1].
        latent_dim: int, d. Width of a code.
        encoder: `keras.Model`, images to `(batch, latent_dim)`; the InfoGAN net if `None`.
        decoder: `keras.Model`, codes to images in [0, 1]; the InfoGAN net if `None`.
        critic: `keras.Model`, codes to logits `(batch, 1)` of coming from the prior; four hidden layers of
            512 if `None`. With the penalty `"gan"` only.
        prior: what `sample` draws from, a `latentzoo.priors.Prior` or its name; `Normal` with
            `prior_deviation` if `None`.
        prior_deviation: float, s. Of the normal distribution that codes are held to.
        penalty: `"gan"` or `"mmd"`.
        beta_rec: float. Weight of half the squared error; 2 c, c being 0.05 in the public code.
        beta_penalty: float, lambda. Weight of the penalty.
        input_noise: float. Deviation of normal noise, cut off at two deviations, that images get in training.
        pretraining_steps: int. Steps in which the encoder only learns the prior's mean and covariance.
        prior_in_critic: bool. Whether the prior's log density is added to the critic's logit.
        dtype: Keras dtype policy of encoder, decoder and critic.

    Terms: `reconstruction`, half the squared error summed over pixels; `penalty`, nats or a discrepancy; with
    `"gan"` `critic`, nats; with pretraining `moments`, squared differences. Monitor: `mean_squared_error` for
    a pixel. Optimizers, unless told otherwise: Adam at 1e-3, of the critic at 5e-4, with `beta_1=0.5`.

    Example:

    >>> import latentzoo, numpy as np
    >>> model = latentzoo.models.WAE((8, 8, 1), latent_dim=4, penalty="mmd")
    >>> model.compile()
    >>> images = np.random.default_rng(0).random((64, 8, 8, 1), "float32")
    >>> history = model.fit(images, epochs=1, verbose=0)
    >>> model.sample(2, seed=0).shape
    (2, 8, 8, 1)
    """

    parts = (*Autoencoder.parts, "critic")
    when_trained = {"pretraining_steps": 0}
    networks = (*Autoencoder.networks, "critic")

    def __init__(
        self,
        image_shape,
        latent_dim,
        *,
        encoder=None,
        decoder=None,
        critic=None,
        prior=None,
        prior_deviation=1.0,
        penalty="gan",
        beta_rec=0.1,
        beta_penalty=10.0,
        input_noise=0.01,
        pretraining_steps=0,
        prior_in_critic=False,
        **kwargs,
    ):
        super().__init__(image_shape, latent_dim, **kwargs)
        for name, value in [
            ("beta_rec", beta_rec),
            ("beta_penalty", beta_penalty),
            ("input_noise", input_noise),
        ]:
            real(name, value, least=0)
        real("prior_deviation", prior_deviation, above=0)
        whole("pretraining_steps", pretraining_steps, least=0)
        if penalty not in ("gan", "mmd"):
            raise error("Unknown penalty.", "'gan' or 'mmd'", f"penalty={penalty!r}")
        if penalty == "mmd" and (critic is not None or prior_in_critic):
            raise error(
                "The penalty 'mmd' has no critic.",
                "penalty='gan', or neither `critic` nor `prior_in_critic`",
                f"critic={critic!r}, prior_in_critic={prior_in_critic!r}",
            )
        self.penalty, self.beta_rec, self.beta_penalty = penalty, beta_rec, beta_penalty
        self.input_noise, self.pretraining_steps = input_noise, int(pretraining_steps)
        self.prior_in_critic = flag("prior_in_critic", prior_in_critic)
        policy = self.dtype_policy
        self.encoder = self.own("encoder", encoder) or infogan.encoder(
            self.image_shape, self.latent_dim, dtype=policy
        )
        self.decoder = self.own("decoder", decoder) or infogan.decoder(
            self.image_shape, self.latent_dim, dtype=policy
        )
        made = self.own("critic", critic)
        if penalty == "gan" and made is None:
            made = critics.dense(self.latent_dim, dtype=policy)
        self.critic = made
        self.prior_deviation = prior_deviation
        own = {"deviation": prior_deviation} if prior in (None, "normal") else {}
        self.prior = priors.build(prior, self.latent_dim, default="normal", **own)
        self.seed_generator = keras.random.SeedGenerator(0)
        self.check_parts()

    def ends(self):
        return {**super().ends(), "critic": ((None, self.latent_dim), (None, 1))}

    def updates(self):
        fit = {"reconstruction": self.beta_rec, "penalty": self.beta_penalty}
        if self.pretraining_steps:
            fit = {name: after(self.pretraining_steps, 0.0, weight) for name, weight in fit.items()}
            fit["moments"] = after(self.pretraining_steps, 1.0, 0.0)
        judge = {"critic": after(self.pretraining_steps, 0.0, self.beta_penalty)}
        judge = {} if self.critic is None else {"critic": judge}
        return [Update(self.terms, monitors=["mean_squared_error"], encoder=fit, decoder=fit, **judge)]

    def default_optimizers(self):
        return {
            group: keras.optimizers.Adam(5e-4 if group == "critic" else 1e-3, beta_1=0.5, epsilon=1e-8)
            for group in self.updates()[0].objectives
        }

    def terms(self, x, training):
        z = self.encoder(self.noisy(x) if training else x, training=training)
        reconstruction = losses.squared_error(x, self.decoder(z, training=training))
        terms = {"reconstruction": reconstruction, "mean_squared_error": reconstruction * (2 / self.pixels)}
        p = self.prior_deviation * keras.random.normal(ops.shape(z), seed=self.seed_generator)
        if self.critic is None:
            terms["penalty"] = losses.maximum_mean_discrepancy(z, p, self.prior_deviation)
        else:
            real, fake = self.logit(p, training), self.logit(z, training)
            terms["penalty"] = ops.softplus(-fake)
            terms["critic"] = ops.softplus(-real) + ops.softplus(fake)
        if self.pretraining_steps:
            terms["moments"] = moments(z, self.prior_deviation)
        return terms

    def noisy(self, x):
        noise = keras.random.truncated_normal(ops.shape(x), stddev=self.input_noise, seed=self.seed_generator)
        return x + noise if self.input_noise else x

    def logit(self, z, training):
        """How sure the critic is that codes come from the prior, `(batch,)`."""
        logit = ops.cast(self.critic(z, training=training), "float32")[:, 0]
        density = -0.5 * ops.sum(ops.square(z / self.prior_deviation), axis=-1)
        constant = self.latent_dim * (math.log(self.prior_deviation) + 0.5 * math.log(2 * math.pi))
        return logit + density - constant if self.prior_in_critic else logit

    def get_config(self):
        names = [
            "prior_deviation", "penalty", "beta_rec", "beta_penalty", "input_noise", "pretraining_steps",
            "prior_in_critic",
        ]  # fmt: skip
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def moments(z, deviation):
    """How far mean and covariance of a batch of codes are from those of the prior, a scalar."""
    mean = ops.mean(z, axis=0)
    centred = z - mean
    size = ops.maximum(ops.cast(ops.shape(z)[0], "float32") - 1, 1)
    covariance = ops.matmul(ops.transpose(centred), centred) / size
    return ops.mean(ops.square(mean)) + ops.mean(ops.square(covariance - deviation**2 * ops.eye(z.shape[1])))
