"""What a checkpoint's config.json may name: an enumerated list, walked before anything is built.

Only classes that compute. Nothing that runs code from the file or opens other files: no Lambda, no
TFSMLayer or TorchModuleWrapper, no lookup or text layers. Besides these a network of a user's own may hold
layers that the user has registered with Keras in this process: their code is here already, and what the
file names is never imported.

`config.schema.json` says the same to other programs; it is what `schema()` returns.
"""

import itertools
import sys

FORMAT = 1
FAMILIES = {
    "AAE", "FactorVAE", "FlowPosteriorVAE", "FlowPriorVAE", "GLANN", "GLF", "LPGA", "LVPGA",
    "PlainAutoencoder", "RAE", "TwoStageVAE", "VAE", "VPGA", "WAE",
}  # fmt: skip
CLASSIFIERS = {"Classifier"}  # on the shelf to measure the others
PRIORS = {  # and their modules
    "AdversarialGenerator": "adversarial",
    "Gaussian": "gaussian",
    "Generator": "generator",
    "MAF": "maf",
    "Mixture": "mixture",
    "Normal": "normal",
    "RealNVP": "realnvp",
    "SecondStageVAE": "second_stage",
}
STORAGES = ("float32", "float16", "int8")
DEPTH = 100  # of nested lists and objects; Keras needs some frames of Python's stack for each
CALLS = 25_000  # of layers, while networks are built: a few seconds
OWN = [("arguments", part) for part in ("encoder", "decoder", "critic")]  # where networks of a user's own are
WEIGHT_FILE = r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}\.safetensors"  # a plain name, on every file system
SHA256 = "[0-9a-f]{64}"
BYTES = 1 << 50
PARAMETERS = 1 << 30
CONFIG_BYTES = 1 << 20
INDEX = "model.safetensors.index.json"

LAYERS = set(
    "Activation ActivityRegularization Add AlphaDropout Average AveragePooling1D AveragePooling2D "
    "AveragePooling3D BatchNormalization Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose "
    "Conv3D Conv3DTranspose Cropping1D Cropping2D Cropping3D Dense DepthwiseConv1D DepthwiseConv2D Dot "
    "Dropout ELU EinsumDense Flatten GaussianDropout GaussianNoise GlobalAveragePooling1D "
    "GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D GroupNormalization Identity InputLayer "
    "LayerNormalization LeakyReLU MaxPooling1D MaxPooling2D MaxPooling3D Maximum Minimum Multiply "
    "MultiHeadAttention PReLU Permute RMSNormalization ReLU RepeatVector Rescaling Reshape "
    "SeparableConv1D SeparableConv2D Softmax SpatialDropout1D SpatialDropout2D SpectralNormalization "
    "Subtract UnitNormalization UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D "
    "ZeroPadding3D".split()
)
INITIALIZERS = {
    "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "IdentityInitializer",
    "LecunNormal", "LecunUniform", "Ones", "Orthogonal", "OrthogonalInitializer", "RandomNormal",
    "RandomUniform", "TruncatedNormal", "VarianceScaling", "Zeros",
}  # fmt: skip
REGULARIZERS = {"L1", "L2", "L1L2"}
CONSTRAINTS = {"MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"}

CLASSES = {
    **{("keras.layers", name): None for name in LAYERS},
    **{("keras.initializers", name): None for name in INITIALIZERS},
    **{("keras.regularizers", name): None for name in REGULARIZERS},
    **{("keras.constraints", name): None for name in CONSTRAINTS},
    ("keras", "Sequential"): None,
    ("keras", "DTypePolicy"): None,
    ("keras.src.models.functional", "Functional"): "Functional",
    (None, "__keras_tensor__"): None,
    ("latentzoo.networks.batch_norm", "BatchNormalization"): "latentzoo>BatchNormalization",
    **{(f"latentzoo.priors.{module}", name): f"latentzoo>{name}" for name, module in PRIORS.items()},
}
LIBRARIES = {"keras", "keras_cv", "keras_hub", "keras_nlp", "latentzoo"}
NAMES = ("module", "class_name", "registered_name")


