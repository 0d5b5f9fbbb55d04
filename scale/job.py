"""How a pipeline travels: as the text of a workflow file, or as a repository at a commit, and never pickled."""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import asdict, evolve, field, frozen

from ..blocks.core.block_catalog import reference
from ..guiders import Guider
from ..guiders.guider_file import own_guiders
from ..registry.hub.lock import NAME as LOCK
from ..registry.hub.lock import Lock
from ..saving.block_sources import own_classes
from ..state import BrickworkError, CompositionError, InputError
from ..state.errors import with_article
from .record import record_faults, record_of

if TYPE_CHECKING:
    from ..pipeline import ModularPipeline


def _threads() -> int:
    import torch

    return torch.get_num_threads()


@frozen
class Job:
    """Everything that a worker needs to make the driver's pipeline again; plain data.

    Attributes:
        workflow: text of a workflow file; empty where a repository is opened. repo, revision: the repository.
        lock: text of the driver's lock, by which it is opened. granted: whether its code was granted there.
        blocks, guiders, techniques: classes of one's own by import name ("package.module:Class").
        device: on which it runs; None is as it opens. cache: folder of a cache on disk. out: folder of the results.
        folder: the driver's, from which relative paths count. path: where the driver imports from.
        retries, allow_urls: as in `map`. record: what the driver's pipeline is.
        threads: how many the driver computes with, by which sums are split, and so how they round.
    """

    workflow: str = ""
    repo: str = ""
    revision: str | None = None
    lock: str = ""
    granted: bool = False
    blocks: tuple[str, ...] = ()
    guiders: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    device: str | None = None
    cache: str | None = None
    out: str = ""
    folder: str = field(factory=lambda: str(Path.cwd()))
    path: tuple[str, ...] = field(factory=lambda: tuple(each for each in sys.path if each))
    retries: int = 2
    allow_urls: bool = False
    record: Mapping[str, Any] = field(factory=dict)
    threads: int = field(factory=_threads)

    def to_dict(self) -> dict[str, Any]:
        """Return it as data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Job:
        """Read what `to_dict` gave."""
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        return cls(**given)

    def opened(self) -> ModularPipeline:
        """Make the pipeline, without loading its components.

        Raises:
            BrickworkError: as `load_workflow` and `from_pretrained` do. CompositionError: a class cannot be imported.
        """
        from ..pipeline import ModularPipeline
        from ..pipeline.workflows.workflow_file import load_workflow

        named = (self.blocks, self.guiders, self.techniques)
        blocks, guiders, techniques = ([_imported(name) for name in names] for names in named)
        with tempfile.TemporaryDirectory(prefix="brickwork-job-") as folder:
            if self.workflow:
                file = Path(folder) / "workflow.yaml"
                file.write_text(self.workflow, encoding="utf-8")
                pipe = load_workflow(file, blocks, guiders, techniques)
            else:
                lock = Path(folder) / LOCK
                if self.lock:
                    lock.write_text(self.lock, encoding="utf-8")
                pipe = ModularPipeline.from_pretrained(
                    self.repo, revision=self.revision, lock=lock, trust_remote_code=self.granted
                )
        pipe.configure(progress=False)
        return pipe

    def faults(self, pipe: ModularPipeline) -> list[str]:
        """Return in what a pipeline is another one than the driver's."""
        return list(record_faults(self.record, record_of(pipe)))

    def loaded(self, pipe: ModularPipeline) -> ModularPipeline:
        """Load the components, and set up what the job says."""
        pipe.load_components()
        if self.device is not None:
            pipe.to(self.device)
        if self.cache is not None:
            from ..engine.disk_cache import DiskCache

            pipe.configure(cache=DiskCache(self.cache))
        return pipe


