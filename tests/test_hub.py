"""Push and pull against a Hub of our own, with everything that goes wrong on the way.

`tests/loopback.py` is that Hub: the real client talks to it over HTTP.
"""

import contextlib
import errno
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import huggingface_hub
import keras
import numpy as np
import pytest
from huggingface_hub import constants, file_download
from loopback import Hub

import latentzoo
from latentzoo import cards, cli, golden, hub, storage, zoo
from latentzoo.hub import cache, place
from latentzoo.models import GLF, Autoencoder, Classifier

REPO = "me/my-glf"


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A Hub, a user who is logged in, and a cold cache."""
    with Hub() as loopback:
        monkeypatch.setenv("HF_ENDPOINT", loopback.endpoint)
        monkeypatch.setenv("HF_TOKEN", "token-of-me")
        # As if that had been set before the client was imported.
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, loopback.endpoint)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "ENDPOINT", loopback.endpoint)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        yield loopback


@pytest.fixture
def hurry(monkeypatch):
    """Retries of the client wait no longer than a moment."""
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.01)))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((32, 8, 8, 1), "float32")


def fitted(images):
    model = GLF((8, 8, 1), latent_dim=4)
    model.compile()
    model.fit(images, epochs=1, verbose=0)
    return model


@pytest.fixture(scope="module")
def trained(images):
    return fitted(images)


@pytest.fixture(scope="module")
def learner(images):
    """A model that goes on learning from test to test: compiling it takes most of the time."""
    return fitted(images)


@pytest.fixture(scope="module")
def folder(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("hub") / "my-glf"
    trained.save_pretrained(path, "float16")
    return path


@pytest.fixture
def published(server, folder):
    """The commit of a checkpoint that is on the Hub."""
    return server.create(REPO, files=contents(folder))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def samples(model):
    return model.sample(2, seed=0)


@contextlib.contextmanager
def refused(kind, *said):
    """Context in which one clear error comes, that names what was asked for, and no transport's own."""
    with pytest.raises(kind) as caught:
        yield
    message = str(caught.value)
    assert type(caught.value).__module__ == "builtins"
    assert re.fullmatch(r".+[.] Expected: .+[.] Received: .+[.]", message) and len(message) < 900, message
    for part in said:
        assert part in message, message


def whole(folder):
    """Whether every file in a cache is the one its name says; what is kept to go on from has another name."""
    blobs = [path for path in pathlib.Path(folder).glob("*/blobs/*") if path.suffix != ".incomplete"]
    return all(cache.blob_hash(path, path.name) == path.name for path in blobs)


# ---------------------------------------------------------------------- places


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("me/glf", ("me/glf", "", "main")),
        ("hf://me/glf", ("me/glf", "", "main")),
        ("me/glf@v1.0", ("me/glf", "", "v1.0")),
        ("hf://me/glf@refs/pr/3", ("me/glf", "", "refs/pr/3")),
        ("me/glf/a/b", ("me/glf", "a/b", "main")),
        ("me/glf/a@v1", ("me/glf", "a", "v1")),
        ("me/glf@v1/a", ("me/glf", "a", "v1")),
        ("me/g_l.f-2", ("me/g_l.f-2", "", "main")),
    ],
)
def test_places(text, wanted):
    found = place.parse(text)
    assert (found.repo, found.folder, found.revision) == wanted
    assert place.parse(str(found)) == found


def test_places_that_are_none():
    for text in [
        "glf-fashion",
        "./a/b",
        "/a/b",
        "a/..",
        "../a",
        "a/.b",
        "a//b",
        "a/b/../c",
        "a/b@",
        "a b/c",
        "a/b\n",
        "",
    ]:
        assert place.parse(text) is None
    for text in [
        "hf://",
        "hf://glf",
        "hf://me/glf@",
        "hf://me/../x",
        "hf://me/glf/a@v1/b",
        "hf://me/glf@a b",
    ]:
        with refused(ValueError, "no place on the Hub", repr(text)):
            latentzoo.load(text)
    with refused(ValueError, "two revisions", "'v2'"):
        latentzoo.load("me/glf@v1", revision="v2")
    with refused(ValueError, "A folder has no revisions", "'main'"):
        latentzoo.load(str(zoo.CHECKPOINTS), revision="main")


# ---------------------------------------------------------------------- the whole way


