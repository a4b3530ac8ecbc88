"""Gaussian, Mixture and MAF against SciPy, scikit-learn, autodiff's Jacobian, and files."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from scipy import stats
from sklearn.mixture import GaussianMixture

import latentzoo
from latentzoo import priors, storage
from latentzoo.priors import code_models, coupling
from latentzoo.priors.gaussian import drawn, moments
from latentzoo.priors.maf import LOG_SCALE, MaskedDense, coordinate_by_coordinate, shift_and_log_scale

COVARIANCE = np.array(
    [[2.0, 1.2, 0.0, -0.3], [1.2, 1.0, 0.1, 0.0], [0.0, 0.1, 0.5, 0.0], [-0.3, 0.0, 0.0, 3.0]]
)
MEAN = np.array([1.0, -2.0, 0.0, 5.0])


def correlated(n, seed=0):
    """Codes of one normal distribution."""
    rng = np.random.default_rng(seed)
    return rng.multivariate_normal(MEAN, COVARIANCE, n).astype("float32")


def clusters(n, seed=0):
    """Codes of two normal distributions, far apart, 70 and 30 of a hundred."""
    rng = np.random.default_rng(seed)
    wide = rng.multivariate_normal(MEAN, COVARIANCE, n)
    narrow = rng.multivariate_normal(-10 - MEAN, 0.1 * COVARIANCE, n)
    return np.where(rng.random((n, 1)) < 0.7, wide, narrow).astype("float32")


def banana(n, seed=0):
    """Codes of a curved density: the second coordinate follows the first and its square."""
    x, y = np.random.default_rng(seed).normal(size=(2, n))
    return np.stack([x, x**2 + x + 0.2 * y], axis=1).astype("float32")


def stirred(prior, scale=0.3):
    """The flow with random weights, as if it was trained."""
    rng = np.random.default_rng(1)
    for variable in prior.trainable_variables:
        variable.assign(rng.normal(scale=scale, size=variable.shape))
    return prior


def gaussian():
    prior = priors.Gaussian(4)
    prior.fit(correlated(500), verbose=0)
    return prior


def mixture():
    prior = priors.Mixture(4, components=2)
    prior.fit(clusters(500), verbose=0)
    return prior


FITTED = {
    "gaussian": gaussian,
    "mixture": mixture,
    "maf": lambda: stirred(priors.MAF(4, blocks=3, units=16)),
}


@pytest.fixture(scope="module", params=list(FITTED))
def prior(request):
    """One that no test changes."""
    return FITTED[request.param]()


def array(variable):
    return keras.ops.convert_to_numpy(variable)


def bare(name, latent_dim=4):
    return priors.build(name, latent_dim)


# ---------------------------------------------------------------------- densities


def test_the_gaussian_is_that_of_scipy():
    prior, z = gaussian(), correlated(50, seed=1)
    expected = stats.multivariate_normal(array(prior.mean), np.cov(correlated(500).T, ddof=0))
    np.testing.assert_allclose(array(prior.mean), correlated(500).mean(axis=0), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(prior.log_prob(z), expected.logpdf(z), rtol=1e-5, atol=1e-5)
    assert np.array_equal(array(prior.cholesky), np.tril(array(prior.cholesky)))


def test_the_mixture_is_that_of_scikit_learn():
    prior, z = mixture(), np.concatenate([clusters(50, seed=1), correlated(5) - 3])
    reference = GaussianMixture(2, reg_covar=0, tol=1e-3, max_iter=2000, random_state=0)
    reference.fit(clusters(500).astype("float64"))
    np.testing.assert_allclose(prior.log_prob(z), reference.score_samples(z), rtol=1e-4, atol=1e-4)
    assert np.exp(array(prior.log_weights)).sum() == pytest.approx(1, abs=1e-6)


def test_arguments_reach_expectation_maximization(monkeypatch):
    import sklearn.mixture

    received = []

    def record(*args, **kwargs):
        received.append(kwargs)
        return GaussianMixture(*args, **kwargs)

    monkeypatch.setattr(sklearn.mixture, "GaussianMixture", record)
    codes = np.random.default_rng(0).random((40, 2))
    known = {"random_state": 0, "max_iter": 2000, "tol": 1e-3, "n_init": 1, "reg_covar": 0, "verbose": 0}
    known |= {"n_components": 2, "covariance_type": "full"}
    priors.Mixture(2, components=2).fit(codes, verbose=0)
    priors.Mixture(2, components=2).fit(codes, seed=3, max_iter=99, tol=0.5, n_init=2, verbose=0)
    given = {"random_state": 3, "max_iter": 99, "tol": 0.5, "n_init": 2}
    assert received == [known, {**known, **given}]


@pytest.mark.parametrize("name", list(FITTED))
def test_densities_integrate_to_one(name):
    prior = priors.Mixture(2, components=3) if name == "mixture" else bare(name, 2)
    if name == "maf":
        stirred(prior, 0.15)
    else:
        prior.fit(banana(400), verbose=0)
    edge, n = 12.0, 500
    line = np.linspace(-edge, edge, n, dtype="float32")
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    density = np.exp(prior.log_prob(grid).astype("float64"))
    assert density.sum() * (2 * edge / (n - 1)) ** 2 == pytest.approx(1, abs=3e-3)


@pytest.mark.parametrize("name", list(FITTED))
def test_before_a_fit_the_density_is_that_of_standard_normals(name):
    prior, z = bare(name), correlated(20)
    assert not prior.fitted
    np.testing.assert_allclose(prior.log_prob(z), stats.norm.logpdf(z).sum(axis=1), rtol=1e-5)
    with pytest.raises(ValueError, match=rf"not fitted.*Expected:.*{type(prior).__name__}.*fit_prior"):
        prior.sample(2)


def test_the_log_determinant_of_a_maf_is_that_of_its_jacobian():
    prior, z = FITTED["maf"](), correlated(10)
    step = 1e-2
    columns = [
        (prior.inverse(z + step * axis) - prior.inverse(z - step * axis)) / (2 * step)
        for axis in np.eye(4, dtype="float32")
    ]
    numerical = np.linalg.slogdet(np.stack(columns, axis=-1).astype("float64"))[1]
    found = prior.log_prob(z) - stats.norm.logpdf(prior.inverse(z)).sum(axis=1)
    with tf.GradientTape() as tape:
        tensor = tf.constant(z)
        tape.watch(tensor)
        noise = prior.inverse(tensor)
    exact = np.linalg.slogdet(np.array(tape.batch_jacobian(noise, tensor), "float64"))[1]
    np.testing.assert_allclose(found, exact, rtol=1e-4, atol=1e-4)
    # A difference over a kink of ReLU is off; few are.
    assert np.median(np.abs(found - numerical)) < 1e-2 and np.abs(exact).min() > 0.1


def test_log_scales_are_bounded():

    assert LOG_SCALE == coupling.LOG_SCALE
    prior = stirred(priors.MAF(4, blocks=1, units=16), 5.0)
    log_scale = np.abs(shift_and_log_scale(prior.networks[0], correlated(100))[1])
    assert log_scale.max() == LOG_SCALE
    assert np.isfinite(prior.sample(100, seed=0, temperature=10.0)).all()


# ---------------------------------------------------------------------- there and back


@pytest.mark.parametrize("make", [gaussian, FITTED["maf"], lambda: stirred(priors.MAF(1, units=4))])
def test_inverses(make):
    prior = make()
    noise = np.random.default_rng(0).normal(size=(40, prior.latent_dim)).astype("float32")
    codes = np.array(prior(noise))
    np.testing.assert_allclose(prior.inverse(codes), noise, atol=2e-3)
    np.testing.assert_allclose(prior(prior.inverse(codes)), codes, rtol=1e-3, atol=1e-3)
    assert np.abs(codes - noise).max() > 0.1


def test_a_mixture_has_no_inverse():
    prior = mixture()
    assert not prior.invertible and prior.explicit
    with pytest.raises(ValueError, match="not invertible.*Expected:.*Received: Mixture"):
        prior.inverse(correlated(2))


@pytest.mark.parametrize(
    ("latent_dim", "units", "hidden_layers"), [(6, 16, 1), (6, 5, 2), (2, 3, 3), (17, 16, 2), (1, 4, 2)]
)
def test_a_made_is_strictly_triangular(latent_dim, units, hidden_layers):
    prior = priors.MAF(latent_dim, blocks=1, units=units, hidden_layers=hidden_layers)
    for variable in prior.trainable_variables:  # positive, so that no unit rests and no path cancels
        variable.assign(np.random.default_rng(0).uniform(0.1, 1, variable.shape))
    z = tf.ones((1, latent_dim))
    with tf.GradientTape() as tape:
        tape.watch(z)
        y = prior.networks[0](z)
    jacobian = np.array(tape.batch_jacobian(y, z, unconnected_gradients=tf.UnconnectedGradients.ZERO))[0]
    for half in np.split(jacobian, 2):
        np.testing.assert_array_equal(half != 0, np.tri(latent_dim, k=-1, dtype=bool))


def test_narrow_networks_see_early_and_late_coordinates():
    prior = priors.MAF(9, blocks=1, units=2)
    kernel_masks = [layer.mask for layer in prior.networks[0].layers]
    seen = kernel_masks[0].astype(int) @ kernel_masks[1] @ kernel_masks[2]
    assert (seen[:, 8] > 0).tolist() == [True] * 8 + [False]  # the last depends on all before it
    assert (seen[0, :9] > 0).tolist() == [False] + [True] * 8


def test_masks_are_no_weights():
    prior = priors.MAF(4, blocks=2, units=8, hidden_layers=3)
    assert len(prior.weights) == len(prior.trainable_variables) == 2 * 4 * 2
    assert isinstance(prior.networks[0].layers[0], MaskedDense)


def test_weights_without_effect_are_zero():
    prior = priors.MAF(4, blocks=1, units=8)
    layer = prior.networks[0].layers[0]
    assert ((array(layer.kernel) != 0) == layer.mask).all()
    prior.fit(correlated(64), epochs=1, batch_size=16, verbose=0)
    for layer in prior.networks[0].layers:
        assert (array(layer.kernel)[~layer.mask] == 0).all() and array(layer.kernel).any()


def test_a_maf_starts_as_a_permutation():
    z = correlated(5)
    for blocks in (1, 2, 5):
        order = slice(None, None, -1 if blocks == 2 else 1)  # reversed between blocks
        prior = priors.MAF(4, blocks=blocks, units=4)
        np.testing.assert_array_equal(prior.inverse(z), z[:, order])
        np.testing.assert_array_equal(prior(z), z[:, order])


def test_a_graph_holds_each_network_once_and_a_loop():
    def operations(latent_dim):
        prior = priors.MAF(latent_dim, blocks=2, units=8)
        graph = tf.function(prior).get_concrete_function(tf.TensorSpec((None, latent_dim))).graph
        bodies = graph._functions.values() if hasattr(graph, "_functions") else []
        return len(graph.get_operations()) + sum(len(f.cached_definition.node_def) for f in bodies)

    assert operations(32) == operations(4)


def test_coordinates_that_are_not_yet_known_are_zero():
    """Their values do not matter, unless one overflows: infinity times a masked zero is NaN."""
    seen = []

    def network(z):
        seen.append(np.array(z))
        return tf.concat([tf.cumsum(z, axis=-1, exclusive=True), tf.zeros_like(z)], axis=-1)

    z = coordinate_by_coordinate(network, tf.ones((1, 5)))
    np.testing.assert_array_equal(z, [[1, 2, 4, 8, 16]])
    assert len(seen) == 5 and not any(z[:, i:].any() for i, z in enumerate(seen))


# ---------------------------------------------------------------------- sampling


def test_samples_follow_their_seed(prior):
    samples = prior.sample(50, seed=3)
    assert samples.shape == (50, 4) and samples.dtype == np.float32
    np.testing.assert_allclose(prior.sample(50, seed=3, batch_size=7), samples, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(prior.sample(20, seed=3), samples[:20], rtol=1e-4, atol=1e-4)
    assert np.abs(prior.sample(50, seed=4) - samples).max() > 0.1


def test_the_base_noise_makes_the_samples(prior):
    noise = np.random.default_rng(3).standard_normal((50, prior.noise_dim)).astype("float32")
    np.testing.assert_allclose(prior.sample(50, seed=3), prior(noise), rtol=1e-4, atol=1e-4)
    assert prior.noise_dim == (6 if isinstance(prior, priors.Mixture) else 4)


def test_temperature(prior):
    cold = prior.sample(50, seed=0, temperature=0)
    np.testing.assert_allclose(cold, np.tile(cold[:1], (50, 1)), atol=1e-6)
    if isinstance(prior, priors.Gaussian):
        np.testing.assert_allclose(cold[0], array(prior.mean), atol=1e-6)
    if isinstance(prior, priors.Mixture):
        assert np.abs(array(prior.means) - cold[0]).max(axis=1).min() < 1e-6
    near, far = (prior.sample(2000, seed=0, temperature=t) for t in (0.1, 1.0))
    if isinstance(prior, priors.Mixture):  # about its component's mean, which temperature leaves alone
        distance = [np.linalg.norm(x[:, None] - array(prior.means), axis=-1) for x in (near, far)]
        np.testing.assert_array_equal(*(d.argmin(axis=1) for d in distance))
        np.testing.assert_allclose(10 * distance[0].min(axis=1), distance[1].min(axis=1), rtol=1e-2)
    else:
        assert (near.std(axis=0) < 0.5 * far.std(axis=0)).all()


def test_samples_of_a_gaussian_have_its_moments():
    prior = gaussian()
    mean, covariance = moments(prior.sample(100_000, seed=0))
    np.testing.assert_allclose(mean, array(prior.mean), atol=0.02)
    factor = array(prior.cholesky)
    np.testing.assert_allclose(covariance, factor @ factor.T, atol=0.05)


def test_samples_of_a_mixture_come_from_its_components():
    prior = priors.Mixture(2, components=3)
    weights, means = [0.2, 0.5, 0.3], np.array([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0]])
    factors = np.array([[[1.0, 0.0], [0.5, 1.0]], [[2.0, 0.0], [0.0, 0.1]], [[0.3, 0.0], [-1.0, 0.2]]])
    for variable, value in zip(prior.weights, (np.log(weights), means, factors), strict=True):
        variable.assign(value)
    samples = prior.sample(60_000, seed=0)
    chosen = np.linalg.norm(samples[:, None] - means, axis=-1).argmin(axis=1)
    np.testing.assert_allclose(np.bincount(chosen) / len(chosen), weights, atol=0.01)
    for k in range(3):
        mean, covariance = moments(samples[chosen == k])
        np.testing.assert_allclose(mean, means[k], atol=0.06)
        np.testing.assert_allclose(covariance, factors[k] @ factors[k].T, atol=0.1)


def test_samples_of_a_maf_have_its_density():
    """Entropy two ways: by the density of samples, and by the noise and determinant they came with."""
    prior = FITTED["maf"]()
    noise = np.random.default_rng(0).standard_normal((200, 4)).astype("float32")
    z = tf.constant(noise)
    with tf.GradientTape() as tape:
        tape.watch(z)
        codes = prior(z)
    log_det = np.linalg.slogdet(np.array(tape.batch_jacobian(codes, z), "float64"))[1]
    expected = stats.norm.logpdf(noise).sum(axis=1) - log_det
    np.testing.assert_allclose(prior.log_prob(np.array(codes)), expected, rtol=1e-3, atol=1e-2)


# ---------------------------------------------------------------------- fitting


def held_out_likelihood(prior, make, **arguments):
    prior.fit(make(1000), verbose=0, **arguments)
    return prior.log_prob(make(500, seed=1)).mean()


def independent(make):
    x, y = make(1000), make(500, seed=1)
    return stats.norm(x.mean(axis=0), x.std(axis=0)).logpdf(y).sum(axis=1).mean()


def test_a_gaussian_beats_independent_coordinates():
    found = held_out_likelihood(priors.Gaussian(4), correlated)
    truth = stats.multivariate_normal(MEAN, COVARIANCE).logpdf(correlated(500, seed=1)).mean()
    assert found > independent(correlated) + 0.3 and found == pytest.approx(truth, abs=0.05)


def test_a_mixture_beats_a_gaussian():
    found = held_out_likelihood(priors.Mixture(4, components=2), clusters)
    assert found > held_out_likelihood(priors.Gaussian(4), clusters) + 1


def test_a_maf_beats_a_gaussian_beats_independent_coordinates():
    prior = priors.MAF(2, blocks=2, units=32)
    adam = keras.optimizers.Adam(1e-2)
    found = held_out_likelihood(prior, banana, optimizer=adam, epochs=12, batch_size=100)
    gaussian = held_out_likelihood(priors.Gaussian(2), banana)
    assert gaussian > independent(banana) + 0.1 and found > gaussian + 0.5
    assert prior.fitted


@pytest.mark.parametrize("make", [gaussian, mixture])
def test_histories_hold_the_likelihood(make):
    prior = make()
    codes, held_out = clusters(300), clusters(200, seed=1)
    history = prior.fit(codes, validation_data=held_out, verbose=0)
    assert isinstance(history, keras.callbacks.History) and history.epoch == [0]
    assert set(history.history) == {"nll", "val_nll"}
    for name, z in (("nll", codes), ("val_nll", held_out)):
        assert history.history[name] == [pytest.approx(-prior.log_prob(z).mean(), rel=1e-5)]
    assert set(prior.fit(codes, verbose=0).history) == {"nll"}


@pytest.mark.parametrize("name", ["gaussian", "mixture"])
def test_what_a_fit_prints(name, capsys):
    prior = priors.build(name, 4, **({"components": 2} if name == "mixture" else {}))
    prior.fit(clusters(200), verbose=0)
    assert capsys.readouterr().out == ""
    nll = prior.fit(clusters(200), validation_data=clusters(50), verbose=2).history["nll"][0]
    told = capsys.readouterr().out
    assert told.startswith(f"nll: {nll:.4f} - val_nll: ") and told.count("\n") == 1
    prior.fit(clusters(200))
    told = capsys.readouterr().out
    assert "nll: " in told and ("Initialization" in told) == (name == "mixture")


def test_a_gaussian_of_distributions_needs_no_draws():
    means, deviations = correlated(300), np.random.default_rng(1).random((300, 4), "float32")
    prior = priors.Gaussian(4)
    both = np.stack([means, deviations], axis=1)
    nll = prior.fit(both, validation_data=both, verbose=0).history
    covariance = np.cov(means.T, ddof=0) + np.diag((deviations**2).mean(axis=0))
    factor = array(prior.cholesky)
    np.testing.assert_allclose(factor @ factor.T, covariance, rtol=1e-4, atol=1e-5)
    rng = np.random.default_rng(2)
    many = np.concatenate([means + deviations * rng.normal(size=means.shape) for _ in range(200)])
    assert nll["nll"] == nll["val_nll"] == [pytest.approx(-prior.log_prob(many).mean(), rel=1e-3)]


def test_a_mixture_of_distributions_draws_once():
    means, deviations = clusters(300), 2 * np.ones((300, 4), "float32")
    both = np.stack([means, deviations], axis=1)
    one, two = priors.Mixture(4, components=2), priors.Mixture(4, components=2)
    one.fit(both, validation_data=both, verbose=0)
    two.fit(drawn(both), verbose=0)
    for a, b in zip(one.weights, two.weights, strict=True):
        np.testing.assert_array_equal(array(a), array(b))
    residual = (drawn(both) - means) / deviations
    assert (residual.mean(), residual.std()) == pytest.approx((0, 1), abs=0.05)
    assert drawn(means) is means


def test_a_maf_of_distributions_and_of_one_coordinate():
    means = np.random.default_rng(0).normal(1, 0.3, size=(500, 1))
    prior = priors.MAF(1, blocks=1, units=4)
    adam = keras.optimizers.Adam(0.02)
    both = np.stack([means, np.full((500, 1), 0.4)], axis=1)
    prior.fit(both, optimizer=adam, epochs=30, batch_size=50, verbose=0)
    samples = prior.sample(2000, seed=0)
    assert prior.fitted and (samples.mean(), samples.std()) == pytest.approx((1, 0.5), abs=0.08)


def test_priors_on_replicas(replicas):
    for make in FITTED.values():
        one = make()
        with replicas.scope():
            two = priors.deserialize(keras.saving.serialize_keras_object(one))
        if isinstance(one, priors.MAF):
            two.set_weights(one.get_weights())
        else:
            two.fit(correlated(500) if isinstance(one, priors.Gaussian) else clusters(500), verbose=0)
        np.testing.assert_allclose(two.sample(9, seed=0), one.sample(9, seed=0), rtol=1e-3, atol=1e-3)
        noise = tf.ones((3, two.noise_dim))
        with replicas.scope():
            shares = replicas.run(tf.function(lambda noise, prior=two: prior(noise)), (noise,))
        for share in shares.values:
            np.testing.assert_allclose(share, one(noise), rtol=1e-3, atol=1e-3)


def test_nothing_but_a_maf_learns_by_gradients(prior):
    assert bool(prior.trainable_variables) == isinstance(prior, priors.MAF)


# ---------------------------------------------------------------------- codes that do not span their space


FLAT = {
    "a constant coordinate": lambda: correlated(200) * [1, 1, 0, 1] + [0, 0, 7, 0],
    "a repeated coordinate": lambda: correlated(200)[:, [0, 1, 1, 3]],
    "fewer codes than coordinates": lambda: correlated(3),
    "one code": lambda: correlated(1),
    "equal codes": lambda: np.full((50, 4), 0.1),
    "zeros": lambda: np.zeros((50, 4)),
    "small and flat": lambda: 1e-6 * correlated(200) * [1, 1, 0, 1],
    "large and flat": lambda: 1e6 * correlated(200) * [1, 1, 0, 1],
}


@pytest.mark.parametrize("kind", FLAT)
@pytest.mark.parametrize("make", [lambda: priors.Gaussian(4), lambda: priors.Mixture(4, components=1)])
def test_flat_codes_get_a_ridge(make, kind):
    prior, codes = make(), FLAT[kind]()
    if len(codes) == 1 and isinstance(prior, priors.Mixture):
        with pytest.raises(ValueError, match="Expected: at least 2 codes. Received: 1"):
            prior.fit(codes)
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras' own
        history = prior.fit(codes, verbose=0)
    assert [w.category for w in caught] == [UserWarning] and caught[0].filename == __file__
    message = str(caught[0].message)
    variance = codes.var(axis=0).mean()
    unit = variance if np.ptp(codes, axis=0).any() else np.square(codes).mean() or 1.0
    assert "singular" in message and "latent_dim" in message
    ridge = float(message.split("ridge of ")[1].split()[0])
    assert ridge == pytest.approx(1e-6 * unit, rel=1e-2)
    factor = array(prior.cholesky).reshape(4, 4).astype("float64")
    expected = np.cov(codes.T.astype("float32").astype("float64"), ddof=0) + ridge * np.eye(4)
    np.testing.assert_allclose(factor @ factor.T, expected, rtol=1e-3, atol=1e-3 * ridge + 1e-6 * variance)
    assert prior.fitted and np.isfinite(history.history["nll"]).all()
    assert np.isfinite(prior.log_prob(codes)).all()
    assert np.abs(prior.sample(50, seed=0) - codes.mean(axis=0)).max() < 6 * np.sqrt(4 * unit)


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("make", [gaussian, mixture])
def test_ridges_are_not_for_codes_of_any_size(make, factor):
    """Neither small codes, nor coordinates of very different deviations, are singular."""
    prior = make()
    widths = factor * np.array([1.0, 1e-3, 30.0, 1.0], "float32")
    data = correlated if isinstance(prior, priors.Gaussian) else clusters
    before = prior.log_prob(data(50, seed=1))
    prior.fit(data(500) * widths, verbose=0)  # warnings are errors
    after = prior.log_prob(data(50, seed=1) * widths) + np.log(widths).sum()
    np.testing.assert_allclose(after, before, rtol=1e-3, atol=0.02)


@pytest.mark.parametrize("width", [0.0, 1e-7], ids=["a plane", "nearly a plane"])
def test_a_flat_component_gets_a_ridge(width):
    """All codes together span their space; the second component's do not."""
    flat = np.array([0.0, 0.0, 0.0, 100.0]) + np.random.default_rng(0).normal(size=(50, 4)) * [1, 1, width, 1]
    codes = np.concatenate([correlated(100), flat])
    prior = priors.Mixture(4, components=2)
    with pytest.warns(UserWarning, match="singular.*ridge of.*fewer components") as caught:
        prior.fit(codes, verbose=0)
    assert [w.category for w in caught if w.category is not DeprecationWarning] == [UserWarning]
    assert np.isfinite(prior.log_prob(codes)).all() and np.exp(array(prior.log_weights)).min() > 0.3
    assert prior.sample(200, seed=0)[:, 2].std() > 0.3


