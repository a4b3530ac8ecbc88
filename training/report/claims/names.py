"""Data sets as the published records name them, and what several papers' claims share."""

MNIST, FASHION, CIFAR, FACES = "MNIST", "Fashion-MNIST", "CIFAR-10", "CelebA-64 (crop 160)"
FOUR = (MNIST, FASHION, CIFAR, FACES)
EYE = "it is judged by eye, and a verdict here comes from numbers alone"
