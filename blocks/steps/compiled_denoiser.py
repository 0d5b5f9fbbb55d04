"""What a denoiser that `torch.compile` has compiled needs of the loop around it, and what the loop says of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from attrs import define

from ...registry.compilation import compiled_parts, may_reuse_outputs, uncompiled

if TYPE_CHECKING:
    from torch import Tensor

_seen: WeakKeyDictionary[Any, set[Any]] = WeakKeyDictionary()
"""Of which sizes torch has compiled a network in this process."""


@define(eq=False)
class CompiledDenoiser:
    """What holds for one run.

    Attributes:
        parts: modules that run compiled; none of a network that is not. reuses_outputs: the next call may write into what this
            one returned (CUDA graphs), so that predictions have to be copied.
    """

    network: Any
    parts: Sequence[Any]
    reuses_outputs: bool
    _is_told: bool = False

    @classmethod
    def of(cls, denoiser: Any) -> CompiledDenoiser:
        """Look at a denoiser."""
        parts = compiled_parts(denoiser)
        return cls(uncompiled(denoiser), parts, any(map(may_reuse_outputs, parts)))

    def begin_step(self) -> None:
        """Say that what earlier steps left in the memory of CUDA graphs is not needed any more.

        Once a step and not once a call: a ControlNet whose results the denoiser reads is compiled, too.
        """
        if self.reuses_outputs:
            import torch

            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]  # torch says no types of it

    def as_written(self) -> str:
        """Return, once a run, that calls in which layers are changed do not run compiled; "" after that."""
        if self._is_told:
            return ""
        self._is_told = True
        return (
            "the denoiser is compiled, and layers are changed for single predictions (by the guider, the weight of LoRAs, or "
            "attention_maps); in these, the compiled parts with such layers run as they were written"
        )

    def new_sizes(self, batches: Sequence[Sequence[int]], first: int, latents: Tensor) -> str:
        """Return where torch will compile within the loop, because the number of predictions in a call changes; "" where not.

        Args:
            batches: of each step from `first` on, how many predictions each call makes that runs compiled.
        """
        seen = _seen.setdefault(self.network, set())
        form = (tuple(latents.shape), latents.dtype)
        late: dict[int, int] = {}
        for index, counts in enumerate(batches, first):
            for count in counts:
                if (count, form) not in seen:
                    seen.add((count, form))
                    late[count] = index
        found = [f"{count} in step {index}" for count, index in late.items() if index > first]
        if not found:
            return ""
        return (
            f"the number of predictions in a call of the compiled denoiser changes ({', '.join(found)}), and torch compiles it there the "
            'first time; PredictNoise(batching="sequential") makes one prediction in every call'
        )
