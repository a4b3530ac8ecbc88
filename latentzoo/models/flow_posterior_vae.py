"""A variational autoencoder whose posterior is bent by a flow.

Rezende and Mohamed (2015), "Variational Inference with Normalizing Flows", arXiv:1505.05770, as Xiao, Yan and
Amit (2019), "Generative Latent Flow", arXiv:1905.10485, section 4, compare with: the flow is theirs and does
not depend on the image.

    all    beta_rec * -log p(x | z_K) + log N(z_0; mu, s^2) - log |det dz_K/dz_0| - log N(z_K; 0, I)

with `z_0 = mu + s * eps` and `z_K = f(z_0)`. What the decoder takes are codes `z_K`; sampling needs no flow.
The last two terms are the negative log-likelihood of z_0 under the flow as a prior: this is the VAE with a
flow prior, but for the side of the flow on which the decoder stands.
"""

from latentzoo import posteriors, priors
from latentzoo.errors import error, real
from latentzoo.models.autoencoder import serialize
from latentzoo.models.variational import MONITORS, Variational
from latentzoo.updates import Update, serializable


@serializable
class FlowPosteriorVAE(Variational):
    """Variational autoencoder with a flow posterior (Rezende and Mohamed, 2015, arXiv:1505.05770).

    Args:
        image_shape: `(height, width, channels)`, pixels in [0, 1].
        latent_dim: int, d. Width of a code.
        encoder: `keras.Model`, images to `(batch, 2 * latent_dim)`, means and what becomes deviations by
            softplus; to means alone if `posterior_deviation` is given. The InfoGAN net if `None`.
        decoder: `keras.Model`, codes to images in [0, 1]; the InfoGAN net if `None`.
        flow: a `latentzoo.priors.RealNVP` from the encoder's codes to the decoder's; that of
            `priors.latent_flow` if `None`.
        prior: what `sample` draws from, a `latentzoo.priors.Prior` or its name; the standard normal
            distribution if `None`. The divergence is always that to the standard normal.
        beta_rec: float, beta. Weight of the reconstruction.
        likelihood: `"gaussian"` or `"bernoulli"`.
        decoder_variance: float, gamma. Variance of a Gaussian pixel, or `"learned"`.
        posterior_deviation: float. The same deviation for all codes, or `None`: the encoder's.
        dtype: Keras dtype policy of the encoder and decoder. The flow is float32.

    Codes are z_K, for `encode` those of the posterior's mean before the flow.

    Terms, nats: `reconstruction`, the negative log-likelihood of an image, of a fixed variance without its
    constant; `kl`, of the one code drawn. Monitors: `mean_squared_error` for a pixel, `posterior_variance`,
    the mean of s^2.

    Example:

    >>> import latentzoo, numpy as np
    >>> model = latentzoo.models.FlowPosteriorVAE((8, 8, 1), latent_dim=4)
    >>> model.compile()
    >>> images = np.random.default_rng(0).random((64, 8, 8, 1), "float32")
    >>> history = model.fit(images, epochs=1, verbose=0)
    >>> model.sample(2, seed=0).shape
    (2, 8, 8, 1)
    """

    parts = (*Variational.parts, "flow")

    def __init__(self, image_shape, latent_dim, *, flow=None, prior=None, beta_rec=1.0, **kwargs):
        super().__init__(image_shape, latent_dim, **kwargs)
        real("beta_rec", beta_rec, least=0)
        self.beta_rec = beta_rec
        self.flow = priors.latent_flow(flow, latent_dim)
        if not isinstance(self.flow, priors.RealNVP):
            raise error("The posterior is bent by a flow.", "a `latentzoo.priors.RealNVP`", f"flow={flow!r}")
        self.prior = priors.build(prior, self.latent_dim, default="normal")
        self.check_parts()

    def updates(self):
        bound = {"reconstruction": self.beta_rec, "kl": 1.0}
        return [Update(self.terms, monitors=MONITORS, **self.rows(encoder=bound, decoder=bound, flow=bound))]

    def terms(self, x, training):
        z, mean, deviation = self.posterior(x, training)
        codes, log_prob = self.flow.inverse_and_log_prob(z)
        y = self.decoder(codes, training=training)
        return {
            "reconstruction": self.reconstruction(x, y),
            "kl": posteriors.log_prob(z, mean, deviation) - log_prob,
            **self.monitors(x, y, deviation),
        }

    def codes_of(self, encoded):
        return self.flow.inverse(super().codes_of(encoded))

    def draw_codes(self, encoded, rng):
        return self.flow.inverse(super().draw_codes(encoded, rng))

    def codes_to_fit(self, encoded, rng):
        return self.draw_codes(encoded, rng)  # not normal after the flow: one draw for each image

    def get_config(self):
        return {**super().get_config(), "beta_rec": self.beta_rec, "flow": serialize(self.flow)}
