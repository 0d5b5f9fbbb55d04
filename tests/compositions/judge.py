"""Say of every row of the corpus how it is answered: `python tests/compositions/judge.py [words of a name]`.

With `--write`, and no words, it writes `known_open.toml` anew.
"""

from __future__ import annotations

import inspect
import json
import logging
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from attrs import frozen
from rows import Faulty, Right, Words

from brickwork import (
    BrickworkError,
    ComponentError,
    CompositionError,
    DeclarationError,
    InputError,
    ModularPipeline,
    ModularPipelineBlocks,
    RunError,
)
from brickwork.engine.events import BlockFinished

MODULES = sorted(path.stem for part in ("faulty", "right") for path in Path(__file__).parent.glob(f"{part}_*.py"))
EARLY = (DeclarationError, CompositionError, ComponentError)
CLASSES = {
    "class": (*EARLY, InputError),
    "composition": EARLY,
    "call": (*EARLY, InputError, RunError),
    "run": (BrickworkError,),
}
GOOD = ("named", "right")
OPEN_HEAD = "# Rows that are not yet answered as they should be: by kind, how each is answered instead.\n\n"


@frozen
class Verdict:
    """How a row is answered.

    Attributes:
        status: named, worded, bare or silent; of a right row: right, false alarm or refused. detail: what was said, or lacks.
    """

    status: str
    detail: str = ""


def rows() -> list[Faulty | Right]:
    """All rows, in the order of their modules."""
    return [row for module in MODULES for row in import_module(module).ROWS]


def judge(row: Faulty | Right) -> Verdict:
    """Say how a row is answered."""
    with _listening() as heard:
        try:
            return _judge_faulty(row, heard) if isinstance(row, Faulty) else _judge_right(row, heard)
        except RecursionError as error:
            return Verdict("bare" if isinstance(row, Faulty) else "refused", f"RecursionError: {error}")


def lacking(words: Words, text: str) -> list[str | tuple[str, ...]]:
    """Those of the words that the text has not."""
    low = text.lower()
    return [each for each in words if not any(w.lower() in low for w in ((each,) if isinstance(each, str) else each))]


