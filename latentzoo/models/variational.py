"""What variational autoencoders share: a Gaussian posterior and a likelihood of pixels."""

import numbers

import keras
from keras import ops

from latentzoo import losses, posteriors
from latentzoo.errors import error
from latentzoo.models.autoencoder import Autoencoder
from latentzoo.networks import infogan
from latentzoo.networks.deviation import Deviation

MONITORS = ("mean_squared_error", "posterior_variance")


class Variational(Autoencoder):
    """An autoencoder whose encoder gives the mean and the deviation of a normal distribution. Abstract.

    Families add a prior and an objective. `posterior(x, training)` and `reconstruction(x, y)` are what terms
    are made of, `rows` and `MONITORS` what their routing tables are.

    Args:
        image_shape, latent_dim: as of `Autoencoder`.
        encoder: `keras.Model`, images to `(batch, 2 * latent_dim)`, means and what `posteriors.split` makes
            deviations of, or to means alone if `posterior_deviation` is given; the InfoGAN net if `None`.
        decoder: `keras.Model`, codes to images in [0, 1]; the InfoGAN net if `None`.
        likelihood: `"gaussian"` or `"bernoulli"`.
        decoder_variance: float, gamma. Variance of a Gaussian pixel, or `"learned"`: one number for all.
        posterior_deviation: float. The same deviation for all codes, or `None`: the encoder's.
    """

    parts = (*Autoencoder.parts, "deviation")

    def __init__(
        self,
        image_shape,
        latent_dim,
        *,
        encoder=None,
        decoder=None,
        likelihood="gaussian",
        decoder_variance=1.0,
        posterior_deviation=None,
        **kwargs,
    ):
        super().__init__(image_shape, latent_dim, **kwargs)
        check_arguments(likelihood, decoder_variance, posterior_deviation)
        self.likelihood, self.decoder_variance = likelihood, decoder_variance
        self.posterior_deviation = posterior_deviation
        self.encoder = self.own("encoder", encoder) or infogan.encoder(
            self.image_shape, self.encoded_dim, dtype=self.dtype_policy
        )
        self.decoder = self.own("decoder", decoder) or infogan.decoder(
            self.image_shape, self.latent_dim, dtype=self.dtype_policy
        )
        self.deviation = Deviation() if decoder_variance == "learned" else None
        self.seed_generator = keras.random.SeedGenerator(0)

    @property
    def encoded_dim(self):
        return self.latent_dim * (2 if self.posterior_deviation is None else 1)

    def split(self, encoded):
        return posteriors.split(encoded, self.posterior_deviation)

    def terms(self, x, training):
        """Both parts of the evidence lower bound to a standard normal prior; flows have their own."""
        z, mean, deviation = self.posterior(x, training)
        y = self.decoder(z, training=training)
        return {
            "reconstruction": self.reconstruction(x, y),
            "kl": posteriors.divergence(mean, deviation),
            **self.monitors(x, y, deviation),
        }

    def posterior(self, x, training):
        """One draw for each image and the distribution it is from: code, mean and deviation."""
        mean, deviation = self.split(self.encoder(x, training=training))
        return posteriors.draw(mean, deviation, self.seed_generator), mean, deviation

    def reconstruction(self, x, y):
        """Negative log-likelihood of images, `(batch,)`, nats; of a fixed variance without its constant."""
        if self.deviation is not None:
            return losses.gaussian(x, y, self.deviation.value())
        return losses.likelihood(self.likelihood)(x, y) / self.decoder_variance

    def monitors(self, x, y, deviation):
        """What is only looked at: the squared error of a pixel, and the mean variance of a code."""
        return {
            "mean_squared_error": losses.squared_error(x, y) * (2 / self.pixels),
            "posterior_variance": ops.mean(ops.square(deviation), axis=-1),
        }

    def rows(self, **rows):
        """The rows of a routing table: a learned deviation of pixels descends what the decoder does."""
        return rows if self.deviation is None else {**rows, "deviation": rows["decoder"]}

    def get_config(self):
        return {
            **super().get_config(),
            "likelihood": self.likelihood,
            "decoder_variance": self.decoder_variance,
            "posterior_deviation": self.posterior_deviation,
        }


def check_arguments(likelihood, decoder_variance, posterior_deviation):
    losses.likelihood(likelihood)
    for name, value, word in (
        ("decoder_variance", decoder_variance, "learned"),
        ("posterior_deviation", posterior_deviation, None),
    ):
        given = value is None if word is None else isinstance(value, str) and value == word
        number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if not given and not (number and 0 < value < float("inf")):
            raise error(f"Bad {name}.", f"a number > 0, or {word!r}", f"{name}={value!r}"[:100])
    if likelihood == "bernoulli" and decoder_variance != 1.0:
        raise error(
            "Only Gaussian pixels have a variance.",
            "decoder_variance=1.0 with likelihood='bernoulli'",
            f"decoder_variance={decoder_variance!r}",
        )
