"""Adversarial autoencoders and generators against a second reading of their papers, and binary pixels."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import latentzoo
from latentzoo import data, images, models, priors
from latentzoo.networks import critics, mlp
from latentzoo.priors.adversarial import Adversary

SHAPE, WIDTH = (4, 4, 1), 3


def dense(inputs, *hidden, outputs=None, reshape=None, activation=None):
    """A small network without batch norm."""
    network = [layers.Input(inputs), layers.Flatten()]
    network += [layers.Dense(units, "tanh") for units in hidden]
    network += [layers.Dense(outputs, activation)]
    return keras.Sequential(network + ([layers.Reshape(reshape)] if reshape else []))


def toy(**arguments):
    keras.utils.set_random_seed(0)
    networks = {
        "encoder": dense(SHAPE, 5, outputs=WIDTH),
        "decoder": dense((WIDTH,), 5, outputs=16, reshape=SHAPE, activation="sigmoid"),
        "critic": dense((WIDTH,), 6, outputs=1),
    }
    return models.AAE(SHAPE, WIDTH, **{**networks, **arguments})


def generator(**arguments):
    keras.utils.set_random_seed(1)
    return priors.AdversarialGenerator(WIDTH, **{"units": 6, "hidden_layers": 1, **arguments})


@pytest.fixture
def still(monkeypatch):
    """The same noise whenever some is drawn."""
    normal = lambda shape, **settings: tf.random.stateless_normal(shape, [1, 2])  # noqa: E731
    monkeypatch.setattr(keras.random, "normal", normal)
    uniform = lambda shape, **settings: tf.random.stateless_uniform(shape, [3, 4])  # noqa: E731
    monkeypatch.setattr(keras.random, "uniform", uniform)
    return normal


def grey(n=7):
    return tf.constant(np.random.default_rng(0).random((n, *SHAPE)), "float32")


def moved_by_step(model, x):
    """By how much a step of gradient descent at rate 1 moves the weights of each group."""
    groups = dict.fromkeys(g for update in model.updates() for g in update.objectives)
    model.compile({g: keras.optimizers.SGD(1.0) for g in groups}, run_eagerly=True)
    before = {g: [np.array(v) for v in getattr(model, g).trainable_variables] for g in groups}
    model.train_on_batch(x)
    after = {g: [np.array(v) for v in getattr(model, g).trainable_variables] for g in groups}
    return {g: [old - new for old, new in zip(before[g], after[g], strict=True)] for g in groups}


def slopes(loss, network):
    """The gradient of a function without arguments."""
    with tf.GradientTape() as tape:
        value = loss()
    return [np.array(g) for g in tape.gradient(value, [v.value for v in network.trainable_variables])]


def close(ours, theirs):
    assert len(ours) == len(theirs) > 0
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)


def chance(critic, z):
    """The critic's probability that codes come from the prior."""
    return tf.sigmoid(critic(z)[:, 0])


def squared(model, x):
    return 0.5 * tf.reduce_sum((x - model.decoder(model.encoder(x))) ** 2, axis=(1, 2, 3))


def descended(network, *steps):
    """What a network's weights lose in several steps of rate 1, each taken from where the last one ended."""
    total = None
    start = network.get_weights()
    for loss in steps:
        found = slopes(loss, network)
        for v, g in zip(network.trainable_variables, found, strict=True):
            v.assign(v - g)
        total = found if total is None else [a + b for a, b in zip(total, found, strict=True)]
    network.set_weights(start)
    return total


# ---------------------------------------------------------------------- adversarial autoencoders


