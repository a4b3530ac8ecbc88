"""The InfoGAN networks, as Generative Latent Flow and its baselines use them.

Chen, Duan, Houthooft, Schulman, Sutskever and Abbeel (2016), "InfoGAN: Interpretable Representation
Learning by Information Maximizing Generative Adversarial Nets", arXiv:1606.03657; layer sizes as in
Xiao, Yan and Amit (2019), arXiv:1905.10485, table 7.

    encoder   conv 4x4/2 64 - conv 4x4/2 128 BN - dense 1024 BN - dense outputs
    decoder   dense 1024 BN - dense (H/4)(W/4) 128 BN - deconv 4x4/2 64 BN - deconv 4x4/2 C - sigmoid

Differences from the paper: its table prints 128 channels for the last deconvolution, which can only
be the channels of the image. Initialization and batch norm constants are not given there: He-normal
before every ReLU, momentum 0.9 and epsilon 1e-5 (PyTorch's defaults) here.

Dai and Wipf (2019), "Diagnosing and Enhancing VAE Models", arXiv:1903.05789, have in their public code a
variational encoder with spectral norms, leaky ReLUs of slope 0.2, kernels of deviation 0.02 at first and a
momentum of 0.999, and a decoder with the latter two: `spectral_norm`, `negative_slope`, `deviation` and
`momentum`.
"""

import keras
from keras import layers

from latentzoo.errors import error, real, sizes
from latentzoo.networks.batch_norm import BatchNormalization

UNITS = 1024  # of the dense layers


def encoder(
    image_shape,
    outputs,
    *,
    spectral_norm=False,
    negative_slope=0.0,
    momentum=0.9,
    deviation=None,
    dtype=None,
    name="encoder",
):
    """Builds the InfoGAN encoder.

    Args:
        image_shape: `(height, width, channels)`; height and width divisible by 4.
        outputs: int. Width of the last, linear layer: the code, or twice that for a mean and a
            deviation head.
        spectral_norm: bool. Whether kernels are kept at a spectral norm of 1 (Miyato, Kataoka, Koyama and
            Yoshida, 2018, arXiv:1802.05957), by one power iteration whenever they are applied in training.
            As Keras has it, they are projected, and no gradient passes through the norm.
        negative_slope: float. Of the ReLUs below 0, which are leaky if it is not 0.
        momentum: float. Of batch norm's moving averages.
        deviation: float. Of normal kernels to start from, those of convolutions cut off at two deviations;
            `None` for He-normal kernels before ReLUs and Glorot-uniform ones at the end.
        dtype: Keras dtype policy of the layers. The last one keeps the policy's variable dtype,
            so that codes are float32 under `"mixed_bfloat16"`.
        name: str. Name of the model.

    Returns:
        A functional `keras.Model`: `(batch, height, width, channels)` in [0, 1] to
        `(batch, outputs)`.

    Example:

    >>> from latentzoo.networks import infogan
    >>> infogan.encoder((28, 28, 1), 20).count_params()
    6580948
    """
    check_image_shape(image_shape)
    check(negative_slope, momentum, deviation, outputs=outputs)
    policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
    x = images = layers.Input(image_shape, name="images", dtype=policy.variable_dtype)
    norm = spectral if spectral_norm else lambda layer: layer
    relu = {"negative_slope": negative_slope, "momentum": momentum}
    convolved = start(deviation, truncated=True)
    x = norm(layers.Conv2D(64, 4, 2, "same", dtype=policy, name="conv_0", **convolved))(x)
    x = layers.ReLU(negative_slope=negative_slope, dtype=policy, name="conv_0_relu")(x)
    x = norm(layers.Conv2D(128, 4, 2, "same", dtype=policy, name="conv_1", **convolved))(x)
    x = normalized_relu(x, policy, "conv_1", **relu)
    x = layers.Flatten(dtype=policy, name="flatten")(x)
    x = norm(layers.Dense(UNITS, dtype=policy, name="dense_0", **start(deviation)))(x)
    x = normalized_relu(x, policy, "dense_0", **relu)
    last = {"dtype": policy.variable_dtype, "name": "codes", **start(deviation, last=True)}
    x = norm(layers.Dense(outputs, **last))(x)
    return keras.Model(images, x, name=name)


