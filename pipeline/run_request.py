"""A run that was checked and can begin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ..engine import Plan
from ..engine.execution.checkpoint import RunCheckpoint, SharedPrefix
from ..engine.settings import SnapshotTaker
from .recipes.recipe import Recipe

if TYPE_CHECKING:
    from .modular_pipeline import ModularPipeline


@frozen
class RunRequest:
    """A run that was checked and can begin.

    Attributes:
        values: by name, which the run takes over. output: as the caller asks. is_seeded: the caller gave no random
            generator, and the one in `values` is nobody's business afterwards.
        standing: where it goes on. recipe: of the run that it goes on with. graft: iterations that it takes from another one.
        snapshots: what takes them, in place of what the settings say. opened: path of a loop whose iterations are needed one
            by one, even if the result of the whole is known. replaced: components that this run has in place of the pipeline's.
        is_exact: a run that goes on must do so as it was, or not at all.
    """

    plan: Plan
    values: dict[str, Any]
    output: Any
    is_seeded: bool = False
    standing: RunCheckpoint | None = None
    recipe: Recipe | None = None
    graft: SharedPrefix | None = None
    snapshots: SnapshotTaker | None = None
    opened: str | None = None
    replaced: Mapping[str, Any] = field(factory=dict)
    is_exact: bool = False

    def components_of(self, pipe: ModularPipeline) -> Mapping[str, Any]:
        """Return the pipeline's components, as a run has them that begins now."""
        return _Held({**pipe.components, **self.replaced}, pipe)


def names_asked(output: str | list[str] | None) -> frozenset[str] | None:
    """Return the names of what a run was asked for; None for all."""
    return None if output is None else frozenset([output] if isinstance(output, str) else output)


class _Held(Mapping[str, Any]):
    """Components of one run: those of its beginning, also where a listener replaces one; those that are loaded later, too."""

    def __init__(self, held: dict[str, Any], pipe: ModularPipeline) -> None:
        self._held = held
        self._pipe = pipe

    def __getitem__(self, name: str) -> Any:
        if self._held[name] is None:
            self._held[name] = self._pipe.components.get(name)
        return self._held[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)