def test_more_components_than_different_codes():
    prior = priors.Mixture(2, components=5)
    with pytest.warns(UserWarning, match="singular") as caught:
        prior.fit(np.repeat(banana(3), 4, axis=0), verbose=0)
    assert len(caught) == 1 and np.isfinite(prior.sample(10, seed=0)).all()


def test_iterations_that_end_early_are_told():
    prior = priors.Mixture(2, components=5)
    with pytest.warns(UserWarning, match="max_iter=2, tol=1e-09.*more iterations") as caught:
        prior.fit(banana(500), max_iter=2, tol=1e-9, verbose=0)
    assert [w.category for w in caught] == [UserWarning] and prior.fitted


# ---------------------------------------------------------------------- files and models


def test_configurations(prior):
    config = keras.saving.serialize_keras_object(prior)
    copy = priors.deserialize(config)
    assert type(copy) is type(prior) and copy.get_config() == prior.get_config() and not copy.fitted
    copy.set_weights(prior.get_weights())
    z = correlated(20)
    np.testing.assert_array_equal(copy.log_prob(z), prior.log_prob(z))
    np.testing.assert_array_equal(copy.sample(5, seed=0), prior.sample(5, seed=0))


def test_arguments_are_kept():
    maf = priors.build("maf", 3, blocks=2, units=7, hidden_layers=3)
    assert maf.get_config().items() >= {"blocks": 2, "units": 7, "hidden_layers": 3, "latent_dim": 3}.items()
    assert [tuple(w.shape) for w in maf.weights][:8:2] == [(3, 7), (7, 7), (7, 7), (7, 6)]
    assert priors.build("mixture", 3, components=2).get_config()["components"] == 2


