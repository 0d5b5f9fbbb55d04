"""`brickwork batch`: one run for each row of a table; what is there already is not run again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from .shared.bars import CountedRuns
from .shared.batch_rows import Row, read_table
from .shared.batch_state import MadeRows
from .shared.change_options import cache_option, change_options, repo_option
from .shared.changes import opened_as_asked
from .shared.exits import SOME_FAILED, failed_event
from ...pipeline.forms.file_values import read_inputs
from .shared.output import print_event, remark, shows_progress
from .shared.target_command import TargetCommand, given_inputs, schemas, target_argument
from .shared.targets import Target

FAILED = "failed.json"


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
@repo_option
@change_options
@cache_option
@click.option("--allow-urls", is_flag=True, help="Load images from addresses that rows name.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON per row on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar.")
@click.pass_context
def command(ctx: click.Context, /, target: Target, table: Path, **options: Any) -> None:
    """Run a workflow once for each row of TABLE (.csv, .jsonl).

    Columns are inputs of TARGET (see: brickwork inputs TARGET); 'seed' and 'name' of the file, too. Options are inputs of all rows. Rows that
    are in the folder already, of the same blocks, components, inputs and seed, are not run again. Rows that failed are in failed.json; the exit
    code is then 6.
    """
    folder: Path = options["out"]
    rows = read_table(table, schemas(ctx), options["seed"])
    if options["failed_only"]:
        rows = _failed_before(rows, folder)
    pipe = opened_as_asked(target, options, loads=True)
    folder.mkdir(parents=True, exist_ok=True)
    common = given_inputs(ctx)
    made = MadeRows(pipe)
    counts = {"made": 0, "there": 0, "failed": 0}
    faults: list[dict[str, Any]] = []
    with CountedRuns(len(rows), shows_progress(options["quiet"] or options["as_json"]), options["as_json"]) as bar:
        for row in rows:
            inputs = {**common, **row.inputs, "seed": row.seed}
            found = _row(pipe, made, row, inputs, folder, schemas(ctx), options)
            counts[found["state"]] += 1
            if found["state"] == "failed":
                faults.append(found)
            bar.step(f"{counts['failed']} failed", found)
    _note_failed(folder / FAILED, faults)
    if options["as_json"]:
        print_event({"event": "finished", **counts})
    else:
        click.echo(f"{counts['made']} made, {counts['there']} were there, {counts['failed']} failed")
        if faults:
            remark(f"What failed is in {folder / FAILED}.")
    ctx.exit(SOME_FAILED if faults else 0)


def _row(
    pipe: Any,
    made: MadeRows,
    row: Row,
    inputs: Mapping[str, Any],
    folder: Path,
    known: Mapping[str, Any],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """Run one row, where its images are not there, and say how it ended."""
    from ...pipeline.recipes.recipe_files import save
    from ...state import BrickworkError

    about = {"row": row.number, "name": row.name}
    for attempt in range(options["retries"] + 1):
        try:
            values = read_inputs(inputs, known, options["allow_urls"])
            if (there := made.files(values, folder, row.name)) is not None:
                return {**about, "state": "there", "files": [str(file) for file in there]}
            files = save(pipe(**values, output="images"), folder / f"{row.name}.png")
            return {**about, "state": "made", "files": [str(file) for file in files]}
        except BrickworkError as error:
            return {**about, "state": "failed", **_words_of(error)}
        except Exception as error:  # noqa: BLE001 - the other rows go on, and the file says what it was
            if attempt == options["retries"]:
                return {**about, "state": "failed", **_words_of(error)}
    raise AssertionError


def _words_of(error: Exception) -> dict[str, Any]:
    return {name: value for name, value in failed_event(error).items() if name != "event"}


def _failed_before(rows: Sequence[Row], folder: Path) -> list[Row]:
    """Return the rows that failed last time, by their names."""
    file = folder / FAILED
    if not file.is_file():
        return []
    names = {entry.get("name") for entry in json.loads(file.read_text(encoding="utf-8"))}
    return [row for row in rows if row.name in names]


def _note_failed(file: Path, faults: Sequence[Mapping[str, Any]]) -> None:
    """Write which rows failed; of a batch without any, no file is there."""
    from ...state.atomic import write_text

    if faults:
        write_text(file, json.dumps(faults, indent=2, ensure_ascii=False) + "\n")
    else:
        file.unlink(missing_ok=True)
