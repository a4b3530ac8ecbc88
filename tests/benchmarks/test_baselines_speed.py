"""What baselines, a fitted prior and GLANN's search cost beside their rivals; run as in test_speed.py.

Baselines train in turn with pythae 0.1.2 (Chadebec, Vincent and Allassonniere, 2022, arXiv:2206.08309). It
wants no other version of anything than latentzoo does:

    pip install --no-deps pythae==0.1.2 imageio cloudpickle pydantic torch
"""

import contextlib
import io
import logging
import os
import statistics
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_speed import paired, report

from latentzoo import priors, recipes, runs
from latentzoo.priors.nearest import CODES, DRAWS, nearest
from latentzoo.updates import bind_apply

pytestmark = pytest.mark.benchmark
SHAPE = (28, 28, 1)
STEPS = {"vae-mnist": 10, "wae-gan-mnist": 20, "rae-mixture-mnist": 10}


@pytest.fixture
def torch():
    """PyTorch with all processors of this process, where pythae is there to train on them."""
    found = pytest.importorskip("torch")
    pytest.importorskip("pythae")
    if found.cuda.is_available():
        pytest.skip("pythae takes the GPU, which is another comparison")
    found.set_num_threads(len(os.sched_getaffinity(0)))
    logging.disable(logging.INFO)  # pythae's loggers set their own levels
    yield found
    logging.disable(logging.NOTSET)


def networks(family, d):
    """The InfoGAN networks, and the critic, as pythae takes them."""
    from pythae.models import nn as bases
    from pythae.models.base.base_utils import ModelOutput
    from torch import nn, zeros_like

    outputs = 2 * d if family == "VAE" else d

    class Encoder(bases.BaseEncoder):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(
                nn.Conv2d(1, 64, 4, 2, 1), nn.ReLU(),
                nn.Conv2d(64, 128, 4, 2, 1), nn.BatchNorm2d(128), nn.ReLU(),
                nn.Flatten(), nn.Linear(128 * 49, 1024), nn.BatchNorm1d(1024), nn.ReLU(),
                nn.Linear(1024, outputs),
            )  # fmt: skip

        def forward(self, x):
            z = self.layers(x)
            mean, log_variance = z.chunk(2, 1) if family == "VAE" else (z, zeros_like(z))
            return ModelOutput(embedding=mean, log_covariance=log_variance)

    class Decoder(bases.BaseDecoder):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(
                nn.Linear(d, 1024), nn.BatchNorm1d(1024), nn.ReLU(),
                nn.Linear(1024, 128 * 49), nn.BatchNorm1d(128 * 49), nn.ReLU(),
                nn.Unflatten(1, (128, 7, 7)),
                nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.BatchNorm2d(64), nn.ReLU(),
                nn.ConvTranspose2d(64, 1, 4, 2, 1), nn.Sigmoid(),
            )  # fmt: skip

        def forward(self, z):
            return ModelOutput(reconstruction=self.layers(z))

    class Critic(bases.BaseDiscriminator):
        def __init__(self):
            super().__init__()
            hidden = [layer for i in range(4) for layer in (nn.Linear(512 if i else d, 512), nn.ReLU())]
            self.layers = nn.Sequential(*hidden, nn.Linear(512, 1), nn.Sigmoid())

        def forward(self, z):
            return ModelOutput(embedding=self.layers(z))

    return {"encoder": Encoder(), "decoder": Decoder()}, Critic