class _Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Hear what is warned of, by warnings and by the log."""
    handler, log = _Heard(), logging.getLogger("brickwork")
    log.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = lambda message, *_, **__: handler.texts.append(str(message))
            yield handler.texts
    finally:
        log.removeHandler(handler)


def _judge_faulty(row: Faulty, heard: list[str]) -> Verdict:
    done: list[str] = []
    try:
        blocks = row.make()
        if row.by == "class":
            return Verdict("silent", "no error when the class is made")
        blocks = blocks() if isinstance(blocks, type) and issubclass(blocks, ModularPipelineBlocks) else blocks
        if isinstance(blocks, ModularPipelineBlocks):
            heard += blocks.check().warnings
        pipe = blocks if isinstance(blocks, ModularPipeline) else blocks.init_pipeline()
        if row.warns and heard and not lacking(row.says, "\n".join(heard)):
            return Verdict("named", "; ".join(heard))
        if row.by == "composition":
            return Verdict("silent", f"only a warning: {heard}" if heard else "no fault and no warning")
        pipe.configure(
            progress=False, listeners=[lambda e: done.append(e.path) if isinstance(e, BlockFinished) else None]
        )
        given = row.call
        given(pipe) if callable(given) else pipe(**given)
    except BrickworkError as error:
        return _worded(row, error, done)
    except Exception as error:  # noqa: BLE001 - whatever else comes is the judgement
        notes = " ".join(getattr(error, "__notes__", ()))
        return Verdict("bare", f"{type(error).__name__}: {error} {notes}")
    if row.warns and not lacking(row.says, "\n".join(heard)):
        return Verdict("named", "; ".join(heard))
    return Verdict("silent", f"it ran; heard {heard}")


def _worded(row: Faulty, error: BrickworkError, done: list[str]) -> Verdict:
    text = str(error)
    if done and row.by != "run":
        return Verdict("silent", f"too late, after {done[0]} had run: {text}")
    if missing := lacking(row.says, text):
        return Verdict("worded", f"lacks {missing}: {text}")
    if not isinstance(error, CLASSES[row.by]):
        return Verdict("worded", f"a {type(error).__name__}: {text}")
    return Verdict("named", f"{type(error).__name__}: {text}")


def _judge_right(row: Right, heard: list[str]) -> Verdict:
    try:
        blocks = row.make()
        blocks = blocks() if inspect.isclass(blocks) else blocks
        report = blocks.check()
        if report.faults or report.warnings:
            return Verdict("false alarm", "; ".join([*report.faults, *report.warnings]))
        pipe = blocks.init_pipeline()
        if heard:
            return Verdict("false alarm", "; ".join(heard))
        if not row.holds(blocks):
            return Verdict("refused", "the blocks are not what they should be")
        if row.call is not None:
            pipe.configure(progress=False)
            return _compared(row, pipe(**row.call))
    except Exception as error:  # noqa: BLE001 - whatever comes is the judgement
        return Verdict("refused", f"{type(error).__name__}: {error}")
    return Verdict("right")


def _compared(row: Right, state: Any) -> Verdict:
    for name, value in row.gives.items():
        got = state.values.get(name)
        same = (
            torch.equal(got, value)
            if isinstance(value, torch.Tensor) and isinstance(got, torch.Tensor)
            else got == value
        )
        if not same:
            return Verdict("refused", f"{name} is {got!r} and not {value!r}")
    return Verdict("right")


def table(judged: list[tuple[Faulty | Right, Verdict]]) -> str:
    """The verdicts by kind, as tables of Markdown."""
    lines: list[str] = []
    for of, heads in ((Faulty, ("named", "worded", "bare", "silent")), (Right, ("right", "false alarm", "refused"))):
        part = [(row, verdict) for row, verdict in judged if isinstance(row, of)]
        lines += [f"| {of.__name__.lower()} | rows | {' | '.join(heads)} |", "| --- " * (len(heads) + 2) + "|"]
        for kind in dict.fromkeys(row.kind for row, _ in part):
            counts = Counter(verdict.status for row, verdict in part if row.kind == kind)
            lines.append(f"| {kind} | {counts.total()} | {' | '.join(str(counts[head]) for head in heads)} |")
        all_counts = Counter(verdict.status for _, verdict in part)
        lines += [f"| **all** | {len(part)} | {' | '.join(str(all_counts[head]) for head in heads)} |", ""]
        share = all_counts[heads[0]] / max(len(part), 1)
        lines += [f"{heads[0].capitalize()}: {share:.1%} of {len(part)}.", ""]
    return "\n".join(lines)


def listed(judged: list[tuple[Faulty | Right, Verdict]]) -> str:
    """The rows that are not answered as they should be, as `known_open.toml` has them."""
    lines: list[str] = []
    still = [(row, verdict) for row, verdict in judged if verdict.status not in GOOD]
    for kind in dict.fromkeys(row.kind for row, _ in still):
        lines += [f"[{json.dumps(kind)}]"]
        lines += [
            f"{json.dumps(row.name)} = {json.dumps(verdict.status)}" for row, verdict in still if row.kind == kind
        ] + [""]
    return "\n".join(lines)


def main(asked: list[str]) -> None:
    """Print every row that is not answered as it should be, then the table."""
    write, asked = "--write" in asked, [word for word in asked if word != "--write"]
    chosen = [row for row in rows() if all(word in f"{row.kind}: {row.name}" for word in asked)]
    judged = [(row, judge(row)) for row in chosen]
    for row, verdict in judged:
        if asked or verdict.status not in GOOD:
            print(f"{verdict.status:12}{row.kind}: {row.name}\n            {verdict.detail}")  # noqa: T201
    print(table(judged))  # noqa: T201
    if write:
        (Path(__file__).parent / "known_open.toml").write_text(OPEN_HEAD + listed(judged), "utf8")


if __name__ == "__main__":
    main(sys.argv[1:])
