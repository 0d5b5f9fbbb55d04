"""Compositions that are run: workflows of their own, with the components of the one that they began from. No code, and no file of another."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import define, field

from ...pipeline.workflows.workflow_file import workflow_of_data
from ...registry.hub.strict_yaml import read_yaml
from ...state import InputError
from ...state.atomic import write_text
from ...state.errors import BrickworkError
from ...state.strict_json import read_json
from .compositions import ELSEWHERE, Compositions
from .served_workflow import ServedWorkflow

if TYPE_CHECKING:
    from .service import Service

_logger = logging.getLogger("brickwork.server")
_MOST = 100


@define(eq=False)
class ComposedWorkflows:
    """Serves compositions beside the workflows of the command line; with a state folder they are there after a restart.

    Attributes:
        begun: for each, the workflow that it began from.
    """

    service: Service
    begun: dict[str, str] = field(factory=dict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    @property
    def _compositions(self) -> Compositions:
        return self.service.compositions

    def serve(self, name: str, data: Mapping[str, Any], of: str) -> ServedWorkflow:
        """Serve a composition under a name, with the components of a workflow.

        Raises:
            RefusedError: there is no such workflow. InputError: the name is none or taken, the composition has faults, or components are missing.
        """
        with self._lock:
            self._compositions.refuse_name(name)
            if name in self.service.workflows:
                free = next(
                    each for n in range(2, 2 + _MOST * 2) if (each := f"{name}-{n}") not in self.service.workflows
                )
                raise InputError(f"There is a workflow {name!r} already; {free!r} is free.")
            if len(self.begun) >= _MOST:
                raise InputError(f"{_MOST} compositions are served already, and no more are; start the server again.")
            found = self._made(name, data, self.service.workflow(of))
            if self._compositions.folder is not None:
                self._compositions.save(name, data)
            self._add(found, data, of)
            self._keep()
            return found

    def take_up(self) -> None:
        """Serve again what an earlier process has served; what cannot be is said in the log."""
        folder = self._compositions.folder
        path = None if folder is None else folder / "served.json"
        if path is None or not path.is_file():
            return
        for name, of in read_json(path).items():
            try:
                data = read_yaml(path.with_name(f"{name}.yaml")).data
                self._add(self._made(name, data, self.service.workflow(of)), data, of)
            except BrickworkError as error:
                _logger.warning("The composition %s is not served any more: %s", name, error)

    def _made(self, name: str, data: Mapping[str, Any], of: ServedWorkflow) -> ServedWorkflow:
        faults = self._compositions.looked_at(data)["faults"]
        if faults:
            raise InputError.of("The composition does not fit, and is not run", faults)
        pipe = workflow_of_data(self._own_of(data, of), name)
        held = {key: each for key, each in of.pipe.components.items() if each is not None}
        own = pipe.guider_names
        try:
            pipe.update_components(**{key: each for key, each in held.items() if key in pipe.specs and key not in own})
        except BrickworkError as error:
            raise InputError.of(
                f"The components of {of.id} do not fit the composition", error.faults or [str(error)]
            ) from None
        pipe.configure(progress=False, merge=of.pipe.settings.merge)
        pipe.remarks.extend(of.pipe.remarks)
        found = ServedWorkflow(name, name, pipe, of.origin)
        missing = [
            f"{key} ({pipe.specs[key].type_name[1]}): {of.id} has no such component. It has {', '.join(held)}."
            for key in found.missing
        ]
        if missing:
            raise InputError.of("The composition needs components that are not there", missing)
        return found

    def _own_of(self, data: Mapping[str, Any], of: ServedWorkflow) -> dict[str, Any]:
        """Return a composition without files, except for the repository of the workflow that it began from: that has settings beside components."""
        try:
            own = self._compositions.of_workflow(of)
        except InputError:
            own = {}
        kept = {key: data[key] for key in ("repo", "revision") if data.get(key) is not None}
        is_own = all(own.get(key) == value for key, value in kept.items())
        return {**{key: each for key, each in data.items() if key not in ELSEWHERE}, **(kept if is_own else {})}

    def _add(self, found: ServedWorkflow, data: Mapping[str, Any], of: str) -> None:
        self.begun[found.id] = of
        self._compositions.know(found.id, data)
        self.service.add_workflow(found)

    def _keep(self) -> None:
        folder = self._compositions.folder
        if folder is not None:
            write_text(folder / "served.json", json.dumps(self.begun))
