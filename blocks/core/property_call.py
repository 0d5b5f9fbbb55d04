"""How a property-face block wants to be called: with the whole state or a view, with which loop variables."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from attrs import frozen

from ...state import CompositionError


@frozen
class CallStyle:
    """Says in which style the signature of a block's `__call__` is written.

    Attributes:
        takes_block_state: its second parameter is named `block_state`, as blocks of loops write it.
        names: loop variables that it takes by name; None takes all (`**kwargs`).
    """

    takes_block_state: bool
    names: frozenset[str] | None

    def loop_arguments(self, values: Mapping[str, Any], loop_variables: tuple[str, ...]) -> dict[str, Any]:
        """Return the loop variables that the block takes, out of those that there are."""
        wanted = loop_variables if self.names is None else [name for name in loop_variables if name in self.names]
        return {name: values[name] for name in wanted}


def call_style(block: object) -> CallStyle:
    """Return how a block wants to be called. Its signature is read once per class: loops ask at every iteration."""
    block_class: Any = type(block)
    return _style_of(block_class)


@cache
def _style_of(block_class: type) -> CallStyle:
    parameters = list(inspect.signature(block_class.__call__).parameters.values())[1:]
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    named = [parameter for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD]
    return CallStyle(
        takes_block_state=len(named) > 1 and named[1].name == "block_state",
        names=None if takes_all else frozenset(parameter.name for parameter in named[2:]),
    )


@cache
def refuse_unknown_variables(path: str, call: Callable[..., Any], loop_variables: tuple[str, ...]) -> None:
    """Raise CompositionError if a block's `__call__` must be given what no loop around it yields."""
    parameters = list(inspect.signature(call).parameters.values())[3:]
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    for parameter in parameters:
        if (
            parameter.default is parameter.empty
            and parameter.kind not in kinds
            and parameter.name not in loop_variables
        ):
            around = (
                f"the loop around it yields {', '.join(map(repr, loop_variables))}"
                if loop_variables
                else "no loop is around it"
            )
            raise CompositionError(
                f"{path}: its `__call__` must be given {parameter.name!r} beside components and state, and {around}. Name a loop "
                f"variable there, or declare {parameter.name!r} in `inputs` and read it from the block state."
            )


@cache
def loop_step_keywords(call: Callable[..., Any]) -> tuple[str, ...]:
    """Return names that a hand-written loop passes on to its blocks, as in `self.loop_step(components, state, i=i)`.

    Read from the source of its `__call__`; none where that is not to be had.
    """
    # Source and not byte code: names of attributes are needed with what they are asked of.
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(call)))
    except (OSError, SyntaxError):
        return ()
    names: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "loop_step":
            names.update(dict.fromkeys(keyword.arg for keyword in node.keywords if keyword.arg))
    return tuple(names)


@frozen
class Assigned:
    """Holds the names that foreign code may write on its block state.

    Attributes:
        names: those that its source assigns. others: the block state is handed to other code, or there is no source,
            so that it may write any other name as well.
    """

    names: frozenset[str] = frozenset()
    others: bool = False


_READERS = frozenset({"get_block_state", "set_block_state", "prepare_inputs_from_block_state", "getattr", "hasattr"})
"""Functions that take a block state and write no names of their own on it."""


@cache
def assigned_attributes(call: Callable[..., Any]) -> Assigned:
    """Read from the source of foreign code what it assigns on its block state, as in `block_state.height = ...`."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(call)))
    except (OSError, TypeError, SyntaxError):
        return Assigned(others=True)
    # Under any other name a view cannot be followed, which is what `others` stands for.
    views = {"block_state", *_second_parameter(tree)}
    names: set[str] = set()
    others = False
    for node in ast.walk(tree):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and _is_view(node.value, views):
            if isinstance(node.ctx, ast.Store):
                name = node.attr if isinstance(node, ast.Attribute) else getattr(node.slice, "value", None)
                others |= not isinstance(name, str)
                names |= {name} if isinstance(name, str) else set()
            others |= isinstance(node, ast.Attribute) and node.attr == "__dict__"
        elif isinstance(node, ast.Call) and _called_name(node) not in _READERS:
            others |= any(_is_view(argument, views) for argument in [*node.args, *(k.value for k in node.keywords)])
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.Dict):
            names |= {
                key.value for key in node.value.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
            }
    return Assigned(frozenset(names), others)


def _second_parameter(tree: ast.Module) -> list[str]:
    """Return the name of a loop block's view: what stands after `self` and `components`."""
    function = tree.body[0]
    if not isinstance(function, ast.FunctionDef):
        return []
    return [argument.arg for argument in function.args.args[2:3] if argument.arg != "state"]


def _is_view(node: ast.expr, views: set[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in views


def _called_name(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))
