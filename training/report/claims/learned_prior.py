"""Claims of the paper on learned priors without latent regularization (Morrow and Chiu)."""

from report.claims.names import CIFAR, FACES, FASHION, FOUR, MNIST
from report.quantities import distance, number, of, ratio, slope, spread
from report.verdicts import Claim, chain, less

PAPER = "001-LearnedPrior"
BILEVEL = "VAE+flow prior (beta_KL={})"
LEARNED = "VAE+flow prior (beta_KL={}, learned gamma)"
ADVERSARIAL = "AAE+learned prior (beta_KL={})"
PLANE, GAUSSIAN, CODES = (
    f"{drawn} (beta_KL=0, d=2)" for drawn in ("VAE+flow prior", "one Gaussian", "training codes")
)
PLAIN, BETA = "VAE (std normal prior, beta=1)", "beta-VAE (beta_KL=25)"
SIZES = (8, 16, 32, 64, 128)


def weights(pattern):
    """Those of a sweep that we train; the paper shows its own in a figure alone."""
    return (0, 1) if pattern == ADVERSARIAL else (0, 0.1, 1)


def sweep(pattern):
    return [pattern.format(weight) for weight in weights(pattern)]


def sizes(weight):
    return [f"VAE+flow prior (beta_KL={weight}, d={size})" for size in SIZES]


def divergence(system):
    """That of codes of width 2 from what is drawn."""
    return of(system, MNIST, "divergence of codes from the prior, nats")


def prior(weight, metric):
    """A number of the model with a flow prior, on faces."""
    return of(BILEVEL.format(weight), FACES, metric)


CLAIMS = [
    Claim(
        "CL-20",
        PAPER,
        "With a learned prior, flow or adversarial, FID falls as the weight of the KL falls, "
        "on all four data sets.",
        "on each data set measured, over weights 0, 0.1, 1 with a flow and 0, 1 with an adversary: sign of "
        "the slope of FID, and each FID below that at the next weight",
        [
            [
                part
                for name in (BILEVEL, ADVERSARIAL)
                for part in (
                    less(number(0), slope(sweep(name), d, "FID")),
                    *chain("FID", sweep(name), [d]),
                )
            ]
            for d in FOUR
        ],
    ),
    Claim(
        "CL-21",
        PAPER,
        "When the decoder's variance is learned, the weight of the KL matters less.",
        "range of FID over the weights, learned variance below fixed, on each data set measured",
        [[less(spread(sweep(LEARNED), d, "FID"), spread(sweep(BILEVEL), d, "FID"))] for d in FOUR],
    ),
    Claim(
        "CL-22",
        PAPER,
        "Without the KL, FID depends more on the size of the code than with it.",
        "Fashion-MNIST and CIFAR-10: largest FID to smallest over sizes 8 to 128, weight 1 below weight 0",
        [less(*(spread(sizes(beta), d, "FID", relative=True) for beta in (1, 0))) for d in (FASHION, CIFAR)],
    ),
    Claim(
        "CL-23",
        PAPER,
        "On MNIST with codes of width 2 and no KL, the flow's samples match the many modes of the codes.",
        "divergence of codes from the flow's samples below that from one Gaussian fitted to them, and nearer "
        "to that from codes of training images",
        [
            less(divergence(PLANE), divergence(GAUSSIAN)),
            less(
                distance(divergence(PLANE), divergence(CODES)),
                distance(divergence(GAUSSIAN), divergence(PLANE)),
            ),
        ],
    ),
    Claim(
        "CL-24",
        PAPER,
        "Attributes are easier to separate, and paths shorter, on the encoder's side of the flow than on "
        "that of the noise; paths are shortest without the KL, and separability is the same with and "
        "without.",
        "faces: separability and PPL (zT) below (z0), weights 0 and 1; PPL (zT) at 0 below that at 1 and "
        "the VAE's; separability (zT) of the two within 0.1",
        [
            *(
                less(
                    prior(beta, f"{metric} (zT)"),
                    prior(beta, f"{metric} (z0)"),
                )
                for metric in ("linear separability", "PPL")
                for beta in (0, 1)
            ),
            less(prior(0, "PPL (zT)"), prior(1, "PPL (zT)")),
            less(prior(0, "PPL (zT)"), of(PLAIN, FACES, "PPL")),
            less(
                distance(*(prior(beta, "linear separability (zT)") for beta in (0, 1))),
                number(0.1),
                own=True,
            ),
        ],
    ),
    Claim(
        "CL-25",
        PAPER,
        "A beta-VAE pays for a little separability with a much worse FID.",
        "faces: FID over 1.5 times the VAE's; separability within 0.2",
        [
            less(
                number(1.5),
                ratio(
                    of(BETA, FACES, "FID"),
                    of(PLAIN, FACES, "FID"),
                ),
                own=True,
            ),
            less(
                distance(
                    of(BETA, FACES, "linear separability"),
                    of(PLAIN, FACES, "linear separability"),
                ),
                number(0.2),
                own=True,
            ),
        ],
    ),
    Claim(
        "CL-26",
        PAPER,
        "Along an attribute's direction faces change at a nearly constant rate on the "
        "encoder's side, and unevenly on that of the noise, worst at the ends.",
        "faces, weight 0: coefficient of variation of the median rate, (zT) below (z0)",
        [less(*(prior(0, f"variation of the rate of change ({z})") for z in ("zT", "z0")))],
    ),
    Claim(
        "CL-27",
        PAPER,
        "A variational U-Net with a learned prior draws more varied people, no less real.",
        "DeepFashion: IS and LPIPS diversity",
        never="DeepFashion's images with poses are not to be had here",
    ),
]
