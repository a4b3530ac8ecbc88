"""A distance of samples to real images, logged while a model is trained."""

import keras

from latentzoo import extractors
from latentzoo.errors import error, whole
from latentzoo.evaluation import protocols, references
from latentzoo.graphs import chunks
from latentzoo.images import binarized
from latentzoo.metrics.frechet import frechet_distance
from latentzoo.metrics.moments import Moments


class Distance(keras.callbacks.Callback):
    """Logs the Frechet distance of samples to real images as `frechet_distance` at the end of epochs.

    Samples are of the same seed each time, so that a curve shows the model and not the draws. It stands in
    the logs of the epochs in which it was measured, among which is always the last; a callback that
    watches it, such as `EarlyStopping("frechet_distance", mode="min")`, comes after this one, with `every=1`;
    so does `CSVLogger`, which takes its columns from the first epoch.

    Args:
        data: real images, `(n, height, width, channels)`, floats in [0, 1] or uint8, or `Moments` of their
            features, or the name of a data set, whose test images are meant. For a model of binary pixels
            images are cut at a half.
        network: an extractor or its name, as in `latentzoo.extractors.load`.
        every: int. Epochs from one measurement to the next.
        samples: int. Generated images, rounded to 8 bits.
        seed: int.

    Raises:
        ValueError: an argument is unknown or does not fit.

    Example:

    >>> import latentzoo
    >>> model = latentzoo.load("glf-mnist")
    >>> images = model.sample(200, seed=1)
    >>> distance = latentzoo.metrics.Distance("mnist", "classifier-mnist", every=1, samples=500)
    >>> history = model.fit(images, epochs=1, verbose=0, callbacks=[distance])
    >>> len(history.history["frechet_distance"])
    1
    """

    def __init__(self, data, network, every=5, *, samples=10_000, seed=0):
        super().__init__()
        for key, value, least in (("every", every, 1), ("samples", samples, 2), ("seed", seed, 0)):
            whole(key, value, least=least)
        self.every, self.samples, self.seed = every, samples, seed
        self.data, self.extractor = data, extractors.resolve(network)

    def set_model(self, model):
        super().set_model(model)
        if not hasattr(model, "sample"):
            expected = "a generative autoencoder of latentzoo"
            raise error("Only models that sample have this distance.", expected, type(model).__name__)
        self.real = moments(self.data, self.extractor, getattr(model, "binary", False))

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every and epoch + 1 != self.params["epochs"]:
            return
        images = protocols.find("std").generated(self.model.sample(self.samples, seed=self.seed))
        generated = of_images(images, self.extractor)
        if logs is not None:
            logs["frechet_distance"] = frechet_distance(generated, self.real)


def of_images(images, extractor):
    """`Moments` of the features of images."""
    return Moments.of(extractor.features(piece) for piece in chunks(images, references.PIECE))


def moments(data, extractor, binary):
    """`Moments` of the features of real images, in black and white for a model of such."""
    if isinstance(data, Moments):
        return data
    seen = binarized if binary else lambda images: images
    if isinstance(data, str):
        from latentzoo.data import arrays

        std, known = protocols.find("std"), None if binary else data  # what is kept by name is grey
        return references.reference(extractor, std, known, lambda: seen(arrays(data, "test")[0])).moments
    return of_images(seen(data), extractor)
