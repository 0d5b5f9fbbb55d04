"""Draws a `Graph` as SVG: boxes from top to bottom with a port per value, and a lane on the right for each value."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from .graph_types import DrawnNode, Edge, Frame, Port

if TYPE_CHECKING:
    from .graph import Graph

# SVG tells nobody how wide a text is before it is drawn, so widths are counted in characters of a monospaced font.
LINE, CHARACTER, LONGEST_DETAIL = 16, 6.7, 44
"""Height of a line of text and width of a character, in pixels, at the font size below; characters of a detail."""
HEAD, GAP, PAD, INDENT, LANE = 24, 14, 12, 18, 12
FRAME_HEAD = 18
COLOURS = ("#3566b8", "#b8562e", "#2e8b57", "#8e44ad", "#b0892b", "#2b8a9e", "#b83a6b", "#5b6770")
STYLE = (
    "text{font:11px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#1f2933}.t{font-weight:600}"
    ".d{fill:#6b7780}.b{fill:#fff;stroke:#8895a0}.i{fill:#eef4ff;stroke:#3566b8}"
    ".f{fill:#52606d;fill-opacity:.05;stroke:#9fb3c8;stroke-dasharray:4 3}"
)


@frozen
class Box:
    """Says where a node stands."""

    x: float
    y: float
    width: float
    height: float

    head: float = HEAD

    def port_y(self, position: int) -> float:
        """Return height at which a port's line leaves the box."""
        return self.y + self.head + position * LINE + LINE / 2


@frozen
class Wire:
    """One value of one writer, with all its readers: a lane on the right."""

    name: str
    source: int
    edges: tuple[Edge, ...]

    @property
    def targets(self) -> list[int]:
        """Nodes that read it."""
        return [edge.target for edge in self.edges]


@define
class _Sheet:
    parts: list[str] = field(factory=list)

    def text(self, x: float, y: float, content: str, css: str = "", anchor: str = "start") -> None:
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" class="{css}" text-anchor="{anchor}">{html.escape(content)}</text>'
        )

    def box(self, box: Box, css: str) -> None:
        self.parts.append(
            f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="5" class="{css}"/>'
        )


def draw(graph: Graph) -> str:
    """Return the SVG text of a graph."""
    boxes = _boxes(graph)
    right = (
        max(box.x + box.width for box in boxes) + GAP + INDENT * (1 + max((f.depth for f in graph.frames), default=0))
    )
    wires = _wires(graph)
    lanes = _lanes(wires, graph, boxes)
    sheet = _Sheet()
    # From outside to inside, because what is drawn later covers what was drawn before.
    for frame in sorted(graph.frames, key=lambda f: f.depth):
        ends_with_it = sum(f.last == frame.last and f.depth > frame.depth for f in graph.frames)
        _draw_frame(sheet, frame, boxes, right, 7 + 5 * ends_with_it)
    for number, (wire, lane) in enumerate(zip(wires, lanes, strict=True)):
        _draw_wire(sheet, wire, graph, boxes, right + (lane + 1) * LANE, COLOURS[number % len(COLOURS)])
    for position, (node, box) in enumerate(zip(graph.nodes, boxes, strict=True)):
        _draw_node(sheet, node, box, "i" if position == 0 else "b")
    width = right + (max(lanes, default=0) + 3) * LANE
    height = max(box.y + box.height for box in boxes) + 3 * GAP
    marker = "".join(
        f'<marker id="a{i}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{colour}"/></marker>'
        for i, colour in enumerate(COLOURS)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}"><style>{STYLE}</style><defs>{marker}</defs>'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(sheet.parts)}</svg>'
    )


def _boxes(graph: Graph) -> list[Box]:
    y = float(GAP)
    boxes = []
    for position, node in enumerate(graph.nodes):
        around = [f for f in graph.frames if f.first <= position <= f.last]
        y += FRAME_HEAD * sum(f.first == position for f in around)
        texts = [node.title, _shortened(node.detail), *(f"{port.name}   " for port in node.ports)]
        head = HEAD + (LINE if node.detail else 0)
        height = head + LINE * len(node.ports) + (4 if node.ports else 0)
        boxes.append(Box(GAP + INDENT * len(around), y, max(map(len, texts)) * CHARACTER + 2 * PAD, height, head))
        y += height + GAP + 8 * sum(f.last == position for f in around)
    return boxes


