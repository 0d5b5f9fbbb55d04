"""Files that are nearly right: every reader gives what it read, or an error of ours; it warns of nothing, and writes nothing.

With `--long` each takes minutes. A failure names its seeds; `readers(...)[name].make(Random(f"{name} {seed}"))` makes the file again.
"""

from __future__ import annotations

import time
import traceback
from pathlib import Path
from random import Random

import pytest
from foreign_files import NAMES, Reader, readers

from brickwork import BrickworkError, ModularPipeline

AT_MOST, FOR_EACH_BYTE = 0.05, 0.5e-6
"""Seconds of CPU time that reading takes."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("foreign")


@pytest.fixture(scope="module")
def known(folder: Path, _loaded: ModularPipeline, tiny_folder: Path) -> dict[str, Reader]:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder)).load_components()  # adapters are put into its models
    found = readers(folder, pipe, tiny_folder)
    assert tuple(found) == NAMES
    return found


@pytest.mark.rotating(3)
@pytest.mark.parametrize("name", NAMES)
def test_a_reader_gives_what_it_read_or_an_error_of_ours(
    name: str, known: dict[str, Reader], folder: Path, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRICKWORK_HOME", str(folder / "home"))
    reader = known[name]
    reader.read(reader.valid)
    before = _tree(folder)
    foreign: dict[str, list[int]] = {}
    for seed in range(reader.cases * (25 if many > 1 else 1)):
        data = reader.make(Random(f"{name} {seed}"))
        begun = time.process_time()
        fault = _fault(reader, data)
        spent = time.process_time() - begun
        if fault is None and not reader.works and spent > AT_MOST + FOR_EACH_BYTE * len(data):
            fault = _slowness(reader, data)
        if fault is not None:
            foreign.setdefault(fault, []).append(seed)
    reader.read(reader.valid)
    assert not foreign, "\n".join(f"{len(seeds)} times, seeds {seeds[:5]}: {fault}" for fault, seeds in foreign.items())
    assert _tree(folder) == before


def _fault(reader: Reader, data: bytes) -> str | None:
    """What came that is no error of ours; warnings are errors in these tests."""
    try:
        reader.read(data)
    except BrickworkError:
        return None
    except Exception as error:  # noqa: BLE001 - any other is what is looked for
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {place.filename}:{place.lineno}: {str(error)[:100]!r}"
    return None


def _slowness(reader: Reader, data: bytes) -> str | None:
    """What it takes at best: other processes, and modules that are imported at the first use, do not count."""
    best = min(_spent(reader, data) for _ in range(3))
    return f"{best:.3f} s for {len(data):,} bytes" if best > AT_MOST + FOR_EACH_BYTE * len(data) else None


def _spent(reader: Reader, data: bytes) -> float:
    begun = time.process_time()
    _fault(reader, data)
    return time.process_time() - begun


def _tree(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mode for path in folder.rglob("*")}
