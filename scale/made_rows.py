"""Whether the images of a row are there already: by their recipes, and not by their names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..pipeline import ModularPipeline
    from ..pipeline.recipes.recipe import Recipe

_SAME = ("machine", "results", "outside")
"""In what two runs may differ: the software, which `replay` compares, and what they gave."""


class MadeRows:
    """Tells of the runs of one pipeline which are there; its components are looked at once, to the last byte."""

    def __init__(self, pipe: ModularPipeline) -> None:
        self._pipe = pipe
        self._identities: Any = None

    def files(self, inputs: Mapping[str, Any], folder: Path, name: str) -> list[Path] | None:
        """Return the images of a run that are in a folder under a name; None if one is missing, or is of another run.

        Raises:
            InputError: the inputs do not fit.
        """
        from ..pipeline.recipes.recipe_files import read_recipe
        from ..state import RepoError

        first = next((path for path in (folder / f"{name}.png", folder / f"{name}-0.png") if path.is_file()), None)
        if first is None:
            return None
        try:
            recipe = read_recipe(first)[0]
        # What cannot be read is drawn anew.
        except RepoError:
            return None
        images = max((len(each) for each in recipe.results.values() if isinstance(each, list)), default=1)
        files = [first] if images == 1 else [folder / f"{name}-{number}.png" for number in range(images)]
        return files if all(file.is_file() for file in files) and self._is_same(recipe, inputs) else None

    def _is_same(self, recipe: Recipe, inputs: Mapping[str, Any]) -> bool:
        """Return whether a run of these inputs would have this recipe."""
        from ..engine.execution.identities import RunIdentities
        from ..pipeline.recipes.recipe_diff import differences
        from ..pipeline.recipes.recipe_of_run import recipe_of

        pipe = self._pipe
        if self._identities is None:
            self._identities = RunIdentities(pipe.components, content=True, whole=False)
        request = pipe.prepare_run(None, "images", dict(inputs))
        now = recipe_of(pipe, request.plan, request.values, "images", identities=self._identities)
        return all(kind in _SAME for kind, _ in differences(recipe, now.of_image(recipe.image)))
