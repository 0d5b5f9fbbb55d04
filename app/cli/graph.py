"""`brickwork graph`: the plan as a drawing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ...state import InputError
from .shared.change_options import blocks_option, repo_option
from .shared.opening import opened
from .shared.target_command import TargetCommand, given_inputs, target_argument
from .shared.targets import Target

_ENDINGS = (".svg", ".mmd", ".md")


@click.command("graph", short_help="Draw what runs.", cls=TargetCommand)
@target_argument()
@repo_option
@blocks_option
@click.option(
    "-o", "--out", metavar="FILE", help="Write to a file: .svg, or .mmd for Mermaid.  [default: Mermaid to stdout]"
)
@click.pass_context
def command(ctx: click.Context, /, target: Target, repo: str | None, out: str | None, **_: Any) -> None:
    """Draw what runs when these inputs are given; without any, the whole composition."""
    if out is not None and Path(out).suffix not in _ENDINGS:
        raise InputError(f"-o {out}: the name ends in {', '.join(_ENDINGS)}.")
    pipe = opened(target, repo)
    given = given_inputs(ctx)
    found = pipe.plan({**dict.fromkeys(pipe.input_defaults, True), **given}).graph if given else pipe.graph()
    click.echo(found.mermaid if out is None else str(found.save(out)))
