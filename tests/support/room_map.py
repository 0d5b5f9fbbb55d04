"""Draws the rooms of the package and the imports between them: docs/images/rooms.svg.

    .venv/bin/python tests/support/room_map.py

The order of the rooms is that of import-linter's contract, the questions are those of docs/architecture.md, and everything else is
read from the source: lines, folders, and which module imports which.
"""

from __future__ import annotations

import html
import math
import re
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

import module_imports
from attrs import field, frozen

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "images" / "rooms.svg"

WIDTH, LEFT, BOX, TOP = 800, 16, 512, 74
"""Of the drawing, its margin, a room's box, and where the first stands; in pixels, as all below."""
HEIGHT, GAP, PAD, CHIP = 54, 11, 14, 17
"""Of a room's box; between two; inside of one; of the bar of a folder."""
PER_LINE = 0.054
"""Width of a bar for a line of code."""
LETTER = 6.3
"""Width of a letter of a folder's name."""
REACH, PER_ROOM = 42, 26
"""How far to the right an arrow goes: at least, and for each room that it passes."""
COLOURS = (
    "#4c78a8", "#3a8fb7", "#2a9d8f", "#4fa36b", "#86a33b", "#b89b2b", "#d98032", "#d8604c", "#c8507a", "#a45aa8", "#7b68b5", "#6b7fa8", "#9c755f",
    "#8a8f98", "#b0647a",
)  # fmt: skip
"""From the lowest room up; some are left for rooms to come."""
STYLE = (
    "text{font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,'DejaVu Sans',sans-serif;font-size:12px;fill:#1f2933}"
    ".head{font-size:15px;font-weight:600}.name{font-size:14px;font-weight:600}.soft{fill:#5b6770}.question{font-size:12px;font-weight:400}.small{font-size:10.5px}"
    ".page{fill:#fff}.room{fill:#f6f8fa;stroke:#d5dce3}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.soft{fill:#9da9b5}.page{fill:#0d1117}"
    ".room{fill:#161b22;stroke:#30363d}}"
)


@frozen
class Room:
    """A folder at the root.

    Attributes:
        folders: lines of code by the name of the folder in it; of files that lie in none under the empty name.
        files: how many lie in none.
    """

    name: str
    question: str
    folders: dict[str, int] = field(factory=dict)
    files: int = 0

    @property
    def lines(self) -> int:
        """Of code, all in all."""
        return sum(self.folders.values())


@cache
def room_names() -> tuple[str, ...]:
    """Names of the rooms, each before those that may import it."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each["name"].startswith("Rooms"))
    return tuple(name.strip().removeprefix("brickwork.") for layer in reversed(layers) for name in layer.split("|"))


@cache
def module_files() -> dict[str, Path]:
    """The modules of all rooms, as in "state.types"."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for room in room_names()
        for path in sorted((ROOT / room).rglob("*.py"))
    }


