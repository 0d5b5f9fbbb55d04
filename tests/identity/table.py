"""The table of kinds of change and readers. `python tests/identity/table.py` prints it; `--long` asks in every way.

Columns: the cache, a run resumed here, one resumed in another process, replay, the difference of recipes, and whether everything is the
same again after the change was taken back.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1] / "support")]

from attrs import define, field
from counting import Blocks, slug
from kinds import KINDS, Kind
from prepared_python import PreparedPython
from readers import READERS, RIGHT, Before, ask_back, ask_cache, ask_diff, ask_replay, ask_resume, asked
from stages import MADE, Stage, staged

from brickwork import BrickworkError

COLUMNS = (*READERS, "back")


@define
class Table:
    """Makes rows of the table; keeps the pipeline that many kinds share, as long as it is as it was.

    Attributes:
        model: as of `save_models`. folder: for files. thorough: ask every reader in every way.
    """

    model: Path
    folder: Path
    thorough: bool = False
    _usual: dict[str, Before] = field(factory=dict, init=False)

    def row(self, kind: Kind) -> dict[str, str]:
        """The answers of all readers in this process."""
        return self._with(kind, self._row)

    def job(self, kind: Kind) -> dict[str, str]:
        """What another process needs to resume, or the answer where it cannot come to that."""
        return self._with(kind, self._job)

    def _with(self, kind: Kind, work: Callable[[Kind, Stage, Before], dict[str, str]]) -> dict[str, str]:
        usual = {name: before.scene for name, before in self._usual.items()}
        try:
            with staged(kind, self.folder, self.model, usual) as stage:
                before = self._usual.pop(stage.usual, None) or Before.of(stage.scene, self.folder)
                cells = work(kind, stage, before)
                if stage.usual and cells.get("back", "same") == "same":
                    self._usual[stage.usual] = before
                return cells
        except BrickworkError as error:
            made = MADE[kind.name]
            may_be = isinstance(made, Blocks) and made.may_be_refused
            return dict.fromkeys(COLUMNS, "no run" if may_be else f"CRASH {error}")

    def _row(self, kind: Kind, stage: Stage, before: Before) -> dict[str, str]:
        lazily = stage.scene.call()
        stage.change()
        plain = asked(stage.scene, stage.scene.call)
        cells = {
            "cache": ask_cache(kind, stage, before, plain, self.thorough),
            "resume": ask_resume(kind, stage, before, plain),
            "replay": ask_replay(stage, before, lazily, self.thorough),
            "diff": ask_diff(stage, before, lazily, plain),
            "back": "-",
        }
        if plain.result == before.first.result and not (kind.same_result or stage.moves):
            cells["diff"] = "NO EFFECT"  # the change was not made, so nothing above means anything
        if kind.back:
            stage.back()
            cells["back"] = ask_back(stage, before)
        return cells

    def _job(self, kind: Kind, stage: Stage, before: Before) -> dict[str, str]:
        snapshot = before.snapshots[len(before.snapshots) // 2]
        file = self.folder / f"{stage.usual or slug(kind.name)}.safetensors"
        try:
            if not (stage.usual and file.exists()):
                snapshot.save(file)
        except BrickworkError:
            return {"elsewhere": "refused"}
        return {"kind": kind.name, "snapshot": str(file), "before": before.taken.result}


def elsewhere(table: Table, kinds: Iterable[Kind], python: PreparedPython) -> dict[str, str]:
    """The answers of a fresh process, which makes each change and goes on with a run that was begun in this one."""
    jobs = {kind.name: table.job(kind) for kind in kinds}
    asked_for = {
        "model": str(table.model),
        "folder": str(table.folder),
        "jobs": [j for j in jobs.values() if "kind" in j],
    }
    asking = table.folder / "jobs.json"
    asking.write_text(json.dumps(asked_for))
    done = python.run("-W", "ignore", str(Path(__file__).with_name("other_process.py")), str(asking))
    if done.returncode != 0:
        raise RuntimeError(f"The other process failed:\n{done.stderr[-3000:]}")
    answers: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return {name: job["elsewhere"] if "elsewhere" in job else answers[name] for name, job in jobs.items()}


def wrong(row: dict[str, str]) -> dict[str, str]:
    """The cells of a row that are silent, or otherwise not as they must be."""
    return {column: cell for column, cell in row.items() if cell not in RIGHT}


def _shortened(cell: str) -> str:
    return cell if cell in RIGHT else cell.split(":", maxsplit=1)[0][:14]


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Print the table of all kinds, then what is wrong in full, then how often each answer came."""
    import torch
    from models import save_models

    from tiny_sdxl import save_repository

    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help="only these kinds")
    parser.add_argument("--here", action="store_true", help="without the other process")
    parser.add_argument("--long", action="store_true", help="every reader in every way")
    given = parser.parse_args()
    torch.set_num_threads(1)
    kinds = [kind for kind in KINDS if not given.names or kind.name in given.names]
    with tempfile.TemporaryDirectory() as folder:
        model = save_models(Path(folder) / "model", save_repository(Path(folder) / "tiny"))
        table = Table(model, Path(folder), given.long)
        others = {} if given.here else elsewhere(table, kinds, PreparedPython())
        _write(f"{'kind':36} " + " ".join(f"{column:14}" for column in COLUMNS))
        rows: dict[str, dict[str, str]] = {}
        for kind in kinds:
            cells: dict[str, Any] = {**table.row(kind), "elsewhere": others.get(kind.name, "-")}
            rows[kind.name] = {column: cells[column] for column in COLUMNS}
            _write(f"{kind.name:36} " + " ".join(f"{_shortened(cell):14}" for cell in rows[kind.name].values()))
    _write("\nin full:")
    for name, row in rows.items():
        for column, cell in wrong(row).items():
            _write(f"  {name}, {column}: {cell}")
    _write("\nhow often:")
    for column in COLUMNS:
        counts: dict[str, int] = {}
        for row in rows.values():
            counts[_shortened(row[column])] = counts.get(_shortened(row[column]), 0) + 1
        _write(f"  {column:10} " + ", ".join(f"{cell} {count}" for cell, count in sorted(counts.items())))


if __name__ == "__main__":
    main()
