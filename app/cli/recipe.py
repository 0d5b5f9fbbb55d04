"""`brickwork recipe`: the file, code or command that makes an image again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...state import InputError
from .shared.change_options import repo_option
from .shared.image_target import made_alike, pipeline_of_image
from .shared.opening import quiet_libraries
from .shared.output import json_text, remark
from .shared.recipe_code import python_code, shell_line
from .shared.targets import target_of

if TYPE_CHECKING:
    from ...pipeline import ModularPipeline

_JSON, _WORKFLOW, _PYTHON, _SHELL = "json", "workflow.yaml", "python", "shell"


@click.command("recipe", short_help="Write the file, code or line that makes an image again.")
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--as", "form", type=click.Choice([_JSON, _WORKFLOW, _PYTHON, _SHELL]), default=_JSON, show_default=True,
              help="A recipe in JSON; a workflow file; Python; a command line.")  # fmt: skip
@click.option(
    "-o",
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to a file.  [default: stdout]",
)
@repo_option
def command(image: Path, form: str, out: Path | None, repo: str | None) -> None:
    """Write what makes an image again.

    A workflow file, Python and a command line make the image from the same blocks, components, inputs and seed; `replay` proves it by every
    byte. Of images and tensors among the inputs a recipe has the digest only: those are named, and are to be given again.
    """
    if target_of(str(image)).kind != "image":
        raise InputError(f"{image} is no image (.png) or recipe (.json).")
    text = _recipe_text(image) if form == _JSON else _written(image, form, repo)
    if out is None:
        click.echo(text.rstrip("\n"))
        return
    from ...state.atomic import write_text

    write_text(out, text.rstrip("\n") + "\n")
    click.echo(str(out))


def _name_scheduler(data: dict[str, Any], pipe: ModularPipeline) -> None:
    """Say a scheduler by its short name, where that makes the very same of the repository's own."""
    from ...pipeline.schedulers_by_name import SHORT_NAMES, made_by_name
    from ...state import ComponentError

    written, made = (data.get("components") or {}).get("scheduler"), pipe.components.get("scheduler")
    if not isinstance(written, dict) or made is None or not data.get("repo"):
        return
    own = _scheduler_of(data)
    of_class = [short for short, (cls, *_) in SHORT_NAMES.items() if cls == type(made).__name__]
    for name in (f"{short}{sigmas}" for short in of_class for sigmas in ("", "_karras", "_exponential", "_beta")):
        try:
            found = made_by_name(name, own)
        except ComponentError:
            continue
        if made_alike(found, made):
            data["scheduler"] = name
            del data["components"]["scheduler"]
            return


def _scheduler_of(data: dict[str, Any]) -> Any:
    """Return the scheduler that the repository itself has."""
    from ...blocks.core.preset_catalog import find_preset
    from ...pipeline.workflows.workflow_file import place_of

    pipe = find_preset(data["start"]).init_pipeline(str(place_of(data["repo"])))
    return pipe.load_components("scheduler").components["scheduler"]


def _recipe_text(image: Path) -> str:
    from ...pipeline.recipes.recipe_files import read_recipe

    return json_text(read_recipe(image)[0].to_dict(), indent=2)


def _written(image: Path, form: str, repo: str | None) -> str:
    import tempfile

    from ...pipeline.workflows.workflow_file import place_of
    from ...pipeline.workflows.workflow_writing import save_workflow
    from ...registry.hub.strict_yaml import read_yaml

    quiet_libraries()
    pipe, recipe = pipeline_of_image(image, None if repo is None else place_of(repo))
    if recipe.base is not None:
        raise InputError(
            "The image is a variant that shares its first steps with another run, which no file says: brickwork replay repeats it."
        )
    output = recipe["output"] or "images"
    pipe.outputs = () if output == "images" else tuple([output] if isinstance(output, str) else output)
    if form == _SHELL and not isinstance(output, str):
        raise InputError("The run gave several values, which only a file says: --as workflow.yaml.")
    missing = {name: f"{name}.png" for name in recipe.missing_inputs if name not in pipe.input_defaults}
    for name, file in missing.items():
        remark(f"{name} ({recipe.missing_inputs[name]}) is in the recipe by its digest only: give it again, as {file}.")
    with tempfile.TemporaryDirectory(prefix="brickwork-recipe-") as folder:
        path = Path(folder) / "workflow.yaml"
        save_workflow(pipe, path)
        if form == _WORKFLOW:
            return path.read_text(encoding="utf-8")
        data: dict[str, Any] = read_yaml(path).data
    data["inputs"] = {**(data.get("inputs") or {}), **missing}
    _name_scheduler(data, pipe)
    return (python_code if form == _PYTHON else shell_line)(data, output)
