"""`brickwork publish`: a saved pipeline to the Hub or to a folder, or what would be refused."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from attrs import define, field

from ...state import BrickworkError, InputError, RepoError, TrustError
from ...state.limits import LARGEST_JSON
from ...state.reading import read_bytes
from .shared.change_options import blocks_option
from .shared.exits import ABSENT, UNTRUSTED, with_options
from .shared.opening import opened
from .shared.output import print_json, remark, table
from .shared.published_folder import folder_fault, folder_of, refuse_folder, refuse_options, save_fault
from .shared.target_command import TargetType
from .shared.targets import Target

_MOST_LEFT = 20
"""Files that stay here which are named."""

_READ_ONLY = """What is said above was found by reading alone. Whether it opens and comes back as the same is known only once its code has run on this \
machine; of a folder of your own, grant it, and say this again."""


@click.command("publish", short_help="Publish a saved pipeline, or say what would go.")
@click.argument("folder", type=TargetType())
@click.argument("to", metavar="OWNER/NAME|./FOLDER")
@blocks_option
@click.option("--private", is_flag=True, default=None, help="Make the repository private, where it is new.")
@click.option("--license", "licence", metavar="ID", help="Of your code and weights, as the Hub writes it: apache-2.0.")
@click.option("--message", metavar="TEXT", help="Of the commit.")
@click.option("--pull-request", is_flag=True, help="Propose the commit instead.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Save to a folder of its own, say what would go, what would be refused and how the card looks, and upload nothing.",
)
@click.option("--json", "as_json", is_flag=True, help="The files and faults, or the address, as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    folder: Target,
    to: str,
    private: bool | None,
    licence: str | None,
    message: str | None,
    pull_request: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Publish the pipeline of FOLDER (or of a workflow file) on the Hub, in one commit, or write the same to a folder of this machine.

    It is opened, saved anew and compared before anything is sent; links, secrets and what would come back as something else are refused. A README.md that
    you have written goes along.

    What begins with ./ (or ../, /, ~), or is a folder that is there, is a folder: it is new, empty, or of an earlier save.
    """
    if folder.kind not in ("folder", "workflow"):
        raise InputError(f"{folder.text} is no folder of a saved pipeline, and no workflow file.")
    place = folder_of(to)
    if place is not None:
        refuse_options(private=private, message=message, pull_request=pull_request)
    if dry_run:
        if place is None and "/" not in to:
            raise InputError(f"{to!r} is no owner/name; --dry-run asks nobody who you are.")
        found = _DryRun.of(folder, to, place, licence)
        _print_json(found) if as_json else _print_text(found)
        if found.refused is not None and as_json:
            ctx.exit(UNTRUSTED)
        if found.refused is not None:
            raise TrustError(found.refused)
        if found.faults and as_json:
            ctx.exit(ABSENT)
        if found.faults:
            raise RepoError.of(f"{to} would be refused", found.faults)
        return
    if place is not None:
        _write_to(place, folder, licence)
        print_json({"folder": str(place)}) if as_json else click.echo(str(place))
        return
    from ...registry.publishing import publish

    save = _saving(folder, licence)
    address = publish(save, to, private=private, commit_message=message, create_pr=pull_request)
    print_json({"address": address}) if as_json else click.echo(address)


def _saving(source: Target, licence: str | None) -> Callable[[Path, str], None]:
    """Open what is published, and return what saves it to a folder under the name of a repository."""
    from ...pipeline.saving import save_pipeline

    pipe = opened(source, loads=True)
    keep_card = _card_keeper(source)

    def save(folder: Path, name: str) -> None:
        save_pipeline(pipe, folder, name, origin=name, licence=licence, finish=keep_card)

    return save


def _write_to(folder: Path, source: Target, licence: str | None) -> None:
    """Write to a folder what would be sent.

    Raises:
        BrickworkError: it cannot be saved, would not be sent, or the folder holds something else; the folder is as it was.
    """
    from ...pipeline.saving import save_pipeline
    from ...registry.hub.repo import local_name
    from ...registry.publishing import publishable

    refuse_folder(folder, source)
    pipe = opened(source, loads=True)
    keep_card = _card_keeper(source)

    def finish(stage: Path) -> None:
        keep_card(stage)
        publishable(stage)

    own = local_name(str(folder))
    save_pipeline(pipe, folder, own, origin=own, licence=licence, finish=finish)


def _card_keeper(source: Target) -> Callable[[Path], None]:
    """Return what puts the card that a person has written, if there is one, in the place of the one that was made."""
    from ...saving.model_card import CARD

    own = _own_card(source)

    def keep(folder: Path) -> None:
        if own is not None:
            (folder / CARD).write_bytes(own)

    return keep


