"""Reading `metrics.json`, which may come from anybody: whatever is read later is checked here."""

import pathlib

from latentzoo.configs import broken, read_json

# Of a record under "evaluations": what it may hold, and of which type.
TEXTS = ("metric", "of", "name", "data", "command", "network", "sha256", "protocol", "split", "resize")
NUMBERS = ("mean", "deviation", "standard_error", "draws", "generated", "real", "images", "seed")


def read_metrics(folder):
    """Reads `metrics.json` of a checkpoint; an empty dict if there is none.

    Raises:
        ValueError: it is not JSON, or a measurement in it is not as the library writes them.
    """
    path = pathlib.Path(folder) / "metrics.json"
    if not path.is_file():
        return {}
    metrics = read_json(path)
    if "test" in metrics and not is_finished(metrics):
        raise broken(path, "measurements as the end of a run writes them", f"test={metrics['test']!r}"[:200])
    kept = metrics.get("evaluations", [])
    if not isinstance(kept, list):
        raise broken(path, "a list of evaluations", type(kept).__name__)
    for record in kept:
        if not is_record(record):
            expected = "evaluations as `latentzoo evaluate` writes them"
            raise broken(path, expected, repr(record)[:200])
    return metrics


def is_finished(metrics):
    """Whether the measurements of a finished run are whole."""
    storage = metrics.get("storage")
    tables = [metrics["test"], storage.get("float32") if isinstance(storage, dict) else None]
    return (
        all(isinstance(table, dict) and all(map(is_summary, table.values())) for table in tables)
        and tables[0].keys() == tables[1].keys()
        and all(isinstance(metrics.get(key), str) for key in ("data", "command"))
        and all(is_number(value) for value in (metrics.get("images"), storage.get("sample_difference")))
    )


def is_summary(value):
    return isinstance(value, dict) and all(is_number(value.get(key)) for key in ("mean", "standard_error"))


def is_record(value):
    """Whether a value says what was measured, how much it was, and on what that depends."""
    if not isinstance(value, dict):
        return False
    needed = {"metric", "of", "mean", "data", "command"}
    needed |= {"standard_error"} if "standard_error" in value else {"deviation", "draws"}
    needed |= {"network", "sha256", "resize", "generated", "seed"} if "network" in value else {"images"}
    return (
        needed <= value.keys()
        and all(isinstance(value[key], str) for key in TEXTS if key in value)
        and all(is_number(value[key]) for key in NUMBERS if key in value)
        and all(value.get(key, 0) >= 0 for key in ("deviation", "standard_error"))
        and value.get("draws", 1) >= 1
    )


def is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e30