@cache
def rooms() -> list[Room]:
    """The rooms, the highest first."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    questions = dict(re.findall(r"^\| `(\w+)/` \| ([^|]+?) \|", page, re.MULTILINE))
    return [_room(name, questions[name]) for name in reversed(room_names())]


def _room(name: str, question: str) -> Room:
    lines: Counter[str] = Counter()
    files = 0
    for path in sorted((ROOT / name).rglob("*.py")):
        folder, is_deeper, _ = str(path.relative_to(ROOT / name)).partition("/")
        lines[folder if is_deeper else ""] += len(path.read_text().splitlines())
        files += not is_deeper
    return Room(name, question, dict(lines), files)


@cache
def edges() -> Counter[tuple[str, str]]:
    """From room to room, how many imports of a module by a module there are; without those for type checkers alone."""
    found: Counter[tuple[str, str]] = Counter()
    for name in module_files():
        for other in module_imports.imports(name, module_files(), deferred=True):
            pair = name.partition(".")[0], other.partition(".")[0]
            found[pair] += pair[0] != pair[1]
    return +found


def draw() -> str:
    """The text of the SVG."""
    shown = rooms()
    names = [room.name for room in shown]
    colours = dict(zip(room_names(), COLOURS, strict=False))
    height = TOP + len(shown) * (HEIGHT + GAP) + 6
    arrows = _arrows(names, colours)
    boxes = [_box(room, _top(number), colours[room.name]) for number, room in enumerate(shown)]
    head = (
        f'<text x="{LEFT}" y="32" class="head">Rooms, and what they import</text>'
        f'<text x="{LEFT}" y="53" class="soft">An arrow goes from a room to one that it imports: all of them go down. '
        "The thicker, the more imports. Bars are lines of code.</text>"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img">'
        f"<title>The rooms of Brickwork: imports go down only</title><style>{STYLE}</style>"
        f'<rect width="{WIDTH}" height="{height}" rx="8" class="page"/>{head}\n'
        + "\n".join([*arrows, *boxes])
        + "\n</svg>\n"
    )


def _top(number: int) -> int:
    return TOP + number * (HEIGHT + GAP)


def _box(room: Room, y: float, colour: str) -> str:
    title = f'{room.name}<tspan dx="9" class="soft question">{html.escape(room.question)}</tspan>'
    parts = [
        f'<g data-room="{room.name}" data-lines="{room.lines}">',
        f'<rect x="{LEFT}" y="{y}" width="{BOX}" height="{HEIGHT}" rx="6" class="room"/>',
        f'<rect x="{LEFT}" y="{y}" width="5" height="{HEIGHT}" rx="2.5" fill="{colour}"/>',
        f'<text x="{LEFT + PAD}" y="{y + 20}" class="name">{title}</text>',
        f'<text x="{LEFT + BOX - 10}" y="{y + 20}" class="soft small" text-anchor="end">{room.lines:,} lines</text>',
    ]
    x = float(LEFT + PAD)
    for folder, lines in sorted(room.folders.items()):
        if not folder and room.files == 1 < len(room.folders):
            continue  # an `__init__.py` beside folders
        label = folder or f"{room.files} files"
        width, exact = max(_label_width(label), lines * PER_LINE), lines * PER_LINE
        parts.append(
            f'<g data-folder="{folder}"><rect x="{x:.1f}" y="{y + 29}" width="{width:.1f}" height="{CHIP}" rx="3" fill="{colour}" fill-opacity=".13"/>'
            f'<rect x="{x:.1f}" y="{y + 29}" width="{exact:.1f}" height="{CHIP}" rx="3" fill="{colour}" fill-opacity="{".3" if folder else ".2"}"/>'
            f'<text x="{x + 6:.1f}" y="{y + 41.5}" class="small{"" if folder else " soft"}">{label}</text></g>'
        )
        x += width + 4
    return "".join([*parts, "</g>"])


def _label_width(label: str) -> float:
    return len(label) * LETTER + 12


@frozen
class Arrow:
    """From the box of one room to that of another, by their numbers from the top."""

    source: int
    target: int
    count: int

    @property
    def width(self) -> float:
        """Of the line: its area grows with the number of imports."""
        return 0.8 + 0.62 * math.sqrt(self.count)

    @property
    def span(self) -> int:
        """How many rooms it goes down; less than 0 for one that goes up."""
        return self.target - self.source


def _arrows(names: list[str], colours: dict[str, str]) -> list[str]:
    arrows = [Arrow(names.index(a), names.index(b), count) for (a, b), count in sorted(edges().items())]
    ends = _ends(arrows)
    found = []
    for arrow in sorted(arrows, key=lambda each: -each.span):
        name, other = names[arrow.source], names[arrow.target]
        start, end = ends[arrow, "out"], ends[arrow, "in"]
        x, reach = LEFT + BOX, REACH + PER_ROOM * abs(arrow.span)
        tip, half = x + 8 + arrow.width / 2, arrow.width / 2 + 2.5
        colour = colours[name]
        found.append(
            f'<g data-from="{name}" data-to="{other}" data-count="{arrow.count}"><title>{name} imports {other}: {arrow.count}</title>'
            f'<path d="M{x} {start:.1f}C{x + reach} {start:.1f} {x + reach} {end:.1f} {tip:.1f} {end:.1f}" fill="none" '
            f'stroke="{colour}" stroke-width="{arrow.width:.1f}" stroke-opacity=".62"/>'
            f'<path d="M{x + 1} {end:.1f}L{tip:.1f} {end - half:.1f}V{end + half:.1f}z" fill="{colour}"/></g>'
        )
    return found


def _ends(arrows: list[Arrow]) -> dict[tuple[Arrow, str], float]:
    """Where arrows leave and reach the right edge of a box: those that come in above those that go out, none over another."""
    found: dict[tuple[Arrow, str], float] = {}
    for number in {end for arrow in arrows for end in (arrow.source, arrow.target)}:
        coming = sorted((a for a in arrows if a.target == number), key=lambda a: a.span)
        going = sorted((a for a in arrows if a.source == number), key=lambda a: -a.span)
        ports = [*((a, "in") for a in coming), *((a, "out") for a in going)]
        free = HEIGHT - 8 - sum(a.width for a, _ in ports)
        step = min(6.0, free / max(1, len(ports)))
        y = _top(number) + (HEIGHT - sum(a.width for a, _ in ports) - step * (len(ports) - 1)) / 2
        for arrow, side in ports:
            found[arrow, side] = y + arrow.width / 2
            y += arrow.width + step
    return found


if __name__ == "__main__":
    FILE.write_text(draw())
