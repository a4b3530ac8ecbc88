"""Files that are fetched once, and used only if they are the ones recorded."""

import hashlib
import http.client
import os
import pathlib
import urllib.request

from latentzoo.errors import Damaged, error
from latentzoo.files import replacing

SECONDS = 10  # that a server may keep silent
PIECE = 1 << 20
ALGORITHMS = {32: "md5", 64: "sha256"}  # by the number of digits


def cache():
    """The folder of fetched files, `$LATENTZOO_CACHE` or `~/.cache/latentzoo`."""
    return pathlib.Path(os.environ.get("LATENTZOO_CACHE") or "~/.cache/latentzoo").expanduser()


def given(path, variable):
    """The path of a file that the user has, by argument or environment variable, or `None`."""
    path = path or os.environ.get(variable)
    return pathlib.Path(path).expanduser() if path else None


def file(name, url, digest, *, path=None, variable, folder=None):
    """The path of a file that has been checked: the user's own, the one in the cache, or fetched now.

    Args:
        name: str, of the file in the cache.
        url: str.
        digest: md5 or sha256 in hexadecimal digits.
        path: file of the user's, or `None`.
        variable: name of the environment variable that tells one as well.
        folder: of the cache, if it is not `cache()`.

    Returns:
        `pathlib.Path`.

    Raises:
        Damaged: a file is not the one recorded, a `ValueError`. Of what was fetched nothing is kept.
        FileNotFoundError: the user's own is not there.
        ConnectionError: the server could not be reached, or failed.
        OSError: the cache cannot be written.
    """
    if own := given(path, variable):
        return check(own, digest)
    target = (folder or cache()) / name
    if target.is_file() and hexdigest(target, algorithm=ALGORITHMS[len(digest)]) == digest:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as temporary:
        with open(temporary, "wb") as stream:
            for piece in download(name, url, variable):
                stream.write(piece)
        check(temporary, digest, f"'{name}', as it was fetched")
    return target


def download(name, url, variable):
    """The content of a file, piece by piece; one that ends early is left to the check of its hash."""
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as response:
            while piece := response.read(PIECE):
                yield piece
    except http.client.IncompleteRead:
        return
    except (OSError, http.client.HTTPException) as reason:
        raise error(
            f"'{name}' is not in the cache and could not be fetched.",
            f"an answer from {url} within {SECONDS} seconds",
            f"{type(reason).__name__}: {reason}",
            f"Try again with a network, or tell where a copy of the file is by `path=` or by {variable}.",
            kind=ConnectionError,
        ) from reason


def check(path, digest, what=None, *, remedy="Get the file again."):
    """Checks that a file is there and has this hash; returns its path."""
    path = pathlib.Path(path).expanduser()
    what = what or f"'{path}'"
    if not path.is_file():
        raise error(
            "There is no such file.", "a file", f"'{path}'", "Look at the path.", kind=FileNotFoundError
        )
    algorithm = ALGORITHMS[len(digest)]
    if (found := hexdigest(path, algorithm=algorithm)) != digest:
        size = path.stat().st_size
        message = error(
            f"{what} is not the file that is recorded.",
            f"{algorithm} {digest}",
            f"{found}, of {size} bytes",
            f"It was not read. {remedy}",
        )
        raise Damaged(str(message), path)
    return path


def hexdigest(*paths, algorithm="sha256"):
    """The hash of files, one after another."""
    found = hashlib.new(algorithm, usedforsecurity=False)
    for path in paths:
        with open(path, "rb") as stream:
            while piece := stream.read(PIECE):
                found.update(piece)
    return found.hexdigest()
