"""Data sets from every source, good and bad, without a network.

`fixture.npz` holds 512 pictures of Fashion-MNIST, copyright 2017 Zalando SE, under the MIT licence.
"""

import gzip
import pathlib
import shutil
import struct
import sys
import time
import types
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from latentzoo import data, sources

FIXTURE = pathlib.Path(__file__).with_name("fixture.npz")


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """A machine without any data set, whose LATENTZOO_DATA is an empty folder, and no network."""

    def refuse(*args, **kwargs):
        raise OSError("no network in tests")

    monkeypatch.setenv("LATENTZOO_DATA", str(tmp_path))
    monkeypatch.setattr(sources, "DEBIAN", tmp_path / "nowhere")
    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)


@pytest.fixture
def fashion(tmp_path):
    shutil.copy(FIXTURE, tmp_path / "fashion_mnist.npz")
    with np.load(FIXTURE) as archive:
        return dict(archive)


def numbered(n, height=2, width=3):
    """Pictures that are not symmetric and say which one they are, by their least value."""
    x = np.empty((n, height, width, 1), np.uint8)
    x[:] = np.arange(n)[:, None, None, None]
    x[:, :, -1] = 255
    return x


def numbers(batches):
    return np.concatenate([np.rint(np.min(b, axis=(1, 2, 3)) * 255) for b in batches]).astype(int)


def take(dataset, count):
    return [batch.numpy() for batch in dataset.take(count)]


# Splits and datasets


def test_splits(fashion):
    x, y = data.arrays("fashion_mnist")
    assert x.dtype == np.uint8 and x.shape == (384, 28, 28, 1)
    assert np.array_equal(x, fashion["x_train"]) and np.array_equal(y, fashion["y_train"])
    assert y.dtype == np.int32 and set(y) == set(range(10))
    assert np.array_equal(data.arrays("fashion_mnist", "test")[0], fashion["x_test"])
    fit = data.arrays("fashion_mnist", "fit")
    validation = data.arrays("fashion_mnist", "validation")
    assert len(validation[0]) == len(validation[1]) == 38
    assert np.array_equal(np.concatenate([fit[0], validation[0]]), x)
    assert np.array_equal(np.concatenate([fit[1], validation[1]]), y)


def test_load_scales_batches_and_keeps_the_order(fashion):
    batches = list(data.load("fashion_mnist", "test", 50))
    assert [len(batch) for batch in batches] == [50, 50, 28]
    whole = np.concatenate(batches)
    assert whole.dtype == np.float32 and whole.min() == 0.0 and whole.max() == 1.0
    assert np.array_equal(whole, fashion["x_test"].astype(np.float32) / np.float32(255))
    single = data.load("fashion_mnist", "test")
    assert len(single) == 128 and single.element_spec.shape == (28, 28, 1)
    assert np.array_equal(np.stack(list(single)), whole)


def test_load_shuffles_reproducibly(fashion):
    def passes(seed):
        dataset = data.load("fashion_mnist", "test", 50, True, seed)
        return [np.concatenate(list(dataset)) for _ in range(2)]

    first, again, other = passes(3), passes(3), passes(4)
    assert np.array_equal(first, again)
    assert not np.array_equal(first[0], first[1]) and not np.array_equal(first[0], other[0])
    plain = np.concatenate(list(data.load("fashion_mnist", "test", 50)))
    for one in first:
        assert np.array_equal(np.sort(one.sum((1, 2, 3))), np.sort(plain.sum((1, 2, 3))))


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, True, "8"])
def test_bad_batch_size(fashion, batch_size):
    with pytest.raises(ValueError, match="Expected: an integer >= 1. Received: batch_size="):
        data.load("fashion_mnist", "test", batch_size)
    with pytest.raises(ValueError, match="batch_size"):
        data.epochs(numbered(4), batch_size)


# Epochs


def test_every_epoch_is_a_new_permutation():
    batches = take(data.epochs(numbered(10), 4, seed=1), 9)
    assert [len(batch) for batch in batches] == [4, 4, 2] * 3
    orders = numbers(batches).reshape(3, 10)
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3
    assert not np.array_equal(numbers(take(data.epochs(numbered(10), 4, seed=2), 3)), orders[0])


def test_the_order_is_the_same_for_ever():
    batches = take(data.epochs(numbered(10), 10, seed=0), 2)
    assert numbers(batches).tolist() == [2, 6, 8, 4, 5, 9, 3, 7, 1, 0, 0, 1, 7, 5, 9, 6, 3, 8, 4, 2]


