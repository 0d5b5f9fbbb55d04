"""`brickwork blocks`: which there are, what one declares, and who reads and writes a value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from ...state import CompositionError, InputError
from ...state.errors import did_you_mean
from ...state.packages.block_packages import BLOCKS, BlockPackage, block_packages, load_point, long_name, points_of
from ..shared.block_listing import made, own_made, summaries
from .shared.output import print_json, remark, table

if TYPE_CHECKING:
    from ...blocks import ModularPipelineBlocks


@click.group("blocks", short_help="List blocks, show one, or who reads and writes a value.")
def command() -> None:
    """List blocks, show one, or find who reads and writes a value."""


@command.command("list", short_help="List blocks with what they do.")
@click.argument("word", required=False)
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
def list_blocks(word: str | None, as_json: bool) -> None:
    """List blocks of this package and of installed ones, with what they do; with WORD, those that mention it."""
    packages = block_packages()
    _say_unfit(packages)
    found = [
        (name, said) for name, said in summaries(packages) if word is None or word.lower() in f"{name} {said}".lower()
    ]
    if not found:
        raise InputError(f"No block mentions {word!r}.")
    if as_json:
        print_json([{"name": name, "description": said} for name, said in found])
        return
    click.echo(table(found))


@command.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="The declaration as JSON.")
def show(name: str, as_json: bool) -> None:
    """Show what a block reads, writes and uses, and its options."""
    from ...blocks.core.block_catalog import find_block

    block = made(find_block(name))
    if block is None:
        raise InputError(f"{name} cannot be made without settings; its code says more.")
    if as_json:
        print_json(_declared(block))
    else:
        click.echo(block.doc)
        options = {key: value for key, value in (getattr(block, "options", None) or {}).items() if key[:1] != "_"}
        for option, value in options.items():
            click.echo(f"option {option} = {value!r}")


@command.command("where")
@click.argument("value")
@click.option("--json", "as_json", is_flag=True, help="The lists as JSON.")
def where(value: str, as_json: bool) -> None:
    """Say which blocks write VALUE, and which read it."""
    writers, readers, names = [], [], set()
    for name, block in _all_made():
        reads = {str(param.name) for param in block.inputs}
        writes = {str(param.name) for param in block.intermediate_outputs}
        names |= reads | writes
        writers += [name] if value in writes else []
        readers += [name] if value in reads else []
    if not writers and not readers:
        raise InputError(f"No block reads or writes {value!r}. {did_you_mean(value, names)}")
    if as_json:
        print_json({"writes": writers, "reads": readers})
        return
    click.echo(table([("writes", ", ".join(writers) or "nobody"), ("reads", ", ".join(readers) or "nobody")]))


def _say_unfit(packages: Iterable[BlockPackage]) -> None:
    """Say of packages that do not fit why that is, beside the list; the blocks of others are listed all the same."""
    for package in packages:
        for fault in package.faults:
            remark(f"{package.words} cannot be used: {fault}")
        for note in package.notes:
            remark(f"{package.words}: {note}")


def _all_made() -> Iterator[tuple[str, ModularPipelineBlocks]]:
    yield from own_made()
    for point in points_of(BLOCKS):
        try:
            found = load_point(point)
        except CompositionError as error:
            # Of one package; the blocks of others are there all the same.
            remark(str(error))
            continue
        # Packages register guiders in the same group.
        block = made(found) if isinstance(found, type) and hasattr(found, "intermediate_outputs") else None
        if block is not None:
            yield long_name(point), block


def _declared(block: ModularPipelineBlocks) -> dict[str, Any]:
    return {
        "description": str(block.description),
        "inputs": [
            {"name": param.name, "required": param.required, "description": param.description} for param in block.inputs
        ],
        "outputs": [{"name": each.name, "description": each.description} for each in block.intermediate_outputs],
        "components": [{"name": spec.name, "class": spec.type_name[1]} for spec in block.expected_components],
        "options": {k: repr(v) for k, v in (getattr(block, "options", None) or {}).items() if k[:1] != "_"},
    }
