"""What is measured of a checkpoint. Each function returns records, dicts as `metrics.json` holds them."""

import numpy as np

from latentzoo import finish
from latentzoo.errors import error
from latentzoo.metrics import (
    Estimate,
    frechet_distance,
    inception_score,
    kernel_distance,
    path_length,
    precision_recall,
    separability,
)

CLUSTERS = 20  # of precision and recall
FACE = (slice(24, 56), slice(16, 48))  # of 64 x 64 pixels: rows 3/8 to 7/8, columns 2/8 to 6/8


def by_features(run, wanted):
    """Measures of features: of samples, of real images of the other split, and of their reconstructions.

    The second tells what images without a fault have, of chance at this number of images and of what sets
    the splits apart; the third what is left for the prior to do: samples of a perfect one would be
    reconstructions.
    """
    yield from compared(run, wanted, "samples", run.samples_of)
    others = "distances of reconstructions and of real images"
    if "distance" in wanted and run.images(run.protocol.other, others):
        if run.encodes("distance of reconstructions"):
            yield from compared(run, {"distance"}, "reconstructions", run.reconstructions_of)
        yield from compared(run, {"distance"}, "real images", run.real_of)


def compared(run, wanted, of, draw):
    """Records of the measures of features of some images, over independent draws."""
    found = {}
    for index in range(run.draws):
        run.tell(f"{of}, draw {index + 1} of {run.draws}")
        features = np.concatenate([run.extractor.features(piece) for piece in draw(index)])
        for metric, value in values(run, wanted, features, index):
            found.setdefault(metric, []).append(value)
    kept = 0 if run.reference.features is None else len(run.reference.features)
    real = {"frechet_distance": run.reference.moments.count, "kernel_distance": kept}
    names = {"frechet_distance": run.extractor.distance}
    for metric, each in found.items():
        facts = {"generated": len(features)}  # fewer than asked for if they are images, and there are no more
        if metric != "inception_score":
            facts["real"] = real.get(metric, min(len(features), kept))
        yield run.record(metric, of, Estimate.of(each), names.get(metric), **facts)


def values(run, wanted, features, index):
    """Pairs of a metric's name and its value for the features of one draw."""
    real = run.reference
    if "distance" in wanted:
        yield "frechet_distance", frechet_distance(features, real.moments)
    if "inception_score" in wanted:
        yield "inception_score", inception_score(run.extractor.probabilities(features)).mean
    if real.features is None:
        for metric in sorted({"kernel_distance", "precision_recall"} & wanted):
            run.skip(metric, "the features of single real images are not kept, and the images are not here")
        return
    if "kernel_distance" in wanted:
        yield "kernel_distance", kernel_distance(features, real.features, seed=index).mean
    if "precision_recall" in wanted:
        n = min(len(features), len(real.features))
        if n < CLUSTERS:
            run.skip("precision_recall", f"there are {n} images of each, and it takes {CLUSTERS} or more")
            return
        rows = np.random.default_rng(index).permutation(len(real.features))[:n]
        found = precision_recall(features[:n], real.features[rows], clusters=CLUSTERS, seed=index)
        yield "f8", found.f8
        yield "f1_8", found.f1_8


def by_images(run, wanted):
    """Reconstruction error, likelihood of codes, or accuracy: means over the test images."""
    if not all([run.encodes(metric) and run.images("test", metric) for metric in sorted(wanted)]):
        return
    x, y = run.images("test")
    run.tell(f"{len(x)} test images")
    for metric, summary in finish.measure(run.model, x, y).items():
        yield run.fact(metric, "test images", images=len(x), split="test", **summary)


def paths(run, wanted):
    """Perceptual path length in the noise of the prior and between codes."""
    from latentzoo import extractors, graphs

    computed = {layer.compute_dtype for layer in run.model.decoder._flatten_layers()}
    if low := sorted(computed & {"bfloat16", "float16"}):
        raise error(
            "Neighbours on a path differ in the fourth digit.",
            "a decoder that computes in float32",
            f"one of {low[0]}",
            "Load the model without `dtype`.",
        )
    lpips = extractors.load("lpips")
    crop = FACE if run.model.image_shape[:2] == (64, 64) and run.data == "celeba" else (slice(None),) * 2
    for space, ends, decode, path in spaces(run):
        run.tell(f"paths of {space}")
        with graphs.full_precision():
            value = path_length(
                *ends,
                decode=lambda z, decode=decode: decode(z)[:, crop[0], crop[1]],
                distance=lpips,
                path=path,
                seed=run.seed,
            )
        yield run.fact("path_length", f"paths of {space}", **single(value, run, lpips))


def planes(run, wanted):
    """Linear separability of attributes by hyperplanes in the noise of the prior and between codes."""
    judge = run.extractor
    if judge.folder is None or not judge.model.attributes:
        raise error(
            "Separability needs a classifier of attributes.",
            "--network with the name of one, such as classifier-celeba",
            f"network={judge.name!r}",
        )
    run.tell("samples for the classifier of attributes")
    features = np.concatenate([judge.features(piece) for piece in run.samples_of(0, run.many)])
    found = 1 / (1 + np.exp(-judge.logits(features)))
    for space, codes in zip(("noise", "codes"), run.noise_and_codes(0, run.many), strict=True):
        if codes is not None:
            value = separability(codes, found, seed=run.seed).score
            yield run.fact("separability", space, **single(value, run, judge))


def spaces(run):
    """Where codes are interpolated: `(name, ends, decode, path)`."""
    pairs = [run.noise_and_codes(index, run.many) for index in (0, 1)]
    if pairs[0][0] is not None:
        prior, decode = run.model.prior, run.model.decode
        yield "noise", [noise for noise, _ in pairs], lambda z: decode(np.asarray(prior(z))), "spherical"
    yield "codes", [codes for _, codes in pairs], run.model.decode, "linear"


def single(value, run, network):
    """What a record says of a value of one draw."""
    facts = {"network": network.name, "sha256": network.sha256, "resize": network.resize}
    return {
        "mean": float(value),
        "deviation": 0.0,
        "draws": 1,
        **facts,
        "generated": run.many,
        "seed": run.seed,
    }


MEASURES = {
    "distance": by_features,
    "kernel_distance": by_features,
    "precision_recall": by_features,
    "inception_score": by_features,
    "reconstruction": by_images,
    "accuracy": by_images,
    "path_length": paths,
    "separability": planes,
}