@pytest.mark.parametrize("flip", [False, True])
def test_resuming_is_exact(flip):
    x = np.random.default_rng(0).integers(0, 256, (23, 4, 5, 3), dtype=np.uint8)
    whole = take(data.epochs(x, 8, seed=5, flip=flip), 12)
    for start in (1, 3):
        rest = take(data.epochs(x, 8, seed=5, start=start, flip=flip), 12 - 3 * start)
        assert len(rest) == 12 - 3 * start
        assert all(map(np.array_equal, rest, whole[3 * start :]))
    assert all(map(np.array_equal, whole, take(data.epochs(x, 8, seed=5, flip=flip), 12)))


def test_resuming_late_costs_nothing():
    begin = time.perf_counter()
    take(data.epochs(numbered(10), 4, start=10**9), 1)
    assert time.perf_counter() - begin < 2


def test_flips_mirror_half_of_the_pictures_anew():
    x = numbered(200)
    plain = take(data.epochs(x, 200, seed=1), 2)
    flipped = take(data.epochs(x, 200, seed=1, flip=True), 2)
    mirrored, places = [], []
    for before, after in zip(plain, flipped, strict=True):
        moved = (before != after).any(axis=(1, 2, 3))
        assert np.array_equal(after[moved], before[moved][:, :, ::-1])
        assert 60 < moved.sum() < 140
        mirrored.append(set(numbers([before])[moved]))
        places.append(moved.tolist())
    assert mirrored[0] != mirrored[1] and places[0] != places[1]


def test_epochs_are_float32_and_exact():
    x = np.arange(256, dtype=np.uint8).reshape(256, 1, 1, 1)
    (batch,) = take(data.epochs(x, 256), 1)
    expected = np.arange(256, dtype=np.float32) / np.float32(255)
    assert batch.dtype == np.float32 and np.array_equal(np.sort(batch.ravel()), expected)


def test_epochs_own_their_pictures():
    x = numbered(6)
    dataset = data.epochs(x, 6)
    x[:] = 0
    assert sorted(numbers(take(dataset, 1))) == list(range(6))


@pytest.mark.parametrize(
    "x",
    [
        numbered(4).astype(np.float32),
        numbered(4)[0],
        numbered(0),
        numbered(4).tolist(),
        None,
    ],
)
def test_epochs_want_pictures(x):
    with pytest.raises(ValueError, match="Expected: uint8 .*Received: x="):
        data.epochs(x, 2)


@pytest.mark.parametrize("labels", [None, np.arange(10)])
def test_epochs_with_the_numbers_of_rows(labels):
    """Of the same batches, the pair being one thing and labels, if there are any, another."""
    x = numbered(10)
    plain = take(data.epochs(x, 4, seed=1, flip=True), 6)
    for start in (0, 1):
        dataset = data.epochs(x, 4, y=labels, seed=1, flip=True, start=start, indexed=True)
        assert dataset.element_spec[0][0].shape.rank == 1 and len(dataset.element_spec) == (
            1 if labels is None else 2
        )
        for batch, expected in zip(dataset.take(3), plain[3 * start :], strict=False):
            (rows, pictures), *y = batch
            assert rows.dtype == "int64" and np.array_equal(pictures, expected)
            assert np.array_equal(rows, numbers([expected]))
            assert labels is None or np.array_equal(y[0], rows)


def test_pictures_with_the_numbers_of_rows():
    for x in (numbered(5), numbered(5) / np.float32(255), tf.constant(numbered(5))):
        rows, same = data.indexed(x)
        assert rows.tolist() == [0, 1, 2, 3, 4] and same is x
    for bad in (numbered(5)[0], numbered(5).tolist(), data.epochs(numbered(5), 2), None):
        with pytest.raises(
            ValueError, match="Expected: .n, height, width, channels.*Received: x=.*indexed=True"
        ):
            data.indexed(bad)


@pytest.mark.parametrize("bad", [{"start": -1}, {"start": 0.5}, {"seed": None}, {"seed": 1.0}])
def test_epochs_want_integers(bad):
    with pytest.raises(ValueError, match=f"Received: {next(iter(bad))}="):
        data.epochs(numbered(4), 2, **bad)


# Names


