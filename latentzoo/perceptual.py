"""The perceptual loss: images are alike where a network trained on photographs sees the same.

    |x - y| + sum_l |phi_l(x) - phi_l(y)| / s        each |.| the mean over all elements of an image or map

Pixels span [-1, 1], and `phi_l` are maps of VGG16: relu1_2, relu2_2, relu3_2, relu4_3 and pool5. Of images
whose shorter side has up to 32 pixels the first three are compared, up to 64 four, above all five, and four
of a copy that is 4 times smaller, with its pixels. Grey is repeated to three channels, and 28 x 28 pixels are
put in a frame of black, 32 x 32.

Hoshen and Wolf (2018), "NAM: Non-Adversarial Unsupervised Domain Mapping", arXiv:1806.00804, in the form of
GLANN: Hoshen, Li and Malik (2019), "Non-Adversarial Image Synthesis with Generative Latent Nearest
Neighbors", arXiv:1812.08985. Layers, sizes and range are those of the authors' public code.

Differences from it: the weights are Keras' or those of HED, trained for pixels in [0, 255] less their mean,
where the authors give torchvision's pixels in [-1, 1]. A ReLU network's maps grow with its input, so the
distances of ours are divided by s = 127.5, the ratio of the two ranges, which leaves the balance of pixels
and maps as it was.
"""

import difflib

import keras
from keras import ops

from latentzoo import extractors
from latentzoo.errors import error
from latentzoo.extractors.extractor import repeated
from latentzoo.graphs import tf
from latentzoo.parts import said

NAMES = ("vgg16", "hed")
SCALE = 127.5  # s of the networks above
SMALLER = 4  # how many times the copy of a large image is


class Perceptual:
    """A perceptual loss, in the features of a network that nothing trains.

    The network is no part of a model that holds the loss: it is in no count of parameters, no checkpoint and
    no optimizer. One that is given by name is loaded when it is needed, not here: a model that was trained
    with it samples on machines that lack it.

    Args:
        network: one of `latentzoo.perceptual.NAMES`, as in `latentzoo.extractors.load`; or a `keras.Model`
            from images `(batch, height, width, 3)` in [0, 1] to a list of maps `(batch, rows, columns,
            channels)`, all of which are compared, at one scale and with s = 1; or `None`, one that is not
            known.
        dtype: Keras dtype policy of a network given by name; the global one if `None`. `"mixed_bfloat16"` is
            3 times faster where processors have instructions for it. For Fashion-MNIST against blurred copies
            it is off by 0.3% at most, and its gradient by 7 degrees on average.

    Attributes:
        name: str of a network given by name, `None` of others: what a config can hold.

    Example:

    >>> import keras, numpy as np
    >>> from latentzoo.perceptual import Perceptual
    >>> images = keras.Input((32, 32, 3))
    >>> loss = Perceptual(keras.Model(images, [keras.layers.AveragePooling2D(2)(images)]))
    >>> black = np.zeros((2, 28, 28, 1), "float32")
    >>> [round(float(value), 4) for value in loss(black, 1 - black)]  # (2 + 1) 28^2 / 32^2
    [2.2969, 2.2969]
    """

    def __init__(self, network="vgg16", *, dtype=None):
        if network is not None and not isinstance(network, keras.Model) and network not in NAMES:
            near = difflib.get_close_matches(str(network), NAMES, 1, 0.0)[0]
            raise error(
                "Unknown network of the perceptual loss.",
                f"one of {list(NAMES)}, or a `keras.Model`",
                f"{network!r}",
                f"Nearest: '{near}'.",
            )
        self.network = network
        self.policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
        self._loaded = {}  # for each shape of images: how many times smaller, and the network of the maps

    @property
    def name(self):
        return self.network if isinstance(self.network, str) else None

    def load(self, image_shape):
        """Loads the network, if it is not there, and checks that it takes such images.

        In a `tf.function` that has to be done before: in the main thread, and in the scope of the strategy if
        there is one.

        Args:
            image_shape: `(height, width, channels)`, 1 or 3 channels.

        Returns:
            The loss itself.

        Raises:
            ValueError: the network is not known, does not take such images, or returns no list of maps.
            ValueError, OSError, ImportError: as of `latentzoo.extractors.load`.
        """
        image_shape = tuple(image_shape)
        if image_shape not in self._loaded:
            if self.network is None:
                raise error(
                    "The network of the perceptual loss is not known: checkpoints hold its name, or nothing "
                    "if it was the user's own.",
                    f"one of {list(NAMES)}, or a `keras.Model`",
                    "None",
                    "Give it again: `model.perceptual = latentzoo.perceptual.Perceptual(network)`.",
                )
            scales = [(1, self.network)]
            if self.name:
                extractor = extractors.load(self.name)
                scales = [(n, extractor.maps(levels, self.policy)) for n, levels in levels_of(image_shape)]
            for smaller, network in scales:
                check(network, image_shape, smaller)
            self._loaded[image_shape] = scales
        return self

    def __call__(self, x, y):
        """The loss of images `y` that stand for `x`.

        Args:
            x: floats `(batch, height, width, channels)` in [0, 1], not checked.
            y: likewise; the gradient reaches them alone.

        Returns:
            `(batch,)`, float32: mean absolute differences of pixels in [-1, 1] and of maps, no nats.

        Raises:
            ValueError: as of `load`, or in a `tf.function` that was not preceded by it.
        """
        image_shape = tuple(x.shape[1:])
        if image_shape not in self._loaded and not tf.executing_eagerly():
            raise error(
                "The network of the perceptual loss cannot be loaded while a function is compiled.",
                f"a call of `load({image_shape})` before",
                f"images of shape {image_shape}, for which there was none",
            )
        x, y = prepared(ops.stop_gradient(x)), prepared(y)
        total = 0.0
        for smaller, network in self.load(image_shape)._loaded[image_shape]:
            pair = [ops.average_pool(v, smaller) if smaller > 1 else v for v in (x, y)]
            maps = zip(*(listed(network(v, training=False)) for v in pair), strict=True)
            total += 2 * difference(*pair)  # as pixels in [-1, 1] differ
            total += sum(difference(*both) for both in maps) / (SCALE if self.name else 1.0)
        return total


