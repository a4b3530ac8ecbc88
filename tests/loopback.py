"""An imitation of the Hugging Face Hub on 127.0.0.1: repositories and commits in memory, faults on demand.

    with Hub() as hub:
        hub.create("me/cats", files={"config.json": b"{}"})
        HfApi(endpoint=hub.endpoint, token="token-of-me").list_repo_files("me/cats")

It goes as far as huggingface_hub 1.0 to 2.x looks: model repositories, over HTTP and LFS. There is no Xet, so
set `HF_HUB_DISABLE_XET=1` before huggingface_hub is imported; no git, no organisations, no pages of results.

As on the Hub, a new repository has a commit of `.gitattributes`; the server decides which files are LFS; and
the ETag, by which a client's cache names content, is the SHA-256 of an LFS file and git's SHA-1 of any other.
"""

import base64
import contextlib
import dataclasses
import datetime
import hashlib
import http.server
import json
import math
import re
import socket
import sys
import threading
import urllib.parse
from collections.abc import Callable
from functools import cached_property

LFS_SUFFIXES = (".safetensors", ".npz", ".png")
GITATTRIBUTES = b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"


def is_lfs(path, size):
    """Whether the server wants a file as LFS. Never an empty one: the client does not upload it."""
    return size > 0 and (path.endswith(LFS_SUFFIXES) or size > 10_000_000)


@dataclasses.dataclass(frozen=True)
class File:
    """A file in a commit. Of an LFS file git holds a pointer, and the content lies elsewhere."""

    content: bytes
    lfs: bool = False

    @cached_property
    def sha256(self):
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def blob(self):
        """What git holds."""
        if not self.lfs:
            return self.content
        facts = f"oid sha256:{self.sha256}\nsize {len(self.content)}\n"
        return f"version https://git-lfs.github.com/spec/v1\n{facts}".encode()

    @cached_property
    def oid(self):
        return hashlib.sha1(b"blob %d\0" % len(self.blob) + self.blob).hexdigest()

    @property
    def etag(self):
        return self.sha256 if self.lfs else self.oid

    def facts(self):
        facts = {"type": "file", "oid": self.oid, "size": len(self.content)}
        lfs = {"oid": self.sha256, "size": len(self.content), "pointerSize": len(self.blob)}
        return facts | ({"lfs": lfs} if self.lfs else {})


@dataclasses.dataclass(frozen=True)
class Commit:
    """All files of a repository at one time."""

    oid: str
    parent: str | None
    message: str
    description: str
    user: str
    date: str
    files: dict[str, File]

    def listing(self):
        """The facts of every file and folder, by path."""
        folders = {path[:i] for path in self.files for i, letter in enumerate(path) if letter == "/"}
        facts = {path: {"type": "directory", "oid": self.oid, "size": 0} for path in folders}
        facts |= {path: file.facts() for path, file in self.files.items()}
        return {path: {"path": path} | facts[path] for path in sorted(facts)}


class Refusal(Exception):
    """An error answer. The client makes its exception by the status and the X-Error-Code."""

    def __init__(self, status, message, code=None, headers=None):
        super().__init__(message)
        facts = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        self.answer = Answer(status, json.dumps({"error": message}).encode(), facts | (headers or {}))


