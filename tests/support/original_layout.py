"""Writes models as one file in the layout in which Stable Diffusion and XL were published: the other way round than loaders read it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

Weights = Mapping[str, torch.Tensor]

_UNET = {
    "conv_in.": "input_blocks.0.0.",
    "conv_norm_out.": "out.0.",
    "conv_out.": "out.2.",
    "time_embedding.linear_1.": "time_embed.0.",
    "time_embedding.linear_2.": "time_embed.2.",
    "add_embedding.linear_1.": "label_emb.0.0.",
    "add_embedding.linear_2.": "label_emb.0.2.",
}
_RESNET = {
    "norm1.": "in_layers.0.",
    "conv1.": "in_layers.2.",
    "norm2.": "out_layers.0.",
    "conv2.": "out_layers.3.",
    "time_emb_proj.": "emb_layers.1.",
    "conv_shortcut.": "skip_connection.",
}
_CLIP = {
    "text_model.encoder.layers.": "transformer.resblocks.",
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
    "text_model.embeddings.token_embedding.": "token_embedding.",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm.": "ln_final.",
    "text_projection.weight": "text_projection",
}


def replaced(name: str, pairs: Iterable[tuple[str, str]]) -> str:
    for old, new in pairs:
        name = name.replace(old, new)
    return name


def unet(model: Any) -> dict[str, torch.Tensor]:
    """Return a UNet's weights by their original names."""
    layers = model.config.layers_per_block
    return {_unet_name(name, layers, model): value for name, value in model.state_dict().items()}


def _unet_name(name: str, layers: int, model: Any) -> str:
    for place, begin in _UNET.items():
        if name.startswith(place):
            return begin + name.removeprefix(place)
    side, _, rest = name.partition(".")
    if side == "mid_block":
        kind, index, rest = rest.split(".", 2)
        at = "middle_block.1." if kind == "attentions" else f"middle_block.{2 * int(index)}."
        return at + (replaced(rest, _RESNET.items()) if kind == "resnets" else rest)
    block, kind, index, rest = rest.split(".", 3)
    down = side == "down_blocks"
    first = (layers + 1) * int(block)
    if kind == "downsamplers":
        return f"input_blocks.{first + layers + 1}.0.op.{rest.removeprefix('conv.')}"
    if kind == "upsamplers":
        has_attention = hasattr(model.up_blocks[int(block)], "attentions")
        return f"output_blocks.{first + layers}.{2 if has_attention else 1}.{rest}"
    at = f"input_blocks.{first + int(index) + 1}" if down else f"output_blocks.{first + int(index)}"
    return f"{at}.0.{replaced(rest, _RESNET.items())}" if kind == "resnets" else f"{at}.1.{rest}"


def vae(model: Any) -> dict[str, torch.Tensor]:
    """Return a VAE's weights by their original names; its attention is of convolutions there."""
    last = len(model.config.block_out_channels) - 1
    made = {}
    for name, value in model.state_dict().items():
        new = re.sub(r"down_blocks\.(\d+)\.resnets\.(\d+)", r"down.\1.block.\2", name)
        new = re.sub(r"down_blocks\.(\d+)\.downsamplers\.0", r"down.\1.downsample", new)
        new = re.sub(r"up_blocks\.(\d+)\.resnets\.(\d+)", lambda m: f"up.{last - int(m[1])}.block.{m[2]}", new)
        new = re.sub(r"up_blocks\.(\d+)\.upsamplers\.0", lambda m: f"up.{last - int(m[1])}.upsample", new)
        new = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", new)
        new = replaced(new, [("conv_norm_out", "norm_out"), ("conv_shortcut", "nin_shortcut")])
        if "mid_block.attentions.0." in new:
            pairs = ("group_norm", "norm"), ("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out")
            new = replaced(new, [("mid_block.attentions.0", "mid.attn_1"), *pairs])
        is_linear = "mid.attn_1" in new and value.ndim == 2
        made[new] = value[..., None, None] if is_linear else value
    return made


def clip(model: Any) -> dict[str, torch.Tensor]:
    """Return a text encoder's weights by the names that XL and Stable Diffusion 1 have for the first."""
    state: Weights = model.state_dict()
    wrapped = any(name.startswith("text_model.") for name in state)
    return {f"transformer.{'' if wrapped else 'text_model.'}{name}": value for name, value in state.items()}


