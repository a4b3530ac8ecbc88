"""Grids and curves: what is drawn where, and what is refused."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from latentzoo import plots


def test_nothing_heavy_is_imported():
    code = (
        "import sys, latentzoo.plots;"
        "print({'matplotlib', 'tensorflow', 'keras'} & set(sys.modules) or 'light')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "light"


@pytest.mark.parametrize("channels", [1, 3])
def test_grid_places_every_image(channels):
    images = np.random.default_rng(0).integers(0, 255, (5, 4, 6, channels), dtype=np.uint8)
    sheet = plots.grid(images, columns=3, padding=1)
    assert sheet.dtype == np.uint8 and sheet.shape == (9, 20, channels)
    seen = np.zeros(sheet.shape, bool)
    for index, image in enumerate(images):
        top, left = index // 3 * 5, index % 3 * 7
        place = np.s_[top : top + 4, left : left + 6]
        assert np.array_equal(sheet[place], image)
        seen[place] = True
    assert (sheet[~seen] == 255).all()


def test_grid_is_about_square_and_interpolations_have_rows():
    assert plots.grid(np.zeros((10, 2, 2, 1)), padding=0).shape == (6, 8, 1)
    steps = np.linspace(0, 1, 6).reshape(2, 3, 1, 1, 1) * np.ones((2, 2, 3))
    sheet = plots.grid(steps, padding=0)
    assert sheet.shape == (4, 6, 3)
    assert sheet[::2, ::2, 0].tolist() == [[0, 51, 102], [153, 204, 255]]


def test_floats_are_rounded():
    images = np.arange(256, dtype=np.float32).reshape(1, 16, 16, 1) / np.float32(255)
    assert plots.grid(images).ravel().tolist() == list(range(256))
    near = np.full((1, 1, 1, 1), 0.999, np.float32)
    assert plots.grid(near).item() == 255


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((4, 8, 8)), "Not images"),
        (np.zeros((4, 8, 8, 2)), "Not images"),
        (np.zeros((0, 8, 8, 3)), "Not images"),
        (np.full((1, 8, 8, 3), 1.01), "out of range"),
        (np.full((1, 8, 8, 3), -0.01), "out of range"),
        (np.full((1, 8, 8, 3), np.nan), "out of range"),
        (np.zeros((1, 8, 8, 3), int), "Received: int64"),
    ],
)
def test_bad_images(images, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        plots.grid(images)
    with pytest.raises(ValueError, match=message):
        plots.save(images, tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", [{"columns": 0}, {"columns": -1}, {"padding": -1}])
def test_bad_grid(option):
    with pytest.raises(ValueError, match="columns >= 1, padding >= 0"):
        plots.grid(np.zeros((2, 4, 4, 1)), **option)


@pytest.mark.parametrize("channels", [1, 3])
def test_save(tmp_path, channels):
    images = np.random.default_rng(0).random((4, 5, 5, channels), np.float32)
    path = tmp_path / "samples.png"
    path.write_text("the old one")
    plots.save(images, path, columns=4, scale=3)
    with Image.open(path) as image:
        assert image.format == "PNG" and image.mode == {1: "L", 3: "RGB"}[channels]
        pixels = np.asarray(image).reshape(15, -1, channels)
    assert np.array_equal(pixels[1::3, 1::3], plots.grid(images, 4))
    assert np.array_equal(pixels[::3], pixels[2::3])
    assert [p.name for p in tmp_path.iterdir()] == ["samples.png"]


@pytest.mark.parametrize("scale", [0, -1, 1.5])
def test_bad_scale(tmp_path, scale):
    with pytest.raises(ValueError, match="Received: scale="):
        plots.save(np.zeros((1, 4, 4, 1)), tmp_path / "a.png", scale=scale)


def test_an_interrupted_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "samples.png"
    path.write_text("the old one")

    def halfway(self, file, *args):
        file.write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", halfway)
    with pytest.raises(KeyboardInterrupt):
        plots.save(np.zeros((1, 4, 4, 1)), path)
    assert path.read_text() == "the old one"
    assert [p.name for p in tmp_path.iterdir()] == ["samples.png"]


def drawn(history, path):
    """The picture, and the data of the lines in each panel."""
    from matplotlib.figure import Figure

    figures = []
    original = Figure.savefig

    def savefig(self, *args, **kwargs):
        figures.append(self)
        return original(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", savefig)
        plots.curves(history, path)
    with Image.open(path) as image:
        image.load()
        assert image.format == "PNG"
    return {
        axes.get_ylabel(): [tuple(map(list, line.get_data())) for line in axes.lines]
        for axes in figures[0].axes
    }


def test_curves_of_a_history(tmp_path):
    history = {"loss": [3.0, 2.0, 1.0], "nll": [5, 4, 3], "val_loss": [4.0, float("nan"), 2.0]}
    lines = drawn(history, tmp_path / "curves.png")
    assert lines == {
        "loss": [([0, 1, 2], [3, 2, 1]), ([0, 2], [4, 2])],
        "nll": [([0, 1, 2], [5, 4, 3]), ([], [])],
    }
    assert [p.name for p in tmp_path.iterdir()] == ["curves.png"]


def test_curves_of_a_log(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("epoch,kl,val_kl\n4,1.5,NA\n5,1.25,2.5\n6,1.0,\n")
    lines = drawn(log, tmp_path / "curves.png")
    assert lines == {"kl": [([4, 5, 6], [1.5, 1.25, 1.0]), ([5], [2.5])]}
    log.write_text("epoch,kl\n0,1.5\n")
    assert drawn(str(log), tmp_path / "curves.png") == {"kl": [([0], [1.5]), ([], [])]}


@pytest.mark.parametrize("history", [{}, {"epoch": [0, 1]}, {"loss": []}, {"loss": [float("nan")]}])
def test_nothing_to_draw(tmp_path, history):
    with pytest.raises(ValueError, match="Nothing to draw"):
        plots.curves(history, tmp_path / "curves.png")
    assert not list(tmp_path.iterdir())
