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
# Of learned priors, its sweep and its table of faces with residual networks; of AdvAE and FlowAE; and of
# perceptual generative autoencoders.
SWEEP = {f"vae-flow-prior-beta{beta}": f"VAE+flow prior (beta_KL={beta})" for beta in (0, 1)}
ADVERSARIAL = {"aae-learned-prior": "AAE+learned prior (beta_KL=0)"}
RESIDUAL = {
    "vae-residual": "VAE (std normal prior, beta=1)",
    "beta-vae-residual": "beta-VAE (beta_KL=25)",
    "factor-vae-residual": "FactorVAE (gamma_TC=40)",
    **{f"{name}-residual": system for name, system in SWEEP.items()},
}
BINARY = {
    "vae-binary": "VAE",
    "aae": "AAE",
    "flowae": "FlowAE",
    "advae": "AdvAE (WGAN-GP)",
    "advae-gan": "AdvAE (GAN)",
}
PERCEPTUAL = {"lpga": "LPGA", "vpga": "VPGA", "lvpga": "LVPGA", "vae-pga": "VAE"}
PAPERS = [  # its name, its systems, and the data sets of theirs that we have recipes for
    ("000-GLF", LATENT_FLOW, DATA),
    (
        "001-LearnedPrior",
        {**SWEEP, **ADVERSARIAL},
        {short: data for short, data in DATA.items() if short != "celeba"},
    ),
    ("001-LearnedPrior", RESIDUAL, {"celeba": DATA["celeba"]}),
    ("002-FlowAE-AdvAE", BINARY, {"mnist": "MNIST-binarized"}),
    ("004-PGA", PERCEPTUAL, DATA),
]
# Checkpoint, or the recipe of one: paper, system and data set.
OURS = {
    f"{name}-{short}": (paper, system, data)
    for paper, systems, sets in PAPERS
    for name, system in systems.items()
    for short, data in sets.items()
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
