"""Regularized autoencoders: deterministic, with codes kept small and a prior fitted afterwards.

Ghosh, Sajjadi, Vergari, Black and Schoelkopf (2020), "From Variational to Deterministic Autoencoders",
arXiv:1903.12436; the settings by default are those of Xiao, Yan and Amit (2019), arXiv:1905.10485, table 8.

    encoder, decoder    |x - D(E(x))|^2 + gamma * 0.5 * |E(x)|^2    (+ decay * 0.5 * |kernels of D|^2)

After `fit`, `fit_prior(images)` fits the prior to the codes: a mixture of ten normal distributions.

Differences: neither paper settles the factors of the terms; these are the sums written here. Spectral norms
are Keras': one power iteration for each batch, which divides the kernel itself by its norm.
"""

from keras import ops

from latentzoo import losses, priors
from latentzoo.errors import error, flag, real
from latentzoo.models.autoencoder import Autoencoder
from latentzoo.networks import infogan
from latentzoo.updates import Update, serializable


@serializable
class RAE(Autoencoder):
    """Regularized autoencoder (Ghosh, Sajjadi, Vergari, Black and Schoelkopf, 2020, arXiv:1903.12436).

    Args:
        image_shape: `(height, width, channels)`, pixels in [0, 1].
        latent_dim: int, d. Width of a code.
        encoder: `keras.Model`, images to `(batch, latent_dim)`; the InfoGAN net if `None`.
        decoder: `keras.Model`, codes to images in [0, 1]; the InfoGAN net if `None`.
        prior: a `latentzoo.priors.Prior` or its name, to be fitted by `fit_prior`; a mixture of ten normal
            distributions if `None`.
        beta_rec: float. Weight of half the squared error.
        beta_latent: float, gamma. Weight of half the squared length of codes.
        decoder_decay: float. L2 rate of the decoder's kernels; RAE-L2 if more than 0.
        spectral_norm: bool. Whether encoder and decoder, if they are ours, are kept at spectral norms of 1 at
            most: RAE-SN.
        dtype: Keras dtype policy of the encoder and decoder.

    Terms: `reconstruction`, half the squared error summed over pixels; `latent`, half the squared length of a
    code; `decay`. Monitor: `mean_squared_error` for a pixel.

    Example:

    >>> import latentzoo, numpy as np
    >>> model = latentzoo.models.RAE((8, 8, 1), latent_dim=4, prior="gaussian")
    >>> model.compile()
    >>> images = np.random.default_rng(0).random((64, 8, 8, 1), "float32")
    >>> history = model.fit(images, epochs=1, verbose=0)
    >>> history = model.fit_prior(images, verbose=0)
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
        beta_rec=2.0,
        beta_latent=0.5,
        decoder_decay=0.0,
        spectral_norm=False,
        **kwargs,
    ):
        super().__init__(image_shape, latent_dim, **kwargs)
        for name, value in (
            ("beta_rec", beta_rec),
            ("beta_latent", beta_latent),
            ("decoder_decay", decoder_decay),
        ):
            real(name, value, least=0)
        self.beta_rec, self.beta_latent, self.decoder_decay = beta_rec, beta_latent, decoder_decay
        self.spectral_norm = flag("spectral_norm", spectral_norm)
        if self.spectral_norm and (encoder or decoder):
            raise error(
                "Spectral norms are put into our own networks only.",
                "encoder=None and decoder=None with spectral_norm=True",
                f"encoder={encoder!r}, decoder={decoder!r}",
                "Put `keras.layers.SpectralNormalization` into yours.",
            )
        ours = {"spectral_norm": self.spectral_norm, "dtype": self.dtype_policy}
        self.encoder = self.own("encoder", encoder) or infogan.encoder(
            self.image_shape, self.latent_dim, **ours
        )
        self.decoder = self.own("decoder", decoder) or infogan.decoder(
            self.image_shape, self.latent_dim, **ours
        )
        self.prior = priors.build(prior, self.latent_dim, default="mixture")
        self.check_parts()

    def updates(self):
        fit = {"reconstruction": self.beta_rec, "latent": self.beta_latent}
        if self.decoder_decay:
            fit["decay"] = self.decoder_decay
        return [Update(self.terms, monitors=["mean_squared_error"], encoder=fit, decoder=fit)]

    def terms(self, x, training):
        z = self.encoder(x, training=training)
        reconstruction = losses.squared_error(x, self.decoder(z, training=training))
        terms = {
            "reconstruction": reconstruction,
            "latent": 0.5 * ops.sum(ops.square(z), axis=-1),
            "mean_squared_error": reconstruction * (2 / self.pixels),
        }
        if self.decoder_decay:
            kernels = [v for v in self.decoder.trainable_variables if len(v.shape) > 1]
            terms["decay"] = losses.weight_decay(kernels)
        return terms

    def get_config(self):
        names = ["beta_rec", "beta_latent", "decoder_decay", "spectral_norm"]
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
