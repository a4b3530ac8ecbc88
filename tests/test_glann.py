"""GLANN: codes that are learned, and the generator of such codes, fitted by nearest draws."""

import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

import latentzoo
from latentzoo import data, finish, golden, models, priors, storage
from latentzoo.evaluation import run as evaluations
from latentzoo.networks import infogan
from latentzoo.networks.codes import Codes, unit
from latentzoo.priors.nearest import nearest

SHAPE, WIDTH, N = (8, 8, 1), 4, 64


def array(x):
    return ops.convert_to_numpy(x)


def values(layer):
    return [array(v) for v in layer.variables]


def same(before, after):
    return all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def lengths(codes):
    return np.linalg.norm(codes, axis=-1)


# ---------------------------------------------------------------------- the nearest draws


def brute(codes, draws):
    """One code after another, all differences in float64."""
    return np.array([np.square(draws.astype("float64") - z).sum(axis=1).argmin() for z in codes])


def cloud(n, width=5, seed=0):
    return np.random.default_rng(seed).normal(2.0, size=(n, width)).astype("float32")


def test_nearest_draws_are_those_of_a_plain_search():
    codes, draws = cloud(200), cloud(500, seed=1)
    expected = brute(codes, draws)
    assert len(set(expected)) > 50
    for block in ((1024, 8192), (7, 13), (200, 500), (1, 1), (64, 499)):
        assert np.array_equal(nearest(codes, draws, block=block), expected), block


def test_of_equal_draws_the_first_is_nearest():
    codes, draws = cloud(3), np.repeat(cloud(4, seed=1), 3, axis=0)
    for block in ((1024, 8192), (2, 4)):
        found = nearest(codes, draws, block=block)
        assert np.array_equal(found % 3, [0, 0, 0])
        assert np.array_equal(found, brute(codes, draws))


def ring(n, seed=0):
    angle = np.random.default_rng(seed).random(n) * 2 * np.pi
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype("float32")


def small(**arguments):
    keras.utils.set_random_seed(1)
    return priors.Generator(2, **{"noise_dim": 4, "units": 32, **arguments})


@pytest.fixture(scope="module")
def fitted():
    """A generator of a ring, to look at and not to change."""
    prior = small()
    fit = {"optimizer": keras.optimizers.Adam(1e-2), "epochs": 15, "batch_size": 64, "verbose": 0}
    prior.history = prior.fit(ring(512), **fit).history
    return prior


def test_pairs_of_an_epoch_are_codes_and_the_noise_nearest_to_them(fitted):
    codes = ring(100, seed=1)
    trainer = fitted.trainer(draws_per_code=1.5, seed=3)
    assert trainer.take(codes, 10).tolist() == list(range(100))
    assert trainer.take(codes, 30).tolist() == list(range(90))
    trainer.match(epoch=7)
    noise, found = array(trainer.pairs.noise), array(trainer.pairs.codes)
    order = np.lexsort(found.T)
    assert np.array_equal(found[order], codes[np.lexsort(codes.T)]) and not np.array_equal(found, codes)
    # All draws of the epoch, in inference mode: as samples are.
    rng = np.random.default_rng([3, 7])
    rng.permutation(100)
    draws = rng.standard_normal((150, 4), "float32")
    assert np.array_equal(noise, draws[brute(found, array(fitted.network(draws)))])
    trainer.match(epoch=8)
    assert not np.array_equal(found, array(trainer.pairs.codes))
    trainer.match(epoch=7)
    assert same([noise, found], [array(trainer.pairs.noise), array(trainer.pairs.codes)])


def test_the_objective_is_the_squared_error_of_the_pair():
    prior = small()
    trainer = prior.trainer(weight_decay=0.5)
    trainer.take(ring(64), 8)
    trainer.match(0)
    rows = np.array([5, 60, 2])
    found = trainer.terms(trainer.prepare(rows), training=False)
    noise, codes = array(trainer.pairs.noise)[rows], array(trainer.pairs.codes)[rows]
    expected = np.square(array(prior.network(noise)) - codes).mean(axis=1)
    np.testing.assert_allclose(found["mean_squared_error"], expected, rtol=1e-5)
    squares = sum(np.square(array(v)).sum() for v in prior.trainable_variables)
    np.testing.assert_allclose(found["decay"], 0.5 * squares, rtol=1e-5)
    (update,) = trainer.updates()
    assert update.objectives == {"prior": {"mean_squared_error": 1.0, "decay": 0.5}}


