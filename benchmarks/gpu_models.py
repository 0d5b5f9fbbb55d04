"""Models of SDXL's sizes with random weights, or of the same make with thin layers, for `benchmarks/gpu.py`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from attrs import define
from diffusers import AutoencoderKL, EulerDiscreteScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

import brickwork
from brickwork import ComponentsManager, ModularPipeline, SequentialPipelineBlocks
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS

GB = 1e9
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


@define
class Bench:
    """What sections share: the device, the sizes, and models that are made when they are first asked for."""

    device: torch.device
    is_small: bool
    _models: dict[str, Any] | None = None

    @property
    def is_cuda(self) -> bool:
        return self.device.type == "cuda"

    @property
    def size(self) -> int:
        return 64 if self.is_small else 1024

    @property
    def gigabyte(self) -> int:
        """Bytes that stand for a GB."""
        return 2**16 if self.is_small else 2**30

    def wait(self) -> None:
        if self.is_cuda:
            torch.cuda.synchronize()

    def timed(self, run: Callable[[], Any]) -> float:
        """Seconds until the device is done, too."""
        self.wait()
        started = time.perf_counter()
        run()
        self.wait()
        return time.perf_counter() - started

    def models(self) -> dict[str, Any]:
        if self._models is None:
            self._models = made_models(self)
        for model in self._models.values():
            model.to(self.device)
        return self._models

    def pipeline(self, manager: ComponentsManager | None = None, **more: Any) -> ModularPipeline:
        blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
        pipe = blocks.init_pipeline(components_manager=manager, collection=None if manager is None else "gpu")
        words = brickwork.embedded().tokenizer
        scheduler = EulerDiscreteScheduler(**BETAS)
        pipe.update_components(**self.models(), tokenizer=words, tokenizer_2=words, scheduler=scheduler, **more)
        pipe.configure(progress=False)
        return pipe if manager is not None else pipe.to(self.device)

    def inputs(self, steps: int, **more: Any) -> dict[str, Any]:
        generator = torch.Generator().manual_seed(0)
        sizes = {"height": self.size, "width": self.size, "num_inference_steps": steps}
        return {
            "prompt": "a red circle",
            **sizes,
            "generator": generator,
            "output": "images",
            "output_type": "pt",
            **more,
        }


def made_models(bench: Bench) -> dict[str, Any]:
    """SDXL's four models with random weights, or the same with thin layers."""
    small = bench.is_small
    wide, wider, heads = (16, 24, (2, 4, 8)) if small else (768, 1280, (5, 10, 20))
    channels, depth = ((16, 32, 32), (1, 1, 1)) if small else ((320, 640, 1280), (1, 2, 10))
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32 if small else torch.float16)
    try:
        with torch.device(bench.device):
            unet = UNet2DConditionModel(
                sample_size=bench.size // 8, block_out_channels=channels, layers_per_block=2, attention_head_dim=heads,
                down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
                up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
                transformer_layers_per_block=depth, cross_attention_dim=wide + wider, use_linear_projection=True,
                norm_num_groups=8 if small else 32, addition_embed_type="text_time",
                addition_time_embed_dim=8 if small else 256,
                projection_class_embeddings_input_dim=wider + 6 * (8 if small else 256),
            )  # fmt: skip
            vae = AutoencoderKL(
                down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, layers_per_block=2,
                block_out_channels=(8,) * 4 if small else (128, 256, 512, 512), norm_num_groups=4 if small else 32,
                scaling_factor=0.13025, force_upcast=True,
            )  # fmt: skip
            text, text_2 = text_config(wide, 2 if small else 12), text_config(wider, 2 if small else 32)
            encoders = CLIPTextModel(text), CLIPTextModelWithProjection(text_2)
    finally:
        torch.set_default_dtype(before)
    found = {"unet": unet, "vae": vae, "text_encoder": encoders[0], "text_encoder_2": encoders[1]}
    return {name: model.eval().requires_grad_(False) for name, model in found.items()}


def text_config(width: int, layers: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=49408, hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers,
        num_attention_heads=width // 64 or 2, projection_dim=width, bos_token_id=49406, eos_token_id=49407,
    )  # fmt: skip
