"""Digests of values and code: equal for equal content, and only then."""

from __future__ import annotations

import gc
import subprocess
import sys
import types
import weakref
from collections import deque
from functools import cached_property
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from attrs import field, frozen
from hypothesis import given
from PIL import Image

from brickwork import Block, Outputs, SequentialPipelineBlocks
from brickwork.state import object_content
from brickwork.state.digest import NoDigestError, code_of, digest_of

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


def typed(value: Any) -> Any:
    """Python takes 1, 1.0 and True for one, and forgets the sign of zero."""
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [typed(part) for part in value]
    if isinstance(value, dict):
        return "dict", [(typed(key), typed(part)) for key, part in value.items()]
    return type(value).__name__, repr(value)


@given(plain, plain)
def test_two_values_have_one_digest_if_and_only_if_they_are_the_same(one: Any, other: Any) -> None:
    assert (digest_of(one) == digest_of(other)) is (typed(one) == typed(other))


tensor = torch.arange(6.0)
ALL_DIFFERENT = [
    tensor,
    tensor + 1,
    tensor.double(),
    tensor.reshape(2, 3),
    tensor.reshape(3, 2).T,
    tensor.bfloat16(),
    torch.zeros(0),
    torch.zeros(()),
    np.arange(6.0),
    np.arange(6.0).reshape(2, 3),
    np.float32(1),
    Image.new("RGB", (2, 3)),
    Image.new("RGB", (3, 2)),
    Image.new("L", (2, 3)),
    Image.new("RGB", (2, 3), "red"),
    torch.Generator().manual_seed(1),
    torch.Generator().manual_seed(2),
    torch.float32,
    torch.float16,
    torch.device("cpu"),
    [1, 2],
    (1, 2),
    deque([1, 2]),
    {1, 2},
    {1: 2},
    [[1], 2],
    [1, [2]],
    ["ab"],
    ["a", "b"],
    None,
    "None",
    0,
    0.0,
    -0.0,
    False,
]


def test_values_that_differ_in_anything_have_different_digests() -> None:
    digests = [digest_of(value) for value in ALL_DIFFERENT]
    assert len(set(digests)) == len(ALL_DIFFERENT)
    assert digests == [digest_of(value) for value in ALL_DIFFERENT]


@frozen
class Named:
    number: int
    title: str = field(default="", metadata=object_content.UNCOUNTED)


def test_a_field_with_which_nothing_is_computed_does_not_count() -> None:
    assert digest_of(Named(1, "a")) == digest_of(Named(1, "b"))
    assert digest_of(Named(1, "a")) != digest_of(Named(2, "a"))


def test_a_cached_property_in_a_slot_is_not_worked_out_and_counts_by_its_code() -> None:
    def made(code: str, size: int) -> Any:
        names: dict[str, Any] = {"__name__": "mine", "frozen": frozen, "cached_property": cached_property}
        exec(f"@frozen\nclass Sized:\n    size: int\n    @cached_property\n    def twice(self):\n        {code}", names)
        return names["Sized"](size)

    fails, one = made("raise LookupError", 1), made("return 2 * self.size", 1)
    before = digest_of(one)
    assert one.twice == 2
    assert digest_of(one) == before
    assert (
        len({before, digest_of(fails), digest_of(made("return 2 * self.size", 2)), digest_of(made("return 3", 1))}) == 4
    )
    assert digest_of(made("return 2 * self.size", 1)) == before


def test_a_generator_that_has_drawn_is_another_one() -> None:
    generator = torch.Generator().manual_seed(1)
    before = digest_of(generator)
    torch.rand(1, generator=generator)
    assert digest_of(generator) != before


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (lambda: iter([1]), "builtins.list_iterator has no content"),
        (lambda: torch.zeros(1, requires_grad=True), "records gradients"),
        (lambda: torch.zeros(2, 2).to_sparse(), "layout torch.sparse_coo"),
        (lambda: torch.zeros(1, device="meta"), "on meta"),
        (lambda: [1, [object()]], "builtins.object has no content"),
    ],
)
def test_what_has_no_content_is_refused(value: Any, reason: str) -> None:
    with pytest.raises(NoDigestError, match=reason):
        digest_of(value())


