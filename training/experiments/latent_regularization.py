"""What a learned prior gives if it does not regularize the codes (Morrow and Chiu, 2020).

    python training/experiments/latent_regularization.py --share 0.05 --out runs/latent-regularization

On Fashion-MNIST: a VAE with a flow prior whose encoder hears of it at the weights 0, 0.1 and 1, with pixels
of variance 1 and of a learned one, and an adversarial autoencoder with a learned prior at 0 and 1. All have
the settings of the recipes, but for equal shares of their schedules and a flow of 16 couplings with 256
units, which the paper has for CIFAR-10, in the place of 24 with 1,024; and the deviation of pixels, one
number, which Adam moves by its rate and no more, has as far to go in fewer steps: its rate is divided by the
share. Two seeds each. On MNIST: the VAE with codes of width 2 at weight 0, to look at codes and prior. Run it
again to go on where it stopped; `--systems` trains some of them, and the results are of all that are there;
each folder of a run ends as a checkpoint;
`--share 0.01 --images 1000 --couplings 2 --units 16 --count 500 --out runs/trial --results runs/trial` is a
trial.

Writes results/latent_regularization.csv and .png. Of each system the Frechet distance of 10,000 samples from
the 10,000 test images by classifier-fashion, the mean over seeds of three draws each; its deviation is that
of seeds or that of draws, whichever is more, since two seeds may agree by chance. Of the codes of width 2, of
the test images, the divergence from samples of the flow, from those of one Gaussian fitted to training codes,
and, the floor, from training codes.
"""

import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from scipy.spatial import cKDTree

from latentzoo import data, finish, priors, recipes, runs

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import curves
from report.claims.learned_prior import ADVERSARIAL, BILEVEL, CODES, GAUSSIAN, LEARNED, PAPER, PLANE, weights

NAME, NETWORK, DRAWS = "latent_regularization", "classifier-fashion", 3
FLOW, AAE, DIGITS = "vae-flow-prior-beta0-fashion", "aae-learned-prior-fashion", "vae-flow-prior-beta0-mnist"
SYSTEMS = {
    **{BILEVEL.format(beta): (FLOW, {"beta_kl": float(beta)}) for beta in weights(BILEVEL)},
    **{
        LEARNED.format(beta): (FLOW, {"beta_kl": float(beta), "decoder_variance": "learned"})
        for beta in weights(LEARNED)
    },
    **{ADVERSARIAL.format(beta): (AAE, {"beta_kl": float(beta)}) for beta in weights(ADVERSARIAL)},
}
PICTURED = "plane.npz"  # in the folder of the run on digits: what the picture shows
CELLS = 100  # of a picture of a density, along each axis


def trained(name, arguments, seed, given, out):
    """The model of a recipe at a share of its schedule, and epochs and images that it was trained for."""
    recipe = recipes.recipe(name)
    recipe["model"] |= arguments
    recipe = recipes.shorten({**recipe, "seed": seed}, given.share)
    if arguments.get("decoder_variance") == "learned":
        rate = recipe["optimizer"]["learning_rate"] / given.share
        recipe["optimizers"] = {"deviation": {"learning_rate": rate}}
    if recipe.get("prior", {}).get("name") == "realnvp":
        recipe["prior"] |= {"blocks": given.couplings, "units": given.units}
    x = data.arrays(recipe["data"], recipe["split"])[0][: given.images]
    runs.seed(seed)
    model = recipes.build(recipe, x.shape[1:], len(x))
    history, later = runs.train(recipe, out, model, x=x, verbose=0), None
    if "prior_fit" in recipe:
        later = runs.fit_prior(recipe, out, model, x, verbose=0)
    curves.checkpoint(model, name, recipe, history, out, len(x), given.command, later)
    epochs = recipe["epochs"] + recipe.get("prior_fit", {}).get("epochs", 0)
    return model, {"epochs": epochs, "trained": len(x), "command": given.command}


