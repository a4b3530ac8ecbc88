"""Measures of codes, paths and classes, against their definitions in plain Python."""

import numpy as np
import pytest
from test_import import child

from latentzoo import metrics


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def square(x, y):
    return np.square(x - y).sum(axis=1)


# ---------------------------------------------------------------------- the package


def test_arrays_need_no_tensorflow():
    code = """
import sys
import numpy as np
from latentzoo import metrics
dir(metrics), metrics.separability, metrics.inception_score
x = np.random.default_rng(0).normal(size=(20, 2))
metrics.frechet_distance(x, x + 1), metrics.kernel_distance(x, x + 1), metrics.separability(x, x[:, 0] > 0)
print([name for name in ("tensorflow", "keras", "matplotlib") if name in sys.modules])
"""
    assert child(code).strip() == "[]"


def test_public_names():
    for name in metrics.__all__:
        assert callable(getattr(metrics, name)), name  # functions, not modules of their names
        assert name in dir(metrics)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = metrics.nothing


def test_estimates():
    found = metrics.Estimate.of([1.0, 3.0, 5.0, 7.0])
    np.testing.assert_allclose(found, (4, np.sqrt(5), 4))
    np.testing.assert_allclose(found.standard_error, np.sqrt(5) / 2)


# ---------------------------------------------------------------------- clusters


def test_silhouette_is_its_definition():
    codes, labels = normal(40, 3), np.arange(40) % 3
    codes += labels[:, None]
    distance = np.linalg.norm(codes[:, None] - codes, axis=-1)
    want = []
    for i in range(40):
        others = labels == labels[i]
        own = distance[i, others].sum() / (others.sum() - 1)
        nearest = min(distance[i, labels == k].mean() for k in range(3) if k != labels[i])
        want.append((nearest - own) / max(own, nearest))
    np.testing.assert_allclose(metrics.silhouette(codes, labels), np.mean(want), rtol=1e-9)


def test_silhouette_of_a_choice():
    codes, labels = normal(300, 2), np.arange(300) % 2
    whole = metrics.silhouette(codes + 2 * labels[:, None], labels)
    first, again, other = (
        metrics.silhouette(codes + 2 * labels[:, None], labels, samples=100, seed=s) for s in (0, 0, 1)
    )
    assert first == again != other
    assert first != whole and abs(first - whole) < 0.1


def test_tsne_keeps_neighbours():
    labels = np.arange(60) % 2
    codes = normal(60, 8) + 20 * labels[:, None]
    found = metrics.tsne(codes, perplexity=10)
    assert found.shape == (60, 2) and found.dtype == "float32"
    assert metrics.silhouette(found, labels) > 0.5
    np.testing.assert_array_equal(found, metrics.tsne(codes, perplexity=10))
    assert metrics.tsne(codes[:, :1], perplexity=10).shape == (60, 2)


# ---------------------------------------------------------------------- separability


def entropy_of_label(side, label):
    """H(label | side) in bits, from counts."""
    total = 0.0
    for s in set(side):
        inside = [y for x, y in zip(side, label, strict=True) if x == s]
        for y in set(inside):
            share = inside.count(y) / len(inside)
            total -= len(inside) / len(side) * share * np.log2(share)
    return total


def test_separability_is_its_definition():
    from sklearn.svm import LinearSVC

    codes = normal(200, 3)
    logits = np.stack([codes[:, 0] + normal(200, seed=1), codes[:, 1] ** 2 - 1, normal(200, seed=2)], axis=1)
    p = 1 / (1 + np.exp(-logits))
    want = []
    for column in p.T:
        kept = sorted(range(200), key=lambda i, c=column: -max(c[i], 1 - c[i]))[:100]
        label = [bool(column[i] > 0.5) for i in kept]
        side = LinearSVC(random_state=0).fit(codes[kept], label).predict(codes[kept])
        want.append(entropy_of_label(side.tolist(), label))
    found = metrics.separability(codes, p)
    np.testing.assert_allclose(found.entropies, want, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.score, np.exp(sum(want) * np.log(2)), rtol=1e-9)
    np.testing.assert_allclose(metrics.separability(codes, p[:, 0]).entropies, want[:1], rtol=1e-9)


def test_sure_samples_are_kept():
    codes = normal(400, 2)
    p = np.where(codes[:, 0] > 0, 0.99, 0.01)
    p[::2] = np.where(normal(200, seed=1) > 0, 0.51, 0.49)  # noise, and not sure of it
    assert metrics.separability(codes, p).score < 1.1
    assert metrics.separability(codes, p, keep=1.0).score > 1.5
    assert metrics.separability(codes, p > 0.5).score > 1.5


