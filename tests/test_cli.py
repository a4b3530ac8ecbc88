"""The command line, run in this process."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from latentzoo import zoo


def size(path):
    with Image.open(path) as image:
        return image.size


def test_list(shell):
    code, out, _ = shell("list")
    assert code == 0 and all(name in out for name in zoo.list_models())
    code, out, _ = shell("list", "glf-f*", "--json")
    assert [row["name"] for row in json.loads(out)] == ["glf-fashion"]
    assert shell("list", "nothing*")[0] == 0


def test_list_where_some_are_not(shell, monkeypatch, tmp_path):
    """As from a package, which has no weights, once some of the shelf are in the cache."""
    known = zoo.info

    def info(name):
        if name != "glf-mnist":
            raise FileNotFoundError(f"no {name}")
        return known(name)

    monkeypatch.setattr(zoo, "info", info)
    code, out, err = shell("list", "glf-*mnist")
    assert code == 0 and "glf-mnist" in out and err == ""
    code, out, err = shell("list", "glf-*")
    assert code == 0 and "glf-mnist" in out and "glf-fashion" not in out
    assert err.startswith("Not to be had here: glf-celeba, ") and "no glf-celeba" in err
    code, out, err = shell("list", "glf-fashion")
    assert code == 2 and out == "" and "no glf-fashion" in err


def test_info(shell):
    code, out, _ = shell("info", "glf-fashion")
    assert code == 0 and "Fashion-MNIST" in out and "licence" in out
    code, out, _ = shell("info", "glf-fashion", "--json")
    assert json.loads(out) == zoo.info("glf-fashion")


def test_sample(shell, tmp_path):
    code, out, _ = shell("sample", "glf-fashion", "-n", 4, "--seed", 3, "-o", tmp_path / "a.png", "--json")
    assert code == 0 and json.loads(out)["n"] == 4
    assert size(tmp_path / "a.png") == (116, 116)  # two rows of 28 and a line of 2, twice as large
    shell("sample", "glf-fashion", "-n", 4, "--seed", 3, "-o", tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_reconstruct_and_interpolate(shell, tmp_path):
    x = np.load("tests/fixture.npz")["x_test"]
    for i in range(2):
        Image.fromarray(x[i, ..., 0]).save(tmp_path / f"{i}.png")
    files = [tmp_path / "0.png", tmp_path / "1.png"]
    code, out, _ = shell("reconstruct", "glf-fashion", *files, "-o", tmp_path / "out.png", "--json")
    assert code == 0 and json.loads(out)["mean_squared_error"] < 0.05
    assert shell("reconstruct", "glf-fashion", "--data", tmp_path, "-o", tmp_path / "out.png")[0] == 0
    code, *_ = shell("interpolate", "glf-fashion", *files, "-o", tmp_path / "out.png", "--steps", 5)
    assert code == 0 and size(tmp_path / "out.png") == ((5 * 30 - 2) * 2, 56)
    assert shell("interpolate", "glf-fashion", 1, 2, "-o", tmp_path / "out.png", "--space", "latent")[0] == 0


def test_black_and_white_pixels_in_the_shell(shell, tmp_path):
    x = np.load("tests/fixture.npz")["x_test"]
    for i in range(2):
        Image.fromarray(x[i, ..., 0]).save(tmp_path / f"{i}.png")
    files, out = [tmp_path / "0.png", tmp_path / "1.png"], ["-o", tmp_path / "out.png", "--json"]
    code, told, _ = shell("reconstruct", "advae-mnist", *files, *out)
    assert code == 0 and json.loads(told)["mean_squared_error"] < 0.3
    for asked in ([], ["--probabilities"]):
        assert shell("sample", "advae-mnist", *asked, *out)[0] == 0
        levels = set(np.unique(Image.open(tmp_path / "out.png")))
        assert (levels == {0, 255}) == (not asked)
    code, told, _ = shell("interpolate", "advae-mnist", 1, 2, *out)  # a generator has no inverse
    assert code == 0 and json.loads(told)["space"] == "latent"


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["info", "glf-fashon"], "Nearest: glf-fashion"),
        (["sample", "glf-fashon"], "Nearest: glf-fashion"),
        (["sample", "glf-fashion", "-n", "0"], "n=0"),
        (["sample", "glf-fashion", "--temperature", "-1"], "temperature=-1"),
        (["sample", "./nowhere"], "no such folder"),
        (["sample", "glf-fashion", "-o", "/nowhere/at/all/a.png"], "/nowhere"),
        (["sample", "glf-fashion", "-o", "/proc/a.png"], "'/proc/a.png'"),
        (["reconstruct", "glf-fashion"], "picture files, or --data"),
        (["reconstruct", "glf-fashion", "missing.png"], "missing.png"),
        (["interpolate", "glf-fashion", "1", "2", "--space", "nois"], "space='nois'"),
        (["interpolate", "glf-fashion", "1", "2", "--steps", "1"], "steps=1"),
        (["train"], "nothing to train"),
        (["train", "glf-fashon"], "Nearest: glf-fashion"),
        (["train", "glf-fashion", "--set", "speed=3"], "speed=3"),
        (["train", "glf-fashion", "--strategy", "parallel", "--smoke"], "'mirrored'"),
        (["train", "--from", "glf-fashion"], "--data"),
        (["train", "vae-fashion", "--from", "glf-fashion", "--data", "mnist"], "Leave one out"),
        (["train", "glf-fashion", "--data", "nowhere"], "nowhere"),
    ],
)
def test_mistakes_are_one_line(shell, arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = shell(*arguments)
    assert code == 2 and said in err and out == ""
    assert err.startswith("Error: ") and err.count("\n") == 1
    assert not list(tmp_path.rglob("*.png"))


def test_wrong_options_are_told():
    command = [sys.executable, "-m", "latentzoo.cli", "sample", "glf-fashion", "--sed", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and "--seed" in done.stderr and "Traceback" not in done.stderr


def test_train_from_the_shell(shell, tmp_path):
    code, out, _ = shell("train", "glf-mnist", "--smoke", "--out", tmp_path / "a", "--json")
    assert code == 0 and json.loads(out)["metrics"]["mean_squared_error"]["mean"] > 0
    assert zoo.info(tmp_path / "a")["provenance"]["command"] == "latentzoo train glf-mnist --smoke"
    code, _, err = shell("train", "--from", "glf-fashion", "--smoke", "--out", tmp_path / "b", "--quiet")
    assert code == 0 and zoo.info(tmp_path / "b")["provenance"]["settings"]["from"] == "glf-fashion"


def test_light_commands_import_nothing_heavy():
    program = (
        "import sys; from latentzoo import cli\n"
        "for arguments in (['list'], ['info', 'glf-fashion'], ['--help'], ['train', '--help']):\n"
        "    sys.argv = ['latentzoo', *arguments]\n"
        "    try: cli.main()\n"
        "    except SystemExit as stop: assert not stop.code\n"
        "heavy = {'tensorflow', 'keras', 'tensorflow_probability', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
