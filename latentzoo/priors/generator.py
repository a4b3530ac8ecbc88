"""A network from noise to codes, taught without a critic: every code pulls the draw that is nearest to it.

Li and Malik (2018), "Implicit Maximum Likelihood Estimation", arXiv:1809.09087, as in GLANN: Hoshen, Li and
Malik (2019), "Non-Adversarial Image Synthesis with Generative Latent Nearest Neighbors", arXiv:1812.08985.

    in every epoch    e_j ~ N(0, I),    j(i) = argmin_j |T(e_j) - z_i|^2    over twice as many draws as codes
    generator         |T(e_j(i)) - z_i|^2 / d  + L2

No code is left out, which is what a critic cannot promise.

Differences: draws to choose from are computed with batch normalization in inference mode, as samples are.
Pairs that do not fill a batch are left out of an epoch.
"""

import keras
import numpy as np
from keras import ops

from latentzoo import losses
from latentzoo.errors import error, real, whole
from latentzoo.graphs import chunks, infer
from latentzoo.networks import mlp
from latentzoo.priors.code_models import CodeModel
from latentzoo.priors.implicit import Implicit
from latentzoo.priors.nearest import DRAWS, nearest
from latentzoo.updates import Update, serializable


@serializable
class Generator(Implicit):
    """A network T from noise to codes, `z = T(e)`, fitted by IMLE. It has neither a density nor an inverse.

    Args:
        latent_dim: int, d. Width of a code.
        noise_dim: int. Width of the noise e.
        units: int. Width of the hidden layers: dense without biases, batch norm, ReLU.
        hidden_layers: int, at least 1.
        unit_norm: bool. Whether codes are brought to unit length, as those of GLANN are. The network is
            fitted without it.
        dtype: Keras dtype policy of the hidden layers.

    Example:

    >>> import numpy as np
    >>> from latentzoo import priors
    >>> codes = np.random.default_rng(0).normal(3.0, size=(256, 2))
    >>> prior = priors.Generator(2, noise_dim=2, units=8)
    >>> history = prior.fit(codes, epochs=2, verbose=0)
    >>> prior.sample(3, seed=0).shape
    (3, 2)
    """

    def __init__(self, latent_dim, *, noise_dim=32, units=128, hidden_layers=2, **kwargs):
        super().__init__(latent_dim, noise_dim=noise_dim, units=units, hidden_layers=hidden_layers, **kwargs)

    def make(self, **settings):
        return mlp.generator(**settings, activation="relu", use_bias=False)

    def fit(
        self,
        codes,
        *,
        optimizer=None,
        epochs=50,
        batch_size=128,
        draws_per_code=2,
        weight_decay=1e-5,
        seed=0,
        callbacks=(),
        verbose="auto",
    ):
        """Fits the network by implicit maximum likelihood estimation.

        The draws of an epoch, and the order of its batches, follow from `(seed, epoch)` alone. With
        `keras.callbacks.BackupAndRestore` among the callbacks a fit that was interrupted goes on exactly.

        Args:
            codes: `(n, latent_dim)`, float; or `(n, 2, latent_dim)`, means and deviations of normal
                distributions, of which every epoch draws anew.
            optimizer: a Keras optimizer; Adam at 1e-3 with `beta_1=0.5` if `None`. GLANN halves its rate
                every 50 epochs, for which there is `keras.callbacks.LearningRateScheduler`.
            epochs: int. Searches for the nearest draws, each followed by one pass over the codes.
            batch_size: int. Codes that do not fill a batch are left out of an epoch, others in each.
            draws_per_code: float, at least 1. Noise vectors in an epoch, as a multiple of n.
            weight_decay: float. L2 rate of the weights.
            seed: int. Of the draws.
            callbacks: more Keras callbacks.
            verbose: as in `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History` with `mean_squared_error`, for a coordinate of a code, `decay` and
            `loss`.

        Raises:
            ValueError: there are fewer draws than codes, or the codes are not finite or of another width.
        """
        whole("batch_size", batch_size, least=1)
        whole("epochs", epochs, least=1)
        trainer = self.trainer(draws_per_code=draws_per_code, weight_decay=weight_decay, seed=seed)
        rows = trainer.take(codes, batch_size)
        trainer.compile(optimizer)
        return trainer.fit(
            rows,
            epochs=epochs,
            batch_size=batch_size,
            shuffle=False,  # every epoch has its order already
            callbacks=callbacks,
            verbose=verbose,
        )

    trainer_class = property(lambda self: NearestDraws)


