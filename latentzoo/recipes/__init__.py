"""Recipes: what one training run needs, as rows of a table in `training/<family>.py`.

`run` makes a checkpoint of a recipe: it gets the data, trains, measures and writes the folder. The table and
what changes its rows need no TensorFlow.
"""

from latentzoo.recipes.building import build, optimizer, prior
from latentzoo.recipes.changes import fine_tune, on, override, shorten, smoke
from latentzoo.recipes.running import fixture, run, splits
from latentzoo.recipes.table import FOLDER, names, recipe, whole_epochs

__all__ = [
    "FOLDER",
    "build",
    "fine_tune",
    "fixture",
    "names",
    "on",
    "optimizer",
    "override",
    "prior",
    "recipe",
    "run",
    "shorten",
    "smoke",
    "splits",
    "whole_epochs",
]
