"""The mechanism: which loss teaches which network.

Every algorithm in the zoo is an ordered list of *updates*. In an update, every group of variables
(a sublayer of the model, by attribute name) descends its own weighted sum of named loss terms. The
list is a routing table, groups by terms; a missing entry is the dashed arrow of the papers' figures.

This file is the only one that trains. It holds one `train_step` and one `test_step` for all families.
"""

import contextlib
import functools
import re

import keras
import numpy as np
from keras import ops

if keras.config.backend() != "tensorflow":
    raise RuntimeError(
        "latentzoo trains and runs on Keras' TensorFlow backend. Expected: KERAS_BACKEND=tensorflow. "
        f"Received: KERAS_BACKEND={keras.config.backend()}. Set the environment variable before "
        "Keras is first imported, or edit ~/.keras/keras.json."
    )

import tensorflow as tf  # noqa: E402 (after the check, which has the better message)

serializable = keras.saving.register_keras_serializable("latentzoo")


class Update:
    """One simultaneous descent: each group of variables on its own objective.

    All gradients of an update are computed before any is applied. Groups with the same row share
    one backward pass.

    Args:
        terms: Callable `terms(x, training)` that returns `{name: tensor}`, each tensor of shape
            `(batch,)` (averaged over the batch, weighed by `sample_weight`) or `()`.
        monitors: Names that `terms` returns besides the routed ones: logged, never descended.
        **objectives: For each group, the attribute name of a sublayer, a dict `{term: weight}`. A
            term that a group does not list sends it no gradient. A weight is a number, or a
            `LearningRateSchedule` of the group's iterations (groups that share a row share the
            count of the first).

    Example: the encoder and decoder of a beta-VAE descend one objective.

    >>> from latentzoo.updates import Update
    >>> elbo = {"reconstruction": 1.0, "kl": 4.0}
    >>> update = Update(lambda x, training: {}, encoder=elbo, decoder=elbo)
    >>> update.rows(["encoder", "decoder"])
    [({'reconstruction': 1.0, 'kl': 4.0}, ['encoder', 'decoder'])]
    """

    def __init__(self, terms, *, monitors=(), **objectives):
        self.terms = terms
        self.monitors = tuple(monitors)
        self.objectives = objectives

    @property
    def names(self):
        """Routed terms, then monitors, each once, in order of appearance."""
        routed = [term for row in self.objectives.values() for term in row]
        return list(dict.fromkeys([*routed, *self.monitors]))

    def rows(self, groups):
        """The distinct objectives of `groups`, each with the groups that descend it."""
        rows = {}
        for group, row in self.objectives.items():
            if group in groups:
                rows.setdefault(frozenset(row.items()), (row, []))[1].append(group)
        return list(rows.values())


