"""Generative Latent Nearest Neighbors: codes are learned, not encoded, and a network draws such codes.

Hoshen, Li and Malik (2019), "Non-Adversarial Image Synthesis with Generative Latent Nearest Neighbors",
arXiv:1812.08985: first GLO, Bojanowski, Joulin, Lopez-Paz and Szlam (2018), "Optimizing the Latent Space of
Generative Networks", arXiv:1707.05776, then IMLE, of `latentzoo.priors.Generator`.

    codes, decoder    perceptual(x_i, D(z_i / |z_i|)),    |z_i| held constant; z_i / |z_i| after each epoch
    prior             `fit_prior()`, on the codes

There is one code for each training image, a row of a table, and no encoder: other images have no codes. Adam
moves all rows at every step, as the authors' code does: those that are not in the batch by their momentum.

Differences from that code: its optimizers forget all they know after each epoch, ours do not; its layers have
no biases.
"""

import keras
import numpy as np

from latentzoo import checks, priors
from latentzoo.batches import pair
from latentzoo.errors import describe, error, whole
from latentzoo.models.perceptual_autoencoder import PerceptualAutoencoder
from latentzoo.networks import infogan
from latentzoo.networks.codes import Codes, unit
from latentzoo.priors.prior import numbers_of
from latentzoo.updates import Update, serializable


