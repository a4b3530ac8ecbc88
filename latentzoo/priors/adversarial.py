"""A network from noise to codes, taught by a critic that tells its codes from those of images.

Sridhar and Srivastava, "AdvAE and FlowAE: Sampling Arbitrary Latent Variable Distributions in an
Autoencoder", a report of a course at Stanford; the losses are those of Goodfellow et al. (2014),
arXiv:1406.2661, in the form that does not saturate, and of Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville
(2017), arXiv:1704.00028.

    "gan"        critic       -log A(z) - log (1 - A(T(u))),    u ~ N(0, I)
                 generator    -log A(T(u))
    "wgan-gp"    critic       A(T(u)) - A(z) + lambda (|grad A(m)| - 1)^2,    m uniform between z and T(u)
                 generator    -A(T(u))

The critic moves k times before the generator moves once. A code is encoded once and for all, so that none of
these steps costs a pass of the autoencoder.

Differences: the critic's k steps see one batch of codes, each with noise of its own, where Gulrajani et al.
take a new batch for each. The paper states neither widths nor rates, lambda or k: here are 300 units in two
hidden layers, ELU and batch norm in generators, leaky ReLU without it in critics, and Gulrajani's values:
lambda = 10, k = 5 and Adam at 1e-4 with (0.5, 0.9).

Lessons: a critic's loss tells little of the codes; look at samples, or at a distance of theirs.
"""

import keras
from keras import ops

from latentzoo.errors import error, real, whole
from latentzoo.graphs import tf
from latentzoo.networks import critics, mlp
from latentzoo.parts import check_model, check_network
from latentzoo.priors.code_models import CodeModel
from latentzoo.priors.implicit import Implicit
from latentzoo.updates import Update, serializable

LOSSES = ("wgan-gp", "gan")


@serializable
class AdversarialGenerator(Implicit):
    """A network T from noise to codes, `z = T(u)`, fitted by a critic. It has no density and no inverse.

    Args:
        latent_dim: int, d. Width of a code.
        noise_dim: int. Width of the noise u; d if `None`.
        units: int. Width of the hidden layers: dense, batch norm, activation.
        hidden_layers: int, at least 1.
        activation: `"elu"` or `"relu"`.
        unit_norm: bool. Whether codes are scaled to a length of 1.
        dtype: Keras dtype policy of the hidden layers.

    Example:

    >>> import numpy as np
    >>> from latentzoo import priors
    >>> codes = np.random.default_rng(0).normal(3.0, size=(256, 2))
    >>> prior = priors.AdversarialGenerator(2, units=8)
    >>> history = prior.fit(codes, loss="gan", epochs=2, verbose=0)
    >>> prior.sample(3, seed=0).shape
    (3, 2)
    """

    def __init__(self, latent_dim, *, noise_dim=None, units=300, hidden_layers=2, activation="elu", **kwargs):
        if activation not in mlp.ACTIVATIONS:
            raise error("Unknown activation.", f"one of {mlp.ACTIVATIONS}", f"activation={activation!r}")
        self.activation = activation
        width = latent_dim if noise_dim is None else noise_dim
        super().__init__(latent_dim, noise_dim=width, units=units, hidden_layers=hidden_layers, **kwargs)

    def make(self, **settings):
        return mlp.generator(**settings, activation=self.activation)

    def fit(
        self,
        codes,
        *,
        loss="wgan-gp",
        critic=None,
        critic_steps=None,
        gradient_penalty=None,
        optimizer=None,
        epochs=50,
        batch_size=100,
        callbacks=(),
        verbose="auto",
    ):
        """Fits the network against a critic, which is forgotten afterwards.

        Args:
            codes: `(n, latent_dim)`, float; or `(n, 2, latent_dim)`, means and deviations of normal
                distributions, of which every batch draws anew.
            loss: `"wgan-gp"` or `"gan"`.
            critic: `keras.Model`, codes to `(batch, 1)`, logits of being an image's with `"gan"`; two hidden
                layers of 300 with leaky ReLU if `None`.
            critic_steps: int, k. Updates of the critic for each of the generator; 5, and 1 with `"gan"`, if
                `None`.
            gradient_penalty: float, lambda, of `"wgan-gp"`; 10 if `None`.
            optimizer: a Keras optimizer, or a dict with one for `"prior"` and one for `"critic"`; if `None`
                Adam at 1e-4 with (0.5, 0.9), and with `"gan"` at 2e-4 with (0.5, 0.999).
            epochs: int. Passes over the codes.
            batch_size: int.
            callbacks: more Keras callbacks.
            verbose: as in `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History` with `generator`, `critic`, and with `"wgan-gp"` `penalty`, which is
            not weighed.

        Raises:
            ValueError: an argument is unknown or out of range, a critic that is penalized has batch norm,
                a penalty is given to `"gan"`, or the codes are not finite or of another width.
        """
        whole("batch_size", batch_size, least=1)
        whole("epochs", epochs, least=1)
        trainer = self.trainer(
            loss=loss, critic=critic, critic_steps=critic_steps, gradient_penalty=gradient_penalty
        )
        codes = trainer.take(codes, batch_size)
        trainer.compile(optimizer)
        return trainer.fit(codes, epochs=epochs, batch_size=batch_size, callbacks=callbacks, verbose=verbose)

    trainer_class = property(lambda self: Adversary)

    def get_config(self):
        return {**super().get_config(), "activation": self.activation}


