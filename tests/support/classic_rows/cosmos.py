"""The worlds of Cosmos."""

from __future__ import annotations

import importlib
from functools import cache, partial
from typing import Any

import diffusers
import torch
from coarse_images import picture
from tiny_packed import qwen_image

from classic_rows.row import Parts, Row
from classic_rows.t5 import FLOW, parts
from classic_rows.video import SMALL as FILM
from classic_rows.video import wan_vae


def cosmos(latents: int = 16, **changes: Any) -> Any:
    return diffusers.CosmosTransformer3DModel(
        **{
            "in_channels": latents, "out_channels": latents, "num_attention_heads": 2, "attention_head_dim": 16, "num_layers": 1, "mlp_ratio": 2,
            "text_embed_dim": 32, "adaln_lora_dim": 4, "max_size": (4, 32, 32), "patch_size": (1, 2, 2), "rope_scale": (2.0, 1.0, 1.0),
            "concat_padding_mask": False, "extra_pos_embed_type": "learnable", **changes,
        }
    )  # fmt: skip


@cache
def cosmos_vae() -> Any:
    torch.manual_seed(0)
    return diffusers.AutoencoderKLCosmos(
        latent_channels=4, encoder_block_out_channels=(8, 8, 8, 8), decode_block_out_channels=(8, 8, 8, 8), attention_resolutions=(8,), resolution=64,
        num_layers=1, spatial_compression_ratio=4, temporal_compression_ratio=4,
    ).eval()  # fmt: skip


def edm() -> Any:
    return diffusers.EDMEulerScheduler(
        sigma_min=0.002, sigma_max=80, sigma_data=0.5, sigma_schedule="karras", final_sigmas_type="sigma_min"
    )


def unchecked(module: str, made: Parts) -> Parts:
    """With a checker that lets everything pass: that of the class is a package with weights of its own, and it asks for one."""

    def checker() -> Any:
        base: Any = importlib.import_module(f"diffusers.pipelines.cosmos.pipeline_{module}").CosmosSafetyChecker
        body = {
            "__init__": lambda self: None,
            "to": lambda self, device: self,
            "check_text_safety": lambda self, text: True,
            "check_video_safety": lambda self, frames: frames,
        }
        return type("LetsPass", (base,), body)()

    return cache(lambda: {**made(), "safety_checker": checker()})


KARRAS = partial(FLOW, use_karras_sigmas=True)
WORLD = {**FILM, "max_sequence_length": 32, "num_frames": 5}


def sees(made: Parts) -> Parts:
    """With a Qwen2.5-VL that tells all its layers, and a template of chats."""

    def with_template() -> Any:
        told = {name: qwen_image()[name] for name in ("text_encoder", "tokenizer")}
        told["tokenizer"].chat_template = "{% for message in messages %}{{ message['content'][0]['text'] }}{% endfor %}"
        return {**made(), **told}

    return cache(with_template)


UNIPC = diffusers.UniPCMultistepScheduler

ROWS = {
    "Cosmos2TextToImagePipeline": Row(
        unchecked("cosmos2_text2image", parts(cosmos, wan_vae, KARRAS)),
        {name: value for name, value in WORLD.items() if name != "num_frames"},
    ),
    "Cosmos2VideoToWorldPipeline": Row(
        unchecked("cosmos2_video2world", parts(partial(cosmos, in_channels=17), wan_vae, KARRAS)),
        {**WORLD, "image": picture(3, 32)},
    ),
    "CosmosTextToWorldPipeline": Row(unchecked("cosmos_text2world", parts(partial(cosmos, 4), cosmos_vae, edm)), WORLD),
    "CosmosVideoToWorldPipeline": Row(
        unchecked("cosmos_video2world", parts(partial(cosmos, 4, in_channels=5), cosmos_vae, edm)),
        {**WORLD, "image": picture(3, 32)},
    ),
    "Cosmos2_5_PredictBasePipeline": Row(
        unchecked("cosmos2_5_predict", sees(parts(partial(cosmos, in_channels=17), wan_vae, UNIPC))),
        {**WORLD, "guidance_scale": 3.0},
    ),
}
