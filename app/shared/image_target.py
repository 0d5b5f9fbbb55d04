"""Puts the pipeline of an image together again, from its recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...state import InputError

if TYPE_CHECKING:
    from ...pipeline import ModularPipeline
    from ...pipeline.recipes.recipe import Recipe


def pipeline_of_image(
    path: Path, components: object, called: str | None = None, blocks: object = ()
) -> tuple[ModularPipeline, Recipe]:
    """Return the pipeline of an image's recipe, with its inputs as defaults, and the recipe.

    Inputs that the recipe has by their digest only are not among them: they are to be given again.

    Args:
        components: folder with the models; the one that ships is found without. called: what errors say for the path.
        blocks: of one's own that it may name.

    Raises:
        InputError: blocks or components cannot be had, or are not as they were; all of them are named.
    """
    from ...pipeline.recipes.recipe_diff import differences
    from ...pipeline.recipes.recipe_files import read_recipe
    from ...pipeline.recipes.recipe_of_run import recipe_of
    from ...pipeline.replaying.replay import pipeline_of_recipe

    called = str(path) if called is None else called
    recipe, kept = read_recipe(path)
    faults: list[str] = []
    pipe = pipeline_of_recipe(recipe, blocks, components, {}, faults)
    if faults or pipe is None:
        raise InputError.of(f"The pipeline of {called} cannot be put together", faults, headed=True)
    values = {**recipe.inputs, **{name: value for name, value in kept.items() if name in recipe.missing_inputs}}
    given = {**values, **dict.fromkeys([*recipe.missing_inputs, *recipe["generators"]], True)}
    now = recipe_of(pipe, pipe.plan(given), values, recipe["output"]).of_image(recipe.image)
    faults = [f"{text} now" for kind, text in differences(recipe, now) if kind in ("blocks", "components", "process")]
    if faults:
        raise InputError.of(f"Something is not as it was when {called} was made", faults, headed=True)
    pipe.input_defaults = values
    if recipe["generators"]:
        pipe.input_defaults["seed"] = seed_of_recipe(recipe)
    _take_from_origin(pipe, recipe, components)
    return pipe, recipe


def _take_from_origin(pipe: ModularPipeline, recipe: Recipe, components: object) -> None:
    """Say of parts without weights that they are from a repository, where it has just these: a recipe holds their settings."""
    from ...pipeline.workflows.workflow_file import place_component
    from ...registry.catalog import shipped
    from ...registry.hub.repo import Repo

    for name, entry in recipe["components"].items():
        origin, made = entry.get("origin"), pipe.components.get(name)
        if origin is None or not entry.get("config") or made is None:
            continue
        repo = (
            components if components is not None else shipped.get(origin["repo"]) if origin["repo"] in shipped else None
        )
        if repo is None:
            continue
        spec = pipe.specs[name]
        place_component(
            pipe, name, {"repo": str(repo), "subfolder": origin["subfolder"] or ""}, Repo(str(repo), Path())
        )
        pipe.load_components(name)
        found = pipe.components[name]
        if not made_alike(found, made):
            pipe.specs[name] = spec
            pipe.update_components(**{name: made})


def made_alike(one: Any, other: Any) -> bool:
    """Return whether two parts without weights are of one class and have the same settings."""
    configs = [{name: value for name, value in each.config.items() if name[:1] != "_"} for each in (one, other)]
    return type(one) is type(other) and configs[0] == configs[1]


def seed_of_recipe(recipe: Recipe) -> int | list[int]:
    """Return the seed with which a call makes a run's images again, or the list of them.

    Raises:
        InputError: the run's generators cannot be said by seeds.
    """
    entries = [each for listed in recipe["generators"].values() for each in listed]
    images = max((len(each) for each in recipe.results.values() if isinstance(each, list)), default=len(entries))
    if any({"state", "is"} & each.keys() for each in entries) or len(entries) != images:
        raise InputError(
            "The run drew its images from generators that seeds do not say: one for several images, or one that had drawn before. "
            "brickwork replay repeats it."
        )
    seeds = [int(each["seed"]) for each in entries]
    return seeds[0] if len(seeds) == 1 else seeds
