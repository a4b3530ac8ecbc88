"""What the flow of Generative Latent Flow costs in training (Xiao, Yan and Amit, 2019, arXiv:1905.10485).

    python training/experiments/flow_time.py

The recipe glf-fashion, and its autoencoder alone with the same networks and optimizer: processor seconds of
an epoch of 12,800 images, of each in turn, so that what else the machine does is the same for both.

Writes results/flow_time.csv and .png, mean and deviation over ten such epochs, and prints the verdict on
CL-10.
"""

import pathlib
import sys
import time

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from latentzoo import data, recipes, runs

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import curves

NAME = "flow_time"
SYSTEMS = ("GLF", "GLF without its flow")


def models(shape):
    """Both systems by name, compiled."""
    recipe = recipes.recipe("glf-fashion")
    model = {key: recipe["model"][key] for key in ("latent_dim", "dtype")}
    alone = {**recipe, "family": "PlainAutoencoder", "model": model}
    for system, chosen in zip(SYSTEMS, (recipe, alone), strict=True):
        runs.seed(0)
        yield system, recipes.build(chosen, shape)


def seconds(model, x):
    """Processor seconds of an epoch."""
    start = time.process_time()
    model.fit(x, batch_size=256, epochs=1, verbose=0)
    return time.process_time() - start


def main(arguments=None):
    parser = curves.parser(__doc__, NAME)
    parser.add_argument("--epochs", type=curves.count, default=10)
    parser.add_argument("--images", type=curves.count, default=12_800)
    given = parser.parse_args(arguments)
    x = data.arrays("fashion_mnist", "train")[0][: given.images]
    trained = dict(models(x.shape[1:]))
    for model in trained.values():  # compiles
        seconds(model, x)
    taken = {system: [] for system in trained}
    for _ in range(given.epochs):
        for system, model in trained.items():
            taken[system].append(seconds(model, x))
    rows = [
        {
            "system": system, "paper": "000-GLF", "dataset": "Fashion-MNIST", "metric": "seconds_per_epoch",
            "name": "seconds per epoch", "value": np.mean(values), "deviation": np.std(values, ddof=1),
            "draws": len(values), "spread": "draws", "trained": len(x), "seed": 0,
            "command": f"python training/experiments/{NAME}.py --epochs {given.epochs} --images {len(x)}",
        }
        for system, values in taken.items()
    ]  # fmt: skip
    curves.write(rows, given.results / f"{NAME}.csv")
    figure, axis = plt.subplots(figsize=(5, 3), layout="constrained")
    axis.boxplot(list(taken.values()), tick_labels=list(taken))
    axis.set(ylabel="processor seconds per epoch", ylim=(0, None))
    figure.savefig(given.results / f"{NAME}.png", dpi=110)
    plt.close(figure)
    print(*(f"{row['system']}: {row['value']:.4g} ± {row['deviation']:.2g} s" for row in rows), sep="\n")
    print(*curves.judged(given.results, "000-GLF", "Fashion-MNIST", "CL-10"), sep="\n")


if __name__ == "__main__":
    main()
