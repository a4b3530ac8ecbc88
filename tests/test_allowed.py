"""What a config.json may name: its schema, and layers of a user's own."""

import copy
import importlib
import json
import pathlib
import sys

import jsonschema
import keras
import numpy as np
import pytest
from keras import layers
from test_import import child
from test_zoo import LAYER, at, contents, edit, nested, outputs, refused, same, small

import latentzoo
from latentzoo import allowed, checkpoints, configs, storage
from latentzoo.models import GLF

ROOT = pathlib.Path(__file__).parents[1]
SCHEMA = ROOT / "latentzoo" / "config.schema.json"
SHAPE = (8, 8, 1)


@pytest.fixture(scope="module")
def schema():
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A checkpoint that no test may change."""
    folder = tmp_path_factory.mktemp("allowed") / "saved"
    small().save_pretrained(folder, "float16")
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    """A folder with a copy of its config, to be broken."""
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "config.json").write_bytes((saved / "config.json").read_bytes())
    return tmp_path / "copy"


# ---------------------------------------------------------------------- the schema


def test_the_schema_is_that_of_the_list():
    jsonschema.Draft202012Validator.check_schema(allowed.schema())
    assert json.loads(SCHEMA.read_text()) == allowed.schema(), (
        "Write it again: python -c 'import json; from latentzoo import allowed; "
        "print(json.dumps(allowed.schema(), indent=1))' > latentzoo/config.schema.json"
    )
    assert allowed.FORMAT == allowed.FORMAT


def test_the_list_is_light():
    heavy = "jsonschema", "keras", "numpy", "tensorflow"
    assert child(f"import sys, latentzoo.allowed\nprint([n for n in {heavy} if n in sys.modules])") == "[]\n"


def test_what_is_published_has_the_schema(schema):
    found = sorted(ROOT.glob("checkpoints/*/config.json"))
    assert len(found) >= 2
    for path in found:
        schema.validate(json.loads(path.read_text()))


@pytest.mark.parametrize("kind", allowed.STORAGES)
def test_what_is_saved_has_the_schema(schema, tmp_path, kind, monkeypatch):
    monkeypatch.setattr(storage, "SHARD_BYTES", 1000)
    inner = keras.Sequential([layers.Input((64,)), layers.Dense(4, kernel_regularizer="l2")])
    images = keras.Input(SHAPE)
    x = layers.SpectralNormalization(layers.Conv2D(1, 3, padding="same", bias_constraint="max_norm"))(images)
    codes = inner(layers.Flatten()(layers.Add()([images, x])))
    model = GLF(SHAPE, 4, encoder=keras.Model(images, codes), decoder=small().decoder)
    checkpoints.save(model, tmp_path, kind, provenance={"recipe": "by-hand", "scores": [1, 2.5, None]})
    schema.validate(json.loads((tmp_path / "config.json").read_text()))


ENCODER = ("arguments", "encoder", "config", "layers")
FILE = ("weights", "model.safetensors")


def gone(*path):
    def change(config):
        for key in path[:-1]:
            config = config[key]
        del config[path[-1]]

    return change


def renamed(name):
    return lambda config: config["weights"].update({name: config["weights"].pop("model.safetensors")})


BROKEN = {
    "format 0": at("format", value=0),
    "format 2": at("format", value=2),
    "format true": at("format", value=True),
    "no format": gone("format"),
    "class": at("class", value="GFL"),
    "classifier of codes": at("class", value="Classifier"),
    "class of a prior": at("class", value="RealNVP"),
    "class as list": at("class", value=["GLF"]),
    "no class": gone("class"),
    "arguments": at("arguments", value=[]),
    "no shape": gone("arguments", "image_shape"),
    "shape": at("arguments", "image_shape", value="8x8"),
    "no width": gone("arguments", "latent_dim"),
    "width": at("arguments", "latent_dim", value="4"),
    "width as list": at("arguments", "latent_dim", value=[4]),
    "width true": at("arguments", "latent_dim", value=True),
    "storage": at("storage", value="int4"),
    "no storage": gone("storage"),
    "parameters": at("parameters", value=-1),
    "parameters as text": at("parameters", value="many"),
    "parameters false": at("parameters", value=False),
    "provenance": at("provenance", value="me"),
    "no provenance": gone("provenance"),
    "weights": at("weights", value=["model.safetensors"]),
    "no weights": gone("weights"),
    "no facts": at(*FILE, value=None),
    "no sha256": gone(*FILE, "sha256"),
    "another hash": at(*FILE, "md5", value="0" * 32),
    "short sha256": at(*FILE, "sha256", value="0" * 63),
    "long sha256": at(*FILE, "sha256", value="0" * 65),
    "sha256 as number": at(*FILE, "sha256", value=0),
    "bytes": at(*FILE, "bytes", value=-1),
    "sha256 in capitals": at(*FILE, "sha256", value="A" * 64),
    "sha256 of other letters": at(*FILE, "sha256", value="g" * 64),
    "many bytes": at(*FILE, "bytes", value=1 << 50),
    "bytes as text": at(*FILE, "bytes", value="1"),
    "bytes as float": at(*FILE, "bytes", value=1.5),
    "parent": renamed("../model.safetensors"),
    "absolute": renamed("/model.safetensors"),
    "folder": renamed("sub/model.safetensors"),
    "no name": renamed(""),
    "dots": renamed(".."),
    "pickle": renamed("model.bin"),
    "spaces": renamed("my model.safetensors"),
    "not ASCII": renamed("mod\u00e9l.safetensors"),
    "surrogate": renamed("\ud800.safetensors"),
    "NUL": renamed("a\0.safetensors"),
    "hidden": renamed(".model.safetensors"),
    "four bytes a letter": renamed("\U0001f600" * 80 + ".safetensors"),
    "version": at("latentzoo", value=3),
    "long name": renamed("x" * 100 + ".safetensors"),
    "lambda": at(*ENCODER, 1, value=LAYER | {"class_name": "Lambda"}),
    "module": at(*ENCODER, 1, "module", value="os"),
    "no module": gone(*ENCODER, 1, "module"),
    "module null": at(*ENCODER, 1, "module", value=None),
    "registered": at(*ENCODER, 1, "registered_name", value="mine>Thing"),
    "registered prior": at("arguments", "prior", "registered_name", value="latentzoo>Normal"),
    "family": at("arguments", "prior", "class_name", value="GLF"),
    "initializer": at(*ENCODER, 2, "config", "kernel_initializer", "class_name", value="Loader"),
    "array": at(*ENCODER, 2, "config", "units", value={"class_name": "__numpy__", "config": {}}),
    "class as object": at(*ENCODER, 1, "class_name", value={}),
    "class in provenance": at("provenance", "a", value=[{"b": LAYER | {"class_name": "Lambda"}}]),
    "class in weights": at("weights", "class_name", value={}),
    "class on top": at("class_name", value="Lambda"),
    "inputs and outputs": at("arguments", "prior", "config", value={"inputs": 1, "outputs": 2}),
}
# What only a reader of this library sees: a schema does not count, add up, or tell 4.0 from 4 ...
UNSEEN = {
    "depth": at("provenance", "deep", value=nested(150)),
    "float": at("arguments", "latent_dim", value=4.0),
    "float format": at("format", value=1.0),
    "sum": at("parameters", value=10**12),
    "bytes that no weights take": at(*FILE, "bytes", value=1 << 40),
    "NaN": at("arguments", "beta_rec", value=float("nan")),
    "infinity": at("provenance", "score", value=float("inf")),
    "calls": at(*ENCODER, value=[LAYER] * 500),
}
# ... nor does this library look twice at what building a model will show.
LATER = {
    "two sides": at("arguments", "image_shape", value=[8, 8]),
    "no pixels": at("arguments", "image_shape", value=[8, 0, 1]),
    "no codes": at("arguments", "latent_dim", value=0),
}


def valid(schema, folder):
    return schema.is_valid(json.loads((folder / "config.json").read_text()))


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_schema_and_reader_agree(schema, folder, change):
    edit(folder, change)
    assert not valid(schema, folder)
    with refused("config.json"):
        configs.read_config(folder)


@pytest.mark.parametrize("change", UNSEEN.values(), ids=UNSEEN)
def test_what_a_schema_cannot_say(schema, folder, change):
    edit(folder, change)
    assert valid(schema, folder)
    with refused("config.json"):
        configs.read_config(folder)


@pytest.mark.parametrize("change", LATER.values(), ids=LATER)
def test_what_building_shows(schema, folder, change):
    edit(folder, change)
    assert not valid(schema, folder)
    configs.read_config(folder)
    with refused("config.json"):
        latentzoo.load(folder, weights=False)


@pytest.mark.parametrize(
    "text", ['"class": "GLF", "class": "GLF"', '"class": "GLF", "a": [{"b": 1, "b": 1}]']
)
def test_keys_that_come_twice(folder, text):
    """Of two, one reader takes the first and another the last."""
    path = folder / "config.json"
    path.write_text(path.read_text().replace('"class": "GLF"', text, 1))
    with refused("config.json", "Expected: JSON. Received: an object that has a key twice"):
        configs.read_config(folder)


def test_numbers_that_are_none(folder):
    path = folder / "config.json"
    path.write_text(path.read_text().replace('"beta_rec": 1.0', '"beta_rec": 1e999'))
    with refused("Expected: JSON. Received: 1e999, which is no number"):
        configs.read_config(folder)


def test_what_the_schema_lets_be(schema, folder):
    edit(folder, at("unknown", value={"a": [1]}))
    edit(folder, at("arguments", "encoder", "compile_config", value={"class_name": "Adam"}))
    assert valid(schema, folder) and configs.read_config(folder)["unknown"] == {"a": [1]}


# ---------------------------------------------------------------------- layers of a user's own


@keras.saving.register_keras_serializable("mine")
class Scale(layers.Layer):
    """Multiplies; another layer may be inside."""

    def __init__(self, factor=1.0, inner=None, **kwargs):
        super().__init__(**kwargs)
        self.factor, self.inner = factor, inner

    def build(self, shape):
        self.gain = self.add_weight(shape=shape[-1:], initializer="ones", name="gain")
        if self.inner is not None and not self.inner.built:
            self.inner.build(shape)

    def call(self, x):
        x = x * self.gain * self.factor
        return x if self.inner is None else self.inner(x)

    def get_config(self):
        inner = keras.saving.serialize_keras_object(self.inner)
        return {**super().get_config(), "factor": self.factor, "inner": inner}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "inner": keras.saving.deserialize_keras_object(config["inner"])})


@keras.saving.register_keras_serializable("mine", name="Pixels")
class Network(keras.Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = layers.Dense(units, "sigmoid", name="dense")
        self.grid = layers.Reshape(SHAPE, name="grid")

    def build(self, shape):
        if not self.dense.built:
            self.dense.build(shape)

    def call(self, z):
        return self.grid(self.dense(z))

    def compute_output_shape(self, shape):
        return (shape[0], *SHAPE)

    def get_config(self):
        return {"units": self.units, "name": self.name}


def own():
    """A GLF with layers of a user's own: in a row, in one another, in a wrapper, and as a whole network."""
    inner = Scale(2.0, layers.Dense(5, name="deep"), name="inner")
    images = keras.Input(SHAPE)
    x = Scale(3.0, layers.Conv2D(1, 3, padding="same", name="conv"), name="outer")(images)
    x = keras.Sequential([layers.Flatten(), Scale(0.5, inner, name="scale")], name="row")(x)
    encoder = keras.Model(images, layers.Dense(4, name="codes")(x), name="encoder")
    model = GLF(SHAPE, 4, encoder=encoder, decoder=Network(64, name="decoder"), prior="normal")
    for i, (variable, _) in enumerate(storage.named_variables(model).values()):
        variable.assign(variable + 0.01 * (i + 1))
    return model


