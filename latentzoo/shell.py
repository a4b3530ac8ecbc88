"""What the commands of the shell share: their arguments, a model by its name, and what they print."""

import contextlib
import json
import os
import pathlib
import sys
from typing import Annotated

import typer

Name = Annotated[
    str, typer.Argument(help="A name that `latentzoo list` shows, a folder, or user/repo on the Hub.")
]
Output = Annotated[pathlib.Path, typer.Option("-o", "--output", help="The PNG file to write.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same pictures.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, for machines.")]


def complain(mistake):
    print("Error: " + printable(" ".join(str(mistake).split())), file=sys.stderr)


def printable(text):
    """A text from somewhere without what a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


@contextlib.contextmanager
def hush():
    """Silences what TensorFlow's libraries print to the terminal while they are imported."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def load(name):
    from latentzoo import zoo

    zoo.info(name)  # a wrong name is told before TensorFlow takes its seconds
    with hush():
        import tensorflow  # noqa: F401
    from latentzoo.models import Autoencoder

    return Autoencoder.from_pretrained(name)


def wrote(path, as_json, **facts):
    print(json.dumps({"output": str(path), **facts}) if as_json else f"Wrote {path}")
