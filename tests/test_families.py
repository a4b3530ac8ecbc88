"""What each family computes, beside a second reading of its paper."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from scipy import stats

from latentzoo import losses, models, posteriors, priors
from latentzoo.models.wae import moments

SHAPE, WIDTH = (8, 8, 1), 4


def networks(width=2 * WIDTH):
    keras.utils.set_random_seed(3)
    encoder = keras.Sequential([layers.Input(SHAPE), layers.Flatten(), layers.Dense(width)])
    decoder = keras.Sequential([layers.Input((WIDTH,)), layers.Dense(64, "sigmoid"), layers.Reshape(SHAPE)])
    return {"encoder": encoder, "decoder": decoder}


def flow():
    return priors.RealNVP(WIDTH, blocks=1, units=8, coupling="sigmoid")


def shaken(prior, seed=0):
    """A flow that does something."""
    rng = np.random.default_rng(seed)
    for variable in prior.trainable_variables:
        variable.assign(variable + 0.3 * rng.normal(size=variable.shape))
    return prior


@pytest.fixture(scope="module")
def images(fixture_images):
    return fixture_images["x_train"][:16, ::3, ::3][:, 1:9, 1:9].astype("float32") / 255


def by_group(model, x, total):
    """Gradients of a function of the model's terms with respect to each group, the noise being the same."""
    model.seed_generator.state.assign([7, 0])
    with tf.GradientTape() as tape:
        value = ops.mean(total(model.terms(ops.convert_to_tensor(x), training=True)))
    groups = list(dict.fromkeys(g for update in model.updates() for g in update.objectives))
    return tape.gradient(value, {g: [v.value for v in getattr(model, g).trainable_variables] for g in groups})


def moves(model, x):
    """What a step of the engine moves each group by, with plain descent at rate 1."""
    groups = list(dict.fromkeys(g for update in model.updates() for g in update.objectives))
    before = {g: [np.array(v) for v in getattr(model, g).trainable_variables] for g in groups}
    model.compile(keras.optimizers.SGD(1.0), run_eagerly=True)
    model.seed_generator.state.assign([7, 0])
    model.train_on_batch(x)
    return {
        g: [b - np.array(v) for b, v in zip(before[g], getattr(model, g).trainable_variables, strict=True)]
        for g in groups
    }


def assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, 0.0 if other is None else other, rtol=2e-3, atol=2e-4)


def calls(layers):
    """A list that grows by one entry whenever one of the layers is called."""
    found = []
    for layer in layers:
        call = layer.call
        layer.call = lambda *a, call=call, **k: found.append(1) or call(*a, **k)
    return found


# ---------------------------------------------------------------------- losses and posteriors


def test_gaussian_pixels():
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 3, 4, 4, 1)).astype("float32")
    expected = -stats.norm(y, 0.3).logpdf(x).sum((1, 2, 3))
    np.testing.assert_allclose(losses.gaussian(x, y, np.float32(0.3)), expected, rtol=1e-4)


def test_binary_pixels():
    rng = np.random.default_rng(0)
    x = (rng.random((3, 4, 4, 1)) > 0.5).astype("float32")
    y = rng.random((3, 4, 4, 1)).astype("float32")
    expected = -stats.bernoulli(y).logpmf(x).sum((1, 2, 3))
    np.testing.assert_allclose(losses.bernoulli(x, y), expected, rtol=1e-4)
    for pixel, least in ((1.0, 1e-37), (0.0, 2**-24)):  # finite where float32 ends
        sure = losses.bernoulli(np.full((1, 2), pixel, "float32"), np.array([[0.0, 1.0]], "float32"))
        np.testing.assert_allclose(sure, [-np.log(least)], rtol=1e-4)


