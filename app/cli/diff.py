"""`brickwork diff`: what differs between two images' runs."""

from __future__ import annotations

from pathlib import Path

import click

from ...state import BrickworkError
from ...state.errors import spelled_out
from .shared.exits import tell
from .shared.output import print_json

SAME, DIFFERENT, TROUBLE = 0, 1, 2


@click.command("diff", short_help="Say what differs between two images' runs.")
@click.argument("one", type=click.Path(path_type=Path))
@click.argument("other", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="The differences as JSON.")
@click.pass_context
def command(ctx: click.Context, one: Path, other: Path, as_json: bool) -> None:
    """Say what differs between the runs that made two images (or of two recipes in JSON).

    Exit code 0 if nothing does, 1 if something does, 2 if it cannot be told.
    """
    from ...pipeline.recipes.recipe_diff import diff

    try:
        found = diff(one, other)
    except BrickworkError as error:
        tell(error, as_json)
        ctx.exit(TROUBLE)
    if as_json:
        print_json({"same": not found, "differences": list(found)})
    else:
        click.echo(spelled_out(str(found)))
    ctx.exit(DIFFERENT if found else SAME)
