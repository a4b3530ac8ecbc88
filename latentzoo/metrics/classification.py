"""How well generated images of classes stand in for real ones."""

import numpy as np

from latentzoo.errors import describe, error
from latentzoo.metrics.arrays import features, labels


def gan_train(generated, real, *, fit=None):
    """GAN-train: accuracy on real samples of a classifier that was fitted to generated ones.

    It falls where classes are false and where they lack variety. Shmelkov, Schmid and Alahari, 2018,
    "How good is my GAN?", arXiv:1807.09499, with as many generated samples as the training set has, and
    the real test set.

    Args:
        generated: pair of samples `(n, ...)` and their labels, integers `(n,)`.
        real: likewise, not trained on.
        fit: function from samples and labels to a function from samples to labels. By default, logistic
            regression on standardized features `(n, width)`.

    Returns:
        float in [0, 1].

    Raises:
        ValueError: samples and labels do not belong together, are of one class, or, without `fit`, are not
            features.

    Example:

    >>> import numpy as np
    >>> from latentzoo.metrics import gan_train
    >>> x, y = np.random.default_rng(0).normal(size=(100, 2)), np.arange(100) % 2
    >>> gan_train((x + 9 * y[:, None], y), (x + 9 * y[:, None], y))
    1.0
    """
    return accuracy(generated, real, "generated", "real", fit)


def gan_test(generated, real, *, fit=None):
    """GAN-test: accuracy on generated samples of a classifier that was fitted to real ones.

    It falls where generated classes are false, and knows nothing of their variety. Shmelkov, Schmid and
    Alahari, 2018, arXiv:1807.09499.

    Args:
        generated: pair of samples `(n, ...)` and their labels, integers `(n,)`.
        real: likewise, of the training set.
        fit: as for `gan_train`.

    Returns:
        float in [0, 1].

    Raises:
        ValueError: as for `gan_train`.

    Example:

    >>> import numpy as np
    >>> from latentzoo.metrics import gan_test
    >>> x, y = np.random.default_rng(0).normal(size=(100, 2)), np.arange(100) % 2
    >>> gan_test((x + 9, 0 * y + 1), (x + 9 * y[:, None], y))  # one class alone, but a good one
    1.0
    """
    return accuracy(real, generated, "real", "generated", fit)


def accuracy(train, test, train_name, test_name, fit):
    x, y = labelled(train, train_name, fit is None)
    samples, truth = labelled(test, test_name, fit is None)
    if len(np.unique(y)) < 2:
        raise error("A classifier needs classes.", "2 or more labels", f"{train_name} with 1")
    if x.shape[1:] != samples.shape[1:]:
        raise error(
            "The two sets do not go together.",
            "samples of one shape",
            f"{train_name} of shape {x.shape}, {test_name} of shape {samples.shape}",
        )
    predict = (fit or logistic)(x, y)
    return float(np.mean(labels(predict(samples), len(truth), "predicted labels") == truth))


def labelled(given, name, need_features):
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise error(
            "Samples come with their labels.", "a pair (samples, labels)", f"{name}={type(given).__name__}"
        )
    x = features(given[0], name, least=1) if need_features else np.asarray(given[0])
    if not x.ndim or not len(x):
        raise error("There are too few samples.", "1 or more", f"{name}={describe(x)}")
    return x, labels(given[1], len(x), f"labels of {name}")


def logistic(x, y):
    """Fits logistic regression, by scikit-learn."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(x, y).predict
