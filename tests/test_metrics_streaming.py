"""Metrics of batches against those of arrays, on one device, in compiled loops and on replicas."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo import metrics


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


FEATURES, REAL = normal(210, 6) @ normal(6, 6, seed=2) + 3, 1.5 * normal(300, 6, seed=1)
P = np.random.default_rng(3).dirichlet(np.full(5, 0.3), size=210)


def frechet():
    return metrics.FrechetDistance(REAL), FEATURES, metrics.frechet_distance(FEATURES, REAL)


def inception():
    dealt = [metrics.inception_score(P[i::4], 1).mean for i in range(4)]
    return metrics.InceptionScore(classes=5, splits=4), P, np.mean(dealt)


BOTH = pytest.mark.parametrize("case", [frechet, inception])


@BOTH
@pytest.mark.parametrize("sizes", [[210], [1] * 20 + [190], [37, 100, 73]])
def test_batches(case, sizes):
    metric, x, want = case()
    for part in np.split(x, np.cumsum(sizes)[:-1]):
        metric.update_state(part.astype("float64"))
    np.testing.assert_allclose(metric.result(), want, rtol=1e-9)
    assert metric.result().dtype == "float64"
    metric.reset_state()
    assert np.isnan(metric.result())
    metric.update_state(x)
    np.testing.assert_allclose(metric.result(), want, rtol=1e-9)


@BOTH
def test_compiled(case):
    metric, x, want = case()

    @tf.function
    def step(batch):
        metric.update_state(batch)
        return metric.result()

    for batch in tf.data.Dataset.from_tensor_slices(x).batch(50):
        result = step(batch)
    np.testing.assert_allclose(result, want, rtol=1e-9)
    assert result.shape == ()


@BOTH
def test_replicas_add_up(case, replicas):
    with replicas.scope():
        metric, x, want = case()
    data = tf.data.Dataset.from_tensor_slices(x).batch(11)  # halves of 6 and 5, at last of 1 and 0

    @tf.function
    def step(batch):
        replicas.run(metric.update_state, (batch,))

    for batch in replicas.experimental_distribute_dataset(data):
        step(batch)
    if case is inception:  # each replica deals its own rows to splits
        first = np.arange(210) % 11 < 6
        own = x[first], x[~first]
        parts = [np.concatenate([rows[i::4] for rows in own]) for i in range(4)]
        want = np.mean([metrics.inception_score(part, 1).mean for part in parts])
    np.testing.assert_allclose(metric.result(), want, rtol=1e-9)


@BOTH
def test_padding_does_not_count(case):
    metric, x, want = case()
    mask = np.ones(len(x))
    metric.update_state(x, sample_weight=mask)
    metric.update_state(x[:40][::-1], sample_weight=0 * mask[:40])
    np.testing.assert_allclose(metric.result(), want, rtol=1e-9)


def test_weights_are_counts():
    metric = metrics.FrechetDistance(REAL)
    times = np.arange(210) % 3
    metric.update_state(FEATURES, sample_weight=times)
    want = metrics.frechet_distance(np.repeat(FEATURES, times, axis=0), REAL)
    np.testing.assert_allclose(metric.result(), want, rtol=1e-9)


def test_far_features_cost_no_digits():
    far = 1e7
    metric = metrics.FrechetDistance(REAL + far)
    for batch in np.split(FEATURES + far, 21):
        metric.update_state(batch)
    np.testing.assert_allclose(metric.result(), metrics.frechet_distance(FEATURES, REAL), rtol=1e-6)


def test_a_dead_feature_is_no_trouble():
    real, dead = np.random.default_rng(0).random((300, 3)), np.zeros((9984, 1))
    for seed in range(20):  # by chance one in two has a variance below 0
        x = np.concatenate([np.random.default_rng(seed).random((9984, 2)), dead], axis=1)
        metric = metrics.FrechetDistance(real)
        for batch in np.split(x, 156):
            metric.update_state(batch)
        np.testing.assert_allclose(metric.result(), metrics.frechet_distance(x, real), rtol=1e-6)


def test_half_precision_is_summed_in_float64():
    metric = metrics.FrechetDistance(REAL)
    half = tf.cast(FEATURES, "bfloat16")
    for batch in tf.split(half, 7):
        metric.update_state(batch)
    want = metrics.frechet_distance(tf.cast(half, "float64"), REAL)
    np.testing.assert_allclose(metric.result(), want, rtol=1e-9)
    assert {v.dtype for v in metric.variables} == {"float64"}


def test_few_samples_warn():
    metric = metrics.FrechetDistance(REAL)
    metric.update_state(FEATURES[:5])
    with pytest.warns(metrics.FewSamples, match="5 generated and 300 real"):
        found = metric.result()
    with pytest.warns(metrics.FewSamples):
        np.testing.assert_allclose(found, metrics.frechet_distance(FEATURES[:5], REAL), rtol=1e-9)


def test_state_does_not_grow():
    metric = metrics.FrechetDistance(REAL)
    before = [v.shape for v in metric.variables]
    for _ in range(3):
        metric.update_state(FEATURES)
    assert [v.shape for v in metric.variables] == before == [(), (6,), (6, 6)]


@BOTH
def test_configs(case):
    metric, x, want = case()
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(metric)))
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(metric) and again.name == metric.name
    again.update_state(x)
    np.testing.assert_allclose(again.result(), want, rtol=1e-9)


def test_a_reference_in_a_file(tmp_path):
    metrics.Moments.of(REAL).save(tmp_path / "real.safetensors")
    metric = metrics.FrechetDistance(tmp_path / "real.safetensors", name="fid")
    assert metric.get_config() == {"reference": str(tmp_path / "real.safetensors"), "name": "fid"}
    metric = metrics.FrechetDistance.from_config(metric.get_config())
    metric.update_state(FEATURES)
    np.testing.assert_allclose(metric.result(), metrics.frechet_distance(FEATURES, REAL), rtol=1e-9)


BAD = [
    (frechet, normal(5, 7), r"does not fit `FrechetDistance`.*floats \(batch, 6\)"),
    (frechet, FEATURES[0], "does not fit"),
    (frechet, np.zeros((3, 6), "uint8"), "does not fit.*uint8"),
    (frechet, np.full((3, 6), np.nan), "NaN or infinite"),
    (inception, normal(5, 6), r"does not fit `InceptionScore`.*\(batch, 5\)"),
    (inception, normal(9, 5), "not probabilities.*softmax"),
    (inception, 2 * P, "not probabilities"),
    (inception, np.full((3, 5), np.inf), "NaN or infinite"),
]


@pytest.mark.parametrize("case, x, message", BAD)
def test_bad_batches(case, x, message):
    metric, good, want = case()
    with pytest.raises(ValueError, match=message):
        metric.update_state(x)
    metric.update_state(good)  # nothing of the bad batch is left
    np.testing.assert_allclose(metric.result(), want, rtol=1e-9)


def test_bad_references():
    with pytest.raises(ValueError, match="too few samples.*reference"):
        metrics.FrechetDistance(REAL[:1])
    with pytest.raises(ValueError, match="one row for each sample"):
        metrics.FrechetDistance(REAL[0])
