"""Claims of AdvAE and FlowAE (Sridhar and Srivastava)."""

from report.quantities import first, last, worst_rise
from report.verdicts import Claim, chain, less, never_rises, order, oscillates

PAPER = "002-FlowAE-AdvAE"
BINARY = "MNIST-binarized"


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
        "falls by more than noise",
        [
            less(last("FlowAE", BINARY, "loss"), first("FlowAE", BINARY, "loss")),
            never_rises("FlowAE", BINARY, "loss"),
            oscillates("AdvAE (WGAN-GP)", BINARY, "loss"),
        ],
    ),
    Claim(
        "CL-32",
        PAPER,
        "AdvAE is better and steadier with WGAN-GP than with the plain adversarial loss.",
        "FCD lower, and the worst rise of its curve smaller",
        [
            *order("FCD", ["AdvAE (WGAN-GP)"], ["AdvAE (GAN)"], [BINARY]),
            less(worst_rise("AdvAE (WGAN-GP)", BINARY, "FCD"), worst_rise("AdvAE (GAN)", BINARY, "FCD")),
        ],
    ),
    Claim(
        "CL-33",
        PAPER,
        "A plain autoencoder's codes cluster more tightly by digit than a VAE's.",
        "silhouette by label of the t-SNE map (perplexity 70), the VAE's below FlowAE's",
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
