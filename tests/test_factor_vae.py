"""FactorVAE beside a second reading of its paper: what the critic sees, and who learns from it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from scipy import special

from latentzoo import models, posteriors
from latentzoo.models.factor_vae import permuted
from latentzoo.networks import critics

SHAPE, WIDTH, GAMMA = (8, 8, 1), 4, 3.0
GROUPS = ("encoder", "decoder", "critic")


def make(**arguments):
    keras.utils.set_random_seed(3)
    encoder = keras.Sequential([layers.Input(SHAPE), layers.Flatten(), layers.Dense(2 * WIDTH)])
    decoder = keras.Sequential([layers.Input((WIDTH,)), layers.Dense(64, "sigmoid"), layers.Reshape(SHAPE)])
    critic = critics.dense(WIDTH, outputs=2, units=8, hidden_layers=2, negative_slope=0.2)
    own = {"encoder": encoder, "decoder": decoder, "critic": critic, "beta_tc": GAMMA}
    return models.FactorVAE(SHAPE, WIDTH, **{**own, **arguments})


@pytest.fixture(scope="module")
def images(fixture_images):
    return fixture_images["x_train"][:32, ::3, ::3][:, 1:9, 1:9].astype("float32") / 255


def start(model):
    """The noise of a step, always the same."""
    model.seed_generator.state.assign([7, 0])


def variables(model, group):
    return [v.value for v in getattr(model, group).trainable_variables]


def moves(model, x):
    """What a step of the engine moves each group by, with plain descent at rate 1."""
    before = {group: [np.array(v) for v in variables(model, group)] for group in GROUPS}
    model.compile(keras.optimizers.SGD(1.0), run_eagerly=True)
    start(model)
    model.train_on_batch(x)
    return {
        group: [b - np.array(v) for b, v in zip(before[group], variables(model, group), strict=True)]
        for group in GROUPS
    }


def drawn(model, x):
    """The codes, means and deviations of a step, and the codes of which every second one is permuted."""
    start(model)
    z, mean, deviation = model.posterior(ops.convert_to_tensor(x), training=True)
    mixed = np.array(z)
    mixed[1::2] = permuted(mixed[1::2], model.seed_generator)
    return z, mean, deviation, mixed


# ---------------------------------------------------------------------- codes and permuted codes


def test_a_permutation_keeps_marginals_and_nothing_else():
    """T-09: each coordinate has the values that it had, in other rows than the other coordinates."""
    z = np.random.default_rng(0).normal(size=(500, 3)).astype("float32")
    z[:, 1] = z[:, 0]  # as dependent as can be
    seed = keras.random.SeedGenerator(0)
    found = np.array(permuted(z, seed))
    np.testing.assert_array_equal(np.sort(found, axis=0), np.sort(z, axis=0))
    assert np.mean(found == z) < 0.02
    assert abs(np.corrcoef(found[:, 0], found[:, 1])[0, 1]) < 0.15
    assert not np.array_equal(permuted(z, seed), found)  # anew each time


def test_every_permutation_is_as_likely():
    seed = keras.random.SeedGenerator(1)
    z = np.arange(3, dtype="float32")[:, None]
    orders = [tuple(np.array(permuted(z, seed))[:, 0]) for _ in range(600)]
    counts = [orders.count(order) for order in set(orders)]
    assert len(counts) == 6 and min(counts) > 70


@pytest.mark.parametrize("size", [1, 2, 5, 16])
def test_the_critic_sees_codes_and_codes_with_permuted_coordinates(images, size):
    """A second reading of all terms, for an even batch, an odd one, and one of a single image."""
    model, x = make(), images[:size]
    z, mean, deviation, mixed = drawn(model, x)
    start(model)
    terms = {name: np.array(term) for name, term in model.terms(x, training=True).items()}
    assert all(np.isfinite(term).all() and term.shape == (size,) for term in terms.values())
    logits, judged = np.array(model.critic(z)), np.array(model.critic(mixed))
    label = np.arange(size) % 2
    expected = special.logsumexp(judged, axis=1) - judged[np.arange(size), label]
    np.testing.assert_allclose(terms["critic"], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(terms["total_correlation"], logits[:, 0] - logits[:, 1], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(terms["kl"], posteriors.divergence(mean, deviation), rtol=1e-4)
    error = 0.5 * np.square(x - model.decode(z)).sum((1, 2, 3))
    np.testing.assert_allclose(terms["reconstruction"], error, rtol=1e-4)
    if size == 16:  # half of the mean over either half
        halves = 0.5 * (expected[::2].mean() + expected[1::2].mean())
        assert terms["critic"].mean() == pytest.approx(halves, rel=1e-4)
        assert not np.array_equal(mixed, z)


def test_a_critic_finds_the_total_correlation_of_a_normal():
    """Of two coordinates of correlation r it is -log(1 - r^2) / 2."""
    r, rng = 0.9, np.random.default_rng(0)
    pairs = rng.multivariate_normal([0, 0], [[1, r], [r, 1]], 4096).astype("float32")
    critic = critics.dense(2, outputs=2, units=32, hidden_layers=2, negative_slope=0.2)

    class Given(keras.layers.Layer):
        """Draws the pairs from images that hold them."""

        def call(self, x):
            free = ops.full((ops.shape(x)[0], 2), -100.0)  # no deviation
            return ops.concatenate([x[:, 0, :, 0], free], axis=-1)

    encoder = keras.Sequential([layers.Input((1, 2, 1)), Given()])
    decoder = keras.Sequential([layers.Input((2,)), layers.Reshape((1, 2, 1))])
    model = models.FactorVAE((1, 2, 1), 2, encoder=encoder, decoder=decoder, critic=critic)
    optimizer = keras.optimizers.Adam(5e-3)
    seed = keras.random.SeedGenerator(0)
    model.seed_generator = seed
    for _ in range(150):
        batch = tf.constant(pairs[rng.integers(0, len(pairs), 1024)])
        with tf.GradientTape() as tape:
            loss = ops.mean(model.mistakes(batch, model.logits(batch, True), True))
        weights = critic.trainable_variables
        optimizer.apply(tape.gradient(loss, [v.value for v in weights]), weights)
    logits = np.array(model.logits(pairs, False))
    assert np.mean(logits[:, 0] - logits[:, 1]) == pytest.approx(-0.5 * np.log(1 - r**2), rel=0.15)


# ---------------------------------------------------------------------- who learns


@pytest.mark.parametrize("size", [1, 7, 16])
def test_gradients_are_those_of_the_paper(images, size):
    """By hand: one bound with the critic held, and a cross-entropy with the codes held."""
    model, x = make(), images[:size]
    z, *_, mixed = drawn(model, x)
    label = np.arange(size) % 2
    with tf.GradientTape(persistent=True) as tape:
        start(model)
        z, mean, deviation = model.posterior(tf.constant(x), training=True)
        y = model.decoder(z, training=True)
        logits = model.critic(z)
        bound = tf.reduce_mean(
            0.5 * tf.reduce_sum(tf.square(x - y), axis=(1, 2, 3))
            + 0.5 * tf.reduce_sum(mean**2 + deviation**2 - 2 * tf.math.log(deviation) - 1, axis=1)
            + GAMMA * (logits[:, 0] - logits[:, 1])
        )
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(label, model.critic(mixed))
        mistakes = tf.reduce_mean(entropy)
    expected = {
        "encoder": tape.gradient(bound, variables(model, "encoder")),
        "decoder": tape.gradient(bound, variables(model, "decoder")),
        "critic": tape.gradient(mistakes, variables(model, "critic")),
    }
    assert max(np.abs(g).max() for g in tape.gradient(bound, variables(model, "critic"))) > 1e-3
    moved = moves(model, x)
    for group in GROUPS:
        for found, gradient in zip(moved[group], expected[group], strict=True):
            np.testing.assert_allclose(found, gradient, rtol=2e-3, atol=2e-5, err_msg=group)


def test_the_critic_does_not_hear_of_the_weight_nor_the_decoder_of_the_critic(images):
    one, other = moves(make(), images), moves(make(beta_tc=0.0), images)
    for group in ("decoder", "critic"):
        for a, b in zip(one[group], other[group], strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)
    assert max(np.abs(a - b).max() for a, b in zip(one["encoder"], other["encoder"], strict=True)) > 1e-3


def test_a_step_of_the_critic_leaves_the_autoencoder(images):
    """And the other way round: each group moves by its own optimizer."""
    for learning in ("critic", "encoder"):
        model = make()
        before = {group: [np.array(v) for v in variables(model, group)] for group in GROUPS}
        rates = {group: keras.optimizers.SGD(1e-2 if group == learning else 0.0) for group in GROUPS}
        model.compile(rates, run_eagerly=True)
        model.train_on_batch(images)
        for group in GROUPS:
            moved = any(
                not np.array_equal(b, v) for b, v in zip(before[group], variables(model, group), strict=True)
            )
            assert moved == (group == learning)


def test_one_pass_of_each_network_and_half_a_pass_more_of_the_critic(images):
    model, rows = make(), {group: [] for group in GROUPS}
    for group in GROUPS:
        network = getattr(model, group)
        call = network.call

        def counted(x, *args, call=call, group=group, **kwargs):
            rows[group].append(len(x))
            return call(x, *args, **kwargs)

        network.call = counted
    model.terms(tf.constant(images[:16]), training=True)
    assert rows == {"encoder": [16], "decoder": [16], "critic": [16, 8]}


def normalized():
    """A critic that cannot take a batch of none."""
    return keras.Sequential([layers.Input((WIDTH,)), layers.BatchNormalization(), layers.Dense(2)])


@pytest.mark.parametrize(
    ("size", "jit_compile", "critic"),
    [(1, False, None), (7, False, None), (1, False, normalized), (1, True, normalized)],
)
def test_training_on_odd_batches(images, size, jit_compile, critic):
    """In a graph that does not know the size of a batch before."""
    model = make(**({"critic": critic()} if critic else {}))
    model.compile(jit_compile=jit_compile)
    data = tf.data.Dataset.from_tensor_slices(images[: size + 16]).batch(16)
    history = model.fit(data, epochs=2, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_default_optimizers_are_those_of_the_paper():
    model = make(decoder_variance="learned")
    model.compile()
    members = model.optimizer.groups
    assert list(members) == ["encoder", "decoder", "critic", "deviation"]
    for group, member in members.items():
        assert float(member.learning_rate) == pytest.approx(1e-4) and member.epsilon == 1e-8
        assert (member.beta_1, member.beta_2) == ((0.5, 0.9) if group == "critic" else (0.9, 0.999))


def test_the_default_critic_is_that_of_the_paper():
    critic = models.FactorVAE((8, 8, 1), 10).critic
    shapes = [tuple(v.shape) for v in critic.trainable_variables if len(v.shape) == 2]
    assert shapes == [(10, 1000), *[(1000, 1000)] * 4, (1000, 2)]
    slopes = [layer.negative_slope for layer in critic.layers if isinstance(layer, layers.ReLU)]
    assert slopes == [0.2] * 5


# ---------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beta_tc": -1.0}, "Expected: a number >= 0.*Received: beta_tc=-1.0"),
        ({"beta_tc": float("nan")}, "Expected: a number >= 0.*Received: beta_tc=nan"),
        ({"beta_tc": "40"}, "Expected: a number >= 0.*Received: beta_tc='40'"),
        (
            {"critic": critics.dense(WIDTH)},
            r"critic does not fit.*Expected: shape \(None, 4\) to \(None, 2\).*Received: .*\(None, 1\)",
        ),
        (
            {"critic": critics.dense(WIDTH + 1, outputs=2)},
            r"critic does not fit.*Expected: shape \(None, 4\) to \(None, 2\).*Received: ",
        ),
        ({"critic": "dense"}, "Expected: `critic` is a `keras.Model`.*Received: critic='dense'"),
        ({"decoder_variance": -1.0}, "Expected: a number > 0, or 'learned'.*Received: decoder_variance=-1.0"),
    ],
    ids=["negative", "NaN", "text", "one logit", "width", "no network", "variance"],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        make(**arguments)
