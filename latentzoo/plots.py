"""Pictures of results, as PNG files: grids of images, and curves of the loss terms.

>>> import tempfile
>>> from latentzoo import plots
>>> plots.grid(np.zeros((5, 8, 8, 3)), columns=3).shape
(18, 28, 3)
>>> with tempfile.TemporaryDirectory() as folder:
...     plots.save(np.zeros((5, 8, 8, 3)), f"{folder}/samples.png", scale=2)
...     plots.curves({"nll": [3, 2], "val_nll": [4, 3]}, f"{folder}/curves.png")
"""

import os
import pathlib

import numpy as np
from PIL import Image

from latentzoo.errors import error


def grid(images, columns=None, padding=2):
    """Lays images out row by row, with white lines between them.

    Args:
        images: float in [0, 1] or uint8, `(n, height, width, channels)` with 1 or 3 channels; or
            interpolations `(n, steps, height, width, channels)`, by default one to a row.
        columns: Images per row. By default the grid is about square.
        padding: Width of the lines in pixels.

    Returns:
        uint8 `(grid height, grid width, channels)`.

    Raises:
        ValueError: Images of another shape or range, or `columns` or `padding` too small.
    """
    images = _pixels(np.asarray(images))
    if columns is None:
        columns = images.shape[1] if images.ndim == 5 else int(np.ceil(np.sqrt(len(images))))
    if columns < 1 or padding < 0:
        raise error("Bad grid.", "columns >= 1, padding >= 0", f"{columns=}, {padding=}")
    images = images.reshape(-1, *images.shape[-3:])
    rows = -(-len(images) // columns)
    margins = [(0, rows * columns - len(images)), (0, padding), (0, padding), (0, 0)]
    tiles = np.pad(images, margins, constant_values=255)
    _, height, width, channels = tiles.shape
    tiles = tiles.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    sheet = tiles.reshape(rows * height, columns * width, channels)
    return sheet[: rows * height - padding, : columns * width - padding]


def alike(rows):
    """Samples of several models one after another, of the largest size and in colour if any are."""
    side = max(row.shape[1] for row in rows)
    channels = max(row.shape[3] for row in rows)
    return np.concatenate([fitted(image, side, channels)[None] for row in rows for image in row])


def fitted(image, side, channels):
    pixels = np.rint(image * 255).astype("uint8")
    if pixels.shape[2] < channels:
        pixels = np.repeat(pixels, channels, axis=2)
    if pixels.shape[:2] == (side, side):
        return pixels
    picture = Image.fromarray(pixels if channels > 1 else pixels[..., 0]).resize((side, side), Image.NEAREST)
    return np.asarray(picture).reshape(side, side, channels)


def save(images, path, columns=None, scale=1):
    """Writes a grid of images as a PNG file, whole or not at all.

    Args:
        images, columns: As for `grid`, whose errors are raised.
        path: Of the file, which is replaced if it exists.
        scale: Integer, the side of the square that each pixel becomes.
    """
    if not isinstance(scale, int) or scale < 1:
        raise error("Bad scale.", "an integer >= 1", f"{scale=}")
    sheet = grid(images, columns).repeat(scale, axis=0).repeat(scale, axis=1)
    image = Image.fromarray(sheet[..., 0] if sheet.shape[-1] == 1 else sheet)
    _replace(path, lambda file: image.save(file, "PNG"))


def curves(history, path):
    """Draws each term in a panel of its own, training full and validation dashed, as a PNG file.

    Args:
        history: `{name: values}`, a value per epoch, `val_<name>` being the validation of `<name>`,
            like `fit(...).history`; or the path of such a CSV file by `keras.callbacks.CSVLogger`.
            `epoch` gives the abscissa. Gaps are left out; nothing but gaps is a `ValueError`.
        path: Of the file, which is replaced if it exists.
    """
    from matplotlib.figure import Figure  # Without pyplot: no window, no global state.

    if not isinstance(history, dict):
        table = np.genfromtxt(history, delimiter=",", names=True, deletechars="")
        history = {name: np.atleast_1d(table[name]) for name in table.dtype.names or ()}
    terms = {name: np.asarray(values, float) for name, values in history.items()}
    if not any(np.isfinite(terms[name]).any() for name in terms if name != "epoch"):
        raise error("Nothing to draw.", "terms with a number per epoch", f"{list(history)}")
    epochs = terms.pop("epoch", None)
    names = list(dict.fromkeys(name.removeprefix("val_") for name in terms))
    figure = Figure(figsize=(7, 2.2 * len(names) + 0.5), layout="constrained")
    panels = figure.subplots(len(names), sharex=True, squeeze=False)[:, 0]
    for panel, name in zip(panels, names, strict=True):
        for key, style, label in ((name, ".-", "train"), (f"val_{name}", ".--", "validation")):
            values = terms.get(key, np.array([]))
            kept = np.flatnonzero(np.isfinite(values))
            panel.plot(kept if epochs is None else epochs[kept], values[kept], style, label=label)
        panel.set_ylabel(name)
    panels[0].legend()
    panels[-1].set_xlabel("epoch")
    panels[-1].xaxis.get_major_locator().set_params(integer=True)
    _replace(path, lambda file: figure.savefig(file, format="png"))


def _pixels(images):
    if images.ndim not in (4, 5) or images.shape[-1] not in (1, 3) or not images.size:
        raise error("Not images.", "(n, [steps,] height, width, 1 or 3)", f"{images.shape}")
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f" or not (images.min() >= 0 and images.max() <= 1):
        received = f"{images.dtype} in [{images.min()}, {images.max()}]"
        raise error("Images out of range.", "float in [0, 1], or uint8", received)
    return np.rint(images * 255.0).astype(np.uint8)


def _replace(path, write):
    """Writes a file beside `path`, which takes its place at the end and only if all went well."""
    folder = pathlib.Path(path).parent
    if not folder.is_dir():
        raise error("There is nowhere to write.", f"a folder '{folder}'", "none", kind=FileNotFoundError)
    temporary = pathlib.Path(f"{path}.{os.getpid()}")
    try:
        write(temporary)
        os.replace(temporary, path)
    except OSError as cause:
        if cause.filename != str(temporary):
            raise
        raise OSError(cause.errno, cause.strerror, str(path)) from None  # of the name that was given
    finally:
        temporary.unlink(missing_ok=True)
