"""VGG16, trained on ImageNet: Simonyan and Zisserman, 2014, arXiv:1409.1556, in the weights of Keras."""

import os
import pathlib

from latentzoo.extractors import fetch
from latentzoo.extractors.trunk import Trunk
from latentzoo.extractors.trunk import vgg16 as network

FILE = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
URL = f"https://storage.googleapis.com/tensorflow/keras-applications/vgg16/{FILE}"
MD5 = "6d6bbae143d832006294945121d1f1fc"  # as keras.applications.VGG16 has it
VARIABLE = "LATENTZOO_VGG16"


def load(path=None):
    """Features of VGG16, `(n, 512)`.

    The weights are those of `keras.applications.VGG16(include_top=False)`, and lie where Keras keeps them,
    `$KERAS_HOME/models` or `~/.keras/models`.

    Args:
        path: the file of weights, with a name that ends in `.h5`; fetched if `None`.

    Returns:
        A `Trunk`.

    Raises:
        ValueError, OSError: as of `latentzoo.extractors.load`.
    """
    home = pathlib.Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    path = fetch.file(FILE, URL, MD5, path=path, variable=VARIABLE, folder=home / "models")
    trunk = network()
    # HDF5 is a format to be opened only where the file is known, and this one is by its hash.
    trunk.load_weights(path)
    return Trunk("vgg16", fetch.hexdigest(path), trunk)
