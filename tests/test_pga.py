"""Perceptual generative autoencoders: a second reading of the paper, and their two ways of sampling."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

import latentzoo
from latentzoo import models, posteriors
from latentzoo.models.pga import PGA, log_ratio
from latentzoo.networks import pga
from latentzoo.updates import serializable

SHAPE, WIDTH, COUNT = (8, 8, 1), 4, 16
LATENT = {"beta_prior_codes": 0.3, "beta_data_codes": 0.2}
FAMILIES = {
    "LPGA": {**LATENT, "warm_up_steps": 0, "beta_nll": 0.5},
    "VPGA": {**LATENT, "beta_noisy_codes": 0.5, "beta_kl": 0.1},
    "LVPGA": {**LATENT, "warm_up_steps": 0, "beta_log_determinant": 0.5, "beta_kl": 0.1, "beta_nll": 0.4},
}


def encoder(variational, norm=False):
    images = layers.Input(SHAPE)
    x = layers.Dense(12, name="trunk")(layers.Flatten()(images))
    x = layers.BatchNormalization(momentum=0.5)(x) if norm else x
    x = layers.Activation("tanh")(x)
    codes = layers.Dense(WIDTH, name="means")(x)
    if variational:
        codes = layers.Concatenate()([codes, layers.Dense(WIDTH, name="log_variances")(x)])
    return keras.Model(images, codes)


def decoder(norm=False):
    more = [layers.BatchNormalization(momentum=0.5)] if norm else []
    dense = [layers.Input((WIDTH,)), layers.Dense(12), *more, layers.Activation("tanh")]
    return keras.Sequential([*dense, layers.Dense(64, "sigmoid"), layers.Reshape(SHAPE)])


def make(family, *, norm=False, **arguments):
    keras.utils.set_random_seed(3)
    networks = {"encoder": encoder(family != "LPGA", norm), "decoder": decoder(norm)}
    return getattr(models, family)(SHAPE, WIDTH, **{**networks, **FAMILIES[family], **arguments})


@pytest.fixture(params=list(FAMILIES))
def family(request):
    return request.param


@pytest.fixture(scope="module")
def images(fixture_images):
    return fixture_images["x_train"][:COUNT, ::3, ::3][:, 1:9, 1:9].astype("float32") / 255


@pytest.fixture
def drawn(monkeypatch):
    """The two draws of every step: codes from the prior, and what the steps from codes are made of."""
    rng = np.random.default_rng(5)
    n, e = (tf.constant(rng.standard_normal((COUNT, WIDTH)), "float32") for _ in range(2))
    count = iter(range(10**6))
    monkeypatch.setattr(PGA, "noise", lambda self, z: (n, e)[next(count) % 2])
    return n, e


def moves(model, x, steps=1):
    """What a step of the engine moves each variable of a group by, with plain descent at rate 1."""
    model.compile(keras.optimizers.SGD(1.0), run_eagerly=True)
    for _ in range(steps):
        before = {
            g: [np.array(v) for v in getattr(model, g).trainable_variables] for g in ("encoder", "decoder")
        }
        model.train_on_batch(x)
    return {
        g: [b - np.array(v) for b, v in zip(before[g], getattr(model, g).trainable_variables, strict=True)]
        for g in before
    }


def assert_same(found, expected):
    assert any(np.abs(one).max() > 1e-4 for one in found)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, 0.0 if other is None else other, rtol=2e-3, atol=1e-5)


def gradients(value, network, tape):
    return tape.gradient(value, [v.value for v in network.trainable_variables])


# ---------------------------------------------------------------------- the losses, read a second time


def by_hand(model, family, x, n, e):
    """The two losses as the paper's public code forms them: a second pass of the encoder is subtracted."""
    encode, decode, stop = model.encoder, model.decoder, tf.stop_gradient
    given = dict(FAMILIES[family])

    def mean(z):
        return encode(z)[:, :WIDTH]

    def h(z, teach=True):
        picture = decode(z)
        u = mean(picture)
        return u if teach else u - (mean(stop(picture)) - stop(u))

    z = mean(x)
    rec = tf.reduce_mean(tf.square((2 * x - 1) - (2 * decode(z) - 1)))
    prior = tf.reduce_mean(tf.square(h(n) - n))
    data = tf.reduce_mean(tf.square(h(stop(z)) - stop(z)))
    first, second = rec + 0.3 * prior + 0.2 * data, rec
    nll = tf.reduce_mean(tf.reduce_sum(0.5 * z**2 + 0.5 * np.log(2 * np.pi), 1)) / WIDTH
    if family == "LPGA":
        radius = 0.01 * WIDTH**0.5
        delta = radius * e / tf.norm(e, axis=1, keepdims=True)
        step = (h(stop(z) + delta) - h(stop(z))) / radius
        log_det = tf.reduce_mean(WIDTH / 2 * tf.math.log(tf.reduce_sum(step**2, 1))) / WIDTH
        return first + 0.5 * nll, second + 0.5 * log_det
    log_variance = encode(x)[:, WIDTH:]
    s = tf.exp(log_variance / 2)
    kl = -tf.reduce_mean(0.5 * (1 + log_variance - z**2 - s**2))
    if family == "VPGA":
        scale = stop(tf.sqrt(tf.reduce_mean(z**2, 0)))
        change = h(stop(z), teach=False) - h(stop(z) + s * e, teach=False)
        both = 0.5 * tf.reduce_mean(tf.square(change / scale))
        return first + both + given["beta_kl"] * kl, second + both
    delta = (s + 0.01) * e
    length = stop(tf.norm(delta, axis=1, keepdims=True))
    step = (h(stop(z) + delta, teach=False) - h(stop(z), teach=False)) / length
    both = 0.5 * tf.reduce_mean(WIDTH / 2 * tf.math.log(tf.reduce_sum(step**2, 1))) / WIDTH
    return first + both + given["beta_kl"] * kl + 0.4 * nll, second + both


