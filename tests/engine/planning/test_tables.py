"""Tables of small plans, word by word: who gives what to whom, and what is said below."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from brickwork import (
    AutoPipelineBlocks,
    Block,
    LoopSequentialPipelineBlocks,
    Outputs,
    SequentialPipelineBlocks,
    component,
)
from brickwork.engine import Plan
from brickwork.engine.planning.explain import Explanation, peak_of_components


class Start(Block):
    encoder: torch.nn.Module = component()

    class Out(Outputs):
        x: int
        way: str

    def run(self, seed: int, size: int = 3) -> Out: ...


class Add(Block):
    net: torch.nn.Module = component()

    class Out(Outputs):
        x: int

    def run(self, x: int, i: int, by: int = 1, seed: int = 0) -> Out: ...


class Both(Block):
    net: torch.nn.Module = component()
    decoder: torch.nn.Module = component()

    def run(self, x: int, seed: int) -> None: ...


class Iterations(LoopSequentialPipelineBlocks):
    block_classes = [Add]
    block_names = ["add"]

    class Vars(Outputs):
        i: int
        j: int

    def iterate(self, x: int) -> Iterator[Vars]: ...


class Auto(AutoPipelineBlocks):
    block_classes = [Both, Start]
    block_names = ["both", "start"]
    block_trigger_inputs = ["seed", None]


def plan() -> Plan:
    blocks: dict[str, Any] = {"start": Start, "loop": Iterations, "auto": Auto}
    return SequentialPipelineBlocks.from_blocks_dict(blocks).plan(["seed"])


SIZES = {"encoder": 3_000_000, "net": 2_000, "decoder": 500_000, "unused": 7}


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


TABLE = """\
Runs when given: seed
step       reads, by who gives it            writes                                  uses
start      the caller: seed                  x, way                                  encoder
loop       start: x                          i (each iteration), j (each iteration)
loop.add   start or add (last iteration): x  x                                       net
           loop: i
           the caller: seed
auto.both  start or add: x                                                           net, decoder
           the caller: seed

skipped at auto: start (seed given)
components: encoder 3.0 MB, net 2.0 KB, decoder 500 KB; 3.5 MB in all
peak of components: 3.0 MB, if each is there only from first to last use"""


def test_a_table_says_who_gives_what_to_whom_and_what_is_known_of_sizes() -> None:
    explained = plan().explain(SIZES)
    assert str(explained) == repr(explained) == TABLE


def test_a_table_is_as_wide_as_the_terminal_and_no_wider_than_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    notes = ["x" * 500]
    widest = []
    for columns in ("60", "140", "400"):
        monkeypatch.setenv("COLUMNS", columns)
        widest.append(max(map(len, str(plan().explain(notes=notes)).splitlines())))
    assert widest == [60, 140, 140]


def test_what_is_known_of_sizes_is_said_below() -> None:
    explained = plan().explain(SIZES, ["a note", "another"])
    assert explained.sizes == {"encoder": 3_000_000, "net": 2_000, "decoder": 500_000}
    assert explained.facts == [
        "skipped at auto: start (seed given)",
        "components: encoder 3.0 MB, net 2.0 KB, decoder 500 KB; 3.5 MB in all",
        "peak of components: 3.0 MB, if each is there only from first to last use",
        *[f"warning: {text}" for text in plan().warnings],
        "a note",
        "another",
    ]


def test_of_components_of_unknown_size_no_peak_is_told() -> None:
    explained = plan().explain({"net": 2_000})
    assert explained.peak is None
    assert explained.facts[1] == "components: net 2.0 KB; 2.0 KB in all"
    assert not any("peak" in fact for fact in explained.facts)
    assert plan().explain({}).facts == plan().explain().facts


def test_a_plan_without_components_has_no_peak() -> None:
    class Plain(Block):
        def run(self) -> None: ...

    explained = SequentialPipelineBlocks.from_blocks_dict({"plain": Plain}).plan([]).explain({})
    assert explained.peak is None
    assert explained.title == "Runs when given: nothing"


@pytest.mark.parametrize(
    ("sizes", "peak"),
    [
        ({"encoder": 9, "net": 2, "decoder": 3}, 9),  # the encoder alone
        ({"encoder": 1, "net": 2, "decoder": 3}, 5),  # what the last step needs
        ({"encoder": 0, "net": 0, "decoder": 0}, 0),
    ],
)
def test_the_peak_is_of_what_is_there_from_its_first_use_to_its_last(sizes: dict[str, int], peak: int) -> None:
    assert peak_of_components(plan(), sizes) == peak


def test_a_component_stays_from_its_first_use_to_its_last() -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict({"one": Start, "loop": Iterations, "again": Start, "last": Both})
    assert peak_of_components(blocks.plan(["seed"]), {"encoder": 5, "net": 4, "decoder": 1}) == 9


def test_a_notebook_gets_the_same_words_escaped() -> None:
    explained = Explanation(("a<b",), (), {"way": "<x>"}, ("w&",), ())
    assert explained._repr_html_() == (
        "<p><b>Runs when given: a&lt;b</b></p><ul><li>skipped at way: &lt;x&gt;</li><li>warning: w&amp;</li></ul>"
    )
    row = plan().explain()._repr_html_().partition("<tr><td")[2].partition("</tr>")[0]
    style = " style='text-align:left;vertical-align:top;white-space:pre-line'"
    cells = ["start", "the caller: seed", "x, way", "encoder"]
    assert f"<td{row}" == "".join(f"<td{style}>{cell}</td>" for cell in cells)


def test_rows_have_what_is_read_by_writer_and_what_is_used() -> None:
    rows = {row.step: row for row in plan().explain().rows}
    assert list(rows) == ["start", "loop", "loop.add", "auto.both"]
    assert rows["loop"].writes == "i (each iteration), j (each iteration)"
    assert rows["loop"].reads == ("start: x",)
    assert rows["loop.add"].reads == ("start or add (last iteration): x", "loop: i", "the caller: seed")
    assert rows["auto.both"].cells == ("auto.both", "start or add: x\nthe caller: seed", "", "net, decoder")
