"""`brickwork trust`: whose code may run."""

from __future__ import annotations

import click

from ...state import InputError
from ...state.errors import did_you_mean
from .shared.grants import lock_key
from .shared.output import print_json, table
from .shared.target_command import TargetType
from .shared.targets import Target


@click.group("trust", short_help="Say whose code may run.")
def command() -> None:
    """Say whose code may run: of repositories and folders that bring blocks of their own."""


@command.command("list", short_help="List what was granted, with commits and hashes.")
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
def list_granted(as_json: bool) -> None:
    """List what was granted, by repository, with the commit and the hash of each file of code."""
    from ...registry.hub.lock import Lock

    granted = [(name, entry) for name, entry in Lock.at(None).entries().values() if entry.code]
    if as_json:
        print_json([{"repo": name, "commit": entry.commit, "code": dict(entry.code)} for name, entry in granted])
        return
    rows = [
        (name, entry.commit or "a folder", file, digest)
        for name, entry in granted
        for file, digest in entry.code.items()
    ]
    click.echo(table(rows, ("repository", "commit", "file", "SHA-256")) if rows else "Nothing was granted.")


@command.command("grant")
@click.argument("target", type=TargetType())
@click.option("--at", "state", metavar="COMMIT", help="Only at this commit, or with this digest of its code.")
def grant(target: Target, state: str | None) -> None:
    """Let the code of a repository or folder run as it is now. Read it first: it can do anything that you can.

    If the code changes, the next command shows the difference and runs nothing.
    """
    from ...registry.hub.lock import Lock
    from ...saving.open_repository import open_repository

    if target.kind not in ("folder", "repo"):
        raise InputError(f"{target.text} brings no code; code is of folders and of repositories on the Hub.")
    opened = open_repository(target.name, state or True, None, target.revision)
    entry = Lock.at(None).of(opened.files.repo.key)
    if entry is None or not entry.code:
        click.echo(f"{target.text} brings no code of its own; nothing needs to be granted.")
        return
    click.echo(f"Granted: {target.text} at {entry.commit or 'its present state'}")
    click.echo(table([(file, digest) for file, digest in entry.code.items()]))


@command.command("revoke")
@click.argument("repo")
def revoke(repo: str) -> None:
    """Take a grant back."""
    from ...registry.hub.lock import Lock, LockedRepo

    lock, name = Lock.at(None), lock_key(repo)
    known = lock.of(name)
    if known is None or not known.code:
        granted = [each for each, entry in lock.entries().values() if entry.code]
        raise InputError(f"Nothing was granted to {repo}. {did_you_mean(name, granted)}")
    lock.record(name, LockedRepo(known.commit, {}, known.files))
    click.echo(f"{repo} may run no code any more.")
