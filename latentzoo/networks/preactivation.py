"""Residual networks with normalization before convolution.

He, Zhang, Ren and Sun (2016), "Identity Mappings in Deep Residual Networks", arXiv:1603.05027; for small
images in three stages of n blocks, depth 6n + 2, as in He et al. (2015), arXiv:1512.03385, section 4.2.

    network    conv 3x3 w - n blocks of w, of 2w and of 4w, these starting with a stride of 2 - BN ReLU - mean
    block      BN ReLU conv 3x3 - BN ReLU conv 3x3, added to its input (where widths change: to a 1x1 conv of
               its first activation)
"""

import keras
from keras import layers

from latentzoo.networks.infogan import normalized_relu


def residual(image_shape, *, blocks=3, width=16, stride=1, dtype=None, name="network"):
    """Builds a residual network from images to features.

    Args:
        image_shape: `(height, width, channels)`; sides divisible by `4 * stride`.
        blocks: int, n. Blocks in each stage; 3 is ResNet-20.
        width: int, w. Channels of the first stage; the features are `4 * width` wide.
        stride: int. Of the first convolution, 2 for larger images.
        dtype: Keras dtype policy; the features are float32 under `"mixed_bfloat16"`.
        name: str. Name of the model.

    Returns:
        A functional `keras.Model`: `(batch, height, width, channels)` in [0, 1] to `(batch, 4 * width)`.

    Example:

    >>> from latentzoo.networks import preactivation
    >>> preactivation.residual((32, 32, 3)).output_shape
    (None, 64)
    """
    policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())

    def convolve(x, filters, kernel, stride, name):
        return layers.Conv2D(
            filters,
            kernel,
            stride,
            "same",
            use_bias=False,
            kernel_initializer="he_normal",
            dtype=policy,
            name=name,
        )(x)

    x = images = layers.Input(image_shape, name="images", dtype=policy.variable_dtype)
    x = layers.Rescaling(4.0, -2.0, dtype=policy, name="centred")(x)  # about zero mean and unit deviation
    x = convolve(x, width, 3, stride, "conv")
    for stage in range(3):
        filters = width * 2**stage
        for block in range(blocks):
            at = f"block_{stage}_{block}"
            step = 2 if stage and not block else 1
            y = normalized_relu(x, policy, f"{at}_0")
            shortcut = convolve(y, filters, 1, step, f"{at}_skip") if x.shape[-1] != filters else x
            y = convolve(y, filters, 3, step, f"{at}_conv_0")
            y = convolve(normalized_relu(y, policy, f"{at}_1"), filters, 3, 1, f"{at}_conv_1")
            x = layers.Add(dtype=policy, name=at)([shortcut, y])
    x = normalized_relu(x, policy, "last")
    x = layers.GlobalAveragePooling2D(dtype=policy.variable_dtype, name="features")(x)
    return keras.Model(images, x, name=name)