def check(config, where):
    """Checks how deep a config is, and every class that it names.

    Args:
        config: what JSON gives.
        where: str, named in the error.

    Raises:
        ValueError: a class is not on the list nor a registered layer of the user's own, or the config is
            nested too deeply.
    """
    stack = [(config, 1, ())]  # with the first two keys on the way to each value
    while stack:
        node, depth, path = stack.pop()
        if depth > DEPTH:
            raise ValueError(
                f"{where} is nested too deeply. Expected: at most {DEPTH} levels. Received: more. "
                "Nothing was built. Put fewer networks into one another."
            )
        if isinstance(node, dict):
            if "class_name" in node:
                check_class(node, path, where)
            if {"inputs", "outputs"} <= node.keys():  # would make `keras.Model` rewrite the class
                raise refused(where, "a model given by its inputs and outputs")
            unchecked = [key for key in node if "class_name" not in node or key not in NAMES]
            stack.extend((node[key], depth + 1, (*path, key)[:2]) for key in unchecked)
        elif isinstance(node, list):
            stack.extend((value, depth + 1, path) for value in node)
        elif isinstance(node, str) and path[:1] == ("arguments",):
            check_string(node, path, where)
    if (calls := sum(work(config.get("arguments")))) > CALLS:
        raise ValueError(
            f"{where} takes too long to build. Expected: at most {CALLS} calls of layers. Received: "
            f"{min(calls, 10**9)} or more. Nothing was built. Make a long Sequential a functional model, and "
            "put fewer networks into one another."
        )


def check_class(node, path, where):
    """Checks that Keras would build what is on the list, or a layer of the user's own."""
    module, name, key = (node.get(name) for name in NAMES)
    found = registered(node.get("registered_name", name))  # of a node without one, Keras looks up the class
    listed = isinstance(name, str) and isinstance(module, str | None) and (module, name) in CLASSES
    if listed and key in (None, CLASSES[module, name]) and (found is None or is_class(found, module, name)):
        return
    # The names that Keras understands before it looks into its registry are "function" and "__tensor__" etc.
    named = isinstance(module, str) and isinstance(name, str) and name != "function" and name[:2] != "__"
    if named and path in OWN and is_own_layer(found) and name == found.__name__:
        return
    if named and path in OWN and found is None and isinstance(key, str) and ">" in key and not listed:
        raise unregistered(where, f"{module}.{name}", key)
    raise refused(where, f"{module}.{name} (registered as {key!r})"[:200])


def check_string(text, path, where):
    """Checks that Keras would not take a string for something that is registered under it."""
    found = registered(text)
    harmless = found is None or path in OWN and is_own_layer(found)
    if text.startswith("latentzoo>") or not harmless:
        raise refused(where, f"the registered name {text!r}"[:200])


def work(node):
    """How many layers are called to build the networks in a value, and then to call them once.

    A network in a network is called as often as that one is, which multiplies at every level. A Sequential
    is built anew for each layer that is added, and a graph gone through until no layer waits for another.
    """
    if not isinstance(node, dict | list):
        return 0, 0
    fields = node if isinstance(node, dict) else {}
    name, config, times = (fields.get(key) for key in ("class_name", "config", "inbound_nodes"))
    layers = config.get("layers") if isinstance(config, dict) else None
    network = name in ("Sequential", "Functional") and isinstance(layers, list)
    parts = [work(value) for value in (layers if network else fields.values() or node)]
    built, called = (sum(column) for column in zip((0, 0), *parts, strict=True))
    if name == "Sequential":
        built += sum(itertools.accumulate(calls for _, calls in parts))
    elif name is not None:
        built += called + len(parts) ** 2 // 20
        called += name in LAYERS or (node.get("module"), name) not in CLASSES
    return built, called * max(1, len(times) if isinstance(times, list) else 1)


def registered(key):
    """What Keras has under a name; before somebody imported it, nothing."""
    keras = sys.modules.get("keras")
    return keras.saving.get_registered_object(key) if keras and isinstance(key, str) else None


