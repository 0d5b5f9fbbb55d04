"""What LoRAs are in a model, as data and tensors, and put in again from these: strengths, order, and which of them count."""

from __future__ import annotations

import math
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ..registry.identity.same_model import same_tensor
from ..registry.loading.base_modules import adapted_layers
from ..registry.loading.needed_packages import refuse_without
from ..state import ComponentError, RepoError
from .lora_gradients import note_gradients

if TYPE_CHECKING:
    import torch

NEEDED = ("peft", "LoRAs need")
"""The package, in the words of `refuse_without`."""
Number = float | dict[str, float]
"""One for all layers, or by layer."""


@frozen
class LoraState:
    """The LoRAs of one model.

    Attributes:
        alphas, scalings: of each by name; a scaling is what its product is multiplied with, which alpha, rank and the weight that
            it was given make. active: those that count, in the order in which they are added. enabled: False while none counts.
    """

    alphas: Mapping[str, Number] = field(factory=dict)
    scalings: Mapping[str, Number] = field(factory=dict)
    active: tuple[str, ...] = ()
    enabled: bool = True

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> LoraState:
        """Make it of what `to_dict` has written.

        Raises:
            RepoError: it is something else.
        """
        try:
            alphas, scalings = (
                {str(name): _number(value) for name, value in data[key].items()} for key in ("alphas", "scalings")
            )
            active, enabled = tuple(data["active"]), data["enabled"]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise RepoError(f"a description of LoRAs is broken: {error!r}.") from None
        if (
            alphas.keys() != scalings.keys()
            or not isinstance(enabled, bool)
            or not all(isinstance(name, str) for name in active)
        ):
            raise RepoError(
                "a description of LoRAs is broken: names, strengths and which of them count do not fit together."
            )
        return cls(alphas, scalings, active, enabled)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "alphas": dict(self.alphas),
            "scalings": dict(self.scalings),
            "active": list(self.active),
            "enabled": self.enabled,
        }


def state_of(model: Any) -> LoraState:
    """Return what LoRAs are in a model and not in its weights.

    Raises:
        ComponentError: it has adapters of another kind, or is in a state that cannot be written.
    """
    layers = dict(adapted_layers(model))
    if not layers or all(layer.merged for layer in layers.values()):
        if any(layer.disable_adapters for layer in layers.values()):
            raise ComponentError("its LoRAs are fused and disabled at once: unfuse_lora(), or enable_lora().")
        return LoraState()
    names = list(model.peft_config)
    _refuse_others(model, layers)
    # The order counts: adapters are added one after another, and sums round.
    active = {tuple(layer.active_adapters) for layer in layers.values()}
    enabled = {not layer.disable_adapters for layer in layers.values()}
    if len(active) != 1 or len(enabled) != 1:
        raise ComponentError("other LoRAs count in some of its layers than in others: set_adapters(...) for the whole.")
    return LoraState(
        {
            name: _compact({path: layer.lora_alpha[name] for path, layer in layers.items() if name in layer.lora_alpha})
            for name in names
        },
        {
            name: _compact({path: layer.scaling[name] for path, layer in layers.items() if name in layer.scaling})
            for name in names
        },
        active.pop(),
        enabled.pop(),
    )


def _refuse_others(model: Any, layers: Mapping[str, Any]) -> None:
    kinds = {type(config).__name__ for config in model.peft_config.values()}
    if kinds != {"LoraConfig"}:
        raise ComponentError(
            f"its adapters are made by {', '.join(sorted(kinds))}, and only LoRAs are saved: delete_adapters(...) first."
        )
    if any(layer.merged for layer in layers.values()):
        raise ComponentError(
            "LoRAs are fused into some of its layers and not into others: unfuse_lora(), or fuse all of them."
        )
    extras = {name for name, config in model.peft_config.items() if config.modules_to_save or config.bias != "none"}
    if extras:
        raise ComponentError(
            f"the adapter {min(extras)!r} replaces weights besides its LoRA, which is not saved: delete_adapters(...) first."
        )


def tensors_of(model: object, name: str) -> dict[str, Any]:
    """Return the tensors of one LoRA, by the names that PEFT's files have."""
    refuse_without(*NEEDED)
    from peft import get_peft_model_state_dict

    found: dict[str, Any] = get_peft_model_state_dict(model, adapter_name=name)
    return {key: tensor.detach().contiguous() for key, tensor in found.items()}


