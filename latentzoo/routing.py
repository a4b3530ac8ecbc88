"""What a paper says of its training: which terms teach which networks, and which they only pass."""

import keras
from keras import ops


class Update:
    """One simultaneous descent: each group of variables on its own objective.

    All gradients of an update are computed before any is applied. Groups with the same row share
    one backward pass.

    Args:
        terms: Callable `terms(x, training)` that returns `{name: tensor}`, each tensor of shape
            `(batch,)` (averaged over the batch, weighed by `sample_weight`) or `()`.
        monitors: Names that `terms` returns besides the routed ones: logged, never descended.
        phase: Name of a phase, or `None`. Groups of an update with a phase have optimizers of their own for
            it, such as `encoder_regularization`, which remember no gradients of other updates.
        **objectives: For each group, the attribute name of a sublayer, a dict `{term: weight}`. A
            term that a group does not list sends it no gradient; a group with an empty dict learns
            nothing here. A weight is a number, or a `LearningRateSchedule` of the group's
            iterations (groups that share a row share the count of the first).

    Example: the encoder and decoder of a beta-VAE descend one objective.

    >>> from latentzoo.updates import Update
    >>> elbo = {"reconstruction": 1.0, "kl": 4.0}
    >>> update = Update(lambda x, training: {}, encoder=elbo, decoder=elbo)
    >>> update.rows(["encoder", "decoder"])
    [({'reconstruction': 1.0, 'kl': 4.0}, ['encoder', 'decoder'])]
    """

    def __init__(self, terms, *, monitors=(), phase=None, **objectives):
        self.terms = terms
        self.monitors = tuple(monitors)
        self.phase = phase
        self.objectives = objectives

    @property
    def names(self):
        """Routed terms, then monitors, each once, in order of appearance."""
        routed = [term for row in self.objectives.values() for term in row]
        return list(dict.fromkeys([*routed, *self.monitors]))

    def optimizer(self, group):
        """Name of the optimizer of a group in this update: that of the group, unless there is a phase."""
        return f"{group}_{self.phase}" if self.phase else group

    def rows(self, optimizers):
        """The distinct objectives, each with those of `optimizers` that descend it."""
        rows = {}
        for group, row in self.objectives.items():
            if row and (name := self.optimizer(group)) in optimizers:
                rows.setdefault(frozenset(row.items()), (row, []))[1].append(name)
        return list(rows.values())


def owners(updates):
    """The optimizers of a routing table, `{name: group}`, in order of appearance."""
    return {update.optimizer(group): group for update in updates for group in update.objectives}


class Plan:
    """What `compile` settles for the steps; opaque to Keras, which locks built models."""

    def __init__(self, updates, variables):
        self.updates = updates
        self.variables = variables  # of each optimizer of a group that learns
        self.means = {
            name: keras.metrics.Mean(name=name)
            for name in dict.fromkeys(["loss", *(n for u in updates for n in u.names)])
        }
        self.apply = {}


def after(steps, first, then):
    """A weight of a row that changes after so many steps.

    Args:
        steps: int. Steps of the group that it is `first`; at 0 it is `then` from the start.
        first, then: float.

    Example: a weight that is off for three steps.

    >>> from latentzoo.updates import after
    >>> [float(after(3, 0.0, 0.5)(step)) for step in range(5)]
    [0.0, 0.0, 0.0, 0.5, 0.5]
    """
    if not steps:
        return then
    return keras.optimizers.schedules.PiecewiseConstantDecay([steps - 1], [first, then])


def frozen(layer, x, training=False):
    """Applies `layer` with its weights held constant: the gradient reaches `x` alone.

    Args:
        layer: a built `keras.Layer`.
        x: its input.
        training: bool. Whether the layer runs in training mode; moving statistics do not move,
            and noise is that of the layer's next ordinary application.

    Returns:
        What `layer(x)` returns.
    """
    weights = [ops.stop_gradient(v.value) for v in layer.trainable_variables]
    y, _ = layer.stateless_call(weights, layer.non_trainable_variables, x, training=training)
    return y
