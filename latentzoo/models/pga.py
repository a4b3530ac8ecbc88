"""What perceptual generative autoencoders share: images and codes are both to be reconstructed.

Zhang, Zhang, Li, Bengio and Paull (2020), "Perceptual Generative Autoencoders", arXiv:1906.10335; what the
paper leaves open is as in the authors' code. With h = E(D(.)), codes to codes, and z = E(x):

    encoder    mean (x - D(z))^2 + alpha * mean (h(n) - n)^2 + beta * mean (h(z) - z)^2 + ...,    n ~ N(0, I)
    decoder    mean (x - D(z))^2 + ...

The decoder is not taught to reconstruct codes: that makes things worse. What follows the dots, in `lpga.py`,
`vpga.py` and `lvpga.py`, makes h a generative model of codes: it draws z to the origin and spreads what it is
mapped to, so that h turns N(0, I) into the codes of images, and with it D turns N(0, I) into images. Both
networks descend rows of their own of one forward pass.

Everything is a mean, over pixels, over coordinates of a code, over the batch, and the weights mean nothing
elsewhere: pixels are in [-1, 1] there, so that `reconstruction` is four times the squared error of a pixel in
[0, 1], and terms in nats are divided by d, the width of a code.

Lessons: a path through E that must not teach it is an application of E whose weights are constants
(`frozen`), where the authors subtract a second pass. h is compared at codes that differ by a hundredth, so
that networks in bfloat16 see rounding alone: leave them in float32, on a GPU without TensorFloat-32
(`tf.config.experimental.enable_tensor_float_32_execution(False)`). Batch norm sees batches of images, of
reconstructions and of samples, one by one and never together. Its moving statistics mix them, but for those
of applications whose weights are constants, which move none: samples are better with the statistics of a
batch of samples.
"""

import keras
from keras import layers, ops

from latentzoo import losses, posteriors, priors
from latentzoo.errors import error, flag, real, whole
from latentzoo.graphs import chunks, infer
from latentzoo.models.autoencoder import Autoencoder
from latentzoo.networks import pga
from latentzoo.updates import Update, after, frozen

STATISTICS = ("batch", "moving")
SAMPLES = 1000  # that share the statistics of a batch
LEAST = 1e-12  # of a squared distance that is divided by, or whose logarithm is taken