def test_a_ring_is_covered(fitted):
    """Every code has a sample near it, which is all that is asked of the samples."""

    def gap(prior):
        samples = array(prior(np.random.default_rng(2).standard_normal((1000, 4), "float32")))
        codes = ring(300, seed=3)
        return lengths(samples[nearest(codes, samples)] - codes).mean()

    before, after = gap(small()), gap(fitted)
    assert after < 0.1 < 0.3 * before
    history = fitted.history["mean_squared_error"]
    assert len(history) == 15 and history[-1] < 0.3 * history[0]
    assert fitted.fitted and fitted.sample(3, seed=0).shape == (3, 2)


def test_the_generator_is_that_of_the_paper():
    prior = priors.build("imle", 64)
    assert prior.count_params() == 32 * 128 + 128 * 128 + 128 * 64 + 2 * 4 * 128
    kinds = ["InputLayer", *["Dense", "BatchNormalization", "Activation"] * 2, "Dense"]
    assert [type(layer).__name__ for layer in prior.network.layers] == kinds
    assert not any(layer.use_bias for layer in prior.network.layers if isinstance(layer, layers.Dense))
    trainer = prior.trainer()
    assert (trainer.draws_per_code, trainer.weight_decay) == (2, 1e-5)
    optimizer = trainer.default_optimizers()
    assert (float(optimizer.learning_rate), optimizer.beta_1, optimizer.beta_2) == (
        np.float32(1e-3),
        0.5,
        0.999,
    )
    assert not (prior.explicit or prior.invertible or prior.fitted) and prior.noise_dim == 32
    for call in (prior.log_prob, prior.inverse, lambda z: prior.sample(2)):
        with pytest.raises(ValueError, match="(?s)Expected:.*Received:"):
            call(np.zeros((2, 64), "float32"))


def test_codes_may_be_brought_to_unit_length():
    prior = small(unit_norm=True)
    noise = cloud(5, 4)
    free, found = array(prior.network(noise)), array(prior(noise))
    np.testing.assert_allclose(found, free / lengths(free)[:, None], rtol=1e-5)
    copy = priors.Generator.from_config(prior.get_config())
    assert copy.get_config() == prior.get_config() and copy.unit_norm


def test_normal_distributions_are_drawn_from_anew_in_every_epoch():
    codes = np.stack([cloud(50, 2), np.full((50, 2), 0.1, "float32")], axis=1)
    trainer = small().trainer()
    trainer.take(codes, 8)
    drawn = []
    for epoch in (0, 1):
        trainer.match(epoch)
        rows = np.random.default_rng([0, epoch]).permutation(50)
        drawn.append(np.zeros((50, 2)))
        drawn[-1][rows] = array(trainer.pairs.codes)
    assert np.abs(drawn[0] - drawn[1]).min() > 0
    assert (drawn[0] - codes[:, 0]).std() == pytest.approx(0.1, rel=0.2)


@pytest.mark.parametrize(("n", "steps"), [(70, 2), (20, 1)])
def test_a_last_batch_that_is_not_full_waits(n, steps, monkeypatch):
    monkeypatch.setattr("latentzoo.priors.code_models.STEPS", 1)  # Keras' callbacks see calls, not batches
    prior, seen = small(), []
    count = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    prior.fit(ring(n), epochs=1, batch_size=32, callbacks=[count], verbose=0)
    assert len(seen) == steps and prior.fitted


