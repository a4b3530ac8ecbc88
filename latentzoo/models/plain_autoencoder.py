"""An autoencoder of nothing but reconstruction: its prior comes after, and is learned from its codes.

Sridhar and Srivastava, "AdvAE and FlowAE: Sampling Arbitrary Latent Variable Distributions in an
Autoencoder", a report of a course at Stanford.

    encoder, decoder    -log p(x | E(x))

FlowAE is such an autoencoder whose prior is a flow, `fit_prior(images, "realnvp")`, and AdvAE one whose prior
is a generator that has fought a critic over its codes, `fit_prior(images, "adversarial")`. Any other prior
does as well: nothing holds the codes to a distribution. Ghosh, Sajjadi, Vergari, Black and Schoelkopf (2020),
arXiv:1903.12436, call this ex-post density estimation; their penalties on codes and weights are in `RAE`.

Lessons: the paper found it unstable to train a flow along with the autoencoder. What is missing there is the
stop at the codes, with which it is `GLF`.
"""

from latentzoo import losses, priors
from latentzoo.models.autoencoder import Autoencoder
from latentzoo.networks import infogan
from latentzoo.updates import Update, serializable


@serializable
class PlainAutoencoder(Autoencoder):
    """Autoencoder with a prior that is fitted to its codes: FlowAE, AdvAE (Sridhar and Srivastava).

    What Ghosh et al. (2020), arXiv:1903.12436, call ex-post density estimation.

    Args:
        image_shape: `(height, width, channels)`, pixels in [0, 1].
        latent_dim: int, d. Width of a code.
        encoder: `keras.Model`, images to `(batch, latent_dim)`; the InfoGAN net if `None`.
        decoder: `keras.Model`, codes to images in [0, 1]; the InfoGAN net if `None`.
        prior: a `latentzoo.priors.Prior` or its name, to be fitted by `fit_prior`; a RealNVP if `None`.
        likelihood: `"gaussian"`, or `"bernoulli"` for black and white pixels.
        dtype: Keras dtype policy of the encoder and decoder.

    Terms, nats: `reconstruction`, the negative log-likelihood of an image, of a variance of 1 without its
    constant. Monitor: `mean_squared_error` for a pixel.

    Example:

    >>> import latentzoo, numpy as np
    >>> model = latentzoo.models.PlainAutoencoder((8, 8, 1), latent_dim=4)
    >>> model.compile()
    >>> images = np.random.default_rng(0).random((64, 8, 8, 1), "float32")
    >>> history = model.fit(images, epochs=1, verbose=0)
    >>> history = model.fit_prior(images, "adversarial", loss="gan", epochs=1, verbose=0)
    >>> model.sample(2, seed=0).shape
    (2, 8, 8, 1)
    """

    def __init__(
        self,
        image_shape,
        latent_dim,
        *,
        encoder=None,
        decoder=None,
        prior=None,
        likelihood="gaussian",
        **kwargs,
    ):
        super().__init__(image_shape, latent_dim, **kwargs)
        losses.likelihood(likelihood)
        self.likelihood, policy = likelihood, self.dtype_policy
        self.encoder = self.own("encoder", encoder) or infogan.encoder(
            self.image_shape, self.latent_dim, dtype=policy
        )
        self.decoder = self.own("decoder", decoder) or infogan.decoder(
            self.image_shape, self.latent_dim, dtype=policy
        )
        self.prior = priors.build(prior, self.latent_dim, default="realnvp")
        self.check_parts()

    def updates(self):
        fit = {"reconstruction": 1.0}
        return [Update(self.terms, monitors=["mean_squared_error"], encoder=fit, decoder=fit)]

    def terms(self, x, training):
        y = self.decoder(self.encoder(x, training=training), training=training)
        return {
            "reconstruction": losses.likelihood(self.likelihood)(x, y),
            "mean_squared_error": losses.squared_error(x, y) * (2 / self.pixels),
        }

    def get_config(self):
        return {**super().get_config(), "likelihood": self.likelihood}
