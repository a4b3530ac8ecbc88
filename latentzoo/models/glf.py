"""Generative Latent Flow: an autoencoder and a flow prior trained side by side.

Xiao, Yan and Amit (2019), "Generative Latent Flow", arXiv:1905.10485, equations 6 and 7.

    encoder, decoder    beta_rec * 0.5 * |x - D(E(x))|^2                    (+ nll if regularized)
    prior               -log N(f(E(x)); 0, I) - log |det df/dz|  + L2

The encoder and decoder have no `nll` entry in the table: the flow learns the codes as they are and
does not bend them. That is the paper's stop-gradient, and what keeps codes from collapsing. With
`regularized=True` the encoder descends the likelihood too; the paper shows why not to. With
`reconstruction="perceptual"`, `latentzoo.perceptual` stands in the place of the squared error, which the
paper does where it compares with GLANN: compare such models with others of their kind alone.

Differences from the paper: the scale of a coupling is sigmoid(s + 2) by default, as in public code, but
without its learned factor of the output. Such a flow only contracts, which is what codes that spread want;
`exp(s)`, as printed, is `prior=RealNVP(latent_dim, ..., coupling="exp")`.

Lessons: without `nll` in the encoder's row, `beta_rec` only rescales a loss, to which Adam is blind.
The likelihood falls as training goes on (codes spread) while samples improve: judge by samples.
"""

from latentzoo import losses, priors
from latentzoo.errors import error, flag, real
from latentzoo.models.perceptual_autoencoder import PerceptualAutoencoder
from latentzoo.networks import infogan
from latentzoo.updates import Update, serializable


@serializable
class GLF(PerceptualAutoencoder):
    """Generative Latent Flow (Xiao, Yan and Amit, 2019, arXiv:1905.10485).

    Args:
        image_shape: `(height, width, channels)`, pixels in [0, 1].
        latent_dim: int, d. Width of a code: 20 for MNIST and Fashion-MNIST, 64 for CIFAR-10 and CelebA.
        encoder: `keras.Model`, images to `(batch, latent_dim)`; the paper's InfoGAN net if `None`.
        decoder: `keras.Model`, codes to images in [0, 1]; the paper's InfoGAN net if `None`.
        prior: a `latentzoo.priors.Prior` or its name; the paper's RealNVP if `None`: 4 blocks of 2
            couplings, k = 64 hidden units where d is 20 or less, 256 above.
        beta_rec: float, beta. Weight of the reconstruction; matters with `regularized=True` only.
        weight_decay: float. L2 rate of the prior's weights; 2e-5 in the paper.
        regularized: bool. Whether the encoder descends the likelihood of its codes.
        reconstruction: `"squared"`, or `"perceptual"`: the loss of `latentzoo.perceptual`.
        perceptual_network: the network of the latter, `"vgg16"`, `"hed"` or a `keras.Model` as of
            `latentzoo.perceptual.Perceptual`. It is loaded when the model is first trained or evaluated. One
            of your own is not saved, and `None` in what is loaded: training asks for it.
        dtype: Keras dtype policy of the encoder, the decoder and a perceptual network given by name. The
            prior is float32.

    Terms: `reconstruction`, nats of a unit-variance Gaussian without its constant, summed over
    pixels, or the perceptual loss, no nats; `nll`, nats for a code; `decay`. Monitor: `mean_squared_error`
    for a pixel. With a prior that has no density only the autoencoder learns.

    Example:

    >>> import latentzoo, numpy as np
    >>> model = latentzoo.models.GLF((8, 8, 1), latent_dim=4)
    >>> model.compile()
    >>> images = np.random.default_rng(0).random((64, 8, 8, 1), "float32")
    >>> history = model.fit(images, epochs=1, verbose=0)
    >>> model.sample(2, seed=0).shape
    (2, 8, 8, 1)

    In two stages, which the paper finds to be as good, the autoencoder learns to its end and then the flow:

    >>> model = latentzoo.models.GLF((8, 8, 1), latent_dim=4)
    >>> model.prior.trainable = False
    >>> model.compile()
    >>> history = model.fit(images, epochs=1, verbose=0)
    >>> history = model.fit_prior(images, epochs=1, verbose=0)
    >>> model.sample(2, seed=0).shape
    (2, 8, 8, 1)

    For CelebA-HQ at 256 x 256 the paper's networks are based on DCGAN, which are `latentzoo.networks.dcgan`
    with `latent_dim=256` here: `encoder=dcgan.encoder((256, 256, 3), 256)`, `decoder=dcgan.decoder((256, 256,
    3), 256)`. It trains 60 epochs in batches of 64, at 1e-3 and half of it after 40.
    """

    def __init__(
        self,
        image_shape,
        latent_dim,
        *,
        encoder=None,
        decoder=None,
        prior=None,
        beta_rec=1.0,
        weight_decay=2e-5,
        regularized=False,
        reconstruction="squared",
        perceptual_network="vgg16",
        **kwargs,
    ):
        super().__init__(
            image_shape,
            latent_dim,
            reconstruction=reconstruction,
            perceptual_network=perceptual_network,
            **kwargs,
        )
        real("beta_rec", beta_rec, least=0)
        real("weight_decay", weight_decay, least=0)
        self.beta_rec, self.weight_decay = beta_rec, weight_decay
        self.regularized = flag("regularized", regularized)
        self.encoder = self.own("encoder", encoder) or infogan.encoder(
            self.image_shape, self.latent_dim, dtype=self.dtype_policy
        )
        self.decoder = self.own("decoder", decoder) or infogan.decoder(
            self.image_shape, self.latent_dim, dtype=self.dtype_policy
        )
        self.prior = priors.latent_flow(prior, self.latent_dim)
        self.check_parts()

    def updates(self):
        if self.regularized and not self.prior.explicit:
            raise error(
                "With `regularized=True` the encoder descends the density of its codes.",
                "a prior that has one, such as `RealNVP`",
                type(self.prior).__name__,
            )
        autoencode = {"reconstruction": self.beta_rec}
        # The decoder has no part in the likelihood: it stands in the encoder's row for one backward pass.
        encode = {**autoencode, "nll": 1.0} if self.regularized else autoencode
        prior = {"nll": 1.0, "decay": self.weight_decay} if self.prior.explicit else {}
        return [
            Update(
                self.terms,
                monitors=["mean_squared_error"],
                encoder=encode,
                decoder=encode,
                prior=prior,
            )
        ]

    def terms(self, x, training):
        z = self.encoder(x, training=training)
        terms = self.compared(x, self.decoder(z, training=training))
        if self.prior.explicit or self.regularized:
            terms["nll"] = -self.prior.log_prob(z)
        if self.prior.explicit:
            terms["decay"] = losses.weight_decay(self.prior.trainable_variables)
        return terms

    def get_config(self):
        return {
            **super().get_config(),
            "beta_rec": self.beta_rec,
            "weight_decay": self.weight_decay,
            "regularized": self.regularized,
        }
