"""Names of values in a scope: what its blocks call `latents` is `hires/latents` for the plan, if it is private to the scope `hires`.

A declared name is an identifier, so no name from outside is like one in a scope. The scope is named by its path, so the same name in a
scope within a scope is another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any, TypeVar

V = TypeVar("V")
MARK = "/"


def scoped(scope: str, name: str) -> str:
    """Return what a plan calls a value that is private to a scope."""
    return f"{scope}{MARK}{name}"


def scope_of(name: str) -> str:
    """Return the path of the scope that a value is private to; empty if it is private to none."""
    return name.rpartition(MARK)[0]


def own_name(name: str) -> str:
    """Return what the blocks of a value's scope call it."""
    return name.rpartition(MARK)[2]


def forget_scope(values: dict[str, V], scope: str) -> None:
    """Take out what is private to a scope, by the names of values."""
    begin = scoped(scope, "")
    for name in [name for name in values if name.startswith(begin)]:
        del values[name]


def seen_at(path: str, name: str, values: Mapping[str, Any]) -> Any:
    """Return a value as a step sees it that stands at a path: that of the innermost scope around it which has one; None if none has."""
    around = [*accumulate(path.split("."), "{}.{}".format)][::-1]
    found = next((key for scope in around if (key := scoped(scope, name)) in values), name)
    return values.get(found)
