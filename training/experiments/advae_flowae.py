"""AdvAE and FlowAE beside the VAE and the AAE on binarized MNIST (Sridhar and Srivastava).

    python training/experiments/advae_flowae.py --out runs/advae-flowae

The recipes vae-binary-mnist, aae-mnist, flowae-mnist, advae-mnist and advae-gan-mnist, each with five seeds;
the last three of a seed share their autoencoder. Run it again to go on where it stopped, or with more seeds;
each folder of a run ends as a checkpoint.

Writes results/advae_flowae.csv and .png, and prints the verdicts on CL-30 to CL-34. Of each system at its
end, mean and deviation over the seeds: the Frechet distance of 10,000 samples to the test images, cut at a
half, by classifier-mnist (and that of 10,000 training images, the floor), their recall and precision, and of
codes the silhouette by digit of a t-SNE map of 2,000 test images, perplexity 70. While priors are fitted,
after every fifth epoch, the distance, and on the codes of the test images the loss: of the flow its negative
log-likelihood, of a critic what it descends, but for the penalty. How much these curves rise and fall is
measured of each seed by itself: a mean of curves swings less than any of them.
"""

import itertools
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from latentzoo import data, extractors, finish, images, recipes, runs
from latentzoo.evaluation import protocols, references
from latentzoo.metrics import frechet_distance, precision_recall, silhouette, tsne

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import curves
from report.quantities import clearest, mirrored, rises_of

NAME, NETWORK, COUNT, MAPPED, EVERY = "advae_flowae", "classifier-mnist", 10_000, 2_000, 5
CLAIMS = ("CL-30", "CL-31", "CL-32", "CL-33", "CL-34")
SYSTEMS = {
    "VAE": "vae-binary-mnist",
    "AAE": "aae-mnist",
    "FlowAE": "flowae-mnist",
    "AdvAE (WGAN-GP)": "advae-mnist",
    "AdvAE (GAN)": "advae-gan-mnist",
}
PAPER, DATASET, REAL = "002-FlowAE-AdvAE", "MNIST-binarized", "Real data (test set)"
LEARNED = {"FlowAE": "nll", "AdvAE (WGAN-GP)": "critic", "AdvAE (GAN)": "critic"}  # what the curves are of


def compared(pictures, seed, real, names):
    """Rows of binary pictures: features of theirs beside those of the test images."""
    extractor, std = extractors.load(NETWORK), protocols.find("std")
    features = extractor.features(std.generated(pictures))
    network = {"network": NETWORK, "sha256": extractor.sha256, "protocol": "std", "generated": COUNT}
    found = {"frechet_distance": frechet_distance(features, real.moments)}
    if "f8" in names:
        n = min(len(features), len(real.features))
        both = precision_recall(features[:n], real.features[:n], seed=seed)
        found |= {"f8": both.f8, "f1_8": both.f1_8}
    for metric, value in found.items():
        yield {"metric": metric, "name": names[metric], "value": value, "draws": 1, **network}


def fitting(model, trainer, system, test, seed, real):
    """The numbers of one epoch of a prior."""
    yield from compared(model.sample(COUNT, seed=seed), seed, real, {"frechet_distance": "FCD"})
    codes = np.asarray(model.encode(test))
    values = trainer.updates()[0].terms(codes, training=False)[LEARNED[system]]
    yield curves.row("loss", finish.summary(np.asarray(values)), len(test))


