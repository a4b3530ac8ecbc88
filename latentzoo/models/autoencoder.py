"""What every generative autoencoder does, whatever taught it."""

import warnings

import keras
import numpy as np
from keras import ops

from latentzoo import priors
from latentzoo.priors.prior import chunks
from latentzoo.updates import UpdateModel, infer, require


class Autoencoder(UpdateModel):
    """An encoder, a decoder and a prior over codes. Abstract: families say how they learn.

    To add a family, write one file with one final class, registered with
    `latentzoo.updates.serializable`: `__init__` stores its arguments under their names and makes
    `encoder`, `decoder` and `prior` (own networks through `self.own`), then calls `check_parts()`;
    `updates()` is the routing table; the functions of terms are the losses; `get_config()` adds the
    arguments. Then name it in `latentzoo.models`. The tests' contract runs over it by itself.

    Images are `(n, height, width, channels)`, floats in [0, 1] or uint8, which is scaled. Methods take
    NumPy arrays, tensors or a `tf.data.Dataset` of batches and return NumPy float32.

    Args:
        image_shape: `(height, width, channels)`.
        latent_dim: int, d. Width of a code.
        dtype: Keras dtype policy.
        name: str.
    """

    parts = ("encoder", "decoder", "prior")

    def __init__(self, image_shape, latent_dim, **kwargs):
        super().__init__(**kwargs)
        self.image_shape = check_image_shape(image_shape)
        self.latent_dim = latent_dim
        self.pixels = int(np.prod(self.image_shape))
        self._own = set()

    def own(self, part, network):
        """Remembers that `part` is a network of the user's, to be saved by its Keras config."""
        if network is None:
            return None
        if not isinstance(network, keras.Model):
            raise ValueError(
                f"A network is a Keras model. Expected: `{part}` is a `keras.Model` or None. "
                f"Received: {part}={network!r}."
            )
        self._own.add(part)
        return network

    def check_parts(self):
        """Checks that images and codes fit the networks, and marks the model as built."""
        images, codes = (None, *self.image_shape), (None, self.latent_dim)
        for part, given, wanted in [("encoder", images, codes), ("decoder", codes, images)]:
            found = output_shape(getattr(self, part), given)
            if found != wanted:
                raise ValueError(
                    f"The {part} does not fit. Expected: shape {given} to {wanted}. "
                    f"Received: a network that gives {found}."
                )
        self.built = True

    # ------------------------------------------------------------------ the public methods

    def call(self, x, training=False):
        """Reconstructs."""
        x = self.prepare(x)
        codes = self.codes_of(self.encoder(x, training=training))
        return self.decoder(codes, training=training)

    def codes_of(self, encoded):
        """The posterior mean in what the encoder returns: all of it, unless a family says less."""
        return encoded

    def draw_codes(self, encoded, rng):
        """One draw from the posterior, NumPy; a deterministic encoder has nothing to draw."""
        return self.codes_of(encoded)

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
        encoded = infer(self.encoder, batches(x, self.image_shape, batch_size))
        return self.draw_codes(encoded, np.random.default_rng(seed)) if draw else self.codes_of(encoded)

    def decode(self, z, *, batch_size=256):
        """Decodes codes `(n, latent_dim)` to images in [0, 1]."""
        z = np.asarray(z, "float32")
        if z.ndim != 2 or z.shape[1] != self.latent_dim or not len(z):
            raise ValueError(
                f"Codes do not fit. Expected: shape (n, {self.latent_dim}), n > 0. Received: shape {z.shape}."
            )
        return infer(self.decoder, chunks(z, batch_size))

    def reconstruct(self, x, *, batch_size=256):
        """Encodes and decodes images, as `predict` and calling the model do."""
        return infer(self, batches(x, self.image_shape, batch_size))

    def sample(self, n, *, seed=None, temperature=1.0, batch_size=256):
        """Draws images from the prior.

        Args:
            n: int, at least 1.
            seed: int or `None`. The same seed gives the same images whatever the batch size, and
                the first `m < n` of them are those of `sample(m)`.
            temperature: float, 0 or more. Multiplies the deviation of the prior's base noise.
            batch_size: int. Images at a time.

        Returns:
            `(n, height, width, channels)` in [0, 1].

        Raises:
            ValueError: the prior is not fitted, or an argument is out of range.
        """
        codes = self.prior.sample(n, seed, temperature=temperature)
        return infer(self.decoder, chunks(codes, batch_size))

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
            raise ValueError(
                "Unknown space. Expected: 'noise' (base of the prior) or 'latent' (codes). "
                f"Received: space={space!r}."
            )
        if not isinstance(steps, (int, np.integer)) or steps < 2:
            raise ValueError(
                f"Both ends are steps. Expected: `steps` is an int, 2 or more. Received: steps={steps!r}."
            )
        ends = [self.encode(x, batch_size=batch_size) for x in (a, b)]
        if len(ends[0]) != len(ends[1]):
            raise ValueError(
                "Images are taken in pairs. Expected: as many in `a` as in `b`. "
                f"Received: {len(ends[0])} and {len(ends[1])}."
            )
        if space == "noise":
            if not self.prior.fitted:
                raise ValueError(
                    "The prior is not fitted, so that its noise means nothing. Expected: a fitted "
                    "prior, or space='latent'. Received: space='noise'."
                )
            ends = [self.prior.inverse(z) for z in ends]
        t = np.linspace(0, 1, int(steps), dtype="float32")[:, None]
        path = (1 - t) * ends[0][:, None] + t * ends[1][:, None]
        codes = path.reshape(-1, self.latent_dim)
        if space == "noise":
            codes = infer(self.prior, chunks(codes, batch_size))
        images = infer(self.decoder, chunks(codes, batch_size))
        return images.reshape(len(ends[0]), int(steps), *self.image_shape)

    def fit_prior(self, data, prior=None, *, validation_data=None, draw=False, seed=None, **fit_arguments):
        """Encodes images once and fits the prior, or another one, on the codes.

        The encoder and decoder do not move. What is replaced is what `sample` uses; a later `fit`
        keeps the family's own objective.

        Args:
            data: images.
            prior: `None` to fit the one there is, or a `latentzoo.priors.Prior` or its name to put
                in its place.
            validation_data: images to judge the prior by, or `None` for a part of `data`.
            draw, seed: as in `encode`.
            **fit_arguments: passed to the prior's `fit`, such as `epochs`.

        Returns:
            What the prior's `fit` returns.
        """
        codes = self.encode(data, draw=draw, seed=seed)
        if validation_data is not None:
            fit_arguments["validation_data"] = self.encode(validation_data, draw=draw, seed=seed)
        new = self.prior if prior is None else priors.build(prior, self.latent_dim)
        history = new.fit(codes, **fit_arguments)
        if new is not self.prior:  # replaced last: a failed fit leaves the model as it was
            self.replace(prior=new)
        return history

    def save_pretrained(self, folder, storage=None):
        """Saves a checkpoint folder that `latentzoo.load` opens.

        Args:
            folder: path; made if need be. Files of an older checkpoint there are replaced.
            storage: `"float32"`, `"float16"` or `"int8"`; `None` keeps the storage the model was
                loaded with, or float32.
        """
        from latentzoo import zoo  # the zoo knows the families, so it is imported late

        zoo.save(self, folder, storage)

    # ------------------------------------------------------------------ training

    def prepare(self, x):
        rank = getattr(x.shape, "rank", 4)
        if rank != 4 or tuple(x.shape[1:]) != self.image_shape:
            raise wrong_shape(self.image_shape, "unknown" if rank is None else tuple(x.shape))
        dtype = keras.backend.standardize_dtype(x.dtype)
        if dtype == "uint8":
            return ops.cast(x, "float32") / 255
        if "float" not in dtype:
            raise wrong_dtype(dtype)
        x = ops.cast(x, "float32")
        require(ops.all(ops.logical_and(x >= 0, x <= 1)), OUT_OF_RANGE)  # false for NaN, too
        return x

    def fit(self, *args, **kwargs):
        if self.learns("encoder") and self.prior.weights and not self.learns("prior"):
            warnings.warn(
                f"{type(self).__name__}.fit does not train this {type(self.prior).__name__} prior: "
                "as the codes move it becomes stale. Call `fit_prior(data)` afterwards.",
                stacklevel=2,
            )
        return super().fit(*args, **kwargs)

    # ------------------------------------------------------------------ configuration

    def get_config(self):
        own = {
            part: serialize(getattr(self, part)) if part in self._own else None
            for part in ("encoder", "decoder")
        }
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
        read = {"prior": priors.deserialize}
        nested = {
            part: read.get(part, keras.saving.deserialize_keras_object)(config[part])
            for part in cls.parts
            if isinstance(config.get(part), dict)
        }
        return cls(**{**config, **nested})


