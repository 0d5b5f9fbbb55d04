"""The repositories that diffusers' pages name, with tiny random weights, for a Hub on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hub_server import Hub
from safetensors.torch import save
from tiny_adapters import controlnet, image_encoder, ip_adapter
from transformers import CLIPImageProcessor

from brickwork import PerturbedAttentionGuidance
from tiny_sdxl import make_pipeline

BASE = "stabilityai/stable-diffusion-xl-base-1.0"
OTHER = "RunDiffusion/Juggernaut-XL-v9"
PAGES = Path(__file__).parents[1] / "peer_examples"
Files = dict[str, bytes]


def files_of(folder: Path, prefix: str = "") -> Files:
    return {f"{prefix}{path.relative_to(folder)}": path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def models(folder: Path, seed: int) -> Files:
    """A classic repository; its UNet also in half precision, as the variant "fp16"."""
    pipeline = make_pipeline(seed)
    pipeline.save_pretrained(folder)
    pipeline.unet.half().save_pretrained(folder / "unet", variant="fp16")
    return files_of(folder)


def guidance_repo(folder: Path) -> Files:
    PerturbedAttentionGuidance(guidance_scale=5.0, perturbed_guidance_stop=1.0).save_pretrained(folder)
    return files_of(folder, "pag_guider/")


def index(names: dict[str, tuple[str, str]], **more: Any) -> Files:
    """A modular index whose components lie in other repositories, as those pages show it: without classes."""
    where = {name: {"repo": repo, "subfolder": name, "variant": None} for name, (repo, _) in names.items()}
    hints = {name: hint.split(":") for name, (_, hint) in names.items()}
    entries = {name: [None, None, {**place, "type_hint": hints[name]}] for name, place in where.items()}
    data = {"_class_name": "StableDiffusionXLModularPipeline", "_diffusers_version": "0.35.0.dev0", **entries, **more}
    return {"modular_model_index.json": json.dumps(data).encode()}


COMPONENTS = {
    "text_encoder": (BASE, "transformers:CLIPTextModel"),
    "text_encoder_2": (BASE, "transformers:CLIPTextModelWithProjection"),
    "tokenizer": (BASE, "transformers:CLIPTokenizer"),
    "tokenizer_2": (BASE, "transformers:CLIPTokenizer"),
    "scheduler": (BASE, "diffusers:EulerDiscreteScheduler"),
    "unet": (BASE, "diffusers:UNet2DConditionModel"),
    "vae": (BASE, "diffusers:AutoencoderKL"),
}
MORE = {
    "controlnet": ("YiYiXu/adapters", "diffusers:ControlNetModel"),
    "image_encoder": ("YiYiXu/adapters", "transformers:CLIPVisionModelWithProjection"),
    "feature_extractor": ("YiYiXu/adapters", "transformers:CLIPImageProcessor"),
}


def all_repos(folder: Path) -> dict[str, Files]:
    """Every repository, by name."""
    base = models(folder / "base", 0)
    unet = make_pipeline(0).unet
    for part, name in ((controlnet(unet), "controlnet"), (image_encoder(), "image_encoder")):
        part.save_pretrained(folder / "adapters" / name)
    size = {"height": 32, "width": 32}
    CLIPImageProcessor(size=size, crop_size=size).save_pretrained(folder / "adapters" / "feature_extractor")
    adapter = {f"{part}.{key}": value for part, held in ip_adapter(unet).items() for key, value in held.items()}
    guider_index: Any = {"repo": "YiYiXu/modular-loader-t2i-guider", "revision": None, "subfolder": "pag_guider"}
    hint = ["diffusers", "PerturbedAttentionGuidance"]
    return {
        BASE: base,
        OTHER: models(folder / "other", 1),
        "YiYiXu/adapters": files_of(folder / "adapters"),
        "YiYiXu/modular-loader-t2i-0704": index(COMPONENTS),
        "YiYiXu/modular-demo-auto": index({**COMPONENTS, **MORE}),
        "YiYiXu/modular-diffdiff-0704": {
            **index(COMPONENTS),
            "block.py": (PAGES / "differential_diffusion.py").read_bytes(),
            "config.json": json.dumps(
                {"_class_name": "DiffDiffBlocks", "auto_map": {"ModularPipelineBlocks": "block.DiffDiffBlocks"}}
            ).encode(),
        },
        "h94/IP-Adapter": {"sdxl_models/ip-adapter_sdxl.safetensors": save(adapter)},
        "YiYiXu/modular-loader-t2i-guider": guidance_repo(folder / "guider"),
        "YiYiXu/modular-doc-guider": index(COMPONENTS, guider=[None, None, {**guider_index, "type_hint": hint}]),
    }


def fill(hub: Hub, repos: dict[str, Files]) -> None:
    """Put the repositories on a Hub."""
    for name, files in repos.items():
        hub.add(name, files)
