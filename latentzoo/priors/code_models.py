"""What trains a prior on codes by gradients, and how `Prior.fit` does so."""

import keras
from keras import ops

from latentzoo import losses
from latentzoo.errors import real
from latentzoo.updates import Update, UpdateModel

STEPS = 16  # batches of codes in one call of TensorFlow


class CodeModel(UpdateModel):
    """What trains a prior on codes: subclasses say by which objective. Abstract.

    Attributes:
        objective: str, name of the term that held-out codes are judged by.
    """

    objective = "nll"

    def __init__(self, prior):
        super().__init__()
        self.prior = prior
        self.seed_generator = keras.random.SeedGenerator(0)
        self.built = True

    def compile(self, optimizer=None, *, steps_per_epoch=None, **settings):
        """As any, but for several batches in a call: a step on codes is short beside Keras' work for it.

        Args:
            optimizer: a Keras optimizer, or `None`.
            steps_per_epoch: int. Of endless data, whose epochs must end between two calls: Keras would go on
                to the end of the last. `None` for data with an end.
            **settings: the others of `compile`.
        """
        steps = STEPS if self.distribute_strategy.num_replicas_in_sync == 1 else 1
        if steps_per_epoch is not None:
            steps = max(n for n in range(1, steps + 1) if steps_per_epoch % n == 0)
        super().compile(optimizer, **{"steps_per_execution": steps, **settings})

    def take(self, codes, batch_size):
        """What `fit` is to be given for codes in batches of that size: themselves, unless it is more work."""
        return self.prior.check_codes(codes)

    def prepare(self, x, y=None):
        """Codes as they are, or drawn from the normal distributions that were given in their place."""
        if len(x.shape) == 2:
            return x
        mean, deviation = x[:, 0], x[:, 1]
        return mean + deviation * keras.random.normal(ops.shape(mean), seed=self.seed_generator)

    def learn(
        self,
        codes,
        *,
        optimizer,
        epochs,
        batch_size,
        validation_data,
        validation_split,
        patience,
        callbacks,
        verbose,
    ):
        """Fits, stops by the objective of held-out codes, and keeps the best weights; as `Prior.fit`."""
        if validation_data is not None:
            validation_data = self.prior.check_codes(validation_data)
            validation_split = 0.0
        held_out = validation_data is not None or validation_split > 0
        stop = keras.callbacks.EarlyStopping(
            f"val_{self.objective}", patience=patience, mode="min", restore_best_weights=True
        )
        self.compile(optimizer)
        return self.fit(
            codes,
            epochs=epochs,
            batch_size=batch_size,
            validation_data=validation_data,
            validation_split=validation_split,
            callbacks=[*callbacks, *([stop] if held_out else [])],
            verbose=verbose,
        )


class MaximumLikelihood(CodeModel):
    """Trains an explicit prior on codes: the prior descends its negative log-likelihood."""

    def __init__(self, prior, *, weight_decay=0.0):
        super().__init__(prior)
        real("weight_decay", weight_decay, least=0)
        self.weight_decay = weight_decay

    def updates(self):
        decay = {"decay": self.weight_decay} if self.weight_decay else {}
        return [Update(self.terms, prior={"nll": 1.0, **decay})]

    def terms(self, codes, training):
        terms = {"nll": -self.prior.log_prob(codes)}
        if self.weight_decay:
            terms["decay"] = losses.weight_decay(self.prior.trainable_variables)
        return terms
