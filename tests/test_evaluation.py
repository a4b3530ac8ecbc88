"""Evaluation: what is measured, what it is measured with, and whether a card tells the same."""

import functools
import hashlib
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import latentzoo
from latentzoo import checkpoints, data, extractors, zoo
from latentzoo.configs import read_config
from latentzoo.errors import Damaged
from latentzoo.evaluation import measures, protocols, published, records, references, tables
from latentzoo.evaluation.run import Run
from latentzoo.images import binarized
from latentzoo.metrics import ConstantFeatures, FewSamples, frechet_distance, precision_recall

SHAPE = (8, 8, 1)
FACTS = {"metric": "frechet_distance", "of": "samples", "network": "n", "sha256": "0", "protocol": "std"}
FACTS |= {"split": "test", "generated": 100, "real": 100, "data": "mnist", "resize": "none", "seed": 0}


@pytest.fixture(scope="module")
def model():
    found = latentzoo.models.GLF(SHAPE, 3, prior=latentzoo.priors.RealNVP(3, blocks=1, units=8))
    found.compile()
    found.fit(pictures(64, 2), verbose=0)
    return found


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    """A classifier of small pictures with what it knows of real ones."""
    folder = tmp_path_factory.mktemp("judges") / "judge"
    small = latentzoo.models.Classifier(SHAPE, 3, settings={"blocks": 1, "width": 4})
    checkpoints.save(small, folder, "float32", provenance={"settings": {"data": "mnist"}})
    references.ship(
        folder, extractors.load(str(folder)), {"test": pictures(200, 0), "train": pictures(300, 1)}
    )
    return folder


def pictures(n, seed):
    return np.random.default_rng(seed).integers(0, 256, (n, *SHAPE), "uint8")


@pytest.fixture
def quick(monkeypatch):
    """One clustering instead of ten."""
    monkeypatch.setattr(measures, "precision_recall", functools.partial(precision_recall, runs=1))


@pytest.fixture
def offline(monkeypatch, quick):
    """A machine without any data set."""

    def nowhere(*arguments, **options):
        raise FileNotFoundError("nowhere")

    monkeypatch.setattr(data, "arrays", nowhere)


@pytest.fixture
def at_home(monkeypatch):
    """A machine with pictures of every split, and how often they were asked for."""
    asked = []

    def arrays(name, split, **options):
        asked.append((name, split))
        return pictures(*{"test": (200, 0), "train": (300, 1)}[split]), np.zeros(200, "int32")

    monkeypatch.setattr(data, "arrays", arrays)
    return asked


def measured(model, judge, **options):
    options = {"network": str(judge), "data": "mnist", "draws": 2, **options}
    return latentzoo.evaluate(model, **options)


# ---------------------------------------------------------------------- protocols


def test_samples_are_rounded_or_stretched():
    images = np.array([[0.2, 0.6], [0.499 / 255, 1.0]], "float32").reshape(2, 2, 1, 1)
    rounded = protocols.find("std").generated(images)
    assert rounded.dtype == "uint8" and rounded.ravel().tolist() == [51, 153, 0, 255]
    stretched = protocols.find("tsvae-compat").generated(images)
    np.testing.assert_allclose(stretched.ravel(), [0, 1, 0, 1], atol=1e-6)
    grey = protocols.find("tsvae-compat").generated(np.full((1, 2, 2, 1), 0.5, "float32"))
    assert (grey == 0).all()  # and not 0/0


def test_only_one_protocol_and_one_data_set_see_jpeg_files():
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), "uint8")
    changed = protocols.find("tsvae-compat").real(images, "cifar10")
    assert changed.shape == images.shape and (changed != images).any()
    for name, of in (("tsvae-compat", "celeba"), ("std", "cifar10"), ("train5k", "cifar10")):
        assert protocols.find(name).real(images, of) is images


def test_an_unknown_protocol_is_an_error():
    with pytest.raises(ValueError, match="Expected: one of .*train5k.*Received: protocol='fid'"):
        protocols.find("fid")


# ---------------------------------------------------------------------- real images


class Means:
    """Features that are cheap to check: means of rows; counts the images it has seen."""

    sha256, resize, folder, width, name = "a" * 64, "none", None, 8, "means"
    distance, has_classes, image_shape = "Frechet distance (means)", False, None

    def __init__(self):
        self.seen = 0

    def features(self, images, batch_size=None):
        self.seen += len(images)
        scale = 255 if images.dtype == "uint8" else 1
        return (images.astype("float32") / scale).mean(axis=(2, 3))


