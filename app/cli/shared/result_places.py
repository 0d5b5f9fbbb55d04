"""Where results of a run go: into files by what they are, and under which names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from ....state import InputError, RepoError
from ...shared.result_files import (
    ENDINGS,
    FORM,
    IMAGES,
    LATENTS,
    RECIPE_ENDING,
    Medium,
    refuse_unwritable,
    write_media,
)

_VALUES = ".safetensors"
_PLAYED = tuple(chain.from_iterable(ENDINGS.values()))


def place_of_result(out: str | None, output: str, medium: Medium | None = None) -> Path:
    """Return where the result goes; before anything is computed, since minutes may follow.

    Args:
        medium: says that it is a video or a sound.

    Raises:
        InputError: nothing can be written there. ComponentError: a package that writes such files is missing.
    """
    endings = (*((".png",) if output == IMAGES else medium.endings if medium is not None else ()), _VALUES)
    folder = Path() if out is None else Path(out)
    if out is None or out.endswith("/") or folder.is_dir():
        stem = "image" if output == IMAGES else output
        taken = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        free = next(n for n in range(1, len(taken) + 2) if not _is_taken(f"{stem}-{n}", taken))
        place = folder / f"{stem}-{free}{endings[0]}"
    else:
        place = folder
        _refuse_ending(out, place.suffix.lower(), output, endings)
        if not place.parent.is_dir():
            raise InputError(f"-o {out}: there is no folder {place.parent}.")
    if medium is not None and place.suffix.lower() in medium.endings:
        refuse_unwritable(medium, output, place.suffix.lower())
    return place


def _refuse_ending(out: str, ending: str, output: str, endings: Sequence[str]) -> None:
    if ending in endings:
        return
    if ending not in (".png", *_PLAYED):
        others = "" if endings[0] in (".png", _VALUES) else f", in {', '.join(endings[:-1])} for {output}"
        raise InputError(f"-o {out}: the name ends in .png for images{others}, and in .safetensors for other values.")
    raise InputError(f"-o {out}: {output} goes into a file that ends in {' or '.join(endings)}.")


def places_of_results(
    out: str | None, outputs: Sequence[str], media: Mapping[str, Medium] | None = None
) -> dict[str, Path]:
    """Return where each of several results goes: images into .png files, videos and sounds into files that are played, all others into one
    .safetensors file beside them.

    Raises:
        InputError, ComponentError: as `place_of_result`.
    """
    played = media or {}
    first = IMAGES if IMAGES in outputs else next((name for name in outputs if name in played), outputs[0])
    place = place_of_result(out, first, played.get(first))
    if place.suffix.lower() == _VALUES and first in played:
        return dict.fromkeys(outputs, place)
    stem = place.stem.replace("{}", "")
    beside = place.with_name(f"{stem or 'values'}{_VALUES}")
    found = {name: place if (name == IMAGES) == (first == IMAGES) else beside for name in outputs}
    for name in outputs:
        if name in played and name != first:
            found[name] = place.with_name(f"{stem}-{name}{played[name].endings[0]}")
            refuse_unwritable(played[name], name, played[name].endings[0])
        elif first in played and name != first:
            found[name] = beside
    return found


def played_of(known: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Medium]:
    """Return which results of a target are videos and sounds, where their latents are not asked for."""
    form = given.get(FORM, known.get("defaults", {}).get(FORM))
    if form == LATENTS:
        return {}
    return {name: Medium.of_data(data) for name, data in known.get("media", {}).items() if data[1] is not None}


def save_results(
    results: Mapping[str, Any], places: Mapping[str, Path], media: Mapping[str, Medium], recipe: Any
) -> dict[str, list[Path]]:
    """Write results, those of one place into one file, and return the files of each.

    Args:
        recipe: of the run, which is written beside videos and sounds.
    """
    files: dict[str, list[Path]] = {}
    for place in dict.fromkeys(places.values()):
        here = {name: results[name] for name in places if places[name] == place}
        place.parent.mkdir(parents=True, exist_ok=True)  # of a folder that is named by "/" at its end
        ending = place.suffix.lower()
        if ending == ".png":
            from ....pipeline.recipes.recipe_files import save

            written = save(here[IMAGES], place)
        elif ending in _PLAYED:
            (name,) = here
            medium = media[name]
            written = numbered(place, len(results[name]))
            write_media(medium, results[name], results[str(medium.rate)], written)
            for each in written:
                recipe.save(each.with_name(each.stem + RECIPE_ENDING))
        else:
            from ....state.value_file import save_values

            save_values(place, here, {})
            written = [place]
        files |= dict.fromkeys(here, written)
    return {name: files[name] for name in places}


def numbered(place: Path, count: int) -> list[Path]:
    """Return the names of so many files: with "-0", "-1", ... before the ending, or the number in place of {}."""
    if "{}" in place.name:
        return [place.with_name(place.name.replace("{}", str(number))) for number in range(count)]
    if count == 1:
        return [place]
    return [place.with_name(f"{place.stem}-{number}{place.suffix}") for number in range(count)]


def recipe_file(path: Path) -> Path:
    """Return the file that has the recipe of a result: an image itself, and of a video or a sound the one beside it.

    Raises:
        RepoError: there is none.
    """
    if path.suffix.lower() not in _PLAYED or not path.is_file():
        return path
    found = path.with_name(path.stem + RECIPE_ENDING)
    if not found.is_file():
        raise RepoError(
            f"{path} says nothing of how it was made: videos and sounds have their recipe in a file beside them, and there is no {found.name}."
        )
    return found


def usual_ending(path: Path) -> str:
    """Return how the name of a file ends that a result is written into again: as it was of what is played, else as of images."""
    ending = path.suffix.lower()
    return ending if ending in _PLAYED else ".png"


def save_again(result: Any, place: Path) -> list[Path]:
    """Write what a replay gave: an image, or what is played, of which the run has given the rate, too.

    Raises:
        InputError: the run gave more than one such result, or is a variant, of which all values come.
    """
    kind = next((kind for kind, endings in ENDINGS.items() if place.suffix.lower() in endings), None)
    if kind is None:
        from ....pipeline.recipes.recipe_files import save

        return save(result, place)
    if not isinstance(result, Mapping):
        raise InputError(
            f"-o {place}: a variant is repeated whole, and nothing tells which of its values is meant. Leave -o out to compare it."
        )
    rates = [name for name, value in result.items() if isinstance(value, (int, float))]
    played = [name for name in result if name not in rates]
    if len(rates) != 1 or len(played) != 1:
        raise InputError(f"-o {place}: the run gave {', '.join(result)}, of which nothing tells which one is meant.")
    written = numbered(place, len(result[played[0]]))
    write_media(Medium(kind, rates[0]), result[played[0]], result[rates[0]], written)
    return written


def _is_taken(stem: str, names: Iterable[str]) -> bool:
    return any(name.startswith((f"{stem}.", f"{stem}-")) for name in names)