def test_as_a_user_types_it(server, trained, images, tmp_path):
    url = trained.push_to_hub(REPO, tag="v1")
    assert url == f"{server.endpoint}/{REPO}/commit/{server.commits(REPO)[0].oid}"

    model = latentzoo.load(REPO)
    np.testing.assert_array_equal(samples(model), samples(trained))
    model.fit(images, epochs=1, verbose=0)
    model.push_to_hub(REPO, commit_message="Fine-tune")
    assert server.commits(REPO)[0].message == "Fine-tune" and len(server.commits(REPO)) == 3

    tuned, first = latentzoo.load(f"hf://{REPO}"), latentzoo.load(f"hf://{REPO}@v1")
    np.testing.assert_array_equal(samples(tuned), samples(model))
    np.testing.assert_array_equal(samples(first), samples(trained))
    assert np.abs(samples(tuned) - samples(first)).max() > 1e-4

    provenance = latentzoo.info(REPO)["provenance"]
    assert provenance["base_model"] == f"hf://{REPO}@{server.repos[REPO].refs['refs/tags/v1']}"
    model.push_to_hub("me/other")
    cards_of = {repo: server.files(repo)["README.md"].decode() for repo in (REPO, "me/other")}
    assert huggingface_hub.ModelCard(cards_of["me/other"]).data.base_model == REPO
    assert huggingface_hub.ModelCard(cards_of[REPO]).data.base_model is None  # not that of itself
    assert latentzoo.info(REPO)["name"] == REPO
    for line, headers in zip(server.log, server.headers, strict=True):
        agent = {key.lower(): value for key, value in headers.items()}["user-agent"]
        assert agent.startswith("latentzoo/") or "/lfs" in line or "validate-yaml" in line, line


def test_the_readme(server, learner, images):
    blocks = re.findall(r"```py\n(.*?)```", pathlib.Path("README.md").read_text(encoding="utf-8"), re.DOTALL)
    exec(blocks[0], {"latentzoo": latentzoo, "model": learner, "images": images})
    assert len(blocks) == 1 and samples(latentzoo.load(REPO)).shape == (2, 8, 8, 1)


def test_what_is_pushed(server, trained):
    trained.push_to_hub(f"{REPO}/first")
    files = {name for name in server.files(REPO) if name.startswith("first/")}
    wanted = {
        "config.json",
        "model.safetensors",
        "README.md",
        "golden.npz",
        "samples.png",
        "interpolations.png",
    }
    assert files == {f"first/{name}" for name in wanted}
    assert samples(latentzoo.load(f"{REPO}/first")).shape == (2, 8, 8, 1)


def test_nothing_new_makes_no_commit(server, trained):
    url = trained.push_to_hub(REPO)
    server.log.clear()
    assert trained.push_to_hub(REPO) == url
    assert latentzoo.load(REPO).push_to_hub(REPO) == url
    assert len(server.commits(REPO)) == 2
    assert not [line for line in server.log if "/commit/" in line or line.startswith("PUT")]
    trained.push_to_hub(REPO, tag="later")
    assert server.repos[REPO].refs["refs/tags/later"] == server.commits(REPO)[0].oid


def test_storage_is_kept_and_stale_files_go(server, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "SHARD_BYTES", 500_000)
    trained.push_to_hub(REPO)
    sharded = set(server.files(REPO))
    assert len([name for name in sharded if re.fullmatch(r"model-\d+-of-\d+.safetensors", name)]) > 1
    assert "model.safetensors.index.json" in sharded
    monkeypatch.setattr(storage, "SHARD_BYTES", 90_000_000)
    hub.push(f"hf://{REPO}", "me/copy")
    copied = server.files("me/copy")
    assert sharded - {"samples.png", "interpolations.png"} <= set(copied)  # pictures are not fetched

    server.commit(REPO, {"notes.txt": b"mine", "model.onnx": b"mine"})
    trained.save_pretrained(tmp_path / "small", "int8")
    latentzoo.load(tmp_path / "small").push_to_hub(REPO)
    files = server.files(REPO)
    assert [name for name in files if name.endswith(".safetensors")] == ["model.safetensors"]
    assert not sharded - set(files) - {n for n in sharded if n.startswith("model")}
    assert files["notes.txt"] == files["model.onnx"] == b"mine"
    assert json.loads(files["config.json"])["storage"] == "int8"
    assert len(server.commits(REPO)) == 4  # the first, the sharded, the notes, the small


def test_branches_and_pull_requests(server, trained, folder):
    hub.push(folder, REPO)
    latentzoo.hub.push(folder, REPO, revision="dev")
    assert server.repos[REPO].refs["refs/heads/dev"] == server.commits(REPO)[0].oid
    trained.push_to_hub(REPO, revision="dev")
    assert server.commits(REPO, "dev")[0].oid != server.commits(REPO)[0].oid
    assert samples(latentzoo.load(REPO, revision="dev")).shape == (2, 8, 8, 1)

    server.create("you/theirs", files={"README.md": b"# Theirs\n"})
    url = trained.push_to_hub("you/theirs", create_pr=True)
    assert (
        url.startswith(f"{server.endpoint}/you/theirs/discussions/")
        and len(server.commits("you/theirs")) == 2
    )
    number = url.rsplit("/", 1)[1]
    assert samples(latentzoo.load(f"you/theirs@refs/pr/{number}")).shape == (2, 8, 8, 1)
    with refused(PermissionError, "not yours to write to", "'you/theirs'", "create_pr=True"):
        trained.push_to_hub("you/theirs")


