"""AdvAE and FlowAE (Sridhar and Srivastava, a report of a course at Stanford), and what they compare with.

    latentzoo train flowae-mnist

Digits of black and white pixels: those to train on are drawn anew in every epoch, with the grey of MNIST as
probability, those to measure on are cut at a half. Codes of d = 10, batches of 100. Ten epochs of the
autoencoder, which the paper trains 5 to 10 "until convergence"; then 50 of the prior on codes that are fixed,
of one such draw.

The paper states no width, no optimizer and no rate. Here are two hidden layers of 300 with batch norm and
ELU, which but for batch norm is the network of the homework that the authors started from, a softplus for the
deviation of the VAE's posterior, and Adam at 1e-3; a flow of five couplings, each with a network of one
hidden layer of 300 with ReLU; a generator and a critic of two of 300, by Adam at 1e-4 (0.5, 0.9) with the
Wasserstein loss and at 2e-4 (0.5, 0.999) with the other.
Where the encoder of the AAE and its critic play it is 2e-4 (0.5, 0.999), too: with Adam's own 0.9 the mean of
the codes was seen to circle that of the prior, and at 1e-3 they wander too fast for the moving statistics of
batch norm. The VAE and the AAE, which learn all at once, are trained for the 60 epochs of both stages.
"""

ADAM = {"learning_rate": 1e-3, "epsilon": 1e-8}
GAN = {"learning_rate": 2e-4, "beta_1": 0.5}
STAGE, PRIOR = 10, 50  # epochs
PAPER = {
    "data": "mnist",
    "binarize": True,
    "model": {"latent_dim": 10, "likelihood": "bernoulli"},
    "networks": {"encoder": {"name": "mlp", "heads": 1}, "decoder": {"name": "mlp"}},
    "optimizer": ADAM,
    "split": "train",
    "flip": False,
    "batch_size": 100,
    "epochs": STAGE,
    "learning_rate_factors": {},
    "seed": 0,
}
WHOLE = {**PAPER, "epochs": STAGE + PRIOR}


def adversarial(loss, optimizer):
    """AdvAE."""
    return {
        **PAPER,
        "family": "PlainAutoencoder",
        "prior": {"name": "adversarial"},
        "prior_fit": {
            "optimizer": {"epsilon": 1e-8, **optimizer},
            "batch_size": 100,
            "epochs": PRIOR,
            "settings": {"loss": loss},
        },
    }


RECIPES = {
    "vae-binary-mnist": {
        **WHOLE,
        "family": "VAE",
        "networks": {**PAPER["networks"], "encoder": {"name": "mlp", "heads": 2}},
    },
    "aae-mnist": {
        **WHOLE,
        "family": "AAE",
        "optimizers": {"encoder_regularization": GAN, "critic": GAN},
    },
    "flowae-mnist": {
        **PAPER,
        "family": "PlainAutoencoder",
        "prior": {
            "name": "realnvp",
            "blocks": 5,
            "couplings_per_block": 1,
            "units": 300,
            "hidden_layers": 1,
            "coupling": "tanh",
            "mixing": "reverse",
        },
        "prior_fit": {"optimizer": ADAM, "batch_size": 100, "epochs": PRIOR},
    },
    "advae-mnist": adversarial("wgan-gp", {"learning_rate": 1e-4, "beta_1": 0.5, "beta_2": 0.9}),
    "advae-gan-mnist": adversarial("gan", GAN),
}
