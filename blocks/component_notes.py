"""Writes down components for recipes, again only when they are others than before."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..registry import ComponentSpec, shipped
from ..registry.classes import library_of
from ..registry.component_key import component_key
from ..registry.file_digest import weights_digest
from ..registry.fingerprint import TOKENS, adapters_of, files_of, fingerprint
from .recipe_values import written_input

if TYPE_CHECKING:
    from .components import PipelineComponents


@frozen(eq=False)
class _Note:
    """What one component was. It holds no component: a class, words, and a configuration, which is frozen."""

    component: Any
    parameter: Any
    cls: type
    load_id: str
    files: str
    dtype: Any
    adapters: dict[str, float]
    config: Any

    def still_holds(self, component: Any) -> bool:
        """Whether the component is the same, of the same number format, with no adapters."""
        if component is None or self.component is None or self.component() is not component or self.adapters:
            return False
        if self.parameter is not None and getattr(self.parameter(), "dtype", None) is not self.dtype:
            return False
        held = vars(component)
        return held.get("_diffusers_load_id", "null") == self.load_id and not (
            held.get("peft_config") or held.get(TOKENS)
        )

    @property
    def written(self) -> dict[str, Any]:
        """As recipes have it."""
        entry: dict[str, Any] = {
            "class": f"{library_of(self.cls)}:{self.cls.__name__}",
            "origin": _origin(self.load_id),
        }
        if self.dtype is not None:
            entry["dtype"] = str(self.dtype)
        if self.adapters:
            entry["adapters"] = self.adapters
        if isinstance(self.config, Mapping):
            named = {str(name): value for name, value in self.config.items()}
            entry["config"] = {n: written_input(value) for n, value in named.items() if not n.startswith("_")}
        return entry

    @property
    def weights(self) -> str | None:
        """Digest of the weight files, or of a vocabulary; None where the weights are, or may be, others than in the files."""
        component = self.component() if self.component is not None else None
        if self.dtype is None:
            return component_key(component) if component is not None else None
        if self.load_id == "null" or (component is not None and fingerprint(component) is None):
            return None
        fields = ComponentSpec.decode_load_id(self.load_id)
        spec = ComponentSpec(None, self.cls, **fields)
        if self.files and spec.file_stamp() != self.files:
            return None
        found = [weights_digest(folder, spec.variant) for folder in spec.local_folders()]
        return " ".join(map(str, found)) if len(found) > 1 else found[0]


@frozen(eq=False, slots=False)
class RunNotes:
    """What the components of one run were."""

    notes: Mapping[str, _Note]

    def written(self) -> dict[str, Any]:
        """By component."""
        return {name: note.written for name, note in self.notes.items()}

    def weights(self) -> dict[str, Any]:
        """Digests of weights, which takes as long as reading the files the first time."""
        return {"weights": self._weights}

    @cached_property
    def _weights(self) -> dict[str, str | None]:
        return {name: note.weights for name, note in self.notes.items() if not isinstance(note.config, Mapping)}


class ComponentNotes:
    """What a pipeline's components were at its last run."""

    def __init__(self) -> None:
        self._known: dict[str, _Note] = {}
        self._last = RunNotes({})

    def of(self, pipe: PipelineComponents, names: tuple[str, ...], components: Mapping[str, Any]) -> RunNotes:
        """Return what these components are now."""
        found = {name: self._note_of(name, components[name], pipe) for name in names}
        last = self._last
        if last.notes.keys() != found.keys() or any(last.notes[name] is not note for name, note in found.items()):
            last = self._last = RunNotes(found)
        return last

    def _note_of(self, name: str, component: Any, pipe: PipelineComponents) -> _Note:
        known = self._known.get(name)
        if known is not None and known.still_holds(component):
            return known
        note = _unloaded(pipe.specs[name], pipe.options_of(name)) if component is None else _noted(component)
        self._known[name] = note
        return note


def _unloaded(spec: ComponentSpec, options: Mapping[str, Any]) -> _Note:
    """A component that is loaded during the run."""
    return _Note(None, None, spec.type_hint, spec.load_id, spec.file_stamp(), spec.format_of(**options), {}, None)


def _noted(component: Any) -> _Note:
    is_model = hasattr(component, "named_parameters")
    parameter = next((p for p in component.parameters() if p.is_floating_point()), None) if is_model else None
    has_place = hasattr(component, "__dict__")
    return _Note(
        weakref.ref(component) if has_place else None,
        weakref.ref(parameter) if parameter is not None else None,
        type(component),
        getattr(component, "_diffusers_load_id", "null"),
        files_of(component),
        parameter.dtype if parameter is not None else None,
        dict(adapters_of(component)) if is_model else {},
        None if is_model else getattr(component, "config", None),
    )


def _origin(load_id: str) -> dict[str, Any] | None:
    """Where it is from, by names that mean something elsewhere: of a local folder, only its own name."""
    if load_id == "null":
        return None
    fields = ComponentSpec.decode_load_id(load_id)
    repo = str(fields["pretrained_model_name_or_path"])
    is_local = Path(repo).is_absolute() or Path(repo).exists()
    name = next((name for name in shipped if Path(repo) == shipped.get(name)), Path(repo).name) if is_local else repo
    where = {"repo": name, "local": is_local and name not in shipped}
    return {**where, **{key: fields[key] for key in ("subfolder", "variant", "revision") if fields[key]}}
