"""Networks against the tables of the papers that drew them."""

import keras
import numpy as np
import pytest

from latentzoo.networks import critics, dcgan, infogan, mlp, pga, residual


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


# ---------------------------------------------------------------------- DCGAN


def test_dcgan_is_the_table_it_shows():
    """Shapes at 256 x 256, without the memory."""
    with keras.StatelessScope(initialize_variables=False):
        encoder, decoder = dcgan.encoder((256, 256, 3), 256), dcgan.decoder((256, 256, 3), 256)
    widths = (64, 128, 256, 512, 512, 512)

    def table(network):
        return [(layer.name, layer.output.shape[1:]) for layer in network.layers]

    down, up = [("images", (256, 256, 3))], [("codes", (256,)), ("dense", (8192,)), ("grid", (4, 4, 512))]
    for i, width in enumerate(widths):
        shape = (128 >> i, 128 >> i, width)
        down += [(f"conv_{i}{kind}", shape) for kind in (["", "_norm", "_relu"] if i else ["", "_relu"])]
    assert table(encoder) == [*down, ("flatten", (8192,)), ("codes", (256,))]
    up += [("grid_norm", (4, 4, 512)), ("grid_relu", (4, 4, 512))]
    for i, width in enumerate((512, 512, 256, 128, 64)):
        up += [(f"deconv_{i}{kind}", (8 << i, 8 << i, width)) for kind in ("", "_norm", "_relu")]
    assert table(decoder) == [*up, ("deconv_5", (256, 256, 3)), ("pixels", (256, 256, 3))]
    for network in (encoder, decoder):
        for layer in network.layers:
            if "conv_" in layer.name and hasattr(layer, "kernel_size"):
                assert (layer.kernel_size, layer.strides, layer.padding) == ((5, 5), (2, 2), "same")
            if isinstance(layer, keras.layers.BatchNormalization):
                assert (layer.momentum, layer.epsilon) == (0.9, 1e-5)
    # One kernel and bias for each pair of neighbours, two numbers for each normalized channel.
    pairs = list(zip((3, *widths), widths, strict=False))
    convolutions = sum(25 * a * b + b for a, b in pairs)
    backwards = sum(25 * a * b + a for a, b in pairs)
    learned = [sum(np.prod(v.shape) for v in network.trainable_variables) for network in (encoder, decoder)]
    assert learned == [
        convolutions + 2 * sum(widths[1:]) + 8192 * 256 + 256,
        backwards + 2 * sum(widths) + 256 * 8192 + 8192,
    ]


def test_dcgan_in_other_sizes_and_mixed_precision():
    images, codes = (
        np.random.default_rng(0).random((4, 8, 12, 1)),
        np.random.default_rng(1).normal(size=(4, 5)),
    )
    for dtype in ("float32", "mixed_bfloat16"):
        encoder = dcgan.encoder((8, 12, 1), 5, widths=(6, 7), dtype=dtype, name="mine")
        decoder = dcgan.decoder((8, 12, 1), 5, widths=(6, 7), dtype=dtype)
        assert (encoder.name, decoder.name) == ("mine", "decoder")
        found, pixels = encoder(images), np.array(decoder(10 * codes))
        assert found.shape == (4, 5) and pixels.shape == (4, 8, 12, 1)
        assert pixels.min() >= 0 and pixels.max() <= 1 and np.ptp(pixels) > 0.01
        for network, given in ((encoder, images), (decoder, codes)):
            policy = keras.dtype_policies.get(dtype)
            assert {layer.compute_dtype for layer in network.layers[1:-1]} == {policy.compute_dtype}
            assert network.layers[-1].compute_dtype == network(given).dtype == "float32"
            assert {v.dtype for v in network.weights} == {"float32"}
    kernel = np.array(dcgan.decoder((8, 8, 1), 64, widths=(4, 64)).get_layer("dense").kernel)
    assert kernel.std() == pytest.approx(np.sqrt(2 / 64), rel=0.05)


