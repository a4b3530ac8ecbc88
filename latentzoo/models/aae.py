"""Adversarial autoencoders: a critic tells codes of images from codes of the prior, and one side gives way.

Makhzani, Shlens, Jaitly, Goodfellow and Frey (2016), "Adversarial Autoencoders", arXiv:1511.05644, as Sridhar
and Srivastava, "AdvAE and FlowAE", train it: the encoder moves its codes to a fixed prior, in phases.

    encoder, decoder    -log p(x | E(x))
    critic              -log A(p) - log (1 - A(E(x))),    p from the prior
    encoder             beta_kl * -log A(E(x))

Each phase has an optimizer of its own for the encoder: one that also remembers the gradients of a hundred
nats of reconstruction takes small steps against the critic.

With a learned prior, Morrow and Chiu (2020), on learned priors without regularization of the latent space: a
generator T moves its draws to the codes, and the encoder to them only as far as `beta_kl` wants. At 0 it is a
plain autoencoder.

    encoder, decoder    -log p(x | E(x)) + beta_kl * log (1 - A(E(x)))
    prior               log A(T(u)),    u ~ N(0, I)
    critic              -log A(T(u)) - log (1 - A(E(x)))

These two forms saturate where the critic is sure; `-log A(E(x))` and `-log (1 - A(T(u)))` do not.

Differences: neither paper says whether the encoder is stochastic; it is deterministic here.
"""

import keras
from keras import ops

from latentzoo import losses, priors
from latentzoo.errors import error, flag, real
from latentzoo.models.autoencoder import Autoencoder
from latentzoo.networks import critics, infogan
from latentzoo.routing import owners
from latentzoo.updates import Update, serializable


