"""The networks of perceptual generative autoencoders: DCGAN by the size of the image, and a residual one.

Zhang, Zhang, Li, Bengio and Paull (2020), "Perceptual Generative Autoencoders", arXiv:1906.10335, who name
DCGAN (Radford, Metz and Chintala, 2015, arXiv:1511.06434), fewer convolutions where images are small, and one
more dense layer of 1024 units on MNIST. Sizes are those of their code, as are Glorot's initialization, leaky
ReLUs of slope 0.2 in convolutional encoders, and batch norm where [BN] stands if it is on, with momentum
0.999 and epsilon 1e-3. Convolutions are 5x5/2; w is 64, and 128 in the "full DCGAN".

    conv_mnist   encoder   conv w - conv 2w [BN] - dense 1024 [BN] - dense outputs
                 decoder   dense 1024 - dense (H/4)(W/4) 2w [BN] - deconv w - deconv C - tanh
    conv_32      encoder   conv w - conv 2w [BN] - conv 4w [BN] - dense outputs
                 decoder   dense (H/8)(W/8) 4w - deconv 2w [BN] - deconv w - deconv C - tanh
    conv_64      encoder   conv w - conv 2w - conv 4w [BN] - conv 8w [BN] - dense outputs
                 decoder   dense (H/16)(W/16) 8w - deconv 4w [BN] - deconv 2w [BN] - deconv w - deconv C
                           - tanh
    resnet_32    encoder   2 blocks 8w, halving the sides - 2 blocks 8w - ReLU - dense outputs
                 decoder   dense (H/8)(W/8) 32w - 3 blocks 8w, doubling the sides - ReLU - conv 3x3 C - tanh
    block        [BN] ReLU conv 3x3 - [BN] ReLU conv 3x3, added to its input (where sides or channels change:
                 to a 1x1 conv of it); ends in a 2x2 mean to halve, zeros between pixels come first to double

The first block of the residual encoder starts with its convolution. Pixels are in [0, 1] outside: encoders
start with a rescaling to [-1, 1], and the tanh of decoders is mapped back.
"""

import math

import keras
from keras import layers

from latentzoo.errors import error, sizes
from latentzoo.networks.batch_norm import BatchNormalization

UNITS = 1024  # of the dense layers of conv_mnist
FIRST_LOG_VARIANCE = 2 * math.log(0.1)  # of a code

# Widths in units of w, one for each halving of the image, and the layers that batch norm may follow.
CONVOLUTIONS = {
    "conv_mnist": ((1, 2), {"conv_1", "features", "maps"}),
    "conv_32": ((1, 2, 4), {"conv_1", "conv_2", "deconv_0"}),
    "conv_64": ((1, 2, 4, 8), {"conv_2", "conv_3", "deconv_0", "deconv_1"}),
}
HALVINGS = {"encoder": 2, "decoder": 3}  # of the residual ones
ARCHITECTURES = (*CONVOLUTIONS, "resnet_32")


