"""Networks in the manner of DCGAN, for faces at 256 x 256.

Radford, Metz and Chintala (2015), "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks", arXiv:1511.06434. Xiao, Yan and Amit (2019), arXiv:1905.10485, train Generative Latent
Flow on CelebA-HQ with networks "based on DCGAN" and print no sizes; these are ours, with codes of width 256.

    encoder   conv 5x5/2 64 - conv 5x5/2 128 BN - 256 BN - 512 BN - 512 BN - 512 BN - dense outputs
    decoder   dense (H/64)(W/64) 512 BN - deconv 5x5/2 512 BN - 512 BN - 256 BN - 128 BN - 64 BN - C - sigmoid

Differences from DCGAN: ReLU in the encoder too, pixels in [0, 1] by a sigmoid, initialization and batch norm
constants as in `latentzoo.networks.infogan`. As there, the first convolution has no batch norm.
"""

import keras
from keras import layers

from latentzoo.errors import error, sizes, whole
from latentzoo.networks.infogan import he, normalized_relu

WIDTHS = (64, 128, 256, 512, 512, 512)


def encoder(image_shape, outputs, *, widths=WIDTHS, dtype=None, name="encoder"):
    """Builds the encoder.

    Args:
        image_shape: `(height, width, channels)`; sides divisible by 2 as often as there are widths.
        outputs: int. Width of the last, linear layer: the code, or twice that for a mean and a
            deviation head.
        widths: ints. Channels of the convolutions, each of which halves the sides.
        dtype: Keras dtype policy of the layers. The last one keeps the policy's variable dtype,
            so that codes are float32 under `"mixed_bfloat16"`.
        name: str. Name of the model.

    Returns:
        A functional `keras.Model`: `(batch, height, width, channels)` in [0, 1] to `(batch, outputs)`.

    Raises:
        ValueError: the sides cannot be halved that often.

    Example:

    >>> from latentzoo.networks import dcgan
    >>> dcgan.encoder((32, 32, 3), 256, widths=(64, 128)).count_params()
    2307712
    """
    sizes(outputs=outputs)
    grid(image_shape, widths)
    policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
    x = images = layers.Input(image_shape, name="images", dtype=policy.variable_dtype)
    x = layers.Conv2D(widths[0], 5, 2, "same", dtype=policy, name="conv_0", **he())(x)
    x = layers.ReLU(dtype=policy, name="conv_0_relu")(x)
    for i, width in enumerate(widths[1:], 1):
        x = layers.Conv2D(width, 5, 2, "same", dtype=policy, name=f"conv_{i}", **he())(x)
        x = normalized_relu(x, policy, f"conv_{i}")
    x = layers.Flatten(dtype=policy, name="flatten")(x)
    x = layers.Dense(outputs, dtype=policy.variable_dtype, name="codes")(x)
    return keras.Model(images, x, name=name)


def decoder(image_shape, latent_dim, *, widths=WIDTHS, dtype=None, name="decoder"):
    """Builds the decoder, the encoder's mirror image.

    Args:
        image_shape: `(height, width, channels)`; sides divisible by 2 as often as there are widths.
        latent_dim: int. Width of a code.
        widths: ints. Those of the encoder: the last is that of the smallest grid.
        dtype: Keras dtype policy of the layers. The sigmoid runs in the policy's variable dtype,
            so that pixels are float32 under `"mixed_bfloat16"`.
        name: str. Name of the model.

    Returns:
        A functional `keras.Model`: `(batch, latent_dim)` to `(batch, height, width, channels)` in [0, 1].

    Raises:
        ValueError: the sides cannot be halved that often.

    Example:

    >>> from latentzoo.networks import dcgan
    >>> dcgan.decoder((32, 32, 3), 256, widths=(64, 128)).output_shape
    (None, 32, 32, 3)
    """
    sizes(latent_dim=latent_dim)
    rows, columns = grid(image_shape, widths)
    policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
    x = codes = layers.Input((latent_dim,), name="codes", dtype=policy.variable_dtype)
    x = layers.Dense(rows * columns * widths[-1], dtype=policy, name="dense", **he())(x)
    x = layers.Reshape((rows, columns, widths[-1]), dtype=policy, name="grid")(x)
    x = normalized_relu(x, policy, "grid")
    for i, width in enumerate(widths[-2::-1]):
        x = layers.Conv2DTranspose(width, 5, 2, "same", dtype=policy, name=f"deconv_{i}", **he())(x)
        x = normalized_relu(x, policy, f"deconv_{i}")
    last = f"deconv_{len(widths) - 1}"
    x = layers.Conv2DTranspose(image_shape[-1], 5, 2, "same", dtype=policy, name=last)(x)
    x = layers.Activation("sigmoid", dtype=policy.variable_dtype, name="pixels")(x)
    return keras.Model(codes, x, name=name)


def grid(image_shape, widths):
    """The sides of the smallest maps."""
    for width in widths:
        whole("width", width, least=1)
    if not widths:
        raise error("There are no convolutions.", "one width or more", "widths=()")
    factor = 2 ** len(widths)
    if len(image_shape) != 3 or any(side % factor or side < factor for side in image_shape[:2]):
        raise error(
            f"The DCGAN networks halve the image {len(widths)} times, once for each width.",
            f"`image_shape` is (height, width, channels), height and width divisible by {factor}",
            f"image_shape={tuple(image_shape)}, widths={tuple(widths)}",
            "Resize the images, or give fewer widths.",
        )
    return image_shape[0] // factor, image_shape[1] // factor
