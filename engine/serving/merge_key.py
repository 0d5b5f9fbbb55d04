"""What must be alike in calls of a network that become one, and why some calls are made alone."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from ...registry.applied import applied_to
from ...registry.identity.context_changes import context_words
from ...registry.model_dtype import is_hooked
from ...state.digest import NoDigestError
from ..network_calls import RowArguments, call_effects
from .merged_arguments import NotMergeableError, form_of

if TYPE_CHECKING:
    import torch


def network_fault(network: Callable[..., Any], declared: RowArguments, recompiles: bool) -> str | None:
    """Say why no call of a network is merged, as far as that hangs on the network; None where calls are.

    Args:
        recompiles: it is compiled, and calls have several numbers of rows.
    """
    import torch

    if not declared.independent:
        return "its family says that rows are not independent"
    if not isinstance(network, torch.nn.Module):
        return "it is no module"
    if network.training:
        return "it is in training mode"
    keeping = next((type(each.technique).__name__ for each in applied_to(network) if each.keeps), None)
    if keeping is None and (is_hooked(network) or getattr(network, "is_cache_enabled", False) is True):
        keeping = "a hook of diffusers"
    if keeping is not None:
        return f"it keeps something from one call to the next ({keeping})"
    if recompiles:
        return "it is compiled, and would be again for each number of rows; Merger(bucket=...) gives all calls the same number"
    return None


def context_fault(is_compiled: bool) -> str | None:
    """Say why a call of this thread is made alone; None where nothing stands against it."""
    import torch

    effects = call_effects()
    if None in effects:
        return "its layers are watched, or do something else in its thread"
    if effects and is_compiled:
        # Parts of it run as they were written meanwhile, for which other threads wait.
        return "it is compiled, and something is changed in it for this call"
    if torch.is_grad_enabled():
        return "gradients are recorded"
    if torch._C._len_torch_function_stack() or torch._C._len_torch_dispatch_stack():
        return "a mode of torch is active in its thread"
    return None


def merge_key(
    network: torch.nn.Module, arguments: dict[str, Any], declared: RowArguments, rows: int
) -> tuple[Hashable, ...]:
    """Return what must be alike in calls that become one: what is called, how, and with arguments of which form.

    Raises:
        NotMergeableError: nothing tells.
    """
    import torch

    first: torch.Tensor = next(iter(arguments.values()))
    kind = first.device.type
    try:
        changes = context_words()
    except NoDigestError as error:
        raise NotMergeableError(str(error)) from None
    return (
        id(network),
        call_effects(),
        changes,
        torch.is_inference_mode_enabled(),
        (torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)),
        _stream(first),
        form_of(arguments, declared, rows),
    )


def _stream(tensor: torch.Tensor) -> Hashable:
    """Return on which stream of its device this thread computes."""
    import torch

    if tensor.device.type == "cpu" or not torch.accelerator.is_available():
        return None
    stream = torch.accelerator.current_stream(tensor.device)
    return stream.stream_id, stream.device_index