class Interrupt(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


def test_a_fit_that_was_interrupted_goes_on_exactly(tmp_path):
    fit = {"epochs": 4, "batch_size": 32, "verbose": 0}
    whole, stopped, resumed = small(), small(), small()
    whole.fit(ring(70), **fit)
    backup = {"backup_dir": tmp_path, "delete_checkpoint": False}
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(ring(70), callbacks=[keras.callbacks.BackupAndRestore(**backup), Interrupt()], **fit)
    for variable in resumed.trainable_variables:
        variable.assign(ops.zeros_like(variable))
    resumed.fit(ring(70), callbacks=[keras.callbacks.BackupAndRestore(**backup)], **fit)
    assert same(values(whole), values(resumed)) and not same(values(whole), values(stopped))


def test_a_generator_on_two_replicas_is_that_of_one_device(replicas):
    fitted = []
    for scope in (tf.distribute.get_strategy().scope(), replicas.scope()):
        with scope:
            prior = small()
        prior.fit(ring(70), optimizer=keras.optimizers.SGD(1e-2), epochs=2, batch_size=32, verbose=0)
        fitted.append(prior)
    for one, two in zip(*map(values, fitted), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"draws_per_code": 0.9}, "fewer draws than codes.*Expected: draws_per_code >= 1.*Received:.*0.9"),
        ({"draws_per_code": float("nan")}, "Expected: a number.*Received: draws_per_code=nan"),
        ({"weight_decay": -1}, "Expected: a number >= 0.*Received: weight_decay=-1"),
        ({"seed": -1}, "Expected: an integer >= 0.*Received: seed=-1"),
        ({"batch_size": 0}, "Expected: an integer >= 1.*Received: batch_size=0"),
        ({"codes": np.zeros((5, 3))}, r"Expected: shape \(n, 2\).*Received: shape \(5, 3\)"),
        ({"codes": np.zeros((0, 2))}, r"Expected: shape \(n, 2\), n > 0.*Received: shape \(0, 2\)"),
        ({"codes": np.full((5, 2), np.nan)}, "Codes must be finite.*Received: 5 of 5"),
    ],
    ids=str,
)
def test_what_cannot_be_fitted(arguments, message):
    prior = small()
    with pytest.raises(ValueError, match=f"(?s){message}"):
        prior.fit(**{"codes": ring(5), "verbose": 0, **arguments})
    assert not prior.fitted


@pytest.mark.parametrize("argument", ["noise_dim", "units", "hidden_layers"])
def test_generators_that_make_no_sense(argument):
    with pytest.raises(ValueError, match=f"Expected: an integer >= 1. Received: {argument}=0"):
        priors.Generator(4, **{argument: 0})


# ---------------------------------------------------------------------- the model


def decoder():
    """A small decoder of the tests' own."""
    return keras.Sequential(
        [
            layers.Input((WIDTH,)),
            layers.Dense(16, "relu"),
            layers.Dense(64, "sigmoid"),
            layers.Reshape(SHAPE),
        ],
        name="my_decoder",
    )


def make(**arguments):
    keras.utils.set_random_seed(1)
    arguments = {"n_codes": N, "decoder": decoder(), "reconstruction": "squared", **arguments}
    return models.GLANN(SHAPE, WIDTH, **arguments)


@pytest.fixture(scope="session")
def pictures(fixture_images):
    """Real images, 8 by 8: 64 of them, uint8."""
    return np.ascontiguousarray(fixture_images["x_train"][:N, ::3, ::3][:, 1:9, 1:9])


@pytest.fixture(scope="module")
def trained(pictures):
    """A GLANN with a fitted prior, to look at and not to change."""
    model, adam = make(), keras.optimizers.Adam
    model.compile({"codes": adam(3e-2, beta_1=0.5), "decoder": adam(2e-2, beta_1=0.5)})
    model.record = model.fit(data.indexed(pictures), batch_size=16, epochs=25, verbose=0).history
    model.fit_prior(epochs=3, batch_size=16, verbose=0)
    return model


def table(model):
    return array(model.codes.table)


def squared_error(model, pictures):
    return np.square(model.decode(table(model)) - pictures / 255).mean()


def test_only_codes_and_decoder_learn():
    model = make()
    (update,) = model.updates()
    assert update.objectives == dict.fromkeys(["codes", "decoder"], {"reconstruction": 1.0})
    assert update.monitors == ("mean_squared_error",)
    model.compile()
    settings = {g: (float(o.learning_rate), o.beta_1) for g, o in model.optimizer.groups.items()}
    assert settings == {"codes": (np.float32(1e-2), 0.5), "decoder": (np.float32(1e-3), 0.5)}


