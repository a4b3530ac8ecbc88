"""What experiments share: numbers measured while a model trains, kept with the run, and how they are written.

The numbers of a run stand in `measured.csv` of its folder, in the columns that `training/results.py` reads,
one row for each number and epoch. A run that was stopped and goes on keeps those of the epochs that it keeps.
"""

import argparse
import csv
import pathlib
import sys

import keras
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from report import claims, measured, verdicts
from report.measured import COLUMNS

from latentzoo import extractors, finish, recipes
from latentzoo.evaluation import protocols, references
from latentzoo.files import replacing
from latentzoo.metrics.frechet import frechet_distance

RESULTS = pathlib.Path(__file__).parent / "results"


def parser(document, name):
    """A parser of the command line of an experiment, with what all of them take.

    Args:
        document: str, the docstring of the experiment.
        name: str, of its file.
    """
    parser = argparse.ArgumentParser(description=document.splitlines()[0])
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path("runs") / name, help="folder of the runs"
    )
    parser.add_argument(
        "--results", type=pathlib.Path, default=RESULTS, help="folder of the table and the picture"
    )
    return parser


def count(text):
    """A whole number of at least 1, as an argument of the command line."""
    if not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"Expected: a whole number >= 1. Received: {text!r}")
    return int(text)


def share(text):
    """A share of a schedule, above 0 and at most 1, as an argument of the command line."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"Expected: a number > 0 and <= 1. Received: {text!r}")
    return value


class Curves(keras.callbacks.Callback):
    """Measures a model after every so many epochs, and after the first.

    Args:
        path: file of the rows.
        measure: function of the model that yields dicts of some of `COLUMNS`.
        every: int, epochs.
        start: int. Epochs of an earlier stage, which are counted too.
        **facts: what is the same in all rows, such as `system` and `dataset`.
    """

    def __init__(self, path, measure, every=1, start=0, **facts):
        super().__init__()
        self.path, self.measure, self.facts = pathlib.Path(path), measure, facts
        self.every, self.start = every, start

    def on_epoch_end(self, epoch, logs=None):
        if epoch and (epoch + 1) % self.every:
            return
        epochs = self.start + epoch + 1
        kept = [row for row in read(self.path) if int(row["epochs"]) < epochs]
        found = [{**self.facts, "epochs": epochs, **row} for row in self.measure(self.model)]
        write([*kept, *found], self.path)


def distance(model, x, *, network, dataset, count, draws):
    """The Frechet distance of samples to images, over some draws of as many, as part of a row.

    Args:
        model: what draws the samples.
        x: uint8 images of the test set, all of them.
        network: str, name of an extractor.
        dataset: str, as `latentzoo.data` calls it.
        count, draws: int.
    """
    extractor, std = extractors.load(network), protocols.find("std")
    real = references.reference(extractor, std, dataset, lambda: x).moments
    pictures = (std.generated(model.sample(count, seed=seed)) for seed in range(draws))
    values = [frechet_distance(extractor.features(drawn), real) for drawn in pictures]
    return {
        "metric": "frechet_distance",
        "name": "FCD",
        "value": float(np.mean(values)),
        "deviation": float(np.std(values, ddof=1)) if draws > 1 else "",
        "draws": draws,
        "network": network,
        "sha256": extractor.sha256,
        "protocol": "std",
        "generated": count,
        "real": real.count,
        "spread": "draws",
    }


def row(metric, summary, images):
    """Part of a row: the mean of a number over images, and its standard error, from `finish.summary`."""
    return {
        "metric": metric,
        "name": measured.NAMES[metric],
        "value": summary["mean"],
        "deviation": summary["standard_error"],
        "draws": 1,
        "real": images,
        "spread": "images",
    }


def over_seeds(rows):
    """One row for those of all seeds, whose deviation is theirs or that within one, whichever is more.

    Two seeds may agree by chance, but are not known better than each of them is.
    """
    values = [float(row["value"]) for row in rows]
    if len(values) == 1:
        return rows[0]
    within = [float(row["deviation"]) for row in rows if row["deviation"] not in ("", None)]
    between = float(np.std(values, ddof=1))
    deviation = max(between, float(np.mean(within))) if within else between
    spread = {"draws": len(values), "spread": "seeds", "seed": ""}
    return {**rows[0], "value": float(np.mean(values)), "deviation": deviation, **spread}


def checkpoint(model, name, recipe, history, out, images, command, prior_history=None):
    """Leaves a checkpoint in the folder of a run, as `latentzoo train` does.

    Args:
        model, name, recipe, history, out, command, prior_history: as of `latentzoo.finish.finish`.
        images: int. How many it was trained on, the first of the data set.
    """
    pictures = recipes.splits(recipe)
    pictures["train"] = tuple(part[:images] for part in pictures["train"])
    finish.finish(model, name, recipe, history, out, pictures, command, prior_history)


def folder(system):
    """A name for the folder of a system."""
    return "-".join("".join(c if c.isalnum() else " " for c in system).split())


def read(path):
    """The rows of a file, which need not exist."""
    if not pathlib.Path(path).exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(rows, path):
    """Writes rows in the columns that `training/results.py` reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)


def curve(rows, system, metric):
    """Epochs and values of one number of one system."""
    chosen = [row for row in rows if (row["system"], row["metric"]) == (system, metric)]
    return [int(row["epochs"]) for row in chosen], [float(row["value"]) for row in chosen]


def judged(results, paper, dataset, *ids):
    """Verdicts on claims of a paper, as far as they are about one data set, from all that a folder holds.

    Yields:
        Lines such as `"CL-50 on MNIST, held: 3 comparisons by ..."`.
    """
    records = measured.published(RESULTS.parents[1] / "published.json")
    ours = measured.lookup(measured.experiments(results, records), paper)
    for claim in claims.CLAIMS:
        if claim.id in ids:
            yield f"{claim.id} on {dataset}, " + ": ".join(
                verdicts.verdict(verdicts.on(claim, dataset), ours)
            )