@pytest.mark.parametrize("pixel, logits", [(1.0, (-80.0, -20.0, -3.0, 9.0)), (0.0, (-20.0, -3.0, 3.0, 9.0))])
def test_a_wrong_pixel_is_taught_however_sure_it_is(pixel, logits):
    logits = tf.constant([logits])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = losses.bernoulli(tf.fill(logits.shape, pixel), tf.sigmoid(logits))
    exact = stats.logistic.cdf(logits.numpy().astype("float64")) - pixel
    np.testing.assert_allclose(tape.gradient(loss, logits), exact, rtol=1e-3)


def test_divergence_and_entropy_are_those_of_a_normal():
    rng = np.random.default_rng(0)
    mean, deviation = rng.normal(size=(5, 3)).astype("float32"), rng.random((5, 3)).astype("float32") + 0.1
    q = stats.norm(mean, deviation)
    np.testing.assert_allclose(posteriors.entropy(deviation), q.entropy().sum(1), rtol=1e-4)
    z = rng.normal(size=(5, 3)).astype("float32")
    np.testing.assert_allclose(posteriors.log_prob(z, mean, deviation), q.logpdf(z).sum(1), rtol=1e-4)
    draws = mean + deviation * rng.standard_normal((200_000, 5, 3))
    expected = (q.logpdf(draws) - stats.norm.logpdf(draws)).sum(-1).mean(0)
    np.testing.assert_allclose(posteriors.divergence(mean, deviation), expected, atol=0.03)


def test_deviations_are_positive_and_draws_have_them():
    encoded = np.concatenate([np.zeros((4, 1)), np.array([[-100.0], [-1.0], [0.0], [50.0]])], axis=1)
    mean, deviation = posteriors.split(encoded)
    np.testing.assert_allclose(deviation[:, 0], [1e-6, 0.313263, 0.693148, 50.0], rtol=1e-3)
    seed = keras.random.SeedGenerator(0)
    z = np.stack([posteriors.draw(mean, deviation, seed) for _ in range(4000)])
    np.testing.assert_allclose(z.std(axis=0), deviation, rtol=0.05)
    np.testing.assert_allclose(z.mean(axis=0) / np.array(deviation), 0, atol=0.07)
    assert [a.shape for a in posteriors.split(np.zeros((2, 3)), 0.5)] == [(2, 3)] * 2


# ---------------------------------------------------------------------- variational autoencoders


@pytest.mark.parametrize("variance", [1.0, 0.1, "learned"])
def test_the_bound_of_a_vae_is_that_of_the_paper(images, variance):
    model = models.VAE(SHAPE, WIDTH, decoder_variance=variance, **networks())
    if variance == "learned":
        model.deviation.log_deviation.assign(-1.0)
    terms = model.terms(images, training=True)
    model.seed_generator.state.assign([0, 0])
    z, mean, deviation = model.posterior(images, training=True)
    y = model.decode(z)
    scale = np.exp(-1.0) if variance == "learned" else variance**0.5
    likelihood = stats.norm(y, scale).logpdf(images).sum((1, 2, 3))
    if variance != "learned":  # then its constant is left out
        likelihood += 64 * (np.log(scale) + 0.5 * np.log(2 * np.pi))
    np.testing.assert_allclose(terms["reconstruction"], -likelihood, rtol=1e-4)
    np.testing.assert_allclose(terms["kl"], posteriors.divergence(mean, deviation), rtol=1e-5)
    np.testing.assert_allclose(terms["posterior_variance"], np.square(deviation).mean(1), rtol=1e-5)
    error = np.square(y - images).mean((1, 2, 3))
    np.testing.assert_allclose(terms["mean_squared_error"], error, rtol=1e-4)


