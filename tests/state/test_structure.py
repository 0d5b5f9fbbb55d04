"""Schemas of files: what fits becomes a frozen object, and of what does not fit every fault is named with its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from attrs import field, frozen

from brickwork import RepoError
from brickwork.state.limits import DEEPEST
from brickwork.state.structure import Check, Data, Key, examined, place_words, structured

Even = Annotated[int, Check("an even number", lambda number: number % 2 == 0)]


@frozen
class Part:
    kind: Annotated[Literal["a", "b", "c"], Key("class")]
    size: Even = 0
    parts: Mapping[str, Part] = field(factory=dict)


@frozen
class Whole:
    version: Literal[1]
    name: str
    ratio: float | None = None
    flags: tuple[bool, ...] = ()
    part: Part | str = "none"
    options: Mapping[str, Data] = field(factory=dict)
    anything: Any = None


def faults_of(data: Any) -> list[str]:
    return examined(Whole, data)[1].sentences(place_words)


def test_data_become_an_object() -> None:
    data = {
        "version": 1,
        "name": "x",
        "ratio": 2,
        "flags": [True],
        "part": {"class": "a", "size": 4, "parts": {"q": {"class": "b"}}},
        "options": {"o": [1, {"$": "tuple", "items": [None]}]},
    }
    found = structured(Whole, data, "it")
    assert found.flags == (True,)
    assert found.part == Part("a", 4, {"q": Part("b")})
    assert found.options == data["options"]
    assert structured(Whole, {"version": 1, "name": "x", "part": "p"}, "it").part == "p"
    assert structured(Whole, {"version": 1, "name": "x", "ratio": np.float32(2)}, "it").ratio == 2.0


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"version": 2}, "version: expected 1, got 2."),
        ({"version": True}, "version: expected 1, got True."),
        ({"name": 7}, "name: expected str, got 7."),
        ({"name": ["x"]}, "name: expected str, got list."),
        ({"nam": 7}, "'nam' is unknown. Did you mean 'name'?"),
        ({"ratio": True}, "ratio: expected float or None, got True."),
        ({"ratio": "2"}, "ratio: expected float or None, got '2'."),
        ({"flags": [True, 0]}, "flags[1]: expected bool, got 0."),
        ({"flags": {}}, "flags: expected list, got dict."),
        ({"part": 3}, "part: expected dict or str, got 3."),
        ({"part": {}}, "part: 'class' is missing."),
        ({"part": {"class": "d"}}, "part.class: expected 'a' or 'b' or 'c', got 'd'. There are: a, b, c."),
        ({"part": {"class": "a", "size": 3}}, "part.size: expected an even number, got 3."),
        ({"part": {"class": "a", "size": 2.0}}, "part.size: expected int, got 2.0."),
        ({"part": {"class": "a", "parts": {"q": []}}}, "part.parts.q: expected dict, got list."),
        ({"part": {"class": "a", "parts": {"a b": None}}}, "part.parts.a b: expected dict, got None."),
        ({"part": {"class": "a", "parts": {"\x1b[2J": None}}}, "part.parts.'\\x1b[2J': expected dict, got None."),
        ({"part": {"class": "a", "parts": {3: None}}}, "part.parts: its keys must be text."),
        ({"options": []}, "options: expected dict, got list."),
        ({"options": {"o": [{"$": "tuple"}]}}, "options.o[0]: a written tuple has the key 'items' with a list."),
        ({"options": {"o": {"$": "set"}}}, "options.o: 'set' is no kind of value; there are: tuple, mapping, float, dtype, device, not written."),
        ({"options": {"o": {1, 2}}}, "options.o: expected plain data, got set."),
    ],
)  # fmt: skip
def test_every_fault_has_its_place(changes: dict[str, Any], expected: str) -> None:
    assert faults_of({"version": 1, "name": "x", **changes}) == [expected]


def test_a_field_of_a_kind_that_no_file_holds_is_a_fault_of_the_schema() -> None:
    @frozen
    class Odd:
        raw: bytes

    with pytest.raises(TypeError, match=r"^<class 'bytes'> is nothing that data of files are read as\.$"):
        structured(Odd, {"raw": "x"}, "it")


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(RepoError) as error:
        structured(Whole, {"flags": [1, 2], "part": {"class": "a", "more": 1}}, "soft.json")
    assert str(error.value).splitlines() == [
        "soft.json is broken: 5 faults",
        "  - 'version' is missing.",
        "  - 'name' is missing.",
        "  - flags[0]: expected bool, got 1.",
        "  - flags[1]: expected bool, got 2.",
        "  - part: 'more' is unknown. There are: class, parts, size.",
    ]
    assert len(error.value.faults) == 5
    with pytest.raises(RepoError, match=r"^soft.json is broken: expected dict, got list.$"):
        structured(Whole, [], "soft.json")


def test_of_very_many_faults_the_first_are_named() -> None:
    found = faults_of({"version": 1, "name": "x", "flags": [7] * 10_000, **{f"x{i}": 1 for i in range(10_000)}})
    assert len(found) == 51
    assert found[-1] == "19,950 more faults."


def test_data_that_are_too_deep_or_hold_themselves_are_a_fault() -> None:
    ring: dict[str, Any] = {"class": "a"}
    ring["parts"] = {"inner": ring}
    assert faults_of({"version": 1, "name": "x", "part": ring})[0].endswith(
        f"it is nested deeper than {DEEPEST} levels."
    )
    loop: list[Any] = []
    loop.append(loop)
    assert faults_of({"version": 1, "name": "x", "options": {"o": loop}})[0].endswith("nested deeper than 50 levels.")
