"""What the tool tells pytest: to run chosen tests until one fails, or to note which lines each test runs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

Tell = Callable[[dict[str, Any]], None]


class Chosen:
    """Runs the chosen tests in the given order, and tells of each."""

    def __init__(self, tests: Sequence[str], tell: Tell) -> None:
        self._order = {test: index for index, test in enumerate(tests)}
        self._tell = tell
        self.failure: dict[str, str] | None = None
        self.passed = 0

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((i for i in items if i.nodeid in self._order), key=lambda item: self._order[item.nodeid])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._tell({"test": nodeid})

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        report = yield
        if report.failed and call.excinfo is not None:
            self._note(item.nodeid, call.excinfo.value)
        return report

    def pytest_exception_interact(self, node: Any, call: Any) -> None:
        if call.excinfo is not None:  # of a file that cannot be collected
            self._note(node.nodeid, call.excinfo.value)

    def _note(self, test: str, error: BaseException) -> None:
        while isinstance(error, BaseExceptionGroup):  # hypothesis found several
            error = error.exceptions[0]
        if self.failure is None:
            line = (str(error).splitlines() or [""])[0]
            # A file that cannot be imported is reported by pytest as its own error, with the traceback as text.
            last = (str(error).rstrip().splitlines() or [""])[-1]
            is_collection = isinstance(error, pytest.Collector.CollectError)
            name = last.partition(":")[0].removeprefix("E").strip() if is_collection else type(error).__name__
            self.failure = {"test": test, "error": name, "text": (last if is_collection else line)[:200]}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.passed += report.passed and report.when == "call"


class Measured:
    """Notes the lines that each test runs, those of wider fixtures with every test that uses them."""

    def __init__(self, coverage: Any, data: Path) -> None:
        self._coverage = coverage
        self._data = data
        self._context = ""
        self._fixtures: dict[str, list[str]] = {}
        self._seconds: dict[str, float] = {}
        self.failed: dict[str, str] = {}

    def _switch(self, context: str) -> str:
        before, self._context = self._context, context
        self._coverage.switch_context(context)
        os.environ["BRICKWORK_TEST_ID"] = context  # of coverage in the processes that a test starts
        return before

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        _forget()
        defined = item._fixtureinfo.name2fixturedefs.values()  # type: ignore[attr-defined]  # pytest has no public way to ask
        self._fixtures[item.nodeid] = [_key(definitions[-1]) for definitions in defined]
        before = self._switch(item.nodeid)
        started = time.monotonic()
        result = yield
        self._seconds[item.nodeid] = time.monotonic() - started
        self._switch(before)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Any:
        if fixturedef.scope == "function":
            return (yield)
        before = self._switch(_key(fixturedef))
        try:
            return (yield)
        finally:
            self._switch(before)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed and not (report.when == "call" and report.skipped):
            self.failed[report.nodeid] = str(report.longrepr)[-2000:]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failed[report.nodeid] = str(report.longrepr)[-2000:]

    def tests(self, root: Path) -> dict[str, Any]:
        """Test to its seconds, and its lines by file."""
        lines = self._lines(root)
        found: dict[str, Any] = {}
        for test, seconds in self._seconds.items():
            own: dict[str, set[int]] = {}
            for context in (test, *self._fixtures[test]):
                for file, numbers in lines.get(context, {}).items():
                    own.setdefault(file, set()).update(numbers)
            found[test] = {"seconds": round(seconds, 3), "lines": {file: sorted(own[file]) for file in sorted(own)}}
        return {test: each for test, each in found.items() if test not in self.failed}

    def _lines(self, root: Path) -> dict[str, dict[str, set[int]]]:
        from coverage import CoverageData

        found: dict[str, dict[str, set[int]]] = {}
        for path in self._data.iterdir():
            data = CoverageData(str(path))
            data.read()
            for file in data.measured_files():
                name = Path(file).relative_to(root).as_posix()
                for line, contexts in data.contexts_by_lineno(file).items():
                    for context in contexts:
                        found.setdefault(context, {}).setdefault(name, set()).add(line)
        return found


def _key(fixture: Any) -> str:
    return f"fixture {fixture.baseid}::{fixture.argname}"


def _forget() -> None:
    """Empty the caches of functions, so that a test runs the lines that it would run alone."""
    for name, module in list(sys.modules.items()):
        if name.startswith("brickwork."):
            for clear in _clears(module):
                clear()


def _clears(module: Any) -> Iterator[Callable[[], object]]:
    for value in list(vars(module).values()):
        if callable(value) and getattr(value, "__module__", None) == module.__name__:
            clear = getattr(value, "cache_clear", None)
            if clear is not None:
                yield clear