def test_each_group_descends_its_own_loss(family, images, drawn):
    """T-07 and T-08 in one: value and gradient of both rows, beside the public code's."""
    model = make(family)
    with tf.GradientTape(persistent=True) as tape:
        first, second = by_hand(model, family, tf.constant(images), *drawn)
    expected = {
        "encoder": gradients(first, model.encoder, tape),
        "decoder": gradients(second, model.decoder, tape),
    }
    found = model.terms(tf.constant(images), training=False)
    rows = model.updates()[0].objectives
    for group, value in (("encoder", first), ("decoder", second)):
        total = sum(weight * float(ops.mean(found[term])) for term, weight in rows[group].items())
        assert total == pytest.approx(float(value), rel=1e-4)
    moved = moves(model, images)
    for group in rows:
        assert_same(moved[group], expected[group])


def test_terms_are_means(images, drawn):
    """T-11: the published weights mean something only under this convention."""
    model = make("VPGA")
    terms = {name: np.array(term) for name, term in model.terms(tf.constant(images), training=False).items()}
    assert {term.shape for term in terms.values()} == {(COUNT,)}
    difference = (2 * images - 1) - (2 * model.reconstruct(images) - 1)
    np.testing.assert_allclose(terms["reconstruction"], np.square(difference).mean((1, 2, 3)), rtol=1e-4)
    np.testing.assert_allclose(terms["reconstruction"], 4 * terms["mean_squared_error"], rtol=1e-6)
    encoded = np.array(model.encoder(images))
    mean, s = encoded[:, :WIDTH], np.exp(encoded[:, WIDTH:] / 2)
    np.testing.assert_allclose(terms["kl"] * WIDTH, posteriors.divergence(mean, s), rtol=1e-5)
    codes = model.encode(model.decode(drawn[0]))
    np.testing.assert_allclose(terms["prior_codes"], np.square(codes - drawn[0]).mean(1), rtol=1e-4)
    np.testing.assert_allclose(terms["noise"], terms["noisy_codes"])


def test_codes_teach_the_encoder_alone(family, images, drawn):
    """T-07: whatever their weights, the decoder's step is the same."""
    found, other = (
        moves(make(family, **weights), images) for weights in ({}, {name: 3.0 for name in LATENT})
    )
    for one, same in zip(found["decoder"], other["decoder"], strict=True):
        np.testing.assert_array_equal(one, same)
    assert max(np.abs(a - b).max() for a, b in zip(found["encoder"], other["encoder"], strict=True)) > 1e-3


