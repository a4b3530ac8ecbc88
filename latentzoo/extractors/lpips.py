"""LPIPS, a distance of images that follows what people see.

Zhang, Isola, Efros, Shechtman and Wang, 2018, "The Unreasonable Effectiveness of Deep Features as a
Perceptual Metric", arXiv:1801.03924, version 0.1 with VGG16:

    d(a, b) = sum_l mean_space sum_c w_lc (u_l(a) - u_l(b))_c^2

`u_l` are the maps of the last ReLU of each size, at each place divided by their length over channels. The
trunk is torchvision's VGG16, fetched from the Hugging Face Hub in the copy of timm. The weights `w >= 0`
are the authors' `v0.1/vgg.pth` of the package lpips 0.1.4, the same numbers in another format; their licence
stands beside them.
"""

import pathlib

import keras
import numpy as np
from keras import ops
from safetensors import SafetensorError, safe_open

from latentzoo.errors import describe, error
from latentzoo.extractors import fetch
from latentzoo.extractors.extractor import array, colour, frozen, repeated
from latentzoo.extractors.trunk import NAMES, vgg16
from latentzoo.graphs import infer

LINEAR = pathlib.Path(__file__).with_name("lpips_vgg.safetensors")
LINEAR_SHA256 = "2a80e4b1eb9a8738103261a1076c2690423589f4b6bd9bd6380e4865df41e3ed"
REPO, COMMIT = "timm/vgg16.tv_in1k", "b8d8aa2dd860af9233c8c67385a8097fd6c35d3f"
FILE = "model.safetensors"
# As recorded on GitHub in AshishKumar4/dew, with that commit, and in amberwhitehead/ferrotorch.
SHA256 = "57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8"
VARIABLE = "LATENTZOO_VGG16_TORCHVISION"
PLACES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)  # of the convolutions in torchvision's VGG16
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of red, green and blue in [-1, 1]
LEAST = 16  # pixels of a side: the fifth map has one


class PerceptualDistance:
    """The learned perceptual distance of images.

    Args:
        trunk: what `trunk.vgg16` returns, with torchvision's weights.
        linear: list of 5 NumPy arrays `(channels,)`, w.
        sha256: str, of the file of the trunk and that of the linear weights, one after the other.

    Attributes:
        name: `"lpips"`.
        sha256: str.
        resize: `"none"`.
    """

    name, resize = "lpips", "none"

    def __init__(self, trunk, linear, sha256):
        self.sha256 = sha256
        pair = [keras.Input((None, None, 3), dtype="float32") for _ in range(2)]
        maps = [trunk((2 * x - 1 - ops.array(SHIFT, "float32")) / ops.array(SCALE, "float32")) for x in pair]
        self.network = frozen(pair, sum(map(term, *maps, linear)))

    def __call__(self, a, b, batch_size=32):
        """Distances of images, one for each pair.

        Args:
            a: `(n, height, width, channels)`, floats in [0, 1] or uint8, of 1 or 3 channels and sides of 16
                pixels or more.
            b: likewise.
            batch_size: int, of pairs computed at a time.

        Returns:
            NumPy float32 `(n,)`, 0 or more.

        Raises:
            ValueError: there are no images, they differ in shape, or are of another shape, type or range.
        """
        a, b = array(a), array(b)
        if a.shape != b.shape or min(a.shape[1:3]) < LEAST:
            raise error(
                "These are no pairs of images.",
                f"two arrays of one shape, with sides of at least {LEAST} pixels",
                f"a={describe(a)}, b={describe(b)}",
            )
        return infer(self.network, map(list, zip(colour(a, batch_size), colour(b, batch_size), strict=True)))

    def tensors(self, a, b):
        """Distances of tensors, `(batch,)`, for a loss: they can be differentiated.

        Args:
            a: floats `(batch, height, width, channels)`, in [0, 1] and of 1 or 3 channels, neither checked.
            b: likewise.
        """
        return self.network([repeated(a), repeated(b)])

    def __repr__(self):
        return f"<PerceptualDistance, sha256 {self.sha256}>"


def term(a, b, weights):
    """Weighed squares of two maps `(batch, height, width, channels)`, the mean over space, `(batch,)`."""
    squares = ops.square(unit(a) - unit(b)) * ops.array(weights, "float32")
    return ops.mean(ops.sum(squares, axis=-1), axis=(1, 2))


def unit(x):
    """`x / (|x| + 1e-10)`, along channels, as the authors have it."""
    squares = ops.sum(ops.square(x), axis=-1, keepdims=True)
    # Where a map is all zeros the slope of its length is infinite: the floor makes it finite.
    return x / (ops.sqrt(ops.maximum(squares, 1e-30)) + 1e-10)


def load(path=None):
    """LPIPS with VGG16.

    Args:
        path: the file of the trunk's weights, timm's or one of the same bytes; fetched from the Hub if
            `None`, 553 MB.

    Returns:
        A `PerceptualDistance`.

    Raises:
        ValueError, OSError: as of `latentzoo.extractors.load`.
    """
    own = fetch.given(path, VARIABLE)
    path = fetch.check(own, SHA256) if own else fetched()
    fetch.check(LINEAR, LINEAR_SHA256)
    trunk = vgg16()
    weights = read(path, [f"features.{place}.{kind}" for place in PLACES for kind in ("weight", "bias")])
    for name, kernel, bias in zip(NAMES, weights[::2], weights[1::2], strict=True):
        trunk.get_layer(name).set_weights([kernel.transpose(2, 3, 1, 0), bias])
    linear = read(LINEAR, [f"relu{i}" for i in range(1, 6)])
    return PerceptualDistance(trunk, linear, fetch.hexdigest(path, LINEAR))


def fetched():
    """The trunk's file in the cache of the Hub, fetched if it is not there."""
    from latentzoo.hub.cache import Access, checked
    from latentzoo.hub.place import Place

    try:
        return checked(Place(REPO, revision=COMMIT), FILE, Access(), SHA256)
    except OSError as reason:  # whose remedies are those of checkpoints
        remedy = f"Or tell where a copy of the file is by `path=` or by {VARIABLE}."
        raise type(reason)(f"{reason} {remedy}") from reason


def read(path, keys):
    """Arrays of a safetensors file, NumPy."""
    try:
        with safe_open(path, "numpy") as file:
            return [np.asarray(file.get_tensor(key), "float32") for key in keys]
    except SafetensorError as reason:
        message = error("The file holds other weights.", f"{keys[0]} and so on", f"'{path}': {reason}")
        raise message from None