def decoder(
    image_shape,
    latent_dim,
    *,
    spectral_norm=False,
    batch_norm=True,
    negative_slope=0.0,
    momentum=0.9,
    deviation=None,
    dtype=None,
    name="decoder",
):
    """Builds the InfoGAN decoder.

    Args:
        image_shape: `(height, width, channels)`; height and width divisible by 4.
        latent_dim: int. Width of a code.
        spectral_norm: bool. Whether kernels are kept at a spectral norm of 1 (Miyato, Kataoka, Koyama and
            Yoshida, 2018, arXiv:1802.05957), by one power iteration whenever they are applied in training.
            As Keras has it, they are projected, and no gradient passes through the norm.
        batch_norm: bool. Whether there is batch norm before each ReLU.
        negative_slope: float. Of the ReLUs below 0, which are leaky if it is not 0.
        momentum: float. Of batch norm's moving averages.
        deviation: float. Of normal kernels to start from; `None` for He-normal kernels before ReLUs and
            Glorot-uniform ones at the end.
        dtype: Keras dtype policy of the layers. The sigmoid runs in the policy's variable dtype,
            so that pixels are float32 under `"mixed_bfloat16"`.
        name: str. Name of the model.

    Returns:
        A functional `keras.Model`: `(batch, latent_dim)` to
        `(batch, height, width, channels)` in [0, 1].

    Example:

    >>> from latentzoo.networks import infogan
    >>> infogan.decoder((28, 28, 1), 20).output_shape
    (None, 28, 28, 1)
    """
    check_image_shape(image_shape)
    check(negative_slope, momentum, deviation, latent_dim=latent_dim)
    height, width, channels = image_shape
    policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
    grid = (height // 4, width // 4, 128)
    norm = spectral if spectral_norm else lambda layer: layer
    relu = {"batch_norm": batch_norm, "negative_slope": negative_slope, "momentum": momentum}
    x = codes = layers.Input((latent_dim,), name="codes", dtype=policy.variable_dtype)
    x = norm(layers.Dense(UNITS, dtype=policy, name="dense_0", **start(deviation)))(x)
    x = normalized_relu(x, policy, "dense_0", **relu)
    x = norm(layers.Dense(grid[0] * grid[1] * grid[2], dtype=policy, name="dense_1", **start(deviation)))(x)
    x = normalized_relu(x, policy, "dense_1", **relu)
    x = layers.Reshape(grid, dtype=policy, name="grid")(x)
    x = norm(layers.Conv2DTranspose(64, 4, 2, "same", dtype=policy, name="deconv_0", **start(deviation)))(x)
    x = normalized_relu(x, policy, "deconv_0", **relu)
    last = {"dtype": policy, "name": "deconv_1", **start(deviation, last=True)}
    x = norm(layers.Conv2DTranspose(channels, 4, 2, "same", **last))(x)
    x = layers.Activation("sigmoid", dtype=policy.variable_dtype, name="pixels")(x)
    return keras.Model(codes, x, name=name)


def normalized_relu(x, policy, name, *, batch_norm=True, negative_slope=0.0, momentum=0.9):
    """Batch norm, unless there is to be none, and ReLU after the layer called `name`."""
    if batch_norm:
        x = BatchNormalization(momentum=momentum, epsilon=1e-5, dtype=policy, name=f"{name}_norm")(x)
    return layers.ReLU(negative_slope=negative_slope, dtype=policy, name=f"{name}_relu")(x)


def spectral(layer):
    """The layer with a spectral norm of 1, under the same name with `_spectral`.

    Keras divides the kernel itself, in place, whenever the layer is applied in training. In bfloat16 that
    would round the kernel each time, and steps too small for it would be lost: hence the dtype.
    """
    policy = layer.dtype_policy.variable_dtype
    return layers.SpectralNormalization(layer, dtype=policy, name=f"{layer.name}_spectral")


def he():
    return {"kernel_initializer": keras.initializers.HeNormal()}


def start(deviation, *, truncated=False, last=False):
    """Where kernels start, as a keyword argument of their layers."""
    if deviation is None:
        return {} if last else he()
    kind = keras.initializers.TruncatedNormal if truncated else keras.initializers.RandomNormal
    return {"kernel_initializer": kind(stddev=deviation)}


def check(negative_slope, momentum, deviation, **widths):
    """Checks the settings of encoder and decoder."""
    sizes(**widths)
    real("negative_slope", negative_slope, least=0)
    real("momentum", momentum, least=0, below=1)
    if deviation is not None:
        real("deviation", deviation, above=0)


def check_image_shape(image_shape, problem="These networks halve the image twice."):
    if len(image_shape) != 3 or any(side % 4 or side < 4 for side in image_shape[:2]):
        raise error(
            problem,
            "`image_shape` is (height, width, channels), height and width divisible by 4",
            f"image_shape={tuple(image_shape)}",
            "Crop or resize the images, or pass networks of your own as `encoder=` and `decoder=`.",
        )
