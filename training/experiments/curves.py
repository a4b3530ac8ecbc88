"""What experiments share: numbers measured while a model trains, kept with the run, and how they are written.

The numbers of a run stand in `measured.csv` of its folder, in the columns that `training/results.py` reads,
one row for each number and epoch. A run that was stopped and goes on keeps those of the epochs that it keeps.
"""

import csv
import pathlib
import sys

import keras

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from report.measured import COLUMNS

from latentzoo.files import replacing

RESULTS = pathlib.Path(__file__).parent / "results"


class Curves(keras.callbacks.Callback):
    """Measures a model after every so many epochs, and after the first.

    Args:
        path: file of the rows.
        measure: function of the model that yields dicts of some of `COLUMNS`.
        every: int, epochs.
        **facts: what is the same in all rows, such as `system` and `dataset`.
    """

    def __init__(self, path, measure, every=1, **facts):
        super().__init__()
        self.path, self.measure, self.every, self.facts = pathlib.Path(path), measure, every, facts

    def on_epoch_end(self, epoch, logs=None):
        if epoch and (epoch + 1) % self.every:
            return
        kept = [row for row in read(self.path) if int(row["epochs"]) <= epoch]
        found = [{**self.facts, "epochs": epoch + 1, **row} for row in self.measure(self.model)]
        write([*kept, *found], self.path)


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