def test_the_log_determinant_does_not_teach_the_encoder(images):
    """T-07: beside it stands the likelihood of codes, and is all that moves the encoder."""
    model = make("LPGA", beta_rec=0.0, **dict.fromkeys(LATENT, 0.0), beta_nll=1.0)
    with tf.GradientTape(persistent=True) as tape:
        nll = tf.reduce_mean(tf.reduce_sum(tf.square(model.encoder(images)), 1)) / (2 * WIDTH)
        log_determinant = ops.mean(model.terms(tf.constant(images), training=True)["log_determinant"])
    expected = gradients(nll, model.encoder, tape), gradients(log_determinant, model.decoder, tape)
    model.seed_generator.state.assign([0, 0])
    moved = moves(model, images)
    assert_same(moved["encoder"], expected[0])
    assert_same(moved["decoder"], expected[1])


@pytest.mark.parametrize("family", ["VPGA", "LVPGA"])
def test_noise_teaches_the_encoder_how_much_there_is_and_nothing_else(family, images, drawn, monkeypatch):
    """T-08: with the deviations held constant nothing is left."""
    model = make(family)

    def taught():
        with tf.GradientTape() as tape:
            value = ops.mean(model.terms(tf.constant(images), training=True)["noise"])
        found = gradients(value, model.encoder, tape)
        return {v.path: 0.0 if g is None else np.abs(g).max()
                for v, g in zip(model.encoder.trainable_variables, found, strict=True)}  # fmt: skip

    sizes = taught()
    assert all((size > 1e-6) == ("means" not in path) for path, size in sizes.items()), sizes
    split = posteriors.split_log_variance
    monkeypatch.setattr(
        posteriors, "split_log_variance", lambda z: (split(z)[0], tf.stop_gradient(split(z)[1]))
    )
    assert set(taught().values()) == {0.0}


@pytest.mark.parametrize(
    "family, name", [("VPGA", "noisy_codes"), ("LVPGA", "log_determinant"), ("LPGA", "log_determinant")]
)
def test_gradients_are_those_of_finite_differences(family, name, images, drawn):
    """Where the whole derivative is meant: of the decoder, and of the deviation head through the noise."""
    model = make(family)
    heads = {name: [v for v in model.decoder.trainable_variables if v.path.endswith("kernel")]}
    if family == "VPGA":  # of LVPGA the length that is divided by is a constant of the gradient
        heads["noise"] = [v for v in model.encoder.trainable_variables if "log_variances" in v.path]
    for term, variables in heads.items():

        def value(term=term):
            return ops.mean(model.terms(tf.constant(images), training=False)[term])

        with tf.GradientTape() as tape:
            loss = value()
        found = tape.gradient(loss, [v.value for v in variables])
        length = np.sqrt(sum(np.square(g).sum() for g in found))
        ends = []
        for sign in (1, -1):
            before = [np.array(v) for v in variables]
            for v, g in zip(variables, found, strict=True):
                v.assign(v + sign * 0.02 * np.array(g) / length)
            ends.append(float(value()))
            for v, old in zip(variables, before, strict=True):
                v.assign(old)
        assert (ends[0] - ends[1]) / 0.04 == pytest.approx(length, rel=0.03), term


@pytest.mark.parametrize("c", [0.5, 1.0, 3.0])
def test_the_log_determinant_of_a_multiple_of_the_identity(c):
    """T-07: d log c, for a code of width d."""
    flat = [layers.Input(SHAPE), layers.Flatten(), layers.Rescaling(c), layers.Dense(64, use_bias=False)]
    multiply = keras.Sequential(flat)
    multiply.layers[-1].kernel.assign(np.eye(64))
    identity = keras.Sequential([layers.Input((64,)), layers.Reshape(SHAPE)])
    model = models.LPGA(SHAPE, 64, encoder=multiply, decoder=identity, warm_up_steps=0)
    x = np.random.default_rng(0).random((5, *SHAPE), "float32")
    found = 64 * np.array(model.terms(tf.constant(x), training=True)["log_determinant"])
    np.testing.assert_allclose(found, 64 * np.log(c), atol=0.02)
    delta = np.array(model.on_sphere(tf.zeros((9, 64))))
    np.testing.assert_allclose(np.linalg.norm(delta, axis=1), 0.01 * 8, rtol=1e-5)


def test_the_log_ratio_of_nothing_is_finite():
    assert float(log_ratio(np.zeros((1, 3), "float32"), np.zeros((1, 3), "float32"))[0]) == 0
    assert np.isfinite(float(log_ratio(np.zeros((1, 3), "float32"), np.ones((1, 3), "float32"))[0]))


# ---------------------------------------------------------------------- options


