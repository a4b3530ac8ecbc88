"""Claims of perceptual generative autoencoders (Zhang and others)."""

from report.claims.names import CIFAR, FACES, MNIST
from report.quantities import average, fall, last, late_fall, middle, number, of, ratio
from report.verdicts import Claim, between, less, order, turns_up

PAPER = "004-PGA"
THREE = (MNIST, CIFAR, FACES)
BARE = "LPGA without latent reconstruction (alpha=beta=0)"


CLAIMS = [
    Claim(
        "CL-50",
        PAPER,
        "Each perceptual generative autoencoder beats the VAE on all three data sets.",
        "FID of LPGA, VPGA and LVPGA below the VAE's, each data set",
        order("FID", ["LPGA", "VPGA", "LVPGA"], ["VAE"], THREE),
    ),
    Claim(
        "CL-51",
        PAPER,
        "Without either loss on reconstructed codes LPGA is worse, on CIFAR-10 and faces about as bad as "
        "the VAE.",
        "FID of LPGA below that without, each data set; the latter within 0.85 to 1.15 of the VAE's on two",
        [
            *order("FID", ["LPGA"], [BARE], THREE),
            *(
                part
                for d in (CIFAR, FACES)
                for part in between(
                    0.85,
                    ratio(of(BARE, d, "FID"), of("VAE", d, "FID")),
                    1.15,
                )
            ),
        ],
    ),
    Claim(
        "CL-52",
        PAPER,
        "Teaching the decoder by the loss on reconstructed codes hurts.",
        "FID of LPGA below that with it, on each data set measured",
        [order("FID", ["LPGA"], ["LPGA (decoder learns latent reconstruction)"], [d]) for d in THREE],
    ),
    Claim(
        "CL-53",
        PAPER,
        "On faces VPGA's FID turns upward late in training, and LPGA's does not.",
        "curves: last FID above the lowest by more than noise for VPGA, the lowest for LPGA",
        [turns_up("VPGA", FACES, "FID", wanted=True), turns_up("LPGA", FACES, "FID", wanted=False)],
    ),
    Claim(
        "CL-54",
        PAPER,
        "The loss is flat early on while FID goes on falling.",
        "LPGA, each data set measured, after the first 3,000 steps, in which most weights are 0: the loss "
        "falls, in the second half by less than a tenth of its whole fall, and there FID falls",
        [
            [
                less(number(0), fall("LPGA", d, "loss")),
                less(late_fall("LPGA", d, "loss", share=0.1), number(0)),
                less(last("LPGA", d, "FID"), middle("LPGA", d, "FID")),
            ]
            for d in THREE
        ],
    ),
    Claim(
        "CL-55",
        PAPER,
        "Without the reconstruction of images, or without the likelihood term, there is no working model.",
        "FID over twice LPGA's in both cases, on each data set measured",
        [
            [
                less(number(2), ratio(of(name, d, "FID"), of("LPGA", d, "FID")), own=True)
                for name in ("LPGA without reconstruction", "LPGA without likelihood")
            ]
            for d in THREE
        ],
    ),
    Claim(
        "CL-56",
        PAPER,
        "Batch normalization speeds up training, and LPGA bears it better than VPGA.",
        "each data set measured: LPGA's FID averaged over its curve lower with it; ratio of final FIDs with "
        "to without lower for LPGA",
        [
            [
                less(average("LPGA (batch norm)", d, "FID"), average("LPGA (no batch norm)", d, "FID")),
                less(
                    *(
                        ratio(*(of(f"{name} ({norm})", d, "FID") for norm in ("batch norm", "no batch norm")))
                        for name in ("LPGA", "VPGA")
                    )
                ),
            ]
            for d in THREE
        ],
    ),
    Claim(
        "CL-57",
        PAPER,
        "Larger networks help LPGA.",
        "CIFAR-10: FID with residual networks below that without",
        order("FID", ["LPGA (ResNet, 512 filters)"], ["LPGA"], [CIFAR]),
    ),
]
