"""The mechanism on small models of the tests' own, against hand computations."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from latentzoo.updates import Update, UpdateModel, frozen, serializable

X = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
MODES = [{}, {"jit_compile": False}, {"jit_compile": True}, {"run_eagerly": True}]


def dense(inputs, outputs, *more, **arguments):
    arguments = {"use_bias": False, **arguments}
    return keras.Sequential([layers.Input((inputs,)), layers.Dense(outputs, **arguments), *more])


def squared(x):
    return ops.sum(ops.square(x), axis=-1)


class Toy(UpdateModel):
    """A linear autoencoder with the routing table of a test."""

    def __init__(self, table, **parts):
        super().__init__()
        self.encoder = parts.pop("encoder", None) or dense(4, 2)
        self.decoder = parts.pop("decoder", None) or dense(2, 4)
        for name, part in parts.items():
            setattr(self, name, part)
        self.table = table
        self.traces = 0
        self.built = True

    def updates(self):
        return self.table(self)

    def terms(self, x, training):
        self.traces += 1
        z = self.encoder(x, training=training)
        return {"error": squared(x - self.decoder(z, training=training)), "size": squared(z)}


def together(model):
    """One update, one row: an ordinary autoencoder."""
    row = {"error": 1.0, "size": 0.1}
    return [Update(model.terms, encoder=row, decoder=row)]


def apart(model):
    """One update, two rows."""
    return [Update(model.terms, encoder={"error": 1.0, "size": 0.5}, decoder={"error": 2.0})]


def in_turn(model):
    """Two updates, the second after the first."""
    return [
        Update(model.terms, monitors=["size"], encoder={"error": 1.0}),
        Update(model.terms, monitors=["size"], decoder={"error": 1.0}),
    ]


def weights(model):
    return np.array(model.encoder.weights[0]), np.array(model.decoder.weights[0])


def by_hand(x, w, v):
    """Gradients of the mean error with respect to both kernels, and of the mean size."""
    z = x @ w
    error = z @ v - x
    n = len(x)
    return 2 * x.T @ error @ v.T / n, 2 * z.T @ error / n, 2 * x.T @ z / n


def terms_by_hand(x, w, v):
    return {"error": np.square(x @ w @ v - x).sum(1), "size": np.square(x @ w).sum(1)}


def trained(table=together, optimizer=None, data=X, *, parts=None, fit=None, **compiling):
    keras.utils.set_random_seed(1)
    model = Toy(table, **(parts() if parts else {}))
    model.compile(optimizer or keras.optimizers.SGD(0.05), **compiling)
    if isinstance(data, np.ndarray):
        fit = {"batch_size": 16, "shuffle": False, **(fit or {})}
    model.fit(data, verbose=0, **fit)
    return model


def assert_same(a, b, **tolerance):
    a, b = a.weights, b.weights
    assert len(a) == len(b) > 0
    for one, other in zip(a, b, strict=True):
        np.testing.assert_allclose(np.array(one), np.array(other), **tolerance)


def data(x, batch_size):
    return tf.data.Dataset.from_tensor_slices(x).batch(batch_size)


# ---------------------------------------------------------------------- what a step does


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_all_gradients_are_taken_before_any_is_applied(mode):
    model = Toy(apart)
    model.compile(keras.optimizers.SGD(0.1), **mode)
    w, v = weights(model)
    model.train_on_batch(X)
    error_w, error_v, size_w = by_hand(X, w, v)
    np.testing.assert_allclose(weights(model)[0], w - 0.1 * (error_w + 0.5 * size_w), atol=1e-6)
    np.testing.assert_allclose(weights(model)[1], v - 0.1 * 2 * error_v, atol=1e-6)


def test_updates_follow_one_another():
    model = Toy(in_turn)
    model.compile(keras.optimizers.SGD(0.1))
    w, v = weights(model)
    model.train_on_batch(X)
    w = w - 0.1 * by_hand(X, w, v)[0]
    v = v - 0.1 * by_hand(X, w, v)[1]  # sees the encoder that has moved
    np.testing.assert_allclose(weights(model)[0], w, atol=1e-6)
    np.testing.assert_allclose(weights(model)[1], v, atol=1e-6)


def test_opposite_signs_play_against_each_other():
    model = Toy(
        lambda m: [Update(m.terms, monitors=["size"], encoder={"error": -1.0}, decoder={"error": 1.0})]
    )
    model.compile(keras.optimizers.SGD(0.1))
    w, v = weights(model)
    model.train_on_batch(X)
    error_w, error_v, _ = by_hand(X, w, v)
    np.testing.assert_allclose(weights(model)[0], w + 0.1 * error_w, atol=1e-6)
    np.testing.assert_allclose(weights(model)[1], v - 0.1 * error_v, atol=1e-6)


def in_phases(model):
    """The encoder descends two terms in turn, and forgets neither in the other's phase."""
    size = lambda x, training: {"shrinking": squared(model.encoder(x))}  # noqa: E731
    row = {"error": 1.0}
    return [
        Update(model.terms, monitors=["size"], encoder=row, decoder=row),
        Update(size, phase="shrinkage", encoder={"shrinking": 1.0}),
    ]


