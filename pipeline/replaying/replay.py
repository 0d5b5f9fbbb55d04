"""Repeats an image from its recipe, bit for bit, or says exactly why not. Nothing in the recipe is trusted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from ...adapters.techniques import Technique
from ...adapters.techniques.by_name import known_techniques
from ...blocks.steps.given_image import with_files_read
from ...blocks.steps.image_reading import read_image
from ...engine.serving.merger import Merger
from ...engine.witness import first_difference
from ...guiders import Guider
from ...saving.composition import compose
from ...state import BrickworkError, ComponentError, CompositionError, InputError, PipelineState, ReplayError
from ...state.user_warnings import user_warning
from ...state.value_data import value_of_data
from ..modular_pipeline import ModularPipeline
from ..recipes.noted_values import noted_results
from ..recipes.recipe import Recipe
from ..recipes.recipe_diff import differences
from ..recipes.recipe_files import KEYWORD, read_recipe
from ..recipes.recipe_of_run import recipe_of
from ..workflows.guider_names import known_guiders
from .replay_components import put_components
from .replay_values import values_of


def replay(
    source: object,
    blocks: object = (),
    components: object = None,
    *,
    exact: bool = True,
    guiders: object = (),
    techniques: object = (),
    progress: bool | None = None,
    **inputs: object,
) -> Any:
    """Repeat the run that made an image.

    The recipe decides nothing about trust: its blocks are looked up by name in this package, in installed packages that offer
    blocks by entry points, and in what you give; no module is imported because it is named there, and no component is loaded
    from a place that you have not named. Only the model that ships with Brickwork comes by itself.

    Args:
        source: an image file that `brickwork.save` wrote, an image, a state, a recipe, or its JSON file.
        blocks: your own blocks that it used: classes, instances, or a composition.
        components: a folder with the models, a pipeline that has them, or a dict of components and specs by name.
        guiders, techniques: of your own that it used: classes or objects.
        exact: False runs it although something is not as it was; what, comes as a warning.
        progress: show a progress bar over the steps of loops; without it as the pipeline is configured that is given as `components`, else yes.
        inputs: images and tensors that the recipe has by their digest only.

    Returns:
        the image that the recipe belongs to; of the recipe of a whole run, what that returned.

    Raises:
        ReplayError: it cannot be repeated exactly; every reason is named. RepoError: there is no recipe, or a broken one.
    """
    own = _Own(known_guiders(guiders), known_techniques(techniques))
    recipe, kept = read_recipe(source)
    # A recipe has plain text by its value, so a path that is given for what it lacks names the file of an image.
    lacking = {**recipe.missing_inputs, **(recipe.base.missing_inputs if recipe.base else {})}
    read = {name: with_files_read(inputs[name], name) for name in lacking if name in inputs}
    given = {**kept, **inputs, **read}
    try:
        pipe, values = _prepared(recipe, () if blocks is None else blocks, components, given, own)
        _show_progress(pipe, progress, components)
        changed = _Changes.of(recipe, recipe_of(pipe, pipe.plan(values), values, recipe["output"]))
    # The schema checks every field by itself; what does not fit together shows only here.
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ReplayError(f"The recipe is broken: {error!r}.") from error
    # With a digest of the result, what nothing tells may go through: in the end the result decides.
    expected = _expected(recipe)
    serious = changed.serious if expected else (*changed.serious, *changed.unknown)
    if exact and serious:
        raise ReplayError.of("Something is not as it was", serious, headed=True)
    result = _picked(_run(pipe, recipe, values, given, (components, own)), recipe.image)
    verdict = _verdict(recipe, expected, source, result)
    faults = [*changed.serious, *changed.unknown, *changed.of_machine]
    first = _first(recipe, pipe)
    if verdict.differs or first is not None:
        _refuse(verdict.differs, faults, first, exact, result)
    elif verdict.is_edited:
        _tell(ReplayError(_EDITED), exact, result)
    elif changed.serious or changed.of_machine:
        what = "result" if recipe.image is None else "image"
        user_warning(str(ReplayError.of(f"The same {what}, though not everything is as it was", faults, headed=True)))
    return result


_EDITED = (
    "The pixels are not those of the run: the image was edited, resized or converted since. The run itself is repeated as "
    "it was; its image is the error's `result`, and what exact=False returns."
)


def _show_progress(pipe: ModularPipeline, progress: bool | None, given: object) -> None:
    like = given.settings if progress is None and isinstance(given, ModularPipeline) else None
    if like is not None:
        pipe.configure(progress=like.progress, progress_options=like.progress_options)
    else:
        pipe.configure(progress=progress is not False)


def _run(
    pipe: ModularPipeline,
    recipe: Recipe,
    values: dict[str, Any],
    given: Mapping[str, Any],
    known: tuple[object, _Own],
) -> Any:
    """Run it; a variant with the steps that it shared with another run.

    Args:
        known: components, guiders and techniques of the caller.
    """
    base = recipe.base
    if base is None:
        return pipe(**values, output=recipe["output"])
    inputs: list[str] = []
    components: list[str] = []
    shared = PipelineState()
    shared.start = values_of(base, {n: v for n, v in given.items() if n in base.missing_inputs}, inputs)
    branched = recipe["branched"]
    # The pipeline has the variant's components, and the run whose steps it shares had others.
    replaced = {name: pipe.components[name] for name in branched.get("components", ())}
    put_components(pipe, base, known[0], components, known[1].guiders, replaced, known[1].techniques)
    if inputs or components:
        heading = "The steps that were shared with another run cannot be repeated"
        raise ReplayError.lacking(heading, {InputError: inputs, ComponentError: components})
    changes = {name: replaced[name] if name in replaced else values[name] for name in branched["changes"]}
    return pipe.branch(shared, branched["at_step"], branched["loop"], **changes)


@frozen
class _Own:
    """The caller's own classes by name."""

    guiders: Mapping[str, type[Guider]]
    techniques: Mapping[str, type[Technique]]