def test_a_list_that_contains_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(NoDigestError, match="deeper than 60"):
        digest_of(endless)


def test_a_function_that_refers_to_what_has_no_content_is_refused() -> None:
    source = iter([1])
    with pytest.raises(NoDigestError, match=r"builtins\.list_iterator"):
        digest_of(lambda: next(source))


class Elsewhere(torch.Tensor):
    """A tensor of a class that keeps its bytes in another one, as quantized ones of libraries do."""

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> Elsewhere:
        made: Elsewhere = torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)  # type: ignore[attr-defined]
        made.inner = inner
        return made

    inner: torch.Tensor

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), options: Any = None) -> Any:
        given = [part.inner if isinstance(part, Elsewhere) else part for part in args]
        return function(*given, **(options or {}))


def test_a_tensor_that_keeps_its_bytes_in_another_one_is_refused_by_its_class() -> None:
    with pytest.raises(NoDigestError, match=r"^An Elsewhere keeps its bytes elsewhere, so they cannot be compared\.$"):
        digest_of(Elsewhere(torch.ones(2)))


def test_a_network_is_refused_where_nothing_knows_how_to_compare_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_content, "_identify_network", None)  # as in a process that has the values alone
    with pytest.raises(
        NoDigestError, match=r"^A torch\.nn\.modules\.linear\.Linear is a network, and nothing here can"
    ):
        digest_of(torch.nn.Linear(1, 1))


SOURCE = """
LIMIT = {limit}
TABLE = {{"a": [1, 2]}}
OBJECT = object()

def clamp(x):
    return min(x, LIMIT)

def outer(x):
    '''Words.'''
    def inner(y):
        return clamp(y) {operator} {constant}
    return [inner(part) for part in x] if TABLE and OBJECT else back(x)

def back(x):
    return outer(x)

class Base:
    factor = {factor}

class Steps(Base):
    def run(self, x, more={default}):
        return outer(x) * self.factor

    @property
    def size(self):
        return {size}
"""
USUAL: dict[str, Any] = {"limit": 3, "operator": "+", "constant": 1, "factor": 2, "default": 5, "size": 7}


def made(comment: str = "", **changes: Any) -> type:
    module = types.ModuleType("somebodys")
    exec(compile(comment + SOURCE.format(**{**USUAL, **changes}), f"{comment}.py", "exec"), vars(module))
    for thing in vars(module).values():
        if getattr(thing, "__module__", None) == "builtins" and isinstance(thing, (type, types.FunctionType)):
            thing.__module__ = "somebodys"
    cls: type = vars(module)["Steps"]
    return cls


@pytest.mark.parametrize(
    "change",
    [{"limit": 4}, {"operator": "-"}, {"constant": 1.0}, {"factor": 3}, {"default": 6}, {"size": 8}],
    ids=lambda change: next(iter(change)),
)
def test_a_change_anywhere_in_what_code_refers_to_is_a_change_of_the_code(change: dict[str, Any]) -> None:
    assert digest_of(made(**change)) != digest_of(made())


def test_comments_lines_and_file_names_are_no_change() -> None:
    assert digest_of(made("# words\n\n")) == digest_of(made())


def test_a_function_that_is_defined_anew_is_seen() -> None:
    cls = made()
    before = code_of(cls)
    assert code_of(cls) == before
    names = vars(cls)["run"].__globals__
    exec("def clamp(x):\n    return max(x, LIMIT)", names)
    assert code_of(cls) != before


def test_a_method_that_is_replaced_is_seen() -> None:
    class Give(Block):
        class Out(Outputs):
            x: int

        def run(self) -> Out:
            return self.Out(x=1)

    before = code_of(Give)
    other = made(factor=9)
    Give.size = vars(other)["size"]  # type: ignore[attr-defined]
    assert code_of(Give) != before


