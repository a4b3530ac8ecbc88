"""What can be wrong with a routing table, its terms, optimizers and parts, and how to say so."""

import contextlib
import pathlib

import keras
import numpy as np
from keras import ops

from latentzoo.errors import error
from latentzoo.graphs import require


def losses(family, arguments):
    """A family is its loss: `compile` takes none."""
    if unknown := sorted(set(arguments) - {"loss", "loss_weights", "metrics", "weighted_metrics"}):
        raise TypeError(f"compile() got unexpected keyword arguments: {unknown}")
    if given := {name: value for name, value in arguments.items() if value is not None}:
        raise error(
            f"{family} is its own objective: its loss terms and who learns from them are the family.",
            "compile() or compile(optimizer)",
            ", ".join(f"{name}={value!r}" for name, value in given.items()),
            "Leave it out; to measure something else during training, use a callback.",
        )


def table(model, updates):
    """Groups are built sublayers, at least one, and every term has a name of its own."""
    family = type(model).__name__
    layers = [name for name, value in vars(model).items() if isinstance(value, keras.Layer)]
    if not any(update.objectives for update in updates):
        raise error(f"{family} teaches nothing.", "at least one group in its updates", "none")
    owner = {}
    for update in updates:
        for group in update.objectives:
            if group not in layers:
                raise error(
                    f"{family} updates a group that it does not have.",
                    f"one of its sublayers, {layers}",
                    f"'{group}'",
                )
            if not getattr(model, group).built:
                raise error(
                    f"The group '{group}' of {family} has no variables yet, and would not learn.",
                    "sublayers that are built in `__init__`",
                    f"{getattr(model, group)!r}",
                    "Call its `build`, or start it with a `keras.layers.Input`.",
                )
        for name in update.names:
            if name == "loss" or owner.setdefault(name, update.terms) != update.terms:
                raise error(
                    f"Two updates of {family} return a term of one name, or one is called 'loss'.",
                    "every term has a name of its own",
                    f"'{name}'",
                )


def precision(layers):
    for layer in layers:
        if layer.compute_dtype == "float16":
            raise error(
                "Training in float16 needs loss scaling for each group of variables, which latentzoo "
                "does not do.",
                "dtype policy 'mixed_bfloat16' (no scaling needed) or 'float32'",
                f"layer '{layer.name}' with policy '{layer.dtype_policy.name}'",
                "Build the model with dtype='mixed_bfloat16'.",
            )


def optimizers(groups):
    for group, optimizer in groups.items():
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer) or optimizer.loss_scale_factor:
            raise error(
                "Loss scaling is for float16, in which latentzoo does not train.",
                "an optimizer without it",
                f"{group}={type(optimizer).__name__} with loss_scale_factor={optimizer.loss_scale_factor}",
            )


def replicas(groups, steps_per_execution, jit_compile):
    """What fails in Keras under a `tf.distribute` strategy."""
    where = "under a tf.distribute strategy in Keras."
    if steps_per_execution != 1:
        raise error(
            f"Several steps per execution fail {where}",
            "steps_per_execution=1",
            f"steps_per_execution={steps_per_execution}",
        )
    if jit_compile is True:
        raise error(f"XLA fails {where}", "jit_compile='auto' or False", "jit_compile=True")
    for group, optimizer in groups.items():
        if optimizer.gradient_accumulation_steps or optimizer.ema_overwrite_frequency:
            raise error(
                f"Gradient accumulation and overwriting by a moving average fail {where}",
                "an optimizer without gradient_accumulation_steps and ema_overwrite_frequency",
                f"{group}={type(optimizer).__name__} with gradient_accumulation_steps="
                f"{optimizer.gradient_accumulation_steps}, ema_overwrite_frequency="
                f"{optimizer.ema_overwrite_frequency}",
            )


def examples(x):
    """There are some."""
    if x is None:
        raise error("There are no examples.", "an array or a `tf.data.Dataset`", "None")
    shape = getattr(x, "shape", None)
    empty = shape is not None and len(shape) > 0 and shape[0] == 0
    if empty or (hasattr(x, "cardinality") and int(x.cardinality()) == 0):
        raise error(
            "There are no examples.", "1 or more", "an empty dataset" if shape is None else f"shape {shape}"
        )


