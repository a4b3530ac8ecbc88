"""Variational autoencoders with a flow as their prior or behind their posterior, as Xiao, Yan and Amit have
them.

    latentzoo train vae-flow-prior-fashion
    latentzoo train vae-flow-posterior-fashion

"Generative Latent Flow" (2019, arXiv:1905.10485): schedules are those of the variational autoencoder, flows
those of Generative Latent Flow: 4 blocks with k = 64 (d = 20) or 256 (d = 64) hidden units. `beta_rec` is 1,
as in the paper's first table. All groups descend one objective.

CelebA: the paper trains on all 162,770 faces, these settings on the 12,882 of split `fit`.
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

RECIPES = {
    **{f"vae-flow-prior-{name}": {**PAPER, "family": "FlowPriorVAE", **row} for name, row in SETS.items()},
    **{
        f"vae-flow-posterior-{name}": {**PAPER, "family": "FlowPosteriorVAE", **row}
        for name, row in SETS.items()
    },
}