def _own_card(source: Target) -> bytes | None:
    """Return the card that a person has written; None where it is ours, which is made anew, a link, or not there."""
    from ...saving.model_card import CARD, MARK

    path = source.path / CARD
    if source.kind != "folder" or path.is_symlink() or not path.is_file():
        return None
    found = read_bytes(path, LARGEST_JSON)
    return None if MARK.encode() in found else found


@define
class _DryRun:
    """What publishing would send, and refuse.

    Attributes:
        files: name, bytes and SHA-256 of each that would go. left: files of the folder that would stay. card: of the repository.
        refused: why its own code was not run, so that files are those that lie there; None where it was, or where there is none.
        folder: to which it would be written; None of a repository on the Hub.
    """

    repo: str
    folder: Path | None
    licence: str | None
    faults: list[str] = field(factory=list)
    files: list[tuple[str, int, str]] = field(factory=list)
    left: list[str] = field(factory=list)
    card: str = ""
    refused: str | None = None

    @classmethod
    def of(cls, source: Target, repo: str, folder: Path | None, licence: str | None) -> _DryRun:
        """Save as if to publish, and note all that is wrong.

        Code that was not granted is not run to find out more: the files that lie there are then looked at.
        """
        from ...registry.hub.credentials import credential_in
        from ...registry.hub.repo import local_name
        from ...registry.publishing import publishable_or_not, repo_name_fault
        from ...saving.model_card import CARD

        found = cls(repo, folder, licence)
        name = repo if folder is None else local_name(str(folder))
        fault = repo_name_fault(repo) if folder is None else folder_fault(folder, source)
        found.faults += [fault] if fault else []
        with tempfile.TemporaryDirectory(prefix="brickwork-publish-") as place:
            # A name that is refused must not lead out of it.
            is_named = folder is not None or not fault
            saved = Path(place) / (Path(name).name if is_named else "repo")
            try:
                _saving(source, licence)(saved, name if is_named else "owner/repo")
                files, faults = publishable_or_not(saved)
                other = None if folder is None or fault else save_fault(folder, saved)
                faults += [other] if other else []
            except TrustError as error:
                if source.kind != "folder":
                    raise
                found.refused = f"{error}\n{_READ_ONLY}"
                files, faults = publishable_or_not(source.path)
            except BrickworkError as error:
                files, faults = [], list(error.faults or [str(error)])
            found.faults += faults
            found.files = [(name, path.stat().st_size, _digest(path)) for name, path in files]
            card = next((path for name, path in files if name == CARD), None)
            # A token in it is not shown either.
            if card is not None and credential_in(card) is None:
                found.card = card.read_text(encoding="utf-8", errors="replace")
        going = {name for name, _, _ in found.files}
        found.left = [] if source.kind != "folder" else sorted({*_names_in(source.path)} - going)
        return found


def _names_in(folder: Path) -> Iterator[str]:
    """Yield the files of a folder, hidden folders as one."""
    for place, folders, files in os.walk(folder):
        within = Path(place).relative_to(folder)
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        hidden = [name for name in folders if name.startswith(".") and name not in links]
        yield from ((within / name).as_posix() + "/" for name in hidden)
        yield from ((within / name).as_posix() for name in [*files, *links])
        folders[:] = [name for name in folders if name not in {*hidden, *links}]


def _print_json(found: _DryRun) -> None:
    files = [{"name": name, "bytes": size, "sha256": digest} for name, size, digest in found.files]
    to = {"repo": found.repo} if found.folder is None else {"folder": str(found.folder)}
    said = {**to, "files": files, "stay": found.left, "card": found.card, "faults": list(found.faults)}
    print_json(said if found.refused is None else {**said, "refused": with_options(found.refused)})


def _print_text(found: _DryRun) -> None:
    from ...registry.loading.weights import byte_words
    from .shared.card_text import card_text

    verb = "sent" if found.folder is None else "written"
    if found.files:
        rows = [(digest[:12], byte_words(size), name) for name, size, digest in found.files]
        click.echo(table(rows, ("sha256", "size", "file")))
        total = byte_words(sum(size for _, size, _ in found.files))
        click.echo(f"\n{len(found.files)} files, {total}.")
    if found.card:
        click.echo(f"\nREADME.md, the card of {found.repo}, looks like this:\n")
        click.echo(card_text(found.card))
    if found.left:
        more = f", and {len(found.left) - _MOST_LEFT} more" if len(found.left) > _MOST_LEFT else ""
        remark(f"\nThese files of the folder would stay here: {', '.join(found.left[:_MOST_LEFT])}{more}.")
    if found.files and found.licence is None and "\nlicense:" not in found.card:
        remark("The card states no licence; --license apache-2.0, or another one, does.")
    for fault in found.faults if found.refused is not None else ():
        remark(f"Would be refused: {fault}")
    if found.refused is not None:
        remark(f"Nothing was {verb}, and nothing of its code was run.")
    elif not found.faults:
        remark(f"Nothing was {verb}. {len(found.files)} files would go to {found.repo}.")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
