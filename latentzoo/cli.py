"""The command line: the library's doors for a shell."""

import json
import logging
import os
import pathlib
import shlex
import sys
from typing import Annotated

import typer

from latentzoo import measuring, sharing
from latentzoo.errors import error
from latentzoo.shell import (
    AsJson,
    Name,
    Output,
    Seed,
    complain,
    from_data,
    from_files,
    hush,
    load,
    printable,
    wrote,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def version(wanted: bool):
    if wanted:
        from latentzoo import __version__

        print(f"latentzoo {__version__}")
        raise typer.Exit()


@app.callback()
def options(
    show: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="Show the version.")
    ] = False,
):
    """A zoo of generative autoencoders: list, sample, train, evaluate, compare, pull and push."""


def main():
    """Runs the command line; a user's mistake is one line and exit code 2, not a traceback."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")  # not a line for each retry
    logging.getLogger("absl").setLevel(logging.ERROR)  # nor for each folder without data
    try:
        app()
    except (ValueError, OSError, RuntimeError, ImportError, FloatingPointError) as mistake:
        # RuntimeError: another Keras backend; ImportError: an extra that is not installed;
        # FloatingPointError: training diverged.
        complain(mistake)
        sys.exit(2)


@app.command("list")
def list_(pattern: Annotated[str, typer.Argument()] = "*", as_json: AsJson = False):
    """List the checkpoints of the zoo, such as `latentzoo list "glf-*"`."""
    from latentzoo import zoo

    rows, missing = [], {}
    for name in zoo.list_models(pattern):
        try:
            rows.append(zoo.info(name))
        except (FileNotFoundError, ConnectionError) as reason:
            missing[name] = reason
    if missing and not rows:
        raise next(iter(missing.values()))
    if missing:
        print(f"Not to be had here: {', '.join(missing)}. {next(iter(missing.values()))}", file=sys.stderr)
    if as_json:
        print(json.dumps(rows))
        return
    from rich.console import Console
    from rich.table import Column, Table

    from latentzoo.evaluation import tables

    name = Column("name", min_width=max((len(row["name"]) for row in rows), default=0))  # to be copied whole
    table = Table(name, "family", "images", "data", "weights", "MB", box=None, padding=(0, 1, 0, 0))
    for row in rows:
        table.add_row(
            row["name"],
            row["family"],
            "x".join(map(str, row["image_shape"])),
            row["provenance"].get("data", "?"),
            f"{row['parameters'] / 1e6:.1f} M",
            tables.megabytes(row["bytes"]),
        )
    Console().print(table)


@app.command()
def info(name: Name, as_json: AsJson = False):
    """Show the facts of a checkpoint: family, data, licence, training, measurements."""
    from latentzoo import zoo

    facts = zoo.info(name)
    if as_json:
        print(json.dumps(facts))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    columns = [Column(overflow="fold") for _ in range(2)]  # some keys differ at the end
    table = Table(*columns, box=None, show_header=False)
    for path, value in leaves(facts):
        table.add_row(escape(printable(path)), escape(printable(str(value))))
    Console().print(table)


def leaves(tree, prefix=""):
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


@app.command()
def sample(
    name: Name,
    n: Annotated[int, typer.Option("-n", help="How many pictures.")] = 16,
    seed: Seed = 0,
    temperature: Annotated[float, typer.Option(help="Multiplies the prior's deviation.")] = 1.0,
    probabilities: Annotated[bool, typer.Option(help="Of black and white pixels, as grey.")] = False,
    output: Output = pathlib.Path("samples.png"),
    as_json: AsJson = False,
):
    """Draw pictures from a checkpoint's prior into a grid."""
    from latentzoo import plots

    images = load(name).sample(n, seed=seed, temperature=temperature, probabilities=probabilities)
    plots.save(images, output, scale=2)
    wrote(output, as_json, n=n, seed=seed)


