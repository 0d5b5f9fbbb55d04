"""Where the LoRAs of a model are from, noted as they are loaded, and in what they are others now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve, frozen

from ..registry.loading.base_modules import adapted_layers
from ..state import BrickworkError
from ..state.digest import digest_of
from .lora_file import lora_tensors
from .lora_state import state_of, tensors_of

_ORIGINS = "_brickwork_lora_origins"
"""Note on a model: its LoRAs' origins by name. It lies there so that a copy of the model has it, too."""
_DIGITS = (15, 12, 9, 6)
"""Of weights that are tried, since a strength is a product, and rounded."""


@frozen
class LoraOrigin:
    """A file of a LoRA.

    Attributes:
        repo: folder, or name on the Hub. file: in it; None for the only one. revision: of a repository on the Hub. stored: digest of
            the file's tensors. held: digest of the tensors in the model, as they were once it was loaded.
    """

    repo: str
    file: str | None
    revision: str | None
    stored: str
    held: str = ""


def stored_digest(tensors: Mapping[str, Any]) -> str:
    """Digest tensors by name, wherever they lie."""
    return digest_of({name: tensors[name].detach().cpu().contiguous() for name in sorted(tensors)})


def note_origin(models: Mapping[str, Any], name: str, origin: LoraOrigin | None) -> None:
    """Note on the models that have a LoRA where it is from; None where nothing but its tensors was given."""
    for model in models.values():
        if name in (getattr(model, "peft_config", None) or {}):
            noted = {**origins_of(model)}
            noted.pop(name, None)
            if origin is not None:
                noted[name] = evolve(origin, held=stored_digest(tensors_of(model, name)))
            object.__setattr__(model, _ORIGINS, noted)


def origins_of(model: object) -> Mapping[str, LoraOrigin]:
    """Return the origins that were noted, by name; some may be of LoRAs that were taken out since."""
    found: Mapping[str, LoraOrigin] = getattr(model, "__dict__", {}).get(_ORIGINS, {})
    return found


def origin_faults(model: object, name: str, hub: Mapping[str, Any]) -> Iterator[str]:
    """Say in what a LoRA of a model is not the one that its origin holds.

    Args:
        hub: options for reading it, such as `token`.
    """
    origin = origins_of(model).get(name)
    if origin is None:
        yield f"the LoRA {name!r} is of unknown origin"
        return
    if stored_digest(tensors_of(model, name)) != origin.held:
        yield f"the LoRA {name!r} is not as it was loaded from {origin.repo}"
    try:
        stored = stored_digest(lora_tensors(origin.repo, origin.file, origin.revision, hub)[0])
    except BrickworkError as error:
        yield f"the LoRA {name!r} would not open: {error}"
        return
    if stored != origin.stored:
        yield f"{origin.repo} holds another LoRA now than {name!r}"


def weight_of(model: Any, name: str) -> float | None:
    """Return the weight that a LoRA was given by `set_adapters`; None where layers have several, or it was set otherwise."""
    layers = [layer for _, layer in adapted_layers(model) if name in layer.lora_alpha]
    first = layers[0]
    size = first.r[name] ** (0.5 if first.use_rslora.get(name, False) else 1.0)
    exact = first.scaling[name] * size / first.lora_alpha[name] if first.lora_alpha[name] else 1.0
    for weight in (exact, *(round(exact, digits) for digits in _DIGITS)):
        if all(layer.scaling[name] == _scaling(layer, name, weight) for layer in layers):
            return float(weight)
    return None


def _scaling(layer: Any, name: str, weight: float) -> float:
    """Return what PEFT multiplies with for a weight."""
    rank = layer.r[name]
    found: float = weight * layer.lora_alpha[name] / (rank**0.5 if layer.use_rslora.get(name, False) else rank)
    return found


def counting(model: object) -> tuple[str, ...]:
    """Return the LoRAs of a model that count, in their order.

    Raises:
        ComponentError: it is in a state that no file holds.
    """
    state = state_of(model)
    return state.active if state.enabled else ()
