"""`brickwork components`: models and other parts of a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ...state import InputError
from ...state.errors import did_you_mean
from .shared.change_options import blocks_option
from .shared.opening import opened
from .shared.output import print_json, table
from .shared.target_command import TargetType
from .shared.targets import Target

if TYPE_CHECKING:
    from ...pipeline import ModularPipeline

_TARGET = click.argument("target", type=TargetType())


@click.group("components")
def command() -> None:
    """List the components of a target, or show one."""


@command.command("list")
@_TARGET
@blocks_option
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
def list_components(target: Target, as_json: bool) -> None:
    """List components with class, size and origin. No weights are read."""
    from ...registry.loading.weights import byte_words

    pipe = opened(target)
    found = [_row(pipe, name) for name in pipe.specs]
    if as_json:
        print_json(found)
        return
    rows = [
        (row["name"], row["class"] or "?", byte_words(row["bytes"]) if row["bytes"] else "", row["origin"] or "made from its config")
        for row in found
    ]  # fmt: skip
    click.echo(table(rows, ("component", "class", "size", "origin")))


@command.command("show")
@_TARGET
@blocks_option
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def show(target: Target, name: str, as_json: bool) -> None:
    """Show one component: class, origin, size, and the blocks that use it."""
    pipe = opened(target)
    if name not in pipe.specs:
        raise InputError(f"{target.text} has no component {name!r}. {did_you_mean(name, pipe.specs)}")
    from ...blocks.core.flattening import walk

    users = [
        path for path, block in walk(pipe.blocks)
        if path and not getattr(block, "sub_blocks", None) and name in [spec.name for spec in block.expected_components]
    ]  # fmt: skip
    row = {**_row(pipe, name), "used_by": users}
    if as_json:
        print_json(row)
    else:
        click.echo(
            table([(key, ", ".join(value) if isinstance(value, list) else str(value)) for key, value in row.items()])
        )


def _row(pipe: ModularPipeline, name: str) -> dict[str, Any]:
    from ...pipeline.workflows.workflow_origins import named_repo

    spec = pipe.specs[name]
    repo = None if spec.repo is None else named_repo(str(spec.repo))
    origin = "/".join(filter(None, [repo, spec.subfolder]))
    return {
        "name": name,
        "class": spec.type_name[1],
        "bytes": pipe.component_sizes([name]).get(name),
        "origin": origin or None,
        "revision": spec.revision,
    }
