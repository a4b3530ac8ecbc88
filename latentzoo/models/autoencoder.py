"""What every generative autoencoder does, whatever taught it."""

import inspect
import warnings

import keras
import numpy as np
from keras import ops

from latentzoo import images, priors
from latentzoo.errors import error, flag, keywords, whole
from latentzoo.graphs import chunks, infer
from latentzoo.parts import check_model, check_network
from latentzoo.pretrained import Pretrained
from latentzoo.priors.prior import numbers_of
from latentzoo.updates import UpdateModel

OF_KERAS = {"activity_regularizer", "autocast", "dtype", "name", "trainable"}  # arguments of any layer


class Autoencoder(Pretrained, UpdateModel):
    """An encoder, a decoder and a prior over codes. Abstract: families say how they learn.

    To add a family, write one file with one final class, registered with
    `latentzoo.updates.serializable`: `__init__` stores its arguments under their names and makes
    `encoder`, `decoder` and `prior` (own networks through `self.own`), then calls `check_parts()`;
    `updates()` is the routing table; the functions of terms are the losses; `get_config()` adds the
    arguments. Then name it in `latentzoo.models`. The tests' contract runs over it by itself.

    Images are `(n, height, width, channels)`, floats in [0, 1] or uint8, which is scaled; of a model whose
    likelihood is Bernoulli, black or white. Methods take NumPy arrays, tensors or a `tf.data.Dataset` of
    batches and return NumPy float32.

    Args:
        image_shape: `(height, width, channels)`.
        latent_dim: int, d. Width of a code.
        dtype: Keras dtype policy.
        name: str.
    """

    parts = ("encoder", "decoder", "prior")  # what a checkpoint holds, where it is not None
    networks = ("encoder", "decoder")  # of these, what may be the user's own
    encoder = None  # of a family that has none
    indexed = False  # whether `fit` takes images with their row numbers, as of `latentzoo.data.indexed`
    fits_prior_to_draws = False
    holds_codes_to_prior = False  # whether `fit` brings codes to whatever prior there is
    likelihood = "gaussian"  # of pixels; of a family that can do "bernoulli", what it was given

    def __init__(self, image_shape, latent_dim, **kwargs):
        if unknown := sorted(set(kwargs) - OF_KERAS):
            families = [kind for kind in type(self).__mro__ if issubclass(kind, Autoencoder)]
            known = {name for kind in families for name in inspect.signature(kind.__init__).parameters}
            raise error(
                f"Unknown arguments of {type(self).__name__}.",
                f"some of {sorted(known - {'self', 'kwargs'} | {'dtype', 'name'})}",
                f"{unknown}",
            )
        super().__init__(**kwargs)
        whole("latent_dim", latent_dim, least=1)
        self.image_shape = images.shape(image_shape)
        self.latent_dim = int(latent_dim)
        self.pixels = int(np.prod(self.image_shape))
        self._own = set()

    @property
    def binary(self):
        """Whether pixels are 0 or 1, and what the decoder gives their probabilities."""
        return self.likelihood == "bernoulli"

    def own(self, part, network):
        """Remembers that `part` is a network of the user's, to be saved by its Keras config."""
        if network is None:
            return None
        check_model(part, network)
        self._own.add(part)
        return network

    def check_parts(self):
        """Checks that images and codes fit the networks, and marks the model as built."""
        for part in self.networks:
            if getattr(self, part) is not None:
                check_network(part, getattr(self, part), *self.ends()[part])
        self.built = True

    def ends(self):
        """The shapes that each network takes and gives."""
        pixels = (None, *self.image_shape)
        return {
            "encoder": (pixels, (None, self.encoded_dim)),
            "decoder": ((None, self.latent_dim), pixels),
        }

    def replace(self, **parts):
        with self.distribute_strategy.scope():
            if "prior" in parts:
                parts["prior"] = priors.build(parts["prior"], self.latent_dim)
            for part in set(self.networks) & set(parts):
                if self.own(part, parts[part]) is not None:  # `None` is refused below
                    check_network(part, parts[part], *self.ends()[part])
            return super().replace(**parts)

    replace.__doc__ = UpdateModel.replace.__doc__

    # ------------------------------------------------------------------ the public methods

    def call(self, x, training=False):
        """Reconstructs."""
        self.check_encoder()
        x = self.prepare(x)
        codes = self.codes_of(self.encoder(x, training=training))
        return ops.cast(self.decoder(codes, training=training), "float32")

    # What a family with a posterior says of its encoder; a deterministic one returns codes.

    encoded_dim = property(lambda self: self.latent_dim)  # width of what the encoder returns

    def split(self, encoded):
        """Mean and deviation of the normal posteriors, from what the encoder returns, or codes and `None`."""
        return encoded, None

    def codes_of(self, encoded):
        """The codes of posterior means, from what the encoder returns."""
        return self.split(encoded)[0]

    def draw_codes(self, encoded, rng):
        """Codes drawn from the posteriors with a NumPy generator."""
        mean, deviation = self.split(encoded)
        if deviation is None:
            return mean
        return np.asarray(mean) + np.asarray(deviation) * rng.standard_normal(mean.shape).astype("float32")

    def codes_to_fit(self, encoded, rng):
        """What `fit_prior(draw=True)` gives the prior, in a form of its `fit`."""
        mean, deviation = self.split(encoded)
        return mean if deviation is None else ops.stack([mean, deviation], axis=1)

    def check_encoder(self):
        """Raises a `ValueError` where images cannot be encoded."""
        if self.encoder is None:
            raise error(
                f"{type(self).__name__} has no encoder: it cannot tell the code of an image.",
                "`sample`, `decode` of codes, or a family that encodes, such as GLF",
                "images",
            )

    def encode(self, x, *, draw=False, seed=None, batch_size=256):
        """Encodes images.

        Args:
            x: images.
            draw: bool. Draw from the posterior instead of taking its mean; the same thing for a
                family with a deterministic encoder.
            seed: int or `None`. Seed of the draws.
            batch_size: int. Images at a time.

        Returns:
            Codes, `(n, latent_dim)`.

        Raises:
            ValueError: the images have another shape, or pixels outside [0, 1] or not finite.
        """
        if seed is not None:
            whole("seed", seed, least=0)
        encoded = self._encoded(x, batch_size)
        codes = self.draw_codes(encoded, np.random.default_rng(seed)) if draw else self.codes_of(encoded)
        return np.asarray(codes)

    def _encoded(self, x, batch_size=256):
        self.check_encoder()
        return infer(self.encoder, images.batches(x, self.image_shape, batch_size, self.binary))

    def decode(self, z, *, batch_size=256):
        """Decodes codes `(n, latent_dim)` to images in [0, 1]."""
        z = numbers_of(z)
        if z.ndim != 2 or z.shape[1] != self.latent_dim or not len(z):
            raise error("Codes do not fit.", f"shape (n, {self.latent_dim}), n > 0", f"shape {z.shape}")
        if not np.isfinite(z).all():
            raise error("Codes must be finite.", "no NaN or infinity", "some of either")
        return infer(self.decoder, chunks(z, batch_size))

    def reconstruct(self, x, *, batch_size=256):
        """Encodes and decodes images, as `predict` and calling the model do."""
        self.check_encoder()
        return infer(self, images.batches(x, self.image_shape, batch_size, self.binary))

    def sample(self, n, *, seed=None, temperature=1.0, probabilities=False, batch_size=256):
        """Draws images from the prior.

        Args:
            n: int, at least 1.
            seed: int or `None`. The same seed gives the same images, but for rounding, whatever the batch
                size, and the first `m < n` of them are those of `sample(m)`.
            temperature: float, 0 or more. Multiplies the deviation of the prior's base noise.
            probabilities: bool. Of a model of binary pixels, give the probabilities of ones and not the
                likelier of 0 and 1. Other models give means either way.
            batch_size: int. Images at a time.

        Returns:
            `(n, height, width, channels)` in [0, 1].

        Raises:
            ValueError: the prior is not fitted, or an argument is out of range.
        """
        probabilities = flag("probabilities", probabilities)
        codes = self.prior.sample(n, seed, temperature=temperature)
        pixels = self.decode(codes, batch_size=batch_size)
        return pixels.round() if self.binary and not probabilities else pixels

    def interpolate(self, a, b, steps=10, *, space="noise", batch_size=256):
        """Goes from images `a` to images `b` in straight lines.

        Args:
            a, b: images, n of each.
            steps: int, at least 2, both ends included (as reconstructions).
            space: `"noise"`, the base of the prior, or `"latent"`, the codes.
            batch_size: int. Images at a time.

        Returns:
            `(n, steps, height, width, channels)` in [0, 1].

        Raises:
            ValueError: an argument is out of range, or the prior is not invertible and `space` is
                `"noise"`.
        """
        if space not in ("noise", "latent"):
            raise error(
                "Unknown space.", "'noise' (base of the prior) or 'latent' (codes)", f"space={space!r}"
            )
        whole("steps", steps, least=2)
        self.check_encoder()
        if space == "noise" and not (self.prior.fitted and self.prior.invertible):
            missing = "invertible" if self.prior.fitted else "fitted"
            raise error(
                f"The prior is not {missing}, so that no noise belongs to an image.",
                "one that is, or space='latent'",
                f"space='noise' and prior={type(self.prior).__name__}",
            )
        ends = [self.encode(x, batch_size=batch_size) for x in (a, b)]
        if len(ends[0]) != len(ends[1]):
            raise error(
                "Images are taken in pairs.", "as many in `a` as in `b`", f"{len(ends[0])} and {len(ends[1])}"
            )
        if space == "noise":
            ends = [self.prior.inverse(z) for z in ends]
        t = np.linspace(0, 1, int(steps), dtype="float32")[:, None]
        path = (1 - t) * ends[0][:, None] + t * ends[1][:, None]
        codes = path.reshape(-1, self.latent_dim)
        if space == "noise":
            codes = infer(self.prior, chunks(codes, batch_size))
        pictures = infer(self.decoder, chunks(codes, batch_size))
        return pictures.reshape(len(ends[0]), int(steps), *self.image_shape)

    def fit_prior(self, data, prior=None, *, validation_data=None, draw=None, seed=None, **fit_arguments):
        """Encodes images once and fits the prior, or another one, on the codes.

        The encoder and decoder do not move. What is replaced is what `sample` uses; a later `fit`
        keeps the family's own objective.

        Args:
            data: images.
            prior: `None` to fit the one there is, or a `latentzoo.priors.Prior` or its name (`"gaussian"`,
                `"mixture"`, `"realnvp"`, `"maf"`, `"second-stage"`, `"imle"`, `"adversarial"`) to put in its
                place.
            validation_data: images to judge the prior by; if `None` a part of `data`, where fitting needs it.
            draw: bool. Fit to draws from the posteriors, fresh ones in every epoch where the posteriors are
                normal, instead of to their means; `None` is what the family wants.
            seed: as in `encode`, and of the prior's `fit` where it takes one. The first weights of a network
                and the order of codes follow `keras.utils.set_random_seed`.
            **fit_arguments: passed to the prior's `fit`, such as `epochs`; priors differ in what they take.

        Returns:
            What the prior's `fit` returns.

        Raises:
            TypeError: the prior's `fit` takes no such arguments.
            ValueError: images or arguments are out of range.
        """
        codes = self.codes_for_prior(data, draw=draw, seed=seed)
        if validation_data is not None:
            fit_arguments["validation_data"] = self.codes_for_prior(validation_data, draw=draw, seed=seed)
        return self.fit_prior_to(codes, prior, seed=seed, **fit_arguments)

    def fit_prior_to(self, codes, prior=None, *, seed=None, **fit_arguments):
        """`fit_prior`, on what `codes_for_prior` returns."""
        with self.distribute_strategy.scope():
            new = self.prior if prior is None else priors.build(prior, self.latent_dim)
        keywords(new.fit, fit_arguments, f"fitting a {type(new).__name__}")
        if seed is not None and "seed" in inspect.signature(new.fit).parameters:
            fit_arguments["seed"] = seed
        trainable, new.trainable = new.trainable, True  # a prior that is frozen for `fit` may be fitted here
        try:
            history = new.fit(codes, **fit_arguments)
        finally:
            new.trainable = trainable
        if new is not self.prior:  # replaced last: a failed fit leaves the model as it was
            self.replace(prior=new)
        return history

    def codes_for_prior(self, data, *, draw=None, seed=None):
        """What `fit_prior` gives the prior's `fit`: codes of images, or normal distributions of codes."""
        encoded = self._encoded(data)
        if self.fits_prior_to_draws if draw is None else flag("draw", draw):
            return np.asarray(self.codes_to_fit(encoded, np.random.default_rng(seed)))
        return np.asarray(self.codes_of(encoded))

    # ------------------------------------------------------------------ training

    def check_data(self, x):
        super().check_data(x)
        images.check_data(x, self.image_shape)

    def prepare(self, x, y=None):
        return images.scaled_tensor(x, self.image_shape, self.binary)

    def fit(self, *args, **kwargs):
        prior = self.prior
        moving = self.learns("encoder") or self.learns("codes")
        stale = moving and not (self.learns("prior") or self.holds_codes_to_prior)
        if stale and prior.weights and prior.fitted:
            warnings.warn(
                f"{type(self).__name__}.fit does not train this {type(prior).__name__} prior: "
                "as the codes move it becomes stale. Call `fit_prior` afterwards.",
                stacklevel=2,
            )
        return super().fit(*args, **kwargs)

    # ------------------------------------------------------------------ configuration

    def get_config(self):
        own = {part: serialize(getattr(self, part)) if part in self._own else None for part in self.networks}
        return {
            "image_shape": list(self.image_shape),
            "latent_dim": self.latent_dim,
            **own,
            "prior": serialize(self.prior),
            "name": self.name,
            "dtype": self.dtype_policy.name,
        }

    @classmethod
    def from_config(cls, config):
        nested = {
            part: priors.deserialize(config[part]) for part in cls.parts if isinstance(config.get(part), dict)
        }
        return cls(**{**config, **nested})


def serialize(network):
    """A network's Keras config, without how it was compiled, which is not the model's business."""
    config = keras.saving.serialize_keras_object(network)
    return {key: value for key, value in config.items() if key != "compile_config"}
