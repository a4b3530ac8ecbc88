"""Variational autoencoders, also with a flow for a prior or behind the posterior.

    latentzoo train vae-fashion
    latentzoo train vae-flow-prior-fashion
    latentzoo train vae-flow-posterior-fashion

The settings are those of Xiao, Yan and Amit, "Generative Latent Flow" (2019, arXiv:1905.10485): the InfoGAN
networks, Adam at 1e-3, batches of 256, twice the epochs of their own method: MNIST and Fashion-MNIST 200 with
the rate halved after 100, CIFAR-10 400 with the rate halved every 100, CelebA 80 with the rate halved after
40. A pixel's variance is 1, as their beta is. Flows are those of Generative Latent Flow: 4 blocks with k = 64
(d = 20) or 256 (d = 64) hidden units, and all groups descend one objective.

CelebA: the paper trains on all 162,770 faces, these settings on the 12,882 of split `fit`. Computed in
bfloat16 with weights in float32; `--set model.dtype=float32` is as the paper has it.
"""

PAPER = {
    "model": {"latent_dim": 20, "dtype": "mixed_bfloat16"},
    "optimizer": {"learning_rate": 1e-3, "epsilon": 1e-8},
    "split": "train",
    "flip": False,
    "batch_size": 256,
    "epochs": 200,
    "learning_rate_factors": {100: 0.5},
    "seed": 0,
}
WIDE = {"model": {**PAPER["model"], "latent_dim": 64}}
SETS = {
    "mnist": {"data": "mnist"},
    "fashion": {"data": "fashion_mnist"},
    "cifar10": {
        **WIDE,
        "data": "cifar10",
        "epochs": 400,
        "learning_rate_factors": {100: 0.5, 200: 0.25, 300: 0.125},
    },
    "celeba": {**WIDE, "data": "celeba", "split": "fit", "epochs": 80, "learning_rate_factors": {40: 0.5}},
}
FAMILIES = {"vae": "VAE", "vae-flow-prior": "FlowPriorVAE", "vae-flow-posterior": "FlowPosteriorVAE"}

RECIPES = {
    f"{name}-{short}": {**PAPER, "family": family, **row}
    for name, family in FAMILIES.items()
    for short, row in SETS.items()
}