def encoder(
    image_shape,
    outputs,
    *,
    architecture=None,
    width=64,
    batch_norm=False,
    deviation_bias=None,
    dtype=None,
    name="encoder",
):
    """Builds an encoder.

    Args:
        image_shape: `(height, width, channels)`; sides divisible by 4, 8 or 16, as often as they are halved.
        outputs: int. Width of what it gives: the code, or twice that for a mean and a deviation head.
        architecture: one of `ARCHITECTURES`; that of `default_architecture` if `None`.
        width: int, w. Channels of the first convolution; an eighth of those of residual blocks.
        batch_norm: bool. Whether there is batch norm.
        deviation_bias: float. Where the bias of the second half of the outputs starts, if that is a layer of
            its own: the deviation head of a variational encoder. `FIRST_LOG_VARIANCE` if it gives log
            variances.
        dtype: Keras dtype policy of the layers. The last one keeps the policy's variable dtype,
            so that codes are float32 under `"mixed_bfloat16"`.
        name: str. Name of the model.

    Returns:
        A functional `keras.Model`: `(batch, height, width, channels)` in [0, 1] to `(batch, outputs)`.

    Raises:
        ValueError: the sides cannot be halved that often, there is no such architecture, or two heads cannot
            share the outputs.

    Example:

    >>> from latentzoo.networks import pga
    >>> pga.encoder((28, 28, 1), 12).count_params()
    6642444
    """
    sizes(outputs=outputs, width=width)
    architecture = chosen(architecture, image_shape, "encoder")
    if deviation_bias is not None and outputs % 2:
        raise error("Two heads share the outputs.", "an even number of them", f"outputs={outputs}")
    policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
    x = images = layers.Input(image_shape, name="images", dtype=policy.variable_dtype)
    x = layers.Rescaling(2.0, -1.0, dtype=policy, name="centred")(x)
    if architecture == "resnet_32":
        for i in range(4):
            x = block(
                x, 8 * width, policy, f"block_{i}", batch_norm, first=not i, down=i < HALVINGS["encoder"]
            )
        x = layers.ReLU(dtype=policy, name="last_relu")(x)
    else:
        widths, norms = CONVOLUTIONS[architecture]
        after = {"norms": norms if batch_norm else (), "policy": policy, "negative_slope": 0.2}
        for i, factor in enumerate(widths):
            x = activated(layers.Conv2D, factor * width, 5, 2, "same", name=f"conv_{i}", **after)(x)
    x = layers.Flatten(dtype=policy, name="flatten")(x)
    if architecture == "conv_mnist":
        x = activated(layers.Dense, UNITS, name="features", **after)(x)
    last = policy.variable_dtype
    if deviation_bias is None:
        return keras.Model(images, layers.Dense(outputs, dtype=last, name="codes")(x), name=name)
    means = layers.Dense(outputs // 2, dtype=last, name="codes")(x)
    bias = keras.initializers.Constant(deviation_bias)
    deviations = layers.Dense(outputs // 2, bias_initializer=bias, dtype=last, name="deviations")(x)
    x = layers.Concatenate(dtype=last, name="posterior")([means, deviations])
    return keras.Model(images, x, name=name)


def decoder(
    image_shape, latent_dim, *, architecture=None, width=64, batch_norm=False, dtype=None, name="decoder"
):
    """Builds a decoder.

    Args:
        image_shape: `(height, width, channels)`; sides divisible by 4, 8 or 16, as often as they are doubled.
        latent_dim: int. Width of a code.
        architecture: one of `ARCHITECTURES`; that of `default_architecture` if `None`.
        width: int, w. Channels of the last maps before the image; an eighth of those of residual blocks.
        batch_norm: bool. Whether there is batch norm.
        dtype: Keras dtype policy of the layers. The last ones run in the policy's variable dtype,
            so that pixels are float32 under `"mixed_bfloat16"`.
        name: str. Name of the model.

    Returns:
        A functional `keras.Model`: `(batch, latent_dim)` to `(batch, height, width, channels)` in [0, 1].

    Raises:
        ValueError: the sides cannot be doubled that often, or there is no such architecture.

    Example:

    >>> from latentzoo.networks import pga
    >>> pga.decoder((64, 64, 3), 128, batch_norm=True).output_shape
    (None, 64, 64, 3)
    """
    sizes(latent_dim=latent_dim, width=width)
    architecture = chosen(architecture, image_shape, "decoder")
    height, wide, channels = image_shape
    policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
    x = codes = layers.Input((latent_dim,), name="codes", dtype=policy.variable_dtype)
    if architecture == "resnet_32":
        times = HALVINGS["decoder"]
        grid = (height >> times, wide >> times, 32 * width)
        x = layers.Dense(math.prod(grid), dtype=policy, name="maps")(x)
        x = layers.Reshape(grid, dtype=policy, name="grid")(x)
        for i in range(times):
            x = block(x, 8 * width, policy, f"block_{i}", batch_norm, up=True)
        x = layers.ReLU(dtype=policy, name="last_relu")(x)
        x = layers.Conv2D(channels, 3, padding="same", dtype=policy, name="conv")(x)
    else:
        widths, norms = CONVOLUTIONS[architecture]
        after = {"norms": norms if batch_norm else (), "policy": policy}
        if architecture == "conv_mnist":
            x = activated(layers.Dense, UNITS, name="dense", **after)(x)
        times = len(widths)
        grid = (height >> times, wide >> times, widths[-1] * width)
        x = activated(layers.Dense, math.prod(grid), name="maps", **after)(x)
        x = layers.Reshape(grid, dtype=policy, name="grid")(x)
        for i, factor in enumerate(widths[-2::-1]):
            x = activated(layers.Conv2DTranspose, factor * width, 5, 2, "same", name=f"deconv_{i}", **after)(
                x
            )
        x = layers.Conv2DTranspose(channels, 5, 2, "same", dtype=policy, name=f"deconv_{times - 1}")(x)
    x = layers.Activation("tanh", dtype=policy.variable_dtype, name="tanh")(x)
    x = layers.Rescaling(0.5, 0.5, dtype=policy.variable_dtype, name="pixels")(x)
    return keras.Model(codes, x, name=name)


def default_architecture(image_shape):
    """What images of a size get: conv_64 from 64 pixels on, conv_32 from 32 on, conv_mnist below.

    >>> from latentzoo.networks import pga
    >>> pga.default_architecture((48, 48, 3))
    'conv_32'
    """
    least = min(image_shape[:2])
    return "conv_64" if least >= 64 else "conv_32" if least >= 32 else "conv_mnist"


def chosen(architecture, image_shape, part):
    """The architecture, which fits the image."""
    if architecture not in (None, *ARCHITECTURES):
        raise error(
            "Unknown architecture.", f"None or one of {list(ARCHITECTURES)}", f"architecture={architecture!r}"
        )
    name = architecture or default_architecture(image_shape)
    times = HALVINGS[part] if name == "resnet_32" else len(CONVOLUTIONS[name][0])
    if len(image_shape) != 3 or any(side % 2**times or side < 2**times for side in image_shape[:2]):
        raise error(
            f"The networks of {name} halve the image {times} times.",
            f"`image_shape` is (height, width, channels), height and width divisible by {2**times}",
            f"image_shape={tuple(image_shape)}",
            "Crop or resize the images, name another architecture, or pass networks of your own as "
            "`encoder=` and `decoder=`.",
        )
    return name


def activated(kind, *arguments, norms, policy, name, negative_slope=0.0):
    """A layer of some kind, with batch norm where there is to be some, and a ReLU."""

    def call(x):
        normed = name in norms
        x = kind(*arguments, use_bias=not normed, dtype=policy, name=name)(x)
        x = normalized(x, policy, name) if normed else x
        return layers.ReLU(negative_slope=negative_slope, dtype=policy, name=f"{name}_relu")(x)

    return call


def normalized(x, policy, name):
    return BatchNormalization(momentum=0.999, epsilon=1e-3, dtype=policy, name=f"{name}_norm")(x)


def block(x, channels, policy, name, batch_norm, *, first=False, down=False, up=False):
    """A residual block."""

    def relu(x, at):
        x = normalized(x, policy, f"{name}_{at}") if batch_norm else x
        return layers.ReLU(dtype=policy, name=f"{name}_{at}_relu")(x)

    def convolved(x, kernel, at, use_bias=True):
        settings = {"padding": "same", "use_bias": use_bias, "dtype": policy, "name": f"{name}_{at}"}
        return layers.Conv2D(channels, kernel, **settings)(x)

    y = x if first else relu(x, "input")
    if up:
        x, y = apart(x, policy, f"{name}_skip"), apart(y, policy, name)
    if x.shape[-1] != channels or up or down:
        x = convolved(x, 1, "skip")
    y = relu(convolved(y, 3, "conv_0", use_bias=not batch_norm), "conv_0")
    x = layers.Add(dtype=policy, name=name)([x, convolved(y, 3, "conv_1")])
    return layers.AveragePooling2D(2, dtype=policy, name=f"{name}_mean")(x) if down else x


def apart(x, policy, name):
    """Twice the sides, with zeros between the pixels."""
    _, rows, columns, channels = x.shape
    for axis, shape, new in (
        ("columns", (rows, columns, 1, channels), 2),
        ("rows", (rows, 1, 2 * columns, channels), 1),
    ):
        x = layers.Reshape(shape, dtype=policy, name=f"{name}_{axis}")(x)
        padding = [(0, int(i == new)) for i in range(3)]
        x = layers.ZeroPadding3D(padding, dtype=policy, name=f"{name}_{axis}_zeros")(x)
    return layers.Reshape((2 * rows, 2 * columns, channels), dtype=policy, name=f"{name}_apart")(x)
