"""Records in words: for the terminal, for cards and for comparisons."""

import math

LABELS = {
    "frechet_distance": "Frechet distance",
    "kernel_distance": "kernel distance",
    "f8": "PRD F8 (recall)",
    "f1_8": "PRD F1/8 (precision)",
    "inception_score": "Inception score",
    "mean_squared_error": "squared error",
    "nll": "nats for a code",
    "accuracy": "accuracy",
    "path_length": "perceptual path length",
    "separability": "linear separability",
}


def label(record):
    return record.get("name") or LABELS.get(record["metric"], record["metric"])


def megabytes(size):
    """Bytes in MB, with one digit more below 1."""
    return f"{size / 1e6:.{int(size < 1e6)}f}"


def value(record):
    """Mean and deviation (or standard error), with two digits of the latter."""
    spread = record.get("standard_error", record.get("deviation", 0.0))
    if not spread > 0:
        return f"{record['mean']:.4g}"
    digits = min(max(1 - math.floor(math.log10(spread)), 0), 8)
    return f"{record['mean']:.{digits}f} ± {spread:.{digits}f}"


def published(paper, record):
    """What a paper says; a star stands for features of another network, whose numbers are not comparable."""
    spread = f" ± {paper['std']:g}" if paper["std"] is not None else ""
    # The FCD of a paper is of a classifier of its own.
    same = record.get("name") == paper["metric"] == "FID"
    other = record["metric"] == "frechet_distance" and not same
    others = other or (record["metric"] != "frechet_distance" and record.get("network") != "inception")
    name = f"{paper['metric']} " if record["metric"] == "frechet_distance" else ""
    return f"{name}{paper['value']:g}{spread}{'*' if others else ''}"


def images_of(record):
    """The data set of a record, and whether its pixels were made black or white."""
    return f"{record['data']}, in black and white" if record.get("binarized") else record["data"]


def circumstances(record):
    """All that a number depends on, in a line."""
    if "network" not in record:
        return f"{record['images']:,} {record['of']} of {images_of(record)}, mean ± standard error"
    network = f"{record['network']} (sha256 {record['sha256'][:12]}), resize {record['resize']}"
    if "protocol" not in record:
        return f"{network}; {record['generated']:,} samples, seed {record['seed']}"
    real = f" against {record['real']:,} {record['split']} images" if "real" in record else ""
    draws = f"mean ± deviation of {record['draws']} draws" if record["draws"] > 1 else "one draw"
    return (
        f"by {network}; {record['protocol']}: {record['generated']:,}{real} "
        f"of {images_of(record)}, {draws}, seed {record['seed']}"
    )


def comparison(facts, cards, picture, painters, n, seed):
    """Markdown: what cards say, a column for each checkpoint and a row for each measure."""
    rows = {
        "images": ["x".join(map(str, fact["image_shape"])) for fact in facts],
        "parameters": [f"{fact['parameters'] / 1e6:.1f} M" for fact in facts],
        "MB": [megabytes(fact["bytes"]) for fact in facts],
    }
    for column, card in enumerate(cards):
        for record in card:
            by = [record[key] for key in ("network", "protocol") if key in record]
            by += ["in black and white"] if record.get("binarized") else []
            head = f"{label(record)} of {record['of']}" + (f" ({', '.join(by)})" if by else "")
            rows.setdefault(head, ["–"] * len(cards))[column] = value(record)
    lines = [["", *(fact["name"] for fact in facts)], ["---"] * (len(facts) + 1)]
    lines += [[head, *cells] for head, cells in rows.items()]
    lines = [f"| {' | '.join(cells)} |" for cells in lines]
    notes = sorted({circumstances(record) for card in cards for record in card})
    parts = ["\n".join(lines), "As their cards say:\n\n" + "\n".join(f"- {note}" for note in notes)]
    if picture:
        parts.insert(1, f"![Samples]({picture})\n\n{n} samples of each, seed {seed}: {', '.join(painters)}.")
    return "\n\n".join(parts) + "\n"