@serializable
class GroupOptimizers(keras.optimizers.Optimizer):
    """One optimizer for each group of variables, in the place where Keras expects one optimizer.

    `learning_rate` is the first group's. Setting it, as `LearningRateScheduler` and
    `ReduceLROnPlateau` do, scales the rate of every group by the same ratio.

    Args:
        groups: dict of group name to `keras.optimizers.Optimizer`.
        name: str. Name of the optimizer.
    """

    def __init__(self, groups, name="groups"):
        super().__init__(learning_rate=0.0, name=name)
        self.groups = dict(groups)

    def build(self, variables):
        # The members are built by the model, each with its own group's variables.
        super().build([])

    @property
    def learning_rate(self):
        return next(iter(self.groups.values())).learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        ratio = float(value) / max(float(self.learning_rate), 1e-30)
        for optimizer in self.groups.values():
            optimizer.learning_rate = float(optimizer.learning_rate) * ratio

    @property
    def iterations(self):
        return next(iter(self.groups.values())).iterations

    def finalize_variable_values(self, trainable_variables):
        for optimizer in self.groups.values():
            if optimizer.use_ema:
                optimizer.finalize_variable_values(optimizer._trainable_variables)

    def get_config(self):
        groups = {name: keras.optimizers.serialize(o) for name, o in self.groups.items()}
        return {"groups": groups, "name": self.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        groups = {
            name: keras.optimizers.deserialize(o, custom_objects) for name, o in config["groups"].items()
        }
        return cls(groups, config["name"])


class ReplicaSeedGenerator(keras.random.SeedGenerator):
    """Gives every replica noise of its own; replica 0 draws what a single device draws."""

    def next(self, ordered=True):
        seed = super().next(ordered)
        replica = tf.distribute.get_replica_context()
        if replica is None:
            return seed
        offset = tf.cast(replica.replica_id_in_sync_group, seed.dtype) * 1_000_003
        return seed + tf.stack([offset, tf.zeros((), seed.dtype)])


class Batch:
    """Counts and weights of one batch on one replica."""

    def __init__(self, x, sample_weight):
        size = ops.shape(keras.tree.flatten(x)[0])[0]
        self.static_size = None if tf.is_tensor(size) else size
        self.count = tf.cast(size, "float32")
        self.weight = None if sample_weight is None else tf.cast(sample_weight, "float32")
        replica = tf.distribute.get_replica_context()
        self.replicas = replica.num_replicas_in_sync
        # Optimizers sum gradients over replicas. A sum of terms over the global count is then the
        # global mean, and stays exact when replicas get unequal or empty shares of the last batch.
        self.total = replica.all_reduce("SUM", self.count) if self.replicas > 1 else self.count

    def sum(self, term):
        """This replica's part of a term: a sum over examples."""
        if len(term.shape) == 0:
            return term * self.count
        return tf.reduce_sum(term if self.weight is None else term * self.weight)


class Plan:
    """What `compile` settles for the steps; opaque to Keras, which locks built models."""

    def __init__(self, updates, groups):
        self.updates = updates
        self.groups = groups
        self.means = {
            name: keras.metrics.Mean(name=name)
            for name in dict.fromkeys(["loss", *(n for u in updates for n in u.names)])
        }
        self.apply = {}


def require(condition, message):
    """Raises `ValueError(message)` if `condition`, a boolean tensor, is false.

    Works inside compiled steps, where `fit` turns the failed assertion back into the `ValueError`.
    """
    with clear_errors():
        tf.debugging.Assert(condition, [f"[latentzoo]{message}[/latentzoo]"])


@contextlib.contextmanager
def clear_errors():
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        message = re.search(r"\[latentzoo\](.*?)\[/latentzoo\]", str(error), re.DOTALL)
        if message is None:
            raise
        raise ValueError(message[1]) from None


def clearly(method):
    """`method` of Keras, with the failed requirements of its compiled steps as `ValueError`s."""

    @functools.wraps(method)
    def clear(*args, **kwargs):
        with clear_errors():
            return method(*args, **kwargs)

    return clear


class UpdateModel(keras.Model):
    """A Keras model that is trained by the `Update`s it declares.

    Subclasses define

    - `__init__`: all sublayers, built there, so that optimizers can be restored from a file;
    - `updates()`: the routing table, a list of `Update`s, applied in this order to each batch;
    - the functions of terms that the table names;
    - `default_optimizers()`: what `compile()` without arguments uses.

    Three cuts, never confused: *who* learns is the table; *which path behind a tensor* is
    `keras.ops.stop_gradient`; *which application of a layer* is `frozen(layer, x)`.

    `fit` and `evaluate` take arrays or a `tf.data.Dataset` of `x`, `(x, y)` or
    `(x, y, sample_weight)`; `y` is ignored. Every term is logged unweighted under its own name, as
    the mean over the epoch; `loss` is the sum of the distinct rows. The terms are the objective:
    regularizers of layers and `add_loss` are ignored unless a term returns them.

    Under `tf.distribute.MirroredStrategy` gradients, batch norm statistics and clipping are those
    of the whole batch; terms of shape `()` are computed per replica and averaged by its share.
    """

    def updates(self):
        """Returns the routing table, a list of `Update`s."""
        raise NotImplementedError(f"{type(self).__name__} must define `updates()`.")

    def default_optimizers(self):
        """Returns an optimizer for all groups, or a dict with one for each."""
        return keras.optimizers.Adam(1e-3, epsilon=1e-8)

    # ------------------------------------------------------------------ compile

    def compile(
        self,
        optimizer=None,
        *,
        run_eagerly=False,
        steps_per_execution=1,
        jit_compile="auto",
        **refused,
    ):
        """Gives every group of variables an optimizer.

        Args:
            optimizer: `None` for the family's own; a Keras optimizer or its name, cloned for every
                group; or a dict with one for each group.
            run_eagerly: bool. Run steps without a graph, to debug.
            steps_per_execution: int. Batches per call; 1 under a strategy.
            jit_compile: `"auto"` compiles the optimizers alone on one CPU, the fastest way there
                for convolutions; `True` compiles the whole step, `False` nothing.

        Raises:
            ValueError: `loss`, `metrics` or their weights were given, a group is unknown or left
                out, a sublayer computes in float16, or a setting does not work under a strategy.
        """
        self._refuse_losses(refused)
        updates = self.updates()
        groups = list(dict.fromkeys(g for update in updates for g in update.objectives))
        check_terms_are_unique(updates, type(self).__name__)
        self._check_precision()
        replicas = self.distribute_strategy.num_replicas_in_sync
        with self.distribute_strategy.scope():
            optimizers = self._optimizers(optimizer, groups)
            if replicas > 1:
                check_replicas(optimizers, steps_per_execution, jit_compile)
                self._join_replicas()
            self._jit_compile_given = jit_compile
            super().compile(
                GroupOptimizers(optimizers),
                run_eagerly=run_eagerly,
                steps_per_execution=steps_per_execution,
                jit_compile=jit_compile,
            )
            self._plan = Plan(updates, [g for g in groups if self.variables_of(g)])

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))

    def _build_optimizers(self):
        """Allocates what optimizers remember, before the first step or a file that holds it.

        Not in `compile`, so that a loaded model that only samples does not pay for it.
        """
        if not self.compiled or self._plan.apply:
            return
        replicas = self.distribute_strategy.num_replicas_in_sync
        xla = replicas == 1 and self._jit_compile_given == "auto" and not self.run_eagerly
        with self.distribute_strategy.scope():
            for group in self._plan.groups:
                member, variables = self.optimizer.groups[group], self.variables_of(group)
                if not member.built:
                    member.build(variables)
                apply = bind_apply(member, variables)
                self._plan.apply[group] = tf.function(apply, jit_compile=True) if xla else apply

    def make_train_function(self, force=False):
        self._build_optimizers()
        return super().make_train_function(force)

    def _refuse_losses(self, refused):
        refused.pop("auto_scale_loss", None)
        allowed = {"loss", "loss_weights", "metrics", "weighted_metrics"}
        if unknown := sorted(set(refused) - allowed):
            raise TypeError(f"compile() got unexpected keyword arguments: {unknown}")
        if given := sorted(name for name, value in refused.items() if value is not None):
            raise ValueError(
                f"{type(self).__name__} is its own objective: its loss terms and who learns from "
                "them are the family. Expected: compile() or compile(optimizer). "
                f"Received: {', '.join(f'{name}={refused[name]!r}' for name in given)}. Leave it "
                "out; to measure something else during training, use a callback."
            )

    def _check_precision(self):
        for layer in self._flatten_layers():
            if layer.compute_dtype == "float16":
                raise ValueError(
                    "Training in float16 needs loss scaling for each group of variables, which "
                    "latentzoo does not do. Expected: dtype policy 'mixed_bfloat16' (no scaling "
                    f"needed) or 'float32'. Received: layer '{layer.name}' with policy "
                    f"'{layer.dtype_policy.name}'. Build the model with dtype='mixed_bfloat16'."
                )

    def _optimizers(self, optimizer, groups):
        if optimizer is None:
            optimizer = self.default_optimizers()
        if isinstance(optimizer, GroupOptimizers):
            optimizer = optimizer.groups
        if isinstance(optimizer, dict):
            if set(optimizer) != set(groups):
                raise ValueError(
                    f"`optimizer` must have one entry for every group that "
                    f"{type(self).__name__} updates. Expected: {groups}. "
                    f"Received: {list(optimizer)}."
                )
            return {g: keras.optimizers.get(optimizer[g]) for g in groups}
        template = keras.optimizers.get(optimizer)
        return {g: type(template).from_config({**template.get_config(), "name": g}) for g in groups}

    def _join_replicas(self):
        """Batch statistics of the whole batch, and noise of its own for every replica."""
        for layer in self._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True
        for generator in self._all_seed_generators():
            # Dropout makes its own generator, and Keras offers no way to pass one in.
            generator.__class__ = ReplicaSeedGenerator

    # ------------------------------------------------------------------ steps

    def prepare(self, x):
        """Turns a batch as it comes from the data into what the terms take."""
        return x

    def variables_of(self, group):
        """The variables that `group` may move: the trainable ones of that sublayer."""
        return getattr(self, group).trainable_variables

    def train_step(self, data):
        x, _, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        x, batch = self.prepare(x), Batch(x, sample_weight)
        loss = 0.0
        for update in self._plan.updates:  # a static list: no tf.cond, which replicas refuse
            loss += self._descend(update, x, batch)
        return self._log({"loss": loss}, batch)

    def test_step(self, data):
        x, _, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        x, batch = self.prepare(x), Batch(x, sample_weight)
        loss = 0.0
        for update in dict.fromkeys(self._plan.updates):
            sums = self._sums(update, x, batch, training=False)
            loss += sum(self._objective(*row, sums) for row in update.rows(self._plan.groups))
            self._log(sums, batch)
        return self._log({"loss": loss}, batch)

    def _descend(self, update, x, batch):
        rows = update.rows(self._plan.groups)
        if not rows:
            self._log(self._sums(update, x, batch, training=True), batch)
            return 0.0
        with tf.GradientTape(persistent=len(rows) > 1) as tape:
            sums = self._sums(update, x, batch, training=True)
            objectives = [self._objective(row, groups, sums) for row, groups in rows]
            means = [objective / batch.total for objective in objectives]
        gradients = {}
        for (row, groups), mean in zip(rows, means, strict=True):
            sources = {g: [v.value for v in self.variables_of(g)] for g in groups}
            for group, found in tape.gradient(mean, sources).items():
                check_gradients(found, group, row, update)
                gradients[group] = found
        for group, found in gradients.items():
            self._plan.apply[group](self._over_replicas(found, group, batch))
        self._log(sums, batch)
        return sum(objectives)

    def _sums(self, update, x, batch, training):
        terms = update.terms(x, training=training)
        check_terms(terms, update, batch)
        return {name: batch.sum(tf.cast(term, "float32")) for name, term in terms.items()}

    def _objective(self, row, groups, sums):
        step = self.optimizer.groups[groups[0]].iterations
        return sum((w(step) if callable(w) else w) * sums[term] for term, w in row.items())

    def _over_replicas(self, gradients, group, batch):
        if batch.replicas == 1:
            return gradients
        # An empty share of the last batch has no gradient, only 0/0.
        gradients = [None if g is None else tf.where(batch.count > 0, g, 0.0) for g in gradients]
        optimizer = self.optimizer.groups[group]
        if any((optimizer.clipnorm, optimizer.global_clipnorm, optimizer.clipvalue)):
            # Keras clips on each replica before it sums. Clip the sum instead; the shares are
            # smaller than the threshold, so that its own clipping then does nothing.
            present = [g for g in gradients if g is not None]
            present = tf.distribute.get_replica_context().all_reduce("SUM", present)
            clipped = iter(optimizer._clip_gradients(present))
            gradients = [None if g is None else next(clipped) / batch.replicas for g in gradients]
        return gradients

    def _log(self, sums, batch):
        for name, value in sums.items():
            mean = tf.math.divide_no_nan(value, batch.count)
            self._plan.means[name].update_state(mean, sample_weight=batch.count)
        return self.get_metrics_result()

    @property
    def metrics(self):
        return list(self._plan.means.values()) if self.compiled else []

    # ------------------------------------------------------------------ Keras' entry points

    fit = clearly(keras.Model.fit)
    evaluate = clearly(keras.Model.evaluate)
    predict = clearly(keras.Model.predict)
    train_on_batch = clearly(keras.Model.train_on_batch)
    test_on_batch = clearly(keras.Model.test_on_batch)
    predict_on_batch = clearly(keras.Model.predict_on_batch)

    # ------------------------------------------------------------------ parts and state

    def replace(self, **parts):
        """Puts other sublayers in the place of old ones.

        Nothing of the old part stays in the weights, the optimizers or the compiled functions. A
        compiled model is compiled again: the group of the new part starts with a fresh optimizer of
        the old one's settings, the other groups keep theirs.

        Args:
            **parts: the new layer for each attribute name.

        Returns:
            The model itself.
        """
        for name, part in parts.items():
            old = getattr(self, name, None)
            if not isinstance(old, keras.Layer) or not isinstance(part, keras.Layer):
                raise ValueError(
                    f"`replace` exchanges one part of {type(self).__name__} for another layer. "
                    f"Expected: one of {[n for n, v in vars(self).items() if v in self.layers]}. "
                    f"Received: {name}={part!r}."
                )
            # Keras' files are keyed by position, so the new part takes the old one's place.
            index = next(i for i, layer in enumerate(self._layers) if layer is old)
            self._tracker.unlock()
            try:
                del self._layers[index]
                super().__setattr__(name, part)
                if part in self._layers:
                    self._layers.remove(part)
                self._layers.insert(index, part)
            finally:
                self._tracker.lock()
        self.train_function = self.test_function = self.predict_function = None
        if self.compiled:
            members = dict(self.optimizer.groups)
            for name in set(parts) & set(members):
                members[name] = type(members[name]).from_config(members[name].get_config())
            self.compile(
                self._restrict(members),
                run_eagerly=self.run_eagerly,
                steps_per_execution=self.steps_per_execution,
                jit_compile=self._jit_compile_given,
            )
        return self

    def _restrict(self, members):
        return {g: members[g] for u in self.updates() for g in u.objectives}

    def __setattr__(self, name, value):
        old = self.__dict__.get(name)
        if isinstance(old, keras.Layer) and isinstance(value, keras.Layer) and value is not old:
            self.replace(**{name: value})
        else:
            super().__setattr__(name, value)

    def _all_seed_generators(self):
        return [g for layer in self._flatten_layers() for g in layer._seed_generators]

    # Keras calls these two for all its file formats, before it turns to the optimizer. It saves no
    # state of its seed generators, without which noise repeats after a restart.
    def save_own_variables(self, store):
        self._build_optimizers()
        super().save_own_variables(store)
        for i, generator in enumerate(self._all_seed_generators()):
            store[f"seed_{i}"] = ops.convert_to_numpy(generator.state)

    def load_own_variables(self, store):
        self._build_optimizers()
        seeds = {key: store[key] for key in store.keys() if key.startswith("seed_")}
        super().load_own_variables({k: store[k] for k in store.keys() if k not in seeds})
        for i, generator in enumerate(self._all_seed_generators()):
            if f"seed_{i}" in seeds:
                generator.state.assign(seeds[f"seed_{i}"])


