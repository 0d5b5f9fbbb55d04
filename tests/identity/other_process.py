"""Resumes runs that another process began, after a change that is made here. Reads jobs from a file, writes answers to stdout."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1] / "support")]

import torch
from kinds import KINDS, Kind
from readers import asked, judge_resumed, says_why
from scenes import Scene
from stages import staged

import brickwork
from brickwork import BrickworkError

BY_NAME = {kind.name: kind for kind in KINDS}


class Elsewhere:
    """Answers jobs; keeps the pipeline that many kinds share, as long as it is as it was."""

    def __init__(self, model: Path, folder: Path) -> None:
        self.model, self.folder = model, folder
        self.usual: dict[str, Scene] = {}

    def answer(self, job: dict[str, Any]) -> str:
        """Make the change, and resume the run."""
        kind = BY_NAME[job["kind"]]
        try:
            with staged(kind, self.folder, self.model, self.usual) as stage:
                self.usual.pop(stage.usual, None)
                return self._answer(kind, stage, job)
        except BrickworkError as error:
            return f"CRASH {error}"

    def _answer(self, kind: Kind, stage: Any, job: dict[str, Any]) -> str:
        scene, file, before = stage.scene, job["snapshot"], job["before"]
        unchanged = asked(scene, lambda: scene.resume(file))
        if unchanged.error is not None and _OUTSIDE in str(unchanged.error):
            return "refused"  # with or without the change: such code is not gone on with
        if unchanged.fault() == "refused" and not kind.back:
            return "refused"  # what nobody can compare belongs to no other process, changed or not
        if not stage.moves and unchanged.result != before:
            return f"ALARM before the change: {unchanged.error or 'another result'}"
        stage.change()
        plain, found = asked(scene, scene.call), asked(scene, lambda: scene.resume(file))
        said = not set(found.words) <= set(unchanged.words)
        said = said or (stage.moves and says_why(brickwork.Snapshot.load(file).recipe, found))
        cell = judge_resumed(kind, stage.moves, found, before, plain.result, said)
        if stage.usual and kind.back:
            stage.back()
            if asked(scene, lambda: scene.resume(file)).result == before:
                self.usual[stage.usual] = scene
        return cell


_OUTSIDE = "what it gives hangs on more than it is given"


def main() -> None:
    """Answer all jobs."""
    torch.set_num_threads(1)
    given = json.loads(Path(sys.argv[1]).read_text())
    work = Elsewhere(Path(given["model"]), Path(given["folder"]))
    answers = {job["kind"]: work.answer(job) for job in given["jobs"]}
    sys.stdout.write("\n" + json.dumps(answers) + "\n")


if __name__ == "__main__":
    main()
