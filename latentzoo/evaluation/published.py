"""What the papers have published of the systems on the shelf; all of it is in `training/published.json`."""

import json

from latentzoo.recipes import FOLDER

# Checkpoint, or the recipe of one: paper, system and data set, as the published records call them.
OURS = {
    "glf-mnist": ("000-GLF", "GLF", "MNIST"),
    "glf-fashion": ("000-GLF", "GLF", "Fashion-MNIST"),
    "glf-cifar10": ("000-GLF", "GLF", "CIFAR-10"),
    "glf-celeba": ("000-GLF", "GLF", "CelebA-64 (crop 160)"),
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
