"""`Service`: workflows, runs and files of a server, without HTTP. Faces that speak other protocols stand on it."""

from __future__ import annotations

import logging
import math
import secrets
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve
from filelock import FileLock, Timeout

from ...engine.cache import MemoryCache
from ...engine.execution.out_of_memory import is_out_of_memory
from ...engine.serving.merger import Merger
from ...engine.serving.work_queue import Task, TooLargeError, WorkQueue
from ...pipeline.resume import prepare_branch, shared_with
from ...state import InputError
from ...state.errors import BrickworkError, RunCancelledError, did_you_mean, with_article
from .composed_workflows import ComposedWorkflows
from .compositions import Compositions
from .errors import RefusedError, failure_data
from .file_store import FileStore
from .job import OVER, Asked, Job
from .job_store import JobStore
from .memory_limit import bytes_of, free_bytes, pixels_in
from .metrics import Metrics
from .run_events import RunEvents
from .run_work import RunWork
from .scheduled_workflows import ScheduledWorkflows
from .served_workflow import ServedWorkflow
from .settings import ServerSettings
from .workflow_inputs import InputReader

_logger = logging.getLogger("brickwork.server")
_GRACE = 1.0
"""Seconds that runs have to finish when the server ends."""
_LONGEST_BLOCK = 10.0
"""Seconds that a block may take to end after its run was cancelled; what takes longer ends with the process."""


