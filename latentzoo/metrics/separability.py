"""Whether attributes of images are half-spaces of codes."""

from typing import NamedTuple

import numpy as np
from scipy.special import xlogy

from latentzoo.errors import describe, error
from latentzoo.metrics.arrays import features


class Separability(NamedTuple):
    """The score, >= 1, and the uncertainty behind it, bits for each attribute."""

    score: float
    entropies: np.ndarray


def separability(codes, probabilities, *, keep=0.5, seed=0):
    """Linear separability: how well hyperplanes tell which codes give images with an attribute.

    A classifier of images says how probable each attribute is; its surest half is kept, a linear support
    vector machine is fitted from codes to these labels, and

        score = 2^(sum_attributes H(label | side of the plane)),  H in bits

    of the table of both. 1 is perfect; 2 for each attribute that codes do not tell. Karras, Laine and Aila,
    2018, "A style-based generator architecture", arXiv:1812.04948, with 200,000 images of which the surest
    100,000 are kept. The machine is scikit-learn's `LinearSVC` with its default settings. As in the
    authors' code, an attribute that all or none of the kept images have counts as told perfectly.

    Args:
        codes: floats `(n, d)`, from which the images were made.
        probabilities: floats in [0, 1], `(n, attributes)`, or `(n,)` for one attribute. Truth values
            instead are labels without doubt, all of them kept.
        keep: float in (0, 1]. Share of the samples kept for each attribute.
        seed: int, of the machine.

    Returns:
        `Separability(score, entropies)`, the latter float64 `(attributes,)`.

    Raises:
        ValueError: codes are not finite floats `(n, d)`, or the probabilities do not fit.

    Example:

    >>> import numpy as np
    >>> from latentzoo.metrics import separability
    >>> codes = np.random.default_rng(0).normal(size=(400, 2))
    >>> separability(codes, codes[:, 0] > 0).score < 1.3
    True
    >>> separability(codes, codes[:, 0] * codes[:, 1] > 0).score > 1.8  # no plane tells
    True
    """
    codes = features(codes, "codes")
    p = np.asarray(probabilities)
    columns = p[:, None] if p.ndim == 1 else p
    certain = p.dtype == bool
    fits = columns.ndim == 2 and len(columns) == len(codes) and (certain or p.dtype.kind == "f")
    if not fits or not ((columns >= 0) & (columns <= 1)).all():
        raise error(
            "Probabilities of attributes do not fit the codes.",
            f"floats in [0, 1], ({len(codes)}, attributes), or truth values",
            f"probabilities={describe(p)}",
            "Take the sigmoid of logits first.",
        )
    if not 0 < keep <= 1 or int(keep * len(codes)) < 2:
        raise error(
            "Too few samples are kept.", "0 < keep <= 1, and 2 or more", f"keep={keep} of {len(codes)}"
        )
    kept = len(codes) if certain else int(keep * len(codes))
    entropies = np.array([uncertainty(codes, column, kept, seed) for column in columns.T])
    return Separability(float(2 ** entropies.sum()), entropies)


def uncertainty(codes, p, kept, seed):
    """Bits about one attribute that the plane leaves open."""
    from sklearn.svm import LinearSVC

    surest = np.argsort(-abs(p.astype("float64") - 0.5), kind="stable")[:kept]
    codes, label = codes[surest], p[surest] > 0.5
    if label.all() or not label.any():
        return 0.0
    side = LinearSVC(dual="auto", random_state=seed).fit(codes, label).predict(codes)
    table = np.array([[np.mean((side == i) & (label == j)) for j in (False, True)] for i in (False, True)])
    sides = table.sum(axis=1)
    return max(0.0, (xlogy(sides, sides).sum() - xlogy(table, table).sum()) / np.log(2))