def frozen(layer, x, training=False):
    """Applies `layer` with its weights held constant: the gradient reaches `x` alone.

    Args:
        layer: a built `keras.Layer`.
        x: its input.
        training: bool. Whether the layer runs in training mode; moving statistics do not move.

    Returns:
        What `layer(x)` returns.
    """
    weights = [ops.stop_gradient(v.value) for v in layer.trainable_variables]
    y, _ = layer.stateless_call(weights, layer.non_trainable_variables, x, training=training)
    return y


def infer(network, pieces):
    """Applies a network in inference mode to NumPy batches.

    Args:
        network: `keras.Layer`.
        pieces: iterable of NumPy arrays, at least one, all of one shape but for the last.

    Returns:
        NumPy float32, the results one after another.
    """
    function = vars(network).get("_infer")
    if function is None:
        function = tf.function(network, reduce_retracing=True)
        # Past Keras' tracking: it is no part of the model, and goes when the network goes.
        object.__setattr__(network, "_infer", function)
    with clear_errors():
        results = [np.asarray(function(piece, training=False), "float32") for piece in pieces]
    return results[0] if len(results) == 1 else np.concatenate(results)


def bind_apply(optimizer, variables):
    def apply(gradients):
        optimizer.apply(gradients, variables)

    return apply


