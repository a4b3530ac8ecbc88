"""The kernel distance of two sets of features."""

import numpy as np

from latentzoo.errors import error, whole
from latentzoo.metrics.arrays import Estimate, pair


def kernel_distance(generated, real, *, block_size=1000, blocks=None, seed=0):
    """The squared maximum mean discrepancy under a cubic kernel; KID on Inception features.

        k(x, y) = (x . y / width + 1)^3
        MMD^2 = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j)

    an estimate without bias at any number of samples, and therefore below zero now and then for sets of
    one distribution. Binkowski et al., 2018, "Demystifying MMD GANs", arXiv:1801.01401.

    It is averaged over blocks. By default each sample is in one block, of nearly equal sizes (the block
    estimator of Zaremba et al., 2013, arXiv:1307.1954): the blocks are independent and `standard_error`
    of the result is that of its mean. With `blocks` given, each block is drawn anew, as by the authors
    (100 blocks of 1000 in torch-fidelity and clean-fid); blocks then share samples, and the standard error
    is too small.

    Args:
        generated: floats `(n, width)`.
        real: floats `(m, width)`.
        block_size: int. Samples of each set in a block, the most by default, exactly so with `blocks`.
        blocks: int, number of random blocks, or `None`.
        seed: int. Which samples are in which block.

    Returns:
        `Estimate`: mean and deviation of the value over blocks, and their number.

    Raises:
        ValueError: features are not finite floats `(n, width)`, of different widths, or fewer than a block
            needs.

    Warns:
        ConstantFeatures: all samples of a set are the same.

    Example:

    >>> import numpy as np
    >>> from latentzoo.metrics import kernel_distance
    >>> x = np.random.default_rng(0).normal(size=(400, 8))
    >>> found = kernel_distance(x[:200] + 1, x[200:], block_size=100)
    >>> found.mean > 3 and found.count == 2
    True
    """
    generated, real = pair(generated, real)
    whole("block_size", block_size, least=2)
    if blocks is not None:
        whole("blocks", blocks, least=1)
        if block_size > min(len(generated), len(real)):
            raise error(
                "A block is larger than a set.",
                f"block_size <= {min(len(generated), len(real))}",
                f"block_size={block_size}",
                "Give more samples, or a smaller block_size.",
            )
    whole("seed", seed, least=0)
    rng = np.random.default_rng(seed)
    rows = zip(
        *(split(len(x), rng, block_size, blocks, generated, real) for x in (generated, real)), strict=True
    )
    return Estimate.of([squared_mmd(generated[i], real[j]) for i, j in rows])


def split(n, rng, block_size, blocks, generated, real):
    """Rows of each block for a set of `n`."""
    if blocks is not None:
        return [rng.choice(n, block_size, replace=False) for _ in range(blocks)]
    most, least = max(len(generated), len(real)), min(len(generated), len(real))
    return np.array_split(rng.permutation(n), min(-(-most // block_size), least // 2))


def squared_mmd(x, y):
    """The unbiased estimate from two blocks, in float64."""
    x, y = x.astype("float64"), y.astype("float64")
    across = cubic(x, y).mean()
    return within(x) + within(y) - 2 * across


def within(x):
    kernel = cubic(x, x)
    return (kernel.sum() - np.trace(kernel)) / (len(x) * (len(x) - 1))


def cubic(x, y):
    return (x @ y.T / x.shape[1] + 1) ** 3
