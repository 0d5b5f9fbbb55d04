"""Models of which diffusers brings the layers one after another (`enable_group_offload`): larger than the device, and left alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ...state import ComponentError
from ..module_levels import module_levels
from ..placing_hooks import GROUP_OFFLOAD, HOOKS

if TYPE_CHECKING:
    import torch


def onload_device(component: object) -> torch.device | None:
    """Return the device to which diffusers brings a model's layers; None where it does not."""
    for level in module_levels(component):
        for module in level:
            if HOOKS in module.__dict__ and (hook := _hook_of(module)) is not None:
                device: torch.device = hook.config.onload_device
                return device
    return None


def comes_in_groups(name: str, component: object, here: torch.device) -> bool:
    """Return whether diffusers brings a component's layers one after another.

    Args:
        here: the device on which runs compute.

    Raises:
        ComponentError: it brings them to another device.
    """
    there = onload_device(component)
    if there is None:
        return False
    if there.type != here.type or (None not in (there.index, here.index) and there.index != here.index):
        raise ComponentError(
            f"diffusers brings the layers of {name!r} to {there} (group offloading), and the manager places components on {here}. Use "
            f'one device: pipe.{name}.enable_group_offload(onload_device="{here}", ...).'
        )
    return True


def largest_part(component: object) -> int:
    """Return the bytes of such a model that are on the device at once, at most.

    A group is there while the module computes that leads it, and so are those of the modules around. With a stream of its own,
    the next one comes beside it.
    """
    groups: dict[int, Any] = {}

    def held(module: Any, around: frozenset[int]) -> int:
        hook = _hook_of(module)
        own = 0
        if hook is not None and id(hook.group) not in around:
            groups[id(hook.group)] = hook.group
            own, around = _bytes(hook.group), around | {id(hook.group)}
        return own + max((held(child, around) for child in _children(module)), default=0)

    most = held(component, frozenset())
    ahead = [_bytes(group) for group in groups.values() if group.stream is not None]
    return most + max(ahead, default=0)


def _hook_of(module: Any) -> Any:
    registry = vars(module).get(HOOKS)
    return None if registry is None else registry.hooks.get(GROUP_OFFLOAD)


def _children(module: Any) -> list[Any]:
    return [child for child in module._modules.values() if child is not None]


def _bytes(group: Any) -> int:
    tensors = [*group.parameters, *group.buffers]
    for module in group.modules:
        tensors += [*module.parameters(), *module.buffers()]
    return _sum(tensors)


def _sum(tensors: Iterable[Any]) -> int:
    return sum({id(each): each.numel() * each.element_size() for each in tensors}.values())