def test_a_phase_has_optimizers_of_its_own():
    model = Toy(in_phases)
    momentum = {"momentum": 0.5}
    model.compile(
        {
            "encoder": keras.optimizers.SGD(0.1, **momentum),
            "decoder": keras.optimizers.SGD(0.0),
            "encoder_shrinkage": keras.optimizers.SGD(0.2, **momentum),
        }
    )
    (w, v), speeds = weights(model), [0.0, 0.0]
    for _ in range(3):
        model.train_on_batch(X)
        speeds[0] = 0.5 * speeds[0] - 0.1 * by_hand(X, w, v)[0]
        w = w + speeds[0]
        speeds[1] = 0.5 * speeds[1] - 0.2 * by_hand(X, w, v)[2]
        w = w + speeds[1]
    np.testing.assert_allclose(weights(model)[0], w, atol=1e-5)
    old = dict(model.optimizer.groups)
    model.replace(decoder=dense(2, 4))
    assert model.optimizer.groups["encoder_shrinkage"] is old["encoder_shrinkage"]
    model.replace(encoder=dense(4, 2))
    assert all(old[name] is not member for name, member in model.optimizer.groups.items())
    assert float(model.optimizer.groups["encoder_shrinkage"].learning_rate) == pytest.approx(0.2)
    # One for the group is cloned for its phases; a name that is neither is none.
    model.compile({"encoder": keras.optimizers.SGD(0.3), "decoder": "sgd"})
    shared = model.optimizer.groups
    assert shared["encoder_shrinkage"] is not shared["encoder"]
    assert float(shared["encoder_shrinkage"].learning_rate) == pytest.approx(0.3)
    with pytest.raises(ValueError, match="(?s)every group.*encoder_shrinkage.*decoder_shrinkage"):
        model.compile({"encoder": "sgd", "decoder": "sgd", "decoder_shrinkage": "sgd"})


def alternating(model):
    critic = Update(lambda x, training: {"critic": squared(model.encoder(x))}, encoder={"critic": 3.0})
    other = Update(
        lambda x, training: {"error": squared(x - model.decoder(ops.stop_gradient(model.encoder(x))))},
        decoder={"error": 1.0},
    )
    return [*[critic] * 3, other]


def test_repeated_updates_alternate():
    model = Toy(alternating)
    model.compile(keras.optimizers.SGD(0.01))
    w, v = weights(model)
    logs = model.train_on_batch(X, return_dict=True)
    seen = []
    for _ in range(3):
        seen.append(np.square(X @ w).sum(1).mean())
        w = w - 0.01 * 3 * by_hand(X, w, v)[2]
    error = terms_by_hand(X, w, v)["error"].mean()
    v = v - 0.01 * by_hand(X, w, v)[1]
    np.testing.assert_allclose(weights(model)[0], w, atol=1e-6)
    np.testing.assert_allclose(weights(model)[1], v, atol=1e-6)
    assert {g: int(o.iterations) for g, o in model.optimizer.groups.items()} == {"encoder": 3, "decoder": 1}
    assert logs["critic"] == pytest.approx(np.mean(seen), rel=1e-5)
    # The loss counts an update once, however often it is repeated, as `evaluate` does.
    assert logs["loss"] == pytest.approx(3 * np.mean(seen) + error, rel=1e-5)
    after = model.test_on_batch(X, return_dict=True)
    assert after["loss"] == pytest.approx(3 * after["critic"] + after["error"], rel=1e-5)


@pytest.mark.parametrize(("table", "passes"), [(together, 1), (apart, 2), (in_turn, 2)])
def test_one_backward_pass_for_each_distinct_row(table, passes):
    counted = []

    @tf.custom_gradient
    def count(x):
        def backward(g):
            counted.append(1)
            return g

        return tf.identity(x), backward

    class Counting(Toy):
        def terms(self, x, training):
            z = self.encoder(x)
            return {"error": squared(count(self.decoder(z)) - x), "size": squared(z)}

    model = Counting(table)
    model.compile("sgd", run_eagerly=True)
    model.train_on_batch(X)
    assert len(counted) == passes


def test_weights_may_be_schedules_of_the_iterations_of_the_group():
    """The weight is 0 up to the second iteration of the encoder, 2 from the third on."""
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1], [0.0, 2.0])
    model = Toy(
        lambda m: [
            Update(m.terms, monitors=["error"], encoder={"size": schedule}),
            Update(m.terms, monitors=["size"], decoder={"error": 1.0}),
        ]
    )
    model.compile(keras.optimizers.SGD(0.1))
    for step in range(4):
        w, v = weights(model)
        logs = model.train_on_batch(X, return_dict=True)
        weight = 0.0 if step < 2 else 2.0
        np.testing.assert_allclose(weights(model)[0], w - 0.1 * weight * by_hand(X, w, v)[2], atol=1e-6)
        # Terms are logged without their weights.
        assert logs["size"] > 0
    assert np.any(weights(model)[0] != w)


