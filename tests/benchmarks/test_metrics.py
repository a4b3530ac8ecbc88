"""Figures of the metrics, not tests: nothing here passes or fails by the clock.

    python -m pytest tests/benchmarks/test_metrics.py -m benchmark --benchmark-enable -s

2048 features, as many as Inception has; deviations that fall as i^-decay, or not at all.
"""

import subprocess
import sys

import numpy as np
import pytest
import scipy.linalg
from test_speed import paired, report

from latentzoo import metrics
from latentzoo.metrics.frechet import trace_of_root

pytestmark = pytest.mark.benchmark
WIDTH = 2048


def features(n, seed, decay=1):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, WIDTH), dtype="float32")
    turned = x @ np.random.default_rng(99).standard_normal((WIDTH, WIDTH), dtype="float32") / WIDTH**0.5
    return turned * np.arange(1, WIDTH + 1, dtype="float32") ** -decay + np.float32(0.5)


@pytest.mark.parametrize("n, decay", [(5_000, 1), (5_000, 0), (1_000, 1)])
def test_the_root(benchmark, n, decay):
    a, b = (metrics.Moments.of(features(n, seed, decay)) for seed in (0, 1))
    product = a.covariance @ b.covariance
    values = {}

    def ours():
        values["ours"] = trace_of_root(a, b)

    def sqrtm():
        values["sqrtm"] = np.trace(scipy.linalg.sqrtm(product)).real

    found = paired(3, ours=ours, sqrtm=sqrtm)
    report(benchmark, f"trace of the root, {WIDTH} wide, {n} samples, decay {decay}", found)
    print(f"relative difference {abs(values['ours'] / values['sqrtm'] - 1):.1e}")


def test_the_whole_distance(benchmark):
    x, y = features(5_000, 0), features(5_000, 1)

    def textbook():
        first, second = (np.cov(z.astype("float64"), rowvar=False) for z in (x, y))
        root = scipy.linalg.sqrtm(first @ second).real
        return np.square(x.mean(0) - y.mean(0)).sum() + np.trace(first + second - 2 * root)

    found = paired(1, ours=lambda: metrics.frechet_distance(x, y), textbook=textbook)
    report(benchmark, "Frechet distance of 5,000 and 5,000 samples", found)


@pytest.mark.parametrize("way", ["moments", "metric"])
def test_memory_of_many_features(benchmark, way):
    program = (
        "import re, sys, time\n"
        "import numpy as np\n"
        "from latentzoo import metrics\n"
        "n, way = int(sys.argv[1]), sys.argv[2]\n"
        "status = lambda: open('/proc/self/status').read()\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s*(\\d+)', status())[1]) / 1024\n"
        "rng = np.random.default_rng(0)\n"
        "draw = lambda: rng.standard_normal((250, 2048), dtype='float32')\n"
        "real = metrics.Moments.known(np.zeros(2048), np.eye(2048))\n"
        "metric = metrics.FrechetDistance(real) if way == 'metric' else None\n"
        "start, before = time.perf_counter(), peak()\n"
        "if metric is None:\n"
        "    found = metrics.Moments.of(draw() for _ in range(n // 250))\n"
        "else:\n"
        "    for _ in range(n // 250): metric.update_state(draw())\n"
        "middle = time.perf_counter()\n"
        "metric.result() if metric else metrics.frechet_distance(found, real)\n"
        "print(peak() - before, middle - start, time.perf_counter() - middle)\n"
    )
    for n in (5_000, 50_000):
        done = subprocess.run([sys.executable, "-c", program, str(n), way], capture_output=True, text=True)
        grown, seconds, distance = map(float, done.stdout.split())
        print(
            f"\n{way}, {n} samples: peak {grown:.0f} MB above the imports (the features alone are "
            f"{n * WIDTH * 4 / 2**20:.0f} MB), {seconds:.1f} s to take them in, {distance:.1f} s to compare"
        )
    benchmark.pedantic(lambda: None)


def test_kernel_distance_of_ten_thousand(benchmark):
    x, y = features(10_000, 0), features(10_000, 1)
    found = paired(1, blocks=lambda: metrics.kernel_distance(x, y))
    report(benchmark, "kernel distance, 10 blocks of 1,000", found)