def measure(model, given):
    """The numbers of one model of clothes."""
    x = data.arrays("fashion_mnist", "test")[0]
    found = finish.measure(model, x)["mean_squared_error"]
    yield curves.row("mean_squared_error", found, len(x))
    yield curves.distance(model, x, network=NETWORK, dataset="fashion_mnist", count=given.count, draws=DRAWS)


def kept(folder, given):
    """The rows of a run that this command has measured, if it has."""
    rows = curves.read(folder / "measured.csv")
    return rows if rows and rows[0]["command"] == given.command else []


def folders(system, given):
    """The folders of the runs of a system, one for each seed."""
    return [given.out / f"seed-{seed}" / curves.folder(system) for seed in range(given.seeds)]


def clothes(system, given):
    """Trains and measures one system with each seed."""
    for seed, folder in enumerate(folders(system, given)):
        if kept(folder, given):
            continue
        model, facts = trained(*SYSTEMS[system], seed, given, folder)
        facts |= {"system": system, "paper": PAPER, "dataset": "Fashion-MNIST", "split": "test", "seed": seed}
        curves.write([{**facts, **row} for row in measure(model, given)], folder / "measured.csv")


def over_seeds(system, given):
    """The rows of a system whose runs are all there."""
    by_seed = [kept(folder, given) for folder in folders(system, given)]
    return [curves.over_seeds(rows) for rows in zip(*by_seed, strict=True)] if all(by_seed) else []


# ---------------------------------------------------------------------- codes of width 2


def digits(given):
    """Trains the one with codes of width 2, and measures how far its prior is from codes of test images."""
    out = given.out / "digits"
    if kept(out, given):
        return
    model, facts = trained(DIGITS, {"latent_dim": 2}, 0, given, out)
    x, labels = data.arrays("mnist", "test")
    codes = model.encode(x[: given.count], draw=True, seed=0)
    everywhere = model.encode(data.arrays("mnist", "train")[0][: given.images], draw=True, seed=0)
    gaussian = priors.Gaussian(2)
    gaussian.fit(everywhere, verbose=0)

    def others(n, seed):
        return np.random.default_rng(seed).permutation(everywhere)[:n]

    rows = []
    for system, draw in ((PLANE, model.prior.sample), (GAUSSIAN, gaussian.sample), (CODES, others)):
        values = [divergence(codes, draw(len(codes), seed=seed)) for seed in range(DRAWS)]
        row = {"system": system, "paper": PAPER, "dataset": "MNIST", "metric": "code_divergence"}
        row |= {"name": "divergence of codes from the prior, nats", "value": float(np.mean(values))}
        row |= {"deviation": float(np.std(values, ddof=1)), "draws": DRAWS, "spread": "draws"}
        row |= {"split": "test", "real": len(codes), "generated": len(codes)}
        rows.append({**facts, **row, "seed": 0})
    low, high = np.quantile(codes, [0.002, 0.998], axis=0)
    low, high = low - 0.1 * (high - low), high + 0.1 * (high - low)
    edges = [np.linspace(low[i], high[i], CELLS + 1) for i in (0, 1)]
    centres = np.stack(np.meshgrid(*((e[1:] + e[:-1]) / 2 for e in edges), indexing="ij"), axis=-1)
    density = np.exp(model.prior.log_prob(centres.reshape(-1, 2).astype("float32")))
    np.savez(
        out / PICTURED,
        codes=codes,
        labels=labels[: len(codes)],
        samples=model.prior.sample(len(codes), seed=0),
        edges=edges,
        densities=(np.histogram2d(*everywhere.T, edges, density=True)[0], density.reshape(CELLS, CELLS)),
    )
    curves.write(rows, out / "measured.csv")


def divergence(codes, samples):
    """How far the distribution of codes is from that of samples, nats, by nearest neighbours in each.

    `d / n * sum_i log(nu_i / rho_i) + log(m / (n - 1))`, rho the distance of a code to the next of its kind
    and nu that to a sample: Wang, Kulkarni and Verdu (2009), "Divergence Estimation for Multidimensional
    Densities Via k-Nearest-Neighbor Distances". It takes no density: the same measure for all priors.

    Args:
        codes: `(n, d)`.
        samples: `(m, d)`.
    """
    n, d = codes.shape
    rho = cKDTree(codes).query(codes, k=2)[0][:, 1]
    nu = cKDTree(samples).query(codes)[0]
    apart = (rho > 0) & (nu > 0)  # codes of the same image twice tell nothing
    return float(d * np.mean(np.log(nu[apart] / rho[apart])) + np.log(len(samples) / (n - 1)))


