"""The README: its Python runs as printed, its commands parse, and its tables are those of the zoo."""

import pathlib
import re
import shlex

import pytest
import typer

import latentzoo
from latentzoo import cli, recipes

README = pathlib.Path("README.md").read_text(encoding="utf-8")


def test_its_python_runs_as_printed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # it saves a checkpoint
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 5
    names = {"__name__": "readme"}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert names["images"].shape == (16, 28, 28, 1)
    small = names["PlainFlow"]((8, 8, 1), 4)
    small.compile()
    assert set(small.evaluate(names["images"][:, :8, :8], verbose=0, return_dict=True)) == {
        "loss", "reconstruction", "nll",
    }  # fmt: skip


def test_its_tables_name_every_family_and_checkpoint():
    for name in latentzoo.list_families():
        assert f"| `{name}` |" in README
    for name in latentzoo.list_models():
        facts = latentzoo.info(name)
        test = facts["metrics"]["test"]
        key, digits = ("accuracy", 4) if "accuracy" in test else ("mean_squared_error", 5)
        measured = f"{test[key]['mean']:.{digits}f}" if test else "see its card"
        row = next(line for line in README.splitlines() if line.startswith(f"| `{name}` |"))
        assert f"{facts['parameters'] / 1e6:.1f} M" in row
        megabytes = facts["bytes"] / 1e6
        assert f" {megabytes:.{int(megabytes < 1)}f} " in row and measured in row
        assert facts["provenance"]["licence"] in row


def test_it_has_the_two_commands():
    commands = [line for line in README.splitlines() if line.startswith("python3 -m venv .venv &&")]
    assert len(commands) == 2
    assert commands[0].endswith("latentzoo sample glf-celeba -n 16 --seed 0 -o samples.png")
    assert commands[1].endswith("-m pytest -q -n 2 --dist worksteal")


def commands():
    """All command lines that are printed, in the README and in recipes."""
    text = "\n".join(re.findall(r"```bash\n(.*?)```", README, re.DOTALL))
    text += "\n".join(path.read_text(encoding="utf-8") for path in pathlib.Path("training").rglob("*.py"))
    return re.findall(r"^ *latentzoo (.+)$", text, re.MULTILINE)


def test_its_commands_are_such_that_the_shell_takes():
    group = typer.main.get_command(cli.app)
    assert len(commands()) > 20
    for line in commands():
        name, *arguments = shlex.split(line, comments=True)
        context = group.get_command(None, name).make_context(name, arguments)  # a mistake is an error
        if name == "train":
            given = context.params
            assert given["name"] in recipes.names() or given["start"] in latentzoo.list_models(), line
        elif name in ("info", "sample", "reconstruct", "interpolate"):
            assert context.params["name"] in latentzoo.list_models(), line
    with pytest.raises(Exception, match="No such option"):
        group.get_command(None, "train").make_context("train", ["glf-fashion", "--epoch", "1"])
