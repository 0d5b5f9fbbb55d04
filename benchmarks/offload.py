"""Bytes moved between host and device for ten runs of SDXL on 8 GB, beside the peer's automatic offload.

    .venv/bin/python benchmarks/offload.py

Nothing is computed and no GPU is needed: the models are of SDXL's true sizes in float16 and without memory, our side
counts with the recording `DeviceMemory`, and the peer's side asks its own `AutoOffloadStrategy` (its default margin of
3 GB), told of a device of 8 GB. Our side is told what the steps need beside weights (`WORKSPACE`), as a first run would
have measured it. What the peer copies back to the host counts as moved; we keep host copies and copy nothing back.

With the same prompt the caller has encoded it once on both sides. Ours then moves every component once, 6.9 GB, which is
the least there can be.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.modular_pipelines import components_manager as peer
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

import brickwork
from brickwork import (
    Block,
    ComponentsManager,
    LoopSequentialPipelineBlocks,
    Outputs,
    SequentialPipelineBlocks,
    component,
)
from brickwork.registry.devices.component_bytes import component_bytes
from brickwork.registry.devices.device_memory import DeviceMemory

DEVICE = 8 * 10**9
MARGIN = 3 * 10**9
RUNS = 10
WORKSPACE = {"encode": 10**8, "denoise": 2 * 10**9, "decode": 2_500_000_000}
"""Bytes beside weights for an image of 1024x1024 in float16: assumed, of the order that is reported for SDXL."""


class Encode(Block):
    """Stands for both text encoders."""

    text_encoder: torch.nn.Module = component()
    text_encoder_2: torch.nn.Module = component()

    class Out(Outputs):
        embeds: int

    def run(self, prompt: int) -> Out:
        return self.Out(embeds=prompt)


class Node(Block):
    """Stands for a denoising step."""

    unet: torch.nn.Module = component()

    class Out(Outputs):
        latents: int

    def run(self, embeds: int) -> Out:
        return self.Out(latents=embeds)


class Loop(LoopSequentialPipelineBlocks):
    """Thirty of them."""

    block_classes = [Node]
    block_names = ["step"]

    class Vars(Outputs):
        i: int

    def iterate(self) -> Iterator[Vars]:
        yield from (self.Vars(i=i) for i in range(30))


class Decode(Block):
    """Stands for the VAE."""

    vae: torch.nn.Module = component()

    class Out(Outputs):
        images: int

    def run(self, latents: int) -> Out:
        return self.Out(images=latents)


def models() -> dict[str, torch.nn.Module]:
    """Of SDXL base 1.0, in float16, without memory."""
    large = {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 20}
    with torch.device("meta"):
        found: dict[str, torch.nn.Module] = {
            "text_encoder": CLIPTextModel(
                CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
            ),
            "text_encoder_2": CLIPTextModelWithProjection(CLIPTextConfig(**large, projection_dim=1280)),
            "unet": UNet2DConditionModel(
                block_out_channels=(320, 640, 1280),
                down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
                up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
                transformer_layers_per_block=(1, 2, 10),
                attention_head_dim=(5, 10, 20),
                cross_attention_dim=2048,
                use_linear_projection=True,
                addition_embed_type="text_time",
                addition_time_embed_dim=256,
                projection_class_embeddings_input_dim=2816,
            ),
            "vae": AutoencoderKL(
                down_block_types=("DownEncoderBlock2D",) * 4,
                up_block_types=("UpDecoderBlock2D",) * 4,
                block_out_channels=(128, 256, 512, 512),
                layers_per_block=2,
            ),
        }
    return {name: model.half() for name, model in found.items()}


def ours(parts: dict[str, torch.nn.Module], given: str) -> int:
    manager, memory = ComponentsManager(), DeviceMemory()
    blocks = SequentialPipelineBlocks.from_blocks_dict({"encode": Encode, "denoise": Loop, "decode": Decode})
    pipe = blocks.init_pipeline(components_manager=manager)
    manager.enable_auto_cpu_offload("cpu", budget=DEVICE, memory=memory)
    assert manager.placement is not None
    manager.placement.measured.update(WORKSPACE)
    pipe.update_components(**parts)
    pipe.configure(progress=False)
    embeds = pipe(prompt=0, output="embeds") if given == "same prompt" else None
    if embeds is not None:
        pipe.blocks.pop("encode")
    for run in range(RUNS - (given == "same prompt")):
        pipe(**({"prompt": run} if embeds is None else {"embeds": embeds}))
    return memory.moved


def theirs(parts: dict[str, torch.nn.Module], given: str) -> int:
    strategy = peer.AutoOffloadStrategy(memory_reserve_margin=f"{MARGIN // 10**9}GB")
    there: dict[str, int] = {}
    moved = 0
    for run in range(RUNS):
        for name in ("text_encoder", "text_encoder_2", "unet", "vae"):
            if name in there or (run and given == "same prompt" and name.startswith("text")):
                continue
            backend = mock.Mock(mem_get_info=lambda: (DEVICE - sum(there.values()), DEVICE))
            hooks = [mock.Mock(model_id=other, model=_Sized(there[other])) for other in there]
            size = component_bytes(parts[name])
            with mock.patch.object(peer, "TorchDeviceBackend", return_value=backend):
                going = strategy(hooks=hooks, model_id=name, model=_Sized(size), execution_device="cuda")
            for hook in going:
                moved += there.pop(hook.model_id)
            there[name] = size
            moved += size
    return moved


class _Sized:
    def __init__(self, size: int) -> None:
        self.size = size

    def get_memory_footprint(self) -> int:
        return self.size


def main() -> None:
    parts = models()
    sizes: dict[str, Any] = {name: f"{component_bytes(model) / 1e9:.2f}" for name, model in parts.items()}
    print(f"brickwork {brickwork.__version__}; GB: {sizes}")
    for given, goal in (("new prompts", 0.17), ("same prompt", 0.06)):
        mine, other = ours(parts, given), theirs(parts, given)
        print(
            f"{given}: {mine / 1e9:6.1f} of {other / 1e9:6.1f} GB moved: {mine / other:.3f} of the peer   goal: {goal}"
        )


if __name__ == "__main__":
    main()
