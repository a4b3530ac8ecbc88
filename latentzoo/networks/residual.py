"""The residual networks of Dai and Wipf, for images of 64 x 64 and less.

Dai and Wipf (2019), "Diagnosing and Enhancing VAE Models", arXiv:1903.05789, after their public code and the
figure of their appendix. Morrow and Chiu (2020), on learned priors, use them with four scales.

    encoder   conv 3x3 w - block w - conv 3x3/2 2w - block 2w - ... - mean - dense block 512 - dense outputs
    decoder   dense 2x2 32w - deconv 3x3/2 16w - block 16w - ... - block w - conv 3x3 C - sigmoid
    block     BN ReLU conv 3x3 - BN ReLU conv 3x3, added to a conv 3x3 of its input
    dense block    ReLU dense - ReLU dense, added to a dense layer of its input

The decoder starts from 2 x 2, or from an odd side, and widths double at each step down, up to 1,024.
Shortcuts are convolved even where widths are the same, and nothing is normalized between blocks.

Differences from that code: codes and what becomes deviations come from one last layer, and families make
deviations of them by softplus, where the code has an exponential. Batch norm has its momentum of 0.999.
"""

import keras
from keras import layers

from latentzoo.errors import error, sizes
from latentzoo.networks.batch_norm import BatchNormalization
from latentzoo.networks.infogan import check_image_shape

UNITS = 512  # of the dense block
WIDEST = 1024


def encoder(image_shape, outputs, *, width=32, scales=4, dtype=None, name="encoder"):
    """Builds the encoder.

    Args:
        image_shape: `(height, width, channels)`; height and width divisible by 4.
        outputs: int. Width of the last, linear layer: the code, or twice that for a mean and a
            deviation head.
        width: int, w. Channels of the first block.
        scales: int. Blocks, at half the size and twice the width of the one before.
        dtype: Keras dtype policy of the layers. The last one keeps the policy's variable dtype,
            so that codes are float32 under `"mixed_bfloat16"`.
        name: str. Name of the model.

    Returns:
        A functional `keras.Model`: `(batch, height, width, channels)` in [0, 1] to `(batch, outputs)`.

    Example:

    >>> from latentzoo.networks import residual
    >>> residual.encoder((64, 64, 3), 128).count_params()
    3335264
    """
    check_image_shape(image_shape, "These networks halve the image twice or more.")
    sizes(outputs=outputs, width=width, scales=scales)
    if min(image_shape[:2]) < 2 ** (scales - 1):
        raise error(
            f"The encoder halves the image {scales - 1} times.",
            f"height and width of at least {2 ** (scales - 1)}",
            f"image_shape={tuple(image_shape)}",
            "Use fewer `scales`.",
        )
    policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
    x = images = layers.Input(image_shape, name="images", dtype=policy.variable_dtype)
    x = layers.Conv2D(width, 3, 1, "same", dtype=policy, name="conv")(x)
    for i in range(scales):
        if i:
            x = layers.Conv2D(width * 2**i, 3, 2, "same", dtype=policy, name=f"down_{i}")(x)
        x = block(x, width * 2**i, policy, f"block_{i}")
    x = layers.GlobalAveragePooling2D(dtype=policy, name="mean")(x)
    x = dense_block(x, UNITS, policy, "dense")
    x = layers.Dense(outputs, dtype=policy.variable_dtype, name="codes")(x)
    return keras.Model(images, x, name=name)


def decoder(image_shape, latent_dim, *, width=32, dtype=None, name="decoder"):
    """Builds the decoder.

    Args:
        image_shape: `(height, width, channels)`; height and width divisible by 4.
        latent_dim: int. Width of a code.
        width: int, w. Channels of the last block.
        dtype: Keras dtype policy of the layers. The sigmoid runs in the policy's variable dtype,
            so that pixels are float32 under `"mixed_bfloat16"`.
        name: str. Name of the model.

    Returns:
        A functional `keras.Model`: `(batch, latent_dim)` to `(batch, height, width, channels)` in [0, 1].

    Example:

    >>> from latentzoo.networks import residual
    >>> residual.decoder((64, 64, 3), 64).output_shape
    (None, 64, 64, 3)
    """
    check_image_shape(image_shape, "These networks halve the image twice or more.")
    sizes(latent_dim=latent_dim, width=width)
    height, across, channels = image_shape
    steps = 0
    while not (height % 2 or across % 2) and min(height, across) > 2:
        height, across, steps = height // 2, across // 2, steps + 1
    widths = [min(width * 2**i, WIDEST) for i in reversed(range(steps + 1))]
    policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
    x = codes = layers.Input((latent_dim,), name="codes", dtype=policy.variable_dtype)
    x = layers.Dense(height * across * widths[0], dtype=policy, name="dense")(x)
    x = layers.Reshape((height, across, widths[0]), dtype=policy, name="grid")(x)
    for i, filters in enumerate(widths[1:]):
        x = layers.Conv2DTranspose(filters, 3, 2, "same", dtype=policy, name=f"up_{i}")(x)
        x = block(x, filters, policy, f"block_{i}")
    x = layers.Conv2D(channels, 3, 1, "same", dtype=policy, name="conv")(x)
    x = layers.Activation("sigmoid", dtype=policy.variable_dtype, name="pixels")(x)
    return keras.Model(codes, x, name=name)


def block(x, filters, policy, name):
    """Two normalized convolutions, added to one of the input."""
    shortcut = layers.Conv2D(filters, 3, 1, "same", dtype=policy, name=f"{name}_shortcut")(x)
    for i in range(2):
        x = BatchNormalization(momentum=0.999, epsilon=1e-5, dtype=policy, name=f"{name}_{i}_norm")(x)
        x = layers.ReLU(dtype=policy, name=f"{name}_{i}_relu")(x)
        x = layers.Conv2D(filters, 3, 1, "same", dtype=policy, name=f"{name}_{i}")(x)
    return layers.Add(dtype=policy, name=name)([x, shortcut])


def dense_block(x, units, policy, name):
    """Two dense layers, added to one of the input."""
    shortcut = layers.Dense(units, dtype=policy, name=f"{name}_shortcut")(x)
    for i in range(2):
        x = layers.ReLU(dtype=policy, name=f"{name}_{i}_relu")(x)
        x = layers.Dense(units, dtype=policy, name=f"{name}_{i}")(x)
    return layers.Add(dtype=policy, name=name)([x, shortcut])