@pytest.mark.parametrize("saturating", [None, True], ids=["as in the paper", "saturating"])
def test_phases_with_a_fixed_prior(still, saturating):
    x = grey()
    ours, twin = toy(beta_kl=0.5, saturating=saturating), toy()
    found = moved_by_step(ours, x)
    first = slopes(lambda: tf.reduce_mean(squared(twin, x)), twin.encoder)
    close(found["decoder"], slopes(lambda: tf.reduce_mean(squared(twin, x)), twin.decoder))
    for v, g in zip(twin.encoder.trainable_variables, first, strict=True):
        v.assign(v - g)
    p = still((len(x), WIDTH))

    def judged():
        real, fake = chance(twin.critic, p), chance(twin.critic, twin.encoder(x))
        return tf.reduce_mean(-tf.math.log(real) - tf.math.log(1 - fake))

    judge = slopes(judged, twin.critic)
    close(found["critic"], judge)
    for v, g in zip(twin.critic.trainable_variables, judge, strict=True):
        v.assign(v - g)

    def fooled():
        fake = chance(twin.critic, twin.encoder(x))
        return 0.5 * tf.reduce_mean(tf.math.log(1 - fake) if saturating else -tf.math.log(fake))

    close(found["encoder"], [a + b for a, b in zip(first, slopes(fooled, twin.encoder), strict=True)])


@pytest.mark.parametrize("saturating", [None, False], ids=["as in the paper", "not saturating"])
@pytest.mark.parametrize("beta_kl", [0.0, 0.5])
def test_steps_with_a_learned_prior(still, beta_kl, saturating):
    """Morrow and Chiu's three objectives, one step of each."""
    x = grey()
    ours = toy(learned_prior=True, prior=generator(), beta_kl=beta_kl, saturating=saturating)
    twin = toy(learned_prior=True, prior=generator())
    found = moved_by_step(ours, x)
    log = tf.math.log

    def fitted():
        d = chance(twin.critic, twin.encoder(x))
        adversary = -log(d) if saturating is False else log(1 - d)
        return tf.reduce_mean(squared(twin, x) + beta_kl * adversary)

    close(found["decoder"], slopes(fitted, twin.decoder))
    step = slopes(fitted, twin.encoder)
    close(found["encoder"], step)
    for v, g in zip(twin.encoder.trainable_variables, step, strict=True):
        v.assign(v - g)
    u = still((len(x), WIDTH))

    def followed():
        d = chance(twin.critic, twin.prior(u, training=True))
        return tf.reduce_mean(-log(1 - d) if saturating is False else log(d))

    step = slopes(followed, twin.prior)
    close(found["prior"], step)
    for v, g in zip(twin.prior.trainable_variables, step, strict=True):
        v.assign(v - g)

    def judged():
        real = chance(twin.critic, twin.prior(u, training=True))
        fake = chance(twin.critic, twin.encoder(x))
        return tf.reduce_mean(-log(real) - log(1 - fake))

    close(found["critic"], slopes(judged, twin.critic))


def test_unregularized_encoder_never_hears_of_the_critic(still):
    """T-04: at `beta_kl=0` the encoder moves as that of a plain autoencoder, whatever the critic is."""
    x, moves = grey(), []
    for seed in (0, 1):
        keras.utils.set_random_seed(seed)
        critic = dense((WIDTH,), 6, outputs=1)
        for arguments in ({"learned_prior": True, "prior": generator()}, {}):
            moves.append(moved_by_step(toy(critic=critic, beta_kl=0.0, **arguments), x)["encoder"])
    twin = toy()
    plain = models.PlainAutoencoder(SHAPE, WIDTH, encoder=twin.encoder, decoder=twin.decoder)
    for move in moves:
        close(move, moves[0])
    close(moved_by_step(plain, x)["encoder"], moves[0])


def test_judging_moves_the_critic_alone(still):
    x, model = grey(), toy(learned_prior=True, prior=generator())
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model.judged(x, training=True)["critic"])
    sides = [*model.encoder.trainable_variables, *model.prior.trainable_variables]
    assert tape.gradient(loss, [v.value for v in sides]) == [None] * len(sides)


def test_learned_prior_is_sampled_once_it_was_trained(tmp_path):
    x, model = np.array(grey(32)), toy(learned_prior=True, prior=generator())
    model.compile()
    with pytest.raises(ValueError, match=r"not fitted.*Expected: a fitted AdversarialGenerator"):
        model.sample(2)
    model.fit(x, batch_size=16, epochs=1, verbose=0)
    model.save_pretrained(tmp_path / "model")
    again = latentzoo.load(tmp_path / "model")
    assert again.learned_prior and again.saturating is None
    np.testing.assert_allclose(again.sample(3, seed=0), model.sample(3, seed=0), atol=1e-6)


