"""Digests of classes of packages, which nobody is expected to change, and somebody does."""

from __future__ import annotations

import asyncio.futures
import concurrent.futures
from types import SimpleNamespace
from typing import Any

import pytest

from brickwork.state.digest import code_of

SOURCE = """
from brickwork import Block, Outputs

class Mine(Block):
    size: int = 8

    class Out(Outputs):
        x: int

    def run(self) -> Out:
        return self.Out(x=self.size)

class Derived(Mine):
    pass
"""


@pytest.fixture
def packaged() -> Any:
    """Classes that count as part of this package: by the name of their module."""
    names: dict[str, Any] = {"__name__": "brickwork.blocks.mine"}
    exec(SOURCE, names)
    return SimpleNamespace(**names)


def one(self: Any) -> int:
    return 1


def two(self: Any) -> int:
    return 2


@pytest.mark.parametrize(("name", "value"), [("run", one), ("size", 9), ("more", two)])
@pytest.mark.parametrize("owner", ["Mine", "Derived"])
def test_a_class_of_a_package_that_is_patched_or_whose_base_is_has_another_digest(
    name: str, value: Any, owner: str, packaged: Any
) -> None:
    cls = getattr(packaged, owner)
    before = code_of(cls)
    assert code_of(cls) == before
    setattr(packaged.Mine, name, value)
    assert code_of(cls) != before


def test_a_class_of_a_package_that_is_patched_again_has_another_digest_again(packaged: Any) -> None:
    packaged.Mine.run = one
    first = code_of(packaged.Mine)
    packaged.Mine.run = two
    assert code_of(packaged.Mine) != first


def test_a_class_of_a_package_that_is_restored_has_its_first_digest_again(packaged: Any) -> None:
    before, run = code_of(packaged.Mine), packaged.Mine.run
    packaged.Mine.run = one
    assert code_of(packaged.Mine) != before
    packaged.Mine.run = run
    assert code_of(packaged.Mine) == before


REFERS = """
from collections import OrderedDict
from logging import getLogger
from threading import Barrier, Event, Lock

from brickwork import Block, Outputs

THING = {thing}

class Refers(Block):
    class Out(Outputs):
        x: bool

    def run(self) -> Out:
        return self.Out(x=bool(THING))
"""


def referring(thing: str) -> str:
    """The digest of a block of one's own that names an object of a library."""
    names: dict[str, Any] = {"__name__": "my_blocks"}
    exec(REFERS.format(thing=thing), names)
    return code_of(names["Refers"])


def test_objects_of_libraries_without_content_count_by_their_type() -> None:
    assert referring("Lock()") == referring("Lock()")
    assert referring("getLogger('one')") == referring("getLogger('other')")
    digests = [referring(thing) for thing in ("Lock()", "getLogger('one')", "Event()", "Barrier(1)", "object()")]
    assert len(set(digests)) == 5


def test_objects_of_libraries_with_content_count_by_it() -> None:
    assert referring("OrderedDict(a=1)") == referring("OrderedDict(a=1)")
    assert referring("OrderedDict(a=1)") != referring("OrderedDict(a=2)")


FUNCTION = """
class Uses:
    def run(self):
        import logging
        logging.getLogger(__name__).debug("here")
        return futures.Future
"""


def uses(name: str, futures: Any) -> Any:
    names: dict[str, Any] = {"__name__": name, "futures": futures}
    exec(compile(FUNCTION, "uses.py", "exec", dont_inherit=True), names)
    return names["Uses"]


def test_code_of_one_s_own_is_the_same_in_whatever_module_it_lies() -> None:
    assert code_of(uses("mine", asyncio.futures)) == code_of(uses("somewhere.else", asyncio.futures))


def test_modules_of_libraries_with_the_same_last_name_are_told_apart() -> None:
    assert code_of(uses("mine", asyncio.futures)) != code_of(uses("mine", concurrent.futures))