def sample_weight(weight):
    """The weights of a batch as a tensor, `(batch,)` and 0 or more; `None` stays."""
    if weight is None:
        return None
    if len(weight.shape) != 1:
        raise error(
            "`sample_weight` has one number for each example.",
            "shape (batch,)",
            f"shape {tuple(weight.shape)}",
        )
    weight = ops.cast(weight, "float32")
    fits = ops.all(ops.logical_and(weight >= 0, ops.isfinite(weight)))
    message = "Bad `sample_weight`. Expected: finite numbers of 0 or more. Received: some that are not."
    return require(fits, message, weight)


def terms(found, update, size):
    """Terms are the declared ones, each `(batch,)` or `()`.

    Args:
        found: what the function of terms returned.
        update: the `Update` that called it.
        size: number of examples, or `None` where it is not known before.

    Returns:
        The terms, as tensors.
    """
    function = getattr(update.terms, "__qualname__", repr(update.terms))
    if not isinstance(found, dict) or set(found) != set(update.names):
        found = dict.fromkeys(found) if isinstance(found, dict) else {}
        missing = [name for name in update.names if name not in found]
        undeclared = [name for name in found if name not in update.names]
        raise error(
            f"`{function}` must return exactly the terms that its `Update` routes or monitors.",
            f"{update.names}",
            f"{list(found)} (missing: {missing}, undeclared: {undeclared})",
            "Route the term, list it in `monitors`, or do not return it.",
        )
    found = {name: ops.convert_to_tensor(term) for name, term in found.items()}
    for name, term in found.items():
        # A length that is not known before the step runs is not wrong.
        if term.shape.rank not in (0, 1) or (term.shape.rank == 1 and term.shape[0] not in (None, size)):
            raise error(
                f"Term '{name}' of `{function}` has the wrong shape.",
                f"({size or 'batch'},), one number for each example, or ()",
                f"shape {'unknown' if term.shape.rank is None else tuple(term.shape)}",
                "Sum or average over the other axes.",
            )
    return found


def finite(sums, step, gradients, later):
    """The gradients, which wait until every term of a batch was seen to be finite.

    Args:
        sums: dict of term to its sum over the batch, `()`.
        step: the number of updates so far, `()`.
        gradients: whatever the terms would move.
        later: bool. Whether others of the same batch have moved weights before this update.
    """
    moved = " (those before it, of the same batch, did)" if later else ""
    for name, value in sums.items():
        message = [
            f"Training diverged: term '{name}' is not finite. Expected: a finite number. Received: NaN or "
            "infinity at update ",
            step,
            f", counted from 0. This update moved no weights{moved}, but batch norm has counted its batch. "
            "Lower the learning rate, and go on from an earlier state.",
        ]
        gradients = require(ops.isfinite(value), message, gradients, kind=FloatingPointError)
    return gradients


def finite_epoch(epoch, logs):
    """The means of an epoch are finite: what its last step did shows in those of the validation alone."""
    for name, value in (logs or {}).items():
        if not np.isfinite(value):
            raise error(
                f"Training diverged: the mean of '{name}' over epoch {epoch + 1} is not finite.",
                "a finite number",
                f"{value}",
                "The weights are those after it. Lower the learning rate, and go on from an earlier state.",
                kind=FloatingPointError,
            )


def finite_weights(epoch, variables):
    """The weights after an epoch are finite, which terms may not tell: a ReLU makes 0 of NaN."""
    for variable in variables:
        if not ops.all(ops.isfinite(variable.value)):
            raise error(
                f"Training diverged: after epoch {epoch + 1} '{variable.path}' is not finite.",
                "finite numbers",
                "NaN or infinity",
                "Lower the learning rate, and go on from an earlier state.",
                kind=FloatingPointError,
            )


@contextlib.contextmanager
def naming_backup(callbacks):
    """Context in which the error of a divergence tells of the backups that Keras has made."""
    try:
        yield
    except FloatingPointError as reason:
        kind = keras.callbacks.BackupAndRestore
        folders = [pathlib.Path(c.backup_dir) for c in callbacks if isinstance(c, kind)]
        told = [f" There is {'a' if any(f.glob('*')) else 'no'} backup in '{f}'." for f in folders]
        raise FloatingPointError(f"{reason}{''.join(told)}") from None


def gradients(found, group, row, update):
    if all(gradient is None for gradient in found):
        raise error(
            f"No term of its row depends on the group '{group}'.",
            f"a gradient from one of {list(row)}",
            f"none from `{getattr(update.terms, '__qualname__', repr(update.terms))}`",
            "Remove the group from the `Update`, or look for a stop_gradient too many.",
        )
