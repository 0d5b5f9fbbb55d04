"""`brickwork info`: how an image was made, in words."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...state import BrickworkError, InputError, RepoError
from .shared.output import print_json, table
from .shared.result_places import recipe_file
from .shared.targets import target_of

if TYPE_CHECKING:
    from ...pipeline.recipes.recipe import Recipe

_SCALE = "guidance_scale"
_NO_CHUNK = b"\0\0\0\0"


@click.command("info", short_help="Say how an image was made.")
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(image: Path, as_json: bool) -> None:
    """Say how an image was made: by its recipe, else by what AUTOMATIC1111's web UI or ComfyUI wrote into it."""
    from ...pipeline.recipes.png_chunks import read_png
    from ...pipeline.recipes.recipe_files import KEYWORD, read_recipe
    from .shared.other_tools import comfy_rows, parameters_rows

    if not image.is_file():
        raise _no_image(str(image))
    image = recipe_file(image)

    def text_of(keyword: str) -> str | None:
        return None if image.suffix.lower() == ".json" else read_png(image, keyword, _NO_CHUNK).text

    tool, rows = "", []
    if image.suffix.lower() == ".json" or text_of(KEYWORD) is not None:
        recipe = read_recipe(image)[0]
        tool, rows = f"brickwork {recipe['software'].get('brickwork', '')}".strip(), recipe_rows(recipe)
    elif (found := text_of("parameters")) is not None:
        tool, rows = "the text 'parameters', as AUTOMATIC1111's web UI writes it", parameters_rows(found)
    elif (found := text_of("prompt")) is not None:
        tool, rows = "ComfyUI", comfy_rows(found)
    else:
        raise RepoError(
            f"{image} does not say how it was made: it has no recipe, and no text of AUTOMATIC1111's web UI or ComfyUI."
        )
    if as_json:
        print_json({"by": tool, "said": [{"name": name, "value": value} for name, value in rows]})
        return
    click.echo(table([("made by", tool), *rows]))


def _no_image(text: str) -> BrickworkError:
    """Return the error for what is no file; of other targets another command says what they are."""
    try:
        kind = target_of(text).kind
    except RepoError as error:
        return error
    from ...blocks.core.preset_catalog import preset_names

    if kind == "preset" and text not in preset_names():
        return RepoError(f"There is no file {text}.")
    return InputError(
        f"info says how an image was made, and {text} is none. brickwork inputs {shlex.quote(text)} lists what it takes, with defaults."
    )


def recipe_rows(recipe: Recipe) -> list[tuple[str, str]]:
    """Return what a recipe says, for people."""
    data = recipe.to_dict()
    rows = [(name, str(value)) for name, value in recipe.inputs.items()]
    rows += [(name, f"{value}, by default") for name, value in data.get("defaults", {}).items()]
    rows += _guider_rows(data)
    rows += [(name, f"{kind}, by its digest only") for name, kind in recipe.missing_inputs.items()]
    seeds = [str(each["seed"]) for listed in data["generators"].values() for each in listed]
    if seeds:
        rows.append(("seed", str(recipe.seed) if recipe.seed is not None else ", ".join(seeds)))
    if data.get("image") is not None:
        rows.append(("number", f"{data['image']}, of the images of its run, counted from 0"))
    rows.append(("blocks", str(data["composition"]["block"])))
    for name, entry in data["components"].items():
        rows.append((name, _component_words(entry)))
    if (branched := data.get("branched")) is not None:
        rows.append(("branched", f"from another run at step {branched['at_step']} of {branched['loop']}"))
    rows += [("note", note) for note in data.get("notes") or ()]
    rows.append(("software", ", ".join(f"{name} {version}" for name, version in data["software"].items())))
    rows.append(("device", str(data["device"])))
    return rows


def _guider_rows(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the scales of guiders that no input replaces."""
    for name, entry in data["components"].items():
        for setting, part in (entry.get("config") or {}).items():
            if setting == _SCALE and _SCALE not in data["inputs"] and isinstance(part.get("value"), (int, float)):
                yield setting, f"{part['value']}, of the {name}"


def _component_words(entry: dict[str, Any]) -> str:
    origin = entry.get("origin") or {}
    place = "/".join(filter(None, [origin.get("repo"), origin.get("subfolder")]))
    parts = [str(entry["class"]).rpartition(":")[2], f"from {place}" if place else "", str(entry.get("dtype") or "")]
    parts += [f"LoRA {name} {weight:g}" for name, weight in (entry.get("adapters") or {}).items()]
    return ", ".join(filter(None, parts))