def test_an_attribute_of_all():
    assert metrics.separability(normal(40, 2), np.ones(40, bool)) == (1.0, np.zeros(1))


# ---------------------------------------------------------------------- paths


def test_slerp():
    a, b = normal(5, 7), 3 * normal(5, 7, seed=1)
    np.testing.assert_allclose(metrics.slerp(a, b, 0.0), a, rtol=1e-12)
    np.testing.assert_allclose(metrics.slerp(a, b, 1.0), b, rtol=1e-12)
    steps = [metrics.slerp(a, b, t) for t in np.linspace(0, 1, 5)]
    units = [s / np.linalg.norm(s, axis=1, keepdims=True) for s in steps]
    angles = np.arccos([(u * v).sum(axis=1) for u, v in zip(units, units[1:], strict=False)])
    np.testing.assert_allclose(angles, np.broadcast_to(angles[:1], angles.shape), rtol=1e-9)
    lengths = np.linalg.norm(steps, axis=2)
    np.testing.assert_allclose(np.diff(lengths, axis=0), np.diff(lengths, axis=0)[:1] * np.ones((4, 1)))
    # Shoemake's formula, for unit vectors.
    p, q = units[0], units[-1]
    w = np.arccos((p * q).sum(axis=1, keepdims=True))
    shoemake = (np.sin(0.7 * w) * p + np.sin(0.3 * w) * q) / np.sin(w)
    np.testing.assert_allclose(metrics.slerp(p, q, 0.3), shoemake, rtol=1e-9)


def test_slerp_where_there_is_no_arc():
    a = normal(3, 2)
    np.testing.assert_allclose(metrics.slerp(a, 2 * a, 0.5), 1.5 * a, rtol=1e-7)
    np.testing.assert_array_equal(metrics.slerp(0 * a, 0 * a, 0.5), 0)
    assert np.isfinite(metrics.slerp(a, -a, 0.5)).all()


def reference_path_length(a, b, t, decode, e):
    """StyleGAN's procedure for straight lines, one path at a time, with percentiles by sorting."""
    values = []
    for x, y, s in zip(a, b, t, strict=True):
        p, q = decode(x + s * (y - x)), decode(x + (s + e) * (y - x))
        values.append(((p - q) ** 2).sum() / e**2)
    ordered = sorted(values)
    n = len(values) - 1
    low, high = ordered[int(np.floor(0.01 * n))], ordered[int(np.ceil(0.99 * n))]
    return np.mean([v for v in values if low <= v <= high])


@pytest.mark.parametrize("sampling", ["full", "end"])
def test_path_length_is_its_definition(sampling):
    a, b, w = normal(250, 3), normal(250, 3, seed=1), normal(3, 5, seed=2)

    def decode(z):
        return np.tanh(z @ w)

    t = np.random.default_rng(4).random((250, 1))[:, 0] * (sampling == "full")
    want = reference_path_length(a, b, t, decode, 1e-4)
    found = metrics.path_length(
        a, b, decode=decode, distance=square, sampling=sampling, seed=4, batch_size=64
    )
    np.testing.assert_allclose(found, want, rtol=1e-6)