class PGA(Autoencoder):
    """A perceptual generative autoencoder. Abstract.

    Families call `route` with what their encoder and decoder descend besides, and make their terms of
    `shared_terms`, `noise` and `passed`.

    Args:
        image_shape, latent_dim: as of `Autoencoder`.
        encoder: `keras.Model`, images to `(batch, encoded_dim)`; that of `latentzoo.networks.pga` if `None`.
        decoder: `keras.Model`, codes to images in [0, 1]; that of `latentzoo.networks.pga` if `None`.
        prior: what `sample` draws from, a `latentzoo.priors.Prior` or its name; the standard normal
            distribution if `None`. Codes are always held to the standard normal.
        architecture, batch_norm: of the networks that are made here, as in `latentzoo.networks.pga`.
        beta_rec, beta_prior_codes, beta_data_codes: float, 1, alpha and beta. Weights of the reconstruction
            of images, of codes drawn from N(0, I) and of codes of images.
        decoder_learns_codes: bool. Whether the decoder descends the latter two as well.
        warm_up_steps: int. First steps after compiling, in which all weights but `beta_rec` are 0.
        sampling_statistics: `"batch"` or `"moving"`: which statistics batch norm takes in `sample`.
    """

    variational = False  # whether the encoder gives mean and log variance
    compares_near_codes = False  # whether h is compared at codes that differ by a hundredth
    when_trained = {"warm_up_steps": 0}

    def __init__(
        self,
        image_shape,
        latent_dim,
        *,
        encoder=None,
        decoder=None,
        prior=None,
        architecture=None,
        batch_norm=False,
        beta_rec=1.0,
        beta_prior_codes=6e-2,
        beta_data_codes=0.0,
        decoder_learns_codes=False,
        warm_up_steps=0,
        sampling_statistics="batch",
        **kwargs,
    ):
        super().__init__(image_shape, latent_dim, **kwargs)
        for name, value in [
            ("beta_rec", beta_rec),
            ("beta_prior_codes", beta_prior_codes),
            ("beta_data_codes", beta_data_codes),
        ]:
            real(name, value, least=0)
        whole("warm_up_steps", warm_up_steps, least=0)
        if sampling_statistics not in STATISTICS:
            raise error(
                "Unknown statistics.",
                f"one of {list(STATISTICS)}",
                f"sampling_statistics={sampling_statistics!r}",
            )
        self.beta_rec, self.beta_prior_codes, self.beta_data_codes = (
            beta_rec,
            beta_prior_codes,
            beta_data_codes,
        )
        self.decoder_learns_codes = flag("decoder_learns_codes", decoder_learns_codes)
        self.architecture, self.batch_norm = architecture, flag("batch_norm", batch_norm)
        if encoder is not None and decoder is not None and (architecture is not None or batch_norm):
            raise error(
                "Both networks are given, and none is to be made.",
                "no `architecture`, no `batch_norm`",
                f"architecture={architecture!r}, batch_norm={batch_norm}",
            )
        self.warm_up_steps = int(warm_up_steps)
        self.sampling_statistics = sampling_statistics
        settings = {"architecture": architecture, "batch_norm": self.batch_norm, "dtype": self.dtype_policy}
        bias = {"deviation_bias": pga.FIRST_LOG_VARIANCE} if self.variational else {}
        self.encoder = self.own("encoder", encoder) or pga.encoder(
            self.image_shape, self.encoded_dim, **settings, **bias
        )
        self.decoder = self.own("decoder", decoder) or pga.decoder(
            self.image_shape, self.latent_dim, **settings
        )
        self.prior = priors.build(prior, self.latent_dim, default="normal")
        self.seed_generator = keras.random.SeedGenerator(0)
        self.check_parts()

    def default_optimizers(self):
        return keras.optimizers.SGD(0.1, momentum=0.9)

    # ------------------------------------------------------------------ posteriors

    encoded_dim = property(lambda self: self.latent_dim * (2 if self.variational else 1))

    def split(self, encoded):
        return posteriors.split_log_variance(encoded) if self.variational else (encoded, None)

    # ------------------------------------------------------------------ what is learned

    def check_trainable(self):
        networks = [*self.encoder._flatten_layers(), *self.decoder._flatten_layers()]
        low = [layer for layer in networks if layer.compute_dtype == "bfloat16"]
        if self.compares_near_codes and low:
            raise error(
                "In bfloat16 codes that differ by a hundredth are the same.",
                "networks in float32 to train, whatever computes in `sample`",
                f"layer '{low[0].name}' with policy '{low[0].dtype_policy.name}'",
                "Build or load the model with dtype='float32'.",
            )

    def route(self, encoder, decoder):
        """The routing table: the shared rows, and what each group descends besides, but for weights of 0."""
        codes = {"prior_codes": self.beta_prior_codes, "data_codes": self.beta_data_codes}
        encoder = {**codes, **encoder}
        decoder = {**codes, **decoder} if self.decoder_learns_codes else decoder
        rows = {
            group: {
                "reconstruction": self.beta_rec,
                **{name: after(self.warm_up_steps, 0.0, weight) for name, weight in row.items() if weight},
            }
            for group, row in (("encoder", encoder), ("decoder", decoder))
        }
        return [Update(self.terms, monitors=["mean_squared_error"], **rows)]

    def shared_terms(self, x, y, z, training):
        """The terms of images `x`, their codes `z` and their reconstructions `y`, each `(batch,)`."""
        squared = losses.squared_error(x, y) * (2 / self.pixels)
        terms = {"reconstruction": 4 * squared, "mean_squared_error": squared}
        if self.beta_prior_codes:
            n = self.noise(z)
            # No cut: the decoder has no such entry in its row, and n is nobody's.
            found = self.codes_of(self.encoder(self.decoder(n, training=training), training=training))
            terms["prior_codes"] = ops.mean(ops.square(found - n), axis=-1)
        if self.beta_data_codes:
            z = ops.stop_gradient(z)
            # The same pictures, through which no gradient may reach z.
            y = self.decoder(z, training=training) if self.decoder_learns_codes else ops.stop_gradient(y)
            found = self.codes_of(self.encoder(y, training=training))
            terms["data_codes"] = ops.mean(ops.square(found - z), axis=-1)
        return terms

    def noise(self, z):
        """Standard normal noise of the shape of codes."""
        return keras.random.normal(ops.shape(z), seed=self.seed_generator)

    def passed(self, y, training):
        """Codes of pictures, `(batch, latent_dim)`; the gradient reaches the pictures, not the encoder."""
        return self.codes_of(frozen(self.encoder, y, training=training))

    # ------------------------------------------------------------------ sampling

    def sample(self, n, *, seed=None, temperature=1.0, probabilities=False, batch_size=256):
        """Draws images from the prior.

        With `sampling_statistics="batch"` and batch norm in the decoder, it runs in training mode on batches
        of 1,000 codes, the last filled up with codes that are not shown: how many images are asked for
        changes none of them. Moving statistics do not move. All else, such as `decode`, uses the moving
        statistics.

        Args:
            n: int, at least 1.
            seed: int or `None`. The same seed gives the same images, but for rounding, whatever the batch
                size, and the first `m < n` of them are those of `sample(m)`.
            temperature: float, 0 or more. Multiplies the deviation of the prior's base noise.
            probabilities: bool. Nothing here: pixels are not binary.
            batch_size: int. Images at a time; 1,000 with the statistics of batches.

        Returns:
            `(n, height, width, channels)` in [0, 1].

        Raises:
            ValueError: the prior is not fitted, or an argument is out of range.
        """
        normed = any(isinstance(layer, layers.BatchNormalization) for layer in self.decoder._flatten_layers())
        if self.sampling_statistics == "moving" or not normed:
            return super().sample(n, seed=seed, temperature=temperature, batch_size=batch_size)
        whole("n", n, least=1)
        whole("batch_size", batch_size, least=1)
        full = -(-n // SAMPLES) * SAMPLES
        codes = self.prior.sample(full, seed, temperature=temperature)
        return infer(self.decoder, chunks(codes, SAMPLES), batch_statistics=True)[:n]

    def get_config(self):
        names = [
            "architecture", "batch_norm", "beta_rec", "beta_prior_codes", "beta_data_codes",
            "decoder_learns_codes", "warm_up_steps", "sampling_statistics",
        ]  # fmt: skip
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def log_ratio(change, step):
    """`0.5 log (|change|^2 / |step|^2)`, `(batch,)`, for codes `(batch, latent_dim)`.

    Times d, it is an estimate, and at least on average a bound, of the log determinant of a map that takes a
    small `step` to `change`; equal to it where the map is a multiple of the identity.

    Example: a map that doubles.

    >>> import numpy as np
    >>> from latentzoo.models.pga import log_ratio
    >>> round(float(log_ratio(np.full((1, 3), 0.2, "float32"), np.full((1, 3), 0.1, "float32"))[0]), 4)
    0.6931
    """
    squares = [ops.maximum(ops.sum(ops.square(a), axis=-1), LEAST) for a in (change, step)]
    return 0.5 * (ops.log(squares[0]) - ops.log(squares[1]))
