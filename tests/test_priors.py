"""Priors against formulae, plain NumPy, autodiff's Jacobian and integration."""

import gc
import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

import latentzoo
from latentzoo import priors
from latentzoo.priors.code_models import MaximumLikelihood
from latentzoo.priors.coupling import LOG_SCALE, Coupling
from latentzoo.updates import serializable

RNG = np.random.default_rng(0)


def flow(kind):
    return {
        "exp": lambda: priors.RealNVP(4, blocks=2, units=8),
        "sigmoid": lambda: priors.RealNVP(4, blocks=2, units=8, coupling="sigmoid"),
        "tanh, one hidden layer": lambda: priors.RealNVP(
            4, blocks=5, couplings_per_block=1, units=8, hidden_layers=1, coupling="tanh", mixing="reverse"
        ),
        "odd": lambda: priors.RealNVP(5, blocks=3, units=8, seed=1),
        "odd, single, reversed": lambda: priors.RealNVP(
            3, blocks=3, couplings_per_block=1, units=8, mixing="reverse"
        ),
        "three couplings, affine": lambda: priors.RealNVP(
            2, blocks=2, couplings_per_block=3, units=8, affine=True
        ),
        "learned prior": lambda: priors.RealNVP.learned_prior(6, couplings=4, units=8),
    }[kind]()


KINDS = [
    "exp", "sigmoid", "tanh, one hidden layer", "odd", "odd, single, reversed", "three couplings, affine",
    "learned prior",
]  # fmt: skip


def stirred(prior, scale=0.4):
    """The prior with random weights, as if it was trained."""
    rng = np.random.default_rng(1)
    for variable in prior.trainable_variables:
        variable.assign(rng.normal(scale=scale, size=variable.shape))
    return prior


def codes(prior, n=40):
    return np.random.default_rng(2).normal(size=(n, prior.latent_dim)).astype("float32")