def test_monitors_are_logged_and_never_routed():
    seen = {}
    for monitors in ([], ["size"]):

        class Watching(Toy):
            def terms(self, x, training):
                terms = super().terms(x, training)
                return {name: terms[name] for name in ["error", *monitors]}  # noqa: B023

        model = Watching(
            lambda m: [Update(m.terms, monitors=monitors, encoder={"error": 1.0}, decoder={"error": 1.0})]  # noqa: B023
        )
        w, v = weights(model)
        model.encoder.weights[0].assign(w := np.ones_like(w))
        model.decoder.weights[0].assign(v := np.ones_like(v))
        model.compile("sgd")
        logs = model.train_on_batch(X, return_dict=True)
        seen[len(monitors)] = weights(model)
    assert logs["size"] == pytest.approx(np.square(X @ w).sum(1).mean(), rel=1e-5)
    assert logs["loss"] == pytest.approx(logs["error"])
    for a, b in zip(seen[0], seen[1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_update_may_only_monitor():
    model = Toy(
        lambda m: [
            Update(lambda x, training: {"width": ops.max(x) - ops.min(x)}, monitors=["width"]),
            *together(m),
        ]
    )
    model.compile("sgd")
    history = model.fit(X, batch_size=32, verbose=0, validation_data=(X,)).history
    assert history["width"] == history["val_width"] == [pytest.approx(np.ptp(X))]


def test_an_empty_row_teaches_nothing():
    row = {"error": 1.0}
    model = Toy(lambda m: [Update(m.terms, monitors=["size"], encoder=row, decoder={})])
    model.compile("adam")
    assert set(model.optimizer.groups) == {"encoder", "decoder"}
    w, v = weights(model)
    logs = model.train_on_batch(X, return_dict=True)
    assert (weights(model)[0] != w).any()
    np.testing.assert_array_equal(weights(model)[1], v)
    assert logs["loss"] == pytest.approx(logs["error"])


# ---------------------------------------------------------------------- what is logged


def test_logs_are_exact_means_over_the_epoch():
    """The last batch is smaller than the others, and must not count as much."""
    x = X[:25]
    model = Toy(apart)
    model.compile(keras.optimizers.SGD(0.0))
    expected = {name: term.mean() for name, term in terms_by_hand(x, *weights(model)).items()}
    # Distinct rows, summed: (error + size / 2) + 2 error.
    expected["loss"] = 3 * expected["error"] + 0.5 * expected["size"]
    history = model.fit(x, batch_size=8, epochs=2, verbose=0, validation_data=(x,)).history
    assert set(history) == {*expected, *(f"val_{name}" for name in expected)}
    for name, value in expected.items():
        np.testing.assert_allclose(history[name], [value] * 2, rtol=1e-5)
        np.testing.assert_allclose(history[f"val_{name}"], [value] * 2, rtol=1e-5)
    evaluated = model.evaluate(x, batch_size=8, verbose=0, return_dict=True)
    assert evaluated == pytest.approx(expected, rel=1e-5)


def test_terms_may_be_scalars_and_sample_weights_weigh_the_others():
    x, sample_weight = X[:6], np.array([0, 1, 2, 0.5, 0, 3], "float32")
    model = Toy(
        lambda m: [
            Update(
                m.terms, monitors=["constant"], encoder={"error": 1.0, "decay": 1.0}, decoder={"error": 1.0}
            )
        ]
    )

    def terms(x, training):
        error = squared(x - model.decoder(model.encoder(x)))
        return {"error": error, "decay": ops.sum(ops.square(model.encoder.weights[0])), "constant": 7.0}

    model.terms = terms
    model.compile(keras.optimizers.SGD(0.1))
    w, v = weights(model)
    batches = data((x, x, sample_weight), 6)
    logs = model.evaluate(batches, verbose=0, return_dict=True)
    expected = (terms_by_hand(x, w, v)["error"] * sample_weight).mean()
    assert logs["error"] == pytest.approx(expected, rel=1e-5)
    assert logs["decay"] == pytest.approx(np.square(w).sum(), rel=1e-5)
    assert logs["constant"] == 7
    model.fit(batches, verbose=0)
    root = np.sqrt(sample_weight)[:, None]  # weighing a square is scaling what is squared
    error_w, error_v, _ = by_hand(root * x, w, v)
    np.testing.assert_allclose(weights(model)[0], w - 0.1 * (error_w + 2 * w), atol=1e-6)
    np.testing.assert_allclose(weights(model)[1], v - 0.1 * error_v, atol=1e-6)


@pytest.mark.parametrize("form", ["array", "tensor", "x", "(x,)", "(x, y)", "(x, y, 1)", "sample_weight"])
def test_fit_takes_every_form_of_data(form):
    y, ones = np.zeros(len(X), "int64"), np.ones(len(X), "float32")
    given, more = {
        "array": (X, {}),
        "tensor": (tf.constant(X), {}),
        "x": (data(X, 16), {}),
        "(x,)": (data((X,), 16), {}),
        "(x, y)": (data((X, y), 16), {}),
        "(x, y, 1)": (data((X, y, ones), 16), {}),
        "sample_weight": (X, {"y": y, "sample_weight": ones, "batch_size": 16}),
    }[form]
    if isinstance(given, (np.ndarray, tf.Tensor)):
        more = {"batch_size": 16, **more}
    keras.utils.set_random_seed(1)
    model = Toy(together)
    model.compile(keras.optimizers.SGD(0.05))
    model.fit(given, shuffle=False, verbose=0, **more)
    assert_same(model, trained(), atol=1e-6)


def test_steps_are_traced_once():
    model = Toy(together)
    model.compile("adam")
    x = X[:25]  # with a smaller last batch
    model.fit(x, batch_size=8, epochs=1, verbose=0, validation_data=(x,))
    traces = model.traces
    assert traces <= 4
    model.fit(x, batch_size=8, epochs=3, verbose=0, validation_data=(x,))
    model.evaluate(x, batch_size=8, verbose=0)
    assert model.traces == traces


# ---------------------------------------------------------------------- who learns


def test_frozen_groups_are_skipped():
    model = Toy(together)
    model.encoder.trainable = False
    model.compile(keras.optimizers.SGD(0.1))
    w, v = weights(model)
    logs = model.train_on_batch(X, return_dict=True)
    np.testing.assert_array_equal(weights(model)[0], w)
    np.testing.assert_allclose(weights(model)[1], v - 0.1 * by_hand(X, w, v)[1], atol=1e-6)
    assert {"error", "size", "loss"} == set(logs)
    model.decoder.trainable = False
    model.compile("sgd")
    before = weights(model)
    logs = model.train_on_batch(X, return_dict=True)
    for a, b in zip(weights(model), before, strict=True):
        np.testing.assert_array_equal(a, b)
    assert logs["error"] > 0 and logs["loss"] == 0


def test_freezing_takes_effect_when_compiling():
    """As everywhere in Keras, and without an error between the two."""
    model = Toy(together)
    model.compile("sgd")
    model.encoder.trainable = False
    w, v = weights(model)
    model.train_on_batch(X)
    assert (weights(model)[0] != w).any() and (weights(model)[1] != v).any()
    model.compile("sgd")
    w, v = weights(model)
    model.train_on_batch(X)
    assert (weights(model)[0] == w).all() and (weights(model)[1] != v).any()


def test_a_group_may_be_partly_frozen():
    model = Toy(together, encoder=dense(4, 2, layers.Dense(2)))
    model.encoder.layers[0].trainable = False
    model.compile("adam")
    before = [np.array(v) for v in model.encoder.weights]
    model.train_on_batch(X)
    moved = [(np.array(v) != b).any() for v, b in zip(model.encoder.weights, before, strict=True)]
    assert moved == [False, True, True]


def test_each_group_gets_its_own_copy_of_an_optimizer():
    adam = keras.optimizers.Adam(0.02, beta_1=0.5)
    model = Toy(apart)
    for given in (adam, "adam", keras.optimizers.AdamW(weight_decay=0.1), None):
        model.compile(given)
        encoder, decoder = model.optimizer.groups.values()
        assert encoder is not decoder
        assert adam not in (encoder, decoder)
    model.compile(adam)
    encoder, decoder = model.optimizer.groups.values()
    assert (encoder.beta_1, float(decoder.learning_rate)) == (0.5, pytest.approx(0.02))
    model.compile({"encoder": adam, "decoder": "sgd"})
    model.train_on_batch(X)
    assert model.optimizer.groups["encoder"] is adam and adam.built


def test_one_optimizer_object_may_be_given_for_two_groups():
    adam = keras.optimizers.Adam(0.02)
    model = Toy(apart)
    model.compile({"encoder": adam, "decoder": adam})
    before = weights(model)
    model.train_on_batch(X)
    assert all((a != b).any() for a, b in zip(weights(model), before, strict=True))


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.Adam(0.05),
        lambda: keras.optimizers.AdamW(0.05, clipnorm=0.1),
        lambda: keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.05, 6), momentum=0.9),
        lambda: keras.optimizers.Adam(0.05, gradient_accumulation_steps=2),
        lambda: keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.5),
    ],
    ids=["Adam", "AdamW", "SGD", "accumulation", "EMA"],
)
def test_compiling_the_optimizers_changes_nothing(optimizer):
    fit = {"epochs": 3}
    compiled = trained(apart, optimizer(), fit=fit)
    plain = trained(apart, optimizer(), fit=fit, jit_compile=False)
    assert compiled._plan.apply["encoder"] is not plain._plan.apply["encoder"]
    assert isinstance(compiled._plan.apply["encoder"], tf.types.experimental.PolymorphicFunction)
    assert_same(compiled, plain, atol=1e-6)


