"""What all priors share."""

import numbers

import keras
import numpy as np
from keras import ops

from latentzoo.errors import error, keywords, whole
from latentzoo.graphs import chunks, infer
from latentzoo.priors.code_models import MaximumLikelihood


class Prior(keras.Model):
    """A small model over codes. Abstract.

    To add a prior, subclass, build all variables in `__init__`, register the class with
    `latentzoo.updates.serializable`, and define

    - `call(noise)`: base noise `(batch, noise_dim)`, standard normal, to codes `(batch, latent_dim)`;
    - `get_config()`;

    and where they exist

    - `log_prob(codes)`: `(batch,)`, nats for a whole code: makes the prior explicit;
    - `inverse(codes)`: the noise that `call` maps to them: makes it invertible (both through
      `apply_to`);
    - `distribution()`: the same as a distribution of TensorFlow Probability;
    - `noise_dim`: where the base noise has another width than codes;
    - `fit(codes)`: where it is not by gradients of the likelihood;
    - `fitted`: whether it has seen data (True where there is nothing to fit).

    Args:
        latent_dim: int, d. Width of a code.
    """

    def __init__(self, latent_dim, **kwargs):
        # Noise and codes are float32 whatever the policy of the networks inside.
        super().__init__(**{"dtype": "float32", "name": "prior", "autocast": False, **kwargs})
        whole("latent_dim", latent_dim, least=1)
        self.latent_dim = int(latent_dim)

    noise_dim = property(lambda self: self.latent_dim)
    explicit = property(lambda self: type(self).log_prob is not Prior.log_prob)
    invertible = property(lambda self: type(self).inverse is not Prior.inverse)
    fitted = True

    def log_prob(self, codes):
        """Log density of codes, `(batch,)` in nats. NumPy in, NumPy out; tensors likewise."""
        raise self._cannot("has no density", "one that has")

    def inverse(self, codes):
        """The base noise of codes, `(batch, latent_dim)`. NumPy in, NumPy out; tensors likewise."""
        raise self._cannot("is not invertible", "one that is")

    def distribution(self):
        """The prior as a distribution of TensorFlow Probability."""
        raise self._cannot("is no distribution of TensorFlow Probability", "one that is")

    def sample(self, n, seed=None, *, temperature=1.0, batch_size=1024):
        """Draws codes.

        Args:
            n: int, at least 1.
            seed: int or `None`. The same seed gives the same codes, but for rounding, on every machine and
                for every batch size, and the first `m < n` codes are those of `sample(m)`.
            temperature: float, 0 or more. Multiplies the deviation of the base noise.
            batch_size: int. Codes computed at a time.

        Returns:
            `(n, latent_dim)`, NumPy float32.

        Raises:
            ValueError: the prior is not fitted, or an argument is out of range.
        """
        if not self.fitted:
            raise ValueError(
                f"The prior is not fitted, so that there is nothing to sample from. Expected: a "
                f"fitted {type(self).__name__}. Received: one that has seen no codes. Call "
                "`fit_prior(data)`, load a checkpoint, or train the model if its prior learns along."
            )
        noise = base_noise(n, self.noise_dim, seed, temperature)
        return infer(self, chunks(noise, batch_size))

    def fit(
        self,
        codes,
        *,
        optimizer=None,
        epochs=50,
        batch_size=256,
        validation_data=None,
        validation_split=0.1,
        patience=5,
        callbacks=(),
        verbose="auto",
        **settings,
    ):
        """Fits the prior to codes by gradients: an explicit one by maximum likelihood.

        Stops when the objective on held-out codes has not improved for `patience` epochs and keeps
        the best weights.

        Args:
            codes: `(n, latent_dim)`, float; or `(n, 2, latent_dim)`, means and deviations of normal
                distributions, of which every epoch draws anew.
            optimizer: a Keras optimizer; Adam at 1e-3 if `None`.
            epochs: int. Most passes over the codes.
            batch_size: int.
            validation_data: codes to hold out, in either form, or `None`.
            validation_split: float in [0, 1). Otherwise the share of the codes, the last ones, that
                is held out; at 0 all epochs are run.
            patience: int. Epochs without improvement before stopping.
            callbacks: more Keras callbacks.
            verbose: as in `keras.Model.fit`.
            **settings: of the prior's trainer; of maximum likelihood `weight_decay`, the L2 rate of the
                weights.

        Returns:
            A `keras.callbacks.History` with `nll` and `val_nll`, nats for a code.

        Raises:
            ValueError: the prior has no density, or the codes are not finite or of another width.
        """
        codes = self.check_codes(codes)
        for name, value, least in (
            ("epochs", epochs, 1),
            ("batch_size", batch_size, 1),
            ("patience", patience, 0),
        ):
            whole(name, value, least=least)
        if not 0 <= validation_split < 1:
            raise error("Bad validation_split.", "0 <= validation_split < 1", f"{validation_split!r}")
        if validation_data is None and len(codes) * (1 - validation_split) < 1:
            raise error(
                "There are too few codes to hold some out.",
                "2 or more, or validation_split=0",
                f"{len(codes)}, of which a share of {validation_split} is held out",
            )
        trainer = self.trainer(**settings)
        if not self.trainable_variables:  # nothing to learn
            return keras.callbacks.History()
        return trainer.learn(
            codes,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=batch_size,
            validation_data=validation_data,
            validation_split=validation_split,
            patience=patience,
            callbacks=callbacks,
            verbose=verbose,
        )

    trainer_class = property(lambda self: MaximumLikelihood)  # a `CodeModel`

    def trainer(self, **settings):
        """The `CodeModel` by which `fit` trains the prior, if it does so by gradients; not compiled."""
        if self.trainer_class is MaximumLikelihood and not self.explicit:
            raise self._cannot("has no density to fit by maximum likelihood", "one that has")
        keywords(self.trainer_class, settings, f"fitting a {type(self).__name__}", outer=self.fit)
        with self.distribute_strategy.scope():
            return self.trainer_class(self, **settings)

    def check_codes(self, codes):
        """Codes as `fit` takes them, float32 NumPy, or a `ValueError`."""
        codes = numbers_of(codes)
        form = (self.latent_dim,) if codes.ndim == 2 else (2, self.latent_dim)
        if codes.shape[1:] != form or not len(codes):
            raise self._misfit(codes.shape)
        if codes.ndim == 3 and (codes[:, 1] < 0).any():
            raise error("Deviations of codes are negative.", "0 or more", f"{codes[:, 1].min()}")
        if not np.isfinite(codes).all():
            raise ValueError(
                "Codes must be finite. Expected: no NaN or infinity. Received: "
                f"{int((~np.isfinite(codes)).any(axis=1).sum())} of {len(codes)} codes that are not."
                " Look at the encoder, or at the images it was given."
            )
        return codes

    def apply_to(self, codes, function):
        """Applies `function`, of float32 tensors, to codes of the right width; NumPy in, NumPy out."""
        outside = isinstance(codes, (np.ndarray, list))
        codes = ops.cast(ops.convert_to_tensor(numbers_of(codes) if outside else codes), "float32")
        if len(codes.shape) != 2 or codes.shape[1] not in (None, self.latent_dim):
            raise self._misfit(tuple(codes.shape))
        result = function(codes)
        return ops.convert_to_numpy(result) if outside else result

    def _misfit(self, shape):
        return error("Codes do not fit the prior.", f"shape (n, {self.latent_dim}), n > 0", f"shape {shape}")

    def _cannot(self, what, expected):
        return error(f"The prior {what}.", f"{expected}, such as `RealNVP`", type(self).__name__)

    def get_config(self):
        return {"latent_dim": self.latent_dim, "name": self.name, "dtype": self.dtype_policy.name}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def sequential(stack, policy, name):
    """A `keras.Sequential` that takes its input as it comes, whatever the global dtype policy is."""
    network = keras.Sequential(stack, name=name)
    network.dtype_policy = policy
    return network


def numbers_of(codes):
    """Codes as a NumPy array, float32; of any shape."""
    try:
        return np.asarray(codes, "float32")
    except (TypeError, ValueError):
        what = f"{type(codes).__name__} of other things, or of rows of unlike lengths"
        raise error("Codes are numbers.", "an array (n, latent_dim)", what) from None


def base_noise(n, width, seed, temperature):
    """Standard normal noise `(n, width)`, drawn row by row: more rows leave the first alone."""
    whole("n", n, least=1)
    if seed is not None:
        whole("seed", seed, least=0)
    if not isinstance(temperature, numbers.Real) or not 0 <= temperature < np.inf:
        raise error(
            "Temperature multiplies a deviation.", "a finite float, 0 or more", f"temperature={temperature!r}"
        )
    noise = np.random.default_rng(seed).standard_normal((n, width))
    return (temperature * noise).astype("float32")
