"""What `import latentzoo` costs, and what it says where it cannot run."""

import json
import os
import pathlib
import subprocess
import sys
import tomllib

import pytest

import latentzoo

ROOT = pathlib.Path(__file__).parents[1]
HEAVY = ("tensorflow", "keras", "tensorflow_probability", "tf_keras", "matplotlib", "tensorflow_datasets")


def child(code, *arguments, **environment):
    """Runs Python code in a process of its own; returns what it prints."""
    result = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture
def folder(tmp_path):
    """A checkpoint folder as far as `info` reads it."""
    config = {
        "format": 1,
        "class": "GLF",
        "arguments": {"image_shape": [8, 8, 1], "latent_dim": 4},
        "parameters": 10,
        "storage": "int8",
        "weights": {"model.safetensors": {"bytes": 40, "sha256": "0" * 64}},
        "provenance": {"licence": "MIT"},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "metrics.json").write_text('{"images": 3}')
    return tmp_path


def test_looking_around_is_light(folder):
    code = f"""
import sys, json, latentzoo
latentzoo.list_models(), latentzoo.list_families(), dir(latentzoo)
facts = latentzoo.info(sys.argv[1])
print(json.dumps([facts, [name for name in {HEAVY} if name in sys.modules]]))
"""
    facts, heavy = json.loads(child(code, folder))
    assert heavy == []
    assert facts == {
        "name": folder.name,
        "family": "GLF",
        "image_shape": [8, 8, 1],
        "latent_dim": 4,
        "parameters": 10,
        "bytes": 40,
        "storage": "int8",
        "provenance": {"licence": "MIT"},
        "metrics": {"images": 3},
    }


def test_public_names():
    for name in latentzoo.__all__:
        assert getattr(latentzoo, name) is not None
        assert name in dir(latentzoo)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = latentzoo.nothing


def test_version_and_types():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert latentzoo.__version__ == project["version"]
    assert (pathlib.Path(latentzoo.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize("use", ["latentzoo.models", "latentzoo.load(sys.argv[1])"])
def test_a_backend_that_is_not_installed(folder, use):
    code = f"""
import sys, latentzoo
latentzoo.info(sys.argv[1])
try:
    {use}
except RuntimeError as error:
    print(error)
"""
    said = child(code, folder, KERAS_BACKEND="jax")
    assert "Expected: KERAS_BACKEND=tensorflow. Received: KERAS_BACKEND=jax" in said


def test_another_backend():
    code = """
import sys, unittest.mock
sys.modules["keras"] = keras = unittest.mock.MagicMock()
keras.config.backend.return_value = "openvino"
try:
    import latentzoo.updates
except RuntimeError as error:
    print(error, "tensorflow" in sys.modules)
"""
    said = child(code)
    assert "Expected: KERAS_BACKEND=tensorflow. Received: KERAS_BACKEND=openvino" in said
    assert said.strip().endswith("False")


def test_a_missing_library_keeps_its_error():
    code = """
import sys, latentzoo
sys.modules["matplotlib"] = sys.modules["PIL"] = None
try:
    latentzoo.plots
except ModuleNotFoundError as error:
    print(error.name)
"""
    assert child(code).strip() in ("matplotlib", "PIL")
