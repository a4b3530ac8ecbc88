"""config.json, which says what a checkpoint is: read as what it may be, hostile, and checked before use.

Needs no TensorFlow.
"""

import difflib
import json
import math
import pathlib
import re

from latentzoo import allowed


def read_config(folder):
    """Reads and checks `config.json`; builds nothing.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is not JSON, of a newer format, or names what checkpoints may not hold.
    """
    path = pathlib.Path(folder) / "config.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"This is no checkpoint. Expected: a folder with config.json. Received: '{folder}'. Give the "
            "folder that holds it, or a name that `latentzoo list` shows."
        )
    config = read_json(path)
    if type(config.get("format")) is not int or config["format"] < 1:
        raise broken(path, "a format number, 1 or more", type(config.get("format")).__name__)
    if config["format"] > allowed.FORMAT:
        raise ValueError(
            f"'{path}' was written by a newer latentzoo. Expected: format {allowed.FORMAT} or older. "
            f"Received: format {str(config['format'])[:80]}. Upgrade with `pip install -U latentzoo`."
        )
    allowed.check(config, f"'{path}'")
    kinds = {"class": str, "arguments": dict, "storage": str, "weights": dict, "parameters": int,
             "provenance": dict, "latentzoo": str}  # fmt: skip
    for key, kind in kinds.items():
        if type(config.get(key)) is not kind and (key in config or key != "latentzoo"):
            raise broken(path, f"'{key}' to be {kind.__name__}", repr(config.get(key))[:80])
    if config["storage"] not in allowed.STORAGES:
        raise broken(path, f"storage to be one of {allowed.STORAGES}", repr(config["storage"])[:80])
    total = 0
    for name, facts in config["weights"].items():
        if not re.fullmatch(allowed.WEIGHT_FILE, name):
            raise broken(path, "plain names of weight files", repr(name)[:100])
        found = facts if isinstance(facts, dict) else {}
        kinds = {key: type(value) for key, value in found.items()}
        fits = kinds == {"bytes": int, "sha256": str} and re.fullmatch(allowed.SHA256, found["sha256"])
        if not fits or not 0 <= found["bytes"] < allowed.BYTES:
            raise broken(path, "bytes and sha256 of each weight file", f"{name}: {facts!r}"[:80])
        total += facts["bytes"]
    if not 0 <= config["parameters"] <= total:  # the smallest storage takes a byte for each
        raise broken(path, f"at most {total} parameters in {total} bytes", str(config["parameters"])[:80])
    if config["parameters"] > allowed.PARAMETERS:
        raise broken(path, f"at most {allowed.PARAMETERS} parameters", str(config["parameters"])[:80])
    # The largest takes eight, the scale of an output unit four, and headers the rest. Hashing takes time, and
    # is not begun on what cannot be the weights.
    most = 12 * config["parameters"] + (1 << 24)
    if total > most:
        raise broken(path, f"at most {most} bytes for {config['parameters']} parameters", f"{total} bytes")
    known = allowed.FAMILIES | allowed.CLASSIFIERS
    if config["class"] not in known:
        near = difflib.get_close_matches(config["class"], known, 1, 0.0)
        raise ValueError(
            f"'{path}' is of an unknown family. Expected: one of {sorted(known)}. Received: "
            f"class='{config['class'][:80]}'. Did you mean '{near[0]}'? A newer latentzoo may know it."
        )
    width = "classes" if config["class"] in allowed.CLASSIFIERS else "latent_dim"
    for key, kind in {"image_shape": list, width: int}.items():
        if type(config["arguments"].get(key)) is not kind:
            raise broken(path, f"'{key}' among the arguments", repr(config["arguments"].get(key))[:80])
    return config


def data_name(provenance):
    """The name of the data set of a run, from a provenance of anybody's; `None` if it tells none."""
    settings = provenance.get("settings")
    name = settings.get("data") if isinstance(settings, dict) else None
    return name if isinstance(name, str) else None


def read_json(path):
    """Reads a JSON object of bounded size."""
    with open(path, "rb") as file:
        text = file.read(allowed.CONFIG_BYTES + 1)  # not as much as a size says that may change
    if len(text) > allowed.CONFIG_BYTES:
        raise broken(path, f"at most {allowed.CONFIG_BYTES} bytes", "more")
    try:
        value = json.loads(
            text.decode(), object_pairs_hook=members, parse_constant=number, parse_float=number
        )
    except (ValueError, RecursionError) as error:
        raise broken(path, "JSON", str(error) or type(error).__name__) from None
    if not isinstance(value, dict):
        raise broken(path, "a JSON object", type(value).__name__)
    return value


def members(pairs):
    """An object of which every reader sees the same."""
    node = dict(pairs)
    if len(node) < len(pairs):
        raise ValueError("an object that has a key twice")
    return without_compile(node)


def number(text):
    """A float; JSON has no NaN or infinity, and a model that held one could not be saved again."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]}, which is no number")
    return value


def without_compile(node):
    """A network's config without its optimizer and losses, which are not a checkpoint's business."""
    return {key: value for key, value in node.items() if key != "compile_config"}


def broken(path, expected, received):
    return ValueError(
        f"'{path}' does not belong to a checkpoint. Expected: {expected}. Received: {received}. "
        "Get the checkpoint again."
    )
