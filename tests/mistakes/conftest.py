"""What mistakes are made with; made once, and no mistake changes it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_adapters import controlnet

from brickwork import ModularPipeline, SequentialPipelineBlocks
from brickwork.presets.sdxl import AutoBlocks


@pytest.fixture
def place(tiny_folder: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], Any]:
    """Find by name what a mistake is made with."""

    def tiny() -> ModularPipeline:
        pipe: ModularPipeline = request.getfixturevalue("tiny_pipe")
        return pipe

    def auto() -> ModularPipeline:
        tiny_pipe = tiny()
        pipe = SequentialPipelineBlocks.from_blocks_dict(dict(AutoBlocks().sub_blocks)).init_pipeline(str(tiny_folder))
        parts = {name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names}
        pipe.update_components(**parts, controlnet=controlnet(tiny_pipe.unet))
        pipe.configure(progress=False)
        return pipe

    def embedded() -> ModularPipeline:
        return copy.copy(request.getfixturevalue("embedded_pipe"))

    places: dict[str, Callable[[], Any]] = {
        "embedded": embedded,
        "tiny": lambda: copy.copy(tiny()),
        "auto": auto,
        "folder": lambda: tmp_path,
    }
    return lambda name: places[name]()