def test_private(server, folder, monkeypatch, tmp_path):
    hub.push(folder, REPO, private=True)
    assert server.repos[REPO].private
    assert samples(latentzoo.load(REPO)).shape == (2, 8, 8, 1)
    monkeypatch.delenv("HF_TOKEN")
    with refused(FileNotFoundError, "no repo 'me/my-glf'", "private", "hf auth login"):
        latentzoo.load(REPO, cache_dir=tmp_path)
    assert samples(latentzoo.load(REPO, cache_dir=tmp_path, token="token-of-me")).shape == (2, 8, 8, 1)


def test_tags(server, folder, trained):
    hub.push(folder, REPO, tag="v1")
    commits = len(server.commits(REPO))
    with refused(ValueError, "has a tag of this name", "'v1'", "Nothing was pushed"):
        trained.push_to_hub(REPO, tag="v1")
    with refused(ValueError, "A pull request has no tag"):
        hub.push(folder, REPO, tag="v2", create_pr=True)
    assert len(server.commits(REPO)) == commits


@pytest.mark.parametrize(
    "tag", ["a b", "v1~", "-x", "a..b", "x.lock", "a" * 300, "a@b", "", 5, "0" * 40, "v\n1"]
)
def test_tags_and_branches_that_are_none(server, folder, tag):
    for kind in ("tag", "revision"):
        with refused(ValueError, kind):
            hub.push(folder, REPO, **{kind: tag})
    assert not server.log
    with refused(ValueError, "revision"):
        latentzoo.load(REPO, revision=tag if tag != "0" * 40 else "..")


def test_a_tag_and_a_branch_of_one_name(server, folder, trained):
    url = hub.push(folder, REPO, tag="v1")
    assert hub.push(folder, REPO, tag="v1") == url  # there already, and the same
    hub.push(folder, REPO, revision="dev")
    with refused(ValueError, "has a tag of this name", "revision='v1'"):
        trained.push_to_hub(REPO, revision="v1")
    with refused(ValueError, "has a branch of this name", "tag='dev'"):
        trained.push_to_hub(REPO, tag="dev")
    assert len(server.commits(REPO)) == 2


@pytest.mark.parametrize("name", ["my-glf", "", "a b/c", "me/..", "me/x@v1", 3, None, "hf://"])
def test_repo_ids_that_are_none(server, folder, name):
    with refused(ValueError, "Expected: "):
        hub.push(folder, name)
    assert not server.log


def test_a_folder_is_checked_before_it_is_pushed(server, folder, trained, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    other = latentzoo.load(folder)
    other.decoder.weights[0].assign(other.decoder.weights[0] * 1.1)
    golden.write(other, copy / "golden.npz")
    with refused(ValueError, "does not give what was recorded", "golden.npz"):
        hub.push(copy, REPO)
    (copy / "golden.npz").unlink()
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    with pytest.raises(ValueError, match="sha256"):
        hub.push(copy, REPO)
    with pytest.raises(ValueError, match="Unknown checkpoint"):
        hub.push("glf-fashio", REPO)
    assert not server.log


def test_somebody_else_pushes_meanwhile(server, folder, trained):
    hub.push(folder, REPO)
    before = server.files(REPO)
    server.fail("POST .*/commit/main", 412)
    with refused(RuntimeError, "Somebody else wrote", REPO, "Nothing was changed"):
        trained.push_to_hub(REPO)
    assert server.files(REPO) == before


def test_push_without_a_network(server, folder, hurry):
    server.down()
    with refused(ConnectionError, REPO):
        hub.push(folder, REPO)
    server.up()
    server.fail("PUT /lfs", 503)
    with refused(ConnectionError, REPO, "503"):
        hub.push(folder, REPO)
    assert list(server.files(REPO)) == [".gitattributes"]
    server.faults.clear()
    hub.push(folder, REPO)
    assert latentzoo.load(REPO).latent_dim == 4


# ---------------------------------------------------------------------- cards


def test_the_card(server, folder, monkeypatch):
    hub.push(folder, REPO)
    text = server.files(REPO)["README.md"].decode()
    metadata = huggingface_hub.ModelCard(text).data
    assert metadata.library_name == "latentzoo" and metadata.pipeline_tag == "unconditional-image-generation"
    assert set(metadata.tags) == {"keras", "generative-autoencoder", "glf", "realnvp-prior"}
    assert not cards.edited(text)
    names = {}
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], names)
    assert names["images"].shape == (16, 8, 8, 1)