def job_of(what: object, out: Path, *, lock: str | Path | None = None, trust: bool | str = False,
           blocks: Iterable[type | str] = (), **settings: Any) -> tuple[Job, ModularPipeline]:  # fmt: skip
    """Say how a pipeline travels, and open it here once as a worker will.

    Args:
        what: a pipeline; a workflow file; a folder or owner/name[@revision]. lock: of a repository; without, one is kept in the folder of
            the results. trust: grants a repository's own code, as `trust_remote_code` does. blocks: classes that a workflow file names.
        settings: further attributes of the job.

    Raises:
        RepoError: of a pipeline something is only in memory, and no file says where it is from; every fault is named.
        CompositionError: a block is in no module that a worker can import. InputError: it is none of these.
        BrickworkError: as `load_workflow` and `from_pretrained` do.
    """
    job = Job(out=str(out.resolve()), **settings)
    if hasattr(what, "blocks") and hasattr(what, "specs"):
        job = _of_pipeline(job, what, blocks)
    elif isinstance(what, str | Path) and Path(what).suffix.lower() in (".yaml", ".yml"):
        job = evolve(job, workflow=_text_of(Path(what)), blocks=_names(blocks))
    elif isinstance(what, str | Path):
        job = _of_repository(job, str(what), out, lock, trust)
    else:
        raise InputError(
            f"A job is of a pipeline, a workflow file, a folder or a repository's name, and not of {with_article(type(what).__name__)}."
        )
    pipe = job.opened()
    return evolve(job, record=record_of(pipe)), pipe


def _of_pipeline(job: Job, pipe: Any, blocks: Iterable[type | str]) -> Job:
    from ..adapters.techniques.by_name import technique_name
    from ..pipeline.workflows.workflow_techniques import own_techniques
    from ..pipeline.workflows.workflow_writing import save_workflow

    own = {reference(cls): cls for _, cls in own_classes(pipe.blocks)}
    found = [each for each in pipe.components.values() if isinstance(each, Guider)]
    guiders = {cls for each in found for cls in own_guiders(each)}
    techniques = {cls for cls in own_techniques(pipe) if technique_name(cls) != cls.__name__}
    faults = [fault for cls in [*own.values(), *guiders, *techniques] for fault in _import_faults(cls)]
    # Before a file is written: a block that nothing imports would fail there in other words.
    if faults:
        raise CompositionError.of("The pipeline cannot travel", faults)
    with tempfile.TemporaryDirectory(prefix="brickwork-job-") as folder:
        file = Path(folder) / "workflow.yaml"
        save_workflow(pipe, file, whole=True)
        text = file.read_text(encoding="utf-8")
    names = tuple(dict.fromkeys([*own, *_names(blocks)]))
    device = str(pipe.device) if job.device is None and str(pipe.device) != "cpu" else job.device
    return evolve(
        job, workflow=text, blocks=names, guiders=_names(guiders), techniques=_names(techniques), device=device
    )


def _of_repository(job: Job, what: str, out: Path, lock: str | Path | None, trust: bool | str) -> Job:
    from ..pipeline import ModularPipeline

    name, _, revision = what.partition("@") if not Path(what).exists() else (what, "", "")
    place = out / LOCK if lock is None else Path(lock)
    ModularPipeline.from_pretrained(name, revision=revision or None, lock=place, trust_remote_code=trust)
    text = place.read_text(encoding="utf-8") if place.is_file() else ""
    where = str(Path(name).resolve()) if Path(name).is_dir() else name
    known = Lock.at(place).of(where)
    return evolve(job, repo=where, revision=revision or None, lock=text, granted=known is not None and bool(known.code))


def _text_of(file: Path) -> str:
    if not file.is_file():
        raise InputError(f"There is no file {file}.")
    return file.read_text(encoding="utf-8")


def _names(classes: Iterable[type | str]) -> tuple[str, ...]:
    found = [each if isinstance(each, str) else f"{each.__module__}:{each.__qualname__}" for each in classes]
    return tuple(dict.fromkeys(found))


def _import_faults(cls: type) -> list[str]:
    """Say why a worker could not import a class."""
    where = f"{cls.__qualname__} of {cls.__module__}"
    if cls.__module__ == "__main__":
        return [f"{where} is in the script that runs, which workers do not import; move it into a module beside it."]
    if "<locals>" in cls.__qualname__:
        return [f"{where} is defined within a function; define it at the top level of a module."]
    try:
        same = _imported(f"{cls.__module__}:{cls.__qualname__}") is cls
    except BrickworkError as error:
        return [str(error)]
    return [] if same else [f"{where} is not what importing it gives: workers would run another one."]


def _imported(name: str) -> type:
    module, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise CompositionError(
            f"{name} cannot be imported ({error}). Blocks of your own are in a module that every worker has; those of a repository come with its name: map('owner/name', ...)."
        ) from error
    return found  # type: ignore[no-any-return]
