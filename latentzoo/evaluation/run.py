"""One evaluation under way: the model, the images that are there, and draws that a seed repeats."""

import functools

import numpy as np

from latentzoo import data, extractors
from latentzoo.configs import data_name
from latentzoo.errors import error
from latentzoo.evaluation.references import PIECE, reference
from latentzoo.images import binarized


class NoImages(FileNotFoundError):
    """The real images that a measure needs are not on this machine."""


class NoNetwork(ValueError):
    """There is no network to compare features of these images by, unless one is named."""


class Run:
    """What the measures of one evaluation share.

    Args:
        model: an `Autoencoder` or a `Classifier`.
        protocol: a `Protocol`.
        data: str, name of the data set, or folder of pictures, or `None` if nothing is known of it.
        network: an extractor or its name, or `None` for the classifier of the data set.
        samples: int or `None`, for those of the protocol.
        draws: int.
        seed: int.
        tell: function of a few words on what is being measured.
    """

    def __init__(self, model, protocol, data, network, samples, draws, seed, tell):
        self.model, self.protocol, self.data = model, protocol, data
        self.network, self.asked, self.draws, self.seed = network, samples, draws, seed
        self.tell = tell
        self.binary = getattr(model, "binary", False)
        self.skipped = []

    def skip(self, metric, reason):
        if (metric, reason) not in self.skipped:
            self.skipped.append((metric, reason))

    # ------------------------------------------------------------------ what it compares

    @functools.cached_property
    def extractor(self):
        found = extractors.resolve(self.network or classifier_of(self.data))
        shape, ours = found.image_shape, self.model.image_shape
        if shape is not None and (ours[:2] != shape[:2] or ours[2] > shape[2]):  # grey is repeated
            raise error(
                "The network takes other images than the model makes.",
                f"a network of images {ours}",
                f"'{found.name}', of images {shape}",
            )
        return found

    @functools.cached_property
    def reference(self):
        """Of the real images; raises `NoImages` where there are none."""
        known = None if self.binary else self.data  # what is kept by a data set's name is of grey images
        return reference(self.extractor, self.protocol, known, lambda: self.split(self.protocol.split)[0])

    @functools.cached_property
    def count(self):
        """Samples of a draw: those asked for, or as many as there are real ones, but not more than usual."""
        return self.asked or int(min(self.protocol.samples, self.reference.moments.count))

    @property
    def many(self):
        """Samples of a measure that compares them with no real images."""
        return self.asked or self.protocol.samples

    @functools.cache  # noqa: B019 (a run lives for one evaluation)
    def split(self, split):
        if self.data is None:
            raise NoImages(self.missing(split))
        size = {}
        if self.data not in data.DATASETS:
            size = {"size": self.model.image_shape[0], "channels": self.model.image_shape[2]}
        try:
            x, y = data.arrays(self.data, split, **size)
            return binarized(x) if self.binary else x, y
        except FileNotFoundError:
            raise NoImages(self.missing(split)) from None

    def images(self, split, metric="images"):
        """Images and labels of a split, or `None`, said aloud, if they are nowhere on this machine."""
        try:
            return self.split(split)
        except NoImages as reason:
            self.skip(metric, str(reason))
            return None

    def encodes(self, metric):
        """Whether the model has codes for images, or, which is said aloud, no encoder."""
        found = getattr(self.model, "encoder", self.model) is not None  # a classifier is its own
        if not found:
            self.skip(metric, f"{type(self.model).__name__} has no encoder")
        return found

    def missing(self, split):
        """Why something is skipped that needs the images of a split."""
        if self.data is None:
            return "nothing is known of the data that this model was trained on; name them with `data`"
        remedy = "; set LATENTZOO_DATA to the folder that holds them" if self.data in data.DATASETS else ""
        return f"the {split} images of {self.data} are not on this machine{remedy}"

    # ------------------------------------------------------------------ what it draws, piece by piece

    def seeds(self, index, count):
        """A seed and a number of samples for each piece of a draw."""
        for start in range(0, count, PIECE):
            words = np.random.SeedSequence([self.seed, index, start]).generate_state(1)
            yield int(words[0]), min(PIECE, count - start)

    def samples_of(self, index, count=None):
        for seed, n in self.seeds(index, count or self.count):
            yield self.protocol.generated(self.model.sample(n, seed=seed))

    def others(self, index):
        """Real images of the split that the protocol does not compare with."""
        images = self.split(self.protocol.other)[0]
        rows = np.random.default_rng([self.seed, index]).permutation(len(images))[: self.count]
        for start in range(0, len(rows), PIECE):
            yield images[rows[start : start + PIECE]]

    def real_of(self, index):
        for piece in self.others(index):
            yield self.protocol.generated(piece / np.float32(255))

    def reconstructions_of(self, index):
        for piece in self.others(index):
            pixels = self.model.reconstruct(piece)
            # Probabilities look like neither the images nor the samples of a binary model.
            yield self.protocol.generated(pixels.round() if self.binary else pixels)

    def noise_and_codes(self, index, count):
        """Codes of a draw, and their noise in the prior, or `None` where it cannot be told."""
        prior = self.model.prior
        codes = np.concatenate([prior.sample(n, seed) for seed, n in self.seeds(index, count)])
        return prior.inverse(codes) if prior.invertible else None, codes

    # ------------------------------------------------------------------ what it tells

    def fact(self, metric, of, **values):
        binarized = {"binarized": True} if self.binary else {}
        return {"metric": metric, "of": of, **values, "data": str(self.data), **binarized}

    def record(self, metric, of, found, name, **facts):
        """One measure of features, with all that a number means something by."""
        label = {"name": name} if name else {}
        return {
            **self.fact(metric, of, **label, mean=found.mean, deviation=found.deviation, draws=found.count),
            "network": self.extractor.name,
            "sha256": self.extractor.sha256,
            "protocol": self.protocol.name,
            "split": self.protocol.split,
            "seed": self.seed,
            **facts,
            "resize": self.extractor.resize,
        }


def classifier_of(data):
    """The classifier of the shelf that was trained on a data set."""
    from latentzoo import zoo

    found = []
    for name in zoo.list_models("classifier-*"):
        if data_name(zoo.info(name)["provenance"]) == data:
            found.append(name)
    if not found:
        raise error(
            f"The shelf has no classifier of {data!r} images.",
            "a network by name, or data that a classifier was trained on",
            f"network=None, data={data!r}",
            f"Give one of {list(extractors.NAMES)} or a classifier's folder as network.",
            kind=NoNetwork,
        )
    return found[0]
