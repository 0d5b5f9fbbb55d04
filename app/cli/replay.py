"""`brickwork replay`: make an image again, or say why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ...state import InputError, RepoError
from .shared.changes import pair
from .shared.exits import exit_code, failed_event, tell
from .shared.opening import blocks_of, quiet_libraries
from .shared.output import print_event, remark, shows_progress
from .shared.result_places import recipe_file, save_again, usual_ending
from .shared.targets import Target


@click.command("replay", short_help="Make an image again, and compare every byte.")
@click.argument("image", type=click.Path(path_type=Path))
@click.option("-o", "--out", help="Write the repeated image to a .png file, a video or a sound to one as it was.")
@click.option("--components", metavar="ORIGIN", help="Folder with the models; the one that ships is found without.")
@click.option(
    "--blocks",
    multiple=True,
    metavar="FOLDER",
    help="A folder with code of blocks that the image names; it is run. That of a saved repository must have been granted.",
)
@click.option(
    "--given", multiple=True, metavar="NAME=FILE", help="An image or tensor that the recipe has by its digest only."
)
@click.option("--any", "inexact", is_flag=True, help="Repeat it also where something is not as it was; what, is said.")
@click.option("--json", "as_json", is_flag=True, help="The verdict as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    image: Path,
    out: str | None,
    components: str | None,
    blocks: tuple[str, ...],
    given: tuple[str, ...],
    inexact: bool,
    as_json: bool,
) -> None:
    """Repeat the run that made an image, from its recipe, and compare.

    Exit code 0 if every byte is the same, 5 if not, or if something is not as it was. 2 if an image, a tensor or a block is to be given
    first (--given, --blocks), 3 if a component is not found (--components).
    """
    if not image.is_file():
        raise RepoError(f"There is no file {image}.")
    source = recipe_file(image)
    if out is not None and (Path(out).suffix.lower() != usual_ending(image) or not Path(out).parent.is_dir()):
        raise InputError(f"-o {out}: the name of a file that ends in {usual_ending(image)}, in a folder that is there.")
    from ...pipeline.replaying.replay import replay
    from ...pipeline.workflows.workflow_file import place_of
    from ...state import ReplayError

    quiet_libraries()
    place = None if components is None else place_of(components)
    inputs: dict[str, Any] = dict(pair(text, "NAME=FILE") for text in given)
    own = blocks_of(Target(str(image), "image", str(source), blocks=blocks))
    try:
        result = replay(source, own, place, exact=not inexact, progress=shows_progress(as_json), **inputs)
    except ReplayError as error:
        if as_json:
            compared = {} if error.lacks is not None else {"same": False}
            print_event({**failed_event(error), **compared})
            ctx.exit(exit_code(error))
        if error.result is not None:
            remark("The run was repeated, and gave something else.")
        ctx.exit(tell(error, as_json=False))
    files = [] if out is None else save_again(result, Path(out))
    if as_json:
        print_event({"event": "replayed", "same": None if inexact else True, "files": [str(file) for file in files]})
        return
    remark("It was repeated." if inexact else "The same, to the byte.")
    for file in files:
        click.echo(str(file))
