"""Scripts that are run in forks are as in a Python of their own: name, arguments, folder, environment, warnings, end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prepared_python import PreparedPython


def test_a_file_is_main_in_its_folder_and_environment(tmp_path: Path, prepared_python: PreparedPython) -> None:
    (tmp_path / "beside.py").write_text("X = 7\n")
    (tmp_path / "script.py").write_text(
        "import inspect, os, sys, beside\n"
        "class Here: ...\n"
        "print(__name__, sys.argv[1:], beside.X, os.getcwd(), os.environ['ONLY'], len(os.environ))\n"
        "print(sys.modules['__main__'].Here is Here, inspect.getsource(Here).strip())\n"
    )
    where = tmp_path / "elsewhere"
    where.mkdir()
    done = prepared_python.run(str(tmp_path / "script.py"), "a", "b c", cwd=where, env={"ONLY": "this"})
    assert done.stderr == ""
    assert done.stdout == f"__main__ ['a', 'b c'] 7 {where} this 1\nTrue class Here: ...\n"


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('words')", 1, "words"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero"),
        ("import warnings; warnings.warn('odd')", 1, "UserWarning: odd"),
        ("import os; os.abort()", -signal.SIGABRT, ""),
    ],
)
def test_its_end_is_told_with_what_it_said(code: str, status: int, said: str, prepared_python: PreparedPython) -> None:
    done = prepared_python.run("-W", "error", "-c", code)
    assert done.returncode == status
    assert said in done.stderr
    assert bool(done.stderr) == bool(said)


def test_nothing_of_brickwork_is_imported_before_and_nothing_stays_behind(prepared_python: PreparedPython) -> None:
    code = (
        "import sys; print([name for name in sys.modules if name.startswith('brickwork')], 'left' in sys.modules);"
        "sys.modules['left'] = sys; import torch; print(torch.get_num_threads())"
    )
    for _ in range(2):
        assert prepared_python.run("-c", code).stdout == "[] False\n1\n"


def test_one_that_runs_is_waited_for_and_killed(prepared_python: PreparedPython) -> None:
    told, tells = os.pipe()
    code = "import time; print('begins', flush=True); time.sleep(60)"
    with prepared_python.start("-c", code, stdout=tells) as process, os.fdopen(told) as lines:
        os.close(tells)
        assert lines.readline() == "begins\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.05)
        process.kill()
        assert process.wait() == -signal.SIGKILL


def test_it_goes_with_who_started_it() -> None:
    script = (
        "import time, prepared_python\n"
        "prepared = prepared_python.PreparedPython(libraries=())\n"
        "print(prepared._process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent / "support")}
    starter = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=env)
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    starter.kill()
    starter.communicate()
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.1)
    pytest.fail("it is still there")