def pythae_epoch(recipe, x, folder, *, best=False):
    """One epoch of pythae's own trainer, `train_step`, without the copy of the best model that it makes then.

    VAE is its `VAE`; RAE its `RAE_L2`; WAE with a critic, which it has not (its `WAE_MMD` has none), its
    `Adversarial_AE` with a posterior of no deviation. Each has the trainer that its pipeline insists on.
    `best` has what else its configurations take: `amp`, a fused Adam, and for `RAE_L2` the plain trainer,
    which goes back once where `CoupledOptimizerTrainer` goes twice.
    """
    import torch
    from pythae import models, trainers
    from pythae.data.datasets import BaseDataset

    d, family = recipe["model"]["latent_dim"], recipe["family"]
    rate, batch = recipe["optimizer"]["learning_rate"], recipe["batch_size"]
    betas = (recipe["optimizer"].get("beta_1", 0.9), 0.999)
    parts, critic = networks(family, d)
    size = {"input_dim": (1, 28, 28), "latent_dim": d}
    adam = {"betas": betas, **({"fused": True} if best else {})}
    base = {"output_dir": str(folder), "per_device_train_batch_size": batch, "amp": best}
    plain = (
        trainers.BaseTrainer,
        trainers.BaseTrainerConfig,
        {"learning_rate": rate, "optimizer_params": adam},
    )
    if family == "VAE":
        model, (trainer, config, settings) = models.VAE(models.VAEConfig(**size), **parts), plain
    elif family == "WAE":
        made = models.Adversarial_AE_Config(**size, deterministic_posterior=True)
        model = models.Adversarial_AE(made, **parts, discriminator=critic())
        trainer, config = trainers.AdversarialTrainer, trainers.AdversarialTrainerConfig
        halves = {"autoencoder": rate, "discriminator": recipe["optimizers"]["critic"]["learning_rate"]}
    else:
        model = models.RAE_L2(models.RAE_L2_Config(**size, embedding_weight=0.5, reg_weight=0.0), **parts)
        if best:
            trainer, config, settings = plain
        else:
            trainer, config = trainers.CoupledOptimizerTrainer, trainers.CoupledOptimizerTrainerConfig
            halves = {"encoder": rate, "decoder": rate}
    if config is not trainers.BaseTrainerConfig:
        settings = {f"{half}_learning_rate": rate for half, rate in halves.items()}
        settings |= {f"{half}_optimizer_params": adam for half in halves}
    pixels = torch.from_numpy(x.transpose(0, 3, 1, 2) / np.float32(255))
    made = trainer(
        model, BaseDataset(pixels, torch.zeros(len(x))), training_config=config(**base, **settings)
    )
    with made.amp_context:
        assert not torch.is_autocast_enabled("cpu")  # `amp` is `torch.autocast("cuda")` whatever there is
    made.prepare_training()

    def epoch():
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
            made.train_step(1)
            made.callback_handler.on_epoch_end(made.training_config)

    return epoch


def counted(call, busy):
    """`call`, with the processor's seconds written down, which other load on the machine distorts less."""

    def run():
        start = time.process_time()
        call()
        busy.append(time.process_time() - start)

    return run


@pytest.mark.filterwarnings("ignore:CUDA is not available:UserWarning")
@pytest.mark.parametrize("name", STEPS)
def test_fit_against_pythae(benchmark, torch, tmp_path, name):
    recipe = recipes.recipe(name)
    n = STEPS[name] * recipe["batch_size"]
    x = np.random.default_rng(0).integers(0, 256, (n, *SHAPE), "uint8")
    runs.seed(0)
    model = recipes.build(recipe, SHAPE)
    batches = runs.batches(recipe, x, None, 0)
    best = pythae_epoch(recipe, x, tmp_path, best=True)

    def fit():
        model.fit(batches, steps_per_epoch=STEPS[name], shuffle=False, verbose=0)

    def autocast():
        with torch.autocast("cpu", torch.bfloat16):
            best()

    rivals = {
        "fit": fit,
        "pythae": pythae_epoch(recipe, x, tmp_path),
        "its best": best,
        "its best in our autocast": autocast,
    }
    for call in rivals.values():
        call()
    busy = {rival: [] for rival in rivals}
    found = paired(3, **{rival: counted(call, busy[rival]) for rival, call in rivals.items()})
    report(benchmark, f"one epoch of {name}, {n} images", found)
    print(", ".join(f"{rival} {n / seconds:.0f} images/s" for rival, seconds in found.items()))
    shares = {rival: statistics.median(seconds) for rival, seconds in busy.items()}
    print("processor: " + ", ".join(f"{rival} {seconds:.2f} s" for rival, seconds in shares.items()))
    assert found["its best"] > found["fit"]
    assert shares["its best"] > shares["fit"]
    assert shares["pythae"] > 2 * shares["fit"]  # 3 times is wanted