OUT_OF_RANGE = (
    "Images are outside the range. Expected: floats in [0, 1], or uint8. Received: pixels below 0, "
    "above 1 or NaN. Divide by 255, or give uint8 as it is."
)


def batches(x, image_shape, batch_size):
    """Checked float32 batches of images from an array, a tensor or a dataset of batches."""
    if hasattr(x, "element_spec"):  # tf.data: of x, (x, y) or (x, y, sample_weight)
        pieces = (np.asarray(b[0] if isinstance(b, (tuple, list)) else b) for b in x)
    else:
        x = np.asarray(x)
        if x.ndim == 4 and len(x) == 0:
            raise no_images(x.shape)
        pieces = chunks(x, batch_size) if x.ndim == 4 else iter([x])
    empty = True
    for piece in pieces:
        empty = False
        yield checked(piece, image_shape)
    if empty:
        raise no_images("an empty dataset")


def checked(x, image_shape):
    if x.ndim != 4 or x.shape[1:] != image_shape:
        raise wrong_shape(image_shape, x.shape)
    if x.dtype == "uint8":
        return x.astype("float32") / np.float32(255)
    if not np.issubdtype(x.dtype, np.floating):
        raise wrong_dtype(x.dtype)
    x = x.astype("float32", copy=False)
    if not (x.min() >= 0 and x.max() <= 1):
        raise ValueError(OUT_OF_RANGE)
    return x


