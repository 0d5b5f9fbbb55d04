"""A plan, or a whole composition, as nodes, frames and edges: drawn as Mermaid text or as SVG."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from attrs import define, field

from ...state import InputError
from ...state.atomic import write_text
from ..nodes import BlockNode, ChoiceNode, LoopNode, Node
from .flow import CALLER, Dataflow, Version
from .graph_types import DrawnNode, Edge, Frame
from .svg import draw

_TEXT, _SUFFIXES = (".mmd", ".md"), ("", ".svg", ".mmd", ".md")
INPUTS = "inputs"
"""Name of the node that stands for the caller."""


@define(eq=False)
class Graph:
    """Nodes in the order in which they run, frames around them, and the values between them."""

    nodes: list[DrawnNode] = field(factory=list)
    frames: list[Frame] = field(factory=list)
    edges: list[Edge] = field(factory=list)

    @property
    def mermaid(self) -> str:
        """A Mermaid flowchart, as GitHub and notebooks draw it."""
        return _mermaid(self)

    @property
    def svg(self) -> str:
        """An image in SVG: boxes from top to bottom, one line per value."""
        return draw(self)

    def save(self, path: str | Path) -> Path:
        """Write the image: Mermaid text for names that end in .mmd or .md, SVG for .svg or no ending.

        Raises:
            InputError: the name ends otherwise. RepoError: it cannot be written there.
        """
        target = Path(path)
        if target.suffix not in _SUFFIXES:
            raise InputError(
                f"{target.name}: a graph is written as SVG (.svg) or as Mermaid text (.mmd, .md), and not as {target.suffix}."
            )
        write_text(target, self.mermaid if target.suffix in _TEXT else self.svg)
        return target

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"Graph of {len(self.nodes)} nodes and {len(self.edges)} values; .svg, .mermaid, .save(path)"


def make_graph(steps: Sequence[Node], flow: Dataflow) -> Graph:
    """Build the graph of steps whose dataflow is known; what nobody gives is drawn as given by the caller."""
    graph = Graph([DrawnNode(INPUTS, INPUTS, "")])
    index = {CALLER: 0}
    _add(steps, graph, index, depth=0)
    _add_edges(graph, index, flow)
    for node in graph.nodes:
        # The sort is stable: what enters stays in the order of reading, and stands above what leaves.
        node.ports.sort(key=lambda port: port.is_write)
    return graph


def _add(steps: Iterable[Node], graph: Graph, index: dict[str, int], depth: int) -> None:
    scopes: list[tuple[str, int]] = []
    for step in steps:
        if isinstance(step, BlockNode):
            _add_leaf(step, graph, index, scopes, depth)
            continue
        first = len(graph.nodes)
        if isinstance(step, LoopNode):
            names = ", ".join(variable.name for variable in step.variables)
            _add_node(step.path, f"for each {names}", graph, index)
            at = depth + len(scopes)
            _add(step.body, graph, index, at + 1)
            graph.frames.append(Frame(f"loop {step.path}", first, len(graph.nodes) - 1, at, is_loop=True))
        else:
            _add_choice(step, graph, index, depth + len(scopes))


def _add_leaf(step: BlockNode, graph: Graph, index: dict[str, int], scopes: list[tuple[str, int]], depth: int) -> None:
    if step.opens is not None:
        scopes.append((step.opens, len(graph.nodes)))
    elif step.closes is not None:
        name, begin = scopes.pop()
        if len(graph.nodes) > begin:
            graph.frames.append(Frame(f"scope {name}", begin, len(graph.nodes) - 1, depth + len(scopes)))
    else:
        _add_node(step.path, ", ".join(step.components), graph, index)


def _add_choice(step: ChoiceNode, graph: Graph, index: dict[str, int], depth: int) -> None:
    first = len(graph.nodes)
    triggers = ", ".join(str(param.name) for param in step.reads)
    _add_node(step.path, f"chooses by {triggers}" if triggers else "chooses", graph, index)
    for name, branch in step.branches.items():
        inner = len(graph.nodes)
        _add(branch, graph, index, depth + 2)
        if len(graph.nodes) > inner:
            graph.frames.append(Frame(name, inner, len(graph.nodes) - 1, depth + 1))
    graph.frames.append(Frame(f"choice {step.path}", first, len(graph.nodes) - 1, depth))


def _add_node(path: str, detail: str, graph: Graph, index: dict[str, int]) -> None:
    index[path] = len(graph.nodes)
    graph.nodes.append(DrawnNode(path, path, detail))


def _add_edges(graph: Graph, index: dict[str, int], flow: Dataflow) -> None:
    drawn: set[tuple[str, int, int]] = set()
    for read in flow.reads:
        if (
            read.path not in index
        ):  # where a scope begins or ends, what goes through it has its line from writer to reader
            continue
        target = index[read.path]
        sources: Sequence[Version | None] = read.sources.versions
        # An input with a default that nobody gives is not part of what happens.
        if not sources and not read.param.required:
            continue
        writers = [index[version.writer] if version is not None else 0 for version in sources or [None]]
        for version, source in zip(sources or [None], writers, strict=True):
            name = str(read.param.name) if version is None else version.name
            if (name, source, target) in drawn or _passes_by_a_loop(source, target, writers, graph.frames):
                continue
            drawn.add((name, source, target))
            graph.nodes[source].add_port(name, is_write=True)
            graph.nodes[target].add_port(name, is_write=False)
            carried = version is not None and version.position >= read.position
            graph.edges.append(Edge(name, source, target, carried))
    final: dict[Version, list[str]] = {}
    for name, left in flow.final.items():
        for version in left.versions:
            final.setdefault(version, []).append(name)
    for version in flow.versions:
        for name in final.get(version, ()) if version.writer != CALLER else ():
            graph.nodes[index[version.writer]].add_port(name, is_write=True)


def _passes_by_a_loop(source: int, target: int, writers: list[int], frames: list[Frame]) -> bool:
    """Return whether a loop between the two writes the value anew; that it may take no iteration is not worth a line."""
    loops = [frame for frame in frames if frame.is_loop and source < frame.first and frame.last < target]
    return any(frame.first <= writer <= frame.last for frame in loops for writer in writers)


def _mermaid(graph: Graph) -> str:
    lines = ["flowchart TD"]
    opened: list[Frame] = []
    for position, node in enumerate(graph.nodes):
        starting = sorted((f for f in graph.frames if f.first == position), key=lambda f: f.depth)
        # Outer frames open first: several may begin at one node.
        for frame in starting:
            lines.append(f'{"  " * (len(opened) + 1)}subgraph f{graph.frames.index(frame)}["{_escaped(frame.title)}"]')
            opened.append(frame)
        detail = f"<br/><small>{_escaped(node.detail)}</small>" if node.detail else ""
        shape = ('(["', '"])') if position == 0 else ('["', '"]')
        lines.append(f"{'  ' * (len(opened) + 1)}n{position}{shape[0]}{_escaped(node.title)}{detail}{shape[1]}")
        while opened and opened[-1].last == position:
            opened.pop()
            lines.append(f"{'  ' * (len(opened) + 1)}end")
    grouped: dict[tuple[int, int, bool], list[str]] = {}
    for edge in graph.edges:
        grouped.setdefault((edge.source, edge.target, edge.carried), []).append(edge.name)
    for (source, target, carried), names in grouped.items():
        arrow = "-.->" if carried else "-->"
        lines.append(f'  n{source} {arrow}|"{_escaped(", ".join(names))}"| n{target}')
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    # Mermaid ends a label at a quotation mark, and a statement at a line break.
    return re.sub(r'["\n]', " ", html.escape(text, quote=False))
