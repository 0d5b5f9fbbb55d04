"""Which of several steps a finding is about: under each inputs the right ones are named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..conditions import Condition, any_of

MOST_LISTS = 512
"""How many different lists of steps one finding is told with, at most; beyond, all steps are told in one."""


def lists(
    named: Iterable[tuple[str, Condition]], within: Condition
) -> Iterator[tuple[tuple[str, ...], Condition, str]]:
    """Yield which of some steps can be meant together, with when, and a sentence that belongs behind the text."""
    steps = [(name, part) for name, when in named if (part := when & within)]
    found: list[tuple[tuple[str, ...], Condition]] = [((), within)]
    for name, when in steps:
        split = [((*names, name), under & when) for names, under in found]
        split += [(names, under & ~when) for names, under in found]
        found = [(names, under) for names, under in split if under]
        if len(found) > MOST_LISTS:
            every = any_of(when for _, when in steps)
            yield tuple(name for name, _ in steps), every, " Which of them it is hangs on the inputs."
            return
    yield from ((names, under, "") for names, under in found if names)
