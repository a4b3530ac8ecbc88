"""What pulling and loading cost beside what they cannot do without; run as in test_speed.py.

The Hub is the loopback one of the tests, so that no network is measured.
"""

import shutil
import sys
from pathlib import Path

import huggingface_hub
import pytest
from test_speed import paired, report

import latentzoo
from latentzoo import hub

sys.path.insert(0, str(Path(__file__).parents[1]))
from loopback import Hub  # noqa: E402 (of the tests beside)

pytestmark = pytest.mark.benchmark
REPO = "me/large"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint of 137 MB in two shards."""
    path = tmp_path_factory.mktemp("large") / "large"
    latentzoo.load("glf-celeba").save_pretrained(path, "float16")
    return path


@pytest.fixture
def server(folder, monkeypatch):
    with Hub() as loopback:
        monkeypatch.setenv("HF_ENDPOINT", loopback.endpoint)
        loopback.create(REPO, files={path.name: path.read_bytes() for path in folder.iterdir()})
        yield loopback


def test_pull(benchmark, server, folder, tmp_path):
    def fresh(fetch):
        def run():
            shutil.rmtree(tmp_path / "cache", ignore_errors=True)
            fetch(tmp_path / "cache")

        return run

    rivals = {
        "pull": fresh(lambda cache: hub.pull(REPO, cache_dir=cache)),
        "snapshot_download": fresh(
            lambda cache: huggingface_hub.snapshot_download(REPO, cache_dir=cache, endpoint=server.endpoint)
        ),
    }
    found = paired(9, **rivals)
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    report(benchmark, f"pulling {size:.0f} MB, hashes checked", found)
    rate = found["snapshot_download"] / found["pull"]
    print(f"{size / found['pull']:.0f} MB/s, {rate:.2f} of snapshot_download's")


def test_load_from_a_warm_cache(benchmark, server, folder, tmp_path):
    hub.pull(REPO, cache_dir=tmp_path)
    rivals = {
        "cache": lambda: latentzoo.load(REPO, cache_dir=tmp_path),
        "folder": lambda: latentzoo.load(folder),
    }
    rivals["folder"]()
    found = paired(9, **rivals)
    report(benchmark, "loading 137 MB", found)
    print(f"from the cache {found['cache'] / found['folder']:.3f} times from the folder")
