"""Model cards: the README of a checkpoint, and what becomes of one that a person has edited.

A card records the hash of its own text: who finds another text there knows that a person has edited it, and
keeps it.
"""

import hashlib
import re

import yaml

from latentzoo.card_metadata import metadata
from latentzoo.card_text import markdown
from latentzoo.configs import read_config
from latentzoo.errors import error
from latentzoo.files import replacing
from latentzoo.measurements import read_metrics

MARK = "latentzoo_card"
# What we know of a model, and a person who edits the card does not decide. Other entries are theirs.
OURS = ("library_name", "pipeline_tag", "datasets", "base_model", "model-index")


def readme(folder, source, *, given=None, there=None):
    """The card of a checkpoint folder, a person's text kept if there is one.

    Args:
        folder: `pathlib.Path` of a checkpoint.
        source: str. What `latentzoo.load` opens it by.
        given: str. Text to use instead of ours, Markdown with or without metadata.
        there: bytes. The card where this one is to go.

    Returns:
        bytes. One that is no text, or whose metadata are broken, comes back as it is.
    """
    config = read_config(folder)
    metrics = read_metrics(folder)
    facts = metadata(config, metrics, source)
    here = (folder / "README.md").read_bytes() if (folder / "README.md").is_file() else None
    given = None if given is None else given.encode()
    for card in (given, there, here):
        if card is None:
            continue
        try:
            front, body = split(card.decode())
            known = yaml.safe_load(front) or {}
        except (UnicodeDecodeError, yaml.YAMLError):
            return card
        if not isinstance(known, dict):
            return card
        if card is given or edited(card.decode()):
            return joined(merged(front, facts, known), body).encode()
    body = markdown(folder, config, metrics, source)
    return joined(dump({**facts, MARK: fingerprint(body)}), body).encode()


def check(card):
    """Checks a text that is to be a card.

    Raises:
        ValueError: it is no text, or its metadata are not YAML.
    """
    if not isinstance(card, str):
        raise error("A card is a text.", "Markdown", f"card={card!r}"[:100], "Read it from its file.")
    try:
        front = yaml.safe_load(split(card)[0])
    except yaml.YAMLError as mistake:
        front = " ".join(str(mistake).split())
    if not isinstance(front, dict | None):
        raise error(
            "The metadata of a card are YAML.", "keys and values between `---`", front, "Mend the card."
        )


def write(folder, card):
    """Writes a card in one step."""
    with replacing(folder / "README.md") as temporary:
        temporary.write_bytes(card)


def edited(text):
    """Whether a person has written or changed the text of a card."""
    front, body = split(text)
    return f"{MARK}: {fingerprint(body)}" not in front.splitlines()


def fingerprint(body):
    return hashlib.sha256(body.strip().encode()).hexdigest()[:16]


def split(text):
    """The metadata block of a card, without its fences, and the text under it."""
    found = re.match(r"\s*---[ \t]*\r?\n(.*?)^---[ \t]*\r?(?:\n|\Z)(.*)", text, re.DOTALL | re.MULTILINE)
    return (found[1], found[2]) if found else ("", text)


def joined(front, body):
    end = "\r\n" if "\r\n" in front else "\n"
    return f"---{end}{front.strip()}{end}---{end}{body}"


def merged(front, facts, known):
    """A metadata block with the entries that are ours renewed, and every other line as it was."""
    lines, keep = [], True
    for line in front.splitlines(keepends=True):
        if key := re.match(r"([\w-]+)\s*:", line):
            keep = key[1] not in (*OURS, MARK)
        if keep or line.startswith("#"):
            lines.append(line)
    new = {key: value for key, value in facts.items() if key in OURS or key not in known}
    if "license" in known:
        new.pop("license_name", None)
    return dump(new).replace("\n", "\r\n" if "\r\n" in front else "\n") + "".join(lines)


def dump(entries):
    return yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=1000)
