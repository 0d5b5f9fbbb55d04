"""What a pipeline is, as data that two machines compare: blocks with their code, components with their content, software."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..engine.execution.identities import RunIdentities
from ..pipeline.recipes.component_records import notes_of
from ..pipeline.recipes.noted_values import noted_inputs
from ..pipeline.recipes.recipe import Recipe
from ..pipeline.recipes.recipe_diff import differences
from ..pipeline.recipes.recipe_of_run import software

if TYPE_CHECKING:
    from ..pipeline import ModularPipeline

_SAME = ("blocks", "components", "inputs")
"""In what no two workers may differ."""


def record_of(pipe: ModularPipeline) -> dict[str, Any]:
    """Say what a pipeline is: of components that are loaded by their content, of others by their files."""
    identities = RunIdentities(pipe.components, content=True, whole=True)
    notes = notes_of(pipe, tuple(pipe.specs), pipe.components, identities)
    known = {
        "software": software(),
        "device": "",
        "composition": pipe.description().data,
        "configs": pipe.config.written,
        "components": notes.written(),
        "inputs": noted_inputs(dict(pipe.input_defaults))[0],
        "generators": {},
        "output": None,
    }
    return Recipe(known, notes.weights).to_dict()


def record_faults(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    """Yield in what two pipelines differ that are to be one, first the one of this process; another Python is none of it."""
    one, other = (Recipe(side, lambda side=side: {"weights": side.get("weights", {})}) for side in (mine, theirs))  # type: ignore[misc]
    for kind, text in differences(one, other):
        if kind in _SAME or (kind == "machine" and text.partition(":")[0] in software().keys() - {"python"}):
            yield text
