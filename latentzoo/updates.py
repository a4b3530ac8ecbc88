"""The mechanism: one `train_step` and one `test_step` for all families. No other file trains.

Every algorithm in the zoo is an ordered list of *updates*. In an update, every group of variables
(a sublayer of the model, by attribute name) descends its own weighted sum of named loss terms. The
list is a routing table, groups by terms; a missing entry is the dashed arrow of the papers' figures.
"""

import itertools

import keras
from keras import ops

from latentzoo import checks
from latentzoo.graphs import clearly, tf
from latentzoo.optimizers import GroupOptimizers, clone, for_groups
from latentzoo.parts import Parts
from latentzoo.replicas import Batch, join, summed
from latentzoo.routing import Plan, Update, after, frozen, owners

__all__ = ["Update", "UpdateModel", "after", "bind_apply", "frozen", "serializable"]

serializable = keras.saving.register_keras_serializable("latentzoo")


class UpdateModel(Parts, keras.Model):
    """A Keras model that is trained by the `Update`s it declares.

    Subclasses define

    - `__init__`: all sublayers, built there, so that optimizers can be restored from a file;
    - `updates()`: the routing table, a list of `Update`s, applied in this order to each batch;
    - the functions of terms that the table names;
    - `default_optimizers()`: what `compile()` without arguments uses.

    Three cuts, never confused: *who* learns is the table; *which path behind a tensor* is
    `keras.ops.stop_gradient`; *which application of a layer* is `frozen(layer, x)`.

    `fit` and `evaluate` take arrays or a `tf.data.Dataset` of `x`, `(x, y)` or `(x, y, sample_weight)`; `y`
    is ignored by all but classifiers. Every term is logged unweighted under its own name, as
    the mean over the epoch; `loss` is the sum of the distinct rows, an update that is repeated
    counted once. The terms are the objective: regularizers of layers and `add_loss` are ignored
    unless a term returns them. As in Keras, `trainable` is read when compiling.

    Training ends at the first term that is not finite, before it moves a weight, and at an epoch after which
    a weight or a mean, of the validation too, is not finite, before a callback sees it; as an error that
    names it.
    A subclass that has something to do between epochs defines `end_epoch()`, which runs before the callbacks
    look at the model; what only the terms need, such as the network of a loss, is got in `before_steps()`,
    and what training alone cannot do with is refused in `check_trainable()`.

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
                group; or a dict with one for each group. A phase of an update has optimizers of its own,
                called such as `encoder_regularization`: clones of their groups', unless the dict has them.
            run_eagerly: bool. Run steps without a graph, to debug.
            steps_per_execution: int. Batches per call; 1 under a strategy.
            jit_compile: `"auto"` compiles the optimizers alone on one CPU, the fastest way there
                for convolutions; `True` compiles the whole step, which then does not look for pixels
                out of range, nor for terms that are not finite before the epoch ends; `False` nothing.

        Raises:
            ValueError: `loss`, `metrics` or their weights were given, a group is unknown or left
                out, a sublayer computes in float16, or a setting does not work under a strategy.
        """
        family, updates = type(self).__name__, self.updates()
        refused.pop("auto_scale_loss", None)
        checks.losses(family, refused)
        checks.table(self, updates)
        checks.precision(self._flatten_layers())
        groups = owners(updates)
        with self.distribute_strategy.scope():
            given = self.default_optimizers() if optimizer is None else optimizer
            members = for_groups(given, groups, family)
            if self.distribute_strategy.num_replicas_in_sync > 1:
                checks.replicas(members, steps_per_execution, jit_compile)
                join(self._flatten_layers(), self._all_seed_generators())
            self._jit_compile_given = jit_compile
            super().compile(
                GroupOptimizers(members),
                run_eagerly=run_eagerly,
                steps_per_execution=steps_per_execution,
                jit_compile=jit_compile,
            )
            learning = {name for update in updates for _, names in update.rows(groups) for name in names}
            variables = {n: getattr(self, g).trainable_variables for n, g in groups.items() if n in learning}
            self._plan = Plan(updates, {name: found for name, found in variables.items() if found})

    def learns(self, group):
        """Whether `fit`, as the model is compiled, moves the group."""
        if not self.compiled:
            return False
        names = [name for name, owner in owners(self._plan.updates).items() if owner == group]
        return any(name in self._plan.variables for name in names)

    def get_compile_config(self):
        config = super().get_compile_config()
        return {**config, "jit_compile": self._jit_compile_given} if config else config

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))

    def _build_optimizers(self):
        """Allocates what optimizers remember, before the first step or a file that holds it.

        Not in `compile`, so that a loaded model that only samples does not pay for it.
        """
        if not self.compiled or self._plan.apply:
            return
        xla = self._jit_compile_given == "auto" and not self.run_eagerly
        with self.distribute_strategy.scope():
            xla = xla and not tf.distribute.has_strategy()  # not even one of one device
            for group, variables in self._plan.variables.items():
                member = self.optimizer.groups[group]
                if not member.built:
                    member.build(variables)
                apply = bind_apply(member, variables)
                self._plan.apply[group] = tf.function(apply, jit_compile=True) if xla else apply

    def make_train_function(self, force=False):
        self.check_trainable()
        with self.distribute_strategy.scope():
            self.before_steps()
        self._build_optimizers()
        return super().make_train_function(force)

    def make_test_function(self, force=False):
        with self.distribute_strategy.scope():
            self.before_steps()
        return super().make_test_function(force)

    def check_trainable(self):
        """Checks what training needs and nothing else does, before a step is compiled."""

    def before_steps(self):
        """Gets what the terms need and a model that only samples does not, before a step is compiled."""

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing: all parts are built, and Keras' trial run wants replicas to get equal shares."""

    # ------------------------------------------------------------------ steps

    def check_data(self, x):
        """Checks what `fit` and its like are given, before anything is compiled."""
        checks.examples(x)

    def prepare(self, x, y=None):
        """Turns a batch as it comes from the data into what the terms take; most have no use for labels."""
        return x

    def train_step(self, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        x = self.prepare(x, y)
        batch = Batch(x, sample_weight)
        loss = 0.0
        for i, update in enumerate(self._plan.updates):  # a static list: no tf.cond, which replicas refuse
            loss += self._descend(update, x, batch, later=i > 0) / self._plan.updates.count(update)
        return self._log({"loss": loss}, batch)

    def test_step(self, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        x = self.prepare(x, y)
        batch = Batch(x, sample_weight)
        loss = 0.0
        for update in dict.fromkeys(self._plan.updates):
            sums = self._sums(update, x, batch, training=False)
            loss += sum(self._objective(*row, sums) for row in update.rows(self._plan.variables))
            self._log(sums, batch)
        return self._log({"loss": loss}, batch)

    def _descend(self, update, x, batch, later):
        rows = update.rows(self._plan.variables)
        if not rows:
            self._log(self._sums(update, x, batch, training=True), batch)
            return 0.0
        with tf.GradientTape(persistent=len(rows) > 1) as tape:
            sums = self._sums(update, x, batch, training=True)
            objectives = [self._objective(row, groups, sums) for row, groups in rows]
            # Of an empty share of a batch, a scalar term is 0/0.
            finite = {n: tf.where(batch.count > 0, sums[n], 0.0) for row, _ in rows for n in row}
            means = [objective / batch.total for objective in objectives]
        gradients = {}
        for (row, groups), mean in zip(rows, means, strict=True):
            sources = {g: [v.value for v in self._plan.variables[g]] for g in groups}
            for group, found in tape.gradient(mean, sources).items():
                checks.gradients(found, group, row, update)
                # That of a lookup is IndexedSlices, which XLA takes slowly.
                gradients[group] = [None if g is None else tf.convert_to_tensor(g) for g in found]
        if not self.jit_compile:  # XLA has no strings to say it with
            step = self.optimizer.groups[rows[0][1][0]].iterations
            gradients = checks.finite(finite, step, gradients, later)
        for group, found in gradients.items():
            self._plan.apply[group](summed(found, self.optimizer.groups[group], batch))
        self._log(sums, batch)
        return sum(objectives)

    def _sums(self, update, x, batch, training):
        terms = checks.terms(update.terms(x, training=training), update, batch.static_size)
        return {name: batch.sum(tf.cast(term, "float32")) for name, term in terms.items()}

    def _objective(self, row, groups, sums):
        step = self.optimizer.groups[groups[0]].iterations
        return sum((w(step) if callable(w) else w) * sums[term] for term, w in row.items())

    def _log(self, sums, batch):
        for name, value in sums.items():
            mean = tf.math.divide_no_nan(value, batch.count)
            self._plan.means[name].update_state(mean, sample_weight=batch.count)
        return self.get_metrics_result()

    @property
    def metrics(self):
        return list(self._plan.means.values()) if self.compiled else []

    # ------------------------------------------------------------------ Keras' entry points

    def end_epoch(self):
        """What the family does between epochs."""

    def fit(self, *args, callbacks=None, **kwargs):
        def end(epoch, logs):
            checks.finite_epoch(epoch, logs)
            checks.finite_weights(epoch, itertools.chain(*self._plan.variables.values()))
            self.end_epoch()

        others = keras.tree.flatten(callbacks or [])
        first = keras.callbacks.LambdaCallback(on_epoch_end=end)  # before others, which may save the model
        with checks.naming_backup(others):
            return self._fit(*args, callbacks=[first, *others], **kwargs)

    _fit = clearly(keras.Model.fit)
    evaluate = clearly(keras.Model.evaluate)
    predict = clearly(keras.Model.predict)
    train_on_batch = clearly(keras.Model.train_on_batch)
    test_on_batch = clearly(keras.Model.test_on_batch)
    predict_on_batch = clearly(keras.Model.predict_on_batch)

    # ------------------------------------------------------------------ parts and state

    def replace(self, **parts):
        super().replace(**parts)
        if self.compiled:
            # The table may have another group now, such as a prior that learns.
            known, members = self.optimizer.groups, {}
            for name, group in owners(self.updates()).items():
                member = known.get(name, next(iter(known.values())))
                members[name] = member if name in known and group not in parts else clone(member)
            self.compile(
                members,
                run_eagerly=self.run_eagerly,
                steps_per_execution=self.steps_per_execution,
                jit_compile=self._jit_compile_given,
            )
        return self

    replace.__doc__ = Parts.replace.__doc__

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


def bind_apply(optimizer, variables):
    def apply(gradients):
        optimizer.apply(gradients, variables)

    return apply
