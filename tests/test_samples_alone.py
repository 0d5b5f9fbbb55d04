"""Each sample of the README, pasted alone into a plain Python, does what it says; so does the first of docs/calling.md."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from prepared_python import PreparedPython
from rooms import ROOT

# As `python -i` reads lines: an empty one ends a block, and each statement runs at once. What samples import is imported
# before, which saves most of the time; the names that one defines are gone with its process.
PASTED = """
import code, json, os, sys
import brickwork.presets.sdxl
brickwork.embedded()

class Console(code.InteractiveConsole):
    def write(self, text):
        sys.exit(text)

def paste(file):
    console, waits = Console({"__name__": "__main__"}), False
    for line in [*open(file).read().splitlines(), ""]:
        waits = console.push(line)
    if waits:
        sys.exit("it ends within a statement")

said = {}
for file in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        sys.stdout = open(f"{file}.out", "w")
        try:
            paste(file)
            os._exit(0)
        except BaseException as error:
            print(error, flush=True)
        os._exit(1)
    if os.waitpid(child, 0)[1]:
        said[file] = open(f"{file}.out").read()
print(json.dumps(said))
"""


def samples(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


SAMPLES = {
    **{f"README.md, sample {number}": text for number, text in enumerate(samples("README.md"), 1)},
    "docs/calling.md, sample 1": samples("docs/calling.md")[0],
}


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory, prepared_python: PreparedPython) -> dict[str, str]:
    """What was wrong with a sample, by its name; nothing of those that ran."""
    folder = tmp_path_factory.mktemp("samples")
    names = {str(place): name for number, name in enumerate(SAMPLES) if (place := folder / f"{number}.py")}
    for place, name in names.items():
        Path(place).write_text(SAMPLES[name])
    done = prepared_python.run("-c", PASTED, *names, cwd=folder)
    assert done.returncode == 0, done.stderr[-1500:]
    return {names[place]: said for place, said in json.loads(done.stdout.splitlines()[-1]).items()}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_runs_alone_as_it_is_pasted(name: str, faults: dict[str, str]) -> None:
    assert faults.get(name) is None
