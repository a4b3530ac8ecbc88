"""What a checkpoint's config.json may name: an enumerated list, walked before anything is built.

Only classes that compute. Nothing that runs code from the file or opens other files: no Lambda, no
TFSMLayer or TorchModuleWrapper, no lookup or text layers.
"""

FAMILIES = {"GLF"}
PRIORS = {"Normal", "RealNVP"}

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
    ("builtins", "slice"): None,
    (None, "__keras_tensor__"): None,
    **{(f"latentzoo.priors.{name.lower()}", name): f"latentzoo>{name}" for name in PRIORS},
}


def check(config, where):
    """Checks every class that a nested Keras config names.

    Args:
        config: what JSON gives.
        where: str, named in the error.

    Raises:
        ValueError: a class is not on the list.
    """
    stack = [config]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict):
            stack.extend(node.values())
            if "class_name" in node:
                named = (node.get("module"), node["class_name"])
                known = isinstance(named[1], str) and named in CLASSES
                if not known or node.get("registered_name") not in (None, CLASSES[named]):
                    raise ValueError(
                        f"{where} names a class that checkpoints may not hold. Expected: families and "
                        "priors of latentzoo, and those layers of Keras that only compute. Received: "
                        f"{named[0]}.{named[1]} (registered as {node.get('registered_name')!r}). "
                        "Nothing was built. Build networks from such layers yourself and keep them "
                        "in Keras' own format."
                    )