def check_terms_are_unique(updates, family):
    owner = {}
    for update in dict.fromkeys(updates):
        for name in update.names:
            if name == "loss" or owner.setdefault(name, update.terms) != update.terms:
                raise ValueError(
                    f"Two updates of {family} return a term of one name, or one is called 'loss'. "
                    f"Expected: every term has a name of its own. Received: '{name}'."
                )


def check_terms(terms, update, batch):
    function = getattr(update.terms, "__qualname__", repr(update.terms))
    if set(terms) != set(update.names):
        missing = [n for n in update.names if n not in terms]
        undeclared = [n for n in terms if n not in update.names]
        raise ValueError(
            f"`{function}` must return exactly the terms that its `Update` routes or monitors. "
            f"Expected: {update.names}. Received: {list(terms)} (missing: {missing}, undeclared: "
            f"{undeclared}). Route the term, list it in `monitors`, or do not return it."
        )
    for name, term in terms.items():
        shape = tuple(ops.shape(term)) if len(term.shape) == 0 else tuple(term.shape)
        if len(shape) > 1 or (len(shape) == 1 and shape[0] != batch.static_size):
            raise ValueError(
                f"Term '{name}' of `{function}` has the wrong shape. Expected: "
                f"({batch.static_size or 'batch'},), one number for each example, or (). "
                f"Received: shape {shape}. Sum or average over the other axes."
            )


