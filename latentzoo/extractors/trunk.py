"""The convolutions of VGG16: Simonyan and Zisserman, 2014, arXiv:1409.1556."""

import keras
from keras import layers, ops

from latentzoo.extractors.extractor import Extractor, array, colour, frozen
from latentzoo.graphs import infer

BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # width and number of convolutions
NAMES = [f"block{i}_conv{j}" for i, (_, n) in enumerate(BLOCKS, 1) for j in range(1, n + 1)]
MEAN = (103.939, 116.779, 123.68)  # of blue, green and red in ImageNet
TAPS = ("block1_conv2", "block2_conv2", "block3_conv2", "block4_conv3")  # of the maps that losses compare
SIDE = 64


def vgg16(dtype="float32"):
    """The 13 convolutions, named as those of Keras, with random weights.

    Args:
        dtype: Keras dtype policy of the layers, whatever policy is in force.

    Returns:
        `keras.Model` from `(batch, height, width, 3)`, sides of 16 or more, to the five last maps of each
        size, after the ReLU: `(batch, height / 2^i, width / 2^i, channels)`.
    """
    x = inputs = keras.Input((None, None, 3), dtype="float32")
    taps = []
    for i, (width, count) in enumerate(BLOCKS, 1):
        if taps:
            x = layers.MaxPooling2D(dtype=dtype, name=f"block{i - 1}_pool")(x)
        for j in range(1, count + 1):
            name = f"block{i}_conv{j}"
            x = layers.Conv2D(width, 3, padding="same", activation="relu", dtype=dtype, name=name)(x)
        taps.append(x)
    return frozen(inputs, taps)


def caffe(x):
    """Colours as Caffe's networks take them, from images in [0, 1] of red, green and blue."""
    return 255 * ops.flip(x, axis=-1) - ops.array(MEAN, "float32")


class Trunk(Extractor):
    """Features of VGG16: the mean over space of its last convolution, after the ReLU, 512.

    Images are resized to 64 x 64 pixels, bilinearly, with antialiasing where they shrink.

    Args:
        name, sha256: as of `Extractor`.
        trunk: what `vgg16` returns, with the weights of a network that takes Caffe's colours: blue, green
            and red in [0, 255], less their mean in ImageNet.

    Attributes:
        trunk: as above.
    """

    def __init__(self, name, sha256, trunk):
        super().__init__(
            name,
            sha256,
            distance=f"Frechet distance ({name})",
            resize=f"bilinear to {SIDE} x {SIDE}",
            width=BLOCKS[-1][0],
        )
        self.trunk = trunk
        inputs = keras.Input((None, None, 3), dtype="float32")
        x = ops.image.resize(inputs, (SIDE, SIDE), interpolation="bilinear", antialias=True)
        self.network = frozen(inputs, ops.mean(trunk(caffe(x))[-1], axis=(1, 2)))

    def features(self, images, batch_size=64):
        return infer(self.network, colour(array(images), batch_size))

    def maps(self, levels=5, dtype="float32"):
        """The maps that `latentzoo.perceptual` compares, as a network with these weights.

        Args:
            levels: int, 2 to 5. How many of relu1_2, relu2_2, relu3_2, relu4_3 and pool5, the first ones;
                layers past the last of them are not in the network.
            dtype: Keras dtype policy of the layers.

        Returns:
            `keras.Model` from `(batch, height, width, 3)` in [0, 1] to a list of maps `(batch, height / 2^i,
            width / 2^i, channels)`, i from 0, the fifth with i = 5. Nothing trains it.
        """
        trunk = self.trunk
        if keras.dtype_policies.get(dtype).name != "float32":
            trunk = vgg16(dtype)
            trunk.set_weights(self.trunk.get_weights())
        taps = [trunk.get_layer(name).output for name in TAPS[:levels]]
        if levels > len(TAPS):
            taps.append(layers.MaxPooling2D(dtype=dtype, name="block5_pool")(trunk.outputs[-1]))
        inputs = keras.Input((None, None, 3), dtype="float32")
        return frozen(inputs, frozen(trunk.inputs, taps)(caffe(inputs)))
