"""Which of several devices each component is on, where a person names the devices alone.

All ways to divide are looked at: what the steps of a run use together stays together, and each part of a division is priced by the plan
of its own device. A family has up to about eight components; where there are too many ways, the largest is placed first.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cache, partial
from itertools import pairwise, product

from attrs import frozen

from ...registry.devices.several_placements import SeveralPlacements
from ...registry.loading.weights import byte_words
from ..nodes import Node
from .eviction import best_schedule, bytes_moved
from .uses import composition_key, often_used, uses_of

_MOST_WAYS = 4096
"""Ways to divide up to which each is looked at."""


@frozen(order=True)
class Price:
    """What a way to divide costs, in the order in which it counts.

    Attributes:
        lacking: bytes for which steps have no room on their device, even with nothing beside their models; those of models that come layer by
            layer are copied in each iteration, so there they count as often. excess: those for which there is none beside what was measured.
            moved: bytes that this run and the next one like it move. changes: how often the next step with models is on another device.
    """

    lacking: int
    excess: int
    moved: int
    changes: int


@frozen
class Division:
    """A way to divide components over devices.

    Attributes:
        devices: component to the name of its device.
    """

    devices: Mapping[str, str]
    price: Price

    @property
    def words(self) -> str:
        """Why it was chosen."""
        times = "once" if self.price.changes == 1 else f"{self.price.changes} times"
        layered = " beside the layers for which there is no room" if self.price.excess else ""
        return (
            f"planned: this run and the next one like it move {byte_words(self.price.moved)} to devices{layered}, and the device changes "
            f"{times} from step to step"
        )


@frozen(eq=False)
class DevicePlanner:
    """Divides the components of a run.

    Attributes:
        steps: of the run. sizes: bytes of its models, by name. keys: their identities. placements: what is where now.
        asked: see `asked_sizes`.
    """

    steps: Sequence[Node]
    sizes: Mapping[str, int]
    keys: Mapping[str, int]
    placements: SeveralPlacements
    asked: Hashable = ()

    def divided(self, together: Sequence[frozenset[str]], fixed: Mapping[str, str]) -> Division:
        """Return the way that moves the fewest bytes, then the one with the fewest changes of device, then the first device.

        Args:
            together: components that are on one device. fixed: components whose device something else has decided.
        """
        groups = sorted(_merged([*together, *(frozenset([name]) for name in self.sizes)]), key=self._order)
        names = self.placements.choice.names
        free = [tuple(dict.fromkeys(fixed[name] for name in sorted(group) if name in fixed)) for group in groups]
        options = [each if each and each[0] in names else names for each in free]
        cost = cache(self._cost)
        price = partial(self._price, groups, cost)
        ways = 1
        for each in options:
            ways *= len(each)
        best = min(product(*options), key=price) if ways <= _MOST_WAYS else self._largest_first(groups, options, price)
        return Division(
            {name: device for group, device in zip(groups, best, strict=True) for name in group}, price(best)
        )

    def _order(self, group: frozenset[str]) -> tuple[int, list[str]]:
        # The largest first, so that of equal ways the one that has it on the first device comes first.
        return -sum(self.sizes[name] for name in group), sorted(group)

    def _largest_first(
        self,
        groups: Sequence[frozenset[str]],
        options: Sequence[Sequence[str]],
        price: Callable[[Sequence[str]], Price],
    ) -> tuple[str, ...]:
        chosen: list[str] = []
        for index in range(len(groups)):
            chosen.append(min(options[index], key=lambda name: price([*chosen, name])))
        return tuple(chosen)

    def _price(
        self,
        groups: Sequence[frozenset[str]],
        cost: Callable[[str, frozenset[str]], tuple[int, int, int]],
        way: Sequence[str],
    ) -> Price:
        parts = {name: frozenset[str]() for name in way}
        for group, name in zip(groups, way, strict=False):
            parts[name] |= group
        costs = [cost(name, part) for name, part in parts.items()]
        lacking, excess, moved = map(sum, zip(*costs, strict=True))
        return Price(lacking, excess, moved, self._changes(parts))

    def _changes(self, parts: Mapping[str, frozenset[str]]) -> int:
        order = [
            next((name for name, part in parts.items() if not part.isdisjoint(use.names)), None)
            for use in uses_of(self.steps, lambda *_: False)
        ]
        there = [name for name in order if name is not None]
        return sum(one != other for one, other in pairwise(there))

    def _cost(self, device: str, part: frozenset[str]) -> tuple[int, int, int]:
        """Return the bytes for which steps have no room on a device (see `Price`), and those that are moved to it in this run and the next."""
        placement = self.placements.each[device]
        composition = composition_key({name: self.sizes[name] for name in part}, self.asked)

        def capacity(path: str) -> int | None:
            return placement.capacity((*composition, path))

        def fits(path: str, names: frozenset[str]) -> bool:
            room = capacity(path)
            return room is None or sum(self.sizes[name] for name in names & part) <= room

        uses = [(use.path, use.names & part) for use in uses_of(self.steps, fits)]
        there = frozenset(name for name in part if self.keys[name] in placement.resident)
        rooms = [capacity(path) for path, _ in uses]
        needs = [names for _, names in uses]
        capacities = [room for room in rooms if room is not None]
        if len(capacities) < len(rooms):
            return 0, 0, sum(self.sizes[name] for name in frozenset().union(*needs) - there)
        often = often_used(self.steps)

        def over(names: frozenset[str], room: int) -> int:
            missing = max(0, sum(self.sizes[name] for name in names) - room)
            return missing * max((often[name] for name in names), default=0)

        lacking = sum(over(names, placement.limit or 0) for names in needs)
        excess = sum(map(over, needs, capacities))
        # `best_schedule` wants room for what a step needs; what has none is counted in `excess`.
        rooms_with = [
            max(room, sum(self.sizes[name] for name in names)) for names, room in zip(needs, capacities, strict=True)
        ]
        schedule = best_schedule([*needs, *needs], self.sizes, [*rooms_with, *rooms_with], there)
        return lacking, excess, bytes_moved(schedule, self.sizes, there)


def _merged(groups: Sequence[frozenset[str]]) -> list[frozenset[str]]:
    """Return groups of which none have a component in common."""
    found: list[frozenset[str]] = []
    for group in groups:
        met = [each for each in found if not each.isdisjoint(group)]
        found = [each for each in found if each not in met]
        found.append(group.union(*met))
    return [group for group in found if group]
