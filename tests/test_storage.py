"""Weights as files: keys, types, shards, bytes."""

import hashlib
import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from safetensors import safe_open

import latentzoo
from latentzoo import storage

ROOT = pathlib.Path(__file__).parents[1]
KEYS = """
encoder/conv_0/kernel encoder/conv_0/bias encoder/conv_1/kernel encoder/conv_1/bias
encoder/conv_1_norm/gamma encoder/conv_1_norm/beta
encoder/conv_1_norm/moving_mean encoder/conv_1_norm/moving_variance
encoder/dense_0/kernel encoder/dense_0/bias encoder/dense_0_norm/gamma encoder/dense_0_norm/beta
encoder/dense_0_norm/moving_mean encoder/dense_0_norm/moving_variance
encoder/codes/kernel encoder/codes/bias
decoder/dense_0/kernel decoder/dense_0/bias decoder/dense_0_norm/gamma decoder/dense_0_norm/beta
decoder/dense_0_norm/moving_mean decoder/dense_0_norm/moving_variance
decoder/dense_1/kernel decoder/dense_1/bias decoder/dense_1_norm/gamma decoder/dense_1_norm/beta
decoder/dense_1_norm/moving_mean decoder/dense_1_norm/moving_variance
decoder/deconv_0/kernel decoder/deconv_0/bias decoder/deconv_0_norm/gamma decoder/deconv_0_norm/beta
decoder/deconv_0_norm/moving_mean decoder/deconv_0_norm/moving_variance
decoder/deconv_1/kernel decoder/deconv_1/bias
prior/log_gain_0 prior/offset_0 prior/permutation_0
prior/coupling_0/hidden_0/kernel prior/coupling_0/hidden_0/bias
prior/coupling_0/hidden_1/kernel prior/coupling_0/hidden_1/bias
prior/coupling_0/scale_shift/kernel prior/coupling_0/scale_shift/bias
""".split()
INT8 = {
    "encoder/conv_1/kernel": -1,
    "encoder/dense_0/kernel": -1,
    "decoder/dense_1/kernel": -1,
    "decoder/deconv_0/kernel": -2,
    "prior/coupling_0/hidden_1/kernel": -1,
}  # those of more than 65,536 entries, and the axis of their output units


def build():
    """A GLF with weights of many sizes: a unit of scale 0.01 beside one of scale 1, and none at rest."""
    keras.utils.set_random_seed(1)
    prior = latentzoo.priors.RealNVP(4, blocks=1, couplings_per_block=1, units=300, affine=True)
    model = latentzoo.models.GLF((8, 8, 1), 4, prior=prior)
    rng = np.random.default_rng(2)
    for key, (variable, _) in storage.named_variables(model).items():
        if variable.dtype == "float32":
            value = rng.normal(size=variable.shape) * 0.05
            axis = INT8.get(key, -1)
            units = np.moveaxis(value, axis, -1)
            units *= np.geomspace(0.01, 1, variable.shape[axis])
            variable.assign(np.abs(value) if key.endswith("variance") else value)
    return model


@pytest.fixture(scope="module")
def model():
    return build()


def values(model):
    return {
        key: keras.ops.convert_to_numpy(variable)
        for key, (variable, _) in storage.named_variables(model).items()
    }


def stored(folder):
    """Type and shape of what is in the files of a folder, by key."""
    found = {}
    for path in folder.glob("*.safetensors"):
        with safe_open(path, "numpy") as file:
            for key in file.keys():
                part = file.get_slice(key)
                found[key] = part.get_dtype(), tuple(part.get_shape())
    return found


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def expected_type(key, kind):
    own = "_norm/" in key or key in ("prior/log_gain_0", "prior/offset_0")
    if key == "prior/permutation_0":
        return "I32"
    if own or kind == "float32":
        return "F32"
    return "I8" if kind == "int8" and key in INT8 else "F16"


def test_keys(model):
    assert list(storage.named_variables(model)) == KEYS


@pytest.mark.parametrize("kind", storage.STORAGES)
def test_round_trip(model, tmp_path, kind):
    model.save_pretrained(tmp_path, kind)
    found = stored(tmp_path)
    before, after = values(model), values(latentzoo.load(tmp_path))
    assert list(after) == list(before)
    for key, value in before.items():
        wanted = expected_type(key, kind)
        assert found.pop(key) == (wanted, value.shape), key
        bound = 0
        if wanted == "F16":
            bound = np.abs(value) * 2.0**-11 + 2.0**-25
        if wanted == "I8":
            units = value.shape[INT8[key]]
            assert found.pop(f"{key}.scale") == ("F32", (units,))
            others = tuple(i for i in range(value.ndim) if i != INT8[key] % value.ndim)
            largest = np.abs(value).max(axis=others, keepdims=True)
            assert largest.size == units
            bound = largest / 127 * 0.5001
        assert (np.abs(after[key] - value) <= bound).all(), key
        assert after[key].dtype == value.dtype
    assert not found


