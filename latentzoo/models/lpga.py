"""A perceptual generative autoencoder trained by the likelihood of its codes.

Zhang, Zhang, Li, Bengio and Paull (2020), "Perceptual Generative Autoencoders", arXiv:1906.10335, section
3.2. With h = E(D(.)) and z = E(x), all means, as `latentzoo.models.pga` has it:

    encoder    mean (x - D(z))^2 + alpha * mean (h(n) - n)^2 + beta * mean (h(z) - z)^2
               - gamma * log N(z; 0, I) / d
    decoder    mean (x - D(z))^2 + gamma * 0.5 log (|h(z + delta) - h(z)|^2 / |delta|^2)

n is standard normal; delta is uniform on a sphere of radius 0.01 sqrt(d). The two terms with gamma are the
negative log-likelihood of codes under h as a change of variables, which a reversible network would have
exactly: the first draws codes together and teaches the encoder alone, the second, the log determinant of h,
spreads them and teaches the decoder alone. For the first 3,000 steps all but the first terms are off.
"""

from keras import ops

from latentzoo import posteriors
from latentzoo.errors import real
from latentzoo.models.pga import PGA, log_ratio
from latentzoo.updates import serializable

RADIUS = 0.01  # for one coordinate


@serializable
class LPGA(PGA):
    """Maximum likelihood perceptual generative autoencoder (Zhang and others, 2020, arXiv:1906.10335).

    Defaults are the paper's for MNIST, where codes have a width of 12.

    Args:
        image_shape: `(height, width, channels)`, pixels in [0, 1].
        latent_dim: int, d. Width of a code.
        encoder: `keras.Model`, images to `(batch, latent_dim)`; that of `latentzoo.networks.pga` if `None`.
        decoder: `keras.Model`, codes to images in [0, 1]; that of `latentzoo.networks.pga` if `None`.
        prior: what `sample` draws from, a `latentzoo.priors.Prior` or its name; the standard normal
            distribution, to which training holds codes, if `None`.
        architecture: str. Which of the networks of `latentzoo.networks.pga`; by the size of images if `None`.
        batch_norm: bool. Whether these networks have batch norm.
        beta_rec: float. Weight of the reconstruction of images.
        beta_prior_codes: float, alpha. Weight of the reconstruction of codes drawn from N(0, I).
        beta_data_codes: float, beta. Weight of the reconstruction of codes of images.
        beta_nll: float, gamma. Weight of both parts of the negative log-likelihood.
        decoder_learns_codes: bool. Whether the decoder, too, descends the reconstruction of codes, which the
            paper finds to hurt.
        warm_up_steps: int. First steps after compiling, in which only `beta_rec` counts.
        sampling_statistics: `"batch"`, so that batch norm takes the statistics of 1,000 samples in `sample`,
            or `"moving"`.
        dtype: Keras dtype policy of encoder and decoder; to train float32, since bfloat16 is too coarse for
            delta.

    Terms: `reconstruction`, mean squared error of a pixel in [-1, 1]; `prior_codes` and `data_codes`, mean
    squared error of a coordinate; `nll`, -log N(z; 0, I), and `log_determinant`, nats, both divided by d.
    Those of weight 0 are left out. Monitor: `mean_squared_error` for a pixel in [0, 1].

    Example:

    >>> import latentzoo, numpy as np
    >>> model = latentzoo.models.LPGA((8, 8, 1), latent_dim=4)
    >>> model.compile()
    >>> images = np.random.default_rng(0).random((64, 8, 8, 1), "float32")
    >>> history = model.fit(images, epochs=1, verbose=0)
    >>> model.sample(2, seed=0).shape
    (2, 8, 8, 1)
    """

    compares_near_codes = True

    def __init__(self, image_shape, latent_dim, *, beta_nll=1.5e-2, warm_up_steps=3000, **kwargs):
        super().__init__(image_shape, latent_dim, warm_up_steps=warm_up_steps, **kwargs)
        real("beta_nll", beta_nll, least=0)
        self.beta_nll = beta_nll

    def updates(self):
        return self.route(encoder={"nll": self.beta_nll}, decoder={"log_determinant": self.beta_nll})

    def terms(self, x, training):
        z = self.encoder(x, training=training)
        y = self.decoder(z, training=training)
        terms = self.shared_terms(x, y, z, training)
        if self.beta_nll:
            terms["nll"] = -posteriors.log_prob(z, 0.0, 1.0) / self.latent_dim
            delta = self.on_sphere(z)
            near = self.decoder(ops.stop_gradient(z) + delta, training=training)
            change = self.passed(near, training) - self.passed(y, training)
            terms["log_determinant"] = log_ratio(change, delta)
        return terms

    def on_sphere(self, z):
        """Steps of one length in all directions, for codes `z`."""
        noise = self.noise(z)
        length = ops.sqrt(ops.sum(ops.square(noise), axis=-1, keepdims=True))
        return noise * (RADIUS * self.latent_dim**0.5 / ops.maximum(length, 1e-12))

    def get_config(self):
        return {**super().get_config(), "beta_nll": self.beta_nll}
