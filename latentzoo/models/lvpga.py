"""A perceptual generative autoencoder between the two: likelihood with a noise that is learned.

Zhang, Zhang, Li, Bengio and Paull (2020), "Perceptual Generative Autoencoders", arXiv:1906.10335, section
3.5. With h = E(D(.)), the encoder giving mu and s, and all means, as `latentzoo.models.pga` has it:

    encoder    mean (x - D(mu))^2 + alpha * mean (h(n) - n)^2 + beta * mean (h(mu) - mu)^2 + gamma' V
               + eta * KL(N(mu, s^2) || N(0, I)) / d - gamma * log N(mu; 0, I) / d
    decoder    mean (x - D(mu))^2 + gamma' V
    V          0.5 log (|h(mu + delta) - h(mu)|^2 / |delta|^2),    delta = (s + 0.01) e

n and e are standard normal, and the |delta| that is divided by is held constant. Of V the encoder learns how
much noise there is and nothing else, so that it stands twice in the table, as in VPGA: as `noise`, in which
only s is no constant, and as `log_determinant`, for the decoder. With gamma' = gamma and eta = 0, s falls to
0 and LPGA is what remains. For the first 3,000 steps all but the first terms are off.
"""

from keras import ops

from latentzoo import posteriors
from latentzoo.errors import real
from latentzoo.models.pga import PGA, log_ratio
from latentzoo.updates import serializable

LEAST_DEVIATION = 0.01  # of the noise


@serializable
class LVPGA(PGA):
    """Likelihood and variational perceptual generative autoencoder (Zhang et al., 2020, arXiv:1906.10335).

    Defaults are the paper's for MNIST, where codes have a width of 32.

    Args:
        image_shape: `(height, width, channels)`, pixels in [0, 1].
        latent_dim: int, d. Width of a code.
        encoder: `keras.Model`, images to `(batch, 2 * latent_dim)`, means and log variances of codes; that of
            `latentzoo.networks.pga`, whose deviations start at about 0.1, if `None`.
        decoder: `keras.Model`, codes to images in [0, 1]; that of `latentzoo.networks.pga` if `None`.
        prior: what `sample` draws from, a `latentzoo.priors.Prior` or its name; the standard normal
            distribution, to which training holds codes, if `None`.
        architecture: str. Which of the networks of `latentzoo.networks.pga`; by the size of images if `None`.
        batch_norm: bool. Whether these networks have batch norm.
        beta_rec: float. Weight of the reconstruction of images.
        beta_prior_codes: float, alpha. Weight of the reconstruction of codes drawn from N(0, I).
        beta_data_codes: float, beta. Weight of the reconstruction of codes of images.
        beta_log_determinant: float, gamma'. Weight of V.
        beta_kl: float, eta. Weight of the divergence.
        beta_nll: float, gamma. Weight of the negative log-likelihood of means.
        decoder_learns_codes: bool. Whether the decoder, too, descends the reconstruction of codes, which the
            paper finds to hurt.
        warm_up_steps: int. First steps after compiling, in which only `beta_rec` counts.
        sampling_statistics: `"batch"`, so that batch norm takes the statistics of 1,000 samples in `sample`,
            or `"moving"`.
        dtype: Keras dtype policy of encoder and decoder; to train float32, since bfloat16 is too coarse for
            delta.

    Terms: `reconstruction`, mean squared error of a pixel in [-1, 1]; `prior_codes` and `data_codes`, mean
    squared error of a coordinate; `log_determinant`, which is V, `noise`, the same number as it depends on s
    alone, `kl` and `nll`, -log N(mu; 0, I), nats, all divided by d. Those of weight 0 are left out. Monitor:
    `mean_squared_error` for a pixel in [0, 1].

    Example:

    >>> import latentzoo, numpy as np
    >>> model = latentzoo.models.LVPGA((8, 8, 1), latent_dim=4)
    >>> model.compile()
    >>> images = np.random.default_rng(0).random((64, 8, 8, 1), "float32")
    >>> history = model.fit(images, epochs=1, verbose=0)
    >>> model.sample(2, seed=0).shape
    (2, 8, 8, 1)
    """

    variational = True
    compares_near_codes = True

    def __init__(
        self,
        image_shape,
        latent_dim,
        *,
        beta_log_determinant=2e-2,
        beta_kl=2e-2,
        beta_nll=0.0,
        warm_up_steps=3000,
        **kwargs,
    ):
        super().__init__(image_shape, latent_dim, warm_up_steps=warm_up_steps, **kwargs)
        for name, value in [
            ("beta_log_determinant", beta_log_determinant),
            ("beta_kl", beta_kl),
            ("beta_nll", beta_nll),
        ]:
            real(name, value, least=0)
        self.beta_log_determinant, self.beta_kl, self.beta_nll = beta_log_determinant, beta_kl, beta_nll

    def updates(self):
        return self.route(
            encoder={"noise": self.beta_log_determinant, "kl": self.beta_kl, "nll": self.beta_nll},
            decoder={"log_determinant": self.beta_log_determinant},
        )

    def terms(self, x, training):
        z, deviation = self.split(self.encoder(x, training=training))
        y = self.decoder(z, training=training)
        terms = self.shared_terms(x, y, z, training)
        if self.beta_kl:
            terms["kl"] = posteriors.divergence(z, deviation) / self.latent_dim
        if self.beta_nll:
            terms["nll"] = -posteriors.log_prob(z, 0.0, 1.0) / self.latent_dim
        if self.beta_log_determinant:
            delta = (deviation + LEAST_DEVIATION) * self.noise(z)
            near = self.decoder(ops.stop_gradient(z) + delta, training=training)
            clean, noisy = self.passed(y, training), self.passed(near, training)
            for name, code in (("noise", ops.stop_gradient(clean)), ("log_determinant", clean)):
                terms[name] = log_ratio(noisy - code, ops.stop_gradient(delta))
        return terms

    def get_config(self):
        names = ["beta_log_determinant", "beta_kl", "beta_nll"]
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