class Adversary(CodeModel):
    """Trains a generator against a critic.

    Args:
        prior: an `AdversarialGenerator`.
        loss, critic, critic_steps, gradient_penalty: as in its `fit`.
    """

    objective = "generator"

    def __init__(self, prior, *, loss="wgan-gp", critic=None, critic_steps=None, gradient_penalty=None):
        super().__init__(prior)
        if loss not in LOSSES:
            raise error("Unknown loss of an adversary.", f"one of {LOSSES}", f"loss={loss!r}")
        self.wasserstein = loss == "wgan-gp"
        self.critic_steps = (5 if self.wasserstein else 1) if critic_steps is None else critic_steps
        whole("critic_steps", self.critic_steps, least=1)
        if gradient_penalty is not None and not self.wasserstein:
            received = f"loss={loss!r}, gradient_penalty={gradient_penalty!r}"
            raise error("This critic is not penalized.", "loss='wgan-gp', or no penalty", received)
        self.gradient_penalty = 10.0 if gradient_penalty is None else gradient_penalty
        real("gradient_penalty", self.gradient_penalty, least=0)
        if critic is None:
            critic = critics.dense(prior.latent_dim, units=300, hidden_layers=2, negative_slope=0.2)
        check_model("critic", critic)
        check_network("critic", critic, (None, prior.latent_dim), (None, 1))
        self.critic = critic
        if self.wasserstein and any(
            isinstance(layer, keras.layers.BatchNormalization) for layer in critic._flatten_layers()
        ):
            raise error(
                "A gradient penalty is for each code, and batch norm ties all codes of a batch together.",
                "a critic without batch norm",
                f"critic={critic.name!r}, which has some",
                "Take layer normalization, or loss='gan'.",
            )

    def default_optimizers(self):
        if self.wasserstein:
            return keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.9, epsilon=1e-8)
        return keras.optimizers.Adam(2e-4, beta_1=0.5, epsilon=1e-8)

    def updates(self):
        judge = {"critic": 1.0, **({"penalty": self.gradient_penalty} if self.wasserstein else {})}
        judged, fooled = Update(self.judged, critic=judge), Update(self.fooled, prior={"generator": 1.0})
        return [*[judged] * self.critic_steps, fooled]

    def judged(self, codes, training):
        fake = ops.stop_gradient(self.drawn(codes, training))
        a, b = self.logit(codes, training), self.logit(fake, training)
        if not self.wasserstein:
            return {"critic": ops.softplus(-a) + ops.softplus(b)}
        return {"critic": b - a, "penalty": self.steepness(codes, fake, training)}

    def fooled(self, codes, training):
        logit = self.logit(self.drawn(codes, training), training)
        return {"generator": -logit if self.wasserstein else ops.softplus(-logit)}

    def drawn(self, codes, training):
        """As many codes of the prior."""
        shape = (ops.shape(codes)[0], self.prior.noise_dim)
        return self.prior(keras.random.normal(shape, seed=self.seed_generator), training=training)

    def logit(self, codes, training):
        return ops.cast(self.critic(codes, training=training), "float32")[:, 0]

    def steepness(self, codes, fake, training):
        """By how much the critic's slope differs from 1 between codes and codes of the prior."""
        share = keras.random.uniform((ops.shape(codes)[0], 1), seed=self.seed_generator)
        between = share * codes + (1 - share) * fake
        with tf.GradientTape() as tape:
            tape.watch(between)
            logit = self.logit(between, training)
        slope = tape.gradient(logit, between)
        # The root has no slope at 0, where a fresh critic of dead units is.
        return ops.square(ops.sqrt(ops.sum(ops.square(slope), axis=-1) + 1e-12) - 1)
