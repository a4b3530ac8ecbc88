"""Training runs that nothing stops for good.

Everything that a run is (weights, every optimizer, seeds, epoch, history, what callbacks count) stands in
one file that is swapped in one step after every epoch; the order of the data and its flips follow from
the seed and the epoch. A run that was killed at any moment and started again ends with the weights of
one that was not.
"""

import contextlib
import csv
import json
import math
import pathlib
import time

import keras
import tensorflow as tf
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from latentzoo import data, recipes
from latentzoo.files import replacing

STATE = "state.safetensors"


def seed(number):
    """Makes this process repeat itself: seeds everything and asks for deterministic operations."""
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(number)


def train(recipe, out, model, *, x, y=None, validation=None, verbose="auto", callbacks=()):
    """Runs a recipe, from where it stopped if it did.

    Args:
        recipe: dict, a row of a recipe table.
        out: folder of the run. `state.safetensors` holds the run, `history.csv` its terms by epoch.
        model: the compiled model, in its first state.
        x: uint8 images, `(n, height, width, channels)`.
        y: their labels, which only a classifier looks at, or `None`.
        validation: uint8 images to evaluate after each epoch, or `(images, labels)`, or `None`.
        verbose: as in `keras.Model.fit`.
        callbacks: more Keras callbacks; what they count is part of the state (the weights that
            `EarlyStopping(restore_best_weights=True)` keeps are not).

    Returns:
        The history, a list with one dict for each epoch.

    Raises:
        ValueError: the folder holds a run of another recipe, or on another number of images.
    """
    seed(recipe["seed"])
    for generator in model._all_seed_generators():  # which are seeded alike in all models
        generator.state.assign_add(keras.ops.cast([recipe["seed"], 0], generator.state.dtype))
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    run = Run(out, recipe, model, callbacks, len(x))
    run.restore()
    if run.epoch < recipe["epochs"] and not run.stopped:
        with naming_state(run):
            model.fit(
                batches(recipe, x, y, run.epoch, getattr(model, "indexed", False)),
                epochs=recipe["epochs"],
                initial_epoch=run.epoch,
                steps_per_epoch=math.ceil(len(x) / recipe["batch_size"]),
                shuffle=False,  # the data are shuffled already
                validation_data=validation,
                validation_batch_size=recipe["batch_size"],
                callbacks=[*schedule(recipe), *callbacks, run.callback()],  # the state comes last
                verbose=verbose,
            )
    return run.history


def batches(recipe, x, y, start, indexed=False):
    """The endless batches of a run from an epoch on."""
    size, seed = recipe["batch_size"], recipe["seed"]
    if x.dtype != "uint8":
        return data.rows(x, size, seed=seed, start=start)
    more = {key: recipe[key] for key in ("flip", "shift", "binarize") if key in recipe}
    return data.epochs(x, size, y=None if indexed else y, seed=seed, start=start, indexed=indexed, **more)


def fit_prior(recipe, out, model, x, *, verbose="auto", callbacks=()):
    """The second part of a run: fits the prior to the codes of the trained model, as `prior_fit` says.

    Args:
        recipe: dict; its `prior_fit` has what a run of its own has (`epochs`, `batch_size`, `optimizer`,
            `learning_rate_factors`) and is resumed like one, in `out / "prior"`; `settings` go to the prior's
            trainer. Without epochs `settings` go to `model.fit_prior`, which is done in one go.
        out: folder of the run.
        model: the trained model.
        x: uint8 images.
        verbose: as in `keras.Model.fit`.
        callbacks: as in `train`, of a part with epochs.

    Returns:
        The history, a list with one dict for each epoch; without epochs, one that tells its `seconds`.
    """
    part = {"seed": recipe["seed"], "learning_rate_factors": {}, **recipe["prior_fit"]}
    settings = part.pop("settings", {})
    seed(recipe["seed"])
    if "epochs" not in part:
        clock = time.monotonic()
        model.fit_prior(x, seed=recipe["seed"], verbose=verbose, **settings)
        return [{"seconds": time.monotonic() - clock}]
    codes = model.codes_for_prior(x, seed=recipe["seed"])  # of images, but where they are learned
    model.prior.trainable = True
    trainer = model.prior.trainer(**settings)
    codes = trainer.take(codes, part["batch_size"])
    steps = math.ceil(len(codes) / part["batch_size"])
    trainer.compile(recipes.optimizer(part["optimizer"]), steps_per_epoch=steps)
    # Codes are those of so many epochs, and after more of them the prior begins anew.
    part |= {"settings": settings, "first_stage_epochs": recipe.get("epochs")}
    discard_other(part, out / "prior", "first_stage_epochs")
    return train(part, out / "prior", trainer, x=codes, verbose=verbose, callbacks=callbacks)


def discard_other(recipe, out, key):
    """Deletes the state of a run whose recipe has another entry."""
    path = out / STATE
    if path.exists():
        with contextlib.suppress(SafetensorError):  # one that is damaged is told when it is to be restored
            with safe_open(path, "numpy") as file:
                then = json.loads(file.metadata()["run"])["recipe"]
            if then.get(key) != recipe[key]:
                path.unlink()


