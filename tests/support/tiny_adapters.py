"""ControlNets and adapters with tiny random weights, for the tiny SDXL."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import ControlNetModel, ControlNetUnionModel, MultiControlNetModel


def _shake(net: Any, seed: int) -> Any:
    """Give the layers that begin with zeros some weight, as training would."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in net.parameters():
        if not parameter.any():
            parameter.data = 0.1 * torch.randn(parameter.shape, generator=generator)
    return net.eval()


def controlnet(unet: Any, seed: int = 5, **config: Any) -> ControlNetModel:
    """A ControlNet whose picture is scaled down as the tiny VAE does."""
    torch.manual_seed(seed)
    return _shake(
        ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(8, 8, 8, 16), load_weights_from_unet=False)
        if not config
        else _of_config(ControlNetModel, unet, config),
        seed,
    )


def _of_config(cls: Any, unet: Any, config: dict[str, Any]) -> Any:
    names = (
        "in_channels", "block_out_channels", "down_block_types", "layers_per_block", "attention_head_dim",
        "cross_attention_dim", "norm_num_groups", "use_linear_projection", "addition_embed_type", "addition_time_embed_dim",
        "projection_class_embeddings_input_dim", "transformer_layers_per_block",
    )  # fmt: skip
    own = {name: unet.config[name] for name in names}
    return cls(**{**own, "conditioning_embedding_out_channels": (8, 8, 8, 16), **config})


def union(unet: Any, seed: int = 6) -> ControlNetUnionModel:
    """A ControlNet that knows six kinds of control."""
    torch.manual_seed(seed)
    return _shake(
        _of_config(
            ControlNetUnionModel,
            unet,
            {
                "num_control_type": 6,
                "num_trans_channel": 16,
                "num_trans_head": 4,
                "num_trans_layer": 1,
                "num_proj_channel": 16,
            },
        ),
        seed,
    )


def several(unet: Any) -> MultiControlNetModel:
    """Two ControlNets in one."""
    return MultiControlNetModel([controlnet(unet, 5), controlnet(unet, 6)])
