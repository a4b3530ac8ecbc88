"""The affine coupling of RealNVP, as a bijector of TensorFlow Probability.

Dinh, Sohl-Dickstein and Bengio (2017), "Density estimation using Real NVP", arXiv:1605.08803.
"""

import tensorflow as tf
import tensorflow_probability as tfp

tfb = tfp.bijectors

# Scales are kept within exp(-5) and exp(5). Trained flows stay well inside; but far from its data a network
# may ask for any scale, and a few such couplings in a row would make a sample overflow.
LOG_SCALE = 5.0
LOG_SCALES = {  # of a coupling, from what its network says
    "exp": lambda raw: raw,
    "tanh": tf.math.tanh,
    "sigmoid": lambda raw: tf.math.log_sigmoid(raw + 2.0),
}


class Coupling(tfb.Bijector):
    """One affine coupling, from codes to noise, that asks its network once.

    `TransformedDistribution.log_prob` wants the mapped tensor and then the log determinant, and a
    coupling that computes its scale for each pays for two network calls. Bijectors keep attributes
    beside the tensors they map: this one puts the log determinant there as soon as it knows it.
    """

    def __init__(self, network, widths, flip, kind):
        # Without `parameters` no coupling equals another. Equal bijectors share what they remember, and
        # the weights of a network are no parameters.
        super().__init__(forward_min_event_ndims=1, dtype=tf.float32, name="coupling")
        self._network, self._widths, self._flip, self._kind = network, widths, flip, kind

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {}

    def _split(self, x):
        kept, mapped = self._widths
        if self._flip:
            return x[..., mapped:], x[..., :mapped]
        return x[..., :kept], x[..., kept:]

    def _join(self, kept, mapped):
        return tf.concat([mapped, kept] if self._flip else [kept, mapped], axis=-1)

    def _log_scale_shift(self, kept):
        raw_scale, shift = tf.split(tf.cast(self._network(kept), tf.float32), 2, axis=-1)
        log_scale = LOG_SCALES[self._kind](raw_scale)
        return tf.clip_by_value(log_scale, -LOG_SCALE, LOG_SCALE), shift

    def _forward(self, x):
        kept, mapped = self._split(x)
        log_scale, shift = self._log_scale_shift(kept)
        self._cache.forward_attributes(x)["ildj"] = -tf.reduce_sum(log_scale, axis=-1)
        if self._kind == "sigmoid":
            return self._join(kept, (mapped + shift) * tf.exp(log_scale))
        return self._join(kept, mapped * tf.exp(log_scale) + shift)

    def _inverse(self, y):
        kept, mapped = self._split(y)
        log_scale, shift = self._log_scale_shift(kept)
        self._cache.inverse_attributes(y)["ildj"] = -tf.reduce_sum(log_scale, axis=-1)
        if self._kind == "sigmoid":
            return self._join(kept, mapped * tf.exp(-log_scale) - shift)
        return self._join(kept, (mapped - shift) * tf.exp(-log_scale))

    def _forward_log_det_jacobian(self, x):
        return tf.reduce_sum(self._log_scale_shift(self._split(x)[0])[0], axis=-1)