def test_terms_are_what_the_docstring_says(pictures):
    model, rows = make(), np.array([3, 60, 3])
    x = pictures[rows].astype("float32") / 255
    found = model.terms((rows, x), training=False)
    off = np.square(model.decode(table(model)[rows]) - x).reshape(3, -1)
    np.testing.assert_allclose(found["reconstruction"], 0.5 * off.sum(1), rtol=1e-4)
    np.testing.assert_allclose(found["mean_squared_error"], off.mean(1), rtol=1e-4)


def test_a_step_moves_the_codes_of_its_batch_alone(pictures):
    """By the gradient in which their length is a constant."""
    model, rows = make(), np.array([3, 60, 5])
    x = pictures[rows].astype("float32") / 255
    before, codes = values(model.prior), table(model)
    z = tf.constant(codes[rows] / lengths(codes[rows])[:, None])
    with tf.GradientTape() as tape:
        tape.watch(z)
        loss = 0.5 * tf.reduce_sum(tf.square(x - model.decoder(z))) / 3
    expected = codes.copy()
    expected[rows] -= 1e-5 * tape.gradient(loss, z) / lengths(codes[rows])[:, None]
    model.compile(keras.optimizers.SGD(1e-5), run_eagerly=True)
    model.train_on_batch((rows, x))
    np.testing.assert_allclose(table(model), expected, atol=1e-7)
    assert np.abs(expected - codes)[rows].min() > 1e-6
    others = np.setdiff1d(np.arange(N), rows)
    assert np.array_equal(table(model)[others], codes[others])
    assert same(before, values(model.prior))


def test_twice_in_a_batch_counts_twice(pictures):
    moved = []
    for rows in ([7, 7], [7]):
        model = make()
        before = table(model)
        model.compile(keras.optimizers.SGD(1e-5), run_eagerly=True)
        model.train_on_batch((np.array(rows), pictures[rows]))
        moved.append(table(model) - before)
    np.testing.assert_allclose(*moved, atol=1e-7)


def test_codes_have_unit_length_after_every_epoch(pictures):
    """Before other callbacks look, so that what they save is what goes on."""
    model, seen = make(), []
    assert lengths(table(model)).max() < 0.1
    assert table(make(n_codes=4000)).std() == pytest.approx(0.01, rel=0.05)
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)
    look = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(lengths(table(model))),
        on_epoch_end=lambda epoch, logs: np.testing.assert_allclose(lengths(table(model)), 1, atol=1e-5),
    )
    model.fit(data.indexed(pictures), batch_size=32, epochs=2, callbacks=[look], verbose=0)
    assert all(np.abs(found - 1).max() > 1e-3 for found in seen)
    model.codes.trainable = False
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)
    before = table(model)
    model.fit(data.indexed(pictures), batch_size=32, verbose=0)
    assert np.array_equal(table(model), before)


def test_zero_is_no_direction():
    found = array(unit(np.array([[0.0, 0.0], [3.0, 4.0]], "float32")))
    np.testing.assert_allclose(found, [[0, 0], [0.6, 0.8]], rtol=1e-6)


def test_training_makes_the_images_again(trained, pictures):
    assert squared_error(trained, pictures) < 0.4 * squared_error(make(), pictures)
    record = trained.record
    assert set(record) == {"loss", "reconstruction", "mean_squared_error"}
    assert record["reconstruction"][-1] < 0.5 * record["reconstruction"][0]
    images = trained.decode(array(trained.codes(np.array([5, 9]))))
    assert images.shape == (2, *SHAPE) and images.dtype == np.float32
    np.testing.assert_allclose(trained.decode(3 * table(trained)), trained.decode(table(trained)), atol=1e-5)