def by_hand(prior, z):
    """Noise and log determinant from the definition in the docstring, in plain float64 NumPy."""
    z, log_det, half = np.asarray(z, "float64"), 0.0, prior.latent_dim // 2
    for i in range(prior.blocks):
        if prior.affine and i % 2 == 0:
            log_gain = np.array(prior.log_gains[i // 2], "float64")
            z = z * np.exp(log_gain) + np.array(prior.offsets[i // 2])
            log_det = log_det + log_gain.sum()
        for j in range(prior.couplings_per_block):
            network = prior.conditioners[i * prior.couplings_per_block + j]
            first, last = z[:, :half], z[:, half:]
            kept, mapped = (last, first) if j % 2 else (first, last)
            h = kept
            for k, layer in enumerate(network.layers):
                h = h @ np.array(layer.kernel, "float64") + np.array(layer.bias)
                h = np.maximum(h, 0) if k < prior.hidden_layers else h
            s, t = np.split(h, 2, axis=1)
            if prior.coupling == "tanh":
                s = np.tanh(s)
                mapped = mapped * np.exp(s) + t
            elif prior.coupling == "exp":
                s = np.clip(s, -LOG_SCALE, LOG_SCALE)
                mapped = mapped * np.exp(s) + t
            else:
                s = np.clip(-np.log1p(np.exp(-s - 2)), -LOG_SCALE, LOG_SCALE)
                mapped = (mapped + t) * np.exp(s)
            log_det = log_det + s.sum(axis=1)
            z = np.concatenate([mapped, kept] if j % 2 else [kept, mapped], axis=1)
        z = z[:, np.array(prior.permutations[i])] if prior.mixing == "permute" else z[:, ::-1]
    return z, log_det


def log_prob_by_hand(prior, z):
    noise, log_det = by_hand(prior, z)
    return stats.norm.logpdf(noise).sum(axis=1) + log_det


# ---------------------------------------------------------------------- the flow


@pytest.mark.parametrize("kind", KINDS)
def test_flows_are_what_their_formulae_say(kind):
    prior = stirred(flow(kind))
    z = codes(prior)
    noise, _ = by_hand(prior, z)
    np.testing.assert_allclose(prior.inverse(z), noise, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(prior.log_prob(z), log_prob_by_hand(prior, z), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_flows_go_both_ways(kind):
    prior = stirred(flow(kind))
    z = tf.constant(codes(prior))
    # `identity`, since bijectors remember: the same tensor would come back without computation.
    noise = tf.identity(prior.inverse(z))
    np.testing.assert_allclose(prior(noise), z, atol=1e-4)
    again = tf.identity(prior(tf.identity(z)))
    np.testing.assert_allclose(prior.inverse(again), z, atol=1e-4)
    distribution = prior.distribution()
    to_noise = distribution.bijector.inverse(z)
    np.testing.assert_allclose(distribution.bijector.forward(tf.identity(to_noise)), z, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_log_determinant_is_that_of_the_jacobian(kind):
    prior = stirred(flow(kind))
    z = tf.constant(codes(prior, 10))
    with tf.GradientTape() as tape:
        tape.watch(z)
        noise = prior.inverse(z)
    jacobian = np.array(tape.batch_jacobian(noise, z), "float64")
    expected = np.linalg.slogdet(jacobian)[1]
    found = prior.log_prob(z) - stats.norm.logpdf(noise).sum(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    bijector = prior.distribution().bijector
    np.testing.assert_allclose(bijector.inverse_log_det_jacobian(z, 1), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        bijector.forward_log_det_jacobian(tf.identity(noise), 1), -expected, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("coupling", ["exp", "tanh", "sigmoid"])
def test_the_density_integrates_to_one(coupling):
    prior = stirred(priors.RealNVP(2, blocks=2, units=8, coupling=coupling, affine=True))
    edge, n = 12.0, 600
    line = np.linspace(-edge, edge, n, dtype="float32")
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    density = np.exp(prior.log_prob(grid).astype("float64"))
    assert density.sum() * (2 * edge / (n - 1)) ** 2 == pytest.approx(1, abs=2e-3)


def test_flows_start_where_the_papers_say():
    z = RNG.normal(size=(5, 64)).astype("float32")
    base = stats.norm.logpdf(z).sum(axis=1)
    # exp: a permutation.
    np.testing.assert_allclose(priors.RealNVP(64, units=4).log_prob(z), base, rtol=1e-5)
    # sigmoid: every coupling scales its half by sigmoid(2).
    learned = priors.RealNVP.learned_prior(64, couplings=24, units=4)
    noise = learned.inverse(z)
    log_det = learned.log_prob(z) - stats.norm.logpdf(noise).sum(axis=1)
    np.testing.assert_allclose(log_det, -97.48, atol=5e-3)
    np.testing.assert_allclose(np.sort(noise), np.sort(z * (1 / (1 + np.exp(-2))) ** 12), rtol=1e-4)


def test_the_learned_prior_has_the_size_of_the_paper():
    prior = priors.RealNVP.learned_prior(64, couplings=16, units=256)
    assert round(prior.count_params() / 1e6, 2) == 1.45
    assert (prior.blocks, prior.couplings_per_block, prior.mixing) == (16, 1, "reverse")
    assert len(prior.log_gains) == len(prior.offsets) == 8


def counted(prior):
    """A list that grows with every call of a conditioner network."""
    calls = []
    for network in prior.conditioners:
        layer = network.layers[0]
        layer.activation = lambda x, relu=layer.activation: (calls.append(1), relu(x))[1]
    return calls


def test_every_network_is_asked_once():
    prior = stirred(priors.RealNVP(4, blocks=3, units=8))
    calls = counted(prior)
    z = tf.constant(codes(prior))
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(prior.log_prob(z))
    gradients = tape.gradient(loss, [v.value for v in prior.trainable_variables])
    assert len(calls) == 6 and all(g is not None for g in gradients)
    calls.clear()
    prior(z), prior.inverse(z)
    assert len(calls) == 12
    calls.clear()
    prior.distribution().experimental_sample_and_log_prob(7)
    assert len(calls) == 6


@pytest.mark.parametrize("compiled", [False, True])
def test_nothing_is_remembered_after_the_weights_change(compiled):
    prior = stirred(flow("exp"))
    z = tf.constant(codes(prior))
    log_prob = tf.function(prior.log_prob) if compiled else prior.log_prob
    old, old_noise = np.array(log_prob(z)), np.array(prior.inverse(z))
    stirred(prior, 0.2)
    assert np.abs(log_prob(z) - old).min() > 1e-3
    np.testing.assert_allclose(log_prob(z), log_prob_by_hand(prior, z), rtol=1e-5, atol=1e-4)
    assert np.abs(prior.inverse(z) - old_noise).max() > 1e-2
    np.testing.assert_allclose(prior.inverse(z), by_hand(prior, z)[0], rtol=1e-4, atol=1e-4)


def test_distributions_do_not_share_what_they_remember():
    prior = stirred(flow("exp"))
    z = tf.constant(codes(prior))
    before = prior.distribution()
    old, noise = before.log_prob(z), before.bijector.inverse(z)  # remembered as long as these live
    stirred(prior, 0.2)
    after = prior.distribution()
    np.testing.assert_allclose(after.log_prob(z), log_prob_by_hand(prior, z), rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(after.bijector.inverse(z), by_hand(prior, z)[0], rtol=1e-4, atol=1e-4)
    assert np.abs(after.log_prob(z) - old).min() > 1e-3
    assert np.abs(after.bijector.inverse(z) - noise).max() > 1e-2


def test_nothing_of_a_call_stays_in_memory():
    prior = stirred(flow("exp"))
    z = tf.constant(codes(prior))

    def couplings():
        gc.collect()
        return sum(type(thing) is Coupling for thing in gc.get_objects())

    before = couplings()
    for x in (z, np.array(z)):
        prior.log_prob(x), prior.inverse(x), prior(x)
    assert couplings() <= before


def test_samples_follow_the_weights_too():
    prior = stirred(flow("exp"))
    old = prior.sample(3, seed=0)
    stirred(prior, 0.2)
    noise = np.random.default_rng(0).standard_normal((3, 4))
    assert np.abs(prior.sample(3, seed=0) - old).max() > 1e-2
    np.testing.assert_allclose(by_hand(prior, prior.sample(3, seed=0))[0], noise, atol=1e-4)


def test_samples_of_a_flow_do_not_overflow():
    prior = stirred(priors.RealNVP(4, units=8), 3.0)
    assert np.isfinite(prior.sample(100, seed=0, temperature=10.0)).all()


def test_a_flow_is_a_distribution_of_tensorflow_probability():
    import tensorflow_probability as tfp

    prior = stirred(flow("sigmoid"))
    distribution = prior.distribution()
    assert isinstance(distribution, tfp.distributions.Distribution)
    assert tuple(distribution.event_shape) == (4,) and distribution.dtype == tf.float32
    z = distribution.sample(6, seed=1)
    assert tuple(z.shape) == (6, 4)
    np.testing.assert_allclose(distribution.log_prob(tf.identity(z)), prior.log_prob(z), rtol=1e-5)
    assert prior.distribution() is not distribution


def test_permutations_come_from_the_seed_and_go_with_the_weights():
    one, two = priors.RealNVP(8, units=4, seed=0), priors.RealNVP(8, units=4, seed=1)
    orders = [np.array(p) for p in one.permutations]
    assert len(orders) == 4 and all(sorted(p) == list(range(8)) for p in orders)
    assert any((a != np.array(b)).any() for a, b in zip(orders, two.permutations, strict=True))
    z = codes(stirred(one))
    two.set_weights(one.get_weights())
    np.testing.assert_array_equal(one.log_prob(z), two.log_prob(z))


def test_flows_in_mixed_precision():
    """The networks run in bfloat16; the flow itself, its affine maps and its noise are float32."""
    prior = stirred(priors.RealNVP(4, blocks=2, units=8, affine=True, dtype="mixed_bfloat16"), 0.2)
    exact = priors.RealNVP(4, blocks=2, units=8, affine=True)
    exact.set_weights(prior.get_weights())
    z = codes(prior)
    assert prior.conditioners[0](z[:, :2]).dtype == tf.bfloat16
    for method in ("log_prob", "inverse"):
        found = getattr(prior, method)(tf.constant(z))
        assert found.dtype == tf.float32
        np.testing.assert_allclose(found, getattr(exact, method)(z), rtol=0.05, atol=0.05)
    assert prior(tf.constant(z)).dtype == tf.float32
    # A last bit of the kept half may round the other way in bfloat16.
    np.testing.assert_allclose(prior.inverse(prior.sample(9, seed=0)), exact_noise(9), atol=0.01)


def exact_noise(n):
    return np.random.default_rng(0).standard_normal((n, 4)).astype("float32")


# ---------------------------------------------------------------------- what all priors do

TOY = {
    "Gaussian": lambda: fitted(priors.Gaussian(4)),
    "Generator": lambda: worn(priors.Generator(4, units=8)),
    "AdversarialGenerator": lambda: worn(priors.AdversarialGenerator(4, units=8)),
    "MAF": lambda: stirred(priors.MAF(4, blocks=3, units=16), 0.3),
    "Mixture": lambda: fitted(priors.Mixture(4, components=3)),
    "Normal": lambda: priors.Normal(4, deviation=0.5),
    "RealNVP": lambda: stirred(flow("exp")),
    "SecondStageVAE": lambda: marked(priors.SecondStageVAE(4, units=8)),
}


def marked(prior):
    """The prior as if it was fitted: one that counts its epochs."""
    prior.epochs.assign(1)
    return prior


def worn(prior):
    """The prior as if it was fitted: one whose batch norm has seen batches."""
    prior.network.get_layer("dense_0_norm").moving_mean.assign(np.full(8, 0.1))
    return prior


def fitted(prior):
    """The prior after a fit in closed form."""
    prior.fit(2 * codes(prior, 200) - 1, verbose=0)
    return prior


def methods(prior):
    """What the prior does with codes, and the shape of what comes out for 40 of them."""
    found = {"log_prob": (40,)} if prior.explicit else {}
    return {**found, "inverse": (40, 4)} if prior.invertible else found


def test_the_table_of_priors_is_complete():
    assert set(TOY) == set(priors.NAMES.values())


@pytest.fixture(params=list(TOY))
def prior(request):
    return TOY[request.param]()


def test_numpy_gives_numpy_and_tensors_give_tensors(prior):
    z = codes(prior)
    for method, shape in methods(prior).items():
        function = getattr(prior, method)
        found = function(z)
        assert isinstance(found, np.ndarray) and found.dtype == "float32" and found.shape == shape
        np.testing.assert_allclose(function(z.astype("float64").tolist()), found, atol=1e-5)
        with tf.GradientTape() as tape:
            tensor = tf.constant(z)
            tape.watch(tensor)
            y = function(tensor)
        assert tf.is_tensor(y) and y.dtype == tf.float32
        np.testing.assert_allclose(y, found, atol=1e-5)
        assert np.abs(tape.gradient(y, tensor)).min(axis=-1).max() > 0
    assert isinstance(prior.sample(2), np.ndarray)


def test_sampling(prior):
    samples = prior.sample(10, seed=3)
    assert samples.shape == (10, 4) and samples.dtype == np.float32
    np.testing.assert_allclose(prior.sample(10, seed=3, batch_size=3), samples, atol=1e-5)
    np.testing.assert_allclose(prior.sample(4, seed=3), samples[:4], atol=1e-5)
    assert np.abs(prior.sample(10, seed=4) - samples).max() > 0.1
    assert np.abs(prior.sample(10) - prior.sample(10)).max() > 0.01
    noise = np.random.default_rng(3).standard_normal((10, prior.noise_dim)).astype("float32")
    np.testing.assert_allclose(prior(noise), samples, atol=1e-5)
    cold = prior.sample(10, seed=3, temperature=0)
    np.testing.assert_allclose(cold, np.tile(cold[:1], (10, 1)), atol=1e-6)
    half = prior.sample(10, seed=3, temperature=0.5)
    np.testing.assert_allclose(half, prior(0.5 * noise), atol=1e-5)
    if prior.invertible:
        for found, expected in ((samples, noise), (cold, 0), (half, 0.5 * noise)):
            np.testing.assert_allclose(prior.inverse(found), expected, atol=1e-4)


def test_configuration_and_file(prior, tmp_path):
    copy = type(prior).from_config(prior.get_config())
    assert copy.get_config() == prior.get_config()
    prior.save(tmp_path / "prior.keras")
    loaded = keras.models.load_model(tmp_path / "prior.keras")
    assert type(loaded) is type(prior) and loaded.fitted
    z = codes(prior)
    for method in methods(prior):
        np.testing.assert_array_equal(getattr(loaded, method)(z), getattr(prior, method)(z))
    np.testing.assert_array_equal(loaded.sample(3, seed=0), prior.sample(3, seed=0))


def test_every_argument_is_in_the_configuration(prior):
    arguments = inspect.signature(type(prior).__init__).parameters.values()
    named = {a.name for a in arguments if a.kind is not a.VAR_KEYWORD} - {"self"}
    assert named <= set(prior.get_config())


@pytest.mark.parametrize("n", [0, -1, 2.5, "3", True])
def test_a_sample_has_a_size(prior, n):
    with pytest.raises(ValueError, match="Expected: an integer >= 1.*Received: n="):
        prior.sample(n)


@pytest.mark.parametrize("temperature", [-0.1, np.nan, np.inf])
def test_temperatures_are_not_negative(prior, temperature):
    with pytest.raises(ValueError, match="Expected:.*0 or more.*Received: temperature="):
        prior.sample(1, temperature=temperature)


def test_batches_are_not_empty(prior):
    with pytest.raises(ValueError, match="Expected:.*Received: batch_size=0"):
        prior.sample(1, batch_size=0)


@pytest.mark.parametrize("shape", [(3, 5), (3, 1), (4,)])
def test_codes_of_another_width(prior, shape):
    for method in methods(prior):
        with pytest.raises(ValueError, match=r"(?s)Expected: shape \(n, 4\).*Received: shape"):
            getattr(prior, method)(np.zeros(shape, "float32"))


@pytest.mark.parametrize(
    ("given", "received"),
    [
        (np.zeros((8, 5)), r"shape \(8, 5\)"),
        (np.zeros((0, 4)), r"shape \(0, 4\)"),
        (np.zeros(4), r"shape \(4,\)"),
        (np.where(np.eye(8, 4) > 0, np.nan, 0), "4 of 8 codes that are not"),
    ],
    ids=["width", "empty", "rank", "NaN"],
)
def test_codes_that_cannot_be_fitted(prior, given, received):
    with pytest.raises(ValueError, match=f"Expected:.*Received: {received}"):
        prior.fit(given, verbose=0)


# ---------------------------------------------------------------------- fitting


def moons(n, seed=0):
    """Two interleaved half circles."""
    rng = np.random.default_rng(seed)
    angle, side = np.pi * rng.random(n), rng.integers(2, size=n)
    points = np.stack([np.cos(angle) + side - 0.5, np.sin(angle) - side * (2 * np.sin(angle) - 0.5)], 1)
    return (points + 0.1 * rng.normal(size=points.shape)).astype("float32")


def test_fit_learns_two_moons():
    x, held_out = moons(1000), moons(500, seed=1)
    prior = priors.RealNVP(2, blocks=4, units=32)
    history = prior.fit(x, optimizer=keras.optimizers.Adam(5e-3), epochs=25, batch_size=100, verbose=0)
    gaussian = stats.multivariate_normal(x.mean(axis=0), np.cov(x.T))
    assert prior.log_prob(held_out).mean() > gaussian.logpdf(held_out).mean() + 0.3
    assert set(history.history) == {"loss", "nll", "val_loss", "val_nll"}
    assert prior.fitted and not prior.compiled


def test_fit_stops_early_and_keeps_the_best():
    x = moons(200)
    prior = priors.RealNVP(2, blocks=2, units=64)
    history = prior.fit(
        x, optimizer=keras.optimizers.Adam(0.02), epochs=60, batch_size=32, patience=3, verbose=0
    ).history["val_nll"]
    assert len(history) < 60 and np.argmin(history) == len(history) - 4  # the best, and three more
    assert -prior.log_prob(x[180:]).mean() == pytest.approx(min(history), rel=1e-4)


def test_fit_keeps_the_best_of_all_epochs_where_patience_lasts():
    x = moons(100)
    prior = priors.RealNVP(2, blocks=2, units=16)
    diverging = keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(1e-3, 3, 10.0))
    history = prior.fit(x, optimizer=diverging, epochs=4, batch_size=32, verbose=0).history["val_nll"]
    assert np.argmin(np.nan_to_num(history, nan=np.inf)) < 3  # or else this shows nothing
    assert -prior.log_prob(x[90:]).mean() == pytest.approx(np.nanmin(history), rel=1e-4)


def test_fit_without_held_out_codes():
    prior = priors.RealNVP(2, blocks=1, units=4)
    history = prior.fit(moons(64), epochs=7, validation_split=0, verbose=0).history
    assert len(history["nll"]) == 7 and "val_nll" not in history


def test_fitting_again_goes_on():
    prior = priors.RealNVP(2, blocks=1, units=8)
    first = prior.fit(moons(256), epochs=2, batch_size=64, verbose=0).history["nll"]
    second = prior.fit(moons(256), epochs=2, batch_size=64, verbose=0).history["nll"]
    assert second[0] < first[0]


def test_a_normal_has_nothing_to_fit():
    prior = priors.Normal(2)
    assert prior.fit(moons(10), epochs=3, verbose=0).history == {}
    assert prior.fitted and not prior.weights


def test_fit_on_replicas(replicas):
    one = stirred(priors.RealNVP(2, blocks=1, units=4), 0.1)
    with replicas.scope():
        two = priors.RealNVP(2, blocks=1, units=4)
    two.set_weights(one.get_weights())
    for prior in (one, two):
        keras.utils.set_random_seed(0)
        prior.fit(moons(50), optimizer=keras.optimizers.SGD(0.05), epochs=2, batch_size=16, verbose=0)
    for a, b in zip(one.weights, two.weights, strict=True):
        np.testing.assert_allclose(a, np.array(b), atol=1e-5)
    np.testing.assert_allclose(two.sample(5, seed=0), one.sample(5, seed=0), atol=1e-4)


def test_likelihood_is_the_objective():
    prior = stirred(flow("exp"))
    z = codes(prior)
    terms = MaximumLikelihood(prior).terms(z, training=False)
    np.testing.assert_allclose(terms["nll"], -log_prob_by_hand(prior, z), rtol=1e-4, atol=1e-4)


def test_a_flow_that_saw_no_codes_cannot_be_sampled():
    prior = priors.RealNVP(4, units=8)
    assert not prior.fitted
    with pytest.raises(ValueError, match="not fitted.*Expected:.*Received:.*fit_prior"):
        prior.sample(2)
    prior.fit(codes(prior), epochs=1, verbose=0)
    assert prior.fitted and prior.sample(2).shape == (2, 4)


# ---------------------------------------------------------------------- Normal


def test_normal_is_what_its_formula_says():
    prior = priors.Normal(3, deviation=1.7)
    z = 2 * RNG.normal(size=(10, 3)).astype("float32")
    expected = stats.multivariate_normal(np.zeros(3), 1.7**2 * np.eye(3)).logpdf(z)
    np.testing.assert_allclose(prior.log_prob(z), expected, rtol=1e-5)
    np.testing.assert_allclose(prior.inverse(z), z / 1.7, rtol=1e-6)
    samples = prior.sample(100_000, seed=0)
    np.testing.assert_allclose(samples.std(axis=0), 1.7, rtol=0.01)
    np.testing.assert_allclose(samples.mean(axis=0), 0, atol=0.03)


# ---------------------------------------------------------------------- building, and mistakes


def test_build():
    assert type(priors.build("normal", 3)) is priors.Normal
    assert priors.build("realnvp", 3, units=5).units == 5
    prior = priors.Normal(3)
    assert priors.build(prior, 3) is prior
    assert latentzoo.priors.build is priors.build


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nromal", "Expected: one of .*'normal', 'realnvp'.*Received: prior='nromal'.*mean 'normal'"),
        (priors.Normal, "Expected:.*Received: prior=<class"),
        (7, "Expected:.*Received: prior=7"),
        (priors.Normal(5), "Expected: latent_dim=3.*Received: Normal with latent_dim=5"),
    ],
    ids=["name", "class", "number", "width"],
)
def test_mistakes_in_build(given, message):
    with pytest.raises(ValueError, match=message):
        priors.build(given, 3)


@pytest.mark.parametrize(
    ("make", "received"),
    [
        (lambda: priors.Normal(0), "latent_dim=0"),
        (lambda: priors.Normal("3"), "latent_dim='3'"),
        (lambda: priors.Normal(3, deviation=0), "deviation=0"),
        (lambda: priors.Normal(3, deviation=np.inf), "deviation=inf"),
        (lambda: priors.RealNVP(1), "latent_dim=1"),
        (lambda: priors.RealNVP(4, blocks=0), "blocks=0"),
        (lambda: priors.RealNVP(4, couplings_per_block=0), "couplings_per_block=0"),
        (lambda: priors.RealNVP(4, hidden_layers=0), "hidden_layers=0"),
        (lambda: priors.RealNVP(4, units=1.5), "units=1.5"),
        (lambda: priors.RealNVP(4, coupling="cosh"), "coupling='cosh'"),
        (lambda: priors.RealNVP(4, mixing="shuffle"), "mixing='shuffle'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_mistakes_in_priors(make, received):
    with pytest.raises(ValueError, match=f"Expected:.*Received: {received}"):
        make()


@serializable
class Translated(priors.Prior):
    """Neither a density nor a way back."""

    def __init__(self, latent_dim, **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.built = True

    def call(self, noise, training=False):
        return noise + 1.0


def test_priors_without_density_or_inverse():
    prior = Translated(4)
    assert not prior.explicit and not prior.invertible and prior.fitted
    assert TOY["Normal"]().explicit and TOY["RealNVP"]().invertible
    z = codes(prior)
    calls = (lambda: prior.log_prob(z), lambda: prior.inverse(z), lambda: prior.fit(z), prior.distribution)
    problem = "(no density|not invertible|no distribution)"
    for call in calls:
        with pytest.raises(ValueError, match=f"{problem}.*Expected:.*Received: Translated"):
            call()
    np.testing.assert_allclose(prior.sample(40, seed=0) - 1, exact_noise(40), atol=1e-6)


def test_unknown_names():
    with pytest.raises(AttributeError, match="no attribute 'Mixture2'"):
        priors.Mixture2  # noqa: B018
