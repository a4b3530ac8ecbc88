"""The imitated Hub against the real client: what `tests/loopback.py` promises to the tests that use it."""

import hashlib
import os

os.environ.setdefault("HF_HUB_DISABLE_XET", "1")

import pathlib  # noqa: E402 (the variable is read when huggingface_hub is imported)
import socket  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402

import huggingface_hub  # noqa: E402
import pytest  # noqa: E402
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants, errors  # noqa: E402
from loopback import Hub  # noqa: E402

WEIGHTS = bytes(range(256)) * 100
MORE_THAN_A_CHUNK = 11 * 2**20  # the client writes chunks of 10 MiB, and resumes from the last


@pytest.fixture
def hub(monkeypatch):
    """The Hub, and what HF_ENDPOINT does: 1.0 does not understand the URL of a commit to another endpoint."""
    with Hub() as hub:
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # if it was imported before this file
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, hub.endpoint)
        monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield hub


@pytest.fixture
def api(hub):
    return HfApi(
        endpoint=hub.endpoint, token="token-of-me", library_name="latentzoo", library_version="1.2.3"
    )


@pytest.fixture
def you(hub):
    return HfApi(endpoint=hub.endpoint, token="token-of-you")


@pytest.fixture
def anyone(hub):
    return HfApi(endpoint=hub.endpoint, token=False)


@pytest.fixture
def cats(hub):
    """A repository with a regular file, an LFS file and one in a folder."""
    hub.create(
        "me/cats", files={"config.json": b"{}", "model.safetensors": WEIGHTS, "pictures/a b.txt": b"a"}
    )
    return "me/cats"


