"""Checkpoint folders: saving, finding, opening, and refusing what is broken or hostile."""

import contextlib
import copy
import hashlib
import importlib
import json
import os
import pathlib
import re
import shutil
import zipfile

import keras
import numpy as np
import pytest
from keras import layers
from keras.src.backend.common import global_state
from safetensors.numpy import load_file, save_file

import latentzoo
from latentzoo import allowed, checkpoints, golden, npz, priors, storage, zoo
from latentzoo.errors import Damaged
from latentzoo.models import GLF

SHAPE = (8, 8, 1)


def small(encoder=None, decoder=None, **arguments):
    """A GLF of a few hundred weights."""
    keras.utils.set_random_seed(0)
    encoder = encoder or keras.Sequential(
        [layers.Input(SHAPE), layers.Flatten(name="flatten"), layers.Dense(4, name="codes")], name="encoder"
    )
    decoder = decoder or keras.Sequential(
        [layers.Input((4,)), layers.Dense(64, "sigmoid", name="pixels"), layers.Reshape(SHAPE, name="grid")],
        name="decoder",
    )
    prior = priors.RealNVP(4, blocks=1, units=4)
    for network in prior.conditioners:  # fitted
        network.layers[-1].kernel.assign(np.full(network.layers[-1].kernel.shape, 0.1))
    return GLF(SHAPE, 4, encoder=encoder, decoder=decoder, prior=prior, **arguments)


@pytest.fixture(scope="module")
def model():
    return small()


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    """A checkpoint that no test may change."""
    folder = tmp_path_factory.mktemp("zoo") / "saved"
    checkpoints.save(model, folder, "float16", provenance={"recipe": "by-hand", "licence": "MIT"})
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    """A copy of the checkpoint, to be broken."""
    return pathlib.Path(shutil.copytree(saved, tmp_path / "copy"))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((32, *SHAPE), "float32")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def outputs(model, images):
    return model.encode(images), model.reconstruct(images), model.sample(4, seed=0)


def same(a, b, **tolerance):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, **(tolerance or {"rtol": 0, "atol": 1e-6}))


@contextlib.contextmanager
def refused(*said, kind=ValueError):
    """Context in which one clear error comes, and after which Keras is as it was before."""
    with pytest.raises(kind) as caught:
        yield
    message = str(caught.value)
    assert isinstance(caught.value, kind) and type(caught.value) in (kind, Damaged)
    parts = re.fullmatch(r".+[.:] Expected: .+ Received: .+\. \S.+[.]\S*", message, re.DOTALL)
    assert parts and len(message) < 2000, message
    for words in said:
        assert words in message, message
    assert not global_state.get_global_attribute("uninitialized_variables", [])
    assert global_state.get_global_attribute("stateless_scope") is None


