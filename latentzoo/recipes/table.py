"""The table of recipes, from the files `training/<family>.py`."""

import copy
import difflib
import functools
import importlib.util
import pathlib

from latentzoo.errors import error

ROOT = pathlib.Path(__file__).parents[1]
# The recipes stand beside the package in the source tree and inside it in a wheel.
FOLDER = next((f for f in (ROOT.parent / "training", ROOT / "training") if f.is_dir()), ROOT)


def names():
    """The names of all recipes, sorted. Needs no TensorFlow."""
    return sorted(_table())


def recipe(name):
    """A copy of the recipe called `name`.

    Raises:
        ValueError: there is none; the message has the three nearest names.
    """
    table = _table()
    if name not in table:
        near = difflib.get_close_matches(name, table, 3, 0.0)
        raise error(
            "Unknown recipe.",
            f"one of {len(table)} that `latentzoo train` without a name tells",
            f"'{name}'",
            f"Nearest: {', '.join(near)}.",
        )
    return copy.deepcopy(table[name])


def whole_epochs(name):
    """The epochs of a recipe's whole schedule; `None` if there is no recipe of that name."""
    return _table()[name]["epochs"] if name in names() else None


@functools.cache
def _table():
    table = {}
    for path in sorted(FOLDER.glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"latentzoo_training_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        table.update(getattr(module, "RECIPES", {}))
    return table
