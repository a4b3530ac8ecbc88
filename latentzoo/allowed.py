"""What a checkpoint's config.json may name: an enumerated list, walked before anything is built.

Only classes that compute. Nothing that runs code from the file or opens other files: no Lambda, no
TFSMLayer or TorchModuleWrapper, no lookup or text layers.
"""

FAMILIES = {"GLF"}
PRIORS = {"Normal", "RealNVP"}
STORAGES = ("float32", "float16", "int8")
DEPTH = 100  # of nested lists and objects; Keras needs some frames of Python's stack for each

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
    **{(f"latentzoo.priors.{name.lower()}", name): f"latentzoo>{name}" for name in PRIORS},
}


def check(config, where):
    """Checks how deep a config is, and every class that it names.

    Args:
        config: what JSON gives.
        where: str, named in the error.

    Raises:
        ValueError: a class is not on the list, or the config is nested too deeply.
    """
    stack = [(config, 1)]
    while stack:
        node, depth = stack.pop()
        if depth > DEPTH:
            raise ValueError(
                f"{where} is nested too deeply. Expected: at most {DEPTH} levels. Received: more. "
                "Nothing was built. Put fewer networks into one another."
            )
        if isinstance(node, dict):
            if "class_name" in node:
                check_class(node, where)
            if {"inputs", "outputs"} <= node.keys():  # would make `keras.Model` rewrite the class
                raise refused(where, "a model given by its inputs and outputs")
            stack.extend((value, depth + 1) for value in node.values())
        elif isinstance(node, list):
            stack.extend((value, depth + 1) for value in node)


def check_class(node, where):
    module, name, registered = (node.get(key) for key in ("module", "class_name", "registered_name"))
    known = isinstance(name, str) and isinstance(module, str | None) and (module, name) in CLASSES
    if not known or registered not in (None, CLASSES[module, name]):
        raise refused(where, f"{module}.{name} (registered as {registered!r})"[:200])


def refused(where, received):
    return ValueError(
        f"{where} names a class that checkpoints may not hold. Expected: families and priors of "
        f"latentzoo, and those layers of Keras that only compute. Received: {received}. Nothing was "
        "built. Build networks from such layers yourself and keep them in Keras' own format."
    )