@frozen
class _Changes:
    """Sorts what differs from the run that is repeated: in what runs, in what nothing tells, and on what machine."""

    serious: tuple[str, ...]
    unknown: tuple[str, ...]
    of_machine: tuple[str, ...]

    @classmethod
    def of(cls, then: Recipe, now: Recipe) -> _Changes:
        found = [
            (kind, f"{text} now") for kind, text in differences(then, now.of_image(then.image)) if kind != "branch"
        ]
        machine = tuple(text for kind, text in found if kind == "machine")
        unknown = tuple(text for kind, text in found if kind in ("unknown", "outside"))
        serious = (text for kind, text in found if kind not in ("machine", "unknown", "outside", "results"))
        return cls(tuple(serious), unknown, machine)


def _prepared(
    recipe: Recipe, blocks: object, components: object, given: Mapping[str, Any], own: _Own
) -> tuple[ModularPipeline, dict[str, Any]]:
    """Make the pipeline, and gather its inputs.

    Raises:
        ReplayError: blocks, components or inputs cannot be had; all of them are named.
    """
    inputs: list[str] = []
    faults: list[str] = []
    values = values_of(recipe, given, inputs)
    pipe = pipeline_of_recipe(recipe, blocks, components, own.guiders, faults, own.techniques)
    if inputs or faults or pipe is None:
        # Without blocks there is no pipeline that components could be put into.
        of_pipe = CompositionError if pipe is None else ComponentError
        raise ReplayError.lacking("The recipe cannot be repeated", {InputError: inputs, of_pipe: faults}, headed=True)
    return pipe, values


def pipeline_of_recipe(
    recipe: Recipe,
    blocks: object,
    components: object,
    guiders: Mapping[str, type[Guider]],
    faults: list[str],
    techniques: Mapping[str, type[Technique]] | None = None,
) -> ModularPipeline | None:
    """Make the pipeline of a recipe, without its inputs; what cannot be had is added to the faults.

    Args:
        blocks, components: as in `replay`. guiders, techniques: of your own, by name.
    """
    try:
        pipe = ModularPipeline(compose(recipe["composition"], blocks))
        # Kernels differ with gradients; residency and load only say where weights are meanwhile.
        pipe.configure(grad=recipe["settings"]["grad"], witness=recipe.witness is not None)
        if (rows := recipe["settings"].get("rows")) is not None:
            pipe.configure(merge=Merger(bucket=rows))
        pipe.update_config(**values_of_configs(recipe, pipe))
        put_components(pipe, recipe, components, faults, guiders, techniques=techniques)
    except BrickworkError as error:
        faults += error.faults or [str(error)]
        return None
    return pipe


