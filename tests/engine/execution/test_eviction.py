"""The planned schedule is the best one there is, and furthest-first is a fair second."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brickwork.engine.execution import eviction
from brickwork.engine.execution.eviction import best_schedule, bytes_moved


def brute_force(uses: list[frozenset[int]], sizes: dict[int, int], capacities: list[int], there: frozenset[int]) -> int:
    """The least bytes over every way to keep any part of what is there."""
    if not uses:
        return 0
    need, rest = uses[0], uses[1:]
    cost = sum(sizes[key] for key in need - there)
    others = list(there - need)
    best = None
    for count in range(len(others) + 1):
        for kept in combinations(others, count):
            state = need | set(kept)
            if sum(sizes[key] for key in state) <= capacities[0]:
                further = brute_force(rest, sizes, capacities[1:], state)
                best = further if best is None else min(best, further)
    assert best is not None
    return cost + best


Case = tuple[list[frozenset[int]], dict[int, int], list[int], frozenset[int]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    count = draw(st.integers(1, 4))
    sizes = {key: draw(st.integers(0, 9)) for key in range(count)}
    uses = draw(st.lists(st.frozensets(st.integers(0, count - 1), max_size=2), min_size=1, max_size=6))
    capacities = [sum(sizes[key] for key in use) + draw(st.integers(0, 12)) for use in uses]
    there = draw(st.frozensets(st.integers(0, count - 1)))
    return uses, sizes, capacities, there


@settings(max_examples=300, deadline=None)
@given(cases())
def test_the_schedule_moves_as_little_as_any(
    case: Case,
) -> None:
    uses, sizes, capacities, there = case
    schedule = best_schedule(uses, sizes, capacities, there)
    assert bytes_moved(schedule, sizes, there) == brute_force(uses, sizes, capacities, there)
    for need, state, capacity in zip(uses, schedule, capacities, strict=True):
        assert need <= state
        assert sum(sizes[key] for key in state) <= capacity


@settings(max_examples=100, deadline=None)
@given(cases())
def test_furthest_first_is_sound_too(case: Case) -> None:
    uses, sizes, capacities, there = case
    schedule = eviction._furthest_first(uses, sizes, capacities, there)
    for need, state, capacity in zip(uses, schedule, capacities, strict=True):
        assert need <= state
        assert sum(sizes[key] for key in state) <= capacity


def test_many_components_go_by_the_furthest_next_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eviction, "EXACT", 0)
    uses = [frozenset("a"), frozenset("b"), frozenset("c"), frozenset("a"), frozenset("b")]
    schedule = best_schedule(uses, dict.fromkeys("abc", 1), [2] * 5)
    assert [sorted(state) for state in schedule[:4]] == [["a"], ["a", "b"], ["a", "c"], ["a", "c"]]
    assert bytes_moved(schedule, dict.fromkeys("abc", 1)) == 4


@pytest.mark.parametrize("more", [0, 20])
def test_of_ways_that_cost_the_same_it_is_the_same_in_every_process(more: int) -> None:
    """Sets of names have another order in each."""
    names = [f"model {index}" for index in range(6 + more)]
    uses = [frozenset(names[:5]), frozenset(names[5:])]
    found = best_schedule(uses, dict.fromkeys(names, 1), [6 + more, 1 + more + 2])
    assert found[1] - uses[1] == set(names[:2] if not more else names[3:5])
