"""`map` and `stream`: every row of a table through one workflow, on several workers, each row once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from attrs import define, evolve, field
from filelock import FileLock, Timeout

from ..state import InputError
from ..state.atomic import write_text
from ..state.errors import did_you_mean
from ..state.given import given_path
from .attempts import FILE as ATTEMPTS
from .attempts import Attempts
from .dispatch import Dispatch
from .job import Job, job_of
from .outcome import Outcome
from .record import record_of
from .rows import Row, rows_of
from .workers import Here, Workers

if TYPE_CHECKING:
    from ..pipeline import ModularPipeline

On = Literal["here", "processes", "ray"]
_PLACES = ("here", "processes", "ray")
FAILED = "failed.json"
_OPEN = ".brickwork-map.lock"


@define
class Report:
    """What became of a table.

    Attributes:
        out: the folder of the images. made, there, failed, aside: outcomes by what became of their rows, in the order of rows.
        ended: how often a worker ended, in words.
    """

    out: Path
    made: list[Outcome] = field(factory=list)
    there: list[Outcome] = field(factory=list)
    failed: list[Outcome] = field(factory=list)
    aside: list[Outcome] = field(factory=list)
    ended: list[str] = field(factory=list)

    @property
    def files(self) -> list[Path]:
        """All images, in the order of their rows."""
        return [file for each in sorted([*self.made, *self.there], key=lambda one: one.row) for file in each.files]

    @property
    def counts(self) -> dict[str, int]:
        """How many rows became what."""
        return {"made": len(self.made), "there": len(self.there), "failed": len(self.failed), "aside": len(self.aside)}

    def __str__(self) -> str:
        words = [f"{self.counts['made']} made, {self.counts['there']} were there, {self.counts['failed']} failed"]
        words += [f"{len(self.aside)} put aside"] if self.aside else []
        return ", ".join(words)


def map(  # noqa: A001 - always behind the room's name: `scale.map`
    what: ModularPipeline | str | Path,
    rows: object,
    out: str | Path,
    *,
    watch: Callable[[Outcome], None] | None = None,
    **options: Any,
) -> Report:
    """Run a workflow once for each row, and write the images, with their recipes, into a folder. Rows whose images are there are not run.

    A row's own error is written down (`failed.json`) and not tried again; a row whose worker ends is given to another one, and put aside
    when it has ended three. The same call goes on where an earlier one was stopped.

    Args:
        what: a pipeline; a workflow file; a folder, or owner/name[@revision] of a repository. It travels as text, and is never pickled.
        rows: a table (.csv, .jsonl, .parquet), or inputs by name of each row, also as an iterator without end. `seed` and `name` may be
            among them; rows without a name are named by their identity: what runs, their inputs and their seed.
        out: the folder; all workers must see it under this name. watch: told of each outcome, in the order of rows.
        options: as `stream` has them.

    Raises:
        InputError: rows or options do not fit, or another `map` writes into the folder. BrickworkError: the pipeline cannot travel, or a
            worker cannot have it; every fault is named. RunError: workers end before they have loaded it.
    """
    report = Report(Path(out))
    ended = options.pop("ended", None)

    def note(words: str) -> None:
        report.ended.append(words)
        if ended is not None:
            ended(words)

    for outcome in stream(what, rows, out, ended=note, **options):
        getattr(report, outcome.state).append(outcome)
        if watch is not None:
            watch(outcome)
    _note_failed(Path(out) / FAILED, [each.to_dict() for each in [*report.failed, *report.aside]])
    return report


def stream(
    what: ModularPipeline | str | Path,
    rows: object,
    out: str | Path,
    *,
    inputs: Mapping[str, Any] | None = None,
    seed: int = 0,
    on: On = "processes",
    workers: int | None = None,
    gpus: float | None = None,
    address: str | None = None,
    lock: str | Path | None = None,
    trust_remote_code: bool | str = False,
    blocks: Iterable[type | str] = (),
    device: str | None = None,
    cache: str | Path | None = None,
    retries: int = 2,
    allow_urls: bool = False,
    numbered: bool = False,
    failed_only: bool = False,
    ended: Callable[[str], None] | None = None,
) -> Iterator[Outcome]:
    """Yield what became of each row, in their order, as `map` runs them; whoever stops early ends the workers.

    Args:
        inputs: of all rows, which a row's own take the place of. seed: of the first row without one; the next has one more.
        on: this process ("here"), processes of this machine ("processes"), or actors of Ray ("ray").
        workers: how many; without, one a GPU, or one. gpus: of each; without, one where there are any. address: of a Ray cluster.
        lock: of a repository. trust_remote_code: grants its code. blocks: classes of your own that a workflow file names.
        device: on which workers run; without, that of the pipeline. cache: folder of a cache on disk.
        retries: again after an error that is not the row's own, such as memory that ran out. allow_urls: load images of addresses.
        numbered: rows without a name are named by their numbers. failed_only: only rows that `failed.json` names, those put aside too.
        ended: told of each worker that ended, in words.
    """
    if on not in _PLACES:
        raise InputError(f"on={on!r} is unknown. {did_you_mean(on, _PLACES)}")
    if workers is not None and (isinstance(workers, bool) or workers < 1 or (on == "here" and workers != 1)):
        raise InputError(
            f"workers={workers!r}: " + ("here is one worker." if on == "here" else "at least one is needed.")
        )
    folder = given_path(out, "out")
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "device": device,
        "cache": None if cache is None else str(cache),
        "retries": retries,
        "allow_urls": allow_urls,
    }
    job, pipe = _travelling(what, folder, on, settings, lock=lock, trust=trust_remote_code, blocks=blocks)
    known: dict[str, Any] = pipe.input_schema()["properties"]
    whole = json.dumps([job.workflow, job.repo, job.record], sort_keys=True, default=str)
    found = rows_of(rows, known, seed, numbered)
    if failed_only:
        found = _failed_before(found, folder)
        (folder / ATTEMPTS).unlink(missing_ok=True)
    common = dict(inputs or {})
    named = (evolve(row, inputs={**common, **row.inputs}).identified(whole, known) for row in found)
    attempts = Attempts(folder, lambda row: row.identity(whole, known))
    made: Workers
    if on == "here":
        made = Here(pipe, folder, retries, allow_urls)
    elif on == "processes":
        from .processes import Processes

        devices = _devices() if gpus is None else 0
        made = Processes(job, workers or devices or 1, devices)
    else:
        from .ray_actors import RayActors

        made = RayActors(job, workers or 1, gpus or 0.0, address)
    return _outcomes(made, Dispatch(made, named, attempts, ended or (lambda _: None)), folder)


def _travelling(
    what: Any, folder: Path, on: str, settings: dict[str, Any], **given: Any
) -> tuple[Job, ModularPipeline]:
    """Return the job, and the pipeline that knows its inputs: here the one that runs."""
    if on == "here" and hasattr(what, "blocks"):
        return Job(**settings, record=record_of(what)), what
    job, pipe = job_of(what, folder, **given, **settings)
    return job, job.loaded(pipe) if on == "here" else pipe


def _devices() -> int:
    import torch

    return torch.accelerator.device_count() if torch.accelerator.is_available() else 0


def _outcomes(workers: Workers, dispatch: Dispatch, folder: Path) -> Iterator[Outcome]:
    """Run, with the folder for this process alone, and no worker or half a file left behind."""
    with _alone(folder):
        _sweep(folder)
        try:
            yield from dispatch.outcomes()
        finally:
            workers.close()
            _sweep(folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    lock = FileLock(folder / _OPEN)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(f"Another map writes into {folder}. Wait for it, or name another folder.") from None
    try:
        yield
    finally:
        lock.release()
        (folder / _OPEN).unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Delete what was half written as a worker was ended."""
    for file in folder.glob(".*.tmp.png"):
        file.unlink(missing_ok=True)


def _failed_before(rows: Iterable[Row], folder: Path) -> list[Row]:
    """Return the rows that failed last time, by their numbers and names."""
    file = folder / FAILED
    if not file.is_file():
        return []
    entries = json.loads(file.read_text(encoding="utf-8"))
    names, numbers = ({entry.get(key) for entry in entries} for key in ("name", "row"))
    return [row for row in rows if (row.name in names if row.name else row.number in numbers)]


def _note_failed(file: Path, faults: list[dict[str, Any]]) -> None:
    """Write which rows failed; of a table without any, no file is there."""
    if faults:
        write_text(file, json.dumps(faults, indent=2, ensure_ascii=False) + "\n")
    else:
        file.unlink(missing_ok=True)