@app.command()
def reconstruct(
    name: Name,
    pictures: Annotated[list[pathlib.Path] | None, typer.Argument(help="Picture files.")] = None,
    data: Annotated[str | None, typer.Option(help="A data set or folder to take pictures from.")] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="How many pictures of --data.")] = 8,
    output: Output = pathlib.Path("reconstructions.png"),
    as_json: AsJson = False,
):
    """Encode and decode pictures: originals above, reconstructions below."""
    if bool(pictures) == bool(data):
        raise error(
            "`reconstruct` takes pictures from one place.",
            "picture files, or --data",
            f"{len(pictures or [])} files and --data {data}",
        )
    from latentzoo import plots

    model = load(name)
    images = from_files(pictures, model) if pictures else from_data(data, n, model)
    rows = model.reconstruct(images)
    both = [part for i in range(0, len(images), 8) for part in (images[i : i + 8], rows[i : i + 8])]
    import numpy as np

    columns = min(8, len(images))
    blank = np.ones_like(images[:1])
    both = [np.concatenate([p, *[blank] * (columns - len(p))]) for p in both]
    plots.save(np.concatenate(both), output, columns=columns, scale=2)
    wrote(output, as_json, n=len(images), mean_squared_error=float(np.square(images - rows).mean()))


@app.command()
def interpolate(
    name: Name,
    a: Annotated[str, typer.Argument(help="A picture file, or a number: the sample of that seed.")],
    b: Annotated[str, typer.Argument(help="The other end.")],
    steps: Annotated[int, typer.Option(help="Pictures, both ends included.")] = 10,
    space: Annotated[
        str | None,
        typer.Option(help="'noise', the base of the prior, or 'latent'; latent if noise has no inverse."),
    ] = None,
    output: Output = pathlib.Path("interpolation.png"),
    as_json: AsJson = False,
):
    """Go from one picture to another in a straight line."""
    from latentzoo import plots

    model = load(name)
    ends = [
        model.sample(1, seed=int(end)) if end.isdecimal() else from_files([pathlib.Path(end)], model)
        for end in (a, b)
    ]
    space = space or ("noise" if model.prior.invertible else "latent")
    plots.save(model.interpolate(*ends, steps, space=space), output, scale=2)
    wrote(output, as_json, steps=steps, space=space)


@app.command()
def train(
    name: Annotated[str | None, typer.Argument(help="A recipe, such as glf-fashion.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="Fine-tune this checkpoint.")] = None,
    data: Annotated[str | None, typer.Option(help="A data set or a folder of pictures.")] = None,
    out: Annotated[pathlib.Path | None, typer.Option(help="Folder; runs/NAME if left out.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.")] = None,
    share: Annotated[float | None, typer.Option(help="Of the recipe's schedule, such as 0.25.")] = None,
    smoke: Annotated[bool, typer.Option(help="One epoch of 64 small images, to try it.")] = False,
    strategy: Annotated[str | None, typer.Option(help="'mirrored': all devices of a machine.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE of the recipe.")] = None,
    quiet: Annotated[bool, typer.Option(help="No progress bar.")] = False,
    as_json: AsJson = False,
):
    """Train a recipe, or fine-tune a checkpoint on other pictures. Run it again to resume."""
    from latentzoo import recipes

    words = [name] if name else []
    if start is None and name is None:
        raise error(
            "There is nothing to train.",
            f"a recipe, one of {', '.join(recipes.names())}, or --from CHECKPOINT --data DATA",
            "neither",
        )
    if start is not None and name is not None:
        received = f"{name} and --from {start}"
        raise error("A run starts from a recipe or a checkpoint.", "one of both", received, "Leave one out.")
    if start is None:
        recipe = recipes.recipe(name)
        recipes.on(recipe, data or recipe["data"])
    elif data is None and not smoke:
        raise error("Fine-tuning needs pictures.", "--data NAME or FOLDER", "none")
    else:
        recipe = recipes.fine_tune(start, data or "fixture")
        name = f"{pathlib.Path(start).name}-tuned"
    if smoke:
        recipes.smoke(recipe)
    if share is not None:
        recipes.shorten(recipe, share)
    if epochs:
        recipe["epochs"] = epochs
    recipes.override(recipe, settings or [])
    out = out or pathlib.Path("runs") / name
    with hush():
        import tensorflow  # noqa: F401
    verbose = 0 if quiet or as_json else "auto"
    given = {
        "--from": start, "--data": data, "--share": share, "--epochs": epochs, "--strategy": strategy,
    }  # fmt: skip
    words += [word for key, value in given.items() if value for word in (key, str(value))]
    words += [word for setting in settings or [] for word in ("--set", setting)]
    command = shlex.join(["latentzoo", "train", *words, *(["--smoke"] if smoke else [])])
    metrics = recipes.run(name, recipe, out, tiny=smoke, strategy=strategy, command=command, verbose=verbose)
    wrote(out, as_json, metrics=metrics["test"])


app.command()(measuring.evaluate)
app.command()(measuring.compare)
app.command()(sharing.pull)
app.command()(sharing.push)

if __name__ == "__main__":
    main()
