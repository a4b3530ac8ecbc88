"""Every published number beside ours, and the verdicts on the papers' claims: RESULTS.md.

    python training/results.py
    python training/results.py --check

Generated from published.json, from the metrics.json of each checkpoint, and from experiments/results/*.csv,
each row of which is a measured number of a system. `--check` says whether RESULTS.md is stale.
"""

import pathlib
import sys

from latentzoo.evaluation.published import OURS
from latentzoo.files import replacing

FOLDER = pathlib.Path(__file__).parent
CHECKPOINTS = FOLDER.parent / "checkpoints"
RESULTS = FOLDER / "RESULTS.md"


def results(checkpoints=CHECKPOINTS, experiments=FOLDER / "experiments" / "results"):
    """The text of RESULTS.md."""
    # Not at the top: `latentzoo.recipes` runs every file of this folder, from where it has no neighbours.
    from report import document, measured

    records = measured.published(FOLDER / "published.json")
    estimates = measured.on_shelf(checkpoints, OURS) + measured.experiments(experiments, records)
    return document.text(records, estimates)


def main(arguments):
    if arguments not in ([], ["--check"]):
        sys.exit("usage: python training/results.py [--check]")
    try:
        text = results()
    except ValueError as mistake:  # in a file of numbers: its place matters, not ours
        sys.exit(str(mistake))
    if not arguments:
        with replacing(RESULTS) as temporary:
            temporary.write_text(text, encoding="utf-8")
    elif not RESULTS.is_file() or RESULTS.read_text(encoding="utf-8") != text:
        sys.exit("training/RESULTS.md is stale: run `python training/results.py`.")


if __name__ == "__main__":
    main(sys.argv[1:])