def put_in(model: Any, state: LoraState, tensors: Mapping[str, Mapping[str, Any]]) -> None:
    """Put LoRAs into a model that has none of their names.

    Args:
        tensors: of each LoRA by name, as `tensors_of` gave them.

    Raises:
        ComponentError: they do not fit the model.
    """
    note_gradients(model)
    for name, held in tensors.items():
        _inject(model, name, held)
    for path, layer in adapted_layers(model):
        for name in state.alphas:
            if name in layer.lora_alpha:
                layer.lora_alpha[name] = _of(state.alphas[name], path)
                layer.scaling[name] = _of(state.scalings[name], path)
        layer.set_adapter(list(state.active))
        layer.enable_adapters(state.enabled)
        layer.train(model.training)


def _inject(model: torch.nn.Module, name: str, tensors: Mapping[str, Any]) -> None:
    refuse_without(*NEEDED)
    from peft import LoraConfig, inject_adapter_in_model, set_peft_model_state_dict

    ranks = {
        key.partition(".lora_A")[0]: int(tensor.shape[0])
        for key, tensor in tensors.items()
        if ".lora_A" in key and tensor.ndim > 1
    }
    if not ranks:
        raise ComponentError(f"the LoRA {name!r} holds no layers.")
    # PEFT wants one rank, and a pattern for each layer that has another: the commonest makes the fewest.
    ((usual, _),) = Counter(ranks.values()).most_common(1)
    config = LoraConfig(
        r=usual,
        lora_alpha=usual,
        target_modules=sorted(ranks),
        # Escaped and anchored: PEFT matches patterns at the end of a path, so "0.to_q" would be meant by "10.to_q",
        # too.
        rank_pattern={f"^{re.escape(layer)}": rank for layer, rank in ranks.items() if rank != usual},
        use_dora=any("lora_magnitude_vector" in key for key in tensors),
        lora_bias=any(key.endswith("lora_B.bias") for key in tensors),
    )
    try:
        with warnings.catch_warnings():
            # Of models that have a LoRA already, which is what a second one is for.
            warnings.filterwarnings("ignore", message="Already found a `peft_config`")
            inject_adapter_in_model(config, model, name, low_cpu_mem_usage=True, state_dict=dict(tensors))
        # Without memory first, then the tensors themselves in their place: nothing is initialised to be written over.
        left: Any = set_peft_model_state_dict(model, dict(tensors), name, low_cpu_mem_usage=True)
    except (KeyError, RuntimeError, ValueError) as error:
        raise ComponentError(f"the LoRA {name!r} does not fit the model: {error}") from error
    if left.unexpected_keys:
        raise ComponentError(
            f"the LoRA {name!r} does not fit the model: it has {', '.join(sorted(left.unexpected_keys)[:3])} besides."
        )
    # What diffusers and transformers ask whether a model has adapters.
    vars(model)["_hf_peft_config_loaded"] = True


def _number(value: object) -> Number:
    return {str(layer): _plain(each) for layer, each in value.items()} if isinstance(value, dict) else _plain(value)


def _plain(value: Any) -> float:
    """A whole number stays one: by its identity, a layer with a strength of 4 is another one than with 4.0."""
    found = value if type(value) in (int, float) else float(value)
    if not math.isfinite(found):
        raise ValueError(f"a strength is {found}")
    return found


def _compact(values: Mapping[str, float]) -> Number:
    return next(iter(values.values())) if len(set(values.values())) == 1 else dict(values)


def _of(number: Number, path: str) -> float:
    return number.get(path, 1.0) if isinstance(number, dict) else number


def lora_differences(live: object, other: object) -> Iterator[str]:
    """Say in what the LoRAs of two models differ."""
    ours, theirs = state_of(live), state_of(other)
    if ours != theirs:
        yield f"its LoRAs are {ours.to_dict()}, and opened again {theirs.to_dict()}."
        return
    for name in ours.alphas:
        mine, read = tensors_of(live, name), tensors_of(other, name)
        different = [key for key in mine.keys() | read.keys() if not same_tensor(mine.get(key), read.get(key))]
        if different:
            yield f"the LoRA {name!r} is another one once it is opened again ({_some(different)})."


def _some(names: Iterable[str]) -> str:
    found = sorted(names)
    return found[0] if len(found) == 1 else f"{found[0]} and {len(found) - 1} more"
