"""What ControlNets of Stable Diffusion 3 add to the denoiser's arguments: residuals for its blocks, which see text and image together.

Nets differ in what they were trained with, and each is told so by its own configuration. diffusers 0.42.1 goes by that of the first of
several, or by the class of the pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..engine.network_calls import call_rows
from .controlnet import NET_ROWS, ControlNetInputs, nets_of

if TYPE_CHECKING:
    from torch import Tensor

_RESIDUALS = "block_controlnet_hidden_states"


def reads_mask(net: Any) -> bool:
    """Return whether a net reads a mask beside the latents of an image."""
    return bool(getattr(net.config, "extra_conditioning_channels", 0))


def reads_shifted(net: Any) -> bool:
    """Return whether a net was trained with latents of control images that are shifted as the denoiser's are."""
    return reads_mask(net) or not net.config.force_zeros_for_pooled_projection


def reads_pooled(net: Any) -> bool:
    """Return whether a net was trained with the pooled vector of the prompt, and not with zeros in its place."""
    return not (reads_mask(net) or net.config.force_zeros_for_pooled_projection)


def joint_control(steering: ControlNetInputs, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Residuals of all nets whose weight is not 0, added up; see `FamilyContract.control`."""
    time = t.expand(len(latents))
    found: list[Sequence[Tensor]] = []
    for net, image, weight in zip(nets_of(steering.controlnet), steering.images, steering.weights, strict=True):
        if weight == 0.0:
            continue
        told = {
            "hidden_states": _seen(net, steering.denoiser, latents),
            "timestep": time,
            **_text(net, steering, kwargs),
        }
        said = call_rows(NET_ROWS, net, **told, controlnet_cond=image, conditioning_scale=weight, return_dict=False)
        found.append(said[0])
    if not found:
        return {}
    if len({len(each) for each in found}) > 1:
        depth = len(steering.denoiser.transformer_blocks)
        found = [_for_blocks(each, depth) for each in found]
    total = list(found[0])
    for each in found[1:]:
        total = [one + other for one, other in zip(total, each, strict=True)]
    return {_RESIDUALS: total}


def _seen(net: Any, denoiser: Any, latents: Tensor) -> Tensor:
    """Return what a net is given of the latents: those that embed no places read what the denoiser makes of them (the nets of 3.5)."""
    # Put on the net, as diffusers does it, the layer would be saved with it, and not be opened again.
    return latents if net.pos_embed is not None else denoiser.pos_embed(latents)


def _text(net: Any, steering: ControlNetInputs, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a net is told of the text."""
    pooled = steering.told.get("pooled_projections")
    own = kwargs["pooled_projections"]
    if pooled is not None:
        pooled = pooled.to(own)
    else:
        pooled = own if reads_pooled(net) else own.new_zeros(own.shape)
    # The nets of 3.5 read no words.
    hidden = None if net.config.joint_attention_dim is None else kwargs["encoder_hidden_states"]
    return {"encoder_hidden_states": hidden, "pooled_projections": pooled}


def _for_blocks(residuals: Sequence[Tensor], depth: int) -> list[Tensor]:
    """Return one residual for each block of the denoiser, of nets that have fewer: each is for so many blocks in a row."""
    share = depth / len(residuals)
    return [residuals[int(block / share)] for block in range(depth)]