@pytest.mark.parametrize("name", list(zoo.shelf()))
def test_cards_of_the_shelf(name):
    text = (zoo.CHECKPOINTS / name / "README.md").read_text()
    assert not cards.edited(text)
    metadata = huggingface_hub.ModelCard(text).data
    facts = latentzoo.info(name)
    assert metadata.license == ("other" if name.endswith("celeba") else "apache-2.0")
    assert len(metadata.datasets) == 1
    results = metadata.eval_results
    for result, (metric, found) in zip(results, facts["metrics"]["test"].items(), strict=False):
        assert result.metric_type == metric and result.metric_value == pytest.approx(found["mean"], rel=1e-3)
        assert result.dataset_split == "test"
        assert result.metric_args["samples"] == facts["metrics"]["images"] and result.metric_args["seed"] == 0
    evaluations = facts["metrics"].get("evaluations", [])
    assert len(results) == len(facts["metrics"]["test"]) + len(evaluations)
    for result, record in zip(results[-len(evaluations) :], evaluations, strict=False):
        assert result.metric_value == pytest.approx(record["mean"], rel=1e-3)
        assert (result.metric_type == "fcd") == (record.get("name") == "FCD")
        for key in ("network", "sha256", "protocol", "generated", "real", "draws", "seed", "command"):
            assert result.metric_args[key] == record[key]


def test_a_card_that_a_person_edited_is_kept(server, folder, trained):
    hub.push(folder, REPO)
    ours = server.files(REPO)["README.md"].decode()
    theirs = (
        ours.replace("tags:", "# My own words\nlicense: mit\nlanguage:\n- de\ntags:")
        .replace("- keras\n", "- mine\n")
        .replace("pipeline_tag: unconditional-image-generation", "pipeline_tag: other")
        + "\nDear reader\r\nhello\n"
    )
    server.commit(REPO, {"README.md": theirs.encode()})
    trained.push_to_hub(REPO)
    found = server.files(REPO)["README.md"].decode()
    assert cards.split(found)[1] == cards.split(theirs)[1]
    front = cards.split(found)[0]
    for kept in ("# My own words\nlicense: mit\nlanguage:\n- de\ntags:\n- mine\n",):
        assert kept in front
    assert "pipeline_tag: unconditional-image-generation" in front and "pipeline_tag: other" not in front
    assert huggingface_hub.ModelCard(found).data.license == "mit"
    commits = len(server.commits(REPO))
    trained.push_to_hub(REPO)
    assert len(server.commits(REPO)) == commits

    trained.push_to_hub(REPO, card="# Given\n")
    assert server.files(REPO)["README.md"].decode().endswith("---\n# Given\n")


@pytest.mark.parametrize(
    "theirs",
    [b"---\nlicense: [mit\n---\n# Mine\n", b"---\n- list\n---\n# Mine\n", b"# Caf\xe9\n"],
    ids=["broken", "list", "latin"],
)
def test_a_card_that_is_not_understood_is_left(server, folder, theirs):
    server.create(REPO, files={"README.md": theirs})
    hub.push(folder, REPO)
    assert server.files(REPO)["README.md"] == theirs


@pytest.mark.filterwarnings("ignore:Warnings while validating metadata:UserWarning")  # the loopback Hub's
def test_line_ends_of_a_card_are_kept(server, folder):
    server.create(REPO, files={"README.md": b"---\r\nlicense: mit\r\n---\r\n# Mine\r\n"})
    hub.push(folder, REPO)
    lines = server.files(REPO)["README.md"].splitlines(keepends=True)
    assert all(line.endswith(b"\r\n") for line in lines) and b"library_name: latentzoo\r\n" in lines


def test_a_card_of_the_folder_is_kept(server, folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "README.md").write_text("# My words\n")
    hub.push(copy, REPO)
    assert server.files(REPO)["README.md"].endswith(b"---\n# My words\n")


@pytest.mark.parametrize("card", [5, b"# Mine", "---\nlicense: [mit\n---\n", "---\n- list\n---\n"])
def test_cards_that_are_none(server, folder, card):
    with refused(ValueError, "card"):
        hub.push(folder, REPO, card=card)
    assert not server.log


def test_measurements_go_with_the_weights(server, images):
    model = latentzoo.load("glf-fashion")
    model.push_to_hub(REPO)
    files = server.files(REPO)
    for name in ("metrics.json", "history.csv", "golden.npz", "samples.png", "model.safetensors"):
        assert files[name] == (zoo.CHECKPOINTS / "glf-fashion" / name).read_bytes()
    config, ours = json.loads(files["config.json"]), zoo.read_config(zoo.CHECKPOINTS / "glf-fashion")
    theirs, prior = dict(config["arguments"]), ours["arguments"].pop("prior")
    assert prior["config"].items() <= theirs.pop("prior")["config"].items()  # there may be new ones
    assert ours["arguments"].items() <= theirs.items()
    for name in ("class", "parameters", "provenance", "storage", "weights"):
        assert config[name] == ours[name]
    metadata = huggingface_hub.ModelCard(files["README.md"].decode()).data
    assert {result.metric_type for result in metadata.eval_results} >= {"mean_squared_error", "nll", "fcd"}