@pytest.mark.parametrize("family", ["LPGA", "LVPGA"])
def test_weights_wait_three_thousand_steps(family):
    rows = getattr(models, family)(SHAPE, WIDTH).updates()[0].objectives
    assert rows["encoder"].pop("reconstruction") == rows["decoder"].pop("reconstruction") == 1.0
    later = {**rows["encoder"], **rows["decoder"]}
    assert [float(w(2999)) for w in later.values()] == [0.0] * len(later)
    expected = {"prior_codes": 6e-2, "nll": 1.5e-2, "log_determinant": 1.5e-2}
    if family == "LVPGA":
        expected = {"prior_codes": 6e-2, "kl": 2e-2, "noise": 2e-2, "log_determinant": 2e-2}
    assert {name: pytest.approx(float(w(3000))) for name, w in later.items()} == expected


def test_the_engine_waits_for_them(family, images, drawn):
    early = {g: moves(make(family, warm_up_steps=2), images, steps=2)[g] for g in ("encoder", "decoder")}
    plain = make(family, beta_prior_codes=0.0, beta_data_codes=0.0, warm_up_steps=9)
    for group, expected in moves(plain, images, steps=2).items():
        assert_same(early[group], expected)
    late, later = (moves(make(family, warm_up_steps=n), images, steps=3) for n in (2, 9))
    for group in late:
        gap = max(np.abs(a - b).max() for a, b in zip(late[group], later[group], strict=True))
        assert gap > 1e-3, group


def test_defaults_are_those_of_the_paper_for_mnist():
    shared = {"beta_rec": 1.0, "beta_prior_codes": 6e-2, "beta_data_codes": 0.0, "batch_norm": False,
              "decoder_learns_codes": False, "sampling_statistics": "batch"}  # fmt: skip
    own = {
        "LPGA": {"beta_nll": 1.5e-2, "warm_up_steps": 3000},
        "VPGA": {"beta_noisy_codes": 1e-2, "beta_kl": 2e-2, "warm_up_steps": 0},
        "LVPGA": {"beta_log_determinant": 2e-2, "beta_kl": 2e-2, "beta_nll": 0.0, "warm_up_steps": 3000},
    }
    for family, settings in own.items():
        model = getattr(models, family)((28, 28, 1), 2)
        config = model.get_config()
        assert {**shared, **settings}.items() <= config.items()
        variational = family != "LPGA"
        bias = pga.FIRST_LOG_VARIANCE if variational else None
        reference = pga.encoder((28, 28, 1), 4 if variational else 2, deviation_bias=bias)
        assert model.encoder.count_params() == reference.count_params()
        model.compile()
        for optimizer in model.optimizer.groups.values():
            assert type(optimizer) is keras.optimizers.SGD
            assert (float(optimizer.learning_rate), optimizer.momentum) == (pytest.approx(0.1), 0.9)
        if variational:
            deviation = model.split(model.encoder(np.zeros((1, 28, 28, 1))))[1]
            assert np.array(deviation).mean() == pytest.approx(0.1, rel=0.2)


def test_a_decoder_that_learns_codes(family, images, drawn):
    """The ablation: its row is the only thing that changes."""
    taught, other = make(family, decoder_learns_codes=True), make(family)
    x = tf.constant(images)
    with tf.GradientTape() as tape:
        z = tf.stop_gradient(other.codes_of(other.encoder(x)))
        errors = [other.codes_of(other.encoder(other.decoder(c))) - c for c in (drawn[0], z)]
        extra = 0.3 * tf.reduce_mean(tf.square(errors[0])) + 0.2 * tf.reduce_mean(tf.square(errors[1]))
    more = gradients(extra, other.decoder, tape)
    found, plain = moves(taught, images), moves(other, images)
    assert_same(found["encoder"], plain["encoder"])
    assert_same(found["decoder"], [a + np.array(b) for a, b in zip(plain["decoder"], more, strict=True)])


# ---------------------------------------------------------------------- passes through networks


