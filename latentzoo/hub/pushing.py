"""Checkpoint folders to the Hub: checked first, sent in one commit, and in none if nothing is new."""

import pathlib
import shutil
import tempfile

from latentzoo.allowed import INDEX
from latentzoo.configs import read_config
from latentzoo.errors import error
from latentzoo.hub import client
from latentzoo.hub.cache import Access, blob_hash, checked, measured
from latentzoo.hub.mistakes import plainly
from latentzoo.hub.place import Place, target
from latentzoo.hub.pulling import EXTRAS, REFERENCES

MADE_OF_WEIGHTS = ("golden.npz", "samples.png", "interpolations.png", *REFERENCES)
PUBLISHED = ("metrics.json", "history.csv", *MADE_OF_WEIGHTS)  # of a folder, besides config and weights
CARD = "README.md"


def push_model(model, repo_id, *, card=None, revision=None, tag=None, **options):
    """`Autoencoder.push_to_hub`."""
    from latentzoo import checkpoints, finish, zoo

    target(repo_id, revision, tag)
    with tempfile.TemporaryDirectory(prefix="latentzoo-") as folder:
        folder = pathlib.Path(folder)
        checkpoints.save(model, folder)
        origin = checkpoints.unchanged(model, folder)
        for name in PUBLISHED if origin else ():  # what was measured of these weights goes with them
            if (origin / name).is_file():
                shutil.copyfile(origin / name, folder / name)
        if not (folder / "golden.npz").is_file():
            finish.illustrate(zoo.load(folder), folder)
        return push(folder, repo_id, card=card, revision=revision, tag=tag, **options)


def push(
    folder,
    repo_id,
    *,
    private=None,
    token=None,
    revision=None,
    create_pr=False,
    commit_message=None,
    card=None,
    tag=None,
    check=True,
):
    """Pushes a checkpoint folder to the Hugging Face Hub.

    Pushed are `config.json`, the weight files it tells of, the measurements and pictures, and a card; weight
    files and pictures of an older version there are deleted in the same commit. A card that a person
    has edited keeps its text; only our entries of its metadata are renewed (`library_name`, `pipeline_tag`,
    `datasets`, `base_model` and `model-index`).

    Args:
        folder: a checkpoint folder, or a name as in `latentzoo.load`.
        repo_id, private, token, revision, create_pr, commit_message, card, tag: as in
            `Autoencoder.push_to_hub`.
        check: bool. Whether to open the checkpoint and compare it with its `golden.npz` first.

    Returns:
        The URL of the commit, or of the pull request.

    Raises:
        ValueError, OSError, RuntimeError: as in `Autoencoder.push_to_hub`.
    """
    from latentzoo import cards, zoo

    place = target(repo_id, revision, tag)
    if create_pr and tag is not None:
        received = f"both, tag={tag!r}"
        raise error("A pull request has no tag.", "create_pr=True or tag=", received, "Tag it when merged.")
    if card is not None:
        cards.check(card)
    remote = Remote(place, Access(token).token)
    folder = zoo.find(folder, extras=True)
    config = read_config(folder)
    if check:
        verify(folder)
    remote.prepare(private)
    found = remote.files()

    names = ["config.json", *config["weights"], *(n for n in PUBLISHED if (folder / n).is_file())]
    names += [INDEX] if len(config["weights"]) > 1 and (folder / INDEX).is_file() else []
    changed = [n for n in names if n not in found or found[n] != blob_hash(folder / n, found[n])]
    stale = [n for n in found if n not in names and (n in PUBLISHED or is_weights(n))]
    if "config.json" not in changed:  # nor the weights then: pictures of them may differ in the last digit
        changed = [n for n in changed if n not in MADE_OF_WEIGHTS or n not in found]
        stale = [n for n in stale if is_weights(n)]
    additions = {n: folder / n for n in changed}

    there = remote.read(CARD) if CARD in found else None
    text = cards.readme(folder, str(Place(place.repo, place.folder)), given=card, there=there)
    if text != there:
        additions[CARD] = text
    message = commit_message or f"Push {config['class']} with latentzoo"
    return remote.commit(additions, stale, message, create_pr, tag)


def verify(folder):
    """Opens a checkpoint and compares it with its golden outputs."""
    from latentzoo import golden, zoo

    model = zoo.load(folder)
    if (folder / "golden.npz").is_file():
        golden.check(model, folder / "golden.npz")


def is_weights(name):
    return name.startswith("model") and name.endswith((".safetensors", ".safetensors.index.json"))


class Remote:
    """A repo of the Hub that is written to.

    Args:
        place: a `Place`, whose revision is a branch.
        token: str or `None`.

    Raises:
        PermissionError: there is no token.
    """

    def __init__(self, place, token):
        self.place, self.api = place, client.api(token)
        if not client.logged_in(token):
            remedy = f"To push, {client.LOG_IN}."
            raise error("You are not logged in.", "a token", "none", remedy, kind=PermissionError)

    def prepare(self, private=None):
        """Makes the repo and the branch if they are not there."""
        place = self.place
        with plainly(place, pushing=True):
            if not self.api.repo_exists(place.repo):
                self.api.create_repo(place.repo, private=private, exist_ok=True)
            refs = self.api.list_repo_refs(place.repo)
        self.tags = {tag.name: tag.target_commit for tag in refs.tags}
        self.branches = [branch.name for branch in refs.branches]
        self.check_free(place.revision, self.tags, "revision", "tag")
        with plainly(place, pushing=True):
            if place.revision not in self.branches and not place.revision.startswith("refs/pr/"):
                self.api.create_branch(place.repo, branch=place.revision, exist_ok=True)
            self.head = self.api.model_info(place.repo, revision=place.revision).sha

    def check_free(self, name, others, kind, other):
        """A branch and a tag of one name would hide one another."""
        if name in others:
            raise error(
                f"'{self.place.repo}' has a {other} of this name.",
                "another name",
                f"{kind}={name!r}",
                "Nothing was pushed. Choose another, or delete the old one on the Hub.",
            )

    def files(self):
        """`{file: hash}` of the files in the folder of the checkpoint."""
        with plainly(self.place, pushing=True):
            return client.listing(self.place, self.head, self.api.token)

    def read(self, name):
        """A small file, as it is now."""
        place = Place(self.place.repo, self.place.folder, self.head)
        with tempfile.TemporaryDirectory() as cache:  # not the user's, which is for what was asked for
            access = Access(self.api.token, cache)
            measured(place, {name: EXTRAS[CARD]}, access)
            return checked(place, name, access).read_bytes()

    def commit(self, additions, stale, message, create_pr, tag):
        """Makes one commit, or none if nothing is new; returns the URL of what is there now."""
        place = self.place
        operations = client.operations(place, additions, stale)
        made, url = self.head, f"{client.url(place)}/commit/{self.head}"
        if tag is not None:
            self.check_free(tag, self.branches, "tag", "branch")
            if operations or self.tags.get(tag) != self.head:  # else there is nothing to do
                self.check_free(tag, self.tags, "tag", "tag")
        with plainly(place, pushing=True):
            if operations:
                done = self.api.create_commit(
                    place.repo,
                    operations,
                    commit_message=message,
                    revision=place.revision,
                    create_pr=create_pr,
                    parent_commit=self.head,
                )
                made, url = done.oid, done.pr_url or done.commit_url
            if tag is not None and tag not in self.tags:
                self.api.create_tag(place.repo, tag=tag, revision=made)
        return str(url)
