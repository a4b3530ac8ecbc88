"""Names to checkpoints: the shelf, what it says of each entry, and opening and saving the folders.

Importing this module needs no TensorFlow; `load` and `save` do.
"""

import difflib
import fnmatch
import hashlib
import json
import os
import pathlib

from latentzoo import allowed

FORMAT = 1
CONFIG_BYTES = 1 << 20
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
        "name": folder.name,
        "family": config["class"],
        "image_shape": config["arguments"]["image_shape"],
        "latent_dim": config["arguments"]["latent_dim"],
        "parameters": config["parameters"],
        "bytes": sum(facts["bytes"] for facts in config["weights"].values()),
        "storage": config["storage"],
        "provenance": config["provenance"],
        "metrics": json.loads(metrics.read_text()) if metrics.is_file() else {},
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
    path = pathlib.Path(name)
    if isinstance(name, str) and name in names and not path.is_dir():
        folder = CHECKPOINTS / name
        if not folder.is_dir():
            raise FileNotFoundError(
                f"The weights of '{name}' are not on this machine, and are not published on the Hub "
                f"yet. Expected: a source tree with checkpoints/{name}. Received: an installation "
                "without it. Clone the repository and install it with `pip install -e .`."
            )
        check_shelved(folder, names[name])
        return folder
    if path.is_dir():
        return path
    if len(path.parts) > 1 or isinstance(name, pathlib.Path):
        raise FileNotFoundError(
            f"There is no such folder. Expected: a checkpoint folder or one of {sorted(names)}. "
            f"Received: '{name}'."
        )
    near = difflib.get_close_matches(str(name), names, 3, 0.0)
    raise ValueError(
        f"Unknown checkpoint. Expected: a name that `latentzoo list` shows, or a folder. "
        f"Received: '{name}'. Nearest: {', '.join(near)}."
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
            f"This is no checkpoint. Expected: a folder with config.json. Received: '{folder}'."
        )
    if path.stat().st_size > CONFIG_BYTES:
        raise broken(path, f"at most {CONFIG_BYTES} bytes", f"{path.stat().st_size} bytes")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise broken(path, "JSON", str(error) or type(error).__name__) from None
    if not isinstance(config, dict) or type(config.get("format")) is not int:
        raise broken(path, "a JSON object with a format number", "none")
    if config["format"] > FORMAT:
        raise ValueError(
            f"'{path}' was written by a newer latentzoo. Expected: format {FORMAT} or older. "
            f"Received: format {config['format']}. Upgrade with `pip install -U latentzoo`."
        )
    kinds = {"class": str, "arguments": dict, "storage": str, "weights": dict, "parameters": int,
             "provenance": dict}  # fmt: skip
    for key, kind in kinds.items():
        if type(config.get(key)) is not kind:
            raise broken(path, f"'{key}' to be {kind.__name__}", repr(config.get(key))[:80])
    for name, facts in config["weights"].items():
        if not isinstance(facts, dict) or {k: type(v) for k, v in facts.items()} != {
            "bytes": int,
            "sha256": str,
        }:
            raise broken(path, "bytes and sha256 for each weight file", f"{name}: {facts!r}"[:80])
    if config["class"] not in allowed.FAMILIES:
        near = difflib.get_close_matches(config["class"], allowed.FAMILIES, 1, 0.0)
        raise ValueError(
            f"'{path}' is of an unknown family. Expected: one of {list_families()}. Received: "
            f"class='{config['class']}'. Did you mean '{near[0]}'? A newer latentzoo may know it."
        )
    for key, kind in {"image_shape": list, "latent_dim": int}.items():
        if type(config["arguments"].get(key)) is not kind:
            raise broken(path, f"'{key}' among the arguments", repr(config["arguments"].get(key)))
    allowed.check(config["arguments"], f"'{path}'")
    return config


def broken(path, expected, received):
    return ValueError(
        f"'{path}' is not a checkpoint's config. Expected: {expected}. Received: {received}. "
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

    import keras
    from keras.src.backend.common import global_state

    from latentzoo import models, storage

    policy = check_dtype(dtype)
    family = getattr(models, config["class"])
    arguments = with_policy(config["arguments"], policy)
    if not weights:
        model = construct(family, arguments, folder)
    else:
        files = storage.Weights(folder, config["weights"])
        # Building without values tells all shapes before a byte of weights is read, and spares
        # drawing initial values that would be thrown away.
        scope = keras.StatelessScope(initialize_variables=False)
        try:
            with scope:
                model = construct(family, arguments, folder)
                named = storage.named_variables(model)
                files.check(named)
                for key, (variable, layer) in named.items():
                    variable._initializer = reader(files, key, layer)
                scope.initialize_variables = True
        except BaseException:
            # Keras would otherwise allocate these variables at its next opportunity.
            global_state.set_global_attribute("uninitialized_variables", [])
            raise
    model.compile()
    model._storage = config["storage"]
    model._provenance = config["provenance"]
    return model


def reader(files, key, layer):
    return lambda shape, dtype: files.read(key, layer, dtype)


def construct(family, arguments, folder):
    try:
        return family.from_config(arguments)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise broken(folder / "config.json", f"arguments of {family.__name__}", error) from error


def check_dtype(dtype):
    import keras

    try:
        return keras.dtype_policies.get(dtype or "float32").name
    except (TypeError, ValueError) as error:
        raise ValueError(
            "Unknown dtype policy. Expected: one that Keras knows, such as 'float32' or "
            f"'mixed_bfloat16'. Received: dtype={dtype!r}. {error}"
        ) from None


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
    """Writes a checkpoint folder; `config.json` comes last, so that half a folder is no checkpoint.

    Args:
        model: a `latentzoo.models.Autoencoder`.
        folder: path.
        storage: `"float32"`, `"float16"`, `"int8"`, or `None`: as the model was loaded, or float32.
        provenance: dict of facts to record, JSON types; those the model was loaded with if `None`.

    Raises:
        ValueError: the storage is unknown, a weight is not finite, or a network of the user's own
            holds a layer that checkpoints may not hold.
    """
    from latentzoo import __version__
    from latentzoo import storage as files

    folder = pathlib.Path(folder)
    storage = storage or getattr(model, "_storage", "float32")
    arguments = json.loads(json.dumps(model.get_config()))
    del arguments["dtype"]  # chosen when loading
    allowed.check(arguments, f"This {type(model).__name__}")
    if type(model).__name__ not in allowed.FAMILIES:
        raise ValueError(
            "Checkpoint folders hold the zoo's own families. Expected: one of "
            f"{list_families()}. Received: {type(model).__name__}. Use `model.save('model.keras')`."
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").unlink(missing_ok=True)
    table = files.write(model, folder, storage)
    for old in [*folder.glob("model*.safetensors"), folder / files.INDEX]:
        if old.name not in table and not (old.name == files.INDEX and len(table) > 1):
            old.unlink(missing_ok=True)
    config = {
        "format": FORMAT,
        "latentzoo": __version__,
        "class": type(model).__name__,
        "arguments": arguments,
        "parameters": int(model.count_params()),
        "storage": storage,
        "weights": table,
        "provenance": provenance or getattr(model, "_provenance", {}),
    }
    write_json(folder / "config.json", config)


def write_json(path, value):
    """Writes JSON in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(temporary, path)
