"""Block repositories for tests: a custom block with a canary, and files as diffusers or a person writes them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

BLOCK = '''"""A block that leaves a file when its code is run."""

from __future__ import annotations

from pathlib import Path

from brickwork import Block, Outputs

Path({canary!r}).touch()


class Double(Block):
    """Double a number."""

    class Out(Outputs):
        y: int

    def run(self, x: int) -> Out:
        return self.Out(y={factor} * x)
'''

PEER_BLOCK = """
from pathlib import Path

from diffusers.modular_pipelines import InputParam, ModularPipelineBlocks, OutputParam, PipelineState

Path({canary!r}).touch()


class Double(ModularPipelineBlocks):
    @property
    def description(self):
        return "Double a number."

    @property
    def inputs(self):
        return [InputParam("x", required=True)]

    @property
    def intermediate_outputs(self):
        return [OutputParam("y")]

    def __call__(self, components, state: PipelineState) -> PipelineState:
        block_state = self.get_block_state(state)
        block_state.y = 2 * block_state.x
        self.set_block_state(state, block_state)
        return components, state
"""


def write(folder: Path, files: dict[str, Any]) -> Path:
    """Write files: text and bytes as they are, anything else as JSON."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def hand_written(folder: Path, canary: Path, auto_map: Any = "block.Double", **files: Any) -> Path:
    """A repository as a person writes it by diffusers' rules, with a block of ours."""
    config = {"auto_map": {"ModularPipelineBlocks": auto_map}}
    code = BLOCK.format(canary=str(canary), factor=2)
    return write(folder, {"modular_config.json": config, "block.py": code, **files})


def relocated(source: Path, target: Path, name: str | None = None) -> Path:
    """Copy a repository to another folder; its index names the new place, or `name` on the Hub."""
    shutil.copytree(source, target)
    index = target / "modular_model_index.json"
    index.write_text(index.read_text().replace(str(source), name or str(target)))
    return target
