"""A variational autoencoder, and a second one for its codes.

Dai and Wipf (2019), "Diagnosing and Enhancing VAE Models", arXiv:1903.05789.

    encoder, decoder, deviation    -log N(x; D(z), g^2 I) + KL(N(mu, s^2) || N(0, I)),    z = mu + s * eps

The deviation g of pixels is learned; it falls as training goes on, and images become sharp while codes spread
beyond the standard normal distribution. After `fit`, `fit_prior(images)` trains the second autoencoder on
draws from the posteriors, fresh ones in every epoch: its codes are normal, and through it `sample` draws.
"""

import keras

from latentzoo import priors
from latentzoo.errors import error
from latentzoo.models.variational import MONITORS, Variational
from latentzoo.updates import Update, serializable


@serializable
class TwoStageVAE(Variational):
    """Two-stage variational autoencoder (Dai and Wipf, 2019, arXiv:1903.05789).

    Args:
        image_shape: `(height, width, channels)`, pixels in [0, 1].
        latent_dim: int, d. Width of a code.
        encoder: `keras.Model`, images to `(batch, 2 * latent_dim)`, means and what becomes deviations by
            softplus; to means alone if `posterior_deviation` is given. The InfoGAN net if `None`.
        decoder: `keras.Model`, codes to images in [0, 1]; the InfoGAN net if `None`.
        prior: a `latentzoo.priors.Prior` or its name, to be fitted by `fit_prior`; a
            `latentzoo.priors.SecondStageVAE` if `None`.
        posterior_deviation: float. The same deviation for all codes, or `None`: the encoder's.
        dtype: Keras dtype policy of the encoder and decoder. The prior is float32.

    Terms, nats: `reconstruction`, the negative log-likelihood of an image; `kl`. Monitors:
    `mean_squared_error` for a pixel, `posterior_variance`, the mean of s^2. Optimizer, unless told otherwise:
    Adam at 1e-4.

    Example:

    >>> import latentzoo, numpy as np
    >>> model = latentzoo.models.TwoStageVAE((8, 8, 1), latent_dim=4)
    >>> model.compile()
    >>> images = np.random.default_rng(0).random((64, 8, 8, 1), "float32")
    >>> history = model.fit(images, epochs=1, verbose=0)
    >>> history = model.fit_prior(images, epochs=1, verbose=0)
    >>> model.sample(2, seed=0).shape
    (2, 8, 8, 1)
    """

    fits_prior_to_draws = True

    def __init__(
        self,
        image_shape,
        latent_dim,
        *,
        encoder=None,
        decoder=None,
        prior=None,
        posterior_deviation=None,
        **kwargs,
    ):
        if fixed := sorted({"likelihood", "decoder_variance"} & set(kwargs)):
            raise error(
                "Pixels of a two-stage VAE are normal, of a deviation that is learned.",
                f"neither of {fixed}",
                f"{fixed[0]}={kwargs[fixed[0]]!r}",
                "Take `VAE` to choose them.",
            )
        super().__init__(
            image_shape,
            latent_dim,
            encoder=encoder,
            decoder=decoder,
            decoder_variance="learned",
            posterior_deviation=posterior_deviation,
            **kwargs,
        )
        self.prior = priors.build(prior, self.latent_dim, default="second-stage")
        self.check_parts()

    def updates(self):
        bound = {"reconstruction": 1.0, "kl": 1.0}
        return [Update(self.terms, monitors=MONITORS, **self.rows(encoder=bound, decoder=bound))]

    def default_optimizers(self):
        return keras.optimizers.Adam(1e-4, epsilon=1e-8)

    def get_config(self):
        fixed = ("likelihood", "decoder_variance")
        return {name: value for name, value in super().get_config().items() if name not in fixed}
