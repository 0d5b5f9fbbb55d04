"""What ControlNets of transformers add to the denoiser's arguments: residuals for its blocks of both kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..engine.network_calls import call_rows
from .added_arguments import with_added
from .controlnet import NET_ROWS, ControlNetInputs, nets_of

if TYPE_CHECKING:
    from torch import Tensor

_RESIDUALS = ("controlnet_block_samples", "controlnet_single_block_samples")


def reads_pixels(net: Any) -> bool:
    """Return whether a net has layers of its own for control images, and is not given their latents."""
    return bool(getattr(net.config, "conditioning_embedding_channels", None))


def transformer_control(
    steering: ControlNetInputs,
    told: Mapping[str, Any],
    guidance: Tensor | None,
    see: Callable[[Tensor], Tensor],
    residuals: Sequence[str] = _RESIDUALS,
) -> dict[str, Any]:
    """Residuals of all nets whose weight is not 0, added up; see `FamilyContract.control`.

    Args:
        told: what every net is told, by name. guidance: the strength, for nets that were distilled. see: from the latents of a
            control image to what nets read of them. residuals: what nets return, by the denoiser's names; one alone is all of it.
    """
    import torch

    added: dict[str, Any] = {}
    nets = nets_of(steering.controlnet)
    for net, given, weight, kinds in zip(nets, steering.images, steering.weights, steering.control_types, strict=True):
        own = {"guidance": guidance} if getattr(net.config, "guidance_embeds", False) else {}
        pairs: list[tuple[Any, Any]] = list(zip(given, kinds, strict=True)) if kinds else [(given, None)]
        for image, kind in pairs:
            if weight == 0.0:
                continue
            seen = image if reads_pixels(net) else see(image)
            if kind is not None:
                own["controlnet_mode"] = torch.full((len(seen), 1), kind, device=seen.device)
            found = call_rows(
                NET_ROWS, net, controlnet_cond=seen, conditioning_scale=weight, **told, **own, return_dict=False
            )
            parts = zip(residuals, found if len(residuals) > 1 else [found], strict=False)
            added = with_added(added, {name: list(each) for name, each in parts if each is not None})
    # Those that read pixels were trained with their residuals for blocks in turn, and not for so many blocks each.
    return {**added, "controlnet_blocks_repeat": True} if added and any(map(reads_pixels, nets)) else added
