"""What a change leaves on the modules of a component, noted so that it can be taken back: attributes, layers, tensors by name, hooks."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrs import define, field

from ...registry.compilation import uncompiled
from ...state import ComponentError

if TYPE_CHECKING:
    import torch

_CONTAINERS = (
    "_parameters", "_buffers", "_modules", "_non_persistent_buffers_set", "_forward_hooks", "_forward_pre_hooks",
    "_forward_hooks_with_kwargs", "_forward_hooks_always_called", "_forward_pre_hooks_with_kwargs",
)  # fmt: skip
"""What torch keeps in dicts and sets of their own, which are written in place."""
_NOTES = ("_brickwork_", "_diffusers_load_id")


class _Absent(enum.Enum):
    """Stands for an attribute that was not there; as an enum it is itself in copies, too."""

    ABSENT = enum.auto()


ABSENT = _Absent.ABSENT


@define(eq=False)
class _Entry:
    """One name in one place: a module's own attribute, or one in a dict of it ("" is the module, or a processor, itself)."""

    holder: Any
    place: str
    name: Any
    before: Any
    after: Any


@define(eq=False)
class Changes:
    """What was changed; called with the component, it is taken back, the last first."""

    entries: list[_Entry] = field(factory=list)

    def __call__(self, component: object) -> None:
        """Put everything back.

        Raises:
            ComponentError: somebody has changed the same since then, and nothing was put back.
        """
        for entry in self.entries:
            now = _contents(entry.holder, entry.place).get(entry.name, ABSENT)
            if now is not entry.after and not _are_equal(now, entry.after):
                raise ComponentError(
                    f"{entry.name} of {type(entry.holder).__name__}, in {type(uncompiled(component)).__name__}, was changed after the technique "
                    "was applied, and cannot be put back. Take back what came later first."
                )
        self.restore()

    def restore(self) -> None:
        """Put everything back, whatever was done since."""
        for entry in reversed(self.entries):
            held = _container(entry.holder, entry.place)
            if isinstance(held, set):
                (held.discard if entry.before is ABSENT else held.add)(entry.name)
            elif entry.before is ABSENT:
                held.pop(entry.name, None)
            else:
                held[entry.name] = entry.before


@contextmanager
def recorded(component: object) -> Iterator[Changes]:
    """Note what is changed on a component until the end of the `with`; an exception takes it back."""
    held = [(holder, place, dict(_contents(holder, place))) for holder, place in _places(uncompiled(component))]
    changes = Changes()
    try:
        yield changes
    except BaseException:
        changes.entries = _differing(held)
        changes.restore()
        raise
    changes.entries = _differing(held)


def _differing(held: list[tuple[Any, str, dict[Any, Any]]]) -> list[_Entry]:
    found = []
    for holder, place, before in held:
        now = _contents(holder, place)
        for name in dict.fromkeys([*before, *now]):
            pair = before.get(name, ABSENT), now.get(name, ABSENT)
            if pair[0] is not pair[1]:
                found.append(_Entry(holder, place, name, *pair))
    return found


def _places(network: torch.nn.Module) -> Iterator[tuple[Any, str]]:
    for module in network.modules():
        yield module, ""
        yield from ((module, name) for name in _CONTAINERS)
        processor = vars(module).get("processor")
        # That of a layer of its own is a module, and comes by itself.
        if hasattr(processor, "__dict__") and not hasattr(processor, "named_modules"):
            yield processor, ""


def _container(holder: object, place: str) -> Any:
    return vars(holder)[place] if place else vars(holder)


def _contents(holder: object, place: str) -> dict[Any, Any]:
    held = _container(holder, place)
    if isinstance(held, set):
        return dict.fromkeys(held)
    if place:
        return dict(held)
    return {n: v for n, v in held.copy().items() if n not in _CONTAINERS and not str(n).startswith(_NOTES)}


def _are_equal(one: object, other: object) -> bool:
    """Return whether plain values are the same, of which copies hold other objects."""
    return type(one) is type(other) and isinstance(one, (bool, int, float, str, tuple)) and one == other