def test_default_networks_are_those_of_the_papers():
    fixed, learned = models.AAE((8, 8, 1), 10), models.AAE((8, 8, 1), 10, learned_prior=True)
    assert isinstance(fixed.prior, priors.Normal)
    assert [v.shape for v in fixed.critic.weights[::2]] == [(10, 300), (300, 300), (300, 1)]
    assert {a.negative_slope for a in fixed.critic.layers if isinstance(a, layers.ReLU)} == {0.2}
    assert [v.shape for v in learned.critic.weights[::2]] == [(10, 1024), (1024, 1024), (1024, 1)]
    assert {a.negative_slope for a in learned.critic.layers if isinstance(a, layers.ReLU)} == {0.0}
    kinds = [type(layer).__name__ for layer in learned.prior.network.layers]
    assert kinds == ["InputLayer", *["Dense", "BatchNormalization", "Activation"] * 3, "Dense"]
    names = [a.activation.__name__ for a in learned.prior.network.layers[3::3]]
    assert names == ["relu"] * 3
    assert learned.prior.noise_dim == 10


# ---------------------------------------------------------------------- a critic for codes


def codes(n=64):
    return np.random.default_rng(2).normal((1.0, -2.0, 0.5), (0.5, 1.0, 2.0), (n, WIDTH)).astype("float32")


def test_gan_of_codes(still):
    z = tf.constant(codes(8))
    critic = dense((WIDTH,), 6, outputs=1)
    twin, judge = generator(), keras.models.clone_model(critic)
    judge.set_weights(critic.get_weights())
    found = moved_by_step(Adversary(generator(), loss="gan", critic=critic), z)
    u = still((8, WIDTH))

    def judged():
        real, fake = chance(judge, z), chance(judge, twin(u, training=True))
        return tf.reduce_mean(-tf.math.log(real) - tf.math.log(1 - fake))

    step = slopes(judged, judge)
    close(found["critic"], step)
    for v, g in zip(judge.trainable_variables, step, strict=True):
        v.assign(v - g)
    fooled = lambda: -tf.reduce_mean(tf.math.log(chance(judge, twin(u, training=True))))  # noqa: E731
    close(found["prior"], slopes(fooled, twin))


def test_wasserstein_gan_of_codes(still):
    """Two steps of the critic, the penalty's slope through finite differences, then one of the generator."""
    z = tf.constant(codes(8))
    critic = dense((WIDTH,), 6, outputs=1)
    twin, judge = generator(), keras.models.clone_model(critic)
    judge.set_weights(critic.get_weights())
    ours = Adversary(generator(), critic=critic, critic_steps=2, gradient_penalty=3.0)
    u, share = still((8, WIDTH)), np.array(tf.random.stateless_uniform((8, 1), [3, 4]))
    fake = np.array(twin(u, training=True))
    between = share * np.array(z) + (1 - share) * fake
    step = 1e-3 * np.eye(WIDTH, dtype="float32")

    def norms():
        rises = [judge(between + d)[:, 0] - judge(between - d)[:, 0] for d in step]
        return tf.sqrt(sum((rise / 2e-3) ** 2 for rise in rises))

    found = ours.steepness(z, fake, training=True)
    np.testing.assert_allclose(found, (norms() - 1) ** 2, rtol=2e-2, atol=1e-4)
    found = moved_by_step(ours, z)

    def judged():
        return tf.reduce_mean(judge(fake)[:, 0] - judge(z)[:, 0] + 3.0 * (norms() - 1) ** 2)

    total = descended(judge, judged, judged)
    for a, b in zip(found["critic"], total, strict=True):
        np.testing.assert_allclose(a, b, rtol=0.05, atol=2e-3 * np.abs(b).max())
    for v, g in zip(judge.trainable_variables, found["critic"], strict=True):
        v.assign(v - g)
    close(found["prior"], slopes(lambda: -tf.reduce_mean(judge(twin(u, training=True))), twin))


