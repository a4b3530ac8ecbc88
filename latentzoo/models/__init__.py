"""The families: one file, one paper's idea, one final class each."""

from latentzoo.models.autoencoder import Autoencoder
from latentzoo.models.classifier import Classifier
from latentzoo.models.glf import GLF

__all__ = ["GLF", "Autoencoder", "Classifier"]
