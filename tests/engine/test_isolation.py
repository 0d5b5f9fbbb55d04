"""What a run changes in components is its own, can be told, and can be put back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from brickwork import Block, Outputs, SequentialPipelineBlocks, component
from brickwork.engine.isolation import RunComponents, clone_run_state, pristine_state


class Counter:
    """A component with a configuration, from which it can be made anew."""

    def __init__(self, first: int = 0) -> None:
        self.config = {"first": first}
        self.at = first
        self.seen: list[int] = []
        self.table = {"a": [1]}
        self.names = {"x"}
        self.levels = torch.arange(3.0)
        self._brickwork_note = "from here"
        self._diffusers_note = "from there"

    @classmethod
    def from_config(cls, config: dict[str, int]) -> Counter:
        return cls(**config)


def test_a_clone_has_attributes_lists_dicts_and_sets_of_its_own_and_shares_tables() -> None:
    counter = Counter()
    clone = clone_run_state(counter)
    assert type(clone) is Counter
    clone.at = 5
    clone.seen.append(1)
    clone.table["b"] = []
    clone.names.add("y")
    assert (counter.at, counter.seen, counter.table, counter.names) == (0, [], {"a": [1]}, {"x"})
    assert clone.levels is counter.levels
    clone.table["a"].append(2)
    assert counter.table["a"] == [1]


def test_where_a_component_begins_is_what_its_configuration_makes_without_the_configuration() -> None:
    counter = Counter(3)
    counter.at, counter.levels = 9, torch.zeros(1)
    found = pristine_state(counter)
    assert found["at"] == 3
    assert torch.equal(found["levels"], torch.arange(3.0))
    assert "config" not in found


def test_where_a_component_begins_that_nothing_makes_anew_is_where_it_stands() -> None:
    component = SimpleNamespace(at=4, seen=[1])
    found = pristine_state(component)
    component.seen.append(2)
    assert found == {"at": 4, "seen": [1]}


def run_of(mutated: set[str], **components: Any) -> RunComponents:
    return RunComponents(components, frozenset(mutated))


def test_only_what_the_run_changes_is_cloned_and_only_once() -> None:
    counter, other = Counter(), Counter()
    run = run_of({"counter", "absent"}, counter=counter, other=other, absent=None)
    assert run["other"] is other
    assert run["counter"] is not counter
    assert run["counter"] is run["counter"]
    assert run["absent"] is None
    assert (list(run), len(run)) == (["counter", "other", "absent"], 3)


def test_changes_are_the_attributes_that_differ_without_configuration_and_notes() -> None:
    run = run_of({"counter", "other"}, counter=Counter(2), other=Counter())
    clone = run["counter"]
    clone.at, clone.new = 3, None
    clone.levels = torch.arange(3.0).double()
    clone._brickwork_more = clone._diffusers_more = "x"
    found = run.changes()
    assert found.keys() == {"counter"}, "what was never asked for has not changed"
    assert found["counter"].keys() == {"at", "new", "levels", "seen", "table", "names"}
    assert found["counter"]["at"] == 3


SAME: list[tuple[Any, Any, bool]] = [
    (1000, int("1000"), True), (1, 2, False), (1, 1.0, False), (True, 1, False), ("ab", "".join("ab"), True), (0.5, float("0.5"), True), ([1], [1], False),
    (torch.arange(3.0), torch.arange(3.0), True), (torch.arange(3.0), torch.ones(3), False),
    (torch.arange(3.0), torch.arange(3), False), (torch.zeros(2, 3), torch.zeros(3, 2), False),
    (torch.zeros(1), torch.nn.Parameter(torch.zeros(1)), False), (torch.zeros(1), 0.0, False), (None, None, True),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "is_same"), SAME, ids=str)
def test_an_attribute_has_changed_unless_it_is_of_one_class_and_content(before: Any, after: Any, is_same: bool) -> None:
    class Holds:
        def __init__(self) -> None:
            self.config: dict[str, Any] = {}
            self.value = before

        @classmethod
        def from_config(cls, config: dict[str, Any]) -> Holds:
            return cls()

    run = run_of({"one"}, one=Holds())
    run["one"].value = after
    assert run.changes() == ({"one": {}} if is_same else {"one": {"value": after}})


def test_changes_are_put_onto_a_component_that_begins_anew() -> None:
    used = Counter(1)
    used.at, used.levels = 7, torch.zeros(1)
    run = run_of({"counter"}, counter=used)
    run.put_changes("counter", {"seen": [4]})
    assert (run["counter"].at, run["counter"].seen) == (1, [4])
    assert torch.equal(run["counter"].levels, torch.arange(3.0))
    assert (used.at, used.seen) == (7, [])


def test_a_component_that_is_loaded_for_a_run_is_only_there_until_it_is_taken_out() -> None:
    run = run_of({"late"}, late=None, there=Counter())
    assert (run.is_absent("late"), run.is_of_run("late")) == (True, True)
    assert (run.is_absent("there"), run.is_of_run("there")) == (False, False)
    loaded = Counter()
    run.put("late", loaded)
    assert (run.is_absent("late"), run.is_of_run("late")) == (False, True)
    assert run["late"] is not loaded
    first = run["late"]
    first.at = 5
    run.take_out("late")
    assert run.is_absent("late")
    assert run["late"] is None
    # An optional one that is not there at all is brought back, too.
    run.kept("late")()
    assert run["late"] is None
    run.put("late", loaded)
    assert run["late"] is not first
    assert run["late"].at == 0


class Single(Counter):
    """Cannot be copied."""

    def __copy__(self) -> Any:
        raise ZeroDivisionError("there is one only")


class Count(Block):
    counter: Counter = component(mutates=True)

    class Out(Outputs):
        x: int

    def run(self) -> Out:
        self.counter.at += 1
        return self.Out(x=self.counter.at)


def test_a_component_that_cannot_be_cloned_fails_in_the_block_that_changes_it() -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict({"first": Count, "count": Count}).init_pipeline()
    pipe.update_components(counter=Single())
    with pytest.raises(ZeroDivisionError, match="there is one only") as caught:
        pipe()
    assert [note.splitlines()[0] for note in caught.value.__notes__] == ["In block first. The values at that point:"]


def test_a_run_changes_its_own_clone_from_where_the_component_stands() -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict({"first": Count, "count": Count}).init_pipeline()
    counter = Counter(3)
    pipe.update_components(counter=counter)
    assert [pipe(output="x") for _ in range(2)] == [5, 5]
    assert counter.at == 3
