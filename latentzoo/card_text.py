"""What a card says: Markdown, made of `config.json` and `metrics.json` alone."""

from latentzoo import recipes
from latentzoo.card_metadata import METRICS, is_classifier
from latentzoo.evaluation import tables


def markdown(folder, config, metrics, source):
    """The text of a card."""
    from latentzoo import models

    shape = config["arguments"]["image_shape"]
    about = getattr(models, config["class"]).__doc__.splitlines()[0]
    use = "probabilities = model.probabilities(images)  # of images (n, {}), floats in [0, 1] or uint8"
    if not is_classifier(config):
        use = "images = model.sample(16, seed=0)  # float32, (16, {}), in [0, 1]"
    picture = "![Samples, seed 0](samples.png)\n\n" if (folder / "samples.png").is_file() else ""
    return f"""
# {source.removeprefix("hf://").rstrip("/").split("/")[-1]}

{picture}{about} {config["parameters"] / 1e6:.1f} million parameters, images of {show_shape(shape)},
{outputs(config["arguments"])}.

```python
import latentzoo

model = latentzoo.load("{source}")
{use.format(", ".join(map(str, shape)))}
```

latentzoo is a Keras 3 model zoo of generative autoencoders; its checkpoints are JSON and safetensors, and
nothing in them can run code.
{training(folder, config["provenance"])}{measurements(folder, metrics)}{evaluations(metrics)}"""


def outputs(arguments):
    """What a model makes of an image."""
    if "latent_dim" in arguments:
        return f"codes of width {arguments['latent_dim']}"
    return f"{arguments['classes']} {'attributes' if arguments['attributes'] else 'classes'}"


def training(folder, provenance):
    """How the weights were made, as far as it is known."""
    base = provenance.get("base", {})
    data = f", which was trained on {base['data']}" if "data" in base else ""
    tuned = f"\nFine-tuned from `{provenance['base_model']}`{data}.\n" if "base_model" in provenance else ""
    if "settings" not in provenance:
        return f"\n## Training\n{tuned}" if tuned else ""
    settings = provenance["settings"]
    split = "" if settings["split"] == "train" else f" (split `{settings['split']}`)"
    flips = ", flipped at random" if settings["flip"] else ""
    if settings.get("shift"):
        flips += f", moved by up to {settings['shift']} pixels"
    if settings.get("binarize"):
        flips += ", their pixels drawn black or white anew in every epoch (test images are cut at a half)"
    faces = " The weights likewise." if "non-commercial" in provenance["licence"] else ""
    faces += PICTURES if faces and (folder / "samples.png").is_file() else ""
    where = f" on {provenance['device']}" if "device" in provenance else ""
    if settings.get("model", {}).get("dtype") == "mixed_bfloat16":
        where += ", computed in bfloat16 with weights in float32"
    curve = "\n- [history.csv](history.csv) has the terms of the loss for each epoch."
    return f"""
## Training
{tuned}
`{provenance["command"]}`

- Data: {provenance["train_images"]:,} training images of {provenance["data"]}{split}{flips}. Licence of the
  data: {provenance["licence"]}.{faces}
- {provenance["epochs"]}{whole(provenance)} epochs in batches of {settings["batch_size"]},
  seed {settings["seed"]}, in {duration(provenance["seconds"])}{where}.
- {optimizer(settings)}{"".join(more(provenance))}{curve if (folder / "history.csv").is_file() else ""}
"""


def whole(provenance):
    """How many epochs the recipe has, if more than there were."""
    most = recipes.whole_epochs(provenance.get("recipe"))
    return f" of the recipe's {most}" if most and most > provenance["epochs"] else ""


def optimizer(settings):
    """The optimizer with its settings, and its rates, a sentence."""
    main = settings["optimizer"]
    others = "".join(
        f"; of the {group} {told(other)}" for group, other in settings.get("optimizers", {}).items()
    )
    factors = steps(settings)
    return f"{main.get('name', 'Adam')} with {told(main)}{others}{f', times {factors}' if factors else ''}."


def told(settings):
    """Settings as one would write them."""
    return ", ".join(f"`{key}={value!r}`" for key, value in settings.items() if key not in ("name", "dtype"))


