"""A perceptual generative autoencoder trained by a variational bound for its codes.

Zhang, Zhang, Li, Bengio and Paull (2020), "Perceptual Generative Autoencoders", arXiv:1906.10335, section
3.3. With h = E(D(.)), the encoder giving mu and s, and all means, as `latentzoo.models.pga` has it:

    encoder    mean (x - D(mu))^2 + alpha * mean (h(n) - n)^2 + beta * mean (h(mu) - mu)^2
               + c * mean ((h(mu) - h(mu + s e)) / r)^2 + eta * KL(N(mu, s^2) || N(0, I)) / d
    decoder    mean (x - D(mu))^2 + c * mean ((h(mu) - h(mu + s e)) / r)^2

n and e are standard normal, r is the root mean square of mu in the batch (under replicas, of each one's
share), coordinate by coordinate. Of the term with c, the variational autoencoder's reconstruction of a code
from a noisy one, the encoder learns how much noise there is and nothing else: not to tell h(mu) from
h(mu + s e), nor where mu is. It stands twice in the table, with another cut: as `noise`, in which only s is
no constant, and as `noisy_codes`, for the decoder.

Difference from the paper: it divides by the length of a code, the authors' code by r, as here.
"""

from keras import ops

from latentzoo import posteriors
from latentzoo.errors import real
from latentzoo.models.pga import LEAST, PGA
from latentzoo.updates import serializable


@serializable
class VPGA(PGA):
    """Variational perceptual generative autoencoder (Zhang and others, 2020, arXiv:1906.10335).

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
        beta_noisy_codes: float, eta / (2 sigma^2). Weight of the reconstruction of codes from noisy ones.
        beta_kl: float, eta. Weight of the divergence.
        decoder_learns_codes: bool. Whether the decoder, too, descends the reconstruction of codes, which the
            paper finds to hurt.
        warm_up_steps: int. First steps after compiling, in which only `beta_rec` counts.
        sampling_statistics: `"batch"`, so that batch norm takes the statistics of 1,000 samples in `sample`,
            or `"moving"`.
        dtype: Keras dtype policy of encoder and decoder.

    Terms: `reconstruction`, mean squared error of a pixel in [-1, 1]; `prior_codes`, `data_codes` and
    `noisy_codes`, mean squared error of a coordinate, the last divided by r^2; `noise`, the same number as
    the last, as it depends on s alone; `kl`, nats divided by d. Those of weight 0 are left out. Monitor:
    `mean_squared_error` for a pixel in [0, 1].

    Example:

    >>> import latentzoo, numpy as np
    >>> model = latentzoo.models.VPGA((8, 8, 1), latent_dim=4)
    >>> model.compile()
    >>> images = np.random.default_rng(0).random((64, 8, 8, 1), "float32")
    >>> history = model.fit(images, epochs=1, verbose=0)
    >>> model.sample(2, seed=0).shape
    (2, 8, 8, 1)
    """

    variational = True

    def __init__(self, image_shape, latent_dim, *, beta_noisy_codes=1e-2, beta_kl=2e-2, **kwargs):
        super().__init__(image_shape, latent_dim, **kwargs)
        for name, value in [("beta_noisy_codes", beta_noisy_codes), ("beta_kl", beta_kl)]:
            real(name, value, least=0)
        self.beta_noisy_codes, self.beta_kl = beta_noisy_codes, beta_kl

    def updates(self):
        return self.route(
            encoder={"noise": self.beta_noisy_codes, "kl": self.beta_kl},
            decoder={"noisy_codes": self.beta_noisy_codes},
        )

    def terms(self, x, training):
        z, deviation = self.split(self.encoder(x, training=training))
        y = self.decoder(z, training=training)
        terms = self.shared_terms(x, y, z, training)
        if self.beta_kl:
            terms["kl"] = posteriors.divergence(z, deviation) / self.latent_dim
        if self.beta_noisy_codes:
            near = self.decoder(ops.stop_gradient(z) + deviation * self.noise(z), training=training)
            clean, noisy = self.passed(y, training), self.passed(near, training)
            scale = ops.sqrt(ops.maximum(ops.mean(ops.square(ops.stop_gradient(z)), axis=0), LEAST))
            for name, code in (("noise", ops.stop_gradient(clean)), ("noisy_codes", clean)):
                terms[name] = ops.mean(ops.square((code - noisy) / scale), axis=-1)
        return terms

    def get_config(self):
        return {
            **super().get_config(),
            "beta_noisy_codes": self.beta_noisy_codes,
            "beta_kl": self.beta_kl,
        }
