"""Features of real images, with which those of samples are compared.

They are computed once and kept in `$LATENTZOO_CACHE` (`~/.cache/latentzoo` by default) under a hash of all
that they follow from: the network, the pixels, and what the protocol does to these. Those of the data set
that a classifier of the shelf was trained on are in a file beside it, so that distances need no pictures.
"""

import hashlib
import json
import re
from typing import NamedTuple

import numpy as np

from latentzoo import npz
from latentzoo.allowed import SHA256
from latentzoo.configs import data_name, read_config
from latentzoo.errors import Damaged, error
from latentzoo.extractors import fetch
from latentzoo.files import replacing, write_json
from latentzoo.metrics import Moments

PIECE = 1000  # images at a time
KEPT = 10_000  # images of which the features are kept, for precision and recall


class Reference(NamedTuple):
    """What is known of the features of real images.

    Attributes:
        moments: `Moments` of all images.
        features: floats `(n, width)`, of at most 10,000 of them, or `None`.
    """

    moments: Moments
    features: np.ndarray | None

    @classmethod
    def of(cls, extractor, images):
        """The reference that images give, uint8 or floats in [0, 1]."""
        moments, kept = Moments(), []
        rows = np.sort(np.random.default_rng(0).permutation(len(images))[:KEPT])
        for start in range(0, len(images), PIECE):
            features = extractor.features(images[start : start + PIECE])
            moments.update(features)
            kept.append(features[rows[(start <= rows) & (rows < start + PIECE)] - start])
        return cls(moments, np.concatenate(kept))

    def save(self, path, *, features=True):
        """Writes an npz file in one step; `features=False` leaves out all but the moments."""
        moments = {"count": self.moments.count, "mu": self.moments.mean, "sigma": self.moments.covariance}
        fits = self.features is not None and abs(self.features).max() < np.finfo("float16").max
        kept = {"features": self.features.astype("float16" if fits else "float32")} if features else {}
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, **moments, **kept)

    @classmethod
    def load(cls, path):
        """Reads a file of `save`.

        Raises:
            Damaged: the file holds something else.
        """
        try:
            file = npz.read(path)
            moments = Moments.known(file["mu"], file["sigma"], int(file["count"]))
            features = file["features"].astype("float32") if "features" in file else None
        except (OSError, LookupError, ValueError, TypeError) as problem:
            raise Damaged(
                str(
                    error(
                        "The file does not hold features of real images.",
                        "count, mu, sigma and features",
                        f"'{path}': {problem}",
                        "Delete it: it is made again from the pictures, or comes with the checkpoint.",
                    )
                ),
                path,
            ) from None
        return cls(moments, features)


def reference(extractor, protocol, data, images):
    """The reference of a protocol, from whatever has it: a classifier's folder, the cache, the images.

    Args:
        extractor: an `Extractor`.
        protocol: a `Protocol`.
        data: str, name of the data set.
        images: function without arguments that returns the uint8 images of the protocol's split.

    Raises:
        FileNotFoundError: nothing is kept, and `images` does not find them.
        Damaged: the file beside the classifier is not the one recorded.
    """
    if data not in protocol.jpeg:
        found = shipped(extractor, data, protocol.split)
        if found is not None:
            return found
    pixels = protocol.real(images(), data)
    key = hashlib.sha256(f"{extractor.sha256} {extractor.resize} {pixels.dtype} {pixels.shape} ".encode())
    key.update(np.ascontiguousarray(pixels))
    path = fetch.cache() / "references" / f"{key.hexdigest()}.npz"
    if path.is_file():
        try:
            return Reference.load(path)
        except Damaged:  # of a machine that lost power, say: it is made again
            pass
    found = Reference.of(extractor, pixels)
    path.parent.mkdir(parents=True, exist_ok=True)
    found.save(path)
    return Reference.load(path)  # in the precision kept, so that the first time gives what the others do


def shipped(extractor, data, split):
    """The reference beside a classifier that was trained on the data set, or `None`."""
    if extractor.folder is None:
        return None
    provenance = read_config(extractor.folder)["provenance"]
    hashes = provenance.get("references")
    sha256 = hashes.get(split) if isinstance(hashes, dict) else None
    if not (isinstance(sha256, str) and re.fullmatch(SHA256, sha256)) or data_name(provenance) != data:
        return None
    path = extractor.folder / f"reference-{split}.npz"
    if not path.is_file():
        return None
    fetch.check(path, sha256, remedy="Restore the file, or get the checkpoint again.")
    return Reference.load(path)


def ship(folder, extractor, images):
    """Writes references beside a classifier and records their hashes in its `config.json`.

    Args:
        folder: `pathlib.Path` of the checkpoint.
        extractor: of that checkpoint.
        images: dict of uint8 images, of `"test"` and `"train"` or either. Of the latter moments are kept.
    """
    hashes = {}
    for split, pixels in images.items():
        path = folder / f"reference-{split}.npz"
        Reference.of(extractor, pixels).save(path, features=split == "test")
        hashes[split] = hashlib.sha256(path.read_bytes()).hexdigest()
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["provenance"]["references"] = hashes
    write_json(folder / "config.json", config)
