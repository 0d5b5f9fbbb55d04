"""`brickwork lock`: fix which commits and files a repository is, for ever."""

from __future__ import annotations

from pathlib import Path

import click

from ...state import InputError
from .shared.grants import is_granted, lock_key
from .shared.opening import quiet_libraries
from .shared.output import print_json, table
from .shared.target_command import TargetType
from .shared.targets import Target


@click.command("lock", short_help="Fix commits and files of a repository in a file.")
@click.argument("target", type=TargetType())
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default="brickwork.lock",
    show_default=True,
    help="Lock file.",
)
@click.option("--json", "as_json", is_flag=True, help="What is locked as JSON.")
def command(target: Target, out: Path, as_json: bool) -> None:
    """Load a repository once, and write its commit and the digests of its code and weights into a lock file.

    With brickwork run --lock FILE, or lock= in Python, a load is then the same, or refused.
    """
    if target.kind not in ("folder", "repo"):
        raise InputError(f"{target.text} is no repository; folders and owner/name are locked.")
    from ...pipeline import ModularPipeline
    from ...registry.hub.lock import Lock

    quiet_libraries()
    pipe = ModularPipeline.from_pretrained(
        target.name, revision=target.revision, lock=out, trust_remote_code=is_granted(target.name)
    )
    pipe.load_components()
    entries = [(name, entry) for name, entry in Lock.at(out).entries().values()]
    if as_json:
        print_json(
            [
                {"repo": name, "commit": entry.commit, "code": dict(entry.code), "files": dict(entry.files)}
                for name, entry in entries
            ]
        )
        return
    rows = [
        (name, entry.commit or "a folder", f"{len(entry.code)} of code, {len(entry.files)} of weights")
        for name, entry in entries
    ]
    click.echo(table(rows) if rows else f"Nothing of {lock_key(target.name)} needs a lock.")
    click.echo(str(out))