IMAGES = np.random.default_rng(0).random((4, *SHAPE), "float32")


@pytest.mark.parametrize("kind", allowed.STORAGES)
def test_registered_layers(tmp_path, kind):
    model = own()
    model.save_pretrained(tmp_path / "a", kind)
    loaded = latentzoo.load(tmp_path / "a")
    assert type(loaded.decoder) is Network and type(loaded.encoder.get_layer("outer")) is Scale
    same(outputs(loaded, IMAGES), outputs(model, IMAGES), atol=0 if kind == "float32" else 0.01)
    loaded.save_pretrained(tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    low = latentzoo.load(tmp_path / "a", dtype="mixed_bfloat16")
    assert low.encoder.get_layer("outer").compute_dtype == "bfloat16"
    loaded.fit(IMAGES, verbose=0)


def test_layers_of_a_scope(tmp_path):
    """Keras' other way to make a class known, for a while."""
    mine = type("Passing", (layers.Layer,), {"call": lambda self, x: x})
    encoder = keras.Sequential([layers.Input(SHAPE), mine(), layers.Flatten(), layers.Dense(4)])
    with refused("may not hold", "Passing"):
        small(encoder=encoder).save_pretrained(tmp_path)
    with keras.saving.custom_object_scope({"Passing": mine}):
        small(encoder=encoder).save_pretrained(tmp_path)
        assert type(latentzoo.load(tmp_path).encoder.layers[0]) is mine
    with refused("may not hold", "Passing"):
        latentzoo.load(tmp_path)


OWN_MODULE = """
import keras

@keras.saving.register_keras_serializable("elsewhere")
class Double(keras.layers.Layer):
    def call(self, x):
        return 2 * x
"""
FRESH = """
import json, sys
import latentzoo

folder, place = sys.argv[1:]
sys.path.insert(0, place)

def attempt(door):
    try:
        door(folder)
    except ValueError as error:
        return str(error)

said = [attempt(latentzoo.info), "keras" in sys.modules, attempt(latentzoo.load), attempt(latentzoo.load)]
said.append([name for name in ("keras", "own_layers", "evil") if name in sys.modules])
import numpy as np, own_layers
model = latentzoo.load(folder)
module = type(model.encoder.layers[1]).__module__
said.append([module, latentzoo.info(folder)["family"], "evil" in sys.modules])
np.save(place + "/codes.npy", model.encode(np.load(place + "/images.npy")))
print(json.dumps(said))
"""


def test_layers_that_nobody_has_registered(tmp_path, monkeypatch):
    """In another process they are refused until their module is imported, which is never done for the file.

    The file names another module than that of the class, since classes move: Keras goes by the name that is
    registered.
    """
    place, folder = tmp_path / "place", tmp_path / "folder"
    place.mkdir()
    (place / "own_layers.py").write_text(OWN_MODULE)
    (place / "evil.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(place)
    double = importlib.import_module("own_layers").Double
    encoder = keras.Sequential([layers.Input(SHAPE), layers.Flatten(), double(), layers.Dense(4)])
    model = small(encoder=encoder, name="m")
    model.save_pretrained(folder)
    edit(folder, at(*ENCODER, 2, "module", value="evil"))
    np.save(place / "images.npy", IMAGES)
    told, early, *more, modules, after = json.loads(child(FRESH, folder, place, TF_CPP_MIN_LOG_LEVEL="3"))
    assert told and not early and more == [told, told] and modules == []
    for words in (
        "config.json",
        "'elsewhere>Double'",
        "Import the module that registers it first, then load.",
    ):
        assert words in told
    assert after == ["own_layers", "GLF", False]
    np.testing.assert_allclose(np.load(place / "codes.npy"), model.encode(IMAGES), atol=1e-6)


def registered(name, *bases, **attributes):
    cls = type(name, bases, attributes)
    return keras.saving.register_keras_serializable("mine")(cls)


@keras.saving.register_keras_serializable("mine")
def run(x):
    raise SystemError("a function ran")


registered("function", layers.Layer)
registered("__lambda__", layers.Layer)
registered("OwnLambda", layers.Lambda)
registered("OwnFiles", layers.TFSMLayer)
registered("OwnTable", layers.StringLookup)
registered("OwnDelay", registered("Between", layers.TimeDistributed))
registered("Zeros", keras.initializers.Zeros)
registered("Adam", keras.optimizers.Adam)
registered("Config", dict, get_config=lambda self: {})
registered("Borrowed", layers.Layer, __module__="keras_hub.layers")
registered("Inside", layers.Layer, __module__="latentzoo.models.other")
keras.saving.register_keras_serializable("latentzoo")(
    type("Thing", (layers.Layer,), {"__module__": "keras.x"})
)


def node(name="Scale", key="mine>Scale", module=__name__, **config):
    return {"module": module, "class_name": name, "config": config, "registered_name": key}


def named(name, **more):
    return node(name, f"mine>{name}", **more)


HOSTILE = {
    "another class": node("Lambda", module="keras.layers"),
    "a listed class": node("Dense", module="keras.layers"),
    "a listed class of no module": node("Dense"),
    "a class beside it": node("Network"),
    "name of the class": node(key="mine>Network"),
    "no such name": node(key="Scale"),
    "name of a builtin": node("Functional", "Functional", "os"),
    "the registered builtin": node("Functional", "Functional"),
    "builtin as own": node("Functional", "mine>Scale", "keras.src.models.functional"),
    "no registered name": {"module": __name__, "class_name": "mine>Scale", "config": {}},
    "no module": {"class_name": "Scale", "config": {}, "registered_name": "mine>Scale"},
    "module null": node(module=None),
    "module as list": node(module=[__name__]),
    "name as list": node(key=["mine>Scale"]),
    "class as list": node(name=["Scale"]),
    "a function": {
        "module": __name__,
        "class_name": "function",
        "config": "mine>run",
        "registered_name": "mine>run",
    },
    "a function as class": named("run"),
    "a class called function": named("function") | {"config": "mine>run"},
    "a class called like a value": named("__lambda__", value=["4wAAAA==", None, None]),
    "lambda": named("OwnLambda", function="mine>Scale"),
    "files": named("OwnFiles", filepath="/"),
    "table": named("OwnTable", vocabulary="/etc/passwd"),
    "child of a child": named("OwnDelay"),
    "initializer": named("Zeros"),
    "initializer disguised": node("Zeros", "mine>Zeros", "keras.initializers"),
    "optimizer": named("Adam"),
    "no layer": named("Config"),
    "Keras' sisters": named("Borrowed"),
    "from inside": named("Inside"),
    "family": node("GLF", "latentzoo>GLF", "latentzoo.models.glf", image_shape=[8, 8, 1], latent_dim=4),
    "optimizers": node("GroupOptimizers", "latentzoo>GroupOptimizers", "latentzoo.optimizers"),
    "our name": node("Thing", "latentzoo>Thing", "keras.x"),
    "our name, unregistered": node("Other", "latentzoo>Other", "keras.layers"),
    "string": "mine>run",
    "string in a list": ["mine>run"],
    "string in a call": {"a": {"b": "mine>run"}},
    "string of a class": "mine>Zeros",
    "string of ours": "latentzoo>RealNVP",
    "string under a class's key": {"module": "mine>run"},
    "arguments": node(factor="mine>run"),
    "inside": node(inner=LAYER | {"class_name": "Lambda"}),
}
INSIDE = {
    "layer": at(*ENCODER, 1, value=...),
    "argument": at(*ENCODER, 2, "config", "activation", value=...),
    "initializer": at(*ENCODER, 2, "config", "kernel_initializer", value=...),
    "network": at("arguments", "decoder", value=...),
    "policy": at(*ENCODER, 2, "config", "dtype", value=...),
    "call": at(*ENCODER, 1, "inbound_nodes", value=[{"args": [...], "kwargs": {}}]),
    "of own": at(*ENCODER, 1, value=node(inner=...)),
}
OUTSIDE = {
    "prior": at("arguments", "prior", value=...),
    "in the prior": at("arguments", "prior", "config", "units", value=...),
    "argument": at("arguments", "beta_rec", value=...),
    "list": at("arguments", "unknown", value=[{"encoder": ...}]),
    "unknown": at("arguments", "unknown", value={"encoder": ...}),
}
ELSEWHERE = {
    "provenance": at("provenance", "arguments", value={"encoder": ...}),
    "top": at("encoder", value=...),
    "weights": at("weights", "model.safetensors", value=...),
}


def refused_everywhere(saved, folder, places, value, monkeypatch):
    def built(*_, **__):
        raise SystemError("something was built")

    monkeypatch.setattr(GLF, "from_config", built)
    monkeypatch.setattr(keras.saving, "deserialize_keras_object", built)
    original = json.loads((saved / "config.json").read_text())
    for change in places.values():
        config = copy.deepcopy(original)
        change(config)
        (folder / "config.json").write_text(json.dumps(config, default=lambda _: value))  # `...` is the place
        with refused("names a class that checkpoints may not hold", "Nothing was built", "config.json"):
            latentzoo.load(folder)


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_what_is_registered_and_no_layer_of_the_users(saved, folder, value, monkeypatch):
    refused_everywhere(saved, folder, INSIDE | OUTSIDE, value, monkeypatch)


def test_registered_layers_belong_into_networks(saved, folder, monkeypatch):
    refused_everywhere(saved, folder, OUTSIDE | ELSEWHERE, node(), monkeypatch)


def test_a_class_of_keras_that_was_replaced(saved, folder, monkeypatch):
    """Of a node without a registered name, Keras looks up the class."""
    value = {"module": "keras.layers", "class_name": "Flatten", "config": {}}
    edit(folder, at(*ENCODER, 1, value=value))
    configs.read_config(folder)
    for other in (run, Scale, keras.optimizers.Adam):
        with keras.saving.custom_object_scope({"Flatten": other}):
            refused_everywhere(saved, folder, {"layer": at(*ENCODER, 1, value=...)}, value, monkeypatch)


def test_names_of_layers_may_be_those_of_classes(saved, folder):
    """A string that Keras takes for a class of the user's gives the file no more than the class itself."""
    edit(folder, at(*ENCODER, 1, "config", "name", value="mine>Scale"))
    configs.read_config(folder)


def test_modules_are_not_imported(saved, folder, tmp_path, monkeypatch):
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    edit(folder, lambda config: config.update(parameters=config["parameters"] + 1))  # the gain
    for module in ("evil", "keras.evil", "keras_hub.evil", "os", "", "keras.layers", "keras.src.models"):
        edit(folder, at(*ENCODER, 1, value=node(inner=LAYER, module=module)))
        assert type(latentzoo.load(folder, weights=False).encoder.layers[0]) is Scale
        edit(folder, at(*ENCODER, 1, value=node("Missing", "mine>Missing", module)))
        with refused("Import the module that registers it first, then load", "'mine>Missing'"):
            latentzoo.load(folder, weights=False)
    assert "evil" not in sys.modules


# ---------------------------------------------------------------------- configs that take forever


def twice(levels):
    """Graphs that call another twice, and that one another; of unknown size, so that Keras computes each."""
    x = inner = keras.Input((None, None, 1))
    network = keras.Model(inner, layers.Identity()(x), name="network")
    for i in range(levels):
        x = inner = keras.Input((None, None, 1))
        network = keras.Model(inner, network(network(x)), name=f"network_{i}")
    images = keras.Input(SHAPE)
    return keras.Model(images, layers.Dense(4)(layers.Flatten()(network(images))))


def test_networks_that_call_one_another(tmp_path):
    small(encoder=twice(8)).save_pretrained(tmp_path / "a")
    latentzoo.load(tmp_path / "a")
    with refused("takes too long to build", "or more"):
        small(encoder=twice(14)).save_pretrained(tmp_path / "b")
    network, outer = LAYER, {"module": "keras.src.models.functional", "class_name": "Functional"}
    for _ in range(30):
        network = {**outer, "config": {"name": "n", "layers": [{**network, "inbound_nodes": [[], []]}]}}
    edit(tmp_path / "a", at("arguments", "encoder", value=network))
    with refused("takes too long to build. Expected: at most 25000 calls of layers. Received: 1000000000 or"):
        latentzoo.load(tmp_path / "a")


@pytest.mark.parametrize("kind", ["Sequential", "Functional"])
def test_long_networks(saved, folder, kind):
    """Keras takes time in the square of their length."""
    deep = {"module": "keras.layers", "class_name": "Identity", "config": {}, "inbound_nodes": []}
    names = {"Sequential": "keras", "Functional": "keras.src.models.functional"}

    def change(length):
        network = {
            "module": names[kind],
            "class_name": kind,
            "config": {"name": "n", "layers": [deep] * length},
        }
        edit(folder, at("arguments", "encoder", value=network))

    change(150)
    configs.read_config(folder)
    change(3000)
    with refused("takes too long to build"):
        configs.read_config(folder)


@pytest.mark.parametrize("path", [("latent_dim",), ("prior", "config", "units")], ids=".".join)
def test_sizes_that_no_weights_could_have_are_refused_before_anything_is_built(folder, path):
    config = json.loads((folder / "config.json").read_text())
    node = config["arguments"]
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = 10**9
    (folder / "config.json").write_text(json.dumps(config))
    with refused(f"More weights than are declared: {path[-1]}=1000000000"):
        latentzoo.load(folder, weights=False)
