"""What ControlNets of UNets add to the denoiser's arguments (Zhang et al. 2023, https://arxiv.org/abs/2302.05543)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ..engine.network_calls import RowArguments, call_rows
from .added_arguments import with_added

if TYPE_CHECKING:
    from torch import Tensor

_TOLD = ("encoder_hidden_states", "added_cond_kwargs")
"""What a ControlNet is told of what the denoiser is told."""
NET_ROWS = RowArguments(
    {
        "added_cond_kwargs",
        "control_type",
        "controlnet_cond",
        "controlnet_mode",
        "encoder_hidden_states",
        "encoder_hidden_states_mask",
        "guidance",
        "hidden_states",
        "pooled_projections",
    }
)
"""Arguments of ControlNets with a row for each image."""


def nets_of(controlnet: Any) -> Sequence[Any]:
    """The single nets of a ControlNet, which may be several in one."""
    return list(getattr(controlnet, "nets", [controlnet]))


def is_union(net: Any) -> bool:
    """Whether a net knows several kinds of control."""
    return kinds_of(net) > 0


def kinds_of(net: Any) -> int:
    """How many kinds of control a union net knows; 0 for one of a single kind."""
    config = net.config
    return int(getattr(config, "num_control_type", None) or getattr(config, "num_mode", None) or 0)


@frozen(eq=False)
class ControlNetInputs:
    """What ControlNets are given at one step.

    Attributes:
        controlnet: one net, or several in one. images: for each net, `[b 3 height width]`, or a list of such for its types of control.
        weights, control_types: for each net. guess: whether deeper layers are steered more.
        told: what all nets are told in place of what the denoiser is told, by the names of their arguments. denoiser: that is steered.
    """

    controlnet: Any
    images: Sequence[Any]
    weights: Sequence[float]
    control_types: Sequence[Any]
    guess: bool
    told: Mapping[str, Any] = field(factory=dict)
    denoiser: Any = None


def unet_control(steering: ControlNetInputs, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Residuals of all nets whose weight is not 0, added up; see `FamilyContract.control`."""
    told = {name: kwargs[name] for name in _TOLD if name in kwargs}
    added: dict[str, Any] = {}
    parts = zip(nets_of(steering.controlnet), steering.images, steering.weights, steering.control_types, strict=True)
    for net, image, weight, kind in parts:
        if weight == 0.0:
            continue
        own = {"controlnet_cond": image, "conditioning_scale": weight, "guess_mode": steering.guess}
        if is_union(net):
            own |= _union_arguments(net, latents, kind, image, weight)
        found, last = call_rows(
            NET_ROWS, net, latents[:, : net.config.in_channels], t, **told, **own, return_dict=False
        )
        residuals = {"down_block_additional_residuals": list(found), "mid_block_additional_residual": last}
        added = with_added(added, residuals)
    return added


def _union_arguments(net: Any, latents: Tensor, kind: Sequence[int], images: Any, weight: float) -> dict[str, Any]:
    row = latents.new_zeros(net.config.num_control_type)
    for (
        each
    ) in kind:  # one by one, and filled: places and numbers that are assigned are copied to the device, which waits
        row[each : each + 1].fill_(1.0)
    return {
        "controlnet_cond": list(images),
        "control_type": row.reshape(1, -1).repeat(len(latents), 1),
        "control_type_idx": list(kind),
        "conditioning_scale": weight,
    }
