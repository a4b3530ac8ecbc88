"""Checkpoints from the Hub into its cache, every file checked against the hash that is recorded for it.

The client checks sizes alone. Of the small files the Hub's own record is the name of the file in the
cache; the weights have theirs in `config.json`, and that of a checkpoint on the shelf is pinned there.
"""

import concurrent.futures
import dataclasses
import hashlib
import os
import pathlib

from latentzoo.errors import Damaged, error
from latentzoo.hub import client

EXTRAS = ("README.md", "metrics.json", "golden.npz")  # what `info` and `evaluate` read, where there is any
THREADS = 4


@dataclasses.dataclass(frozen=True)
class Access:
    """How the Hub is asked.

    Args:
        token: str, or `None` for the one that `hf auth login` or `HF_TOKEN` left.
        cache_dir: folder; `$HF_HOME/hub` if `None`.
        local_files_only: bool. Use the cache, and no network.
        force_download: bool. Fetch what the cache has as well.
    """

    token: str | None = None
    cache_dir: str | os.PathLike | None = None
    local_files_only: bool = False
    force_download: bool = False


def pull(name, *, revision=None, token=None, cache_dir=None, local_files_only=False, force_download=False):
    """Fetches a checkpoint whole and checks it, so that `latentzoo.load` needs no network afterwards.

    Args:
        name: as in `latentzoo.load`.
        revision, token, cache_dir, force_download: as in `latentzoo.load`.
        local_files_only: bool. Only check what is there.

    Returns:
        The checkpoint's folder, a `pathlib.Path` in the Hub's cache, or the folder that `name` is.

    Raises:
        ValueError, OSError: as in `latentzoo.load`.

    Example:

    >>> from latentzoo import hub
    >>> hub.pull("glf-fashion").name  # in a clone of the repository, whose folder it is
    'glf-fashion'
    """
    from latentzoo import zoo

    place = zoo.locate(name, revision)
    if isinstance(place, pathlib.Path):
        check(place)
        return place
    return fetch(place, Access(token, cache_dir, local_files_only, force_download), extras=True, hashed=True)


def check(folder):
    """Checks the weight files of a checkpoint folder against its config.

    Returns:
        The folder.
    """
    from latentzoo import storage, zoo

    with storage.Weights(folder, zoo.read_config(folder)["weights"]):
        return folder


def using(place, access, use, **what):
    """`use(folder)` for a checkpoint of the Hub; a file that proves damaged is fetched once more."""
    try:
        return use(fetch(place, access, **what))
    except Damaged as damage:
        forget(damage.path)
    try:
        return use(fetch(place, access, **what))
    except Damaged as damage:
        forget(damage.path)
        raise wrong(place, damage.path.name, "what config.json has recorded") from damage


def fetch(place, access, *, weights=True, extras=False, hashed=False):
    """Fetches the files of a checkpoint, all of one commit; those in the cache are left.

    Args:
        place: a `Place`.
        access: an `Access`.
        weights: bool. Whether the weight files are wanted.
        extras: bool. Whether the card and measurements are wanted.
        hashed: bool. Whether to check the weight files as well, which otherwise is left to who reads them.

    Returns:
        The folder, whose `config.json` is the one recorded.
    """
    from latentzoo import zoo

    config = checked(place, "config.json", access, place.sha256)
    commit = config.parents[len(pathlib.PurePath(place.folder).parts)].name
    place = dataclasses.replace(place, revision=commit, sha256=None)
    files = zoo.read_config(config.parent)["weights"] if weights else {}
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        jobs = [
            pool.submit(checked, place, file, access, facts["sha256"])
            if hashed
            else pool.submit(download, place, file, access)
            for file, facts in files.items()
        ]
        jobs += [pool.submit(optional, place, file, access) for file in EXTRAS if extras]
        try:
            for job in jobs:
                job.result()
        finally:
            pool.shutdown(cancel_futures=True)
    return config.parent


def download(place, file, access):
    """The path of a file in the cache, fetched if it is not there."""
    with client.plainly(place, file, local_files_only=access.local_files_only):
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


def optional(place, file, access):
    try:
        return checked(place, file, access)
    except FileNotFoundError:
        return None


def checked(place, file, access, sha256=None):
    """`download`, and its hash, the Hub's own if none is given; what does not fit is fetched once more."""
    for _ in range(2):
        path = download(place, file, access)
        recorded = sha256 or hub_hash(path)
        if recorded in (None, blob_hash(path, recorded)):
            return path
        forget(path)
    raise wrong(place, file, f"hash {recorded}")


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


def wrong(place, file, recorded):
    return error(
        f"'{place.path(file)}' of '{place.repo}' was fetched twice and is wrong.",
        f"{recorded}, at revision '{place.revision}'",
        "other content, both times",
        f"It was taken out of the cache. Tell its author at {client.url(place)}/discussions.",
    )
