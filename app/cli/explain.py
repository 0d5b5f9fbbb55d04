"""`brickwork explain`: what runs, what it reads from whom, what it writes and uses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .shared.change_options import change_options, repo_option
from .shared.changes import change
from .shared.host_plan import host_table
from .shared.memory_plan import ByteSize, memory_plan
from .shared.opening import opened
from .shared.output import print_json
from .shared.profiles import profile_of, seconds_words
from .shared.stage_plan import stage_plan
from .shared.target_command import TargetCommand, given_inputs, target_argument
from .shared.targets import Target

if TYPE_CHECKING:
    from ...engine.planning.explain import Explanation
    from ...pipeline import ModularPipeline


@click.command("explain", short_help="Show what runs, what is read and written, what is moved.", cls=TargetCommand)
@target_argument()
@repo_option
@change_options
@click.option("--memory", type=ByteSize(), help="Say what is moved where components may take so much: 8GB, 500MB.")
@click.option(
    "--host-memory", type=ByteSize(), help="Say what lies on disk where weights may take so much of the host's memory."
)
@click.option(
    "--offload-folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="With --host-memory: weights that no file has as they are may be written here.",
)
@click.option(
    "--stage",
    "stages",
    type=ByteSize(),
    multiple=True,
    help="Say where it would be cut over devices; once for each, with its memory. By the figures of brickwork bench.",
)
@click.option("--json", "as_json", is_flag=True, help="The plan as JSON.")
@click.pass_context
def command(ctx: click.Context, /, target: Target, **options: Any) -> None:
    """Show what runs when these inputs are given; without any, those that are required.

    Nothing is computed, and no weights are read. Seconds are shown where brickwork bench has measured them on this machine.
    """
    if options["offload_folder"] is not None and options["host_memory"] is None:
        raise click.UsageError(
            "--offload-folder is for weights that have no room in the host's memory, and there is no limit: give --host-memory as well."
        )
    pipe = opened(target, options["repo"], dtype=options["dtype"])
    change(pipe, options)
    given = given_inputs(ctx)
    values = given or dict.fromkeys((ctx.meta.get("brickwork.known") or {}).get("required", ()), True)
    plan = pipe.plan({**dict.fromkeys(pipe.input_defaults, True), **values})
    sizes = pipe.component_sizes(plan.components)
    found = plan.explain(sizes, [*pipe.notes, *pipe.technique_notes()])
    memory = None if options["memory"] is None else memory_plan(plan, _loaded_sizes(pipe, sizes), options["memory"])
    room = options["host_memory"]
    host = None if room is None else host_table(pipe, plan, room, options["offload_folder"], memory)
    profile = profile_of(target, pipe.device, options)
    stages = stage_plan(plan, target, sizes, options["stages"], profile) if options["stages"] else None
    asked = {"memory": memory, "host_memory": host, "stages": stages}
    if options["as_json"]:
        measured = {} if profile is None or profile["stale"] else {"measured": _measured(profile)}
        more = {name: each.data for name, each in asked.items() if each is not None}
        print_json({**_data(found), **more, **measured})
        return
    click.echo(str(found))
    if profile is not None:
        click.echo(f"\n{seconds_words(profile, [row.step for row in found.rows], target)}")
    for each in filter(None, asked.values()):
        click.echo(f"\n{each}")


def _loaded_sizes(pipe: ModularPipeline, sizes: Mapping[str, int]) -> dict[str, int]:
    """Return bytes as they are in memory: of what is not loaded in the dtype in which it will be."""
    from ...registry.devices.host_foreseen import loaded_bytes

    return {
        name: size if pipe.components[name] is not None else loaded_bytes(pipe.specs[name]) or size
        for name, size in sizes.items()
    }


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