@pytest.mark.parametrize(
    ("name", "near"),
    [("fashion-mnist", "fashion_mnist"), ("MNIST", "mnist"), ("celeb_a", "celeba")],
)
def test_unknown_name_suggests(name, near):
    with pytest.raises(ValueError, match=f"Did you mean.*'{near}'"):
        data.arrays(name)


@pytest.mark.parametrize("name", ["qqqqqq", 3, None, ["mnist"]])
def test_hopeless_name_lists_all(name):
    with pytest.raises(ValueError, match="mnist.*fashion_mnist.*cifar10.*celeba"):
        data.arrays(name)


def test_unknown_split(fashion):
    with pytest.raises(ValueError, match="train.*test.*fit.*validation.*Received: split='val'"):
        data.arrays("fashion_mnist", "val")


@pytest.mark.parametrize("option", [{"crop": 20}, {"size": 32}, {"channels": 1}])
def test_fixed_shapes_take_no_options(fashion, option):
    with pytest.raises(ValueError, match="no crop, size or channels"):
        data.arrays("fashion_mnist", **option)


def test_table():
    assert tuple(data.DATASETS) == ("mnist", "fashion_mnist", "cifar10", "celeba")
    for name, info in data.DATASETS.items():
        assert info.name == name and info.licence and info.card_name and info.train > info.test
        assert len(info.image_shape) == 3 and info.sources
        assert len(set(info.classes)) == (40 if name == "celeba" else 10)


# Archives


def test_not_found_says_where_it_looked_and_what_to_do(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError) as caught:
        data.arrays("fashion_mnist")
    for part in (tmp_path / "fashion_mnist.npz", tmp_path / "nowhere", "tensorflow-datasets"):
        assert str(part) in str(caught.value)
    assert "Set LATENTZOO_DATA" in str(caught.value)
    monkeypatch.delenv("LATENTZOO_DATA")
    with pytest.raises(FileNotFoundError, match="LATENTZOO_DATA is not set"):
        data.arrays("mnist")


def truncated(path):
    path.write_bytes(FIXTURE.read_bytes()[:-1000])


def flipped_bit(path):
    content = bytearray(FIXTURE.read_bytes())
    content[len(content) // 3] ^= 16
    path.write_bytes(content)


def pickled(path):
    images = np.array([{}], dtype=object)
    np.savez(path, x_train=images, y_train=images, x_test=images, y_test=images)


def npy(path):
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


@pytest.mark.parametrize(
    "write",
    [
        truncated,
        flipped_bit,
        pickled,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"),
        npy,
        lambda path: path.mkdir(),
    ],
    ids=["truncated", "flipped bit", "pickled", "empty", "pointer", "npy", "folder"],
)
def test_unreadable_archive(tmp_path, write):
    path = tmp_path / "fashion_mnist.npz"
    write(path)
    with pytest.raises(ValueError) as caught:
        data.arrays("fashion_mnist")
    said = str(caught.value)
    assert said.startswith(f"{path} cannot be read. Expected: an npz archive. Received: ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: {"x_train": x}, "lacks an array.*Expected: x_train and y_train"),
        (lambda x, y: {"images": x, "labels": y}, "lacks an array"),
        (lambda x, y: {"x_train": x[..., 0], "y_train": y}, r"Expected: uint8 \(n, 28, 28, 1\)"),
        (lambda x, y: {"x_train": x[:, :27], "y_train": y}, r"Received: uint8 \(384, 27, 28, 1\)"),
        (lambda x, y: {"x_train": x / 255, "y_train": y}, r"Received: float64 .* in \[0.0, 1.0\]"),
        (lambda x, y: {"x_train": x[:0], "y_train": y[:0]}, "wrong pictures"),
        (lambda x, y: {"x_train": x, "y_train": y[:-1]}, r"Expected: integers \(384,\)"),
        (lambda x, y: {"x_train": x, "y_train": y / 1}, "wrong labels"),
        (lambda x, y: {"x_train": x, "y_train": y + 1}, r"in \[0, 9\]\. Received: .* in \[1, 10\]"),
        (lambda x, y: {"x_train": x, "y_train": np.eye(10)[y]}, "wrong labels"),
    ],
)
def test_unusable_archive(tmp_path, fashion, change, message):
    path = tmp_path / "fashion_mnist.npz"
    np.savez(path, **change(fashion["x_train"], fashion["y_train"]))
    with pytest.raises(ValueError, match=message) as caught:
        data.arrays("fashion_mnist")
    assert str(path) in str(caught.value) and "Write the file again" in str(caught.value)


