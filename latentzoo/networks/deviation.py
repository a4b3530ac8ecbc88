"""The one number of a Gaussian decoder that is learned beside its network."""

import keras
from keras import ops

from latentzoo.updates import serializable


@serializable
class Deviation(keras.layers.Layer):
    """A positive number for all pixels: the deviation of images around what the decoder gives.

    It is `exp` of its only weight, so 1 at first. Dai and Wipf (2019), "Diagnosing and Enhancing VAE Models",
    arXiv:1903.05789, call it gamma; elsewhere gamma is its square.

    Example:

    >>> from latentzoo.networks.deviation import Deviation
    >>> float(Deviation().value())
    1.0
    """

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", "name": "deviation", **kwargs})
        self.log_deviation = self.add_weight(shape=(), initializer="zeros", name="log_deviation")
        self.built = True

    def value(self):
        """The deviation, `()`."""
        return ops.exp(self.log_deviation)
