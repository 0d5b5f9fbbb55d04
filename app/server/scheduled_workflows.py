"""Served workflows with another scheduler than their own, for runs that name one."""

from __future__ import annotations

import copy
import threading

from attrs import define, field

from ...state import InputError
from ...state.errors import BrickworkError
from ..shared.words_for_people import for_people
from .served_workflow import ServedWorkflow
from .workflow_inputs import unfit_inputs

_MOST = 64


@define(eq=False)
class ScheduledWorkflows:
    """Makes variants of workflows; all other components are the same objects."""

    _made: dict[tuple[str, str], ServedWorkflow] = field(factory=dict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def of(self, workflow: ServedWorkflow, name: str | None) -> ServedWorkflow:
        """Return a workflow with the scheduler of a name ("Euler a", "dpmpp_2m_karras"); itself where none is named.

        Raises:
            RefusedError: there is no such scheduler, or none to choose.
        """
        if name is None:
            return workflow
        key = (workflow.id, name)
        with self._lock:
            if key not in self._made:
                if len(self._made) >= _MOST:
                    self._made.clear()
                self._made[key] = _with_scheduler(workflow, name)
            return self._made[key]


def _with_scheduler(workflow: ServedWorkflow, name: str) -> ServedWorkflow:
    try:
        if workflow.pipe.components.get("scheduler") is None:
            raise InputError(f"{workflow.id} has no scheduler to choose.")
        pipe = copy.copy(workflow.pipe)
        pipe.update_components(scheduler=name)
    except BrickworkError as error:
        raise unfit_inputs([{"input": "scheduler", "text": for_people(str(error))}]) from None
    return ServedWorkflow(workflow.id, workflow.title, pipe, workflow.origin)
