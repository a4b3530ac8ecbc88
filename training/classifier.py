"""Classifiers whose features measure samples: the Frechet classifier distance.

    latentzoo train classifier-fashion

MNIST gets a small convolutional network with 128 features; the others a residual network of depth 20 (14 for
clothes) with 64 features (128 for faces), stochastic gradient descent with Nesterov momentum 0.9 from a rate
of 0.1, weight decay 5e-4 on everything, and random shifts. The widths, the schedules and the augmentation
are ours: no paper prints any. Computed in bfloat16 with weights in float32.
"""

SGD = {"name": "SGD", "learning_rate": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}
RESNET = {
    "family": "Classifier",
    "model": {"classes": 10, "network": "resnet", "dtype": "mixed_bfloat16"},
    "optimizer": SGD,
    "split": "train",
    "flip": True,
    "shift": 4,
    "batch_size": 128,
    "epochs": 20,
    "learning_rate_factors": {12: 0.1, 17: 0.01},
    "seed": 0,
}

RECIPES = {
    "classifier-mnist": {
        **RESNET,
        "data": "mnist",
        "model": {**RESNET["model"], "network": "lenet"},
        "optimizer": {"learning_rate": 1e-3, "epsilon": 1e-8},
        "flip": False,
        "shift": 2,
        "epochs": 20,
        "learning_rate_factors": {10: 0.3, 15: 0.1},
    },
    "classifier-fashion": {
        **RESNET,
        "data": "fashion_mnist",
        "model": {**RESNET["model"], "settings": {"blocks": 2}},
        "shift": 2,
        "epochs": 15,
        "learning_rate_factors": {9: 0.1, 13: 0.01},
    },
    "classifier-cifar10": {
        **RESNET,
        "data": "cifar10",
        "epochs": 32,
        "learning_rate_factors": {20: 0.1, 28: 0.01},
    },
    "classifier-celeba": {
        **RESNET,
        "data": "celeba",
        "model": {
            **RESNET["model"],
            "classes": 40,
            "attributes": True,
            "settings": {"width": 32, "stride": 2},
        },
        "split": "fit",
    },
}