def images(n=64):
    return np.random.default_rng(0).random((n, 8, 8, 1), "float32")


def model_with(prior):
    keras.utils.set_random_seed(0)
    encoder = [layers.Input((8, 8, 1)), layers.Flatten(name="flat"), layers.Dense(4, name="codes")]
    decoder = [
        layers.Input((4,)),
        layers.Dense(64, "sigmoid", name="pixels"),
        layers.Reshape((8, 8, 1), name="image"),
    ]
    return latentzoo.models.GLF(
        (8, 8, 1), 4, encoder=keras.Sequential(encoder), decoder=keras.Sequential(decoder), prior=prior
    )


def test_storage(prior, tmp_path):
    model = model_with(prior)
    model.save_pretrained(tmp_path, storage="int8")
    loaded = latentzoo.load(tmp_path)
    assert type(loaded.prior) is type(prior) and loaded.prior.fitted
    before, after = prior.sample(30, seed=0), loaded.prior.sample(30, seed=0)
    if isinstance(prior, priors.MAF):
        np.testing.assert_allclose(after, before, rtol=0.02, atol=0.02)
        assert not np.array_equal(after, before)
    else:
        np.testing.assert_array_equal(after, before)
    np.testing.assert_allclose(loaded.sample(5, seed=0), model.sample(5, seed=0), atol=0.02)