class Repo:
    """Commits by their SHA, and the refs to them: `refs/heads/...`, `refs/tags/...` and `refs/pr/...`."""

    def __init__(self, name, private=False, gated=False):
        self.name, self.private, self.gated = name, private, gated
        self.owner = name.split("/")[0]
        self.readers = set()  # users besides the owner who may read what is private or gated
        self.refs, self.commits = {}, {}
        self.authors = {}  # of pull requests, by ref
        self.commit("refs/heads/main", {".gitattributes": File(GITATTRIBUTES)}, None, "initial commit")

    def find(self, revision):
        """The commit of a branch, tag, pull request or SHA."""
        names = (f"refs/heads/{revision}", f"refs/tags/{revision}", revision)
        oid = next((self.refs[name] for name in names if name in self.refs), revision)
        if oid not in self.commits:
            raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return self.commits[oid]

    def moving(self, revision):
        """The ref that a commit to `revision` moves, which is no tag or SHA."""
        ref = revision if revision.startswith("refs/pr/") else f"refs/heads/{revision}"
        if ref not in self.refs:
            raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return ref

    def commit(self, ref, files, parent, message, description="", user=None):
        """Put a commit of exactly `files` on `parent`, and let `ref` name it. Time is not in the SHA."""
        blobs = sorted((path, file.oid) for path, file in files.items())
        content = (self.name, len(self.commits), parent, message, description, blobs)
        oid = hashlib.sha1(repr(content).encode()).hexdigest()
        date = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        self.commits[oid] = Commit(oid, parent, message, description, user or self.owner, date, files)
        self.refs[ref] = oid
        return oid

    def history(self, revision):
        """The commit of a revision and those before it."""
        commits = [self.find(revision)]
        while commits[-1].parent is not None:
            commits.append(self.commits[commits[-1].parent])
        return commits

    def may_read(self, user):
        return user is not None and user in {self.owner, *self.readers}

    def check_write(self, user, revision="main", new_pull=False):
        """Refuse all but the owner, the author of a pull request for that, and any user for a new one."""
        if user is None:
            raise Refusal(401, "Invalid username or password.", "RepoNotFound")
        if not (user == self.owner or new_pull or self.authors.get(revision) == user):
            raise Refusal(403, f"Authorization error: {user} may not write to {self.name}")


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the server sends. After `cut` bytes of the body, if that is set, it breaks the connection."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    cut: int | None = None

    def part(self, wanted):
        """The part that a Range header wants: `bytes=3-`, `bytes=3-7` or `bytes=-7`."""
        first, last = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted).groups()
        size = len(self.body)
        start = int(first) if first else max(size - int(last), 0)
        stop = min(int(last) + 1, size) if first and last else size
        if start >= stop:
            return Answer(416, headers={"Content-Range": f"bytes */{size}"})
        headers = self.headers | {"Content-Range": f"bytes {start}-{stop - 1}/{size}"}
        return Answer(206, self.body[start:stop], headers, self.cut)


@dataclasses.dataclass
class Fault:
    """What becomes of the first `times` requests whose "METHOD path" the pattern finds.

    An early one comes before what was asked is done, and may answer instead. The others change what is sent,
    if there is content to change. A test can see in `struck` how many requests met it.
    """

    match: str
    act: Callable
    times: float = math.inf
    early: bool = False
    struck: int = 0


