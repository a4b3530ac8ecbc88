"""Experiments in small: they run, go on where they stopped, and come to verdicts."""

import csv
import importlib
import pathlib
import sys

import numpy as np
import pytest

import latentzoo
from latentzoo import data, recipes

TRAINING = pathlib.Path(__file__).parents[1] / "training"
EXPERIMENTS = [path.stem for path in (TRAINING / "experiments").glob("*.py")]


@pytest.fixture
def small(fixture_images, monkeypatch, tmp_path):
    """The module of an experiment, on 64 images and with results of its own."""
    before = set(sys.modules)
    for folder in (TRAINING, TRAINING / "experiments"):
        monkeypatch.syspath_prepend(str(folder))

    def load(name, channels=1):
        module = importlib.import_module(name)
        results = tmp_path / "results"
        if hasattr(module, "COUNT"):
            monkeypatch.setattr(module, "COUNT", 160)
        few = {key: array[:64] for key, array in fixture_images.items()}
        if channels == 3:  # as large as CIFAR-10's
            frame = ((0, 0), (2, 2), (2, 2), (0, 2))
            few = {key: np.pad(x, frame) if key.startswith("x") else x for key, x in few.items()}
        monkeypatch.setattr(data, "arrays", lambda name, split: (few[f"x_{split}"], few[f"y_{split}"]))
        return module, results

    yield load
    for name in set(sys.modules) - before:
        if name.split(".")[0] in ("report", "curves", *EXPERIMENTS):
            del sys.modules[name]


