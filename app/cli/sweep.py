"""`brickwork sweep`: every combination of some inputs, as one grid of labelled images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ...pipeline.forms.file_values import read_inputs
from ...pipeline.forms.input_values import converted, kind_words
from ...state import InputError
from ...state.errors import did_you_mean
from .shared.bars import CountedRuns
from .shared.change_options import cache_option, change_options, repo_option
from .shared.changes import opened_as_asked, pair
from .shared.output import print_event, shows_progress
from .shared.result_places import place_of_result
from .shared.seeds import SeedsType
from .shared.target_command import TargetCommand, given_inputs, schemas, target_argument
from .shared.targets import Target


@click.command("sweep", short_help="Run every combination of some inputs; save a grid.", cls=TargetCommand)
@target_argument()
@click.option("--axis", "axes", multiple=True, required=True, metavar="INPUT=VALUE,...",
              help="Values of one input: guidance_scale=1,3,5 or seed=1..4; of a text one value, and the option again.")  # fmt: skip
@click.option("-o", "--out", help="PNG file for the grid.  [default: image-1.png, or the next that is free]")
@click.option(
    "--each", type=click.Path(file_okay=False, path_type=Path), help="Folder for each image, with its recipe."
)
@click.option("--resize", type=click.IntRange(8), metavar="PIXELS", help="Side of an image in the grid.")
@repo_option
@change_options
@cache_option
@click.option("--allow-urls", is_flag=True, help="Load images from addresses that inputs name.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON per run on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar.")
@click.pass_context
def command(ctx: click.Context, /, target: Target, **options: Any) -> None:
    """Run every combination of some inputs, and save a grid with labels. What runs have in common is computed once.

    brickwork sweep embedded --prompt "a red apple" --axis guidance_scale=1,5 --axis seed=1..3
    """
    axes = axes_of(options["axes"], schemas(ctx))
    place = place_of_result(options["out"], "images")
    pipe = opened_as_asked(target, options, loads=True)
    given = read_inputs(given_inputs(ctx), schemas(ctx), options["allow_urls"])
    count = 1
    for values in axes.values():
        count *= len(values)
    shows = shows_progress(options["quiet"] or options["as_json"])
    with CountedRuns(count, shows, options["as_json"]) as counted:
        pipe.configure(listeners=[counted])
        found = pipe.sweep(axes=axes, **given)
    place.parent.mkdir(parents=True, exist_ok=True)
    found.grid(options["resize"]).save(place)
    files = [place, *(_save_each(found, options["each"]) if options["each"] is not None else [])]
    if options["as_json"]:
        print_event(
            {
                "event": "finished",
                "runs": len(found),
                "seconds_saved": round(found.seconds_saved, 3),
                "files": [str(f) for f in files],
            }
        )
    else:
        click.echo("\n".join(map(str, files)))


def axes_of(texts: Sequence[str], known: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the values of each axis; an axis that is given again has more values.

    Raises:
        InputError: there is no such input, or a value is none of it.
    """
    found: dict[str, list[Any]] = {}
    for text in texts:
        name, values = pair(text, "INPUT=VALUE,..., as in guidance_scale=1,3,5")
        name = name.replace("-", "_")
        if name == "seed":
            found.setdefault(name, []).extend(_seeds(values))
            continue
        if name not in known:
            raise InputError(f"--axis {text}: there is no input {name!r}. {did_you_mean(name, [*known, 'seed'])}")
        # A comma may stand in a text, and parts the values of all else.
        parts = [values] if "TEXT" in kind_words(known[name]) else values.split(",")
        try:
            found.setdefault(name, []).extend(converted(part.strip(), known[name]) for part in parts)
        except ValueError as error:
            raise InputError(f"--axis {text}: {error}") from None
    return found


def _seeds(text: str) -> list[int]:
    try:
        return SeedsType().convert(text, None, None)
    except click.BadParameter as error:
        raise InputError(f"--axis seed={text}: {error.message}") from None


def _save_each(found: Any, folder: Path) -> list[Path]:
    from ...pipeline.recipes.recipe_files import save

    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    for number, (_, images) in enumerate(found):
        files += save(images, folder / f"{number + 1:04}.png")
    return files
