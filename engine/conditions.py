"""Conditions over which inputs are given, as reduced ordered binary decision diagrams (Bryant 1986).

A diagram asks for one name after the other, always in the same order, and equal ones are one object: so whether a condition can
hold, and whether two are the same, costs nothing to ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_LAST = 1 << 60
"""Level of the two constants, behind that of every name."""


class Condition:
    """Says when something is so: "image is given, and mask is not". Combined by `&`, `|` and `~`; true if it can hold.

    Attributes:
        level: of the name that it asks for. low: what is left to ask if that is not given. high: if it is.
    """

    __slots__ = ("_opposite", "_space", "high", "level", "low")

    def __init__(self, space: Conditions | None, level: int, low: Condition | None, high: Condition | None) -> None:
        self._space = space
        self.level = level
        self.low: Condition = self if low is None else low
        self.high: Condition = self if high is None else high
        self._opposite: Condition | None = None

    def __bool__(self) -> bool:
        return self is not NEVER

    def __and__(self, other: Condition) -> Condition:
        # As `_simple_and`, without the call: a check asks this more often than anything else.
        if self is other or other is ALWAYS or self is NEVER:
            return self
        if self is ALWAYS or other is NEVER:
            return other
        assert self._space is not None, "a constant is simple"
        return self._space.both(self, other)

    def __or__(self, other: Condition) -> Condition:
        if self is other or other is NEVER or self is ALWAYS:
            return self
        if self is NEVER or other is ALWAYS:
            return other
        return ~(~self & ~other)

    def __invert__(self) -> Condition:
        if self._opposite is None:
            for node in _from_below(self):
                if node._opposite is None:
                    assert node._space is not None, "the constants know their opposites"
                    low, high = node.low._opposite, node.high._opposite
                    assert low is not None, "it is below"
                    assert high is not None, "it is below"
                    node._opposite = node._space.node(node.level, low, high)
                    node._opposite._opposite = node
        assert self._opposite is not None, "it was made above"
        return self._opposite

    def __deepcopy__(self, memo: object) -> Condition:
        return self  # they are compared by identity

    def fewest(self) -> tuple[str, ...]:
        """Return the names that must be given for it to hold, as few as can be; it must be one that can hold."""
        costs: dict[Condition, float] = {NEVER: float("inf"), ALWAYS: 0}
        for node in _from_below(self):
            if node not in costs:
                costs[node] = min(costs[node.low], 1 + costs[node.high])
        names: list[str] = []
        here = self
        while here._space is not None:
            is_given = costs[here.high] + 1 < costs[here.low]
            if is_given:
                names.append(here._space.names[here.level])
            here = here.high if is_given else here.low
        return tuple(names)


NEVER = Condition(None, _LAST, None, None)
ALWAYS = Condition(None, _LAST, None, None)
NEVER._opposite, ALWAYS._opposite = ALWAYS, NEVER


def any_of(conditions: Iterable[Condition]) -> Condition:
    """Return when any of some conditions holds."""
    found = NEVER
    for condition in conditions:
        found |= condition
        if found is ALWAYS:
            break
    return found


def _simple_and(one: Condition, other: Condition) -> Condition | None:
    if one is other or other is ALWAYS or one is NEVER:
        return one
    if one is ALWAYS or other is NEVER:
        return other
    return None


def _from_below(condition: Condition) -> list[Condition]:
    """Return every node of a diagram, those that others lead to before these."""
    found = {condition}
    pending = [condition]
    while pending:
        node = pending.pop()
        for below in (node.low, node.high):
            if below not in found:
                found.add(below)
                pending.append(below)
    return sorted(found, key=lambda node: -node.level)


class Conditions:
    """The conditions over one list of names, which grows: a name is asked for after all that were there before it."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._of_name: dict[str, Condition] = {}
        self._nodes: dict[tuple[int, Condition, Condition], Condition] = {}
        self._both: dict[tuple[Condition, Condition], Condition] = {}

    def given(self, name: str) -> Condition:
        """Return the condition that an input is given."""
        known = self._of_name.get(name)
        if known is None:
            known = self._of_name[name] = self.node(len(self.names), NEVER, ALWAYS)
            self.names.append(name)
        return known

    def node(self, level: int, low: Condition, high: Condition) -> Condition:
        """Return the one condition that asks for a name and goes on so."""
        if low is high:
            return low
        key = level, low, high
        known = self._nodes.get(key)
        if known is None:
            known = self._nodes[key] = Condition(self, level, low, high)
        return known

    def both(self, one: Condition, other: Condition) -> Condition:
        """Return the condition that both hold."""
        known = self._both
        found = known.get((one, other))
        if found is not None:
            return found
        # With a stack of its own: a diagram is as deep as there are names, and Python's recursion ends at a thousand.
        pending = [(one, other)]
        while pending:
            left, right = pair = pending[-1]
            level = min(left.level, right.level)
            lower = left.low if left.level == level else left, right.low if right.level == level else right
            upper = left.high if left.level == level else left, right.high if right.level == level else right
            low, high = self._known(*lower), self._known(*upper)
            if low is None:
                pending.append(lower)
            if high is None:
                pending.append(upper)
            if low is not None and high is not None:
                pending.pop()
                known[pair] = self.node(level, low, high)
        return known[one, other]

    def _known(self, one: Condition, other: Condition) -> Condition | None:
        simple = _simple_and(one, other)
        return self._both.get((one, other)) if simple is None else simple

    def without(self, condition: Condition, levels: Iterable[int]) -> Condition:
        """Return when a condition can hold, whether the names of these levels are given or not."""
        gone = frozenset(levels)
        made = {NEVER: NEVER, ALWAYS: ALWAYS}
        for node in _from_below(condition):
            if node not in made:
                low, high = made[node.low], made[node.high]
                made[node] = low | high if node.level in gone else self.node(node.level, low, high)
        return made[condition]

    def patterns(self, conditions: Sequence[Condition], within: Condition, most: int = 5_000) -> tuple[int, bool]:
        """Return how many different sets of these conditions can hold together, and whether that is all of them.

        From condition to condition it keeps what is left open of the names that later ones ask for, so that independent choices
        multiply and are not listed. Where more than `most` such cases must be kept apart, it gives up: there are at least so many.
        """
        wanted = [each for each in dict.fromkeys(conditions) if each not in (ALWAYS, NEVER)]
        last: dict[int, int] = {}
        for position, condition in enumerate(wanted):
            last.update((node.level, position) for node in _from_below(condition))
        states = {self.without(within, set(range(len(self.names))) - last.keys()): 1} if within else {}
        for position, condition in enumerate(wanted):
            over = [level for level, end in last.items() if end == position]
            following: dict[Condition, int] = {}
            for state, number in states.items():
                for part in (state & condition, state & ~condition):
                    if part:
                        left = self.without(part, over)
                        following[left] = following.get(left, 0) + number
            states = following
            if len(states) > most:
                return sum(states.values()), False
        return sum(states.values()), True
