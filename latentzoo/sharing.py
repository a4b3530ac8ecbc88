"""The commands of the Hugging Face Hub: `latentzoo pull` and `latentzoo push`."""

import json
import pathlib
import sys
import warnings
from typing import Annotated

import typer

from latentzoo.errors import error
from latentzoo.shell import AsJson, complain, hush, printable


def pull(
    names: Annotated[list[str] | None, typer.Argument(help="Names, or user/repo on the Hub.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole shelf.")] = False,
    check: Annotated[bool, typer.Option(help="Only check what is here, without the network.")] = False,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit.")] = None,
    force: Annotated[bool, typer.Option(help="Fetch what is here as well.")] = False,
    as_json: AsJson = False,
):
    """Fetch checkpoints whole and check them, for use without a network; print where they are."""
    from latentzoo import hub, zoo

    if bool(names) == everything:
        received = "names and --all" if names else "neither"
        raise error("`pull` takes names, or the whole shelf.", "names, or --all", received)
    folders, mistakes = {}, []
    for name in zoo.list_models() if everything else names:
        try:
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                found = hub.pull(name, revision=revision, local_files_only=check, force_download=force)
        except (ValueError, OSError) as mistake:  # the others are still wanted
            mistakes.append(mistake)
        else:
            folders[name] = str(found)
            for warning in told:
                print(f"Warning: {printable(str(warning.message))}", file=sys.stderr)
            if not as_json:
                print(f"{name}: {'checked' if check else 'whole'} in {folders[name]}")
    if as_json:
        print(json.dumps(folders))
    for mistake in mistakes:
        complain(mistake)
    if mistakes:
        raise typer.Exit(2)


def push(
    folder: Annotated[
        str, typer.Argument(help="A checkpoint folder, or a name that `latentzoo list` shows.")
    ],
    repo: Annotated[str, typer.Argument(help="user/repo, or user/repo/folder; made if need be.")],
    private: Annotated[bool | None, typer.Option(help="Whether a new repo is private.")] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, made if need be; main if left out.")] = None,
    create_pr: Annotated[bool, typer.Option(help="Open a pull request instead.")] = False,
    message: Annotated[str | None, typer.Option("-m", "--message", help="Of the commit.")] = None,
    card: Annotated[pathlib.Path | None, typer.Option(help="A file with the README's text.")] = None,
    tag: Annotated[str | None, typer.Option(help="Tag the commit, such as v1.")] = None,
    as_json: AsJson = False,
):
    """Check a checkpoint and push it to the Hugging Face Hub; print the commit's URL."""
    from latentzoo import zoo
    from latentzoo.hub.place import target

    target(repo, revision, tag)
    zoo.info(folder)  # mistakes are told before TensorFlow takes its seconds
    with hush():
        import tensorflow  # noqa: F401
    from latentzoo import hub

    text = None if card is None else card.read_text(encoding="utf-8")
    url = hub.push(
        folder,
        repo,
        private=private,
        revision=revision,
        create_pr=create_pr,
        commit_message=message,
        card=text,
        tag=tag,
    )
    print(json.dumps({"url": url}) if as_json else url)
