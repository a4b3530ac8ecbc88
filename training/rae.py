"""Regularized autoencoders with a mixture fitted to their codes, as Xiao, Yan and Amit compare with them.

    latentzoo train rae-mixture-fashion

Ghosh, Sajjadi, Vergari, Black and Schoelkopf (2020), arXiv:1903.12436, in the settings of "Generative Latent
Flow" (2019, arXiv:1905.10485): the InfoGAN networks, a weight of 0.5 for the length of codes, a mixture of
ten normal distributions; Adam at 1e-3, batches of 256, the epochs of Generative Latent Flow.

CelebA: the paper trains on all 162,770 faces, these settings on the 12,882 of split `fit`. Computed in
bfloat16 with weights in float32; `--set model.dtype=float32` is as the paper has it.
"""

PAPER = {
    "family": "RAE",
    "model": {"latent_dim": 20, "beta_latent": 0.5, "dtype": "mixed_bfloat16"},
    "prior": {"name": "mixture", "components": 10},
    "prior_fit": {},
    "optimizer": {"learning_rate": 1e-3, "epsilon": 1e-8},
    "split": "train",
    "flip": False,
    "batch_size": 256,
    "epochs": 100,
    "learning_rate_factors": {50: 0.5},
    "seed": 0,
}
WIDE = {"model": {**PAPER["model"], "latent_dim": 64}}

RECIPES = {
    "rae-mixture-mnist": {**PAPER, "data": "mnist"},
    "rae-mixture-fashion": {**PAPER, "data": "fashion_mnist"},
    "rae-mixture-cifar10": {
        **PAPER,
        **WIDE,
        "data": "cifar10",
        "epochs": 200,
        "learning_rate_factors": {50: 0.5, 100: 0.25, 150: 0.125},
    },
    "rae-mixture-celeba": {
        **PAPER,
        **WIDE,
        "data": "celeba",
        "split": "fit",
        "epochs": 40,
        "learning_rate_factors": {},
    },
}
