"""Parts of a model: what fits as one, and how one is exchanged after the model was built."""

import re

import keras

from latentzoo.errors import error


class Parts:
    """Mixin for a `keras.Model`, listed before it, whose sublayers can be replaced."""

    def replace(self, **parts):
        """Puts other sublayers in the place of old ones.

        Nothing of the old part stays in the weights, the optimizers or the compiled functions. A
        compiled model is compiled again: the group of the new part starts with a fresh optimizer of
        the old one's settings, one that did not learn before with the first group's, the other groups keep
        theirs. Assigning to the attribute does the same.

        Args:
            **parts: the new layer for each attribute name.

        Returns:
            The model itself.

        Raises:
            ValueError: there is no such part, or the new one is not a layer. No part was replaced.
        """
        layers = {name: value for name, value in vars(self).items() if isinstance(value, keras.Layer)}
        for name, part in parts.items():
            if name not in layers or not isinstance(part, keras.Layer):
                raise error(
                    f"A part of {type(self).__name__} is exchanged for another layer.",
                    f"a `keras.Layer` for one of {list(layers)}",
                    f"{name}={part!r}",
                )
        for name, part in parts.items():
            self._exchange(name, layers[name], part)
        self.train_function = self.test_function = self.predict_function = None
        vars(self).pop("_infer", None)  # what `latentzoo.graphs.infer` compiled
        return self

    def _exchange(self, name, old, new):
        """Puts `new` at the index of `old`: Keras' files are keyed by position."""
        index = next(i for i, layer in enumerate(self._layers) if layer is old)
        locked = self._tracker.locked
        self._tracker.unlock()
        try:
            self._tracker.untrack(old)
            super().__setattr__(name, new)
            self._layers.remove(new)
            self._layers.insert(index, new)
        finally:
            self._tracker.locked = locked

    def __setattr__(self, name, value):
        old = self.__dict__.get(name)
        if isinstance(old, keras.Layer) and value is not old:
            self.replace(**{name: value})
        else:
            super().__setattr__(name, value)


def check_model(name, network):
    """Checks that a network is a Keras model."""
    if not isinstance(network, keras.Model):
        raise error("A network is a Keras model.", f"`{name}` is a `keras.Model`", f"{name}={network!r}")


def check_network(name, network, given, wanted):
    """Builds a network if need be and checks its shapes.

    Args:
        name: str, for the error.
        network: `keras.Model`.
        given: tuple. The shape of a batch that it takes, `None` first.
        wanted: tuple. The shape that it is to give.
    """
    inputs = getattr(network, "inputs", None) if network.built else None
    taken = tuple(inputs[0].shape) if inputs else given
    if len(taken) == len(given) and any(t not in (None, g) for t, g in zip(taken, given, strict=True)):
        received = f"a network that takes {taken}"  # Keras would let one channel pass for three
    else:
        try:
            found = tuple(network(keras.KerasTensor(given)).shape)
        except Exception as reason:  # whatever a user's network raises is the answer to the question
            found = said(reason)
        if found == wanted:
            return
        received = f"a network that gives {found}"
    raise error(f"The {name} does not fit.", f"shape {given} to {wanted}", received)


def said(reason):
    """An exception of a network in one line: its cause, without where and with what it was called."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(reason)).split("\n\nArguments received by ")[0]
    text = re.sub(r"^(Exception encountered when calling .*\n+)+", "", text)
    return f"{type(reason).__name__}: {' '.join(text.split()).rstrip('.')}"
