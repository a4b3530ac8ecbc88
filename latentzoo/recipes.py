"""Recipes: what one training run needs, and running it so that nothing stops it for good.

A recipe is a row of a table in `training/<family>.py`. `train` runs one and keeps everything that a
run is (weights, every optimizer, seeds, epoch, history) in one file that is swapped in one step; the
order of the data and its flips follow from the seed and the epoch. A run that was killed at any moment
and started again ends with the weights of one that was not.
"""

import copy
import csv
import difflib
import importlib.util
import json
import math
import os
import pathlib
import time

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
            the entry it replaces.

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
        if not equals or not isinstance(entry, dict) or last not in entry:
            known = ", ".join(_paths(recipe))
            raise ValueError(
                f"A recipe has no such entry. Expected: KEY=VALUE with KEY one of {known}. "
                f"Received: '{assignment}'."
            )
        old = entry[last]
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


def build(recipe, image_shape):
    """The untrained, compiled model of a recipe."""
    import keras

    from latentzoo import models, priors

    arguments = dict(recipe["model"])
    if recipe.get("prior"):
        arguments["prior"] = priors.build(
            recipe["prior"]["name"],
            arguments["latent_dim"],
            **{k: v for k, v in recipe["prior"].items() if k != "name"},
        )
    model = getattr(models, recipe["family"])(image_shape, **arguments)
    model.compile(keras.optimizers.Adam(**recipe["optimizer"]))
    return model


def train(recipe, out, *, x, validation=None, model=None, verbose="auto", callbacks=()):
    """Runs a recipe, from where it stopped if it did.

    Args:
        recipe: dict, a row of a recipe table.
        out: folder of the run. `state.safetensors` holds the run, `history.csv` its terms by epoch.
        x: uint8 images, `(n, height, width, channels)`.
        validation: uint8 images to evaluate after each epoch, or `None`.
        model: a compiled model to go on training; built from the recipe if `None`.
        verbose: as in `keras.Model.fit`.
        callbacks: more Keras callbacks; their numbers are part of the state.

    Returns:
        `(model, history)`: the trained model and a list with one dict for each epoch.

    Raises:
        ValueError: the folder holds a run of another recipe.
    """
    import keras
    import tensorflow as tf

    from latentzoo import data

    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(recipe["seed"])
    model = model or build(recipe, x.shape[1:])
    run = Run(out, recipe, model, callbacks)
    run.restore()
    if run.epoch < recipe["epochs"]:
        factors = sorted(recipe["learning_rate_factors"].items())
        rate = recipe["optimizer"]["learning_rate"]

        def schedule(epoch, _):
            return rate * [1.0, *(f for at, f in factors if epoch >= at)][-1]

        model.fit(
            data.epochs(x, recipe["batch_size"], seed=recipe["seed"], start=run.epoch, flip=recipe["flip"]),
            epochs=recipe["epochs"],
            initial_epoch=run.epoch,
            steps_per_epoch=math.ceil(len(x) / recipe["batch_size"]),
            validation_data=validation,
            validation_batch_size=recipe["batch_size"],
            callbacks=[
                keras.callbacks.LearningRateScheduler(schedule),
                *callbacks,
                run.callback(),
            ],
            verbose=verbose,
        )
    return model, run.history


class Run:
    """The state of a training run and its file."""

    def __init__(self, out, recipe, model, callbacks):
        self.out, self.recipe, self.model, self.callbacks = out, recipe, model, callbacks
        self.path = out / "state.safetensors"
        self.history = []
        self.started = time.monotonic()

    @property
    def epoch(self):
        return len(self.history)

    def callback(self):
        import keras

        def end(epoch, logs):
            now = time.monotonic()
            self.history.append({"epoch": epoch + 1, **logs, "seconds": round(now - self.started, 1)})
            self.started = now
            self.save()

        return keras.callbacks.LambdaCallback(on_epoch_end=end)

    def _variables(self):
        """Every variable of the run by a key that does not depend on names."""
        self.model.make_train_function()  # optimizers have nothing to restore before
        named = {f"model.{i}": v for i, v in enumerate(self.model.variables)}
        for group, optimizer in self.model.optimizer.groups.items():
            named |= {f"{group}.{i}": v for i, v in enumerate(optimizer.variables)}
        return named

    def _notes(self):
        """The numbers that callbacks remember, by class: what EarlyStopping and its like wait for."""
        return {
            type(c).__name__: {
                k: float(v)
                for k, v in vars(c).items()
                if isinstance(v, (int, float)) and not isinstance(v, bool)
            }
            for c in self.callbacks
        }

    def save(self):
        import keras
        from safetensors.numpy import save_file

        arrays = {k: keras.ops.convert_to_numpy(v) for k, v in self._variables().items()}
        facts = {"recipe": self._settings(), "history": self.history, "callbacks": self._notes()}
        temporary = self.path.with_suffix(".tmp")
        save_file(arrays, temporary, {"run": json.dumps(facts)})
        os.replace(temporary, self.path)
        write_history(self.history, self.out / "history.csv")

    def restore(self):
        if not self.path.exists():
            return
        from safetensors import safe_open

        with safe_open(self.path, "numpy") as file:
            facts = json.loads(file.metadata()["run"])
            changed = [
                key
                for key, value in self._settings().items()
                if facts["recipe"].get(key) != value and key != "epochs"
            ]
            if changed:
                raise ValueError(
                    f"'{self.out}' holds a run of another recipe. Expected: the same settings, or an "
                    f"empty folder. Received: other values for {', '.join(changed)}. Choose another "
                    "folder with --out, or delete this one."
                )
            for key, variable in self._variables().items():
                variable.assign(file.get_tensor(key))
        self.history = facts["history"]
        for callback in self.callbacks:
            vars(callback).update(facts["callbacks"].get(type(callback).__name__, {}))
        write_history(self.history, self.out / "history.csv")

    def _settings(self):
        return json.loads(json.dumps(self.recipe))


def write_history(history, path):
    """Writes one row for each epoch, in one step."""
    temporary = path.with_suffix(".tmp")
    with open(temporary, "w", newline="") as file:
        writer = csv.DictWriter(file, list(history[0]) if history else ["epoch"])
        writer.writeheader()
        writer.writerows(history)
    os.replace(temporary, path)
