"""In whose books a module is: a second manager would swap the tensors away under the first."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from ...state import ComponentError
from .layers import Part
from .moved_tensors import unmovable

if TYPE_CHECKING:
    from .device_memory import DeviceMemory

_HOLDERS: weakref.WeakKeyDictionary[Any, weakref.ref[DeviceMemory]] = weakref.WeakKeyDictionary()
"""The memory that has a module. Weak on both sides, because the books hold the module."""
_HOLDING = threading.Lock()


def claim(name: str, component: Any, memory: DeviceMemory) -> None:
    """Note that a memory has a component from now on.

    Raises:
        ComponentError: the component cannot be moved, or another memory has it.
    """
    why = unmovable(component)
    if why:
        raise ComponentError(f"{name!r} cannot be placed on {memory.device}: {why}.")
    if not hasattr(component, "parameters"):
        return
    with _HOLDING:
        if (holder := _holder_of(component)) is None:
            _HOLDERS[_claimed(component)] = weakref.ref(memory)
    _refuse_other(name, holder, memory)


def release_claim(component: Any) -> None:
    """Let any memory have a component again."""
    with _HOLDING:
        _HOLDERS.pop(_claimed(component), None)


def refuse_taken(name: str, component: Any, memory: DeviceMemory, leaving: Collection[DeviceMemory] = ()) -> None:
    """Raise ComponentError if another memory has a component, which is none of this one's partners.

    Args:
        leaving: memories that the component leaves before it comes to this one.
    """
    holder = _holder_of(component)
    _refuse_other(name, None if holder in (*memory.partners, *leaving) else holder, memory)


def _refuse_other(name: str, holder: DeviceMemory | None, memory: DeviceMemory) -> None:
    if holder not in (None, memory):
        raise ComponentError(
            f"{name!r} is placed on {holder.device} by another ComponentsManager, and would lose its weights there while this one "
            f"has them on {memory.device}. Share one manager, or give each a copy of the component."
        )


def _holder_of(component: Any) -> DeviceMemory | None:
    """Return the memory that has a component now, or the model whose part it is."""
    held = _HOLDERS.get(_claimed(component)) if hasattr(component, "parameters") else None
    return None if held is None else held()


def _claimed(component: Any) -> Any:
    """Return the module that nobody else may place meanwhile."""
    return component.module if isinstance(component, Part) else component
