"""Where the data sets are, and the one table of them. Needs no TensorFlow unless it is asked."""

import dataclasses
import difflib
import gzip
import os
import pathlib
import threading
import urllib.error
import urllib.request

import numpy as np
from PIL import Image

from latentzoo.errors import describe, error
from latentzoo.pictures import decoding, square

DEBIAN = pathlib.Path("/usr/share/datasets/fashion-mnist")
PATIENCE = 8.0  # Seconds. Without a network tensorflow-datasets itself retries for minutes.
REWRITE = "Write the file again; `help(latentzoo.data)` says which arrays it holds."


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
        raise error(problem, "crop=160, size=64", f"crop={crop}, size={size}", remedy)
    keys = [f"{kind}_{part}" for kind in ("x", "y", "identity")]
    with decoding(path, "an npz archive"), path.open("rb") as file:
        with np.load(file, allow_pickle=False) as archive:
            found = sorted(archive)
            x, y, identity = (archive[key] if key in found else None for key in keys)
    if x is None or y is None:
        raise error(f"{path} lacks an array.", f"{keys[0]} and {keys[1]}", found, REWRITE)
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
    with decoding(path, "a gzipped idx file"):
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
    except Exception as cause:  # Not installed, no network, a moved file: one way out for all.
        raise _Missing(f"tensorflow-datasets: {type(cause).__name__}: {cause}") from cause
    return f"tensorflow-datasets' {info.tfds}", x, y, identity[0] if identity else None


def _row(info, example, crop, size):
    if not info.crops:
        return example["image"], example["label"]
    image = np.asarray(square(Image.fromarray(example["image"]), crop, size))
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
        except Exception as cause:
            outcome[0] = ConnectionError(f"{url} is out of reach ({cause}); is there a network?")

    # In a thread, which is left behind if need be: looking up a name knows no time limit.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if outcome[0] is not None:
        raise outcome[0]


def find(name):
    if isinstance(name, str) and name in DATASETS:
        return DATASETS[name]
    near = difflib.get_close_matches(str(name).lower(), DATASETS, cutoff=0.4)
    remedy = f"Did you mean {' or '.join(map(repr, near))}?" if near else ""
    expected = f"one of {tuple(DATASETS)}, or the path of a folder of pictures"
    raise error("Unknown data set.", expected, f"name={name!r}", remedy)


def read(info, part, crop, size, channels):
    """The whole of a published split, as the first source has it: `(where, x, y, identity)`."""
    received = f"crop={crop}, size={size}, channels={channels}"
    if channels is not None or not (info.crops or crop is size is None):
        expected = "crop and size, but no channels" if info.crops else "no crop, size or channels"
        raise error(f"{info.name!r} comes in one shape.", expected, received)
    if info.crops and crop not in (None, *info.crops):
        raise error("No such crop.", f"one of {info.crops}", received)
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
    raise error(problem, "one of its sources", received, remedy, kind=FileNotFoundError)


def _check(info, where, x, y, size):
    shape = (size, size, 3) if info.crops and size else info.image_shape
    if x.dtype != np.uint8 or x.shape[1:] != shape or not len(x):
        expected = f"uint8 (n, {', '.join(map(str, shape))}), n >= 1"
        raise error(f"{where} has the wrong pictures.", expected, describe(x), REWRITE)
    per_picture, top = ((len(info.classes),), 1) if info.crops else ((), len(info.classes) - 1)
    shape = (len(x), *per_picture)
    if y.dtype.kind not in "biu" or y.shape != shape or y.min() < 0 or y.max() > top:
        expected = f"integers {shape} in [0, {top}]"
        raise error(f"{where} has the wrong labels.", expected, describe(y), REWRITE)


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
        hub: Its name on the Hugging Face Hub, for the metadata of cards.
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
    hub: str
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
            hub="ylecun/mnist",
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
            hub="zalando-datasets/fashion_mnist",
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
            hub="uoft-cs/cifar10",
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
            hub="flwrlabs/celeba",
            sources=(_npz, _tfds),
            crops=(108, 128, 140, 160, 178),
        ),
    )
}