def test_moving_averages_are_written_at_the_end_of_fit():
    model = trained(together, keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.5))
    keras.utils.set_random_seed(1)
    plain = Toy(together)
    plain.compile(keras.optimizers.SGD(0.05))
    seen = []
    for batch in (X[:16], X[16:]):
        plain.train_on_batch(batch)
        seen.append(weights(plain)[0])
    np.testing.assert_allclose(weights(model)[0], (seen[0] + seen[1]) / 2, atol=1e-6)


def test_sparse_gradients_of_embeddings(replicas):
    class Words(UpdateModel):
        def __init__(self):
            super().__init__()
            self.table = layers.Embedding(5, 3)
            self.table.build((None,))
            self.built = True

        def updates(self):
            return [Update(lambda x, training: {"size": squared(self.table(x))}, table={"size": 1.0})]

    words, counts = np.array([0, 0, 3, 4]), np.array([2, 0, 0, 1, 1])[:, None]
    for strategy in (tf.distribute.get_strategy(), replicas):
        with strategy.scope():
            model = Words()
            model.compile(keras.optimizers.SGD(0.1))
        before = np.array(model.table.weights[0])
        model.fit(words, batch_size=4, verbose=0)
        moved = before * (1 - 0.1 * 2 * counts / 4)
        np.testing.assert_allclose(np.array(model.table.weights[0]), moved, atol=1e-6)


# ---------------------------------------------------------------------- frozen


def test_frozen_holds_the_weights_and_lets_the_gradient_pass():
    network = dense(4, 3, layers.BatchNormalization(), layers.Activation("tanh"), use_bias=True)
    x = tf.Variable(X[:5])

    def gradients(apply):
        with tf.GradientTape() as tape:
            y = apply(x)
            loss = ops.sum(ops.square(y - 1.0))
        return y, tape.gradient(loss, [x, *[v.value for v in network.trainable_variables]])

    y, plain = gradients(lambda x: network(x, training=False))
    z, held = gradients(lambda x: frozen(network, x))
    np.testing.assert_allclose(y, z, atol=1e-6)
    np.testing.assert_allclose(plain[0], held[0], atol=1e-6)
    assert all(g is not None for g in plain) and all(g is None for g in held[1:])
    moving = [np.array(v) for v in network.non_trainable_variables]
    frozen(network, x, training=True)
    for a, b in zip(network.non_trainable_variables, moving, strict=True):
        np.testing.assert_array_equal(a, b)