def test_samples_are_decoded_codes_of_the_generator(trained):
    images = trained.sample(5, seed=3)
    noise = np.random.default_rng(3).standard_normal((5, 32)).astype("float32")
    codes = array(trained.prior.network(noise))
    expected = array(trained.decoder(codes / lengths(codes)[:, None]))
    np.testing.assert_allclose(images, expected, atol=1e-5)
    np.testing.assert_allclose(trained.sample(5, seed=3, batch_size=2), images, atol=1e-5)
    assert np.ptp(trained.sample(3, seed=0, temperature=0.0), axis=0).max() < 1e-5


def test_all_forms_of_data_are_one(pictures):
    rows, x = data.indexed(pictures)
    floats = x.astype("float32") / 255
    forms = [
        (rows, x),
        [rows, floats],
        (rows.astype("int32"), floats),
        tf.data.Dataset.from_tensor_slices(((rows, x),)).batch(16),
        tf.data.Dataset.from_tensor_slices(((rows, floats), rows)).batch(16),
    ]
    found = []
    for form in forms:
        model = make()
        model.compile(keras.optimizers.SGD(1e-3), run_eagerly=True)
        more = {} if hasattr(form, "element_spec") else {"batch_size": 16, "shuffle": False}
        model.fit(form, **more, verbose=0)
        found.append(values(model))
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            np.testing.assert_allclose(one, two, atol=1e-6)


def test_training_is_resumed_exactly(pictures, tmp_path):
    """From a Keras file, which has the codes, and the epochs of the data from there on."""
    steps = {"steps_per_epoch": 4, "shuffle": False, "verbose": 0}
    whole = make()
    whole.compile()
    whole.fit(data.epochs(pictures, 16, seed=5, indexed=True), epochs=3, **steps)
    stopped = make()
    stopped.compile()
    stopped.fit(data.epochs(pictures, 16, seed=5, indexed=True), epochs=2, **steps)
    stopped.save(tmp_path / "model.keras")
    resumed = keras.models.load_model(tmp_path / "model.keras")
    assert json.dumps(resumed.get_config()) == json.dumps(stopped.get_config())
    rest = data.epochs(pictures, 16, seed=5, start=2, indexed=True)
    resumed.fit(rest, epochs=3, initial_epoch=2, **steps)
    assert same(values(whole), values(resumed)) and not same(values(whole), values(stopped))


def test_two_replicas_are_one_device(replicas, pictures):
    """With batches of 16, of which 33 images leave one, so that a replica gets none."""
    trained = []
    for scope in (tf.distribute.get_strategy().scope(), replicas.scope()):
        with scope:
            model = make()
            model.compile(keras.optimizers.SGD(1e-3))
        rows, x = data.indexed(pictures)
        model.fit((rows[:33], x[:33]), epochs=2, batch_size=16, shuffle=False, verbose=0)
        trained.append(values(model))
    for one, two in zip(*trained, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


def features():
    """A network for the perceptual loss, small, of the tests' own."""
    x = layers.Input((8, 8, 3))
    maps = [layers.AveragePooling2D(2)(x), layers.Conv2D(2, 3, activation="relu")(x)]
    return keras.Model(x, maps)


def test_the_perceptual_loss_is_that_of_latentzoo(pictures):
    model = make(reconstruction="perceptual", perceptual_network=features())
    rows, x = np.arange(5), pictures[:5].astype("float32") / 255
    found = model.terms((rows, x), training=False)
    y = model.decode(table(model)[:5])
    np.testing.assert_allclose(found["reconstruction"], model.perceptual(x, y), rtol=1e-4)
    assert found["reconstruction"].shape == (5,)
    model.compile(jit_compile=False)
    history = model.fit(data.indexed(pictures), batch_size=32, epochs=4, verbose=0).history
    assert history["reconstruction"][-1] < history["reconstruction"][0]
    assert models.GLANN(SHAPE, WIDTH, decoder=decoder()).reconstruction == "perceptual"
    config = model.get_config()
    assert config["perceptual_network"] is None
    again = models.GLANN.from_config(config)
    again.compile()
    with pytest.raises(ValueError, match="(?s)network of the perceptual loss is not known"):
        again.fit(data.indexed(pictures), verbose=0)


def test_the_decoder_is_that_of_the_paper():
    grey, colours = models.GLANN((8, 8, 1), 64), models.GLANN((8, 8, 3), 64)
    plain = infogan.decoder((8, 8, 3), 64)
    for network, kinds in (
        (grey.decoder, {"BatchNormalization": 3, "ReLU": 3}),
        (colours.decoder, {"BatchNormalization": 0, "ReLU": 3}),
        (plain, {"BatchNormalization": 3, "ReLU": 3}),
    ):
        found = [type(layer).__name__ for layer in network.layers]
        assert {kind: found.count(kind) for kind in kinds} == kinds
        slopes = {layer.negative_slope for layer in network.layers if type(layer) is layers.ReLU}
        np.testing.assert_allclose(list(slopes), [0.0 if network is plain else 0.2])
    shared = {layer.name: layer for layer in plain.layers}
    for layer in colours.decoder.layers:
        assert [v.shape for v in layer.weights] == [v.shape for v in shared[layer.name].weights]
    assert type(grey.prior) is priors.Generator and grey.prior.unit_norm


# ---------------------------------------------------------------------- the prior, swapped and stale


def test_other_priors_fit_the_codes(trained, pictures):
    model = make()
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)
    model.fit(data.indexed(pictures), batch_size=32, verbose=0)
    model.fit_prior(prior="gaussian", verbose=0)
    np.testing.assert_allclose(array(model.prior.mean), table(model).mean(axis=0), atol=1e-5)
    codes = model.prior.sample(4, seed=0)
    expected = model.decoder(codes / lengths(codes)[:, None])
    np.testing.assert_allclose(model.sample(4, seed=0), expected, atol=1e-5)
    with pytest.warns(UserWarning, match="does not train this Gaussian prior.*stale"):
        model.fit(data.indexed(pictures), batch_size=32, verbose=0)
    old = model.prior
    with pytest.raises(TypeError):
        model.fit_prior(prior="imle", epoch=3)
    assert model.prior is old


