"""Recipes in images: written into PNG files, and read from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from ...blocks.steps.given_image import as_pil, with_files_read
from ...registry.hub.repo_paths import check_inside
from ...state import InputError, PipelineState, RepoError
from ...state.atomic import beside
from ...state.errors import capital_article, did_you_mean
from ...state.limits import LARGEST_RECIPE
from ...state.strict_json import parse_json, read_json, written_json
from ...state.value_file import load_values, save_values
from .png_chunks import read_png
from .recipe import Recipe

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.PngImagePlugin import PngInfo

KEYWORD = "brickwork"
"""Of the text chunk, and of `image.info`."""
INPUTS_CHUNK = b"bwIn"
"""Of a PNG file's chunk with embedded inputs; by the case of its letters ancillary, private, and safe to copy by who does not know it."""
INPUTS_ENDING = ".inputs.safetensors"
_LARGEST_CHUNK = (1 << 31) - 1
"""Bytes of one part of a PNG file, by its standard."""
_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})
"""Modes of PIL that a PNG file has."""
KeepInputs = Literal["digest", "embed", "beside"]


def save(
    images: object,
    path: str | Path,
    *,
    recipe: bool = True,
    inputs: KeepInputs | None = None,
    given: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write images as PNG files, with what they were made of.

    Beside the recipe (compressed text under "brickwork") there is the text `parameters`, which other tools read; where they would
    misread it, the recipe has a note instead. A recipe holds no paths of this machine, but the prompt and all other inputs.

    Args:
        images: one, or several: of PIL, arrays or tensors, as every input takes them. Those in modes that PNG files do not have are written
            in RGB, and numbers as images of 8 bits; several get "-0", "-1", ... before the ending, unless `path` has "{}" for the number.
        recipe: False writes the pixels only.
        inputs: images and tensors that were given to the run stand in the recipe by their digest ("digest"). "embed" writes them into
            the file, "beside" into a file of their own next to it; both want them once more as `given`.
        given: those inputs by name.

    Returns:
        the paths that were written.

    Raises:
        InputError: the path is no PNG file, or inputs that shall be kept are not in `given`, or are others. RepoError: the file
            cannot be written, or the recipe is larger than recipes are read.
    """
    many = isinstance(images, Sequence)
    several: Sequence[Any] = images if isinstance(images, Sequence) else [images]
    listed = [one for each in several for one in _written_as(each)]
    _refuse_odd(inputs, given)
    places = _places(Path(path), len(listed), many=many or len(listed) > 1)
    for (image, source), place in zip(listed, places, strict=True):
        # Of an image that was opened from a file it is text.
        found = read_recipe(source)[0] if recipe and KEYWORD in source.info else None
        # Before the image is written, so that none lies there without what its recipe lacks.
        kept = _kept(found, given or {}) if found is not None and inputs in ("embed", "beside") else None
        if kept is not None and inputs == "beside":
            with beside(place.with_name(place.stem + INPUTS_ENDING)) as written:
                written.write_bytes(kept)
        with beside(place) as written:
            chunks = _chunks(found, image, kept if inputs == "embed" else None) if found is not None else None
            image.save(written, format="PNG", pnginfo=chunks)
    return places


def _written_as(given: Any) -> list[tuple[Image, Image]]:
    """Return images as they are written, each with the one that may have a recipe."""
    if getattr(given, "mode", None) in _MODES:
        return [(given, given)]
    if not hasattr(given, "getbbox") and not hasattr(given, "ndim"):
        if isinstance(given, PipelineState):
            raise InputError(
                "A PipelineState is all that a run gave, and no image: save(state['images'], path), or run for the images alone, "
                "save(pipe(..., output='images'), path)."
            )
        raise InputError(f"{capital_article(type(given).__name__)} is no image; give those of PIL, arrays or tensors.")
    made = as_pil(given, "images")
    if hasattr(given, "getbbox"):
        return [(made, given)]
    return [(each, each) for each in (made if isinstance(made, list) else [made])]


def _refuse_odd(inputs: str | None, given: Mapping[str, Any] | None) -> None:
    if inputs is not None and inputs not in get_args(KeepInputs):
        raise InputError(f"inputs={inputs!r} is unknown. {did_you_mean(inputs, get_args(KeepInputs))}")
    if given and inputs is None:
        raise InputError("given= is for inputs that are kept with the image; say where: inputs='embed' or 'beside'.")


def _places(path: Path, count: int, many: bool) -> list[Path]:
    if path.suffix.lower() != ".png":
        raise InputError(f"{path.name} does not end in .png; recipes are written into PNG files.")
    if not path.parent.is_dir():
        raise InputError(f"There is no folder {path.parent}; make it first.")
    if "{}" in path.name:
        return [path.with_name(path.name.replace("{}", str(number))) for number in range(count)]
    if not many or count == 1:
        return [path]
    return [path.with_name(f"{path.stem}-{number}{path.suffix}") for number in range(count)]


def _kept(recipe: Recipe, given: Mapping[str, Any]) -> bytes | None:
    """Return inputs as a file of values, which is read again before it is kept: a repeated run is given what comes
    back.
    """
    wanted = recipe.missing_inputs
    given = {name: with_files_read(value, name) for name, value in given.items()}
    faults = [f"{name} ({kind}) is in the recipe by its digest only; give it: given={{{name!r}: ...}}." for name, kind in
              wanted.items() if name not in given]  # fmt: skip
    faults += [f"{name} is another one than the run had." for name in wanted if name in given and not recipe.is_input(name, given[name])]  # fmt: skip
    if faults:
        raise InputError.of("The inputs cannot be kept", faults)
    if not wanted:
        return None
    content = save_values(None, {name: given[name] for name in wanted}, {})
    # A safetensors file holds numbers and no strides, so not every value comes back as it was.
    again = load_values(content)[0]
    faults = [
        f"{name} ({kind}) would come back as another one than the run had: no file holds how its numbers lie in memory, or what else "
        "it is. Run with a plain copy of it (.contiguous(), np.ascontiguousarray), or save with inputs='digest'."
        for name, kind in wanted.items()
        if not recipe.is_input(name, again[name])
    ]
    if faults:
        raise InputError.of("The inputs cannot be kept", faults)
    return content


def _chunks(recipe: Recipe, image: Image, content: bytes | None) -> PngInfo:
    from PIL.PngImagePlugin import PngInfo

    for_others = recipe.parameters_of(image.width, image.height)
    noted = recipe if for_others else recipe.noting_unwritable()
    text = written_json(noted.to_dict(), "The recipe", LARGEST_RECIPE)
    info = PngInfo()
    if for_others:
        info.add_itxt("parameters", for_others)
    # iTXt and not tEXt: prompts are in all languages, and tEXt is Latin-1.
    info.add_itxt(KEYWORD, text, zip=True)
    if content is not None:
        if len(content) > _LARGEST_CHUNK:
            raise RepoError(
                f"The inputs have {len(content):,} bytes, more than fit into a PNG file; keep them beside it: inputs='beside'."
            )
        info.add(INPUTS_CHUNK, content, after_idat=True)
    return info


def read_recipe(source: object) -> tuple[Recipe, dict[str, Any]]:
    """Read a recipe: of an image file, of an image, of a JSON file, of a state; and the inputs that are kept with it.

    Raises:
        RepoError: there is none, or it is broken. TrustError: the inputs beside an image are a link elsewhere.
    """
    if isinstance(source, Recipe):
        return source, {}
    held = getattr(source, "info", {}).get(KEYWORD) if hasattr(source, "info") else getattr(source, "recipe", None)
    if isinstance(held, Recipe):
        return held, {}
    if isinstance(held, str):
        return _parsed(held, "the image"), {}
    if not isinstance(source, (str, Path)):
        raise RepoError(
            f"{capital_article(type(source).__name__)} has no recipe; give an image, its file, a state, or a recipe's file."
        )
    path = Path(source)
    if path.suffix.lower() == ".json":
        return Recipe.from_dict(read_json(path, LARGEST_RECIPE), f"The recipe in {path}"), {}
    return _from_image(path)


def _from_image(path: Path) -> tuple[Recipe, dict[str, Any]]:
    parts = read_png(path, KEYWORD, INPUTS_CHUNK)
    if parts.text is None:
        raise RepoError(f"{path} has no recipe: it was not written by brickwork.save, or a program has removed it.")
    recipe = _parsed(parts.text, str(path))
    neighbour = path.with_name(path.stem + INPUTS_ENDING)
    # An image that somebody hands over with a link beside it must not make other files of this machine be read.
    if neighbour.is_symlink():
        check_inside(path.parent, neighbour)
    if parts.private is not None:
        return recipe, load_values(parts.private)[0]
    return recipe, load_values(neighbour)[0] if neighbour.is_file() else {}


def _parsed(text: str, where: str) -> Recipe:
    # A text of an image in memory may have anything in it; half a character is refused by the parser.
    data = text.encode("utf-8", "surrogatepass")
    name = f"The recipe in {where}"
    return Recipe.from_dict(parse_json(data, name, largest=LARGEST_RECIPE), name)