def test_fitting_a_flow_against_a_loop_by_hand(benchmark):
    codes = np.random.default_rng(0).standard_normal((60_000, 20)).astype("float32")
    codes = np.tanh(codes) + 0.1 * codes**2
    ours, twin = priors.RealNVP(20), priors.RealNVP(20)
    variables = twin.trainable_variables
    optimizer = keras.optimizers.Adam(1e-3, epsilon=1e-8)
    optimizer.build(variables)
    apply = tf.function(bind_apply(optimizer, variables), jit_compile=True)
    kept = tf.constant(codes)

    @tf.function
    def step(rows):
        with tf.GradientTape() as tape:
            nll = -tf.reduce_mean(twin.log_prob(tf.gather(kept, rows)))
        apply(tape.gradient(nll, [v.value for v in variables]))
        return nll

    def hand():
        order = tf.random.shuffle(tf.range(len(codes)))
        losses = [step(order[start : start + 256]) for start in range(0, len(codes), 256)]
        return float(tf.reduce_mean(losses))

    class Turns(keras.callbacks.Callback):
        """Times the epochs of one `fit`, which compiles in its first, and lets the loop run between them."""

        fit, hand, busy, busy_hand = [], [], [], []

        def on_epoch_begin(self, epoch, logs=None):
            self.start = time.perf_counter(), time.process_time()

        def on_epoch_end(self, epoch, logs=None):
            self.fit.append(time.perf_counter() - self.start[0])
            self.busy.append(time.process_time() - self.start[1])
            self.hand.append(paired(1, hand=counted(hand, self.busy_hand))["hand"])

    turns = Turns()
    nll = ours.fit(codes, batch_size=256, epochs=6, validation_split=0, callbacks=[turns], verbose=0)
    np.testing.assert_allclose(nll.history["nll"][-1], hand(), rtol=0.1)
    found = {"fit": statistics.median(turns.fit[1:]), "hand": statistics.median(turns.hand[1:])}
    report(benchmark, "one epoch of RealNVP on 60,000 codes, d = 20, batches of 256", found)
    print(
        f"fit: {60_000 / found['fit']:.0f} codes/s, {found['hand'] / found['fit']:.3f} of by hand; the first "
        f"epoch takes {turns.fit[0] - found['fit']:.1f} s more, by hand {turns.hand[0] - found['hand']:.1f} s"
    )
    shares = [statistics.median(seconds[1:]) for seconds in (turns.busy, turns.busy_hand)]
    print(f"processor: fit {shares[0]:.2f} s, hand {shares[1]:.2f} s")
    assert found["hand"] > 0.9 * found["fit"]


def test_nearest_draws_of_glann(benchmark):
    from scipy.spatial.distance import cdist
    from sklearn.metrics import pairwise_distances_argmin

    rng = np.random.default_rng(0)
    codes = rng.standard_normal((60_000, 64), "float32")
    draws = rng.standard_normal((120_000, 64), "float32")
    some = 4 * CODES

    def products():
        """What no exact search through distances can do without."""
        for i in range(0, some, CODES):
            for j in range(0, len(draws), DRAWS):
                codes[i : i + CODES] @ draws[j : j + DRAWS].T

    def scipy():
        for i in range(0, 256, 64):
            cdist(codes[i : i + 64], draws, "sqeuclidean").argmin(axis=1)

    def sklearn():
        return pairwise_distances_argmin(codes[:some], draws)

    assert np.mean(nearest(codes[:some], draws) == sklearn()) > 0.999  # equal but for rounding
    found = paired(3, nearest=lambda: nearest(codes[:some], draws), products=products, sklearn=sklearn)
    found["scipy"] = paired(1, scipy=scipy)["scipy"] * some / 256
    report(benchmark, f"nearest of 120,000 draws for {some} codes, d = 64", found)
    whole = paired(1, whole=lambda: nearest(codes, draws))["whole"]
    print(f"for 60,000 codes {whole:.1f} s; products alone {found['products'] * 60_000 / some:.1f} s")
    assert found["nearest"] < found["sklearn"]
    assert found["nearest"] < 3 * found["products"]
