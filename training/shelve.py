"""Puts a finished run on the shelf: its checkpoint, its hash, and its row in the README.

    python training/shelve.py runs/glf-fashion

Copies everything but the state of the run (of a second stage its folder, and what an experiment keeps there)
to checkpoints/NAME, NAME being that of the recipe. The history of a repository never shrinks: shelve a run
once, when it is final.
"""

import hashlib
import json
import pathlib
import re
import shutil
import sys

from latentzoo import recipes, zoo
from latentzoo.configs import read_config
from latentzoo.evaluation.tables import megabytes
from latentzoo.files import write_json

MARK = "<!-- checkpoints: written by training/shelve.py -->\n"
HEAD = """| name | images | prior | weights | MB | epochs | on unseen images | FCD | data and licence |
|---|---|---|---|---|---|---|---|---|
"""


def shelve(run):
    """Copies the checkpoint and enters it in `shelf.json`."""
    name = zoo.info(run)["provenance"]["recipe"]
    folder = zoo.CHECKPOINTS / name
    shutil.rmtree(folder, ignore_errors=True)
    kept = "state.safetensors", "prior", "measured.csv", "map.npz", "plane.npz", ".*"  # by runs, experiments
    shutil.copytree(run, folder, ignore=shutil.ignore_patterns(*kept))
    sha256 = hashlib.sha256((folder / "config.json").read_bytes()).hexdigest()
    entry = {"sha256": sha256, "repo": None, "commit": None}
    write_json(zoo.ROOT / "shelf.json", dict(sorted({**zoo.shelf(), name: entry}.items())))


def rows():
    """The README's table of checkpoints."""
    for name in zoo.list_models():
        facts = zoo.info(name)
        provenance, test = facts["provenance"], facts["metrics"]["test"]
        epochs, most = provenance["epochs"], recipes.whole_epochs(name)
        of_samples = [
            record["mean"]
            for record in facts["metrics"].get("evaluations", [])
            if (record["metric"], record["of"], record.get("name")) == ("frechet_distance", "samples", "FCD")
        ]
        prior = read_config(zoo.find(name))["arguments"].get("prior")
        if "accuracy" in test:
            measured = f"accuracy {test['accuracy']['mean']:.4f}"
        elif not test:  # without an encoder nothing can be told from images alone
            measured = "see its card"
        else:
            measured = f"squared error {test['mean_squared_error']['mean']:.5f}"
        yield (
            f"| `{name}` | {'x'.join(map(str, facts['image_shape']))} "
            f"| {'`' + prior['class_name'] + '`' if prior else 'none'} "
            f"| {facts['parameters'] / 1e6:.1f} M | {megabytes(facts['bytes'])} "
            f"| {epochs}{f' of {most}' * (epochs != most)} "
            f"| {measured} ({facts['metrics']['images']:,} images) "
            f"| {f'{of_samples[0]:.3g}' if of_samples else '–'} "
            f"| {provenance['data']}, {provenance['licence']} |\n"
        )


def update_readme(path):
    """Writes the table after the mark, in the place of the one there."""
    before, after = path.read_text(encoding="utf-8").split(MARK)
    after = re.sub(r"\A\s*(\|.*\n)*\s*", "", after)
    path.write_text(f"{before}{MARK}\n{HEAD}{''.join(rows())}\n{after}", encoding="utf-8")


if __name__ == "__main__":
    for run in sys.argv[1:]:
        shelve(pathlib.Path(run))
    update_readme(zoo.ROOT.parent / "README.md")
    print(json.dumps(zoo.shelf(), indent=1))
