"""Quantities that claims are about: measured numbers, and what is made of them with their noise.

A slope is taken over the ranks of a sweep, whose steps are not equal.
"""

import dataclasses
import itertools
import math

from scipy.stats import norm

from latentzoo.errors import error


@dataclasses.dataclass(frozen=True)
class Quantity:
    """A number with its noise, once what it needs is measured.

    Attributes:
        text: str. What it is.
        needs: tuple of `(system, dataset, metric, every)`, as `ours` takes them.
        value: Callable of a function that gives what is needed, to `(mean, deviation)`.
    """

    text: str
    needs: tuple
    value: callable


def number(value):
    """A number that is known."""
    return Quantity(f"{value:g}", (), lambda get: (value, 0.0))


def of(system, dataset, metric):
    """A measured number."""
    need = (system, dataset, metric, False)
    return Quantity(f"{metric} of {system}, {dataset}", (need,), lambda get: pair(get(need)))


def pair(estimate):
    return estimate.mean, estimate.deviation


def combined(text, rule, *quantities):
    """A quantity made of others by a rule that takes and gives `(mean, deviation)`."""
    needs = sum((q.needs for q in quantities), ())
    return Quantity(text, needs, lambda get: rule(*(q.value(get) for q in quantities)))


def distance(a, b):
    def rule(x, y):
        return abs(x[0] - y[0]), math.hypot(x[1], y[1])

    return combined(f"the difference between {a.text} and {b.text}", rule, a, b)


def ratio(a, b):
    def rule(x, y):
        if not x[0] or not y[0]:
            raise error("A ratio of nothing.", "numbers other than 0", f"{x[0]} and {y[0]}")
        return x[0] / y[0], abs(x[0] / y[0]) * math.hypot(x[1] / x[0], y[1] / y[0])

    return combined(f"the ratio of {a.text} to {b.text}", rule, a, b)


def slope(systems, dataset, metric):
    """The least-squares slope over the ranks of a sweep's systems."""

    def rule(*values):
        centre = (len(values) - 1) / 2
        square = sum((i - centre) ** 2 for i in range(len(values)))
        mean = sum((i - centre) * y for i, (y, _) in enumerate(values)) / square
        return mean, math.hypot(*((i - centre) * s for i, (_, s) in enumerate(values))) / square

    quantities = [of(system, dataset, metric) for system in systems]
    return combined(f"the slope of {metric} from {systems[0]} to {systems[-1]}, {dataset}", rule, *quantities)


def spread(systems, dataset, metric, relative=False):
    """The range over a sweep's systems; `relative` is the logarithm of largest to smallest."""

    def rule(*values):
        low, high = min(values), max(values)
        if relative:
            return math.log(high[0] / low[0]), math.hypot(low[1] / low[0], high[1] / high[0])
        return high[0] - low[0], math.hypot(low[1], high[1])

    quantities = [of(system, dataset, metric) for system in systems]
    return combined(f"the range of {metric} from {systems[0]} to {systems[-1]}, {dataset}", rule, *quantities)


def curve(system, dataset, metric, what, rule):
    """A quantity of the points of a curve; a curve has three or more."""
    need = (system, dataset, metric, True)
    text = f"{what} {metric} of {system}, {dataset}"
    return Quantity(text, (need,), lambda get: rule([pair(e) for e in get(need)]))


def change(points, start, end):
    return points[end][0] - points[start][0], math.hypot(points[end][1], points[start][1])


def first(*names):
    return curve(*names, "the first", lambda points: points[0])


def last(*names):
    return curve(*names, "the last", lambda points: points[-1])


def middle(*names):
    return curve(*names, "halfway, the", lambda points: points[len(points) // 2])


def lowest(*names):
    return curve(*names, "the lowest", min)


def highest(*names):
    return curve(*names, "the highest", max)


def average(*names):
    def rule(points):
        n = len(points)
        return sum(y for y, _ in points) / n, math.hypot(*(s for _, s in points)) / n

    return curve(*names, "over training, the", rule)


def rises_of(points):
    """The change from each point of a curve to each later one."""
    return [change(points, i, j) for i, j in itertools.combinations(range(len(points)), 2)]


def clearest_rise(*names):
    return curve(*names, "the clearest rise of the", clearest)


def clearest_fall(*names):
    return curve(*names, "the clearest fall of the", lambda points: clearest(mirrored(points)))


def clearest(points):
    """The rise that noise explains least, its deviation widened since the best of so many was chosen."""
    rises = rises_of(points)
    # Bonferroni: as improbable in all of them as more than two deviations are in one.
    bound = norm.isf(norm.sf(2) / len(rises)) / 2
    mean, deviation = max(rises, key=lambda rise: rise[0] / rise[1] if rise[1] else rise[0] * math.inf)
    return mean, deviation * bound


def mirrored(points):
    """A curve upside down, whose rises are the falls of this one."""
    return [(-mean, deviation) for mean, deviation in points]


def fall(*names):
    return curve(*names, "the fall of the", lambda points: change(points, -1, 0))


def late_fall(*names, share=1.0):
    """The fall over the second half of a curve less a share of the whole fall."""

    def rule(points):
        mean, deviation = change(points, -1, len(points) // 2)
        whole, noise = change(points, -1, 0)
        return mean - share * whole, math.hypot(deviation, share * noise)

    return curve(*names, f"the late fall less {share:.0%} of the whole fall of the", rule)
