"""Runs of every combination of some inputs, through the queue."""

from __future__ import annotations

import itertools
import math
import secrets

from starlette.requests import Request
from starlette.responses import Response

from ...pipeline.seed import SEED
from ...state import InputError
from .job import Asked
from .requests import body_of, client_of, in_thread, json_answer, service_of
from .run_events import preview_options
from .run_routes import output_of, priority_of, refusal

_SWEEP = {
    "workflow": (str,), "axes": (dict,), "inputs": (dict,), "seed": (int,), "output": (str, list), "priority": (str,), "preview": (bool, dict),
    "scheduler": (str,),
}  # fmt: skip


async def post_sweep(request: Request) -> Response:
    """Queue a run for each combination of the values of axes; what runs have in common is computed once."""
    data = await body_of(request, _SWEEP, ("axes",))
    service = service_of(request)
    axes, inputs, seed = data["axes"], data.get("inputs", {}), data.get("seed")
    faults = [
        f"{name} is an axis, and so a list with one value or more."
        for name, values in axes.items()
        if not (isinstance(values, list) and values)
    ]
    faults += [
        f"{name} is given as an axis and as an input."
        for name in axes
        if name in inputs or (name == SEED and seed is not None)
    ]
    if faults or not axes:
        raise InputError.of("The sweep does not fit", faults or ["It has no axis."])
    count = math.prod(map(len, axes.values()))
    if count > service.settings.queue:
        raise InputError(
            f"The sweep has {count:,} runs, and {service.settings.queue} may wait at once. Take fewer values."
        )
    workflow = service.workflow(data.get("workflow"))
    if SEED not in axes:
        # One for all, so that only what is on the axes differs.
        seed = workflow.seeded(inputs, seed).get(SEED)
        inputs = {name: value for name, value in inputs.items() if name != SEED}
    sweep = secrets.token_hex(8)
    output, preview = output_of(data), preview_options(data.get("preview"), refusal)
    priority = priority_of({"priority": "batch", **data})
    every = []
    for values in itertools.product(*axes.values()):
        point = dict(zip(axes, values, strict=True))
        asked = Asked(
            workflow.id, {**inputs, **point}, output, priority, preview, sweep=sweep, point=point,
            scheduler=data.get("scheduler"),
        )  # fmt: skip
        every.append((asked, None if SEED in point else seed))
    jobs = await in_thread(service.submit_all, every, client_of(request))
    runs = [{"id": job.id, "position": service.position(job) or 0, "point": job.asked.point} for job in jobs]
    return json_answer({"id": sweep, "axes": axes, "runs": runs}, 202)