@pytest.fixture
def impatient(monkeypatch):
    """A client that retries without waiting."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


@pytest.fixture
def download(api, cats, tmp_path):
    """Download a file into the cache of this test, and return its content."""

    def download(path, client=api, **keywords):
        return pathlib.Path(client.hf_hub_download(cats, path, cache_dir=tmp_path, **keywords)).read_bytes()

    return download


def folder_of(path, files):
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def asked(hub, start):
    return [line for line in hub.log if line.startswith(start)]


# Repositories


def test_create_and_delete_a_repository(hub, api, you):
    assert str(api.create_repo("me/cats", private=True)) == f"{hub.endpoint}/me/cats"
    assert hub.repos["me/cats"].private
    assert list(hub.files("me/cats")) == [".gitattributes"]
    with pytest.raises(errors.HfHubHTTPError) as caught:
        api.create_repo("me/cats")
    assert caught.value.response.status_code == 409
    assert str(api.create_repo("me/cats", exist_ok=True)) == f"{hub.endpoint}/me/cats"
    with pytest.raises(errors.RepositoryNotFoundError):
        you.delete_repo("me/cats")
    api.delete_repo("me/cats")
    assert hub.repos == {}
    with pytest.raises(errors.RepositoryNotFoundError):
        api.delete_repo("me/cats")
    api.create_repo("dogs")
    assert not hub.repos["me/dogs"].private


def test_nobody_creates_a_repository_of_another(api, anyone):
    for client, status in (api, 403), (anyone, 401):
        with pytest.raises(errors.HfHubHTTPError) as caught:
            client.create_repo("you/cats")
        assert caught.value.response.status_code == status


def test_the_client_says_who_it_is(hub, api):
    assert api.whoami()["name"] == "me"
    assert hub.log == ["GET /api/whoami-v2"]
    assert "latentzoo/1.2.3" in hub.headers[0]["user-agent"]


def test_information(hub, api, cats):
    first, head = hub.commits(cats)[1].oid, hub.commits(cats)[0].oid
    info = api.model_info(cats)
    assert (info.sha, info.private, info.gated) == (head, False, False)
    files = [".gitattributes", "config.json", "model.safetensors", "pictures/a b.txt"]
    assert [sibling.rfilename for sibling in info.siblings] == files == api.list_repo_files(cats)
    assert len(api.model_info(cats, revision=first).siblings) == 1
    assert api.repo_exists(cats) and not api.repo_exists("me/dogs")
    assert api.file_exists(cats, "config.json") and not api.file_exists(cats, "dogs")
    assert api.revision_exists(cats, "main") and not api.revision_exists(cats, "dogs")


def test_listings(api, cats):
    def paths(**keywords):
        return [entry.path for entry in api.list_repo_tree(cats, **keywords)]

    assert paths() == [".gitattributes", "config.json", "model.safetensors", "pictures"]
    assert paths(recursive=True) == [*paths(), "pictures/a b.txt"]
    assert paths(path_in_repo="pictures") == ["pictures/a b.txt"]
    with pytest.raises(errors.RemoteEntryNotFoundError):
        paths(path_in_repo="dogs")
    config, weights, folder = api.get_paths_info(
        cats, ["config.json", "dogs", "model.safetensors", "pictures"]
    )
    assert config.blob_id == hashlib.sha1(b"blob 2\0{}").hexdigest()
    assert (config.size, config.lfs) == (2, None)
    assert (weights.lfs.sha256, weights.lfs.size) == (hashlib.sha256(WEIGHTS).hexdigest(), len(WEIGHTS))
    pointer = (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{weights.lfs.sha256}\nsize 25600\n".encode()
    )
    assert weights.lfs.pointer_size == len(pointer)
    assert weights.blob_id == hashlib.sha1(b"blob %d\0" % len(pointer) + pointer).hexdigest()
    assert isinstance(folder, huggingface_hub.hf_api.RepoFolder)


# Uploads


def test_upload_a_folder(hub, api, tmp_path):
    api.create_repo("me/cats")
    files = {
        "README.md": b"---\nlicense: mit\n---\n",
        "model.safetensors": WEIGHTS,
        "empty.png": b"",
        "a/b.txt": b"b",
    }
    done = api.upload_folder(
        repo_id="me/cats", folder_path=folder_of(tmp_path, files), commit_message="Add cats"
    )
    assert {path: hub.files("me/cats")[path] for path in files} == files
    commit = hub.commits("me/cats")[0]
    assert (commit.oid, commit.message, commit.user) == (done.oid, "Add cats", "me")
    assert {path for path, file in commit.files.items() if file.lfs} == {"model.safetensors"}
    listed = api.list_repo_commits("me/cats")
    assert [(entry.commit_id, entry.title, entry.authors) for entry in listed] == [
        (commit.oid, "Add cats", ["me"]),
        (commit.parent, "initial commit", ["me"]),
    ]


def test_upload_again_makes_no_commit(hub, api, tmp_path):
    hub.create("me/cats", files={"empty.png": b""})
    assert not hub.commits("me/cats")[0].files["empty.png"].lfs
    folder = folder_of(tmp_path, {"config.json": b"{}", "empty.png": b"", "model.safetensors": WEIGHTS})
    first = api.upload_folder(repo_id="me/cats", folder_path=folder)
    assert len(asked(hub, "PUT /lfs/")) == 1
    assert api.upload_folder(repo_id="me/cats", folder_path=folder).oid == first.oid
    assert len(hub.commits("me/cats")) == 3
    assert len(asked(hub, "PUT /lfs/")) == 1


def test_delete_in_the_same_commit(hub, api, cats, tmp_path):
    before = hub.files(cats)
    folder = folder_of(tmp_path, {"new.txt": b"new", "config.json": b"{}"})
    api.upload_folder(repo_id=cats, folder_path=folder, delete_patterns="*")
    assert hub.files(cats) == {
        ".gitattributes": before[".gitattributes"],
        "new.txt": b"new",
        "config.json": b"{}",
    }
    assert len(hub.commits(cats)) == 3
    assert hub.files(cats, hub.commits(cats)[1].oid) == before


def test_delete_files_and_folders(hub, api, cats):
    operations = [CommitOperationDelete("pictures/"), CommitOperationDelete("config.json")]
    api.create_commit(cats, operations, commit_message="Delete")
    assert list(hub.files(cats)) == [".gitattributes", "model.safetensors"]
    for path in "config.json", "pictures/":
        with pytest.raises(errors.RemoteEntryNotFoundError, match="A file with this name doesn't exist"):
            api.create_commit(cats, [CommitOperationDelete(path)], commit_message="Delete")
    assert len(hub.commits(cats)) == 3


@pytest.mark.parametrize("part_size", [None, 8_000_000])
def test_large_files(hub, api, cats, download, tmp_path, part_size):
    hub.part_size = part_size
    content = bytes(30_000_000 - 8) + b"the end."
    folder_of(tmp_path, {"large.bin": content})
    api.upload_file(repo_id=cats, path_in_repo="large.bin", path_or_fileobj=tmp_path / "large.bin")
    assert hub.commits(cats)[0].files["large.bin"].lfs
    assert len(asked(hub, "PUT /lfs/")) == (1 if part_size is None else 4)
    assert download("large.bin") == content


def test_a_stale_parent_is_refused(hub, api, cats):
    stale = hub.commits(cats)[0].oid
    hub.commit(cats, {"config.json": b"changed"})
    operations = [CommitOperationAdd("config.json", b"mine")]
    with pytest.raises(errors.HfHubHTTPError) as caught:
        api.create_commit(cats, operations, commit_message="Mine", parent_commit=stale)
    assert caught.value.response.status_code == 412
    assert hub.files(cats)["config.json"] == b"changed"
    parent = hub.commits(cats)[0].oid
    api.create_commit(
        cats, [CommitOperationAdd("config.json", b"mine")], commit_message="Mine", parent_commit=parent
    )
    assert hub.files(cats)["config.json"] == b"mine"


def test_a_readme_without_metadata_is_warned_of(api, cats):
    with pytest.warns(UserWarning, match="empty or missing yaml metadata"):
        api.upload_file(repo_id=cats, path_in_repo="README.md", path_or_fileobj=b"# Cats")


def test_wrong_commits_and_lfs_content_are_refused(hub, api, cats):
    session = huggingface_hub.utils.get_session()
    assert session.put(f"http://localhost:{hub.port}/lfs/{'0' * 64}", content=b"x").status_code == 400
    line = b'{"key": "lfsFile", "value": {"path": "x", "algo": "sha256", "oid": "%s"}}' % (b"0" * 64)
    header = b'{"key": "header", "value": {"summary": "x", "description": ""}}\n'
    bearer = {"Authorization": "Bearer token-of-me"}
    url = f"{hub.endpoint}/api/models/{cats}/commit/main"
    assert session.post(url, content=header + line, headers=bearer).status_code == 400
    assert (
        session.post(url, content=header, headers={"Authorization": "Bearer token-of-you"}).status_code == 403
    )
    assert len(hub.commits(cats)) == 2
    assert session.post(url, content=header, headers=bearer).status_code == 200
    assert len(hub.commits(cats)) == 3


# Refs


def test_tags_and_branches(hub, api, cats, download):
    head = hub.commits(cats)[0].oid
    api.create_tag(cats, tag="v1")
    api.create_branch(cats, branch="next/one")
    api.create_branch(cats, branch="old", revision=hub.commits(cats)[1].oid)
    api.upload_file(repo_id=cats, path_in_repo="config.json", path_or_fileobj=b"next", revision="next/one")
    assert download("config.json", revision="next/one") == b"next"
    assert download("config.json", revision="v1") == download("config.json", revision="main") == b"{}"
    listed = api.list_repo_refs(cats)
    assert {ref.name: ref.target_commit for ref in listed.tags} == {"v1": head}
    assert {ref.name: ref.target_commit for ref in listed.branches} == {
        "main": head,
        "next/one": hub.commits(cats, "next/one")[0].oid,
        "old": hub.commits(cats)[1].oid,
    }
    for create in (
        lambda **ok: api.create_tag(cats, tag="v1", **ok),
        lambda **ok: api.create_branch(cats, branch="old", **ok),
    ):
        create(exist_ok=True)
        with pytest.raises(errors.HfHubHTTPError) as caught:
            create()
        assert caught.value.response.status_code == 409
    api.delete_tag(cats, tag="v1")
    api.delete_branch(cats, branch="next/one")
    assert set(hub.repos[cats].refs) == {"refs/heads/main", "refs/heads/old"}
    with pytest.raises(errors.RevisionNotFoundError):
        api.delete_tag(cats, tag="v1")
    hub.tag(cats, "v2")
    with pytest.raises(errors.RevisionNotFoundError):
        api.upload_file(repo_id=cats, path_in_repo="config.json", path_or_fileobj=b"moved", revision="v2")


def test_a_pull_request_of_another(hub, you, api, cats, download):
    done = you.upload_file(
        repo_id=cats, path_in_repo="model.safetensors", path_or_fileobj=b"better", create_pr=True
    )
    assert done.pr_url == f"{hub.endpoint}/{cats}/discussions/1"
    assert (done.pr_revision, done.pr_num) == ("refs/pr/1", 1)
    assert hub.repos[cats].authors == {"refs/pr/1": "you"}
    assert hub.files(cats)["model.safetensors"] == WEIGHTS
    assert download("model.safetensors", revision="refs/pr/1") == b"better"
    assert (
        "pullRequests"
        not in huggingface_hub.utils.get_session().get(f"{hub.endpoint}/api/models/{cats}/refs").json()
    )
    [ref] = api.list_repo_refs(cats, include_pull_requests=True).pull_requests
    assert (ref.ref, ref.target_commit) == ("refs/pr/1", done.oid)
    you.upload_file(
        repo_id=cats, path_in_repo="model.safetensors", path_or_fileobj=b"best", revision="refs/pr/1"
    )
    assert [commit.user for commit in hub.commits(cats, "refs/pr/1")] == ["you", "you", "me", "me"]
    first = hub.commits(cats)[1].oid
    operations = [CommitOperationAdd("config.json", b"")]
    api.create_commit(cats, operations, commit_message="x", create_pr=True, parent_commit=first)
    assert set(hub.files(cats, "refs/pr/2")) == {".gitattributes", "config.json"}


# Downloads


def test_download_by_tag_sha_and_branch(hub, cats, download):
    old = hub.commits(cats)[0].oid
    hub.tag(cats, "v1")
    new = hub.commit(cats, {"model.safetensors": b"new"}, deleted=["config.json"])
    hub.branch(cats, "next")
    for revision, content in (
        (None, b"new"),
        ("main", b"new"),
        (new, b"new"),
        ("next", b"new"),
        ("v1", WEIGHTS),
        (old, WEIGHTS),
    ):
        assert download("model.safetensors", revision=revision) == content
    assert download("pictures/a b.txt") == b"a"
    with pytest.raises(errors.RemoteEntryNotFoundError):
        download("config.json")
    with pytest.raises(errors.RevisionNotFoundError):
        download("config.json", revision="v2")
    before = len(hub.log)
    assert download("model.safetensors", revision=new) == b"new"
    assert len(hub.log) == before


def test_the_cache_names_content_by_its_hash(api, cats, tmp_path):
    for path, name in (
        ("model.safetensors", hashlib.sha256(WEIGHTS).hexdigest()),
        ("config.json", hashlib.sha1(b"blob 2\0{}").hexdigest()),
    ):
        assert pathlib.Path(api.hf_hub_download(cats, path, cache_dir=tmp_path)).resolve().name == name


def test_snapshots(hub, api, cats, tmp_path):
    folder = pathlib.Path(api.snapshot_download(cats, cache_dir=tmp_path))
    assert folder.name == hub.commits(cats)[0].oid
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    assert found == hub.files(cats)
    sent = len(asked(hub, "GET /lfs/")), len(asked(hub, f"GET /{cats}/resolve/"))
    assert sent == (1, 3)
    api.snapshot_download(cats, cache_dir=tmp_path)
    assert sent == (len(asked(hub, "GET /lfs/")), len(asked(hub, f"GET /{cats}/resolve/")))


def test_the_token_does_not_go_to_the_other_host(hub, cats, download):
    download("model.safetensors")
    hosts = {
        line.split()[1].split("/")[1]: headers for line, headers in zip(hub.log, hub.headers, strict=True)
    }
    assert hosts["me"]["Authorization"] == "Bearer token-of-me"
    assert hosts["lfs"]["Host"] == f"localhost:{hub.port}" and "Authorization" not in hosts["lfs"]


# Permissions


def test_a_private_repository(hub, api, you, anyone, cats, download):
    hub.repos[cats].private = True
    for client, status in (you, 404), (anyone, 401):
        for ask in (
            lambda client=client: client.model_info(cats),
            lambda client=client: download("config.json", client),
            lambda client=client: client.upload_file(repo_id=cats, path_in_repo="x", path_or_fileobj=b"x"),
        ):
            with pytest.raises(errors.RepositoryNotFoundError) as caught:
                ask()
            assert caught.value.response.status_code == status
    assert api.model_info(cats).private
    hub.repos[cats].readers.add("you")
    assert download("config.json", you) == b"{}"


def test_a_gated_repository(hub, you, anyone, api, download):
    hub.repos["me/cats"].gated = "manual"
    for client, status in (you, 403), (anyone, 401):
        assert client.model_info("me/cats").gated == "manual"
        with pytest.raises(errors.GatedRepoError) as caught:
            download("model.safetensors", client)
        assert caught.value.response.status_code == status
    assert download("model.safetensors", api) == WEIGHTS
    hub.create("me/dogs", gated=True)
    assert api.model_info("me/dogs").gated == "manual"


def test_a_bad_token(hub, cats, download):
    stranger = HfApi(endpoint=hub.endpoint, token="token-of-nobody")
    for ask in (
        stranger.whoami,
        lambda: stranger.model_info(cats),
        lambda: download("config.json", stranger),
    ):
        with pytest.raises(errors.HfHubHTTPError) as caught:
            ask()
        assert caught.value.response.status_code == 401
        assert not isinstance(caught.value, errors.RepositoryNotFoundError)


def test_only_the_owner_writes(hub, you, anyone, cats):
    before = dict(hub.repos[cats].refs)
    for write in (
        lambda client: client.upload_file(repo_id=cats, path_in_repo="x", path_or_fileobj=b"x"),
        lambda client: client.create_tag(cats, tag="v1"),
        lambda client: client.create_branch(cats, branch="next"),
        lambda client: client.delete_repo(cats),
    ):
        with pytest.raises(errors.HfHubHTTPError) as caught:
            write(you)
        assert caught.value.response.status_code == 403
        assert not hub.log[-1].endswith("/commit/main")  # refused before it has uploaded anything
        with pytest.raises(errors.RepositoryNotFoundError):
            write(anyone)
    assert hub.repos[cats].refs == before


# Faults


def test_a_cut_download_is_resumed(hub, cats, download, impatient):
    content = os.urandom(1000) * (MORE_THAN_A_CHUNK // 1000)
    hub.commit(cats, {"model.safetensors": content})
    fault = hub.cut("GET .*model.safetensors", after=MORE_THAN_A_CHUNK - 2**19, times=1)
    if huggingface_hub.__version__.startswith("1.0."):  # resumes, but not by itself
        with pytest.raises(errors.HTTPError):
            download("model.safetensors")
    assert download("model.safetensors") == content
    assert fault.struck == 1
    whole, rest = [
        headers for line, headers in zip(hub.log, hub.headers, strict=True) if line.startswith("GET /lfs/")
    ]
    assert "Range" not in whole
    assert rest["Range"] == f"bytes={10 * 2**20}-"


def test_parts(hub, cats):
    get = huggingface_hub.utils.get_session().get
    url = f"{hub.endpoint}/{cats}/resolve/main/model.safetensors"
    for wanted, content in (
        ("3-", WEIGHTS[3:]),
        ("3-7", WEIGHTS[3:8]),
        ("-7", WEIGHTS[-7:]),
        ("3-99999", WEIGHTS[3:]),
    ):
        answer = get(url, headers={"Range": f"bytes={wanted}"})
        assert (answer.status_code, answer.content) == (206, content)
    assert get(url, headers={"Range": "bytes=3-7"}).headers["Content-Range"] == f"bytes 3-7/{len(WEIGHTS)}"
    assert get(url, headers={"Range": f"bytes={len(WEIGHTS)}-"}).status_code == 416


def test_corrupt_content_is_taken_by_the_client(hub, cats, download):
    hub.corrupt("GET .*model.safetensors", times=1)
    assert download("model.safetensors") == WEIGHTS[:-1] + b"\0"
    assert download("model.safetensors", force_download=True) == WEIGHTS


def test_a_refusal_has_no_content_to_spoil(hub, api, cats):
    fault = hub.corrupt("GET /api/")
    with pytest.raises(errors.RevisionNotFoundError):
        api.model_info(cats, revision="v9")
    assert fault.struck == 0


def test_content_of_another_size_is_not(hub, cats, download):
    for spoil in hub.truncate, lambda match: hub.replace(match, b"version https://git-lfs"):
        fault = spoil("GET .*model.safetensors")
        with pytest.raises(OSError, match="Consistency check failed"):
            download("model.safetensors", force_download=True)
        assert fault.struck == 1
        hub.faults.clear()


def test_a_failed_upload_is_retried(hub, api, cats, impatient):
    fault = hub.fail("PUT /lfs/", status=503, times=2)
    api.upload_file(repo_id=cats, path_in_repo="model.safetensors", path_or_fileobj=b"new")
    assert (fault.struck, len(asked(hub, "PUT /lfs/"))) == (2, 3)
    assert hub.files(cats)["model.safetensors"] == b"new"


def test_a_failed_commit_is_not_made(hub, api, cats, impatient):
    hub.fail("/commit/main", status=503)
    with pytest.raises(errors.HfHubHTTPError) as caught:
        api.upload_file(repo_id=cats, path_in_repo="config.json", path_or_fileobj=b"new")
    assert caught.value.response.status_code == 503
    assert len(hub.commits(cats)) == 2
    hub.faults.clear()
    api.upload_file(repo_id=cats, path_in_repo="config.json", path_or_fileobj=b"new")
    assert hub.files(cats)["config.json"] == b"new"


def test_a_commit_can_be_made_although_its_answer_is_lost(hub, api, cats):
    hub.cut("/commit/main", times=1)
    with pytest.raises(errors.HTTPError) as caught:
        api.upload_file(repo_id=cats, path_in_repo="config.json", path_or_fileobj=b"new")
    assert not isinstance(caught.value, errors.HfHubHTTPError)
    assert hub.files(cats)["config.json"] == b"new"


def test_a_commit_of_a_client_that_was_killed_is_not_made(hub, cats):
    lines = b'{"key": "header", "value": {"summary": "x", "description": ""}}\n'
    for length, body in (
        (b"Content-Length: 999", lines),
        (b"Transfer-Encoding: chunked", b"40\r\n%s\r\n" % lines),
    ):
        with socket.create_connection(("127.0.0.1", hub.port)) as connection:
            request = (
                b"POST /api/models/me/cats/commit/main HTTP/1.1\r\nAuthorization: Bearer token-of-me\r\n"
            )
            connection.sendall(request + length + b"\r\n\r\n" + body)
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(100) == b""
    assert len(hub.commits(cats)) == 2


def test_a_late_answer(hub, cats, download):
    assert download("config.json") == b"{}"
    hub.commit(cats, {"config.json": b"new"})
    fault = hub.delay("HEAD", 5, times=1)
    start = time.monotonic()
    assert download("config.json", etag_timeout=0.2) == b"{}"
    assert 0.2 <= time.monotonic() - start < 3
    assert fault.struck == 1
    hub.delay("HEAD", 0.2, times=1)
    start = time.monotonic()
    assert download("config.json") == b"new"
    assert 0.2 <= time.monotonic() - start


def test_down_and_up(hub, api, cats, download, impatient):
    assert download("config.json") == b"{}"
    hub.down()
    with pytest.raises(errors.HTTPError) as caught:
        api.model_info(cats)
    assert type(caught.value).__name__ == "ConnectError"
    assert download("config.json") == b"{}"
    with pytest.raises(errors.LocalEntryNotFoundError):
        download("model.safetensors")
    hub.up()
    assert download("model.safetensors") == WEIGHTS
    assert hub.log[-1].startswith("GET /lfs/")


def test_nothing_is_left_behind():
    before = set(threading.enumerate())
    with Hub() as hub:
        HfApi(endpoint=hub.endpoint, token="token-of-me").create_repo("me/cats")
        started = set(threading.enumerate()) - before
    assert len(started) == 2  # one to accept and one for the connection, which the client keeps alive
    for thread in started:
        thread.join(5)
        assert not thread.is_alive()
    with socket.socket() as connection:
        assert connection.connect_ex(("127.0.0.1", hub.port)) != 0