def test_a_learned_variance_settles_at_the_squared_error(images):
    """Where its likelihood is greatest, g^2 is the mean squared error of a pixel."""
    model = models.VAE(SHAPE, WIDTH, decoder_variance="learned", beta_kl=0.0, **networks())
    groups = ("encoder", "decoder", "deviation")
    rates = {g: keras.optimizers.Adam(0.1) if g == "deviation" else keras.optimizers.SGD(0.0) for g in groups}
    model.compile(rates, jit_compile=False)
    history = model.fit(images, epochs=60, verbose=0).history
    error = np.mean(history["mean_squared_error"][-20:])
    assert float(model.deviation.value()) ** 2 == pytest.approx(error, rel=0.05)


def test_codes_are_means_and_draws_are_spread_around_them(images):
    model = models.VAE(SHAPE, WIDTH, posterior_deviation=0.7, **networks(WIDTH))
    mean = model.encode(images)
    np.testing.assert_allclose(mean, model.encoder(images), atol=1e-6)
    draws = np.stack([model.encode(images, draw=True, seed=seed) for seed in range(300)])
    np.testing.assert_allclose(draws.std(0), 0.7, rtol=0.25)
    np.testing.assert_allclose(draws.mean(0), mean, atol=0.2)


def test_the_posterior_of_a_vae_collapses_where_the_divergence_is_all(images):
    model = models.VAE(SHAPE, WIDTH, beta_kl=1000.0, **networks())
    model.compile(keras.optimizers.Adam(0.02), jit_compile=False)
    history = model.fit(images, epochs=80, verbose=0).history
    assert history["kl"][-1] < 0.01 < history["kl"][0]
    assert history["posterior_variance"][-1] == pytest.approx(1.0, abs=0.1)


# ---------------------------------------------------------------------- flow priors and posteriors


def test_bilevel_at_full_weight_is_the_joint_bound(images):
    """T-03: at `beta_kl=1` every group gets the gradient of one evidence lower bound."""
    model = models.FlowPriorVAE(SHAPE, WIDTH, prior=shaken(flow()), beta_rec=3.0, **networks())
    bound = by_group(model, images, lambda t: 3.0 * t["reconstruction"] + t["nll"] + t["negative_entropy"])
    moved = moves(model, images)
    for group in ("encoder", "decoder", "prior"):
        assert_same(moved[group], bound[group])


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0, 2.0])
def test_the_prior_learns_at_full_weight_whatever_the_encoder_is_told(images, beta):
    """T-03: the gradient of the flow is that of its likelihood; the encoder's is weighed by `beta_kl`."""
    model = models.FlowPriorVAE(SHAPE, WIDTH, prior=shaken(flow()), beta_kl=beta, **networks())
    prior = by_group(model, images, lambda t: t["nll"])["prior"]
    encoder = by_group(
        model, images, lambda t: t["reconstruction"] + beta * (t["nll"] + t["negative_entropy"])
    )["encoder"]
    decoder = by_group(model, images, lambda t: t["reconstruction"])["decoder"]
    moved = moves(model, images)
    assert_same(moved["prior"], prior)
    assert_same(moved["encoder"], encoder)
    assert_same(moved["decoder"], decoder)


def test_an_unregularized_encoder_never_hears_of_the_prior(images):
    moved = []
    for seed in (0, 1):
        model = models.FlowPriorVAE(SHAPE, WIDTH, prior=shaken(flow(), seed), beta_kl=0.0, **networks())
        moved.append(moves(model, images)["encoder"])
    assert_same(*moved)


