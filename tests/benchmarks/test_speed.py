"""Figures, not tests: nothing here passes or fails by the clock.

    python -m pytest tests/benchmarks -m benchmark --benchmark-enable -s

Rivals run in turn with ours in one process, since single timings on shared machines lie by a factor of
two; printed are medians and their ratio. The PyTorch rival needs the extra `bench`.
"""

import statistics
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import latentzoo
from latentzoo.updates import bind_apply

pytestmark = pytest.mark.benchmark
SIZES = {28: ((28, 28, 1), 20), 32: ((32, 32, 3), 64), 64: ((64, 64, 3), 64)}
BATCH = 256
STEPS = {28: 30, 32: 24, 64: 8}  # enough to drown what starting an epoch costs


def paired(rounds, **rivals):
    """Median seconds of each rival, run in turn."""
    seconds = {name: [] for name in rivals}
    for _ in range(rounds):
        for name, call in rivals.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def report(benchmark, title, found, unit="s", scale=1.0):
    """Prints the figures, and how many times as fast as each rival the first one is."""
    (ours, best), *others = found.items()
    figures = ", ".join(f"{name} {value * scale:.4g} {unit}" for name, value in found.items())
    ratios = ", ".join(f"{value / best:.2f} x {name}" for name, value in others)
    print(f"\n{title}: {figures}" + (f"; {ours} is {ratios}" if others else ""))
    benchmark.extra_info.update({title: found})
    benchmark.pedantic(lambda: None)


def command_line(*arguments):
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)


def test_cold_commands(benchmark, tmp_path):
    out = str(tmp_path / "samples.png")
    found = paired(
        5,
        list=lambda: command_line("-m", "latentzoo.cli", "list"),
        sample=lambda: command_line("-m", "latentzoo.cli", "sample", "glf-fashion", "-o", out),
        imports=lambda: command_line("-c", "import keras, tensorflow, tensorflow_probability"),
    )
    report(benchmark, "cold start", found)
    print(f"sample takes {found['sample'] / found['imports']:.2f} times the imports")


def images(shape, steps):
    rng = np.random.default_rng(0)
    x = tf.constant(rng.random((BATCH, *shape), "float32"))
    return tf.data.Dataset.from_tensors(x).repeat(steps)


def glf(size):
    shape, latent_dim = SIZES[size]
    model = latentzoo.models.GLF(shape, latent_dim, dtype="mixed_bfloat16")
    model.compile()
    return model


def by_hand(model):
    """The loop one would write for this model alone: one tape, three optimizers, XLA for their apply."""
    groups = [model.encoder, model.decoder, model.prior]
    variables = [g.trainable_variables for g in groups]
    optimizers = [keras.optimizers.Adam(1e-3, epsilon=1e-8) for _ in groups]
    for optimizer, group in zip(optimizers, variables, strict=True):
        optimizer.build(group)
    applies = [
        tf.function(bind_apply(*pair), jit_compile=True) for pair in zip(optimizers, variables, strict=True)
    ]

    @tf.function
    def step(x):
        with tf.GradientTape(persistent=True) as tape:
            z = model.encoder(x, training=True)
            error = ops.square(x - model.decoder(z, training=True))
            reconstruction = ops.mean(0.5 * ops.sum(error, axis=(1, 2, 3)))
            decay = sum(ops.sum(ops.square(v)) for v in variables[2])
            nll = ops.mean(-model.prior.log_prob(z)) + 1e-5 * decay
        autoencoder = variables[0] + variables[1]
        found = tape.gradient(reconstruction, [v.value for v in autoencoder])
        applies[0](found[: len(variables[0])])
        applies[1](found[len(variables[0]) :])
        applies[2](tape.gradient(nll, [v.value for v in variables[2]]))
        return reconstruction, nll

    return step


