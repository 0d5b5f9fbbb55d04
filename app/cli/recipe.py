"""`brickwork recipe`: the file, code or command that makes an image again."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, get_args

import click

from ...state import InputError
from ..shared.recipe_forms import Form, recipe_as
from .shared.change_options import repo_option
from .shared.opening import quiet_libraries
from .shared.output import json_text, remark
from .shared.result_places import recipe_file
from .shared.targets import target_of

_JSON = "json"
_ENDINGS = {".json": _JSON, ".py": "python", ".sh": "shell"}
"""Ending of a file to the form that people expect in it."""


@click.command("recipe", short_help="Write the file, code or line that makes an image again.")
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--as", "form", type=click.Choice([*get_args(Form), _JSON]),
              help="A workflow file; Python; a command line; the recipe itself, with all hashes.  [default: by the ending of -o, else "
              "workflow.yaml]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The recipe itself, as --as json.")
@click.option(
    "-o",
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to a file.  [default: stdout]",
)
@repo_option
def command(image: Path, form: Any, as_json: bool, out: Path | None, repo: str | None) -> None:
    """Write what makes an image again.

    A workflow file, Python and a command line make the image from the same blocks, components, inputs and seed; `replay` proves it by every
    byte. Of images and tensors among the inputs a recipe has the digest only: those are named, and are to be given again.
    """
    image = recipe_file(image)
    if target_of(str(image)).kind != "image":
        raise InputError(f"{image} is no image (.png) or recipe (.json).")
    if as_json and form not in (None, _JSON):
        raise click.UsageError(f"--json and --as {form} are two forms; say one.")
    form = _JSON if as_json else form or _form_of(out)
    text = _recipe_text(image) if form == _JSON else _written(image, form, repo)
    if out is None:
        click.echo(text.rstrip("\n"))
        return
    from ...state.atomic import write_text

    write_text(out, text.rstrip("\n") + "\n")
    click.echo(str(out))


def _form_of(out: Path | None) -> str:
    return _ENDINGS.get("" if out is None else out.suffix.lower(), "workflow.yaml")


def _recipe_text(image: Path) -> str:
    from ...pipeline.recipes.recipe_files import read_recipe

    return json_text(read_recipe(image)[0].to_dict(), indent=2)


def _written(image: Path, form: Form, repo: str | None) -> str:
    from ...pipeline.workflows.workflow_file import place_of

    quiet_libraries()
    try:
        found = recipe_as(image, form, None if repo is None else place_of(repo))
    except InputError as error:
        error.add_note(f"brickwork recipe {shlex.quote(str(image))} --json prints the recipe itself.")
        raise
    for name, (kind, file) in found.missing.items():
        remark(f"{name} ({kind}) is in the recipe by its digest only: give it again, as {file}.")
    return found.text
