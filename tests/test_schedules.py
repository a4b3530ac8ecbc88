"""The schedules of the recipes, as the papers state them or their authors' code has them."""

import pytest

from latentzoo import recipes

EVERY_50 = {50: 0.5, 100: 0.25, 150: 0.125}
EVERY_100 = {100: 0.5, 200: 0.25, 300: 0.125}

# By recipe: batch, epochs, rate and its factors; and the same of a prior that comes after.
STATED = {
    # Xiao, Yan and Amit, and what they compare with
    "glf-mnist": (256, 100, 1e-3, {50: 0.5}),
    "glf-fashion": (256, 100, 1e-3, {50: 0.5}),
    "glf-cifar10": (256, 200, 1e-3, EVERY_50),
    "glf-perceptual-fashion": (256, 100, 1e-3, {50: 0.5}),
    "glf-two-stage-fashion": (256, 100, 1e-3, {50: 0.5}, 256, 100, 1e-3, {50: 0.5}),
    "vae-fashion": (256, 200, 1e-3, {100: 0.5}),
    "vae-flow-prior-mnist": (256, 200, 1e-3, {100: 0.5}),
    "vae-flow-prior-cifar10": (256, 400, 1e-3, EVERY_100),
    "vae-flow-posterior-celeba": (256, 80, 1e-3, {40: 0.5}),
    "wae-gan-fashion": (100, 100, 1e-3, {30: 0.5, 50: 0.1}),
    "wae-gan-cifar10": (100, 200, 1e-3, {60: 0.5, 120: 0.1}),
    "wae-gan-celeba": (100, 55, 3e-4, {30: 0.5, 50: 0.1}),
    "two-stage-vae-fashion": (100, 400, 1e-4, {150: 0.5, 300: 0.25}, 100, 800, 1e-4, {300: 0.5, 600: 0.25}),
    "two-stage-vae-celeba": (100, 120, 1e-4, {48: 0.5, 96: 0.25}, 100, 300, 1e-4, {120: 0.5, 240: 0.25}),
    "rae-mixture-fashion": (256, 100, 1e-3, {50: 0.5}),
    "rae-mixture-celeba": (256, 40, 1e-3, {}),
    "glann-fashion": (128, 500, 1e-2, {e: 0.5 ** (e // 20) for e in range(20, 500, 20)}, 128, 50, 1e-3, {}),
    "glann-cifar10": (128, 500, 1e-2, {e: 0.5 ** (e // 50) for e in range(50, 500, 50)}, 128, 50, 1e-3, {}),
    # Morrow and Chiu
    "vae-flow-prior-beta0-mnist": (100, 200, 1e-4, {}, 100, 100, 1e-4, {}),
    "vae-flow-prior-beta0-fashion": (100, 300, 1e-4, {}, 100, 100, 1e-4, {}),
    "vae-flow-prior-beta1-cifar10": (100, 500, 1e-4, {250: 0.5}, 100, 100, 1e-4, {}),
    "vae-flow-prior-beta0-celeba": (100, 200, 1e-4, {}, 100, 50, 1e-4, {}),
    "aae-learned-prior-fashion": (100, 300, 1e-4, {}),
    "factor-vae-residual-celeba": (100, 300, 1e-4, {100: 0.5, 200: 0.25}),
    # Sridhar and Srivastava
    "advae-mnist": (100, 10, 1e-3, {}, 100, 50, 1e-4, {}),
    "flowae-mnist": (100, 10, 1e-3, {}, 100, 50, 1e-3, {}),
    # Zhang, Zhang, Li, Bengio and Paull
    "lpga-mnist": (64, 600, 0.1, {}),
    "lvpga-cifar10": (64, 400, 0.2, {}),
    "lpga-celeba": (64, 100, 0.4, {}),
    "vpga-celeba": (64, 60, 0.4, {}),
}
# Where Adam or SGD have other settings than their own: recipe, whose optimizer, and the settings.
OPTIMIZERS = [
    ("wae-gan-fashion", "encoder", {"beta_1": 0.5}),
    ("wae-gan-fashion", "critic", {"beta_1": 0.5, "learning_rate": 5e-4}),
    ("wae-gan-celeba", "critic", {"beta_1": 0.5, "learning_rate": 1e-3}),
    ("glann-fashion", "codes", {"beta_1": 0.5, "beta_2": 0.999, "learning_rate": 1e-2}),
    ("glann-fashion", "decoder", {"beta_1": 0.5, "beta_2": 0.999, "learning_rate": 1e-3}),
    ("lpga-mnist", "decoder", {"momentum": 0.9, "nesterov": 0}),
    ("factor-vae-residual-celeba", "critic", {"beta_1": 0.5, "beta_2": 0.9}),
]


@pytest.mark.parametrize("name", STATED)
def test_schedules_are_the_stated_ones(name):
    recipe = recipes.recipe(name)
    stages = [stage for stage in (recipe, recipe.get("prior_fit", {})) if "epochs" in stage]
    found, stated = [schedule(stage) for stage in stages], STATED[name]
    assert found == [stated[i : i + 4] for i in range(0, len(stated), 4)]


def schedule(stage):
    """Batch, epochs, rate and its factors."""
    factors = {int(epoch): factor for epoch, factor in stage.get("learning_rate_factors", {}).items()}
    return stage["batch_size"], stage["epochs"], stage["optimizer"]["learning_rate"], factors


def test_epsilon_of_adam_is_that_of_the_references():
    """1e-8, where Keras has 1e-7."""
    for name in recipes.names():
        recipe = recipes.recipe(name)
        for stage in (recipe, recipe.get("prior_fit", {})):
            settings = stage.get("optimizer", {"epsilon": 1e-8})
            assert settings.get("name") == "SGD" or settings["epsilon"] == 1e-8, name


@pytest.mark.parametrize(("name", "group", "settings"), OPTIMIZERS)
def test_optimizers_are_the_stated_ones(name, group, settings):
    from keras import ops

    shape = (64, 64, 3) if name.endswith("celeba") else (28, 28, 1)
    recipe = recipes.recipe(name)
    if "perceptual_network" in recipe["model"]:  # not needed for this
        recipe["model"] |= {"reconstruction": "squared"}
    optimizer = recipes.build(recipe, shape, 60).optimizer.groups[group]
    assert type(optimizer).__name__ == ("SGD" if "momentum" in settings else "Adam")
    for key, value in settings.items():
        assert float(ops.convert_to_numpy(getattr(optimizer, key))) == pytest.approx(value), key
