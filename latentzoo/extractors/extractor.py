"""What all extractors share, and how images reach them."""

import keras
import numpy as np
from keras import ops

from latentzoo.errors import describe, error
from latentzoo.images import batches


class Extractor:
    """A network whose features a measure compares. Abstract.

    To add one, subclass, define `features`, and add a module with a function `load(path)` to
    `latentzoo.extractors`.

    Attributes:
        name: str, what `latentzoo.extractors.load` takes.
        sha256: str of 64 hexadecimal digits, of the file that holds the weights, or vouches for them.
            It belongs to every number that is computed with the features.
        distance: str, what a Frechet distance of the features is called.
        resize: str, what becomes of the size of images.
        width: int, of the features.
        folder: `pathlib.Path` of a classifier's checkpoint, `None` of other networks.
        image_shape: of the only images that it takes, `None` if it takes any.
        has_classes: bool. Whether there are `probabilities`.
    """

    image_shape = None

    def __init__(self, name, sha256, *, distance, resize, width, folder=None, has_classes=False):
        self.name, self.sha256, self.distance, self.resize = name, sha256, distance, resize
        self.width, self.folder, self.has_classes = width, folder, has_classes

    def features(self, images, batch_size=64):
        """Features of images.

        Args:
            images: `(n, height, width, channels)`, floats in [0, 1] or uint8; of 3 channels, or of 1, which
                is repeated where the network looks at colours.
            batch_size: int, of images computed at a time.

        Returns:
            NumPy float32 `(n, width)`.

        Raises:
            ValueError: there are no images, or they have another shape, type or range.
        """
        raise NotImplementedError

    def probabilities(self, features):
        """Probabilities of the classes, from what `features` returned.

        Args:
            features: floats `(n, width)`.

        Returns:
            NumPy float32 `(n, classes)`.

        Raises:
            ValueError: the network has no classes, or the features have another width.
        """
        if not self.has_classes:
            raise error(
                f"'{self.name}' has no classes that exclude one another.",
                "a network with classes, such as 'inception'",
                f"'{self.name}'",
                "Load another network for measures of classes.",
            )
        features = np.asarray(features)
        if features.ndim != 2 or features.shape[1] != self.width:
            received = describe(features)
            raise error(f"These are no features of '{self.name}'.", f"floats (n, {self.width})", received)
        return softmax(self.logits(features))

    def __repr__(self):
        return f"<{type(self).__name__} {self.name!r}, sha256 {self.sha256}>"


def softmax(logits):
    """Probabilities `(n, classes)`, float32, from logits."""
    logits = np.asarray(logits, "float64")
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype("float32")


def array(x):
    """Images of one size as an array, NumPy; their values are checked batch by batch."""
    x = np.asarray(x)
    if x.ndim != 4 or x.shape[-1] not in (1, 3):
        raise error(
            "These are no images.",
            "(n, height, width, channels), of 1 or 3 channels",
            f"shape {x.shape}",
            "Add the axis of channels with `x[..., None]`, or that of one image with `x[None]`.",
        )
    return x


def colour(x, batch_size):
    """Float32 NumPy batches in [0, 1] of 3 channels, from an array of images."""
    for piece in batches(x, x.shape[1:], batch_size):
        yield np.repeat(piece, 3, axis=-1) if piece.shape[-1] == 1 else piece


def frozen(inputs, outputs):
    """A network that nothing trains."""
    model = keras.Model(inputs, outputs)
    model.trainable = False
    return model


def repeated(x):
    """A tensor of images with 3 channels."""
    return ops.repeat(x, 3, axis=-1) if x.shape[-1] == 1 else x
