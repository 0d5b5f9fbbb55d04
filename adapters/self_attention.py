"""Finds attention and feed-forward modules of diffusers' transformer blocks, and lets tokens attend to themselves only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def attention_modules(layer: torch.nn.Module) -> list[Any]:
    """Return the modules of a transformer block in which tokens attend to one another, and not to a text beside
    them.
    """
    return [each for each in _attending(layer) if not getattr(each, "is_cross_attention", False)]


def cross_attention_modules(layer: torch.nn.Module) -> list[Any]:
    """Return the modules of a transformer block in which tokens attend to a text."""
    return [each for each in _attending(layer) if getattr(each, "is_cross_attention", False)]


def _attending(layer: torch.nn.Module) -> list[Any]:
    return [each for each in layer.modules() if hasattr(each, "to_q") and hasattr(each, "to_v")]


def feed_forward_modules(layer: torch.nn.Module) -> list[Any]:
    """Return feed-forward modules of a transformer block."""
    return [each for each in layer.modules() if type(each).__name__ == "FeedForward"]


def self_attending(forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run an attention module with the identity for its scores, whichever processor it has."""
    with _identity_scores()():
        return forward(*args, **kwargs)


@cache
def _identity_scores() -> Any:
    """Make the class when it is needed, because it imports torch."""
    import torch
    from torch.overrides import TorchFunctionMode

    functional = torch.nn.functional

    class IdentityScores(TorchFunctionMode):
        """Every token attends to itself only. Holds in this thread, for processors that use torch's attention and for those
        that multiply by themselves.
        """

        def __torch_function__(
            self,
            func: Callable[..., Any],
            types: object,
            args: Sequence[Any] = (),
            kwargs: dict[str, Any] | None = None,
        ) -> Any:
            kwargs = kwargs or {}
            if func is functional.scaled_dot_product_attention:
                named = dict(zip(("query", "key", "value"), args, strict=False)) | kwargs
                # Cross-attention has another number of keys than of queries, and stays.
                if named["query"].shape[-2] == named["value"].shape[-2]:
                    # The identity times the values, which with grouped queries (`enable_gqa`) several heads share.
                    shared = named["query"].shape[-3] // named["value"].shape[-3] if named.get("enable_gqa") else 1
                    return named["value"].repeat_interleave(shared, dim=-3) if shared > 1 else named["value"]
            if func in (torch.softmax, torch.Tensor.softmax, functional.softmax):
                scores = args[0]
                if scores.shape[-1] == scores.shape[-2]:
                    return torch.eye(scores.shape[-1], dtype=scores.dtype, device=scores.device).expand_as(scores)
            return func(*args, **kwargs)

    return IdentityScores