def test_fit_prior_passes_its_arguments_on(trained, monkeypatch):
    given = {}

    def fit(prior, codes, seed=None, **more):
        given.update(more, codes=codes, seed=seed)

    monkeypatch.setattr(priors.Generator, "fit", fit)
    model = make()
    before = table(model)
    model.fit_prior(epochs=1, seed=3)
    expected = before / lengths(before)[:, None]
    np.testing.assert_allclose(given.pop("codes"), expected, rtol=1e-5)
    assert given == {"epochs": 1, "seed": 3} and np.array_equal(table(model), before)


# ---------------------------------------------------------------------- checkpoints


@pytest.fixture(scope="module", params=["float32", "int8"])
def shipped(request, trained, tmp_path_factory):
    """A checkpoint folder, and the model that it holds."""
    folder = tmp_path_factory.mktemp(request.param)
    trained.save_pretrained(folder, request.param)
    return folder, latentzoo.load(folder)


def test_checkpoints_hold_no_codes(trained, shipped):
    folder, loaded = shipped
    keys = {key.split("/")[0] for key in storage.named_variables(trained)}
    assert keys == {"decoder", "prior"}
    config = json.loads((folder / "config.json").read_text())
    assert config["arguments"]["n_codes"] is None and config["class"] == "GLANN"
    kept = sum(math.prod(v.shape) for v, _ in storage.named_variables(trained).values())
    assert config["parameters"] == kept == trained.count_params() - N * WIDTH
    assert loaded.codes is None and loaded.n_codes is None and loaded.count_params() == kept
    tolerance = 1e-6 if config["storage"] == "float32" else 1e-2
    np.testing.assert_allclose(loaded.sample(5, seed=1), trained.sample(5, seed=1), atol=tolerance)
    z = np.ones((2, WIDTH), "float32")
    np.testing.assert_allclose(loaded.decode(z), trained.decode(z), atol=tolerance)
    loaded.save_pretrained(folder / "again")
    assert (folder / "again" / "model.safetensors").read_bytes() == (
        folder / "model.safetensors"
    ).read_bytes()
    assert latentzoo.load(folder, dtype="mixed_bfloat16").sample(2, seed=0).shape == (2, *SHAPE)


