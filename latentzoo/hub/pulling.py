"""Whole checkpoints from the Hub: what belongs to one, a few files at a time."""

import dataclasses
import functools
import pathlib
import queue
import threading
import warnings

from latentzoo.allowed import CONFIG_BYTES, INDEX
from latentzoo.configs import read_config
from latentzoo.errors import Damaged
from latentzoo.hub import client
from latentzoo.hub.cache import Access, cached, checked, content, download, forget, measured, optional, wrong
from latentzoo.hub.mistakes import plainly
from latentzoo.hub.place import COMMIT
from latentzoo.measurements import read_metrics

REFERENCES = ("reference-test.npz", "reference-train.npz")  # features of real images, beside a classifier
EXTRAS = {  # bytes at most
    "README.md": 10 << 20,
    "metrics.json": CONFIG_BYTES,
    **dict.fromkeys(["golden.npz", *REFERENCES], 100 << 20),
}
THREADS = 4


def pull(name, *, revision=None, token=None, cache_dir=None, local_files_only=False, force_download=False):
    """Fetches a checkpoint whole and checks it, so that `latentzoo.load` needs no network afterwards.

    Where `load` is content with what the cache has if the Hub does not answer, this warns of it.

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
    from latentzoo.weights import Weights

    place = zoo.locate(name, revision)
    if isinstance(place, pathlib.Path):
        folder = place
    else:
        access = reached(place, Access(token, cache_dir, local_files_only, force_download))
        folder = fetch(place, access, extras=True, hashed=True)
    with Weights(folder, read_config(folder)["weights"], hashed=folder is not place):
        pass
    read_metrics(folder)
    return folder


def reached(place, access):
    """`access`, without the network if the Hub does not answer and the cache has a checkpoint: said aloud."""
    if COMMIT.fullmatch(place.revision) or client.offline(access.local_files_only):
        return access
    try:
        with plainly(place):
            client.api(access.token).model_info(place.repo, revision=place.revision)
    except ConnectionError as silence:
        if not cached(place, "config.json", access):
            raise
        warnings.warn(f"The cache may be older than the Hub: {silence}", stacklevel=3)
        return dataclasses.replace(access, local_files_only=True, force_download=False)
    return access


def using(place, access, use, **what):
    """`use(folder)` for a checkpoint of the Hub; a file that proves damaged is fetched once more."""
    try:
        return use(fetch(place, access, **what))
    except Damaged as damage:
        forget(damage.path)
    try:
        return use(fetch(place, access, **what))
    except Damaged as damage:
        found = content(damage.path)
        forget(damage.path)
        raise wrong(place, damage.path.name, "what config.json has recorded", found) from damage


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
    measured(place, {"config.json": CONFIG_BYTES}, access)
    config = checked(place, "config.json", access, place.sha256)
    commit = config.parents[len(pathlib.PurePath(place.folder).parts)].name
    here = dataclasses.replace(place, revision=commit, sha256=None)
    try:
        table = read_config(config.parent)["weights"]
    except ValueError as mistake:
        raise ValueError(f"{place} cannot be opened: {mistake}") from None
    most = {file: facts["bytes"] for file, facts in table.items() if weights}
    if extras:
        most |= {**EXTRAS, **({INDEX: CONFIG_BYTES} if len(table) > 1 else {})}
    there = measured(here, most, access)
    jobs = []
    for file in most:
        if file not in table:
            jobs += [functools.partial(optional, here, file, access)] if file in there else []
        elif hashed:
            jobs.append(functools.partial(checked, here, file, access, table[file]["sha256"]))
        else:
            jobs.append(functools.partial(download, here, file, access))
    together(jobs)
    return config.parent


def together(jobs):
    """Runs functions a few at a time, in threads that an interrupted program does not wait for."""
    left, lock, results = list(reversed(jobs)), threading.Lock(), queue.SimpleQueue()

    def work():
        while True:
            with lock:
                job = left.pop() if left else None
            if job is None:
                return results.put(None)
            try:
                job()
            except BaseException as mistake:
                with lock:
                    left.clear()  # the others need not begin
                results.put(mistake)

    threads = [threading.Thread(target=work, daemon=True) for _ in jobs[:THREADS]]
    for thread in threads:
        thread.start()
    mistakes = []
    while threads:
        if (mistake := results.get()) is None:
            threads.pop()
        else:
            mistakes.append(mistake)
    if mistakes:
        raise mistakes[0]
