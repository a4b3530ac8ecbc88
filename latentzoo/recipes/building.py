"""The model of a recipe: its family, networks, prior and optimizers."""

import copy

from latentzoo.errors import error


def build(recipe, image_shape, train_images=None):
    """The untrained, compiled model of a recipe; a family with a code for each image wants their number."""
    from latentzoo import models

    family, arguments = getattr(models, recipe["family"]), copy.deepcopy(recipe["model"])
    if getattr(family, "indexed", False):
        arguments["n_codes"] = train_images
    if recipe.get("prior"):
        arguments["prior"] = prior(recipe)
    for part, settings in recipe.get("networks", {}).items():
        arguments[part] = network(
            part, settings, image_shape, arguments["latent_dim"], arguments.get("dtype")
        )
    model = family(image_shape, **arguments)
    return compiled(model, recipe)


def compiled(model, recipe):
    """The model with the optimizers of a recipe."""
    for part in recipe.get("frozen", ()):
        getattr(model, part).trainable = False
    model.compile(optimizers(recipe, model))
    later = recipe.get("prior_fit", {})
    if "epochs" in later:  # what is wrong with it is wrong now, not after the first stage
        optimizer(later["optimizer"])
        model.prior.trainer(**later.get("settings", {}))
    return model


def prior(recipe):
    """The prior of a recipe that names one, not fitted."""
    from latentzoo import priors

    settings = dict(recipe["prior"])
    return priors.build(settings.pop("name"), recipe["model"]["latent_dim"], **settings)


def network(part, settings, image_shape, latent_dim, dtype=None):
    """A network other than the family's own.

    Args:
        part: str, `"encoder"` or `"decoder"`.
        settings: dict. `name`, of a file in `latentzoo/networks` whose function `part` builds it, what that
            takes besides, and of an encoder `heads`, how many times as wide as a code its output is.
        image_shape: `(height, width, channels)`.
        latent_dim: int. Width of a code.
        dtype: the family's.
    """
    from latentzoo import networks

    settings = dict(settings)
    name = settings.pop("name")
    if not hasattr(getattr(networks, name, None), part):
        known = [name for name in networks.__all__ if hasattr(getattr(networks, name), part)]
        raise error("Unknown network.", f"one of {known}", f"{part} '{name}'")
    if part == "encoder":
        settings["outputs"] = settings.pop("heads", 1) * latent_dim
    else:
        settings["latent_dim"] = latent_dim
    return getattr(getattr(networks, name), part)(image_shape, dtype=dtype, **settings)


def optimizers(recipe, model):
    """The optimizers of a recipe: one for all groups, or, where it says so, another for some."""
    others = recipe.get("optimizers", {})
    if not others:
        return optimizer(recipe["optimizer"])
    from latentzoo.routing import owners

    names = owners(model.updates())
    return {name: optimizer({**recipe["optimizer"], **others.get(name, {})}) for name in names}


def optimizer(settings):
    """An optimizer: Adam unless the settings name another."""
    import keras

    settings = {"name": "Adam", **settings}
    name = settings.pop("name")
    kind = getattr(keras.optimizers, str(name), None)
    if not (isinstance(kind, type) and issubclass(kind, keras.optimizers.Optimizer)):
        raise error("Unknown optimizer.", "a class of `keras.optimizers`, such as 'Adam'", f"name={name!r}")
    return kind(**settings)
