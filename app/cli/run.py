"""`brickwork run`: run a workflow once, and save what it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...pipeline.forms.file_values import read_inputs
from ...state import InputError
from ..shared.result_files import IMAGES, with_rates
from .shared.change_options import cache_option, change_options, repo_option
from .shared.changes import opened_as_asked
from .shared.output import print_event, remark, shows_progress
from .shared.result_places import places_of_results, played_of, save_results
from .shared.seeds import SeedsType
from .shared.target_command import TargetCommand, given_inputs, schemas, target_argument
from .shared.targets import Target

if TYPE_CHECKING:
    from ...pipeline import ModularPipeline
    from .shared.events import EventLines


@click.command(
    "run",
    short_help="Run a workflow once, and save what it makes.",
    cls=TargetCommand,
    given_by=("inputs_file", "resume"),
)
@target_argument()
@click.option("-o", "--out", help="File to write: .png for images; .mp4, .mov, .mkv or .gif for videos, .wav or .flac for sounds, with their recipe in a file beside "
              "them; .safetensors for other values. Several get -0, -1, ... or the number in place of {}. A folder takes a new name.  [default: "
              "image-1.png, or the next that is free]")  # fmt: skip
@click.option(
    "--output",
    metavar="NAME",
    help="Value to save.  [default: outputs of the workflow file, else images, or the video or sound that the "
    "workflow makes]",
)
@click.option("--seed", type=SeedsType(), help="Seed of the first image, or one for each: 7, 1..8, 3,5,9. Each image has a generator of its "
              "own, and is the one that its seed gives alone, up to the rounding of a larger batch.  [default: drawn]")  # fmt: skip
@click.option(
    "--lock",
    type=click.Path(exists=True, dir_okay=False),
    help="Lock file that says which commits and files a repository is.",
)
@click.option("--workflow", metavar="NAME", help="Keep only what this workflow of the target runs.")
@repo_option
@change_options
@cache_option
@click.option(
    "--inputs",
    "inputs_file",
    type=click.Path(exists=True, dir_okay=False),
    help="YAML file with inputs; options come before it.",
)
@click.option("--allow-urls", is_flag=True, help="Load images from addresses that inputs name.")
@click.option(
    "--snapshot", type=click.Path(dir_okay=False), help="File that always holds the last state, for --resume."
)
@click.option("--every", type=click.IntRange(1), default=1, show_default=True, help="Steps between two snapshots.")
@click.option(
    "--resume", type=click.Path(exists=True, dir_okay=False), help="Go on from a snapshot; its inputs are taken."
)
@click.option("--preview", is_flag=True, help="Write an image of the latents beside OUT after each step.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON per event on stdout.")
@click.option("--dry-run", is_flag=True, help="Check everything, say what would run, and load and compute nothing.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar.")
@click.pass_context
def command(ctx: click.Context, /, target: Target, **options: Any) -> None:
    """Run a workflow once, and save what it makes.

    TARGET's inputs are options. The paths that were written are printed.
    """
    given = {**_of_file(options["inputs_file"]), **given_inputs(ctx)}
    if options["resume"] and given:
        raise click.UsageError("--resume takes the inputs of the snapshot; leave the others out.")
    is_dry = options["dry_run"]
    known = ctx.meta.get("brickwork.known") or {}
    outputs = [options["output"]] if options["output"] else known.get("results") or [known.get("main", IMAGES)]
    media = {name: each for name, each in played_of(known, given).items() if name in outputs}
    places = places_of_results(options["out"], outputs, media)
    written = {name: each for name, each in media.items() if places[name].suffix.lower() in each.endings}
    asked = with_rates(outputs, written)
    pipe = opened_as_asked(target, options, loads=not is_dry)
    inputs = _seeded(pipe, read_inputs(given, schemas(ctx), options["allow_urls"]), options["seed"])
    if is_dry:
        _say_plan(pipe, inputs, places, options["as_json"])
        return
    from .shared.events import EventLines

    lines = EventLines(options["as_json"])
    with ExitStack() as stack:
        _settle(pipe, options, lines, places[outputs[0]], stack)
        if options["resume"]:
            from ...state import PipelineState

            found = pipe.resume(options["resume"])
            results: Any = found if isinstance(found, (Mapping, PipelineState)) else {outputs[0]: found}
        else:
            # One is asked for by its name, as the recipe has it then.
            found = pipe(**inputs, output=asked if len(asked) > 1 else asked[0])
            results = found if len(asked) > 1 else {asked[0]: found}
    files = save_results(results, places, written, pipe.last_recipe)
    if options["as_json"]:
        lines.finished(files)
    else:
        click.echo("\n".join(dict.fromkeys(str(file) for each in files.values() for file in each)))


def _of_file(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    from ...registry.hub.strict_yaml import read_yaml

    found = read_yaml(Path(path)).data
    if not isinstance(found, dict):
        raise InputError(f"{path} has no inputs by name.")
    return {str(name).replace("-", "_"): value for name, value in found.items()}


def _seeded(pipe: ModularPipeline, inputs: dict[str, Any], seeds: Sequence[int] | None) -> dict[str, Any]:
    """Return the inputs with a seed, so that each image has a generator of its own; drawn where none was given."""
    from ...pipeline.seed import takes_seed

    names = pipe.blocks.input_names
    if not takes_seed(names) and "seed" not in names:
        if seeds is not None:
            raise InputError("--seed: nothing in this workflow draws noise.")
        return inputs
    if seeds is None:
        import secrets

        is_settled = {"seed", "generator"} & {*inputs, *pipe.input_defaults}
        return inputs if is_settled or not takes_seed(names) else {**inputs, "seed": secrets.randbelow(2**32)}
    if len(seeds) == 1:
        return {**inputs, "seed": seeds[0]}
    prompts = inputs.get("prompt", pipe.input_defaults.get("prompt"))
    is_one = not isinstance(prompts, list) or len(prompts) == 1
    count = "num_images_per_prompt"
    more = {count: len(seeds)} if is_one and count in names and count not in inputs else {}
    return {**inputs, **more, "seed": list(seeds)}


def _settle(
    pipe: ModularPipeline, options: Mapping[str, Any], lines: EventLines, place: Path, stack: ExitStack
) -> None:
    """Say how the run is watched and kept."""
    from ...pipeline.snapshots import Snapshots

    listeners: list[Any] = [lines] if options["as_json"] else []
    if options["preview"]:
        from .shared.preview import PreviewFile

        listeners.append(stack.enter_context(PreviewFile.beside(pipe, place, lines)))
    kept = Snapshots(options["snapshot"], every=options["every"]) if options["snapshot"] else None
    shows = shows_progress(options["quiet"] or options["as_json"])
    pipe.configure(listeners=listeners, snapshots=kept, progress=shows)


def _say_plan(pipe: ModularPipeline, inputs: dict[str, Any], places: Mapping[str, Path], as_json: bool) -> None:
    pipe.configure(load="on demand")
    pipe.wanted_loras.loras = ()  # nothing is loaded, and so nothing put in
    pipe.wanted_techniques.of.clear()
    request = pipe.prepare_run(None, list(places), dict(inputs))
    paths = list(request.plan.paths)
    if as_json:
        file = str(next(iter(places.values())))
        print_event({"event": "planned", "paths": paths, "inputs": sorted(inputs), "file": file})
        return
    click.echo("\n".join(paths))
    remark(f"Nothing was run. {', '.join(f'{name} would go to {place}' for name, place in places.items())}.")
