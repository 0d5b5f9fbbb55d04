"""Mutants: a file with one small fault each, drawn by chance and by seed."""

from __future__ import annotations

import ast
import difflib
import random
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from attrs import field, frozen

from .operators import changes_of
from .sites import Site, sites_of


@frozen
class Mutant:
    """One small fault.

    Attributes:
        file: relative to the root of the repository. lines: of the changed statement, which tests must run to notice.
        operator: the kind of fault. source: the file as it is. text: the file with the fault.
    """

    file: str
    lines: range
    operator: str
    source: str = field(repr=False)
    text: str = field(repr=False)
    site: Site = field(repr=False, eq=False)

    @property
    def line(self) -> int:
        """Where the change begins."""
        return getattr(self.site.node, "lineno", self.lines.start)

    @property
    def diff(self) -> str:
        """The changed lines, without context."""
        lines = difflib.unified_diff(self.source.splitlines(), self.text.splitlines(), lineterm="", n=0)
        return "\n".join(line for line in list(lines)[2:] if not line.startswith("@@"))


def files_of(root: Path, rooms: Sequence[str], excluded: Sequence[str]) -> list[str]:
    """The source files of some rooms, without those that a pattern names."""
    found = [path.relative_to(root).as_posix() for room in rooms for path in sorted((root / room).rglob("*.py"))]
    return [file for file in found if not any(fnmatch(file, pattern) for pattern in excluded)]


def sampled(root: Path, files: Iterable[str], seed: int, count: int) -> list[Mutant]:
    """Draw mutants: first a statement, all with the same chance, then one of the faults that it can have."""
    chance = random.Random(seed)
    statements: list[tuple[str, str, list[Site]]] = []
    for file in files:
        source = (root / file).read_text()
        by_statement: dict[int, list[Site]] = {}
        for site in sites_of(ast.parse(source)):
            by_statement.setdefault(id(site.statement), []).append(site)
        statements += [(file, source, sites) for sites in by_statement.values()]
    chance.shuffle(statements)
    found: list[Mutant] = []
    for file, source, sites in statements:
        faults = list(mutants_at(file, source, sites))
        if faults:
            found.append(chance.choice(faults))
        if len(found) == count:
            break
    return sorted(found, key=lambda mutant: (mutant.file, mutant.line))


def all_at(root: Path, file: str, lines: range) -> list[Mutant]:
    """Every fault of some lines of a file."""
    source = (root / file).read_text()
    return [mutant for mutant in mutants_at(file, source, sites_of(ast.parse(source))) if mutant.line in lines]


def mutants_at(file: str, source: str, sites: Iterable[Site]) -> Iterator[Mutant]:
    """Every fault that the places of a file can have, as far as it is still Python, and another program."""
    whole = ast.dump(ast.parse(source))
    for site in sites:
        for operator, replacement in changes_of(site):
            text = _replaced(source, site.node, replacement)
            try:
                tree = ast.parse(text)
            except SyntaxError:
                continue
            if ast.dump(tree) != whole:
                yield Mutant(file, site.lines, operator, source, text, site)


def _replaced(source: str, node: ast.AST, replacement: str) -> str:
    """Put other text where a node stands; columns of the tree count bytes."""
    lines = [line.encode() for line in source.splitlines(keepends=True)]
    first, last = node.lineno - 1, node.end_lineno - 1  # type: ignore[attr-defined]  # every node that operators know has a place
    before = b"".join(lines[:first]) + lines[first][: node.col_offset]  # type: ignore[attr-defined]  # as above
    after = lines[last][node.end_col_offset :] + b"".join(lines[last + 1 :])  # type: ignore[attr-defined]  # as above
    return (before + replacement.encode() + after).decode()
