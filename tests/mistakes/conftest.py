"""What mistakes are made with; made once, and no mistake changes it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_adapters import controlnet

import brickwork
from brickwork import ModularPipeline, SequentialPipelineBlocks
from brickwork.presets.sdxl import AutoBlocks


@pytest.fixture
def place(tiny_folder: Path, tiny_pipe: ModularPipeline, tmp_path: Path) -> Callable[[str], Any]:
    """Find by name what a mistake is made with."""

    def auto() -> ModularPipeline:
        pipe = SequentialPipelineBlocks.from_blocks_dict(dict(AutoBlocks().sub_blocks)).init_pipeline(str(tiny_folder))
        parts = {name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names}
        pipe.update_components(**parts, controlnet=controlnet(tiny_pipe.unet))
        pipe.configure(progress=False)
        return pipe

    def embedded() -> ModularPipeline:
        pipe = brickwork.embedded()
        pipe.configure(progress=False)
        return pipe

    places: dict[str, Callable[[], Any]] = {
        "embedded": embedded,
        "tiny": lambda: copy.copy(tiny_pipe),
        "auto": auto,
        "folder": lambda: tmp_path,
    }
    return lambda name: places[name]()
