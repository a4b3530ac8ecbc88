"""The fused batch norm beside Keras' own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo.networks.batch_norm import BatchNormalization


def twins(shape, **arguments):
    """Keras' layer and ours with the same weights."""
    pair = keras.layers.BatchNormalization(**arguments), BatchNormalization(**arguments)
    rng = np.random.default_rng(1)
    for layer in pair:
        layer.build((None, *shape))
    values = [rng.uniform(0.5, 2, w.shape) for w in pair[0].weights]
    for layer in pair:
        layer.set_weights(values)
    return pair


def passes(layer, x, training=True, mask=None):
    """Output, the gradients of a cubic loss and of its gradient's square, and the weights afterwards."""
    x = tf.constant(x, layer.compute_dtype)
    sources = [x, *(v.value for v in layer.trainable_variables)]
    with tf.GradientTape() as outer:
        outer.watch(sources)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = layer(x, training=training, mask=mask)
            loss = tf.reduce_mean(tf.cast(y, "float32") ** 3)
        slope = inner.gradient(loss, x)
        penalty = loss + tf.reduce_sum(tf.cast(slope, "float32") ** 2)
    gradients = outer.gradient(penalty, sources)
    return [np.array(tf.cast(t, "float32")) for t in (y, slope, *gradients, *layer.weights)]


def same(ours, theirs, tolerance):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.abs(b).max())


def kernels(layer, x, **arguments):
    """How often a training pass asks for the fused kernel."""
    graph = tf.function(lambda x: layer(x, training=True, **arguments)).get_concrete_function(x).graph
    return sum(op.type == "FusedBatchNormV3" for op in graph.get_operations())


@pytest.mark.parametrize("shape", [(5,), (4, 5), (3, 4, 5), (2, 3, 4, 5)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_fused_pass_is_that_of_keras(shape, dtype):
    theirs, ours = twins(shape, momentum=0.9, epsilon=1e-3, dtype=dtype)
    x = np.random.default_rng(0).normal(3, 2, (16, *shape))
    assert (kernels(theirs, x), kernels(ours, x)) == (0, 1)
    tolerance = 1e-4 if dtype == "float32" else 0.02
    same(passes(ours, x, training=False), passes(theirs, x, training=False), 0)
    same(passes(ours, x), passes(theirs, x), tolerance)


def test_fused_pass_without_scale_and_offset():
    theirs, ours = twins((5,), scale=False, center=False)
    x = np.random.default_rng(0).normal(3, 2, (16, 5))
    assert kernels(ours, x) == 1
    same(passes(ours, x), passes(theirs, x), 1e-4)


def test_fused_pass_of_one_example():
    theirs, ours = twins((5,))
    same(passes(ours, np.ones((1, 5))), passes(theirs, np.ones((1, 5))), 1e-6)


@pytest.mark.parametrize(
    ("arguments", "call"),
    [
        ({"axis": 1}, {}),
        ({"renorm": True}, {}),
        ({"synchronized": True}, {}),
        ({"dtype": "float64"}, {}),
        ({"trainable": False}, {}),
        ({}, {"mask": np.arange(48).reshape(16, 3) % 5 > 1}),
    ],
    ids=["axis", "renorm", "synchronized", "float64", "frozen", "mask"],
)
def test_what_the_kernel_cannot_do_keras_does(arguments, call):
    theirs, ours = twins((3, 5), **arguments)
    x = np.random.default_rng(0).normal(3, 2, (16, 3, 5)).astype(ours.compute_dtype)
    assert kernels(ours, x, **call) == 0
    same(passes(ours, x, **call), passes(theirs, x, **call), 0)


def test_fused_pass_leaves_weights_alone_in_a_stateless_call():
    _, ours = twins((5,))
    before = ours.get_weights()
    x = np.random.default_rng(0).normal(3, 2, (16, 5))
    trainable, fixed = ours.trainable_variables, ours.non_trainable_variables
    _, moved = ours.stateless_call(trainable, fixed, x, training=True)
    same(ours.get_weights(), before, 0)
    assert not np.allclose(moved[0], fixed[0])


def test_fused_layer_comes_back_from_its_config():
    layer = BatchNormalization(momentum=0.8, name="norm")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is BatchNormalization and again.get_config() == layer.get_config()
