"""The classifiers that measure the others: what they learn, give, keep and refuse."""

import keras
import numpy as np
import pytest

import latentzoo
from latentzoo import data, finish, losses
from latentzoo.models import Autoencoder, Classifier
from latentzoo.networks import lenet, preactivation

SHAPE = (8, 8, 1)


@pytest.fixture(scope="module")
def pictures():
    """Dark and bright pictures, which anybody can tell apart."""
    rng = np.random.default_rng(0)
    y = np.arange(64) % 2
    return (rng.random((64, *SHAPE)) * 0.3 + 0.6 * y[:, None, None, None]).astype("float32"), y


def small(**arguments):
    model = Classifier(SHAPE, **{"classes": 2, "network": "resnet", "settings": {"blocks": 1}, **arguments})
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9))
    return model


@pytest.fixture(scope="module")
def trained(pictures):
    model = small()
    model.history_of_terms = model.fit(*pictures, batch_size=16, epochs=6, verbose=0).history
    return model


def test_it_learns(trained, pictures):
    x, y = pictures
    assert trained.history_of_terms["cross_entropy"][-1] < 0.3 * trained.history_of_terms["cross_entropy"][0]
    assert finish.measure(trained, x, y)["accuracy"]["mean"] > 0.95
    assert trained.evaluate(x, y, verbose=0, return_dict=True)["accuracy"] > 0.95
    wrong = trained.evaluate(x, 1 - y, verbose=0, return_dict=True)
    assert wrong["accuracy"] < 0.05 and wrong["cross_entropy"] > 1


def test_what_it_gives(trained, pictures):
    x, _ = pictures
    features, chances = trained.features(x, batch_size=7), trained.probabilities(x)
    assert features.shape == (64, trained.width) == (64, 64) and features.dtype == "float32"
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-6)
    logits = trained.predict(x, verbose=0)
    np.testing.assert_allclose(trained.logits(features), logits, atol=1e-5)
    np.testing.assert_allclose(np.exp(logits) / np.exp(logits).sum(1, keepdims=True), chances, atol=1e-6)
    whole = np.round(x * 255).astype("uint8")
    np.testing.assert_allclose(trained.features(whole), trained.features(whole / np.float32(255)), atol=1e-6)


def test_attributes(pictures):
    x, y = pictures
    labels = np.stack([y, 1 - y, np.ones_like(y)], axis=1)
    model = small(classes=3, attributes=True)
    model.fit(x, labels, batch_size=16, epochs=6, verbose=0)
    assert finish.measure(model, x, labels)["accuracy"]["mean"] > 0.95
    assert model.probabilities(x)[:, 2].min() > 0.5
    half = small(classes=3, attributes=True)
    half.head.kernel.assign(np.zeros(half.head.kernel.shape))
    found = half.evaluate(x, labels, verbose=0, return_dict=True)
    assert found["cross_entropy"] == pytest.approx(3 * np.log(2), rel=1e-5)


@pytest.mark.parametrize("storage", ["float32", "int8"])
def test_it_is_kept(trained, pictures, tmp_path, storage):
    trained.save_pretrained(tmp_path, storage)
    model = latentzoo.load(tmp_path)
    assert type(model) is Classifier and latentzoo.info(tmp_path)["latent_dim"] is None
    atol = 0 if storage == "float32" else 0.02
    np.testing.assert_allclose(
        model.probabilities(pictures[0]), trained.probabilities(pictures[0]), atol=atol, rtol=0
    )
    with pytest.raises(ValueError, match="Expected: class Autoencoder. Received: class Classifier"):
        Autoencoder.from_pretrained(tmp_path)


def test_losses_agree_with_keras():
    rng = np.random.default_rng(0)
    logits, y = rng.normal(size=(5, 3)).astype("float32"), np.array([0, 2, 1, 1, 0])
    expected = keras.losses.sparse_categorical_crossentropy(y, logits, from_logits=True)
    np.testing.assert_allclose(losses.cross_entropy(y, logits), expected, rtol=1e-5)
    bits = rng.integers(0, 2, (5, 3)).astype("float32")
    expected = 3 * keras.losses.binary_crossentropy(bits, logits, from_logits=True)
    np.testing.assert_allclose(losses.binary_cross_entropy(bits, logits), expected, rtol=1e-5)
    assert np.isfinite(losses.binary_cross_entropy(bits, logits * 1e4)).all()


@pytest.mark.parametrize(
    ("network", "shape", "width", "parameters"),
    [
        (lenet.features((28, 28, 1)), (28, 28, 1), 128, 320 + 18_496 + 12 * 12 * 64 * 128 + 128),
        (preactivation.residual((32, 32, 3)), (32, 32, 3), 64, 273_008),
        (preactivation.residual((64, 64, 3), width=32, stride=2), (64, 64, 3), 128, None),
    ],
)
def test_networks(network, shape, width, parameters):
    assert network.input_shape == (None, *shape) and network.output_shape == (None, width)
    assert parameters is None or network.count_params() == parameters
    mixed = small(dtype="mixed_bfloat16")
    assert mixed.features(np.zeros((2, *SHAPE), "float32")).dtype == "float32"
    assert mixed.network.layers[2].compute_dtype == "bfloat16"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"classes": 1}, "classes=1"),
        ({"network": "vgg"}, "network='vgg'"),
    ],
)
def test_bad_arguments(arguments, said):
    with pytest.raises(ValueError, match=f"Expected: .*Received: {said}"):
        small(**arguments)


def test_bad_labels(trained, pictures):
    x, y = pictures
    for arguments in [(x,), (x, np.eye(2)[y])]:
        with pytest.raises(ValueError, match="Expected: .*Received: "):
            trained.fit(*arguments, epochs=1, verbose=0)
    with pytest.raises(ValueError, match="Expected: "):
        trained.features(x * 2)


def test_shifted_pictures_come_with_their_labels():
    x = np.zeros((40, 6, 6, 1), "uint8")
    x[:, 2:4, 2:4] = np.arange(10, 50)[:, None, None, None]
    found, corners = {}, set()
    for batch, labels in data.epochs(x, 8, y=np.arange(40), seed=1, shift=2).take(10):
        for picture, label in zip(np.rint(batch.numpy() * 255), labels.numpy(), strict=True):
            rows, columns = np.nonzero(picture[..., 0])[:2]
            assert len(rows) == 4 and (picture[rows, columns, 0] == label + 10).all()
            corners.add((rows.min() - 2, columns.min() - 2))
            found[label] = found.get(label, 0) + 1
    assert found == dict.fromkeys(range(40), 2)
    assert len(corners) > 15 and max(map(max, corners)) == 2 and min(map(min, corners)) == -2
    first = [b.numpy() for b, _ in data.epochs(x, 8, y=np.arange(40), seed=1, shift=2).take(8)]
    resumed = [b.numpy() for b, _ in data.epochs(x, 8, y=np.arange(40), seed=1, shift=2, start=1).take(3)]
    assert all(map(np.array_equal, first[5:], resumed))
