"""Evaluation: what a card says, computed again by anyone.

found = latentzoo.evaluate("glf-fashion")
"""

import os
from typing import NamedTuple

from latentzoo.configs import data_name
from latentzoo.errors import error, whole

DEFAULT = ("distance", "kernel_distance", "precision_recall", "reconstruction")


class Evaluation(NamedTuple):
    """What was measured, and what was not.

    Attributes:
        records: list of dicts, as `metrics.json` holds them: `metric`, `of` what, `mean`, `deviation` over
            `draws` independent draws, and what the number depends on: `network` and its `sha256`, `protocol`,
            `split`, counts of `generated` and `real` images, `resize`, `seed`, `data`.
        skipped: list of pairs, a metric and the reason why it was not measured.
    """

    records: list
    skipped: list


def evaluate(
    model,
    *,
    metrics=None,
    network=None,
    protocol="std",
    data=None,
    samples=None,
    draws=10,
    seed=0,
    progress=None,
):
    """Measures a model: distances of its samples to real images, precision and recall, reconstruction error.

    Features of the real images come from the classifier's folder, from the cache, or from the images, and a
    metric that needs images which are nowhere on this machine is skipped, and said so.

    Args:
        model: an `Autoencoder`, a `Classifier`, or what `latentzoo.load` opens.
        metrics: list of names, or one, or `None` for what can be told. Of features: `"distance"` (of
            samples, of reconstructions, which a perfect prior would reach, and of real images of the other
            split, which are without a fault), `"kernel_distance"`, `"precision_recall"`,
            `"inception_score"`. Of images: `"reconstruction"` (squared error, and nats for a code),
            `"accuracy"` of a classifier. Of paths: `"path_length"` and `"separability"`, in the noise of the
            prior and between codes.
        network: an extractor or its name, as in `latentzoo.extractors.load`; the classifier of the data set
            if `None`. Only `"inception"` gives what is called FID.
        protocol: `"std"`, `"train5k"` or `"tsvae-compat"`; see `latentzoo.evaluation.protocols`.
        data: name of a data set, or folder of pictures, which are cropped and resized to those of the model
            and of which every tenth is a test image; what the model was trained on if `None`.
        samples: int. Samples in a draw; if `None` what the protocol says, but no more than there are real
            images.
        draws: int. Independent draws, of which mean and deviation are told.
        seed: int. The same seed gives the same samples.
        progress: function that is told, in a few words, what is being measured.

    Returns:
        `Evaluation(records, skipped)`.

    Raises:
        ValueError: an argument is unknown or does not fit, or the network cannot be had.
        FileNotFoundError, PermissionError, ConnectionError: as in `latentzoo.load`.

    Example:

    >>> import latentzoo
    >>> found = latentzoo.evaluate("glf-mnist", metrics=["distance"], samples=500, draws=1)
    >>> record = found.records[0]
    >>> record["name"], record["network"], record["generated"], record["real"]
    ('FCD', 'classifier-mnist', 500, 10000)
    """
    from latentzoo import sources, zoo
    from latentzoo.evaluation import protocols
    from latentzoo.evaluation.measures import MEASURES
    from latentzoo.evaluation.run import NoImages, NoNetwork, Run
    from latentzoo.models import Classifier

    rules = protocols.find(protocol)
    for key, value, least in (("draws", draws, 1), ("seed", seed, 0), ("samples", samples, 2)):
        if value is not None:
            whole(key, value, least=least)
    model = zoo.load(model) if not hasattr(model, "image_shape") else model
    if isinstance(model, Classifier):
        known, usual = {"accuracy"}, ["accuracy"]
    else:
        known, usual = set(MEASURES) - {"accuracy"}, [*DEFAULT]
        usual += ["inception_score"] if network == "inception" else []
    wanted = usual if metrics is None else [metrics] if isinstance(metrics, str) else list(metrics)
    unknown = [metric for metric in wanted if metric not in known]
    if unknown or not wanted:
        expected, received = f"some of {sorted(known)}", f"metrics={unknown or 'none'}"
        raise error("These are not metrics of this model.", expected, received)
    if data is not None and not os.path.isdir(data):
        sources.find(data)
    data = trained_on(model) if data is None else str(data)
    run = Run(model, rules, data, network, samples, draws, seed, progress or (lambda words: None))
    groups = {}
    for metric in wanted:
        groups.setdefault(MEASURES[metric], set()).add(metric)
    records = []
    for measure, names in groups.items():
        try:
            records.extend(measure(run, names))
        except NoImages as reason:
            skipped = str(reason)
        except NoNetwork as reason:
            if metrics is not None:  # asked for
                raise
            skipped = str(reason)
        else:
            continue
        for name in sorted(names):
            run.skip(name, skipped)
    return Evaluation(records, run.skipped)


def trained_on(model):
    """The name of the data set behind a model's weights, as far as its checkpoint tells."""
    provenance = getattr(model, "_provenance", {})
    base = provenance.get("base")
    return data_name(provenance) or (data_name(base) if isinstance(base, dict) else None)
