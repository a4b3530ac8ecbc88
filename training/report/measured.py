"""Our own numbers: of the checkpoints on the shelf, and of experiments.

An experiment is a file `training/experiments/results/NAME.csv` with the columns of `COLUMNS`; each row is one
measured number of a system. A curve over training is several rows that differ in `epochs`.
"""

import csv
import dataclasses
import json
import math
import re
import statistics

from latentzoo import recipes
from latentzoo.configs import read_json
from latentzoo.errors import error

COLUMNS = (
    "system", "paper", "dataset", "metric", "name", "value", "deviation", "draws", "network", "sha256",
    "protocol", "split", "generated", "real", "trained", "epochs", "seed", "spread", "command",
)  # fmt: skip
PROTOCOLS = ("std", "train5k", "tsvae-compat")
THEIR_PROTOCOL = {
    "000-GLF": "std",
    "001-LearnedPrior": "tsvae-compat",
    "002-FlowAE-AdvAE": "std",
    "003-CQFG": "std",
    "004-PGA": "train5k",
}

# The metrics of our records, and what the published records call them.
NAMES = {
    "frechet_distance": "Frechet distance",  # FID or FCD, by the network: see `called`
    "kernel_distance": "KID",
    "f8": "PRD F8 (recall)",
    "f1_8": "PRD F1/8 (precision)",
    "inception_score": "IS",
    "bits_per_dimension": "BPD",
    "path_length": "PPL",
    "separability": "linear separability",
    "lpips_diversity": "LPIPS diversity",
    "gan_test": "GAN-test (%)",
    "gan_train": "GAN-train (%)",
    "posterior_variance": "mean posterior variance",
    "training_epochs": "training epochs",
    "seconds_per_epoch": "seconds per epoch",
    "mean_squared_error": "squared error of reconstruction",
    "nll": "NLL of codes, nats",
    "accuracy": "accuracy",
    "loss": "loss",
    "loss_rise": "clearest rise of the loss",
    "loss_fall": "clearest fall of the loss",
    "distance_rise": "worst rise of the FCD",
    "code_deviation": "deviation of codes",
    "code_divergence": "divergence of codes from the prior, nats",
    "divergence": "divergence",  # 1 of a training that ended at a term that was not finite, 0 of another
    "path_variation": "variation of the rate of change",
    "silhouette": "silhouette of codes",
}
SURE = {"training_epochs", "seconds_per_epoch", "divergence"}  # of which one number tells all
SPREADS = ("draws", "seeds", "images")  # what a deviation is over
OF_SAMPLES = {"frechet_distance", "kernel_distance", "f8", "f1_8", "inception_score"}
# Of a metric measured in two spaces, in two stages or on two splits: which. Rows of experiments say it at the
# end of the name, and records of checkpoints say the space in `of`.
SPACES = {"noise": " (z0)", "codes": " (zT)"}
WHICH = re.compile(r" \((z0|zT|stage 1|stage 2|training images)\)$")


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A measured number.

    Attributes:
        mean: float.
        deviation: float, over the draws; `None` where one draw leaves it unknown.
        draws: int.
        facts: dict. `paper`, `system` and `dataset` as the published records name them, `metric`, `name`,
            `of`, `network`, `sha256`, `protocol`, `split`, `generated`, `real`, `epochs` of all stages,
            images `trained` on, `seed`, `command`, `spread` (one of `SPREADS`) and `source`: a checkpoint or
            the file of an experiment. Of a checkpoint also the `share` of its recipe's schedule.
    """

    mean: float
    deviation: float | None
    draws: int
    facts: dict


def called(facts):
    """What the published records call a metric.

    Example: a Frechet distance is an FID on the 2015 Inception graph, an FCD on one of our classifiers, and
    neither on another network.
    """
    metric, name, of = facts["metric"], facts["name"], facts["of"]
    if metric == "frechet_distance":
        base = "FCD" if (facts["network"] or "").startswith("classifier-") else name.removesuffix(f" of {of}")
    else:
        which = WHICH.search(name)
        base = NAMES[metric] + (which[0] if which else SPACES.get(of.split()[-1], ""))
    return f"{base} of {of}" if metric in OF_SAMPLES and of != "samples" else base


def answers(facts, metric):
    """Whether a number is one of a metric by that name.

    Where a model has one space, the papers do not say which, and ours is that of the noise.
    """
    return called(facts) in (metric, f"{metric} (z0)")


def measure(estimate):
    """What two numbers must share to be compared."""
    keys = ("network", "sha256", "protocol", "split", "generated", "real")
    return tuple(estimate.facts[key] for key in keys)


def on_shelf(folder, systems):
    """The numbers of the checkpoints in a folder, as `metrics.json` and `config.json` tell them.

    Args:
        folder: `pathlib.Path`, such as `checkpoints`.
        systems: dict of `(paper, system, dataset)` by the name of a checkpoint.

    Returns:
        A list of `Estimate`. A checkpoint that `systems` lacks is of no paper, and a system by its own name.
    """
    estimates = []
    for path in sorted(folder.glob("*/metrics.json")):
        name, metrics = path.parent.name, read_json(path)
        provenance = read_json(path.parent / "config.json")["provenance"]
        first = provenance.get("epochs")
        second = provenance.get("settings", {}).get("prior_fit", {}).get("epochs", 0)
        paper, system, dataset = systems.get(name, ("", name, provenance.get("data", "")))
        about = {"paper": paper, "system": system, "dataset": dataset, "source": name,
                 "epochs": first and first + second, "trained": provenance.get("train_images"),
                 "device": provenance.get("device", "two CPU cores"), "share": share(provenance)}  # fmt: skip
        for record in [*of_run(metrics), *metrics.get("evaluations", [])]:
            estimates.append(of_record(record, about))
        if paper and first:
            stages = {" (stage 1)": first, " (stage 2)": second} if second else {"": first}
            counts = [("training_epochs", f"training epochs{stage}", n) for stage, n in stages.items()]
            for metric, label, mean in [*counts, *pace(path.parent / "history.csv")]:
                record = {"metric": metric, "name": label, "of": "training", "mean": mean}
                record = of_record({**record, "command": provenance["command"]}, about)
                # Epochs are what they are, and a time of a machine with other work tells nothing more.
                sure = 0.0 if metric == "training_epochs" else None
                estimates.append(dataclasses.replace(record, deviation=sure))
    return estimates


def pace(history):
    """The median of the seconds of epochs, if a history was kept: a run may have been paused within one."""
    if history.is_file():
        with open(history, newline="", encoding="utf-8") as file:
            median = statistics.median(float(row["seconds"]) for row in csv.DictReader(file))
        yield "seconds_per_epoch", "seconds per epoch", median


def share(provenance):
    """How much of its recipe's schedule a checkpoint was trained for, `None` if there is no such recipe."""
    most = recipes.whole_epochs(provenance.get("recipe"))
    return most and round(provenance["epochs"] / most, 3)


