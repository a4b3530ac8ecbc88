"""Perceptual generative autoencoders on MNIST, beside the VAE and beside what they are without their parts
(Zhang, Zhang, Li, Bengio and Paull, 2020, arXiv:1906.10335, section 4).

    python training/experiments/pga_mnist.py --out runs/pga-mnist

LPGA, VPGA and LVPGA, the VAE of their configuration, LPGA without reconstruction of codes, and LPGA whose
decoder, too, learns from it: the recipes lpga-mnist, vpga-mnist, lvpga-mnist and vae-pga-mnist, for equally
many epochs, by default 60 of the paper's 600. Run it again to go on where it stopped, or with more epochs;
`--systems` trains some of them, and the results are of all that are there; each folder of a run ends as a
checkpoint; `--epochs 1 --images 1000 --count 500 --out runs/trial --results runs/trial` is a trial.

Writes results/pga_mnist.csv and .png, and prints the verdicts on CL-50, CL-51, CL-52 and CL-54. Of each
system after every fifth epoch: the Frechet distance of 10,000 samples to the test images by classifier-mnist,
two draws, and five at the end; and the loss on the test images, the sum of all that encoder or decoder
descend, each once. What is measured of the first 3,000 steps, in which most weights are 0, is in no table,
and CL-54, which is about the shape of a curve, wants 15 epochs or more. One training of each, and the VAE
with the c of its recipe: the paper tunes that and does not say what it found, and we have not searched for a
better one.
"""

import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from keras import ops

from latentzoo import data, finish, images, recipes, runs

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import curves

NAME, NETWORK, EVERY, DRAWS, LAST_DRAWS = "pga_mnist", "classifier-mnist", 5, 2, 5
CLAIMS = ("CL-50", "CL-51", "CL-52", "CL-54")
SYSTEMS = {
    "LPGA": ("lpga-mnist", {}),
    "VAE": ("vae-pga-mnist", {}),
    "VPGA": ("vpga-mnist", {}),
    "LVPGA": ("lvpga-mnist", {}),
    "LPGA without latent reconstruction (alpha=beta=0)": ("lpga-mnist", {"beta_prior_codes": 0.0}),
    "LPGA (decoder learns latent reconstruction)": ("lpga-mnist", {"decoder_learns_codes": True}),
}
METRICS = {"frechet_distance": "Frechet distance, classifier", "loss": "loss"}
TWICE = "noise"  # a term that is another's number, with another cut
WARM_UP, BATCH = 3_000, recipes.recipe("lpga-mnist")["batch_size"]  # steps, images of each
LATE = 10**9  # a step after all changes of weights


def measure(model, count):
    """The numbers of one epoch."""
    x = data.arrays("mnist", "test")[0]
    yield distance(model, x, count, DRAWS)
    rows = [row for update in model.updates() for row in update.objectives.values()]
    weights = {name: weight for row in rows for name, weight in row.items() if name != TWICE}
    losses = []
    for batch in images.batches(x, model.image_shape, 256):
        terms = model.terms(ops.convert_to_tensor(batch), training=False)
        losses.append(sum((w(LATE) if callable(w) else w) * np.asarray(terms[n]) for n, w in weights.items()))
    yield curves.row("loss", finish.summary(np.concatenate(losses)), len(x))


def distance(model, x, count, draws):
    """The Frechet distance of samples to test images."""
    return curves.distance(model, x, network=NETWORK, dataset="mnist", count=count, draws=draws)


def train(system, given):
    """Trains one system, and measures it."""
    name, arguments = SYSTEMS[system]
    recipe = recipes.recipe(name)
    recipe["model"] |= arguments
    recipe["epochs"] = given.epochs
    out = given.out / curves.folder(system)
    facts = {
        "system": system, "paper": "004-PGA", "dataset": "MNIST", "split": "test", "seed": recipe["seed"],
        "command": given.command,
    }  # fmt: skip
    path = out / "measured.csv"
    x = data.arrays("mnist", "train")[0][: given.images]
    facts["trained"] = len(x)
    runs.seed(recipe["seed"])
    model = recipes.build(recipe, x.shape[1:])
    callback = curves.Curves(path, lambda model: measure(model, given.count), EVERY, **facts)
    try:
        history = runs.train(recipe, out, model, x=x, callbacks=[callback], verbose=0)
    except FloatingPointError as reason:
        print(f"{system}: {reason}", flush=True)
        return
    rows, last = curves.read(path), len(history)
    if not any(int(row["epochs"]) == last and int(row["draws"]) == LAST_DRAWS for row in rows):
        test = data.arrays("mnist", "test")[0]
        rows.append({**facts, "epochs": last, **distance(model, test, given.count, LAST_DRAWS)})
        curves.checkpoint(model, name, recipe, history, out, len(x), given.command)
        curves.write(rows, path)


def shown(given):
    """The rows of all systems, but for those of the warm-up; of the same number the one of most draws."""
    rows = sum((curves.read(given.out / curves.folder(name) / "measured.csv") for name in SYSTEMS), [])
    late = [row for row in rows if int(row["epochs"]) * -(-int(row["trained"]) // BATCH) > WARM_UP]
    kept = late or rows  # a trial may be no longer
    return list({(row["system"], row["epochs"], row["metric"]): row for row in kept}.values())


def picture(rows, path):
    """The curves of each system."""
    figure, axes = plt.subplots(1, len(METRICS), figsize=(5.5 * len(METRICS), 4), layout="constrained")
    for axis, (metric, label) in zip(axes, METRICS.items(), strict=True):
        for system in SYSTEMS:
            epochs, values = curves.curve(rows, system, metric)
            axis.plot(epochs, values, marker="o", markersize=3, label=system)
        axis.set(xlabel="epoch", title=label, yscale="log" if metric == "frechet_distance" else "linear")
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=7)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main(arguments=None):
    parser = curves.parser(__doc__, NAME)
    parser.add_argument("--epochs", type=curves.count, default=60)
    parser.add_argument("--count", type=curves.count, default=10_000, help="samples in a draw")
    parser.add_argument("--images", type=curves.count, help="to train on; all if not given")
    parser.add_argument("--systems", nargs="+", choices=[*SYSTEMS], default=[*SYSTEMS])
    given = parser.parse_args(arguments)
    given.command = f"python training/experiments/{NAME}.py --epochs {given.epochs}"
    given.command += f" --count {given.count}" if given.count != 10_000 else ""
    given.command += f" --images {given.images}" if given.images else ""
    for system in given.systems:
        train(system, given)
        rows = shown(given)
        curves.write(rows, given.results / f"{NAME}.csv")
        picture(rows, given.results / f"{NAME}.png")
        ends = {label: curves.curve(rows, system, metric)[1][-1:] for metric, label in METRICS.items()}
        print(system, *(f"{label} {end[0]:.4g}" for label, end in ends.items() if end), sep=", ", flush=True)
    print(*curves.judged(given.results, "004-PGA", "MNIST", *CLAIMS), sep="\n")


if __name__ == "__main__":
    main()
