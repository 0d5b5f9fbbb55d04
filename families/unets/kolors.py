"""What is particular to Kolors (Kuaishou 2024, https://huggingface.co/Kwai-Kolors/Kolors-diffusers)."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from ...guiders import ClassifierFreeGuidance
from ...registry import families
from ...state.written_constants import note_constant
from ..contract import RoleComponent, TextEncoding
from ..sdxl import SDXL
from ..shared_fields import PROMPT
from ..text_encoding import Encoded


def _read(output: Any) -> Encoded:
    """Return the layer before the last one, whose tokens come before its rows, and of the last one the last token as the pooled vector."""
    *_, hidden, last = output.hidden_states
    return Encoded(hidden.permute(1, 0, 2).clone(), last[-1].clone())


KOLORS = evolve(
    SDXL,
    name="kolors",
    prefix="Kolors",
    roles={
        "denoiser": SDXL.roles["denoiser"],
        "vae": SDXL.roles["vae"],
        "scheduler": SDXL.roles["scheduler"],
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 5.0}),),
        # As repositories write what diffusers has beside its pipelines.
        "tokenizers": (RoleComponent("tokenizer", "kolors:ChatGLMTokenizer"),),
        "text_encoders": (RoleComponent("text_encoder", "kolors:ChatGLMModel"),),
    },
    groups={**SDXL.groups, "prompts": (PROMPT,)},
    text_encodings=(TextEncoding(reads=_read, tokens="asked", most=256, masked=True, places_axes=1),),
    max_sequence_length=256,
    zeros_for_empty_prompt=False,
    classic_pipeline="KolorsPipeline",
    modular_pipeline="",
    modular_blocks="",
    ip_adapter_weights="",
    pipeline_properties={},
)
"""The contract of Kolors: the UNet of Stable Diffusion XL, told what a ChatGLM3 says."""

families.register(KOLORS.name, f"{__name__}:KOLORS")
note_constant(KOLORS, f"{__name__}.KOLORS")
