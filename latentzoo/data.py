"""Pictures for training and scoring: one table of data sets, read from whatever this machine has.

| name | pictures | by |
|---|---|---|
| `mnist` | digits, 28x28x1 | LeCun, Bottou, Bengio and Haffner, 1998 |
| `fashion_mnist` | clothes, 28x28x1 | Xiao, Rasul and Vollgraf, 2017, arXiv 1708.07747 |
| `cifar10` | ten kinds of things, 32x32x3 | Krizhevsky, 2009 |
| `celeba` | faces, 64x64x3 | Liu, Luo, Wang and Tang, 2015, arXiv 1411.7766 |

A data set is looked for in `$LATENTZOO_DATA/<name>.npz` (uint8 `x_train` and `x_test` of shape
`(n, height, width, channels)`, their labels `y_train` and `y_test`, for `celeba` `identity_train`),
then in Debian's package `dataset-fashion-mnist`, then in tensorflow-datasets. A folder of pictures
does as well.
"""

import concurrent.futures
import contextlib
import dataclasses
import difflib
import gzip
import os
import pathlib
import threading
import urllib.error
import urllib.request
import warnings

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

SPLITS = ("train", "test", "fit", "validation")
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
DEBIAN = pathlib.Path("/usr/share/datasets/fashion-mnist")
PATIENCE = 8.0  # Seconds. Without a network tensorflow-datasets itself retries for minutes.
REWRITE = "Write the file again; `help(latentzoo.data)` says which arrays it holds."


def arrays(name, split="train", *, crop=None, size=None, channels=None):
    """The pictures of one split and their labels, as NumPy arrays.

    `"fit"` and `"validation"` are a fixed partition of `"train"`: the last tenth validates, but for
    `celeba` whole identities do, about 1,400 faces of people who are not in `"fit"`. A folder is
    sorted by relative path: `"train"` is all of it, `"validation"` and `"test"` are every tenth
    picture from the first on, `"fit"` is the rest.

    Args:
        name: A key of `DATASETS`, or a folder of pictures of any sizes, searched in depth: a
            `pathlib.Path`, or a string that has a separator in it or names an existing folder.
            Hidden files and files that do not end in one of `SUFFIXES` are ignored.
        split: One of `SPLITS`.
        crop: Side in pixels of the square that is cut from the centre before resizing. For
            `celeba` 108, 128, 140, 160 or 178 out of 218x178, 160 by default (an npz holds just
            that one); for a folder the largest square by default.
        size: Side in pixels after the resizing (bilinear, antialiased) of `celeba` or of a folder,
            64 by default.
        channels: 3, the default, or 1; for a folder only. Transparent pixels turn white.

    Returns:
        `(x, y)`: uint8 `(n, height, width, channels)` and int32 labels `(n,)`; for `celeba` y holds
        the 40 attributes, 0 or 1, `(n, 40)`, and for a folder it is `None`.

    Raises:
        ValueError: An unknown name or split; a source that is broken or has no such crop.
        FileNotFoundError: No source has the data set, or there is no such folder.

    Example:

    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from latentzoo import data
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (100, 80), "red").save(pathlib.Path(folder, "red.png"))
    ...     x, y = data.arrays(folder, size=32)
    >>> x.shape, str(x.dtype), x[0, 0, 0].tolist(), y
    ((1, 32, 32, 3), 'uint8', [255, 0, 0], None)
    """
    if split not in SPLITS:
        raise _error("Unknown split.", f"one of {SPLITS}", f"split={split!r}")
    for key, value in {"crop": crop, "size": size}.items():
        if value is not None:
            _whole(key, value, least=1)
    if _is_folder(name):
        return _folder(pathlib.Path(name).expanduser(), split, crop, size, channels), None
    info = _find(name)
    part = "test" if split == "test" else "train"
    where, x, y, identity = _read(info, part, crop, size, channels)
    if split == part:
        return x, y
    held_out = _held_out(info, where, len(x), identity)
    keep = held_out if split == "validation" else ~held_out
    if not keep.any():
        received = f"{len(x)} pictures, of which none are left for {split!r}"
        raise _error(f"{where} is too small.", "pictures for both fit and validation", received)
    return x[keep], y[keep]


