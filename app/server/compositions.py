"""Workflows that are put together on the page: what there is to put in, and what is wrong with what was put together. No code, and no repository of another."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field

from ...blocks.core.block_catalog import block_names
from ...guiders import GUIDERS
from ...pipeline.forms.guiders import guider_schema
from ...pipeline.workflows.workflow_file import workflow_of_data
from ...pipeline.workflows.workflow_writing import save_workflow
from ...registry.hub.strict_yaml import read_yaml, written
from ...state import InputError
from ...state.atomic import write_text
from ...state.classes.meanings import first_line
from ...state.digest import digest_of
from ...state.errors import BrickworkError
from ...state.limits import LARGEST_YAML
from ..shared.block_listing import own_made, summaries
from ..shared.words_for_people import for_people
from .errors import RefusedError
from .workflow_data import block_data, block_tree, graph_data, needed_names, plan_rows

if TYPE_CHECKING:
    from .served_workflow import ServedWorkflow

ELSEWHERE = ("repo", "revision", "components", "loras", "scheduler")
"""Keys that name files: they are taken where a served workflow has the very same."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")
_MOST_SAVED = 1_000


@cache
def catalog() -> dict[str, Any]:
    """Return what can be put into a composition: blocks with their ports and options, and guiders with their settings.

    Blocks of installed packages are listed by name: their code is imported when one is put in.
    """
    made = {name: block_data(block) for name, block in own_made()}
    known = set(block_names())
    found = [
        {**made.get(name, {}), "name": name, "description": said}
        for name, said in summaries(())
        if name in known and (name in made or "/" in name)
    ]
    guiders = [
        {"name": name, "description": first_line(cls), "schema": guider_schema(cls)} for name, cls in GUIDERS.items()
    ]
    return {"blocks": found, "guiders": guiders}


@define(eq=False)
class Compositions:
    """Looks at compositions, and saves them in a folder.

    Attributes:
        folder: where they are saved; None for nowhere.
    """

    workflows: Mapping[str, ServedWorkflow]
    folder: Path | None
    _own: dict[str, dict[str, Any]] = field(factory=dict, init=False)

    def of_workflow(self, workflow: ServedWorkflow) -> dict[str, Any]:
        """Return what a workflow file says of a served workflow, to begin with.

        Raises:
            InputError: no file says it.
        """
        if workflow.id not in self._own:
            with tempfile.TemporaryDirectory(prefix="brickwork-workflow-") as folder:
                path = Path(folder) / "workflow.yaml"
                try:
                    save_workflow(workflow.pipe, path)
                except BrickworkError as error:
                    raise InputError.of(
                        f"No workflow file says what {workflow.id} is", error.faults or [str(error)]
                    ) from None
                self._own[workflow.id] = dict(read_yaml(path).data)
        return self._own[workflow.id]

    def looked_at(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return the tree of a composition with its ports, its faults and its plan.

        Args:
            data: of a workflow file.

        Raises:
            InputError: it has more characters than a workflow file may have.
        """
        # Before anything is made of it, which takes seconds.
        size = len(json.dumps(data))
        if size > LARGEST_YAML:
            raise InputError(
                f"A composition has at most {LARGEST_YAML:,} characters, as a workflow file; this has {size:,}."
            )
        faults = self._foreign(data)
        try:
            pipe = workflow_of_data(
                {key: value for key, value in data.items() if key not in ELSEWHERE}, "the composition"
            )
        except BrickworkError as error:
            said = [for_people(str(fault)) for fault in error.faults or [str(error)]]
            return {
                "faults": [*faults, *said],
                "warnings": [],
                "blocks": None,
                "options": {},
                "plan": [],
                "graph": None,
                "digest": None,
                "workflows": [],
            }
        report = pipe.check()
        found: dict[str, Any] = {
            "faults": [*faults, *map(for_people, report.faults)],
            "warnings": [for_people(text) for text in report.warnings],
            "blocks": block_tree(pipe.blocks),
            "options": pipe.option_schemas(),
            "digest": digest_of(pipe.described()),
            "workflows": list(pipe.available_workflows) if not report.faults else [],
            "plan": [],
            "graph": None,
        }
        try:
            needed = dict.fromkeys(needed_names(pipe.input_schema()), True)
            plan = pipe.plan({**dict.fromkeys(pipe.input_defaults, True), **needed})
        except BrickworkError as error:
            known = found["faults"]
            texts = (for_people(str(fault)) for fault in error.faults or [str(error)])
            found["faults"] = [*known, *(text for text in texts if text not in known)]
            return found
        return {**found, "plan": plan_rows(plan), "graph": graph_data(plan.graph)}

    def save(self, name: str, data: Mapping[str, Any]) -> str:
        """Write a composition without faults to a file, and return its text.

        Raises:
            RefusedError: the server keeps no files. InputError: the name is none, or there are faults.
        """
        if self.folder is None:
            raise RefusedError(409, "StateError", "This server keeps no files: it was started without --state.")
        place = self._place(name)
        faults = self.looked_at(data)["faults"]
        if faults:
            raise InputError.of("The composition does not fit, and is not saved", faults)
        self.folder.mkdir(parents=True, exist_ok=True)
        if not place.exists() and sum(1 for _ in self.folder.iterdir()) >= _MOST_SAVED:
            raise InputError(
                f"There are {_MOST_SAVED:,} compositions already; delete some of {self.folder.name}/ of the state folder."
            )
        text = written(dict(data))
        write_text(place, text)
        return text

    def saved(self) -> list[str]:
        """Return the names of what was saved."""
        return (
            []
            if self.folder is None or not self.folder.is_dir()
            else sorted(path.stem for path in self.folder.glob("*.yaml"))
        )

    def text(self, name: str) -> str:
        """Return the file of one that was saved.

        Raises:
            RefusedError: there is none.
        """
        place = None if self.folder is None else self._place(name)
        if place is None or not place.is_file():
            raise RefusedError(404, "UnknownCompositionError", f"There is no composition {name[:60]!r}.")
        return place.read_text(encoding="utf-8")

    def know(self, name: str, data: Mapping[str, Any]) -> None:
        """Take note of what a workflow that was composed is written as."""
        self._own[name] = dict(data)

    def refuse_name(self, name: str) -> None:
        """Raise an error where a text is no name of a composition.

        Raises:
            InputError: it is none.
        """
        if not _NAME.fullmatch(name):
            raise InputError(
                f"{name[:80]!r} is no name of a composition: letters, digits, '.', '_' and '-', 61 at most."
            )

    def _place(self, name: str) -> Path:
        self.refuse_name(name)
        assert self.folder is not None
        return self.folder / f"{name}.yaml"

    def _foreign(self, data: Mapping[str, Any]) -> list[str]:
        """Return what a composition names of files that no served workflow has."""
        named = {key: data[key] for key in ELSEWHERE if data.get(key) is not None}
        if not named or any(all(own.get(key) == value for key, value in named.items()) for own in self._served()):
            return []
        return [
            f"{', '.join(named)}: a composition has its components from a workflow that is served, and from nowhere else."
        ]

    def _served(self) -> Iterable[Mapping[str, Any]]:
        for workflow in self.workflows.values():
            try:
                yield self.of_workflow(workflow)
            except InputError:
                continue