def is_class(found, module, name):
    return (getattr(found, "__module__", None), getattr(found, "__name__", None)) == (module, name)


def is_own_layer(found):
    """Whether this is a layer class of neither Keras nor latentzoo.

    A subclass of a layer that is not on the list, such as Lambda, is not: it would do with the file's
    arguments what the list is there to prevent.
    """
    if not isinstance(found, type) or found.__module__.partition(".")[0] in LIBRARIES:
        return False
    layers = sys.modules["keras"].layers
    bases = {base.__name__ for base in found.__mro__ if getattr(layers, base.__name__, None) is base}
    return issubclass(found, layers.Layer) and bases <= LAYERS | {"Layer", "Wrapper"}


def refused(where, received):
    return ValueError(
        f"{where} names a class that checkpoints may not hold. Expected: families and priors of "
        f"latentzoo, and those layers of Keras that only compute. Received: {received}. Nothing was "
        "built. Build networks from such layers, or register a layer of your own with "
        "`keras.saving.register_keras_serializable`."
    )


def unregistered(where, received, key):
    return ValueError(
        f"{where} names a class that checkpoints may not hold unless it is registered. Expected: a layer "
        f"registered with Keras as {key[:100]!r}. Received: {received[:100]}, which is not registered in "
        "this process. Nothing was built. Import the module that registers it first, then load."
    )


def schema():
    """The JSON schema of `config.json`, draft 2020-12, of whatever is listed above.

    It does not know layers of a user's own, and cannot say how deep, how large or how consistent a file
    may be: what it refuses is refused on loading too, but for those layers, and not the other way round.
    """
    value, count = {"$ref": "#/$defs/value"}, {"type": "integer", "minimum": 0}
    size = {"type": "integer", "minimum": 1}
    sha256 = {"type": "string", "pattern": f"^{SHA256}$"}
    file = {"bytes": {**count, "exclusiveMaximum": BYTES}, "sha256": sha256}
    shape = {"type": "array", "items": size, "minItems": 3, "maxItems": 3}
    properties = {
        "format": {"const": FORMAT},
        "latentzoo": {"type": "string", "description": "the version that wrote it"},
        "class": {"enum": sorted(FAMILIES | CLASSIFIERS)},
        "arguments": {
            "type": "object",
            "properties": {"image_shape": shape, "latent_dim": size, "classes": size},
            "required": ["image_shape"],
        },
        "parameters": count,
        "storage": {"enum": [*STORAGES]},
        "weights": {
            "type": "object",
            "propertyNames": {"pattern": f"^{WEIGHT_FILE}$"},
            "additionalProperties": {
                "type": "object",
                "properties": file,
                "required": [*file],
                "additionalProperties": False,
            },
        },
        "provenance": {"type": "object"},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "config.json of a latentzoo checkpoint",
        "type": "object",
        "required": [name for name in properties if name != "latentzoo"],
        "properties": properties,
        "allOf": [value],
        "if": {"properties": {"class": {"enum": sorted(CLASSIFIERS)}}},
        "then": {"properties": {"arguments": {"required": ["classes"]}}},
        "else": {"properties": {"arguments": {"required": ["latent_dim"]}}},
        "$defs": {
            "value": {
                "description": "Anything; an object with a class_name is of a listed class.",
                "items": value,
                "properties": {"compile_config": True},
                "additionalProperties": value,
                "not": {"type": "object", "required": ["inputs", "outputs"]},
                "if": {"type": "object", "required": ["class_name"]},
                "then": {"anyOf": listed_classes()},
            }
        },
    }


def listed_classes():
    """The classes as alternatives of a schema: those of one module together."""
    groups = {}
    for (module, name), key in CLASSES.items():
        groups.setdefault((module, key), []).append(name)
    return [
        {
            "properties": {
                "module": {"const": module},
                "class_name": {"enum": sorted(names)},
                "registered_name": {"enum": [None, key] if key else [None]},
            },
            "required": ["class_name"] if module is None else ["module", "class_name"],
        }
        for (module, key), names in sorted(groups.items(), key=str)
    ]
