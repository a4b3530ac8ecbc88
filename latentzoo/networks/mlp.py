"""Networks of dense layers: autoencoders of small flat images, and generators of codes.

    hidden     dense - BN - activation, as often as there are hidden layers
    encoder    flatten - hidden - dense outputs
    decoder    hidden - dense pixels - sigmoid
    generator  hidden - dense codes

As an autoencoder, two hidden layers of 300 with ELU: the network of the homework on variational autoencoders
in Stanford's CS236 that AdvAE and FlowAE started from, with the batch norm that their authors add.

Differences: they state neither widths nor whether batch norm comes before ELU or after; before, here. Nor do
they state its momentum. An adversary moves codes at every step, and averages over some ten steps move with
them: the Frechet distance of samples of `AAE` was larger by a third at 0.9 (PyTorch's default) than with the
statistics of their own batch, and by less than a tenth at 0.99 (Keras' default), which autoencoders have
here. Generators are fitted to codes that stay, often in few steps, and have 0.9.
"""

import math

import keras
from keras import layers

from latentzoo.errors import sizes
from latentzoo.networks.batch_norm import BatchNormalization
from latentzoo.networks.infogan import he

ACTIVATIONS = ("elu", "relu")


def encoder(image_shape, outputs, *, units=300, hidden_layers=2, dtype=None, name="encoder"):
    """Builds an encoder with ELU.

    Args:
        image_shape: `(height, width, channels)`.
        outputs: int. Width of the last, linear layer: the code, or twice that for a mean and a
            deviation head.
        units: int. Width of the hidden layers.
        hidden_layers: int.
        dtype: Keras dtype policy of the layers. The last one keeps the policy's variable dtype.
        name: str. Name of the model.

    Returns:
        A functional `keras.Model`: `(batch, height, width, channels)` in [0, 1] to `(batch, outputs)`.

    Example:

    >>> from latentzoo.networks import mlp
    >>> mlp.encoder((28, 28, 1), 10).count_params()
    331210
    """
    sizes(outputs=outputs)
    policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
    images = layers.Input(image_shape, name="images", dtype=policy.variable_dtype)
    x = layers.Flatten(dtype=policy, name="flatten")(images)
    x = hidden(x, units, hidden_layers, "elu", policy, momentum=0.99)
    x = layers.Dense(outputs, dtype=policy.variable_dtype, name="codes")(x)
    return keras.Model(images, x, name=name)


def decoder(image_shape, latent_dim, *, units=300, hidden_layers=2, dtype=None, name="decoder"):
    """Builds a decoder with ELU.

    Args:
        image_shape: `(height, width, channels)`.
        latent_dim: int. Width of a code.
        units: int. Width of the hidden layers.
        hidden_layers: int.
        dtype: Keras dtype policy of the layers. The sigmoid runs in the policy's variable dtype.
        name: str. Name of the model.

    Returns:
        A functional `keras.Model`: `(batch, latent_dim)` to `(batch, height, width, channels)` in [0, 1].

    Example:

    >>> from latentzoo.networks import mlp
    >>> mlp.decoder((28, 28, 1), 10).output_shape
    (None, 28, 28, 1)
    """
    sizes(latent_dim=latent_dim)
    policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
    codes = layers.Input((latent_dim,), name="codes", dtype=policy.variable_dtype)
    x = hidden(codes, units, hidden_layers, "elu", policy, momentum=0.99)
    x = layers.Dense(math.prod(image_shape), dtype=policy, name="logits")(x)
    x = layers.Reshape(image_shape, dtype=policy, name="grid")(x)
    x = layers.Activation("sigmoid", dtype=policy.variable_dtype, name="pixels")(x)
    return keras.Model(codes, x, name=name)


def generator(
    noise_dim,
    latent_dim,
    *,
    units=300,
    hidden_layers=2,
    activation="elu",
    use_bias=True,
    dtype=None,
    name="network",
):
    """Builds a network from noise to codes.

    Args:
        noise_dim: int. Width of the noise.
        latent_dim: int. Width of a code.
        units: int. Width of the hidden layers.
        hidden_layers: int.
        activation: `"elu"` or `"relu"`.
        use_bias: bool. Whether dense layers have an offset.
        dtype: Keras dtype policy of the layers. The last one keeps the policy's variable dtype.
        name: str. Name of the model.

    Returns:
        A functional `keras.Model`: `(batch, noise_dim)` to `(batch, latent_dim)`.

    Example:

    >>> from latentzoo.networks import mlp
    >>> mlp.generator(10, 10).output_shape
    (None, 10)
    """
    sizes(noise_dim=noise_dim, latent_dim=latent_dim)
    policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
    noise = layers.Input((noise_dim,), name="noise", dtype=policy.variable_dtype)
    x = hidden(noise, units, hidden_layers, activation, policy, momentum=0.9, use_bias=use_bias)
    x = layers.Dense(latent_dim, use_bias=use_bias, dtype=policy.variable_dtype, name="codes")(x)
    return keras.Model(noise, x, name=name)


def hidden(x, units, hidden_layers, activation, policy, *, momentum, use_bias=True):
    sizes(units=units, hidden_layers=hidden_layers)
    for i in range(hidden_layers):
        x = layers.Dense(units, use_bias=use_bias, dtype=policy, name=f"dense_{i}", **he())(x)
        x = BatchNormalization(momentum=momentum, epsilon=1e-5, dtype=policy, name=f"dense_{i}_norm")(x)
        x = layers.Activation(activation, dtype=policy, name=f"dense_{i}_{activation}")(x)
    return x
