"""Names to checkpoints: the shelf, what it says of each entry, and where each is.

Importing this module needs no TensorFlow; `load` does.
"""

import dataclasses
import difflib
import fnmatch
import hashlib
import json
import os
import pathlib

from latentzoo import allowed
from latentzoo.configs import read_config
from latentzoo.errors import error
from latentzoo.hub.place import Place, parse
from latentzoo.measurements import read_metrics

ROOT = pathlib.Path(__file__).parent
CHECKPOINTS = ROOT.parent / "checkpoints"


def shelf():
    """The shelf: for each name the sha256 of its `config.json`, which vouches for the whole folder, and the
    repo and commit of the Hub that hold it, `None` until it is published.
    """
    return json.loads((ROOT / "shelf.json").read_text())


def list_models(pattern="*"):
    """Names of the checkpoints on the shelf.

    Args:
        pattern: str with `*` and `?`, such as `"glf-*"`.

    Returns:
        A sorted list of names.

    Example:

    >>> import latentzoo
    >>> latentzoo.list_models("glf-f*")
    ['glf-fashion']
    """
    return sorted(fnmatch.filter(shelf(), pattern))


def list_families():
    """Names of the families in `latentzoo.models`, sorted.

    Example:

    >>> import latentzoo
    >>> "GLF" in latentzoo.list_families()
    True
    """
    return sorted(allowed.FAMILIES)


def info(name, **access):
    """The facts of a checkpoint; reads two small files and needs no TensorFlow.

    Args:
        name: as in `load`.
        **access: `revision`, `token` and so on, as in `load`.

    Returns:
        dict: `name`, `family`, `image_shape`, `latent_dim` (`None` of a classifier), `parameters`, `bytes` of
        the weight files, `storage`, `provenance` (recipe, data, licence, seed, epochs, ...) and `metrics`.

    Raises:
        ValueError: there is no such checkpoint; the message has the three nearest names.

    Example:

    >>> import latentzoo
    >>> latentzoo.info("glf-fashion")["family"]
    'GLF'
    """
    place = locate(name, access.pop("revision", None))
    folder = at_hand(place, weights=False, extras=True, **access)
    config = read_config(folder)
    if str(name) not in shelf():
        name = folder.absolute().name if place == folder else str(place).removeprefix("hf://")
    return {
        "name": str(name),
        "family": config["class"],
        "image_shape": config["arguments"]["image_shape"],
        "latent_dim": config["arguments"].get("latent_dim"),
        "parameters": config["parameters"],
        "bytes": sum(facts["bytes"] for facts in config["weights"].values()),
        "storage": config["storage"],
        "provenance": config["provenance"],
        "metrics": read_metrics(folder),
    }


def find(name, *, revision=None, weights=True, extras=False, **access):
    """The folder of a checkpoint, fetched from the Hub if need be.

    Args:
        name, revision, **access: as in `load`.
        weights: bool. Whether the weight files are wanted.
        extras: bool. Whether the card and measurements are wanted.

    Raises:
        ValueError, OSError: as in `load`.
    """
    return at_hand(locate(name, revision), weights=weights, extras=extras, **access)


def at_hand(place, *, weights=True, extras=False, **access):
    """The folder on this machine of what `locate` found, fetched if need be."""
    if isinstance(place, pathlib.Path):
        return place
    from latentzoo.hub.cache import Access
    from latentzoo.hub.pulling import fetch

    return fetch(place, Access(**access), weights=weights, extras=extras)


def locate(name, revision=None):
    """Where a checkpoint is: the `pathlib.Path` of a folder on this machine, or a `hub.place.Place`.

    Raises:
        ValueError: the name is not on the shelf and no place on the Hub.
        FileNotFoundError: there is no such folder, or a name is on the shelf but nowhere to be had.
    """
    if not isinstance(name, (str, pathlib.PurePath)) or not str(name):
        raise error(
            "A checkpoint is found by its name.",
            "a name that `latentzoo list` shows, a folder, or user/repo on the Hub",
            repr(name),
            "Give one of `latentzoo.list_models()`.",
        )
    if os.path.isdir(name):
        if revision is not None:
            raise error(
                "A folder has no revisions.",
                "revision=None",
                f"revision={revision!r} for the folder '{name}'",
                f"Write 'hf://{name}' if you mean a repo on the Hub.",
            )
        return pathlib.Path(name)
    names = shelf()
    if str(name) in names:
        return locate_shelved(str(name), revision, **names[str(name)])
    place = parse(name, revision) if isinstance(name, str) else None
    if place:
        return place
    if pathlib.PurePath(name).name != str(name) or isinstance(name, pathlib.PurePath):
        raise error(
            "There is no such folder.",
            f"a checkpoint folder, user/repo on the Hub, or one of {sorted(names)}",
            f"'{name}'",
            "Look at the path, or at `latentzoo list`.",
            kind=FileNotFoundError,
        )
    near = difflib.get_close_matches(name, names, 3, 0.0)
    raise error(
        "Unknown checkpoint.",
        "a name that `latentzoo list` shows, a folder, or user/repo on the Hub",
        f"'{name}'",
        f"Nearest: {', '.join(near) or 'none, the shelf is empty'}.",
    )


