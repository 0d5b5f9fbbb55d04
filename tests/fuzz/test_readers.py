"""Files that are nearly right: every reader gives what it read, or an error of ours."""

from __future__ import annotations

import os
import time
import traceback
from pathlib import Path
from random import Random
from typing import Any

import pytest
from foreign_files import Reader, readers

from brickwork import BrickworkError, ModularPipeline


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory, _loaded: ModularPipeline, tiny_folder: Path) -> dict[str, Reader]:
    folder = tmp_path_factory.mktemp("foreign")
    pipe = ModularPipeline.from_pretrained(str(tiny_folder)).load_components()
    return readers(folder, pipe, tiny_folder)


NAMES = [os.environ["READER"]] if "READER" in os.environ else []


def test_all(known: dict[str, Reader], many: int, capsys: Any) -> None:
    for name, reader in known.items():
        if NAMES and name not in NAMES:
            continue
        faults: dict[str, list[int]] = {}
        begun = time.process_time()
        try:
            reader.read(reader.valid)
        except BrickworkError as error:
            faults["VALID " + str(error)[:200]] = [0]
        slow = 0.0
        for seed in range(reader.cases * many):
            data = reader.make(Random(f"{name} {seed}"))
            t = time.process_time()
            try:
                reader.read(data)
            except BrickworkError:
                pass
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)
                ours = [f"{Path(f.filename).name}:{f.lineno}" for f in where if "/readers/" in f.filename][-1]
                last = f"{Path(where[-1].filename).name}:{where[-1].lineno}"
                faults.setdefault(f"{type(error).__name__} at {ours} / {last}: {str(error)[:80]!r}", []).append(seed)
            slow = max(slow, (time.process_time() - t) - len(data) / 1000 * 0.0005)
        with capsys.disabled():
            print(
                f"\n{name}: {reader.cases * many} cases, {time.process_time() - begun:.2f} s, slowest over {slow:.3f}, {sum(map(len, faults.values()))} foreign"
            )
            for text, seeds in faults.items():
                print("   ", len(seeds), text, seeds[:3])