class Hub:
    """The server as a test sees it: its repositories, what it was asked, and the faults it is told to have.

    Attributes:
        endpoint: what `HfApi(endpoint=...)` takes; the same while the Hub is down and up again.
        tokens: the users, by token. A user owns the repositories of that name.
        repos: `Repo` by name, with `.refs`, `.authors`, `.private`, `.gated` and `.readers` to see or set.
        log: the requests as "METHOD path?query", percent-encoded as they came.
        headers: the headers of each, as in `hub.headers[-1]["user-agent"]`.
        part_size: if it is set, larger LFS files are uploaded in parts of so many bytes.
    """

    def __init__(self):
        self.tokens = {"token-of-me": "me", "token-of-you": "you"}
        self.repos, self.lfs, self.parts, self.part_size = {}, {}, {}, None
        self.log, self.headers, self.faults = [], [], []
        self.lock, self.closing = threading.RLock(), threading.Event()
        self.server = Server(self, 0)
        self.port = self.server.server_address[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        self.up()
        return self

    def __exit__(self, *_):
        self.closing.set()
        self.server.stop()

    def up(self):
        self.server.start()

    def down(self):
        """Break all connections and refuse new ones: a bound socket that does not listen keeps the port."""
        self.server.stop()
        self.server = Server(self, self.port)

    def create(self, repo, private=False, gated=False, files=None):
        """Make a repository, with a second commit if there are `files`. Returns the SHA of the last."""
        self.repos[repo] = Repo(repo, private, "manual" if gated else False)
        return self.commit(repo, files) if files else self.commits(repo)[0].oid

    def commit(self, repo, files, deleted=(), revision="main", message="Update"):
        """Commit files, {path: bytes}, as the owner. Returns the SHA."""
        repo = self.repos[repo]
        new = {path: File(content, is_lfs(path, len(content))) for path, content in files.items()}
        self.lfs |= {file.sha256: file.content for file in new.values() if file.lfs}
        parent = repo.find(revision)
        kept = {path: file for path, file in parent.files.items() if path not in deleted}
        return repo.commit(repo.moving(revision), kept | new, parent.oid, message)

    def files(self, repo, revision="main"):
        return {path: file.content for path, file in self.repos[repo].find(revision).files.items()}

    def commits(self, repo, revision="main"):
        """The commits of a revision, newest first: `.oid`, `.parent`, `.message`, `.user`, `.files`."""
        return self.repos[repo].history(revision)

    def tag(self, repo, name, revision="main"):
        self.repos[repo].refs[f"refs/tags/{name}"] = self.repos[repo].find(revision).oid

    def branch(self, repo, name, revision="main"):
        self.repos[repo].refs[f"refs/heads/{name}"] = self.repos[repo].find(revision).oid

    # Faults

    def fault(self, *args, **keywords):
        self.faults.append(Fault(*args, **keywords))
        return self.faults[-1]

    def fail(self, match, status=503, times=math.inf, headers=None):
        """Answer with an error, and do not do what was asked."""
        answer = Refusal(status, "The test asked for this fault.", headers=headers).answer
        return self.fault(match, lambda _: answer, times, early=True)

    def delay(self, match, seconds, times=math.inf):
        """Answer late. Not by `time.sleep`, which tests take from the client so as not to wait for it."""

        def act(_):
            self.closing.wait(seconds)

        return self.fault(match, act, times, early=True)

    def cut(self, match, after=0, times=math.inf):
        """Do what was asked, but break the connection after so many bytes of the answer's body."""
        return self.fault(match, lambda answer: dataclasses.replace(answer, cut=after), times)

    def replace(self, match, content, times=math.inf):
        """Send other content, such as the text of an LFS pointer."""
        return self.change(match, lambda body: content, times)

    def corrupt(self, match, times=math.inf):
        """Send as many bytes, the last of them wrong."""
        return self.change(match, lambda body: body[:-1] + bytes([body[-1] ^ 0xFF]), times)

    def truncate(self, match, times=math.inf):
        """Send the first half as if it were all."""
        return self.change(match, lambda body: body[: len(body) // 2], times)

    def change(self, match, edit, times):
        return self.fault(match, lambda answer: dataclasses.replace(answer, body=edit(answer.body)), times)

    def met(self, line, early):
        """The faults that a request meets now."""
        with self.lock:
            met = [
                fault
                for fault in self.faults
                if fault.early == early and fault.struck < fault.times and re.search(fault.match, line)
            ]
            for fault in met:
                fault.struck += 1
            return met


class Server(http.server.ThreadingHTTPServer):
    """A bound socket, to be started once, that knows its connections: kept alive, they would outlive it."""

    daemon_threads = True

    def __init__(self, hub, port):
        super().__init__(("127.0.0.1", port), Endpoints, bind_and_activate=False)
        self.hub, self.thread, self.connections = hub, None, set()
        self.server_bind()

    def start(self):
        self.server_activate()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self):
        if self.thread is not None:
            self.shutdown()
            self.thread.join()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):  # it may be closed by now
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def process_request(self, request, client_address):
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    """HTTP: takes a request, lets the faults or an endpoint answer, and sends that."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def respond(self):
        self.hub, self.body = self.server.hub, self.content()
        self.line = f"{self.command} {self.path}"
        with self.hub.lock:
            self.hub.log.append(self.line)
            self.hub.headers.append(self.headers)
        answer = self.answer()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: answer.cut])
        self.close_connection = self.close_connection or answer.cut is not None

    do_HEAD = do_GET = do_POST = do_PUT = do_DELETE = respond

    def answer(self):
        for fault in self.hub.met(self.line, early=True):
            answer = fault.act(None)
            if answer is not None:
                return answer
        with self.hub.lock:
            try:
                answer = self.dispatch()
            except Refusal as refusal:
                return refusal.answer
        if answer.body:
            for fault in self.hub.met(self.line, early=False):
                answer = fault.act(answer)
        wanted = self.headers.get("Range")
        return answer.part(wanted) if wanted and answer.status == 200 else answer

    def content(self):
        """The body of the request, which the client streams if it does not know the length."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.exactly(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.exactly(1) + self.rfile.readline(), 16):
            chunks.append(self.exactly(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def exactly(self, size):
        """So many bytes. Half of a commit, from a client that was killed, must not be done."""
        content = self.rfile.read(size)
        if len(content) < size:
            raise ConnectionError("the client has gone")
        return content

    def log_message(self, *_):
        pass


ROUTES = []


def route(method, path):
    """Let a method of `Endpoints` answer a path, in which `{name}` is an argument, given unquoted."""
    parts = {"repo": "[^/]+/[^/]+?", "path": ".+"}
    pattern = re.sub(r"{(\w+)}", lambda name: f"(?P<{name[1]}>{parts.get(name[1], '[^/]+')})", path)

    def register(endpoint):
        ROUTES.append((method, re.compile(pattern), endpoint))
        return endpoint

    return register


class Endpoints(Handler):
    """What can be asked. Each returns an `Answer`, or data that is sent as JSON."""

    def dispatch(self):
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and token not in self.hub.tokens:
            raise Refusal(401, "Invalid credentials in Authorization header")
        self.user = self.hub.tokens.get(token)
        path, _, query = self.path.partition("?")
        self.query = dict(urllib.parse.parse_qsl(query))
        for method, pattern, endpoint in ROUTES:
            match = method == self.command and pattern.fullmatch(path)
            if match:
                names = {name: urllib.parse.unquote(value) for name, value in match.groupdict().items()}
                if "repo" in names:
                    names["repo"] = self.open(names["repo"])
                answer = endpoint(self, **names)
                return answer if isinstance(answer, Answer) else Answer(200, json.dumps(answer).encode())
        raise Refusal(404, f"tests/loopback.py has no {self.line}")

    def open(self, name):
        """A repository that the user may know of. The code is for http: on https any 401 means as much."""
        repo = self.hub.repos.get(name)
        if repo is not None and (not repo.private or repo.may_read(self.user)):
            return repo
        if self.user is None:
            raise Refusal(401, "Invalid username or password.", "RepoNotFound")
        raise Refusal(404, "Repository not found", "RepoNotFound")

    def asked(self):
        return json.loads(self.body)

    def lfs_url(self, *parts):
        """An address on another host: the client would follow a redirect of its HEAD request to this one."""
        return f"http://localhost:{self.hub.port}/lfs/" + urllib.parse.quote("/".join(parts))

    @route("GET", "/api/whoami-v2")
    def whoami(self):
        if self.user is None:
            raise Refusal(401, "Invalid username or password.")
        return {"type": "user", "name": self.user, "fullname": self.user, "orgs": []}

    @route("POST", "/api/validate-yaml")
    def validate_yaml(self):
        valid = self.asked()["content"].startswith("---\n")
        warning = {"message": "empty or missing yaml metadata in repo card"}
        return {"errors": [], "warnings": [] if valid else [warning]}

    @route("POST", "/api/repos/create")
    def create_repo(self):
        wanted = self.asked()
        owner = wanted["organization"] or self.user
        if self.user is None:
            raise Refusal(401, "Invalid username or password.")
        if self.user != owner:
            raise Refusal(403, f"You don't have the rights to create a model under the namespace {owner}")
        name = f"{owner}/{wanted['name']}"
        created = {"name": name, "url": f"{self.hub.endpoint}/{name}"}
        if name in self.hub.repos:  # the client reads the URL also here
            error = created | {"error": "You already created this model repo"}
            return Answer(409, json.dumps(error).encode())
        # 1.0 sends the one, 2.x the other
        self.hub.create(name, private=wanted.get("private") or wanted.get("visibility") == "private")
        return created

    @route("DELETE", "/api/repos/delete")
    def delete_repo(self):
        wanted = self.asked()
        repo = self.open(f"{wanted['organization'] or self.user}/{wanted['name']}")
        repo.check_write(self.user)
        del self.hub.repos[repo.name]
        return {}

    @route("GET", "/api/models/{repo}")
    @route("GET", "/api/models/{repo}/revision/{revision}")
    def model_info(self, repo, revision="main"):
        commit = repo.find(revision)
        names = {"id": repo.name, "modelId": repo.name, "author": repo.owner, "sha": commit.oid, "tags": []}
        state = {"private": repo.private, "gated": repo.gated, "disabled": False, "lastModified": commit.date}
        return names | state | {"siblings": [{"rfilename": path} for path in sorted(commit.files)]}

    @route("GET", "/api/models/{repo}/tree/{revision}")
    @route("GET", "/api/models/{repo}/tree/{revision}/{path}")
    def tree(self, repo, revision, path=""):
        folder = path + "/" if path else ""
        below = {p: facts for p, facts in repo.find(revision).listing().items() if p.startswith(folder)}
        if not below:
            raise Refusal(404, f"{path} does not exist on {revision}", "EntryNotFound")
        recursive = self.query.get("recursive", "").lower() == "true"
        return [facts for p, facts in below.items() if recursive or "/" not in p.removeprefix(folder)]

    @route("POST", "/api/models/{repo}/paths-info/{revision}")
    def paths_info(self, repo, revision):
        paths = urllib.parse.parse_qs(self.body.decode()).get("paths", [])
        listing = repo.find(revision).listing()
        return [listing[path] for path in paths if path in listing]

    @route("GET", "/api/models/{repo}/commits/{revision}")
    def commits(self, repo, revision):
        return [
            {"id": commit.oid, "title": commit.message, "message": commit.description, "date": commit.date}
            | {"authors": [{"user": commit.user}]}
            for commit in repo.history(revision)
        ]

    @route("GET", "/api/models/{repo}/refs")
    def refs(self, repo):
        def listed(prefix, kept=""):
            return [
                {"name": kept + ref.removeprefix(prefix), "ref": ref, "targetCommit": oid}
                for ref, oid in repo.refs.items()
                if ref.startswith(prefix)
            ]

        pulls = {"pullRequests": listed("refs/pr/", "refs/pr/")} if "include_prs" in self.query else {}
        return {"branches": listed("refs/heads/"), "tags": listed("refs/tags/"), "converts": []} | pulls

    @route("POST", "/api/models/{repo}/branch/{name}")
    def create_branch(self, repo, name):
        return self.create_ref(repo, f"refs/heads/{name}", self.asked().get("startingPoint", "main"))

    @route("POST", "/api/models/{repo}/tag/{revision}")
    def create_tag(self, repo, revision):
        return self.create_ref(repo, f"refs/tags/{self.asked()['tag']}", revision)

    def create_ref(self, repo, ref, revision):
        repo.check_write(self.user)
        if ref in repo.refs:
            raise Refusal(409, "Reference already exists")
        repo.refs[ref] = repo.find(revision).oid
        return {}

    @route("DELETE", "/api/models/{repo}/{kind}/{name}")
    def delete_ref(self, repo, kind, name):
        repo.check_write(self.user)
        ref = {"branch": "refs/heads/", "tag": "refs/tags/"}[kind] + name
        if repo.refs.pop(ref, None) is None:
            raise Refusal(404, f"Invalid rev id: {ref}", "RevisionNotFound")
        return {}

    @route("POST", "/api/models/{repo}/preupload/{revision}")
    def preupload(self, repo, revision):
        repo.check_write(self.user, revision, "create_pr" in self.query)
        present, answers = repo.find(revision).files, []
        for path, size in [(file["path"], file["size"]) for file in self.asked()["files"]]:
            mode = "lfs" if is_lfs(path, size) else "regular"
            known = {"oid": present[path].etag} if path in present else {}
            answers.append({"path": path, "uploadMode": mode, "shouldIgnore": False} | known)
        return {"files": answers}

    @route("POST", "/{repo}.git/info/lfs/objects/batch")
    def lfs_batch(self, repo):
        """Where to upload what is not here yet. For a new pull request the client names no ref."""
        wanted, size = self.asked(), self.hub.part_size
        repo.check_write(self.user, wanted.get("ref", {}).get("name"), "ref" not in wanted)
        objects = []
        for item in [{"oid": item["oid"], "size": item["size"]} for item in wanted["objects"]]:
            upload = {"href": self.lfs_url(item["oid"])}
            if size and item["size"] > size:
                numbers = [str(i + 1) for i in range(math.ceil(item["size"] / size))]
                parts = {number: self.lfs_url(item["oid"], number) for number in numbers}
                upload["header"] = {"chunk_size": str(size)} | parts
            verify = {"href": f"{self.hub.endpoint}/{repo.name}.git/info/lfs/objects/verify"}
            here = item["oid"] in self.hub.lfs
            objects.append(item | ({} if here else {"actions": {"upload": upload, "verify": verify}}))
        return {"transfer": "basic", "objects": objects}

    @route("POST", "/{repo}.git/info/lfs/objects/verify")
    def lfs_verify(self, repo):
        wanted = self.asked()
        if len(self.hub.lfs.get(wanted["oid"], b"")) != wanted["size"]:
            raise Refusal(404, f"{wanted['oid']} was not uploaded")
        return {}

    @route("PUT", "/lfs/{oid}")
    def lfs_upload(self, oid):
        return self.store(oid, self.body)

    @route("PUT", "/lfs/{oid}/{number}")
    def lfs_upload_part(self, oid, number):
        self.hub.parts[oid, int(number)] = self.body
        return Answer(headers={"ETag": f'"{number}"'})

    @route("POST", "/lfs/{oid}")
    def lfs_complete(self, oid):
        numbers = [part["partNumber"] for part in self.asked()["parts"]]
        return self.store(oid, b"".join(self.hub.parts.pop((oid, number)) for number in numbers))

    def store(self, oid, content):
        if hashlib.sha256(content).hexdigest() != oid:
            raise Refusal(400, f"the content is not that of {oid}")
        self.hub.lfs[oid] = content
        return {}

    @route("GET", "/lfs/{oid}/{path}")
    def lfs_download(self, oid, path):
        return Answer(200, self.hub.lfs[oid], {"ETag": f'"{oid}"'})

    @route("POST", "/api/models/{repo}/commit/{revision}")
    def commit(self, repo, revision):
        pull = "create_pr" in self.query
        repo.check_write(self.user, revision, pull)
        header, *operations = (json.loads(line) for line in self.body.splitlines())
        header = header["value"]
        ref, parent, wanted = repo.moving(revision), repo.find(revision), header.get("parentCommit")
        if pull:
            ref, parent = f"refs/pr/{len(repo.authors) + 1}", repo.find(wanted or revision)
        elif wanted and not parent.oid.startswith(wanted):
            raise Refusal(412, "A commit has happened since. Please refresh and try again.")
        files = dict(parent.files)
        for operation in operations:
            self.apply(files, operation["key"], operation["value"])
        oid = repo.commit(ref, files, parent.oid, header["summary"], header["description"], self.user)
        url = f"{self.hub.endpoint}/{repo.name}"
        done = {"success": True, "commitOid": oid, "commitUrl": f"{url}/commit/{oid}"}
        if pull:
            repo.authors[ref] = self.user
            done["pullRequestUrl"] = f"{url}/discussions/{len(repo.authors)}"
        return done

    def apply(self, files, key, value):
        """Do one operation of a commit to a dictionary of files."""
        path = value["path"]
        if key == "file":
            files[path] = File(base64.b64decode(value["content"]))
        elif key == "lfsFile":
            if value["oid"] not in self.hub.lfs:
                raise Refusal(400, f"an LFS pointer pointed to a file that does not exist: {path}")
            files[path] = File(self.hub.lfs[value["oid"]], lfs=True)
        else:
            folder = path.rstrip("/") + "/"
            gone = [p for p in files if (p == path if key == "deletedFile" else p.startswith(folder))]
            if not gone:
                raise Refusal(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
            for name in gone:
                del files[name]

    @route("HEAD", "/{repo}/resolve/{revision}/{path}")
    @route("GET", "/{repo}/resolve/{revision}/{path}")
    def resolve(self, repo, revision, path):
        if repo.gated and not repo.may_read(self.user):
            message = f"Access to model {repo.name} is restricted and you are not in the authorized list."
            raise Refusal(403 if self.user else 401, message, "GatedRepo")
        commit = repo.find(revision)
        headers = {"X-Repo-Commit": commit.oid}
        if path not in commit.files:
            raise Refusal(404, "Entry not found", "EntryNotFound", headers)
        file = commit.files[path]
        headers["ETag"] = f'"{file.etag}"'
        if not file.lfs:
            return Answer(200, file.content, headers)
        linked = {"X-Linked-ETag": f'"{file.etag}"', "X-Linked-Size": str(len(file.content))}
        return Answer(302, b"", headers | linked | {"Location": self.lfs_url(file.sha256, path)})