@pytest.mark.parametrize("shape", [(96, 256, 3), (256, 32, 3), (256, 256)], ids=str)
@pytest.mark.parametrize("make", [dcgan.encoder, dcgan.decoder])
def test_dcgan_halves_once_for_each_width(make, shape):
    with pytest.raises(ValueError, match=r"6 times.*Expected:.*divisible by 64.*Received: image_shape=\("):
        make(shape, 4)


# ---------------------------------------------------------------------- perceptual generative autoencoders


def conv(name, shape, norm):
    return [(name, shape), *([(f"{name}_norm", shape)] if norm else []), (f"{name}_relu", shape)]


PGA = {
    "conv_mnist": (
        (28, 28, 1),
        [*conv("conv_0", (14, 14, 64), False), *conv("conv_1", (7, 7, 128), True), ("flatten", (6272,)),
         *conv("features", (1024,), True)],
        [*conv("dense", (1024,), False), *conv("maps", (6272,), True), ("grid", (7, 7, 128)),
         *conv("deconv_0", (14, 14, 64), False), ("deconv_1", (28, 28, 1))],
    ),
    "conv_32": (
        (32, 32, 3),
        [*conv("conv_0", (16, 16, 64), False), *conv("conv_1", (8, 8, 128), True),
         *conv("conv_2", (4, 4, 256), True), ("flatten", (4096,))],
        [*conv("maps", (4096,), False), ("grid", (4, 4, 256)), *conv("deconv_0", (8, 8, 128), True),
         *conv("deconv_1", (16, 16, 64), False), ("deconv_2", (32, 32, 3))],
    ),
    "conv_64": (
        (64, 64, 3),
        [*conv("conv_0", (32, 32, 64), False), *conv("conv_1", (16, 16, 128), False),
         *conv("conv_2", (8, 8, 256), True), *conv("conv_3", (4, 4, 512), True), ("flatten", (8192,))],
        [*conv("maps", (8192,), False), ("grid", (4, 4, 512)), *conv("deconv_0", (8, 8, 256), True),
         *conv("deconv_1", (16, 16, 128), True), *conv("deconv_2", (32, 32, 64), False),
         ("deconv_3", (64, 64, 3))],
    ),
}  # fmt: skip


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("name", PGA)
def test_pga_is_the_table_of_the_code(name, batch_norm):
    shape, down, up = PGA[name]
    with keras.StatelessScope(initialize_variables=False):  # the architecture follows from the shape
        encoder, decoder = (
            pga.encoder(shape, 9, batch_norm=batch_norm),
            pga.decoder(shape, 9, batch_norm=batch_norm),
        )

    def table(network):
        return [(layer.name, layer.output.shape[1:]) for layer in network.layers]

    def with_norms(rows):
        return [row for row in rows if batch_norm or not row[0].endswith("_norm")]

    assert table(encoder) == with_norms([("images", shape), ("centred", shape), *down, ("codes", (9,))])
    assert table(decoder) == with_norms([("codes", (9,)), *up, ("tanh", shape), ("pixels", shape)])
    for network in (encoder, decoder):
        for layer in network.layers:
            if "conv_" in layer.name and hasattr(layer, "kernel_size"):
                assert (layer.kernel_size, layer.strides, layer.padding) == ((5, 5), (2, 2), "same")
            if isinstance(layer, keras.layers.BatchNormalization):
                assert (layer.momentum, layer.epsilon) == (0.999, 1e-3)
            if hasattr(layer, "kernel"):  # what batch norm shifts needs no bias
                assert type(layer.kernel_initializer) is keras.initializers.GlorotUniform
                assert layer.use_bias == (f"{layer.name}_norm" not in dict(table(network)))
            if isinstance(layer, keras.layers.ReLU):
                assert layer.negative_slope == (0.2 if network is encoder else 0.0)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_residual_pga_is_the_table_of_the_code(batch_norm):
    width, shape, norms = 2, (32, 32, 3), {"batch_norm": batch_norm}
    settings = {"architecture": "resnet_32", "width": width, **norms}
    encoder, decoder = pga.encoder(shape, 9, **settings), pga.decoder(shape, 9, **settings)

    def blocks(network, last):
        return [
            network.get_layer(f"block_{i}{last if i < 2 else ''}").output.shape[1:]
            for i in range(4 if last else 3)
        ]

    assert blocks(encoder, "_mean") == [(16, 16, 16), (8, 8, 16), (8, 8, 16), (8, 8, 16)]
    assert blocks(decoder, "") == [(8, 8, 16), (16, 16, 16), (32, 32, 16)]
    three, one, norm = 9 * 16 * 16 + 16, 16 * 16 + 16, 2 * 16 if batch_norm else 0
    bias = 16 if batch_norm else 0  # of the first convolution, which batch norm replaces
    first = (9 * 3 * 16 + 16) + three + (3 * 16 + 16) + norm - bias
    second, plain = 2 * three + one + 2 * norm - bias, 2 * three + 2 * norm - bias
    down = first + second + 2 * plain + 8 * 8 * 16 * 9 + 9
    assert sum(np.prod(v.shape) for v in encoder.trainable_variables) == down
    wide = (9 * 64 * 16 + 16) + three + (64 * 16 + 16) + norm - bias + (2 * 64 if batch_norm else 0)
    up = 9 * 1024 + 1024 + wide + 2 * second + 9 * 16 * 3 + 3
    assert sum(np.prod(v.shape) for v in decoder.trainable_variables) == up
    with keras.StatelessScope(initialize_variables=False):
        assert pga.encoder(shape, 9, architecture="resnet_32").get_layer("block_0").output.shape[-1] == 512


