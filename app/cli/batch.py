"""`brickwork batch`: one run for each row of a table; what is there already is not run again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...state import InputError
from .shared.bars import CountedRuns
from .shared.change_options import cache_option, change_options, repo_option
from .shared.changes import opened_as_asked
from .shared.exits import SOME_FAILED, with_options
from .shared.grants import is_granted
from .shared.output import print_event, remark, shows_progress
from .shared.target_command import TargetCommand, given_inputs, schemas, target_argument
from .shared.targets import Target

if TYPE_CHECKING:
    from ...scale import Outcome


@click.command("batch", short_help="Run each row of a table that is not there yet.", cls=TargetCommand)
@target_argument()
@click.argument("table", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o", "--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for the images."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Of rows without a column 'seed': the first row has this one, the next one more.")  # fmt: skip
@click.option("--retries", type=click.IntRange(0), default=2, show_default=True,
              help="Again after an error that is not the row's own, such as memory that ran out.")  # fmt: skip
@click.option("--failed-only", is_flag=True, help="Only rows that failed.json in the folder names.")
@click.option("--on", type=click.Choice(["here", "processes", "ray"]), default="here", show_default=True,
              help="Run in this process, in several of this machine, or on Ray.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1), help="How many, on processes and ray; without, one a GPU, or one.")
@click.option("--gpus", type=click.FloatRange(0), help="GPUs of each worker on ray.")
@click.option("--address", help="Of the Ray cluster; without, the one of the environment, or one started here.")
@repo_option
@change_options
@cache_option
@click.option("--allow-urls", is_flag=True, help="Load images from addresses that rows name.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON per row on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar.")
@click.pass_context
def command(ctx: click.Context, /, target: Target, table: Path, **options: Any) -> None:
    """Run a workflow once for each row of TABLE (.csv, .jsonl, .parquet).

    Columns are inputs of TARGET (see: brickwork inputs TARGET); 'seed' and 'name' of the file, too. Options are inputs of all rows. Rows that
    are in the folder already, of the same blocks, components, inputs and seed, are not run again. Rows that failed are in failed.json; the exit
    code is then 6. A row that has ended three workers is put aside, and is there, too.
    """
    from ... import scale
    from ...scale.mapping import FAILED
    from ...scale.rows import rows_of

    folder: Path = options["out"]
    # Before anything is opened: a table that does not fit is told at once.
    rows = list(rows_of(table, schemas(ctx), options["seed"], numbered=True))
    what, trust = _what(target, options)
    as_json = options["as_json"]
    with CountedRuns(len(rows), shows_progress(options["quiet"] or as_json), as_json) as bar:
        failed = 0

        def watch(outcome: Outcome) -> None:
            nonlocal failed
            failed += outcome.state in ("failed", "aside")
            bar.step(f"{failed} failed", _in_options(outcome.to_dict()))

        report = scale.map(
            what, table, folder, inputs=given_inputs(ctx), numbered=True, on=options["on"], trust_remote_code=trust, watch=watch,
            ended=lambda words: remark(f"A worker {words}"),
            cache=options["cache"] if options["on"] != "here" else None,
            **{name: options[name] for name in ("seed", "retries", "failed_only", "workers", "gpus", "address", "allow_urls")},
        )  # fmt: skip
    if as_json:
        print_event({"event": "finished", **report.counts})
    else:
        click.echo(str(report))
        if failed:
            remark(f"What failed is in {folder / FAILED}.")
    ctx.exit(SOME_FAILED if failed else 0)


def _what(target: Target, options: dict[str, Any]) -> tuple[Any, bool]:
    """Return what runs: a pipeline with the changes that the options say; of a repository with code of its own, its name."""
    is_here = options["on"] == "here"
    if not is_here and target.kind in ("folder", "repo") and is_granted(target.name):
        changed = [f"--{each.replace('_', '-')}" for each in ("sets", "guider", "component", "scheduler", "lora", "workflow") if options.get(each)]  # fmt: skip
        if changed:
            raise InputError(
                f"{target.text} brings code of its own, and other workers open it as it is: {', '.join(changed)} cannot travel with it. "
                "Change it in the repository, or run --on here."
            )
        return target.text, True
    return opened_as_asked(target, options, loads=is_here), False


def _in_options(data: dict[str, Any]) -> dict[str, Any]:
    """Return an outcome's data with errors in the words of a command line."""
    if "message" not in data:
        return data
    faults = [
        {**each, "text": with_options(str(each["text"]))} if isinstance(each, dict) else each for each in data["faults"]
    ]
    return {**data, "message": with_options(data["message"]), "faults": faults}