@pytest.mark.parametrize("loss", ["gan", "wgan-gp"])
def test_adversary_finds_the_codes(loss):
    prior = generator(units=32, hidden_layers=2)
    optimizer = keras.optimizers.Adam(1e-3, beta_1=0.5)
    history = prior.fit(
        codes(2048), loss=loss, optimizer=optimizer, epochs=60, batch_size=128, verbose=0
    ).history
    assert set(history) == {"loss", "critic", "generator", *(["penalty"] if loss == "wgan-gp" else [])}
    z = prior.sample(4000, seed=0)
    np.testing.assert_allclose(z.mean(axis=0), (1.0, -2.0, 0.5), atol=0.35)
    np.testing.assert_allclose(z.std(axis=0), (0.5, 1.0, 2.0), rtol=0.4)


def test_adversary_takes_distributions_of_codes():
    z = np.stack([codes(), np.full((64, WIDTH), 0.1)], axis=1)
    prior = generator()
    prior.fit(z, epochs=1, batch_size=32, verbose=0)
    assert prior.fitted and prior.sample(2, seed=0).shape == (2, WIDTH)


def test_critic_steps_cost_no_pass_of_the_autoencoder(monkeypatch):
    x, twin = np.array(grey(32)), toy()
    model = models.PlainAutoencoder(SHAPE, WIDTH, encoder=twin.encoder, decoder=twin.decoder)
    calls = []
    for network in (model.encoder, model.decoder):
        call = network.call
        monkeypatch.setattr(network, "call", lambda *a, _call=call, **k: (calls.append(1), _call(*a, **k))[1])
    model.fit_prior(x, generator(), epochs=3, batch_size=8, verbose=0)
    assert len(calls) == 1  # once, to be compiled: all images were encoded in one batch


def trained(model):
    model.compile()
    assert model.predict(grey(), verbose=0).shape == (len(grey()), *SHAPE)  # reconstructs, whatever its prior
    model.fit(grey(), verbose=0)