def open_clip(model: Any) -> dict[str, torch.Tensor]:
    """Return a text encoder's weights by the names of OpenCLIP, with queries, keys and values in one."""
    made: dict[str, torch.Tensor] = {}
    held: dict[str, list[torch.Tensor]] = {}
    state: Weights = model.state_dict()
    wrapped = any(name.startswith("text_model.") for name in state)
    for name, value in state.items():
        new = replaced(name if wrapped else f"text_model.{name}", _CLIP.items())
        found = re.fullmatch(r"(.*)self_attn\.([qkv])_proj\.(weight|bias)", new)
        if found is None:
            made[new] = value.T if new == "text_projection" else value
        else:
            # The state has k before q, which the file's order is not.
            held.setdefault(f"{found[1]}attn.in_proj_{found[3]}", [value] * 3)["qkv".index(found[2])] = value
    return {**made, **{name: torch.cat(parts) for name, parts in held.items()}}


def beginning(place: str, weights: Weights) -> dict[str, torch.Tensor]:
    return {place + name: value.contiguous().clone() for name, value in weights.items()}


def write_xl(parts: Mapping[str, Any], path: Path) -> Path:
    """Write Stable Diffusion XL as one file."""
    tensors = {
        **beginning("model.diffusion_model.", unet(parts["unet"])),
        **beginning("first_stage_model.", vae(parts["vae"])),
        **beginning("conditioner.embedders.0.", clip(parts["text_encoder"])),
        **beginning("conditioner.embedders.1.model.", open_clip(parts["text_encoder_2"])),
    }
    save_file(tensors, path)
    return path


def write_sd(parts: Mapping[str, Any], path: Path, second: bool = False) -> Path:
    """Write Stable Diffusion 1 as one file, or 2, whose text encoder is one of OpenCLIP."""
    encoder = parts["text_encoder"]
    text = {f"model.{name}": value for name, value in open_clip(encoder).items()} if second else clip(encoder)
    tensors = {
        **beginning("model.diffusion_model.", unet(parts["unet"])),
        **beginning("first_stage_model.", vae(parts["vae"])),
        **beginning("cond_stage_model.", text),
    }
    save_file(tensors, path)
    return path


_JOINT = {
    "attn.to_out.0.": "x_block.attn.proj.",
    "attn.to_add_out.": "context_block.attn.proj.",
    "norm1.linear.": "x_block.adaLN_modulation.1.",
    "norm1_context.linear.": "context_block.adaLN_modulation.1.",
    "ff.net.0.proj.": "x_block.mlp.fc1.",
    "ff.net.2.": "x_block.mlp.fc2.",
    "ff_context.net.0.proj.": "context_block.mlp.fc1.",
    "ff_context.net.2.": "context_block.mlp.fc2.",
}
_MMDIT = {
    "pos_embed.pos_embed": "pos_embed",
    "pos_embed.proj.": "x_embedder.proj.",
    "time_text_embed.timestep_embedder.linear_1.": "t_embedder.mlp.0.",
    "time_text_embed.timestep_embedder.linear_2.": "t_embedder.mlp.2.",
    "time_text_embed.text_embedder.linear_1.": "y_embedder.mlp.0.",
    "time_text_embed.text_embedder.linear_2.": "y_embedder.mlp.2.",
    "proj_out.": "final_layer.linear.",
    "norm_out.linear.": "final_layer.adaLN_modulation.1.",
}


def mmdit(model: Any) -> dict[str, torch.Tensor]:
    """Return the weights of Stable Diffusion 3's transformer by their original names: queries, keys and values in one, and in norms
    without a gate the shift before the scale.
    """
    made: dict[str, torch.Tensor] = {}
    held: dict[str, list[torch.Tensor]] = {}
    last = f"transformer_blocks.{model.config.num_layers - 1}.norm1_context."
    for name, value in model.state_dict().items():
        swapped = torch.cat(value.chunk(2)[::-1]) if name.startswith(("norm_out.", last)) else value
        found = re.fullmatch(r"transformer_blocks\.(\d+)\.(attn\.(to|add)_([qkv])(_proj)?|.*?)\.(weight|bias)", name)
        if found is None or found[4] is None:
            block, _, rest = name.removeprefix("transformer_blocks.").partition(".")
            is_inner = name.startswith("transformer_blocks.")
            pairs, place = (_JOINT, rest) if is_inner else (_MMDIT, name)
            new = next((now + place.removeprefix(old) for old, now in pairs.items() if place.startswith(old)), place)
            new = f"joint_blocks.{block}.{new}" if is_inner else new
            made[new] = swapped
        else:
            side = "x_block" if found[3] == "to" else "context_block"
            fused = f"joint_blocks.{found[1]}.{side}.attn.qkv.{found[6]}"
            held.setdefault(fused, [value] * 3)["qkv".index(found[4])] = value
    return {**made, **{name: torch.cat(parts) for name, parts in held.items()}}