def test_our_own_card_is_renewed(server, folder, trained):
    hub.push(folder, REPO)
    assert "samples.png" not in server.files(REPO)["README.md"].decode()
    trained.push_to_hub(REPO)
    assert "samples.png" in server.files(REPO)["README.md"].decode()


def test_a_card_without_metadata(server, folder):
    server.create(REPO, files={"README.md": b"# Mine\n"})
    hub.push(folder, REPO)
    text = server.files(REPO)["README.md"].decode()
    assert text.endswith("---\n# Mine\n") and huggingface_hub.ModelCard(text).data.library_name == "latentzoo"


# ---------------------------------------------------------------------- classes


def test_from_pretrained(server, published):
    assert type(Autoencoder.from_pretrained(REPO)) is GLF
    model = GLF.from_pretrained(REPO, dtype="mixed_bfloat16", revision=published)
    assert model.dtype_policy.name == "mixed_bfloat16"
    assert GLF.from_pretrained(REPO, weights=False).latent_dim == 4

    class Other(Autoencoder):
        pass

    with refused(ValueError, "class Other", "class GLF", "latentzoo.models.GLF.from_pretrained"):
        Other.from_pretrained(REPO)


def test_a_classifier(server, tmp_path):
    model = Classifier((8, 8, 1), classes=3, settings={"blocks": 1})
    model.push_to_hub(REPO)
    assert set(server.files(REPO)) == {
        ".gitattributes",
        "README.md",
        "config.json",
        "golden.npz",
        "model.safetensors",
    }
    x = np.zeros((2, 8, 8, 1), "float32")
    found = Classifier.from_pretrained(REPO)
    np.testing.assert_array_equal(found.probabilities(x), model.probabilities(x))
    assert (
        huggingface_hub.ModelCard(server.files(REPO)["README.md"].decode()).data.pipeline_tag
        == "image-classification"
    )
    with refused(ValueError, "class GLF", "class Classifier", "latentzoo.models.Classifier.from_pretrained"):
        GLF.from_pretrained(REPO)


def test_nothing_from_the_hub_runs(server, folder):
    config = json.loads((folder / "config.json").read_text())
    config["arguments"]["encoder"] = {"module": "keras.layers", "class_name": "Lambda", "config": {}}
    server.create(REPO, files={**contents(folder), "config.json": json.dumps(config).encode()})
    with pytest.raises(ValueError, match="names a class that checkpoints may not hold"):
        latentzoo.load(REPO)
    config["arguments"]["encoder"] = None
    config["weights"] = {"../../../evil.safetensors": {"bytes": 4, "sha256": "0" * 64}}
    server.commit(REPO, {"config.json": json.dumps(config).encode()})
    with pytest.raises(ValueError, match="plain names of weight files"):
        latentzoo.load(REPO)
    assert not [line for line in server.log if "safetensors" in line]


# ---------------------------------------------------------------------- the cache


def test_a_warm_cache(server, published, hurry):
    latentzoo.load(REPO)
    server.log.clear()
    latentzoo.load(REPO)
    assert len(server.log) == 1
    latentzoo.load(REPO, revision=published)
    latentzoo.load(REPO, local_files_only=True)
    assert len(server.log) == 1
    latentzoo.load(REPO, force_download=True)
    assert [line for line in server.log if line.startswith("GET /lfs")]
    server.down()
    assert samples(latentzoo.load(REPO)).shape == (2, 8, 8, 1)


def test_info_fetches_no_weights(server, published):
    assert latentzoo.info(REPO)["latent_dim"] == 4
    assert not [line for line in server.log if "safetensors" in line]


def test_a_name_of_the_shelf(server, published, folder, monkeypatch, tmp_path):
    sha256 = hashlib.sha256((folder / "config.json").read_bytes()).hexdigest()
    entry = {"sha256": sha256, "repo": REPO, "commit": published}
    monkeypatch.setattr(zoo, "shelf", lambda: {"glf-mine": entry})
    monkeypatch.setattr(zoo, "CHECKPOINTS", tmp_path / "nowhere")
    latentzoo.load("glf-mine")
    server.log.clear()
    latentzoo.load("glf-mine")
    assert not server.log  # pinned to a commit that is in the cache
    other = server.commit(REPO, {"config.json": (folder / "config.json").read_bytes() + b"\n"})
    assert latentzoo.load("glf-mine", revision="main").latent_dim == 4  # not vouched for, and asked for so
    entry["commit"] = other
    with refused(ValueError, "was fetched twice and is wrong", sha256, "config.json", REPO):
        latentzoo.load("glf-mine")


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_wrong_bytes_of_the_right_size(server, published, file, tmp_path):
    once = server.corrupt(rf"GET .*{file}", times=1)
    assert samples(latentzoo.load(REPO)).shape == (2, 8, 8, 1)
    assert once.struck == 1
    always = server.corrupt(rf"GET .*{file}")
    with refused(ValueError, "was fetched twice and is wrong", file, REPO, "taken out of the cache"):
        latentzoo.load(REPO, cache_dir=tmp_path / "other")
    assert always.struck == 2 and whole(tmp_path / "other")
    assert not list((tmp_path / "other").glob(f"*/snapshots/*/{file}"))


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_a_cache_that_rotted(server, published, file, hurry):
    path = hub.pull(REPO) / file
    wanted = path.read_bytes()
    blob = path.resolve()
    blob.write_bytes(wanted[:-2] + bytes([wanted[-2] ^ 1]) + wanted[-1:])
    assert samples(latentzoo.load(REPO)).shape == (2, 8, 8, 1)
    assert path.read_bytes() == wanted
    path.resolve().write_bytes(wanted[:-2])
    with refused(FileNotFoundError, "network is ruled out", file, "latentzoo pull"):
        latentzoo.load(REPO, local_files_only=True)
    server.down()
    with refused(ConnectionError, file, REPO):
        latentzoo.load(REPO)
    server.up()
    assert samples(latentzoo.load(REPO)).shape == (2, 8, 8, 1)


