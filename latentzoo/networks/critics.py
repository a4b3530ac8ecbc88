"""Networks that tell codes of one distribution from those of another."""

import keras
from keras import layers

from latentzoo.errors import real, sizes, whole
from latentzoo.networks.infogan import he


def dense(
    latent_dim, *, outputs=1, units=512, hidden_layers=4, negative_slope=0.0, dtype=None, name="critic"
):
    """Builds a critic of dense layers with ReLU.

    Tolstikhin, Bousquet, Gelly and Schoelkopf (2018), "Wasserstein Auto-Encoders", arXiv:1711.01558: four
    hidden layers of 512 units. Kim and Mnih (2018), "Disentangling by Factorising", arXiv:1802.05983: five of
    1,000, leaky with a slope of 0.2, and two logits.

    Args:
        latent_dim: int. Width of a code.
        outputs: int. Logits.
        units: int. Width of the hidden layers.
        hidden_layers: int.
        negative_slope: float. Of the ReLUs below 0, which are leaky if it is not 0.
        dtype: Keras dtype policy of the layers. The last one keeps the policy's variable dtype.
        name: str. Name of the model.

    Returns:
        A functional `keras.Model`: `(batch, latent_dim)` to logits `(batch, outputs)`.

    Example:

    >>> from latentzoo.networks import critics
    >>> critics.dense(20).count_params()
    799233
    """
    sizes(latent_dim=latent_dim, outputs=outputs, units=units)
    whole("hidden_layers", hidden_layers, least=0)
    real("negative_slope", negative_slope, least=0)
    policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
    x = codes = layers.Input((latent_dim,), name="codes", dtype=policy.variable_dtype)
    for i in range(hidden_layers):
        x = layers.Dense(units, dtype=policy, name=f"dense_{i}", **he())(x)
        x = layers.ReLU(negative_slope=negative_slope, dtype=policy, name=f"dense_{i}_relu")(x)
    x = layers.Dense(outputs, dtype=policy.variable_dtype, name="logit")(x)
    return keras.Model(codes, x, name=name)
