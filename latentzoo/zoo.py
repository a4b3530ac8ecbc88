"""Names to checkpoints: the shelf, what it says of each entry, and opening and saving the folders.

Importing this module needs no TensorFlow; `load` and `save` do.
"""

import contextlib
import difflib
import fnmatch
import hashlib
import json
import math
import os
import pathlib
import shutil

from latentzoo import allowed

FORMAT = 1
CONFIG_BYTES = 1 << 20
VARIABLES = 10_000
ROOT = pathlib.Path(__file__).parent
CHECKPOINTS = ROOT.parent / "checkpoints"


def shelf():
    """The shelf: `{name: sha256 of its config.json}`, one hash that vouches for the whole folder."""
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


def info(name):
    """The facts of a checkpoint; reads two small files and needs no TensorFlow.

    Args:
        name: a name on the shelf, or a checkpoint folder.

    Returns:
        dict: `name`, `family`, `image_shape`, `latent_dim`, `parameters`, `bytes` of the weight files,
        `storage`, `provenance` (recipe, data, licence, seed, epochs, ...) and `metrics`.

    Raises:
        ValueError: there is no such checkpoint; the message has the three nearest names.

    Example:

    >>> import latentzoo
    >>> latentzoo.info("glf-fashion")["family"]
    'GLF'
    """
    folder = find(name)
    config = read_config(folder)
    metrics = folder / "metrics.json"
    return {
        "name": folder.absolute().name,
        "family": config["class"],
        "image_shape": config["arguments"]["image_shape"],
        "latent_dim": config["arguments"]["latent_dim"],
        "parameters": config["parameters"],
        "bytes": sum(facts["bytes"] for facts in config["weights"].values()),
        "storage": config["storage"],
        "provenance": config["provenance"],
        "metrics": read_json(metrics) if metrics.is_file() else {},
    }


def find(name):
    """The folder of a checkpoint.

    Args:
        name: a name on the shelf, or the path of a folder.

    Raises:
        ValueError: the name is not on the shelf.
        FileNotFoundError: there is no such folder, or a name is on the shelf but not on this machine.
    """
    names = shelf()
    if not isinstance(name, (str, pathlib.PurePath)):
        raise ValueError(
            "A checkpoint is found by its name. Expected: a name that `latentzoo list` shows, or a "
            f"folder. Received: {name!r}. Give one of `latentzoo.list_models()`."
        )
    path = pathlib.Path(name)
    if os.path.isdir(path):
        return path
    if str(name) in names:
        folder = CHECKPOINTS / name
        if not folder.is_dir():
            raise FileNotFoundError(
                f"The weights of '{name}' are not on this machine, and are not published on the Hub "
                f"yet. Expected: a source tree with checkpoints/{name}. Received: an installation "
                "without it. Clone the repository and install it with `pip install -e .`."
            )
        check_shelved(folder, names[name])
        return folder
    if path.name != str(name) or isinstance(name, pathlib.PurePath):
        raise FileNotFoundError(
            f"There is no such folder. Expected: a checkpoint folder or one of {sorted(names)}. "
            f"Received: '{name}'. Look at the path, or at `latentzoo list`."
        )
    near = difflib.get_close_matches(name, names, 3, 0.0)
    raise ValueError(
        f"Unknown checkpoint. Expected: a name that `latentzoo list` shows, or a folder. "
        f"Received: '{name}'. Nearest: {', '.join(near) or 'none, the shelf is empty'}."
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
            f"Received: format {config['format']}. Upgrade with `pip install -U latentzoo`."
        )
    allowed.check(config, f"'{path}'")
    kinds = {"class": str, "arguments": dict, "storage": str, "weights": dict, "parameters": int,
             "provenance": dict}  # fmt: skip
    for key, kind in kinds.items():
        if type(config.get(key)) is not kind:
            raise broken(path, f"'{key}' to be {kind.__name__}", repr(config.get(key))[:80])
    if config["storage"] not in allowed.STORAGES:
        raise broken(path, f"storage to be one of {allowed.STORAGES}", repr(config["storage"])[:80])
    total = 0
    for name, facts in config["weights"].items():
        found = facts if isinstance(facts, dict) else {}
        kinds = {key: type(value) for key, value in found.items()}
        fits = kinds == {"bytes": int, "sha256": str} and len(found["sha256"]) == 64
        if not fits or not 0 <= found["bytes"] < 1 << 50:
            raise broken(path, "bytes and sha256 of each weight file", f"{name}: {facts!r}"[:80])
        total += facts["bytes"]
    if not 0 <= config["parameters"] <= total:  # the smallest storage takes a byte for each
        raise broken(path, f"at most {total} parameters in {total} bytes", str(config["parameters"])[:80])
    if config["class"] not in allowed.FAMILIES:
        near = difflib.get_close_matches(config["class"], allowed.FAMILIES, 1, 0.0)
        raise ValueError(
            f"'{path}' is of an unknown family. Expected: one of {list_families()}. Received: "
            f"class='{config['class'][:80]}'. Did you mean '{near[0]}'? A newer latentzoo may know it."
        )
    for key, kind in {"image_shape": list, "latent_dim": int}.items():
        if type(config["arguments"].get(key)) is not kind:
            raise broken(path, f"'{key}' among the arguments", repr(config["arguments"].get(key))[:80])
    return config