@serializable
class GLANN(PerceptualAutoencoder):
    """Generative Latent Nearest Neighbors (Hoshen, Li and Malik, 2019, arXiv:1812.08985).

    `fit` takes images with the numbers of their rows: `latentzoo.data.indexed(images)`, or batches of
    `latentzoo.data.epochs(images, ..., indexed=True)`. `fit_prior` takes no data. `encode`, `reconstruct`,
    `interpolate`, `evaluate`, `predict` and validation data need an encoder, and are errors.

    Args:
        image_shape: `(height, width, channels)`, pixels in [0, 1].
        latent_dim: int, d. Width of a code; 64 in the paper.
        n_codes: int. Training images, each of which gets a code; `None` for a model that only samples, as
            those that are loaded from checkpoints do, which hold no codes.
        decoder: `keras.Model`, codes of unit length to images in [0, 1]; the InfoGAN net with leaky ReLUs if
            `None`, with batch norm if images are grey.
        prior: a `latentzoo.priors.Prior` or its name, to be fitted by `fit_prior`; a
            `latentzoo.priors.Generator` of codes of unit length if `None`.
        reconstruction: `"perceptual"`, the loss of `latentzoo.perceptual`, or `"squared"`.
        perceptual_network: the network of the former, `"vgg16"`, `"hed"` or a `keras.Model` as of
            `latentzoo.perceptual.Perceptual`. It is loaded when the model is first trained. One of your own
            is not saved, and `None` in what is loaded: training asks for it.
        dtype: Keras dtype policy of the decoder and a perceptual network given by name. Codes and prior are
            float32.

    Terms: `reconstruction`, the perceptual loss, or half the squared error, summed over pixels. Monitor:
    `mean_squared_error` for a pixel.

    Attributes:
        codes: `latentzoo.networks.codes.Codes`. `model.codes(rows)` are those of training images,
            `(batch, latent_dim)`, and `model.decode` makes these images again.

    Example:

    >>> import latentzoo, numpy as np
    >>> images = np.random.default_rng(0).random((64, 8, 8, 1), "float32")
    >>> model = latentzoo.models.GLANN((8, 8, 1), latent_dim=4, n_codes=64, reconstruction="squared")
    >>> model.compile()
    >>> history = model.fit(latentzoo.data.indexed(images), epochs=1, verbose=0)
    >>> history = model.fit_prior(epochs=2, verbose=0)
    >>> model.sample(2, seed=0).shape
    (2, 8, 8, 1)
    """

    parts = ("decoder", "prior")
    networks = ("decoder",)
    when_trained = {"n_codes": None}
    indexed = True

    def __init__(
        self,
        image_shape,
        latent_dim,
        *,
        n_codes=None,
        decoder=None,
        prior=None,
        reconstruction="perceptual",
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
        if n_codes is not None:
            whole("n_codes", n_codes, least=1)
        self.n_codes = n_codes
        self.codes = None if n_codes is None else Codes(n_codes, latent_dim)
        self.decoder = self.own("decoder", decoder) or infogan.decoder(
            image_shape,
            latent_dim,
            batch_norm=self.image_shape[2] == 1,
            negative_slope=0.2,
            dtype=self.dtype_policy,
        )
        arguments = {} if prior else {"unit_norm": True}
        self.prior = priors.build(prior, self.latent_dim, default="imle", **arguments)
        self.check_parts()

    def updates(self):
        fit = {"reconstruction": 1.0}
        codes = {} if self.codes is None else {"codes": fit}
        return [Update(self.terms, monitors=["mean_squared_error"], **codes, decoder=fit)]

    def default_optimizers(self):
        rates = {"codes": 1e-2, "decoder": 1e-3}
        return {
            group: keras.optimizers.Adam(rates[group], beta_1=0.5, epsilon=1e-8)
            for group in self.updates()[0].objectives
        }

    def terms(self, x, training):
        rows, x = x
        return self.compared(x, self.decoder(unit(self.codes(rows)), training=training))

    def end_epoch(self):
        if self.learns("codes"):
            with self.distribute_strategy.scope():
                self.codes.normalize()

    # ------------------------------------------------------------------ codes, of training images alone

    def decode(self, z, *, batch_size=256):
        """Decodes codes `(n, latent_dim)`, of any length but 0, to images in [0, 1]."""
        return super().decode(np.asarray(unit(numbers_of(z))), batch_size=batch_size)

    def fit_prior(self, data=None, prior=None, **fit_arguments):
        """Fits the prior, or another one, to the codes of the training images.

        Args:
            data: nothing.
            prior: as in `Autoencoder.fit_prior`.
            **fit_arguments: passed to the prior's `fit`, such as `epochs` and `seed`.

        Returns:
            What the prior's `fit` returns.
        """
        if data is not None:
            raise error(
                "The prior of GLANN is fitted to the codes that training has found; other images have none.",
                "`fit_prior()`, `fit_prior(prior=...)`",
                f"data={describe(data)}" if hasattr(data, "shape") else f"data={data!r}"[:100],
            )
        return self.fit_prior_to(self.codes_for_prior(), prior, **fit_arguments)

    def codes_for_prior(self, data=None, *, draw=None, seed=None):
        """The codes of the training images, whatever the arguments."""
        self.check_codes()
        return np.asarray(unit(self.codes.table))

    def check_codes(self):
        if self.codes is None:
            raise error(
                "This GLANN has no codes of training images: they are in no checkpoint, and stay with the "
                "run that learned them.",
                "a model that was made with `n_codes`, the number of training images",
                "n_codes=None",
                "It samples and decodes. To train, start anew, with `decoder=model.decoder` if you like.",
            )

    # ------------------------------------------------------------------ images with the numbers of their rows

    def check_data(self, x):
        self.check_codes()
        checks.examples(x)
        spec = getattr(x, "element_spec", None)  # of a dataset
        if spec is not None:
            x = spec[0] if isinstance(spec, tuple) and spec else spec
        if spec is not None or isinstance(x, (tuple, list)) or hasattr(x, "shape"):
            super().check_data(pair(x)[1])

    def prepare(self, x, y=None):
        rows, x = pair(x)
        return self.codes.checked(rows), super().prepare(x)

    def fit(self, x=None, *args, validation_data=None, validation_split=0.0, **kwargs):
        if validation_data is not None or validation_split:
            self.check_encoder()
        return super().fit(x, *args, **kwargs)

    def evaluate(self, *args, **kwargs):
        """An error: there is no encoder."""
        self.check_encoder()

    predict = test_on_batch = predict_on_batch = evaluate

    def get_config(self):
        return {**super().get_config(), "n_codes": self.n_codes}
