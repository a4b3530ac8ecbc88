"""Networks against the tables of the papers that drew them."""

import keras
import numpy as np
import pytest

from latentzoo.networks import infogan


@pytest.mark.parametrize(
    ("shape", "width", "millions"),
    [((28, 28, 1), 20, 13.18), ((32, 32, 3), 64, 17.21), ((64, 64, 3), 64, 67.61)],
    ids=["MNIST", "CIFAR-10", "CelebA"],
)
def test_infogan_has_the_size_of_the_paper(shape, width, millions):
    with keras.StatelessScope(initialize_variables=False):  # shapes, without the memory
        networks = infogan.encoder(shape, width), infogan.decoder(shape, width)
    learned = sum(np.prod(v.shape) for network in networks for v in network.trainable_variables)
    assert round(learned / 1e6, 2) == millions


def test_infogan_is_the_table_of_the_paper():
    encoder, decoder = infogan.encoder((8, 12, 3), 5), infogan.decoder((8, 12, 3), 5)

    def table(network):
        return [(layer.name, layer.output.shape[1:]) for layer in network.layers]

    assert table(encoder) == [
        ("images", (8, 12, 3)),
        ("conv_0", (4, 6, 64)),
        ("conv_0_relu", (4, 6, 64)),
        ("conv_1", (2, 3, 128)),
        ("conv_1_norm", (2, 3, 128)),
        ("conv_1_relu", (2, 3, 128)),
        ("flatten", (768,)),
        ("dense_0", (1024,)),
        ("dense_0_norm", (1024,)),
        ("dense_0_relu", (1024,)),
        ("codes", (5,)),
    ]
    assert table(decoder) == [
        ("codes", (5,)),
        ("dense_0", (1024,)),
        ("dense_0_norm", (1024,)),
        ("dense_0_relu", (1024,)),
        ("dense_1", (768,)),
        ("dense_1_norm", (768,)),
        ("dense_1_relu", (768,)),
        ("grid", (2, 3, 128)),
        ("deconv_0", (4, 6, 64)),
        ("deconv_0_norm", (4, 6, 64)),
        ("deconv_0_relu", (4, 6, 64)),
        ("deconv_1", (8, 12, 3)),
        ("pixels", (8, 12, 3)),
    ]
    for network in (encoder, decoder):
        for layer in network.layers:
            if "conv_" in layer.name and hasattr(layer, "kernel_size"):
                assert (layer.kernel_size, layer.strides, layer.padding) == ((4, 4), (2, 2), "same")
            if isinstance(layer, keras.layers.BatchNormalization):
                assert (layer.momentum, layer.epsilon) == (0.9, 1e-5)
    pixels = decoder.predict(10 * np.random.default_rng(0).normal(size=(4, 5)), verbose=0)
    assert pixels.shape == (4, 8, 12, 3) and pixels.min() >= 0 and pixels.max() <= 1 and np.ptp(pixels) > 0.01


def test_infogan_is_initialized_as_it_says():
    kernel = np.array(infogan.encoder((8, 8, 1), 4).get_layer("dense_0").kernel)
    assert kernel.std() == pytest.approx(np.sqrt(2 / kernel.shape[0]), rel=0.02)


def test_infogan_in_mixed_precision():
    for network, given in (
        (infogan.encoder((8, 8, 1), 4, dtype="mixed_bfloat16"), np.ones((2, 8, 8, 1))),
        (infogan.decoder((8, 8, 1), 4, dtype="mixed_bfloat16"), np.ones((2, 4))),
    ):
        assert {layer.compute_dtype for layer in network.layers[1:-1]} == {"bfloat16"}
        assert network(given).dtype == "float32" and network.layers[-1].compute_dtype == "float32"
        assert {v.dtype for v in network.weights} == {"float32"}


@pytest.mark.parametrize("shape", [(30, 28, 1), (28, 2, 1), (28, 28)], ids=str)
@pytest.mark.parametrize("make", [infogan.encoder, infogan.decoder])
def test_infogan_halves_twice(make, shape):
    with pytest.raises(ValueError, match=r"Expected:.*divisible by 4.*Received: image_shape=\("):
        make(shape, 4)