def check_gradients(gradients, group, row, update):
    if all(gradient is None for gradient in gradients):
        raise ValueError(
            f"No term of its row depends on the group '{group}'. Expected: a gradient from one of "
            f"{list(row)}. Received: none from `{update.terms.__qualname__}`. Remove the group from "
            "the `Update`, or look for a stop_gradient too many."
        )


def check_replicas(optimizers, steps_per_execution, jit_compile):
    if steps_per_execution != 1:
        raise ValueError(
            "Several steps per execution fail under a tf.distribute strategy in Keras. Expected: "
            f"steps_per_execution=1. Received: steps_per_execution={steps_per_execution}."
        )
    if jit_compile is True:
        raise ValueError(
            "XLA fails under a tf.distribute strategy in Keras. Expected: jit_compile='auto' or "
            "False. Received: jit_compile=True."
        )
    for group, optimizer in optimizers.items():
        if optimizer.gradient_accumulation_steps or optimizer.ema_overwrite_frequency:
            raise ValueError(
                "Gradient accumulation and overwriting by a moving average fail under a "
                "tf.distribute strategy in Keras. Expected: an optimizer without "
                f"gradient_accumulation_steps and ema_overwrite_frequency. Received: {group}="
                f"{type(optimizer).__name__} with gradient_accumulation_steps="
                f"{optimizer.gradient_accumulation_steps}, ema_overwrite_frequency="
                f"{optimizer.ema_overwrite_frequency}."
            )
