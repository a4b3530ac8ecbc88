"""The search for the nearest of many codes, in blocks."""

import numpy as np

from latentzoo.graphs import chunks

# Codes and draws compared at a time: 32 MB of float32. They fit a processor's cache better than larger ones.
CODES, DRAWS = 1024, 8192


def nearest(codes, draws, *, block=(CODES, DRAWS)):
    """For every code the row of the draw with the smallest squared distance; of equal ones the first.

    A block of codes meets a block of draws in one matrix product, so that no distance is kept for long.

    Args:
        codes: NumPy float32 `(n, d)`.
        draws: NumPy float32 `(m, d)`.
        block: how many of each.

    Returns:
        `(n,)`, integers.

    Example:

    >>> import numpy as np
    >>> from latentzoo.priors.nearest import nearest
    >>> nearest(np.array([[0.0], [4.0]]), np.array([[9.0], [1.0], [3.0]]))
    array([1, 2])
    """
    middle = draws.mean(axis=0)  # far from the origin, differences drown in the rounding of squares
    codes, draws = codes - middle, draws - middle
    # |z - t|^2 / 2 = |z|^2 / 2 - (z t - |t|^2 / 2): what is in brackets is one product with a column more.
    codes = np.concatenate([codes, np.full_like(codes[:, :1], -1)], axis=1)
    draws = np.concatenate([draws, np.square(draws).sum(axis=1, keepdims=True) / 2], axis=1)
    return np.concatenate([nearest_of_block(piece, draws, block[1]) for piece in chunks(codes, block[0])])


def nearest_of_block(codes, draws, size):
    best, rows = np.full(len(codes), -np.inf, codes.dtype), np.zeros(len(codes), "int64")
    for start in range(0, len(draws), size):
        products = codes @ draws[start : start + size].T
        found = products.argmax(axis=1)
        values = products[np.arange(len(codes)), found]
        better = values > best
        best[better], rows[better] = values[better], start + found[better]
    return rows
