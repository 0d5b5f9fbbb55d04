"""Which components stay on a device between the steps of a plan, so that the fewest bytes are moved.

Offline caching with the whole future known. Few components are solved exactly, by dynamic programming over the sets that
can be resident; more than `EXACT` by Belady's rule (A study of replacement algorithms, IBM Systems Journal 5, 1966): the
one whose next use is furthest goes first.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TypeVar

from ...state import ComponentError

K = TypeVar("K")
# A family has up to about eight components; two pipelines on one device have more, and there 2^n sets per step would
# be felt.
EXACT = 10
"""Components up to which every possibility is looked at: 2^10 sets."""


def best_schedule(
    uses: Sequence[frozenset[K]],
    sizes: Mapping[K, int],
    capacities: Sequence[int],
    resident: frozenset[K] = frozenset(),
) -> list[frozenset[K]]:
    """Return what is resident during each use: what it needs, and what is worth keeping.

    Args:
        uses: what each step needs, in order. sizes: in bytes. capacities: bytes that there are for each step, no fewer
            than it needs. resident: what is there before the first.
    """
    if len(frozenset().union(resident, *uses)) > EXACT:
        return _furthest_first(uses, sizes, capacities, resident)
    # For every set that could be resident after a step, the cheapest way there: later steps ask only which set it is.
    best: dict[frozenset[K], tuple[int, list[frozenset[K]]]] = {resident: (0, [])}
    for need, capacity in zip(uses, capacities, strict=True):
        following: dict[frozenset[K], tuple[int, list[frozenset[K]]]] = {}
        for there, (moved, way) in best.items():
            cost = moved + sum(sizes[key] for key in need - there)
            for kept in _maximal(there - need, sizes, capacity - sum(sizes[key] for key in need)):
                state = need | kept
                known = following.get(state)
                if known is None or cost < known[0]:
                    following[state] = cost, [*way, state]
        best = following
    return min(best.values(), key=lambda found: found[0])[1]


def chosen_to_go(answer: object, sizes: Mapping[str, int], path: str) -> list[str]:
    """Return the names that a rule of somebody's own says shall go.

    Args:
        answer: what it returned. sizes: of those that may go.

    Raises:
        ComponentError: the answer is not some of their names.
    """
    names = None if isinstance(answer, (str, bytes)) or not isinstance(answer, Iterable) else [*answer]
    if names is None or any(not isinstance(each, str) or each not in sizes for each in names):
        raise ComponentError(
            f"{path}: the offload strategy returned {reprlib.repr(answer if names is None else names)}; it returns a list of the names that leave "
            f"the device, of {', '.join(sorted(sizes)) or 'none, as nothing may'}."
        )
    return sorted(names)


def bytes_moved(schedule: Iterable[frozenset[K]], sizes: Mapping[K, int], resident: frozenset[K] = frozenset()) -> int:
    """Return bytes that are brought in over a schedule; dropping moves none, since the host keeps its copy."""
    total = 0
    for state in schedule:
        total += sum(sizes[key] for key in state - resident)
        resident = state
    return total


def _maximal(keys: frozenset[K], sizes: Mapping[K, int], room: int) -> Iterator[frozenset[K]]:
    """Yield the sets that fit and could not be larger: keeping more never costs anything."""
    # Of ways that cost the same always the same one, whatever order a set has in this process.
    ordered = [key for key in sizes if key in keys]
    if sum(sizes[key] for key in ordered) <= room:
        yield keys
        return
    fitting: list[frozenset[K]] = []
    # From large to small, so that a set that is part of a fitting one is known when it comes.
    for count in range(len(ordered) - 1, -1, -1):
        for chosen in combinations(ordered, count):
            candidate = frozenset(chosen)
            if sum(sizes[key] for key in chosen) <= room and not any(candidate < other for other in fitting):
                fitting.append(candidate)
    yield from fitting


def _furthest_first(
    uses: Sequence[frozenset[K]], sizes: Mapping[K, int], capacities: Sequence[int], resident: frozenset[K]
) -> list[frozenset[K]]:
    schedule = []
    for position, need in enumerate(uses):
        distance = {key: _next_use(key, uses, position + 1) for key in sizes if key in resident - need}
        there = resident | need
        # Among those that are never used again the small ones go first: fewer bytes to bring back if the plan was
        # wrong.
        for key in sorted(distance, key=lambda key: (-distance[key], sizes[key])):
            if sum(sizes[each] for each in there) <= capacities[position]:
                break
            there -= {key}
        resident = there
        schedule.append(there)
    return schedule


def _next_use(key: K, uses: Sequence[frozenset[K]], start: int) -> int:
    return next((position for position in range(start, len(uses)) if key in uses[position]), len(uses))
