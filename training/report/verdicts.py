"""Verdicts on claims, computed from measured numbers.

A claim is a list of parts, each an inequality between two quantities. One rule judges every part: `a < b`
holds if b - a is more than twice its deviation, does not hold if a - b is, and is undecided within noise
otherwise.
"""

import dataclasses
import functools
import itertools
import math

from report.measured import SURE, measure
from report.quantities import last, lowest, number, of

HELD, NOT_HELD, UNDECIDED, NOT_RUN = "held", "not held", "undecided within noise", "not run"
VERDICTS = (HELD, NOT_HELD, UNDECIDED, NOT_RUN)
NO_CURVE = "no curve of three points or more of"
MANY = 2  # pieces of evidence that a verdict shows, the rest being counted


@dataclasses.dataclass(frozen=True)
class Part:
    """A comparison.

    Attributes:
        quantities: tuple of `Quantity`.
        judge: Callable of their `(mean, deviation)`, to a verdict.
        own: bool. Whether it is about the size of a number, so that no other measure can stand in.
        link: str. What stands between the quantities where they are told.
    """

    quantities: tuple
    judge: callable
    own: bool = False
    link: str = "against"


def less(a, b, own=False):
    """Part: a < b, by the rule of noise."""

    def judge(x, y):
        difference, noise = y[0] - x[0], 2 * math.hypot(x[1], y[1])
        return HELD if difference > noise else NOT_HELD if -difference > noise else UNDECIDED

    return Part((a, b), judge, own)


def between(low, quantity, high):
    """Parts: a quantity lies between two numbers; they mean the paper's own measure."""
    return [less(number(low), quantity, own=True), less(quantity, number(high), own=True)]


def never_rises(rise):
    """Part: a curve whose clearest rise this is rises nowhere by more than noise."""

    def judge(found):
        return NOT_HELD if found[0] > 2 * found[1] else HELD

    return Part((rise,), judge)


def oscillates(rise, fall):
    """Part: a curve with this clearest rise and fall does both; one that only climbs, or falls, does not."""

    def judge(*found):
        if min(mean for mean, _ in found) <= 0:
            return NOT_HELD
        return HELD if all(mean > 2 * deviation for mean, deviation in found) else UNDECIDED

    return Part((rise, fall), judge, link="and")


def fails(system, dataset, a, b):
    """Part: training diverged, or a < b by the rule of noise."""

    def judge(diverged, *values):
        return HELD if diverged[0] else less(a, b).judge(*values)

    return Part((of(system, dataset, "divergence"), a, b), judge)


def turns_up(*names, wanted):
    """Part: a curve ends above its lowest point by more than noise, or ends there."""

    def judge(low, end):
        if end[0] == low[0]:
            return NOT_HELD if wanted else HELD
        if end[0] - low[0] <= 2 * math.hypot(low[1], end[1]):
            return UNDECIDED
        return HELD if wanted else NOT_HELD

    return Part((lowest(*names), last(*names)), judge)


def order(metric, lower, higher, datasets, own=False):
    """Parts: every one of `lower` is below every one of `higher`, on every data set."""
    return [
        less(of(a, dataset, metric), of(b, dataset, metric), own)
        for dataset in datasets
        for a in lower
        for b in higher
    ]


def chain(metric, systems, datasets):
    """Parts: each is below the next, on every data set."""
    return [part for a, b in itertools.pairwise(systems) for part in order(metric, [a], [b], datasets)]


@dataclasses.dataclass(frozen=True)
class Claim:
    """A row of the table.

    Attributes:
        id: str, such as `"CL-01"`.
        paper: str, as the published records name it.
        says: str. The claim.
        decided_by: str. What decides it.
        parts: list of `Part`; or list of such lists, one for each data set, of which those are judged that
            have all their numbers, or enough to fail.
        never: str. Why numbers of ours cannot decide it, if they cannot.
    """

    id: str
    paper: str
    says: str
    decided_by: str
    parts: list = ()
    never: str = ""


def on(claim, dataset):
    """The claim as far as it is about one data set."""
    parts = sum((part if isinstance(part, list) else [part] for part in claim.parts), [])
    kept = [p for p in parts if {need[1] for q in p.quantities for need in q.needs} == {dataset}]
    return dataclasses.replace(claim, parts=kept)


def verdict(claim, ours):
    """The verdict on a claim.

    Args:
        claim: `Claim`.
        ours: Callable `(system, dataset, metric, every=False)`, to an estimate or `None`, or to the list of
            estimates of a curve; see `measured.lookup`.

    Returns:
        One of `VERDICTS`, and why.
    """
    if claim.never:
        return NOT_RUN, claim.never
    if not isinstance(claim.parts[0], list):
        return settle([judged(part, ours) for part in claim.parts])
    results = [[judged(part, ours) for part in parts] for parts in claim.parts]
    run = [group for group in results if settle(group)[0] != NOT_RUN]
    kind, why = settle(sum(run or results, []))
    some = f"on {len(run)} of {len(results)} data sets: " if 0 < len(run) < len(results) else ""
    return kind, some + why