def load(
    name,
    split="train",
    batch_size=None,
    shuffle=False,
    seed=None,
    *,
    crop=None,
    size=None,
    channels=None,
):
    """The pictures of one split, without labels, as a `tf.data.Dataset`.

    Args:
        name: As for `arrays`; so are `split`, `crop`, `size` and `channels`.
        split: One of `SPLITS`.
        batch_size: Pictures per batch, the last batch being the remainder. `None`: no batches.
        shuffle: Whether each pass has its own random order.
        seed: Integer that makes these orders reproducible (along with TensorFlow's global seed).
        crop, size, channels: As for `arrays`.

    Returns:
        A prefetched dataset of known length of float32 in [0, 1], `(height, width, channels)`, or
        `(batch, height, width, channels)` if there is a `batch_size`.

    Raises:
        ValueError, FileNotFoundError: As `arrays`.

    Example:

    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from latentzoo import data
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for level in range(5):
    ...         Image.new("L", (8, 8), 50 * level).save(pathlib.Path(folder, f"{level}.png"))
    ...     dataset = data.load(folder, batch_size=2, shuffle=True, seed=0, size=8, channels=1)
    >>> [tuple(batch.shape) for batch in dataset]
    [(2, 8, 8, 1), (2, 8, 8, 1), (1, 8, 8, 1)]
    """
    if batch_size is not None:
        _whole("batch_size", batch_size, least=1)
    x, _ = arrays(name, split, crop=crop, size=size, channels=channels)
    images = _on_host(x)
    rows = tf.data.Dataset.range(len(x))
    if shuffle:
        rows = rows.shuffle(len(x), seed=seed, reshuffle_each_iteration=True)
    rows = rows.batch(batch_size or 64)  # Even for single pictures, gathered faster by the batch.
    pictures = rows.map(lambda rows: _unit(tf.gather(images, rows)), tf.data.AUTOTUNE)
    if batch_size is None:
        pictures = pictures.unbatch().apply(tf.data.experimental.assert_cardinality(len(x)))
    return pictures.prefetch(tf.data.AUTOTUNE)