def test_frozen_in_a_routing_table():
    """Only one of the two applications of the decoder teaches it."""

    class Twice(Toy):
        def terms(self, x, training):
            z = self.encoder(x)
            return {
                "error": squared(x - self.decoder(z)),
                "cycle": squared(frozen(self.encoder, frozen(self.decoder, z)) - 1.0),
            }

    row = {"error": 1.0, "cycle": 1.0}
    model = Twice(lambda m: [Update(m.terms, encoder=row, decoder=row)])
    model.compile(keras.optimizers.SGD(0.1))
    w, v = weights(model)
    model.train_on_batch(X)
    np.testing.assert_allclose(weights(model)[1], v - 0.1 * by_hand(X, w, v)[1], atol=1e-6)
    cycle = 2 * X.T @ ((X @ w @ v @ w - 1) @ (v @ w).T) / len(X)
    np.testing.assert_allclose(weights(model)[0], w - 0.1 * (by_hand(X, w, v)[0] + cycle), atol=1e-6)


# ---------------------------------------------------------------------- learning rates


def rates(model):
    return {group: float(o.learning_rate) for group, o in model.optimizer.groups.items()}


def test_learning_rate_callbacks_scale_all_groups_alike():
    model = Toy(apart)
    model.compile({"encoder": keras.optimizers.SGD(0.1), "decoder": keras.optimizers.Adam(0.02)})
    history = model.fit(
        X,
        epochs=2,
        verbose=0,
        callbacks=[keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)],
    ).history
    np.testing.assert_allclose(history["learning_rate"], [0.05, 0.025])
    assert rates(model) == pytest.approx({"encoder": 0.025, "decoder": 0.005})
    plateau = keras.callbacks.ReduceLROnPlateau("error", factor=0.1, patience=1, min_delta=1e9, mode="min")
    model.fit(X, epochs=2, verbose=0, callbacks=[plateau])
    assert rates(model) == pytest.approx({"encoder": 0.0025, "decoder": 0.0005})


def test_learning_rates_keep_their_ratio_through_zero():
    """A warm-up starts at 0, and the first group may be one that is held at 0."""
    model = Toy(apart)
    model.compile({"encoder": keras.optimizers.SGD(0.1), "decoder": keras.optimizers.SGD(0.3)})
    model.optimizer.learning_rate = 0.0
    assert rates(model) == {"encoder": 0.0, "decoder": 0.0}
    model.optimizer.learning_rate = 0.2
    assert rates(model) == pytest.approx({"encoder": 0.2, "decoder": 0.6})
    model.compile({"encoder": keras.optimizers.SGD(0.0), "decoder": keras.optimizers.SGD(0.3)})
    model.optimizer.learning_rate = 0.5 * float(model.optimizer.learning_rate)
    assert rates(model) == pytest.approx({"encoder": 0.0, "decoder": 0.15})


def test_a_learning_rate_schedule_cannot_be_set():
    model = Toy(apart)
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    model.compile({"encoder": keras.optimizers.SGD(0.1), "decoder": keras.optimizers.SGD(schedule)})
    with pytest.raises(TypeError, match=r"Received: a schedule for \['decoder'\]"):
        model.optimizer.learning_rate = 0.05
    assert rates(model)["encoder"] == pytest.approx(0.1)  # none was set


# ---------------------------------------------------------------------- saving


