"""What evaluation costs beside what it cannot do without; run as in test_speed.py."""

import json
import subprocess
import sys

import numpy as np
import pytest
from test_speed import paired, report

import latentzoo
from latentzoo import extractors

pytestmark = pytest.mark.benchmark


def test_the_distance_of_ten_thousand_samples(benchmark):
    model, network = latentzoo.load("glf-mnist"), extractors.load("classifier-mnist")

    def predicted():
        images = np.concatenate([model.sample(1000, seed=i) for i in range(10)])
        network.model.network.predict(images, batch_size=256, verbose=0)

    options = {"metrics": ["distance"], "network": "classifier-mnist", "draws": 1}
    rivals = {"evaluate": lambda: samples_alone(model, options), "sample and predict": predicted}
    rivals["evaluate"](), predicted()
    found = paired(3, **rivals)
    report(benchmark, "Frechet distance of 10,000 samples of 28 x 28", found)
    print(f"{found['evaluate'] / found['sample and predict']:.2f} times sampling and network.predict")


def samples_alone(model, options):
    """Only the distance of samples: the pictures that the others need are kept out of sight."""
    from latentzoo import data

    def nowhere(*arguments, **others):
        raise FileNotFoundError("not wanted here")

    arrays, data.arrays = data.arrays, nowhere
    try:
        latentzoo.evaluate(model, **options)
    finally:
        data.arrays = arrays


PROGRAM = """
import json, re, sys
import latentzoo, keras, tensorflow, tensorflow_probability, sklearn.cluster
status = lambda: open('/proc/self/status').read()
peak = lambda: int(re.search(r'VmHWM:\\s*(\\d+)', status())[1]) / 1024
before = peak()
samples = int(sys.argv[2])
found = latentzoo.evaluate(sys.argv[1], metrics=["distance", "precision_recall"], samples=samples, draws=1)
print(json.dumps([peak() - before, found.records[0]["generated"]]))
"""


@pytest.mark.parametrize("name", ["glf-mnist", "glf-celeba"])
def test_memory_of_fifty_thousand(benchmark, name):
    command = [sys.executable, "-c", PROGRAM, name, "50000"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    grown, generated = json.loads(done.stdout)
    print(f"\n{name}: {generated} samples, peak {grown:.0f} MiB above the imports")
    benchmark.pedantic(lambda: None)
