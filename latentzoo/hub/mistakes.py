"""Whatever goes wrong at the Hub or on the way to it, in one sentence that says the way out."""

import contextlib
import errno

from latentzoo.errors import error
from latentzoo.hub import client

FULL = {errno.ENOSPC, errno.EDQUOT}
DISK = FULL | {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EIO,
               errno.ENAMETOOLONG, errno.EMFILE}  # fmt: skip


@contextlib.contextmanager
def plainly(place, file=None, *, local_files_only=False, pushing=False):
    """Context in which whatever the client raises becomes one error that says the way out.

    Args:
        place: the `Place` that is asked for.
        file: name of the file in it.
        local_files_only: whether the network was ruled out.
        pushing: whether the Hub is written to.

    Raises:
        FileNotFoundError: the repo, the revision or the file is not there.
        PermissionError: the repo is private or gated, or the token does not allow it.
        ConnectionError: the Hub could not be reached, or failed.
        OSError: the disk is full, or the cache cannot be written.
        ValueError: the repo id cannot be one, or the Hub does not take what is sent.
        RuntimeError: somebody else wrote at the same time.
    """
    try:
        yield
    except Exception as cause:  # its transport is now one library and now another, with errors of their own
        raise plain(cause, place, file, client.offline(local_files_only), pushing) from cause


def plain(cause, place, file, ruled_out, pushing):
    """The error for what the client raised."""
    from huggingface_hub import errors

    what = f"'{place.path(file)}' of '{place.repo}'" if file else f"'{place.repo}'"
    at = f"{what} at revision '{place.revision}'"
    chain = list(causes(cause))
    status = next((c.response.status_code for c in chain if getattr(c, "response", None) is not None), None)
    said = " ".join(str(chain[-1]).split()).partition(" For more information")[0][:300].rstrip(".")
    if "bearer" in said.lower():  # a secret that its author has mistyped is still none of a log's business
        said = "a token that cannot be one"
    disk = [c for c in chain if isinstance(c, OSError) and c.errno in DISK]

    if isinstance(cause, errors.HFValidationError):
        return error("This is no name of a repo.", "user/repo", f"'{place.repo}'", "See the repo's page.")
    if isinstance(cause, errors.GatedRepoError):
        return error(
            f"'{place.repo}' is gated.",
            "a token of somebody who accepted its terms",
            f"a refusal of {at}",
            f"Accept the terms at {client.url(place)}, then {client.LOG_IN}.",
            kind=PermissionError,
        )
    if isinstance(cause, errors.RepositoryNotFoundError):
        return error(
            f"There is no repo '{place.repo}' on the Hub that you may see, nor a folder of that name here.",
            "a repo that is public or yours, a folder, or a name that `latentzoo list` shows",
            at,
            f"Look at {client.url(place)}; if it is private, {client.LOG_IN}.",
            kind=FileNotFoundError,
        )
    if isinstance(cause, errors.RevisionNotFoundError):
        return error(
            f"'{place.repo}' has no such revision.",
            "a branch, a tag or a commit",
            f"'{place.revision}'" + (f" for {what}" if file else ""),
            f"See {client.url(place)}/commits/main; one with a slash goes into `revision=`.",
            kind=FileNotFoundError,
        )
    if isinstance(cause, errors.RemoteEntryNotFoundError):
        return error(
            f"'{place.repo}' lacks a file.",
            f"'{place.path(file or '')}' at revision '{place.revision}'",
            "no such file there",
            "Without config.json it is no checkpoint of latentzoo; if another is missing, tell its author.",
            kind=FileNotFoundError,
        )
    if ruled_out and isinstance(cause, ValueError | ConnectionError | FileNotFoundError):
        if pushing:
            return error(
                "Pushing needs the network.", "a network", ruled_out, "Push again when there is one."
            )
        return error(
            f"The network is ruled out, and {at} is not whole in the cache.",
            "a checkpoint that was pulled before",
            ruled_out,
            f"Run `latentzoo pull {place}` while the network is there.",
            kind=FileNotFoundError,
        )
    if disk and status is None:
        full = disk[-1].errno in FULL
        return error(
            "The disk is full." if full else "The cache of the Hub cannot be written.",
            f"room for {at}" if full else f"a folder for {at}",
            f"{type(disk[-1]).__name__}: {said}",
            "Free some space, or name another cache by HF_HOME or cache_dir=; nothing half-written is left.",
            kind=OSError,
        )
    if status == 403 and pushing:
        return error(
            f"'{place.repo}' is not yours to write to.",
            "a repo of your own, or of an organization that lets you",
            f"a refusal of {at}",
            "Open a pull request instead (create_pr=True, or --create-pr), or look at your token's rights.",
            kind=PermissionError,
        )
    if status in (401, 403):
        return error(
            "The Hub refuses the token, or the token does not allow this.",
            "a token that may read what you load, and write what you push",
            f"a refusal of {at}, status {status}",
            f"Make one at {client.endpoint()}/settings/tokens, then {client.LOG_IN}.",
            kind=PermissionError,
        )
    if status == 412:
        return error(
            f"Somebody else wrote to '{place.repo}' at the same time.",
            f"revision '{place.revision}' as it was when this push began",
            "a later commit",
            "Nothing was changed. Look at it, then push again.",
            kind=RuntimeError,
        )
    if status is not None and status < 500 and status != 429:
        received = f"status {status}: {said}"
        return error(
            f"The Hub does not take {what}.", "a request that it takes", received, f"See {client.url(place)}."
        )
    if isinstance(cause, TypeError | AttributeError | UnicodeError):
        return error("An argument cannot be one.", f"what {at} needs", said, "Look at the arguments.")
    remedy = "a checkpoint that is whole in the cache needs no network"
    return error(
        f"The Hub could not be reached, or failed, at {at}.",
        f"an answer from {client.url(place)}",
        f"{type(chain[-1]).__name__}: {said}",
        "Try again later" + ("." if pushing else f"; {remedy}."),
        kind=ConnectionError,
    )


def causes(cause):
    """An exception and those that led to it."""
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
