"""`brickwork edit`: one edit more in a workflow file, which is checked and shown before it is written."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ...state import InputError
from .shared.change_options import blocks_option
from .shared.changes import pair, scalar
from .shared.opening import blocks_of
from .shared.output import remark
from .shared.targets import BLOCKS, Target

_FORMS = {
    "replace": "PATH BLOCK",
    "insert": "NAME BLOCK --after PATH (or --before PATH)",
    "remove": "PATH",
    "options": "PATH --set OPTION=VALUE",
}


@click.command(
    "edit",
    short_help="Add an edit to a workflow file, checked and shown.",
    epilog="\b\n" + "\n".join(f"brickwork edit FILE {verb} {form}" for verb, form in _FORMS.items()),
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("verb", type=click.Choice(list(_FORMS)))
@click.argument("name")
@click.argument("block", required=False)
@click.option("--before", metavar="PATH", help="Before which block.")
@click.option("--after", metavar="PATH", help="After which block.")
@click.option(
    "--set", "sets", multiple=True, metavar="OPTION=VALUE", help="An option of the block.  [may be given several times]"
)
@blocks_option
@click.option("-w", "--write", is_flag=True, help="Write the file; without, the difference is shown.")
def command(
    file: Path,
    verb: str,
    name: str,
    block: str | None,
    before: str | None,
    after: str | None,
    sets: tuple[str, ...],
    write: bool,
) -> None:
    """Add an edit to a workflow file, check the whole, and print the difference; -w writes it.

    Comments and order of the file stay.
    """
    edit = _edit(verb, name, block, before, after, sets)
    old = file.read_text(encoding="utf-8")
    new = with_edit(old, edit, file.name)
    _check(new, file)
    shown = difflib.unified_diff(old.splitlines(), new.splitlines(), str(file), str(file), lineterm="")
    click.echo("\n".join(shown))
    if write:
        from ...state.atomic import write_text

        write_text(file, new)
        remark(f"{file} was written.")
    else:
        remark("Nothing was written; -w does.")


def _edit(
    verb: str, name: str, block: str | None, before: str | None, after: str | None, sets: tuple[str, ...]
) -> dict[str, Any]:
    """Return an edit as a workflow file has it.

    Raises:
        InputError: it lacks something, or has what its verb does not take.
    """
    options = {key: scalar(value, f"--set {key}") for key, value in (pair(text, "OPTION=VALUE") for text in sets)}
    place = {key: value for key, value in (("before", before), ("after", after)) if value is not None}
    fits = {
        "replace": block is not None and not place,
        "insert": block is not None and len(place) == 1,
        "remove": block is None and not place and not options,
        "options": block is None and not place and bool(options),
    }
    if not fits[verb]:
        raise InputError(f"It is: brickwork edit FILE {verb} {_FORMS[verb]}")
    if verb == "options":
        return {verb: name, "set": options}
    found: dict[str, Any] = {verb: name}
    if block is not None:
        found["with" if verb == "replace" else "block"] = block
    return {**found, **place, **({"options": options} if options else {})}


def with_edit(text: str, edit: Mapping[str, Any], name: str) -> str:
    """Return the text of a workflow file with one edit more, behind those that it has.

    Raises:
        InputError: its edits stand in one line, to which none is added.
    """
    import yaml

    from ...registry.hub.strict_yaml import parse_yaml, written

    parse_yaml(text.encode(), name)
    lines = text.splitlines()
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    edits = next((value for key, value in getattr(root, "value", ()) if key.value == "edits"), None)
    item = written([dict(edit)]).rstrip("\n").splitlines()
    if edits is None:
        if getattr(root, "flow_style", False):
            raise InputError(f"{name} stands in one line; write it with a line for each key first.")
        return "\n".join([*lines, "edits:", *item]) + "\n"
    if edits.flow_style:
        raise InputError(f"The edits of {name} stand in one line; write them with a line for each first.")
    column, last = edits.start_mark.column, edits.value[-1].end_mark.line
    # The end of a block is where the next thing begins: comments and empty lines before that are the next thing's.
    while last > edits.start_mark.line + 1 and (
        not lines[last - 1].strip() or lines[last - 1].lstrip().startswith("#")
    ):
        last -= 1
    return "\n".join([*lines[:last], *(" " * column + line for line in item), *lines[last:]]) + "\n"


def _check(text: str, file: Path) -> None:
    """Refuse what would be no workflow any more."""
    import os
    import tempfile

    from ...pipeline.workflows.workflow_file import load_workflow

    # Beside the file: what it says of folders is seen from there.
    handle, place = tempfile.mkstemp(suffix=".yaml", prefix=f".{file.stem}-", dir=file.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as new:
            new.write(text)
        folders = click.get_current_context().meta.get(BLOCKS, ())
        load_workflow(place, blocks=blocks_of(Target(place, "workflow", place, blocks=folders)))
    finally:
        Path(place).unlink(missing_ok=True)