def test_residual_pga_puts_zeros_between_pixels():
    x = keras.Input((2, 3, 1))
    grid = np.array(keras.Model(x, pga.apart(x, "float32", "a"))(np.arange(1.0, 7).reshape(1, 2, 3, 1)))[
        0, ..., 0
    ]
    expected = np.zeros((4, 6))
    expected[::2, ::2] = np.arange(1, 7).reshape(2, 3)
    np.testing.assert_array_equal(grid, expected)


def test_pga_heads_pixels_and_precision():
    images, codes = (
        np.random.default_rng(0).random((4, 8, 8, 1)),
        np.random.default_rng(1).normal(size=(4, 3)),
    )
    for dtype in ("float32", "mixed_bfloat16"):
        encoder = pga.encoder((8, 8, 1), 6, deviation_bias=pga.FIRST_LOG_VARIANCE, dtype=dtype)
        decoder = pga.decoder((8, 8, 1), 3, dtype=dtype)
        pixels = np.array(decoder(10 * codes))
        assert pixels.shape == (4, 8, 8, 1) and 0 <= pixels.min() < 0.5 < pixels.max() <= 1
        assert encoder(images).dtype == decoder(codes).dtype == "float32"
        assert {v.dtype for v in encoder.weights} == {"float32"}
        np.testing.assert_allclose(encoder(images)[:, 3:], np.full((4, 3), 2 * np.log(0.1)), atol=2.5)
    np.testing.assert_allclose(np.array(encoder.get_layer("deviations").bias), 2 * np.log(0.1), rtol=1e-6)
    np.testing.assert_allclose(encoder.get_layer("centred")(np.array([0.0, 0.5, 1.0])), [-1, 0, 1])
    assert pga.decoder((8, 8, 1), 3, width=128).get_layer("deconv_0").filters == 128
    with pytest.raises(ValueError, match="(?s)Expected: an even number.*Received: outputs=5"):
        pga.encoder((8, 8, 1), 5, deviation_bias=0.0)