NOTED = (
    "from brickwork import Block, Outputs\n"
    """
LIMIT = [1, 2]
FACTOR = 3

def double(x):
    return 2 * x

class Give(Block):
    table = {"a": 1}

    class Out(Outputs):
        x: int

    def run(self, x: int) -> Out:
        return self.Out(x=double(x) * FACTOR + len(LIMIT) + self.table["a"])
"""
)


def noted() -> tuple[type, dict[str, Any]]:
    names: dict[str, Any] = {"__name__": "my_blocks"}
    exec(NOTED, names)
    return names["Give"], names


@pytest.mark.parametrize(
    "change",
    [
        "FACTOR = 4",
        "LIMIT.append(3)",
        "LIMIT = [2, 1]",
        "def double(x):\n    return 3 * x",
        "Give.table['a'] = 2",
        "Give.more = 5",
        "Give.Out = None",
        "Give.run = lambda self, x: None",
    ],
)
def test_what_is_remembered_of_code_of_ones_own_is_what_stays(change: str) -> None:
    """A run of every custom block asks for its digest, so it must not cost a millisecond, and never be of before."""
    cls, names = noted()
    first = code_of(cls)
    remembered = vars(cls)["__brickwork_code__"]
    assert code_of(cls) == first
    assert vars(cls)["__brickwork_code__"] is remembered
    exec(change, names)
    changed = code_of(cls)
    assert changed != first
    fresh, again = noted()
    exec(change, again)
    assert code_of(fresh) == changed


def test_what_cannot_be_watched_is_digested_each_time() -> None:
    cls, names = noted()
    names["LIMIT"] = np.zeros(2)
    first = code_of(cls)
    assert "__brickwork_code__" not in vars(cls)
    names["LIMIT"][0] = 5
    assert code_of(cls) != first


def test_remembered_code_does_not_keep_its_class() -> None:
    cls, names = noted()
    code_of(cls)
    there = weakref.ref(cls)
    del cls
    names.clear()
    gc.collect()
    assert there() is None


def test_a_block_of_the_package_has_the_same_digest_in_every_process() -> None:
    code = (
        "from brickwork.state.digest import code_of\n"
        "from brickwork.presets.sdxl import INPAINT_BLOCKS\n"
        "print([code_of(block) for block in INPAINT_BLOCKS.values()])"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


class Odd(dict[str, int]):
    __getattr__ = dict.__getitem__


class Refusing:
    def __getattr__(self, name: str) -> Any:
        raise KeyError(name)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise RuntimeError("not this way")


def test_objects_that_answer_every_question_with_an_error_of_their_own_are_digested_or_refused() -> None:
    assert digest_of(Odd(a=1)) == digest_of(Odd(a=1)) != digest_of(Odd(a=2))
    assert digest_of(Refusing()) == digest_of(Refusing())

    class Properties:
        @property
        def __dict__(self) -> Any:
            raise KeyError("nothing")

    with pytest.raises(NoDigestError, match=r"A .*Properties cannot be looked at: KeyError\('nothing'\)"):
        digest_of(Properties())


def test_a_run_takes_an_input_that_answers_every_question_with_an_error_of_its_own() -> None:
    class Count(Block):
        class Out(Outputs):
            count: int

        def run(self, given: Any) -> Out:
            return self.Out(count=len(given))

    pipe = SequentialPipelineBlocks.from_blocks_dict({"count": Count}).init_pipeline()
    pipe.configure(cache="memory", witness=True)
    assert pipe(given=Odd(a=1), output="count") == pipe(given=Odd(a=1), output="count") == 1


def test_errors_are_told_apart_by_what_they_say() -> None:
    assert digest_of(ValueError("a", 1)) == digest_of(ValueError("a", 1)) != digest_of(ValueError("a", 2))
