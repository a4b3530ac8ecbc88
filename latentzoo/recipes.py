"""Recipes: what one training run needs, as rows of a table in `training/<family>.py`.

`run` makes a checkpoint of a recipe: it gets the data, trains, measures and writes the folder.
"""

import copy
import difflib
import importlib
import importlib.util
import json
import pathlib

import numpy as np

from latentzoo.errors import error

ROOT = pathlib.Path(__file__).parent
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
        raise ValueError(
            f"Unknown recipe. Expected: one of {sorted(table)}. Received: '{name}'. "
            f"Nearest: {', '.join(near)}."
        )
    return copy.deepcopy(table[name])


def _table():
    table = {}
    for path in sorted(FOLDER.glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"latentzoo_training_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        table.update(getattr(module, "RECIPES", {}))
    return table


def override(recipe, assignments):
    """Changes entries of a recipe.

    Args:
        recipe: dict, changed in place.
        assignments: strings such as `"optimizer.learning_rate=1e-4"`. The value takes the type of
            the entry it replaces. `model` takes entries that it has not, other arguments of the family.

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
        argument = parents == ["model"] and last  # the family knows which there are
        if not equals or not isinstance(entry, dict) or not (last in entry or argument):
            known = ", ".join([*_paths(recipe), *(["model.ARGUMENT"] if "model" in recipe else [])])
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


def build(recipe, image_shape, train_images=None):
    """The untrained, compiled model of a recipe; a family with a code for each image wants their number."""
    from latentzoo import models

    family, arguments = getattr(models, recipe["family"]), copy.deepcopy(recipe["model"])
    if getattr(family, "indexed", False):
        arguments["n_codes"] = train_images
    if recipe.get("prior"):
        arguments["prior"] = prior(recipe)
    for part, settings in recipe.get("networks", {}).items():
        arguments[part] = network(
            part, settings, image_shape, arguments["latent_dim"], arguments.get("dtype")
        )
    model = family(image_shape, **arguments)
    for part in recipe.get("frozen", ()):
        getattr(model, part).trainable = False
    model.compile(optimizers(recipe, model))
    later = recipe.get("prior_fit", {})
    if "epochs" in later:  # what is wrong with it is wrong now, not after the first stage
        optimizer(later["optimizer"])
        model.prior.trainer(**later.get("settings", {}))
    return model


def prior(recipe):
    """The prior of a recipe that names one, not fitted."""
    from latentzoo import priors

    settings = dict(recipe["prior"])
    return priors.build(settings.pop("name"), recipe["model"]["latent_dim"], **settings)


def network(part, settings, image_shape, latent_dim, dtype=None):
    """A network other than the family's own.

    Args:
        part: str, `"encoder"` or `"decoder"`.
        settings: dict. `name`, of a file in `latentzoo/networks` whose function `part` builds it, what that
            takes besides, and of an encoder `heads`, how many times as wide as a code its output is.
        image_shape: `(height, width, channels)`.
        latent_dim: int. Width of a code.
        dtype: the family's.
    """
    from latentzoo import networks

    settings = dict(settings)
    name = settings.pop("name")
    if not hasattr(getattr(networks, name, None), part):
        known = [name for name in networks.__all__ if hasattr(getattr(networks, name), part)]
        raise ValueError(f"Unknown network. Expected: one of {known}. Received: {part} '{name}'.")
    if part == "encoder":
        settings["outputs"] = settings.pop("heads", 1) * latent_dim
    else:
        settings["latent_dim"] = latent_dim
    return getattr(getattr(networks, name), part)(image_shape, dtype=dtype, **settings)


def optimizers(recipe, model):
    """The optimizers of a recipe: one for all groups, or, where it says so, another for some."""
    others = recipe.get("optimizers", {})
    if not others:
        return optimizer(recipe["optimizer"])
    from latentzoo.routing import owners

    names = owners(model.updates())
    return {name: optimizer({**recipe["optimizer"], **others.get(name, {})}) for name in names}


def optimizer(settings):
    """An optimizer: Adam unless the settings name another."""
    import keras

    settings = {"name": "Adam", **settings}
    name = settings.pop("name")
    kind = getattr(keras.optimizers, str(name), None)
    if not (isinstance(kind, type) and issubclass(kind, keras.optimizers.Optimizer)):
        raise error("Unknown optimizer.", "a class of `keras.optimizers`, such as 'Adam'", f"name={name!r}")
    return kind(**settings)


FINE_TUNE = {
    "optimizer": {"learning_rate": 1e-4, "epsilon": 1e-8},
    "split": "train",
    "flip": False,
    "batch_size": 64,
    "epochs": 10,
    "learning_rate_factors": {},
    "seed": 0,
}
SMOKE = {"batch_size": 16, "epochs": 1}


def fine_tune(name, data):
    """The recipe that goes on training the checkpoint `name` on other images, at a tenth of the rate."""
    return {**copy.deepcopy(FINE_TUNE), "from": str(name), "data": str(data)}


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
            stage["learning_rate_factors"] = {max(1, round(share * e)): f for e, f in factors.items()}
    return recipe


def run(name, recipe, out, *, tiny=False, strategy=None, command=None, verbose="auto"):
    """Trains a recipe, from where it stopped if it did, and writes its checkpoint folder.

    Args:
        name: str. What the checkpoint is called.
        recipe: dict, a row of a recipe table.
        out: folder of the run and of the checkpoint.
        tiny: bool. Train on 64 images of the tests' fixture, resized, instead of the data.
        strategy: `None`, or `"mirrored"` for `tf.distribute.MirroredStrategy`.
        command: str. The command line that asked for this, for the card.
        verbose: as in `keras.Model.fit`.

    Returns:
        The metrics, as `metrics.json` holds them.

    Raises:
        ValueError: the data or the recipe do not fit, or the folder holds another run.
        FileNotFoundError: the data are nowhere on this machine.
    """
    import contextlib

    import tensorflow as tf

    from latentzoo import finish, runs, zoo
    from latentzoo.images import binarized

    out = pathlib.Path(out)
    images = fixture(recipe) if tiny else splits(recipe)
    if recipe.get("binarize"):  # those to train on are drawn anew in every epoch
        images |= {part: (binarized(images[part][0]), images[part][1]) for part in ("validation", "test")}
    scopes = {None: contextlib.nullcontext, "mirrored": lambda: tf.distribute.MirroredStrategy().scope()}
    if strategy not in scopes:
        raise ValueError(f"Unknown strategy. Expected: 'mirrored' or none. Received: strategy={strategy!r}.")
    with scopes[strategy]():
        if "from" in recipe:
            model = zoo.load(recipe["from"])
            model.compile(optimizer(recipe["optimizer"]))
        else:
            runs.seed(recipe["seed"])
            model = build(recipe, images["train"][0].shape[1:], len(images["train"][0]))
    (x, y), validation = images["train"], images["validation"]
    if y is None:  # of a folder
        validation = validation[0]
    if getattr(model, "indexed", False):  # other images have no codes
        validation = None
    first = {key: value for key, value in recipe.items() if key != "prior_fit"}
    history = runs.train(first, out, model, x=x, y=y, validation=validation, verbose=verbose)
    if "prior_fit" in recipe:
        runs.fit_prior(recipe, out, model, binarized(x) if model.binary else x, verbose=verbose)
    command = command or f"latentzoo train {name}"
    return finish.finish(model, name, recipe, history, out, images, command)


def splits(recipe):
    """The pictures and labels of a recipe: `train`, `validation` (while training) and `test` (at the end)."""
    from latentzoo import data, zoo

    size = {}
    if recipe["data"] not in data.DATASETS and "from" in recipe:
        height, _, channels = zoo.info(recipe["from"])["image_shape"]
        size = {"size": height, "channels": channels}
    names = {"train": recipe["split"], "test": "test"}
    names["validation"] = "validation" if recipe["split"] == "fit" else "test"
    return {part: data.arrays(recipe["data"], split, **size) for part, split in names.items()}


def fixture(recipe):
    """64 images to train on and 16 to measure, from the tests' fixture, in the shape the recipe needs."""
    from PIL import Image

    from latentzoo import data, zoo

    if "from" in recipe:
        shape = zoo.info(recipe["from"])["image_shape"]
    else:
        shape = data.DATASETS[recipe["data"]].image_shape
    path = ROOT.parent / "tests" / "fixture.npz"
    if not path.is_file():
        raise FileNotFoundError(
            f"The images of the tests are not here. Expected: a source tree with '{path}'. "
            "Received: an installation without it. Clone the repository, or train without --smoke."
        )
    with np.load(path) as file:
        x, y = file["x_train"][:80], file["y_train"][:80]
    pictures = [Image.fromarray(picture[..., 0]).resize((shape[1], shape[0])) for picture in x]
    x = np.repeat(np.stack([np.asarray(p) for p in pictures])[..., None], shape[2], axis=-1)
    if recipe.get("model", {}).get("attributes"):
        y = (y[:, None] + np.arange(recipe["model"]["classes"])) % 2
    held_out = x[64:], y[64:]
    return {"train": (x[:64], y[:64]), "validation": held_out, "test": held_out}
