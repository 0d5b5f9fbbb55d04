"""Several images of one request: a run for each, so that each is the image of its seed alone."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...engine.serving.merger import Merger
from ...pipeline.images.room_for_images import EACH
from ...pipeline.seed import SEED
from .error_shapes import failed
from .errors import RefusedError
from .job import Asked, Job
from .workflow_inputs import unfit_inputs

if TYPE_CHECKING:
    from .served_workflow import ServedWorkflow


_FORM = "output_type"


def runs_of(
    workflow: ServedWorkflow,
    inputs: Mapping[str, Any],
    seed: int | None,
    count: int,
    preview: Mapping[str, int] | None = None,
    scheduler: str | None = None,
) -> list[tuple[Asked, Any]]:
    """Return what is asked for so many images, with the seeds `seed`, `seed + 1` and so on.

    Raises:
        RefusedError, InputError: there are two counts or two seeds, all images would be the same, or something else than images is asked for.
    """
    if inputs.get(EACH, 1) != 1:
        raise unfit_inputs([{"input": EACH, "text": f"{EACH} is not given here: the request's own count says it."}])
    if inputs.get(_FORM) not in (None, "pil"):
        text = (
            f"{_FORM} is {str(inputs[_FORM])[:40]!r}, and images are asked for here; POST /api/runs gives values, too."
        )
        raise unfit_inputs([{"input": _FORM, "text": text}])
    seeded = workflow.seeded(inputs, seed)
    first = seeded.get(SEED)
    if count > 1 and (isinstance(first, bool) or not isinstance(first, int)):
        said = "seed is one whole number" if SEED in seeded else "nothing in this workflow draws noise"
        raise unfit_inputs(
            [{"input": SEED, "text": f"{count} images would be the same, or of no known seeds: {said}."}]
        )
    # Forwards that runs share round as their number of rows has it. Filled up to one number they do not; else each image goes alone, so
    # that the first of several is bit for bit the one that is asked for alone.
    merger = workflow.pipe.settings.merge
    merges = count == 1 or (isinstance(merger, Merger) and merger.bucket is not None)
    every = [seeded] if count == 1 else [{**seeded, SEED: first + number} for number in range(count)]  # type: ignore[operator]  # a whole number
    return [(Asked(workflow.id, each, preview=preview, merges=merges, scheduler=scheduler), None) for each in every]


def seed_of(job: Job) -> Any:
    """Return the seed of a run; None where nothing draws noise."""
    return job.asked.inputs.get(SEED)


def warnings_of(jobs: Iterable[Job]) -> list[str]:
    """Return what was warned of in runs: prompts that were cut off, weights of words that were read as text."""
    texts = [each.data["text"] for job in jobs for each in job.events.since(0) if each.kind == "warning"]
    return list(dict.fromkeys(texts))


def image_files(job: Job) -> list[Path]:
    """Return the images of a run that is over.

    Raises:
        RefusedError: it has failed or was cancelled, or gives no images.
    """
    if job.status == "failed":
        assert job.error is not None
        raise failed(job.error)
    if job.status != "finished":
        raise RefusedError(409, "RunCancelledError", f"The run {job.id} was cancelled.")
    found = [job.folder / each["file"] for each in job.outputs if each["file"].endswith(".png")]
    if not found:
        raise unfit_inputs([{"input": "model", "text": f"The workflow {job.asked.workflow} gives no images."}])
    return found


def images_in_base64(jobs: Sequence[Job]) -> Iterator[tuple[Job, int, str]]:
    """Yield the images of runs, each with its run and its number in it.

    Raises:
        RefusedError: as `image_files`.
    """
    for job in jobs:
        for index, path in enumerate(image_files(job)):
            yield job, index, base64.b64encode(path.read_bytes()).decode()
