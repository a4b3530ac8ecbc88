"""The Hub's own client, behind one door: beside its errors, in mistakes.py, no other file imports it."""

import os

from latentzoo.errors import error

LOG_IN = "run `hf auth login` or pass token="


def api(token=None):
    """The client, which tells the Hub with every request that this library asks.

    `HF_TOKEN`, `HF_HOME`, `HF_ENDPOINT` and `HF_HUB_OFFLINE` mean what they mean to it.
    """
    from huggingface_hub import HfApi

    from latentzoo import __version__

    # Given, for the client would take the endpoint that was set when it was imported.
    return HfApi(endpoint(), token, library_name="latentzoo", library_version=__version__)


def endpoint():
    """The Hub's address.

    Raises:
        ValueError: `HF_ENDPOINT` is none.
    """
    found = (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
    if not found.startswith(("https://", "http://")):
        raise error(
            "This is no address of a Hub.", "https://...", f"HF_ENDPOINT={found!r}", "Unset or mend it."
        )
    return found


def url(place):
    """The page of a repo."""
    return f"{endpoint()}/{place.repo}"


def cached(place, file, cache_dir):
    """The path of a file in the cache as it is, or `None`; asks nobody."""
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(place.repo, place.path(file), cache_dir=cache_dir, revision=place.revision)
    return path if isinstance(path, str) else None


def sizes(place, files, token):
    """`{file: bytes}` of those files that are there."""
    told = api(token).get_paths_info(place.repo, [place.path(f) for f in files], revision=place.revision)
    found = {entry.path: entry.size for entry in told if hasattr(entry, "size")}
    return {file: found[place.path(file)] for file in files if place.path(file) in found}


def listing(place, revision, token):
    """`{file: hash}` of the files in a folder of a repo, by the Hub's own hashes."""
    from huggingface_hub.errors import EntryNotFoundError

    try:
        entries = list(api(token).list_repo_tree(place.repo, place.folder or None, revision=revision))
    except EntryNotFoundError:  # a folder that is not there yet
        return {}
    files = [entry for entry in entries if hasattr(entry, "blob_id")]
    return {f.path.rpartition("/")[2]: f.lfs.sha256 if f.lfs else f.blob_id for f in files}


def operations(place, additions, stale):
    """What one commit does: files to add, `{file: path or bytes}`, and to delete."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    added = [CommitOperationAdd(place.path(file), content) for file, content in additions.items()]
    return [*added, *(CommitOperationDelete(place.path(file)) for file in stale)]


def offline(local_files_only=False):
    """Why the network is ruled out, or `None` if it is not."""
    from huggingface_hub import constants

    if local_files_only:
        return "local_files_only=True"
    return "HF_HUB_OFFLINE=1" if constants.HF_HUB_OFFLINE else None


def logged_in(token=None):
    """Whether there is a token to send."""
    from huggingface_hub import get_token

    return bool(token or get_token())
