"""What several replicas of a model need, to be one: a step gives what one device gives on the whole batch."""

import keras
from keras import ops

from latentzoo import checks
from latentzoo.graphs import tf


class ReplicaSeedGenerator(keras.random.SeedGenerator):
    """Gives every replica noise of its own; replica 0 draws what a single device draws."""

    def next(self, ordered=True):
        seed = super().next(ordered)
        replica = tf.distribute.get_replica_context()
        if replica is None:
            return seed
        offset = tf.cast(replica.replica_id_in_sync_group, seed.dtype) * 1_000_003
        return seed + tf.stack([offset, tf.zeros((), seed.dtype)])


class Batch:
    """Counts and weights of one batch on one replica."""

    def __init__(self, x, sample_weight):
        size = ops.shape(keras.tree.flatten(x)[0])[0]
        self.static_size = None if tf.is_tensor(size) else size
        self.count = tf.cast(size, "float32")
        self.weight = checks.sample_weight(sample_weight)
        replica = tf.distribute.get_replica_context()
        self.replicas = replica.num_replicas_in_sync
        # Optimizers sum gradients over replicas. A sum of terms over the global count is then the
        # global mean, and stays exact when replicas get unequal or empty shares of the last batch.
        self.total = replica.all_reduce("SUM", self.count) if self.replicas > 1 else self.count

    def sum(self, term):
        """This replica's part of a term: a sum over examples."""
        if len(term.shape) == 0:
            return term * self.count
        return tf.reduce_sum(term if self.weight is None else term * self.weight)


def join(layers, generators):
    """Batch statistics of the whole batch, and noise of its own for every replica."""
    for layer in layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
    for generator in generators:
        # Dropout makes its own generator, and Keras offers no way to pass one in.
        generator.__class__ = ReplicaSeedGenerator


def summed(gradients, optimizer, batch):
    """The gradients of a group on one replica, as its optimizer is to sum them over all."""
    if batch.replicas == 1:
        return gradients
    # An empty share of the last batch has no gradient, only 0/0.
    gradients = [None if g is None else tf.where(batch.count > 0, g, 0.0) for g in gradients]
    if any((optimizer.clipnorm, optimizer.global_clipnorm, optimizer.clipvalue)):
        # Keras clips on each replica before it sums. Clip the sum instead; the shares are
        # smaller than the threshold, so that its own clipping then does nothing.
        present = [g for g in gradients if g is not None]
        present = tf.distribute.get_replica_context().all_reduce("SUM", present)
        clipped = iter(optimizer._clip_gradients(present))
        gradients = [None if g is None else next(clipped) / batch.replicas for g in gradients]
    return gradients