@serializable
class AAE(Autoencoder):
    """Adversarial autoencoder (Makhzani et al., 2016, arXiv:1511.05644), its prior fixed or learned.

    Args:
        image_shape: `(height, width, channels)`, pixels in [0, 1].
        latent_dim: int, d. Width of a code.
        encoder: `keras.Model`, images to `(batch, latent_dim)`; the InfoGAN net if `None`.
        decoder: `keras.Model`, codes to images in [0, 1]; the InfoGAN net if `None`.
        critic: `keras.Model`, codes to logits `(batch, 1)` of coming from the prior; two hidden layers of 300
            with leaky ReLU if `None`, of 1024 with ReLU with a learned prior.
        prior: what codes are held to and `sample` draws from, a `latentzoo.priors.Prior` or its name, fitted
            unless it is learned. If `None` the standard normal distribution, or with `learned_prior` an
            `AdversarialGenerator` of three hidden layers of 1024 with ReLU.
        learned_prior: bool. Whether the prior gives way to the codes.
        beta_kl: float. Weight with which the codes give way to the prior.
        saturating: bool. Whether what moves against the critic descends `log (1 - p)` in the place of
            `-log p`; `None` is what the papers have: with a learned prior yes, with a fixed one no.
        likelihood: `"gaussian"`, or `"bernoulli"` for black and white pixels.
        dtype: Keras dtype policy of encoder, decoder and critic.

    Terms, nats: `reconstruction`, the negative log-likelihood of an image, of a variance of 1 without its
    constant; `encoder_adversary`, `prior_adversary` and `critic`. Monitor: `mean_squared_error` for a pixel.
    Optimizers: one for each group, and `encoder_regularization` for the encoder's phase against the critic;
    unless told otherwise Adam at 1e-3, of the critic and that phase at 2e-4 with `beta_1=0.5`, and with a
    learned prior at 1e-4.

    Example:

    >>> import latentzoo, numpy as np
    >>> model = latentzoo.models.AAE((8, 8, 1), latent_dim=4, learned_prior=True, beta_kl=0.0)
    >>> model.compile()
    >>> images = np.random.default_rng(0).random((64, 8, 8, 1), "float32")
    >>> history = model.fit(images, epochs=1, verbose=0)
    >>> model.sample(2, seed=0).shape
    (2, 8, 8, 1)
    """

    parts = (*Autoencoder.parts, "critic")
    networks = (*Autoencoder.networks, "critic")

    def __init__(
        self,
        image_shape,
        latent_dim,
        *,
        encoder=None,
        decoder=None,
        critic=None,
        prior=None,
        learned_prior=False,
        beta_kl=1.0,
        saturating=None,
        likelihood="gaussian",
        **kwargs,
    ):
        super().__init__(image_shape, latent_dim, **kwargs)
        losses.likelihood(likelihood)
        real("beta_kl", beta_kl, least=0)
        self.likelihood, self.beta_kl = likelihood, beta_kl
        self.learned_prior = flag("learned_prior", learned_prior)
        self.saturating = None if saturating is None else flag("saturating", saturating)
        policy = self.dtype_policy
        self.encoder = self.own("encoder", encoder) or infogan.encoder(
            self.image_shape, self.latent_dim, dtype=policy
        )
        self.decoder = self.own("decoder", decoder) or infogan.decoder(
            self.image_shape, self.latent_dim, dtype=policy
        )
        if self.learned_prior:
            judge = {"units": 1024}
            drawn = {"units": 1024, "hidden_layers": 3, "activation": "relu"}
            prior = priors.build("adversarial", self.latent_dim, **drawn) if prior is None else prior
        else:
            judge = {"units": 300, "negative_slope": 0.2}
        self.critic = self.own("critic", critic) or critics.dense(
            self.latent_dim, hidden_layers=2, dtype=policy, **judge
        )
        self.prior = priors.build(prior, self.latent_dim, default="normal")
        self.seed_generator = keras.random.SeedGenerator(0)
        self.check_parts()

    @property
    def holds_codes_to_prior(self):
        return self.beta_kl > 0

    def check_trainable(self):
        learns = self.learned_prior and self.prior.trainable_variables
        if not (self.prior.fitted or learns):
            raise error(
                "Codes are to be held to a prior that has seen none.",
                "one that is fitted, or with `learned_prior=True` one that is trained by gradients",
                f"learned_prior={self.learned_prior} and prior={type(self.prior).__name__}",
                "Train with 'normal', and call `fit_prior` afterwards for another.",
            )

    def ends(self):
        return {**super().ends(), "critic": ((None, self.latent_dim), (None, 1))}

    def updates(self):
        fit, monitors = {"reconstruction": 1.0}, ["mean_squared_error"]
        to_prior = {"encoder_adversary": self.beta_kl} if self.beta_kl else {}
        judge = Update(self.judged, critic={"critic": 1.0})
        if self.learned_prior:
            fit |= to_prior
            to_codes = {"prior_adversary": 1.0} if self.prior.trainable_variables else {}
            move = [Update(self.moved_prior, prior=to_codes)] if to_codes else []
            return [Update(self.terms, monitors=monitors, encoder=fit, decoder=fit), *move, judge]
        move = [Update(self.moved_codes, phase="regularization", encoder=to_prior)] if to_prior else []
        return [Update(self.terms, monitors=monitors, encoder=fit, decoder=fit), judge, *move]

    def default_optimizers(self):
        if self.learned_prior:
            return keras.optimizers.Adam(1e-4, epsilon=1e-8)
        usual, played = {"learning_rate": 1e-3}, {"learning_rate": 2e-4, "beta_1": 0.5}
        settings = {"critic": played, "encoder_regularization": played}
        return {
            name: keras.optimizers.Adam(**settings.get(name, usual), epsilon=1e-8)
            for name in owners(self.updates())
        }

    def terms(self, x, training):
        z = self.encoder(x, training=training)
        y = self.decoder(z, training=training)
        terms = {
            "reconstruction": losses.likelihood(self.likelihood)(x, y),
            "mean_squared_error": losses.squared_error(x, y) * (2 / self.pixels),
        }
        if self.learned_prior and self.beta_kl:
            terms["encoder_adversary"] = self.fooled(self.logit(z, training))
        return terms

    def moved_codes(self, x, training):
        return {"encoder_adversary": self.fooled(self.logit(self.encoder(x, training=training), training))}

    def moved_prior(self, x, training):
        return {"prior_adversary": self.fooled(-self.logit(self.drawn(x, training), training))}

    def judged(self, x, training):
        z, p = self.encoder(x, training=training), self.drawn(x, training)
        codes, draws = (self.logit(ops.stop_gradient(side), training) for side in (z, p))
        return {"critic": ops.softplus(-draws) + ops.softplus(codes)}

    def drawn(self, x, training):
        """A code of the prior for each image."""
        noise = keras.random.normal((ops.shape(x)[0], self.prior.noise_dim), seed=self.seed_generator)
        return self.prior(noise, training=training and self.learned_prior)

    def logit(self, z, training):
        """How sure the critic is that codes come from the prior, `(batch,)`."""
        return ops.cast(self.critic(z, training=training), "float32")[:, 0]

    def fooled(self, logit):
        """What descends it makes the critic surer of the wrong thing."""
        saturating = self.learned_prior if self.saturating is None else self.saturating
        return -ops.softplus(logit) if saturating else ops.softplus(-logit)

    def get_config(self):
        names = ["learned_prior", "beta_kl", "saturating", "likelihood"]
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