def of_run(metrics):
    """What the end of training measured, as records like those under `evaluations`."""
    about = {"of": "test images", "split": "test", "images": metrics.get("images")}
    about["command"] = metrics.get("command")
    return [{"metric": metric, **about, **summary} for metric, summary in metrics.get("test", {}).items()]


def of_record(record, about):
    """The estimate of a record: over draws, or over images, whose error is that of a mean."""
    keys = ("network", "sha256", "protocol", "split", "generated", "seed", "command")
    facts = {key: record.get(key) for key in keys}
    facts |= {
        "metric": record["metric"],
        "of": record["of"],
        "real": record.get("real", record.get("images")),
    }
    facts |= {"name": record.get("name", NAMES[record["metric"]]), "spread": "draws", **about}
    if "standard_error" in record:
        return Estimate(record["mean"], record["standard_error"], 1, {**facts, "spread": "images"})
    draws, deviation = record.get("draws", 1), record.get("deviation")
    return Estimate(record["mean"], deviation if draws > 1 or deviation else None, draws, facts)


def experiments(folder, records):
    """The numbers in the CSV files of a folder, which need not exist.

    Args:
        folder: `pathlib.Path`, such as `training/experiments/results`.
        records: the published records, whose papers and datasets the rows may name.

    Raises:
        ValueError: a row is not as it should be; the message has its file and line.
    """
    estimates = []
    for path in sorted(folder.glob("*.csv")):
        with open(path, newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            header = next(rows, [])
            if tuple(header) != COLUMNS:
                raise error(f"{path}, line 1: wrong columns.", ",".join(COLUMNS), ",".join(header))
            for row in rows:
                where = f"{path}, line {rows.line_num}"
                if len(row) != len(COLUMNS):
                    raise error(f"{where}: wrong length.", f"{len(COLUMNS)} cells", str(len(row)))
                estimates.append(of_row(dict(zip(COLUMNS, row, strict=True)), path, where, records))
    return estimates


def of_row(row, path, where, records):
    """The estimate of one row of an experiment."""

    def check(key, fits, expected):
        if not fits:
            raise error(f"{where}: bad {key}.", expected, f"{key}={row[key]!r}")

    def one_of(key, choices):
        check(key, row[key] in choices, f"one of {sorted(choices)}")

    def real(key):
        try:
            value = float(row[key])
        except ValueError:
            value = math.nan
        check(key, math.isfinite(value), "a finite number")
        return value

    def whole(key, least, optional=True):
        if optional and not row[key]:
            return None
        check(key, row[key].isdecimal() and int(row[key]) >= least, f"an integer >= {least}")
        return int(row[key])

    for key in ("system", "name", "command"):
        check(key, row[key].strip(), "not an empty cell")
    one_of("paper", {record["paper"] for record in records})
    one_of("dataset", {record["dataset"] for record in records})
    one_of("metric", set(NAMES))
    one_of("protocol", {*PROTOCOLS, ""})
    one_of("spread", {*SPREADS, ""})
    check("sha256", re.fullmatch(r"([0-9a-f]{64})?", row["sha256"]), "64 hexadecimal digits, or nothing")
    check("sha256", bool(row["sha256"]) == bool(row["network"]), "a hash if and only if a network")
    fits = row["name"] != "FID" or row["network"] == "inception"
    check("name", fits, "a name other than FID for any network but 'inception'")
    draws = whole("draws", 1, optional=False)
    deviation = real("deviation") if row["deviation"] else None
    check("deviation", deviation is None or deviation >= 0, "a number >= 0, or nothing")
    if draws == 1 and not deviation and row["metric"] not in SURE:
        deviation = None  # one draw does not tell how draws differ
    counts = {key: whole(key, 1) for key in ("generated", "real", "trained", "epochs")}
    texts = {key: row[key] or None for key in ("network", "sha256", "protocol", "split")}
    facts = {key: row[key] for key in ("system", "paper", "dataset", "metric", "name", "command")}
    of = row["name"].partition(" of ")[2] if row["metric"] in OF_SAMPLES else ""
    facts |= {**counts, **texts, "seed": whole("seed", 0), "of": of or "samples"}
    facts |= {"spread": row["spread"] or "draws", "source": path.name}
    return Estimate(real("value"), deviation, draws, facts)


def lookup(estimates, paper):
    """The function `ours(system, dataset, metric)` over the numbers of one paper's systems.

    It gives the `Estimate` by the paper's own protocol if there is one, of an experiment, of the longest
    training, the most samples and the most draws; `None` if there is none. With `every=True` it gives the
    list of those that were measured in the same way, by epoch: the curve.
    """

    def preference(estimate):
        facts = estimate.facts
        counts = (facts["epochs"] or 0, facts["generated"] or 0, estimate.draws)
        theirs = facts["protocol"] != THEIR_PROTOCOL.get(paper)
        # An experiment compares systems that were trained alike; the shelf has the best of each.
        return theirs, not facts["source"].endswith(".csv"), *(-count for count in counts)

    def ours(system, dataset, metric, every=False):
        wanted = {"paper": paper, "system": system, "dataset": dataset}
        found = [e for e in estimates if wanted.items() <= e.facts.items() and answers(e.facts, metric)]
        found.sort(key=preference)
        if not every:
            return found[0] if found else None
        curve = {}
        for estimate in found:
            if measure(estimate) == measure(found[0]):
                curve.setdefault(estimate.facts["epochs"] or 0, estimate)
        return [curve[epoch] for epoch in sorted(curve)]

    return ours


def published(path):
    """The published records, as they stand in the papers."""
    return json.loads(path.read_text(encoding="utf-8"))
