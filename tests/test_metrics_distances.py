"""Distances of sets of features against other libraries, formulae and plain NumPy.

Values of other libraries were computed once, on the arrays below, with pytorch-fid 0.3.0, clean-fid 0.1.35
and torch-fidelity 0.4.0 (PyTorch 2.14.1, SciPy 1.17.1, NumPy 2.4.6):

    moments = lambda x: (x.astype("f8").mean(0), np.cov(x.astype("f8"), rowvar=False))
    pytorch_fid.fid_score.calculate_frechet_distance(*moments(generated), *moments(real))
    cleanfid.fid.frechet_distance(*moments(generated), *moments(real))
    cleanfid.fid.kernel_distance(generated.astype("f8"), real.astype("f8"), 3, 300)
    g, r = torch.from_numpy(generated), torch.from_numpy(real)
    fid_statistics_to_metric(*map(fid_features_to_statistics, (g, r)), False)
    kid_features_to_metric(g.double(), r.double(), kid_subsets=3, kid_subset_size=300, verbose=False)
    kid_features_to_metric(g.double(), r.double(), kid_subsets=20000, kid_subset_size=50, verbose=False)
    isc_features_to_metric(torch.from_numpy(logits), splits=7, shuffle=False)

Those of the authors of precision and recall and of the Inception score are of their formulae, run on the
arrays of the tests, with scikit-learn 1.9.1.
"""

import warnings

import numpy as np
import pytest
import scipy.linalg

from latentzoo import metrics
from latentzoo.metrics.frechet import trace_of_root
from latentzoo.metrics.precision_recall import curve

