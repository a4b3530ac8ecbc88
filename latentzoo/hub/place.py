"""Where on the Hub a checkpoint is: `user/repo`, with a folder and a revision if need be."""

import dataclasses
import re

from latentzoo.errors import error

NAME = r"\w[\w.-]{0,95}"
FORMS = re.compile(
    rf"(?P<repo>{NAME}/{NAME})(?P<folder>(/{NAME})*)(@(?P<revision>refs/pr/\d+|[^\s@/]+)(?P<after>(/{NAME})*))?/?"
)
COMMIT = re.compile("[0-9a-f]{40}")
# What git allows in the name of a branch or tag, less what nobody uses.
REFERENCE = re.compile(r"(?!.*(\.\.|//|/\.|\.lock(/|$)))\w[\w./+-]{0,99}(?<![./])", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Place:
    """A checkpoint on the Hub.

    Args:
        repo: `"user/repo"`.
        folder: folder inside the repo, `""` for its top.
        revision: branch, tag or commit.
        sha256: of `config.json`, where the shelf pins it.
    """

    repo: str
    folder: str = ""
    revision: str = "main"
    sha256: str | None = None

    def __str__(self):
        folder = f"/{self.folder}" if self.folder else ""
        return f"hf://{self.repo}{folder}" + ("" if self.revision == "main" else f"@{self.revision}")

    def path(self, file):
        """Where a file of the checkpoint is inside the repo."""
        return f"{self.folder}/{file}" if self.folder else file


def parse(text, revision=None):
    """The `Place` that a text means, or `None` if it cannot mean one.

    Args:
        text: `user/repo`, `user/repo/folder`, either with `@revision`, and with or without `hf://`.
        revision: the same as `@revision`.

    Raises:
        ValueError: the text starts with `hf://` and goes on wrongly, a revision cannot be one, or two are
            given.

    Example:

    >>> from latentzoo.hub.place import parse
    >>> parse("hf://me/faces@v1")
    Place(repo='me/faces', folder='', revision='v1', sha256=None)
    """
    found = FORMS.fullmatch(text.removeprefix("hf://"))
    if found is None or (found["folder"] and found["after"]):
        if text.startswith("hf://"):
            raise error(
                "This is no place on the Hub.",
                "hf://user/repo, hf://user/repo@revision or hf://user/repo/folder@revision",
                repr(text),
                "A revision with a slash goes into `revision=`.",
            )
        return None
    if revision is not None and found["revision"] not in (None, revision):
        raise error(
            "There are two revisions.", "one", f"{text!r} and revision={revision!r}", "Leave one of them out."
        )
    folder = (found["folder"] or found["after"] or "").strip("/")
    revision = found["revision"] if revision is None else revision
    return Place(found["repo"], folder, "main" if revision is None else reference(revision, "revision"))


def target(text, branch=None, tag=None):
    """The `Place` to push to.

    Raises:
        ValueError: the repo, the branch or the tag cannot be one.
    """
    place = parse(text) if isinstance(text, str) else None
    if place is None or place.revision != "main":
        raise error(
            "This is no name of a repo.",
            "user/repo, or user/repo/folder; a branch goes into `revision=`",
            repr(text),
            "Your user name is what `hf auth whoami` prints.",
        )
    for kind, value in {"revision": branch, "tag": tag}.items():
        if value is not None and COMMIT.fullmatch(reference(value, kind)):
            raise error(f"A commit is no {kind} to push to.", "a name", f"{kind}={value!r}", "Choose a name.")
    return dataclasses.replace(place, revision=branch or "main")


def reference(value, kind):
    """Checks the name of a branch or tag, or the digits of a commit."""
    if not isinstance(value, str) or not REFERENCE.fullmatch(value):
        raise error(
            f"This cannot be a {kind}.",
            "letters, digits and . _ - + /, at most 100, as git takes them",
            f"{kind}={value!r}"[:150],
            "See the repo's branches and tags.",
        )
    return value
