"""Components that a classic pipeline needs as a whole: its constructor makes another network of them, or it computes gradients through them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from functools import cache
from textwrap import dedent
from typing import Any

from attrs import frozen

from ...state.errors import with_article


@frozen
class _Remade:
    """A statement of a constructor as `unet = UNetMotionModel.from_unet2d(unet, motion_adapter)`.

    Attributes:
        name: what is replaced. made: name of the class of what is made. read: components that are copied.
        kinds: classes of which the component must be; empty if of any.
    """

    name: str
    made: str
    read: tuple[str, ...]
    kinds: tuple[type, ...]


def needed_whole(cls: type, components: Mapping[str, Any]) -> dict[str, str]:
    """Return the components that a constructor copies, and all models of a class that asks for gradients, with the reason, as the end of a sentence."""
    import torch

    found: dict[str, str] = {}
    if _asks_for_gradients(cls):
        why = f"{cls.__name__} computes gradients, and weights of parts would be gone when a gradient needs them"
        found = {name: why for name, each in components.items() if isinstance(each, torch.nn.Module)}
    for each in _remade(cls):
        if each.kinds and not isinstance(components.get(each.name), each.kinds):
            continue
        why = (
            f"{cls.__name__} makes {with_article(each.made)} of {' and '.join(map(repr, each.read))} in its constructor"
        )
        found.update(dict.fromkeys(each.read, why))
    return found


@cache
def _asks_for_gradients(cls: type) -> bool:
    """Return whether a method of a class, or of what it derives from, calls `torch.autograd.grad` or `backward`."""
    for each in cls.__mro__:
        try:
            source = inspect.getsource(each)
        except (OSError, TypeError):
            continue
        calls = (node.func for node in ast.walk(ast.parse(dedent(source))) if isinstance(node, ast.Call))
        if any(isinstance(called, ast.Attribute) and _is_gradient(ast.unparse(called)) for called in calls):
            return True
    return False


def _is_gradient(called: str) -> bool:
    return called.endswith((".backward", "autograd.grad"))


@cache
def _remade(cls: Any) -> tuple[_Remade, ...]:
    function: Any = inspect.unwrap(cls.__init__)
    try:
        tree = ast.parse(dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        # Without a source nothing is known; what a run sees is refused in it.
        return ()
    parameters = frozenset(inspect.signature(function).parameters)
    guards = {id(line): branch.test for branch in ast.walk(tree) if isinstance(branch, ast.If) for line in branch.body}
    found = []
    for line in ast.walk(tree):
        if not (isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)):
            continue
        name, call = line.targets[0].id, line.value
        if name not in parameters or not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        given = (*call.args, *(each.value for each in call.keywords))
        read = tuple(arg.id for arg in given if isinstance(arg, ast.Name) and arg.id in parameters)
        # A method of another class that is told the component, as `from_unet`; a list in a wrapper copies nothing.
        if isinstance(call.func.value, ast.Name) and name in read:
            found.append(
                _Remade(name, call.func.value.id, read, _kinds(name, guards.get(id(line)), function.__globals__))
            )
    return tuple(found)


def _kinds(name: str, test: ast.expr | None, names: Mapping[str, Any]) -> tuple[type, ...]:
    """Return the classes of a test that is `isinstance(name, classes)`; nothing for any other test."""
    if not (
        isinstance(test, ast.Call) and ast.unparse(test.func) == "isinstance" and ast.unparse(test.args[0]) == name
    ):
        return ()
    kinds = test.args[1]
    each = [names.get(ast.unparse(kind)) for kind in (kinds.elts if isinstance(kinds, ast.Tuple) else [kinds])]
    return (
        tuple(kind for kind in each if isinstance(kind, type)) if all(isinstance(kind, type) for kind in each) else ()
    )