def test_frozen_networks_are_stored_like_others(model, tmp_path):
    model.save_pretrained(tmp_path / "free", "int8")
    try:
        model.trainable = False
        model.save_pretrained(tmp_path / "frozen", "int8")
    finally:
        model.trainable = True
    assert contents(tmp_path / "frozen") == contents(tmp_path / "free")


def test_what_is_never_trained_keeps_its_type():
    layer = keras.layers.Layer()
    moved, held = (layer.add_weight(shape=(300, 300), trainable=trainable) for trainable in (True, False))
    assert [storage.stored_type(variable, layer, "int8") for variable in (moved, held)] == ["int8", "float32"]


def test_what_float16_cannot_hold_stays_float32(tmp_path):
    model = build()
    model.encoder.get_layer("codes").bias.assign([1e5, -1.0, 0.0, 1.0])
    model.save_pretrained(tmp_path, "float16")
    assert stored(tmp_path)["encoder/codes/bias"] == ("F32", (4,))
    assert latentzoo.load(tmp_path).encoder.get_layer("codes").bias.numpy().tolist() == [1e5, -1.0, 0.0, 1.0]


def test_quantize():
    value = np.array([[0.0, 1.0, -3.0], [0.0, -0.5, 2.0]], "float32")
    numbers, scale = storage.quantize(value, -1)
    assert numbers.dtype == "int8" and numbers[:, 0].tolist() == [0, 0]
    assert numbers[0].tolist() == [0, 127, -127]
    np.testing.assert_allclose(scale, np.array([0, 1, 3]) / 127, rtol=1e-6)
    np.testing.assert_allclose(storage.dequantize(numbers, scale, -1), value, atol=3 / 127 / 2)
    # What was loaded is stored again as it was: no drift, and the same bytes.
    value = np.random.default_rng(0).normal(size=(64, 4096)).astype("float32")
    for axis in (-1, -2):
        first = storage.quantize(value, axis)
        second = storage.quantize(storage.dequantize(*first, axis), axis)
        assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_shards(model, tmp_path, monkeypatch):
    whole = tmp_path / "whole"
    model.save_pretrained(whole, "float32")
    assert sorted(contents(whole)) == ["config.json", "model.safetensors"]
    limit = 600_000
    monkeypatch.setattr(storage, "SHARD_BYTES", limit)
    folder = tmp_path / "sharded"
    model.save_pretrained(folder, "float32")
    index = json.loads((folder / storage.INDEX).read_text())
    shards = sorted(path.name for path in folder.glob("*.safetensors"))
    count = len(shards)
    assert count > 5 and shards == [f"model-{i:05}-of-{count:05}.safetensors" for i in range(1, count + 1)]
    sizes = {key: value.nbytes for key, value in values(model).items()}
    assert index["metadata"] == {"total_size": sum(sizes.values())}
    assert list(index["weight_map"]) == sorted(KEYS) and set(index["weight_map"].values()) == set(shards)
    for shard in shards:
        with safe_open(folder / shard, "numpy") as file:
            keys = list(file.keys())
        assert {index["weight_map"][key] for key in keys} == {shard}
        assert len(keys) == 1 or sum(sizes[key] for key in keys) <= limit
    table = json.loads((folder / "config.json").read_text())["weights"]
    assert table == {
        shard: {
            "bytes": (folder / shard).stat().st_size,
            "sha256": hashlib.sha256((folder / shard).read_bytes()).hexdigest(),
        }
        for shard in shards
    }
    before, after = values(model), values(latentzoo.load(folder))
    assert all(np.array_equal(before[key], after[key]) for key in before)

    # Another layout over it leaves nothing of the old one, and nothing else is touched.
    for name in ("README.md", "models.safetensors", "state.safetensors"):
        (folder / name).write_text("mine")
    monkeypatch.setattr(storage, "SHARD_BYTES", 3_000_000)
    model.save_pretrained(folder, "float32")
    assert 1 < len(list(folder.glob("model-*.safetensors"))) < count
    assert (folder / storage.INDEX).is_file()
    monkeypatch.undo()
    model.save_pretrained(folder, "float32")
    mine = dict.fromkeys(["README.md", "models.safetensors", "state.safetensors"], b"mine")
    assert contents(folder) == contents(whole) | mine