def picture(path, *, size=64, channels=3):
    """One picture file: the largest centred square, resized.

    Args:
        path: Of the file, in any format Pillow reads.
        size: Side of the result.
        channels: 3, or 1 for grey.

    Returns:
        uint8 `(size, size, channels)`.

    Raises:
        ValueError: The file is missing or no picture.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image = _picture(path, channels)
    x = np.asarray(_square(image, min(image.size), size))
    return x if x.ndim == 3 else x[..., None]


def epochs(x, batch_size, *, seed=0, start=0, flip=False):
    """Endless shuffled batches, exactly resumable: epoch e follows from `(seed, e)` alone.

    An epoch is `ceil(n / batch_size)` batches. With `start=e` a run goes on, batch for batch, as if
    it had never stopped after e epochs, and none of the earlier ones is computed.

    Args:
        x: uint8 `(n, height, width, channels)`; held in memory once more, as uint8.
        batch_size: Pictures per batch, the last batch of each epoch being the remainder.
        seed: Integer.
        start: The first epoch, counted from 0.
        flip: Whether to mirror pictures left to right, each with probability 1/2 in each epoch.

    Returns:
        An infinite prefetched `tf.data.Dataset` of float32 in [0, 1],
        `(batch, height, width, channels)`.

    Raises:
        ValueError: An argument is not as above.

    Example:

    >>> import numpy as np
    >>> from latentzoo import data
    >>> x = np.arange(5, dtype="uint8").reshape(5, 1, 1, 1)
    >>> run = [batch.numpy() for batch in data.epochs(x, 2, seed=7).take(6)]
    >>> resumed = [batch.numpy() for batch in data.epochs(x, 2, seed=7, start=1).take(3)]
    >>> [len(batch) for batch in run], all(map(np.array_equal, run[3:], resumed))
    ([2, 2, 1, 2, 2, 1], True)
    """
    if not (isinstance(x, np.ndarray) and x.dtype == np.uint8 and x.ndim == 4 and x.size):
        expected = "uint8 (n, height, width, channels), not empty"
        raise _error("Not an array of pictures.", expected, f"x={_describe(x)}")
    _whole("batch_size", batch_size, least=1)
    _whole("start", start, least=0)
    _whole("seed", seed, least=-(2**63))
    images = _on_host(x)

    def rows_of(epoch):
        # The algorithm is named because "auto_select" may choose another one on other hardware.
        seeds = tf.random.split(tf.stack([tf.constant(seed, tf.int64), epoch]), 2, alg="philox")
        rows = tf.range(len(x), dtype=tf.int64)
        rows = tf.random.experimental.stateless_shuffle(rows, seeds[0], alg="philox")
        mirrored = tf.random.stateless_uniform([len(x)], seeds[1], alg="philox") < 0.5
        return tf.data.Dataset.from_tensor_slices((rows, mirrored)).batch(batch_size)

    def pictures_of(rows, mirrored):
        batch = tf.gather(images, rows)
        if flip:
            # Nine times faster than tf.where and a slice with a negative step.
            batch = tf.raw_ops.Select(condition=mirrored, x=tf.reverse(batch, [2]), y=batch)
        return _unit(batch)

    rows = tf.data.Dataset.counter(start).flat_map(rows_of)
    pictures = rows.map(pictures_of, tf.data.AUTOTUNE, deterministic=True)
    return pictures.prefetch(tf.data.AUTOTUNE)


def _on_host(x):
    # A tensor that a dataset's function captures is no constant of its graph, so it may exceed the
    # graph's 2 GB. It stays on the host: eager constants go to the first accelerator otherwise.
    with tf.device("CPU:0"):
        return tf.constant(x)


def _unit(x):
    return tf.cast(x, tf.float32) / 255.0


class _Missing(Exception):
    """This source does not have the data set: ask the next one."""


def _npz(info, part, crop, size):
    if not os.environ.get("LATENTZOO_DATA"):
        raise _Missing("the environment variable LATENTZOO_DATA is not set")
    path = pathlib.Path(os.environ["LATENTZOO_DATA"]).expanduser() / f"{info.name}.npz"
    if not path.exists():
        raise _Missing(f"there is no {path}")
    if (crop or 160, size or 64) != (160, 64):
        problem = f"{path} holds pictures that are already cropped and resized."
        remedy = "For another crop pass the folder of the aligned pictures, img_align_celeba/."
        raise _error(problem, "crop=160, size=64", f"crop={crop}, size={size}", remedy)
    keys = [f"{kind}_{part}" for kind in ("x", "y", "identity")]
    with _decoding(path, "an npz archive"), path.open("rb") as file:
        with np.load(file, allow_pickle=False) as archive:
            found = sorted(archive)
            x, y, identity = (archive[key] if key in found else None for key in keys)
    if x is None or y is None:
        raise _error(f"{path} lacks an array.", f"{keys[0]} and {keys[1]}", found, REWRITE)
    return path, x, y, identity


def _debian(info, part, crop, size):
    stem = "t10k" if part == "test" else "train"
    paths = [DEBIAN / f"{stem}-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1")]
    if not all(path.exists() for path in paths):
        raise _Missing(f"there is no {paths[0]}")
    x, y = map(_idx, paths)
    return paths[0], x[..., None], y, None


def _idx(path):
    """Two zero bytes, 8 for uint8, the rank, the shape as big-endian int32, the numbers."""
    with _decoding(path, "a gzipped idx file"):
        content = bytearray(gzip.decompress(path.read_bytes()))
        rank = content[3]
        shape = np.frombuffer(content, ">i4", rank, offset=4)
        return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def _tfds(info, part, crop, size):
    try:
        import tensorflow_datasets as tfds

        builder = tfds.builder(info.tfds)
        if not builder.is_prepared():
            _reach(info.host)
            builder.download_and_prepare()
        examples = tfds.as_numpy(builder.as_dataset(split=part))
        columns = zip(*(_row(info, one, crop or 160, size or 64) for one in examples), strict=True)
        x, y, *identity = map(np.stack, columns)
    except Exception as error:  # Not installed, no network, a moved file: one way out for all.
        raise _Missing(f"tensorflow-datasets: {type(error).__name__}: {error}") from error
    return f"tensorflow-datasets' {info.tfds}", x, y, identity[0] if identity else None


def _row(info, example, crop, size):
    if not info.crops:
        return example["image"], example["label"]
    image = np.asarray(_square(Image.fromarray(example["image"]), crop, size))
    attributes = [example["attributes"][name] for name in info.classes]
    return image, np.array(attributes), example["identity"]["Identity_No"]


def _reach(url):
    """Raises unless the host answers in time, through the user's proxies if there are any."""
    outcome = [TimeoutError(f"{url} did not answer within {PATIENCE:g} s; is there a network?")]

    def ask():
        try:
            head = urllib.request.Request(url, method="HEAD")
            urllib.request.urlopen(head, timeout=PATIENCE).close()
            outcome[0] = None
        except urllib.error.HTTPError:
            outcome[0] = None  # A refusal, too, came over the network.
        except Exception as error:
            outcome[0] = ConnectionError(f"{url} is out of reach ({error}); is there a network?")

    # In a thread, which is left behind if need be: looking up a name knows no time limit.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if outcome[0] is not None:
        raise outcome[0]