@serializable
class Noisy(UpdateModel):
    """Draws noise in its terms and in a layer."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.encoder = dense(4, 2, layers.Dropout(0.5))
        self.decoder = dense(2, 4)
        self.noise = keras.random.SeedGenerator(5)
        self.built = True

    def updates(self):
        return apart(self)

    def terms(self, x, training):
        z = self.encoder(x, training=training)
        noise = keras.random.normal((1, 2), seed=self.noise)
        return {"error": squared(x - self.decoder(z + 0.1 * noise)), "size": squared(z)}

    def call(self, x, training=False):
        return self.decoder(self.encoder(x, training=training))


@pytest.mark.parametrize("kind", [".keras", ".weights.h5"])
def test_training_goes_on_exactly_from_a_file(kind, tmp_path):
    """Weights, the state of every optimizer and the state of all noise."""
    model, path = Noisy(), tmp_path / f"model{kind}"

    def optimizers():
        return {"encoder": keras.optimizers.Adam(0.05), "decoder": keras.optimizers.SGD(0.05, momentum=0.9)}

    model.compile(optimizers())
    fit = {"batch_size": 16, "shuffle": False, "verbose": 0}
    model.fit(X, epochs=2, **fit)
    if kind == ".keras":
        model.save(path)
        loaded = keras.models.load_model(path)
    else:
        model.save_weights(path)
        loaded = Noisy()
        loaded.compile(optimizers())
        loaded.load_weights(path)
    assert type(loaded) is Noisy
    for group, optimizer in model.optimizer.groups.items():
        restored = loaded.optimizer.groups[group]
        assert type(restored) is type(optimizer) and int(restored.iterations) == 4
        for a, b in zip(restored.variables, optimizer.variables, strict=True):
            np.testing.assert_array_equal(a, b)
    history = model.fit(X, epochs=2, **fit).history
    assert loaded.fit(X, epochs=2, **fit).history == history
    for a, b in zip(loaded.weights, model.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_how_a_model_was_compiled_is_saved(tmp_path):
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    for jit_compile in ("auto", False):
        model = Noisy()
        model.compile({"encoder": keras.optimizers.SGD(schedule), "decoder": "adam"}, jit_compile=jit_compile)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        loaded.fit(X, verbose=0)
        compiled = isinstance(loaded._plan.apply["encoder"], tf.types.experimental.PolymorphicFunction)
        assert compiled == (jit_compile == "auto")
        encoder, decoder = loaded.optimizer.groups.values()
        assert isinstance(encoder._learning_rate, keras.optimizers.schedules.CosineDecay)
        assert isinstance(decoder, keras.optimizers.Adam)


def test_an_uncompiled_model_is_saved_too(tmp_path):
    Noisy().save(tmp_path / "model.keras")
    assert not keras.models.load_model(tmp_path / "model.keras").compiled


# ---------------------------------------------------------------------- replacing parts


def test_nothing_of_a_replaced_part_stays():
    model = Toy(apart)
    model.compile(
        {"encoder": keras.optimizers.Adam(0.05), "decoder": keras.optimizers.SGD(0.05, momentum=0.9)}
    )
    model.fit(X, batch_size=16, verbose=0)
    model.predict_function, old = "stale", model.encoder
    old_optimizer, kept = model.optimizer.groups["encoder"], model.optimizer.groups["decoder"]
    new = dense(4, 2, use_bias=True)
    assert model.replace(encoder=new) is model
    assert model.encoder is new
    assert old not in model.layers and [layer for layer in model.layers] == [new, model.decoder]
    old_weights = {id(v) for v in old.weights}
    assert not any(id(v) in old_weights for v in model.weights)
    assert model.train_function is model.test_function is model.predict_function is None
    assert model.optimizer.groups["decoder"] is kept
    fresh = model.optimizer.groups["encoder"]
    assert fresh is not old_optimizer and isinstance(fresh, keras.optimizers.Adam)
    assert (int(fresh.iterations), float(fresh.learning_rate)) == (0, pytest.approx(0.05))
    gone, before = [np.array(v) for v in old.weights], [np.array(v) for v in new.weights]
    momentum = np.array(kept.variables[-1])
    model.fit(X, batch_size=16, verbose=0)
    for a, b in zip(old.weights, gone, strict=True):
        np.testing.assert_array_equal(a, b)
    assert all((np.array(a) != b).any() for a, b in zip(new.weights, before, strict=True))
    assert int(kept.iterations) == 4 and (np.array(kept.variables[-1]) != momentum).any()


def test_assignment_replaces():
    model = Toy(apart)
    model.compile("adam")
    model.fit(X, verbose=0)
    new = dense(4, 2)
    model.encoder = new
    assert model.layers == [new, model.decoder] and model.train_function is None
    before = np.array(new.weights[0])
    model.fit(X, verbose=0)
    assert (np.array(new.weights[0]) != before).any()


def test_parts_may_be_replaced_while_a_model_is_made():
    class Changing(Toy):
        def __init__(self):
            super().__init__(apart)
            self._tracker.unlock()  # as it is before a model is built
            self.encoder = dense(4, 2)
            self.critic = dense(2, 1)

    assert len(Changing().layers) == 3


@pytest.mark.parametrize("value", [None, "dense", 3])
def test_only_a_layer_takes_the_place_of_a_layer(value):
    model = Toy(apart)
    old = model.encoder
    with pytest.raises(ValueError, match=r"(?s)Expected:.*'encoder', 'decoder'.*Received: encoder="):
        model.encoder = value
    with pytest.raises(ValueError, match=r"(?s)Expected:.*Received: decodr="):
        model.replace(encoder=dense(4, 2), decodr=dense(2, 4))
    assert model.encoder is old and model.layers == [old, model.decoder]  # all or nothing


# ---------------------------------------------------------------------- mistakes


def returning(**terms):
    """A table whose one function returns `terms`, functions of x."""

    def table(model):
        row = {"error": 1.0}
        return [
            Update(
                lambda x, training: {
                    name: term(squared(x - model.decoder(model.encoder(x)))) for name, term in terms.items()
                },
                encoder=row,
                decoder=row,
            )
        ]

    return table


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize(
    ("table", "message"),
    [
        (returning(), r"Expected: \['error'\]\. Received: \[\] \(missing: \['error'\]"),
        (returning(error=lambda e: e, more=lambda e: e), r"undeclared: \['more'\]"),
        (returning(error=lambda e: e[:, None]), r"'error'.*Expected: \(.*\), one number.*Received: shape"),
        (returning(error=lambda e: e[:7]), r"'error'.*Received: shape \(7,\)"),
        (
            lambda m: [Update(lambda x, training: {"size": squared(m.encoder(x))}, decoder={"size": 1.0})],
            r"depends on the group 'decoder'.*Expected: a gradient from one of \['size'\]",
        ),
    ],
    ids=["missing", "undeclared", "two axes", "wrong length", "no gradient"],
)
def test_mistakes_in_terms(table, message, eager):
    model = Toy(table)
    model.compile("sgd", run_eagerly=eager)
    with pytest.raises(ValueError, match=f"(?s){message}"):
        model.fit(X, batch_size=8, verbose=0)


def test_terms_of_the_right_shape_that_is_not_known_before():
    """The size of the batch is known and that of the term is not, or neither."""
    table = returning(error=lambda e: tf.ensure_shape(tf.py_function(lambda v: v, [e], tf.float32), [None]))
    for drop_remainder in (True, False):
        model = Toy(table)
        model.compile("sgd")
        x = tf.data.Dataset.from_tensor_slices(X).batch(8, drop_remainder=drop_remainder)
        assert model.fit(x, verbose=0).history["error"][0] > 0


def test_sample_weights_of_another_shape():
    """`(batch, 1)` would spread terms over pairs of examples."""
    model = Toy(together)
    model.compile("sgd")
    with pytest.raises(
        ValueError, match=r"(?s)sample_weight.*Expected: shape \(batch,\).*Received: shape \(.*1\)"
    ):
        model.fit(data((X, X, np.ones((len(X), 1), "float32")), 8), verbose=0)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            lambda m: [
                Update(m.terms, encoder={"error": 1.0}, monitors=["size"]),
                Update(lambda x, training: {}, decoder={"error": 1.0}),
            ],
            "one name.*Received: 'error'",
        ),
        (lambda m: [Update(m.terms, encoder={"loss": 1.0})], "called 'loss'.*Received: 'loss'"),
        (
            lambda m: [Update(m.terms, encodr={"error": 1.0})],
            r"Expected: .*'encoder', 'decoder'.*Received: 'encodr'",
        ),
        (lambda m: [Update(m.terms, monitors=["error"])], "Expected: at least one.*Received: none"),
        (
            lambda m: [Update(m.terms, traces={"error": 1.0})],
            r"Expected: .*'encoder', 'decoder'.*Received: 'traces'",
        ),
    ],
    ids=["two terms of one name", "loss", "unknown group", "no group", "no layer"],
)
def test_mistakes_in_tables(table, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        Toy(table).compile("sgd")


def test_unbuilt_parts_are_no_silent_groups():
    model = Toy(together, encoder=keras.Sequential([layers.Dense(2)]))
    with pytest.raises(ValueError, match=r"(?s)'encoder'.*Expected:.*built.*Received:"):
        model.compile("sgd")


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            {"loss": "mse"},
            ValueError,
            r"Toy is its own objective.*Expected: compile\(\).*Received: loss='mse'",
        ),
        ({"metrics": ["mae"]}, ValueError, r"Received: metrics=\['mae'\]"),
        ({"optimiser": "sgd"}, TypeError, "optimiser"),
        (
            {"optimizer": {"encoder": "sgd"}},
            ValueError,
            r"Expected: \['encoder', 'decoder'\].*Received: \['encoder'\]",
        ),
        ({"optimizer": {}}, ValueError, r"Expected: \['encoder', 'decoder'\].*Received: \[\]"),
        (
            {"optimizer": {"encoder": "sgd", "decoder": "sgd", "critic": "sgd"}},
            ValueError,
            r"Expected: \['encoder', 'decoder'\].*'critic'",
        ),
        (
            {"optimizer": keras.optimizers.SGD(loss_scale_factor=8.0)},
            ValueError,
            "Loss scaling.*Expected:.*Received:.*loss_scale_factor=8.0",
        ),
        (
            {"optimizer": keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD())},
            ValueError,
            "Loss scaling.*Expected:.*Received:.*LossScaleOptimizer",
        ),
    ],
    ids=[
        "loss",
        "metrics",
        "typo",
        "group left out",
        "no group",
        "unknown group",
        "loss scale",
        "LossScaleOptimizer",
    ],
)
def test_mistakes_in_compiling(arguments, kind, message):
    with pytest.raises(kind, match=f"(?s){message}"):
        Toy(apart).compile(**arguments)


def test_float16_is_refused():
    model = Toy(together, encoder=dense(4, 2, dtype="mixed_float16"))
    with pytest.raises(ValueError, match="(?s)float16.*Expected:.*mixed_bfloat16.*Received:.*mixed_float16"):
        model.compile()


def test_nothing_to_learn_from():
    model = Toy(together)
    model.compile("sgd")
    for method in (model.fit, model.evaluate, model.predict):
        with pytest.raises(ValueError, match=r"(?s)Expected:.*Received:.*\(0, 4\)"):
            method(X[:0], verbose=0)


# ---------------------------------------------------------------------- two replicas


def deep():
    """Networks with batch norm."""
    norm = {"momentum": 0.5}
    return {
        "encoder": dense(4, 8, layers.BatchNormalization(**norm), layers.ReLU(), layers.Dense(2)),
        "decoder": dense(2, 8, layers.BatchNormalization(**norm), layers.ReLU(), layers.Dense(4)),
    }


def both(replicas, table, optimizer, given, **arguments):
    """The same training on one device and on two."""
    one = trained(table, optimizer(), given, **arguments)
    with replicas.scope():
        two = trained(table, optimizer(), given, **arguments)
    return one, two


@pytest.mark.parametrize("rows", [26, 17], ids=["ragged", "empty"])
@pytest.mark.parametrize("table", [together, apart], ids=["one row", "two rows"])
def test_two_replicas_equal_one_device(replicas, rows, table):
    """Batches of 16, of which 26 leave 10 and 17 leave 1: one replica then has nothing."""
    fit = {"epochs": 2, "validation_data": (X[:9],)}
    one, two = both(replicas, table, lambda: keras.optimizers.SGD(0.05), X[:rows], parts=deep, fit=fit)
    assert len(two.encoder.weights[0].value.values) == 2
    assert_same(one, two, atol=1e-5)
    for name, values in one.history.history.items():
        np.testing.assert_allclose(two.history.history[name], values, rtol=1e-5)


def test_two_replicas_alternate_and_weigh_as_one(replicas):
    sample_weight = np.random.default_rng(1).random(len(X)).astype("float32")
    one, two = both(
        replicas,
        alternating,
        lambda: keras.optimizers.AdamW(0.05),
        data((X, X, sample_weight), 15),
        fit={"epochs": 2},
    )
    assert_same(one, two, atol=1e-5)


def test_scalar_terms_on_two_replicas(replicas):
    """Such as a penalty on weights: every replica computes it, and it counts once, and a replica
    without examples may make NaN of it."""

    def table(model):
        def terms(x, training):
            z = model.encoder(x)
            return {
                "error": squared(x - model.decoder(z)),
                "decay": sum(ops.sum(ops.square(v)) for v in model.trainable_variables),
                "mean": ops.mean(z) * ops.sum(model.encoder.weights[0]),
            }

        row = {"error": 1.0, "decay": 0.1, "mean": 0.1}
        return [Update(terms, encoder=row, decoder=row)]

    one, two = both(replicas, table, lambda: keras.optimizers.SGD(0.05), X[:17])
    assert_same(one, two, atol=1e-5)
    for name, values in one.history.history.items():
        np.testing.assert_allclose(two.history.history[name], values, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("clip", [{"clipnorm": 0.1}, {"global_clipnorm": 0.1}, {"clipvalue": 0.02}], ids=str)
def test_two_replicas_clip_after_the_reduction(replicas, clip):
    one, two = both(replicas, apart, lambda: keras.optimizers.SGD(0.5, **clip), X[:26], fit={"epochs": 2})
    assert_same(one, two, atol=1e-5)
    free = trained(apart, keras.optimizers.SGD(0.5), X[:26], fit={"epochs": 2})
    assert any(np.abs(a - b).max() > 1e-2 for a, b in zip(weights(one), weights(free), strict=True))


def test_replicas_draw_noise_of_their_own(replicas):
    def draw(model):
        ones = tf.ones((4, 4))
        return keras.random.normal((3,), seed=model.noise), model.encoder.layers[-1](ones, training=True)

    alone = Noisy()
    alone.compile("sgd")
    alone.encoder.layers[-1].seed_generator.state.assign([9, 0])
    expected = [draw(alone) for _ in range(2)]
    with replicas.scope():
        model = Noisy()
        model.compile("sgd")
        model.encoder.layers[-1].seed_generator.state.assign([9, 0])
    run = tf.function(lambda: replicas.run(draw, args=(model,)))
    for noise, dropped in expected:
        for found, single in zip(run(), (noise, dropped), strict=True):
            np.testing.assert_allclose(found.values[0], single, atol=1e-6)
            assert np.any(found.values[0] != found.values[1])
    assert [list(np.array(v)) for v in model.noise.state.value.values] == [[5, 2]] * 2


def test_noise_on_replicas_within_fit(replicas):
    """Each replica's gradient is its own noise: the kernel moves by the mean of two draws."""

    def table(model):
        def terms(x, training):
            noise = keras.random.normal((4, 2), seed=model.noise)
            return {"push": ops.sum(model.encoder.weights[0] * noise) + 0 * ops.sum(x)}

        return [Update(terms, encoder={"push": 1.0})]

    with replicas.scope():
        model = Toy(table, noise=keras.random.SeedGenerator(5))
        model.compile(keras.optimizers.SGD(1.0))
    before = weights(model)[0]
    model.fit(data(X[:8], 4), verbose=0)
    draws = [
        keras.random.normal((4, 2), seed=np_seed(seed + offset, step))
        for step in range(2)
        for seed, offset in ((5, 0), (5, 1_000_003))
    ]
    np.testing.assert_allclose(weights(model)[0], before - sum(np.array(d) for d in draws) / 2, atol=1e-5)


