"""The variational autoencoder, with a weight for its divergence.

Kingma and Welling (2014), "Auto-Encoding Variational Bayes", arXiv:1312.6114; Higgins et al. (2017),
"beta-VAE"; with one deviation for all codes, Ghosh, Sajjadi, Vergari, Black and Schoelkopf (2020), "From
Variational to Deterministic Autoencoders", arXiv:1903.12436, where it is called CV-VAE.

    encoder, decoder    -log p(x | z) + beta_kl * KL(N(mu, s^2) || N(0, I)),    z = mu + s * eps

One objective for both, the evidence lower bound if `beta_kl` is 1.

Lessons: with pixels in [0, 1] a variance of 1 is far too much noise, so that the divergence wins and samples
are blurred; a smaller or a learned variance gives the reconstruction its due.
"""

from latentzoo import priors
from latentzoo.errors import real
from latentzoo.models.variational import MONITORS, Variational
from latentzoo.updates import Update, serializable


@serializable
class VAE(Variational):
    """Variational autoencoder (Kingma and Welling, 2014, arXiv:1312.6114).

    Args:
        image_shape: `(height, width, channels)`, pixels in [0, 1].
        latent_dim: int, d. Width of a code.
        encoder: `keras.Model`, images to `(batch, 2 * latent_dim)`, means and what becomes deviations by
            softplus; to means alone if `posterior_deviation` is given. The InfoGAN net if `None`.
        decoder: `keras.Model`, codes to images in [0, 1]; the InfoGAN net if `None`.
        prior: what `sample` draws from, a `latentzoo.priors.Prior` or its name; the standard normal
            distribution if `None`. The divergence is always that to the standard normal.
        beta_kl: float. Weight of the divergence.
        likelihood: `"gaussian"` or `"bernoulli"`.
        decoder_variance: float, gamma. Variance of a Gaussian pixel (its inverse is called beta in Xiao, Yan
            and Amit, 2019, arXiv:1905.10485), or `"learned"`: one number for all pixels.
        posterior_deviation: float. The same deviation for all codes, or `None`: the encoder's.
        dtype: Keras dtype policy of the encoder and decoder.

    Terms, nats: `reconstruction`, the negative log-likelihood of an image, of a fixed variance without its
    constant; `kl`. Monitors: `mean_squared_error` for a pixel, `posterior_variance`, the mean of s^2.

    Example:

    >>> import latentzoo, numpy as np
    >>> model = latentzoo.models.VAE((8, 8, 1), latent_dim=4, likelihood="bernoulli")
    >>> model.compile()
    >>> images = np.random.default_rng(0).integers(0, 2, (64, 8, 8, 1)).astype("float32")
    >>> history = model.fit(images, epochs=1, verbose=0)
    >>> model.sample(2, seed=0).shape
    (2, 8, 8, 1)
    """

    def __init__(self, image_shape, latent_dim, *, prior=None, beta_kl=1.0, **kwargs):
        super().__init__(image_shape, latent_dim, **kwargs)
        real("beta_kl", beta_kl, least=0)
        self.beta_kl = beta_kl
        self.prior = priors.build(prior, self.latent_dim, default="normal")
        self.check_parts()

    def updates(self):
        bound = {"reconstruction": 1.0, "kl": self.beta_kl}
        return [Update(self.terms, monitors=MONITORS, **self.rows(encoder=bound, decoder=bound))]

    def get_config(self):
        return {**super().get_config(), "beta_kl": self.beta_kl}
