"""Measures that take batches, as `keras.metrics.Metric`s.

Their state is sums: replicas of a `tf.distribute` strategy keep their own and Keras adds them up, as a mean
or a merged covariance could not be. In float64, whatever the policy of the networks.
"""

import os

import keras
import numpy as np
from keras import ops

from latentzoo.errors import error
from latentzoo.graphs import require, tf
from latentzoo.metrics.frechet import frechet_distance
from latentzoo.metrics.moments import Moments
from latentzoo.updates import serializable


class Sums(keras.metrics.Metric):
    """A metric whose state adds up over batches and replicas. Abstract.

    To add one, create `(batch, width)` sums by `add_variable` in `__init__`, and define `add(x, weight)` for
    checked float64 rows and `value(*sums)` on NumPy arrays.
    """

    def __init__(self, width, name):
        super().__init__(dtype="float64", name=name)
        self.width = width

    def sum(self, shape, name):
        return self.add_variable(shape, "zeros", dtype="float64", aggregation="sum", name=name)

    def rows(self, x):
        """A batch as a float64 tensor `(batch, width)`."""
        x = ops.convert_to_tensor(x)
        dtype = keras.backend.standardize_dtype(x.dtype)
        if len(x.shape) != 2 or x.shape[1] not in (None, self.width) or "float" not in dtype:
            raise error(
                f"The batch does not fit `{type(self).__name__}`.",
                f"floats (batch, {self.width})",
                f"{dtype} {tuple(x.shape)}",
            )
        x = ops.cast(x, "float64")
        return require(ops.all(ops.isfinite(x)), NOT_FINITE, x)

    def result(self):
        # By the code of the functions, on the host: compiled loops can call it, too.
        sums = [ops.convert_to_tensor(v) for v in self.variables]
        return ops.reshape(tf.numpy_function(self.value, sums, "float64"), ())


@serializable
class FrechetDistance(Sums):
    """`frechet_distance` of batches of features to a reference, in constant memory.

    Sums are of `x - m`, with `m` the mean of the reference,

        sum 1,  sum (x - m),  sum (x - m)(x - m)^T

    from which mean and covariance follow. All replicas know `m`, so sums can be added; and it is near the
    mean of the samples, so that the difference of the second and third loses no digits to speak of: a
    mean that is off by k deviations costs a factor of k^2 of float64's 1e-16. Without any shift, k would be
    that of the features from zero.

    `result()` solves an eigenproblem (seconds for 2048 features): call it once, after the last batch,
    rather than at every step.

    Args:
        reference: `Moments` of the real features, floats `(n, width)`, or the path of a file from
            `Moments.save`. A path stays a path in `get_config`; else the numbers are in there.
        name: str.

    Call `update_state(features, sample_weight=None)` with floats `(batch, width)` and, where padding is
    among them, weights `(batch,)`: how often each sample counts.

    Returns:
        `result()`: float64 `()`; NaN for fewer than two samples.

    Raises:
        ValueError: features of another width, not floats, or not finite.

    Example:

    >>> import numpy as np
    >>> from latentzoo.metrics import FrechetDistance, frechet_distance
    >>> x, y = np.random.default_rng(0).normal(size=(2, 100, 4))
    >>> distance = FrechetDistance(y)
    >>> for batch in np.split(x, 5):
    ...     distance.update_state(batch)
    >>> bool(np.isclose(distance.result(), frechet_distance(x, y)))
    True
    """

    def __init__(self, reference, name="frechet_distance"):
        self._path = os.fspath(reference) if isinstance(reference, (str, os.PathLike)) else None
        if self._path is not None:
            reference = Moments.load(self._path)
        elif isinstance(reference, dict):
            reference = Moments.known(**reference)
        elif not isinstance(reference, Moments):
            reference = Moments.of(reference)
        if reference.count < 2:
            raise error("There are too few samples.", "2 or more", f"reference={reference}")
        super().__init__(reference.width, name)
        self.reference = reference
        self.samples = self.sum((), "samples")
        self.total = self.sum((self.width,), "total")
        self.products = self.sum((self.width, self.width), "products")

    def update_state(self, features, sample_weight=None):
        x = self.rows(features) - self.reference.mean
        weight = ops.ones_like(x[:, 0]) if sample_weight is None else ops.cast(sample_weight, "float64")
        weighted = x * weight[:, None]
        self.samples.assign_add(ops.sum(weight))
        self.total.assign_add(ops.sum(weighted, axis=0))
        self.products.assign_add(ops.matmul(ops.transpose(x), weighted))

    def value(self, count, total, products):
        if count < 2:
            return np.float64("nan")
        shift = total / count
        covariance = (products - count * np.outer(shift, shift)) / (count - 1)
        # Of a feature that does not vary, rounding may leave less than nothing.
        np.fill_diagonal(covariance, np.maximum(np.diagonal(covariance), 0))
        mean = self.reference.mean + shift
        generated = Moments.known(mean, covariance, int(np.rint(count)))
        return np.float64(frechet_distance(generated, self.reference))

    def get_config(self):
        known = self.reference
        numbers = {"mean": known.mean.tolist(), "covariance": known.covariance.tolist(), "count": known.count}
        return {"reference": self._path or numbers, "name": self.name}


