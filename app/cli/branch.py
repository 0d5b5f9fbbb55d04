"""`brickwork branch`: a variant of an image that shares its first steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ...pipeline.forms.file_values import read_inputs
from ...state import InputError
from ..shared.result_files import IMAGES, with_rates
from .shared.change_options import blocks_option, repo_option
from .shared.opening import opened
from .shared.output import print_event, shows_progress
from .shared.result_places import place_of_result, played_of, save_results
from .shared.target_command import TargetCommand, given_inputs, schemas, target_argument
from .shared.targets import Target


@click.command("branch", short_help="Make a variant that shares an image's first steps.", cls=TargetCommand)
@target_argument("image")
@click.option("--at-step", type=click.IntRange(1), required=True, help="First step that may differ, counted from 0.")
@click.option("--loop", metavar="PATH", help="Path of the loop, where there are several.")
@click.option("-o", "--out", help="File to write, as of run.  [default: image-1.png, or the next that is free]")
@repo_option
@blocks_option
@click.option("--allow-urls", is_flag=True, help="Load images from addresses that inputs name.")
@click.option("--json", "as_json", is_flag=True, help="The files as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar.")
@click.pass_context
def command(
    ctx: click.Context, /, image: Target, at_step: int, loop: str | None, out: str | None, **options: Any
) -> None:
    """Make a variant of IMAGE that shares the steps before --at-step with it; IMAGE's inputs are options.

    brickwork branch apple.png --at-step 12 --prompt "a green apple"
    """
    if image.kind != "image":
        raise InputError(f"{image.text} is no image (.png) with a recipe.")
    changes = given_inputs(ctx)
    if not changes:
        raise click.UsageError("Say what the variant has other than the image: --prompt, --guidance-scale, ...")
    known = ctx.meta.get("brickwork.known") or {}
    output = str(known.get("main", IMAGES))
    media = {name: each for name, each in played_of(known, changes).items() if name == output}
    place = place_of_result(out, output, media.get(output))
    pipe = opened(image, options["repo"])
    pipe.configure(progress=shows_progress(options["quiet"] or options["as_json"]))
    state = pipe.branch(
        _shared(image.path, pipe), at_step, loop, **read_inputs(changes, schemas(ctx), options["allow_urls"])
    )
    results = {name: state[name] for name in with_rates([output], media)}
    files = save_results(results, {output: place}, media, pipe.last_recipe)[output]
    if options["as_json"]:
        print_event(
            {
                "event": "finished",
                "outputs": [{"name": output, "index": i, "file": str(f)} for i, f in enumerate(files)],
            }
        )
    else:
        click.echo("\n".join(map(str, files)))


def _shared(path: Path, pipe: Any) -> Any:
    """Return the state of the image's run, as far as a variant needs it: what it was given."""
    from ...pipeline.recipes.recipe_files import read_recipe
    from ...pipeline.replaying.replay_values import values_of
    from ...state import PipelineState

    recipe, kept = read_recipe(path)
    faults: list[str] = []
    found = PipelineState()
    found.start = values_of(recipe, kept, faults)
    if faults:
        raise InputError.of("The image's run cannot be shared", faults)
    pipe.input_defaults = {}
    return found