def test_the_terms_of_a_flow_prior_estimate_the_divergence(images):
    """With a normal prior they do what is known in closed form, on average over draws."""
    model = models.FlowPriorVAE(SHAPE, WIDTH, prior=priors.Normal(WIDTH), **networks())
    terms = [model.terms(images, training=True) for _ in range(400)]
    estimate = np.mean([t["nll"] + t["negative_entropy"] for t in terms], axis=0)
    _, mean, deviation = model.posterior(images, training=True)
    np.testing.assert_allclose(estimate, posteriors.divergence(mean, deviation), atol=0.4)


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_a_learned_variance_hears_of_the_pixels_alone(images, beta):
    model = models.FlowPriorVAE(
        SHAPE, WIDTH, prior=shaken(flow()), beta_kl=beta, decoder_variance="learned", **networks()
    )
    expected = by_group(model, images, lambda t: t["reconstruction"])
    moved = moves(model, images)
    assert_same(moved["deviation"], expected["deviation"])
    assert_same(moved["decoder"], expected["decoder"])


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_a_flow_prior_is_asked_once_in_a_step(images, beta):
    """Not once for the encoder and once for itself."""
    model = models.FlowPriorVAE(SHAPE, WIDTH, prior=flow(), beta_kl=beta, **networks())
    asked = calls(model.prior.conditioners)
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
    model.train_on_batch(images)
    assert len(asked) == len(model.prior.conditioners)


def test_the_prior_goes_on_alone_with_draws_from_the_posteriors(images):
    """Freshly drawn ones in each epoch, on the objective it had: not with their means, which spread less."""
    model = models.FlowPriorVAE(SHAPE, WIDTH, prior=shaken(flow()), beta_kl=0.0, **networks())
    mean, deviation = posteriors.split(model.encoder(images))
    given = model.codes_for_prior(images, seed=0)
    np.testing.assert_allclose(given, np.stack([mean, deviation], axis=1), rtol=1e-4, atol=1e-6)
    expected = by_group(model, images, lambda t: t["nll"])["prior"]
    trainer = model.prior.trainer()
    trainer.seed_generator.state.assign([7, 0])
    before = [np.array(v) for v in model.prior.trainable_variables]
    trainer.compile(keras.optimizers.SGD(1.0), run_eagerly=True, steps_per_execution=1)
    trainer.train_on_batch(given)
    after = model.prior.trainable_variables
    assert_same([b - np.array(v) for b, v in zip(before, after, strict=True)], expected)


def test_a_flow_posterior_bends_codes_and_counts_it(images):
    model = models.FlowPosteriorVAE(SHAPE, WIDTH, flow=shaken(flow()), **networks())
    terms = model.terms(images, training=True)
    model.seed_generator.state.assign([0, 0])
    z, mean, deviation = model.posterior(images, training=True)
    codes = model.flow.inverse(np.array(z))
    log_q = stats.norm(mean, deviation).logpdf(z).sum(1)
    log_p = stats.norm.logpdf(codes).sum(1)
    log_det = model.flow.log_prob(np.array(z)) - log_p
    np.testing.assert_allclose(terms["kl"], log_q - log_det - log_p, rtol=1e-3, atol=1e-3)
    error = 0.5 * np.square(images - model.decode(codes)).sum((1, 2, 3))
    np.testing.assert_allclose(terms["reconstruction"], error, rtol=1e-3)
    encoded = np.array(model.encoder(images))[:, :WIDTH]
    np.testing.assert_allclose(model.encode(images), model.flow.inverse(encoded), atol=1e-5)
    assert np.abs(model.encode(images) - encoded).max() > 0.05
    np.testing.assert_allclose(
        model.sample(3, seed=0), model.decode(model.prior.sample(3, seed=0)), atol=1e-6
    )


def test_a_flow_posterior_is_asked_once_for_each_coupling(images):
    model = models.FlowPosteriorVAE(SHAPE, WIDTH, flow=flow(), **networks())
    asked = calls(model.flow.conditioners)
    model.terms(images, training=True)
    assert len(asked) == len(model.flow.conditioners)


# ---------------------------------------------------------------------- Wasserstein autoencoders


def wae(**arguments):
    return models.WAE(SHAPE, WIDTH, **{**networks(WIDTH), "input_noise": 0.0, **arguments})


