"""Warnings point at the line of the caller."""

from __future__ import annotations

import ast
import contextlib
import inspect
import logging
import re
import threading
import types
from collections.abc import Callable
from typing import Any

import pytest
from rooms import sources

from brickwork.state.packages.api_version import API_VERSION
from brickwork.state.user_warnings import caller_level, deprecated, user_warning


def of_package(name: str, source: str, **known: Any) -> Callable[..., Any]:
    """The function `f` of a module of this name."""
    module = types.ModuleType(name)
    vars(module).update(known)
    exec(source, vars(module))
    found: Callable[..., Any] = vars(module)["f"]
    return found


def line() -> int:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def test_a_warning_deep_in_the_package_names_the_line_that_called_it() -> None:
    inner = of_package("brickwork.x", "def f(): warn('odd', DeprecationWarning)", warn=user_warning)
    outer = of_package("brickwork.y.z", "def f(): inner()", inner=inner)
    with pytest.warns(DeprecationWarning, match="^odd$") as caught:
        outer(), (here := line())
    assert (caught[0].filename, caught[0].lineno) == (__file__, here)


def test_context_managers_and_decorators_are_passed_through() -> None:
    source = "@manager\ndef f():\n    warn('odd')\n    yield"
    entered = of_package("brickwork.x", source, warn=user_warning, manager=contextlib.contextmanager)
    used = of_package("brickwork", "def f():\n    with inner():\n        pass", inner=entered)
    with pytest.warns(UserWarning, match="odd") as caught:
        used(), (here := line())
    assert (caught[0].filename, caught[0].lineno) == (__file__, here)


def test_code_that_the_package_calls_is_named_before_the_code_that_called_the_package() -> None:
    warned = of_package("brickwork.x", "def f(): warn('odd')", warn=user_warning)

    def block() -> int:
        return warned() or line()

    run = of_package("brickwork.y", "def f(block): return block()")
    with pytest.warns(UserWarning, match="odd") as caught:
        here = run(block)
    assert (caught[0].filename, caught[0].lineno) == (__file__, here)


def test_a_module_of_a_like_name_is_no_part_of_the_package() -> None:
    asked = of_package("brickworks.x", "def f(): return level()", level=caller_level)
    assert asked() == 1


def test_a_thread_of_the_package_names_itself() -> None:
    found: list[int] = []
    work = of_package("brickwork.x", "def f(): found.append(level())", found=found, level=caller_level)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [1]


def test_a_logger_takes_the_same_level(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("brickwork")
    inner = of_package("brickwork.x", "def f(): log('odd', stacklevel=level())", log=logger.warning, level=caller_level)
    outer = of_package("brickwork.y", "def f(): inner()", inner=inner)
    outer(), (here := line())
    assert (caplog.records[0].pathname, caplog.records[0].lineno) == (__file__, here)


def test_what_is_deprecated_says_since_when_until_when_and_what_instead() -> None:
    message = "^Old is deprecated since API 4 of Brickwork, and gone in API 5: it is New now.$"
    with pytest.warns(DeprecationWarning, match=message):
        deprecated("Old", "it is New now", since=4)


def test_every_deprecation_is_said_alike_and_none_is_older_than_its_window() -> None:
    said = []
    for path in sources():
        if path.name == "user_warnings.py":
            continue
        for node in (each for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, ast.Call)):
            # A tuple of kinds that are looked for is no warning.
            given = [ast.unparse(each) for each in (*node.args, *(keyword.value for keyword in node.keywords))]
            assert not any(re.search(r"\bDeprecationWarning\b", text) for text in given), f"{path}: use deprecated(...)"
            if ast.unparse(node.func) == "deprecated":
                said += [keyword.value.value for keyword in node.keywords if keyword.arg == "since"]
    assert len(said) == 4
    assert min(said) >= API_VERSION, "what an earlier API deprecated goes"