def levels_of(image_shape):
    """How many times smaller images are compared, and in how many maps."""
    side = min(image_shape[:2])
    return [(1, 3)] if side <= 32 else [(1, 4)] if side <= 64 else [(1, 5), (SMALLER, 4)]


def prepared(x):
    """Images in [0, 1], a tensor, as the network takes them."""
    x = repeated(ops.cast(x, "float32"))
    return ops.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0))) if tuple(x.shape[1:3]) == (28, 28) else x


def difference(a, b):
    """Mean absolute difference of each example, `(batch,)`, float32."""
    return ops.mean(ops.abs(ops.cast(a, "float32") - ops.cast(b, "float32")), axis=(1, 2, 3))


def listed(maps):
    """Maps as a list: of a list of one Keras returns what is in it."""
    return list(maps) if isinstance(maps, (list, tuple)) else [maps]


def check(network, image_shape, smaller=1):
    """Checks that a network takes images of this shape and returns maps."""
    height, width, channels = image_shape
    height, width = (32, 32) if (height, width) == (28, 28) else (height // smaller, width // smaller)
    given = (None, height, width, 3)
    try:
        shapes = [tuple(x.shape) for x in listed(network(keras.KerasTensor(given)))]
        maps = len(shapes) > 0 and all(len(shape) == 4 and 0 not in shape for shape in shapes)
    except Exception as reason:  # whatever a user's network raises is the answer to the question
        shapes, maps = said(reason), False
    if channels not in (1, 3) or not maps:
        raise error(
            "The network of the perceptual loss and the images do not fit.",
            f"images of 1 or 3 channels, and a network from {given} to a list of maps "
            "(batch, rows, columns, channels)",
            f"images of shape {image_shape}, and a network that gives {shapes}"[:500],
            "Grey images are repeated to 3 channels, and 28 x 28 pixels are put in a frame of 32 x 32.",
        )