RNG = np.random.RandomState(0)  # whose stream NumPy keeps
MIX = RNG.normal(size=(16, 16))
GENERATED = (RNG.normal(size=(300, 16)) @ MIX).astype("float32")
REAL = (RNG.normal(size=(300, 16)) @ MIX * 1.3 + 0.5).astype("float32")
LOGITS = 3 * RNG.normal(size=(300, 12))
P = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def by_factors(a, b):
    """The Frechet distance without any root: with `C = X^T X` it needs the singular values of `X Y^T`.

    Exact where covariances are singular, which a root of their product is not.
    """
    first, second = ((x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (a, b))
    root = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    return np.square(a.mean(0) - b.mean(0)).sum() + (first**2).sum() + (second**2).sum() - 2 * root


# ---------------------------------------------------------------------- the Frechet distance


@pytest.mark.parametrize(
    "theirs", [38.84370832512195, 38.84370832512195, 38.843708482122906], ids=["pytorch", "clean", "fidelity"]
)
def test_frechet_distance_of_other_libraries(theirs):
    np.testing.assert_allclose(metrics.frechet_distance(GENERATED, REAL), theirs, rtol=1e-7)
    np.testing.assert_allclose(metrics.frechet_distance(REAL, GENERATED), theirs, rtol=1e-7)


def test_few_samples_agree_too():
    with pytest.warns(metrics.FewSamples, match="`generated` has no more samples than features"):
        found = metrics.frechet_distance(GENERATED[:10], REAL)
    np.testing.assert_allclose(found, 153.48537954141955, rtol=1e-5)  # pytorch-fid, whose root is singular


def test_gaussians_with_a_known_distance():
    rng = np.random.default_rng(3)
    rotation = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    a, b = rng.uniform(0.1, 4, (2, 6))
    shift = rng.normal(size=6)
    first = metrics.Moments.known(shift, rotation * a @ rotation.T)
    second = metrics.Moments.known(np.zeros(6), rotation * b @ rotation.T)
    want = shift @ shift + np.square(np.sqrt(a) - np.sqrt(b)).sum()  # the covariances commute
    np.testing.assert_allclose(metrics.frechet_distance(first, second), want, rtol=1e-12)


@pytest.mark.parametrize("decay", [0, 1, 2])
def test_the_trace_without_the_root(decay):
    scale = np.arange(1, 65) ** -float(decay)
    a, b = (metrics.Moments.of(normal(500, 64, seed=i) * scale @ normal(64, 64, seed=9)) for i in (0, 1))
    want = np.trace(scipy.linalg.sqrtm(a.covariance @ b.covariance)).real
    np.testing.assert_allclose(trace_of_root(a, b), want, rtol=1e-6)


@pytest.mark.parametrize("n, m", [(2, 2), (2, 200), (20, 30), (64, 200)])
def test_singular_covariances(n, m):
    a, b = normal(n, 64), 1.5 * normal(m, 64, seed=1)
    with pytest.warns(metrics.FewSamples):
        found = [metrics.frechet_distance(a, b), metrics.frechet_distance(b, a)]
    np.testing.assert_allclose(found, by_factors(a, b), rtol=1e-7)


def test_features_that_depend_on_each_other():
    a, b = normal(300, 8) @ normal(8, 24, seed=2), normal(300, 8, seed=1) @ normal(8, 24, seed=2)
    a[:, -1] = b[:, -1] = 0.0  # a feature that is never on
    np.testing.assert_allclose(metrics.frechet_distance(a, b), by_factors(a, b), rtol=1e-6)


@pytest.mark.parametrize("n, width", [(200, 16), (40, 64), (2, 3), (500, 1)])
def test_identical_sets(n, width):
    x = 100 * normal(n, width) + 1e3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", metrics.FewSamples)
        assert metrics.frechet_distance(x, x) == 0
        assert metrics.frechet_distance(x, x.copy()[::-1]) < 1e-15 * np.square(x).sum()
        # A small distance of means does not drown in the rounding of covariances.
        np.testing.assert_allclose(metrics.frechet_distance(x, x + 1e-3), width * 1e-6, rtol=1e-6)


@pytest.mark.parametrize("decay", [0, 0.5, 1])
@pytest.mark.parametrize("n, m, tolerance", [(16, 16, 1 / 3), (32, 1000, 1 / 3), (300, 400, 0.15)])
def test_the_bias_is_about_what_simulation_finds(decay, n, m, tolerance):
    scale = np.arange(1, 65) ** -float(decay)
    found, told = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", metrics.FewSamples)
        for seed in range(20):
            sets = normal(n, 64, seed=seed) * scale, normal(m, 64, seed=seed + 1000) * scale
            found.append(metrics.frechet_distance(*sets))
            told.append(metrics.frechet_bias(*sets))
    np.testing.assert_allclose(np.mean(told), np.mean(found), rtol=tolerance)


def test_the_warning_quotes_the_bias():
    sets = normal(20, 32), normal(100, 32, seed=1)
    with pytest.warns(metrics.FewSamples) as caught:
        metrics.frechet_distance(*sets)
    bias = metrics.frechet_bias(*sets)
    assert f"from one distribution would be about {bias:.3g} apart" in str(caught[0].message)
    assert caught[0].filename == __file__
    known = metrics.Moments.known(np.zeros(2), np.eye(2))
    assert metrics.frechet_bias(known, known) == 0


def test_enough_samples_do_not_warn():
    metrics.frechet_distance(normal(33, 32), normal(33, 32, seed=1))  # warnings are errors here


# ---------------------------------------------------------------------- moments


@pytest.mark.parametrize("sizes", [[1] * 7, [3, 1, 0, 96], [2000], [1500, 2, 700]])
def test_batches_add_up(sizes):
    x = normal(sum(sizes), 5) @ normal(5, 5, seed=1)
    parts = [p for p in np.split(x, np.cumsum(sizes)[:-1]) if len(p)]
    streamed = metrics.Moments.of(iter(parts))
    merged = sum([metrics.Moments.of(p) for p in parts], metrics.Moments())
    for found in (streamed, merged, metrics.Moments.of(x), metrics.Moments.of(x.tolist())):
        assert found.count == len(x) and found.width == 5
        np.testing.assert_allclose(found.mean, x.mean(axis=0), rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(found.covariance, np.cov(x, rowvar=False), rtol=1e-11, atol=1e-12)


def test_merging_leaves_the_parts_alone():
    a, b = metrics.Moments.of(normal(10, 3)), metrics.Moments.of(normal(10, 3, seed=1))
    before = a.mean.copy(), a.covariance.copy()
    total = a + b
    total.update(normal(10, 3, seed=2))
    a + metrics.Moments()
    np.testing.assert_array_equal(a.mean, before[0])
    np.testing.assert_array_equal(a.covariance, before[1])
    assert (a.count, total.count) == (10, 30)


def test_large_means_cost_no_digits():
    x = normal(4000, 3)
    batches = (1e8 + x[i : i + 100] for i in range(0, len(x), 100))
    np.testing.assert_allclose(metrics.Moments.of(batches).covariance, np.cov(x, rowvar=False), atol=1e-6)


def test_float32_features_are_summed_in_float64():
    x = (1e3 + normal(5000, 4)).astype("float32")
    np.testing.assert_allclose(
        metrics.Moments.of(x).covariance, np.cov(x.astype("float64"), rowvar=False), rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("count", [50, np.inf])
def test_saved_moments(tmp_path, count):
    moments = metrics.Moments.known(np.arange(3.0), np.diag([1.0, 2, 3]), count)
    for _ in range(2):  # an old file gives way
        moments.save(tmp_path / "moments.safetensors")
    assert [p.name for p in tmp_path.iterdir()] == ["moments.safetensors"]
    found = metrics.Moments.load(tmp_path / "moments.safetensors")
    assert found.count == count
    np.testing.assert_array_equal(found.mean, moments.mean)
    np.testing.assert_array_equal(found.covariance, moments.covariance)


def test_statistics_of_pytorch_fid(tmp_path):
    np.savez(tmp_path / "cifar10.npz", mu=np.arange(3.0), sigma=2 * np.eye(3))
    found = metrics.Moments.load(str(tmp_path / "cifar10.npz"))
    assert found.count == np.inf
    np.testing.assert_array_equal(found.covariance, 2 * np.eye(3))


def damage(path, kind):
    metrics.Moments.of(normal(9, 3)).save(path)
    data = path.read_bytes()
    if kind == "cut":
        path.write_bytes(data[:-8])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "other":
        from safetensors.numpy import save_file

        save_file({"kernel": np.zeros((2, 2))}, path)
    elif kind == "not finite":
        path.write_bytes(data[:-8] + np.float64("nan").tobytes())
    elif kind == "pickle":
        with open(path, "wb") as file:
            np.savez(file, mu=np.array([{}], dtype=object), sigma=np.zeros((1, 1)))


@pytest.mark.parametrize(
    "kind, name",
    [(k, "a.safetensors") for k in ("cut", "empty", "other", "not finite")]
    + [("empty", "a.npz"), ("cut", "a.npz"), ("pickle", "a.npz")],
)
def test_damaged_moments(tmp_path, kind, name):
    damage(tmp_path / name, kind)
    with pytest.raises(ValueError, match=f"The file does not hold moments.*{name}"):
        metrics.Moments.load(tmp_path / name)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.safetensors"):
        metrics.Moments.load(tmp_path / "nothing.safetensors")


# ---------------------------------------------------------------------- the kernel distance


def naive_kid(x, y):
    """The definition in Python, pair by pair."""
    d = x.shape[1]

    def k(a, b):
        return (float(a @ b) / d + 1) ** 3

    within = [
        np.mean([k(s[i], s[j]) for i in range(len(s)) for j in range(len(s)) if i != j]) for s in (x, y)
    ]
    return sum(within) - 2 * np.mean([k(a, b) for a in x for b in y])


def test_kernel_distance_of_other_libraries():
    whole = metrics.kernel_distance(GENERATED, REAL, block_size=300)
    np.testing.assert_allclose(whole.mean, [190.01951840992646, 190.0195184099264], rtol=1e-9)
    assert whole.count == 1 and whole.deviation == 0
    drawn = metrics.kernel_distance(GENERATED, REAL, block_size=300, blocks=3)
    np.testing.assert_allclose(drawn.mean, 190.01951840992646, rtol=1e-9)
    # Their 20,000 blocks of 50 are others, from another generator: what remains is chance, 223 / sqrt(n).
    many = metrics.kernel_distance(GENERATED, REAL, block_size=50, blocks=5000)
    np.testing.assert_allclose([many.mean, many.deviation], [191.16, 223.64], rtol=0.07)


@pytest.mark.parametrize("n, m", [(9, 9), (12, 7)])
def test_kernel_distance_is_its_definition(n, m):
    x, y = normal(n, 4), normal(m, 4, seed=1) + 1
    np.testing.assert_allclose(metrics.kernel_distance(x, y).mean, naive_kid(x, y), rtol=1e-12)


def test_blocks_share_no_samples():
    x, y = normal(23, 4), normal(12, 4, seed=1) + 1
    found = metrics.kernel_distance(x, y, block_size=8, seed=5)
    rng = np.random.default_rng(5)
    a, b = np.array_split(rng.permutation(23), 3), np.array_split(rng.permutation(12), 3)
    want = [naive_kid(x[i], y[j]) for i, j in zip(a, b, strict=True)]
    np.testing.assert_allclose(found[:2], [np.mean(want), np.std(want)], rtol=1e-10)
    assert found.count == 3
    assert metrics.kernel_distance(x, y, block_size=8, seed=6).mean != found.mean
    assert metrics.kernel_distance(normal(50, 2), y[:5, :2], block_size=4).count == 2  # two rows at least


def test_kernel_distance_has_no_bias():
    x = normal(20_000, 4)
    found = metrics.kernel_distance(x[:10_000], x[10_000:], block_size=20)
    assert found.count == 500
    assert abs(found.mean) < 3 * found.standard_error
    biased = metrics.kernel_distance(x[:10_000], x[10_000:] + 0.5, block_size=20)
    assert biased.mean > 3 * biased.standard_error


# ---------------------------------------------------------------------- the Inception score


def test_inception_score_of_others():
    found = metrics.inception_score(P, splits=7)  # 300 does not divide by 7
    np.testing.assert_allclose(
        found[:2], [4.219941842146976, 0.12644049775784436], rtol=1e-7
    )  # torch-fidelity
    np.testing.assert_allclose(found[:2], [4.219941842146977, 0.1264404977578441], rtol=1e-9)  # openai
    assert found.count == 7


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_extreme_inception_scores(dtype):
    sure = np.eye(10, dtype=dtype)[np.arange(100) % 10]  # zeros, whose logarithm is nobody's
    np.testing.assert_allclose(metrics.inception_score(sure, splits=2)[:2], [10, 0], atol=1e-6)
    np.testing.assert_allclose(
        metrics.inception_score(np.full((20, 4), 0.25, dtype), 2)[:2], [1, 0], atol=1e-6
    )


# ---------------------------------------------------------------------- precision and recall


def clusters_of_points():
    rng = np.random.RandomState(1)
    centres = 20 * rng.normal(size=(5, 8))
    real = centres[rng.choice(5, 400, p=[0.1, 0.2, 0.3, 0.3, 0.1])] + rng.normal(size=(400, 8))
    generated = centres[rng.choice(5, 400, p=[0.4, 0.3, 0.2, 0.1, 0])] + rng.normal(size=(400, 8))
    return generated.astype("float32"), real.astype("float32")


def test_precision_and_recall_of_the_authors():
    found = metrics.precision_recall(*clusters_of_points(), clusters=5, runs=3)
    np.testing.assert_allclose([found.f8, found.f1_8], [0.8511772409835278, 0.9626131217318858], rtol=1e-6)
    rows = [1, 250, 500, 750, 999]
    precision = [0.00137445, 0.34463726, 0.6225, 0.88745689, 1.0]
    recall = [0.875, 0.83202796, 0.6225, 0.36759668, 0.0015708]
    np.testing.assert_allclose(found.precision[rows], precision, rtol=1e-4)
    np.testing.assert_allclose(found.recall[rows], recall, rtol=1e-4)


def test_the_curve_is_its_definition():
    p, q = np.array([0.5, 0.3, 0.2, 0.0]), np.array([0.1, 0.2, 0.3, 0.4])
    precision, recall = curve(p, q, 101)
    for i in range(101):
        slope = np.tan(1e-10 + i / 100 * (np.pi / 2 - 2e-10))
        share = sum(min(slope * b, a) for a, b in zip(p, q, strict=True))
        np.testing.assert_allclose([precision[i], recall[i]], [share, share / slope], rtol=1e-5)


def test_precision_is_not_recall():
    all_modes = normal(90, 2) + 50 * np.stack([np.arange(90) % 3, np.arange(90) % 2], axis=1)
    one_mode = normal(90, 2, seed=1)
    found = metrics.precision_recall(one_mode, all_modes, clusters=6, runs=2)
    assert found.f1_8 > 0.85 and found.f8 < 0.25
    back = metrics.precision_recall(all_modes, one_mode, clusters=6, runs=2)
    np.testing.assert_allclose([back.f8, back.f1_8], [found.f1_8, found.f8], atol=0.02)


def test_same_seed_same_curve():
    x, y = normal(60, 3), normal(60, 3, seed=1)
    first, again, other = (metrics.precision_recall(x, y, clusters=6, runs=2, seed=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(first.precision, again.precision)
    assert (first.precision != other.precision).any()
    np.testing.assert_allclose(metrics.precision_recall(x, x, clusters=6, runs=2)[:2], [1, 1], atol=1e-6)


# ---------------------------------------------------------------------- bad features

GOOD = normal(40, 4)
PAIRS = {
    "frechet_distance": metrics.frechet_distance,
    "frechet_bias": metrics.frechet_bias,
    "kernel_distance": metrics.kernel_distance,
    "precision_recall": metrics.precision_recall,
}


def with_one(value):
    x = GOOD.copy()
    x[7, 2] = value
    return x


BAD = {
    "NaN": (with_one(np.nan), "NaN or infinite.*generated with 1 of 40 rows that are not, the first at 7"),
    "infinite": (with_one(-np.inf), "NaN or infinite"),
    "one axis": (GOOD[:, 0], r"one row for each sample.*\(n, width\).*x\[:, None\]"),
    "no axis": (np.float64(3), "one row for each sample"),
    "images": (normal(3, 8, 8, 3), "one row for each sample.*Images are not features"),
    "no width": (GOOD[:, :0], "one row for each sample"),
    "empty": (GOOD[:0], "too few samples.*2 or more"),
    "one sample": (GOOD[:1], "too few samples.*2 or more"),
    "wide": (normal(40, 5), "different features.*generated with 5 features, real with 4"),
    "pixels": (np.full((40, 4), 200, "uint8"), "another type.*uint8.*Pixels are not features"),
    "integers": (np.arange(160).reshape(40, 4), "another type.*int64"),
    "complex": (GOOD + 0j, "another type"),
    "words": (np.full((40, 4), "a"), "another type"),
}


@pytest.mark.parametrize("measure", PAIRS)
@pytest.mark.parametrize("kind", BAD)
def test_bad_features(measure, kind):
    x, message = BAD[kind]
    with pytest.raises(ValueError, match=message):
        PAIRS[measure](x, GOOD)
    with pytest.raises(ValueError, match="Expected: .* Received: "):
        PAIRS[measure](GOOD, x)


@pytest.mark.parametrize("measure", ["frechet_distance", "kernel_distance", "precision_recall"])
def test_constant_features(measure):
    for sets, name in (((np.ones((40, 4)), GOOD), "generated"), ((GOOD, np.ones((40, 4))), "real")):
        with pytest.warns(metrics.ConstantFeatures, match=f"All samples of `{name}`") as caught:
            found = PAIRS[measure](*sets)
        assert caught[0].filename == __file__
        assert np.isfinite(found if measure == "frechet_distance" else found[:2]).all()


@pytest.mark.parametrize("measure", PAIRS)
def test_types_of_features(measure):
    import tensorflow as tf

    whole = PAIRS[measure](GOOD, normal(40, 4, seed=1))
    for dtype, tolerance in (("float32", 1e-4), ("float16", 0.05), ("bfloat16", 0.3)):
        x = tf.cast(GOOD, dtype)
        found = PAIRS[measure](x, normal(40, 4, seed=1))
        first = [value if isinstance(value, float) else value[0] for value in (found, whole)]
        np.testing.assert_allclose(*first, rtol=tolerance)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: metrics.kernel_distance(GOOD, GOOD, block_size=1), "block_size.*integer >= 2"),
        (lambda: metrics.kernel_distance(GOOD, GOOD, blocks=0), "blocks.*integer >= 1"),
        (lambda: metrics.kernel_distance(GOOD, GOOD[:9], block_size=10, blocks=2), "larger than a set.*<= 9"),
        (lambda: metrics.precision_recall(GOOD, GOOD[:30]), "different sizes.*Take 30 of each"),
        (lambda: metrics.precision_recall(GOOD, GOOD, clusters=81), "too few samples.*81 or more"),
        (lambda: metrics.precision_recall(GOOD, GOOD, angles=2), "angles.*>= 3"),
        (lambda: metrics.inception_score(P, splits=301), "too few samples.*301 or more"),
        (lambda: metrics.inception_score(LOGITS), "not probabilities.*softmax"),
        (lambda: metrics.inception_score(P[:, :-1]), "not probabilities"),
        (lambda: metrics.inception_score(np.eye(12, dtype=int)), "another type"),
        (lambda: metrics.Moments().covariance, "needs samples.*2 or more"),
        (lambda: metrics.Moments.of(GOOD[:1]).covariance, "needs samples.*count=1"),
        (lambda: metrics.Moments.of(GOOD).update(normal(3, 5)), "other features.*width 4.*width 5"),
        (lambda: metrics.Moments.of(GOOD) + metrics.Moments.of(normal(3, 5)), "other features"),
        (lambda: metrics.Moments.known(np.zeros(4), np.eye(4)).update(GOOD), "takes no samples in"),
        (lambda: metrics.Moments.known(np.zeros(4), np.eye(3)), "not moments"),
        (lambda: metrics.Moments.known(np.zeros(2), [[1.0, 2.0], [0.0, 1.0]]), "symmetric"),
        (lambda: metrics.Moments.known(np.zeros(2), np.diag([1.0, -1.0])), "negative variances"),
        (lambda: metrics.Moments.known(np.zeros(2), np.eye(2), 0), "count >= 1"),
        (lambda: metrics.frechet_distance(iter([]), GOOD), "too few samples.*generated=Moments"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
