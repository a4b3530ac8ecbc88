"""A small convolutional network for digits, after LeNet.

LeCun, Bottou, Bengio and Haffner (1998), "Gradient-Based Learning Applied to Document Recognition",
doi:10.1109/5.726791; with today's widths, ReLU and dropout, as in the examples of every library.

    conv 3x3 32 ReLU - conv 3x3 64 ReLU - max pool 2x2 - dropout 1/4 - dense 128 ReLU
"""

import keras
from keras import layers


def features(image_shape, *, width=128, dtype=None, name="network"):
    """Builds the network from images to features.

    Args:
        image_shape: `(height, width, channels)`.
        width: int. Width of the features.
        dtype: Keras dtype policy; the features are float32 under `"mixed_bfloat16"`.
        name: str. Name of the model.

    Returns:
        A functional `keras.Model`: `(batch, height, width, channels)` in [0, 1] to `(batch, width)`, 0 or
        more.

    Example:

    >>> from latentzoo.networks import lenet
    >>> lenet.features((28, 28, 1)).output_shape
    (None, 128)
    """
    policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
    he = {"kernel_initializer": "he_normal", "activation": "relu", "dtype": policy}
    x = images = layers.Input(image_shape, name="images", dtype=policy.variable_dtype)
    x = layers.Conv2D(32, 3, name="conv_0", **he)(x)
    x = layers.Conv2D(64, 3, name="conv_1", **he)(x)
    x = layers.MaxPooling2D(dtype=policy, name="pool")(x)
    x = layers.Dropout(0.25, dtype=policy, name="dropout")(x)
    x = layers.Flatten(dtype=policy, name="flatten")(x)
    x = layers.Dense(width, name="dense", **he)(x)
    x = layers.Activation("linear", dtype=policy.variable_dtype, name="features")(x)
    return keras.Model(images, x, name=name)
