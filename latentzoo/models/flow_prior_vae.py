"""A variational autoencoder whose prior is a flow.

Joint: Xiao, Yan and Amit (2019), "Generative Latent Flow", arXiv:1905.10485, section 4, as what Generative
Latent Flow is compared with. Bilevel: Morrow and Chiu (2020), on learned priors without regularization of the
latent space.

    encoder    beta_rec * -log p(x | z) + beta_kl * (log q(z | x) - log p(z)),    z = mu + s * eps
    decoder    beta_rec * -log p(x | z)
    prior      -log p(z)

The prior learns at full weight whatever `beta_kl` is; with 0 the encoder never hears of it. With 1 the three
rows are the gradient of one evidence lower bound: the joint objective of Xiao, Yan and Amit, who vary
`beta_rec`. The decoder stands in the encoder's row, since the rest of it does not depend on the decoder.

Afterwards `fit_prior` trains the prior alone, still on draws from the posteriors, fresh ones in every epoch.

Lessons: at `beta_kl=0` nothing holds the posterior's deviation up, and it falls, with enough training to the
floor of 1e-6 that all posteriors have here. Adding up both evaluations of the flow that the bilevel form
speaks of, one for each row, would take twice the time: one serves both.
"""

from latentzoo import posteriors, priors
from latentzoo.errors import real
from latentzoo.models.variational import MONITORS, Variational
from latentzoo.updates import Update, serializable


@serializable
class FlowPriorVAE(Variational):
    """Variational autoencoder with a flow prior (as in arXiv:1905.10485, and of Morrow and Chiu, 2020).

    Args:
        image_shape: `(height, width, channels)`, pixels in [0, 1].
        latent_dim: int, d. Width of a code.
        encoder: `keras.Model`, images to `(batch, 2 * latent_dim)`, means and what becomes deviations by
            softplus; to means alone if `posterior_deviation` is given. The InfoGAN net if `None`.
        decoder: `keras.Model`, codes to images in [0, 1]; the InfoGAN net if `None`.
        prior: a `latentzoo.priors.Prior` or its name; the RealNVP of Generative Latent Flow if `None`: 4
            blocks of 2 couplings, k = 64 hidden units where d is 20 or less, 256 above.
            `RealNVP.learned_prior` is that of the bilevel form. With one that has no density reconstruction
            alone is learned, whatever `beta_kl` is.
        beta_rec: float, beta. Weight of the reconstruction.
        beta_kl: float. Weight of the divergence to the prior, for the encoder alone.
        likelihood: `"gaussian"` or `"bernoulli"`.
        decoder_variance: float, gamma. Variance of a Gaussian pixel, or `"learned"`.
        posterior_deviation: float. The same deviation for all codes, or `None`: the encoder's.
        dtype: Keras dtype policy of the encoder and decoder. The prior is float32.

    Terms, nats: `reconstruction`, the negative log-likelihood of an image, of a fixed variance without its
    constant; `nll`, of a code under the prior; `negative_entropy`, `-sum_j log s_j` and its constant, of the
    posterior. Monitors: `mean_squared_error` for a pixel, `posterior_variance`, the mean of s^2.

    Example:

    >>> import latentzoo, numpy as np
    >>> model = latentzoo.models.FlowPriorVAE((8, 8, 1), latent_dim=4, beta_kl=0.1)
    >>> model.compile()
    >>> images = np.random.default_rng(0).random((64, 8, 8, 1), "float32")
    >>> history = model.fit(images, epochs=1, verbose=0)
    >>> model.sample(2, seed=0).shape
    (2, 8, 8, 1)
    """

    fits_prior_to_draws = True

    def __init__(self, image_shape, latent_dim, *, prior=None, beta_rec=1.0, beta_kl=1.0, **kwargs):
        super().__init__(image_shape, latent_dim, **kwargs)
        real("beta_rec", beta_rec, least=0)
        real("beta_kl", beta_kl, least=0)
        self.beta_rec, self.beta_kl = beta_rec, beta_kl
        self.prior = priors.latent_flow(prior, self.latent_dim)
        self.check_parts()

    def updates(self):
        learned = self.prior.explicit
        bound = {"reconstruction": self.beta_rec}
        if self.beta_kl and learned:
            bound |= {"nll": self.beta_kl, "negative_entropy": self.beta_kl}
        # Of one row, which is one backward pass, where it gives the prior the same gradient.
        likelihood = bound if self.beta_kl == 1 else {"nll": 1.0}
        rows = self.rows(encoder=bound, decoder=bound, prior=likelihood if learned else {})
        monitors = MONITORS if "nll" in bound else (*MONITORS, "negative_entropy")
        return [Update(self.terms, monitors=monitors, **rows)]

    def terms(self, x, training):
        z, mean, deviation = self.posterior(x, training)
        y = self.decoder(z, training=training)
        terms = {
            "reconstruction": self.reconstruction(x, y),
            "negative_entropy": -posteriors.entropy(deviation),
            **self.monitors(x, y, deviation),
        }
        return {**terms, "nll": -self.prior.log_prob(z)} if self.prior.explicit else terms

    def get_config(self):
        return {**super().get_config(), "beta_rec": self.beta_rec, "beta_kl": self.beta_kl}
