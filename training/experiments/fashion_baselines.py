"""Generative Latent Flow beside its baselines on Fashion-MNIST, all with the same share of their schedules
(Xiao, Yan and Amit, 2019, arXiv:1905.10485, table 1).

    python training/experiments/fashion_baselines.py --share 0.25 --out runs

A share of its epochs is hard on a flow and easy on a mixture, which is fitted to its end in a minute: GLF in
two stages is there once more, with all epochs of the flow after the share of the autoencoder's. Trains the
recipes below, each into the folder of its name, where it is not done already: what
`latentzoo train NAME --share 0.25` left in `runs/` or on the shelf is taken as it is. Run it again to go on
where it stopped; `--systems` trains and measures some of them, and the results keep the others.

Writes results/fashion_baselines.csv and .png. Of each system, mean and deviation over ten draws of 10,000:
the Frechet distance to the 10,000 test images by classifier-fashion, that of as many reconstructions, which a
perfect prior would reach, recall and precision; and three draws of both distances by hed, a VGG16 tuned to
find edges, which sees blur better than the classifier does.
"""

import json
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from latentzoo import evaluate, recipes, zoo
from latentzoo.evaluation import published

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import curves

NAME = "fashion_baselines"
SYSTEMS = [
    "glf-fashion", "glf-two-stage-fashion", "vae-fashion", "vae-flow-prior-fashion",
    "vae-flow-posterior-fashion", "wae-gan-fashion", "rae-mixture-fashion", "two-stage-vae-fashion",
    "glf-two-stage-whole-flow-fashion",
]  # fmt: skip
BASE, WHOLE = SYSTEMS[1], SYSTEMS[-1]  # the latter with all epochs of the flow
OURS = {**published.OURS, WHOLE: ("000-GLF", "GLF (two stages, all epochs of the flow)", "Fashion-MNIST")}
NETWORKS = {  # and what is measured by them
    "classifier-fashion": {"metrics": ["distance", "precision_recall"], "draws": 10},
    "hed": {"metrics": ["distance"], "draws": 3},
}


def trained(name, share, out):
    """The checkpoint of a system, trained if need be, with the epochs of all its stages and its images."""
    recipe = recipes.shorten(recipes.recipe(BASE if name == WHOLE else name), share)
    command = f"latentzoo train {name} --share {share:g}"
    if name == WHOLE:
        recipe["prior_fit"] = recipes.recipe(BASE)["prior_fit"]
        command = f"python training/experiments/{NAME}.py --share {share:g} --systems {name}"
    wanted = json.loads(json.dumps(recipe))
    for folder in (out / name, zoo.CHECKPOINTS / name):
        if (folder / "metrics.json").is_file() and zoo.info(folder)["provenance"]["settings"] == wanted:
            break
    else:
        folder = out / name
        recipes.run(name, recipe, folder, command=command, verbose=0)
    epochs = recipe["epochs"] + recipe.get("prior_fit", {}).get("epochs", 0)
    images = zoo.info(folder)["provenance"]["train_images"]
    return zoo.load(folder), {"epochs": epochs, "trained": images}


def measured(name, share, out, samples=None):
    """The rows of one system, kept beside its checkpoint."""
    path = out / name / "compared.csv"
    command = f"python training/experiments/{NAME}.py --share {share:g}"
    command += f" --samples {samples}" if samples else ""
    if (rows := curves.read(path)) and rows[0]["command"] == command:
        return rows
    rows, (model, facts) = [], trained(name, share, out)
    paper, system, dataset = OURS[name]
    facts |= {"system": system, "paper": paper, "dataset": dataset, "spread": "draws", "command": command}
    for network, settings in NETWORKS.items():
        for record in evaluate(model, network=network, samples=samples, **settings).records:
            if record["of"] == "real images":  # of no system
                continue
            label = record.get("name", record["metric"])
            label += "" if record["of"] == "samples" else f" of {record['of']}"
            kept = {key: record[key] for key in curves.COLUMNS if key in record}
            rows.append({**facts, **kept, "name": label, "value": record["mean"]})
    curves.write(rows, path)
    return rows


def picture(rows, path):
    """Distances of samples and of reconstructions, by either network."""
    settings = {"figsize": (6 * len(NETWORKS), 4), "layout": "constrained", "squeeze": False}
    figure, (axes,) = plt.subplots(1, len(NETWORKS), **settings)
    for axis, network in zip(axes, NETWORKS, strict=True):
        for suffix, shade in ((False, "tab:blue"), (True, "lightgrey")):
            chosen = [
                row
                for row in rows
                if (row["metric"], row["network"]) == ("frechet_distance", network)
                and row["name"].endswith("of reconstructions") == suffix
            ]
            names = [row["system"] for row in chosen]
            values = [[float(row[key]) for row in chosen] for key in ("value", "deviation")]
            label = "reconstructions" if suffix else "samples"
            axis.barh(names, values[0], xerr=values[1], color=shade, label=label)
        axis.set(title=f"Frechet distance, {network}")
        axis.invert_yaxis()
    axes[0].legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main(arguments=None):
    parser = curves.parser(__doc__, NAME)
    parser.set_defaults(out=pathlib.Path("runs"))
    parser.add_argument("--share", type=curves.share, default=0.25, help="of the recipes' schedules")
    parser.add_argument("--samples", type=curves.count, help="in a draw; 10,000 if left out")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=SYSTEMS)
    given = parser.parse_args(arguments)
    order = [OURS[name][1] for name in SYSTEMS]
    for name in given.systems:
        new = measured(name, given.share, given.out, given.samples)
        path = given.results / f"{NAME}.csv"
        old = [row for row in curves.read(path) if row["command"] == new[0]["command"]]
        kept = [row for row in old if row["system"] != new[0]["system"]]
        rows = sorted([*kept, *new], key=lambda row: order.index(row["system"]))
        curves.write(rows, path)
        picture(rows, path.with_suffix(".png"))
    for row in rows:
        print(f"{row['system']}: {row['name']} {float(row['value']):.4g} ± {float(row['deviation']):.2g}")
    print(*curves.judged(given.results, "000-GLF", "Fashion-MNIST", "CL-01"), sep="\n")


if __name__ == "__main__":
    main()