def test_wae_routes_gradients_as_in_the_paper(images):
    """The adversary never moves the encoder, nor the encoder's penalty the adversary."""
    model = wae()
    encoder = by_group(model, images, lambda t: 0.1 * t["reconstruction"] + 10.0 * t["penalty"])["encoder"]
    decoder = by_group(model, images, lambda t: 0.1 * t["reconstruction"])["decoder"]
    critic = by_group(model, images, lambda t: 10.0 * t["critic"])["critic"]
    moved = moves(model, images)
    assert_same(moved["encoder"], encoder)
    assert_same(moved["decoder"], decoder)
    assert_same(moved["critic"], critic)
    assert by_group(model, images, lambda t: t["penalty"])["decoder"][0] is None


def test_the_losses_of_a_critic_are_cross_entropies(images):
    model = wae()
    terms = model.terms(images, training=False)
    model.seed_generator.state.assign([0, 0])
    p = keras.random.normal((len(images), WIDTH), seed=model.seed_generator)
    real, fake = (np.array(model.critic(z))[:, 0] for z in (p, model.encoder(images)))
    sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    expected = -np.log(sigmoid(real)) - np.log(1 - sigmoid(fake))
    np.testing.assert_allclose(terms["critic"], expected, rtol=1e-3)
    np.testing.assert_allclose(terms["penalty"], -np.log(sigmoid(fake)), rtol=1e-3)


def test_the_prior_in_the_critic(images):
    plain, with_prior = wae(prior_deviation=2.0), wae(prior_deviation=2.0, prior_in_critic=True)
    with_prior.critic.set_weights(plain.critic.get_weights())
    z = np.random.default_rng(0).normal(size=(5, WIDTH)).astype("float32")
    expected = stats.norm(0, 2).logpdf(z).sum(1)
    np.testing.assert_allclose(with_prior.logit(z, True) - plain.logit(z, True), expected, rtol=1e-3)


def test_discrepancy_beside_a_plain_reading():
    rng = np.random.default_rng(0)
    z, p = rng.normal(size=(2, 6, 3)).astype("float32")
    expected = 0.0
    for scale in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0):
        c = scale * 2 * 3 * 1.5**2
        kernel = lambda a, b, c=c: c / (c + np.square(a - b).sum())  # noqa: E731
        for i in range(6):
            for j in range(6):
                if i != j:
                    expected += (kernel(z[i], z[j]) + kernel(p[i], p[j])) / 30
                expected -= 2 * kernel(z[i], p[j]) / 36
    assert float(losses.maximum_mean_discrepancy(z, p, 1.5)) == pytest.approx(expected, rel=1e-4)
    big = rng.normal(size=(2, 500, 3)).astype("float32")
    assert abs(float(losses.maximum_mean_discrepancy(*big, 1.0))) < 0.05
    assert float(losses.maximum_mean_discrepancy(big[0] + 2, big[1], 1.0)) > 1
    assert np.isfinite(losses.maximum_mean_discrepancy(z[:1], p[:1], 1.0))


def test_moments_are_at_their_least_at_the_prior():
    z = np.random.default_rng(0).normal(size=(20_000, 3)).astype("float32")
    assert float(moments(2 * z, 2.0)) < 0.01
    expected = np.mean([1.0, 0, 0]) + np.mean(np.eye(3) * 9)  # mean 1 in one axis, variance 4 instead of 1
    assert float(moments(2 * z + np.array([1, 0, 0], "float32"), 1.0)) == pytest.approx(expected, rel=0.05)


def test_pretraining_matches_moments_first_and_leaves_the_rest(images):
    model = wae(pretraining_steps=2)
    others = [*model.decoder.trainable_variables, *model.critic.trainable_variables]
    before = [np.array(v) for v in others], np.array(model.encoder.weights[0])
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
    model.fit(images, batch_size=8, verbose=0)  # two steps
    assert all(np.array_equal(b, v) for b, v in zip(before[0], others, strict=True))
    assert not np.array_equal(before[1], model.encoder.weights[0])
    model.fit(images[:8], verbose=0)
    assert not np.array_equal(before[0][0], model.decoder.trainable_variables[0])


