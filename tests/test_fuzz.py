"""Broken and hostile checkpoints by the thousand: each loads as it is recorded, or is refused in words.

A mutation is drawn from its number alone, so that one that fails can be run again. `LATENTZOO_FUZZ=20000` in
the environment runs more of them than the suite does; `-s` shows the counts.
"""

import collections
import copy
import gc
import hashlib
import json
import math
import os
import pathlib
import random
import re
import shutil
import signal
import time

import jsonschema
import keras
import numpy as np
import pytest
from keras import layers
from keras.src.backend.common import global_state
from safetensors.numpy import load, load_file, save

import latentzoo
from latentzoo import allowed, priors, storage, weights
from latentzoo.errors import Damaged
from latentzoo.models import GLF

CASES = int(os.environ.get("LATENTZOO_FUZZ", "2000"))
SHAPE, EXTRA_BYTES, SECONDS = (8, 8, 1), 200 << 20, 20
VALIDATOR = jsonschema.Draft202012Validator(allowed.schema())
OURS = (ValueError, FileNotFoundError, Damaged)


# ---------------------------------------------------------------------- two small checkpoints


def sharded():
    """Kernels large enough for int8, in networks that are rows of layers, and a flow."""
    encoder = keras.Sequential(
        [layers.Input(SHAPE), layers.Flatten(name="flat"), layers.Dense(1040, "relu", name="wide"),
         layers.Dense(4, name="codes")], name="encoder",
    )  # fmt: skip
    decoder = keras.Sequential(
        [layers.Input((4,)), layers.Dense(64, "sigmoid", name="pixels"), layers.Reshape(SHAPE, name="grid")],
        name="decoder",
    )
    prior = priors.RealNVP(4, blocks=1, couplings_per_block=1, units=4)
    return GLF(SHAPE, 4, encoder=encoder, decoder=decoder, prior=prior)


def single():
    """A graph of layers, with a model inside, statistics and seeds."""
    inner = keras.Input((8, 8, 2))
    y = layers.BatchNormalization(name="norm")(layers.Conv2D(2, 3, padding="same", name="conv")(inner))
    block = keras.Model(inner, layers.Add(name="skip")([inner, layers.Dropout(0.1, seed=3)(y)]), name="block")
    images = keras.Input(SHAPE)
    x = block(layers.Conv2D(2, 3, padding="same", kernel_regularizer="l2", name="stem")(images))
    encoder = keras.Model(images, layers.Dense(4, name="codes")(layers.Flatten()(x)), name="encoder")
    decoder = keras.Sequential([layers.Input((4,)), layers.Dense(64, name="pixels"), layers.Reshape(SHAPE)])
    return GLF(SHAPE, 4, encoder=encoder, decoder=decoder, prior="normal")


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    """The files of the two checkpoints: `{name: bytes}` of each."""
    keras.utils.set_random_seed(0)
    place = tmp_path_factory.mktemp("bases")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage, "SHARD_BYTES", 70_000)
        sharded().save_pretrained(place / "sharded", "int8")
    single().save_pretrained(place / "single", "float16")
    found = [{p.name: p.read_bytes() for p in sorted(folder.iterdir())} for folder in sorted(place.iterdir())]
    assert [len(files) for files in found] == [4, 2]
    return found


# ---------------------------------------------------------------------- mutations of bytes


def flip(rng, data):
    for _ in range(rng.choice([1, 1, 1, 8, 100])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def cut(rng, data):
    start = rng.randrange(len(data))
    del data[start : start + rng.choice([1, 2, 8, 1000])]


def put_in(rng, data):
    start = rng.randrange(len(data) + 1)
    data[start:start] = rng.randbytes(rng.choice([1, 2, 8, 1000]))


def truncate(rng, data):
    del data[rng.choice([0, 1, 7, 8, 9, len(data) - 1, rng.randrange(len(data))]) :]


def overwrite(rng, data):
    start, size = rng.randrange(len(data)), rng.choice([1, 4, 8, 64])
    data[start : start + size] = rng.choice([b"\0", b"\xff", b"\x7f", b"9", b"["]) * size


def double(rng, data):
    start = rng.randrange(len(data))
    data[start:start] = data[start : start + rng.choice([1, 4, 100])]


def exchange(rng, data):
    a, b = sorted(rng.sample(range(len(data)), 2))
    size = min(rng.choice([1, 4, 64]), b - a, len(data) - b)
    data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]