def np_seed(seed, step):
    generator = keras.random.SeedGenerator(seed)
    generator.state.assign([seed, step])
    return generator


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps_per_execution": 2}, "Received: steps_per_execution=2"),
        ({"jit_compile": True}, "Received: jit_compile=True"),
        ({"optimizer": keras.optimizers.SGD(gradient_accumulation_steps=2)}, "gradient_accumulation_steps=2"),
        (
            {"optimizer": keras.optimizers.SGD(use_ema=True, ema_overwrite_frequency=3)},
            "ema_overwrite_frequency=3",
        ),
    ],
    ids=["steps_per_execution", "jit_compile", "accumulation", "overwriting"],
)
def test_what_fails_on_replicas_is_refused(replicas, arguments, message):
    with replicas.scope():
        model = Toy(together)
        with pytest.raises(ValueError, match=f"(?s)Expected:.*{message}"):
            model.compile(**arguments)


def test_a_strategy_of_one_device():
    """In a process of its own, which may have one strategy."""
    code = """
import numpy as np, tensorflow as tf
from latentzoo import models
with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
    model = models.VAE((8, 8, 1), 2)
    model.compile()
print(model.fit(np.zeros((8, 8, 8, 1), "float32"), verbose=0).history["loss"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("["), done.stderr[-2000:]


def test_learning_rate_callbacks_on_replicas(replicas):
    with replicas.scope():
        model = Toy(apart)
        model.compile({"encoder": keras.optimizers.SGD(0.1), "decoder": keras.optimizers.SGD(0.02)})
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    history = model.fit(X, batch_size=16, verbose=0, callbacks=[halve]).history
    np.testing.assert_allclose(history["learning_rate"], [0.05])
    found = [float(ops.convert_to_numpy(o.learning_rate)) for o in model.optimizer.groups.values()]
    np.testing.assert_allclose(found, [0.05, 0.01])


def test_a_file_moves_between_one_device_and_two(replicas, tmp_path):
    with replicas.scope():
        model = Noisy()
        model.compile(keras.optimizers.SGD(0.05, momentum=0.9))
    model.fit(X, batch_size=16, verbose=0)
    model.save(tmp_path / "model.keras")
    alone = keras.models.load_model(tmp_path / "model.keras")
    with replicas.scope():
        again = keras.models.load_model(tmp_path / "model.keras")
    for loaded in (alone, again):
        for a, b in zip(loaded.weights, model.weights, strict=True):
            np.testing.assert_array_equal(np.array(a), np.array(b))
        assert list(np.array(loaded.noise.state)) == [5, 2]
        loaded.fit(X, batch_size=16, verbose=0)
