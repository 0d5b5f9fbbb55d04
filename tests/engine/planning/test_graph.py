"""Images of small plans, line by line: look at a new one before it takes the place of the old."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_blocks import Start, Way

from brickwork import (
    Block,
    InputParam,
    LoopSequentialPipelineBlocks,
    ModularPipelineBlocks,
    Outputs,
    SequentialPipelineBlocks,
    component,
)
from brickwork.engine import Plan
from brickwork.engine.planning.graph import INPUTS, DrawnNode, Edge, Frame, Graph
from brickwork.engine.planning.graph_types import Port

PICTURES = Path(__file__).parent / "pictures"


class Add(Block):
    net: torch.nn.Module = component()
    other: torch.nn.Module = component()

    class Out(Outputs):
        x: int

    def run(self, x: int, i: int, by: int = 1) -> Out: ...


class Show(Block):
    class Out(Outputs):
        text: str

    def run(self, x: int) -> Out: ...


class Iterations(LoopSequentialPipelineBlocks):
    class Vars(Outputs):
        i: int
        part: str

    def iterate(self, x: int) -> Iterator[Vars]: ...


class Needs(ModularPipelineBlocks):
    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam("x", required=True), InputParam('"odd" <name>', required=True)]

    def __call__(self, components: Any, state: Any) -> Any: ...


def small() -> Plan:
    """A loop in a loop, a choice of a choice, and what nobody reads."""
    inner = Iterations.from_blocks_dict({"add": Add})
    loop = Iterations.from_blocks_dict({"inner": inner, "again": Add})
    way = Way.from_blocks_dict(
        {"left": Show, "right": Way.from_blocks_dict({"show": Show, "loop": Iterations.from_blocks_dict({"add": Add})})}
    )
    blocks = {"start": Start, "loop": loop, "way": way, "needs": Needs}
    return SequentialPipelineBlocks.from_blocks_dict(blocks).plan(["seed", '"odd" <name>'])


@pytest.mark.parametrize("suffix", ["svg", "mmd"])
def test_a_picture_is_drawn_as_it_was(suffix: str, tmp_path: Path) -> None:
    drawn = small().graph.save(tmp_path / f"small.{suffix}").read_text()
    assert drawn == (PICTURES / f"small.{suffix}").read_text()


def test_nodes_frames_and_edges_are_those_of_the_plan() -> None:
    graph = small().graph
    names = [node.path for node in graph.nodes]
    assert names == [
        INPUTS, "start", "loop", "loop.inner", "loop.inner.add", "loop.again", "way", "way.left", "way.right",
        "way.right.show", "way.right.loop", "way.right.loop.add", "needs",
    ]  # fmt: skip
    assert {node.path: node.detail for node in graph.nodes if node.detail} == {
        "loop": "for each i, part",
        "loop.inner": "for each i, part",
        "loop.inner.add": "net, other",
        "loop.again": "net, other",
        "way": "chooses by way",
        "way.right": "chooses by way",
        "way.right.loop": "for each i, part",
        "way.right.loop.add": "net, other",
    }
    assert [(f.title, names[f.first], names[f.last], f.depth, f.is_loop) for f in graph.frames] == [
        ("loop loop.inner", "loop.inner", "loop.inner.add", 1, True),
        ("loop loop", "loop", "loop.again", 0, True),
        ("left", "way.left", "way.left", 1, False),
        ("show", "way.right.show", "way.right.show", 3, False),
        ("loop way.right.loop", "way.right.loop", "way.right.loop.add", 4, True),
        ("loop", "way.right.loop", "way.right.loop.add", 3, False),
        ("choice way.right", "way.right", "way.right.loop.add", 2, False),
        ("right", "way.right", "way.right.loop.add", 1, False),
        ("choice way", "way", "way.right.loop.add", 0, False),
    ]
    of_x = {(names[e.source], names[e.target], e.carried) for e in graph.edges if e.name == "x"}
    assert {edge for edge in of_x if edge[1].startswith("loop")} == {
        ("start", "loop", False),
        ("start", "loop.inner", False),
        ("loop.again", "loop.inner", True),
        ("start", "loop.inner.add", False),
        ("loop.inner.add", "loop.inner.add", True),
        ("loop.again", "loop.inner.add", True),
        ("loop.inner.add", "loop.again", False),
        ("loop.again", "loop.again", True),  # where the inner loop takes no iteration
    }
    assert len(graph.edges) == len({(e.name, e.source, e.target) for e in graph.edges})
    assert Edge('"odd" <name>', 0, names.index("needs"), carried=False) in graph.edges


def test_ports_are_what_enters_and_then_what_leaves_each_once() -> None:
    ports = {node.path: node.ports for node in small().graph.nodes}
    assert ports[INPUTS] == [Port("seed", is_write=True), Port('"odd" <name>', is_write=True)]
    assert ports["start"] == [Port("seed", is_write=False), Port("x", is_write=True), Port("way", is_write=True)]
    assert ports["loop.again"] == [Port("x", is_write=False), Port("i", is_write=False), Port("x", is_write=True)]
    assert ports["way.left"] == [Port("x", is_write=False), Port("text", is_write=True)]


def test_a_graph_says_how_large_it_is_and_is_shown_in_notebooks() -> None:
    graph = Graph([DrawnNode("a", "a", ""), DrawnNode("b", "b", "")], [], [Edge("x", 0, 1, carried=False)])
    assert repr(graph) == "Graph of 2 nodes and 1 values; .svg, .mermaid, .save(path)"
    graph.nodes[0].add_port("x", is_write=True)
    graph.nodes[0].add_port("x", is_write=True)
    graph.nodes[1].add_port("x", is_write=False)
    assert len(graph.nodes[0].ports) == 1
    assert graph._repr_svg_() == graph.svg


@pytest.mark.parametrize(("name", "is_text"), [("a.mmd", True), ("a.md", True), ("a.svg", False), ("a", False)])
def test_a_file_is_text_or_picture_by_its_name(name: str, is_text: bool, tmp_path: Path) -> None:
    graph = Graph([DrawnNode("a", "ä", "")], [Frame("f", 0, 0, 0)])
    assert graph.save(str(tmp_path / name)) == tmp_path / name
    assert (tmp_path / name).read_text(encoding="utf-8") == (graph.mermaid if is_text else graph.svg)
    assert "ä" in graph.mermaid


def test_long_details_are_cut_after_a_whole_name() -> None:
    words = ", ".join(["a_component"] * 4)
    svg = Graph([DrawnNode("a", "a", words[:44]), DrawnNode("b", "b", words)]).svg
    assert f">{words[:44]}<" in svg
    assert f">{words[:41].rstrip(', ')}...<" in svg


def test_lines_have_colours_in_turn_and_lanes_of_their_own_where_they_pass_each_other() -> None:
    nodes = [DrawnNode("a", "a", ""), DrawnNode("b", "b", ""), DrawnNode("c", "c", "")]
    edges = [Edge(f"v{number}", number % 2, 2, carried=False) for number in range(9)]
    for edge in edges:
        nodes[edge.source].add_port(edge.name, is_write=True)
        nodes[edge.target].add_port(edge.name, is_write=False)
    svg = Graph(nodes, [], edges).svg
    lines = [line for line in svg.split("<path") if "marker-end" in line]
    colours = [line.partition('stroke="')[2].partition('"')[0] for line in lines]
    assert colours[0] == colours[8]
    assert len(set(colours[:8])) == 8
    assert len({line.partition("H")[2].partition("V")[0] for line in lines}) == 9