def _find(name):
    if isinstance(name, str) and name in DATASETS:
        return DATASETS[name]
    near = difflib.get_close_matches(str(name).lower(), DATASETS, cutoff=0.4)
    remedy = f"Did you mean {' or '.join(map(repr, near))}?" if near else ""
    expected = f"one of {tuple(DATASETS)}, or the path of a folder of pictures"
    raise _error("Unknown data set.", expected, f"name={name!r}", remedy)


def _read(info, part, crop, size, channels):
    """The whole of a published split, as the first source has it: `(where, x, y, identity)`."""
    received = f"crop={crop}, size={size}, channels={channels}"
    if channels is not None or not (info.crops or crop is size is None):
        expected = "crop and size, but no channels" if info.crops else "no crop, size or channels"
        raise _error(f"{info.name!r} comes in one shape.", expected, received)
    if info.crops and crop not in (None, *info.crops):
        raise _error("No such crop.", f"one of {info.crops}", received)
    missing = []
    for source in info.sources:
        try:
            where, x, y, identity = source(info, part, crop, size)
        except _Missing as reason:
            missing.append(str(reason))
        else:
            _check(info, where, x, y, size)
            return where, x, y.astype(np.int32), identity
    remedy = (
        f"Set LATENTZOO_DATA to a folder that holds {info.name}.npz (see `latentzoo.data`), or "
        "connect to a network once, for tensorflow-datasets, or pass a folder of pictures."
    )
    problem = f"The data set {info.name!r} was not found."
    received = "\n  ".join(["", *missing])
    raise _error(problem, "one of its sources", received, remedy, kind=FileNotFoundError)


def _check(info, where, x, y, size):
    shape = (size, size, 3) if info.crops and size else info.image_shape
    if x.dtype != np.uint8 or x.shape[1:] != shape or not len(x):
        expected = f"uint8 (n, {', '.join(map(str, shape))}), n >= 1"
        raise _error(f"{where} has the wrong pictures.", expected, _describe(x), REWRITE)
    per_picture, top = ((len(info.classes),), 1) if info.crops else ((), len(info.classes) - 1)
    shape = (len(x), *per_picture)
    if y.dtype.kind not in "biu" or y.shape != shape or y.min() < 0 or y.max() > top:
        expected = f"integers {shape} in [0, {top}]"
        raise _error(f"{where} has the wrong labels.", expected, _describe(y), REWRITE)


