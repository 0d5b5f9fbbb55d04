"""The tool that puts faults into the code: which it knows, where it puts them, and what it says of those that it tried."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from .coverage_map import CoverageMap, _moves
from .mutants import Mutant, all_at, files_of, sampled
from .raises import faults, raises_in
from .trial import Verdict, summary

ROOT = Path(__file__).parents[2]


def changed(source: str, folder: Path) -> set[str]:
    """What the tool makes of the last line of a source, among everything."""
    (folder / "a.py").write_text(source)
    found = all_at(folder, "a.py", range(1, 1000))
    for mutant in found:
        ast.parse(mutant.text)
    return {mutant.text.splitlines()[-1].strip() for mutant in found}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x = a if b else c", {"x = a if (not b) else c", "x = (a)", "x = (c)", "x = a", "x = c"}),
        ("x = not a", {"x = a"}),
        ("x = a and b or c", {"x = ((a and b) and c)", "x = c", "x = (a and b)", "x = (a or b) or c", "x = b or c", "x = a or c"}),
        ("x = a < b", {"x = (a <= b)"}),
        ("x = a in b", {"x = (a not in b)"}),
        ("x = a == 1", {"x = (a != 1)", "x = a == 2"}),
        ("x = f(a, b, c=1)", {"x = f(b, a, c=1)", "x = f(a, b)", "x = f(a, b, c=2)"}),
        ("x = sorted(a, key=b)", {"x = sorted(a)", "x = list(a)"}),
        ("x = a[1:b]", {"x = a[2:b]", "x = a[:b]", "x = a[1:]"}),
        ("x = [a for a in b if a]", {"x = ([a for a in b])", "x = ([a for a in b if not a])"}),
        ("x = f'{a} and {b}'", {"x = f'? and {b}'", "x = f'{a} and ?'"}),
        ("x = -a + b", {"x = (-a - b)", "x = a + b"}),
        ("x = {'a': b, **c}", {"x = ({**c})", "x = ({'a': b})", "x = {'ax': b, **c}"}),
        ("x = (a, b)", {"x = ((b,))", "x = ((a,))"}),
        ("x.y = a", {"pass"}),
        ("x += 1", {"pass", "x -= 1", "x += 2"}),
        ("f()", {"pass"}),
        ("raise ValueError(f'{a} is b c', 'd e')", {"pass", "raise ValueError(f'? is b c', 'd e')", "raise ValueError('d e', f'{a} is b c')"}),
        ("x: int = True", {"x: int = False"}),
    ],
)  # fmt: skip
def test_a_statement_has_these_faults(line: str, expected: set[str], tmp_path: Path) -> None:
    found = changed(line, tmp_path)
    assert {text.replace("(a)", "a").replace("(c)", "c") for text in found} == {
        text.replace("(a)", "a").replace("(c)", "c") for text in expected
    }


def test_control_flow_has_its_faults(tmp_path: Path) -> None:
    source = "def f(a=1):\n    while not a:\n        if a > 1: break\n    return a\n"
    (tmp_path / "a.py").write_text(source)
    found = {(m.line, m.operator) for m in all_at(tmp_path, "a.py", range(1, 9))}
    assert found == {
        (1, "off by one"), (2, "remove not"), (3, "negate condition"), (3, "swap comparison"), (3, "off by one"),
        (3, "drop statement"), (3, "swap break/continue"), (4, "return None"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "line",
    ['"""Words of a module."""', "import a.b", "from a import b", "x: 'int | None'", "__all__ = ['a', 'b']",
     "if TYPE_CHECKING:\n    from a import b", "assert a > 1", "def f(a: int | str) -> list[int]: ...", "x = 'two words'"],
)  # fmt: skip
def test_what_does_not_compute_is_left_alone(line: str, tmp_path: Path) -> None:
    assert changed(line, tmp_path) == set()


def test_a_change_is_shown_by_its_lines(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\ny = 'ä', 2  # words\nz = 3\n")
    (mutant,) = [m for m in all_at(tmp_path, "a.py", range(2, 3)) if m.operator == "off by one"]
    assert mutant.diff == "-y = 'ä', 2  # words\n+y = 'ä', 3  # words"


def test_a_seed_draws_the_same_faults_again_one_for_a_statement() -> None:
    files = files_of(ROOT, ["engine"], ["engine/c*"])
    assert "engine/planning/plan.py" in files
    assert not any(file.startswith("engine/c") for file in files)

    def drawn(seed: int) -> list[tuple[str, int, str]]:
        return [
            (m.file, m.line, m.diff)
            for m in sampled(ROOT, ["engine/planning/liveness.py", "engine/memory.py"], seed, 10)
        ]

    assert len(drawn(1)) == 10
    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_lines_keep_their_tests_where_code_moves() -> None:
    assert _moves("a\nb\nc", "a\nnew\nb\nc") == {1: [1, 2], 2: [3], 3: [4]}
    assert _moves("a\nb\nc", "a\nx\ny\nc") == {1: [1], 2: [2, 3], 3: [4]}
    assert _moves("a\nb\nc", "a\nc") == {1: [1], 2: [], 3: [2]}


def known(lines: list[int], folder: Path, source: str) -> CoverageMap:
    (folder / "state").mkdir()
    (folder / "state" / "a.py").write_text(source)
    tests = {"t.py::one": {"seconds": 0.1, "lines": {"state/a.py": lines}}}
    return CoverageMap(folder, {"state/a.py": source}, {"t.py": ""}, tests)


SOURCE = (
    "LIMIT = 3\n\ndef f(a, b=2):\n    if a > LIMIT:\n        raise ValueError(a)\n    return b\n\ndef g():\n    raise\n"
)


@pytest.mark.parametrize(
    ("line", "expected"), [(1, 1), (3, 1), (4, 1), (5, 0), (6, 1), (9, 0)], ids=lambda value: str(value)
)
def test_a_fault_is_shown_to_the_tests_that_run_its_statement_or_what_it_defines(
    line: int, expected: int, tmp_path: Path
) -> None:
    there = known([4, 6], tmp_path, SOURCE)
    mutant: Mutant = all_at(tmp_path, "state/a.py", range(line, line + 1))[0]
    tests, count = there.tests_of(mutant, 10.0)
    assert (len(tests), count) == (expected, expected)


def test_every_raise_is_run_or_listed_with_a_reason(tmp_path: Path) -> None:
    assert [(each.function, each.source, each.line) for each in raises_in("state/a.py", SOURCE)] == [
        ("f", "raise ValueError(a)", 5),
        ("g", "raise", 9),
    ]
    there = known([4, 5], tmp_path, SOURCE)
    listed = tmp_path / "list.toml"
    entry = '[[raise]]\nfile = "state/a.py"\nfunction = "{}"\nstarts = "raise"\nreason = "{}"\n'
    listed.write_text("")
    assert faults(tmp_path, ["state/a.py"], there, listed) == [
        "2 in all, 1 run by tests, 0 listed.",
        "state/a.py:9 in g: no test runs `raise`",
    ]
    listed.write_text(entry.format("g", "why"))
    assert faults(tmp_path, ["state/a.py"], there, listed) == ["2 in all, 1 run by tests, 1 listed."]
    listed.write_text(entry.format("g", ""))
    assert len(faults(tmp_path, ["state/a.py"], there, listed)) == 3
    listed.write_text(entry.format("g", "why") + entry.format("f", "why"))
    assert faults(tmp_path, ["state/a.py"], there, listed)[1] == (
        "state/a.py in f: listed, and run by a test or not there: raise"
    )


def test_the_rate_is_told_with_and_without_what_any_test_would_notice() -> None:
    kinds = ["assertion", "assertion", "any test", "survived", "not run"]
    assert summary([Verdict(kind, 1, 1) for kind in kinds]) == (
        "3 of 5 noticed (60.0 %); without what any test would notice 50.0 %. 1 any test, 2 assertion, 1 not run, 1 survived"
    )


def test_faults_are_tried_in_copies_of_the_tree(many: int) -> None:
    if many == 1:
        pytest.skip("--long")
    command = [
        sys.executable,
        "-m",
        "mutation",
        "sample",
        "--tests",
        "engine/planning/test_dataflow.py",
        "--at",
        "engine/planning/flow.py:67-72",
    ]
    done = subprocess.run(command, cwd=ROOT / "tests", capture_output=True, text=True, check=True)
    assert "assertion: engine/planning/flow.py" in done.stdout
    assert "without what any test would notice" in done.stdout
