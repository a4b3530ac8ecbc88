"""Precision and recall of a generator, as a curve over clusters of features."""

from typing import NamedTuple

import numpy as np

from latentzoo.errors import error, whole
from latentzoo.metrics.arrays import pair


class PrecisionRecall(NamedTuple):
    """Two summaries and the curve behind them, all in [0, 1].

    Attributes:
        f8: largest F-score with recall counted eight times: stands for recall.
        f1_8: largest F-score with precision counted eight times: stands for precision.
        precision, recall: `(angles,)`, the curve.
    """

    f8: float
    f1_8: float
    precision: np.ndarray
    recall: np.ndarray


def precision_recall(generated, real, *, clusters=20, angles=1001, runs=10, seed=0):
    """Precision and recall for distributions (PRD).

    The union of both sets is clustered; `p` and `q` are the shares of the clusters among generated and
    real samples. For angles `a` between 0 and pi/2,

        precision(a) = sum_k min(tan(a) q_k, p_k),  recall(a) = precision(a) / tan(a)

    averaged over several clusterings, and `F_b = (1 + b^2) precision recall / (b^2 precision + recall)` at
    its largest. Sajjadi et al., 2018, arXiv:1806.00035; clusters by scikit-learn's `MiniBatchKMeans` with
    ten starts, as in the authors' code (and with today's batches of 1024, which were of 100 then).

    Args:
        generated: floats `(n, width)`.
        real: floats of the same shape: sets of different sizes would pull the clusters to the larger.
        clusters: int.
        angles: int, points of the curve.
        runs: int, clusterings.
        seed: int, of the clusterings.

    Returns:
        `PrecisionRecall(f8, f1_8, precision, recall)`.

    Raises:
        ValueError: features are not finite floats `(n, width)`, of different shapes, or fewer than clusters.

    Warns:
        ConstantFeatures: all samples of a set are the same.

    Example:

    >>> import numpy as np
    >>> from latentzoo.metrics import precision_recall
    >>> real = np.random.default_rng(0).normal(size=(200, 1)) + [[0], [100]] * 100
    >>> generated = np.random.default_rng(1).normal(size=(200, 1))  # one of the two modes
    >>> found = precision_recall(generated, real, clusters=2, runs=1)
    >>> round(found.f8, 2), round(found.f1_8, 2)  # half of the real ones are found, and nothing false
    (0.5, 0.98)
    """
    generated, real = pair(generated, real)
    for name, value, least in (("clusters", clusters, 1), ("angles", angles, 3), ("runs", runs, 1)):
        whole(name, value, least=least)
    if len(generated) != len(real):
        raise error(
            "The sets have different sizes, which biases the clusters.",
            "as many generated as real samples",
            f"{len(generated)} generated, {len(real)} real",
            f"Take {min(len(generated), len(real))} of each.",
        )
    if 2 * len(real) < clusters:
        raise error(
            "There are too few samples.", f"{clusters} or more in both sets, one for each cluster",
            f"{len(generated)} generated, {len(real)} real",
        )  # fmt: skip
    whole("seed", seed, least=0)
    rng = np.random.default_rng(seed)
    union = np.concatenate([generated, real]).astype("float64", copy=False)
    curves = [
        curve(*shares(union, len(generated), clusters, int(rng.integers(2**31))), angles) for _ in range(runs)
    ]
    precision, recall = np.mean(curves, axis=0).clip(0, 1)
    return PrecisionRecall(best(precision, recall, 8), best(precision, recall, 1 / 8), precision, recall)


def shares(union, n, clusters, seed):
    """How the first `n` rows and the others are spread over clusters."""
    from sklearn.cluster import MiniBatchKMeans  # takes a second to import

    found = MiniBatchKMeans(n_clusters=clusters, n_init=10, random_state=seed).fit(union).labels_
    counts = [np.bincount(part, minlength=clusters) for part in (found[:n], found[n:])]
    return [count / count.sum() for count in counts]


def curve(p, q, angles):
    """Precision and recall of shares `p` of generated against `q` of real samples, `(angles,)` each."""
    slopes = np.tan(np.linspace(1e-10, np.pi / 2 - 1e-10, angles))
    precision = np.minimum(slopes[:, None] * q, p).sum(axis=1)
    return precision, precision / slopes


def best(precision, recall, b):
    return float(((1 + b**2) * precision * recall / (b**2 * precision + recall + 1e-10)).max())