@serializable
class Spy(layers.Layer):
    """Remembers the sizes of the batches that it sees."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seen = []

    def call(self, x):
        self.seen.append(x.shape[0])
        return x


@pytest.mark.parametrize(
    ("family", "arguments", "expected"),
    [
        ("LPGA", {"beta_data_codes": 0.0}, (4, 3)),
        ("LPGA", {}, (5, 3)),
        ("LPGA", {"beta_prior_codes": 0.0, "beta_data_codes": 0.0}, (3, 2)),
        ("LPGA", {"decoder_learns_codes": True}, (5, 4)),
        ("VPGA", {"beta_data_codes": 0.0}, (4, 3)),
        ("VPGA", {}, (5, 3)),
        ("LVPGA", {"beta_data_codes": 0.0}, (4, 3)),
        ("LPGA", {**dict.fromkeys(LATENT, 0.0), "beta_nll": 0.0}, (1, 1)),
    ],
)  # fmt: skip
def test_no_more_passes_than_the_rows_need(family, arguments, expected, images):
    """Each of a batch of its own, so that batch norm never sees two kinds together."""
    spies = [Spy(), Spy()]
    networks = {
        "encoder": keras.Sequential([layers.Input(SHAPE), spies[0], encoder(family != "LPGA")]),
        "decoder": keras.Sequential([layers.Input((WIDTH,)), spies[1], decoder()]),
    }
    model = make(family, **networks, **arguments)
    for spy in spies:
        spy.seen.clear()
    model.terms(tf.constant(images), training=True)
    assert tuple(len(spy.seen) for spy in spies) == expected
    assert {size for spy in spies for size in spy.seen} == {COUNT}


def test_moving_statistics_follow_what_teaches(images, drawn):
    """The encoder's those of images and samples, in this order; held constant, it moves none."""
    model, twin = make("VPGA", norm=True, beta_data_codes=0.0), make("VPGA", norm=True)
    model.terms(tf.constant(images), training=True)
    z = twin.codes_of(twin.encoder(images, training=True))
    y = [twin.decoder(code, training=True) for code in (z, drawn[0])]
    twin.encoder(y[1], training=True)
    for one, other in zip(
        model.encoder.non_trainable_variables, twin.encoder.non_trainable_variables, strict=True
    ):
        np.testing.assert_allclose(np.array(one), np.array(other), rtol=1e-5)
        assert np.abs(np.array(one)).max() > 0


# ---------------------------------------------------------------------- sampling


def normed(family="VPGA", **arguments):
    """A model with batch norm whose moving statistics are far from those of samples."""
    model = make(family, norm=True, **arguments)
    norm = next(layer for layer in model.decoder.layers if isinstance(layer, layers.BatchNormalization))
    norm.moving_mean.assign(np.full(norm.moving_mean.shape, 2.0))
    return model


def test_samples_with_the_statistics_of_a_batch(family):
    model = normed(family)
    before = [np.array(v) for v in model.weights]
    many = model.sample(1003, seed=4)
    codes = model.prior.sample(2000, 4)
    twin = normed(family)
    expected = np.concatenate([twin.decoder(codes[i : i + 1000], training=True) for i in (0, 1000)])[:1003]
    np.testing.assert_allclose(many, expected, atol=1e-6)
    for n, batch_size in ((1, 256), (7, 3), (1000, 1000), (1001, 5000)):
        np.testing.assert_array_equal(model.sample(n, seed=4, batch_size=batch_size), many[:n])
    assert all(np.array_equal(a, np.array(b)) for a, b in zip(before, model.weights, strict=True))
    moving = normed(family, sampling_statistics="moving").sample(7, seed=4)
    np.testing.assert_allclose(moving, model.decode(codes[:7]), atol=1e-6)
    assert np.abs(moving - many[:7]).max() > 0.01
    cold = model.sample(3, seed=0, temperature=0.0)
    np.testing.assert_allclose(cold, np.broadcast_to(cold[:1], cold.shape), atol=1e-6)


def test_everything_else_uses_moving_statistics(images):
    model = normed()
    z = model.encode(images)
    np.testing.assert_allclose(model.decode(z), model.decoder(z, training=False), atol=1e-6)
    np.testing.assert_allclose(model.decode(z[:1]), model.decode(z)[:1], atol=1e-6)
    np.testing.assert_allclose(model.reconstruct(images), model.decode(z), atol=1e-6)
    np.testing.assert_allclose(
        model.interpolate(images[:1], images[1:2], 3)[0, 0], model.decode(z)[0], atol=1e-5
    )


def test_without_batch_norm_there_is_no_more_to_do(monkeypatch):
    asked = []
    for statistics in ("batch", "moving"):
        model = make("LPGA", sampling_statistics=statistics)
        draw = model.prior.sample
        monkeypatch.setattr(
            model.prior, "sample", lambda n, *a, draw=draw, **k: asked.append(n) or draw(n, *a, **k)
        )
        found = model.sample(3, seed=0)
        np.testing.assert_allclose(found, model.decode(draw(3, 0)), atol=1e-6)
    assert asked == [3, 3]


