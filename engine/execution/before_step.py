"""What a step finds, so that it can begin once more as if nothing had been; or what it has changed that nothing brings back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...registry.devices.slabs import digest
from ...state.digest import NoDigestError, digest_of
from ..isolation import RunComponents
from ..memory import flat
from ..nodes import Values
from .in_place_watch import edited_since, marks_of
from .process_chance import process_chance

if TYPE_CHECKING:
    from .executor import Executable


@frozen
class Before:
    """What a step finds.

    Attributes:
        components: functions that bring the run's own back to what they were. generators: functions that bring random
            generators back. chance: of the generators of the whole process. marks: of values that torch counts writes to.
            contents: of what it reads beside them, by name. networks: by name, those that it computes with.
    """

    values: Values
    components: tuple[Callable[[], None], ...]
    generators: tuple[Callable[[], object], ...]
    chance: Any
    marks: list[Any]
    contents: Mapping[str, tuple[Any, Any]]
    networks: Mapping[str, Any]

    @classmethod
    def of(cls, values: Values, executable: Executable, components: RunComponents) -> Before:
        """Note all of it."""
        reads = values.keys() if executable.takes is None else executable.takes & values.keys()
        return cls(
            dict(values),
            tuple(components.kept(name) for name in executable.mutates),
            tuple(_generators(values)),
            process_chance(),
            marks_of(values),
            {name: (values[name], _content(values[name])) for name in sorted(reads)},
            {name: components[name] for name in executable.uses},
        )

    def changed(self) -> str:
        """Return what the step has changed though nothing brings it back, as the end of a sentence; "" for nothing."""
        if edited := edited_since(self.marks):
            return f"it has changed in place: {edited}"
        for name, (value, content) in self.contents.items():
            if isinstance(content, NoDigestError):
                return f"it reads {name!r}, and nothing tells whether it has changed that: {str(content).rstrip('.')}"
            if _differ(_content(value), content):
                return f"it has changed in place: {name}"
        if process_chance() != self.chance:
            return "it draws from a random generator of the whole process"
        # Exactly True: a module that answers to every name has no such cache.
        cached = sorted(
            name for name, each in self.networks.items() if getattr(each, "is_cache_enabled", False) is True
        )
        return (
            f"{cached[0]!r} keeps results of earlier steps (enable_cache), and was in the middle of one"
            if cached
            else ""
        )

    def restore(self, values: Values) -> None:
        """Let everything be as it was."""
        values.clear()
        values.update(self.values)
        for bring_back in (*self.components, *self.generators):
            bring_back()


def _generators(values: Mapping[str, Any]) -> Iterator[Callable[[], object]]:
    """Yield functions that bring random generators among values back, of torch and of NumPy."""
    import torch

    for each in flat(values.values()):
        if isinstance(each, torch.Generator):
            yield partial(each.set_state, each.get_state())
        elif hasattr(each, "bit_generator"):
            yield partial(setattr, each.bit_generator, "state", each.bit_generator.state)


def _content(value: Any) -> Any:
    """Return what differs if somebody has written into a value; None of what `marks_of` sees, and of generators."""
    if isinstance(value, (list, tuple)):
        return [_content(each) for each in value]
    if isinstance(value, dict):
        return [_content(each) for each in value.values()]
    if hasattr(type(value), "is_inference"):
        # Without a count of writes. On the device, because to read it here would wait for all that was queued.
        return digest(value) if value.is_inference() else None
    if hasattr(type(value), "initial_seed") or hasattr(value, "bit_generator"):
        return None
    try:
        return digest_of(value)
    except NoDigestError as error:
        return error


def _differ(one: Any, other: Any) -> bool:
    if isinstance(one, list):
        return len(one) != len(other) or any(map(_differ, one, other))
    if hasattr(type(one), "untyped_storage"):
        return bool((one != other).any())
    return bool(one != other)
