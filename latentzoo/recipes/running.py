"""The run of a recipe, from data to a checkpoint folder."""

import pathlib
import warnings

import numpy as np

from latentzoo.errors import error
from latentzoo.recipes.building import build, compiled
from latentzoo.recipes.table import ROOT

FIXTURE = "fixture"  # the images of the tests, as a recipe's data


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
    images = splits(recipe, tiny)
    scopes = {None: contextlib.nullcontext, "mirrored": lambda: tf.distribute.MirroredStrategy().scope()}
    if strategy not in scopes:
        raise ValueError(f"Unknown strategy. Expected: 'mirrored' or none. Received: strategy={strategy!r}.")
    with scopes[strategy]():
        if "from" in recipe:
            model = zoo.load(recipe["from"])
            compiled(model, recipe)
        else:
            runs.seed(recipe["seed"])
            model = build(recipe, images["train"][0].shape[1:], len(images["train"][0]))
    (x, y), validation = images["train"], images["validation"]
    if y is None:  # of a folder
        validation = validation[0]
    if getattr(model, "indexed", False):  # other images have no codes
        validation = None
    first = {key: value for key, value in recipe.items() if key != "prior_fit"}
    with warnings.catch_warnings():
        if "prior_fit" in recipe:
            warnings.filterwarnings("ignore", ".*becomes stale")  # it is fitted below
        history = runs.train(first, out, model, x=x, y=y, validation=validation, verbose=verbose)
    later = None
    if "prior_fit" in recipe:
        seen = binarized(x, seed=recipe["seed"]) if model.binary else x  # as the first stage saw them
        later = runs.fit_prior(recipe, out, model, seen, verbose=verbose)
    command = command or f"latentzoo train {name}"
    if tiny:
        recipe = {**recipe, "data": FIXTURE}
    return finish.finish(model, name, recipe, history, out, images, command, later)


def splits(recipe, tiny=False):
    """The pictures and labels of a recipe: `train`, `validation` (while training) and `test` (at the end)."""
    from latentzoo.images import binarized

    images = fixture(recipe) if tiny else stored(recipe)
    if recipe.get("binarize"):  # those to train on are drawn anew in every epoch
        images |= {part: (binarized(images[part][0]), images[part][1]) for part in ("validation", "test")}
    return images


def stored(recipe):
    """Pictures and labels of the recipe's data set or folder."""
    from latentzoo import data, zoo

    size = {}
    if recipe["data"] not in data.DATASETS and "from" in recipe:
        height, _, channels = zoo.info(recipe["from"])["image_shape"]
        size = {"size": height, "channels": channels}
    if recipe["split"] == "train" and recipe["data"] not in data.DATASETS:
        expected = "split='fit', which leaves out every tenth picture"
        raise error("A folder has no test images of its own.", expected, "split='train'", "`--set split=fit`")
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
