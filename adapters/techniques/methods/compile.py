"""`torch.compile` of a network, or of its repeated layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from ....guiders.written_settings import checked
from ..technique import Technique

if TYPE_CHECKING:
    import torch

    from ....families.contract import FamilyContract


@frozen(kw_only=True, slots=False, field_transformer=checked)
class Compile(Technique):
    """Compile a network by `torch.compile`; the first run with each shape compiles.

    Attributes:
        regional: compile one layer of each kind that repeats, which takes a fraction of the time; False compiles the network as a whole.
        backend, mode, dynamic, fullgraph: as `torch.compile` has them; with `fullgraph` a break of the graph is an error.
    """

    is_compared: ClassVar[bool] = False

    regional: bool = True
    backend: str = "inductor"
    mode: str | None = None
    dynamic: bool | None = None
    fullgraph: bool = False

    def faults(self, component: torch.nn.Module, family: FamilyContract, others: Sequence[Technique]) -> Iterator[str]:  # noqa: ARG002
        """It is of networks with layers that repeat, and that are not compiled yet."""
        from torch import compiler

        from ....registry.compilation import compiled_parts
        from ....state.errors import did_you_mean

        if compiled_parts(component):
            yield "it is compiled already."
        if self.regional and not _repeated(component):
            yield f"diffusers names no layers of {type(component).__name__} that repeat: regional=False."
        known = compiler.list_backends(())
        if self.backend not in known:
            yield f"there is no compiler {self.backend!r}. {did_you_mean(self.backend, known)}"

    def change(self, component: Any) -> None:
        """Say what is compiled at its first call."""
        for part in _repeated(component) if self.regional else [component]:
            part.compile(backend=self.backend, mode=self.mode, dynamic=self.dynamic, fullgraph=self.fullgraph)


def _repeated(component: torch.nn.Module) -> list[Any]:
    names = getattr(component, "_repeated_blocks", None) or ()
    return [module for module in component.modules() if type(module).__name__ in names]