def test_input_noise_is_that_of_training_alone(images):
    model = wae(input_noise=0.05)
    x = ops.convert_to_tensor(images)
    noise = np.array(model.noisy(x)) - images
    assert 0 < np.abs(noise).max() <= 0.1 and noise.std() == pytest.approx(0.05 * 0.88, rel=0.1)
    found = [float(ops.mean(model.terms(x, training=t)["reconstruction"])) for t in (False, False, True)]
    assert found[0] == found[1] != found[2]


# ---------------------------------------------------------------------- regularized, two-stage


def test_rae_keeps_codes_small_and_decays_kernels_alone(images):
    model = models.RAE(SHAPE, WIDTH, decoder_decay=0.5, **networks(WIDTH))
    terms = model.terms(images, training=True)
    z = model.encode(images)
    np.testing.assert_allclose(terms["latent"], 0.5 * np.square(z).sum(1), rtol=1e-4)
    kernel = np.array(model.decoder.layers[0].kernel)
    assert float(terms["decay"]) == pytest.approx(0.5 * np.square(kernel).sum(), rel=1e-5)
    gradients = by_group_plain(model, images, lambda t: t["decay"])
    assert gradients["encoder"][0] is None and gradients["decoder"][1] is None  # the bias


def by_group_plain(model, x, total):
    with tf.GradientTape() as tape:
        value = ops.mean(total(model.terms(ops.convert_to_tensor(x), training=True)))
    groups = ("encoder", "decoder")
    return tape.gradient(value, {g: [v.value for v in getattr(model, g).trainable_variables] for g in groups})


def test_spectral_norms_come_down_to_one(images):
    model = models.RAE(SHAPE, WIDTH, spectral_norm=True)
    for variable in model.encoder.get_layer("dense_0_spectral").layer.weights[:1]:
        variable.assign(5 * variable)
    model.compile(keras.optimizers.SGD(0.0), jit_compile=False)
    model.fit(images, epochs=6, verbose=0)
    for network, name in ((model.encoder, "dense_0"), (model.encoder, "conv_1"), (model.decoder, "deconv_0")):
        kernel = np.array(network.get_layer(f"{name}_spectral").layer.kernel)
        norm = np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), 2)
        assert norm == pytest.approx(1, abs=0.2), name


def test_a_second_stage_learns_codes_that_are_not_normal():
    """Two clouds, which a normal prior would fill in between."""
    rng = np.random.default_rng(0)
    codes = np.concatenate([rng.normal(-3, 0.3, (1000, 2)), rng.normal(3, 0.3, (1000, 2))]).astype("float32")
    prior = priors.SecondStageVAE(2, units=64, hidden_layers=2)
    assert not prior.fitted
    history = prior.fit(
        rng.permutation(codes), optimizer=keras.optimizers.Adam(3e-3), epochs=60, patience=60, verbose=0
    ).history
    assert history["val_loss"][-1] < history["val_loss"][0] - 1 and prior.fitted
    z = prior.sample(1000, seed=0)
    normal = rng.multivariate_normal(codes.mean(0), np.cov(codes.T), 1000)
    near = [np.mean(np.minimum(np.abs(c - 3).max(1), np.abs(c + 3).max(1)) < 1.5) for c in (z, normal)]
    assert near[0] > near[1] + 0.2
    assert 0.3 < (z[:, 0] > 0).mean() < 0.7


def test_a_second_stage_draws_anew_in_every_epoch():
    """Codes given as distributions are noise around their means, of the deviations that are given."""
    trainer = priors.SecondStageVAE(3, units=4).trainer()
    x = np.zeros((2000, 2, 3), "float32")
    x[:, 0], x[:, 1] = 5.0, (0.1, 1.0, 2.0)
    one, two = (np.array(trainer.prepare(ops.convert_to_tensor(x))) for _ in range(2))
    np.testing.assert_allclose(one.mean(0), 5, atol=0.2)
    np.testing.assert_allclose(one.std(0), [0.1, 1.0, 2.0], rtol=0.1)
    assert np.abs(one - two).max() > 0.5