@pytest.mark.parametrize("kind", storage.STORAGES)
def test_same_model_same_bytes(model, tmp_path, kind):
    model.save_pretrained(tmp_path / "a", kind)
    model.save_pretrained(tmp_path / "b", kind)
    latentzoo.load(tmp_path / "a").save_pretrained(tmp_path / "c")  # the storage is remembered
    assert contents(tmp_path / "a") == contents(tmp_path / "b") == contents(tmp_path / "c")
    with safe_open(tmp_path / "a" / "model.safetensors", "numpy") as file:
        assert file.metadata() is None


def test_another_storage_on_request(model, tmp_path):
    model.save_pretrained(tmp_path / "a", "int8")
    loaded = latentzoo.load(tmp_path / "a")
    loaded.save_pretrained(tmp_path / "b", "float16")
    assert latentzoo.info(tmp_path / "b")["storage"] == "float16"
    assert stored(tmp_path / "b")["encoder/dense_0/kernel"] == ("F16", (512, 1024))
    model.save_pretrained(tmp_path / "c")  # made here, and so float32
    assert latentzoo.info(tmp_path / "c")["storage"] == "float32"


CHILD = """
import gc, json, re, sys
import keras, tensorflow, tensorflow_probability
import latentzoo, latentzoo.models, latentzoo.priors, latentzoo.storage

sys.path.insert(0, sys.argv[1])
def peak():  # not ru_maxrss, which starts at that of the parent
    with open("/proc/self/status") as file:
        return 1024 * int(re.search(r"VmHWM:\\s*(\\d+) kB", file.read())[1])

latentzoo.priors.RealNVP(2, blocks=1, units=2)
bare, peaks = peak(), {}
for kind in ("int8", "float32"):  # the smaller first: a peak does not come down
    model = latentzoo.load(f"{sys.argv[2]}/{kind}")
    peaks[kind] = peak() - bare
    del model
    gc.collect()

from test_storage import build

build()  # Keras counts names
build().save_pretrained(f"{sys.argv[2]}/same", "int8")
print(json.dumps(peaks))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="peak memory is read as Linux tells it")
def test_another_process(model, tmp_path):
    """Loading peaks at no more than three times the float32 size; bytes do not depend on the process."""
    large = latentzoo.models.GLF((28, 28, 1), 20)
    size = 4 * large.count_params()
    assert 50e6 < size < 60e6
    for kind in ("int8", "float32"):
        large.save_pretrained(tmp_path / kind, kind)
    model.save_pretrained(tmp_path / "here", "int8")
    command = [sys.executable, "-c", CHILD, ROOT / "tests", tmp_path]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    peaks = json.loads(result.stdout)
    assert size < peaks["int8"] < 3 * size and size < peaks["float32"] < 3 * size, (peaks, size)
    assert contents(tmp_path / "same") == contents(tmp_path / "here")


def test_low_precision_policies_are_stored_as_float32(model, tmp_path):
    model.save_pretrained(tmp_path / "a", "float32")
    low = latentzoo.load(tmp_path / "a", dtype="bfloat16")
    assert low.encoder.get_layer("codes").kernel.dtype == "bfloat16"
    low.save_pretrained(tmp_path / "b")
    assert stored(tmp_path / "b") == stored(tmp_path / "a")
    before, after = values(model), values(latentzoo.load(tmp_path / "b"))
    assert all(np.allclose(before[key], after[key], rtol=2**-8) for key in before)


def test_weights_need_names_of_their_own():
    class Twice(keras.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = (keras.layers.Dense(2, name="same") for _ in range(2))

        def call(self, x):
            return self.b(self.a(x))

    network = Twice()
    network(np.zeros((1, 8, 8, 1)))
    holder = type("Holder", (), {"parts": ["encoder"], "encoder": network})()
    with pytest.raises(ValueError, match="'encoder/same/kernel' twice"):
        storage.named_variables(holder)


def test_weights_that_parts_share_are_refused(tmp_path):
    shared = keras.layers.Dense(16, name="shared")
    images, codes = keras.Input((4, 4, 1)), keras.Input((16,))
    encoder = keras.Model(images, shared(keras.layers.Flatten()(images)))
    pixels = keras.layers.Activation("sigmoid")(shared(codes))
    decoder = keras.Model(codes, keras.layers.Reshape((4, 4, 1))(pixels))
    model = latentzoo.models.GLF((4, 4, 1), 16, encoder=encoder, decoder=decoder, prior="normal")
    with pytest.raises(ValueError, match="'encoder/shared/kernel' and 'decoder/shared/kernel'"):
        model.save_pretrained(tmp_path / "a")
    assert not (tmp_path / "a").exists()
