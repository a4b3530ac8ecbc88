"""What happens if the flow also teaches the encoder (Xiao, Yan and Amit, 2019, arXiv:1905.10485, section
4.2).

    python training/experiments/regularized_glf.py --out runs/regularized-glf

Generative Latent Flow, and five of it whose encoder descends the likelihood of its codes as well, with
reconstruction weighed by 1, 10, 50, 100 and 400, on CIFAR-10: the recipe glf-cifar10 at its first learning
rate, and with the couplings that the paper prints, since those of the recipe only contract, under which no
likelihood runs away. A run that diverges ends there, and what was measured before stands. Run it again to go
on where it stopped; `--systems` trains some of them, and the results are of all that are there.

Writes results/regularized_glf.csv and .png. Of each system after the first epoch and every second one, on the
10,000 test images: squared error, negative log-likelihood of codes, their deviation (the mean over
coordinates), and the Frechet distance of 10,000 samples by classifier-cifar10, three draws.
"""

import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from latentzoo import data, finish, recipes, runs

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import curves

NAME, NETWORK, COUNT, DRAWS = "regularized_glf", "classifier-cifar10", 10_000, 3
SYSTEMS = {
    "GLF": {},
    **{
        f"GLF without stop-gradient (beta_rec={beta})": {"regularized": True, "beta_rec": float(beta)}
        for beta in (1, 10, 50, 100, 400)
    },
}
METRICS = {
    "mean_squared_error": "squared error",
    "nll": "negative log-likelihood, nats",
    "code_deviation": "deviation of codes",
    "frechet_distance": "Frechet distance, classifier",
}


def measure(model):
    """The numbers of one epoch."""
    x = data.arrays("cifar10", "test")[0]
    found = finish.measure(model, x)
    for metric in ("mean_squared_error", "nll"):
        yield curves.row(metric, found[metric], len(x))
    deviation = float(model.encode(x).std(axis=0).mean())
    deviation = {"mean": deviation, "standard_error": deviation / (2 * len(x)) ** 0.5}
    yield curves.row("code_deviation", deviation, len(x))
    yield curves.distance(model, x, network=NETWORK, dataset="cifar10", count=COUNT, draws=DRAWS)


def train(system, arguments, epochs, out):
    """Trains one system, and measures it."""
    recipe = recipes.recipe("glf-cifar10")
    recipe["model"] |= arguments
    recipe["prior"] |= {"coupling": "exp"}
    recipe |= {"epochs": epochs, "learning_rate_factors": {}}
    out = out / curves.folder(system)
    command = f"python training/experiments/{NAME}.py --epochs {epochs}"
    facts = {
        "system": system, "paper": "000-GLF", "dataset": "CIFAR-10", "split": "test", "seed": recipe["seed"],
        "command": command,
    }  # fmt: skip
    x = data.arrays("cifar10", "train")[0]
    facts["trained"] = len(x)
    callback = curves.Curves(out / "measured.csv", measure, every=2, **facts)
    runs.seed(recipe["seed"])
    model = recipes.build(recipe, x.shape[1:])
    diverged = 0
    try:
        runs.train(recipe, out, model, x=x, callbacks=[callback], verbose=0)
    except (FloatingPointError, ValueError) as reason:  # of a step, or of what was measured after it
        if not isinstance(reason, FloatingPointError) and "finite" not in str(reason):
            raise
        print(f"{system}: {reason}", flush=True)
        diverged = 1
    rows = [row for row in curves.read(callback.path) if row["metric"] != "divergence"]
    last = {"epochs": rows[-1]["epochs"] if rows else 1, "value": diverged, "draws": 1}
    curves.write([*rows, {**facts, "metric": "divergence", "name": "divergence", **last}], callback.path)


def picture(rows, path):
    """The four curves of each system."""
    figure, axes = plt.subplots(1, len(METRICS), figsize=(4.2 * len(METRICS), 3.6), layout="constrained")
    for axis, (metric, label) in zip(axes, METRICS.items(), strict=True):
        for system in SYSTEMS:
            axis.plot(*curves.curve(rows, system, metric), marker="o", markersize=3, label=system)
        axis.set(xlabel="epoch", title=label, yscale="symlog" if metric == "nll" else "log")
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=7)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main(arguments=None):
    parser = curves.parser(__doc__, NAME)
    parser.add_argument("--epochs", type=curves.count, default=10)
    parser.add_argument("--systems", nargs="+", choices=[*SYSTEMS], default=[*SYSTEMS])
    given = parser.parse_args(arguments)
    for system in given.systems:
        train(system, SYSTEMS[system], given.epochs, given.out)
        rows = sum((curves.read(given.out / curves.folder(name) / "measured.csv") for name in SYSTEMS), [])
        curves.write(rows, given.results / f"{NAME}.csv")
        picture(rows, given.results / f"{NAME}.png")
    for system in SYSTEMS:
        ends = {label: curves.curve(rows, system, metric)[1][-1:] for metric, label in METRICS.items()}
        print(system, *(f"{label} {value[0]:.4g}" for label, value in ends.items() if value), sep=", ")
    print(*curves.judged(given.results, "000-GLF", "CIFAR-10", "CL-04", "CL-05"), sep="\n")


if __name__ == "__main__":
    main()