def test_keys():
    maf = priors.MAF(4, blocks=2, units=8, hidden_layers=1)
    keys = [key for key in storage.named_variables(model_with(maf)) if key.startswith("prior")]
    assert keys == [
        f"prior/block_{i}/{layer}/{name}"
        for i in range(2)
        for layer in ("hidden_0", "shift_scale")
        for name in ("kernel", "bias")
    ]
    keys = list(storage.named_variables(model_with(priors.Mixture(4))))
    assert keys[-3:] == ["prior/log_weights", "prior/means", "prior/cholesky"]
    assert list(storage.named_variables(model_with(bare("gaussian"))))[-2:] == [
        "prior/mean",
        "prior/cholesky",
    ]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("gaussian", {}), ("mixture", {"tol": 1e-2}), ("maf", {"epochs": 1})],
)
def test_fit_prior(name, arguments):
    model = model_with("normal")
    history = model.fit_prior(images(400), name, validation_data=images(20), verbose=0, **arguments).history
    assert model.prior.fitted and type(model.prior).__name__.lower() == name
    assert {"nll", "val_nll"} <= set(history) and np.isfinite(history["nll"]).all()
    pictures = model.sample(3, seed=0)
    assert pictures.shape == (3, 8, 8, 1)
    if name != "maf":
        codes = model.encode(images(400))
        np.testing.assert_allclose(
            model.prior.sample(3000, seed=0).mean(axis=0), codes.mean(axis=0), atol=0.15
        )


