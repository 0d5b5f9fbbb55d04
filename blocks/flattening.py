"""What is known while a composition is flattened to steps."""

from __future__ import annotations

from attrs import define, field


@define
class Flattening:
    """State of one walk over a composition.

    Attributes:
        given: inputs that the caller gives with a value other than None.
        written: values that a block before this point (or anywhere in a surrounding loop) may write.
        loop_variables: names that the surrounding loops yield. triggers: names that decided a choice.
    """

    given: frozenset[str]
    written: set[str] = field(factory=set)
    loop_variables: tuple[str, ...] = ()
    triggers: set[str] = field(factory=set)


def joined(path: str, name: str) -> str:
    """Path of a block in a container."""
    return f"{path}.{name}" if path else name
