"""Learned priors without latent regularization (Morrow and Chiu, 2020), and what they are compared with.

    latentzoo train vae-flow-prior-beta0-fashion
    latentzoo train factor-vae-residual-celeba

The settings are those of the paper: Adam at 1e-4, batches of 100, codes of width 64, pixels of variance 1,
and a flow of L couplings with D hidden units: (L, D) = (24, 1024) on MNIST and Fashion-MNIST, (16, 256) on
CIFAR-10 and (30, 1024) on CelebA. Encoder, decoder and prior train for 200, 300, 500 and 200 epochs, on
CIFAR-10 with the rate halved after 250; then the prior alone for 100, on CelebA for 50, at a rate that the
paper does not tell: 1e-4 here. The encoder hears of the prior at the weight `beta_kl`: 0 and 1 are rows
below, others `--set model.beta_kl=0.1`. An adversarial autoencoder whose prior is a generator trains for 200,
300, 300 and 200 epochs, at the weight 0; the paper tells of no epochs of its prior alone.

Networks: the paper names its reference [5] and has no list of references. By the alphabet that is InfoGAN,
and these are InfoGAN's as Dai and Wipf (2019, arXiv:1903.05789) have them, whose code the paper measures by,
but for the spectral norm of encoders, which is Keras' (see `latentzoo.networks.infogan.encoder`).

`*-residual-celeba` are those of its table 1, with residual networks of four scales: a VAE, a beta-VAE
(`beta_kl=25`), a FactorVAE (gamma 40) and the flow prior at 0 and 1. 300 epochs with the rate halved every
100 are the paper's; the rest it does not tell, and is as above.

CelebA: the paper trains on all 162,770 faces, these settings on the 12,882 of split `fit`. Computed in
bfloat16 with weights in float32; `--set model.dtype=float32` is as the paper has it.
"""

ADAM = {"learning_rate": 1e-4, "epsilon": 1e-8}
WIDTH = 64
START = {"momentum": 0.999, "deviation": 0.02}
INFOGAN = {
    "encoder": {
        "name": "infogan",
        "heads": 2,
        "spectral_norm": True,
        "negative_slope": 0.2,
        **START,
    },
    "decoder": {"name": "infogan", **START},
}
RESIDUAL = {
    "encoder": {"name": "residual", "heads": 2, "width": 32, "scales": 4},
    "decoder": {"name": "residual", "width": 32},
}
SETS = {  # with the sizes of the flow, and the epochs of all parts and of the prior alone
    "mnist": ({"data": "mnist"}, (24, 1024), (200, 100)),
    "fashion": ({"data": "fashion_mnist"}, (24, 1024), (300, 100)),
    "cifar10": ({"data": "cifar10", "learning_rate_factors": {250: 0.5}}, (16, 256), (500, 100)),
    "celeba": ({"data": "celeba", "split": "fit"}, (30, 1024), (200, 50)),
}
FACES, FLOW, (_, AFTERWARDS) = SETS["celeba"]


def row(family, networks, epochs, model=None, **more):
    return {
        "family": family,
        "model": {"latent_dim": WIDTH, "dtype": "mixed_bfloat16", **(model or {})},
        "networks": networks,
        "optimizer": ADAM,
        "split": "train",
        "flip": False,
        "batch_size": 100,
        "epochs": epochs,
        "learning_rate_factors": {},
        "seed": 0,
        **more,
    }


def flow_prior(beta, networks, flow, epochs, **more):
    """A VAE with a flow prior, of so many couplings and units, and epochs of all parts and of the prior."""
    prior = {
        "name": "realnvp",
        "blocks": flow[0],
        "couplings_per_block": 1,
        "units": flow[1],
        "coupling": "sigmoid",
        "mixing": "reverse",
        "affine": True,
    }
    alone = {"optimizer": ADAM, "batch_size": 100, "epochs": epochs[1]}
    model = {"beta_kl": float(beta)}
    return row("FlowPriorVAE", networks, epochs[0], model, prior=prior, prior_fit=alone, **more)


def adversarial(epochs, **more):
    """An adversarial autoencoder whose prior learns, and whose codes do not give way to it."""
    networks = {**INFOGAN, "encoder": {**INFOGAN["encoder"], "heads": 1}}
    return row("AAE", networks, epochs, {"learned_prior": True, "beta_kl": 0.0}, **more)


HALVING = {**FACES, "learning_rate_factors": {100: 0.5, 200: 0.25}}
RECIPES = {
    **{
        f"vae-flow-prior-beta{beta}-{name}": flow_prior(beta, INFOGAN, flow, epochs, **more)
        for name, (more, flow, epochs) in SETS.items()
        for beta in (0, 1)
    },
    "aae-learned-prior-mnist": adversarial(200, data="mnist"),
    "aae-learned-prior-fashion": adversarial(300, data="fashion_mnist"),
    "aae-learned-prior-cifar10": adversarial(300, data="cifar10"),
    "aae-learned-prior-celeba": adversarial(200, data="celeba", split="fit"),
    "vae-residual-celeba": row("VAE", RESIDUAL, 300, **HALVING),
    "beta-vae-residual-celeba": row("VAE", RESIDUAL, 300, {"beta_kl": 25.0}, **HALVING),
    "factor-vae-residual-celeba": row(
        "FactorVAE",
        RESIDUAL,
        300,
        {"beta_tc": 40.0},
        optimizers={"critic": {"beta_1": 0.5, "beta_2": 0.9}},
        **HALVING,
    ),
    **{
        f"vae-flow-prior-beta{beta}-residual-celeba": flow_prior(
            beta, RESIDUAL, FLOW, (300, AFTERWARDS), **HALVING
        )
        for beta in (0, 1)
    },
}
