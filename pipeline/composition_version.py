"""Whether a composition is what it was when it was looked at; every container knows of its own edits, and of no other's."""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Self

from attrs import frozen

from ..blocks.core.container import SubBlocks

_VERSION = attrgetter("sub_blocks.version")


@frozen(eq=False)
class CompositionVersion:
    """The edits of one composition at one moment.

    Attributes:
        root: the whole. containers: those in it, however deep. versions: of their blocks. A version is of one dict only, so a container
            that was given another dict is seen by it, too.
        others: containers that keep their blocks in a dict that notes no edits, with what was in it.
    """

    root: Any
    containers: tuple[Any, ...]
    versions: list[object]
    others: tuple[tuple[Any, tuple[tuple[str, Any], ...]], ...]

    @classmethod
    def of(cls, root: object) -> Self:
        """Look at a composition now."""
        known: dict[int, tuple[Any, object]] = {}
        others: list[tuple[Any, tuple[tuple[str, Any], ...]]] = []
        pending = [root]
        while pending:
            container = pending.pop()
            inner = getattr(container, "sub_blocks", None)
            if isinstance(inner, SubBlocks):
                # Before its blocks are read: an edit that comes in between must not pass for one that was seen.
                known[id(container)] = container, inner.version
                pending += list(inner.values())
            elif inner is not None:
                items = tuple(inner.items())
                others.append((container, items))
                pending += [block for _, block in items]
        containers = tuple(container for container, _ in known.values())
        return cls(root, containers, [version for _, version in known.values()], tuple(others))

    def holds(self, root: object) -> bool:
        """Return whether `root` is this composition, and nothing in it was put in, taken out or replaced since.

        It is asked before every run, so it compares two lists that are made without a line of Python: 0.5 us for the five containers of
        text-to-image, 2 us for the 29 of the preset that does everything, on a core of a server.
        """
        if root is not self.root:
            return False
        try:
            if list(map(_VERSION, self.containers)) != self.versions:
                return False
        except AttributeError:  # one has a dict now that notes no edits, or none
            return False
        return not self.others or all(_items_of(container) == items for container, items in self.others)


def _items_of(container: object) -> tuple[tuple[str, Any], ...] | None:
    inner = getattr(container, "sub_blocks", None)
    return None if inner is None else tuple(inner.items())
