"""Every `raise` of the rooms is run by a test, or listed with its reason."""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

from .coverage_map import CoverageMap
from .sites import Function

LIST = Path(__file__).with_name("raises_without_test.toml")


@frozen
class Raise:
    """A `raise`: in which file and function, and how its source begins."""

    file: str
    function: str
    source: str
    line: int
    last: int

    @property
    def key(self) -> tuple[str, str, str]:
        return self.file, self.function, self.source


def raises_in(file: str, source: str) -> list[Raise]:
    """All of a file, in order."""
    return list(_raises(file, ast.parse(source), ()))


def _raises(file: str, node: ast.AST, around: tuple[str, ...]) -> Iterator[Raise]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Raise):
            text = ast.unparse(child)
            yield Raise(file, ".".join(around), text, child.lineno, child.end_lineno or child.lineno)
        named = isinstance(child, (*Function.__args__, ast.ClassDef))
        yield from _raises(file, child, (*around, child.name) if named else around)  # type: ignore[attr-defined]  # all three have a name


def faults(root: Path, files: Sequence[str], known: CoverageMap, listed: Path = LIST) -> list[str]:
    """What is wrong: a `raise` that no test runs and no entry explains; an entry of one that is run, or not there."""
    entries = tomllib.loads(listed.read_text()).get("raise", [])
    found = [each for file in files for each in raises_in(file, (root / file).read_text())]
    unreached = [each for each in found if not known.running(each.file, range(each.line, each.last + 1))]
    explained: Counter[int] = Counter()
    texts = []
    for each in unreached:
        index = next((i for i, entry in enumerate(entries) if _is_of(entry, each)), None)
        if index is None:
            texts.append(f"{each.file}:{each.line} in {each.function}: no test runs `{each.source[:120]}`")
        else:
            explained[index] += 1
    for index, entry in enumerate(entries):
        if not explained[index]:
            texts.append(
                f"{entry['file']} in {entry['function']}: listed, and run by a test or not there: {entry['starts']}"
            )
    return [
        f"{len(found)} in all, {len(found) - len(unreached)} run by tests, {sum(explained.values())} listed.",
        *texts,
    ]


def _is_of(entry: dict[str, str], each: Raise) -> bool:
    starts = entry["starts"]
    is_it = each.source == starts if starts == "raise" else each.source.startswith(starts)
    return is_it and (entry["file"], entry["function"]) == (each.file, each.function) and bool(entry["reason"])
