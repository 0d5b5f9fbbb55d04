"""Where a workflow file says that a pipeline's components are from, by names where they have some, and whether they are so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...adapters.lora_state import state_of
from ...adapters.textual_inversion import taught_of
from ...adapters.wanted_loras import lora_models
from ...guiders import Guider
from ...guiders.guider_file import guider_config
from ...registry import ComponentSpec, PipelineIndex, read_index
from ...registry.catalog import shipped_name
from ...registry.compilation import uncompiled
from ...registry.component_spec import LOADING_FIELDS
from ...registry.identity.same_component import component_differences
from ...saving.pieces import origin_faults, pieces_of
from ...saving.unsavable import component_faults
from ...state import BrickworkError, ComponentError, InputError
from ...state.errors import with_article
from ...state.value_data import data_of
from ..saved_components import created_entry, dtype_words, loaded_encoders
from .guider_names import guider_reference

if TYPE_CHECKING:
    from ..modular_pipeline import ModularPipeline


def named_repo(repo: str) -> str:
    """Return a repository by its name, where it ships with this package; else as it is."""
    return shipped_name(repo) or repo


def common_repo(pipe: ModularPipeline) -> tuple[str | None, PipelineIndex]:
    """Return the repository that most components are from, if it has an index that says so of them, and that index."""
    counts = Counter((spec.repo, spec.revision) for spec in _with_origin(pipe))
    # One that most are from is named once for the whole file.
    for (repo, revision), _ in counts.most_common(1):
        try:
            index = read_index(str(repo), revision=revision, **pipe.hub_options)
        except BrickworkError:  # a folder of one model, say: then each component says by itself where it is from
            break
        # A repository whose index says otherwise of every component would save no line.
        if any(_is_told(pipe, str(spec.name), index) for spec in _with_origin(pipe)):
            return repo, index
    return None, PipelineIndex()


def _with_origin(pipe: ModularPipeline) -> list[ComponentSpec]:
    return [s for s in pipe.specs.values() if s.default_creation_method == "from_pretrained" and s.repo is not None]


def _is_told(pipe: ModularPipeline, name: str, index: PipelineIndex) -> bool:
    """Return whether an index says of a component what its spec does."""
    said = index.specs.get(name)
    return said is not None and said.load_id == pipe.specs[name].load_id and dtype_of_spec(pipe, name) is None


def dtype_of_spec(pipe: ModularPipeline, name: str) -> str | None:
    """Return the number format in which a component is loaded, or is to be; None for float32."""
    component = pipe.components[name]
    return pipe.specs[name].dtype if component is None else dtype_words(component)


def component_entries(pipe: ModularPipeline, index: PipelineIndex) -> dict[str, Any]:
    """Return what the file says of components that neither the blocks nor the common repository say.

    Raises:
        InputError: a setting is no plain data; every one is named.
    """
    defaults = {str(spec.name): spec for spec in pipe.blocks.expected_components}
    found: dict[str, Any] = {}
    faults = []
    for name, spec in pipe.specs.items():
        component = pipe.components[name]
        try:
            if name in pipe.none_on_purpose - index.absent:
                found[name] = None
                continue
            if spec.default_creation_method == "from_config":
                entry = _made_entry(name, component, defaults[name])
            elif spec.repo is None or _is_told(pipe, name, index):
                entry = None
            else:
                entry = _origin(spec, dtype_of_spec(pipe, name))
            found |= {name: entry} if entry is not None else {}
        except ValueError as error:
            faults.append(f"{name}: {error}.")
    if faults:
        raise InputError.of("Components cannot be written", faults)
    return found


def _made_entry(name: str, component: object, default: ComponentSpec) -> Any:
    """Return what a component is made of, where it is not what the blocks make themselves."""
    if component is None:
        return None
    if isinstance(component, Guider):
        if default.default_creation_method == "from_config" and component == default.copy().create():
            return None
        config = guider_config(component, guider_reference)
        standard = _standard(type(component))
        changed = {key: value for key, value in config.items() if key != "_class_name" and value != standard.get(key)}
        return {"guider": {"name": config["_class_name"], **data_of(changed)}}
    if default.default_creation_method == "from_config" and not component_differences(
        component, default.copy().create()
    ):
        return None
    entry = created_entry(name, component)
    if entry is None:
        raise ValueError(f"{with_article(type(component).__name__)} without a config is no plain data")
    return {"class": entry["class"], "config": data_of(entry["config"])}


def _standard(cls: type[Guider]) -> dict[str, Any]:
    """Return a guider's own defaults; none where it cannot be made without settings."""
    try:
        return cls().config
    except TypeError:
        return {}


def _origin(spec: ComponentSpec, dtype: str | None) -> Any:
    """Return a text where there is nothing but a repository to say."""
    found = {name: getattr(spec, name) for name in LOADING_FIELDS[1:] if getattr(spec, name)}
    found |= {"dtype": dtype} if dtype is not None else {}
    repo = named_repo(str(spec.repo))
    return {"repo": repo, **found} if found else repo


def live_faults(pipe: ModularPipeline) -> Iterator[str]:
    """Say of which loaded components a file that names origins would not tell all."""
    encoders = loaded_encoders(pipe)
    # Shared by all: a model that two names hold is looked through once.
    fresh: dict[int, Any] = {}
    taking = lora_models(pipe)
    for name in pipe.pretrained_component_names:
        component, spec = uncompiled(pipe.components[name]), pipe.specs[name]
        if component is None:
            continue
        if spec.repo is None:
            yield f"{name} is of unknown origin, which no file can name: save_pretrained writes the component itself."
            continue
        found = [
            *component_faults(name, component, fresh, spec.type_hint),
            *_adapter_faults(name, component, name in taking),
        ]
        yield from found
        if not found:
            try:
                yield from origin_faults(pieces_of(name, component, encoders, fresh), spec, pipe.hub_options)
            except BrickworkError as error:
                yield f"{name} would not open: {error}"
    for name in sorted(pipe.pending_adapters.names):
        yield f"{name} has saved adapters, which a workflow file does not hold: save_pretrained writes them."


def _adapter_faults(name: str, component: object, is_known: bool) -> Iterator[str]:
    """Adapters lie in no origin; LoRAs of a family's models are looked at by `live_loras`."""
    try:
        loras = state_of(component).alphas if getattr(component, "peft_config", None) and not is_known else {}
    except ComponentError as error:
        yield f"{name}: {error}"
        return
    if loras:
        yield (
            f"{name} has the LoRA {next(iter(loras))!r}, which a workflow file does not hold: unload_lora_weights() first, or write the "
            "whole pipeline with save_pretrained."
        )
    taught = taught_of(component)
    if taught is not None:
        yield (
            f"{name} was taught {next(iter(taught.words))!r}, which a workflow file does not hold: unload_textual_inversion() first, or "
            "write the whole pipeline with save_pretrained."
        )
