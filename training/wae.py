"""Wasserstein autoencoders (Tolstikhin, Bousquet, Gelly and Schoelkopf, 2018, arXiv:1711.01558).

    latentzoo train wae-gan-fashion

The settings are those of Xiao, Yan and Amit, "Generative Latent Flow" (2019, arXiv:1905.10485): the InfoGAN
networks, a critic of four layers of 512, batches of 100; Adam at 1e-3 for the autoencoder and 5e-4 for the
critic, lambda = 10 and a prior of variance 1; on CelebA at 3e-4 and 1e-3, lambda = 1 and a prior of variance
2. Rates are halved, and later divided by five more: after 30 and 50 of 100 epochs on MNIST and Fashion-MNIST,
60 and 120 of 200 on CIFAR-10, 30 and 50 of 55 on CelebA. The weight 0.05 of the squared error and Adam's
beta_1 = 0.5 are those of the public code that they follow.

CelebA: the paper trains on all 162,770 faces, these settings on the 12,882 of split `fit`. Computed in
bfloat16 with weights in float32; `--set model.dtype=float32` is as the paper has it.
"""

ADAM = {"learning_rate": 1e-3, "beta_1": 0.5, "epsilon": 1e-8}
PAPER = {
    "family": "WAE",
    "model": {"latent_dim": 20, "dtype": "mixed_bfloat16", "penalty": "gan", "beta_penalty": 10.0},
    "optimizer": ADAM,
    "optimizers": {"critic": {"learning_rate": 5e-4}},
    "split": "train",
    "flip": False,
    "batch_size": 100,
    "epochs": 100,
    "learning_rate_factors": {30: 0.5, 50: 0.1},
    "seed": 0,
}
GAN = {
    "mnist": {**PAPER, "data": "mnist"},
    "fashion": {**PAPER, "data": "fashion_mnist"},
    "cifar10": {
        **PAPER,
        "data": "cifar10",
        "model": {**PAPER["model"], "latent_dim": 64},
        "epochs": 200,
        "learning_rate_factors": {60: 0.5, 120: 0.1},
    },
    "celeba": {
        **PAPER,
        "data": "celeba",
        "model": {**PAPER["model"], "latent_dim": 64, "beta_penalty": 1.0, "prior_deviation": 2**0.5},
        "optimizer": {**ADAM, "learning_rate": 3e-4},
        "optimizers": {"critic": {"learning_rate": 1e-3}},
        "split": "fit",
        "epochs": 55,
    },
}


def discrepancy(row):
    """The same with the other penalty, which has no critic."""
    row = {**row, "model": {**row["model"], "penalty": "mmd"}}
    del row["optimizers"]
    return row


RECIPES = {
    **{f"wae-gan-{name}": row for name, row in GAN.items()},
    **{f"wae-mmd-{name}": discrepancy(row) for name, row in GAN.items()},
}
