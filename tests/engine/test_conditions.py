"""Conditions over given inputs agree with truth tables, and grow with what is asked, not with the number of combinations."""

from __future__ import annotations

import copy
import random
from itertools import product

import pytest

from brickwork.engine.conditions import ALWAYS, NEVER, Condition, Conditions

NAMES = "abcde"
TABLE = [dict(zip(NAMES, row, strict=True)) for row in product((False, True), repeat=len(NAMES))]


def holds(condition: Condition, row: dict[str, bool]) -> bool:
    while condition not in (ALWAYS, NEVER):
        condition = condition.high if row[NAMES[condition.level]] else condition.low
    return condition is ALWAYS


def random_pair(space: Conditions, chance: random.Random, depth: int = 4) -> tuple[Condition, list[bool]]:
    """A condition, and what it is in each row of the table."""
    if depth == 0:
        name = chance.choice(NAMES)
        return space.given(name), [row[name] for row in TABLE]
    one, first = random_pair(space, chance, depth - 1)
    other, second = random_pair(space, chance, depth - 1)
    kind = chance.randrange(3)
    if kind == 0:
        return one & other, [a and b for a, b in zip(first, second, strict=True)]
    if kind == 1:
        return one | other, [a or b for a, b in zip(first, second, strict=True)]
    return ~one, [not a for a in first]


def space_of_all() -> Conditions:
    space = Conditions()
    for name in NAMES:
        space.given(name)
    return space


@pytest.mark.parametrize("seed", range(20))
def test_conditions_are_what_their_truth_tables_say_and_equal_ones_are_one_object(seed: int) -> None:
    space, chance = space_of_all(), random.Random(seed)
    by_table: dict[tuple[bool, ...], Condition] = {}
    for _ in range(20):
        condition, table = random_pair(space, chance)
        assert [holds(condition, row) for row in TABLE] == table
        assert bool(condition) is any(table)
        assert by_table.setdefault(tuple(table), condition) is condition
        if condition:
            names = condition.fewest()
            given = [sum(row.values()) for row, is_so in zip(TABLE, table, strict=True) if is_so]
            assert len(names) == min(given)
            assert holds(condition, {name: name in names for name in NAMES})


@pytest.mark.parametrize("seed", range(20))
def test_sets_of_conditions_are_counted_as_a_table_counts_them(seed: int) -> None:
    space, chance = space_of_all(), random.Random(seed)
    pairs = [random_pair(space, chance, 2) for _ in range(4)]
    within, allowed = random_pair(space, chance, 2)
    rows = [row for row, is_allowed in enumerate(allowed) if is_allowed]
    expected = len({tuple(table[row] for _, table in pairs) for row in rows})
    assert space.patterns([condition for condition, _ in pairs], within) == (expected, True)


def test_what_holds_whether_a_name_is_given_or_not() -> None:
    space = space_of_all()
    a, b = space.given("a"), space.given("b")
    assert space.without(a & b, [0]) is b
    assert space.without(a & ~b | ~a & b, [0]) is ALWAYS
    assert space.without(NEVER, [0, 1]) is NEVER


def test_independent_names_multiply_and_are_not_listed() -> None:
    space = Conditions()
    names = [space.given(f"n{i}") for i in range(60)]
    assert space.patterns(names, ALWAYS) == (2**60, True)
    parity = NEVER
    for name in names[:12]:
        parity = parity & ~name | ~parity & name
    assert space.patterns([parity, *names], ALWAYS) == (2**60, True)


def test_what_cannot_be_counted_has_at_least_a_number() -> None:
    space = Conditions()
    pairs = [(space.given(f"a{i}"), space.given(f"b{i}")) for i in range(30)]
    # How many of a pair are given must be kept of each pair, until the second row asks.
    conditions = [*(a & b for a, b in pairs), *(a | b for a, b in pairs)]
    assert space.patterns(conditions[:10], ALWAYS, most=100) == (2**10, True)
    at_least, is_all = space.patterns(conditions, ALWAYS, most=100)
    assert not is_all
    assert 100 < at_least < 3**30


def test_more_names_than_python_recurses() -> None:
    space = Conditions()
    names = [space.given(f"n{i}") for i in range(1500)]
    every = ALWAYS
    for name in reversed(names):
        every = name & every
    assert every.fewest() == tuple(space.names)
    assert (every & (names[0] & names[-1])) is every
    assert not every & ~names[-1]
    assert (~every).fewest() == ()


def test_copies_are_the_same_condition() -> None:
    condition = Conditions().given("a")
    assert copy.deepcopy([ALWAYS, condition]) == [ALWAYS, condition]
