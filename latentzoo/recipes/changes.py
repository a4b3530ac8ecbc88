"""Other recipes from one: single entries changed, a shorter schedule, a trial, other images."""

import copy
import json

from latentzoo.sources import DATASETS

FINE_TUNE = {
    "optimizer": {"learning_rate": 1e-4, "epsilon": 1e-8},
    "split": "train",
    "flip": False,
    "batch_size": 64,
    "epochs": 10,
    "learning_rate_factors": {},
    "seed": 0,
}
# What fine-tuning keeps of the recipe of the checkpoint.
KEPT = ("optimizer", "optimizers", "flip", "shift", "binarize", "frozen", "prior_fit")
SLOWER = 0.1
SMOKE = {"batch_size": 16, "epochs": 1}


def override(recipe, assignments):
    """Changes entries of a recipe.

    Args:
        recipe: dict, changed in place.
        assignments: strings such as `"optimizer.learning_rate=1e-4"`. The value takes the type of
            the entry it replaces. `model` takes entries that it has not, other arguments of the family, and
            `settings` those of the fitting of a prior.

    Raises:
        ValueError: there is no such entry, or the value has another type.

    Example:

    >>> from latentzoo import recipes
    >>> recipe = {"optimizer": {"learning_rate": 1e-3}, "epochs": 5}
    >>> recipes.override(recipe, ["optimizer.learning_rate=1e-4", "epochs=2"])
    {'optimizer': {'learning_rate': 0.0001}, 'epochs': 2}
    """
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        *parents, last = path.split(".")
        entry = recipe
        for parent in parents:
            entry = entry.get(parent) if isinstance(entry, dict) else None
        argument = last and parents[-1:] in (["model"], ["settings"])  # what takes them knows which there are
        if not equals or not isinstance(entry, dict) or not (last in entry or argument):
            others = ["model.ARGUMENT"] if "model" in recipe else []
            others += ["prior_fit.settings.ARGUMENT"] if "settings" in recipe.get("prior_fit", {}) else []
            known = ", ".join([*_paths(recipe), *others])
            raise ValueError(
                f"A recipe has no such entry. Expected: KEY=VALUE with KEY one of {known}. "
                f"Received: '{assignment}'."
            )
        old = entry.get(last)
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            value = text
        if isinstance(old, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if isinstance(old, dict) and isinstance(value, dict):
            value = {type(next(iter(old), ""))(k): v for k, v in value.items()}
        if old is not None and type(value) is not type(old):
            raise ValueError(
                f"'{path}' has another type. Expected: {type(old).__name__}, such as {old!r}. "
                f"Received: '{text}'."
            )
        entry[last] = value
    return recipe


def _paths(tree, prefix=""):
    for key, value in tree.items():
        nested = isinstance(value, dict) and value and isinstance(next(iter(value)), str)
        yield from _paths(value, f"{prefix}{key}.") if nested else [f"{prefix}{key}"]


def on(recipe, data):
    """Puts a recipe on other images, changed in place.

    Args:
        recipe: dict.
        data: a data set, or a folder of pictures. A folder has no test images of its own: every tenth of its
            pictures is held out.
    """
    recipe["data"] = str(data)
    if recipe["split"] == "train" and data not in DATASETS:
        recipe["split"] = "fit"
    return recipe


def fine_tune(name, data):
    """The recipe that goes on training a checkpoint on other images, as it was trained, but more slowly.

    Optimizers are those of its own recipe at a tenth of their rates (at the same rates if it was fine-tuned
    itself), and a prior that was fitted after the autoencoder is fitted again, as it was. Batches, epochs and
    seed are those of `FINE_TUNE`.

    Args:
        name: str, a checkpoint.
        data: a data set or a folder of pictures.
    """
    from latentzoo import zoo

    then = zoo.info(name)["provenance"].get("settings", {})
    recipe = {**FINE_TUNE, **{key: then[key] for key in KEPT if key in then}, "from": str(name)}
    recipe = copy.deepcopy(recipe)
    if "optimizer" in then and "from" not in then:
        for settings in (recipe["optimizer"], *recipe.get("optimizers", {}).values()):
            if "learning_rate" in settings:
                settings["learning_rate"] *= SLOWER
    return on(recipe, data)


def smoke(recipe):
    """Shrinks a recipe to one epoch of 64 images, changed in place."""
    recipe.update(SMOKE)
    if "epochs" in recipe.get("prior_fit", {}):
        recipe["prior_fit"].update(SMOKE)
    return recipe


def shorten(recipe, share):
    """Shrinks the schedule of a recipe, epochs and steps of the learning rate alike; changed in place.

    Args:
        recipe: dict.
        share: float, above 0 and up to 1.

    Example:

    >>> from latentzoo import recipes
    >>> recipes.shorten({"epochs": 100, "learning_rate_factors": {50: 0.5}}, 0.25)
    {'epochs': 25, 'learning_rate_factors': {12: 0.5}}
    """
    if not 0 < share <= 1:
        raise ValueError(f"A share of the schedule. Expected: 0 < share <= 1. Received: share={share!r}.")
    for stage in (recipe, recipe.get("prior_fit", {})):
        if "epochs" in stage:
            stage["epochs"] = max(1, round(share * stage["epochs"]))
        factors = stage.get("learning_rate_factors", {})
        if factors:
            stage["learning_rate_factors"] = {max(1, round(share * int(e))): f for e, f in factors.items()}
    return recipe