def read_json(path):
    """Reads a JSON object of bounded size."""
    if path.stat().st_size > CONFIG_BYTES:
        raise broken(path, f"at most {CONFIG_BYTES} bytes", f"{path.stat().st_size} bytes")
    try:
        value = json.loads(path.read_text(encoding="utf-8"), object_hook=without_compile)
    except (ValueError, RecursionError) as error:
        raise broken(path, "JSON", str(error) or type(error).__name__) from None
    if not isinstance(value, dict):
        raise broken(path, "a JSON object", type(value).__name__)
    return value


def without_compile(node):
    """A network's config without its optimizer and losses, which are not a checkpoint's business."""
    return {key: value for key, value in node.items() if key != "compile_config"}


def broken(path, expected, received):
    return ValueError(
        f"'{path}' does not belong to a checkpoint. Expected: {expected}. Received: {received}. "
        "Get the checkpoint again."
    )


def load(name, *, weights=True, dtype=None):
    """Opens a checkpoint.

    Args:
        name: a name on the shelf (`list_models()`), or a checkpoint folder.
        weights: bool. `False` gives the architecture with fresh weights.
        dtype: Keras dtype policy, such as `"mixed_bfloat16"`; float32 if `None`.

    Returns:
        A compiled `latentzoo.models.Autoencoder` with its fitted prior.

    Raises:
        ValueError: the name is unknown, or a file is damaged, tampered with, or of a newer format.
        FileNotFoundError: a file is missing.

    Example:

    >>> import latentzoo
    >>> model = latentzoo.load("glf-fashion")
    >>> model.sample(2, seed=0).shape
    (2, 28, 28, 1)
    """
    folder = find(name)
    config = read_config(folder)

    from latentzoo import models, storage  # before Keras: they have the better word on other backends

    family = getattr(models, config["class"])
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
    return model


class Declared(list):
    """Keras' list of variables to allocate, which ends the building of more than a config declares."""

    def __init__(self, parameters):
        self.left = parameters + 1000  # the seeds of dropout are not counted as weights

    def append(self, variable):
        super().append(variable)
        self.left -= math.prod(variable.shape)
        if self.left < 0 or len(self) > VARIABLES:
            raise ValueError(f"More weights than are declared, or than {VARIABLES}.")


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
        provenance: dict of facts to record, JSON types; those the model was loaded with if `None`.

    Raises:
        ValueError: the storage is unknown, a weight is not finite, a network of the user's own holds a
            layer that checkpoints may not hold, or the folder cannot be written.
    """
    from latentzoo import __version__, models
    from latentzoo import storage as files

    family = type(model).__name__
    if family not in allowed.FAMILIES or type(model) is not getattr(models, family):
        raise ValueError(
            "Checkpoint folders hold the zoo's own families. Expected: one of "
            f"{list_families()}. Received: {type(model)}. Use `model.save('model.keras')`."
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
        "provenance": getattr(model, "_provenance", {}) if provenance is None else provenance,
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


def write_json(path, value):
    """Writes JSON in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(temporary, path)
