"""Count, mean and covariance of features, in memory that does not grow with the count."""

import math
import pathlib

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from latentzoo import npz
from latentzoo.errors import Damaged, error
from latentzoo.files import replacing
from latentzoo.metrics.arrays import features

ROWS = 1024  # of an array taken at a time


class Moments:
    """Count, mean and covariance of features, accumulated batch by batch in float64.

    A batch of m samples with mean `mu_b` joins n samples with mean `mu` as

        scatter += sum_i (x_i - mu_b)(x_i - mu_b)^T + n m / (n + m) (mu_b - mu)(mu_b - mu)^T
        mu += m / (n + m) (mu_b - mu)
        covariance = scatter / (count - 1)

    (Chan, Golub and LeVeque, 1979, "Updating formulae and a pairwise algorithm for computing sample
    variances"). Everything is centred before it is squared: the raw `sum x x^T - n mu mu^T` would lose
    all digits of features whose mean is large against their deviation.

    A new one is empty; `update` takes a batch, `of` a whole set, and `+` merges two, as do replicas and
    files of parts of a data set.

    Attributes:
        count: number of samples; infinity for a distribution that is known.
        width: number of features, or `None` while empty.
        mean: float64 `(width,)`.
        covariance: float64 `(width, width)`, with `count - 1` below the sum (ddof 1).

    Example:

    >>> import numpy as np
    >>> from latentzoo.metrics import Moments
    >>> x = np.random.default_rng(0).normal(size=(100, 3))
    >>> moments = Moments().update(x[:40]) + Moments().update(x[40:])
    >>> moments
    Moments(count=100, width=3)
    >>> bool(np.allclose(moments.covariance, np.cov(x, rowvar=False)))
    True
    """

    def __init__(self):
        self.count = 0
        self.mean = self._scatter = None

    @classmethod
    def of(cls, samples, name="features"):
        """Moments of all samples.

        Args:
            samples: floats `(n, width)`, or an iterator over such batches, a `tf.data.Dataset` for one.
            name: str. What an error calls them.

        Raises:
            ValueError: a batch does not fit, as `update` says.
        """
        moments = cls()
        if hasattr(samples, "shape") or isinstance(samples, (list, tuple)):
            x = np.asarray(samples)
            samples = (x[i : i + ROWS] for i in range(0, len(x), ROWS)) if x.ndim == 2 else [x]
        if not hasattr(samples, "__iter__"):
            expected = "floats (n, width), or an iterator over such batches"
            raise error("Features have one row for each sample.", expected, f"{name}={samples!r}"[:100])
        for batch in samples:
            moments.update(batch, name)
        return moments

    @classmethod
    def known(cls, mean, covariance, count=math.inf):
        """Moments from their values.

        Args:
            mean: `(width,)`.
            covariance: `(width, width)`, with ddof 1.
            count: number of samples behind them; infinity where there is no error of sampling.

        Raises:
            ValueError: the shapes do not fit, the covariance is not symmetric, or something is not finite.

        Example:

        >>> import numpy as np
        >>> from latentzoo.metrics import Moments
        >>> Moments.known(np.zeros(2), np.eye(2))
        Moments(count=inf, width=2)
        """
        mean, covariance = np.asarray(mean, "float64"), np.asarray(covariance, "float64")
        width = mean.shape[0] if mean.ndim == 1 else 0
        if not width or covariance.shape != (width, width) or not count >= 1:
            raise error(
                "These are not moments.",
                "mean (width,), covariance (width, width), count >= 1",
                f"mean {mean.shape}, covariance {covariance.shape}, count={count}",
            )
        symmetric = np.allclose(covariance, covariance.T, rtol=1e-4, atol=1e-6 * abs(covariance).max())
        for fits, wrong in (
            (np.isfinite(mean).all() and np.isfinite(covariance).all(), "NaN or infinity"),
            (symmetric, "a covariance that is not symmetric"),
            ((np.diag(covariance) >= 0).all(), "a negative variance"),
        ):
            if not fits:
                expected = "a finite mean, a finite symmetric covariance without negative variances"
                raise error("These are not moments.", expected, wrong)
        moments = cls()
        moments.count, moments.mean = count, mean.copy()
        moments._scatter = covariance * moments._divisor
        return moments

    @property
    def width(self):
        return None if self.mean is None else len(self.mean)

    @property
    def covariance(self):
        if self.count < 2:
            raise error("A covariance needs samples.", "2 or more", f"{self}")
        return self._scatter / self._divisor

    @property
    def _divisor(self):
        return self.count - 1 if math.isfinite(self.count) else 1

    def update(self, batch, name="features"):
        """Takes a batch in.

        Args:
            batch: finite floats `(m, width)`, m >= 1.
            name: str. What an error calls it.

        Returns:
            The moments themselves.

        Raises:
            ValueError: the batch is of integers or other axes, not finite, or of another width.
        """
        batch = features(batch, name, least=1).astype("float64", copy=False)
        mean = batch.mean(axis=0)
        self._join(len(batch), mean, batch - mean)
        return self

    def __add__(self, other):
        if not isinstance(other, Moments):
            return NotImplemented
        total = Moments()
        for part in (self, other):
            if part.count:
                total._join(part.count, part.mean, part._scatter, squared=True)
        return total

    def _join(self, count, mean, centred, squared=False):
        """Adds `count` samples of known mean: `centred` is `(count, width)`, or their scatter."""
        if self.width not in (None, len(mean)):
            raise error(
                "These moments are of other features.",
                f"features of width {self.width}, from the same network and layer",
                f"width {len(mean)}",
            )
        if not (math.isfinite(self.count) and math.isfinite(count)):
            raise error(
                "A known distribution takes no samples in.", "a finite count", f"count={math.inf}",
                "Give `Moments.known` the count behind the values.",
            )  # fmt: skip
        if self.mean is None:
            self.mean, self._scatter = np.zeros(len(mean)), np.zeros((len(mean), len(mean)))
        step = mean - self.mean
        between = math.sqrt(self.count * count / (self.count + count)) * step
        if squared:
            self._scatter += centred + np.outer(between, between)
        else:
            rows = np.concatenate([centred, between[None]])  # one symmetric product for both terms
            self._scatter += rows.T @ rows
        self.mean = self.mean + step * (count / (self.count + count))
        self.count += count

    def save(self, path):
        """Writes count, mean and covariance to a safetensors file (no pickle).

        Args:
            path: str or path. An old file gives way once the new one is whole.

        Raises:
            ValueError: there are fewer than two samples.
        """
        arrays = {
            "count": np.float64(self.count).reshape(1),
            "mean": self.mean,
            "covariance": self.covariance,
        }
        with replacing(path) as temporary:
            temporary.write_bytes(save(arrays))

    @classmethod
    def load(cls, path):
        """Reads a file of `save`, or statistics as others publish them.

        Args:
            path: str or path, of a safetensors file, or of an `.npz` file with `mu` and `sigma`, as the
                authors of the distance and pytorch-fid write them. Such a file does not tell the count,
                which is then infinite.

        Raises:
            ValueError: the file is damaged or holds something else. Pickled arrays are not read.
            FileNotFoundError: there is none.
        """
        path = pathlib.Path(path)
        try:
            if path.suffix == ".npz":
                file = npz.read(path)
                found = {"mean": file["mu"], "covariance": file["sigma"]}
            else:
                found = load(path.read_bytes())
                found["count"] = float(found["count"][0])
                found["count"] = int(found["count"]) if math.isfinite(found["count"]) else math.inf
            return cls.known(**found)
        except FileNotFoundError:
            raise
        except (SafetensorError, OSError, LookupError, ValueError, TypeError) as problem:
            raise Damaged(
                str(
                    error(
                        "The file does not hold moments.",
                        "count, mean and covariance in safetensors, or mu and sigma in .npz",
                        f"'{path}': {problem}",
                        "Compute them again, or fetch the file again.",
                    )
                ),
                path,
            ) from None

    def __repr__(self):
        return f"Moments(count={self.count}, width={self.width})"
