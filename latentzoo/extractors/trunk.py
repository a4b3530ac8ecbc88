"""The convolutions of VGG16: Simonyan and Zisserman, 2014, arXiv:1409.1556."""

import keras
from keras import layers, ops

from latentzoo.extractors.extractor import Extractor, array, colour, frozen
from latentzoo.graphs import infer

BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # width and number of convolutions
NAMES = [f"block{i}_conv{j}" for i, (_, n) in enumerate(BLOCKS, 1) for j in range(1, n + 1)]
MEAN = (103.939, 116.779, 123.68)  # of blue, green and red in ImageNet
SIDE = 64


def vgg16():
    """The 13 convolutions, named as those of Keras, with random weights.

    Returns:
        `keras.Model` from `(batch, height, width, 3)`, sides of 16 or more, to the five last maps of each
        size, after the ReLU: `(batch, height / 2^i, width / 2^i, channels)`.
    """
    x = inputs = keras.Input((None, None, 3), dtype="float32")
    taps = []  # float32 throughout, whatever policy is in force
    for i, (width, count) in enumerate(BLOCKS, 1):
        if taps:
            x = layers.MaxPooling2D(dtype="float32", name=f"block{i - 1}_pool")(x)
        for j in range(1, count + 1):
            name = f"block{i}_conv{j}"
            x = layers.Conv2D(width, 3, padding="same", activation="relu", dtype="float32", name=name)(x)
        taps.append(x)
    return frozen(inputs, taps)


class Trunk(Extractor):
    """Features of VGG16: the mean over space of its last convolution, after the ReLU, 512.

    Images are resized to 64 x 64 pixels, bilinearly, with antialiasing where they shrink.

    Args:
        name, sha256: as of `Extractor`.
        trunk: what `vgg16` returns, with the weights of a network that takes Caffe's colours: blue, green
            and red in [0, 255], less their mean in ImageNet.
    """

    def __init__(self, name, sha256, trunk):
        super().__init__(
            name,
            sha256,
            distance=f"Frechet distance ({name})",
            resize=f"bilinear to {SIDE} x {SIDE}",
            width=BLOCKS[-1][0],
        )
        inputs = keras.Input((None, None, 3), dtype="float32")
        x = ops.image.resize(inputs, (SIDE, SIDE), interpolation="bilinear", antialias=True)
        x = 255 * ops.flip(x, axis=-1) - ops.array(MEAN, "float32")
        self.network = frozen(inputs, ops.mean(trunk(x)[-1], axis=(1, 2)))

    def features(self, images, batch_size=64):
        return infer(self.network, colour(array(images), batch_size))
