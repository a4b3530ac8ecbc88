"""Claims of Generative Latent Flow (Xiao, Yan and Amit, 2019, arXiv:1905.10485)."""

from report.claims.names import CIFAR, EYE, FOUR
from report.quantities import (
    clearest_fall,
    clearest_rise,
    distance,
    first,
    last,
    lowest,
    number,
    of,
    ratio,
    slope,
)
from report.verdicts import Claim, between, fails, less, never_rises, order, oscillates

PAPER = "000-GLF"
BASELINES = [
    "VAE",
    "WAE-GAN",
    "Two-Stage VAE",
    "RAE+GMM",
    "VAE+flow prior (beta_rec=1)",
    "VAE+flow posterior",
]
FREE = "GLF without stop-gradient (beta_rec={})"
JOINT = "VAE+flow prior (beta_rec={})"
WEIGHTS = (1, 10, 50, 100, 400)
MSE, NLL = "squared error of reconstruction", "NLL of codes, nats"


def time_of_the_flow(dataset):
    """Parts: on one data set GLF takes little more time than without its flow."""
    seconds = (of(name, dataset, "seconds per epoch") for name in ("GLF", "GLF without its flow"))
    return [less(ratio(*seconds), number(1.25), own=True)]


def steady(dataset):
    """Parts: on one data set the FID of GLF falls without a spike and its likelihood stays bounded."""
    fid, nll = ("GLF", dataset, "FID"), ("GLF", dataset, NLL)
    return [less(last(*fid), first(*fid)), never_rises(clearest_rise(*fid)), less(number(0), lowest(*nll))]


def sweep(pattern):
    return [pattern.format(weight) for weight in WEIGHTS]


CLAIMS = [
    Claim(
        "CL-01",
        PAPER,
        "GLF's samples are better than those of every autoencoder trained on squared error, on all four data "
        "sets.",
        "FID of GLF below that of each of six baselines, on each data set measured",
        [order("FID", ["GLF"], BASELINES, [d]) for d in FOUR],
    ),
    Claim(
        "CL-02",
        PAPER,
        "Fitting the flow after the autoencoder does as well as fitting both at once.",
        "FID of the two within 2 points, on each data set measured",
        [
            [less(distance(of("GLF (two stages)", d, "FID"), of("GLF", d, "FID")), number(2), own=True)]
            for d in FOUR
        ],
    ),
    Claim(
        "CL-03",
        PAPER,
        "As GLF trains, its FID falls steadily and the likelihood of its codes stays bounded.",
        "curves of each data set measured: FID ends lower and never rises by more than noise, NLL stays "
        "above 0",
        [steady(d) for d in FOUR],
    ),
    Claim(
        "CL-04",
        PAPER,
        "When the flow also teaches the encoder, reconstruction fails at weights 1 and 10; at 50, 100 and "
        "400 the likelihood runs away and FID oscillates.",
        "CIFAR-10: training diverges, or squared error over twice GLF's, at 1 and 10; NLL below 0 and FID "
        "rising and falling beyond noise at the others",
        [
            *(
                fails(name, CIFAR, number(2), ratio(of(name, CIFAR, MSE), of("GLF", CIFAR, MSE)))
                for name in sweep(FREE)[:2]
            ),
            *(less(of(name, CIFAR, NLL), number(0)) for name in sweep(FREE)[2:]),
            *(
                oscillates(clearest_rise(name, CIFAR, "FID"), clearest_fall(name, CIFAR, "FID"))
                for name in sweep(FREE)[2:]
            ),
        ],
    ),
    Claim(
        "CL-05",
        PAPER,
        "Without the stop-gradient the codes shrink towards 0, and so their NLL falls without end.",
        "CIFAR-10, weight 400: deviation of codes ends lower than it began, NLL ends below 0 and below GLF's",
        [
            less(
                last(FREE.format(400), CIFAR, "deviation of codes"),
                first(FREE.format(400), CIFAR, "deviation of codes"),
            ),
            less(of(FREE.format(400), CIFAR, NLL), number(0)),
            *order(NLL, [FREE.format(400)], ["GLF"], [CIFAR]),
        ],
    ),
    Claim(
        "CL-06",
        PAPER,
        "A VAE with a flow prior neither diverges nor overfits its NLL, even at a small weight of "
        "reconstruction.",
        "CIFAR-10, weight 1: squared error ends lower than it began, NLL stays above 0",
        [
            less(last(JOINT.format(1), CIFAR, MSE), first(JOINT.format(1), CIFAR, MSE)),
            less(number(0), lowest(JOINT.format(1), CIFAR, NLL)),
        ],
    ),
    Claim(
        "CL-07",
        PAPER,
        "The larger the weight of reconstruction, the nearer a VAE with a flow prior comes to GLF, "
        "which stays slightly better.",
        "CIFAR-10: FID falls over weights 1, 10, 50, 100, 400; GLF below the last",
        [
            less(slope(sweep(JOINT), CIFAR, "FID"), number(0)),
            *order("FID", ["GLF"], [JOINT.format(400)], [CIFAR]),
        ],
    ),
    Claim(
        "CL-08",
        PAPER,
        "A larger weight of reconstruction gives a smaller posterior variance, about 1e-4 at 400; "
        "learning the weight does not help.",
        "CIFAR-10: mean posterior variance falls over the weights and is between 3e-5 and 3e-4 at 400; FID "
        "at 400 below that of the learned weight",
        [
            less(slope(sweep(JOINT), CIFAR, "mean posterior variance"), number(0)),
            *between(3e-5, of(JOINT.format(400), CIFAR, "mean posterior variance"), 3e-4),
            *order("FID", [JOINT.format(400)], [JOINT.format("learned")], [CIFAR]),
        ],
    ),
    Claim(
        "CL-09",
        PAPER,
        "A flow in the posterior does not improve on a plain VAE.",
        "CIFAR-10: FID of the VAE below that with a flow posterior",
        order("FID", ["VAE"], ["VAE+flow posterior"], [CIFAR]),
    ),
    Claim(
        "CL-10",
        PAPER,
        "GLF needs fewer epochs than the two-stage VAE and GLANN, and its flow takes little time.",
        "each data set measured: seconds per epoch at most 1.25 times those without the flow; epochs decide "
        "nothing here, since our recipes have the papers'",
        [time_of_the_flow(d) for d in FOUR],
    ),
    Claim(
        "CL-11",
        PAPER,
        "A perceptual loss roughly halves GLF's FID on CIFAR-10.",
        "ratio of the FIDs between 0.35 and 0.65",
        between(0.35, ratio(of("GLF+perceptual", CIFAR, "FID"), of("GLF", CIFAR, "FID")), 0.65),
    ),
    Claim(
        "CL-12",
        PAPER,
        "Straight lines between noise vectors give smooth changes of faces.",
        "checkpoints/glf-celeba/interpolations.png",
        never=EYE,
    ),
]
