"""The Frechet distance of two sets of features, and how much of it is due to small sets."""

import warnings

import numpy as np

from latentzoo.errors import error
from latentzoo.metrics.arrays import FewSamples, same_width, warn_constant
from latentzoo.metrics.moments import Moments

ROUNDING = 1e-9  # of the traces: what the root of a near-singular product leaves, with some room


def frechet_distance(generated, real):
    """The squared Frechet (2-Wasserstein) distance of the Gaussians of two sets; FID on Inception features.

        |m1 - m2|^2 + tr(C1) + tr(C2) - 2 tr((C1 C2)^(1/2))

    with covariances of ddof 1. Dowson and Landau, 1982, "The Frechet distance between multivariate normal
    distributions"; as a measure of generated images Heusel et al., 2017, arXiv:1706.08500.

    The trace of the root is computed without the root. With `C1 = A A^T` the eigenvalues of `C1 C2` are
    those of `A^T C2 A`, which is symmetric, so that `tr((C1 C2)^(1/2)) = sum_i sqrt(eigenvalue_i)`: real
    numbers all along, no imaginary part to drop, and several times faster than the root of a general
    matrix. `A` is a Cholesky factor; where `C1` is singular it is `U sqrt(L)` with the eigenvectors of the
    eigenvalues that are not zero. Nothing is added to the diagonals.

    Args:
        generated: floats `(n, width)`, an iterator over batches of them, or `Moments`.
        real: likewise.

    Returns:
        float, >= 0, in squared units of the features; 0 for identical sets.

    Raises:
        ValueError: features are not finite floats `(n, width)`, of different widths, or fewer than two.

    Warns:
        FewSamples: a set has no more samples than features. The message tells `frechet_bias`.
        ConstantFeatures: all samples of a set are the same.

    Example:

    >>> import numpy as np
    >>> from latentzoo.metrics import Moments, frechet_distance
    >>> unit = Moments.known(np.zeros(3), np.eye(3))
    >>> frechet_distance(unit, Moments.known(np.full(3, 2.0), 9 * np.eye(3)))  # 3 * (2^2 + (3 - 1)^2)
    24.0
    """
    generated, real = both(generated, real)
    few = [name for name, m in (("generated", generated), ("real", real)) if m.count <= m.width]
    for name, moments in (("generated", generated), ("real", real)):
        if not np.diag(moments.covariance).any():
            warn_constant(name, stacklevel=3)
    if few:
        warn_few(few, generated, real)
    first, second = generated.covariance, real.covariance
    traces = np.trace(first) + np.trace(second)
    spread = traces - 2 * trace_of_root(generated, real)
    shift = np.square(generated.mean - real.mean).sum()
    return float(shift + (spread if spread > ROUNDING * traces else 0.0))


def frechet_bias(generated, real):
    """The Frechet distance to expect of two sets of these sizes if both came from one distribution.

    Means and covariances of n samples are off by chance, and the distance, which cannot be negative, adds
    that up. To second order in the errors, for a Gaussian with covariance eigenvalues `l_i`,

        (1/n1 + 1/n2) sum_i l_i + (1/(n1-1) + 1/(n2-1)) (sum_ij l_i l_j / (2 (l_i + l_j)) + sum_i l_i / 4)

    The first term is that of the means. The second puts Wishart errors, with squares `l_i l_j (1 +
    [i = j]) / (n - 1)`, into the second-order term of the distance, `sum_ij D_ij^2 / (2 (l_i + l_j))` for a
    difference `D` of covariances. The eigenvalues are of the two covariances, pooled by their counts.
    That it falls as 1/n is the finding of Chong and Forsyth, 2020, arXiv:1911.07023.

    It is an estimate: for Gaussian samples, within 10% of the simulated distance once there are several
    times more samples than features, and within a third below that, too low where the features vary
    equally in all directions.

    Args:
        generated, real: as for `frechet_distance`.

    Returns:
        float, in squared units of the features.

    Raises:
        ValueError: as for `frechet_distance`.

    Example:

    >>> import numpy as np
    >>> from latentzoo.metrics import Moments, frechet_bias
    >>> sets = [Moments.known(np.zeros(64), np.eye(64), count=n) for n in (1_000, 10_000)]
    >>> round(frechet_bias(*sets), 2)
    1.22
    """
    generated, real = both(generated, real)
    a, b = 1 / (generated.count - 1), 1 / (real.count - 1)
    if a == b == 0:  # two known distributions
        return 0.0
    pooled = (b * generated.covariance + a * real.covariance) / (a + b)
    values = np.linalg.eigvalsh(pooled)
    values = values[values > rounding(values)]
    pairs = (values[:, None] * values / (values[:, None] + values)).sum() / 2 + values.sum() / 4
    return float(values.sum() * (1 / generated.count + 1 / real.count) + pairs * (a + b))


def both(generated, real):
    """Two `Moments` that can be compared."""
    generated, real = (
        x if isinstance(x, Moments) else Moments.of(x, name)
        for x, name in ((generated, "generated"), (real, "real"))
    )
    for name, moments in (("generated", generated), ("real", real)):
        if moments.count < 2:
            raise error("There are too few samples.", "2 or more", f"{name}={moments}")
    same_width(generated, real)
    return generated, real


def trace_of_root(a, b):
    """`tr((C1 C2)^(1/2))` of two `Moments`."""
    if b.count < a.count:
        a, b = b, a  # a factor of the smaller rank leaves fewer eigenvalues to find
    factor = None
    if a.count > a.width:
        try:
            factor = np.linalg.cholesky(a.covariance)
        except np.linalg.LinAlgError:  # singular all the same: features that depend on each other
            pass
    if factor is None:
        values, vectors = np.linalg.eigh(a.covariance)
        keep = values > rounding(values)
        factor = vectors[:, keep] * np.sqrt(values[keep])
    return np.sqrt(np.linalg.eigvalsh(factor.T @ b.covariance @ factor).clip(0)).sum()


def rounding(values):
    """Below this, eigenvalues are zeros."""
    return values[-1] * len(values) * np.finfo("float64").eps


def warn_few(names, generated, real):
    small = " and ".join(f"`{name}`" for name in names) + (" have" if len(names) > 1 else " has")
    warnings.warn(
        f"{small} no more samples than features ({generated.count} generated and {real.count} real "
        f"samples of {real.width} features): the distance comes out too large. Two sets of these sizes from "
        f"one distribution would be about {frechet_bias(generated, real):.3g} apart. Take more samples, "
        "compare only distances of equal counts, or use `kernel_distance`, which has no such bias.",
        FewSamples,
        stacklevel=3,
    )
