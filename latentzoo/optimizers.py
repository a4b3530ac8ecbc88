"""One optimizer for each group of variables."""

import keras

from latentzoo import checks
from latentzoo.errors import error


@keras.saving.register_keras_serializable("latentzoo")
class GroupOptimizers(keras.optimizers.Optimizer):
    """One optimizer for each group of variables, in the place where Keras expects one optimizer.

    `learning_rate` is that of the first group that has one. Setting it, as `LearningRateScheduler` and
    `ReduceLROnPlateau` do, scales the rate of every group by the same ratio.

    Args:
        groups: dict of group name to `keras.optimizers.Optimizer`.
        name: str. Name of the optimizer.
    """

    def __init__(self, groups, name="groups"):
        super().__init__(learning_rate=0.0, name=name)
        self.groups = dict(groups)
        rates = self._rates()
        self._first = next((group for group, rate in rates.items() if rate), next(iter(rates)))
        self._ratios = {group: rate / (rates[self._first] or 1.0) for group, rate in rates.items()}

    def build(self, variables):
        # The members are built by the model, each with its own group's variables.
        super().build([])

    def _rates(self):
        # Not `float(...)`, which fails on the variables of replicas.
        return {g: float(keras.ops.convert_to_numpy(o.learning_rate)) for g, o in self.groups.items()}

    @property
    def learning_rate(self):
        return self.groups[self._first].learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        schedules = [
            group
            for group, optimizer in self.groups.items()
            if isinstance(optimizer._learning_rate, keras.optimizers.schedules.LearningRateSchedule)
        ]
        if schedules:
            raise error(
                "A learning rate that follows a schedule cannot be set.",
                "constant rates for all groups",
                f"a schedule for {schedules}",
                "Compile with numbers, or leave out the callback.",
                kind=TypeError,
            )
        rates = self._rates()
        if rates[self._first]:  # at 0, where a warm-up starts, only memory knows the ratios
            self._ratios = {group: rate / rates[self._first] for group, rate in rates.items()}
        for group, optimizer in self.groups.items():
            optimizer.learning_rate = float(value) * self._ratios[group]

    @property
    def iterations(self):
        return next(iter(self.groups.values())).iterations

    def finalize_variable_values(self, trainable_variables):
        for optimizer in self.groups.values():
            if optimizer.use_ema and optimizer.built:
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


def for_groups(optimizer, groups, family):
    """An optimizer for each group, from what `compile` was given.

    Args:
        optimizer: a Keras optimizer or its name, cloned for every group, or a dict with one for each.
        groups: dict of the name of each optimizer to its group.
        family: str, for the error.
    """
    if isinstance(optimizer, GroupOptimizers):
        optimizer = optimizer.groups
    if not isinstance(optimizer, dict):
        template = get(optimizer)
        checks.optimizers({"optimizer": template})
        return {name: clone(template, name=name) for name in groups}
    whole = {name: optimizer.get(name, optimizer.get(group)) for name, group in groups.items()}
    if None in whole.values() or not set(optimizer) <= set(groups):
        raise error(
            f"`optimizer` must have one entry for every group that {family} updates.",
            f"{list(groups)}",
            f"{list(optimizer)}",
        )
    members = {}
    for name, member in whole.items():
        member = get(member)
        # What an optimizer remembers belongs to the variables of one group, in one phase.
        members[name] = clone(member) if any(member is m for m in members.values()) else member
    checks.optimizers(members)
    return members


def get(optimizer):
    """An optimizer, from all that Keras takes for one."""
    try:
        return keras.optimizers.get(optimizer)
    except (TypeError, ValueError):
        expected = "a Keras optimizer, or the name of one, such as 'adam'"
        raise error("Unknown optimizer.", expected, f"optimizer={optimizer!r}"[:200]) from None


def clone(optimizer, **changes):
    """An optimizer of the same settings that remembers nothing."""
    return type(optimizer).from_config({**optimizer.get_config(), **changes})