def test_models_train_beside_a_prior_that_is_fitted_later():
    model = model_with("gaussian")
    model.compile()
    history = model.fit(images(), epochs=1, verbose=0).history
    assert np.isfinite(history["nll"]).all() and not model.prior.fitted
    model.fit_prior(images(), verbose=0)
    assert model.prior.fitted and model.sample(2, seed=0).shape == (2, 8, 8, 1)
    with pytest.warns(UserWarning, match="does not train this Gaussian prior"):
        model.fit(images(), epochs=1, verbose=0)


def test_mixed_precision_is_for_networks():
    for name in FITTED:
        few = {"components": 2} if name == "mixture" else {}
        prior, exact = (priors.build(name, 4, dtype=dtype, **few) for dtype in ("mixed_bfloat16", "float32"))
        if name == "maf":
            exact.set_weights(stirred(prior, 0.1).get_weights())
            assert prior.networks[0](tf.ones((2, 4))).dtype == tf.bfloat16
        else:
            prior.fit(correlated(200), verbose=0), exact.fit(correlated(200), verbose=0)
        z = correlated(9)
        assert prior(tf.ones((2, prior.noise_dim))).dtype == tf.float32
        assert prior.log_prob(tf.constant(z)).dtype == tf.float32
        tolerance = 0.05 if name == "maf" else 1e-6
        np.testing.assert_allclose(prior.log_prob(z), exact.log_prob(z), rtol=tolerance)