def test_what_is_loaded_only_samples(shipped, pictures):
    _, loaded = shipped
    assert loaded.compiled and not loaded.learns("codes")
    for call in (
        lambda: loaded.fit(data.indexed(pictures), verbose=0),
        lambda: loaded.train_on_batch(data.indexed(pictures)),
        lambda: loaded.fit_prior(verbose=0),
    ):
        with pytest.raises(
            ValueError, match="(?s)stay with the run.*Expected:.*n_codes.*Received: n_codes=None"
        ):
            call()


def test_golden_outputs_and_pictures(shipped):
    """What pushing writes beside the weights, and a finished run."""
    folder, loaded = shipped
    finish.illustrate(loaded, folder)
    golden.check(latentzoo.load(folder), folder / "golden.npz")
    with np.load(folder / "golden.npz") as file:
        assert set(file) == {"noise", "sampled"} and file["noise"].shape == (4, 32)
    assert (folder / "samples.png").exists() and not (folder / "interpolations.png").exists()
    loaded.prior.network.layers[-1].kernel.assign(ops.zeros((128, WIDTH)))
    with pytest.raises(ValueError, match="does not give what was recorded.*'sampled'"):
        golden.check(loaded, folder / "golden.npz")


def test_a_run_is_finished_without_an_encoder(trained, pictures, tmp_path):
    recipe = {"data": "fashion_mnist", "seed": 0, "split": "train", "flip": False, "batch_size": 16,
              "optimizer": {"learning_rate": 1e-3}, "learning_rate_factors": {}}  # fmt: skip
    history = [{"epoch": 1, "loss": 1.0, "seconds": 1.0}]
    images = {part: (pictures, None) for part in ("train", "test")}
    metrics = finish.finish(
        trained, "glann-toy", recipe, history, tmp_path, images, "latentzoo train glann-toy"
    )
    assert metrics["test"] == {} and metrics["storage"]["sample_difference"] < 0.01
    assert "codes of width 4" in (tmp_path / "README.md").read_text()
    assert latentzoo.load(tmp_path).prior.fitted


def test_evaluation_skips_what_needs_an_encoder(trained, monkeypatch, pictures):
    monkeypatch.setattr(evaluations.Run, "split", lambda run, split: (pictures, None))
    found = latentzoo.evaluate(trained, metrics=["reconstruction"], data="fashion_mnist")
    assert found.records == [] and found.skipped == [("reconstruction", "GLANN has no encoder")]


def test_own_priors_are_stored_with_any_family(tmp_path):
    """The generator in another model: its arrays keep their types, its kernels do not."""
    model = models.RAE(SHAPE, WIDTH, prior=priors.Generator(WIDTH, units=300))
    model.prior.fit(cloud(40, WIDTH), epochs=1, batch_size=32, verbose=0)
    model.save_pretrained(tmp_path, "int8")
    loaded = latentzoo.load(tmp_path)
    assert loaded.prior.fitted and loaded.prior.units == 300
    np.testing.assert_allclose(loaded.prior.sample(3, seed=0), model.prior.sample(3, seed=0), atol=0.1)
    packed = storage.pack(model, "int8")
    assert packed["prior/network/dense_1/kernel"].dtype == np.int8
    assert packed["prior/network/dense_0/kernel"].dtype == np.float16
    assert packed["prior/network/dense_1_norm/moving_variance"].dtype == np.float32


# ---------------------------------------------------------------------- what it cannot do


@pytest.mark.parametrize(
    "call",
    [
        lambda m, x: m.encode(x),
        lambda m, x: m.reconstruct(x),
        lambda m, x: m.interpolate(x[:1], x[1:2]),
        lambda m, x: m.interpolate(x[:1], x[1:2], space="latent"),
        lambda m, x: m(x),
        lambda m, x: m.predict(x, verbose=0),
        lambda m, x: m.evaluate(data.indexed(x)),
        lambda m, x: m.test_on_batch(data.indexed(x)),
        lambda m, x: m.predict_on_batch(x),
        lambda m, x: m.fit(data.indexed(x), validation_data=data.indexed(x), verbose=0),
        lambda m, x: m.fit(data.indexed(x), validation_split=0.1, verbose=0),
    ],
)
def test_there_is_no_encoder(trained, pictures, call):
    before = values(trained)
    with pytest.raises(ValueError, match="(?s)GLANN has no encoder.*Expected:.*sample.*Received: images"):
        call(trained, pictures)
    assert same(before, values(trained))