def locate_shelved(name, revision, sha256, repo, commit):
    """The folder of the source tree, or the repo and commit that the shelf pins.

    Another revision than the pinned one is not vouched for by the shelf.
    """
    folder = CHECKPOINTS / name
    if folder.is_dir() and revision is None:
        check_shelved(folder, sha256)
        return folder
    if repo:
        pinned = revision in (None, commit)
        return Place(repo, "", commit if pinned else revision, sha256 if pinned else None)
    raise error(
        f"'{name}' is not published on the Hub yet.",
        f"a source tree with checkpoints/{name}" if revision is None else "revision=None",
        "an installation without it" if revision is None else f"revision={revision!r}",
        "Clone the repository, which holds its weights, and install it with `pip install -e .`.",
        kind=FileNotFoundError,
    )


def check_shelved(folder, sha256):
    config = folder / "config.json"
    found = hashlib.sha256(config.read_bytes()).hexdigest() if config.is_file() else "no file"
    if found != sha256:
        raise ValueError(
            f"'{config}' is not the one on the shelf. Expected: sha256 {sha256}. Received: {found}. "
            "Restore the folder, for example with `git checkout`."
        )


def load(
    name,
    *,
    weights=True,
    dtype=None,
    revision=None,
    token=None,
    cache_dir=None,
    local_files_only=False,
    force_download=False,
):
    """Opens a checkpoint.

    Nothing in it can run code: what `config.json` names must be on a list of classes that only compute,
    and the weights must have the sizes and hashes that it tells, before anything is built.

    Args:
        name: a checkpoint folder, a name on the shelf (`list_models()`), or a place on the Hugging Face Hub:
            `"user/repo"` or `"user/repo/folder"`, with `@revision` after it and `hf://` before it if you
            like. Of these the first that exists is taken.
        weights: bool. `False` gives the architecture with fresh weights.
        dtype: Keras dtype policy, such as `"mixed_bfloat16"`; float32 if `None`.
        revision: branch, tag or commit of a repo; a full commit that is in the cache needs no network.
        token: of the Hub; the one of `hf auth login` or `HF_TOKEN` if `None`.
        cache_dir: folder of the Hub's cache; `$HF_HOME/hub` if `None`.
        local_files_only: bool. Use the cache, and no network.
        force_download: bool. Fetch what the cache has as well.

    Returns:
        A compiled `latentzoo.models.Autoencoder` with its fitted prior, or `latentzoo.models.Classifier`.

    Raises:
        ValueError: the name is unknown, or a file is damaged, tampered with, or of a newer format.
        FileNotFoundError: a file, folder, repo or revision is not there.
        PermissionError: the repo is private or gated, and the token does not open it.
        ConnectionError: the Hub could not be reached, and the cache does not have it.

    Example:

    >>> import latentzoo
    >>> model = latentzoo.load("glf-fashion")
    >>> model.sample(2, seed=0).shape
    (2, 28, 28, 1)
    """
    return load_family(
        name,
        None,
        weights=weights,
        dtype=dtype,
        revision=revision,
        token=token,
        cache_dir=cache_dir,
        local_files_only=local_files_only,
        force_download=force_download,
    )


def load_family(name, family, *, weights=True, dtype=None, revision=None, **access):
    """`load`, of a class that was asked for, or of any if `family` is `None`."""
    from latentzoo.hub.cache import Access
    from latentzoo.hub.pulling import using

    access = Access(**access)
    place = locate(name, revision)

    def use(folder):
        config = read_config(folder)  # a broken one is told before TensorFlow takes its seconds
        from latentzoo.checkpoints import open_folder

        return open_folder(folder, config, family, weights, dtype)

    if isinstance(place, pathlib.Path):
        return use(place)
    model = using(place, access, use, weights=weights)
    folder = model._origin["folder"]
    commit = [folder, *folder.parents][len(pathlib.PurePath(place.folder).parts)]
    model._origin["name"] = str(dataclasses.replace(place, revision=commit.name))
    return model