def garbage(rng, data):
    data[:] = rng.randbytes(rng.choice([0, 1, 40, 1000]))


def pointer(rng, data):
    data[:] = b"version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 12345\n" % 0


BYTES = [flip, flip, cut, put_in, truncate, overwrite, double, exchange, garbage, pointer]


def changed(rng, files, name):
    data = bytearray(files[name])
    change = rng.choice(BYTES)
    change(rng, data)
    files[name] = bytes(data)
    return change.__name__


def some_bytes(rng, files):
    """A file is not what it was; nobody hides it."""
    name = rng.choice([*weights_of(files), "config.json"])
    return name, changed(rng, files, name)


def recorded_bytes(rng, files):
    """The hash fits, so that the file itself has to be looked at."""
    name = rng.choice(weights_of(files))
    said = changed(rng, files, name)
    record(files)
    return name, said


def header_bytes(rng, files):
    name = rng.choice(weights_of(files))
    length = 8 + int.from_bytes(files[name][:8], "little")
    data = bytearray(files[name][:length])
    change = rng.choice(BYTES)
    change(rng, data)
    files[name] = bytes(data) + files[name][length:]
    record(files)
    return name, change.__name__


def values(rng, files):
    """Numbers that are as good as any, or not numbers at all; nothing else changes."""
    name = rng.choice(weights_of(files))
    length = 8 + int.from_bytes(files[name][:8], "little")
    data = bytearray(files[name])
    size = rng.choice([1, 2, 4, 4, 16, 400])
    start = rng.randrange(length, len(data) - size) // 4 * 4
    data[start : start + size] = rng.choice([rng.randbytes(size), b"\xff" * size, b"\0" * size])
    files[name] = bytes(data)
    record(files)
    return name, start


# ---------------------------------------------------------------------- mutations of weight files

NUMBERS = [0, -1, 1, 2, 3, 255, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**18, 10**30,
           1.5, 1e400, "4", None, True, [], {}]  # fmt: skip
KINDS = ["F64", "F32", "F16", "BF16", "I8", "U8", "I32", "I64", "U64", "BOOL", "F8_E5M2", "F4", "C64", "f32",
         "", None, 3, "F" * 10_000]  # fmt: skip


def header(rng, files):
    """The list of what is in a weight file says something else than the file or the model."""
    name = rng.choice(weights_of(files))
    length = int.from_bytes(files[name][:8], "little")
    entries, data = json.loads(files[name][8 : 8 + length]), files[name][8 + length :]
    change = rng.choice(HEADERS)
    found = change(rng, entries, rng.choice(list(entries)), data)
    text = found if isinstance(found, bytes) else json.dumps(entries, ensure_ascii=rng.random() < 0.5).encode(
        errors="surrogatepass")  # fmt: skip
    told = (
        len(text)
        if rng.random() < 0.95
        else rng.choice([0, 1, max(0, len(text) - 1), len(text) + 1, 2**40, 2**64 - 1])
    )
    if rng.random() < 0.1:
        data += rng.randbytes(rng.choice([1, 4, 1000]))
    files[name] = told.to_bytes(8, "little") + text + data
    record(files)
    return name, change.__name__


def other_shape(rng, entries, key, data):
    shape = entries[key]["shape"]
    shape[rng.randrange(len(shape))] = rng.choice(NUMBERS)


def same_size(rng, entries, key, data):
    shape = entries[key]["shape"]
    entries[key]["shape"] = rng.choice(
        [shape[::-1], [math.prod(shape)], [1, *shape], [*shape, 1], [*shape, 0, 2**63]]
    )


