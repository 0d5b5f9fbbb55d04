"""Mutants: a file with one small fault each, drawn by chance and by seed."""

from __future__ import annotations

import ast
import difflib
import random
from collections.abc import Iterable, Sequence
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
    statements = [(file, each) for file in files for each in _by_statement(file, (root / file).read_text())]
    chance.shuffle(statements)
    found: list[Mutant] = []
    for _, candidates in statements:
        chance.shuffle(candidates)
        mutant = next((made for each in candidates if (made := each.mutant()) is not None), None)
        if mutant is not None:
            found.append(mutant)
        if len(found) == count:
            break
    return sorted(found, key=lambda mutant: (mutant.file, mutant.line))


def all_at(root: Path, file: str, lines: range) -> list[Mutant]:
    """Every fault of some lines of a file."""
    candidates = [each for some in _by_statement(file, (root / file).read_text()) for each in some]
    made = [each.mutant() for each in candidates if each.site.node.lineno in lines]  # type: ignore[attr-defined]  # what has faults has a place
    return [mutant for mutant in made if mutant is not None]


@frozen
class _Candidate:
    """What could stand at a place, which may be no Python, or the same program."""

    file: str
    source: str
    dump: str
    site: Site
    operator: str
    replacement: str

    def mutant(self) -> Mutant | None:
        text = _replaced(self.source, self.site.node, self.replacement)
        try:
            tree = ast.parse(text)
        except SyntaxError:
            return None
        is_same = ast.dump(tree) == self.dump
        return None if is_same else Mutant(self.file, self.site.lines, self.operator, self.source, text, self.site)


def _by_statement(file: str, source: str) -> list[list[_Candidate]]:
    tree = ast.parse(source)
    dump = ast.dump(tree)
    found: dict[int, list[_Candidate]] = {}
    for site in sites_of(tree):
        for operator, replacement in changes_of(site):
            candidate = _Candidate(file, source, dump, site, operator, replacement)
            found.setdefault(id(site.statement), []).append(candidate)
    return list(found.values())


def _replaced(source: str, node: ast.AST, replacement: str) -> str:
    """Put other text where a node stands; columns of the tree count bytes."""
    lines = [line.encode() for line in source.splitlines(keepends=True)]
    first, last = node.lineno - 1, node.end_lineno - 1  # type: ignore[attr-defined]  # every node that operators know has a place
    before = b"".join(lines[:first]) + lines[first][: node.col_offset]  # type: ignore[attr-defined]  # as above
    after = lines[last][node.end_col_offset :] + b"".join(lines[last + 1 :])  # type: ignore[attr-defined]  # as above
    return (before + replacement.encode() + after).decode()
