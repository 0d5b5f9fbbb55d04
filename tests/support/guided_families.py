"""Denoisers of four kinds with tiny random weights, and contracts that are just enough to guide them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from attrs import field, frozen
from diffusers import (
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxTransformer2DModel,
    SD3Transformer2DModel,
    UNet2DConditionModel,
)

from brickwork.blocks import PredictNoise
from brickwork.families.contract import ConditioningField, FamilyContract, RoleComponent
from brickwork.families.layers import Layer
from brickwork.families.sdxl import SDXL
from brickwork.families.unet import middle_of_unet, unet_layers
from brickwork.state.vocabulary import ImageLatents, PooledPromptEmbeds, PromptEmbeds
from tiny_sdxl import make_pipeline

EMBEDS = ConditioningField("prompt_embeds", "negative_prompt_embeds", PromptEmbeds, argument="encoder_hidden_states")
POOLED = ConditioningField(
    "pooled_prompt_embeds", "negative_pooled_prompt_embeds", PooledPromptEmbeds, argument="pooled_projections"
)
BOTH = ("encoder_hidden_states", "hidden_states")


def contract(cls: type[FamilyContract], name: str, component: str, *fields: ConditioningField) -> FamilyContract:
    roles = {"denoiser": (RoleComponent(component, None),)}
    return cls(name=name, prefix=name.title(), roles=roles, groups={"denoiser_input_fields": fields})


@frozen
class UNetContract(FamilyContract):
    def layers(self, denoiser: Any) -> list[Layer]:
        return unet_layers(denoiser)

    def recommended_layers(self, denoiser: Any, layers: Sequence[Layer]) -> list[int]:
        return middle_of_unet(denoiser, layers)


@frozen
class TransformerContract(FamilyContract):
    def layers(self, denoiser: Any) -> list[Layer]:
        stacks = [name for name in ("transformer_blocks", "single_transformer_blocks") if hasattr(denoiser, name)]
        return [Layer(f"{name}.{i}", block, BOTH) for name in stacks for i, block in enumerate(getattr(denoiser, name))]

    def recommended_layers(self, denoiser: Any, layers: Sequence[Layer]) -> list[int]:
        return [len(layers) // 3]

    def predict(self, denoiser: Any, latents: torch.Tensor, t: Any, kwargs: Mapping[str, Any]) -> torch.Tensor:
        found: torch.Tensor = denoiser(
            hidden_states=latents, timestep=t.expand(len(latents)), **kwargs, return_dict=False
        )[0]
        return found


@frozen
class PackedContract(TransformerContract):
    """FLUX: squares of four latents are one token."""

    def predict(self, denoiser: Any, latents: torch.Tensor, t: Any, kwargs: Mapping[str, Any]) -> torch.Tensor:
        b, c, h, w = latents.shape
        packed = latents.reshape(b, c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 1, 3, 5).reshape(b, h * w // 4, c * 4)
        ids = {"img_ids": torch.zeros(h * w // 4, 3), "txt_ids": torch.zeros(5, 3)}
        found = super().predict(denoiser, packed, t, {**kwargs, **ids})
        return found.reshape(b, h // 2, w // 2, c, 2, 2).permute(0, 3, 1, 4, 2, 5).reshape(b, c, h, w)


@frozen
class Family:
    """A denoiser with something to predict from."""

    contract: FamilyContract
    denoiser: torch.nn.Module
    inputs: Mapping[str, Any]
    scheduler: Any = field(factory=DDIMScheduler)

    def predict(
        self, guider: Any, index: int = 3, count: int = 10, memory: Any = None, batching: str = "batched"
    ) -> Any:
        block: Any = PredictNoise.bind(self.contract)(
            denoiser=self.denoiser, guider=guider, scheduler=self.scheduler, batching=batching
        )
        step = {"i": index, "num_inference_steps": count, "guidance_memory": memory, "t": torch.tensor(500.0)}
        with torch.no_grad():
            return block.run(**self.inputs, **step)


def both(name: str, *shape: int) -> dict[str, torch.Tensor]:
    return {f"{sign}{name}": torch.randn(*shape) for sign in ("", "negative_")}


def sd15() -> Family:
    torch.manual_seed(1)
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=8, cross_attention_dim=16,
        attention_head_dim=4, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    )  # fmt: skip
    inputs = {"scaled_latents": torch.randn(2, 4, 8, 12), "conditioning": both("prompt_embeds", 2, 5, 16)}
    return Family(contract(UNetContract, "sd15", "unet", EMBEDS), unet.eval(), inputs)


def sdxl() -> Family:
    torch.manual_seed(2)
    unet = make_pipeline().unet
    conditioning = {**both("prompt_embeds", 2, 5, 40), **both("pooled_prompt_embeds", 2, 24)}
    conditioning |= {f"{sign}add_time_ids": torch.zeros(2, 6) for sign in ("", "negative_")}
    return Family(SDXL, unet.eval(), {"scaled_latents": torch.randn(2, 4, 16, 16), "conditioning": conditioning})


def sd3() -> Family:
    torch.manual_seed(3)
    transformer = SD3Transformer2DModel(
        sample_size=8, num_layers=3, attention_head_dim=8, num_attention_heads=4, caption_projection_dim=32,
        joint_attention_dim=32, pooled_projection_dim=32, in_channels=4, out_channels=4, pos_embed_max_size=16,
    )  # fmt: skip
    conditioning = {**both("prompt_embeds", 2, 5, 32), **both("pooled_prompt_embeds", 2, 32)}
    inputs = {"scaled_latents": torch.randn(2, 4, 8, 12), "conditioning": conditioning}
    return Family(
        contract(TransformerContract, "sd3", "transformer", EMBEDS, POOLED),
        transformer.eval(),
        inputs,
        FlowMatchEulerDiscreteScheduler(),
    )


def flux() -> Family:
    torch.manual_seed(4)
    transformer = FluxTransformer2DModel(
        in_channels=16, num_layers=2, num_single_layers=2, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=32, pooled_projection_dim=32, axes_dims_rope=(4, 4, 8),
    )  # fmt: skip
    conditioning = {**both("prompt_embeds", 2, 5, 32), **both("pooled_prompt_embeds", 2, 32)}
    inputs = {"scaled_latents": torch.randn(2, 4, 8, 12), "conditioning": conditioning}
    return Family(
        contract(PackedContract, "flux", "transformer", EMBEDS, POOLED),
        transformer.eval(),
        inputs,
        FlowMatchEulerDiscreteScheduler(),
    )


IMAGE = ConditioningField(
    "image_latents", "negative_image_latents", ImageLatents, argument="image_latents", kind="image"
)
"""An image that the network sees beside the noise; without it, zeros."""


@frozen
class EditContract(UNetContract):
    """InstructPix2Pix: a UNet with the image's latents as further channels."""

    def predict(self, denoiser: Any, latents: torch.Tensor, t: Any, kwargs: Mapping[str, Any]) -> torch.Tensor:
        rest = {name: value for name, value in kwargs.items() if name != "image_latents"}
        return super().predict(denoiser, torch.cat([latents, kwargs["image_latents"]], dim=1), t, rest)