# ---------------------------------------------------------------------- the picture


def picture(rows, plane, path):
    """The distance by weight; codes of width 2, samples of the prior, and both densities."""
    figure, axes = plt.subplots(1, 5, figsize=(21, 4), layout="constrained")
    found = {row["system"]: row for row in rows if row["metric"] == "frechet_distance"}
    for pattern, label in (
        (BILEVEL, "flow prior, variance 1"),
        (LEARNED, "flow prior, learned variance"),
        (ADVERSARIAL, "adversarial prior, variance 1"),
    ):
        known = [(beta, found[name]) for beta in weights(pattern) if (name := pattern.format(beta)) in found]
        if known:
            values, errors = ([float(row[key]) for _, row in known] for key in ("value", "deviation"))
            axes[0].errorbar([beta for beta, _ in known], values, errors, marker="o", capsize=3, label=label)
    axes[0].set(xlabel="beta_kl", title="Frechet distance, classifier")
    axes[0].set_xscale("symlog", linthresh=0.1)
    axes[0].grid(alpha=0.3)
    if found:
        axes[0].legend()
    if plane:
        axes[1].scatter(*plane["codes"].T, c=plane["labels"], s=1, cmap="tab10")
        axes[1].set(title="codes of test images, by digit")
        axes[2].scatter(*plane["samples"].T, s=1, color="black")
        axes[2].set(title="samples of the flow")
        top = np.quantile(plane["densities"][0], 0.995)
        titles = ("density of training codes", "density of the flow")
        for axis, values, title in zip(axes[3:], plane["densities"], titles, strict=True):
            axis.pcolormesh(*plane["edges"], values.T, vmin=0, vmax=top, cmap="viridis")
            axis.set(title=title)
        for axis in axes[1:]:
            axis.set(xlim=plane["edges"][0][[0, -1]], ylim=plane["edges"][1][[0, -1]])
    figure.savefig(path, dpi=90)
    plt.close(figure)


def main(arguments=None):
    parser = curves.parser(__doc__, NAME)
    parser.add_argument("--share", type=curves.share, default=0.05, help="of the epochs of each recipe")
    parser.add_argument("--seeds", type=curves.count, default=2)
    parser.add_argument("--couplings", type=curves.count, default=16)
    parser.add_argument("--units", type=curves.count, default=256)
    parser.add_argument("--count", type=curves.count, default=10_000, help="samples in a draw")
    parser.add_argument("--systems", nargs="+", choices=[PLANE, *SYSTEMS], default=[PLANE, *SYSTEMS])
    parser.add_argument("--images", type=curves.count, help="to train on; all if not given")
    given = parser.parse_args(arguments)
    given.command = f"python training/experiments/{NAME}.py --share {given.share:g} --seeds {given.seeds}"
    given.command += f" --couplings {given.couplings} --units {given.units} --count {given.count}"
    given.command += f" --images {given.images}" if given.images else ""
    for system in given.systems:
        digits(given) if system == PLANE else clothes(system, given)
        rows = kept(given.out / "digits", given)
        plane = np.load(given.out / "digits" / PICTURED) if rows else {}
        rows += sum((over_seeds(system, given) for system in SYSTEMS), [])
        curves.write(rows, given.results / f"{NAME}.csv")
        picture(rows, plane, given.results / f"{NAME}.png")
    for row in rows:
        print(f"{row['system']}: {row['name']} {float(row['value']):.4g} ± {float(row['deviation']):.2g}")
    print(*curves.judged(given.results, PAPER, "Fashion-MNIST", "CL-20", "CL-21"), sep="\n")
    print(*curves.judged(given.results, PAPER, "MNIST", "CL-23"), sep="\n")


if __name__ == "__main__":
    main()