def normalized():
    return keras.Sequential([layers.Input((WIDTH,)), layers.BatchNormalization(), layers.Dense(1)])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: generator().fit(codes(), loss="lsgan"), "Expected: one of.*Received: loss='lsgan'"),
        (lambda: generator().fit(codes(), critic_steps=0), "critic_steps.*Expected: an integer >= 1"),
        (lambda: generator().fit(codes(), gradient_penalty=-1), "gradient_penalty.*Expected: a number >= 0"),
        (
            lambda: generator().fit(codes(), loss="gan", gradient_penalty=3.0),
            "not penalized.*Expected: loss='wgan-gp', or no penalty.*Received: loss='gan'.*=3.0",
        ),
        (lambda: trained(toy(prior=generator())), "has seen none.*Expected: one that is fitted.*=False"),
        (
            lambda: trained(toy(prior="mixture", learned_prior=True)),
            "Received: learned_prior=True.*Mixture",
        ),
        (lambda: generator().fit(codes(), critic=normalized()), "Expected: a critic without batch norm"),
        (lambda: generator().fit(codes(), critic=critics.dense(4)), "critic does not fit.*Expected: shape"),
        (lambda: generator().fit(codes(), critic=3), "Expected: `critic` is a `keras.Model`"),
        (lambda: generator().fit(codes()[:, :2]), r"Expected: shape \(n, 3\)"),
        (lambda: generator().fit(codes() * np.nan), "Codes must be finite"),
        (lambda: generator(activation="gelu"), "Expected: one of.*Received: activation='gelu'"),
        (lambda: toy(beta_kl=-0.1), "beta_kl.*Expected: a number >= 0"),
        (lambda: toy(saturating="yes"), "saturating.*Expected: True or False"),
        (lambda: toy(critic=dense((WIDTH,), outputs=2)), r"critic does not fit.*\(None, 1\)"),
        (lambda: toy(prior=priors.Normal(2)), "codes of another width.*Expected: latent_dim=3"),
        (lambda: toy(likelihood="poisson"), "Expected: one of.*'bernoulli'.*Received: likelihood='poisson'"),
    ],
)
def test_bad_adversaries(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_gan_may_have_batch_norm():
    prior = generator()
    prior.fit(codes(), loss="gan", critic=normalized(), epochs=1, verbose=0)
    assert prior.fitted


# ---------------------------------------------------------------------- binary pixels


@pytest.fixture(scope="module")
def binary():
    keras.utils.set_random_seed(0)
    model = models.VAE(SHAPE, WIDTH, likelihood="bernoulli")
    model.compile()
    return model


def test_binary_models_sample_black_and_white(binary):
    chances = binary.sample(20, seed=0, probabilities=True)
    assert len(np.unique(chances)) > 2
    np.testing.assert_array_equal(binary.sample(20, seed=0), chances > 0.5)
    grey = models.VAE(SHAPE, WIDTH)
    np.testing.assert_array_equal(grey.sample(2, seed=0), grey.sample(2, seed=0, probabilities=True))


@pytest.mark.parametrize("kind", ["uint8", "float32"])
@pytest.mark.parametrize("method", ["encode", "reconstruct", "__call__", "fit", "evaluate", "fit_prior"])
def test_binary_models_refuse_grey(binary, method, kind):
    x = np.zeros((4, *SHAPE), kind)
    arguments = {"fit": {"verbose": 0}, "evaluate": {"verbose": 0}}.get(method, {})
    getattr(binary, method)(x, **arguments)
    x[2, 1, 1] = 100 if kind == "uint8" else 0.4
    with pytest.raises(ValueError, match="grey.*Expected: pixels of 0 or 1.*`latentzoo.images.binarized"):
        getattr(binary, method)(x, **arguments)


def test_binarized():
    x = np.array([[0, 127, 128, 255]], "uint8")
    np.testing.assert_array_equal(images.binarized(x), [[0, 0, 255, 255]])
    np.testing.assert_array_equal(images.binarized(x / 255), [[0, 0, 255, 255]])
    grey = np.tile(np.array([0, 51, 255], "uint8"), (5000, 1))
    for pictures in (grey, grey / np.float32(255)):
        found = images.binarized(pictures, seed=0)
        assert set(np.unique(found)) == {0, 255} and (found == images.binarized(pictures, seed=0)).all()
        np.testing.assert_allclose(found.mean(axis=0) / 255, [0, 0.2, 1], atol=0.02)
    assert (found != images.binarized(grey, seed=1)).any()
    with pytest.raises(ValueError, match="Bad seed.*Received: seed=-1"):
        images.binarized(grey, seed=-1)


def test_pixels_are_drawn_anew_in_every_epoch():
    x = np.full((500, 4, 4, 1), 64, "uint8")
    x[:, 0], x[:, 1] = 0, 255
    drawn = [b.numpy() for b in data.epochs(x, 100, seed=3, binarize=True).take(10)]
    first, second = np.concatenate(drawn[:5]), np.concatenate(drawn[5:])
    assert set(np.unique(first)) == {0.0, 1.0} and not first[:, 0].any() and first[:, 1].all()
    assert abs(first[:, 2:].mean() - 64 / 255) < 0.02  # 4,000 pixels: a deviation of 0.007
    agree = (64 / 255) ** 2 + (1 - 64 / 255) ** 2
    for a, b in ((first, second), (drawn[0], drawn[1])):
        assert abs((a == b)[:, 2:].mean() - agree) < 0.05
    resumed = [b.numpy() for b in data.epochs(x, 100, seed=3, start=1, binarize=True).take(5)]
    assert all(map(np.array_equal, drawn[5:], resumed))


def normed_critic():
    return keras.Sequential(
        [layers.Input((WIDTH,)), layers.Dense(6), layers.BatchNormalization(name="norm"), layers.Dense(1)]
    )


def moving_mean(critic):
    return np.array(critic.get_layer("norm").moving_mean)


@pytest.mark.parametrize("family", ["AAE", "AAE, learned prior", "WAE", "generator"])
def test_critics_train_in_training_mode(family):
    """Batch norm of a critic sees batches, and its moving statistics follow."""
    critic = normed_critic()
    if family == "generator":
        generator().fit(np.ones((8, WIDTH), "float32"), loss="gan", critic=critic, epochs=1, verbose=0)
    elif family == "WAE":
        parts = {"encoder": dense(SHAPE, outputs=WIDTH), "critic": critic}
        parts["decoder"] = dense((WIDTH,), outputs=16, reshape=SHAPE, activation="sigmoid")
        model = models.WAE(SHAPE, WIDTH, **parts)
        model.compile(run_eagerly=True)
        model.train_on_batch(grey())
    else:
        learned = {"learned_prior": True, "prior": generator()} if "learned" in family else {}
        model = toy(critic=critic, **learned)
        model.compile(run_eagerly=True)
        model.train_on_batch(grey())
        trained = moving_mean(critic)
        model.test_on_batch(grey())
        np.testing.assert_array_equal(moving_mean(critic), trained)
    assert moving_mean(critic).any()


def test_a_fixed_prior_is_not_moved():
    prior = generator()
    prior.fit(codes(), loss="gan", epochs=1, verbose=0)
    model = toy(prior=prior)
    model.compile(run_eagerly=True)
    before = [np.array(v) for v in prior.weights]
    model.train_on_batch(grey())
    for old, new in zip(before, prior.weights, strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_learned_prior_can_give_way_to_one_that_does_not_learn_and_back():
    model = toy(learned_prior=True, prior=generator())
    model.compile(keras.optimizers.SGD(0.125), run_eagerly=True)
    model.train_on_batch(grey())
    assert set(model.optimizer.groups) == {"encoder", "decoder", "critic", "prior"}
    model.fit_prior(grey(40), "normal")
    assert set(model.optimizer.groups) == {"encoder", "decoder", "critic"}
    kept = model.optimizer.groups["critic"]
    model.train_on_batch(grey())
    model.replace(prior=generator())
    assert model.optimizer.groups["critic"] is kept and int(kept.iterations) == 2
    assert float(model.optimizer.groups["prior"].learning_rate) == 0.125
    before = np.array(model.prior.trainable_variables[0])
    model.train_on_batch(grey())
    assert (np.array(model.prior.trainable_variables[0]) != before).any()


def test_generators_of_unit_length_stay_so(tmp_path):
    prior = generator(unit_norm=True)
    prior.fit(np.ones((8, WIDTH), "float32"), loss="gan", epochs=1, verbose=0)
    model = toy(prior=prior)
    model.save_pretrained(tmp_path)
    lengths = np.linalg.norm(latentzoo.load(tmp_path).prior.sample(5, seed=0), axis=1)
    np.testing.assert_allclose(lengths, 1.0, rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"learned_prior": "no"}, "Bad learned_prior. Expected: True or False. Received: learned_prior='no'"),
        ({"saturating": np.array([1, 2])}, "Bad saturating.*Expected: True or False"),
        ({"likelihood": ["bernoulli"]}, "Unknown likelihood.*Expected: one of"),
        ({"beta": 1.0}, r"Unknown arguments of AAE.*Expected: some of .*'beta_kl'.*Received: \['beta'\]"),
    ],
    ids=str,
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        toy(**arguments)


