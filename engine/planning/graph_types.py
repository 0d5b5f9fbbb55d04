"""What an image of a plan consists of."""

from __future__ import annotations

from attrs import define, field, frozen


@frozen
class Port:
    """One value at a node: `is_write` tells what leaves it from what enters it."""

    name: str
    is_write: bool


@define(eq=False)
class DrawnNode:
    """A leaf step, the caller, or the head of a loop or choice."""

    path: str
    title: str
    detail: str
    ports: list[Port] = field(factory=list)

    def add_port(self, name: str, is_write: bool) -> None:
        """Add a port, unless it is there."""
        port = Port(name, is_write)
        if port not in self.ports:
            self.ports.append(port)


@frozen
class Frame:
    """A loop, a choice or a branch, around the nodes from `first` to `last`."""

    title: str
    first: int
    last: int
    depth: int
    is_loop: bool = False


@frozen
class Edge:
    """A value on its way. `carried`: to an earlier node, in the next iteration of a loop."""

    name: str
    source: int
    target: int
    carried: bool
