"""Whether the `count` of a loop takes what its `iterate` takes: a finding is a sentence or two, with when it is one."""

from __future__ import annotations

from collections.abc import Iterator

from ...state import InputParam
from ...state.defaults import are_same
from ...state.errors import nearest
from ...state.type_relations import conflict
from ...state.types import type_words
from ..conditions import Condition, any_of
from .flow import Dataflow, Finding, LoopSpan


def count_faults(flow: Dataflow) -> Iterator[Finding]:
    """Yield inputs of `count` that nobody can give, so that the loop could not begin."""
    for loop, param, absent in _uncounted(flow):
        # Where some block reads a value of that name, the caller can give it.
        read = any_of(read.guard for read in flow.reads_of(str(param.name)))
        if param.required and (found := absent & ~read):
            yield f"{_uncounted_words(loop, param)} Nobody can give it.", found


def count_warnings(flow: Dataflow) -> Iterator[Finding]:
    """Yield inputs of `count` that are others than those of `iterate`."""
    for loop, param, absent in _uncounted(flow):
        read = any_of(read.guard for read in flow.reads_of(str(param.name)))
        if found := absent & read if param.required else absent:
            yield _uncounted_words(loop, param), found
    for loop in flow.loops:
        counted = {param.name: param for param in loop.counted}
        for param in loop.reads if loop.guard & flow.possible else ():
            other = counted.get(param.name)
            if other is not None and (text := _difference(param, other)):
                yield (
                    f"`count` of {loop.path} takes {param.name!r} {text}. Let both take the same.",
                    loop.guard & flow.possible,
                )


def _difference(taken: InputParam, counted: InputParam) -> str:
    if conflict(taken.type_hint, counted.type_hint):
        return f"as {type_words(counted.type_hint)}, and its `iterate` as {type_words(taken.type_hint)}"
    if taken.required is counted.required and are_same(taken.default, counted.default):
        return ""
    says = ("required" if each.required else f"{each.default!r} where nobody gives it" for each in (counted, taken))
    return "that is {}, and for its `iterate` {}".format(*says)


def _uncounted(flow: Dataflow) -> Iterator[tuple[LoopSpan, InputParam, Condition]]:
    """Yield what `count` takes of which a loop knows nothing, and when."""
    for loop in flow.loops:
        taken = {param.name for param in loop.reads}
        for param in loop.counted:
            absent = loop.guard & flow.possible & ~flow.written_between(str(param.name), -2, loop.position)
            if param.name not in taken and absent:
                yield loop, param, absent


def _uncounted_words(loop: LoopSpan, param: InputParam) -> str:
    names = [str(each.name) for each in loop.reads]
    near = nearest(str(param.name), names)
    takes = f"takes {', '.join(map(repr, names)) or 'nothing'}"
    return (
        f"`count` of {loop.path} takes {param.name!r}, which no block before the loop gives and its `iterate` does not take: that "
        f"{takes}. {f'Did you mean {near!r}?' if near else 'Let both take the same.'}"
    )
