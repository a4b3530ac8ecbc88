"""Architectures without objectives: functions that return functional `keras.Model`s.

A file has the networks of one paper or of one kind. Beside them are the layers that families are made of:
`batch_norm`, `codes` and `deviation`.
"""

from latentzoo.networks import critics, dcgan, infogan, lenet, mlp, pga, preactivation, residual

__all__ = ["critics", "dcgan", "infogan", "lenet", "mlp", "pga", "preactivation", "residual"]
