"""Tries a mutant: runs the tests that can notice it, and says what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from .coverage_map import CoverageMap
from .mutants import Mutant
from .pool import Worker

_BY_ASSERTION = {"AssertionError", "Failed"}
_BY_ANY_TEST = {
    "AttributeError",
    "ImportError",
    "IndentationError",
    "ModuleNotFoundError",
    "NameError",
    "RecursionError",
    "SyntaxError",
    "TypeError",
    "UnboundLocalError",
}


@frozen
class Verdict:
    """What became of a mutant.

    Attributes:
        kind: "assertion": a test asserts something else. "error": another error than these ended a test.
            "any test": an error that every test of the line would meet, such as a TypeError. "timeout": a test did not end.
            "survived": all tests pass. "not run": no test runs the line.
        tests: how many can notice it. run: how many were run. by: the test that noticed, with its error.
    """

    kind: str
    tests: int
    run: int
    by: str = ""

    @property
    def is_noticed(self) -> bool:
        return self.kind not in ("survived", "not run")


def tried(worker: Worker, mutant: Mutant, known: CoverageMap, seconds: float, passing: set[tuple[str, ...]]) -> Verdict:
    """Run the tests of a mutant in its presence, as many as usually take so many seconds, until one fails.

    A test that fails in the same row without the mutant says nothing, and is left out.

    Args:
        passing: rows of tests that are known to pass without a mutant; those that are found to do so are added.
    """
    tests, count = known.tests_of(mutant, seconds)
    if not tests:
        return Verdict("not run", count, 0)
    given = {"allowed": {test: known.tests[test]["seconds"] for test in tests}}
    while tests:
        answer = worker.ask("run", tests=tests, file=mutant.file, text=mutant.text, **given)
        verdict = _verdict(answer, count)
        by = verdict.by.partition(" ")[0]
        if not verdict.is_noticed or by not in tests:
            return verdict
        row = tuple(tests[: tests.index(by) + 1])
        if row in passing:
            return verdict
        if not (worker.ask("run", tests=row, **given).get("result") or {"failure": True})["failure"]:
            passing.add(row)
            return verdict
        tests.remove(by)
    return Verdict("not run", count, 0)


def _verdict(answer: dict[str, Any], count: int) -> Verdict:
    if "result" not in answer:
        kind = "timeout" if "timeout" in answer else "any test"
        test = str(answer.get("timeout") or answer.get("test"))
        return Verdict(kind, count, 0, f"{test} {answer}")
    result = answer["result"]
    failure = result["failure"]
    if failure is None:
        # pytest's own failures, such as one in a fixture file, have no test.
        is_fine = result["code"] in (0, 2) and result["passed"]
        return Verdict("survived" if is_fine else "any test", count, result["passed"], "" if is_fine else str(result))
    error = failure["error"].rpartition(".")[2]
    kind = "assertion" if error in _BY_ASSERTION else "any test" if error in _BY_ANY_TEST else "error"
    return Verdict(kind, count, result["passed"] + 1, f"{failure['test']} {error}: {failure['text']}")


def summary(verdicts: Sequence[Verdict]) -> str:
    """How many were noticed, with and without what any test would notice."""
    noticed = [verdict for verdict in verdicts if verdict.is_noticed]
    trivial = [verdict for verdict in noticed if verdict.kind == "any test"]
    kinds = [verdict.kind for verdict in verdicts]
    parts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(sorted(kinds)))
    return (
        f"{len(noticed)} of {len(verdicts)} noticed ({_rate(len(noticed), len(verdicts))}); without what any test would "
        f"notice {_rate(len(noticed) - len(trivial), len(verdicts) - len(trivial))}. {parts}"
    )


def _rate(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"
