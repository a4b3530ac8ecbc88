"""What a card tells the Hub: metadata, made of `config.json` and `metrics.json` alone."""

from latentzoo import allowed, sources
from latentzoo.evaluation import tables

# Of a record, what the Hub's list is to tell.
ARGUMENTS = (
    "deviation", "standard_error", "draws", "network", "sha256", "protocol", "split", "generated", "real",
    "images", "resize", "seed", "data", "binarized", "command",
)  # fmt: skip
METRICS = {
    "accuracy": "accuracy",
    "mean_squared_error": "squared error of reconstruction, mean over pixels in [0, 1]",
    "nll": "negative log-likelihood of codes, nats",
}


def metadata(config, metrics, source):
    """The Hub's metadata of a checkpoint, a dict."""
    provenance = config["provenance"]
    known = data_set(provenance)
    task = "image-classification" if is_classifier(config) else "unconditional-image-generation"
    base, repo = str(provenance.get("base_model", "")), source.removeprefix("hf://")
    based = base.startswith("hf://") and (base := base.removeprefix("hf://").partition("@")[0]) != repo
    measured = {"test", "evaluations"} & metrics.keys()
    return {
        "library_name": "latentzoo",
        "pipeline_tag": task,
        **licence(provenance.get("licence")),
        **({"datasets": [known.hub]} if known else {}),
        **({"base_model": base} if based else {}),
        "tags": ["keras", *tags(config)],
        **({"model-index": [index(config, metrics, source, task)]} if measured else {}),
    }


def is_classifier(config):
    return config["class"] in allowed.CLASSIFIERS


def tags(config):
    if is_classifier(config):
        return ["classifier"]
    prior = config["arguments"]["prior"]["class_name"].lower()
    return ["generative-autoencoder", config["class"].lower(), f"{prior}-prior"]


def licence(of_data):
    """The Hub's word for the licence of weights, which follow their data; nothing if it is not known."""
    if of_data in (None, "unknown"):
        return {}
    if "non-commercial" in of_data:
        return {"license": "other", "license_name": "non-commercial-research"}
    return {"license": "apache-2.0"}


def data_set(provenance):
    """The `sources.Info` of the data set that a checkpoint was trained on, if it is one we know."""
    found = [info for info in sources.DATASETS.values() if info.card_name == provenance.get("data")]
    return found[0] if found else None


def index(config, metrics, source, task):
    """The measurements, as the Hub lists them."""
    data = config["provenance"].get("data", "unknown")
    known = data_set(config["provenance"])
    details = {"samples": metrics.get("images"), "command": metrics.get("command")}
    seed = config["provenance"].get("settings", {}).get("seed")
    values = [
        {
            "type": key,
            "name": METRICS[key],
            "value": rounded(value["mean"], 4),
            "args": {**details, "seed": seed, "standard_error": rounded(value["standard_error"], 2)},
        }
        for key, value in metrics.get("test", {}).items()
    ]
    values += [
        {
            "type": {"FID": "fid", "FCD": "fcd"}.get(record.get("name"), record["metric"]),
            "name": f"{tables.label(record)} of {record['of']}",
            "value": rounded(record["mean"], 4),
            "args": {key: record[key] for key in ARGUMENTS if key in record},
        }
        for record in metrics.get("evaluations", [])
    ]
    return {
        "name": source.removeprefix("hf://").split("/")[-1],
        "results": [
            {
                "task": {"type": task},
                "dataset": {"name": data, "type": known.hub if known else "unknown", "split": "test"},
                "metrics": values,
            }
        ],
    }


def rounded(number, digits):
    return float(f"{number:.{digits}g}")
