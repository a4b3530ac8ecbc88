"""Variational autoencoders (Kingma and Welling, 2014, arXiv:1312.6114) as Xiao, Yan and Amit compare with
them.

    latentzoo train vae-fashion

The settings are those of "Generative Latent Flow" (2019, arXiv:1905.10485): the InfoGAN networks, Adam at
1e-3, batches of 256, twice the epochs of their own method: MNIST and Fashion-MNIST 200 with the rate halved
after 100, CIFAR-10 400 with the rate halved every 100, CelebA 80 with the rate halved after 40. A pixel's
variance is 1, as their beta is.

CelebA: the paper trains on all 162,770 faces, these settings on the 12,882 of split `fit`.
"""

PAPER = {
    "family": "VAE",
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

RECIPES = {
    "vae-mnist": {**PAPER, "data": "mnist"},
    "vae-fashion": {**PAPER, "data": "fashion_mnist"},
    "vae-cifar10": {
        **PAPER,
        **WIDE,
        "data": "cifar10",
        "epochs": 400,
        "learning_rate_factors": {100: 0.5, 200: 0.25, 300: 0.125},
    },
    "vae-celeba": {
        **PAPER,
        **WIDE,
        "data": "celeba",
        "split": "fit",
        "epochs": 80,
        "learning_rate_factors": {40: 0.5},
    },
}
