"""Makes the files beside it, which the tests open as files that an older version has saved. Not to be run again for a newer one.

cd tests/saved_before && ../../.venv/bin/python make.py
"""

from __future__ import annotations

import os
from pathlib import Path

import torch
from own_blocks import Brighter, Weaker

import brickwork
from brickwork import Snapshots

HERE = Path(__file__).parent
INPUTS = {"prompt": "a red circle", "num_inference_steps": 3, "output": "images"}


def main() -> None:
    torch.set_num_threads(1)
    os.chdir(HERE)
    pipe = brickwork.embedded()
    pipe.configure(progress=False, witness=True)
    drawn(pipe, "drawn.png")
    pipe.configure(witness=False, snapshots=Snapshots("drawn.safetensors", every=2))
    pipe.blocks.insert_after("decode", "brighter", Brighter(by=1.25))
    drawn(pipe, "with_own_block.png")
    pipe.configure(snapshots=None)
    pipe.update_components(guider=Weaker(guidance_scale=4.0))
    brickwork.save(drawn(pipe), "with_own_guider.png")
    brickwork.save_workflow(pipe, "workflow.yaml")
    pipe.blocks.save_pretrained("composition")
    brickwork.PerturbedAttentionGuidance(guidance_scale=3.0).save_pretrained("guider")
    auto = brickwork.presets.sdxl.AutoBlocks()
    auto.save_pretrained("auto")


def drawn(pipe: brickwork.ModularPipeline, name: str | None = None) -> object:
    image = pipe(**INPUTS, generator=torch.Generator().manual_seed(1))[0]
    if name is not None:
        brickwork.save(image, name)
    return image


if __name__ == "__main__":
    main()