# ---------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("make", "received"),
    [
        (lambda: priors.Mixture(4, components=0), "components=0"),
        (lambda: priors.Mixture(4, components=2.5), "components=2.5"),
        (lambda: priors.MAF(0), "latent_dim=0"),
        (lambda: priors.MAF(4, blocks=0), "blocks=0"),
        (lambda: priors.MAF(4, units="8"), "units='8'"),
        (lambda: priors.MAF(4, hidden_layers=0), "hidden_layers=0"),
        (lambda: priors.Gaussian(-1), "latent_dim=-1"),
        (lambda: priors.Mixture(4).fit(correlated(9)), "9"),
        (lambda: priors.Mixture(4).fit(correlated(20), seed=-1), "seed=-1"),
        (lambda: priors.Mixture(4).fit(correlated(20), seed=None), "seed=None"),
        (lambda: priors.Mixture(4).fit(correlated(20), max_iter=0), "max_iter=0"),
        (lambda: priors.Mixture(4).fit(correlated(20), n_init=True), "n_init=True"),
        (lambda: priors.Mixture(4).fit(correlated(20), tol=-1e-3), "tol=-0.001"),
        (lambda: priors.Mixture(4).fit(correlated(20), tol=np.nan), "tol=nan"),
    ],
)
def test_arguments_out_of_range(make, received):
    with pytest.raises(ValueError, match=f"Expected:.*Received: {received}"):
        make()


