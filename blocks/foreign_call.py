"""How a property-face block wants to be called: with the whole state or a view, with which loop variables."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from functools import cache
from typing import Any

from attrs import frozen


@frozen
class CallStyle:
    """What the signature of a block's `__call__` says.

    Attributes:
        takes_block_state: its second parameter is named `block_state`, as blocks of loops write it.
        names: loop variables that it takes by name; None takes all (`**kwargs`).
    """

    takes_block_state: bool
    names: frozenset[str] | None

    def loop_arguments(self, values: Mapping[str, Any], loop_variables: tuple[str, ...]) -> dict[str, Any]:
        """The loop variables that the block takes, out of those that there are."""
        wanted = loop_variables if self.names is None else [name for name in loop_variables if name in self.names]
        return {name: values[name] for name in wanted}


def call_style(block: Any) -> CallStyle:
    """Return how a block wants to be called. Its signature is read once per class: loops ask at every turn."""
    block_class: Any = type(block)
    return _style_of(block_class)


@cache
def _style_of(block_class: Any) -> CallStyle:
    parameters = list(inspect.signature(block_class.__call__).parameters.values())[1:]
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    named = [parameter for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD]
    return CallStyle(
        takes_block_state=len(named) > 1 and named[1].name == "block_state",
        names=None if takes_all else frozenset(parameter.name for parameter in named[2:]),
    )


@cache
def loop_step_keywords(call: Any) -> tuple[str, ...]:
    """Names that a hand-written loop passes on to its blocks, as in `self.loop_step(components, state, i=i)`.

    Read from the source of its `__call__`; none where that is not to be had.
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(call)))
    except (OSError, SyntaxError):
        return ()
    names: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "loop_step":
            names.update(dict.fromkeys(keyword.arg for keyword in node.keywords if keyword.arg))
    return tuple(names)


@cache
def assigned_attributes(call: Any) -> frozenset[str]:
    """Names that foreign code assigns on its block state, as in `block_state.height = ...`; read from its source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(call)))
    except (OSError, TypeError, SyntaxError):
        return frozenset()
    targets: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            targets += [part for target in node.targets for part in getattr(target, "elts", [target])]
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
            targets.append(node.target)
    return frozenset(
        target.attr
        for target in targets
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "block_state"
    )