def train(system, seed, share, out):
    """Trains one system with one seed, and measures it."""
    recipe = {**recipes.shorten(recipes.recipe(SYSTEMS[system]), share), "seed": seed}
    second = {key: recipe.pop(key) for key in ("prior", "prior_fit") if key in recipe}
    out = out / f"seed-{seed}"
    path = out / curves.folder(system) / "measured.csv"
    command = described(share)
    if any(row["metric"] == "f8" and row["command"] == command for row in curves.read(path)):
        return
    (x, _), (test, digits) = (data.arrays("mnist", split) for split in ("train", "test"))
    drawn, test = images.binarized(x, seed=seed), images.binarized(test)
    facts = {"system": system, "paper": PAPER, "dataset": DATASET, "split": "test", "seed": seed,
             "real": len(test), "trained": len(x), "command": command}  # fmt: skip
    real = references.reference(extractors.load(NETWORK), protocols.find("std"), None, lambda: test)
    runs.seed(seed)
    model = recipes.build(recipe, x.shape[1:])
    first = out / (curves.folder(system) if not second else "autoencoder")
    history, later = runs.train(recipe, first, model, x=x, verbose=0), None
    epochs = len(history)
    if second:
        recipe |= second
        model.replace(prior=recipes.prior(recipe))
        measure = curves.Curves(
            path, lambda trainer: fitting(model, trainer, system, test, seed, real), EVERY, epochs, **facts
        )
        later = runs.fit_prior(recipe, path.parent, model, drawn, verbose=0, callbacks=[measure])
        epochs += recipe["prior_fit"]["epochs"]
    curves.checkpoint(model, SYSTEMS[system], recipe, history, path.parent, len(x), command, later)
    names = {"frechet_distance": "FCD", "f8": "PRD F8", "f1_8": "PRD F1/8"}
    found = compared(model.sample(COUNT, seed=seed), seed, real, names)
    rows = [{**facts, "epochs": epochs, **row} for row in found]
    if system in ("VAE", "FlowAE"):  # what AdvAE encodes with is FlowAE's
        plane = tsne(model.encode(test[:MAPPED]), perplexity=min(70, MAPPED // 4), seed=seed)
        np.savez(path.parent / "map.npz", plane=plane, digits=digits[:MAPPED])
        row = {"metric": "silhouette", "name": "silhouette of codes", "draws": 1, "real": MAPPED}
        rows.append({**facts, "epochs": epochs, **row, "value": silhouette(plane, digits[:MAPPED])})
    kept = [row for row in curves.read(path) if int(row["epochs"]) < epochs or row["metric"] == "loss"]
    curves.write([*kept, *rows], path)


def floor(seed, share, out):
    """Measures as many training images: what samples without a fault would have."""
    path = out / f"seed-{seed}" / curves.folder(REAL) / "measured.csv"
    command = described(share)
    if any(row["command"] == command for row in curves.read(path)):
        return
    x, test = (images.binarized(data.arrays("mnist", split)[0]) for split in ("train", "test"))
    real = references.reference(extractors.load(NETWORK), protocols.find("std"), None, lambda: test)
    pictures = x[np.random.default_rng(seed).permutation(len(x))[:COUNT]] / np.float32(255)
    facts = {"system": REAL, "paper": PAPER, "dataset": DATASET, "split": "test", "seed": seed}
    found = compared(pictures, seed, real, {"frechet_distance": "FCD"})
    curves.write([{**facts, "real": len(test), "command": command, **row} for row in found], path)


def described(share):
    """The command of a run."""
    return f"python training/experiments/{NAME}.py" + (f" --share {share:g}" if share != 1 else "")


def swings(rows):
    """How much the curves of one run rise and fall, as rows of its end."""
    for metric, found in (
        ("loss", {"loss_rise": clearest, "loss_fall": lambda points: clearest(mirrored(points))}),
        ("frechet_distance", {"distance_rise": lambda points: max(rises_of(points))}),
    ):
        curve = [row for row in rows if row["metric"] == metric]
        points = [(float(row["value"]), float(row["deviation"] or 0)) for row in curve]
        for name, rule in found.items() if len(curve) > 1 else ():
            value, deviation = rule(points)
            facts = {"metric": name, "name": curves.measured.NAMES[name], "value": value, "spread": ""}
            yield {**curve[-1], **facts, "deviation": deviation or ""}


def over_seeds(rows):
    """Mean and deviation over the seeds of what is alike."""
    alike = ("system", "metric", "epochs")
    rows = sorted(rows, key=lambda row: [str(row[key]).zfill(5) for key in alike])
    for _, group in itertools.groupby(rows, lambda row: [row[key] for key in alike]):
        row = curves.over_seeds(list(group))
        yield {**row, "command": f"{row['command']} --seeds {row['draws']}"}


def picture(rows, by_seed, out, path):
    """Curves of the priors and the ends of all; the losses of each seed; maps of codes of the first seed."""
    figure, axes = plt.subplots(1, 6, figsize=(25, 4), layout="constrained")
    for system in SYSTEMS:
        axes[0].plot(*curves.curve(rows, system, "frechet_distance"), marker="o", markersize=4, label=system)
    axes[0].set(xlabel="epoch", title="Frechet distance, classifier", yscale="log")
    axes[0].legend(fontsize=8)
    for axis, system in zip(axes[1:4], LEARNED, strict=True):
        for own in by_seed:
            axis.plot(*curves.curve(own, system, "loss"), linewidth=1)
        axis.set(xlabel="epoch", title=f"{system}: loss on test codes, each seed")
    for axis, system in zip(axes[4:], ("VAE", "FlowAE"), strict=True):
        kept = out / "seed-0" / curves.folder(system) / "map.npz"
        if kept.exists():
            with np.load(kept) as file:
                axis.scatter(*file["plane"].T, c=file["digits"], cmap="tab10", s=3)
        axis.set(title=f"codes of {system}, t-SNE", xticks=[], yticks=[])
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main(arguments=None):
    parser = curves.parser(__doc__, NAME)
    parser.add_argument("--seeds", type=curves.count, default=5)
    parser.add_argument("--share", type=curves.share, default=1.0, help="of the recipes' schedules")
    given = parser.parse_args(arguments)
    for seed in range(given.seeds):
        floor(seed, given.share, given.out)
    for seed, system in itertools.product(range(given.seeds), SYSTEMS):
        train(system, seed, given.share, given.out)
        found = [
            [
                curves.read(given.out / f"seed-{i}" / curves.folder(name) / "measured.csv")
                for name in (REAL, *SYSTEMS)
            ]
            for i in range(seed + 1)
        ]
        by_seed = [[row for own in runs_of for row in (*own, *swings(own))] for runs_of in found]
        rows = list(over_seeds(sum(by_seed, [])))
        curves.write(rows, given.results / f"{NAME}.csv")
        picture(rows, by_seed, given.out, given.results / f"{NAME}.png")
        end = curves.curve(rows, system, "frechet_distance")[1][-1]
        print(f"seed {seed}, {system}: mean FCD so far {end:.4g}", flush=True)
    print(*curves.judged(given.results, PAPER, DATASET, *CLAIMS), sep="\n")


if __name__ == "__main__":
    main()