def values_of_configs(recipe: Recipe, pipe: ModularPipeline) -> dict[str, Any]:
    """Return the pipeline's settings, as far as it has them."""
    written = recipe["configs"]
    return {name: value_of_data(entry["value"]) for name, entry in written.items() if name in pipe.config}


def _picked(result: object, image: int | None) -> Any:
    """Return the image of a batch that the recipe is of."""
    if image is None:
        return result
    values = result.values if isinstance(result, PipelineState) else result
    lists: Iterable[Any] = values.values() if isinstance(values, dict) else [values]
    images = next(
        (v for v in lists if isinstance(v, list) and v and hasattr(v[0], "info") and KEYWORD in v[0].info), None
    )
    if images is None or image >= len(images):
        raise ReplayError(f"The recipe is of image {image}, and the run gave {len(images or [])}.")
    return images[image]


@frozen
class _Verdict:
    """Says how a repeated run compares. `differs` names the results that are others, where any are."""

    differs: tuple[str, ...] = ()
    is_edited: bool = False


def _expected(recipe: Recipe) -> dict[str, Any]:
    """Return what the run gave, by name, as far as the recipe knows: of one image of it, only that."""
    if recipe.image is None:
        return {name: each for name, each in recipe.results.items() if each is not None}
    # Only its own digest: another image of the batch may differ without this one being another.
    images = [each for each in recipe.results.values() if isinstance(each, list) and len(each) > recipe.image]
    return {"the image": images[0][recipe.image]} if images and images[0][recipe.image] is not None else {}


def _verdict(recipe: Recipe, expected: Mapping[str, Any], source: object, result: Any) -> _Verdict:
    """Compare the results with those that are recorded, and a given image with them."""
    if recipe.image is not None:
        # The result has been picked already.
        found: dict[str, Any] = {"the image": result}
    elif isinstance(result, PipelineState):
        found = dict(result.values)
    else:
        found = result if isinstance(recipe["output"], list) else {str(recipe["output"]): result}
    now = noted_results({name: found[name] for name in expected if name in found})()
    differs = tuple(name for name, each in expected.items() if now.get(name) != each)
    shown = _shown(source)
    if shown is None or not hasattr(result, "tobytes"):
        return _Verdict(differs)
    # Apart from the digest: an image that was edited after the run still has the run's recipe.
    is_shown = _pixels(shown) == _pixels(result)
    if expected:
        return _Verdict(differs, is_edited=not differs and not is_shown)
    return _Verdict(() if is_shown else ("the image",))


def _shown(source: object) -> Any:
    """Return the image that is to be repeated, where one was given."""
    from PIL import Image

    if isinstance(source, (str, Path)) and Path(source).suffix.lower() != ".json":
        return read_image(Path(source))
    return source if isinstance(source, Image.Image) else None


def _pixels(image: Any) -> tuple[Any, ...]:
    return image.mode, image.size, image.tobytes()


def _first(recipe: Recipe, pipe: ModularPipeline) -> str | None:
    """Return where the run and its repetition differ first, if both kept account of what their blocks gave."""
    then, again = recipe.witness, pipe.last_recipe
    now = None if again is None else again.witness
    return None if then is None or now is None else first_difference(then, now)


def _refuse(differs: tuple[str, ...], faults: list[str], first: str | None, exact: bool, result: object) -> None:
    """Say that the repetition gave something else, and why that may be."""
    where = [] if first is None else [f"{first}."]
    causes = faults or ["nothing that is recorded differs; a block, or the hardware, does not give the same twice"]
    what = "image" if differs == ("the image",) else f"result ({', '.join(differs) or 'on the way'})"
    heading = f"The repeated run gave another {what}; what differs"
    _tell(ReplayError.of(heading, [*where, *causes], headed=True), exact, result)


def _tell(error: ReplayError, exact: bool, result: object) -> None:
    if not exact:
        user_warning(str(error))
        return
    error.result = result
    raise error