@frozen
class DistilledContract(PackedContract):
    """FLUX dev, which is told the strength of guidance."""

    def embedded_guidance(self, denoiser: Any, scales: Sequence[float]) -> dict[str, Any]:
        return {"guidance": torch.tensor(scales).repeat_interleave(2)}


def edit() -> Family:
    torch.manual_seed(5)
    unet = UNet2DConditionModel(
        sample_size=8, in_channels=8, out_channels=4, block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=8,
        cross_attention_dim=16, attention_head_dim=4, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    )  # fmt: skip
    conditioning = {**both("prompt_embeds", 2, 5, 16), "image_latents": torch.randn(2, 4, 8, 8)}
    conditioning["negative_image_latents"] = torch.zeros(2, 4, 8, 8)
    inputs = {"scaled_latents": torch.randn(2, 4, 8, 8), "conditioning": conditioning}
    return Family(contract(EditContract, "edit", "unet", EMBEDS, IMAGE), unet.eval(), inputs)


def distilled() -> Family:
    torch.manual_seed(6)
    transformer = FluxTransformer2DModel(
        in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=32, pooled_projection_dim=32, axes_dims_rope=(4, 4, 8), guidance_embeds=True,
    )  # fmt: skip
    conditioning = {"prompt_embeds": torch.randn(2, 5, 32), "pooled_prompt_embeds": torch.randn(2, 32)}
    inputs = {"scaled_latents": torch.randn(2, 4, 8, 12), "conditioning": conditioning}
    return Family(
        contract(DistilledContract, "flux", "transformer", EMBEDS, POOLED),
        transformer.eval(),
        inputs,
        FlowMatchEulerDiscreteScheduler(),
    )


FAMILIES: dict[str, Callable[[], Family]] = {"SD 1.5": sd15, "SDXL": sdxl, "SD 3": sd3, "FLUX": flux}