@pytest.mark.parametrize("size", SIZES)
def test_fit_against_a_loop_by_hand(benchmark, size):
    steps = STEPS[size]
    data = images(SIZES[size][0], steps)
    model, twin = glf(size), glf(size)
    step = by_hand(twin)

    def loop():
        for x in data:
            result = step(x)
        return float(result[0])

    def fit():
        model.fit(data, verbose=0)

    fit(), loop()
    found = paired(7, fit=fit, hand=loop)
    report(benchmark, f"one epoch of GLF at {size} pixels, {steps} steps", found)
    print(f"fit: {steps * BATCH / found['fit']:.0f} images/s, {found['hand'] / found['fit']:.3f} of by hand")


def torch_step(size, fast):
    """PyTorch's GLF step: the same networks; `fast` is its best configuration here."""
    import torch
    from torch import nn

    shape, d = SIZES[size]
    height, width, channels = shape
    grid = height // 4

    class Grid(nn.Module):
        def forward(self, x):
            return x.view(-1, 128, grid, grid)

    encoder = nn.Sequential(
        nn.Conv2d(channels, 64, 4, 2, 1), nn.ReLU(),
        nn.Conv2d(64, 128, 4, 2, 1), nn.BatchNorm2d(128), nn.ReLU(),
        nn.Flatten(), nn.Linear(128 * grid * grid, 1024), nn.BatchNorm1d(1024), nn.ReLU(),
        nn.Linear(1024, d),
    )  # fmt: skip
    decoder = nn.Sequential(
        nn.Linear(d, 1024), nn.BatchNorm1d(1024), nn.ReLU(),
        nn.Linear(1024, 128 * grid * grid), nn.BatchNorm1d(128 * grid * grid), nn.ReLU(), Grid(),
        nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.BatchNorm2d(64), nn.ReLU(),
        nn.ConvTranspose2d(64, channels, 4, 2, 1), nn.Sigmoid(),
    )  # fmt: skip
    units = 64 if d == 20 else 256
    half = d // 2
    flow = nn.ModuleList(
        nn.Sequential(
            nn.Linear(half, units), nn.ReLU(), nn.Linear(units, units), nn.ReLU(), nn.Linear(units, d)
        )
        for _ in range(8)
    )
    orders = [torch.randperm(d) for _ in range(4)]
    if fast:
        encoder, decoder = (m.to(memory_format=torch.channels_last) for m in (encoder, decoder))
    adam = {"lr": 1e-3, "fused": True} if fast else {"lr": 1e-3}
    optimizers = [torch.optim.Adam(m.parameters(), **adam) for m in (encoder, decoder)]
    optimizers.append(torch.optim.Adam(flow.parameters(), weight_decay=2e-5, **adam))
    x = torch.rand(BATCH, channels, height, width)
    if fast:
        x = x.to(memory_format=torch.channels_last)

    def step():
        for optimizer in optimizers:
            optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=fast):
            z = encoder(x)
            y = decoder(z)
        loss = 0.5 * (x - y.float()).square().sum((1, 2, 3)).mean()
        h, log_det = z.detach().float(), 0.0
        for i, network in enumerate(flow):
            a, b = (h[:, :half], h[:, half:]) if i % 2 == 0 else (h[:, half:], h[:, :half])
            scale, shift = network(a).chunk(2, 1)
            log_scale = nn.functional.logsigmoid(scale + 2)
            b = (b + shift) * log_scale.exp()
            log_det = log_det + log_scale.sum(1)
            h = torch.cat([a, b] if i % 2 == 0 else [b, a], 1)
            h = h[:, orders[i // 2]] if i % 2 else h
        nll = (0.5 * h.square().sum(1) - log_det).mean()
        (loss + nll).backward()
        for optimizer in optimizers:
            optimizer.step()

    return step


@pytest.mark.parametrize("size", SIZES)
def test_fit_against_pytorch(benchmark, size):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(len(__import__("os").sched_getaffinity(0)))
    steps = STEPS[size]
    data, model = images(SIZES[size][0], steps), glf(size)
    best, default = torch_step(size, fast=True), torch_step(size, fast=False)

    def fit():
        model.fit(data, verbose=0)

    def rival():
        for _ in range(steps):
            best()

    fit(), best(), default()
    found = paired(7, fit=fit, pytorch=rival)
    once = paired(2, default=default)["default"] * steps
    report(benchmark, f"one epoch of GLF at {size} pixels, {steps} steps", found)
    rates = {name: steps * BATCH / seconds for name, seconds in {**found, "default": once}.items()}
    print(", ".join(f"{name} {rate:.0f} images/s" for name, rate in rates.items()))


def test_density_of_a_large_flow(benchmark):
    import tensorflow_probability as tfp

    tfb, tfd = tfp.bijectors, tfp.distributions
    flow = latentzoo.priors.RealNVP(
        64, blocks=24, couplings_per_block=1, units=1024, coupling="sigmoid", mixing="reverse"
    )
    z = tf.random.stateless_normal((256, 64), (0, 0))
    sources = [v.value for v in flow.trainable_variables]

    def plain(z):
        log_det = 0.0
        for network in flow.conditioners:
            a, b = z[:, :32], z[:, 32:]
            raw, shift = tf.split(network(a), 2, axis=-1)
            log_scale = tf.math.log_sigmoid(raw + 2)
            z = tf.reverse(tf.concat([a, (b + shift) * tf.exp(log_scale)], 1), [1])
            log_det += tf.reduce_sum(log_scale, axis=-1)
        return -0.5 * tf.reduce_sum(z * z, axis=-1) - 32 * np.log(2 * np.pi) + log_det

    def stock(z):
        def bijector(network):
            def scale_shift(x, units, **_):
                raw, shift = tf.split(network(x), 2, axis=-1)
                return tfb.Scale(log_scale=tf.math.log_sigmoid(raw + 2))(tfb.Shift(shift))

            return tfb.RealNVP(num_masked=32, bijector_fn=scale_shift)

        order = list(range(64))[::-1]
        chain = [b for network in flow.conditioners for b in (bijector(network), tfb.Permute(order))]
        base = tfd.MultivariateNormalDiag(tf.zeros(64), tf.ones(64))
        return tfd.TransformedDistribution(base, tfb.Invert(tfb.Chain(chain[::-1]))).log_prob(z)

    def compiled(log_prob):
        @tf.function
        def run():
            with tf.GradientTape() as tape:
                loss = -tf.reduce_mean(log_prob(z))
            return loss, tape.gradient(loss, sources)

        return run

    rivals = {"ours": compiled(flow.log_prob), "plain": compiled(plain), "stock": compiled(stock)}
    values = [float(run()[0]) for run in rivals.values()]
    np.testing.assert_allclose(values, values[0], rtol=1e-5)
    report(benchmark, "log density and gradient, 24 x 1024, d = 64, batch 256", paired(9, **rivals))


@pytest.mark.parametrize("size", [28, 64])
def test_sampling(benchmark, size):
    shape, d = SIZES[size]
    model = latentzoo.models.GLF(shape, d)
    model.prior.conditioners[0].layers[-1].kernel.assign_add(ops.full((units(model), d), 1e-3))
    n = {28: 10_000, 64: 1_000}[size]
    codes = model.prior.sample(n, 0)
    rivals = {
        "sample": lambda: model.sample(n, seed=0),
        "decoder": lambda: model.decoder.predict(codes, batch_size=256, verbose=0),
    }
    for call in rivals.values():
        call()
    report(benchmark, f"{n} samples of {size} pixels", paired(5, **rivals))


def units(model):
    return model.prior.units


def test_memory_of_loading(benchmark):
    program = (
        "import re, sys\n"
        "import keras, tensorflow, tensorflow_probability, latentzoo.models, latentzoo.priors.realnvp\n"
        "status = lambda: open('/proc/self/status').read()  # not ru_maxrss, which a child inherits\n"
        "peak = lambda: 1024 * int(re.search(r'VmHWM:\\s*(\\d+)', status())[1])\n"
        "before = peak()\n"
        "model = latentzoo.load(sys.argv[1])\n"
        "print(peak() - before, 4 * model.count_params())\n"
    )
    for name in latentzoo.list_models():
        done = subprocess.run([sys.executable, "-c", program, name], capture_output=True, text=True)
        grown, size = map(int, done.stdout.split())
        print(f"\nloading {name} peaks {grown / 1e6:.0f} MB above the imports, {grown / size:.2f} x float32")
    benchmark.pedantic(lambda: None)