def test_path_length_on_arcs():
    a, b = normal(40, 3), normal(40, 3, seed=1)
    a, b = (2 * x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    angles = np.arccos((a * b).sum(axis=1) / 4)
    kept = np.sort((2 * angles) ** 2)[
        :
    ]  # the speed along an arc of radius 2; all of 40 but the extremes count
    found = metrics.path_length(a, b, decode=lambda z: z, distance=square, path="spherical")
    np.testing.assert_allclose(found, kept.mean(), rtol=1e-4)
    line = metrics.path_length(a, b, decode=lambda z: z, distance=square)
    np.testing.assert_allclose(line, square(a, b).mean(), rtol=1e-4)


def test_outliers_are_left_out():
    a, b = np.zeros((200, 1)), np.ones((200, 1))
    b[0], b[1] = 1e3, 0.0
    np.testing.assert_allclose(metrics.path_length(a, b, decode=lambda z: z, distance=square), 1, rtol=1e-6)


def test_codes_keep_their_type():
    seen = set()

    def decode(z):
        seen.add(z.dtype.name)
        return z

    codes = normal(10, 2).astype("float32")
    metrics.path_length(codes, codes + 1, decode=decode, distance=square)
    metrics.rate_of_change(codes, codes + 1, decode=decode, distance=square, path="spherical")
    assert seen == {"float32"}


def test_rate_of_change_is_its_definition():
    a, w = normal(30, 2), normal(2, 4, seed=1)
    b = a + [1.0, 2.0]
    found = metrics.rate_of_change(
        a, b, decode=lambda z: np.tanh(z @ w), distance=square, points=6, batch_size=7
    )
    t = np.linspace(0, 1, 6)
    images = np.tanh((a + t[:, None, None] * (b - a)) @ w)
    steps = np.square(np.diff(images, axis=0)).sum(axis=-1)
    np.testing.assert_allclose(found.median, np.median(steps, axis=1), rtol=1e-9)
    np.testing.assert_allclose(found.low, np.percentile(steps, 5, axis=1), rtol=1e-9)
    np.testing.assert_allclose(found.high, np.percentile(steps, 95, axis=1), rtol=1e-9)
    np.testing.assert_allclose(found.variation, found.median.std() / found.median.mean())


def test_an_even_change():
    a, b = normal(9, 2), normal(9, 2, seed=1)
    found = metrics.rate_of_change(a, b, decode=lambda z: z, distance=square)
    assert found.median.shape == (15,) and found.variation < 1e-9
    assert metrics.rate_of_change(a, b, decode=np.zeros_like, distance=square).variation == 0


def test_attribute_direction():
    codes, present = normal(10, 3).astype("float32"), np.arange(10) < 4
    want = codes[:4].mean(axis=0) - codes[4:].mean(axis=0)
    np.testing.assert_allclose(metrics.attribute_direction(codes, present), want, rtol=1e-5)


# ---------------------------------------------------------------------- likelihoods


def test_negative_log_likelihood():
    codes = normal(50, 3)

    def log_prob(z):
        return -0.5 * (np.square(z).sum(axis=1) + 3 * np.log(2 * np.pi))

    values = -log_prob(codes)
    found = metrics.negative_log_likelihood(codes, log_prob, batch_size=16)
    np.testing.assert_allclose(found, (values.mean(), values.std(), 50))


def test_bits_per_dimension():
    # A fair choice among 256 values for each of 12 numbers: 8 bits, whatever the scale of the density.
    assert metrics.bits_per_dimension(12 * np.log(256), (2, 2, 3), scale=1) == pytest.approx(8)
    assert metrics.bits_per_dimension(0.0, (2, 2, 3)) == 8
    np.testing.assert_allclose(metrics.bits_per_dimension(np.array([0, -12 * np.log(2)]), (2, 2, 3)), [8, 7])


# ---------------------------------------------------------------------- classes


def nearest_mean(x, y):
    means = np.stack([x[y == k].reshape((y == k).sum(), -1).mean(axis=0) for k in range(y.max() + 1)])
    return lambda z: np.linalg.norm(z.reshape(len(z), 1, -1) - means, axis=-1).argmin(axis=1)


def labelled(classes, seed=0, n=120):
    y = np.arange(n) % len(classes)
    y = np.array(classes)[y]
    return normal(n, 2, seed=seed) + 6 * np.stack([np.cos(2 * y), np.sin(2 * y)], axis=1), y


def test_gan_train_sees_what_is_missing_and_gan_test_does_not():
    real, narrow = labelled([0, 1, 2]), labelled([0, 1], seed=1)
    for fit in (None, nearest_mean):
        assert metrics.gan_train(narrow, real, fit=fit) == pytest.approx(2 / 3, abs=0.02)
        assert metrics.gan_test(narrow, real, fit=fit) == pytest.approx(1, abs=0.02)
        assert metrics.gan_train(labelled([0, 1, 2], seed=1), real, fit=fit) > 0.98
    false = narrow[0], 1 - narrow[1]
    assert metrics.gan_test(false, real) < 0.02


def test_who_is_fitted_to_what():
    calls = []

    def fit(x, y):
        calls.append(x.mean())
        return lambda z: calls.append(z.mean()) or np.zeros(len(z), int)

    generated, real = np.full((4, 3, 3, 1), 1), np.full((6, 3, 3, 1), 2)
    sets = (generated, np.array([0, 1, 0, 0])), (real, np.array([0, 1, 1, 1, 1, 0]))
    assert metrics.gan_train(*sets, fit=fit) == pytest.approx(1 / 3)
    assert metrics.gan_test(*sets, fit=fit) == 0.75
    assert calls == [1, 2, 2, 1]


# ---------------------------------------------------------------------- bad input

CODES, LABELS = normal(20, 2), np.arange(20) % 2
PATH = {"decode": lambda z: z, "distance": square}


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: metrics.silhouette(CODES, LABELS[:-1]), "Labels do not fit.*20"),
        (lambda: metrics.silhouette(CODES, LABELS * 0.5), "Labels do not fit"),
        (lambda: metrics.silhouette(CODES, CODES), "argmax"),
        (lambda: metrics.silhouette(CODES, 0 * LABELS), "compares labels.*1 labels"),
        (lambda: metrics.silhouette(CODES, np.arange(20)), "compares labels.*20 labels"),
        (lambda: metrics.silhouette(CODES[:, 0], LABELS), "one row for each sample"),
        (lambda: metrics.tsne(CODES), "perplexity.*perplexity=70"),
        (lambda: metrics.tsne(CODES, perplexity=0), "perplexity"),
        (lambda: metrics.separability(CODES, CODES), "sigmoid"),
        (lambda: metrics.separability(CODES, LABELS), "truth values"),
        (lambda: metrics.separability(CODES, np.full(19, 0.5)), r"\(20, attributes\)"),
        (lambda: metrics.separability(CODES, np.full(20, np.nan)), r"floats in \[0, 1\]"),
        (lambda: metrics.separability(CODES, np.full(20, 0.5), keep=0.05), "Too few samples"),
        (lambda: metrics.separability(CODES, np.full(20, 0.5), keep=2), "0 < keep <= 1"),
        (lambda: metrics.path_length(CODES, CODES[:3], **PATH), "start and an end"),
        (lambda: metrics.path_length(CODES, CODES * np.nan, **PATH), "NaN or infinite.*ends"),
        (lambda: metrics.path_length(CODES, CODES, **PATH, path="curved"), "Unknown path.*'linear'"),
        (lambda: metrics.path_length(CODES, CODES, **PATH, sampling="start"), "Unknown sampling.*'end'"),
        (lambda: metrics.path_length(CODES, CODES, **PATH, epsilon=0), "epsilon"),
        (lambda: metrics.path_length(CODES, CODES, **PATH, batch_size=0), "batch_size"),
        (
            lambda: metrics.path_length(CODES, CODES, decode=PATH["decode"], distance=lambda x, y: x - y),
            "does not give distances.*20 pairs",
        ),
        (
            lambda: metrics.rate_of_change(
                CODES, CODES, decode=PATH["decode"], distance=lambda x, y: np.full(len(x), np.nan)
            ),
            "does not give distances",
        ),
        (lambda: metrics.rate_of_change(CODES, CODES, **PATH, points=1), "points"),
        (lambda: metrics.attribute_direction(CODES, LABELS == 3), "needs codes with the attribute"),
        (lambda: metrics.attribute_direction(CODES, LABELS), "truth values"),
        (lambda: metrics.negative_log_likelihood(CODES, lambda z: z), "log densities.*20 codes"),
        (lambda: metrics.negative_log_likelihood(CODES, lambda z: z[:, 0] - np.inf), "log densities"),
        (lambda: metrics.negative_log_likelihood(CODES[:0], lambda z: z[:, 0]), "too few samples.*1 or more"),
        (lambda: metrics.bits_per_dimension(1.0, (2, 2, 3), scale=0), "scale"),
        (lambda: metrics.bits_per_dimension(1.0, (2, 0, 3)), "image_shape"),
        (lambda: metrics.gan_train(CODES, (CODES, LABELS)), "pair.*generated"),
        (lambda: metrics.gan_train((CODES, 0 * LABELS), (CODES, LABELS)), "needs classes.*generated"),
        (lambda: metrics.gan_test((CODES, LABELS), (CODES, 0 * LABELS)), "needs classes.*real"),
        (lambda: metrics.gan_test((CODES, LABELS[:3]), (CODES, LABELS)), "labels of generated"),
        (lambda: metrics.gan_train((CODES, LABELS), (normal(20, 3), LABELS)), "do not go together"),
        (lambda: metrics.gan_train((normal(4, 2, 2, 1), LABELS[:4]), (CODES, LABELS)), "Images are not"),
        (
            lambda: metrics.gan_train((CODES, LABELS), (CODES, LABELS), fit=lambda x, y: lambda z: z),
            "predicted labels.*argmax",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