def test_two_stage_prior_is_fitted_to_draws(images, monkeypatch):
    model = models.TwoStageVAE(SHAPE, WIDTH, prior=priors.SecondStageVAE(WIDTH, units=4), **networks())
    seen = {}
    monkeypatch.setattr(type(model.prior), "fit", lambda self, codes, **k: seen.update(codes=codes))
    model.fit_prior(images)
    mean, deviation = posteriors.split(model.encoder(images))
    np.testing.assert_allclose(seen["codes"], np.stack([mean, deviation], 1), rtol=1e-4, atol=1e-5)
    model.fit_prior(images, draw=False)
    np.testing.assert_allclose(seen["codes"], mean, atol=1e-5)


def test_the_noise_of_the_second_stage_stays_in_its_samples():
    prior = priors.SecondStageVAE(2, units=4)
    prior.log_deviation.assign(np.log(0.5))
    noise = np.zeros((1, 4), "float32")
    noise[0, 2:] = (1.0, -2.0)
    still = np.array(prior(np.zeros((1, 4), "float32")))
    np.testing.assert_allclose(np.array(prior(noise)) - still, [[0.5, -1.0]], atol=1e-6)


# ---------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: models.VAE(SHAPE, 4, likelihood="binary"), "one of .*'gaussian'.*Received: likelihood='b"),
        (lambda: models.VAE(SHAPE, 4, decoder_variance=0.0), "Expected: a number > 0, or 'learned'"),
        (lambda: models.VAE(SHAPE, 4, decoder_variance="learn"), "Expected: a number > 0, or 'learned'"),
        (lambda: models.VAE(SHAPE, 4, posterior_deviation=-1), "Expected: a number > 0, or None.*Received:"),
        (lambda: models.VAE(SHAPE, 4, likelihood="bernoulli", decoder_variance=0.1), "Only Gaussian pixels"),
        (lambda: models.VAE(SHAPE, 4, beta_kl=-0.1), "Expected: a number >= 0.*Received: beta_kl=-0.1"),
        (lambda: models.FlowPriorVAE(SHAPE, 4, beta_kl=float("nan")), "Expected:.*Received: beta_kl=nan"),
        (lambda: models.FlowPosteriorVAE(SHAPE, 4, flow="normal"), "Expected: a `latentzoo.priors.RealNVP`"),
        (lambda: wae(penalty="wasserstein"), "Expected: 'gan' or 'mmd'.*Received: penalty='wasserstein'"),
        (lambda: wae(penalty="mmd", prior_in_critic=True), "no critic.*Expected: penalty='gan'"),
        (lambda: wae(prior_deviation=0), "Expected:.*Received: prior_deviation=0"),
        (lambda: wae(critic=networks()["encoder"]), "critic does not fit.*Expected:.*Received:"),
        (
            lambda: wae(critic=keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])),
            r"Received: a network that takes \(None, 5\)\.$",
        ),
        (lambda: models.RAE(SHAPE, 4, spectral_norm=True, **networks(4)), "Expected: encoder=None"),
        (lambda: priors.SecondStageVAE(4, units=0), "Expected: an integer >= 1.*Received: units=0"),
        (lambda: priors.SecondStageVAE(4).fit(np.zeros((1, 4))), "too few codes.*Expected: 2 or more"),
        (lambda: priors.SecondStageVAE(4).fit(np.zeros((3, 5))), r"Expected: shape \(n, 4\).*Received:"),
        (lambda: priors.SecondStageVAE(4).fit(np.zeros((3, 3, 4))), r"Expected: shape \(n, 4\).*Received:"),
    ],
)  # fmt: skip
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        make()
