"""Which of our numbers stand beside a published one, and what sets them apart from it."""

import re

from report.measured import NAMES, OF_SAMPLES, THEIR_PROTOCOL, answers, called, measure

FRECHET = ("FID", "FCD")
INCEPTION = {*FRECHET[:1], NAMES["inception_score"], NAMES["f8"], NAMES["f1_8"]}
NO_DATA = {
    "DeepFashion-256": "DeepFashion's images with poses are not to be had here",
    "ImageNet-64": "ImageNet is not to be had here",
    "LSUN-Bedrooms-64": "LSUN is not to be had here",
    "STL-10-48": "STL-10 is not to be had here",
    "STL-10-96": "STL-10 is not to be had here",
}


def asked(record):
    """The metric of a published record, with its stage if it is of one."""
    stage = re.match(r"stage \d", record["note"])
    return f"{record['metric']} ({stage[0]})" if stage else record["metric"]


def protocol(record):
    """By which protocol a record was measured."""
    if "TwoStageVAE" in record["note"]:
        return "tsvae-compat"
    return THEIR_PROTOCOL[record["paper"]]


def images(dataset):
    """A data set whatever its crop."""
    return dataset.split(" (crop")[0]


def beside(record, estimates):
    """Our numbers for a published record, by its own protocol if there are any such.

    Of a curve only the end is shown, and of the same measure only the one over several trainings, or of most
    samples and draws: the best of some trainings is not what a training gives.
    """
    found = {}
    for estimate in estimates:
        facts = estimate.facts
        if any(facts[key] != record[key] for key in ("paper", "system")):
            continue
        frechet = facts["metric"] == "frechet_distance" and facts["of"] == "samples"
        same = answers(facts, asked(record)) or (frechet and record["metric"] in FRECHET)
        if same and images(facts["dataset"]) == images(record["dataset"]):
            key = (called(facts), facts["dataset"], facts["network"], facts["sha256"], facts["protocol"])
            several = facts["spread"] == "seeds"
            rank = (facts["epochs"] or 0, facts["generated"] or 0, several, estimate.draws)
            if key not in found or rank > found[key][0]:
                found[key] = (rank, estimate)
    chosen = [estimate for _, estimate in found.values()]
    own = [estimate for estimate in chosen if "another protocol" not in " ".join(remarks(record, estimate))]
    return sorted(own or chosen, key=lambda e: (len(remarks(record, e)), called(e.facts), str(measure(e))))


def remarks(record, estimate):
    """In what way our number is not of the same as the published one."""
    facts, metric = estimate.facts, record["metric"]
    found = []
    other = metric in INCEPTION and facts["network"] != "inception"
    if other or (metric in FRECHET and (called(facts) != metric or metric == "FCD")):
        found.append("another measure")
    if facts["metric"] in OF_SAMPLES and facts["protocol"] != protocol(record):
        found.append(f"another protocol ({facts['protocol'] or 'not stated'})")
    if facts["dataset"] != record["dataset"]:
        found.append(f"on {facts['dataset']}")
    return found


def why_not(record, estimates):
    """Why there is no number of ours, as far as that is known."""
    if record["source_type"] == "cited":
        return "the paper quotes it from elsewhere"
    if record["dataset"] in NO_DATA:
        return NO_DATA[record["dataset"]]
    same = ("paper", "system", "dataset")
    sources = {e.facts["source"] for e in estimates if all(e.facts[key] == record[key] for key in same)}
    if sources:
        return f"not measured of {', '.join(f'`{source}`' for source in sorted(sources))}"
    return "nothing of the kind is trained yet"
