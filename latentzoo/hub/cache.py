"""Files of the Hub in its cache, every one checked against the hash that is recorded for it.

The client checks sizes alone, and only after the download. Of the small files the Hub's own record is the
name of the file in the cache; the weights have theirs in `config.json`, and that of a checkpoint on the shelf
is pinned there.
"""

import dataclasses
import hashlib
import os
import pathlib
import re

from latentzoo.errors import error
from latentzoo.hub import client
from latentzoo.hub.mistakes import plainly
from latentzoo.hub.place import COMMIT


@dataclasses.dataclass(frozen=True)
class Access:
    """How the Hub is asked.

    Args:
        token: str, or `None` for the one that `hf auth login` or `HF_TOKEN` left.
        cache_dir: folder; `$HF_HOME/hub` if `None`.
        local_files_only: bool. Use the cache, and no network.
        force_download: bool. Fetch what the cache has as well.

    Raises:
        ValueError: one of them cannot be that, or two contradict each other.
    """

    token: str | None = None
    cache_dir: str | os.PathLike | None = None
    local_files_only: bool = False
    force_download: bool = False

    def __post_init__(self):
        token, folder = self.token, self.cache_dir
        if token is not None and not (isinstance(token, str) and re.fullmatch(r"[!-~]+", token)):
            raise error(
                "This is no token.", "one word of letters and digits", "something else, not shown here"
            )
        if folder is not None and (not isinstance(folder, str | os.PathLike) or not os.fspath(folder)):
            raise error("This is no folder.", "cache_dir, a path", f"cache_dir={folder!r}")
        if self.force_download and (why := client.offline(self.local_files_only)):
            raise error(
                "Downloading needs the network.", "force_download=True, or no network", f"both, {why}"
            )


def measured(place, most, access):
    """Asks how large files are before any is fetched.

    Args:
        place, access: where, and how.
        most: `{file: bytes that it may have}`.

    Returns:
        Those that are in the cache or, where it was asked, on the Hub.

    Raises:
        ValueError: one is larger than it may be.
    """
    cold = [file for file in most if access.force_download or not cached(place, file, access)]
    if not cold or client.offline(access.local_files_only):
        return list(most)
    with plainly(place, cold[0]):
        told = client.sizes(place, cold, access.token)
    for file, size in told.items():
        if size > most[file]:
            raise error(
                f"'{place.path(file)}' of '{place.repo}' is larger than it may be.",
                f"at most {most[file]} bytes",
                f"{size} bytes",
                f"Nothing was fetched. Tell its author at {client.url(place)}/discussions.",
            )
    return [file for file in most if file in told or file not in cold]


def download(place, file, access):
    """The path of a file in the cache, fetched if it is not there."""
    ruled_out = client.offline(access.local_files_only)
    # Without the client, which sends a request about itself even when it has the file.
    if not access.force_download and (COMMIT.fullmatch(place.revision) or ruled_out):
        if found := cached(place, file, access):
            return found
    with plainly(place, file, local_files_only=access.local_files_only):
        return pathlib.Path(
            client.api(access.token).hf_hub_download(
                place.repo,
                place.path(file),
                revision=place.revision,
                cache_dir=access.cache_dir,
                local_files_only=access.local_files_only,
                force_download=access.force_download,
            )
        )


def cached(place, file, access):
    """The path of a file in the cache as it is, or `None`."""
    with plainly(place, file):
        path = client.cached(place, file, access.cache_dir)
    return path and pathlib.Path(path)


def optional(place, file, access):
    try:
        return checked(place, file, access)
    except FileNotFoundError:  # of a cache that was filled without it
        return None


def checked(place, file, access, sha256=None):
    """`download`, and its hash, the Hub's own if none is given; what does not fit is fetched once more."""
    for _ in range(2):
        path = download(place, file, access)
        recorded = sha256 or hub_hash(path)
        if recorded in (None, blob_hash(path, recorded)):
            return path
        found = content(path)
        forget(path)
    raise wrong(place, file, f"hash {recorded}", found)


def content(path):
    """What a wrong file is, as far as its beginning tells."""
    with path.open("rb") as file:
        pointer = file.read(40).startswith(b"version https://git-lfs")
    return "a git-lfs pointer, a note where the file can be had" if pointer else "other content"


def hub_hash(path):
    """The hash that the Hub told when a file was fetched; `None` in a cache without links."""
    name = pathlib.Path(os.readlink(path)).name if path.is_symlink() else ""
    return name if len(name) in (40, 64) else None


def blob_hash(path, like):
    """A file's sha256, or git's hash of it if it is asked for one of 40 digits."""
    if len(like or "") == 64:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def forget(path):
    """Takes a file out of the cache: the link, and what it leads to."""
    blob = path.parent / os.readlink(path) if path.is_symlink() else path
    for stale in (path.resolve(), blob, path):
        stale.unlink(missing_ok=True)


def wrong(place, file, recorded, found):
    return error(
        f"'{place.path(file)}' of '{place.repo}' was fetched twice and is wrong.",
        f"{recorded}, at revision '{place.revision}'",
        f"{found}, both times",
        f"It was taken out of the cache. Tell its author at {client.url(place)}/discussions.",
    )
