"""TensorFlow's compiled functions: checks inside them, their errors outside, and inference.

The check of Keras' backend stands here, since this is imported before anything else that needs TensorFlow.
"""

import contextlib
import functools
import re

import keras
import numpy as np

if keras.config.backend() != "tensorflow":
    raise RuntimeError(
        "latentzoo trains and runs on Keras' TensorFlow backend. Expected: KERAS_BACKEND=tensorflow. "
        f"Received: KERAS_BACKEND={keras.config.backend()}. Set the environment variable before "
        "Keras is first imported, or edit ~/.keras/keras.json."
    )

import tensorflow as tf  # noqa: E402 (after the check)

from latentzoo.errors import whole  # noqa: E402
from latentzoo.routing import frozen  # noqa: E402

KINDS = {kind.__name__: kind for kind in (ValueError, FloatingPointError)}


def require(condition, message, x, *, kind=ValueError):
    """Returns the tensors `x`, or raises `kind(message)` if `condition`, a tensor, is false.

    Works inside compiled steps too, where `fit` turns the failed assertion back into the error: what is
    computed from the result, such as an update, waits for the check. XLA leaves checks out.

    Args:
        condition: `()`, bool.
        message: str, or a list of strings and scalar tensors, to be joined.
        x: a tensor, or a structure of tensors and `None`.
        kind: one of `KINDS`.
    """
    if isinstance(message, list):
        message = tf.strings.join([m if isinstance(m, str) else tf.strings.as_string(m) for m in message])
    with clear_errors():
        check = tf.debugging.Assert(condition, [f"[latentzoo {kind.__name__}]" + message + "[/latentzoo]"])
    with tf.control_dependencies([check]):
        return tf.nest.map_structure(lambda t: None if t is None else tf.identity(t), x)


@contextlib.contextmanager
def clear_errors():
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        found = re.search(r"\[latentzoo (\w+)\](.*?)\[/latentzoo\]", str(error), re.DOTALL)
        if found is None:
            raise
        raise KINDS[found[1]](found[2].replace("\\'", "'")) from None


def clearly(method):
    """`method` of Keras, with its mistakes in `x` as `ValueError`s, those of compiled steps too."""

    @functools.wraps(method)
    def clear(self, x=None, *args, **kwargs):
        self.check_data(x)
        # Without labels, Keras leaves weights aside.
        weight, held_out = kwargs.get("sample_weight"), kwargs.get("validation_data")
        if weight is not None and not args and kwargs.get("y") is None:
            kwargs["y"] = no_labels(weight)
        if isinstance(held_out, tuple) and len(held_out) == 3 and held_out[1] is None:
            kwargs["validation_data"] = (held_out[0], no_labels(held_out[2]), held_out[2])
        with clear_errors():
            return method(self, x, *args, **kwargs)

    return clear


def no_labels(weights):
    """Labels for as many examples, which nothing looks at."""
    return np.zeros(len(weights), "float32")


def infer(network, pieces, *, batch_statistics=False):
    """Applies a network to NumPy batches, in inference mode unless told otherwise.

    Args:
        network: `keras.Layer`.
        pieces: iterable of NumPy arrays, at least one, all of one shape but for the last.
        batch_statistics: bool. Apply it in training mode, so that batch norm takes mean and variance of each
            piece; moving statistics do not move.

    Returns:
        NumPy float32, the results one after another.
    """
    key = "_infer_by_batch" if batch_statistics else "_infer"
    function = vars(network).get(key)
    if function is None:
        call = functools.partial(frozen, network) if batch_statistics else network
        function = tf.function(call, reduce_retracing=True)
        # Past Keras' tracking: it is no part of the model, and goes when the network goes.
        object.__setattr__(network, key, function)
    with clear_errors():
        results = [np.asarray(function(piece, training=batch_statistics), "float32") for piece in pieces]
    return results[0] if len(results) == 1 else np.concatenate(results)


@contextlib.contextmanager
def full_precision():
    """Products of float32 without TensorFloat-32, which GPUs use otherwise and which has three digits."""
    settings = tf.config.experimental
    before = settings.tensor_float_32_execution_enabled()
    settings.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        settings.enable_tensor_float_32_execution(before)


def chunks(x, batch_size):
    """Cuts an array into batches; the last may be smaller."""
    whole("batch_size", batch_size, least=1)
    return (x[i : i + batch_size] for i in range(0, len(x), batch_size))
