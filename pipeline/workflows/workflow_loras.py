"""LoRAs in workflow files: read with the position of every fault, and written back where they are known by their origin."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...adapters.lora import Loras
from ...adapters.lora_origins import counting, origin_faults, origins_of, weight_of
from ...adapters.lora_state import state_of
from ...adapters.wanted_loras import WantedLora, lora_models
from ...registry import ComponentSpec
from ...registry.catalog import shipped_folder, shipped_name
from ...registry.hub.repo import Repo
from ...registry.hub.repo_paths import name_fault
from ...registry.index import origin_faults as place_faults
from ...state import ComponentError
from .written_workflow import WrittenLora

if TYPE_CHECKING:
    from ..modular_pipeline import ModularPipeline

Fault = Callable[[tuple[Any, ...], str], None]


def wanted_loras(
    pipe: ModularPipeline, written: Sequence[WrittenLora], file: str, fault: Fault
) -> tuple[WantedLora, ...]:
    """Return the LoRAs that a file names, for `load_components` to put in.

    Args:
        file: its name. fault: is told the place and the text of what is wrong.
    """
    if written and not lora_models(pipe):
        fault(("loras",), "none of the workflow's blocks is of a model family that knows LoRAs.")
    found: list[WantedLora] = []
    for number, each in enumerate(written):
        name = each.name or _default_name(number)
        for key, text in _faults(each, name, {other.name for other in found}, file):
            fault(("loras", number, key), text)
        repo = shipped_folder(each.repo) or each.repo
        found.append(WantedLora(name, repo, each.file, each.revision, float(each.weight)))
    return tuple(found)


def _faults(written: WrittenLora, name: str, taken: set[str], file: str) -> Iterator[tuple[str, str]]:
    places = {
        "repo": ComponentSpec("lora", repo=written.repo),
        "revision": ComponentSpec("lora", revision=written.revision),
    }
    for key, place in places.items():
        yield from ((key, text) for text in place_faults(place, Repo(file, Path())))
    if not written.repo:
        yield "repo", "say where it is: owner/name on the Hub, a folder, or the name of one that ships (arrow_lora)."
    for part in (written.file or "").split("/") if written.file is not None else ():
        if wrong := name_fault(part):
            yield "file", f"{written.file!r} is refused: {wrong}."
    if written.file is not None and not written.file.endswith(".safetensors"):
        yield "file", f"{written.file!r} is no .safetensors file."
    if not math.isfinite(written.weight):
        yield "weight", f"{written.weight} is no weight; give a number such as 0.8."
    if "." in name:
        yield "name", f"{name!r} has a dot, and PEFT names layers by it; leave it out."
    if name in taken:
        yield "name", f"{name!r} is the name of another LoRA of this file, too."


def _default_name(number: int) -> str:
    return f"lora_{number}"


def lora_entry(lora: WantedLora, number: int) -> dict[str, Any]:
    """Return what a file says of a LoRA, by its place in the list."""
    found: dict[str, Any] = {"repo": shipped_name(lora.repo) or lora.repo}
    found |= {key: value for key, value in (("file", lora.file), ("revision", lora.revision)) if value is not None}
    found |= {"weight": lora.weight} if lora.weight != 1.0 else {}
    return found | ({"name": lora.name} if lora.name != _default_name(number) else {})


def live_loras(pipe: ModularPipeline, faults: list[str]) -> tuple[WantedLora, ...]:
    """Return the LoRAs of a pipeline by their origins; what no file can say of them goes to `faults`."""
    if pipe.wanted_loras.loras:
        return pipe.wanted_loras.loras
    models = _adapted(pipe)
    orders = {}
    found: dict[str, WantedLora] = {}
    for component, model in models.items():
        try:
            orders[component] = counting(model)
            names = list(state_of(model).alphas)
        except ComponentError as error:
            faults.append(f"{component}: {error}")
            continue
        for name in names:
            wrong = _model_faults(model, name, orders[component], pipe)
            lora = None if wrong else _lora_of(model, name)
            if lora is not None and found.setdefault(name, lora) != lora:
                wrong = [f"the LoRA {name!r} has another weight or origin in another model"]
            faults += [f"{component}: {text}, which no workflow file says. {_ADVICE}" for text in wrong]
    order = max(orders.values(), key=len, default=())
    for component, other in orders.items():
        if other != tuple(name for name in order if name in other):
            faults.append(
                f"{component}: its LoRAs count in another order than those of other models: set_adapters(...)."
            )
    return tuple(found[name] for name in order if name in found)


_ADVICE = "Set it right, unload_lora_weights(), or write the whole pipeline with save_pretrained."


def _adapted(pipe: ModularPipeline) -> dict[str, Any]:
    """Return the models with LoRAs that the family's loader knows."""
    try:
        models = Loras(pipe).models
    except ComponentError:
        return {}
    return {name: model for name, model in models.items() if getattr(model, "peft_config", None)}


def _model_faults(model: object, name: str, active: Sequence[str], pipe: ModularPipeline) -> list[str]:
    found = list(origin_faults(model, name, pipe.hub_options))
    if name not in active:
        found.append(f"the LoRA {name!r} is loaded and does not count")
    elif weight_of(model, name) is None:
        found.append(f"the LoRA {name!r} has another weight in some layers than in others")
    return found


def _lora_of(model: object, name: str) -> WantedLora:
    origin, weight = origins_of(model)[name], weight_of(model, name)
    return WantedLora(name, origin.repo, origin.file, origin.revision, 1.0 if weight is None else weight)