# ---------------------------------------------------------------------- networks


def test_dense_networks():
    encoder, decoder = mlp.encoder((28, 28, 1), 10), mlp.decoder((28, 28, 1), 10)
    kinds = ["Dense", "BatchNormalization", "Activation"] * 2
    assert [type(a).__name__ for a in encoder.layers] == ["InputLayer", "Flatten", *kinds, "Dense"]
    assert [type(a).__name__ for a in decoder.layers] == [
        "InputLayer", *kinds, "Dense", "Reshape", "Activation",
    ]  # fmt: skip
    learned = [sum(np.prod(v.shape) for v in n.trainable_variables) for n in (encoder, decoder)]
    assert learned == [785 * 300 + 2 * 600 + 301 * 300 + 301 * 10, 11 * 300 + 2 * 600 + 301 * 300 + 301 * 784]
    for network, momentum in ((encoder, 0.99), (decoder, 0.99), (mlp.generator(10, 10), 0.9)):
        norms = [a for a in network.layers if isinstance(a, keras.layers.BatchNormalization)]
        assert [(a.momentum, a.epsilon) for a in norms] == [(momentum, 1e-5)] * 2
    for network, given in ((mlp.encoder, np.ones((2, *SHAPE))), (mlp.decoder, np.ones((2, WIDTH)))):
        network = network(SHAPE, WIDTH, dtype="mixed_bfloat16")
        assert network(given).dtype == "float32"
        assert {a.compute_dtype for a in network.layers[2:4]} == {"bfloat16"}
