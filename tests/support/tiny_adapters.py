"""ControlNets and adapters with tiny random weights, for the tiny SDXL."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import ControlNetModel, ControlNetUnionModel, MultiControlNetModel, T2IAdapter
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection


def _shake(net: Any, seed: int) -> Any:
    """Give the layers that begin with zeros some weight, as training would."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in net.parameters():
        if not parameter.any():
            parameter.data = 0.1 * torch.randn(parameter.shape, generator=generator)
    return net.eval()


def controlnet(unet: Any, seed: int = 5, **config: Any) -> ControlNetModel:
    """A ControlNet whose image is scaled down as the tiny VAE does."""
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


def t2i_adapter(seed: int = 2, channels: int = 3) -> T2IAdapter:
    """A T2I-Adapter for the tiny UNet, which has two levels."""
    torch.manual_seed(seed)
    return T2IAdapter(
        in_channels=channels, channels=[16, 32], num_res_blocks=1, downscale_factor=16, adapter_type="full_adapter_xl"
    ).eval()


def image_encoder(seed: int = 9) -> CLIPVisionModelWithProjection:
    """A CLIP that sees 32x32 pixels."""
    torch.manual_seed(seed)
    config = CLIPVisionConfig(
        hidden_size=16, intermediate_size=32, projection_dim=24, num_hidden_layers=2, num_attention_heads=2, image_size=32,
        patch_size=8,
    )  # fmt: skip
    return CLIPVisionModelWithProjection(config).eval()


def ip_adapter(unet: Any, seed: int = 4, width: int = 24, tokens: int = 4) -> dict[str, dict[str, torch.Tensor]]:
    """The weights of an IP-Adapter for a UNet."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return 0.3 * torch.randn(*shape, generator=generator)

    cross = unet.config.cross_attention_dim
    layers: dict[str, torch.Tensor] = {}
    number = 1
    for name, module in unet.named_modules():
        if name.endswith("attn2"):
            size = module.to_k.weight.shape[0]
            layers |= {f"{number}.to_k_ip.weight": draw(size, cross), f"{number}.to_v_ip.weight": draw(size, cross)}
            number += 2
    projection = {"proj.weight": draw(tokens * cross, width), "proj.bias": draw(tokens * cross),
                  "norm.weight": torch.ones(cross), "norm.bias": torch.zeros(cross)}  # fmt: skip
    return {"image_proj": projection, "ip_adapter": layers}


def ip_adapter_plus(
    unet: Any, seed: int = 6, seen: int = 16, width: int = 64, tokens: int = 4
) -> dict[str, dict[str, torch.Tensor]]:
    """The weights of an IP-Adapter Plus, which looks at the image encoder's hidden states."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return 0.2 * torch.randn(*shape, generator=generator)

    cross = unet.config.cross_attention_dim
    state = {"latents": draw(1, tokens, width), "proj_in.weight": draw(width, seen), "proj_in.bias": draw(width),
             "proj_out.weight": draw(cross, width), "proj_out.bias": draw(cross),
             "norm_out.weight": torch.ones(cross), "norm_out.bias": draw(cross)}  # fmt: skip
    for layer in range(4):
        attention, forward = f"layers.{layer}.0", f"layers.{layer}.1"
        for name in (f"{attention}.norm1", f"{attention}.norm2", f"{forward}.0"):
            state |= {f"{name}.weight": torch.ones(width), f"{name}.bias": draw(width)}
        state |= {f"{attention}.to_q.weight": draw(64, width), f"{attention}.to_kv.weight": draw(128, width),
                  f"{attention}.to_out.weight": draw(width, 64), f"{forward}.1.weight": draw(4 * width, width),
                  f"{forward}.3.weight": draw(width, 4 * width)}  # fmt: skip
    return {"image_proj": state, "ip_adapter": ip_adapter(unet, seed)["ip_adapter"]}


def several(unet: Any) -> MultiControlNetModel:
    """Two ControlNets in one."""
    return MultiControlNetModel([controlnet(unet, 5), controlnet(unet, 6)])


def lora(pipe: Any, seed: int = 3, rank: int = 4) -> dict[str, torch.Tensor]:
    """A LoRA for UNet and text encoders, with keys as PEFT writes them."""
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, torch.Tensor] = {}
    targets = {
        "unet": ("to_q", "to_k", "to_v", "to_out.0"),
        "text_encoder": ("q_proj", "v_proj"),
        "text_encoder_2": ("q_proj", "v_proj"),
    }
    held = {part: getattr(pipe, part) for part in targets if hasattr(pipe, part)}
    for part, model in held.items():
        for name, module in model.named_modules():
            if name.endswith(targets[part]) and hasattr(module, "weight"):
                rows, columns = module.weight.shape
                state[f"{part}.{name}.lora_A.weight"] = 0.3 * torch.randn(rank, columns, generator=generator)
                state[f"{part}.{name}.lora_B.weight"] = 0.3 * torch.randn(rows, rank, generator=generator)
    return state


def as_kohya(state: dict[str, torch.Tensor], alpha: float) -> dict[str, torch.Tensor]:
    """The same with keys and scale as Kohya writes them, for the UNet."""
    found: dict[str, torch.Tensor] = {}
    for name, tensor in state.items():
        part, _, rest = name.partition(".")
        if part != "unet":
            continue
        layer, _, kind = rest.rpartition(".lora_")
        base = f"lora_unet_{layer.replace('.', '_')}"
        found[f"{base}.lora_{'down' if kind.startswith('A') else 'up'}.weight"] = tensor
        found[f"{base}.alpha"] = torch.tensor(alpha)
    return found


def as_old_diffusers(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same with the keys that diffusers had before PEFT."""
    pairs = (("lora_A", "lora.down"), ("lora_B", "lora.up"))
    found = dict(state)
    for new, old in pairs:
        found = {name.replace(new, old) if name.startswith("unet") else name: tensor for name, tensor in found.items()}
    return {name: tensor for name, tensor in found.items() if name.startswith("unet")}