@serializable
class InceptionScore(Sums):
    """`inception_score` of batches of probabilities, in constant memory: its mean over splits.

    Sample i goes to split `i mod splits`, since in a stream nobody knows where a tenth ends; under a
    strategy each replica deals its own. For each split, the sums are of 1, of `p` and of `sum_y p log p`.

    Args:
        classes: int. Inception has 1008.
        splits: int.
        name: str.

    Call `update_state(probabilities, sample_weight=None)` with rows `(batch, classes)` that sum to 1, and
    weights `(batch,)` of 0 for padding.

    Returns:
        `result()`: float64 `()`; NaN while a split is empty.

    Raises:
        ValueError: rows are not probabilities, or of another width.

    Example:

    >>> import numpy as np
    >>> from latentzoo.metrics import InceptionScore
    >>> score = InceptionScore(classes=5, splits=2)
    >>> score.update_state(np.eye(5)[np.arange(100) % 5])
    >>> round(float(score.result()), 6)
    5.0
    """

    def __init__(self, classes=1008, splits=10, name="inception_score"):
        super().__init__(classes, name)
        self.classes = classes
        self.splits = splits
        self.seen = self.sum((), "seen")
        self.counts = self.sum((splits,), "counts")
        self.marginals = self.sum((splits, classes), "marginals")
        self.negentropies = self.sum((splits,), "negentropies")

    def update_state(self, probabilities, sample_weight=None):
        p = self.rows(probabilities)
        sums = ops.sum(p, axis=1)
        p = require(ops.all(ops.logical_and(ops.min(p) >= 0, ops.abs(sums - 1) < 1e-2)), NOT_SHARES, p)
        places = ops.cast(self.seen, "int64") + ops.arange(ops.shape(p)[0], dtype="int64")
        dealt = ops.one_hot(places % self.splits, self.splits, dtype="float64")
        if sample_weight is not None:
            dealt = dealt * ops.cast(sample_weight, "float64")[:, None]
        logs = ops.log(ops.where(p > 0, p, 1.0))
        self.seen.assign_add(ops.cast(ops.shape(p)[0], "float64"))
        self.counts.assign_add(ops.sum(dealt, axis=0))
        self.marginals.assign_add(ops.matmul(ops.transpose(dealt), p))
        self.negentropies.assign_add(ops.matmul(ops.sum(p * logs, axis=1), dealt))

    def value(self, seen, counts, marginals, negentropies):
        if not counts.all():
            return np.float64("nan")
        p = marginals / counts[:, None]
        entropies = -(p * np.log(np.where(p > 0, p, 1))).sum(axis=1)
        return np.exp(negentropies / counts + entropies).mean()

    def get_config(self):
        return {"classes": self.classes, "splits": self.splits, "name": self.name}


NOT_FINITE = str(
    error(
        "Features are NaN or infinite.",
        "finite floats",
        "others",
        "Look at the images, and at the network's range in float16.",
    )
)
NOT_SHARES = str(
    error(
        "These are not probabilities of classes.",
        "floats >= 0 whose rows sum to 1",
        "others",
        "Take the softmax of logits first.",
    )
)
