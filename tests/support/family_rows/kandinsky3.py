"""Kandinsky 3 beside its classic pipelines."""

from __future__ import annotations

from typing import Any

import diffusers
from classic_rows.kandinsky import movq
from classic_rows.t5 import encoder
from family_table import Family, Feature, Task
from tiny_language import seeded
from torch import Tensor

from brickwork import ClassifierFreeGuidance
from brickwork.guiders import GuidanceStep
from brickwork.presets.kandinsky3 import TEXT2IMAGE_BLOCKS

TEXTS = {
    "prompt": ["a red circle", "two cat on the blue square"],
    "negative_prompt": ["a photo of a green square on a table", "blue"],
}
# Without guidance, whose formula the classic rounds in another order: see `AsTheClassic`.
PLAIN = {"num_inference_steps": 4, "output_type": "np"}
SHAPED = {"height": 64, "width": 128}


class AsTheClassic(ClassifierFreeGuidance):
    """The same with the scale counted twice, which rounds otherwise."""

    def guided(self, conditional: Tensor, unconditional: Tensor, step: GuidanceStep, memory: object) -> Any:
        scale = self.scale(step)
        return (scale + 1.0) * conditional - scale * unconditional, memory


def guided() -> Any:
    return AsTheClassic(guidance_scale=3.0, use_original_formulation=True)


def unguided() -> Any:
    return ClassifierFreeGuidance(enabled=False)


def make() -> dict[str, Any]:
    seeded()
    unet = diffusers.Kandinsky3UNet(
        in_channels=4, time_embedding_dim=4, groups=2, attention_head_dim=4, layers_per_block=3,
        block_out_channels=(8, 16), cross_attention_dim=4, encoder_hid_dim=32,
    )  # fmt: skip
    solver = diffusers.DDPMScheduler(beta_start=0.00085, beta_end=0.02, beta_schedule="squaredcos_cap_v2")
    return {**encoder(), "unet": unet.eval(), "scheduler": solver, "movq": movq()}


FAMILY = Family(
    "kandinsky3",
    "unet",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.Kandinsky3Pipeline, {**TEXTS, **PLAIN, **SHAPED}),
    },
    {
        "nothing negative": Feature(guider=guided, without=("negative_prompt",), tasks=("text2image",)),
        "two images of one": Feature(
            {"prompt": "a red circle", "negative_prompt": "blue", "num_images_per_prompt": 2},
            guider=guided,
            tasks=("text2image",),
        ),
    },
    guider=guided,
)