def _held_out(info, where, n, identity):
    """Which of the n training pictures validate."""
    if not info.crops:
        return np.arange(n) >= n - max(1, n // 10)
    if identity is None or identity.shape != (n,):
        received = "nothing" if identity is None else _describe(identity)
        expected = f"identity_train, integers ({n},)"
        raise _error(f"{where} does not say who is who.", expected, received, REWRITE)
    people, counts = np.unique(identity, return_counts=True)
    # RandomState's numbers are frozen for good; those of default_rng may change.
    order = np.random.RandomState(0).permutation(len(people))
    enough = np.searchsorted(np.cumsum(counts[order]), min(1400, n // 10))
    return np.isin(identity, people[order[: enough + 1]])


def _is_folder(name):
    if not isinstance(name, str):
        return isinstance(name, os.PathLike)
    return name not in DATASETS and (any(mark in name for mark in "/\\") or os.path.isdir(name))


def _folder(folder, split, crop, size, channels):
    if not folder.is_dir():
        received = "a file" if folder.exists() else "no such path"
        problem = f"{folder} is no folder."
        raise _error(problem, "a folder of pictures", received, kind=FileNotFoundError)
    if channels not in (None, 1, 3):
        raise _error("Bad channels.", "1 or 3", f"channels={channels!r}")
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
    names = [name for name in names if name.lower().endswith(SUFFIXES) and "/." not in f"/{name}"]
    tenth = names[::10]
    kept = {"train": names, "fit": [name for i, name in enumerate(names) if i % 10]}
    names = kept.get(split, tenth)
    if not names:
        problem = f"{folder} has no pictures for the split {split!r}."
        raise _error(problem, f"files that end in one of {SUFFIXES}", "none")

    def read(name):
        image = _picture(folder / name, channels or 3)
        side = min(image.size)
        if crop and crop > side:
            problem = f"{folder / name} is too small."
            raise _error(problem, f"crop <= {side}", f"crop={crop}", "Lower crop, or move it out.")
        return np.asarray(_square(image, crop or side, size or 64))

    with warnings.catch_warnings(), concurrent.futures.ThreadPoolExecutor() as pool:
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        x = np.stack(list(pool.map(read, names)))
    return x if x.ndim == 4 else x[..., None]


def _picture(path, channels):
    """One picture, upright, in 8-bit RGB or grey."""
    remedy = "Mend it, or move it out of the folder."
    with _decoding(path, "a picture", remedy), Image.open(path) as file:
        image = ImageOps.exif_transpose(file)
    if image.mode.startswith("I"):  # 16 bits, which Pillow would clip instead of scaling.
        levels = np.asarray(image).clip(0, 65535)
        image = Image.fromarray(np.rint(levels / 257).astype(np.uint8))
    if image.mode == "F":
        raise _error(f"{path} has no known range.", "8 or 16 bits a channel", "floats", remedy)
    with _decoding(path, "a picture that Pillow can convert", remedy):
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return image.convert("L" if channels == 1 else "RGB")


def _square(image, crop, size):
    left, top = (image.width - crop) // 2, (image.height - crop) // 2
    image = image.crop((left, top, left + crop, top + crop))
    return image.resize((size, size), Image.Resampling.BILINEAR)


@contextlib.contextmanager
def _decoding(path, expected, remedy="Get a whole copy, or move it away."):
    """Makes one error that names the file out of the dozens that decoders raise on a broken one."""
    try:
        yield
    except Exception as error:
        raise _error(f"{path} cannot be read.", expected, repr(error), remedy) from error


def _whole(key, value, *, least):
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < least:
        raise _error(f"Bad {key}.", f"an integer >= {least}", f"{key}={value!r}")


def _describe(x):
    if not isinstance(x, np.ndarray):
        return f"{type(x).__name__}"
    limits = f" in [{x.min()}, {x.max()}]" if x.size and x.dtype.kind in "biuf" else ""
    return f"{x.dtype} {x.shape}{limits}"


def _error(problem, expected, received, remedy="", *, kind=ValueError):
    return kind(f"{problem}\nExpected: {expected}\nReceived: {received}\n{remedy}".rstrip())


@dataclasses.dataclass(frozen=True)
class Info:
    """What the package knows of a data set; see `DATASETS`.

    Args:
        name, card_name: For code, and for people: model cards and tables.
        image_shape: `(height, width, channels)`.
        classes: Names of the labels, in their order; for `celeba` of its 40 attributes.
        licence: Whatever its authors say, for the cards of models trained on it.
        train, test: Number of pictures in the published splits. A source may hold fewer.
        tfds, host: Its name in tensorflow-datasets, and where that downloads it from.
        sources: Functions that read it, in the order of asking.
        crops: Sides of the centre crops of the published pictures; only faces have any.
    """

    name: str
    card_name: str
    image_shape: tuple
    classes: tuple
    licence: str
    train: int
    test: int
    tfds: str
    host: str
    sources: tuple
    crops: tuple = ()


_CELEBA_ATTRIBUTES = """
    5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose
    Black_Hair Blond_Hair Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee
    Gray_Hair Heavy_Makeup High_Cheekbones Male Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard
    Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks Sideburns Smiling Straight_Hair
    Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace Wearing_Necktie Young
"""

DATASETS = {
    info.name: info
    for info in (
        Info(
            name="mnist",
            card_name="MNIST",
            image_shape=(28, 28, 1),
            classes=tuple("0123456789"),
            licence="CC BY-SA 3.0",
            train=60_000,
            test=10_000,
            tfds="mnist",
            host="https://storage.googleapis.com",
            sources=(_npz, _tfds),
        ),
        Info(
            name="fashion_mnist",
            card_name="Fashion-MNIST",
            image_shape=(28, 28, 1),
            classes=(
                *"T-shirt/top Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag".split(),
                "Ankle boot",
            ),
            licence="MIT",
            train=60_000,
            test=10_000,
            tfds="fashion_mnist",
            host="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            sources=(_npz, _debian, _tfds),
        ),
        Info(
            name="cifar10",
            card_name="CIFAR-10",
            image_shape=(32, 32, 3),
            classes=tuple("airplane automobile bird cat deer dog frog horse ship truck".split()),
            licence="none stated",
            train=50_000,
            test=10_000,
            tfds="cifar10",
            host="https://www.cs.toronto.edu",
            sources=(_npz, _tfds),
        ),
        Info(
            name="celeba",
            card_name="CelebA",
            image_shape=(64, 64, 3),
            classes=tuple(_CELEBA_ATTRIBUTES.split()),
            licence="non-commercial research only",
            train=162_770,
            test=19_962,
            tfds="celeb_a",
            host="https://drive.google.com",
            sources=(_npz, _tfds),
            crops=(108, 128, 140, 160, 178),
        ),
    )
}
