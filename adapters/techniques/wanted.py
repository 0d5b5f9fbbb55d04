"""Techniques that a file, or a person, names for components until these are loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from attrs import define, field

from ...state import BrickworkError, InputError
from .applying import put_on, techniques_on
from .technique import Technique


@define
class WantedTechniques:
    """Techniques by the component that shall have them, until `load_components` has put them on."""

    of: dict[str, tuple[Technique, ...]] = field(factory=dict)

    def add(self, name: str, techniques: Sequence[Technique]) -> None:
        """Want more of a component that is not loaded."""
        self.of[name] = (*self.of.get(name, ()), *techniques)

    def drop(self, name: str, given: Sequence[object]) -> None:
        """Want some no more, or none.

        Raises:
            InputError: such a one is not wanted.
        """
        there = {type(each).__name__: each for each in self.of.get(name, ())}
        gone = [each if isinstance(each, str) else getattr(each, "__name__", type(each).__name__) for each in given]
        unknown = [each for each in gone or ["any"] if each not in there] if gone or not there else []
        if unknown:
            has = ", ".join(there) or "none"
            raise InputError(
                f"{name}, which is not loaded, shall have no technique {unknown[0]!r:.80}. It shall have: {has}."
            )
        left = tuple(each for kind, each in there.items() if gone and kind not in gone)
        self.of.pop(name)
        self.of.update({name: left} if left else {})

    def put_on(self, pipe: Any) -> Iterator[str]:
        """Put them on what is loaded by now, and yield what went wrong."""
        for name, wanted in list(self.of.items()):
            component = pipe.components.get(name)
            if component is None:
                continue
            # Models are shared by pipelines, of which another one may have put them on.
            missing = [each for each in wanted if each not in techniques_on(component)]
            try:
                put_on(name, component, missing, pipe.family)
            except BrickworkError as error:
                yield from error.faults or [str(error)]
            else:
                del self.of[name]

    def fault(self, names: Iterable[str]) -> str | None:
        """Say which of the components that a run needs lacks one; None if none does."""
        lacking = next((name for name in names if name in self.of), None)
        if lacking is None:
            return None
        named = ", ".join(type(each).__name__ for each in self.of[lacking])
        return f"{lacking} shall have {named}, which load_components() puts on: call it first."