@pytest.mark.parametrize(
    ("shape", "architecture", "message"),
    [
        ((30, 28, 1), None, r"conv_mnist.*divisible by 4.*Received: image_shape=\(30, 28, 1\)"),
        ((36, 36, 1), None, r"conv_32.*divisible by 8.*Received: image_shape=\(36, 36, 1\)"),
        ((72, 72, 3), None, r"conv_64.*divisible by 16.*Received: image_shape=\(72, 72, 3\)"),
        ((28, 28), None, r"Received: image_shape=\(28, 28\)"),
        ((28, 28, 1), "conv_28", "Expected: None or one of.*resnet_32.*Received: architecture='conv_28'"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("make", [pga.encoder, pga.decoder])
def test_pga_halves_as_often_as_it_says(make, shape, architecture, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        make(shape, 4, architecture=architecture)


# ---------------------------------------------------------------------- those of Dai and Wipf


def test_spectral_norm_leaves_kernels_as_fine_as_they_were(monkeypatch):
    """Keras divides them in place, which in bfloat16 would undo all small steps."""
    monkeypatch.setattr(infogan, "UNITS", 16)
    both = []
    for dtype in ("float32", "mixed_bfloat16"):
        keras.utils.set_random_seed(0)
        encoder = infogan.encoder((8, 8, 1), 4, spectral_norm=True, dtype=dtype)
        encoder(np.random.default_rng(0).random((4, 8, 8, 1), "float32"), training=True)
        wrapped = [layer.layer for layer in encoder.layers if hasattr(layer, "layer")]
        both.append([layer.kernel.numpy() for layer in wrapped])
        assert {layer.compute_dtype for layer in wrapped[:3]} == {dtype.removeprefix("mixed_")}
    for exact, mixed in zip(*both, strict=True):
        np.testing.assert_allclose(mixed, exact, rtol=1e-5)


def test_infogan_as_dai_and_wipf_have_it():
    same = {"negative_slope": 0.2, "momentum": 0.999, "deviation": 0.02}
    encoder = infogan.encoder((16, 16, 1), 8, spectral_norm=True, **same)
    decoder = infogan.decoder((16, 16, 1), 4, momentum=0.999, deviation=0.02)
    wrapped = [layer for layer in encoder.layers if isinstance(layer, keras.layers.SpectralNormalization)]
    assert [layer.layer.name for layer in wrapped] == ["conv_0", "conv_1", "dense_0", "codes"]
    assert {layer.power_iterations for layer in wrapped} == {1}
    assert not [layer for layer in decoder.layers if isinstance(layer, keras.layers.SpectralNormalization)]
    for network, slope in ((encoder, 0.2), (decoder, 0.0)):
        for layer in network.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                assert (layer.momentum, layer.epsilon) == (0.999, 1e-5)
            if isinstance(layer, keras.layers.ReLU):
                assert layer.negative_slope == slope
    kernels = {layer.layer.name: layer.layer.kernel for layer in wrapped}
    kernels |= {layer.name: layer.kernel for layer in decoder.layers if hasattr(layer, "kernel")}
    for name, kernel in kernels.items():
        cut = "conv_" in name and "deconv" not in name  # at two deviations
        assert np.std(kernel) == pytest.approx(0.0176 if cut else 0.02, rel=0.1), name
        assert (np.abs(kernel).max() > 0.0401) == (not cut and np.size(kernel) > 1000), name
    sizes = infogan.encoder((16, 16, 1), 8), infogan.decoder((16, 16, 1), 4)
    for network, plain in zip((encoder, decoder), sizes, strict=True):
        learned = [sum(np.prod(v.shape) for v in n.trainable_variables) for n in (network, plain)]
        assert learned[0] == learned[1]


def test_layers_of_one_shape_start_differently():
    critic = critics.dense(4, outputs=2, units=4, hidden_layers=2)
    assert not np.array_equal(critic.get_layer("dense_0").kernel, critic.get_layer("dense_1").kernel)
    one, other = (infogan.start(0.02, truncated=True)["kernel_initializer"] for _ in range(2))
    assert not np.array_equal(one((3, 3)), other((3, 3)))


def test_residual_is_the_table_it_shows():
    encoder, decoder = residual.encoder((64, 64, 3), 128), residual.decoder((64, 64, 3), 64)

    def table(network):
        shapes = [(layer.name, layer.output.shape[1:]) for layer in network.layers]
        return [(name, shape) for name, shape in shapes if "_" not in name or name[:2] in ("do", "up")]

    def learned(network):
        return sum(np.prod(v.shape) for v in network.trainable_variables)

    assert table(encoder) == [
        ("images", (64, 64, 3)),
        ("conv", (64, 64, 32)),
        ("down_1", (32, 32, 64)),
        ("down_2", (16, 16, 128)),
        ("down_3", (8, 8, 256)),
        ("mean", (256,)),
        ("dense", (512,)),
        ("codes", (128,)),
    ]
    assert table(decoder) == [
        ("codes", (64,)),
        ("dense", (4096,)),
        ("grid", (2, 2, 1024)),
        ("up_0", (4, 4, 512)),
        ("up_1", (8, 8, 256)),
        ("up_2", (16, 16, 128)),
        ("up_3", (32, 32, 64)),
        ("up_4", (64, 64, 32)),
        ("conv", (64, 64, 3)),
        ("pixels", (64, 64, 3)),
    ]
    convolution = lambda a, b: 9 * a * b + b  # noqa: E731
    block = lambda a: 3 * convolution(a, a) + 4 * a  # noqa: E731
    down, up = (32, 64, 128, 256), (1024, 512, 256, 128, 64, 32)
    downs = sum(convolution(a, b) for a, b in zip((3, *down), down, strict=False))
    dense = 2 * (256 * 512 + 512) + 512 * 512 + 512
    assert learned(encoder) == downs + sum(map(block, down)) + dense + 512 * 128 + 128
    ups = sum(convolution(a, b) for a, b in zip(up, up[1:], strict=False))
    assert learned(decoder) == 64 * 4096 + 4096 + ups + sum(map(block, up[1:])) + convolution(32, 3)
    for network in (encoder, decoder):
        for layer in network.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                assert (layer.momentum, layer.epsilon) == (0.999, 1e-5)
            if isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose)):
                strides = (2, 2) if layer.name[:2] in ("do", "up") else (1, 1)
                assert (layer.kernel_size, layer.strides, layer.padding) == ((3, 3), strides, "same")


def test_a_residual_block_beside_a_plain_reading():
    network = residual.encoder((4, 4, 2), 3, width=2, scales=1)
    rng = np.random.default_rng(0)
    for variable in network.weights:
        variable.assign(rng.uniform(0.1, 1, variable.shape))
    x = rng.random((2, 4, 4, 2)).astype("float32")
    apply = lambda name, y: np.array(network.get_layer(name)(y))  # noqa: E731
    y = y_0 = apply("conv", x)
    for i in range(2):
        norm = network.get_layer(f"block_0_{i}_norm")
        scale = np.array(norm.gamma) / np.sqrt(np.array(norm.moving_variance) + 1e-5)
        y = (y - np.array(norm.moving_mean)) * scale + np.array(norm.beta)
        y = apply(f"block_0_{i}", np.maximum(y, 0))
    y = z_0 = (y + apply("block_0_shortcut", y_0)).mean((1, 2))
    for i in range(2):
        y = apply(f"dense_{i}", np.maximum(y, 0))
    np.testing.assert_allclose(network(x), apply("codes", y + apply("dense_shortcut", z_0)), rtol=1e-4)


@pytest.mark.parametrize(
    ("shape", "grid"), [((28, 28, 1), (7, 7)), ((32, 32, 3), (2, 2)), ((8, 12, 3), (2, 3))], ids=str
)
def test_residual_in_other_sizes_and_mixed_precision(shape, grid):
    for dtype in ("float32", "mixed_bfloat16"):
        encoder = residual.encoder(shape, 5, width=4, scales=3, dtype=dtype, name="mine")
        decoder = residual.decoder(shape, 5, width=4, dtype=dtype)
        assert (encoder.name, decoder.name) == ("mine", "decoder")
        assert decoder.get_layer("grid").output.shape[1:3] == grid
        rng = np.random.default_rng(0)
        for network, given in ((encoder, rng.random((4, *shape))), (decoder, 10 * rng.normal(size=(4, 5)))):
            found = np.array(network(given))
            assert np.isfinite(found).all() and np.ptp(found) > 1e-3
            policy = keras.dtype_policies.get(dtype)
            assert {layer.compute_dtype for layer in network.layers[1:-1]} == {policy.compute_dtype}
            assert network.layers[-1].compute_dtype == network(given).dtype == "float32"
            assert {v.dtype for v in network.weights} == {"float32"}
        assert found.shape == (4, *shape) and found.min() >= 0 and found.max() <= 1


def test_residual_widths_end_at_1024():
    with keras.StatelessScope(initialize_variables=False):
        decoder = residual.decoder((64, 64, 3), 64, width=64)
    assert decoder.get_layer("grid").output.shape[-1] == decoder.get_layer("up_0").output.shape[-1] == 1024


@pytest.mark.parametrize("make", [residual.encoder, residual.decoder])
def test_residual_halves_twice(make):
    with pytest.raises(ValueError, match=r"Expected:.*divisible by 4.*Received: image_shape=\(30, 28, 1\)"):
        make((30, 28, 1), 4)


# ---------------------------------------------------------------------- critics


def test_critics_are_the_layers_of_their_papers():
    wae, factor = critics.dense(20), critics.dense(10, outputs=2, units=1000, hidden_layers=5)
    assert wae.count_params() == 20 * 512 + 512 + 3 * (512 * 512 + 512) + 513
    assert factor.count_params() == 10 * 1000 + 1000 + 4 * (1000 * 1000 + 1000) + 2002
    leaky, z = critics.dense(3, units=4, hidden_layers=1, negative_slope=0.2), np.ones((2, 3), "float32")
    hidden = np.array(leaky.get_layer("dense_0")(z))
    expected = np.where(hidden > 0, hidden, 0.2 * hidden) @ np.array(leaky.get_layer("logit").kernel)
    np.testing.assert_allclose(leaky(z), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "make, message",
    [
        (
            lambda: infogan.encoder((8, 8, 1), 0),
            "Bad outputs. Expected: an integer >= 1. Received: outputs=0",
        ),
        (lambda: infogan.decoder((8, 8, 1), "4"), "Bad latent_dim.*Received: latent_dim='4'"),
        (
            lambda: infogan.encoder((8, 8, 1), 4, momentum=1.0),
            "Bad momentum. Expected: a number >= 0 and < 1",
        ),
        (lambda: infogan.encoder((8, 8, 1), 4, negative_slope=-0.1), "Bad negative_slope"),
        (lambda: infogan.decoder((8, 8, 1), 4, deviation=0.0), "Bad deviation. Expected: a number > 0"),
        (lambda: dcgan.encoder((8, 8, 1), 4, widths=(4, 2.5)), "Bad width.*width=2.5"),
        (lambda: dcgan.decoder((8, 8, 1), 4, widths=()), "There are no convolutions"),
        (lambda: residual.encoder((8, 8, 1), 4, width="a"), "Bad width.*width='a'"),
        (lambda: residual.encoder((8, 8, 1), 4, scales=5), "halves the image 4 times.*of at least 16"),
        (lambda: residual.decoder((8, 8, 1), 4, width=0), "Bad width"),
        (lambda: mlp.encoder((8, 8, 1), 4, units=0), "Bad units"),
        (lambda: mlp.decoder((8, 8, 1), True), "Bad latent_dim.*latent_dim=True"),
        (lambda: mlp.generator(0, 4), "Bad noise_dim"),
        (lambda: pga.encoder((28, 28, 1), 4, width=None), "Bad width.*width=None"),
        (lambda: pga.decoder((28, 28, 1), 4, width=-1), "Bad width"),
        (lambda: critics.dense(4, units=0), "Bad units"),
        (lambda: critics.dense(4, negative_slope="0.2"), "Bad negative_slope"),
    ],
)
def test_bad_sizes(make, message):
    with pytest.raises(ValueError, match=message):
        make()