def other_offsets(rng, entries, key, data):
    offsets = entries[key]["data_offsets"]
    offsets[rng.randrange(2)] = rng.choice([*NUMBERS, len(data), len(data) + 1, offsets[0], offsets[1] - 4])


def shared_offsets(rng, entries, key, data):
    entries[key]["data_offsets"] = entries[rng.choice(list(entries))]["data_offsets"]


def other_kind(rng, entries, key, data):
    entries[key]["dtype"] = rng.choice(KINDS)


def kind_and_shape(rng, entries, key, data):
    """Bytes read as other numbers, as many as there is room for."""
    kind, size = rng.choice(
        [("F64", 8), ("F32", 4), ("F16", 2), ("I8", 1), ("I32", 4), ("I64", 8), ("BOOL", 1)]
    )
    start, stop = entries[key]["data_offsets"]
    entries[key] |= {"dtype": kind, "shape": [(stop - start) // size]}


def exchange_entries(rng, entries, key, data):
    other = rng.choice(list(entries))
    entries[key], entries[other] = entries[other], entries[key]


def rename(rng, entries, key, data):
    new = rng.choice([*NAMES, key + ".scale", key.removesuffix(".scale"), key.replace("/", "//"), key.upper(),
                      "__metadata__", "k" * 10_000])  # fmt: skip
    entries[new] = entries.pop(key)


def leave_out(rng, entries, key, data):
    del entries[key]


def one_more(rng, entries, key, data):
    entries[rng.choice(NAMES)] = {"dtype": "F32", "shape": [0], "data_offsets": [len(data), len(data)]}


def metadata(rng, entries, key, data):
    entries["__metadata__"] = rng.choice(
        [{"format": "pt"}, {"a": 1}, {"a": None}, [], "x", None, {NAMES[3]: "é" * 99}]
    )


def odd_entry(rng, entries, key, data):
    entries[key] = rng.choice(
        [None, [], {}, 3, "x", {**entries[key], "more": [[]]}, {"shape": [1]}, [entries[key]]]
    )


def deep(rng, entries, key, data):
    entries[key]["shape"] = nested(rng.choice([2, 100, 500]))


def twice(rng, entries, key, data):
    text = json.dumps(entries)[:-1]
    return f"{text}, {json.dumps(key)}: {json.dumps(entries[rng.choice(list(entries))])}}}".encode()


def text(rng, entries, key, data):
    plain = json.dumps(entries)
    first = [plain.replace("[0,", f"[{number},", 1) for number in ("-0", "0.0", "NaN", "1e3", "9" * 5000)]
    other = [*first, plain.replace("{", "{/**/", 1), plain.replace('"', "'"), plain[:-1], "[" * 1000, "",
             "{}", "null", "[]", " " + plain, plain + " " * 1000, plain + "\0"]  # fmt: skip
    return rng.choice([*(t.encode() for t in other), plain.encode("utf-16"), plain.encode("utf-8-sig")])


HEADERS = [other_shape, same_size, other_offsets, shared_offsets, other_kind, kind_and_shape,
           exchange_entries, rename, leave_out, one_more, metadata, odd_entry, deep, twice, text]  # fmt: skip


def repacked(rng, files):
    """A whole file, as it might have been written, with one array of another kind or of odd numbers."""
    name = rng.choice(weights_of(files))
    arrays = load(files[name])
    key = rng.choice(list(arrays))
    with np.errstate(all="ignore"):
        arrays[key] = rng.choice(ARRAYS)(arrays[key])
    if rng.random() < 0.3:
        arrays[f"{key}.scale"] = np.full(
            arrays[key].shape[-1:], rng.choice([1, 0, -1, np.nan, np.inf, 3e38]), "f4"
        )
    files[name] = save(arrays)
    record(files)
    return name, key, arrays[key].dtype


def filled(value):
    """A change of an array: one number of it, or all of them."""

    def change(array):
        array = array.astype("float64")
        array[(0,) * array.ndim] = value
        return array if value != 0 else array * 0

    return change


KEPT = ["f8", "f4", "f2", "i1", "u1", "i4", "i8", "?"]
FULL = [np.int8(-128), np.float16(np.inf), np.int32(2**31 - 1)]
ARRAYS = [
    *(filled(value) for value in [0, np.nan, np.inf, -np.inf, 1e300, 1e39, 70_000, 5e-324]),
    *(lambda array, kind=kind: array.astype(kind) for kind in KEPT),
    *(lambda array, value=value: np.full(array.shape, value) for value in FULL),
    np.transpose, np.ravel, lambda array: array[..., None], lambda array: array[..., :-1], np.zeros_like,
]  # fmt: skip


# ---------------------------------------------------------------------- mutations of names

NAMES = [
    "../model.safetensors", "../../model.safetensors", "/etc/passwd", "/dev/zero", "/dev/stdin.safetensors",
    "", ".", "..", ".safetensors", "sub/model.safetensors", "./model.safetensors", "model.safetensors/",
    "C:\\model.safetensors", "..\\model.safetensors", "NUL.safetensors", "con.safetensors", "\0.safetensors",
    "model.safetensors\0", "a\nb.safetensors", "mod\u00e9l.safetensors", "\u202esrosnetefas.ledom",
    "\ud800.safetensors", "\U0001f600" * 80 + ".safetensors", "x" * 250 + ".safetensors", "x" * 5000,
    "~/model.safetensors", "%2e%2e%2fmodel.safetensors", "MODEL.SAFETENSORS", "config.json", "model.bin",
    "-rf.safetensors", " .safetensors", "$HOME.safetensors", "model.safetensors.index.json", "file:///etc/passwd",
]  # fmt: skip


def weights_of(files):
    return sorted(name for name in files if name.endswith(".safetensors"))


def record(files):
    """Makes config.json vouch for the weight files."""

    def change(config):
        for name in weights_of(files):
            if isinstance(files[name], bytes):
                sha256 = hashlib.sha256(files[name]).hexdigest()
                config["weights"][name] = {"bytes": len(files[name]), "sha256": sha256}

    edit(files, change)


def edit(files, change):
    config = json.loads(files["config.json"])
    change(config)
    files["config.json"] = json.dumps(config).encode()


def table_names(rng, files):
    """A weight file of another name, which is there if it can be."""
    new, old = rng.choice(NAMES), rng.choice(weights_of(files))
    edit(files, lambda config: config["weights"].update({new: config["weights"].pop(old)}))
    if rng.random() < 0.5:
        files[new] = files.pop(old)
    return old, new[:40]


def swapped_files(rng, files):
    """Two files change places, with or without what is recorded of them."""
    a, b = rng.sample([*files], 2) if rng.random() < 0.3 else (weights_of(files) * 2)[:2]
    files[a], files[b] = files[b], files[a]
    if "config.json" not in (a, b) and rng.random() < 0.7:
        record(files)
    return a, b


def left_out(rng, files):
    name = rng.choice([*files])
    del files[name]
    if name in weights_of({name: 0}) and rng.random() < 0.5:
        edit(files, lambda config: config["weights"].pop(name))
    return name


def twice_in_table(rng, files):
    name, more = rng.choice(weights_of(files)), rng.choice(["more.safetensors", "a.safetensors"])
    files[more] = files[name]
    record(files)
    return name


def index(rng, files):
    """Nothing reads the index of shards but other programs."""
    name = storage.INDEX
    if name not in files:
        files[name] = b'{"weight_map": {"encoder/codes/kernel": "../../etc/passwd"}}'
    elif rng.random() < 0.5:
        return changed(rng, files, name)
    else:
        table = json.loads(files[name])
        table["weight_map"] = dict.fromkeys(table["weight_map"], rng.choice(NAMES))
        files[name] = json.dumps(table).encode()
    return name


SPECIAL = {
    "fifo": os.mkfifo,
    "folder": os.mkdir,
    "link out": lambda path: os.symlink(path.parent.parent / "outside" / path.name, path),
    "link to passwd": lambda path: os.symlink("/etc/passwd", path),
    "link to zero": lambda path: os.symlink("/dev/zero", path),
    "link to null": lambda path: os.symlink("/dev/null", path),
    "link to stdin": lambda path: os.symlink("/dev/stdin", path),
    "link to environment": lambda path: os.symlink("/proc/self/environ", path),
    "link to nothing": lambda path: os.symlink("nowhere", path),
    "link to itself": lambda path: os.symlink(path.name, path),
    "link to folder": lambda path: os.symlink("..", path),
    "sparse": lambda path: (path.touch(), os.truncate(path, 1 << 40)),
    "unreadable": lambda path: (path.write_bytes(b"x" * 100), os.chmod(path, 0)),
}


def special(rng, files):
    """Something else than a file."""
    name, kind = rng.choice([*files]), rng.choice([*SPECIAL])
    files[name] = kind
    if name in weights_of(files) and rng.random() < 0.3:
        size = rng.choice([0, 100, 1 << 40])
        edit(files, lambda config: config["weights"][name].update(bytes=size))
    return name, kind


# ---------------------------------------------------------------------- mutations of config.json

LAYER = {"module": "keras.layers", "class_name": "Flatten", "config": {}, "registered_name": None}
HOSTILE = [
    LAYER | {"class_name": "Lambda", "config": {"function": "os.system"}},
    LAYER | {"class_name": "TFSMLayer", "config": {"filepath": "/"}},
    LAYER | {"class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}},
    LAYER | {"registered_name": "latentzoo>GLF"},
    LAYER | {"registered_name": "mine>Thing"},
    {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"},
    {"class_name": "__lambda__", "config": {"value": ["4wAAAA==", None, None]}},
    {"class_name": "__numpy__", "config": {"value": [1], "dtype": "float32"}},
    {
        "class_name": "__keras_tensor__",
        "config": {"shape": [1], "dtype": "float32", "keras_history": ["a", 0, 0]},
    },
    {"class_name": "Dense", "config": {"units": 4}},
    {"inputs": [], "outputs": []},
]


def nested(depth, end=0):
    for i in range(depth):
        end = [end] if i % 2 else {"a": end}
    return end


def odd_value(rng):
    return rng.choice([
        *NUMBERS, 10**400, -(10**18), float("nan"), float("inf"), 1e308, 5e-324, False, *NAMES, *NAMES,
        *HOSTILE, "x" * 20_000, "latentzoo>GLF", "float16", "mixed_bfloat16", "int8_from_float32", "relu",
        "realnvp", [0] * 1000, [None, 8, 8, 1], nested(20), nested(99), nested(500), {"a": {}}, LAYER,
    ])  # fmt: skip


def places(node, path=()):
    """All paths in a value, the parents first."""
    yield path
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in children:
        yield from places(value, (*path, key))


def get(config, path):
    for key in path:
        config = config[key]
    return config


def config_value(rng, files):
    """One value or two of config.json become others."""
    config = json.loads(files["config.json"])
    said = []
    for _ in range(rng.choice([1, 1, 1, 2])):
        top = rng.random() < 0.4  # the walk below would mostly meet the depths of the networks
        found = [
            path for path in places(config) if path and (not top or len(path) < 4 and "encoder" not in path)
        ]
        if not found:
            break
        path = rng.choice(found)
        change = rng.choice(VALUES)
        change(rng, config, get(config, path[:-1]), path[-1])
        said.append((change.__name__, path))
    files["config.json"] = json.dumps(config).encode()
    return said


def replace_value(rng, config, parent, key):
    parent[key] = odd_value(rng)


def nudge(rng, config, parent, key):
    value = parent[key]
    if isinstance(value, bool) or value is None:
        parent[key] = not value
    elif isinstance(value, (int, float)):
        parent[key] = rng.choice(
            [value + 1, value - 1, -value, value * 2, float(value), str(value), [value], 10**6]
        )
    elif isinstance(value, str):
        parent[key] = rng.choice(
            [value + "x", value[:-1], value.upper(), value + "/..", value + "\0", [value], value * 2]
        )
    else:
        parent[key] = rng.choice([[value], {"a": value}, None, {"class_name": "Flatten", "config": value}])


def drop(rng, config, parent, key):
    del parent[key]


def rename_key(rng, config, parent, key):
    if isinstance(parent, dict):
        parent[
            rng.choice([*NAMES, key + "\u0301", key.upper(), "class_name", "module", "compile_config"])
        ] = parent.pop(key)


def exchange_values(rng, config, parent, key):
    path = rng.choice([path for path in places(config) if path])
    other = get(config, path[:-1])
    parent[key], other[path[-1]] = copy.deepcopy(other[path[-1]]), copy.deepcopy(parent[key])


def paste(rng, config, parent, key):
    parent[key] = copy.deepcopy(get(config, rng.choice(list(places(config)))))


KEYS = ["dtype", "name", "compile_config", "build_config", "shared_object_id", "unknown", "lora_rank",
        "quantization_config", "inbound_nodes"]  # fmt: skip


def more(rng, config, parent, key):
    if isinstance(parent, list):
        parent.insert(rng.randrange(len(parent) + 1), odd_value(rng))
    else:
        parent[rng.choice([*NAMES, *KEYS])] = odd_value(rng)


def other_class(rng, config, parent, key):
    """A class of the list in place of another, or one that is not on it."""
    nodes = [path for path in places(config) if path and path[-1] == "class_name"]
    if not nodes:
        return
    node = get(config, rng.choice(nodes)[:-1])
    module, name = rng.choice(sorted(allowed.CLASSES, key=str))
    if rng.random() < 0.2:
        name = rng.choice(["Lambda", "TFSMLayer", "GLF", "eval", "Model", "TimeDistributed"])
    node.update(module=module, class_name=name)
    node["registered_name"] = allowed.CLASSES.get((module, name)) if rng.random() < 0.9 else "mine>Thing"


VALUES = [replace_value, replace_value, replace_value, nudge, nudge, drop, rename_key, exchange_values, paste,
          more, other_class]  # fmt: skip


def config_text(rng, files):
    """JSON that is none, or that two readers read in two ways."""
    plain = files["config.json"].decode()
    spot = rng.choice([m.end() for m in re.finditer(r"[:,\[]\s*", plain)])
    member = rng.choice(re.findall(r'"\w+":\s*[^,{}\[\]]+', plain))
    stop = re.compile(r"[,\]}]").search(plain, spot).start()
    numbers = ["NaN", "Infinity", "-Infinity", "9" * 5000, "9" * 4000, "1e999", "-0", "0x10"]
    other = [
        plain.replace(member, f"{member}, {member}", 1), plain.replace(member, member + ', "format": 2', 1),
        plain.replace('"class": "GLF"', '"class": "GLF", "class": "Lambda"'), plain.replace("{", "{,", 1),
        *(plain[:spot] + number + plain[stop:] for number in numbers), plain[:spot] + "[" * 100_000,
        plain + "\0", plain + "{}", plain + " " * (1 << 20), plain.replace(" ", "\t"), "null", "0", "[]",
        "{}", plain.replace('"encoder"', '"\\u0065ncoder"'),
    ]  # fmt: skip
    codes = ["utf-8"] * 10 + ["utf-16", "utf-8-sig", "utf-16-le"]
    files["config.json"] = rng.choice(other).encode(rng.choice(codes))
    return spot


# ---------------------------------------------------------------------- the run

MUTATIONS = {
    some_bytes: 25, recorded_bytes: 5, header_bytes: 12, header: 14, values: 2, repacked: 6, table_names: 8,
    swapped_files: 4, left_out: 2, twice_in_table: 1, index: 1, special: 6, config_value: 26, config_text: 5,
}  # fmt: skip


def mutated(case, bases):
    """The files of mutation number `case`, and what was done to them."""
    rng = random.Random(case)
    files = dict(rng.choice(bases))
    mutation = rng.choices([*MUTATIONS], [*MUTATIONS.values()])[0]
    said = mutation(rng, files)
    return files, f"{mutation.__name__} {said}"


def lay_out(files, folder):
    """Writes the files, as far as there can be files of these names."""
    for name, content in files.items():
        path = folder / name
        try:
            if pathlib.Path(os.path.abspath(path)).is_relative_to(folder.parent) and not path.exists():
                path.parent.mkdir(exist_ok=True)
                SPECIAL[content](path) if isinstance(content, str) else path.write_bytes(content)
        except (OSError, ValueError):
            pass


class Hung(BaseException):
    pass


def hung(*_):
    raise Hung


def kilobytes(name):
    with open("/proc/self/status") as file:
        return int(re.search(rf"{name}:\s*(\d+) kB", file.read())[1])


def forget_peak():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def recorded(folder):
    """The weights whose hashes config.json has, by a reader of its own."""
    table, arrays = json.loads((folder / "config.json").read_text())["weights"], {}
    for name, facts in table.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == facts["sha256"]
        arrays |= load_file(folder / name)
    for key in [key for key in arrays if f"{key}.scale" in arrays]:
        arrays[key] = arrays[key].astype("float32") * arrays.pop(f"{key}.scale")  # units are the last axis
    return arrays


def compare(model, folder):
    """Whether a model has the weights whose hashes are recorded, and its config the published schema."""
    config = json.loads((folder / "config.json").read_text())
    assert VALIDATOR.is_valid(config)
    wanted = recorded(folder)
    found = {key: variable.numpy() for key, (variable, _) in storage.named_variables(model).items()}
    assert found.keys() == wanted.keys()
    for key, value in found.items():
        np.testing.assert_array_equal(value, wanted[key].astype(value.dtype), err_msg=key)


class Run:
    """What became of the mutations so far."""

    def __init__(self):
        self.built, self.counts, self.faults, self.peak = 0, collections.Counter(), [], (0, "")
        self.started = time.monotonic()

    def attempt(self, folder, door):
        """One door to one folder; returns what came of it, and what is wrong with that."""
        try:
            result = door(folder)
        except Exception as error:
            message = str(error)
            fits = re.fullmatch(r".+[.:] Expected: .+ Received: .+[.]\S*", message, re.DOTALL)
            wrong = type(error) not in OURS or not fits or len(message) > 2000
            return type(error).__name__, f"{error!r}"[:1000] if wrong else None
        if door is latentzoo.load:
            compare(result, folder)
        return "loaded", None

    def timed(self, folder, door):
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            return self.attempt(folder, door)
        except Hung:
            return "hung", f"more than {SECONDS} s"
        except AssertionError as error:
            return "other weights", str(error)[:500]
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def case(self, files, said, folder, doors):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        lay_out(files, folder)
        for door in doors:
            before, built = kilobytes("VmRSS"), self.built
            forget_peak()
            outcome, wrong = self.timed(folder, door)
            if outcome == "hung":  # or the machine stood still
                outcome, wrong = self.timed(folder, door)
            extra = (kilobytes("VmHWM") - before) << 10
            self.peak = max(self.peak, (extra, said))
            when = "built" if self.built > built else "early"
            if global_state.get_global_attribute("uninitialized_variables", []):
                wrong = "Keras has variables left to allocate"
            if global_state.get_global_attribute("stateless_scope") is not None:
                wrong = "Keras is left in a scope"
            if extra > EXTRA_BYTES:
                wrong = f"{extra >> 20} MiB more"
            if wrong:
                self.faults.append((said, door.__name__, wrong))
            self.counts[door.__name__, outcome, when] += 1

    def __str__(self):
        lines = [f"{count:6} {' '.join(key)}" for key, count in sorted(self.counts.items())]
        seconds = time.monotonic() - self.started
        return "\n".join([*lines, f"peak {self.peak[0] >> 20} MiB ({self.peak[1][:100]}), {seconds:.0f} s"])


measured = pytest.mark.skipif(
    not os.path.exists("/proc/self/clear_refs"), reason="peak memory is read as Linux tells it"
)


def without_weights(folder):
    return latentzoo.load(folder, weights=False)


@pytest.fixture
def run(monkeypatch):
    run, build = Run(), GLF.from_config.__func__

    def spy(cls, config):
        run.built += 1
        return build(cls, config)

    monkeypatch.setattr(GLF, "from_config", classmethod(spy))
    before = signal.signal(signal.SIGALRM, hung)
    yield run
    signal.signal(signal.SIGALRM, before)
    print(f"\n{run}")


@measured
def test_mutations(bases, tmp_path, run):
    outside = tmp_path / "outside"
    outside.mkdir()
    lay_out(bases[0] | bases[1], outside)
    for name in weights_of(bases[1]):
        (tmp_path / name).write_bytes(bases[1][name])  # what `../` would find
    for case in range(CASES):
        files, said = mutated(case, bases)
        others = {3: [latentzoo.info], 7: [without_weights]}
        run.case(files, f"{case}: {said}", tmp_path / "case", [latentzoo.load, *others.get(case % 20, [])])
        if case % 200 == 0:
            gc.collect()
    loads = {key[1:]: count for key, count in run.counts.items() if key[0] == "load"}
    assert not run.faults, "\n".join(map(str, run.faults[:20]))
    assert sum(count for (_, when), count in loads.items() if when == "early") > CASES * 0.6
    assert loads["loaded", "built"] > CASES * 0.02


# ---------------------------------------------------------------------- what is large or slow


def wide_header(files):
    """A member that nobody asked for, which takes a hundred times the memory of its text."""
    data = files["model.safetensors"]
    length = int.from_bytes(data[:8], "little")
    more = ",".join(["[[]]"] * ((weights.HEADER_BYTES - 10_000) // 5))
    text = data[8 : 8 + length].replace(b'"dtype"', f'"more":[{more}],"dtype"'.encode(), 1)
    files["model.safetensors"] = len(text).to_bytes(8, "little") + text + data[8 + length :]


def long_header(files):
    files["model.safetensors"] = (1 << 23).to_bytes(8, "little") + b"{}".ljust(1 << 23)


def many_weights(files):
    entry = {"dtype": "I8", "shape": [0], "data_offsets": [0, 0]}
    text = json.dumps({f"{i:x}": entry for i in range(weights.ENTRIES + 1)}).encode()
    files["model.safetensors"] = len(text).to_bytes(8, "little") + text


def many_files(files):
    files |= {f"{i:x}.safetensors": b"\x02" + bytes(7) + b"{}" for i in range(5000)}


def many_missing_files(files):
    facts = {"bytes": 1, "sha256": "0" * 64}
    edit(files, lambda config: config.update(weights={f"{i:x}.safetensors": facts for i in range(9000)}))
    del files["model.safetensors"]


def long_config(files):
    edit(files, lambda config: config["provenance"].update(a=[[]] * 200_000))


def many_layers(files):
    """Of a network that the zoo would take its time to refuse, were they built."""
    edit(files, lambda config: config["arguments"]["encoder"]["config"].update(layers=[LAYER] * 10_000))


LARGE = [wide_header, long_header, many_weights, many_files, many_missing_files, long_config, many_layers]


@measured
@pytest.mark.parametrize("change", LARGE)
def test_large(bases, tmp_path, run, change):
    files = dict(bases[1])
    change(files)
    record(files)
    run.case(files, change.__name__, tmp_path / "case", [latentzoo.load])
    assert not run.faults, run.faults


def test_files_that_cannot_be_opened(bases, tmp_path, monkeypatch):
    lay_out(bases[1], tmp_path)

    def denied(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(weights, "open", denied, raising=False)
    with pytest.raises(
        ValueError, match="cannot be read. Expected: .* Received: .*model.safetensors.*: Permission"
    ):
        latentzoo.load(tmp_path)


def test_files_that_shrink_while_they_are_read(bases, tmp_path):
    lay_out(bases[1], tmp_path)
    table = json.loads(bases[1]["config.json"])["weights"]
    with weights.Weights(tmp_path, table) as opened:
        os.truncate(tmp_path / "model.safetensors", 1000)
        with pytest.raises(Damaged, match="Expected: the bytes that were there when it was opened"):
            for key in opened.entries:
                opened.read(key, None, "float32")
