"""A variational autoencoder whose coordinates are to be independent of one another.

Kim and Mnih (2018), "Disentangling by Factorising", arXiv:1802.05983.

    encoder, decoder    -log p(x | z) + KL(N(mu, s^2) || N(0, I)) + gamma * (D(z)_0 - D(z)_1)
    critic              -log softmax(D(z))_0, or of every second code -log softmax(D(permuted z))_1

Codes are `z = mu + s * eps`. The critic D tells them from such whose coordinates come from different images,
each permuted by itself across the batch: draws from the product of the marginals. The difference of its
logits estimates the log of the ratio of the densities, whose mean is the total correlation of the
coordinates. It depends on the encoder alone: the decoder stands in its row for one backward pass.

Differences from the paper, which takes a second batch for nothing but codes to permute: here a batch is
halved for the critic alone, by every second code, and all of it is in the bound. All move once for a batch,
from where the others were before it. An odd batch has one code more that is not permuted, and a batch of one
has no other. On several replicas each permutes the codes of its own share.
"""

import keras
from keras import ops

from latentzoo import losses, posteriors, priors
from latentzoo.errors import real
from latentzoo.models.variational import MONITORS, Variational
from latentzoo.networks import critics
from latentzoo.updates import Update, serializable


@serializable
class FactorVAE(Variational):
    """Variational autoencoder with a total correlation penalty (Kim and Mnih, 2018, arXiv:1802.05983).

    Args:
        image_shape: `(height, width, channels)`, pixels in [0, 1].
        latent_dim: int, d. Width of a code.
        encoder: `keras.Model`, images to `(batch, 2 * latent_dim)`, means and what becomes deviations by
            softplus; to means alone if `posterior_deviation` is given. The InfoGAN net if `None`.
        decoder: `keras.Model`, codes to images in [0, 1]; the InfoGAN net if `None`.
        critic: `keras.Model`, codes to two logits `(batch, 2)`, of being a code and of being a permuted one;
            five hidden layers of 1,000 leaky ReLUs if `None`.
        prior: what `sample` draws from, a `latentzoo.priors.Prior` or its name; the standard normal
            distribution if `None`. The divergence is always that to the standard normal.
        beta_tc: float, gamma. Weight of the total correlation; 40 in Morrow and Chiu (2020), who train on
            faces, as in the paper's experiments on shapes.
        likelihood: `"gaussian"` or `"bernoulli"`.
        decoder_variance: float. Variance of a Gaussian pixel, or `"learned"`.
        posterior_deviation: float. The same deviation for all codes, or `None`: the encoder's.
        dtype: Keras dtype policy of encoder, decoder and critic.

    Terms, nats: `reconstruction`, the negative log-likelihood of an image, of a fixed variance without its
    constant; `kl`; `total_correlation`, a difference of logits whose mean is the estimate and may be below 0;
    `critic`, the cross-entropy, log 2 for one that cannot tell. Monitors: `mean_squared_error` for a pixel,
    `posterior_variance`, the mean of s^2.

    Example:

    >>> import latentzoo, numpy as np
    >>> model = latentzoo.models.FactorVAE((8, 8, 1), latent_dim=4)
    >>> model.compile()
    >>> images = np.random.default_rng(0).random((64, 8, 8, 1), "float32")
    >>> history = model.fit(images, epochs=1, verbose=0)
    >>> model.sample(2, seed=0).shape
    (2, 8, 8, 1)
    """

    parts = (*Variational.parts, "critic")
    networks = (*Variational.networks, "critic")

    def __init__(self, image_shape, latent_dim, *, critic=None, prior=None, beta_tc=40.0, **kwargs):
        super().__init__(image_shape, latent_dim, **kwargs)
        real("beta_tc", beta_tc, least=0)
        self.beta_tc = beta_tc
        self.critic = self.own("critic", critic) or critics.dense(
            self.latent_dim,
            outputs=2,
            units=1000,
            hidden_layers=5,
            negative_slope=0.2,
            dtype=self.dtype_policy,
        )
        self.prior = priors.build(prior, self.latent_dim, default="normal")
        self.check_parts()

    def ends(self):
        return {**super().ends(), "critic": ((None, self.latent_dim), (None, 2))}

    def updates(self):
        bound = {"reconstruction": 1.0, "kl": 1.0, "total_correlation": self.beta_tc}
        rows = self.rows(encoder=bound, decoder=bound, critic={"critic": 1.0})
        return [Update(self.terms, monitors=MONITORS, **rows)]

    def default_optimizers(self):
        critic = {"beta_1": 0.5, "beta_2": 0.9}
        return {
            group: keras.optimizers.Adam(1e-4, **(critic if group == "critic" else {}), epsilon=1e-8)
            for group in self.updates()[0].objectives
        }

    def terms(self, x, training):
        z, mean, deviation = self.posterior(x, training)
        y = self.decoder(z, training=training)
        logits = self.logits(z, training)
        return {
            "reconstruction": self.reconstruction(x, y),
            "kl": posteriors.divergence(mean, deviation),
            "total_correlation": logits[:, 0] - logits[:, 1],
            "critic": self.mistakes(z, logits, training),
            **self.monitors(x, y, deviation),
        }

    def logits(self, z, training):
        """What the critic makes of codes, `(batch, 2)`."""
        return ops.cast(self.critic(z, training=training), "float32")

    def mistakes(self, z, logits, training):
        """The critic's cross-entropy, `(batch,)`, every second code having been permuted with its like."""
        rows = ops.arange(ops.shape(z)[0])
        # Of a batch of one it is the first, since a critic's batch norm makes NaN of none.
        odd = ops.minimum(ops.maximum(ops.shape(z)[0] - 1, 0), 1)
        z = permuted(ops.stop_gradient(z[odd::2]), self.seed_generator)
        judged = ops.scatter_update(logits, rows[odd::2, None], self.logits(z, training))
        return losses.cross_entropy(rows % 2, judged)

    def get_config(self):
        return {**super().get_config(), "beta_tc": self.beta_tc}


def permuted(z, seed):
    """Codes of coordinates from different rows: each coordinate is permuted across the batch by itself.

    Args:
        z: `(batch, latent_dim)`.
        seed: a `keras.random.SeedGenerator`.
    """
    order = ops.argsort(keras.random.uniform(ops.shape(z), seed=seed), axis=0)
    return ops.take_along_axis(z, order, axis=0)