@contextlib.contextmanager
def naming_state(run):
    """Context in which the error of a divergence tells where the last good state is."""
    try:
        yield
    except FloatingPointError as error:
        kept = f"is of epoch {run.epoch}, in '{run.path}'" if run.epoch else "is none"
        raise FloatingPointError(f"{error} The last state of this run {kept}.") from None


def schedule(recipe):
    """The callback that steps the learning rate, if the recipe has steps: factors of the first rate."""
    factors = sorted((int(epoch), f) for epoch, f in recipe["learning_rate_factors"].items())
    rate = recipe["optimizer"]["learning_rate"]

    def at(epoch, _):
        return rate * [1.0, *(factor for start, factor in factors if epoch >= start)][-1]

    return [keras.callbacks.LearningRateScheduler(at)] if factors else []


class Run:
    """The state of a training run and its file."""

    def __init__(self, out, recipe, model, callbacks, examples):
        self.out, self.recipe, self.model, self.callbacks = out, recipe, model, callbacks
        self.examples = examples
        self.path = out / STATE
        self.history, self.counts, self.stopped = [], {}, False
        for leftover in out.glob(f".{self.path.name}.*"):  # of a process that was killed while writing
            leftover.unlink()

    @property
    def epoch(self):
        return len(self.history)

    def callback(self):
        clock = time.monotonic()

        def begin(logs):
            for callback in self.callbacks:  # after their own on_train_begin, which starts them afresh
                vars(callback).update(self.counts.get(type(callback).__name__, {}))

        def end(epoch, logs):
            nonlocal clock
            seconds, clock = time.monotonic() - clock, time.monotonic()
            self.history.append({"epoch": epoch + 1, **logs, "seconds": round(seconds, 1)})
            self.stopped = self.model.stop_training
            self.save()

        return keras.callbacks.LambdaCallback(on_train_begin=begin, on_epoch_end=end)

    def _variables(self):
        """Every variable of the run by a key that does not depend on names."""
        self.model.make_train_function()  # optimizers have nothing to restore before
        named = {f"model.{i}": v for i, v in enumerate(self.model.variables)}
        for group, optimizer in self.model.optimizer.groups.items():
            named |= {f"{group}.{i}": v for i, v in enumerate(optimizer.variables)}
        return named

    def save(self):
        arrays = {k: keras.ops.convert_to_numpy(v) for k, v in self._variables().items()}
        facts = {
            "recipe": self._settings(),
            "examples": self.examples,
            "history": self.history,
            "stopped": self.stopped,
            "callbacks": {type(c).__name__: counts(c) for c in self.callbacks},
        }
        with replacing(self.path) as temporary:
            save_file(arrays, temporary, {"run": json.dumps(facts)})
        write_history(self.history, self.out / "history.csv")

    def restore(self):
        if not self.path.exists():
            return
        try:
            with safe_open(self.path, "numpy") as file:
                facts = json.loads(file.metadata()["run"])
                self._check(facts["recipe"], facts.get("examples", self.examples))
                for key, variable in self._variables().items():
                    variable.assign(file.get_tensor(key))
        except SafetensorError as error:
            raise ValueError(
                f"The state of the run is damaged. Expected: '{self.path}' as it was written. "
                f"Received: {error}. Restore it, or delete it to start again."
            ) from None
        self.history, self.stopped = facts["history"], facts.get("stopped", False)
        self.counts = facts["callbacks"]
        write_history(self.history, self.out / "history.csv")

    def _check(self, then, examples):
        if examples != self.examples:
            raise ValueError(
                f"'{self.out}' holds a run on other data. Expected: {examples:,} images or codes, or an "
                f"empty folder. Received: {self.examples:,}. Choose another folder, or delete this one."
            )
        now = self._settings()
        keys = [key for key in {**now, **then} if key != "epochs"]
        changed = [key for key in keys if now.get(key) != then.get(key)]
        if changed:
            raise ValueError(
                f"'{self.out}' holds a run of another recipe. Expected: the same settings, or an empty "
                f"folder. Received: other values for {', '.join(changed)}. Choose another folder with "
                "--out, or delete this one."
            )

    def _settings(self):
        return json.loads(json.dumps(self.recipe))


# What EarlyStopping, ReduceLROnPlateau and ModelCheckpoint count. Their other numbers are settings.
COUNTS = ("best", "best_epoch", "cooldown_counter", "stopped_epoch", "wait")


def counts(callback):
    """How long a callback has waited, and for what."""
    found = {name: getattr(callback, name, None) for name in COUNTS}
    return {k: float(v) for k, v in found.items() if v is not None and math.isfinite(v)}


def write_history(history, path):
    """Writes one row for each epoch, in one step."""
    with replacing(path) as temporary, open(temporary, "w", newline="") as file:
        names = dict.fromkeys(name for epoch in history for name in epoch)  # some epochs have more to tell
        writer = csv.DictWriter(file, list(names) or ["epoch"])
        writer.writeheader()
        writer.writerows(history)
