"""Codes that are weights: a table with a row for each training image, in the place of an encoder."""

import keras
from keras import ops

from latentzoo.errors import error
from latentzoo.graphs import require
from latentzoo.updates import serializable


@serializable
class Codes(keras.layers.Layer):
    """A table of codes, from row numbers `(batch,)` to codes `(batch, latent_dim)`.

    Bojanowski, Joulin, Lopez-Paz and Szlam (2018), "Optimizing the Latent Space of Generative Networks",
    arXiv:1707.05776. Codes start as draws from N(0, 0.01^2).

    Args:
        n_codes: int. Training images.
        latent_dim: int. Width of a code.

    Example:

    >>> import numpy as np
    >>> from latentzoo.networks.codes import Codes
    >>> Codes(100, 4)(np.array([7, 3])).shape
    TensorShape([2, 4])
    """

    def __init__(self, n_codes, latent_dim, **kwargs):
        super().__init__(**{"dtype": "float32", "name": "codes", **kwargs})
        self.n_codes, self.latent_dim = n_codes, latent_dim
        near_zero = keras.initializers.RandomNormal(stddev=0.01)
        self.table = self.add_weight((n_codes, latent_dim), near_zero, name="table", autocast=False)
        self.built = True

    def call(self, rows):
        return ops.take(self.table, rows, axis=0)

    def checked(self, rows):
        """Row numbers, once they are seen to be in the table."""
        message = error(
            "Numbers of rows and codes do not fit.",
            f"rows from 0 to {self.n_codes - 1}, as there are {self.n_codes} codes",
            "others",
            "Make the model with the number of training images as `n_codes`.",
        )
        return require(ops.all(ops.logical_and(rows >= 0, rows < self.n_codes)), str(message), rows)

    def normalize(self):
        """Brings all codes to unit length."""
        self.table.assign(unit(self.table))

    def get_config(self):
        return {**super().get_config(), "n_codes": self.n_codes, "latent_dim": self.latent_dim}


def unit(codes):
    """Codes brought to unit length, as if the length they had was a constant; zeros stay zeros."""
    length = ops.sqrt(ops.sum(ops.square(codes), axis=-1, keepdims=True))
    return codes / ops.maximum(ops.stop_gradient(length), 1e-12)
