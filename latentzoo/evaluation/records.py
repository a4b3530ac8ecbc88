"""Records of measurements: those of a card, whether new ones agree, and how they get onto the card."""

import math
import pathlib

from scipy import stats

from latentzoo import cards
from latentzoo.configs import data_name, read_config
from latentzoo.errors import error
from latentzoo.files import write_json
from latentzoo.measurements import read_metrics

# What two measurements must share for their numbers to be comparable. Seeds and draws may differ.
SAME = (
    "metric", "of", "network", "sha256", "protocol", "split", "generated", "real", "images", "data",
    "binarized",
)  # fmt: skip
CHANCE = 1e-3  # of a false alarm
ARITHMETIC = 2e-3  # relative: what the same numbers differ by between machines, with room


def of_card(folder):
    """The records of a checkpoint folder, those of its finished run in the form of the others."""
    metrics = read_metrics(folder)
    return [*of_run(metrics, read_config(folder)["provenance"]), *metrics.get("evaluations", [])]


def of_run(metrics, provenance):
    """What the end of a training run has measured."""
    facts = {"images": metrics.get("images"), "split": "test", "data": data_name(provenance)}
    if facts["data"] and provenance["settings"].get("binarize"):
        facts["binarized"] = True
    return [
        {"metric": metric, "of": "test images", **facts, **summary}
        for metric, summary in metrics.get("test", {}).items()
    ]


def counterpart(record, card):
    """The record of a card that measured the same, or `None`."""
    return next((other for other in card if all(record.get(k) == other.get(k) for k in SAME)), None)


def noise(record, other):
    """By how much the mean of `record` may differ from that of `other`, which stands on the card.

    The deviation is that of whichever had more draws; of few draws it is itself uncertain, which Student's
    distribution takes into account. Infinity where both are of one draw, which tells nothing.
    """
    slack = ARITHMETIC * abs(other["mean"])
    if "standard_error" in other:  # of the same images: no other were drawn
        return other["standard_error"] + slack
    draws, deviation = max((r["draws"], r["deviation"]) for r in (record, other))
    if draws < 2:
        return math.inf
    deviation *= (draws / (draws - 1)) ** 0.5  # records have ddof 0
    difference = deviation * (1 / record["draws"] + 1 / other["draws"]) ** 0.5
    return float(stats.t.ppf(1 - CHANCE / 2, draws - 1)) * difference + slack


def agrees(record, other):
    """Whether two measurements of the same differ by no more than their noise; `None` if that is unknown."""
    difference = abs(record["mean"] - other["mean"])
    if difference <= ARITHMETIC * abs(other["mean"]):
        return True
    most = noise(record, other)
    return None if math.isinf(most) else difference <= most


def update(folder, found, command):
    """Puts records onto a card: into `metrics.json` and the README, each in one step.

    Args:
        folder: `pathlib.Path` of a checkpoint.
        found: list of records. Those that measured the same before give way.
        command: str. What repeats the measurements.
    """
    metrics = read_metrics(folder)
    finished = of_run(metrics, read_config(folder)["provenance"])
    new = [{**record, "command": command} for record in found if counterpart(record, finished) is None]
    kept = [old for old in metrics.get("evaluations", []) if counterpart(old, new) is None]
    write_json(folder / "metrics.json", {**metrics, "evaluations": [*kept, *new]})
    cards.write(folder, cards.readme(folder, folder.absolute().name))


def writable(name):
    """The folder of a checkpoint whose card may be changed, or a `ValueError`."""
    from latentzoo import zoo

    place = zoo.locate(name)
    if not isinstance(place, pathlib.Path):
        raise error(
            "The card of a repo on the Hub is not changed from here.",
            "a checkpoint folder",
            f"'{name}'",
            "Save it with `latentzoo.load(...).save_pretrained(folder)`, evaluate the folder and push that.",
        )
    return place
