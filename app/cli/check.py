"""`brickwork check`: every workflow of a target, without weights."""

from __future__ import annotations

import click

from ...state import CompositionError
from .shared.change_options import blocks_option, repo_option
from .shared.exits import DONE, MISFIT, tell
from .shared.output import print_json, remark
from .shared.target_command import TargetCommand, target_argument
from .shared.targets import Target


@click.command(
    "check", short_help="Find the faults of every workflow, without weights.", cls=TargetCommand, takes_inputs=False
)
@target_argument()
@repo_option
@blocks_option
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
@click.pass_context
def command(ctx: click.Context, target: Target, repo: str | None, as_json: bool) -> None:
    """Check every workflow of a target: types, order, components, choices. No weights are read.

    All faults are named. Exit code 2 if there is one.
    """
    from .shared.opening import opened

    try:
        pipe = opened(target, repo)
        report = pipe.check()
    except CompositionError as error:
        if as_json:
            print_json({"faults": list(error.faults or [str(error)]), "warnings": [], "workflows": 0})
            ctx.exit(MISFIT)
        ctx.exit(tell(error, as_json=False))
    if as_json:
        print_json({"faults": list(report.faults), "warnings": list(report.warnings), "workflows": report.workflows})
    else:
        click.echo(repr(report))
        names = list(pipe.available_workflows)
        if names:
            remark(f"Workflows: {', '.join(names)}")
    ctx.exit(DONE if report else MISFIT)
