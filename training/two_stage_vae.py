"""Two-stage variational autoencoders (Dai and Wipf, 2019, arXiv:1903.05789).

    latentzoo train two-stage-vae-fashion

The settings are those of Xiao, Yan and Amit, "Generative Latent Flow" (2019, arXiv:1905.10485): the InfoGAN
networks, Adam at 1e-4, batches of 100. Epochs of the two stages, and after how many rates are halved: MNIST
and Fashion-MNIST 400 and 800, every 150 and 300; CIFAR-10 1000 and 2000, every 300 and 600; CelebA 120 and
300, every 48 and 120.

CelebA: the paper trains on all 162,770 faces, these settings on the 12,882 of split `fit`. Computed in
bfloat16 with weights in float32; `--set model.dtype=float32` is as the paper has it.
"""

ADAM = {"learning_rate": 1e-4, "epsilon": 1e-8}


def halving(every, epochs):
    return {start: 0.5**i for i, start in enumerate(range(every, epochs, every), 1)}


def row(data, latent_dim, first, second, **more):
    """A recipe; `first` and `second` are epochs of a stage and of half a rate."""
    return {
        "family": "TwoStageVAE",
        "data": data,
        "model": {"latent_dim": latent_dim, "dtype": "mixed_bfloat16"},
        "optimizer": ADAM,
        "split": "train",
        "flip": False,
        "batch_size": 100,
        "epochs": first[0],
        "learning_rate_factors": halving(first[1], first[0]),
        "prior_fit": {
            "optimizer": ADAM,
            "batch_size": 100,
            "epochs": second[0],
            "learning_rate_factors": halving(second[1], second[0]),
        },
        "seed": 0,
        **more,
    }


RECIPES = {
    "two-stage-vae-mnist": row("mnist", 20, (400, 150), (800, 300)),
    "two-stage-vae-fashion": row("fashion_mnist", 20, (400, 150), (800, 300)),
    "two-stage-vae-cifar10": row("cifar10", 64, (1000, 300), (2000, 600)),
    "two-stage-vae-celeba": row("celeba", 64, (120, 48), (300, 120), split="fit"),
}