def edit(folder, change):
    """Changes config.json in place."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


def record(folder):
    """Makes config.json vouch for the weight files that are there."""
    table = {
        path.name: {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in folder.glob("*.safetensors")
    }
    edit(folder, lambda config: config.update(weights=table))


def repack(folder, change):
    """Changes the stored arrays, and the table with them."""
    path = folder / "model.safetensors"
    arrays = load_file(path)
    arrays = change(arrays) or arrays
    save_file(arrays, path)
    record(folder)


# ---------------------------------------------------------------------- what is saved comes back


def test_load(model, saved, images):
    loaded = latentzoo.load(saved)
    assert type(loaded) is GLF and loaded.compiled
    same(outputs(loaded, images), outputs(model, images), atol=1e-3)
    same(outputs(latentzoo.load(str(saved)), images), outputs(loaded, images))


def test_config(model, saved):
    config = json.loads((saved / "config.json").read_text())
    assert list(config) == ["format", "latentzoo", "class", "arguments", "parameters", "storage", "weights",
                            "provenance"]  # fmt: skip
    assert config["format"] == 1 and config["class"] == "GLF" and config["storage"] == "float16"
    assert config["latentzoo"] == latentzoo.__version__
    assert config["parameters"] == model.count_params()
    assert config["provenance"] == {"recipe": "by-hand", "licence": "MIT"}
    assert not {"name", "dtype"} & set(config["arguments"])
    assert latentzoo.info(saved)["bytes"] == (saved / "model.safetensors").stat().st_size


def test_train_on_and_save_again(saved, images, tmp_path):
    model = latentzoo.load(saved)
    before = outputs(model, images)
    losses = model.fit(images, epochs=3, batch_size=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and np.abs(outputs(model, images)[1] - before[1]).max() > 1e-3
    model.save_pretrained(tmp_path / "tuned")
    facts = latentzoo.info(tmp_path / "tuned")
    assert facts["storage"] == "float16" and facts["provenance"]["base_model"] == "saved"
    assert facts["provenance"]["base"]["recipe"] == "by-hand" and "recipe" not in facts["provenance"]
    same(outputs(latentzoo.load(tmp_path / "tuned"), images), outputs(model, images), atol=1e-3)
    checkpoints.save(model, tmp_path / "tuned", provenance={"recipe": "tuned"})
    assert latentzoo.info(tmp_path / "tuned")["provenance"] == {"recipe": "tuned"}
    checkpoints.save(model, tmp_path / "tuned", provenance={})
    assert latentzoo.info(tmp_path / "tuned")["provenance"] == {}


def test_save_over_the_folder_it_came_from(folder, images):
    before = contents(folder)
    model = latentzoo.load(folder)
    model.save_pretrained(folder)
    assert contents(folder) == before
    same(outputs(latentzoo.load(folder), images), outputs(model, images))


def test_another_prior(model, saved, images, tmp_path):
    swapped = latentzoo.load(saved)
    swapped.replace(prior=priors.Normal(4, deviation=2.0))
    swapped.save_pretrained(tmp_path)
    loaded = latentzoo.load(tmp_path)
    assert isinstance(loaded.prior, priors.Normal) and loaded.prior.deviation == 2.0
    same(outputs(loaded, images), outputs(swapped, images))


def test_without_weights(model, saved, images, tmp_path):
    shutil.copy(saved / "config.json", tmp_path)  # all that is needed
    keras.utils.set_random_seed(7)
    fresh = latentzoo.load(tmp_path, weights=False)
    assert fresh.compiled and fresh.count_params() == model.count_params()
    assert not fresh.prior.fitted
    assert np.abs(fresh.encode(images) - model.encode(images)).max() > 0.01
    fresh.fit(images, verbose=0)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "bfloat16", "float64", keras.DTypePolicy("float32")])
def test_dtype(saved, images, dtype):
    plain, other = latentzoo.load(saved), latentzoo.load(saved, dtype=dtype)
    policy = keras.dtype_policies.get(dtype)
    assert other.dtype_policy == other.encoder.get_layer("codes").dtype_policy == policy
    assert other.prior.dtype_policy.name == "float32"
    found = outputs(other, images)
    assert all(array.dtype == "float32" for array in found)
    same(found, outputs(plain, images), atol=0.05)
    if policy.compute_dtype == "bfloat16":
        assert np.abs(found[0] - plain.encode(images)).max() > 1e-5
    other.fit(images, verbose=0)


@pytest.mark.parametrize(
    "dtype", ["float16", "mixed_float16", "int8_from_float32", "int8", "nothing", "", 3, {}]
)
def test_dtypes_that_are_refused(saved, dtype):
    with refused("dtype policy", f"dtype={dtype!r}", "mixed_bfloat16"):
        latentzoo.load(saved, dtype=dtype)


def test_under_a_strategy(saved, images, replicas):
    with replicas.scope():
        model = latentzoo.load(saved)
    assert model.distribute_strategy is replicas
    same(outputs(model, images), outputs(latentzoo.load(saved), images))


# ---------------------------------------------------------------------- own networks


def functional(name="encoder"):
    """Nested models, skips, and layers that keep statistics, seeds or weights of another layer."""
    inner = keras.Input((8, 8, 4))
    y = layers.SpectralNormalization(layers.Conv2D(4, 3, padding="same", name="conv"), name="spectral")(inner)
    y = layers.BatchNormalization(name="norm")(layers.Dropout(0.1, seed=3, name="drop")(y))
    block = keras.Model(inner, layers.Add(name="skip")([inner, y]), name="block")
    x = images = keras.Input(SHAPE)
    x = layers.Conv2D(4, 3, padding="same", activation=keras.activations.silu, name="stem")(x)
    x = block(block(x))  # the same block twice
    x = layers.Reshape((64, 4), name="tokens")(x)
    x = layers.MultiHeadAttention(2, 2, name="attention")(x, x)
    x = layers.LayerNormalization(name="layer_norm")(layers.PReLU(name="prelu")(x))
    x = keras.Sequential(
        [layers.Flatten(), layers.Dense(4, kernel_regularizer="l2", bias_constraint="max_norm")], name="head"
    )(x)
    return keras.Model(images, x, name=name)


def test_own_networks(images, tmp_path):
    model = small(encoder=functional())
    for variable, _ in storage.named_variables(model).values():
        if variable.dtype == "float32":
            variable.assign(variable + 0.01)
    model.compile()
    model.fit(images, verbose=0)  # moves statistics
    model.save_pretrained(tmp_path)
    loaded = latentzoo.load(tmp_path)
    same(outputs(loaded, images), outputs(model, images), atol=1e-5)
    names = list(storage.named_variables(loaded))
    assert names == list(storage.named_variables(model))
    assert {
        "encoder/block/spectral/conv/kernel",
        "encoder/block/spectral/vector_u",
        "encoder/block/norm/moving_mean",
        "encoder/attention/query/kernel",
        "encoder/head/dense/kernel",
    } <= {re.sub(r"dense_\d+", "dense", name) for name in names}
    assert loaded.encoder.get_layer("block").get_layer("drop").rate == 0.1
    loaded.fit(images, verbose=0)
    loaded.save_pretrained(tmp_path / "again")
    same(outputs(latentzoo.load(tmp_path / "again"), images), outputs(loaded, images), atol=1e-5)


def test_how_own_networks_were_compiled_is_not_saved(model, images, tmp_path):
    inner = keras.Sequential([layers.Input((64,)), layers.Dense(4)])
    inner.compile("adam", "mse")
    encoder = keras.Sequential([layers.Input(SHAPE), layers.Flatten(), inner])
    encoder.compile("sgd", "mse")
    model = small(encoder=encoder)
    model.save_pretrained(tmp_path)
    assert "compile_config" not in (tmp_path / "config.json").read_text()
    loaded = latentzoo.load(tmp_path)
    same(outputs(loaded, images), outputs(model, images))
    assert not loaded.encoder.compiled


def test_compile_settings_in_a_config_are_left_alone(folder):
    setting = {"optimizer": "adam", "loss": "mse"}
    edit(folder, lambda config: config["arguments"]["encoder"].update(compile_config=setting))
    assert not latentzoo.load(folder).encoder.compiled


def test_frozen_networks_stay_frozen(model, images, tmp_path):
    model = small()
    model.encoder.trainable = False
    model.save_pretrained(tmp_path)
    loaded = latentzoo.load(tmp_path)
    assert not loaded.encoder.trainable_variables and loaded.decoder.trainable_variables


@keras.saving.register_keras_serializable("tests")
class Custom(layers.Layer):
    """A layer of the user, registered."""

    def call(self, x):
        return x


@keras.saving.register_keras_serializable("tests")
def registered(x):
    return x


class Subclassed(keras.Model):
    """A network of code, with an argument that JSON cannot hold."""

    def __init__(self, secret):
        super().__init__()
        self.head = layers.Dense(4)

    def build(self, shape):
        self.head.build((None, 64))

    def call(self, x):
        return self.head(keras.ops.reshape(x, (-1, 64)))

    def compute_output_shape(self, shape):
        return (shape[0], 4)


@pytest.mark.parametrize(
    "extra",
    [
        lambda: layers.Lambda(lambda x: x, output_shape=SHAPE),
        type("Custom", (layers.Identity,), {}),
        lambda: layers.Activation(registered),
        lambda: keras.Sequential([layers.Input(SHAPE), type("Custom", (layers.Identity,), {})()]),
        lambda: layers.SpectralNormalization(type("Mine", (layers.Conv2D,), {})(1, 1)),
        lambda: layers.TimeDistributed(layers.Activation("relu")),
    ],
    ids=["lambda", "custom", "function", "nested", "wrapped", "not listed"],
)
def test_networks_that_are_not_saved(extra, tmp_path):
    encoder = keras.Sequential([layers.Input(SHAPE), extra(), layers.Flatten(), layers.Dense(4)])
    with refused("names a class that checkpoints may not hold"):
        small(encoder=encoder).save_pretrained(tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_networks_without_a_config_are_not_saved(tmp_path):
    with refused("does not fit into JSON", "Subclassed"):
        small(encoder=Subclassed(object())).save_pretrained(tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_families_of_others_are_not_saved(tmp_path):
    mine = type("GLF", (GLF,), {})(SHAPE, 4, prior="normal")
    with refused("the zoo's own families"):
        mine.save_pretrained(tmp_path / "a")
    assert not (tmp_path / "a").exists()


# ---------------------------------------------------------------------- saving all or nothing


def test_arguments_of_save(model, tmp_path):
    before = contents(tmp_path)
    with refused("Unknown storage", "storage='int4'"):
        model.save_pretrained(tmp_path, "int4")
    for value in (np.float32(1), float("nan"), {1, 2}):
        with refused("does not fit into JSON"):
            checkpoints.save(model, tmp_path, provenance={"value": value})
    assert contents(tmp_path) == before == {}


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("kind", storage.STORAGES)
def test_models_that_diverged_are_not_saved(folder, value, kind):
    before = contents(folder)
    model = small()
    model.decoder.get_layer("pixels").bias.assign(np.full(64, value))
    with refused("NaN or infinity in 'decoder/pixels/bias'"):
        model.save_pretrained(folder, kind)
    assert contents(folder) == before


def test_folders_that_cannot_be_written(model, folder, monkeypatch):
    with refused("could not be written", "/proc/nowhere"):
        model.save_pretrained("/proc/nowhere")
    with refused("could not be written", "config.json"):
        model.save_pretrained(folder / "config.json")
    before = contents(folder)

    def full(arrays, path):
        pathlib.Path(path).write_bytes(b"half")
        raise storage.SafetensorError("No space left on device")

    monkeypatch.setattr(storage, "save_file", full)
    with refused("could not be written", "No space left on device"):
        model.save_pretrained(folder)
    assert contents(folder) == before


class Killed(BaseException):
    pass


def test_killed_at_any_moment(folder, monkeypatch, images):
    """Whatever step is the last, the folder is the old checkpoint, the new one or none; never a mixture."""
    old, new = latentzoo.load(folder), small()
    new.decoder.get_layer("pixels").bias.assign(np.linspace(-3, 3, 64))
    wanted = [outputs(old, images), outputs(new, images)]
    for name in ("README.md", "metrics.json"):
        (folder / name).write_text("{}")
    pristine = folder.with_name("pristine")
    shutil.copytree(folder, pristine)
    monkeypatch.setattr(storage, "SHARD_BYTES", 1000)  # several files
    seen, steps = [], 0
    while True:
        shutil.rmtree(folder)
        shutil.copytree(pristine, folder)
        left = steps

        def last(step):
            def call(*arguments, **keywords):
                nonlocal left
                if left == 0:
                    raise Killed
                left -= 1
                return step(*arguments, **keywords)

            return call

        with monkeypatch.context() as patch:
            for place, name in [(os, "replace"), (pathlib.Path, "unlink"), (pathlib.Path, "mkdir"),
                                (storage, "save_file"), (storage.os, "chmod")]:  # fmt: skip
                patch.setattr(place, name, last(getattr(place, name)))
            patch.setattr(shutil, "rmtree", last(lambda *_, **__: None))  # the dead clean up nothing
            try:
                new.save_pretrained(folder, "float32")
                done = True
            except Killed:
                done = False
        if (folder / "config.json").exists():
            found = outputs(latentzoo.load(folder), images)
            is_old = np.allclose(found[2], wanted[0][2], atol=1e-6)
            same(found, wanted[0] if is_old else wanted[1], atol=1e-6)
            seen.append("old" if is_old else "new")
        else:
            with refused("This is no checkpoint", kind=FileNotFoundError):
                latentzoo.load(folder)
            seen.append("none")
        assert (folder / "README.md").read_text() == "{}"
        if done:
            break
        new.save_pretrained(folder, "float32")  # and the next one sweeps up
        same(outputs(latentzoo.load(folder), images), wanted[1], atol=1e-6)
        assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]
        steps += 1
    order = "".join(dict.fromkeys(state[0] for state in seen))
    assert order == "on" and seen[-1] == "new" and seen.count("old") > seen.count("none") > 0


# ---------------------------------------------------------------------- names


@pytest.fixture
def shelved(saved, tmp_path, monkeypatch):
    """A shelf of two checkpoints, one of them on this machine."""
    place = tmp_path / "checkpoints"
    shutil.copytree(saved, place / "glf-mine")
    pinned = hashlib.sha256((saved / "config.json").read_bytes()).hexdigest()
    names = {"glf-mine": pinned, "glf-elsewhere": "0" * 64, "vae-other": "1" * 64, "vae-further": "2" * 64}
    entries = {name: {"sha256": value, "repo": None, "commit": None} for name, value in names.items()}
    monkeypatch.setattr(zoo, "shelf", lambda: entries)
    monkeypatch.setattr(zoo, "CHECKPOINTS", place)
    return place


def test_names(shelved, model, images, monkeypatch):
    assert latentzoo.list_models() == ["glf-elsewhere", "glf-mine", "vae-further", "vae-other"]
    assert latentzoo.list_models("glf-*") == ["glf-elsewhere", "glf-mine"]
    assert latentzoo.list_models("nothing") == []
    assert latentzoo.list_families() == sorted(allowed.FAMILIES)
    assert latentzoo.info("glf-mine")["name"] == "glf-mine"
    same(outputs(latentzoo.load("glf-mine"), images), outputs(model, images), atol=1e-3)
    monkeypatch.chdir(shelved / "glf-mine")
    assert latentzoo.info(".")["name"] == "glf-mine"


def test_folders_come_before_names_of_the_shelf(shelved, tmp_path, monkeypatch):
    assert zoo.locate("glf-mine") == shelved / "glf-mine"
    (tmp_path / "glf-mine").mkdir()
    monkeypatch.chdir(tmp_path)
    assert zoo.locate("glf-mine") == pathlib.Path("glf-mine")


@pytest.mark.parametrize("door", [latentzoo.load, latentzoo.info])
def test_unknown_names(shelved, door, tmp_path):
    with refused("Unknown checkpoint", "'glf-mien'", "Nearest: glf-mine, "):
        door("glf-mien")
    with pytest.raises(ValueError, match=r"Nearest: [\w-]+, [\w-]+, [\w-]+\.$"):
        door("?")
    with refused("not published on the Hub yet", "checkpoints/glf-elsewhere", kind=FileNotFoundError):
        door("glf-elsewhere")
    for path in [tmp_path / "nowhere", "./nowhere", "./a/b", "x" * 5000 + "/a", "a\0/b"]:
        with pytest.raises(FileNotFoundError, match="There is no such folder. Expected.*Received"):
            door(path)
    with refused("This is no checkpoint", kind=FileNotFoundError):
        door(tmp_path)
    for name in (None, 3, b"glf-mine", ["glf-mine"]):
        with refused("A checkpoint is found by its name"):
            door(name)
    for name in ("x" * 5000, "a\0b", ""):
        with pytest.raises((ValueError, FileNotFoundError), match="Expected"):
            door(name)


def test_an_empty_shelf(monkeypatch):
    monkeypatch.setattr(zoo, "shelf", dict)
    assert latentzoo.list_models() == []
    with pytest.raises(ValueError, match="Received: 'glf-mine'. Nearest: none, the shelf is empty."):
        latentzoo.load("glf-mine")


@pytest.mark.parametrize("door", [latentzoo.load, latentzoo.info])
def test_the_shelf_vouches_for_the_config(shelved, door):
    path = shelved / "glf-mine" / "config.json"
    path.write_text(path.read_text().replace("by-hand", "by-hook"))
    with refused("not the one on the shelf", "glf-mine"):
        door("glf-mine")
    path.unlink()
    with refused("not the one on the shelf", "no file"):
        door("glf-mine")


@pytest.mark.parametrize("name", list(zoo.shelf()))
def test_the_shelf(name, tmp_path):
    """What the zoo ships is whole and gives the pictures that it gave when it was made."""
    model = latentzoo.load(name)
    golden.check(model, zoo.CHECKPOINTS / name / "golden.npz")
    with np.load(zoo.CHECKPOINTS / name / "golden.npz") as file:
        arrays = dict(file)
    output = next(key for key in ("features", "encoded", "sampled") if key in arrays)
    arrays[output] = arrays[output] + 2e-4
    np.savez(tmp_path / "golden.npz", **arrays)
    with refused("does not give what was recorded", f"'{output}'"):
        golden.check(model, tmp_path / "golden.npz")
    np.savez(tmp_path / "golden.npz", other=arrays[output])
    with refused("does not fit the model"):
        golden.check(model, tmp_path / "golden.npz")


@pytest.mark.parametrize(
    "how", ["cut", "flipped", "no archive", "scalar", "many", "broadcast", "bomb", "text"]
)
def test_damaged_or_hostile_golden_outputs(how, tmp_path, monkeypatch):
    path = pathlib.Path(shutil.copy(zoo.CHECKPOINTS / "vae-binary-mnist" / "golden.npz", tmp_path))
    content = bytearray(path.read_bytes())
    arrays = npz.read(path)
    if how == "cut":
        path.write_bytes(content[:-50])
    elif how == "flipped":
        content[len(content) // 2] ^= 255
        path.write_bytes(content)
    elif how == "no archive":
        path.write_bytes(b"text")
    elif how == "text":
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("text", "text")
    elif how == "bomb":
        np.savez_compressed(path, **arrays, zeros=np.zeros(10**6))
        monkeypatch.setattr(npz, "MOST", 10**6)
    else:
        key = {"scalar": "noise", "many": "noise", "broadcast": "encoded"}[how]
        value = arrays[key]
        arrays[key] = {"scalar": value[0, 0], "many": np.repeat(value, 9, 0), "broadcast": value[:, :1]}[how]
        np.savez(path, **arrays)
    with refused("does not fit the model", "Expected: noise, images and outputs"):
        golden.check(latentzoo.load("vae-binary-mnist"), path)


# ---------------------------------------------------------------------- broken weights


def test_broken_metrics(folder):
    (folder / "metrics.json").write_text("{")
    with refused("metrics.json", "JSON"):
        latentzoo.info(folder)
    latentzoo.load(folder)  # they are free to change


def truncated(path):
    path.write_bytes(path.read_bytes()[:-1])


def flipped(path):
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)


def pointer(path):
    path.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n")


@pytest.mark.parametrize(
    "damage, said, kind",
    [
        (truncated, "bytes", ValueError),
        (lambda path: path.write_bytes(b""), "0 bytes", ValueError),
        (flipped, "sha256", ValueError),
        (pointer, "git lfs pull", ValueError),
        (pathlib.Path.unlink, "model.safetensors", FileNotFoundError),
    ],
)
def test_damaged_weights(folder, damage, said, kind):
    damage(folder / "model.safetensors")
    with refused(said, "model.safetensors", kind=kind):
        latentzoo.load(folder)
    assert latentzoo.info(folder)["family"] == "GLF"


@pytest.mark.parametrize(
    "damage",
    [
        truncated,
        lambda path: path.write_bytes(b"x"),
        lambda path: path.write_bytes(b"\xff" * 200),  # a header of 2**64 bytes
        lambda path: path.write_bytes((11 << 20).to_bytes(8, "little") + b"{}".ljust(11 << 20)),
        lambda path: path.write_bytes((20).to_bytes(8, "little") + b"[" * 20),
    ],
)
def test_files_that_are_not_safetensors(folder, damage):
    damage(folder / "model.safetensors")
    record(folder)
    edit(folder, lambda config: config.update(parameters=0))
    with refused("model.safetensors", "damaged"):
        latentzoo.load(folder)


def put(**arrays):
    """A change of stored arrays; `__` stands for `/`, and None leaves one out."""

    def change(stored):
        for key, value in arrays.items():
            key = key.replace("__", "/")
            stored.pop(key, None) if value is None else stored.update({key: value})

    return change


def scaled(key, value, scale):
    return put(**{key: value, f"{key}.scale": scale})


F16, F32, I8 = (lambda *shape, t=t: np.ones(shape, t) for t in ("float16", "float32", "int8"))


@pytest.mark.parametrize(
    "change, said",
    [
        (put(decoder__pixels__kernel=F16(64, 4)), "'decoder/pixels/kernel' of shape (4, 64)"),
        (put(decoder__pixels__kernel=F16(256)), "'decoder/pixels/kernel' of shape (4, 64)"),
        (put(decoder__pixels__kernel=np.ones((4, 64), "int32")), "shape (4, 64) in I32"),
        (put(decoder__pixels__kernel=np.ones((4, 64), "uint8")), "shape (4, 64) in U8"),
        (put(prior__permutation_0=F32(4)), "'prior/permutation_0'"),
        (put(prior__permutation_0=I8(4)), "'prior/permutation_0.scale'"),
        (put(decoder__pixels__bias=None), "missing ['decoder/pixels/bias']"),
        (put(decoder__more__bias=F16(3)), "unknown ['decoder/more/bias']"),
        (put(decoder__pixels__kernel=I8(4, 64)), "missing ['decoder/pixels/kernel.scale']"),
        (put(**{"decoder/pixels/kernel.scale": F32(64)}), "unknown ['decoder/pixels/kernel.scale']"),
        (put(decoder__pixels__kernel=I8(4, 64), **{"decoder/pixels/kernel.scale": F32(4)}), "('F32', (64,))"),
        (
            put(decoder__pixels__kernel=I8(4, 64), **{"decoder/pixels/kernel.scale": F16(64)}),
            "('F32', (64,))",
        ),
        (
            put(decoder__pixels__bias=I8(64), **{"decoder/pixels/bias.scale": F32(64)}),
            "'decoder/pixels/bias'",
        ),
        (lambda stored: {"nothing": F32(100_000)}, "missing ['encoder/codes/kernel'"),
    ],
)
def test_weights_of_another_model(folder, change, said):
    repack(folder, change)
    with refused(said, "Get the checkpoint again; nothing was loaded"):
        latentzoo.load(folder)


def test_any_storage_type_that_fits_is_read(folder, images):
    """int8 and float32 may stand where float16 would be written: the rule may change without a format."""
    model = latentzoo.load(folder)
    kernel = model.decoder.get_layer("pixels").kernel.numpy()
    numbers, scale = storage.quantize(kernel, -1)
    repack(folder, scaled("decoder/pixels/kernel", numbers, scale))
    found = latentzoo.load(folder).decoder.get_layer("pixels").kernel.numpy()
    assert 0 < np.abs(found - kernel).max() < 0.01
    repack(folder, scaled("decoder/pixels/kernel", kernel * 3, None))
    found = latentzoo.load(folder).decoder.get_layer("pixels").kernel.numpy()
    assert np.array_equal(found, kernel * 3)


def test_one_weight_in_two_files(folder):
    shutil.copy(folder / "model.safetensors", folder / "more.safetensors")
    record(folder)
    with refused("each weight in one file", "a second time"):
        latentzoo.load(folder)


@pytest.mark.parametrize(
    "name",
    ["../model.safetensors", "/{}/model.safetensors", "sub/model.safetensors", "..", "", "model.bin",
     "sub/../model.safetensors", "./model.safetensors", f"{'x' * 5000}.safetensors"],
)  # fmt: skip
def test_weight_files_cannot_lie_elsewhere(folder, name):
    name = name.format(folder)
    shutil.copy(folder / "model.safetensors", folder.parent)
    (folder / "sub").mkdir()
    shutil.copy(folder / "model.safetensors", folder / "sub")
    edit(folder, lambda config: config.update(weights={name: config["weights"]["model.safetensors"]}))
    with refused("plain names of weight files"):
        latentzoo.load(folder)


# ---------------------------------------------------------------------- broken and hostile configs


def at(*path, value):
    """A change of the config: puts `value` at a path of keys."""

    def change(config):
        for key in path[:-1]:
            config = config[key]
        config[path[-1]] = value

    return change


def nested(depth):
    value = 0
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "text, said",
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"\xff\xfe{}", "JSON"),
        (b"[" * 100_000, "JSON"),
        (b'{"format": ' + b"9" * 5000 + b"}", "JSON"),
        (b"[1]", "a JSON object. Received: list"),
        (b"null", "a JSON object. Received: NoneType"),
        (b"{}", "a format number"),
        (b'{"format": 1}' + b" " * (1 << 20), "at most 1048576 bytes"),
    ],
)
def test_config_that_is_no_json_object(folder, text, said):
    (folder / "config.json").write_bytes(text)
    for door in (latentzoo.load, latentzoo.info):
        with refused(said, "config.json"):
            door(folder)


@pytest.mark.parametrize(
    "change, said",
    [
        (at("format", value=2), "newer latentzoo. Expected: format 1 or older. Received: format 2. Upgrade"),
        (at("format", value=0), "a format number"),
        (at("format", value=True), "a format number"),
        (at("format", value=nested(500)), "a format number"),
        (at("class", value="GFL"), "Did you mean 'GLF'?"),
        (at("class", value="Autoencoder"), "unknown family"),
        (at("class", value="GLF" * 1000), "unknown family"),
        (at("class", value="__class__"), "unknown family"),
        (at("class", value=["GLF"]), "'class' to be str"),
        (at("arguments", value=[]), "'arguments' to be dict"),
        (at("storage", value="int4"), "storage to be one of"),
        (at("storage", value=None), "'storage' to be str"),
        (at("provenance", value="me"), "'provenance' to be dict"),
        (at("provenance", "deep", value=nested(500)), "nested too deeply"),
        (at("arguments", "name", value=nested(100)), "nested too deeply"),
        (at("parameters", value="many"), "'parameters' to be int"),
        (at("parameters", value=True), "'parameters' to be int"),
        (at("parameters", value=-1), "parameters"),
        (at("parameters", value=10**12), "parameters"),
        (at("parameters", value=10**400), "parameters"),
        (at("weights", value=["model.safetensors"]), "'weights' to be dict"),
        (at("weights", value={"model.safetensors": "sha"}), "bytes and sha256"),
        (at("weights", value={"model.safetensors": {"bytes": 1}}), "bytes and sha256"),
        (at("weights", "model.safetensors", "bytes", value=10**400), "bytes and sha256"),
        (at("weights", "model.safetensors", "bytes", value=-1), "bytes and sha256"),
        (at("weights", "model.safetensors", "sha256", value=1), "bytes and sha256"),
        (at("weights", "model.safetensors", "sha256", value="0" * 100_000), "bytes and sha256"),
        (at("arguments", "image_shape", value="8x8"), "'image_shape' among the arguments"),
        (at("arguments", "latent_dim", value=4.0), "'latent_dim' among the arguments"),
        (at("arguments", "latent_dim", value=[4] * 10_000), "'latent_dim' among the arguments"),
    ],
)
def test_config_of_another_form(folder, change, said):
    edit(folder, change)
    for door in (latentzoo.load, latentzoo.info):
        with refused(said, "config.json"):
            door(folder)


ENCODER, PRIOR = ("arguments", "encoder", "config"), ("arguments", "prior", "config")


@pytest.mark.parametrize(
    "change",
    [
        at("arguments", "image_shape", value=[8, 8]),
        at("arguments", "image_shape", value=[8, 8, "1"]),
        at("arguments", "image_shape", value=[8, -8, 1]),
        at("arguments", "image_shape", value=[10**9, 10**9, 1]),
        at("arguments", "latent_dim", value=0),
        at("arguments", "latent_dim", value=-4),
        at("arguments", "latent_dim", value=8),
        at("arguments", "latent_dim", value=10**9),
        at("arguments", "encoder", value=3),
        at("arguments", "encoder", value="encoder"),
        at("arguments", "encoder", value={}),
        at("arguments", "encoder", value=None),  # another network than the weights are of
        at("arguments", "prior", value="realnvpp"),
        at("arguments", "prior", value=None),
        at("arguments", "prior", value=[]),
        at("arguments", "unknown", value=1),
        at("arguments", "name", value="a/b"),
        at("arguments", "name", value=["a"]),
        at("parameters", value=0),
        at("parameters", value=500),
        at(*PRIOR, "blocks", value=10**12),
        at(*PRIOR, "blocks", value=2),
        at(*PRIOR, "blocks", value="1"),
        at(*PRIOR, "blocks", value=0),
        at(*PRIOR, "couplings_per_block", value=10**12),
        at(*PRIOR, "units", value=10**12),
        at(*PRIOR, "units", value=[4]),
        at(*PRIOR, "units", value={"class_name": "DTypePolicy", "module": "keras", "config": {}}),
        at(*PRIOR, "latent_dim", value=10**12),
        at(*PRIOR, "latent_dim", value=2),
        at(*PRIOR, "coupling", value="none"),
        at(*PRIOR, "unknown", value=1),
        at("arguments", "prior", "config", value=None),
        at(*ENCODER, "layers", value=[]),
        at(*ENCODER, "layers", value=None),
        at(*ENCODER, "layers", 2, "config", "units", value=10**12),
        at(*ENCODER, "layers", 2, "config", "units", value=5),
        at(*ENCODER, "layers", 2, "config", "units", value="4"),
        at(*ENCODER, "layers", 2, "config", "activation", value="nothing"),
        at(*ENCODER, "layers", 2, "config", "activation", value=[]),
        at(*ENCODER, "layers", 2, "config", "kernel_initializer", value="nothing"),
        at(*ENCODER, "layers", 2, "config", "lora_rank", value=2),
        at(*ENCODER, "layers", 2, "config", "name", value="../codes"),
        at(*ENCODER, "layers", 2, "config", "name", value="other"),
        at(*ENCODER, "layers", 2, "config", "unknown", value=1),
        at(*ENCODER, "layers", 2, "config", "dtype", value="float16"),
        at(*ENCODER, "layers", 2, "config", "dtype", value="int8_from_float32"),
        at(*ENCODER, "layers", 0, "config", "batch_shape", value=[None, 10**6, 10**6, 10**6]),
    ],
)
def test_config_of_another_model(folder, change):
    edit(folder, change)
    with refused():
        latentzoo.load(folder)


@pytest.mark.parametrize("key, value", [("blocks", 10**12), ("units", 10**12), ("latent_dim", 10**12)])
def test_huge_models_are_not_built_without_weights_either(folder, key, value):
    edit(folder, at(*PRIOR, key, value=value))
    with refused("More weights than are declared"):
        latentzoo.load(folder, weights=False)


def test_many_weights_are_not_built(folder):
    """Neither if the file declares as many: one small network for each of a billion couplings."""
    total = 1 << 30  # as many parameters as a configuration may declare

    def change(config):
        config["arguments"]["prior"]["config"]["blocks"] = 10**9
        config["parameters"] = total
        config["weights"]["model.safetensors"]["bytes"] = total

    edit(folder, change)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "VARIABLES", 200)
        with refused("or than 200"):
            latentzoo.load(folder, weights=False)


LAYER = {"module": "keras.layers", "class_name": "Flatten", "config": {}, "registered_name": None}
FUNCTION = {"module": "builtins", "class_name": "function", "config": "exec", "registered_name": "function"}
NORMAL = {"module": "latentzoo.priors.normal", "class_name": "Normal", "config": {"latent_dim": 4}}
RUNS_CODE = {
    "lambda": LAYER | {"class_name": "Lambda", "config": {"function": "os.system"}},
    "lambda value": {"class_name": "__lambda__", "config": {"value": ["4wAAAA==", None, None]}},
    "function": FUNCTION,
    "os.system": FUNCTION | {"module": "os", "config": "system", "registered_name": "system"},
    "array": {"class_name": "__numpy__", "config": {"value": [1], "dtype": "float32"}},
    "tensor": {"class_name": "__tensor__", "config": {"value": [1], "dtype": "float32"}},
    "type": FUNCTION | {"module": "os", "class_name": "__typespec__", "config": [], "spec_name": "x"},
    "other files": LAYER | {"class_name": "TFSMLayer", "config": {"filepath": "/"}},
    "table": LAYER | {"class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}},
    "download": {"module": "keras.utils", "class_name": "get_file", "config": {"origin": "http://localhost"}},
    "load_model": {"module": "keras.models", "class_name": "load_model", "config": {}},
    "registered": LAYER | {"module": None, "class_name": "Custom", "registered_name": "tests>Custom"},
    "disguised": LAYER | {"registered_name": "tests>Custom"},
    "disguised prior": NORMAL | {"registered_name": "tests>Custom"},
    "other module": LAYER | {"module": "os"},
    "own module": LAYER | {"module": "test_zoo", "class_name": "Custom"},
    "inner module": LAYER | {"module": "keras.src.layers.core.lambda_layer", "class_name": "Lambda"},
    "no module": {"class_name": "Dense", "config": {"units": 4}},
    "module as list": LAYER | {"module": ["keras.layers"]},
    "class as list": LAYER | {"class_name": ["Flatten"]},
    "class as object": LAYER | {"class_name": {"a": 1}},
    "family": NORMAL | {"module": "latentzoo.models.glf", "class_name": "GLF"},
    "inputs and outputs": {"inputs": 1, "outputs": 2},
}
PLACES = {
    "encoder": at("arguments", "encoder", value=...),
    "prior": at("arguments", "prior", value=...),
    "argument": at("arguments", "beta_rec", value=...),
    "name": at("arguments", "name", value=...),
    "unknown argument": at("arguments", "unknown", value=...),
    "layer": at(*ENCODER, "layers", 1, value=...),
    "layer's argument": at(*ENCODER, "layers", 2, "config", "activation", value=...),
    "initializer": at(*ENCODER, "layers", 2, "config", "kernel_initializer", value=...),
    "policy": at(*ENCODER, "layers", 2, "config", "dtype", value=...),
    "build": at(*ENCODER, "layers", 2, "build_config", value=...),
    "in a wrapper": at(*ENCODER, "layers", 1, value={
        **LAYER, "class_name": "SpectralNormalization", "config": {"layer": ...}}),
    "in a network": at(*ENCODER, "layers", 1, value={
        "module": "keras", "class_name": "Sequential", "config": {"layers": [LAYER, ...]}}),
    "in a call": at(*ENCODER, "layers", 1, "inbound_nodes", value=[{"args": [], "kwargs": {"mask": ...}}]),
    "deep": at(*ENCODER, "layers", 1, "config", value=[[{"a": [{"b": ...}]}]]),
    "prior's argument": at(*PRIOR, "units", value=...),
}  # fmt: skip


@pytest.mark.parametrize("node", RUNS_CODE.values(), ids=RUNS_CODE)
def test_classes_that_may_run_code(saved, tmp_path, node, monkeypatch):
    """Whatever a config names, and wherever, it is refused before anything is built."""

    def built(*_, **__):
        raise SystemError("something was built")

    monkeypatch.setattr(GLF, "from_config", built)
    monkeypatch.setattr(keras.saving, "deserialize_keras_object", built)
    original = json.loads((saved / "config.json").read_text())
    for place, change in PLACES.items():
        config = copy.deepcopy(original)
        change(config)
        text = json.dumps(config, default=lambda _: node)  # `...` is the place
        (tmp_path / "config.json").write_text(text)
        for weights in (True, False):
            with refused("names a class that checkpoints may not hold", "Nothing was built", "config.json"):
                latentzoo.load(tmp_path, weights=weights)
        assert place


def test_classes_that_only_compute(folder, images):
    """The places themselves are fine: what is refused above is refused for the class."""
    edit(
        folder,
        at(*ENCODER, "layers", 1, value=LAYER | {"class_name": "Reshape", "config": {"target_shape": [64]}}),
    )
    edit(folder, at(*ENCODER, "layers", 2, "config", "activation", value="tanh"))
    assert np.abs(latentzoo.load(folder).encode(images)).max() <= 1


def test_a_class_is_not_rewritten(folder):
    """`keras.Model` changes the bases of a class whose constructor gets inputs and outputs."""
    bases = priors.Normal.__bases__, GLF.__bases__
    node = NORMAL | {"config": {"latent_dim": 4, "inputs": 1, "outputs": 2}}
    edit(folder, at("arguments", "prior", value=node))
    with refused("inputs and outputs"):
        latentzoo.load(folder)
    assert (priors.Normal.__bases__, GLF.__bases__) == bases


def test_the_list_of_classes():
    for module, name in allowed.CLASSES:
        if module and not name.startswith("__"):
            assert isinstance(getattr(importlib.import_module(module), name), type), name
    opening = "Lambda|TFSM|Torch|Jax|Flax|Lookup|Text|Hash|Discretization|Category|Tokenizer|Bidirectional"
    assert not [name for name in allowed.LAYERS if re.search(opening, name)]
    assert allowed.FAMILIES | allowed.CLASSIFIERS == {
        name for name in latentzoo.models.__all__ if name != "Autoencoder"
    }
    others = ("Prior", "build", "latent_flow")
    assert set(allowed.PRIORS) == {name for name in priors.__all__ if name not in others}