@pytest.mark.parametrize("statistics", ["batch", "moving"])
def test_a_saved_model_samples_as_before(statistics, images, tmp_path):
    model = normed("LPGA", sampling_statistics=statistics)
    model.compile()
    model.fit(images, epochs=1, verbose=0)
    expected = model.sample(3, seed=0)
    model.save_pretrained(tmp_path / "checkpoint")
    trained = latentzoo.load(tmp_path / "checkpoint")
    np.testing.assert_allclose(trained.sample(3, seed=0), expected, atol=1e-5)
    assert trained.warm_up_steps == 0  # it is over, and fine-tuning goes on with all terms
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.sampling_statistics == statistics
    np.testing.assert_array_equal(loaded.sample(3, seed=0), expected)
    loaded.replace(decoder=normed("LPGA").decoder)  # nothing of the old one is left in compiled functions
    assert np.abs(loaded.sample(3, seed=0) - expected).max() > 1e-3


def test_samples_on_replicas(replicas):
    alone = normed()
    with replicas.scope():
        model = normed()
        model.compile()
    np.testing.assert_allclose(model.sample(5, seed=0), alone.sample(5, seed=0), atol=1e-5)


# ---------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("family", "arguments", "message"),
    [
        *[("LPGA", {name: -1}, f"Expected: a number >= 0. Received: {name}=-1")
          for name in ("beta_rec", "beta_prior_codes", "beta_data_codes", "beta_nll")],
        *[("VPGA", {name: -1}, f"Expected: a number >= 0. Received: {name}=-1")
          for name in ("beta_noisy_codes", "beta_kl")],
        *[("LVPGA", {name: float("nan")}, f"Expected: a number >= 0. Received: {name}=nan")
          for name in ("beta_log_determinant", "beta_kl", "beta_nll")],
        ("LPGA", {"warm_up_steps": -1}, "Expected: an integer >= 0. Received: warm_up_steps=-1"),
        ("LPGA", {"sampling_statistics": "both"}, r"one of \['batch', 'moving'\]. Received:.*'both'"),
        ("LPGA", {"architecture": "vgg"}, "none is to be made.*architecture='vgg', batch_norm=False"),
        ("LPGA", {"encoder": None, "architecture": "vgg"}, "None or one of.*conv_64.*Received:.*'vgg'"),
        # An encoder that does not take what the decoder gives.
        ("LPGA", {"encoder": decoder()}, r"encoder does not fit.*Expected: shape \(None, 8, 8, 1\) to.*Rec"),
        ("VPGA", {"encoder": encoder(False)}, r"encoder does not fit.*to \(None, 8\).*Received:.*, 4\)"),
    ],
)  # fmt: skip
def test_bad_arguments(family, arguments, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        make(family, **arguments)


@pytest.mark.filterwarnings("ignore:.*becomes stale")
def test_codes_that_are_too_near_for_bfloat16(family, images):
    own = {"encoder": None, "decoder": None}
    model = make(family, **own, dtype="mixed_bfloat16")
    model.compile()
    if family == "VPGA":  # whose codes are apart by their own deviation
        assert np.isfinite(model.fit(images, epochs=1, verbose=0).history["loss"][-1])
        return
    with pytest.raises(ValueError, match="(?s)In bfloat16.*Expected: networks in float32.*mixed_bfloat16"):
        model.fit(images, verbose=0)
    assert model.sample(2, seed=0).shape == model.predict(images[:2], verbose=0).shape == (2, *SHAPE)
    model = make(family)
    model.compile()
    flow = {"blocks": 1, "units": 4, "dtype": "mixed_bfloat16"}
    model.fit_prior(images, latentzoo.priors.RealNVP(WIDTH, **flow), epochs=1, verbose=0)
    model.fit(images, verbose=0)  # the prior has no part in it


def test_bad_samples():
    model = normed()
    for arguments, message in [((0,), "n=0"), ((1.5,), "n=1.5")]:
        with pytest.raises(ValueError, match=f"Expected: an integer >= 1. Received: {message}"):
            model.sample(*arguments)
    with pytest.raises(ValueError, match="Expected: .*Received: batch_size=0"):
        model.sample(2, batch_size=0)
    with pytest.raises(ValueError, match="decoder does not fit"):
        model.replace(decoder=keras.Sequential([layers.Input((WIDTH,)), layers.Dense(9)]))