def test_archive_too_small_to_part(tmp_path, fashion):
    one = {key: value[:1] for key, value in fashion.items()}
    np.savez(tmp_path / "fashion_mnist.npz", **one)
    assert len(data.arrays("fashion_mnist")[0]) == 1
    with pytest.raises(ValueError, match="none are left for 'fit'"):
        data.arrays("fashion_mnist", "fit")


def write_idx(folder, fashion):
    folder.mkdir()
    for part, stem in (("train", "train"), ("test", "t10k")):
        for key, kind in ((f"x_{part}", "images-idx3"), (f"y_{part}", "labels-idx1")):
            array = fashion[key].squeeze()
            head = struct.pack(f">HBB{array.ndim}i", 0, 8, array.ndim, *array.shape)
            content = gzip.compress(head + array.tobytes())
            (folder / f"{stem}-{kind}-ubyte.gz").write_bytes(content)


def test_debian(tmp_path, fashion):
    (tmp_path / "fashion_mnist.npz").unlink()
    write_idx(sources.DEBIAN, fashion)
    for part in ("train", "test"):
        x, y = data.arrays("fashion_mnist", part)
        assert np.array_equal(x, fashion[f"x_{part}"]) and np.array_equal(y, fashion[f"y_{part}"])
        assert x.flags.writeable


@pytest.mark.parametrize("damage", [lambda c: c[:-100], lambda c: b"", lambda c: b"not gzip"])
def test_broken_debian(tmp_path, fashion, damage):
    (tmp_path / "fashion_mnist.npz").unlink()
    write_idx(sources.DEBIAN, fashion)
    path = sources.DEBIAN / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="cannot be read.*Expected: a gzipped idx") as caught:
        data.arrays("fashion_mnist")
    assert str(path) in str(caught.value)


# Faces


@pytest.fixture
def faces(tmp_path):
    rng = np.random.default_rng(0)
    archive = {"identity_train": rng.integers(0, 30, 200)}
    for part, n in (("train", 200), ("test", 20)):
        archive[f"x_{part}"] = rng.integers(0, 256, (n, 64, 64, 3), dtype=np.uint8)
        archive[f"y_{part}"] = rng.integers(0, 2, (n, 40), dtype=np.uint8)
    np.savez(tmp_path / "celeba.npz", **archive)
    return archive


def test_faces_part_by_identity(faces):
    whole, attributes = data.arrays("celeba")
    assert whole.shape == (200, 64, 64, 3) and attributes.shape == (200, 40)
    who = dict(zip(map(bytes, whole), faces["identity_train"], strict=True))
    fit, validation = (data.arrays("celeba", split)[0] for split in ("fit", "validation"))
    assert len(fit) + len(validation) == 200 and 20 <= len(validation) < 40
    people = [{who[bytes(face)] for face in part} for part in (fit, validation)]
    assert not people[0] & people[1]
    assert np.array_equal(data.arrays("celeba", "validation")[0], validation)
    assert data.arrays("celeba", "test")[0].shape == (20, 64, 64, 3)


def test_faces_held_out_do_not_depend_on_the_order_and_are_about_1400():
    identity = np.random.default_rng(1).integers(0, 5000, 100_000)
    held_out = data._held_out(data.DATASETS["celeba"], "there", 100_000, identity)
    assert 1400 <= held_out.sum() < 1450
    people = set(identity[held_out])
    assert not people & set(identity[~held_out])
    backwards = data._held_out(data.DATASETS["celeba"], "there", 100_000, identity[::-1])
    assert set(identity[::-1][backwards]) == people


def test_faces_without_identities(tmp_path, faces):
    del faces["identity_train"]
    np.savez(tmp_path / "celeba.npz", **faces)
    assert len(data.arrays("celeba")[0]) == 200
    with pytest.raises(ValueError, match="identity_train"):
        data.arrays("celeba", "fit")


def test_faces_of_an_archive_have_one_crop(faces):
    same = data.arrays("celeba", "test", crop=160, size=64)[0]
    assert np.array_equal(same, faces["x_test"])
    for option in ({"crop": 140}, {"size": 32}):
        with pytest.raises(ValueError, match="already cropped.*Expected: crop=160, size=64"):
            data.arrays("celeba", "test", **option)
    with pytest.raises(ValueError, match=r"108, 128, 140, 160, 178"):
        data.arrays("celeba", crop=150)


# tensorflow-datasets


