"""`brickwork bench`: how long each block of a target takes here."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

import click

from ...pipeline.forms.file_values import read_inputs
from ...state import RepoError
from .shared.change_options import change_options, repo_option
from .shared.changes import opened_as_asked
from .shared.output import print_json, remark, table
from .shared.profiles import keep_profile
from .shared.target_command import TargetCommand, given_inputs, schemas, target_argument
from .shared.targets import Target


@click.command("bench", short_help="Say how long each block takes here.", cls=TargetCommand)
@target_argument()
@click.option(
    "--runs",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Runs that are measured, after one that is not.",
)
@repo_option
@change_options
@click.option("--json", "as_json", is_flag=True, help="The seconds as JSON.")
@click.pass_context
def command(ctx: click.Context, /, target: Target, runs: int, as_json: bool, **options: Any) -> None:
    """Run a target several times with the same inputs, and say the median seconds of the whole and of each block.

    The seconds are kept for brickwork explain.
    """
    from ...engine.listeners import TimeTable
    from ...scale.measured_stages import handed_on

    pipe = opened_as_asked(target, options, loads=True)
    inputs = {"seed": 0, **read_inputs(given_inputs(ctx), schemas(ctx), False)}
    handed = handed_on(pipe, "images", **inputs)
    whole: list[float] = []
    blocks: dict[str, list[tuple[float, int]]] = {}
    for _ in range(runs):
        measured = TimeTable()
        pipe.configure(listeners=[measured])
        pipe(**inputs, output="images")
        whole.append(measured.total)
        for path, row in measured.rows.items():
            blocks.setdefault(path, []).append((row.seconds, row.calls))
    medians = {path: statistics.median(seconds for seconds, _ in each) for path, each in blocks.items()}
    calls = {path: each[0][1] for path, each in blocks.items()}
    total = statistics.median(whole)
    kept = kept_words(target, pipe.device, options, inputs, medians, handed)
    if as_json:
        print_json({"runs": runs, "seconds": total, "device": str(pipe.device), "blocks": [
            {"path": path, "seconds": seconds, "calls": calls[path]} for path, seconds in medians.items()]})  # fmt: skip
        return
    rows = [
        (path, f"{seconds:.4f}", str(calls[path]), f"{100 * seconds / total:.0f} %")
        for path, seconds in medians.items()
    ]
    click.echo(
        table(
            [*rows, ("all", f"{total:.4f}", "", f"of {runs} runs on {pipe.device}, the median")],
            ("block", "seconds", "calls", "of all"),
        )
    )
    remark(kept)


def kept_words(
    target: Target, device: object, options: Mapping[str, Any], inputs: Mapping[str, Any], *measured: Any
) -> str:
    """Keep what was measured, as `keep_profile` does, and say whether that went well: the figures are there in any case."""
    try:
        kept = keep_profile(target, device, options, inputs, *measured)
    except (OSError, RepoError) as error:
        return f"Not kept for brickwork explain: {error}"
    if kept is None:
        return f"Not kept for brickwork explain: what {target.text} is may change; name a commit (@...)."
    return f"brickwork explain {target.text} shows these seconds."