@pytest.mark.parametrize("name", ["gaussian", "mixture"])
@pytest.mark.parametrize("unknown", ["epochs", "optimizer", "validation_split", "patience"])
def test_arguments_of_gradients_are_refused(name, unknown):
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{unknown}'"):
        bare(name).fit(correlated(20), **{unknown: 1})


@pytest.mark.parametrize("name", list(FITTED))
@pytest.mark.parametrize(
    "codes", [np.zeros((8, 5)), np.zeros((8, 3, 4)), np.zeros((0, 4)), np.full((8, 4), np.nan)]
)
def test_codes_that_do_not_fit(name, codes):
    prior = bare(name)
    for data, arguments in [(codes, {}), (correlated(20), {"validation_data": codes})]:
        with pytest.raises(ValueError, match="Expected:.*Received:"):
            prior.fit(data, verbose=0, **arguments)
    assert not prior.fitted


def test_steps_of_several_batches_are_the_steps_of_one(monkeypatch):
    codes = np.random.default_rng(0).standard_normal((70, 4), "float32")
    found = []
    for steps in (1, 16, 3):  # of 5 batches, the last of 6 codes
        monkeypatch.setattr(code_models, "STEPS", steps)
        keras.utils.set_random_seed(0)
        flow = priors.MAF(4)
        history = flow.fit(codes, batch_size=16, epochs=3, verbose=0).history
        found.append([*history["nll"], *history["val_nll"], *(np.array(w) for w in flow.weights)])
    for value, *others in zip(*found, strict=True):
        for other in others:
            np.testing.assert_allclose(value, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", [priors.RealNVP, priors.MAF, priors.SecondStageVAE])
def test_a_prior_computes_in_its_own_policy_whatever_the_global_one_is(make):
    codes = correlated(64)
    found = []
    for policy in ("float32", "mixed_bfloat16"):
        keras.config.set_dtype_policy(policy)
        try:
            prior = stirred(make(4, units=8, dtype="float32"), scale=0.1)
            found.append(np.asarray(prior(np.ones((2, prior.noise_dim), "float32"))))
            if prior.explicit:
                found.append(prior.log_prob(codes))
            prior.fit(codes, epochs=1, verbose=0)
        finally:
            keras.config.set_dtype_policy("float32")
    half = len(found) // 2
    for one, other in zip(found[:half], found[half:], strict=True):
        np.testing.assert_array_equal(one, other)