def install_tfds(monkeypatch, examples, prepared=True):
    """A stand-in for the package, which counts its downloads."""
    calls = []

    class Builder:
        def is_prepared(self):
            return prepared

        def download_and_prepare(self):
            calls.append("download")

        def as_dataset(self, split):
            calls.append(split)
            return examples

    def builder(name):
        calls.append(name)
        return Builder()

    module = types.SimpleNamespace(builder=builder, as_numpy=iter)
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", module)
    return calls


def face(identity):
    rows, columns = np.mgrid[:218, :178]
    image = np.stack([rows, columns, np.full_like(rows, identity)], axis=-1).astype(np.uint8)
    attributes = {name: bool(i % 2) for i, name in enumerate(data.DATASETS["celeba"].classes)}
    attributes = dict(sorted(attributes.items(), reverse=True))
    return {"image": image, "attributes": attributes, "identity": {"Identity_No": identity}}


@pytest.mark.parametrize(("crop", "size"), [(None, None), (108, None), (128, 32), (178, 64)])
def test_tfds_faces_are_cropped_from_the_centre(monkeypatch, crop, size):
    calls = install_tfds(monkeypatch, [face(i) for i in range(12)])
    x, y = data.arrays("celeba", "test", crop=crop, size=size)
    side, crop = size or 64, crop or 160
    assert x.shape == (12, side, side, 3) and calls == ["celeb_a", "test"]
    assert y.tolist() == [[0, 1] * 20] * 12
    centre = (np.arange(side) + 0.5) * crop / side - 0.5
    inside = slice(1, -1)  # The filter is cut at the border.
    for axis, full in ((0, 218), (1, 178)):
        expected = centre + (full - crop) // 2
        line = x[0, :, 0, 0] if axis == 0 else x[0, 0, :, 1]
        assert np.abs(line[inside] - expected[inside]).max() <= 1
    assert x[:, 0, 0, 2].tolist() == list(range(12))
    assert len(data.arrays("celeba", "fit", crop=crop)[0]) == 11


def test_tfds_digits(monkeypatch):
    example = {"image": np.full((28, 28, 1), 7, np.uint8), "label": np.int64(3)}
    calls = install_tfds(monkeypatch, [example] * 5, prepared=False)
    answer = types.SimpleNamespace(close=lambda: None)
    monkeypatch.setattr(urllib.request, "urlopen", lambda *args, **kwargs: answer)
    x, y = data.arrays("mnist")
    assert x.shape == (5, 28, 28, 1) and y.tolist() == [3] * 5
    assert calls == ["mnist", "download", "train"]


def test_offline_is_one_quick_error(monkeypatch):
    calls = install_tfds(monkeypatch, [], prepared=False)
    assert sources.PATIENCE <= 10
    monkeypatch.setattr(sources, "PATIENCE", 0.2)
    monkeypatch.setattr(urllib.request, "urlopen", lambda *args, **kwargs: time.sleep(5))
    begin = time.perf_counter()
    with pytest.raises(FileNotFoundError, match="did not answer.*LATENTZOO_DATA"):
        data.load("mnist")
    assert time.perf_counter() - begin < 2 and calls == ["mnist"]


def test_a_failing_download_is_the_same_error(monkeypatch):
    install_tfds(monkeypatch, [{"image": None}])
    with pytest.raises(FileNotFoundError, match="tensorflow-datasets: KeyError"):
        data.load("mnist")


# Folders


def draw(folder, name, mode="RGB", shape=(40, 30), colour=None, **options):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, shape, colour or 0).save(path, **options)
    return path


@pytest.fixture
def album(tmp_path):
    folder = tmp_path / "album"
    folder.mkdir()
    return folder


