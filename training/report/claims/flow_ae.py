"""Claims of AdvAE and FlowAE (Sridhar and Srivastava)."""

from report.quantities import first, last, of
from report.verdicts import Claim, chain, less, never_rises, order, oscillates

PAPER = "002-FlowAE-AdvAE"
BINARY = "MNIST-binarized"
RISE, FALL = "clearest rise of the loss", "clearest fall of the loss"


CLAIMS = [
    Claim(
        "CL-30",
        PAPER,
        "Samples get better from the VAE to AAE, to AdvAE, to FlowAE.",
        "order of the FCDs",
        chain("FCD", ["FlowAE", "AdvAE (WGAN-GP)", "AAE", "VAE"], [BINARY]),
    ),
    Claim(
        "CL-31",
        PAPER,
        "The flow's loss falls all the way; the Wasserstein loss oscillates.",
        "curves: FlowAE's loss ends lower and never rises by more than noise, AdvAE's rises and "
        "falls by more than noise, rises and falls being those of single trainings",
        [
            less(last("FlowAE", BINARY, "loss"), first("FlowAE", BINARY, "loss")),
            never_rises(of("FlowAE", BINARY, RISE)),
            oscillates(*(of("AdvAE (WGAN-GP)", BINARY, swing) for swing in (RISE, FALL))),
        ],
    ),
    Claim(
        "CL-32",
        PAPER,
        "AdvAE is better and steadier with WGAN-GP than with the plain adversarial loss.",
        "FCD lower, and the worst rise of its curve in a training smaller",
        [
            *order("FCD", ["AdvAE (WGAN-GP)"], ["AdvAE (GAN)"], [BINARY]),
            *order("worst rise of the FCD", ["AdvAE (WGAN-GP)"], ["AdvAE (GAN)"], [BINARY]),
        ],
    ),
    Claim(
        "CL-33",
        PAPER,
        "A plain autoencoder's codes cluster more tightly by digit than a VAE's.",
        "silhouette by label of the t-SNE map (perplexity 70), the VAE's below FlowAE's, whose autoencoder "
        "has a sixth of its epochs",
        order("silhouette of codes", ["VAE"], ["FlowAE"], [BINARY]),
    ),
    Claim(
        "CL-34",
        PAPER,
        "A VAE's samples are varied but blurred, AAE's are clear but less varied, and FlowAE's are both.",
        "recall: AAE below VAE and FlowAE; precision: VAE below AAE and FlowAE",
        [
            *order("PRD F8 (recall)", ["AAE"], ["VAE", "FlowAE"], [BINARY]),
            *order("PRD F1/8 (precision)", ["VAE"], ["AAE", "FlowAE"], [BINARY]),
        ],
    ),
]
