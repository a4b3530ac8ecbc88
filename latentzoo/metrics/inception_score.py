"""The Inception score, of the class probabilities of generated images."""

import numpy as np
from scipy.special import xlogy

from latentzoo.errors import describe, error, whole
from latentzoo.metrics.arrays import Estimate, features


def inception_score(probabilities, splits=10):
    """The exponential of what a label tells about an image, on average.

        exp(mean_x KL(p(y|x) || p(y))),  p(y) = mean_x p(y|x)

    between 1 and the number of classes; the more, the surer and the more varied. Salimans et al., 2016,
    arXiv:1606.03498. As in the authors' code the samples are cut in order into equal parts, each with a
    `p(y)` of its own. It grows with the size of a part, so compare only equal counts: 50,000 images in
    ten parts are usual.

    Args:
        probabilities: floats `(n, classes)`, rows that sum to 1: a softmax. Of Inception's 1008 classes in
            the usual score.
        splits: int, number of parts.

    Returns:
        `Estimate`: mean and deviation of the score over parts, and their number.

    Raises:
        ValueError: rows are not probabilities, or there are fewer than parts.

    Example:

    >>> import numpy as np
    >>> from latentzoo.metrics import inception_score
    >>> round(inception_score(np.eye(5)[np.arange(100) % 5]).mean, 6)  # five classes, and no doubt
    5.0
    """
    p = checked(probabilities)
    whole("splits", splits, least=1)
    if splits > len(p):
        raise error("There are too few samples.", f"{splits} or more, one for each split", f"{len(p)}")
    edges = [i * len(p) // splits for i in range(splits + 1)]
    return Estimate.of([score(p[i:j].astype("float64")) for i, j in zip(edges, edges[1:], strict=False)])


def score(p):
    # KL(p(y|x) || p(y)) averages to the entropy of the mean less the mean of the entropies.
    marginal = p.mean(axis=0)
    return np.exp(xlogy(p, p).sum(axis=1).mean() - xlogy(marginal, marginal).sum())


def checked(p):
    p = features(p, "probabilities", least=1)
    if (
        p.min() < 0 or abs(p.sum(axis=1, dtype="float64") - 1).max() > 1e-2
    ):  # a softmax in bfloat16 is 1 +- 0.004
        raise error(
            "These are not probabilities of classes.",
            "floats >= 0 whose rows sum to 1",
            f"probabilities={describe(p)}",
            "Take the softmax of logits first.",
        )
    return p