def test_folder_of_mixed_modes(album):
    draw(album, "a.png", "L", (50, 40), 100)
    draw(album, "b.png", "RGBA", (64, 80), (255, 0, 0, 0))
    draw(album, "c/c.PNG", "RGBA", (64, 80), (255, 0, 0, 255))
    palette = Image.new("P", (33, 44), 1)
    palette.putpalette([0, 0, 0, 0, 200, 0])
    palette.save(album / "c/d.png")
    sixteen = np.full((70, 65), 25700, np.uint16)
    Image.fromarray(sixteen).save(album / "e.png")
    Image.fromarray(np.full_like(sixteen, 65535)).save(album / "f.tif")
    draw(album, "g.bmp", "1", (64, 64), 1)
    draw(album, "h.jpg", "CMYK", (64, 64), (0, 0, 0, 0))
    (album / "notes.txt").write_text("no picture")
    (album / ".hidden.png").write_text("no picture")
    (album / ".cache").mkdir()
    (album / ".cache/x.png").write_text("no picture")
    x, y = data.arrays(album, size=16)
    assert y is None and x.dtype == np.uint8
    grey, white, red, green = [100] * 3, [255] * 3, [255, 0, 0], [0, 200, 0]
    expected = np.array([grey, white, red, green, grey, white, white, white])
    assert np.array_equal(x, np.broadcast_to(expected[:, None, None], (8, 16, 16, 3)))
    grey = data.arrays(str(album), size=16, channels=1)[0]
    assert grey.shape == (8, 16, 16, 1) and grey[[0, 4], 0, 0, 0].tolist() == [100, 100]
    assert data.arrays(album)[0].shape == (8, 64, 64, 3)


def test_folder_crops_the_centre(album):
    image = np.zeros((60, 100, 3), np.uint8)
    image[20:40, 40:60] = 255
    Image.fromarray(image).save(album / "a.png")
    assert (data.arrays(album, crop=20, size=10)[0] == 255).all()
    assert 0.09 < (data.arrays(album, size=60)[0] == 255).mean() < 0.12
    with pytest.raises(ValueError, match="a.png is too small.*Expected: crop <= 60"):
        data.arrays(album, crop=61)


def test_folder_is_resized_without_aliasing(album):
    stripes = np.tile(np.array([0, 255], np.uint8), (120, 60))
    Image.fromarray(stripes).save(album / "a.png")
    x = data.arrays(album, size=30)[0]
    assert 100 < x[:, :, 2:-2].min() and x[:, :, 2:-2].max() < 155


def test_folder_turns_pictures_upright(album):
    image = Image.new("RGB", (20, 20), "white")
    image.paste("black", (0, 0, 20, 10))
    exif = Image.Exif()
    exif[0x0112] = 3
    image.save(album / "a.png", exif=exif)
    x = data.arrays(album, size=20)[0][0]
    assert x[0].min() == 255 and x[-1].max() == 0


def test_folder_splits(album):
    for i in range(25):
        draw(album, f"{i:02d}.png", "L", (8, 8), 10 * i)

    def levels(split):
        x, _ = data.arrays(album, split, size=8, channels=1)
        return (x[:, 0, 0, 0] // 10).tolist()

    assert levels("train") == list(range(25))
    assert levels("validation") == levels("test") == [0, 10, 20]
    assert sorted(levels("fit") + levels("test")) == list(range(25))
    batches = list(data.load(album, "fit", 20, size=8, channels=1))
    assert [len(batch) for batch in batches] == [20, 2] and batches[0].dtype == "float32"


def test_folder_names_the_broken_picture(album):
    draw(album, "a.png")
    path = draw(album, "b.jpg")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match="b.jpg cannot be read.*Expected.*Received.*mended"):
        data.load(album)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="b.jpg cannot be read"):
        data.load(album)


@pytest.mark.parametrize("limit", [500, 1000])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_folder_refuses_bombs(album, monkeypatch, limit):
    draw(album, "a.png", shape=(40, 30))  # Pillow warns above the limit and refuses above twice.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(ValueError, match="a.png cannot be read.*DecompressionBomb"):
        data.arrays(album)


def test_folder_refuses_floats(album):
    Image.fromarray(np.zeros((8, 8), np.float32)).save(album / "a.tiff")
    with pytest.raises(ValueError, match="a.tiff has no known range"):
        data.arrays(album)


def test_folder_without_pictures(album, tmp_path):
    (album / "notes.txt").write_text("no picture")
    with pytest.raises(ValueError, match="no pictures for the split 'train'"):
        data.arrays(album)
    draw(album, "a.png")
    with pytest.raises(ValueError, match="no pictures for the split 'fit'"):
        data.arrays(album, "fit")
    for path, received in ((album / "b", "no such path"), (album / "a.png", "a file")):
        for name in (path, str(path)):
            with pytest.raises(FileNotFoundError, match=f"Received: {received}"):
                data.arrays(name)


@pytest.mark.parametrize("option", [{"channels": 2}, {"size": 0}, {"crop": -3}, {"size": 8.0}])
def test_folder_checks_its_options(album, option):
    draw(album, "a.png")
    with pytest.raises(ValueError, match=f"Received: {next(iter(option))}="):
        data.arrays(album, **option)
