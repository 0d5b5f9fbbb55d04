"""A family whose denoiser is told nothing of sizes, and sees no image as a prompt: what a family lacks, no step asks for."""

from __future__ import annotations

from attrs import evolve

from brickwork.families.sdxl import SDXL

UNTOLD = evolve(
    SDXL,
    name="untold",
    prefix="Untold",
    groups={
        "prompts": SDXL.fields("prompts"),
        "prompt_embeds": SDXL.fields("prompt_embeds"),
        "denoiser_input_fields": SDXL.fields("prompt_embeds"),
    },
)
