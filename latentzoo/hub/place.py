"""Where on the Hub a checkpoint is: `user/repo`, with a folder and a revision if need be."""

import dataclasses
import re

from latentzoo.errors import error

NAME = r"\w[\w.-]{0,95}"
FORMS = re.compile(
    rf"(?P<repo>{NAME}/{NAME})(?P<folder>(/{NAME})*)(@(?P<revision>refs/pr/\d+|[^\s@/]+)(?P<after>(/{NAME})*))?"
)


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
        ValueError: the text starts with `hf://` and goes on wrongly, or two revisions are given.

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
    return Place(found["repo"], folder, revision or found["revision"] or "main")
