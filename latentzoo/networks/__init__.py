"""Architectures without objectives: functions that return functional `keras.Model`s.

Each file carries the name of the paper that drew the network.
"""

from latentzoo.networks import dcgan, infogan, lenet, mlp, pga, preactivation, residual

__all__ = ["dcgan", "infogan", "lenet", "mlp", "pga", "preactivation", "residual"]
