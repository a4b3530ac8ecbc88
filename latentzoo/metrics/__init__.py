"""Measures of generative autoencoders, on arrays of features, codes or probabilities.

    latentzoo.metrics.frechet_distance(generated, real)

Functions take the generated samples first and the real ones second, and need NumPy, SciPy and
scikit-learn alone. `FrechetDistance` and `InceptionScore` are `keras.metrics.Metric`s, for data that comes
in batches, and `Distance` is a callback for `fit`; these bring TensorFlow and are imported on first use.
"""

import importlib

# Bound here and now: a submodule imported later would take the place of a function of its name.
from latentzoo.metrics.arrays import ConstantFeatures, Estimate, FewSamples
from latentzoo.metrics.classification import gan_test, gan_train
from latentzoo.metrics.clusters import silhouette, tsne
from latentzoo.metrics.frechet import frechet_bias, frechet_distance
from latentzoo.metrics.inception_score import inception_score
from latentzoo.metrics.kernel import kernel_distance
from latentzoo.metrics.likelihood import bits_per_dimension, negative_log_likelihood
from latentzoo.metrics.moments import Moments
from latentzoo.metrics.paths import attribute_direction, path_length, rate_of_change, slerp
from latentzoo.metrics.precision_recall import precision_recall
from latentzoo.metrics.separability import separability

# What brings TensorFlow, and the module of each.
_LATE = {"Distance": "callback", "FrechetDistance": "streaming", "InceptionScore": "streaming"}

__all__ = [
    "ConstantFeatures",
    "Estimate",
    "FewSamples",
    "Moments",
    "attribute_direction",
    "bits_per_dimension",
    "frechet_bias",
    "frechet_distance",
    "gan_test",
    "gan_train",
    "inception_score",
    "kernel_distance",
    "negative_log_likelihood",
    "path_length",
    "precision_recall",
    "rate_of_change",
    "separability",
    "silhouette",
    "slerp",
    "tsne",
    *_LATE,
]


def __getattr__(name):
    if name not in _LATE:
        raise AttributeError(f"module 'latentzoo.metrics' has no attribute '{name}'")
    return getattr(importlib.import_module(f"latentzoo.metrics.{_LATE[name]}"), name)


def __dir__():
    return sorted(__all__)