@pytest.mark.parametrize(
    ("file", "size"),
    [
        ("config.json", 1_100_000),
        ("README.md", 11_000_000),
        ("metrics.json", 1_100_000),
        ("model.safetensors", 0),
    ],
)
def test_files_that_are_too_large_are_not_fetched(server, published, folder, file, size):
    content = contents(folder).get(file, b"") + b"x" * (size or 10_000)
    server.commit(REPO, {file: content})
    with refused(ValueError, "larger than it may be", file, REPO, "Nothing was fetched"):
        hub.pull(REPO)
    assert not [line for line in server.log if line.startswith("GET") and file in line]


# ---------------------------------------------------------------------- errors


def test_arguments_that_cannot_be(server, published, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for arguments in ({"revision": 1}, {"revision": ".."}, {"cache_dir": 5}, {"cache_dir": ""}, {"token": 5}):
        with refused(ValueError, "Expected: "):
            latentzoo.load(REPO, **arguments)
    for token in ("secret\n", "secrét", ""):
        with refused(ValueError, "This is no token") as told:
            latentzoo.load(REPO, token=token)
        assert told is None  # and nothing in the message:
        with pytest.raises(ValueError, match="^((?!secr).)*$"):
            latentzoo.load(REPO, token=token)
    with refused(ValueError, "needs the network", "local_files_only=True"):
        latentzoo.load(REPO, force_download=True, local_files_only=True)
    with refused(OSError, "cache of the Hub cannot be written", "NotADirectoryError"):
        latentzoo.load(REPO, cache_dir=tmp_path / "file")
    monkeypatch.setenv("HF_TOKEN", "secr\u00e9t")
    with pytest.raises((ValueError, ConnectionError), match="^((?!secr).)*$"):
        latentzoo.load(REPO)
    monkeypatch.setenv("HF_ENDPOINT", "nonsense")
    with refused(ValueError, "HF_ENDPOINT='nonsense'"):
        latentzoo.load(REPO)


def test_pushing_offline(server, folder, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with refused(ValueError, "Pushing needs the network", "HF_HUB_OFFLINE=1"):
        hub.push(folder, REPO)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_TOKEN")
    with refused(PermissionError, "not logged in"):
        hub.push(folder, REPO)


def test_an_old_cache_is_told(server, published, hurry):
    hub.pull(REPO)
    server.down()
    with pytest.warns(UserWarning, match="cache may be older than the Hub: The Hub could not be reached"):
        assert hub.pull(REPO).name == published
    server.up()
    server.repos[REPO].private = True
    with refused(PermissionError, "refuses the token"):
        hub.pull(REPO, token="nonsense")


@pytest.mark.parametrize(
    ("name", "token", "kind", "said"),
    [
        ("me/nothing", None, FileNotFoundError, ["no repo 'me/nothing'", "nor a folder", "/me/nothing"]),
        ("me/secret", None, FileNotFoundError, ["no repo 'me/secret'", "private", "hf auth login"]),
        ("me/secret", "token-of-you", FileNotFoundError, ["no repo 'me/secret'"]),
        ("me/secret", "nonsense", PermissionError, ["refuses the token", "settings/tokens"]),
        ("me/gated", None, PermissionError, ["'me/gated' is gated", "Accept the terms"]),
        ("me/gated", "token-of-you", PermissionError, ["'me/gated' is gated", "Accept the terms"]),
        ("me/my-glf@v9", None, FileNotFoundError, ["no such revision", "'v9'", "/commits/main"]),
        ("me/my-glf/sub", None, FileNotFoundError, ["lacks a file", "'sub/config.json'"]),
        ("me/part", None, FileNotFoundError, ["lacks a file", "'model.safetensors'"]),
        ("me/pointer", None, ValueError, ["fetched twice", "model.safetensors", "a git-lfs pointer"]),
        ("me/x--y", None, ValueError, ["no name of a repo", "'me/x--y'"]),
    ],
)
def test_what_is_not_there(server, published, folder, monkeypatch, name, token, kind, said):
    files = contents(folder)
    server.create("me/secret", private=True, files=files)
    server.create("me/gated", gated=True, files=files)
    server.create("me/part", files={"config.json": files["config.json"]})
    server.create("me/pointer", files=files)
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    server.commit("me/pointer", {"model.safetensors": pointer})
    monkeypatch.delenv("HF_TOKEN")
    for door in (latentzoo.load, hub.pull):
        with refused(kind, *said):
            door(name, token=token)


@pytest.mark.parametrize(
    ("fault", "arguments"),
    [
        ("fail", ("HEAD", 500)),
        ("fail", ("GET /lfs", 500)),
        ("fail", ("GET .*config", 503)),
        ("cut", ("GET /lfs", 100)),
        ("truncate", ("GET /lfs",)),
        ("replace", ("GET /lfs", b"version https://git-lfs.github.com/spec/v1\n")),
        ("down", ()),
    ],
)
def test_a_hub_that_fails(server, published, hurry, tmp_path, fault, arguments):
    getattr(server, fault)(*arguments)
    with refused(ConnectionError, REPO, "Try again later"):
        latentzoo.load(REPO, cache_dir=tmp_path / "other")
    assert whole(tmp_path / "other")
    server.faults.clear()
    server.up() if fault == "down" else None
    assert samples(latentzoo.load(REPO, cache_dir=tmp_path / "other")).shape == (2, 8, 8, 1)


def test_a_connection_that_is_cut_once(server, published, hurry):
    cut = server.cut("GET /lfs", 100, times=1)
    if huggingface_hub.__version__.startswith("1."):  # goes on from there only when asked again
        with refused(ConnectionError, REPO, "Try again later"):
            latentzoo.load(REPO)
    assert samples(latentzoo.load(REPO)).shape == (2, 8, 8, 1) and cut.struck == 1


def test_a_full_disk(server, published, monkeypatch, tmp_path):
    get = file_download.http_get

    def full(url, file, *args, **kwargs):
        if "/lfs/" in url or "safetensors" in url:
            file.write(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        return get(url, file, *args, **kwargs)

    monkeypatch.setattr(file_download, "http_get", full)
    with refused(OSError, "disk is full", "model.safetensors", REPO, "cache_dir="):
        latentzoo.load(REPO, cache_dir=tmp_path)
    assert whole(tmp_path)
    monkeypatch.setattr(file_download, "http_get", get)
    assert samples(latentzoo.load(REPO, cache_dir=tmp_path)).shape == (2, 8, 8, 1)


# ---------------------------------------------------------------------- the shell


def shell(*arguments, env=()):
    def hear():  # a process in the background inherits that interrupts are ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    command = [sys.executable, "-m", "latentzoo.cli", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env={**os.environ, **dict(env)}, preexec_fn=hear, **pipes)


def test_two_processes_pull_at_once(server, published, tmp_path):
    server.delay("GET /lfs", 0.5)
    env = {"HF_HOME": str(tmp_path / "home")}
    running = [shell("pull", REPO, "--json", env=env) for _ in range(2)]
    found = [(process.communicate(timeout=60), process.returncode) for process in running]
    for (out, err), code in found:
        assert code == 0, err
        folder = pathlib.Path(json.loads(out)[REPO])
        assert folder.is_relative_to(tmp_path / "home")
    assert whole(tmp_path / "home" / "hub")

    server.down()
    out, err = shell("pull", REPO, "--check", env={**env, "HF_HUB_OFFLINE": "1"}).communicate(timeout=60)
    assert out.startswith(f"{REPO}: checked in {folder}"), err
    (folder / "model.safetensors").resolve().write_bytes(b"rot")
    process = shell("pull", REPO, "--check", env={**env, "HF_HUB_OFFLINE": "1"})
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2 and "Traceback" not in err
    assert "model.safetensors" in err and "latentzoo pull" in err


def test_an_interrupted_pull_ends(server, published, tmp_path):
    held = server.delay("GET /lfs", 60)
    process = shell("pull", REPO, env={"HF_HOME": str(tmp_path)})
    while not held.struck:
        threading.Event().wait(0.05)
    process.send_signal(signal.SIGINT)
    try:
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode not in (0, 2) and "Traceback" not in err


def test_terminals_obey_nobody_else(tmp_path, folder, capsys, monkeypatch):
    copy = shutil.copytree(folder, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    config["provenance"]["data"] = "\x1b[31mred\x1b]0;title\x07[bold]"
    (copy / "config.json").write_text(json.dumps(config))
    for name, code in ((copy, 0), (f"{copy}\x1b[31m", 2)):
        monkeypatch.setattr(sys, "argv", ["latentzoo", "info", str(name)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        assert end.value.code == code and "\x1b" not in out + err and "\\x1b[31m" in out + err


def test_pull_and_push_in_a_shell(server, published, folder, capsys, monkeypatch):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["latentzoo", *map(str, arguments)])
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        return code, *capsys.readouterr()

    code, out, _ = run("push", folder, "me/other", "--tag", "v1", "-m", "First")
    assert (
        code == 0 and out.strip() == f"{server.endpoint}/me/other/commit/{server.commits('me/other')[0].oid}"
    )
    code, out, err = run("pull", "me/other@v1", "glf-fashio", REPO)
    assert code == 2 and "me/other@v1: whole in " in out and REPO in out and "Nearest: glf-fashion" in err
    code, out, _ = run("pull", "--all", "--json")
    assert code == 0 and set(json.loads(out)) == set(zoo.shelf())
    for words in ([], ["glf-fashion", "--all"]):
        code, out, err = run("pull", *words)
        assert code == 2 and "takes names" in err
    code, out, err = run("push", folder, "nowhere")
    assert code == 2 and "This is no name of a repo" in err


# ---------------------------------------------------------------------- pushing while training


def test_push_while_training(server, learner, images):
    callback = hub.PushToHub(REPO)
    learner.fit(images, epochs=3, verbose=0, callbacks=[callback])
    np.testing.assert_array_equal(samples(latentzoo.load(REPO)), samples(learner))
    assert callback.url.endswith(server.commits(REPO)[0].oid)
    assert 2 <= len(server.commits(REPO)) <= 4


def test_push_every_other_epoch(server, learner, images):
    learner.fit(images, epochs=3, verbose=0, callbacks=[hub.PushToHub(REPO, every=2)])
    assert len(server.commits(REPO)) == 3  # the first, that of epoch 2, that of the end


def test_what_another_callback_restores_at_the_end_is_pushed(server, learner, images):
    first = samples(learner)
    best = keras.callbacks.EarlyStopping("loss", patience=0, min_delta=1e9, restore_best_weights=True)
    learner.fit(images, epochs=2, verbose=0, callbacks=[best, hub.PushToHub(REPO)])
    np.testing.assert_array_equal(samples(latentzoo.load(REPO)), samples(learner))
    assert (samples(learner) != first).any()


def test_a_slow_upload_holds_nothing_up(server, learner, images):
    trained = threading.Event()
    held = server.fault("PUT /lfs", lambda answer: trained.wait(30) and None, times=1, early=True)
    end = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: trained.set() if epoch == 2 else None
    )
    learner.fit(images, epochs=3, verbose=0, callbacks=[hub.PushToHub(REPO), end])
    assert held.struck == 1 and trained.is_set()
    np.testing.assert_array_equal(samples(latentzoo.load(REPO)), samples(learner))
    assert len(server.commits(REPO)) == 3  # the first, that of epoch 1, that of the end


def test_training_survives_the_network(server, learner, images, hurry):
    server.down()
    up = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: server.up() if epoch == 3 else None
    )
    pause = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: threading.Event().wait(0.2))
    with pytest.warns(UserWarning, match="was not pushed, training goes on: The Hub could not") as caught:
        learner.fit(images, epochs=5, verbose=0, callbacks=[hub.PushToHub(REPO), up, pause])
    assert len([w for w in caught if "was not pushed" in str(w.message)]) == 1
    np.testing.assert_array_equal(samples(latentzoo.load(REPO)), samples(learner))


def test_bad_callbacks():
    for arguments in [("glf",), (REPO, 0), (REPO, "step"), (REPO, 1.5), (REPO, True)]:
        with refused(ValueError):
            hub.PushToHub(*arguments)
    with refused(ValueError, "cannot be a revision", "revision=5"):
        hub.PushToHub(REPO, revision=5)
    with refused(ValueError, "Only checkpoints of latentzoo", "Sequential"):
        hub.PushToHub(REPO).set_model(keras.Sequential())


def test_mistakes_are_told_when_training_begins(server, learner, images, monkeypatch):
    server.create("you/theirs", files={"README.md": b"# Theirs\n"})
    monkeypatch.delenv("HF_TOKEN")
    with refused(PermissionError, "not logged in", "hf auth login"):
        learner.fit(images, verbose=0, callbacks=[hub.PushToHub(REPO)])


def test_a_model_that_diverged_is_not_pushed_and_goes_on(server, images):
    model = GLF((8, 8, 1), latent_dim=4)
    bias = model.decoder.weights[0]

    def spoil(epoch, logs):
        bias.assign(np.full(bias.shape, np.nan))

    model.compile(run_eagerly=True)
    callbacks = [keras.callbacks.LambdaCallback(on_epoch_end=spoil), hub.PushToHub(REPO)]
    with pytest.warns(UserWarning, match="was not pushed, training goes on: .* diverged"):
        model.fit(images[:4], batch_size=4, epochs=1, verbose=0, callbacks=callbacks)
    assert "config.json" not in server.files(REPO)