def test_references_are_kept_by_content(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTZOO_CACHE", str(tmp_path))
    network, std, images = Means(), protocols.find("std"), pictures(50, 0)
    first = references.reference(network, std, "mnist", lambda: images)
    again = references.reference(network, std, "another name", lambda: images.copy())
    assert network.seen == 50  # the second time they came from the file
    np.testing.assert_array_equal(first.features, again.features)
    images[7, 3, 3] ^= 1
    references.reference(network, std, "mnist", lambda: images)
    assert network.seen == 100
    network.sha256 = "b" * 64
    references.reference(network, std, "mnist", lambda: images)
    assert network.seen == 150 and len(list((tmp_path / "references").iterdir())) == 3


def test_a_damaged_file_of_the_cache_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTZOO_CACHE", str(tmp_path))
    network, std = Means(), protocols.find("std")
    first = references.reference(network, std, "mnist", lambda: pictures(50, 0))
    (path,) = (tmp_path / "references").iterdir()
    path.write_bytes(path.read_bytes()[:-100])
    again = references.reference(network, std, "mnist", lambda: pictures(50, 0))
    np.testing.assert_array_equal(first.moments.covariance, again.moments.covariance)
    assert references.Reference.load(path).moments.count == 50


def test_features_of_many_images_are_a_fair_part(monkeypatch):
    monkeypatch.setattr(references, "KEPT", 20)
    monkeypatch.setattr(references, "PIECE", 7)
    found = references.Reference.of(Means(), pictures(50, 0))
    whole = Means().features(pictures(50, 0))
    assert found.moments.count == 50 and found.features.shape == (20, 8)
    np.testing.assert_allclose(found.moments.mean, whole.mean(0), rtol=1e-6)
    assert all((whole == row).all(1).any() for row in found.features)


def test_a_classifier_needs_no_pictures(judge, offline):
    network = extractors.load(str(judge))
    found = references.reference(network, protocols.find("std"), "mnist", data.arrays)
    assert found.moments.count == 200 and found.features.shape == (200, network.width)
    found = references.reference(network, protocols.find("train5k"), "mnist", data.arrays)
    assert found.moments.count == 300 and found.features is None
    with pytest.raises(FileNotFoundError):  # it was trained on others
        references.reference(network, protocols.find("std"), "cifar10", data.arrays)


def test_a_changed_file_beside_a_classifier_is_refused(judge, tmp_path):
    folder = shutil.copytree(judge, tmp_path / "judge")
    Image.new("L", (1, 1)).save(folder / "reference-test.npz", "PNG")
    with pytest.raises(Damaged, match="reference-test.npz' is not the file that is recorded"):
        references.reference(extractors.load(str(folder)), protocols.find("std"), "mnist", None)


# ---------------------------------------------------------------------- measures


def test_all_that_images_allow(model, judge, at_home, quick):
    found = measured(model, judge)
    assert found.skipped == []
    by = {(r["metric"], r["of"]): r for r in found.records}
    assert set(by) == {
        ("frechet_distance", "samples"), ("frechet_distance", "reconstructions"),
        ("frechet_distance", "real images"), ("kernel_distance", "samples"), ("f8", "samples"),
        ("f1_8", "samples"), ("mean_squared_error", "test images"), ("nll", "test images"),
    }  # fmt: skip
    record = by["frechet_distance", "samples"]
    sha256 = hashlib.sha256((judge / "config.json").read_bytes()).hexdigest()
    assert record == {
        "metric": "frechet_distance", "of": "samples", "name": "FCD", "data": "mnist", "network": "judge",
        "sha256": sha256, "protocol": "std", "split": "test", "generated": 200, "real": 200, "draws": 2,
        "seed": 0, "resize": "none", "mean": record["mean"], "deviation": record["deviation"],
    }  # fmt: skip
    assert record["mean"] > by["frechet_distance", "real images"]["mean"] > 0
    assert by["mean_squared_error", "test images"]["images"] == 200


def test_the_numbers_are_those_of_the_functions(model, judge, at_home):
    """By hand: the samples of the documented seeds, rounded, against the features of the file."""
    network = extractors.load(str(judge))
    real = network.features(pictures(200, 0))
    distances, f8 = [], []
    for draw in range(2):
        seed = int(np.random.SeedSequence([5, draw, 0]).generate_state(1)[0])
        samples = np.rint(model.sample(200, seed=seed) * 255).astype("uint8")
        features = network.features(samples)
        rows = np.random.default_rng(draw).permutation(200)
        distances.append(frechet_distance(features, real))
        f8.append(precision_recall(features, real.astype("float16").astype("float32")[rows], seed=draw).f8)
    by = {(r["metric"], r["of"]): r for r in measured(model, judge, seed=5).records}
    record = by["frechet_distance", "samples"]
    assert record["mean"] == pytest.approx(np.mean(distances), rel=1e-5)
    assert record["deviation"] == pytest.approx(np.std(distances), rel=1e-3)
    assert by["f8", "samples"]["mean"] == pytest.approx(np.mean(f8), rel=1e-5)


def test_binary_models_are_measured_by_black_and_white_pictures(judge, at_home, quick, monkeypatch):
    """Reconstructions too, which the model itself gives as probabilities."""
    model = latentzoo.models.VAE(SHAPE, 3, likelihood="bernoulli")
    network, seen = extractors.load(str(judge)), []
    features = type(network).features
    monkeypatch.setattr(type(network), "features", lambda self, x: seen.append(x) or features(self, x))
    found = measured(model, judge, metrics=["distance"])
    assert {r["of"] for r in found.records} == {"samples", "reconstructions", "real images"}
    assert len(seen) == 1 + 3 * 2 and all(set(np.unique(x)) <= {0, 255} for x in seen)


def test_a_record_tells_how_many_images_there_were(model, judge, at_home):
    """More samples than the other split has images."""
    found = measured(model, judge, protocol="train5k", metrics=["distance"]).records
    counts = {r["of"]: (r["generated"], r["real"]) for r in found}
    assert counts == {"samples": (300, 300), "reconstructions": (200, 300), "real images": (200, 300)}


def test_real_images_are_compared_as_samples_are(model, judge, at_home, quick):
    """By hand: of a protocol that stretches, what a model that makes them would have."""
    network = extractors.load(str(judge))
    x, test = pictures(300, 1), pictures(200, 0)
    others = x[np.random.default_rng([0, 0]).permutation(300)[:200]]
    protocol = protocols.find("tsvae-compat")
    expected = frechet_distance(
        network.features(protocol.generated(others / np.float32(255))), network.features(test)
    )
    found = measured(model, judge, protocol="tsvae-compat", metrics=["distance"], draws=1).records
    (record,) = (r for r in found if r["of"] == "real images")
    assert record["mean"] == pytest.approx(expected, rel=1e-4)
    assert expected != pytest.approx(frechet_distance(network.features(others), network.features(test)))


def test_what_lacks_images_is_skipped_aloud(model, judge, offline):
    found = measured(model, judge)
    assert {(r["metric"], r["of"]) for r in found.records} == {
        (metric, "samples") for metric in ("frechet_distance", "kernel_distance", "f8", "f1_8")
    }
    assert [metric for metric, _ in found.skipped] == [
        "distances of reconstructions and of real images", "reconstruction",
    ]  # fmt: skip
    assert all("are not on this machine; set LATENTZOO_DATA" in reason for _, reason in found.skipped)
    found = measured(model, judge, protocol="train5k", metrics=["distance", "precision_recall"])
    assert [r["real"] for r in found.records] == [300]
    assert found.skipped[0][0] == "precision_recall"
    found = measured(model, judge, data="cifar10", metrics=["distance"])
    (skipped,) = found.skipped
    assert found.records == [] and skipped[0] == "distance" and "test images of cifar10" in skipped[1]


def test_a_seed_repeats_and_another_one_does_not(model, judge, offline):
    first, again, other = (
        measured(model, judge, metrics=["distance"], seed=seed).records[0]["mean"] for seed in (1, 1, 2)
    )
    assert first == again != other


def test_draws_are_made_of_pieces_that_differ(model, monkeypatch):
    monkeypatch.setattr("latentzoo.evaluation.run.PIECE", 10)
    run = Run(model, protocols.find("std"), None, None, 25, 2, 0, print)
    pieces = list(run.samples_of(0)) + list(run.samples_of(1))
    assert [len(piece) for piece in pieces] == [10, 10, 5] * 2
    assert len({piece[0].tobytes() for piece in pieces}) == 6
    noise, codes = run.noise_and_codes(0, 25)
    np.testing.assert_array_equal(np.rint(model.decode(codes)[:10] * 255).astype("uint8"), pieces[0])
    np.testing.assert_allclose(model.prior(noise), codes, atol=1e-4)


def test_a_classifier_has_accuracy(judge, at_home, monkeypatch):
    labels = np.random.default_rng(0).integers(0, 3, 200)
    monkeypatch.setattr(data, "arrays", lambda *a, **k: (pictures(200, 0), labels))
    (record,) = latentzoo.evaluate(str(judge)).records
    right = latentzoo.load(judge).probabilities(pictures(200, 0)).argmax(1) == labels
    assert record["metric"] == "accuracy" and record["mean"] == right.mean() and record["data"] == "mnist"


def test_inception_score_of_any_classes(model, judge, offline):
    (record,) = measured(model, judge, metrics=["inception_score"]).records
    assert 1 <= record["mean"] <= 3 and "real" not in record and "name" not in record


def test_paths_and_planes(model, judge, tmp_path, monkeypatch):
    class Squares:
        name, sha256, resize = "lpips", "c" * 64, "none"

        def __call__(self, a, b, batch_size=None):
            assert not tf.config.experimental.tensor_float_32_execution_enabled()
            return np.square(a.astype("float64") - b).sum(axis=(1, 2, 3))

    load = extractors.load
    monkeypatch.setattr(extractors, "load", lambda name: Squares() if name == "lpips" else load(name))
    found = latentzoo.evaluate(model, metrics=["path_length"], samples=20).records
    assert [r["of"] for r in found] == ["paths of noise", "paths of codes"]
    assert all(r["mean"] > 0 and r["generated"] == 20 and r["network"] == "lpips" for r in found)
    assert tf.config.experimental.tensor_float_32_execution_enabled()
    coarse = latentzoo.models.VAE(SHAPE, 3, dtype="mixed_bfloat16")
    with pytest.raises(ValueError, match="differ in the fourth digit.*Received: one of bfloat16. Load the"):
        latentzoo.evaluate(coarse, metrics=["path_length"], samples=20)

    folder = tmp_path / "attributes"
    settings = {"blocks": 1, "width": 4}
    checkpoints.save(latentzoo.models.Classifier(SHAPE, 3, attributes=True, settings=settings), folder)
    found = latentzoo.evaluate(model, metrics=["separability"], network=str(folder), samples=100).records
    assert [r["of"] for r in found] == ["noise", "codes"] and all(r["mean"] >= 1 for r in found)
    with pytest.raises(ValueError, match="needs a classifier of attributes.*classifier-celeba"):
        measured(model, judge, metrics=["separability"])


@pytest.mark.parametrize(
    "options, said",
    [
        ({"metrics": ["fid"]}, "not metrics of this model.*'distance'.*Received: metrics=\\['fid'\\]"),
        ({"metrics": []}, "not metrics of this model.*Received: metrics=none"),
        ({"metrics": ["accuracy"]}, "not metrics of this model"),
        ({"protocol": "standard"}, "Unknown protocol"),
        ({"network": "inceptoin"}, "Unknown network.*inception"),
        ({"network": "classifier-celeba"}, "takes other images.*\\(8, 8, 1\\).*'classifier-celeba'"),
        ({"data": "imagenet"}, "Unknown data set.*imagenet"),
        ({"network": None, "data": None, "metrics": "distance"}, "no classifier of None images"),
        ({"network": "lpips"}, "'lpips' compares two images and has no features"),
        ({"draws": 0}, "Bad draws"),
        ({"samples": 1}, "Bad samples"),
        ({"seed": -1}, "Bad seed"),
    ],
)
def test_bad_arguments(model, judge, options, said):
    with pytest.raises(ValueError, match=said):
        measured(model, judge, **options)


def test_few_samples_and_constant_features_are_told(model, judge, offline):
    with pytest.warns(FewSamples, match="no more samples than features"):
        measured(model, judge, metrics=["distance"], samples=10)
    dull = latentzoo.models.GLF(SHAPE, 3, prior="normal")
    dull.decoder.trainable_variables[-1].assign([100.0])
    with pytest.warns(ConstantFeatures):
        measured(dull, judge, metrics=["distance"])


# ---------------------------------------------------------------------- cards


def record(mean, deviation=1.0, draws=10, **other):
    return {**FACTS, "mean": mean, "deviation": deviation, "draws": draws, **other}


def test_agreement_is_a_matter_of_noise():
    card = record(100.0)
    assert records.agrees(record(102.0), card) and not records.agrees(record(103.0), card)
    assert not records.agrees(record(101.5, draws=1000), record(100.0, draws=1000))
    assert records.agrees(record(103.0, draws=1), record(100.0, draws=10))
    assert records.agrees(record(101.0, 1.0), record(100.0, 0.0, 1))  # the card knows no deviation: ours
    assert records.agrees(record(140.0, 1.0, 2), record(100.0, 1.0, 2))  # two draws hardly tell a deviation
    assert records.agrees(record(101.0, 0.0, 1), record(100.0, 0.0, 1)) is None  # and one does not
    assert records.agrees(record(100.1, 0.0, 1), record(100.0, 0.0, 1))
    error = {"metric": "accuracy", "mean": 0.9, "standard_error": 0.01}
    assert records.agrees({**error, "mean": 0.911}, error) and not records.agrees(
        {**error, "mean": 0.92}, error
    )


@pytest.mark.parametrize("key", [key for key in records.SAME if key in FACTS])
def test_only_the_same_is_compared(key):
    lacking = {k: v for k, v in record(1.0).items() if k != key}
    assert records.counterpart(record(1.0), [lacking]) is None
    assert records.counterpart(record(1.0), [record(2.0, seed=3)]) is not None
    assert records.counterpart(record(1.0, **{key: "another"}), [record(2.0)]) is None


@pytest.fixture
def folder(tmp_path, model):
    path = tmp_path / "mine"
    checkpoints.save(model, path)
    return path


def test_update_replaces_what_measured_the_same(folder):
    records.update(folder, [record(1.0), record(5.0, metric="kernel_distance")], "first")
    records.update(folder, [record(2.0, seed=1)], "second")
    found = records.of_card(folder)
    assert [(r["metric"], r["mean"], r["command"]) for r in found] == [
        ("kernel_distance", 5.0, "first"), ("frechet_distance", 2.0, "second"),
    ]  # fmt: skip
    card = (folder / "README.md").read_text()
    assert "## Evaluation" in card and "| Frechet distance | samples | 2.0 ± 1.0 |" in card
    assert "kernel_distance" in card.split("---")[1]  # the Hub's metadata
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_a_person_s_card_keeps_its_text(folder):
    records.update(folder, [record(1.0)], "first")
    text = (folder / "README.md").read_text().replace("## Evaluation", "## My own words")
    (folder / "README.md").write_text(text)
    records.update(folder, [record(3.0)], "second")
    assert "## My own words" in (folder / "README.md").read_text()
    assert "value: 3.0" in (folder / "README.md").read_text()


def test_values_in_words():
    assert tables.value(record(21.284, 0.153)) == "21.28 ± 0.15"
    assert tables.value(record(0.98769, 0.00023)) == "0.98769 ± 0.00023"
    assert tables.value(record(1234.5, 67.0)) == "1234 ± 67"
    assert tables.value(record(21.284, 0.0, 1)) == "21.28"


def test_published_numbers_of_the_shelf():
    (fid,) = published.of("glf-fashion", "frechet_distance")
    assert (fid["metric"], fid["value"]) == ("FID", 21.3)
    assert tables.published(fid, record(1.0, name="FCD")) == "FID 21.3 ± 0.2*"
    assert tables.published(fid, record(1.0, name="FID")) == "FID 21.3 ± 0.2"
    assert published.of("glf-fashion", "nll") == [] == published.of("no such", "f8")


# ---------------------------------------------------------------------- the shell


def test_a_card_that_tells_the_truth(shell, folder, judge, offline):
    arguments = ["evaluate", folder, "--network", judge, "--data", "mnist", "--draws", 2]
    assert shell(*arguments, "--update-card")[0] == 0
    code, out, told = shell(*arguments)
    assert code == 0 and "agrees" in out and "differs" not in out
    assert "Skipped reconstruction: the test images of mnist are not on this machine" in told
    assert "golden.npz" not in out  # a folder that was saved by hand has none
    code, out, _ = shell(*arguments, "--json")
    found = json.loads(out)
    assert code == 0 and all(r["agrees"] and r["card"]["mean"] == r["mean"] for r in found["records"])
    assert found["skipped"][0][0] == "distances of reconstructions and of real images"
    assert found["command"] == f"latentzoo evaluate {folder} --network {judge} --data mnist --draws 2"


def test_a_card_that_does_not(shell, folder, judge, offline):
    arguments = ["evaluate", folder, "--network", judge, "--data", "mnist", "--draws", 4]
    shell(*arguments, "--update-card", "--metrics", "distance,kernel_distance")
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["evaluations"][0]["mean"] *= 0.5
    (folder / "metrics.json").write_text(json.dumps(metrics))
    code, out, told = shell(*arguments)
    assert code == 1 and "differs" in out and "Numbers differ from the card" in told
    code, out, _ = shell(*arguments, "--json")
    assert code == 1 and [r["agrees"] for r in json.loads(out)["records"]][:2] == [False, True]


def test_mistakes_in_the_shell(shell, folder):
    for arguments, said in (
        (["glf-fashoin"], "Unknown checkpoint"),
        ([folder, "--metrics", "fid"], "not metrics of this model"),
        ([folder, "--protocol", "fid"], "Unknown protocol"),
        ([folder, "--network", "vgg"], "Unknown network"),
        ([folder, "--metrics", "distance"], "no classifier of None images"),
        ([folder, "--metrics", ""], "not metrics of this model"),
        ([folder, "--network", folder / "nothing"], "There is no such folder"),
        ([folder, "--network", folder.parent], "This is no checkpoint"),
        (["me/my-glf", "--update-card"], "not changed from here"),
    ):
        code, out, told = shell("evaluate", *arguments)
        assert code == 2 and said in told and "Traceback" not in told and out == "", arguments
    assert not (folder / "metrics.json").exists()


def test_compare(shell, tmp_path):
    code, out, _ = shell("compare", "glf-fashion", "glf-celeba", "-o", tmp_path / "table.md", "-n", 3)
    assert code == 0 and "table.md and" in out
    text = (tmp_path / "table.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({row.count("|") for row in rows}) == 1
    assert rows[0] == "|  | glf-fashion | glf-celeba |" and "| squared error of test images |" in text
    assert "![Samples](table.png)" in text
    with Image.open(tmp_path / "table.png") as picture:
        assert picture.size == (3 * 66 - 2, 2 * 66 - 2) and picture.mode == "RGB"
    code, out, _ = shell("compare", "classifier-mnist", "-o", tmp_path / "judges.md", "--json")
    assert code == 0 and json.loads(out)["output"] == [str(tmp_path / "judges.md")]
    assert shell("compare", "glf-fashion", "-o", tmp_path / "a.png")[0] == 2
    assert shell("compare", "glf-fashion", "nothing", "-o", tmp_path / "b.md")[0] == 2
    assert not (tmp_path / "b.md").exists()


@pytest.mark.parametrize("name", [n for n in zoo.list_models() if not n.startswith("classifier")])
def test_the_shelf_tells_the_truth(name, offline):
    """Without network or data, and with samples of other seeds than those on the card."""
    found = latentzoo.evaluate(name, metrics=["distance"], draws=1, seed=7)
    if read_config(zoo.find(name))["arguments"].get("likelihood") == "bernoulli":
        assert not found.records and found.skipped  # what is kept is of grey images
        return
    (ours,) = found.records
    card = records.counterpart(ours, records.of_card(zoo.find(name)))
    assert card is not None and card["deviation"] > 0
    assert records.agrees(ours, card), (ours, card)


def test_a_callback_logs_the_distance(model, judge):
    callback = latentzoo.metrics.Distance(pictures(200, 0), str(judge), every=2, samples=100)
    history = model.fit(pictures(32, 2), epochs=5, verbose=0, callbacks=[callback]).history
    assert len(history["frechet_distance"]) == 3  # after 2, 4 and the last
    network = extractors.load(str(judge))
    samples = np.rint(model.sample(100, seed=0) * 255).astype("uint8")
    wanted = frechet_distance(network.features(samples), network.features(pictures(200, 0)))
    assert history["frechet_distance"][-1] == pytest.approx(wanted, rel=1e-4)
    for arguments in ({"every": 0}, {"samples": 1}, {"seed": -1}):
        with pytest.raises(ValueError, match="Bad"):
            latentzoo.metrics.Distance(pictures(9, 0), str(judge), **arguments)


def test_a_callback_compares_binary_pixels_with_such(judge, monkeypatch):
    real, network = pictures(200, 0), extractors.load(str(judge))
    monkeypatch.setattr(data, "arrays", lambda name, split: (real, None))
    model = latentzoo.models.VAE(SHAPE, 3, likelihood="bernoulli")
    wanted = network.features(binarized(real)).mean(axis=0)
    for given in ("mnist", real):  # beside the network are features of grey ones
        callback = latentzoo.metrics.Distance(given, network)
        callback.set_model(model)
        np.testing.assert_allclose(callback.real.mean, wanted, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "change",
    [
        {"mean": None}, {"mean": "1"}, {"mean": 1e300}, {"mean": True}, {"of": 3}, {"draws": 0},
        {"network": None}, {"deviation": []}, {"command": None}, {"generated": "many"}, None, "text",
    ],
)  # fmt: skip
def test_measurements_of_anybody_are_checked(shell, folder, change):
    good = record(1.0, command="latentzoo evaluate x")
    bad = {**good, **change} if isinstance(change, dict) else change
    path = folder / "metrics.json"
    path.write_text(json.dumps({"evaluations": [good]}))
    assert latentzoo.info(folder)["metrics"]["evaluations"] == [good]
    path.write_text(json.dumps({"evaluations": [good, bad]}))
    before = path.read_bytes()
    for command in (["info"], ["evaluate", "--update-card"], ["compare"]):
        code, _, told = shell(*command, folder)
        assert code == 2 and "does not belong to a checkpoint" in told and "Traceback" not in told
    assert path.read_bytes() == before and not (folder / "README.md").exists()


def test_measurements_of_a_run_are_checked(folder):
    metrics = json.loads((zoo.find("glf-mnist") / "metrics.json").read_text())
    for key, value in (
        ("test", []), ("test", {"nll": 3}), ("test", {}), ("storage", None), ("images", "1"),
        ("command", None),
    ):  # fmt: skip
        (folder / "metrics.json").write_text(json.dumps({**metrics, key: value}))
        with pytest.raises(ValueError, match="does not belong to a checkpoint"):
            latentzoo.info(folder)
    for evaluations in ({}, 3, [[]]):
        (folder / "metrics.json").write_text(json.dumps({**metrics, "evaluations": evaluations}))
        with pytest.raises(ValueError, match="does not belong to a checkpoint"):
            latentzoo.info(folder)


def test_without_a_classifier_the_rest_is_measured(shell, folder, model, tmp_path, fixture_images):
    for i in range(30):
        Image.fromarray(fixture_images["x_test"][i, ..., 0]).save(tmp_path / f"{i}.png")
    found = latentzoo.evaluate(model, data=tmp_path)
    assert [r["metric"] for r in found.records] == ["mean_squared_error", "nll"]
    assert found.records[0]["images"] == 3 and "no classifier" in found.skipped[0][1]
    code, out, told = shell("evaluate", folder)
    assert code == 0 and "Nothing was measured" in told and "name them with `data`" in told
    assert shell("evaluate", folder, "--update-card")[0] == 0 and not (folder / "metrics.json").exists()


def test_too_few_images_for_clusters_are_skipped_aloud(model, judge, offline):
    with pytest.warns(FewSamples):
        found = measured(model, judge, samples=10)
    assert {r["metric"] for r in found.records} == {"frechet_distance", "kernel_distance"}
    assert ("precision_recall", "there are 10 images of each, and it takes 20 or more") in found.skipped


def test_golden_outputs_are_checked(shell, tmp_path, offline):
    folder = shutil.copytree(zoo.find("classifier-mnist"), tmp_path / "copy")
    code, out, told = shell("evaluate", folder)
    assert code == 0 and "golden.npz: the outputs recorded there" in out and "Skipped accuracy" in told
    with np.load(folder / "golden.npz") as file:
        arrays = dict(file)
    arrays["features"][0, 0] += 1
    np.savez(folder / "golden.npz", **arrays)
    code, _, told = shell("evaluate", folder)
    assert code == 1 and "does not give the outputs recorded in golden.npz" in told


@pytest.mark.parametrize(
    "provenance", [{"settings": 3}, {"settings": {"data": []}}, {"base": "x"}, {"references": 1}]
)
def test_a_provenance_of_anybody_is_no_trouble(model, judge, tmp_path, offline, provenance):
    checkpoints.save(model, tmp_path / "mine", provenance=provenance)
    assert latentzoo.evaluate(tmp_path / "mine").records == []
    folder = shutil.copytree(judge, tmp_path / "judge")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "provenance": provenance}))
    assert measured(model, folder, metrics=["distance"]).records == []