def more(provenance):
    """What else there was to the training, lines of a list."""
    settings = provenance["settings"]
    if told(settings.get("model", {})):
        yield f"\n- The model with {told(settings['model'])}."
    if "prior" in settings:
        yield f"\n- Its prior `{settings['prior']['name']}`{' with ' * (len(settings['prior']) > 1)}"
        yield f"{told(settings['prior'])}."
    network = settings.get("model", {}).get("perceptual_network")
    if network:
        yield f"\n- The reconstruction is compared in the features of `{network}`."
    part = settings.get("prior_fit")
    if part is None:
        return
    if "optimizer" in part:
        schedule = {"learning_rate_factors": {}, **part}
        how = f": {part['epochs']} epochs in batches of {part['batch_size']}. {optimizer(schedule)}"
    else:
        how = "."
    if part.get("settings"):
        how = f", with {told(part['settings'])}{how}"
    took = ""
    if "prior_seconds" in provenance:
        took = f" It took {duration(provenance['prior_seconds'])}."
    yield f"\n- Then the prior, on the codes of the training images{how}{took}"


def duration(seconds):
    return f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"


def measurements(folder, metrics):
    """The table of measurements, each with what it was measured on."""
    if "test" not in metrics:
        return ""
    storage = metrics["storage"]
    rows = "\n".join(
        f"| {label} | {show(metrics['test'][key])} | {show(storage['float32'][key])} |"
        for key, label in METRICS.items()
        if key in metrics["test"]
    )
    table = f"""
| | as stored (int8) | before storing (float32) |
|---|---|---|
{rows}
"""
    about = f"""Measured at the end of that command on the {metrics["images"]:,} images of {metrics["data"]},
none of them trained on; mean and standard error over images.
"""
    lines = INTERPOLATIONS if (folder / "interpolations.png").is_file() else ""
    what = (
        "Probabilities for the test images"
        if "accuracy" in metrics["test"]
        else f"{storage['samples']} samples of seed 0"
    )
    return f"""
## Measurements

{about + table if rows else ""}
{what} differ by {storage["sample_difference"]:.5f} on average between the two, in [0, 1].
{lines}"""


def evaluations(metrics):
    """The table of what anyone can measure again, each number with what it depends on."""
    if not metrics.get("evaluations"):
        return ""
    groups = {}
    for record in metrics["evaluations"]:
        groups.setdefault((tables.circumstances(record), record["command"]), []).append(record)
    parts = [
        "\n".join(
            [
                f"`{command}`",
                "",
                f"{circumstances[0].upper()}{circumstances[1:]}.",
                "",
                "| measure | of | value |",
                "|---|---|---|",
                *(f"| {tables.label(r)} | {r['of']} | {tables.value(r)} |" for r in group),
            ]
        )
        for (circumstances, command), group in groups.items()
    ]
    return "\n## Evaluation\n" + EVALUATION + "\n\n".join(parts) + "\n"


EVALUATION = """
A Frechet distance depends on the network: FCD compares the features of one of our classifiers, and only FID
is that of Inception. Reconstructions, and real images beside them, are of the other split: the former show
what a perfect prior would reach, the latter what images without a fault have, of chance at this number of
images and of what sets the splits apart.

"""

PICTURES = """
  The pictures here are samples of the model and lines between them; none is a photograph of a person."""

INTERPOLATIONS = """
![Interpolations between samples, in the noise of the prior](interpolations.png)

Straight lines in the base noise of the prior between samples of seed 0.
"""


def steps(settings):
    factors = [
        f"{factor:g} from epoch {int(epoch) + 1}"
        for epoch, factor in settings["learning_rate_factors"].items()
        if int(epoch) < settings["epochs"]
    ]
    if len(factors) > 4:  # the rest goes on likewise
        factors = [*factors[:3], f"and so on, {factors[-1]}"]
    return ", ".join(factors)


def show(summary):
    digits = 5 if summary["mean"] < 1 else 2
    return f"{summary['mean']:.{digits}f} ± {summary['standard_error']:.{digits}f}"


def show_shape(shape):
    return " x ".join(map(str, shape))
