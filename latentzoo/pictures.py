"""Picture files, and folders of them, as arrays."""

import concurrent.futures
import contextlib
import warnings

import numpy as np
from PIL import Image, ImageOps

from latentzoo.errors import error

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


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
        image = _upright(path, channels)
    x = np.asarray(square(image, min(image.size), size))
    return x if x.ndim == 3 else x[..., None]


def folder(path, split, crop, size, channels):
    if not path.is_dir():
        received = "a file" if path.exists() else "no such path"
        problem = f"{path} is no folder."
        raise error(problem, "a folder of pictures", received, kind=FileNotFoundError)
    if channels not in (None, 1, 3):
        raise error("Bad channels.", "1 or 3", f"channels={channels!r}")
    names = sorted(found.relative_to(path).as_posix() for found in path.rglob("*.*"))
    names = [name for name in names if name.lower().endswith(SUFFIXES) and "/." not in f"/{name}"]
    tenth = names[::10]
    kept = {"train": names, "fit": [name for i, name in enumerate(names) if i % 10]}
    names = kept.get(split, tenth)
    if not names:
        problem = f"{path} has no pictures for the split {split!r}."
        raise error(problem, f"files that end in one of {SUFFIXES}", "none")

    def read(name):
        image = _upright(path / name, channels or 3)
        side = min(image.size)
        if crop and crop > side:
            problem = f"{path / name} is too small."
            raise error(problem, f"crop <= {side}", f"crop={crop}", "Lower crop, or move it out.")
        return np.asarray(square(image, crop or side, size or 64))

    with warnings.catch_warnings(), concurrent.futures.ThreadPoolExecutor() as pool:
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        x = np.stack(list(pool.map(read, names)))
    return x if x.ndim == 4 else x[..., None]


def _upright(path, channels):
    """One picture, upright, in 8-bit RGB or grey."""
    remedy = "Give a picture that opens; a broken one in a folder has to be mended or moved out."
    with decoding(path, "a picture", remedy), Image.open(path) as file:
        image = ImageOps.exif_transpose(file)
    if image.mode.startswith("I"):  # 16 bits, which Pillow would clip instead of scaling.
        levels = np.asarray(image).clip(0, 65535)
        image = Image.fromarray(np.rint(levels / 257).astype(np.uint8))
    if image.mode == "F":
        raise error(f"{path} has no known range.", "8 or 16 bits a channel", "floats", remedy)
    with decoding(path, "a picture that Pillow can convert", remedy):
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return image.convert("L" if channels == 1 else "RGB")


def square(image, crop, size):
    left, top = (image.width - crop) // 2, (image.height - crop) // 2
    image = image.crop((left, top, left + crop, top + crop))
    return image.resize((size, size), Image.Resampling.BILINEAR)


@contextlib.contextmanager
def decoding(path, expected, remedy="Get a whole copy, or move it away."):
    """Makes one error that names the file out of the dozens that decoders raise on a broken one."""
    try:
        yield
    except Exception as cause:
        raise error(f"{path} cannot be read.", expected, repr(cause), remedy) from cause
