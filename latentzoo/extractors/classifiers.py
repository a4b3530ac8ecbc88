"""Classifiers of the zoo, whose Frechet distance fits the data better than that of photographs' features."""

import numpy as np

from latentzoo import zoo
from latentzoo.errors import error
from latentzoo.extractors import fetch
from latentzoo.extractors.extractor import Extractor, array


class ClassifierFeatures(Extractor):
    """The last hidden layer of a classifier, for the Frechet classifier distance, FCD.

    Args:
        name: str.
        model: a `latentzoo.models.Classifier`.
        folder: `pathlib.Path` of its checkpoint.
    """

    def __init__(self, name, model, folder):
        super().__init__(
            name,
            fetch.hexdigest(folder / "config.json"),  # which has the hash of the weights in it
            distance="FCD",
            resize="none",
            width=model.width,
            folder=folder,
            has_classes=not model.attributes,
        )
        self.model = model
        self.image_shape = model.image_shape

    def features(self, images, batch_size=256):
        x, shape = array(images), self.model.image_shape
        if x.shape[1:] == (*shape[:2], 1) and shape[-1] == 3:
            x = np.repeat(x, 3, axis=-1)
        return self.model.features(x, batch_size=batch_size)

    def logits(self, features):
        return self.model.logits(features)


def load(name):
    """A classifier by name or folder, as in `latentzoo.load`.

    Returns:
        A `ClassifierFeatures`.

    Raises:
        ValueError: it is an autoencoder.
        ValueError, OSError: as in `latentzoo.load`.
    """
    facts = zoo.info(name)  # before TensorFlow takes its seconds
    if facts["family"] != "Classifier":
        raise error(
            f"'{facts['name']}' is no classifier.",
            "a checkpoint of class Classifier",
            f"one of class {facts['family']}",
            f"Give one of {zoo.list_models('classifier-*')}.",
        )
    model = zoo.load(name)
    return ClassifierFeatures(facts["name"], model, model._origin["folder"])
