"""Claims of partially invertible VAEs with adversarial training (Lucas and others, 2019)."""

from report.claims.names import CIFAR, EYE
from report.quantities import distance, number, of, ratio
from report.verdicts import Claim, between, chain, less, order

PAPER = "003-CQFG"

CLAIMS = [
    Claim(
        "CL-40",
        PAPER,
        "Adding the adversary to a VAE keeps its BPD and lifts its samples to between VAE and GAN.",
        "CIFAR-10: BPD within 0.1; FID in the order GAN, CQG, VAE",
        [
            less(distance(of("CQG", CIFAR, "BPD"), of("VAE", CIFAR, "BPD")), number(0.1), own=True),
            *chain("FID", ["GAN baseline", "CQG", "VAE"], [CIFAR]),
        ],
    ),
    Claim(
        "CL-41",
        PAPER,
        "Invertible layers improve both BPD and samples of a VAE, not to the level of a GAN.",
        "CIFAR-10: BPD of piVAE below the VAE's; FID in the order GAN, piVAE, VAE",
        [*chain("BPD", ["piVAE", "VAE"], [CIFAR]), *chain("FID", ["GAN baseline", "piVAE", "VAE"], [CIFAR])],
    ),
    Claim(
        "CL-42",
        PAPER,
        "CQFG samples as well as a GAN, with a better BPD than the VAE.",
        "CIFAR-10: FID at most 1.1 and IS at least 0.9 times the GAN's; BPD below the VAE's",
        [
            less(ratio(of("CQFG", CIFAR, "FID"), of("GAN baseline", CIFAR, "FID")), number(1.1), own=True),
            less(number(0.9), ratio(of("CQFG", CIFAR, "IS"), of("GAN baseline", CIFAR, "IS")), own=True),
            *chain("BPD", ["CQFG", "VAE"], [CIFAR]),
        ],
    ),
    Claim(
        "CL-43",
        PAPER,
        "Residual blocks, then autoregressive posteriors, then a larger discriminator each improve "
        "CQFG's samples.",
        "CIFAR-10: FID falls and IS rises at each step",
        [
            part
            for metric, turn in (("FID", -1), ("IS", 1))
            for part in chain(
                metric,
                ["CQFG", "CQFG +Res", "CQFG +Res+IAF", "CQFG (large-D) +Res+IAF"][::turn],
                [CIFAR],
            )
        ],
    ),
    Claim(
        "CL-44",
        PAPER,
        "More scales lower the BPD but worsen CQFG's samples; three or more overfit.",
        "CIFAR-10: BPD with two scales below one; FID rises, IS falls from one scale to two to three; of "
        "piVAE the BPD with four scales is lower than with two on training images, higher on test images",
        [
            *chain("BPD", ["CQFG (scales=2, blocks=2)", "CQFG (scales=1, blocks=2)"], [CIFAR]),
            *(
                part
                for metric, turn in (("FID", 1), ("IS", -1))
                for part in chain(
                    metric,
                    [f"CQFG (scales={s}, blocks={b})" for s, b in ((1, 2), (2, 2), (3, 3))][::turn],
                    [CIFAR],
                )
            ),
            *chain("BPD", ["piVAE (scales=2, blocks=2)", "piVAE (scales=4, blocks=1)"], [CIFAR]),
            *chain(
                "BPD (training images)", ["piVAE (scales=4, blocks=1)", "piVAE (scales=2, blocks=2)"], [CIFAR]
            ),
        ],
    ),
    Claim(
        "CL-45",
        PAPER,
        "Given classes, CQFG's samples are recognized about as well as a GAN's, and teach a classifier "
        "far better.",
        "CIFAR-10: GAN-test within 10 points; GAN-train over 1.5 times the GAN's",
        [
            less(
                distance(
                    of("CQFG (class-cond, CWN)", CIFAR, "GAN-test (%)"),
                    of("GAN baseline (class-cond)", CIFAR, "GAN-test (%)"),
                ),
                number(10),
                own=True,
            ),
            less(
                number(1.5),
                ratio(
                    of("CQFG (class-cond, CWN)", CIFAR, "GAN-train (%)"),
                    of("GAN baseline (class-cond)", CIFAR, "GAN-train (%)"),
                ),
                own=True,
            ),
        ],
    ),
    Claim(
        "CL-46",
        PAPER,
        "Any adversarial weight from 10 to 100 ends the same; below 10 the discriminator sometimes "
        "collapses.",
        "CIFAR-10: FID at 10 within a tenth of that at 100, and FID at 1 above it",
        [
            *between(0.9, ratio(*(of(f"CQFG (w_adv={w})", CIFAR, "FID") for w in (10, 100))), 1.1),
            *order("FID", ["CQFG (w_adv=100)"], ["CQFG (w_adv=1)"], [CIFAR]),
        ],
    ),
    Claim("CL-47", PAPER, "Reconstructions look the same as their images.", "a figure", never=EYE),
]