class Service:
    """Runs workflows for clients.

    Attributes:
        workflows: by their names. jobs: the runs that are known. files: images that clients gave, and results that runs took. metrics: what is counted.
        queue: what waits and goes on. compositions: what was put together on the page. composed: those that are served. scheduled: workflows with other schedulers.
    """

    def __init__(self, workflows: Iterable[ServedWorkflow], settings: ServerSettings) -> None:
        self.settings = settings
        self.workflows = {each.id: each for each in workflows}
        self._own_folder = settings.state is None
        self.folder = Path(tempfile.mkdtemp(prefix="brickwork-serve-")) if settings.state is None else settings.state
        # Prompts are in it.
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._held = FileLock(self.folder / ".lock", timeout=0, thread_local=False)
        try:
            self._held.acquire()
        except Timeout:
            raise InputError(
                f"Another server has the state in {self.folder}. Stop it first, or give this one a folder of its own."
            ) from None
        self.files = FileStore(self.folder / "files", settings.files_bytes)
        self.jobs = JobStore(self.folder / "runs", settings.keep)
        self.metrics = Metrics()
        self.cache = MemoryCache(max_bytes=settings.cache_bytes, steps=True)
        self.reader = InputReader(self.files.value, self._file_of_run)
        self.scheduled = ScheduledWorkflows()
        self.compositions = Compositions(
            self.workflows, None if settings.state is None else settings.state / "workflows"
        )
        self.queue = WorkQueue(
            workers=settings.workers,
            size=settings.queue,
            most_cost=settings.most_work,
            most_cost_of_client=settings.most_work_of_client,
            memory=settings.memory or free_bytes(),
        )
        self.metrics.watch(self.queue, self._mergers)
        self.composed = ComposedWorkflows(self)
        self.composed.take_up()
        self._take_up()

    # Asking.

    def add_workflow(self, workflow: ServedWorkflow) -> None:
        """Serve one more workflow."""
        # A new mapping: others may go through the old one.
        self.workflows = {**self.workflows, workflow.id: workflow}
        self.compositions.workflows = self.workflows

    def workflow(self, name: object) -> ServedWorkflow:
        """Return a workflow; the only one, or the first, where none is named.

        Raises:
            RefusedError: there is none of this name.
        """
        if name is None:
            return next(iter(self.workflows.values()))
        found = self.workflows.get(name) if isinstance(name, str) else None
        if found is None:
            raise RefusedError(
                404,
                "UnknownWorkflowError",
                f"There is no workflow {str(name)[:100]!r}. {did_you_mean(str(name)[:100], self.workflows)}",
            )
        return found

    def check(self, name: object, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the faults of inputs, and what would run."""
        workflow = self.workflow(name)
        try:
            values = self.reader.values(workflow.pipe, self.reader.pinned(inputs))
        except RefusedError as error:
            named = {fault["input"] for fault in error.faults}
            rest = {name: value for name, value in inputs.items() if name not in named}
            found = (
                self.check(name, rest)
                if len(rest) < len(inputs)
                else {"faults": [], "workflow": None, "plan": [], "skipped": {}, "bytes": None}
            )
            return {**found, "faults": [*error.faults, *found["faults"]]}
        return workflow.checked(values)

    def submit(self, asked: Asked, client: str = "", seed: Any = None) -> Job:
        """Check a run, and let it wait for its turn.

        Raises:
            RefusedError, InputError: the inputs do not fit. QueueFullError: too much waits. TooLargeError: it would never be begun.
        """
        return self.submit_all([(asked, seed)], client)[0]

    def submit_all(self, every: Sequence[tuple[Asked, Any]], client: str = "") -> list[Job]:
        """Check several runs, each with its seed, and let all of them wait for their turns, or none.

        Raises:
            RefusedError, InputError, QueueFullError, TooLargeError: as `submit`.
        """
        jobs = [self._job(asked, seed, client) for asked, seed in every]
        for job in jobs:
            self.jobs.add(job)
        try:
            positions = self.queue.put_all([job.task for job in jobs if job.task is not None])
        except BrickworkError as error:
            for job in jobs:
                self.jobs.remove(job)
            raise self._explained(error) from None
        for job, position in zip(jobs, positions, strict=True):
            job.events.tell("queued", {"position": position})
        return jobs

    def _job(self, asked: Asked, seed: Any, client: str) -> Job:
        """Make a job of what was asked for, which is checked."""
        workflow = self.scheduled.of(self.workflow(asked.workflow), asked.scheduler)
        inputs = asked.inputs
        if asked.sort == "run":
            inputs = workflow.seeded(self.reader.pinned(inputs), seed)
        changes = None if asked.changes is None else self.reader.pinned(asked.changes)
        asked = evolve(asked, workflow=workflow.id, inputs=inputs, changes=changes)
        values = self.reader.values(workflow.pipe, {**inputs, **(changes or {})})
        request = workflow.prepared(values, asked.output)
        if asked.sort == "branch":
            base = workflow.prepared(self.reader.values(workflow.pipe, inputs), asked.output)
            new = self.reader.values(workflow.pipe, changes or {})
            found = prepare_branch(workflow.pipe, shared_with(base), asked.at_step, asked.loop, new)
            self._refuse_later_step(asked, found.loop.path)
        work = workflow.work_of(request)
        identifier = secrets.token_hex(8)
        job = Job(identifier, self.jobs.next_number(), asked, client, self.jobs.folder / identifier, work.cost)
        job.task = self._task(job, bytes_of(work))
        job.keep()
        return job

    def _refuse_later_step(self, asked: Asked, loop: str) -> None:
        """Refuse a step that the run did not have, where its events tell how many it had."""
        events = self.jobs.get(str(asked.of)).events.since(0)
        total = next(
            (each.data["total"] for each in reversed(events) if each.kind == "step" and each.data["path"] == loop), None
        )
        if total is not None and (asked.at_step or 0) > total:
            text = f"at_step is {asked.at_step}, and {loop} took {total} steps. It is from 1 to {total}, the first step that may differ, counted from 0."
            raise RefusedError(422, "InputError", text, ({"input": "at_step", "text": text},))

    def _task(self, job: Job, size: int) -> Task:
        return Task(lambda: self._work(job), job.client, job.asked.priority, job.cost, size)

    def _explained(self, error: BrickworkError) -> Exception:
        """Return an error of the queue in words of images, where it is about what would never be begun."""
        if not isinstance(error, TooLargeError):
            return error
        if error.kind == "bytes":
            most = pixels_in(error.largest)
            side = math.isqrt(most) // 8 * 8
            text = f"This run would take more memory than there is. The largest has {most:,} pixels in all, such as one image of {side}x{side}."
            return RefusedError(413, "TooLargeError", text, more={"largest": {"pixels": most}})
        return RefusedError(413, "TooLargeError", str(error), more={"largest": {"work": error.largest}})

    def variant(self, of: str, changes: Mapping[str, Any], at_step: object, client: str = "", **more: Any) -> Job:
        """Let a variant of a run wait that shares its steps before one.

        Raises:
            RefusedError: there is no such run. InputError: it is no run that variants are made of, or something does not fit.
        """
        base = self.jobs.get(of)
        if isinstance(at_step, bool) or not isinstance(at_step, int) or at_step < 1:
            raise InputError("at_step is a whole number from 1 on: the first step that may differ, counted from 0.")
        if base.asked.sort != "run":
            raise InputError(f"A variant is made of a run, and {of} is {with_article(base.asked.sort)} itself.")
        asked = evolve(
            base.asked, sort="branch", of=of, at_step=at_step, changes=dict(changes), sweep=None, point=None, **more
        )
        return self.submit(asked, client)

    def replay(self, of: str, client: str = "") -> Job:
        """Let a run wait that makes another one again, and says whether it is the same.

        Raises:
            RefusedError: there is no such run, or its recipe cannot be read. InputError: it is not finished, or a replay itself.
        """
        base = self.jobs.get(of)
        if base.asked.sort == "replay":
            raise InputError(f"{of} is a replay itself; ask for the run {base.asked.of}.")
        if base.status != "finished":
            raise InputError(f"{of} is {base.status}; only what is finished is made again.")
        base.read_recipe()
        return self.submit(evolve(base.asked, sort="replay", of=of, preview=None), client)

    def cancel(self, identifier: str) -> Job:
        """Cancel one run; one that is over stays as it is.

        Raises:
            RefusedError: there is no such run.
        """
        job = self.jobs.get(identifier)
        if job.status not in OVER:
            job.cancel()
            # Without a task it waits for a workflow that is not served.
            if job.task is None or self.queue.remove(job.task):
                self._end(job, "cancelled")
        return job

    def position(self, job: Job) -> int | None:
        """Return how many runs are before one; None where it does not wait."""
        return None if job.task is None or job.status != "queued" else self.queue.position(job.task)

    # Running.

    def _work(self, job: Job) -> None:
        """Do the work of a job, in a thread of the queue."""
        workflow = self.workflows[job.asked.workflow]
        if job.is_cancelled:
            self._end(job, "cancelled")
            return
        job.status, job.started = "running", time.time()
        started = time.perf_counter()
        events = RunEvents(job, workflow, self.metrics)
        every = self.settings.snapshot_every if self.settings.state is not None else None
        try:
            # In here: after a restart there may be no such scheduler any more.
            of_run = self.scheduled.of(workflow, job.asked.scheduler)
            work = RunWork(job, of_run, self.reader, events, self.cache, every, self.jobs.get)
            job.keep()
            results = work.results()
            job.outputs = work.written(results)
            if work.recipe is not None:
                work.recipe.save(job.recipe)
        except RunCancelledError:
            if not job.is_stopping:
                self._end(job, "cancelled")
        except BaseException as error:  # noqa: BLE001 - whatever it is, the client is told, and the thread goes on
            if is_out_of_memory(error):
                self.metrics.out_of_memory.inc()
            path = (job.progress or {}).get("path", "")
            job.error = {**failure_data(error, self.settings.logs_prompts), "path": path}
            self._end(job, "failed", job.error)
        else:
            job.seconds = round(time.perf_counter() - started, 4)
            verdict = {} if job.verdict is None else {"verdict": job.verdict}
            self._end(job, "finished", {"seconds": job.seconds, "outputs": job.said_outputs(), **verdict})
            self.metrics.run_seconds.labels(workflow.id).observe(job.seconds)

    def _end(self, job: Job, status: Any, data: Mapping[str, Any] | None = None) -> None:
        job.status = status
        try:
            if not self._own_folder:
                job.keep_events()
            job.keep()
            job.snapshot.unlink(missing_ok=True)
        except (BrickworkError, OSError):
            # A full disk: who waits for the end is told of it all the same.
            _logger.exception("The end of run %s could not be kept", job.id)
        self.metrics.runs.labels(job.asked.workflow, status).inc()
        self.jobs.note_over(job)
        job.events.tell(status, data or {})

    def _file_of_run(self, identifier: object, output: object, index: object) -> str:
        """Keep a result of a run as a file, and return its name."""
        job = self.jobs.get(str(identifier))
        if job.status != "finished":
            raise InputError(f"The run {identifier} is {job.status}, so there is nothing of it to take yet.")
        for ending in ("png", "safetensors"):
            path = job.file(str(output), index, ending) if isinstance(index, int) else None
            if path is not None and not path.is_file():
                raise RefusedError(
                    410, "UnknownOutputError", f"The output {output} of the run {identifier} is not kept any more."
                )
            if path is not None:
                return self.files.put_image(path.read_bytes()) if ending == "png" else self.files.put_values(path)
        if any(each["name"] == output and not each["file"].endswith((".png", ".safetensors")) for each in job.outputs):
            raise InputError(
                f"The output {output} of the run {identifier} is a file that is played, with less in it than the run gave. A run with "
                'output_type "np" keeps the numbers, which another run takes.'
            )
        known = [f"{each['name']} {each['index']}" for each in job.outputs]
        raise InputError(
            f"The run {identifier} has no output {str(output)[:60]!r} {str(index)[:20]}. It has: {', '.join(known)}."
        )

    def _mergers(self) -> Iterable[Merger]:
        found = {id(each.pipe.settings.merge): each.pipe.settings.merge for each in self.workflows.values()}
        return [merger for merger in found.values() if isinstance(merger, Merger)]

    # Beginning and end.

    def _take_up(self) -> None:
        """Go on with runs that an earlier process has left; those of workflows that are not served wait in the folder, as they are."""
        tasks, left = [], []
        for job in self.jobs.take_up():
            if job.asked.workflow not in self.workflows:
                # Its file stays as it is: a start with the workflow goes on where the run stood.
                job.status = "queued"
                left.append(job)
                text = (
                    f"{job.asked.workflow} is not served now. The run waits until the server is started with it again."
                )
                job.events.tell("warning", {"path": "", "text": text})
                continue
            job.status = "queued"
            job.task = self._task(job, 0)
            tasks.append(job.task)
            job.events.tell("queued", {"position": len(tasks) - 1})
        if tasks:
            _logger.info("%d runs of an earlier process go on", len(tasks))
            self.queue.put_all(tasks, is_known=True)
        if left:
            self._say_left(left)

    def _say_left(self, jobs: Sequence[Job]) -> None:
        """Tell who runs the server of runs that wait for workflows that are not served."""
        counts = Counter(job.asked.workflow for job in jobs)
        _logger.warning(
            "%s in %s: %s. They stay there as they are. To go on with them, serve these workflows, too: brickwork serve %s --state %s; "
            "or cancel them: DELETE /api/runs/ID.",
            "A run waits" if len(jobs) == 1 else f"{len(jobs)} runs wait",
            self.folder,
            "; ".join(f"{count} for {name}, which is not served" for name, count in counts.items()),
            " ".join([*self.workflows, *counts]),
            self.folder,
        )

    def end_streams(self) -> None:
        """Let all go who watch runs, before the connections are closed."""
        for job in self.jobs.all():
            job.events.close()

    def drain(self, grace: float = _GRACE) -> None:
        """Take no more runs, and end those that go on: with a state folder after their step, and they go on from there after a restart; else
        they have so many seconds to finish.
        """
        keeps = self.settings.state is not None
        going = self.queue.close()
        by_task = {id(job.task): job for job in self.jobs.all()}
        for task in going:
            by_task[id(task)].is_stopping = keeps
        left = self.queue.stop(timeout=grace)
        for task in left if not keeps else ():
            self._end(by_task[id(task)], "cancelled")
        for task in self.queue.going:
            # Amid a block that takes long, or without a loop.
            by_task[id(task)].cancel()

    def stop(self, grace: float = _GRACE) -> None:
        """End: `drain`, and let go of the folder."""
        self.drain(grace)
        self.queue.stop(timeout=_LONGEST_BLOCK)
        self._held.release()
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
