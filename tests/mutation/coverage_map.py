"""Which tests run which lines: measured once, kept in `build/mutation`, measured again for test files that change.

Where code has changed since, its unchanged lines keep their tests, and changed ones take those of the lines that were there.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

from attrs import define, field

from .mutants import Mutant
from .pool import Pool, Worker
from .sites import Function

ROOMS = ("state", "registry", "engine")
_SKIPPED = ("packaging/", "type_checks/", "mutation/")
"""Tests that build wheels, run type checkers, or test this tool: nothing that they run is in this process."""
_BATCH = 6


@define(slots=False)
class CoverageMap:
    """What was measured.

    Attributes:
        root: the tree that it is of. sources: text of each file of the rooms. test_files: digest of each.
        tests: test to its seconds, and its lines by file. failed: tests that fail as it is, with what they say.
        libraries: modules of others that the tests import. is_exact: no code has changed since.
    """

    root: Path
    sources: dict[str, str]
    test_files: dict[str, str]
    tests: dict[str, Any] = field(factory=dict, repr=False)
    failed: dict[str, str] = field(factory=dict)
    libraries: list[str] = field(factory=list, repr=False)
    is_exact: bool = True

    @classmethod
    def of(cls, root: Path, patterns: Sequence[str] = ("*",)) -> CoverageMap:
        """An empty map of the tree as it is, with the test files of some patterns."""
        sources = {
            _name(path, root): path.read_text() for room in ROOMS for path in sorted((root / room).rglob("*.py"))
        }
        tests = {_name(path, root / "tests"): _digest(path) for path in sorted((root / "tests").rglob("test_*.py"))}
        chosen = [n for n in tests if not n.startswith(_SKIPPED) and any(fnmatch(n, pattern) for pattern in patterns)]
        return cls(root, sources, {name: tests[name] for name in chosen})

    @classmethod
    def kept(cls, place: Path, root: Path, exact: bool, patterns: Sequence[str] = ("*",)) -> CoverageMap:
        """The map in a file as far as it is of this tree, else an empty one; `exact`: nothing of it where code has changed."""
        now = cls.of(root, patterns)
        if not place.exists():
            return now
        known = cls(root, **json.loads(place.read_text()))
        is_exact = known.is_exact and known.sources == now.sources
        if exact and not is_exact:
            return now
        same = {name for name, digest in now.test_files.items() if known.test_files.get(name) == digest}
        moves = {
            file: _moves(text, now.sources[file])
            for file, text in known.sources.items()
            if file in now.sources and text != now.sources[file]
        }
        for test, each in known.tests.items():
            if _file(test) in same:
                lines = {
                    file: _moved(lines, moves.get(file)) for file, lines in each["lines"].items() if file in now.sources
                }
                now.tests[test] = {**each, "lines": lines}
        now.failed = {test: text for test, text in known.failed.items() if _file(test) in same}
        now.libraries, now.is_exact = known.libraries, is_exact
        return now

    def keep(self, place: Path) -> None:
        """Write it to a file."""
        place.parent.mkdir(parents=True, exist_ok=True)
        names = ("sources", "test_files", "tests", "failed", "libraries", "is_exact")
        place.write_text(json.dumps({name: getattr(self, name) for name in names}))

    @property
    def unmeasured(self) -> list[str]:
        """Test files that are new, or changed."""
        known = {_file(test) for test in (*self.tests, *self.failed)}
        return [name for name in self.test_files if name not in known]

    def measure(self, pool: Pool, files: Sequence[str]) -> Iterable[str]:
        """Run test files, and note their lines; gives the files as they are done."""
        batches = [files[start : start + _BATCH] for start in range(0, len(files), _BATCH)]
        for batch, found in pool.each(batches, _measured):
            self.tests |= found["tests"]
            self.failed |= found["failed"]
            self.libraries = list(dict.fromkeys([*self.libraries, *found["modules"]]))
            yield from batch

    @cached_property
    def by_line(self) -> dict[tuple[str, int], list[str]]:
        """The tests of each line."""
        found: dict[tuple[str, int], list[str]] = defaultdict(list)
        for test, each in self.tests.items():
            for file, lines in each["lines"].items():
                for line in lines:
                    found[file, line].append(test)
        return dict(found)

    def running(self, file: str, lines: Iterable[int]) -> set[str]:
        """The tests that run any of some lines."""
        return {test for line in lines for test in self.by_line.get((file, line), ())}

    def tests_of(self, mutant: Mutant, seconds: float) -> tuple[list[str], int]:
        """The tests that are to notice a mutant, as many as take so long, and how many could.

        Those of its statement come first, the quick and narrow ones before others.
        """
        function, statement = mutant.site.function, mutant.site.statement
        if function is not None:
            near = self.running(mutant.file, mutant.lines)
            # What was computed once may have been kept, so some that come to the function are asked, too.
            wide = self.running(mutant.file, _body(function)) if near else set()
        elif isinstance(statement, Function):
            near, wide = self.running(mutant.file, _body(statement)), set()
        else:
            near, wide = self._naming(mutant), self._inside(mutant.file)
        chosen = [
            *self._within(self._ordered(near, mutant), seconds),
            *self._within(self._ordered(wide - near, mutant), seconds / 5),
        ]
        return chosen, len(near | wide)

    def _within(self, tests: list[str], seconds: float) -> list[str]:
        ends = accumulate(self.tests[test]["seconds"] for test in tests)
        return [test for test, end in zip(tests, ends, strict=True) if end <= seconds or test == tests[0]]

    def _ordered(self, tests: set[str], mutant: Mutant) -> list[str]:
        """Quick tests first; those of one file together, whose fixtures they share."""
        rank = {test: self._rank(test, mutant) for test in tests}
        by_file: dict[tuple[bool, str], list[str]] = defaultdict(list)
        for test in sorted(tests, key=lambda test: (rank[test], test)):
            by_file[self.tests[test]["seconds"] > 1, _file(test)].append(test)
        groups = sorted(by_file.items(), key=lambda item: (item[0][0], rank[item[1][0]]))
        return [test for _, group in groups for test in group]

    def _rank(self, test: str, mutant: Mutant) -> float:
        each = self.tests[test]
        narrow = sum(map(len, each["lines"].values())) / 2000
        return float(each["seconds"]) + narrow + (0.5 if test.partition("/")[0] != mutant.file.partition("/")[0] else 0)

    def _naming(self, mutant: Mutant) -> set[str]:
        """Tests of the functions that name what a module or class defines with the changed statement."""
        names = {node.id for node in ast.walk(mutant.site.statement) if isinstance(node, ast.Name)}
        names &= _defined(mutant.site.statement)
        found: set[str] = set()
        for file, function, named in self._functions:
            if names & named:
                found |= self.running(file, _body(function))
        return found

    def _inside(self, file: str) -> set[str]:
        return {
            t for other, function, _ in self._functions if other == file for t in self.running(file, _body(function))
        }

    @cached_property
    def _functions(self) -> list[tuple[str, Function, set[str]]]:
        """All functions of the rooms, with the names in them."""
        trees = {file: ast.parse((self.root / file).read_text()) for file in self.sources if file.startswith(ROOMS)}
        nodes = [(file, node) for file, tree in trees.items() for node in ast.walk(tree)]
        return [(file, node, _names(node)) for file, node in nodes if isinstance(node, Function)]


def _moves(old: str, new: str) -> dict[int, list[int]]:
    """Line of a text to the lines that stand in its place in a newer one."""
    found: dict[int, list[int]] = {}
    matcher = difflib.SequenceMatcher(None, old.splitlines(), new.splitlines(), autojunk=False)
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        if kind == "equal":
            found |= {start + index + 1: [new_start + index + 1] for index in range(end - start)}
        else:
            # What is put in between counts as run where the line before it is.
            for line in range(start, end) or [start - 1]:
                found[line + 1] = [*found.get(line + 1, []), *range(new_start + 1, new_end + 1)]
    return found


def _moved(lines: list[int], moves: dict[int, list[int]] | None) -> list[int]:
    return lines if moves is None else sorted({new for line in lines for new in moves.get(line, [])})


def _measured(worker: Worker, files: Sequence[str]) -> Any:
    return worker.ask("measure", files=list(files))


def _body(function: Function) -> range:
    return range(function.body[0].lineno, (function.end_lineno or function.lineno) + 1)


def _defined(statement: ast.stmt) -> set[str]:
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


def _names(node: ast.AST) -> set[str]:
    found: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Attribute):
            found.add(part.attr)
        elif isinstance(part, ast.keyword) and part.arg is not None:
            found.add(part.arg)
    return found


def _file(test: str) -> str:
    return test.partition("::")[0]


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
