"""What all tests share: two CPU devices, one strategy, a few real images, and the same seeds."""

import gc
import os
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# No test touches the user's cache or token, or the Hub itself: nothing listens there.
os.environ.update(HF_HOME=tempfile.mkdtemp(), HF_ENDPOINT="http://127.0.0.1:9", HF_HUB_DISABLE_XET="1")
os.environ["LATENTZOO_CACHE"] = tempfile.mkdtemp()
os.environ.update(HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_PROGRESS_BARS="1")
for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_CACHE"):
    os.environ.pop(name, None)

import pathlib  # noqa: E402 (the variables are read when TensorFlow and the Hub's client are imported)

import keras  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow.python.framework import config as tf_config  # noqa: E402

# Before TensorFlow initialises: afterwards its devices are fixed.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


@pytest.fixture(scope="session")
def replicas():
    """The one strategy of two replicas: a second one in the process would clash with it."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture(scope="session")
def fixture_images():
    """A few hundred Fashion-MNIST images: `x_train`, `y_train`, `x_test`, `y_test`, uint8."""
    with np.load(pathlib.Path(__file__).parent / "fixture.npz") as arrays:
        return dict(arrays)


@pytest.fixture(autouse=True)
def repeatable():
    """Every test starts from one seed, and none leaves deterministic operations switched on."""
    keras.utils.set_random_seed(0)
    yield
    tf_config.disable_op_determinism()


LEFT = {"bytes": 0}  # that the last collection left


@pytest.fixture(autouse=True)
def memory():
    """Models are full of cycles, and Python looks for those too seldom: a test may leave some hundred MB."""
    yield
    if resident() > LEFT["bytes"] + 500e6:
        gc.collect()
        LEFT["bytes"] = resident()


def resident():
    """Bytes of memory that this process holds; 0 where there is no /proc."""
    try:
        return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


@pytest.fixture
def narrow(monkeypatch):
    """InfoGAN networks of 16 units instead of 1024, in which nothing else is different."""
    monkeypatch.setattr("latentzoo.networks.infogan.UNITS", 16)


@pytest.fixture
def shell(monkeypatch, capfd):
    """Runs a command line in this process; gives its exit code, output and errors."""

    from latentzoo import cli

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["latentzoo", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
            raise SystemExit(0)
        return stop.value.code or 0, *capfd.readouterr()

    return run
