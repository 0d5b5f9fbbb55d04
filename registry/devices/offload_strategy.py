"""The rule of diffusers' manager for what leaves a device, for code that names it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from ..loading.weights import bytes_of
from .component_bytes import component_bytes

if TYPE_CHECKING:
    import torch

_EXACT = 12
"""Components up to which every set is looked at; of more, the largest go first."""


class AutoOffloadStrategy:
    """Takes off a device the components that free enough bytes, and as few more as can be; all, where they do not free enough.

    The plan of `enable_auto_cpu_offload` moves less, because it knows what comes next. As a `Strategy` of it:
    `manager.set_offload_strategy(AutoOffloadStrategy())`.

    Args:
        memory_reserve_margin: bytes that stay free, where it asks the device itself.
    """

    def __init__(self, memory_reserve_margin: int | str = "3GB") -> None:
        self.memory_reserve_margin = bytes_of(memory_reserve_margin)

    def __call__(
        self,
        sizes: Mapping[str, int] | None = None,
        short: int = 0,
        next_uses: Mapping[str, int] | None = None,  # noqa: ARG002 - of a `Strategy`
        *,
        hooks: Sequence[Any] = (),
        model_id: str = "",  # noqa: ARG002 - diffusers gives it
        model: object = None,
        execution_device: torch.device | None = None,
    ) -> Iterable[Any]:
        """Return the names that go, of sizes in bytes and the bytes that are short; or, called as diffusers does, the hooks of what goes.

        Args:
            hooks: of components on the device, each with a `model_id` and a `model`. model: what comes. execution_device: whereto.
        """
        import torch

        if sizes is not None:
            return smallest_sufficient(sizes, short)
        # A device without limit, such as the CPU, has no such function, and nothing needs to go.
        counted = (
            None
            if execution_device is None
            else getattr(getattr(torch, execution_device.type, None), "mem_get_info", None)
        )
        free = None if counted is None else counted(execution_device)[0]
        if free is None or not hooks:
            return []
        held = {str(hook.model_id): component_bytes(hook.model) for hook in hooks}
        going = set(smallest_sufficient(held, component_bytes(model) - (free - self.memory_reserve_margin)))
        return [hook for hook in hooks if hook.model_id in going]


def smallest_sufficient(sizes: Mapping[str, int], short: int) -> list[str]:
    """Return the names whose bytes sum up to what is short with the fewest more, of those the fewest names; all if they do not."""
    if short <= 0:
        return []
    if sum(sizes.values()) <= short:
        return list(sizes)
    names = sorted(sizes, key=lambda name: -sizes[name])
    if len(names) > _EXACT:
        chosen: list[str] = []
        for name in names:
            if sum(sizes[each] for each in chosen) < short:
                chosen.append(name)
        return chosen
    sets = (each for count in range(1, len(names) + 1) for each in combinations(names, count))
    enough = ((sum(sizes[name] for name in each), len(each), each) for each in sets)
    return list(min(found for found in enough if found[0] >= short)[2])