class NearestDraws(CodeModel):
    """Trains a generator by IMLE: batches are row numbers of an epoch's codes, each with its nearest draw.

    Args:
        prior: a `Generator`.
        draws_per_code, weight_decay, seed: as in its `fit`.
    """

    objective = "mean_squared_error"

    def __init__(self, prior, *, draws_per_code=2, weight_decay=1e-5, seed=0):
        super().__init__(prior)
        for name, value in (("draws_per_code", draws_per_code), ("weight_decay", weight_decay)):
            real(name, value, least=0)
        whole("seed", seed, least=0)
        if draws_per_code < 1:
            raise error(
                "With fewer draws than codes, codes must share a draw, which moves to where none of them is.",
                "draws_per_code >= 1, a noise vector or more for each code",
                f"draws_per_code={draws_per_code}",
            )
        self.draws_per_code, self.weight_decay, self.seed = draws_per_code, weight_decay, seed
        self.codes = self.pairs = None

    def take(self, codes, batch_size):
        self.codes = self.prior.check_codes(codes)
        with self.distribute_strategy.scope():
            self.pairs = Pairs(len(codes), self.prior)
        # A last batch of a few would have its say in the moving statistics, with which the search goes on.
        return np.arange(len(codes) // batch_size * batch_size or len(codes))

    def fit(self, *args, callbacks=None, **kwargs):
        match = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: self.match(epoch))
        return super().fit(*args, callbacks=[match, *(callbacks or [])], **kwargs)

    def match(self, epoch):
        """Draws the noise of an epoch, finds the nearest of it for every code, and shuffles the pairs."""
        rng = np.random.default_rng([self.seed, epoch])
        codes = self.codes[rng.permutation(len(self.codes))]
        if codes.ndim == 3:
            mean, deviation = codes[:, 0], codes[:, 1]
            codes = mean + deviation * rng.standard_normal(mean.shape, "float32")
        draws = int(self.draws_per_code * len(codes))
        noise = rng.standard_normal((draws, self.prior.noise_dim), "float32")
        rows = nearest(codes, infer(self.prior.network, chunks(noise, DRAWS)))
        with self.distribute_strategy.scope():
            self.pairs.noise.assign(noise[rows])
            self.pairs.codes.assign(codes)

    def default_optimizers(self):
        return keras.optimizers.Adam(1e-3, beta_1=0.5, epsilon=1e-8)

    def updates(self):
        return [Update(self.terms, prior={"mean_squared_error": 1.0, "decay": self.weight_decay})]

    def prepare(self, x, y=None):
        return ops.take(self.pairs.noise, x, axis=0), ops.take(self.pairs.codes, x, axis=0)

    def terms(self, x, training):
        noise, codes = x
        off = self.prior.network(noise, training=training) - codes
        return {
            "mean_squared_error": ops.mean(ops.square(off), axis=-1),
            "decay": losses.weight_decay(self.prior.trainable_variables),
        }


class Pairs:
    """Noise and codes of one epoch: variables, since a compiled step keeps arrays as they were.

    They are opaque to Keras, and so in no file: they follow from the epoch.
    """

    def __init__(self, n, prior):
        self.noise = keras.Variable(np.zeros((n, prior.noise_dim), "float32"), trainable=False)
        self.codes = keras.Variable(np.zeros((n, prior.latent_dim), "float32"), trainable=False)
