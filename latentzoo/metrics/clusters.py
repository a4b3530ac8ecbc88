"""How codes of one label lie together."""

import numpy as np

from latentzoo.errors import describe, error, whole
from latentzoo.metrics.arrays import features
from latentzoo.metrics.arrays import labels as checked


def silhouette(codes, labels, *, samples=10_000, seed=0):
    """How much closer codes are to their own label's than to the next label's, on average.

        mean_i (b_i - a_i) / max(a_i, b_i)

    with `a` the mean distance of a code to others of its label and `b` that to the nearest other label.
    Rousseeuw, 1987, "Silhouettes: a graphical aid to the interpretation and validation of cluster
    analysis"; computed by scikit-learn, in time that grows with the square of the samples.

    Args:
        codes: floats `(n, d)`.
        labels: integers `(n,)`.
        samples: int. Of more codes, a random choice is taken.
        seed: int, of the choice.

    Returns:
        float in [-1, 1]; 0 for codes that do not tell labels apart.

    Raises:
        ValueError: codes are not finite floats `(n, d)`, labels do not fit, or there is one label only, or
            as many as codes.

    Example:

    >>> import numpy as np
    >>> from latentzoo.metrics import silhouette
    >>> codes = np.random.default_rng(0).normal(size=(100, 2))
    >>> labels = np.arange(100) % 2
    >>> round(silhouette(codes + 100 * labels[:, None], labels), 1)
    1.0
    """
    from sklearn.metrics import silhouette_score

    codes = features(codes, "codes")
    labels = checked(labels, len(codes))
    whole("samples", samples, least=3)
    if len(codes) > samples:
        chosen = np.random.default_rng(seed).choice(len(codes), samples, replace=False)
        codes, labels = codes[chosen], labels[chosen]
    kinds = len(np.unique(labels))
    if not 1 < kinds < len(codes):
        raise error(
            "A silhouette compares labels.",
            f"at least 2 labels, and fewer than the {len(codes)} codes",
            f"{kinds} labels",
        )
    return float(silhouette_score(codes, labels))


def tsne(codes, *, perplexity=70.0, seed=0):
    """Codes in the plane, neighbours near each other, for a picture.

    Van der Maaten and Hinton, 2008, "Visualizing data using t-SNE"; by scikit-learn, started from the
    principal components.

    Args:
        codes: floats `(n, d)`.
        perplexity: float, below n. About how many neighbours each point has.
        seed: int.

    Returns:
        float32 `(n, 2)`.

    Raises:
        ValueError: codes are not finite floats `(n, d)`, or no more than the perplexity.

    Example:

    >>> import numpy as np
    >>> from latentzoo.metrics import tsne
    >>> tsne(np.random.default_rng(0).normal(size=(20, 4)), perplexity=5).shape
    (20, 2)
    """
    from sklearn.manifold import TSNE

    codes = features(codes, "codes")
    if not 0 < perplexity < len(codes):
        raise error(
            "The perplexity does not fit the number of codes.",
            "0 < perplexity < n",
            f"perplexity={perplexity!r}, codes={describe(codes)}",
            "Give more codes, or a smaller perplexity.",
        )
    start = "pca" if codes.shape[1] > 1 else "random"
    return (
        TSNE(2, perplexity=perplexity, init=start, random_state=seed).fit_transform(codes).astype("float32")
    )