def _wires(graph: Graph) -> list[Wire]:
    grouped: dict[tuple[str, int], list[Edge]] = {}
    for edge in graph.edges:
        grouped.setdefault((edge.name, edge.source), []).append(edge)
    return [Wire(name, source, tuple(edges)) for (name, source), edges in grouped.items()]


def _lanes(wires: list[Wire], graph: Graph, boxes: list[Box]) -> list[int]:
    """Return the lane of each wire: short ones near the boxes, none over another."""
    taken: list[list[tuple[float, float]]] = []
    lanes = [0] * len(wires)
    spans = []
    for wire in wires:
        heights = [_port_height(wire.name, wire.source, graph, boxes, is_write=True)]
        heights += [_port_height(wire.name, target, graph, boxes, is_write=False) for target in wire.targets]
        spans.append((min(heights), max(heights)))
    # Short wires take the lanes near the boxes, so that long ones cross the fewest others.
    for number in sorted(range(len(wires)), key=lambda i: spans[i][1] - spans[i][0]):
        low, high = spans[number]
        # Two pixels between wires of one lane, else two arrows look like one line.
        free = (i for i, lane in enumerate(taken) if all(high < a - 2 or low > b + 2 for a, b in lane))
        lane = next(free, len(taken))
        if lane == len(taken):
            taken.append([])
        taken[lane].append((low, high))
        lanes[number] = lane
    return lanes


def _port_height(name: str, node: int, graph: Graph, boxes: list[Box], is_write: bool) -> float:
    return boxes[node].port_y(graph.nodes[node].ports.index(Port(name, is_write)))


def _draw_frame(sheet: _Sheet, frame: Frame, boxes: list[Box], right: float, below: float) -> None:
    inner = boxes[frame.first : frame.last + 1]
    x = GAP / 2 + INDENT * frame.depth + 4
    deeper = min(box.y for box in inner) - FRAME_HEAD * _frames_at(frame, inner)
    bottom = max(box.y + box.height for box in inner) + below
    sheet.box(Box(x, deeper, right - INDENT * frame.depth - x, bottom - deeper), "f")
    sheet.text(x + 6, deeper + 12, frame.title, "d")


def _frames_at(frame: Frame, inner: list[Box]) -> float:
    first = inner[0]
    return (first.x - GAP - INDENT * frame.depth) / INDENT


def _draw_wire(sheet: _Sheet, wire: Wire, graph: Graph, boxes: list[Box], x: float, colour: str) -> None:
    source = boxes[wire.source]
    start = _port_height(wire.name, wire.source, graph, boxes, is_write=True)
    for edge in wire.edges:
        target = boxes[edge.target]
        end = _port_height(wire.name, edge.target, graph, boxes, is_write=False)
        dash = ' stroke-dasharray="3 3"' if edge.carried else ""
        path = f"M{source.x + source.width:.1f} {start:.1f}H{x:.1f}V{end:.1f}H{target.x + target.width + 2:.1f}"
        sheet.parts.append(
            f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.2"{dash} '
            f'marker-end="url(#a{COLOURS.index(colour)})"><title>{html.escape(wire.name)}</title></path>'
        )


def _draw_node(sheet: _Sheet, node: DrawnNode, box: Box, css: str) -> None:
    sheet.box(box, css)
    sheet.text(box.x + PAD, box.y + 16, node.title, "t")
    if node.detail:
        sheet.text(box.x + PAD, box.y + 16 + LINE, _shortened(node.detail), "d")
    for position, port in enumerate(node.ports):
        mark = f"{port.name} ▸" if port.is_write else f"◂ {port.name}"
        sheet.text(box.x + box.width - 6, box.port_y(position) + 4, mark, "", "end")


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_DETAIL else f"{text[: LONGEST_DETAIL - 3].rstrip(', ')}..."
