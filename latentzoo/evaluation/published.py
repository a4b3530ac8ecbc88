"""What the papers have published of the systems on the shelf; all of it is in `training/published.json`."""

import json

from latentzoo.recipes import FOLDER

DATA = {
    "mnist": "MNIST",
    "fashion": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
    "celeba": "CelebA-64 (crop 160)",
}
# Of the paper on Generative Latent Flow: recipes less their data set, and systems as the records call them.
LATENT_FLOW = {
    "glf": "GLF",
    "glf-two-stage": "GLF (two stages)",
    "glf-perceptual": "GLF+perceptual",
    "glann": "GLANN (perceptual)",
    "rae-mixture": "RAE+GMM",
    "two-stage-vae": "Two-Stage VAE",
    "vae": "VAE",
    "vae-flow-posterior": "VAE+flow posterior",
    "vae-flow-prior": "VAE+flow prior (beta_rec=1)",
    "wae-gan": "WAE-GAN",
}
# Of the paper on perceptual generative autoencoders.
PERCEPTUAL = {"lpga": "LPGA", "vpga": "VPGA", "lvpga": "LVPGA", "vae-pga": "VAE"}
# Checkpoint, or the recipe of one: paper, system and data set.
OURS = {
    f"{name}-{short}": (paper, system, data)
    for paper, systems in (("000-GLF", LATENT_FLOW), ("004-PGA", PERCEPTUAL))
    for name, system in systems.items()
    for short, data in DATA.items()
}
METRICS = {
    "FID": "frechet_distance",
    "FCD": "frechet_distance",
    "PRD F8 (recall)": "f8",
    "PRD F1/8 (precision)": "f1_8",
    "IS": "inception_score",
}


def records():
    """All published numbers, a list of dicts."""
    return json.loads((FOLDER / "published.json").read_text(encoding="utf-8"))


def of(recipe, metric):
    """What is published for what a recipe trains, of one of our metrics on samples."""
    row = OURS.get(recipe)
    return [
        record
        for record in (records() if row else [])
        if (record["paper"], record["system"], record["dataset"]) == row
        and METRICS.get(record["metric"]) == metric
    ]
