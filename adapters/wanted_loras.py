"""LoRAs that a workflow file names, until the models that they are for are loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from attrs import define, frozen

from ..state import BrickworkError
from .lora import Loras, loader_mixin, lora_family
from .lora_origins import LoraOrigin, origins_of


@frozen
class WantedLora:
    """A LoRA by its origin.

    Attributes:
        name: in the models. repo: folder, or name on the Hub. file: in it; None for the only one. weight: how much it counts.
    """

    name: str
    repo: str
    file: str | None = None
    revision: str | None = None
    weight: float = 1.0

    def is_from(self, origin: LoraOrigin) -> bool:
        """Return whether an origin is the one that it names."""
        return (self.repo, self.file, self.revision) == (origin.repo, origin.file, origin.revision)


@define
class WantedLoras:
    """LoRAs in the order in which they count, until `load_components` has put them in.

    Attributes:
        loras: none once they are in.
    """

    loras: tuple[WantedLora, ...] = ()

    def put_in(self, pipe: Any) -> Iterator[str]:
        """Put them in if every model that takes LoRAs is there, and yield what went wrong."""
        if not self.loras or any(pipe.components[name] is None for name in self._models(pipe)):
            return
        loras = Loras(pipe)
        there = {name: origin for model in loras.models.values() for name, origin in origins_of(model).items()}
        faults = []
        for each in self.loras:
            # Models are shared by pipelines, of which another one may have put it in.
            if each.name in loras.names() and each.name in there and each.is_from(there[each.name]):
                continue
            try:
                loras.load(each.repo, each.file, each.name, each.revision, **pipe.hub_options)
            except BrickworkError as error:
                faults.append(f"The LoRA {each.name!r}: {error}")
        if not faults:
            loras.set([each.name for each in self.loras], [each.weight for each in self.loras])
            self.loras = ()
        yield from faults

    def fault(self, names: Iterable[str], pipe: Any) -> str | None:
        """Say which of the components that a run needs lacks them; None if none does."""
        lacking = set(self._models(pipe)).intersection(names) if self.loras else ()
        if not lacking:
            return None
        return f"{min(lacking)} lacks the LoRA {self.loras[0].name!r} of the workflow's file, which load_components() puts in: call it first."

    def _models(self, pipe: Any) -> list[str]:
        return [name for name in lora_models(pipe) if name in pipe.specs and name not in pipe.absent]


def lora_models(pipe: Any) -> tuple[str, ...]:
    """Return the names of the components that LoRAs of a pipeline can be for; none where no family of its blocks knows LoRAs."""
    family = lora_family(pipe)
    return tuple(loader_mixin(family.lora_loader)._lora_loadable_modules) if family.lora_loader else ()