ROWS = np.arange(4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            lambda x: x,
            r"which is which.*Expected: \(rows, images\).*indexed.*Received: uint8 \(64, 8, 8, 1\)",
        ),
        (lambda x: tf.data.Dataset.from_tensor_slices(x).batch(8), r"which is which.*Received: TensorSpec"),
        (lambda x: data.epochs(x, 8, y=np.arange(64)), "which is which.*Received: TensorSpec"),
        (lambda x: (ROWS, x[:4], x[:4]), "which is which.*Received: tuple"),
        (lambda x: (ROWS / 2, x[:4]), "integers.*Expected: int64.*Received: float64"),
        (lambda x: (ROWS - 1, x[:4]), "Expected: rows from 0 to 63.*Received: others.*n_codes"),
        (lambda x: (ROWS + 61, x[:4]), "Expected: rows from 0 to 63.*Received: others.*n_codes"),
        (lambda x: (ROWS, x[:4, :7]), r"Expected: \(n, 8, 8, 1\).*Received: shape \(4, 7, 8, 1\)"),
        (lambda x: (ROWS, 2.0 * x[:4]), r"Expected: floats in \[0, 1\]"),
        (lambda x: (ROWS[:0], x[:0]), "no examples.*Expected: 1 or more"),
    ],
)
def test_what_fit_does_not_take(pictures, given, message):
    model = make()
    model.compile(run_eagerly=True)
    before = values(model)
    with pytest.raises(ValueError, match=f"(?s){message}"):
        model.fit(given(pictures), verbose=0)
    assert same(before, values(model))


def test_rows_are_checked_in_compiled_steps(pictures):
    model = make(n_codes=60)
    model.compile(jit_compile=False)
    with pytest.raises(ValueError, match="(?s)Expected: rows from 0 to 59, as there are 60 codes"):
        model.fit(data.indexed(pictures), batch_size=16, verbose=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, x: m.fit_prior(x), r"codes that training has found.*Expected: `fit_prior\(\)`.*uint8"),
        (lambda m, x: m.fit_prior("mixture"), "Expected:.*prior=.*Received: data='mixture'"),
        (lambda m, x: make(n_codes=0), "Expected: an integer >= 1.*Received: n_codes=0"),
        (lambda m, x: make(reconstruction="l1"), "Expected: one of.*Received: reconstruction='l1'"),
        (lambda m, x: make(perceptual_network="vgg"), "Unknown network.*'vgg'.*Nearest: 'vgg16'"),
        (lambda m, x: make(prior="imel"), "Expected:.*Received: prior='imel'.*'imle'"),
        (lambda m, x: m.decode(np.zeros((2, 5))), r"Expected: shape \(n, 4\).*Received: shape \(2, 5\)"),
        (lambda m, x: m.decode(np.full((2, 4), np.inf)), "Codes must be finite"),
        (lambda m, x: make().sample(2), "The prior is not fitted"),
        (lambda m, x: models.GLANN((10, 8, 1), 4), "divisible by 4"),
    ],
)
def test_bad_arguments(trained, pictures, call, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        call(trained, pictures)


def test_a_table_of_codes_is_a_keras_layer():
    layer = Codes(10, 3)
    copy = Codes.from_config(layer.get_config())
    assert copy.table.shape == (10, 3) and copy.name == "codes"


def test_nearest_draws_far_from_the_origin():
    """Squares of what codes have in common must not drown their differences."""
    rng = np.random.default_rng(0)
    codes, draws = rng.normal(1000, 1, (300, 5)), rng.normal(1000, 1, (2000, 5))
    plain = np.square(codes[:, None] - draws).sum(-1)
    found = nearest(codes.astype("float32"), draws.astype("float32"))
    assert np.sqrt(plain[np.arange(300), found]).max() < np.sqrt(plain.min(axis=1)).max() + 1e-3
    assert np.mean(found == plain.argmin(axis=1)) > 0.98
