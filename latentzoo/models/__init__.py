"""The families: one file, one paper's idea, one final class each."""

from latentzoo.models.aae import AAE
from latentzoo.models.autoencoder import Autoencoder
from latentzoo.models.classifier import Classifier
from latentzoo.models.factor_vae import FactorVAE
from latentzoo.models.flow_posterior_vae import FlowPosteriorVAE
from latentzoo.models.flow_prior_vae import FlowPriorVAE
from latentzoo.models.glann import GLANN
from latentzoo.models.glf import GLF
from latentzoo.models.lpga import LPGA
from latentzoo.models.lvpga import LVPGA
from latentzoo.models.plain_autoencoder import PlainAutoencoder
from latentzoo.models.rae import RAE
from latentzoo.models.two_stage_vae import TwoStageVAE
from latentzoo.models.vae import VAE
from latentzoo.models.vpga import VPGA
from latentzoo.models.wae import WAE

__all__ = [
    "AAE",
    "GLANN",
    "GLF",
    "LPGA",
    "LVPGA",
    "RAE",
    "VAE",
    "VPGA",
    "WAE",
    "Autoencoder",
    "Classifier",
    "FactorVAE",
    "FlowPosteriorVAE",
    "FlowPriorVAE",
    "PlainAutoencoder",
    "TwoStageVAE",
]