def settle(found):
    """The verdict of all parts: one that fails settles it, one that is missing leaves it open."""
    of_kind = {kind: [entry for entry in found if entry[0] == kind] for kind in VERDICTS}
    kind = next(k for k in (NOT_HELD, NOT_RUN, UNDECIDED, HELD) if of_kind[k])
    if kind == NOT_RUN:
        why = lacking([entry[1] for entry in of_kind[NOT_RUN]])
        done = len(found) - len(of_kind[NOT_RUN])
        if done:
            counts = [f"{len(of_kind[k])} {k}" for k in (HELD, UNDECIDED) if of_kind[k]]
            why += f"; of {len(found)} comparisons {' and '.join(counts)}"
        return kind, why
    by = circumstances(set().union(*(entry[2] for entry in found)))
    if kind == HELD:
        return kind, f"{count(len(found))}{by}: {few([entry[1] for entry in found])}"
    return kind, f"{len(of_kind[kind])} of {count(len(found))}{by}: {few([e[1] for e in of_kind[kind]])}"


def circumstances(used):
    """What numbers rest on: measures, and how long and how often systems were trained.

    Args:
        used: set of `(measure, epochs, trainings)`.
    """
    measures = sorted({measure for measure, _, _ in used if measure})
    by = f", by {' and '.join(measures)}" if measures else ""
    epochs, trainings = (sorted({entry[i] for entry in used if entry[i]}) for i in (1, 2))
    if epochs:
        by += f", after {' to '.join(str(n) for n in dict.fromkeys((epochs[0], epochs[-1])))} epochs"
    if trainings:
        several = " to ".join(str(n) for n in dict.fromkeys((trainings[0], trainings[-1])))
        by += f", {'one training' if trainings == [1] else f'{several} trainings'} of each"
    return by


def count(n):
    return f"{n} comparison{'s' * (n > 1)}"


def few(texts):
    """The first of some texts, and how many more there are."""
    rest = f"; and {len(texts) - MANY} more" if len(texts) > MANY else ""
    return "; ".join(texts[:MANY]) + rest


def judged(part, ours):
    """A part's verdict, its evidence or what it lacks, and the measures it rests on.

    Where there is no FID, an FCD can stand in for an order of FIDs, and the verdict says so.
    """
    found = attempt(part, ours, "FID")
    if found[0] == NOT_RUN and not part.own:
        other = attempt(part, ours, "FCD")
        if other[0] != NOT_RUN or absent(other) < absent(found):
            return other
    return found


def absent(found):
    """How many numbers a part that was not run is short of."""
    return sum(problem in ("no", NO_CURVE) for problem, *_ in found[1])


def attempt(part, ours, samples):
    """`judged`, with the metric of that name where the part says FID."""

    @functools.cache
    def get(need):
        system, dataset, metric, every = need
        return ours(system, dataset, samples if metric == "FID" else metric, every=every)

    needs = sum((q.needs for q in part.quantities), ())
    alternative = "FID" if part.own else "FID or FCD"
    shown = [(s, d, alternative if m == "FID" else m, every) for s, d, m, every in needs]
    lacks = []
    for need, (system, dataset, metric, every) in zip(needs, shown, strict=True):
        found = get(need)
        if found is None or (every and len(found) < 3):
            lacks.append((NO_CURVE if every else "no", metric, system, dataset))
        elif any(estimate.deviation is None for estimate in (found if every else [found])):
            lacks.append(("no deviation of", metric, system, dataset))
    if lacks:
        return NOT_RUN, lacks, set()
    used = [estimate for need in needs for estimate in (get(need) if need[3] else [get(need)])]
    drawn = [estimate for estimate in used if estimate.facts["metric"] not in SURE]
    if len({measure(estimate) for estimate in drawn}) > 1:
        lacks = [("measured in different ways:", m, s, d) for s, d, m, _ in shown]
        return NOT_RUN, lacks, set()
    if len({estimate.facts.get("share") for estimate in used}) > 1:
        lacks = [("trained for unlike shares of their schedules:", m, s, d) for s, d, m, _ in shown]
        return NOT_RUN, lacks, set()
    if len({tuple(e.facts["epochs"] for e in get(need)) for need in needs if need[3]}) > 1:
        return NOT_RUN, [("curves of different epochs:", m, s, d) for s, d, m, _ in shown], set()
    values = [q.value(get) for q in part.quantities]
    evidence = [
        f"{q.text} ({show(*value)})" if q.needs else q.text
        for q, value in zip(part.quantities, values, strict=True)
    ]
    ends = [(need, get(need)[-1] if need[3] else get(need)) for need in needs]
    measures = set()
    for (_, _, metric, _), end in ends:
        by = f" ({end.facts['network']})" if end.facts["network"] else None
        name = by and (samples if metric == "FID" else metric) + by
        measures.add((name, end.facts["epochs"], end.draws if end.facts["spread"] == "seeds" else 1))
    return part.judge(*values), f" {part.link} ".join(evidence), measures


def show(mean, deviation):
    return f"{mean:.4g} ± {float(f'{deviation:.1g}'):g}" if deviation else f"{mean:.4g}"


def lacking(lists):
    """A sentence that names each thing once, systems and data sets gathered."""
    systems = {}
    for problem, metric, system, dataset in itertools.chain(*lists):
        datasets = systems.setdefault((problem, metric, system), [])
        if dataset not in datasets:
            datasets.append(dataset)
    gathered = {}
    for (problem, metric, system), datasets in systems.items():
        gathered.setdefault((problem, metric, tuple(datasets)), []).append(system)
    return "; ".join(
        f"{problem} {metric} of {', '.join(names)} on {', '.join(datasets)}"
        for (problem, metric, datasets), names in gathered.items()
    )
