"""`brickwork explain`: what runs, what it reads from whom, what it writes and uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from .shared.change_options import change_options, repo_option
from .shared.changes import change
from .shared.memory_plan import ByteSize, memory_plan
from .shared.opening import opened
from .shared.output import print_json
from .shared.profiles import profile_of, seconds_words
from .shared.target_command import TargetCommand, given_inputs, target_argument
from .shared.targets import Target

if TYPE_CHECKING:
    from ...engine.planning.explain import Explanation


@click.command("explain", short_help="Show what runs, what is read and written, what is moved.", cls=TargetCommand)
@target_argument()
@repo_option
@change_options
@click.option("--memory", type=ByteSize(), help="Say what is moved where components may take so much: 8GB, 500MB.")
@click.option("--json", "as_json", is_flag=True, help="The plan as JSON.")
@click.pass_context
def command(ctx: click.Context, /, target: Target, **options: Any) -> None:
    """Show what runs when these inputs are given; without any, those that are required.

    Nothing is computed, and no weights are read. Seconds are shown where brickwork bench has measured them on this machine.
    """
    pipe = opened(target, options["repo"], dtype=options["dtype"])
    change(pipe, options)
    given = given_inputs(ctx)
    values = given or dict.fromkeys((ctx.meta.get("brickwork.known") or {}).get("required", ()), True)
    plan = pipe.plan({**dict.fromkeys(pipe.input_defaults, True), **values})
    sizes = pipe.component_sizes(plan.components)
    found = plan.explain(sizes, pipe.notes)
    memory = None if options["memory"] is None else memory_plan(plan, sizes, options["memory"])
    profile = profile_of(target, pipe.device, options)
    if options["as_json"]:
        measured = {} if profile is None or profile["stale"] else {"measured": _measured(profile)}
        print_json({**_data(found), **({} if memory is None else {"memory": memory.data}), **measured})
        return
    click.echo(str(found))
    if profile is not None:
        click.echo(f"\n{seconds_words(profile, [row.step for row in found.rows], target)}")
    if memory is not None:
        click.echo(f"\n{memory}")


def _measured(profile: Mapping[str, Any]) -> dict[str, Any]:
    return {name: profile[name] for name in ("date", "device", "inputs", "blocks")}


def _data(found: Explanation) -> dict[str, Any]:
    rows = [
        {"path": row.step, "reads": list(row.reads), "writes": row.writes.split(", ") if row.writes else [],
         "uses": row.uses.split(", ") if row.uses else []}
        for row in found.rows
    ]  # fmt: skip
    return {
        "given": list(found.given),
        "steps": rows,
        "skipped": dict(found.skipped),
        "warnings": list(found.warnings),
        "components": {name: found.sizes.get(name) for name in found.components},
        "peak": found.peak,
    }
