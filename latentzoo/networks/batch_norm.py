"""Batch norm by TensorFlow's fused kernel: the layer that Keras computes in a dozen operations, in one."""

import keras
from keras import ops

from latentzoo.graphs import tf
from latentzoo.updates import serializable


@serializable
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' batch norm, in training by the kernel that has mean, variance and gradients in one pass.

    Same arguments, weights and results (Ioffe and Szegedy, 2015, arXiv:1502.03167) in about half the time.
    Keras' own operations remain where the kernel has no answer: at inference, across replicas, with a mask,
    with renormalization or another axis than the last.

    Args:
        **kwargs: those of `keras.layers.BatchNormalization`.

    Example:

    >>> import numpy as np
    >>> from latentzoo.networks.batch_norm import BatchNormalization
    >>> layer = BatchNormalization(epsilon=0.0)
    >>> np.round(layer(np.array([[1.0], [3.0]]), training=True), 3)
    array([[-1.],
           [ 1.]], dtype=float32)
    """

    def call(self, inputs, training=None, mask=None):
        last = self.axis in (-1, len(inputs.shape) - 1)
        single = keras.backend.standardize_dtype(inputs.dtype) != "float64"
        fused = last and single and mask is None and not (self.synchronized or self.renorm)
        if not (training and self.trainable and fused):
            return super().call(inputs, training=training, mask=mask)
        width = inputs.shape[-1]
        rows = tf.reshape(inputs, (-1, 1, 1, width))
        scale = ops.convert_to_tensor(self.gamma) if self.scale else tf.ones((width,))
        offset = ops.convert_to_tensor(self.beta) if self.center else tf.zeros((width,))
        # In half precision, too, the kernel sums in float32.
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(rows, scale, offset, epsilon=self.epsilon)
        # The kernel gives the unbiased variance, Keras averages the biased one.
        count = tf.cast(tf.shape(rows)[0], "float32")
        variance *= tf.maximum(count - 1, 1) / count
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + now * (1 - self.momentum))
        return ops.cast(tf.reshape(outputs, tf.shape(inputs)), self.compute_dtype)
