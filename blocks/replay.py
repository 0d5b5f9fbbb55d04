"""Repeats a picture from its recipe, bit for bit, or says exactly why not. Nothing in the recipe is trusted."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from ..guiders import Guider
from ..state import BrickworkError, PipelineState
from ..state.errors import ReplayError
from ..state.value_data import value_of_data
from .composition import compose
from .guider_names import known_guiders
from .modular_pipeline import ModularPipeline
from .recipe import Recipe
from .recipe_diff import differences
from .recipe_files import KEYWORD, read_recipe
from .recipe_parts import recipe_of
from .replay_components import put_components
from .replay_values import values_of


def replay(
    source: Any, blocks: Any = (), components: Any = None, *, exact: bool = True, guiders: Any = (), **inputs: Any
) -> Any:
    """Repeat the run that made a picture.

    The recipe decides nothing about trust: its blocks are looked up by name in this package, in installed packages that offer
    blocks by entry points, and in what you give; no module is imported because it is named there, and no component is loaded
    from a place that you have not named. Only the model that ships with Brickwork comes by itself.

    Args:
        source: a picture file that `brickwork.save` wrote, a picture, a state, a recipe, or its JSON file.
        blocks: your own blocks that it used: classes, instances, or a composition.
        components: a folder with the models, a pipeline that has them, or a dict of components and specs by name.
        guiders: guiders of your own that it used: classes or objects.
        exact: False runs it although something is not as it was; what, comes as a warning.
        inputs: pictures and tensors that the recipe has by their digest only.

    Returns:
        the picture that the recipe belongs to; of the recipe of a whole run, what that returned.

    Raises:
        ReplayError: it cannot be repeated exactly; every reason is named. RepoError: there is no recipe, or a broken one.
    """
    own = known_guiders(guiders)
    recipe, kept = read_recipe(source)
    given = {**kept, **inputs}
    try:
        pipe, values = _prepared(recipe, () if blocks is None else blocks, components, given, own)
        changed = _Changes.of(recipe, recipe_of(pipe, pipe.plan(values).components, values, recipe["output"]))
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ReplayError(f"The recipe is broken: {error!r}.") from error
    if exact and changed.serious:
        raise ReplayError.of("Something is not as it was", changed.serious)
    result = _picked(_run(pipe, recipe, values, given), recipe.image)
    same = _is_same(source, result)
    if changed.of_machine or changed.serious or not same:
        _say(changed, same, exact, result)
    return result


def _run(pipe: ModularPipeline, recipe: Recipe, values: dict[str, Any], given: Mapping[str, Any]) -> Any:
    """Run it; a variant with the steps that it shared with another run."""
    base = recipe.base
    if base is None:
        return pipe(**values, output=recipe["output"])
    faults: list[str] = []
    shared = PipelineState()
    shared.start = values_of(base, {n: v for n, v in given.items() if n in base.missing_inputs}, faults)
    if faults:
        raise ReplayError.of("The steps that were shared with another run cannot be repeated", faults)
    branched = recipe["branched"]
    changes = {name: values[name] for name in branched["changes"]}
    return pipe.branch(shared, branched["at_step"], branched["loop"], **changes)


@frozen
class _Changes:
    """What differs from the run that is repeated: in what runs, and on what machine."""

    serious: tuple[str, ...]
    of_machine: tuple[str, ...]

    @classmethod
    def of(cls, then: Recipe, now: Recipe) -> _Changes:
        found = [
            (kind, f"{text} now") for kind, text in differences(then, now.of_image(then.image)) if kind != "branch"
        ]
        machine = tuple(text for kind, text in found if kind == "machine")
        return cls(tuple(text for kind, text in found if kind != "machine"), machine)


def _prepared(
    recipe: Recipe, blocks: Any, components: Any, given: Mapping[str, Any], guiders: Mapping[str, type[Guider]]
) -> tuple[ModularPipeline, dict[str, Any]]:
    """Make the pipeline, and gather its inputs.

    Raises:
        ReplayError: blocks, components or inputs cannot be had; all of them are named.
    """
    faults: list[str] = []
    values = values_of(recipe, given, faults)
    try:
        pipe = ModularPipeline(compose(recipe["composition"], blocks))
        pipe.configure(grad=recipe["settings"]["grad"])
        pipe.update_config(**values_of_configs(recipe, pipe))
        put_components(pipe, recipe, components, faults, guiders)
    except BrickworkError as error:
        faults += error.faults or [str(error)]
    if faults:
        raise ReplayError.of("The recipe cannot be repeated", faults)
    return pipe, values


def values_of_configs(recipe: Recipe, pipe: ModularPipeline) -> dict[str, Any]:
    """The pipeline's settings, as far as it has them."""
    written = recipe["configs"]
    return {name: value_of_data(entry["value"]) for name, entry in written.items() if name in pipe.config}


def _picked(result: Any, image: int | None) -> Any:
    """The picture of a batch that the recipe is of."""
    if image is None:
        return result
    values = result.values if isinstance(result, PipelineState) else result
    lists: Iterable[Any] = values.values() if isinstance(values, dict) else [values]
    pictures = next(
        (v for v in lists if isinstance(v, list) and v and hasattr(v[0], "info") and KEYWORD in v[0].info), None
    )
    if pictures is None or image >= len(pictures):
        raise ReplayError(f"The recipe is of picture {image}, and the run gave {len(pictures or [])}.")
    return pictures[image]


def _is_same(source: Any, result: Any) -> bool:
    """Whether the pixels are those of the picture in question; True where there is none to compare with."""
    from PIL import Image

    if not hasattr(result, "tobytes") or not hasattr(result, "mode"):
        return True
    if isinstance(source, (str, Path)) and Path(source).suffix.lower() != ".json":
        with Image.open(source) as picture:
            expected = _pixels(picture)
    elif isinstance(source, Image.Image):
        expected = _pixels(source)
    else:
        return True
    return expected == _pixels(result)


def _pixels(picture: Any) -> tuple[Any, ...]:
    return picture.mode, picture.size, picture.tobytes()


def _say(changed: _Changes, same: bool, exact: bool, result: Any) -> None:
    faults = [*changed.serious, *changed.of_machine]
    if same:
        warnings.warn(str(ReplayError.of("The same picture, though not everything is as it was", faults)), stacklevel=3)
        return
    faults = faults or ["nothing that is recorded differs; a block, or the hardware, does not give the same twice"]
    error = ReplayError.of("The repeated run gave another picture; what differs", faults)
    error.result = result
    if exact:
        raise error
    warnings.warn(str(error), stacklevel=3)
