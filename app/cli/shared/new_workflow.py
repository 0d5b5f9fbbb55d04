"""A new workflow file: that of the templates, with the lines of a target in the place of its own."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....state import InputError
from .opening import opened
from .targets import Target

if TYPE_CHECKING:
    from ....pipeline import ModularPipeline

_KEY = re.compile(r"^(\w+):", re.MULTILINE)
_ORDER = ("brickwork", "start", "composition", "repo", "revision")
"""Keys that come before all others, whether or not the template has them."""
_INPUTS: Mapping[str, Any] = {"prompt": "a red apple", "num_inference_steps": 20, "seed": 1}
"""What a new file gives of the inputs that there are."""


def workflow_data(target: Target, repo: str | None) -> tuple[dict[str, Any], list[str]]:
    """Return what a workflow file says of a target, and the names of the inputs that are still to be given at each run.

    Raises:
        InputError: it is an image. BrickworkError: as `opened` and `save_workflow` do.
    """
    if target.kind == "image":
        raise InputError(
            f"{target.text} is an image: brickwork recipe {target.text} --as workflow.yaml -o FILE writes its file."
        )
    from .describing import described

    repo = repo or _fitting_repo(target)
    pipe = opened(target, repo)
    data: dict[str, Any] = {"start": target.name, **({"repo": repo} if repo else {})}
    if target.kind != "preset":
        data = _saved_data(pipe)
    known = described(pipe)
    usual = {name: value for name, value in _INPUTS.items() if name in known["properties"]}
    data["inputs"] = {**usual, **(data.get("inputs") or {})}
    return {"brickwork": 1, **data}, [name for name in known["required"] if name not in data["inputs"]]


def _fitting_repo(target: Target) -> str | None:
    """Return the name of the model that ships for a preset that runs with it; None for all others."""
    if target.kind != "preset":
        return None
    from ....blocks.core.preset_catalog import find_preset
    from ....presets.embedded import FOLDER
    from ....presets.sdxl import SDXL
    from ....registry import catalog

    if target.name not in catalog:  # of an installed package, or unknown
        return None
    blocks: Any = find_preset(target.name)
    if not any(block.family is SDXL for block in blocks.sub_blocks.values()):
        return None
    pipe = blocks.init_pipeline(str(FOLDER))
    return "embedded" if all(pipe.specs[name].repo for name in pipe.pretrained_component_names) else None


def _saved_data(pipe: ModularPipeline) -> dict[str, Any]:
    from ....pipeline.workflows.workflow_writing import save_workflow
    from ....registry.hub.strict_yaml import read_yaml

    with tempfile.TemporaryDirectory(prefix="brickwork-new-") as place:
        save_workflow(pipe, Path(place) / "workflow.yaml")
        data: dict[str, Any] = read_yaml(Path(place) / "workflow.yaml").data
    return data


def workflow_text(template: str, data: Mapping[str, Any], to_give: list[str]) -> str:
    """Return a workflow file: the parts of a template with the data of their keys; parts that the data lack are comments.

    Args:
        template: parts with a comment and a key each. to_give: inputs that only a call gives.
    """
    from ....registry.hub.strict_yaml import written

    left = dict(data)
    parts = []
    for part in template.strip().split("\n\n"):
        key = _key_of(part)
        comments, example = _comments_and_lines(part)
        if key == "start":
            lines = written({name: left.pop(name) for name in _ORDER if name in left and name != "repo"})
        elif key in left:
            lines = written({key: left.pop(key)})
        else:
            lines = "".join(f"# {line}\n" for line in (example if key != "repo" else ["repo: owner/name"]))
        if key == "inputs" and to_give:
            options = ", ".join(f"--{name.replace('_', '-')}" for name in to_give)
            comments.append(f"# To be given at each run: {options}.")
        parts.append("\n".join([*comments, lines.rstrip()]))
    parts += [written({key: value}).rstrip() for key, value in left.items()]
    return "\n\n".join(parts) + "\n"


def _key_of(part: str) -> str:
    found = _KEY.search(part)
    assert found is not None
    return found[1]


def _comments_and_lines(part: str) -> tuple[list[str], list[str]]:
    lines = part.splitlines()
    comments = [line for line in lines if line.startswith("#")]
    return comments, lines[len(comments) :]
