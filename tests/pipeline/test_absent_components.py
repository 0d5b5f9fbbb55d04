"""Components that are None on purpose: blocks of diffusers that look for it run without, blocks of ours need what they name."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from diffusers import ControlNetModel
from diffusers.modular_pipelines import ComponentSpec, ModularPipelineBlocks, OutputParam

import brickwork
from brickwork import ComponentError, SequentialPipelineBlocks
from brickwork.blocks import adopt


class Maybe(ModularPipelineBlocks):  # type: ignore[misc]  # diffusers has no types
    """Runs with and without its component."""

    expected_components = [ComponentSpec("controlnet", ControlNetModel)]
    intermediate_outputs = [OutputParam("way")]

    def __call__(self, components: Any, state: Any) -> Any:
        state.set("way", "without" if components.controlnet is None else "with")
        return components, state


def pipeline(folder: Path | None = None) -> Any:
    return SequentialPipelineBlocks.from_blocks_dict({"maybe": adopt(Maybe())}).init_pipeline(
        None if folder is None else str(folder)
    )


def test_a_component_that_was_given_as_none_is_passed_on() -> None:
    pipe = pipeline()
    with pytest.raises(ComponentError, match="Not loaded: controlnet"):
        pipe(output="way")
    pipe.update_components(controlnet=None)
    assert pipe(output="way") == "without"
    assert "none" in repr(pipe)
    assert "not loaded" not in repr(pipe)


@pytest.mark.parametrize("settings", [{"load": "on demand"}, {"residency": "just in time"}])
def test_none_is_passed_on_where_a_run_loads_by_itself(settings: dict[str, Any]) -> None:
    pipe = pipeline()
    pipe.configure(**settings)
    pipe.update_components(controlnet=None)
    assert pipe(output="way") == "without"


def test_a_copy_knows_what_is_none() -> None:
    pipe = pipeline()
    pipe.update_components(controlnet=None)
    assert copy.copy(pipe)(output="way") == copy.deepcopy(pipe)(output="way") == "without"


def test_a_component_that_the_index_has_none_of_is_none(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "X", "controlnet": [None, None]}))
    pipe = pipeline(tmp_path)
    pipe.load_components()
    assert pipe(output="way") == "without"


def test_a_component_that_comes_is_none_no_more() -> None:
    pipe = pipeline()
    pipe.update_components(controlnet=None)
    pipe.update_components(controlnet=brickwork.ComponentSpec("controlnet", ControlNetModel, repo="a/b"))
    with pytest.raises(ComponentError, match="Not loaded: controlnet"):
        pipe(output="way")


def test_blocks_of_ours_need_what_they_name() -> None:
    pipe = brickwork.embedded()
    pipe.update_components(vae=None)
    with pytest.raises(ComponentError, match="Not loaded: vae"):
        pipe(prompt="a red circle", num_inference_steps=1)
