"""What families share whose reconstructions may be compared by the features of a network."""

from latentzoo import losses
from latentzoo.errors import error
from latentzoo.models.autoencoder import Autoencoder
from latentzoo.perceptual import Perceptual

RECONSTRUCTIONS = ("squared", "perceptual")


class PerceptualAutoencoder(Autoencoder):
    """An autoencoder that can exchange the squared error for the perceptual loss. Abstract.

    Args:
        image_shape: `(height, width, channels)`.
        latent_dim: int, d. Width of a code.
        reconstruction: `"squared"` or `"perceptual"`.
        perceptual_network: the network of the latter, as of `latentzoo.perceptual.Perceptual`.
        **kwargs: as of `Autoencoder`.
    """

    def __init__(self, image_shape, latent_dim, *, reconstruction, perceptual_network, **kwargs):
        super().__init__(image_shape, latent_dim, **kwargs)
        if reconstruction not in RECONSTRUCTIONS:
            raise error(
                "Unknown loss.", f"one of {list(RECONSTRUCTIONS)}", f"reconstruction={reconstruction!r}"
            )
        self.reconstruction = reconstruction
        self.perceptual = Perceptual(perceptual_network, dtype=self.dtype_policy)

    def compared(self, x, y):
        """The terms of images `x` and their reconstructions: the loss, and the squared error of a pixel."""
        squared = losses.squared_error(x, y)
        return {
            "reconstruction": self.perceptual(x, y) if self.reconstruction == "perceptual" else squared,
            "mean_squared_error": squared * (2 / self.pixels),
        }

    def before_steps(self):
        if self.reconstruction == "perceptual":
            self.perceptual.load(self.image_shape)

    def get_config(self):
        own = {"reconstruction": self.reconstruction, "perceptual_network": self.perceptual.name}
        return {**super().get_config(), **own}
