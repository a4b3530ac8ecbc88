"""The commands that measure: `latentzoo evaluate` and `latentzoo compare`."""

import json
import pathlib
import shlex
import sys
import warnings
from typing import Annotated

import typer

from latentzoo.errors import error
from latentzoo.shell import AsJson, Name, Seed, hush, printable


def evaluate(
    name: Name,
    metrics: Annotated[
        list[str] | None, typer.Option(help="Such as distance,precision_recall; usual ones if left out.")
    ] = None,
    network: Annotated[
        str | None, typer.Option(help="Whose features are compared; the classifier of the data if left out.")
    ] = None,
    protocol: Annotated[str, typer.Option(help="std, train5k or tsvae-compat.")] = "std",
    data: Annotated[str | None, typer.Option(help="Instead of the data set of the model.")] = None,
    samples: Annotated[
        int | None,
        typer.Option(min=2, help="In a draw; as many as real images, at most 10,000, if left out."),
    ] = None,
    draws: Annotated[int, typer.Option(min=1, help="Independent draws of samples.")] = 10,
    seed: Seed = 0,
    update_card: Annotated[bool, typer.Option("--update-card", help="Put them onto the card.")] = False,
    as_json: AsJson = False,
):
    """Measure a checkpoint again; exit with 1 if a number is not that of its card."""
    from rich.console import Console

    from latentzoo import evaluation, zoo
    from latentzoo.evaluation import protocols, records

    wanted = None if metrics is None else [word for words in metrics for word in words.split(",") if word]
    protocols.find(protocol)  # mistakes are told before TensorFlow takes its seconds
    folder = records.writable(name) if update_card else zoo.find(name, weights=False, extras=True)
    card = records.of_card(folder)
    recipe = zoo.info(name)["provenance"].get("recipe")
    given = {"--network": network, "--data": data, "--samples": samples}
    given |= {"--metrics": ",".join(wanted or []), "--protocol": protocol if protocol != "std" else None}
    given |= {"--draws": draws if draws != 10 else None, "--seed": seed or None}
    words = [word for key, value in given.items() if value for word in (key, str(value))]
    command = shlex.join(["latentzoo", "evaluate", name, *words])
    with hush():
        import tensorflow  # noqa: F401
    with warnings.catch_warnings(record=True) as told, Console(stderr=True).status("Opening") as status:
        warnings.simplefilter("always")
        model = zoo.load(name)
        recorded = outputs_as_recorded(model, folder / "golden.npz")
        found = evaluation.evaluate(
            model,
            metrics=wanted,
            network=network,
            protocol=protocol,
            data=data,
            samples=samples,
            draws=draws,
            seed=seed,
            progress=status.update,
        )
    for text in dict.fromkeys(str(w.message) for w in told if w.category.__module__.startswith("latentzoo")):
        print(f"Warning: {printable(text)}", file=sys.stderr)
    rows = [(record, records.counterpart(record, card)) for record in found.records]
    agree = [None if other is None else records.agrees(record, other) for record, other in rows]
    if as_json:
        whole = [{**r, "card": other, "agrees": same} for (r, other), same in zip(rows, agree, strict=True)]
        facts = {"command": command, "golden": recorded, "records": whole, "skipped": found.skipped}
        print(json.dumps(facts))
    else:
        show(rows, agree, recipe)
        if recorded:
            print("golden.npz: the outputs recorded there")
    for metric, reason in found.skipped:
        print(f"Skipped {metric}: {printable(reason)}", file=sys.stderr)
    if not rows:
        print("Warning: Nothing was measured.", file=sys.stderr)
    elif update_card:
        records.update(folder, found.records, command)
    elif False in agree:
        print("Error: Numbers differ from the card by more than their noise.", file=sys.stderr)
    if recorded is False:
        print("Error: The model does not give the outputs recorded in golden.npz.", file=sys.stderr)
    if recorded is False or (False in agree and not update_card):
        raise typer.Exit(1)


def outputs_as_recorded(model, path):
    """Whether a model gives what `golden.npz` has recorded of it; `None` where there is none."""
    from latentzoo import golden

    if not path.is_file():
        return None
    try:
        golden.check(model, path)
    except ValueError:
        return False
    return True


def show(rows, agree, recipe):
    """Prints measurements beside those of the card and of the paper."""
    from rich.console import Console
    from rich.table import Column, Table

    from latentzoo.evaluation import published, tables

    table = Table(
        *(Column(head, no_wrap=True) for head in ("measure", "of", "now", "card", "")), "paper", box=None
    )
    for (record, other), same in zip(rows, agree, strict=True):
        stands = "none" if other is None else tables.value(other)
        verdict = {None: "unknown" if other else "", True: "agrees", False: "differs"}[same]
        papers = published.of(recipe, record["metric"]) if record["of"] == "samples" else []
        said = "; ".join(tables.published(paper, record) for paper in papers)
        table.add_row(tables.label(record), record["of"], tables.value(record), stands, verdict, said)
    console = Console(width=None if sys.stdout.isatty() else 160)
    if rows:
        console.print(table)
    if any("*" in cell for cell in table.columns[-1].cells):
        console.print("* by the features of another network: of another scale, not comparable", markup=False)
    for line in dict.fromkeys(tables.circumstances(record) for record, _ in rows):
        console.print(printable(line), highlight=False, markup=False, soft_wrap=True)


def compare(
    names: Annotated[list[str], typer.Argument(help="Names, folders, or user/repo on the Hub.")],
    output: Annotated[
        pathlib.Path, typer.Option("-o", "--output", help="The Markdown file; the picture beside it is PNG.")
    ] = pathlib.Path("comparison.md"),
    n: Annotated[int, typer.Option("-n", min=1, help="Samples of each in the picture.")] = 8,
    seed: Seed = 0,
    as_json: AsJson = False,
):
    """Write what the cards of checkpoints say into one table, and samples of each into one picture."""
    from latentzoo import zoo
    from latentzoo.evaluation import records, tables
    from latentzoo.files import replacing

    if output.suffix == ".png":
        raise error("The table is Markdown.", "a file such as table.md", f"--output {output}")
    facts = [zoo.info(name) for name in names]
    cards = [records.of_card(zoo.find(name, weights=False, extras=True)) for name in names]
    picture = output.with_suffix(".png")
    painters = [name for name, fact in zip(names, facts, strict=True) if fact["latent_dim"] is not None]
    if painters:
        with hush():
            import tensorflow  # noqa: F401
        from latentzoo import plots

        rows = plots.alike([zoo.load(name).sample(n, seed=seed) for name in painters])
        plots.save(rows, picture, columns=n)
    text = tables.comparison(facts, cards, picture.name if painters else None, painters, n, seed)
    with replacing(output) as temporary:
        temporary.write_text(text, encoding="utf-8")
    written = [output, *([picture] if painters else [])]
    paths = [str(path) for path in written]
    print(json.dumps({"output": paths}) if as_json else f"Wrote {' and '.join(paths)}")