def serialize(network):
    """A network's Keras config, without how it was compiled, which is not the model's business."""
    config = keras.saving.serialize_keras_object(network)
    return {key: value for key, value in config.items() if key != "compile_config"}


def no_images(received):
    return ValueError(f"There are no images. Expected: 1 or more. Received: {received}.")


def wrong_dtype(dtype):
    return ValueError(
        "Images have another type. Expected: floats in [0, 1], or uint8. "
        f"Received: {dtype}. Convert with `.astype('uint8')` or divide into [0, 1]."
    )


def wrong_shape(image_shape, received):
    return ValueError(
        f"Images do not fit the model. Expected: (n, {', '.join(map(str, image_shape))}), that is "
        f"(n, height, width, channels). Received: shape {received}."
        + (" Add the axis of one image with `x[None]`." if len(received) == 3 else "")
    )


def check_image_shape(image_shape):
    shape = tuple(image_shape)
    if len(shape) != 3 or not all(isinstance(n, (int, np.integer)) and n > 0 for n in shape):
        raise ValueError(
            "An image has three axes. Expected: `image_shape` is (height, width, channels), "
            f"positive ints. Received: image_shape={image_shape!r}."
        )
    return tuple(int(n) for n in shape)


def output_shape(network, given):
    """The shape a network gives for a batch of shape `given`, or the reason why it gives none."""
    try:
        return tuple(network.compute_output_shape(given))
    except Exception as error:  # whatever a user's network raises is the answer to the question
        return f"{type(error).__name__}: {error}"
