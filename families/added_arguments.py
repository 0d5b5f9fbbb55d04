"""What several networks tell a denoiser under one name is their sum: residuals of ControlNets, features of adapters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..state import RunError

ROWS_BESIDE = frozenset(
    {
        "added_cond_kwargs.aspect_ratio",
        "added_cond_kwargs.resolution",
        "block_controlnet_hidden_states",
        "class_labels",
        "controlnet_block_samples",
        "controlnet_single_block_samples",
        "down_block_additional_residuals",
        "down_intrablock_additional_residuals",
        "guidance",
        "mid_block_additional_residual",
        "style",
        "timestep_cond",
    }
)
"""Arguments of denoisers with a row for each image, beside those of conditioning: what ControlNets and adapters say, and strengths of guidance."""


def with_added(known: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments of a denoiser with more of them; of those that are in both, the sum.

    Raises:
        RunError: an argument is in both, and cannot be added up.
    """
    added = dict(known)
    for name, value in more.items():
        added[name] = _sum(name, added[name], value) if name in added else value
    return added


def _sum(name: str, one: Any, other: Any) -> Any:
    """Add tensors, or lists of as many tensors each."""
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)) and len(one) == len(other):
        return [_sum(name, mine, theirs) for mine, theirs in zip(one, other, strict=True)]
    if hasattr(one, "shape") and getattr(one, "shape", None) == getattr(other, "shape", None):
        return one + other
    raise RunError(
        f"Two networks say {name!r} to the denoiser, and what they say cannot be added up: use one of them in a step."
    )
