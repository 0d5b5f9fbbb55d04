"""`brickwork publish`: a saved pipeline to the Hub, or what would be refused."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...state import InputError
from .shared.opening import opened
from .shared.output import print_json, remark, table
from .shared.target_command import TargetType
from .shared.targets import Target

if TYPE_CHECKING:
    from ...pipeline import ModularPipeline


@click.command("publish", short_help="Publish a saved pipeline, or say what would go.")
@click.argument("folder", type=TargetType())
@click.argument("repo", metavar="OWNER/NAME")
@click.option("--private", is_flag=True, default=None, help="Make the repository private, where it is new.")
@click.option("--license", "licence", metavar="ID", help="Of your code and weights, as the Hub writes it: apache-2.0.")
@click.option("--message", metavar="TEXT", help="Of the commit.")
@click.option("--pull-request", is_flag=True, help="Propose the commit instead.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Save to a folder of its own, say what would go and how the card looks, and upload nothing.",
)
@click.option("--json", "as_json", is_flag=True, help="The files, or the address, as JSON.")
def command(
    folder: Target,
    repo: str,
    private: bool | None,
    licence: str | None,
    message: str | None,
    pull_request: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Publish the pipeline of FOLDER (or of a workflow file) on the Hub, in one commit.

    It is opened, saved anew and compared before anything is sent; links, secrets and what would come back as something else are refused.
    """
    if folder.kind not in ("folder", "workflow"):
        raise InputError(f"{folder.text} is no folder of a saved pipeline, and no workflow file.")
    if "/" not in repo and dry_run:
        raise InputError(f"{repo!r} is no owner/name; --dry-run asks nobody who you are.")
    pipe = opened(folder, loads=True)
    if not dry_run:
        address = pipe.push_to_hub(
            repo, license_id=licence, private=private, commit_message=message, create_pr=pull_request
        )
        print_json({"address": address}) if as_json else click.echo(address)
        return
    files, card = _saved(pipe, repo, licence)
    if as_json:
        print_json({"repo": repo, "files": [{"name": n, "bytes": s, "sha256": d} for n, s, d in files], "card": card})
        return
    from ...registry.loading.weights import byte_words

    click.echo(
        table([(digest[:12], byte_words(size), name) for name, size, digest in files], ("sha256", "size", "file"))
    )
    click.echo(f"\n{card.rstrip()}")
    remark(f"Nothing was sent. {len(files)} files would go to {repo}.")


def _saved(pipe: ModularPipeline, repo: str, licence: str | None) -> tuple[list[tuple[str, int, str]], str]:
    """Save a pipeline as it would be published; return its files with size and SHA-256, and its card."""
    from ...pipeline.saving import save_pipeline
    from ...registry.publishing import publishable

    with tempfile.TemporaryDirectory(prefix="brickwork-publish-") as place:
        saved = Path(place) / repo.rpartition("/")[2]
        save_pipeline(pipe, saved, repo, origin=repo, licence=licence)
        files = [(name, path.stat().st_size, _digest(path)) for name, path in publishable(saved)]
        card = saved / "README.md"
        return files, card.read_text(encoding="utf-8") if card.is_file() else ""


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
