"""A process that has the libraries imported, and forks for every run of tests, over its own copy of the repository.

It is asked by lines of JSON and answers so. Started with `python -m mutation.worker` in the copy's `tests`.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .plugins import Chosen, Measured, Tell

ROOT = Path(__file__).parents[2]
_OTHERS = {"brickwork", "mutation", "conftest", "__main__", "__mp_main__"}
_MEMORY = 8 << 30
"""Bytes that a trial may take."""
_START = 120.0
"""Seconds that importing and collecting may take; a test may take ten times as long as when it was measured, and 30 more."""


_children: set[int] = set()


def main() -> None:
    """Answer until the input ends."""
    signal.signal(signal.SIGTERM, _end)
    sys.path.remove(str(Path.cwd()))  # rooms of the tests would be packages there
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    for line in sys.stdin:
        request = json.loads(line)
        answer = {"preload": _preload, "measure": _measure, "run": _run}[request.pop("do")](**request)
        answers.write(f"{json.dumps(answer)}\n")
        answers.flush()


def _end(*_: object) -> None:
    for child in _children:
        os.killpg(child, signal.SIGKILL)
    os._exit(1)


def _preload(modules: Sequence[str]) -> int:
    loaded = 0
    for name in modules:
        # Some can only be imported by those that need them.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
            loaded += 1
    return loaded


def _measure(files: Sequence[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        found = _forked(lambda tell: _measured(files, Path(folder), tell), {}, 7200.0)
    return found.get("result") or {"tests": {}, "failed": {file: str(found) for file in files}, "modules": []}


def _measured(files: Sequence[str], folder: Path, tell: Tell) -> None:
    from coverage import Coverage

    (folder / "data").mkdir()
    settings = [
        "[run]",
        f"data_file = {folder / 'data' / 'of'}",
        "parallel = true",
        "disable_warnings = no-data-collected, module-not-measured, couldnt-parse",
        "include =",
        *(f"    {ROOT / room / '**'}" for room in ("state", "registry", "engine")),
    ]
    (folder / "own").write_text("\n".join(settings))
    (folder / "others").write_text("\n".join([settings[0], "context = ${BRICKWORK_TEST_ID}", *settings[1:]]))
    os.environ["COVERAGE_PROCESS_START"] = str(folder / "others")
    coverage = Coverage(config_file=str(folder / "own"))
    plugin = Measured(coverage, folder / "data")
    coverage.start()
    try:
        _pytest([str(ROOT / "tests" / file) for file in files], plugin)
    finally:
        coverage.stop()
        coverage.save()
    tell({"result": {"tests": plugin.tests(ROOT), "failed": plugin.failed, "modules": list(_libraries())}})


def _libraries() -> Iterator[str]:
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if name.partition(".")[0] not in _OTHERS and "site-packages" in file and "pytest" not in name:
            yield name


def _run(tests: Sequence[str], allowed: dict[str, float], file: str = "", text: str = "") -> Any:
    """Run tests until one fails, with another text in one file of the copy."""
    place = ROOT / file
    source, times = (place.read_bytes(), place.stat()) if file else (b"", None)
    try:
        if times is not None:
            place.write_text(text)
            os.utime(place, (times.st_mtime, times.st_mtime + 10))  # its byte code counts as old
        return _forked(lambda tell: _chosen(tests, tell), allowed, _START)
    finally:
        if times is not None:
            place.write_bytes(source)
            os.utime(place, ns=(times.st_atime_ns, times.st_mtime_ns))


def _chosen(tests: Sequence[str], tell: Tell) -> None:
    # A fault may ask for all memory there is, which would end other trials, too.
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    plugin = Chosen(tests, tell)
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    code = _pytest([str(ROOT / "tests" / file) for file in files], plugin, "-x")
    tell({"result": {"failure": plugin.failure, "passed": plugin.passed, "code": code}})


def _pytest(files: Sequence[str], plugin: object, *options: str) -> int:
    import pytest

    base = Path(tempfile.gettempdir()) / "pytest"
    imported = "ignore::pytest.PytestAssertRewriteWarning"  # some plugins are among the libraries
    common = ["-c", str(ROOT / "tests" / "pytest.ini"), "-q", f"--basetemp={base}", "-p", "no:xdist", "-W", imported]
    return int(pytest.main([*common, *options, *files], plugins=[plugin]))


def _forked(work: Any, allowed: dict[str, float], seconds: float) -> dict[str, Any]:
    """Do something in a child, which tells of each test; end it where one takes too long."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _in_child(work, writer)
    _children.add(child)
    os.close(writer)
    test, end, rest = "", time.monotonic() + seconds, b""
    found: dict[str, Any] = {}
    while "result" not in found:
        if not select.select([reader], [], [], max(0.0, end - time.monotonic()))[0]:
            found = {"timeout": test or "before the first test"}
            break
        part = os.read(reader, 1 << 20)
        if not part:
            break
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            told = json.loads(line)
            if "test" in told:
                test = told["test"]
                end = time.monotonic() + 30 + 10 * allowed.get(test, seconds)
            else:
                found = told
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what it has started, too
    _, status = os.waitpid(child, 0)
    _children.discard(child)
    os.close(reader)
    shutil.rmtree(Path(tempfile.gettempdir()) / "pytest", ignore_errors=True)
    return found or {"died": os.waitstatus_to_exitcode(status), "test": test}


def _in_child(work: Any, writer: int) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.setsid()
    os.chdir(ROOT)
    pipe = os.fdopen(writer, "wb")

    def tell(told: dict[str, Any]) -> None:
        pipe.write(json.dumps(told).encode() + b"\n")
        pipe.flush()

    try:
        work(tell)
    except BaseException:  # noqa: BLE001 - a child ends here, whatever happens in it
        tell({"died": traceback.format_exc()})
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
