"""How samples are compared with real images: how many, with which, and what is done to both before.

The same formula of the same features gives other numbers under each of these, so that a distance is
reported with its protocol.
"""

import dataclasses
import io

import numpy as np
from PIL import Image

from latentzoo.errors import error


@dataclasses.dataclass(frozen=True)
class Protocol:
    """A way to compare.

    Args:
        name: str.
        split: the real images: `"test"`, or `"train"`.
        samples: generated images, unless told otherwise; never more than there are real ones.
        stretch: bool. Whether each sample is stretched to [0, 1]. If not, it is rounded to 8 bits, as it
            would be in a picture file.
        jpeg: data sets whose real images go through a JPEG file of quality 75.
        source: str. Who compared so.
    """

    name: str
    split: str
    samples: int
    stretch: bool = False
    jpeg: tuple = ()
    source: str = ""

    def generated(self, images):
        """Samples, floats in [0, 1], as the network is to see them: uint8, or stretched floats."""
        if not self.stretch:
            return np.rint(images * np.float32(255)).astype("uint8")
        low = images.min(axis=(1, 2, 3), keepdims=True)
        high = images.max(axis=(1, 2, 3), keepdims=True)
        return (images - low) / np.maximum(high - low, np.finfo("float32").tiny)

    def real(self, images, data):
        """Real images, uint8, as the network is to see them."""
        return np.stack([jpeg(image) for image in images]) if data in self.jpeg else images

    @property
    def other(self):
        """The split whose images are compared like samples: what images without a fault have."""
        return "test" if self.split == "train" else "train"


def jpeg(image, quality=75):
    """One uint8 image, there and back."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "std",
            "test",
            10_000,
            source="Xiao, Yan and Amit, 2019, arXiv:1905.10485: 10,000 samples, the test set",
        ),
        Protocol(
            "train5k",
            "train",
            5_000,
            source="Zhang et al., 2020, perceptual generative autoencoders: 5,000 samples, the training set "
            "(their code truncates to 8 bits; here they are rounded)",
        ),
        Protocol(
            "tsvae-compat",
            "test",
            10_000,
            stretch=True,
            jpeg=("cifar10",),
            source="Dai and Wipf, 2019, arXiv:1903.05789, their code: the samples' ranges are stretched, "
            "real images of CIFAR-10 are read back from JPEG files",
        ),
    )
}


def find(name):
    """The protocol of a name, or a `ValueError`."""
    if name not in PROTOCOLS:
        raise error("Unknown protocol.", f"one of {list(PROTOCOLS)}", f"protocol={name!r}")
    return PROTOCOLS[name]