@pytest.mark.slow
def test_pga_mnist(small, narrow, monkeypatch, tmp_path, capsys):
    module, results = small("pga_mnist")
    monkeypatch.setattr("latentzoo.networks.pga.UNITS", 16)
    monkeypatch.setattr(module, "EVERY", 1)
    monkeypatch.setattr(module, "WARM_UP", 1)
    arguments = ["--results", str(results), "--out", str(tmp_path / "runs"), "--count", "160", "--epochs"]
    module.main([*arguments, "1", "--systems", "LPGA"])
    capsys.readouterr()
    module.main([*arguments, "4"])
    lines = capsys.readouterr().out.strip().splitlines()
    assert [line.split(",")[0] for line in lines[:6]] == [*module.SYSTEMS]
    assert [line[:5] for line in lines[6:]] == [*module.CLAIMS]
    verdicts = ("held", "not held", "undecided within noise")
    assert all(line.split(", ")[1].split(":")[0] in verdicts for line in lines[6:]), lines
    assert (results / "pga_mnist.png").stat().st_size > 1000
    with open(results / "pga_mnist.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for system in module.SYSTEMS:
        own = [row for row in rows if row["system"] == system and row["metric"] == "frechet_distance"]
        draws = [(int(row["epochs"]), int(row["draws"])) for row in own]
        assert draws == [(2, 2), (3, 2), (4, 5)]
        losses = [float(row["value"]) for row in rows if row["system"] == system and row["metric"] == "loss"]
        assert len(losses) == 3 and np.isfinite(losses).all()
    provenance = latentzoo.info(tmp_path / "runs" / "LPGA")["provenance"]
    assert provenance["command"].endswith("pga_mnist.py --epochs 4 --count 160")
    assert (provenance["recipe"], provenance["epochs"], provenance["train_images"]) == ("lpga-mnist", 4, 64)
    size = (results / "pga_mnist.csv").read_bytes()
    module.main([*arguments, "4"])  # nothing is left to do
    assert (results / "pga_mnist.csv").read_bytes() == size


@pytest.mark.parametrize(
    "name, dataset, ids",
    [
        ("pga_mnist", "MNIST", ("CL-50", "CL-51", "CL-52", "CL-54")),
        ("advae_flowae", "MNIST-binarized", ("CL-30", "CL-31", "CL-32", "CL-33", "CL-34")),
        ("fashion_baselines", "Fashion-MNIST", ("CL-01",)),
        ("regularized_glf", "CIFAR-10", ("CL-04", "CL-05")),
        ("latent_regularization", "Fashion-MNIST", ("CL-20", "CL-21")),
        ("latent_regularization", "MNIST", ("CL-23",)),
        ("flow_time", "Fashion-MNIST", ("CL-10",)),
    ],
)
def test_the_systems_are_those_that_claims_are_about(small, name, dataset, ids):
    module, _ = small(name)
    systems = {*module.SYSTEMS, *(module.OURS[n][1] for n in module.SYSTEMS if name == "fashion_baselines")}
    systems |= {module.PLANE, module.GAUSSIAN, module.CODES} if name == "latent_regularization" else set()
    claims = {claim.id: claim for claim in module.curves.claims.CLAIMS}
    for claim in ids:
        parts = module.curves.verdicts.on(claims[claim], dataset).parts
        assert parts
        assert {need[0] for part in parts for q in part.quantities for need in q.needs} <= systems


@pytest.mark.parametrize("option", ["--epochs 0", "--images -1", "--count many", "--share 0", "--share nan"])
def test_bad_arguments(small, option, tmp_path, capsys):
    module, results = small("latent_regularization" if "share" in option else "pga_mnist")
    with pytest.raises(SystemExit):
        module.main([*option.split(), "--out", str(tmp_path / "runs"), "--results", str(results)])
    assert "Expected: a" in capsys.readouterr().err and not (tmp_path / "runs").exists()


def test_the_systems_of_perceptual_autoencoders_are_recipes(small):
    module, _ = small("pga_mnist")
    for recipe, arguments in module.SYSTEMS.values():
        known = recipes.recipe(recipe)["model"]
        assert set(arguments) <= {*known, "decoder_learns_codes"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::latentzoo.metrics.arrays.FewSamples")
def test_latent_regularization(small, narrow, tmp_path, capsys):
    module, results = small("latent_regularization")
    arguments = ["--results", str(results), "--out", str(tmp_path / "runs"), "--share", "0.002"]
    arguments += ["--seeds", "2", "--count", "60", "--couplings", "2", "--units", "8", "--images", "64"]
    for _ in range(2):  # the second time nothing is left to do
        module.main(arguments)
    lines = capsys.readouterr().out.strip().splitlines()
    verdicts = [line.partition(" on ")[2].partition(", ")[2].split(":")[0] for line in lines[-3:]]
    assert [line[:5] for line in lines[-3:]] == ["CL-20", "CL-21", "CL-23"]
    assert set(verdicts) <= {"held", "not held", "undecided within noise"}, lines[-3:]
    with open(results / "latent_regularization.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["system"] for row in rows} == {*module.SYSTEMS, module.PLANE, module.GAUSSIAN, module.CODES}
    assert {row["draws"] for row in rows if row["spread"] == "seeds"} == {"2"}
    assert (results / "latent_regularization.png").stat().st_size > 1000
    provenance = latentzoo.info(tmp_path / "runs" / "seed-1" / "VAE-flow-prior-beta-KL-0")["provenance"]
    assert provenance["settings"]["seed"] == 1 and "--share 0.002" in provenance["command"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::latentzoo.metrics.arrays.FewSamples")
def test_advae_flowae(small, monkeypatch, tmp_path, capsys):
    module, results = small("advae_flowae")
    monkeypatch.setattr(module, "MAPPED", 60)
    monkeypatch.setattr(module, "EVERY", 1)
    out = ["--results", str(results), "--out", str(tmp_path / "runs")]
    arguments = [*out, "--share", "0.04", "--seeds"]
    module.main([*arguments, "1"])
    module.main([*arguments, "2"])
    lines = capsys.readouterr().out.strip().splitlines()[-5:]
    assert [line[:5] for line in lines] == [*module.CLAIMS]
    with open(results / "advae_flowae.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for system in module.SYSTEMS:
        own = {row["metric"]: row for row in rows if row["system"] == system}  # the last of each
        assert {"frechet_distance", "f8", "f1_8"} <= set(own)
        assert {row["draws"] for row in own.values()} == {"2"}
        assert int(own["f8"]["epochs"]) == (1 + 2 if system in module.LEARNED else 2)
        swings = {"loss", "loss_rise", "loss_fall", "distance_rise"}
        assert swings & set(own) == (swings if system in module.LEARNED else set())
        assert ("silhouette" in own) == (system in ("VAE", "FlowAE"))
    (floor,) = [row for row in rows if row["system"] == module.REAL]
    assert floor["metric"] == "frechet_distance" and floor["draws"] == "2" and float(floor["value"]) > 0
    assert (results / "advae_flowae.png").stat().st_size > 1000
    for system, name in module.SYSTEMS.items():
        provenance = latentzoo.info(tmp_path / "runs" / "seed-1" / module.curves.folder(system))["provenance"]
        assert provenance["recipe"] == name and provenance["settings"]["seed"] == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::latentzoo.metrics.arrays.FewSamples")
def test_fashion_baselines(small, narrow, monkeypatch, tmp_path, capsys):
    module, results = small("fashion_baselines")
    monkeypatch.setattr(module, "NETWORKS", {"classifier-fashion": {"metrics": ["distance"], "draws": 2}})
    out = ["--results", str(results), "--out", str(tmp_path / "runs")]
    arguments = [*out, "--share", "0.01", "--samples", "160", "--systems"]
    for _ in range(2):  # the second time nothing is left to do
        module.main([*arguments, "glf-fashion", "vae-fashion"])
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[-1].startswith("CL-01 on Fashion-MNIST")
    with open(results / "fashion_baselines.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["system"], row["name"]) for row in rows] == [
        (system, name) for system in ("GLF", "VAE") for name in ("FCD", "FCD of reconstructions")
    ]
    assert (results / "fashion_baselines.png").stat().st_size > 1000


@pytest.mark.slow
def test_regularized_glf(small, narrow, monkeypatch, tmp_path, capsys):
    module, results = small("regularized_glf", channels=3)
    arguments = ["--results", str(results), "--out", str(tmp_path / "runs"), "--epochs"]
    module.main([*arguments, "2"])
    kept = (results / "regularized_glf.csv").read_bytes()
    module.main([*arguments, "2"])  # nothing is left to do
    assert (results / "regularized_glf.csv").read_bytes() == kept
    lines = capsys.readouterr().out.strip().splitlines()
    assert [line[:5] for line in lines[-2:]] == ["CL-04", "CL-05"]
    rows = list(csv.DictReader(kept.decode().splitlines()))
    metrics = {(row["metric"], row["epochs"]) for row in rows if row["system"] == "GLF"}
    assert metrics == {(metric, epoch) for metric in module.METRICS for epoch in "12"} | {("divergence", "2")}
    assert {row["system"] for row in rows} == set(module.SYSTEMS)
    assert (results / "regularized_glf.png").stat().st_size > 1000


@pytest.mark.slow
def test_flow_time(small, narrow, tmp_path, capsys):
    module, results = small("flow_time")
    module.main(["--results", str(results), "--epochs", "3", "--images", "64"])
    assert capsys.readouterr().out.strip().splitlines()[-1].startswith("CL-10 on Fashion-MNIST, ")
    with open(results / "flow_time.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["system"], row["draws"], row["trained"]) for row in rows] == [
        (system, "3", "64") for system in module.SYSTEMS
    ]
    assert (results / "flow_time.png").stat().st_size > 1000