def write_sd3(parts: Mapping[str, Any], path: Path) -> Path:
    """Write Stable Diffusion 3 as one file, with its T5."""
    tensors = {
        **beginning("model.diffusion_model.", mmdit(parts["transformer"])),
        **beginning("first_stage_model.", vae(parts["vae"])),
        **beginning("text_encoders.clip_l.", clip(parts["text_encoder"])),
        **beginning("text_encoders.clip_g.", clip(parts["text_encoder_2"])),
        **beginning("text_encoders.t5xxl.transformer.", parts["text_encoder_3"].state_dict()),
    }
    save_file(tensors, path)
    return path


_FLUX = {
    "time_text_embed.timestep_embedder.linear_1.": "time_in.in_layer.",
    "time_text_embed.timestep_embedder.linear_2.": "time_in.out_layer.",
    "time_text_embed.text_embedder.linear_1.": "vector_in.in_layer.",
    "time_text_embed.text_embedder.linear_2.": "vector_in.out_layer.",
    "time_text_embed.guidance_embedder.linear_1.": "guidance_in.in_layer.",
    "time_text_embed.guidance_embedder.linear_2.": "guidance_in.out_layer.",
    "context_embedder.": "txt_in.",
    "x_embedder.": "img_in.",
    "proj_out.": "final_layer.linear.",
    "norm_out.linear.": "final_layer.adaLN_modulation.1.",
}
_DOUBLE = {
    "norm1.linear.": "img_mod.lin.",
    "norm1_context.linear.": "txt_mod.lin.",
    "attn.norm_q.weight": "img_attn.norm.query_norm.scale",
    "attn.norm_k.weight": "img_attn.norm.key_norm.scale",
    "attn.norm_added_q.weight": "txt_attn.norm.query_norm.scale",
    "attn.norm_added_k.weight": "txt_attn.norm.key_norm.scale",
    "attn.to_out.0.": "img_attn.proj.",
    "attn.to_add_out.": "txt_attn.proj.",
    "ff.net.0.proj.": "img_mlp.0.",
    "ff.net.2.": "img_mlp.2.",
    "ff_context.net.0.proj.": "txt_mlp.0.",
    "ff_context.net.2.": "txt_mlp.2.",
}
_SINGLE = {
    "norm.linear.": "modulation.lin.",
    "attn.norm_q.weight": "norm.query_norm.scale",
    "attn.norm_k.weight": "norm.key_norm.scale",
    "proj_out.": "linear2.",
}
_TOGETHER = (
    ("double_blocks", "img_attn.qkv", ("attn.to_q", "attn.to_k", "attn.to_v")),
    ("double_blocks", "txt_attn.qkv", ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj")),
    ("single_blocks", "linear1", ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp")),
)
_STACKS = {"transformer_blocks": ("double_blocks", _DOUBLE), "single_transformer_blocks": ("single_blocks", _SINGLE)}


def flux(model: Any) -> dict[str, torch.Tensor]:
    """Return the weights of FLUX's transformer by their original names: what reads the same in one, and shift before scale at the end."""
    made: dict[str, torch.Tensor] = {}
    held: dict[str, list[torch.Tensor]] = {}
    for name, value in model.state_dict().items():
        stack, _, rest = name.partition(".")
        if stack not in _STACKS:
            new = next(now + name.removeprefix(old) for old, now in _FLUX.items() if name.startswith(old))
            made[new] = torch.cat(value.chunk(2)[::-1]) if name.startswith("norm_out.") else value
            continue
        side, pairs = _STACKS[stack]
        block, _, rest = rest.partition(".")
        layer, _, kind = rest.rpartition(".")
        joined = next(
            ((new, old.index(layer), len(old)) for on, new, old in _TOGETHER if on == side and layer in old), None
        )
        if joined is None:
            new = next(now + rest.removeprefix(old) for old, now in pairs.items() if rest.startswith(old))
            made[f"{side}.{block}.{new}"] = value
        else:
            held.setdefault(f"{side}.{block}.{joined[0]}.{kind}", [value] * joined[2])[joined[1]] = value
    return {**made, **{name: torch.cat(parts) for name, parts in held.items()}}


def write_flux(parts: Mapping[str, Any], path: Path, whole: bool = True) -> Path:
    """Write FLUX as one file; as it was released, with the transformer alone."""
    tensors = beginning("model.diffusion_model." if whole else "", flux(parts["transformer"]))
    if whole:
        tensors |= {
            **beginning("vae.", vae(parts["vae"])),
            **beginning("text_encoders.clip_l.", clip(parts["text_encoder"])),
            **beginning("text_encoders.t5xxl.transformer.", parts["text_encoder_2"].state_dict()),
        }
    save_file(tensors, path)
    return path
