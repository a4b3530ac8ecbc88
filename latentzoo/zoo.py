"""Names to checkpoints: the shelf, what it says of each entry, and opening and saving the folders.

Importing this module needs no TensorFlow; `load` and `save` do.
"""

import contextlib
import dataclasses
import difflib
import fnmatch
import hashlib
import json
import math
import os
import pathlib
import re
import shutil

from latentzoo import allowed
from latentzoo.errors import error
from latentzoo.hub.place import Place, parse

FORMAT = allowed.FORMAT
CONFIG_BYTES = 1 << 20
VARIABLES = 10_000
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
    folder = find(name, weights=False, extras=True, **access)
    config = read_config(folder)
    metrics = folder / "metrics.json"
    place = locate(name, access.get("revision"))
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
        "metrics": read_json(metrics) if metrics.is_file() else {},
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
    place = locate(name, revision)
    if isinstance(place, pathlib.Path):
        return place
    from latentzoo.hub.pulling import Access, fetch

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
    shelved = shelf().get(str(name))
    if shelved:
        return locate_shelved(str(name), revision, **shelved)
    place = parse(name, revision) if isinstance(name, str) else None
    if place:
        return place
    names = shelf()
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
    if config["format"] > FORMAT:
        raise ValueError(
            f"'{path}' was written by a newer latentzoo. Expected: format {FORMAT} or older. "
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


def read_json(path):
    """Reads a JSON object of bounded size."""
    with open(path, "rb") as file:
        text = file.read(CONFIG_BYTES + 1)  # not as much as a size says that may change
    if len(text) > CONFIG_BYTES:
        raise broken(path, f"at most {CONFIG_BYTES} bytes", "more")
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
        name: a name on the shelf (`list_models()`), a checkpoint folder, or a place on the Hugging Face Hub:
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
        A compiled `latentzoo.models.Autoencoder` with its fitted prior.

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
    from latentzoo.hub.pulling import Access

    access = Access(token, cache_dir, local_files_only, force_download)
    return load_family(name, None, weights, dtype, revision, access)


def load_family(name, family, weights, dtype, revision, access):
    """`load`, of a class that was asked for, or of any if `family` is `None`."""
    place = locate(name, revision)
    if isinstance(place, pathlib.Path):
        return open_folder(place, family, weights, dtype)
    from latentzoo.hub.pulling import using

    def use(folder):
        return open_folder(folder, family, weights, dtype)

    model = using(place, access, use, weights=weights)
    folder = model._origin["folder"]
    commit = [folder, *folder.parents][len(pathlib.PurePath(place.folder).parts)]
    model._origin["name"] = str(dataclasses.replace(place, revision=commit.name))
    return model


def open_folder(folder, wanted, weights, dtype):
    """Builds the model of a checkpoint folder, after everything about it was checked."""
    config = read_config(folder)

    from latentzoo import models, storage  # before Keras: they have the better word on other backends

    family = getattr(models, config["class"])
    if wanted is not None and not issubclass(family, wanted):
        raise error(
            f"'{folder}' holds another model.",
            f"class {wanted.__name__}",
            f"class {family.__name__}",
            f"Use `latentzoo.models.{family.__name__}.from_pretrained`, or `latentzoo.load`.",
        )
    import keras
    from keras.src.backend.common import global_state

    arguments = with_policy(config["arguments"], check_dtype(dtype))
    # Building without values tells all shapes before a byte of weights is read, and spares drawing
    # initial values that would be thrown away.
    scope = keras.StatelessScope(initialize_variables=False)
    pending = global_state.get_global_attribute("uninitialized_variables", [])
    files = storage.Weights(folder, config["weights"]) if weights else contextlib.nullcontext()
    try:
        global_state.set_global_attribute("uninitialized_variables", Declared(config["parameters"]))
        with files, scope:
            with fitting(family, folder):
                model = family.from_config(arguments)
            named = storage.named_variables(model)
            count = sum(math.prod(variable.shape) for variable, _ in named.values())
            if count != config["parameters"]:
                raise broken(folder / "config.json", f"{count} parameters", config["parameters"])
            if weights:
                files.check(named)
                for key, (variable, layer) in named.items():
                    variable._initializer = reader(files, key, layer)
            scope.initialize_variables = True
    finally:  # after a failure, Keras would allocate what is left at its next opportunity
        global_state.set_global_attribute("uninitialized_variables", pending)
    with fitting(family, folder):
        model.compile()
    model._storage = config["storage"]
    model._provenance = config["provenance"]
    model._origin = {
        "name": folder.absolute().name,
        "folder": folder,
        "weights": config["weights"] if weights else None,
    }
    return model


class Declared(list):
    """Keras' list of variables to allocate, which ends the building of more than a config declares."""

    def __init__(self, parameters):
        self.left = parameters + 1000  # the seeds of dropout are not counted as weights

    def append(self, variable):
        super().append(variable)
        self.left -= math.prod(variable.shape)
        if self.left < 0 or len(self) > VARIABLES:
            raise ValueError(f"More weights than are declared, or than {VARIABLES}")


def reader(files, key, layer):
    return lambda shape, dtype: files.read(key, layer, dtype)


@contextlib.contextmanager
def fitting(family, folder):
    """Context in which an error means that the config does not fit."""
    try:
        yield
    except Exception as error:  # Keras raises many, and it was the config that asked for it
        received = f"{type(error).__name__}: {error}"[:1000]
        raise broken(folder / "config.json", f"arguments of {family.__name__}", received) from error


def check_dtype(dtype):
    import keras

    try:
        policy = keras.dtype_policies.get("float32" if dtype is None else dtype)
        known = ("float32", "bfloat16", "float64")
        fits = policy.compute_dtype in known and not policy.quantization_mode
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ValueError(
            "The zoo's models do not run in this dtype policy. Expected: 'float32', 'bfloat16', "
            f"'mixed_bfloat16' or 'float64'. Received: dtype={dtype!r}. Instead of float16, which needs "
            "loss scaling, use 'mixed_bfloat16'."
        )
    return policy.name


def with_policy(arguments, policy):
    """The arguments with the policy for the autoencoder and for networks of a user's own."""

    def walk(node):
        if isinstance(node, list):
            return [walk(value) for value in node]
        if not isinstance(node, dict):
            return node
        if node.get("class_name") == "DTypePolicy":
            return {**node, "config": {"name": policy}}
        return {key: walk(value) for key, value in node.items()}

    networks = {part: walk(arguments[part]) for part in ("encoder", "decoder") if part in arguments}
    return {**arguments, **networks, "dtype": policy}


def save(model, folder, storage=None, *, provenance=None):
    """Writes a checkpoint folder, or nothing.

    Everything is written aside first. An older checkpoint in the folder stays whole until then, and
    only renaming is left; `config.json` goes first and comes last, so that half a folder is no
    checkpoint. One process at a time may write to a folder.

    Args:
        model: a `latentzoo.models.Autoencoder`.
        folder: path.
        storage: `"float32"`, `"float16"`, `"int8"`, or `None`: as the model was loaded, or float32.
        provenance: dict of facts to record, JSON types. If `None`, those that the model was loaded with, or
            what it was made from if it was trained since.

    Raises:
        ValueError: the storage is unknown, a weight is not finite, a network of the user's own holds a
            layer that checkpoints may not hold, or the folder cannot be written.
    """
    from latentzoo import __version__, models
    from latentzoo import storage as files

    family = type(model).__name__
    known = allowed.FAMILIES | allowed.CLASSIFIERS
    if family not in known or type(model) is not getattr(models, family):
        raise ValueError(
            "Checkpoint folders hold the zoo's own families. Expected: one of "
            f"{sorted(known)}. Received: {type(model)}. Use `model.save('model.keras')`."
        )
    storage = storage or getattr(model, "_storage", "float32")
    config = {
        "format": FORMAT,
        "latentzoo": __version__,
        "class": family,
        "arguments": None,
        "parameters": int(model.count_params()),
        "storage": storage,
        "weights": {},
        "provenance": provenance or {},
    }
    try:
        config["arguments"] = model.get_config()
        config = json.loads(json.dumps(config, allow_nan=False), object_hook=without_compile)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(
            f"What describes this {family} does not fit into JSON. Expected: networks with a Keras "
            f"config, and a provenance of JSON types. Received: {type(error).__name__}: {error}. Give own "
            "layers a `get_config`, or keep the model with `model.save_weights`."
        ) from error
    for name in ("name", "dtype"):  # of this run: a count of the models before, and a choice of its own
        del config["arguments"][name]
    allowed.check(config, f"This {family}")
    arrays = files.pack(model, storage)
    folder = pathlib.Path(folder)
    aside = folder / ".new"
    try:
        if aside.exists():  # of a process that was killed
            shutil.rmtree(aside)
        aside.mkdir(parents=True)
        config["weights"] = files.write(arrays, aside)
        if provenance is None:
            config["provenance"] = lineage(model, config["weights"])
        write_json(aside / "config.json", config)
        (folder / "config.json").unlink(missing_ok=True)
        for old in files.weight_files(folder):
            old.unlink()
        for new in [*files.weight_files(aside), aside / "config.json"]:
            os.replace(new, folder / new.name)
    except OSError as error:
        raise ValueError(
            f"The checkpoint could not be written. Expected: a folder to write to, with room for "
            f"{sum(value.nbytes for value in arrays.values()) / 1e6:.1f} MB. Received: '{folder}': "
            f"{error}. Choose another folder."
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def lineage(model, weights):
    """What is known of weights: what came with them, or, if they moved since, from which they were made."""
    origin, known = getattr(model, "_origin", None), getattr(model, "_provenance", {})
    if origin is None or origin["weights"] == weights:
        return known
    base = {key: value for key, value in known.items() if key != "base"}
    return {"base_model": origin["name"], "licence": known.get("licence", "unknown"), "base": base}


def unchanged(model, folder):
    """The folder that a model was loaded from, if `folder` holds the same weights, or `None`."""
    origin = getattr(model, "_origin", None)
    same = origin is not None and origin["weights"] == read_config(folder)["weights"]
    return origin["folder"] if same and origin["folder"].is_dir() else None


def write_json(path, value):
    """Writes JSON in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(temporary, path)
