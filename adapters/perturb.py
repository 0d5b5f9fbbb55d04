"""Takes something away from a network during one call: layers, attention scores, sharp queries. Other threads do not see it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..engine.device_copies import sent
from ..engine.network_calls import call_effect
from ..families.layers import Layer
from ..guiders import Perturbation
from ..state import InputError
from .as_written import as_written
from .forward_override import ForwardOverride, override_forward
from .self_attention import attention_modules, feed_forward_modules, self_attending
from .token_blur import blurred_tokens

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@contextmanager
def perturbed(
    denoiser: torch.nn.Module,
    layers: Sequence[Layer],
    recommended: Sequence[int],
    wanted: Sequence[Perturbation],
    aspect: float,
) -> Iterator[None]:
    """Perturb a denoiser in this thread, until the end of the `with`; compiled parts with such layers run as they were written.

    Args:
        layers: all of the denoiser's, in the order in which they run. recommended: numbers of those to take where a
            perturbation names none. aspect: height of the latents by their width.

    Raises:
        InputError: a perturbation names layers that are not there.
    """
    found: dict[int, tuple[Any, ForwardOverride]] = {}
    for perturbation in wanted:
        for number, layer in chosen_layers(layers, recommended, perturbation):
            found.update({id(module): (module, b) for module, b in _behaviours(layer, perturbation, number, aspect)})
    changes = list(found.values())
    effect = call_effect(("perturbed", tuple(wanted), tuple(recommended), aspect))
    with effect, as_written(denoiser, [module for module, _ in changes]), override_forward(changes, is_known=True):
        yield


def chosen_layers(
    layers: Sequence[Layer], recommended: Sequence[int], perturbation: Perturbation
) -> Iterator[tuple[int, Layer]]:
    """Yield the layers that a perturbation names, with their numbers among all.

    Raises:
        InputError: it names layers that are not there.
    """
    numbered = list(enumerate(layers))
    if perturbation.path != "auto":
        stack = [(n, layer) for n, layer in numbered if layer.path.startswith(f"{perturbation.path}.")]
        if not stack:
            stacks = dict.fromkeys(layer.path.rpartition(".")[0] for layer in layers)
            raise InputError(f"The denoiser has no layers in {perturbation.path!r}; there are: {', '.join(stacks)}.")
        numbered = stack
    indices = perturbation.layers
    if indices is None:
        yield from numbered if perturbation.path != "auto" else [numbered[index] for index in recommended]
        return
    wrong = [index for index in indices if not -len(numbered) <= index < len(numbered)]
    if wrong:
        where = "" if perturbation.path == "auto" else f" in {perturbation.path!r}"
        raise InputError(f"There are layers 0 to {len(numbered) - 1}{where}, and no {', '.join(map(str, wrong))}.")
    yield from [numbered[index] for index in indices]


def acts_on(layer: Layer, perturbation: Perturbation) -> bool:
    """Return whether a layer has what a perturbation takes away; in some networks nothing is known for its feed-forward part."""
    return next(_behaviours(layer, perturbation, 0, 1.0), None) is not None


def _behaviours(layer: Layer, what: Perturbation, number: int, aspect: float) -> Iterator[tuple[Any, ForwardOverride]]:
    """Yield what the modules of a layer do instead."""
    # More than any model has layers, so that layers of different steps have different seeds.
    seed = what.seed * 10_007 + number
    if what.kind == "block":
        yield layer.module, _left_out(layer.returns, what.dropout, seed)
    elif what.kind == "feed-forward":
        for module in feed_forward_modules(layer.module):
            yield module, _left_out(("hidden_states",), what.dropout, seed)
    else:
        for module in attention_modules(layer.module):
            if what.kind == "scores":
                yield module, self_attending
            elif what.kind == "attention":
                yield module, _left_out(layer.attention or layer.returns[::-1], what.dropout, seed)
            else:
                yield module.to_q, _blurring(what.sigma, aspect)
                # Where projections are fused, this is called, which has the queries first.
                if (fused := getattr(module, "to_qkv", None)) is not None:
                    yield fused, _blurring(what.sigma, aspect, module.to_q.out_features)


def _left_out(returns: tuple[str, ...], dropout: float, seed: int) -> ForwardOverride:
    """Give inputs back as they came, or drop a share of the results."""

    def leave_out(forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if dropout < 1.0:
            return _dropped(forward(*args, **kwargs), dropout, seed)
        given = {"hidden_states": args[0] if args else kwargs.get("hidden_states")}
        given["encoder_hidden_states"] = _text_among(forward, args, kwargs)
        # A block hands back what it was given, in the order in which it returns: blocks of two streams return text as
        # well.
        kept = [given[name] for name in returns if given[name] is not None]
        return kept[0] if len(kept) == 1 or len(returns) == 1 else tuple(kept)

    return leave_out


def _text_among(forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Return the hidden states of text that a block or its attention is given, by position or by whatever name."""
    try:
        named = inspect.signature(forward).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):  # of a compiled module
        named = kwargs
    known = [value for name, value in named.items() if name.endswith("encoder_hidden_states")]
    return known[0] if known else args[1] if len(args) > 1 else None


def _dropped(result: Any, share: float, seed: int) -> Any:
    """Drop a share of the numbers and scale up the others; the same ones every time, for the run to be repeatable."""
    import torch

    if isinstance(result, tuple):
        return tuple(_dropped(part, share, seed + index) for index, part in enumerate(result))
    # On the CPU, where the same seed gives the same numbers as on any other machine.
    generator = torch.Generator().manual_seed(seed)
    kept = torch.rand(result.shape, generator=generator) >= share
    return result * sent(kept, result.device).to(result.dtype) / (1.0 - share)


def _blurring(sigma: float, aspect: float, width: int | None = None) -> ForwardOverride:
    """Blur a result over tokens, or the first channels of it."""
    import torch

    def blur(forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Tensor:
        found = forward(*args, **kwargs)
        if width is None:
            return blurred_tokens(found, sigma, aspect)
        return torch.cat([blurred_tokens(found[..., :width], sigma, aspect), found[..., width:]], dim=-1)

    return blur
