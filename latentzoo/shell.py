"""What the commands of the shell share: arguments, a model by its name, pictures for it, what they say."""

import contextlib
import json
import os
import pathlib
import sys
from typing import Annotated

import typer

from latentzoo.errors import error

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


def from_files(paths, model):
    """Pictures from files, cropped and resized to what the model takes, in [0, 1]."""
    import numpy as np

    from latentzoo import pictures

    height, width, channels = model.image_shape
    if height != width:
        raise error("Pictures are cropped to squares.", "a model of square images", f"{model.image_shape}")
    x = np.stack([pictures.picture(path, size=height, channels=channels) for path in paths])
    return in_range(x, model)


def from_data(name, n, model):
    """The first test images of a data set, in [0, 1]."""
    from latentzoo import data

    size = {} if name in data.DATASETS else {"size": model.image_shape[0], "channels": model.image_shape[2]}
    return in_range(data.arrays(name, "test", **size)[0][:n], model)


def in_range(x, model):
    """uint8 images as float32 in [0, 1]; 0 or 1, cut at a half, for a model of binary pixels."""
    import numpy as np

    from latentzoo.images import binarized

    return (binarized(x) if model.binary else x) / np.float32(255)


def wrote(path, as_json, **facts):
    print(json.dumps({"output": str(path), **facts}) if as_json else f"Wrote {path}")
