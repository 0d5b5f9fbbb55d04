"""Writes down components for recipes: what they are, and where they are from. It holds no component."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xxhash
from attrs import frozen

from ...engine.execution.identities import RunIdentities
from ...registry import ComponentSpec, Identity, identity_of, shipped
from ...registry.applied import applied_to
from ...registry.compilation import uncompiled
from ...registry.identity.as_made import unknown_changes
from ...registry.identity.component_identity import dtype_of, moment_of
from ...registry.loading.classes import library_of
from ...registry.loading.file_digest import weights_digest
from ...registry.provenance import provenance_of
from ...state.errors import NoDigestError
from .noted_values import written_input

if TYPE_CHECKING:
    from ..components import PipelineComponents

FILES = "files "
"""Before a digest of weights that is of their files, because the run loaded them for itself."""


@frozen(eq=False)
class _Note:
    """Notes what one component was when a run began.

    Attributes:
        identity: or, as text, why nothing tells it; None for one that the run loads for itself. moment: see `moment_of`.
        techniques: that it had, as data. undeclared: what lay on it besides.
    """

    component: Any
    cls: type
    load_id: str
    files: str
    dtype: Any
    identity: Identity | str | None
    config: Any
    moment: object = None
    techniques: tuple[Mapping[str, Any], ...] = ()
    undeclared: tuple[str, ...] = ()

    @property
    def written(self) -> dict[str, Any]:
        """The note as recipes have it."""
        entry: dict[str, Any] = {
            "class": f"{library_of(self.cls)}:{self.cls.__name__}",
            "origin": _origin(self.load_id),
        }
        if self.dtype is not None:
            entry["dtype"] = str(self.dtype)
        if isinstance(self.config, Mapping):
            named = {str(name): value for name, value in self.config.items()}
            entry["config"] = {n: written_input(value) for n, value in named.items() if not n.startswith("_")}
        if isinstance(self.identity, str):
            entry["unknown"] = self.identity
        elif self.identity is not None:
            identity = self.identity
            # Short digests: they are for naming the attribute that differs, and `digest` is what is compared.
            entry["settings"] = {
                name: xxhash.xxh3_64_hexdigest(digest.encode())[:8]
                for name, digest in sorted(identity.settings.items())
            }
            entry["digest"] = identity.settings_digest
            entry |= {
                name: dict(words) for name, words in (("is", identity.words), ("adapters", identity.adapters)) if words
            }
            if identity.declared is not None:
                entry["declared"] = identity.declared
            if self.techniques:
                entry["techniques"] = [dict(each) for each in self.techniques]
            if self.undeclared:
                entry["undeclared"] = list(self.undeclared)
        return entry

    @property
    def has_weights(self) -> bool:
        """True if it is more than its settings: a network, a tokenizer, or what nobody can tell."""
        return not isinstance(self.identity, Identity) or self.identity.weights is not None

    @property
    def weights(self) -> str | None:
        """Digest of what is in the weights or the vocabulary; None where nothing tells, any more."""
        if self.identity is None:
            return self._of_files()
        if isinstance(self.identity, str) or self.identity.is_doubtful:
            return None
        component = self.component() if self.component is not None else None
        # Gone, or looked through to the bottom as the run began: what was found then is all that can be said.
        if component is None or self.moment is None:
            return self.identity.weights
        try:
            now = identity_of(component)
        except NoDigestError:
            return self.identity.weights
        # A change that left no trace may have been made before the run as well as after it.
        was_traced = moment_of(component) is not self.moment
        return self.identity.weights if was_traced or now.weights == self.identity.weights else None

    def _of_files(self) -> str | None:
        if self.load_id == "null":
            return None
        fields = ComponentSpec.decode_load_id(self.load_id)
        spec = ComponentSpec(None, self.cls, **fields)
        if self.files and spec.file_stamp() != self.files:
            return None
        found = [weights_digest(folder, spec.variant) for folder in spec.local_folders()]
        return None if None in found or not found else FILES + " ".join(map(str, found))


@frozen(eq=False, slots=False)
class RunNotes:
    """Notes what the components of one run were."""

    notes: Mapping[str, _Note]

    def written(self) -> dict[str, Any]:
        """Return it by component."""
        return {name: note.written for name, note in self.notes.items()}

    def weights(self) -> dict[str, Any]:
        """Return the digests of weights and vocabularies."""
        return {"weights": self._weights}

    @cached_property
    def _weights(self) -> dict[str, str | None]:
        return {name: note.weights for name, note in self.notes.items() if note.has_weights}


def notes_of(
    pipe: PipelineComponents, names: tuple[str, ...], components: Mapping[str, Any], identities: RunIdentities
) -> RunNotes:
    """Note what components are now; of those that are None on purpose there is nothing to note."""
    there = [name for name in names if components[name] is not None or not pipe.may_be_none(name)]
    return RunNotes({name: _note_of(name, components[name], pipe, identities) for name in there})


def _note_of(name: str, component: object, pipe: PipelineComponents, identities: RunIdentities) -> _Note:
    spec = pipe.specs[name]
    if component is None and _is_settings_alone(spec.type_hint):
        # Loaded to be noted: no file's digest says what is in a scheduler's settings, and to load them costs nothing.
        component = spec.copy().load(**pipe.options_of(name))
        look = identity_of(component, content=identities.content)
        return _noted(component, look, identities)
    if component is None:  # it is loaded during the run
        dtype = spec.format_of(**pipe.options_of(name))
        return _Note(None, spec.type_hint, spec.load_id, spec.file_stamp(), dtype, None, None)
    return _noted(component, identities.look(name), identities)


def _is_settings_alone(cls: Any) -> bool:
    """Return whether a class of components is made of a configuration of diffusers and nothing else, as schedulers are."""
    import torch

    return isinstance(cls, type) and hasattr(cls, "from_config") and not issubclass(cls, torch.nn.Module)


def _noted(component: object, identity: Identity | str, identities: RunIdentities) -> _Note:
    is_model, has_content = hasattr(component, "named_parameters"), hasattr(component, "__dict__")
    origin = provenance_of(component)
    return _Note(
        # A recipe lives as long as its image; it must not hold the models.
        weakref.ref(component) if has_content and type(component).__weakrefoffset__ else None,
        type(uncompiled(component)),
        origin.load_id or "null",
        origin.files,
        dtype_of(component),
        identity,
        None if is_model else getattr(component, "config", None),
        None if identities.content else moment_of(component),
        tuple(each.technique.recorded for each in applied_to(component)),
        unknown_changes(component, identity) if isinstance(identity, Identity) else (),
    )


def _origin(load_id: str) -> dict[str, Any] | None:
    """Return where it is from, by names that mean something elsewhere: of a local folder, only its own name."""
    if load_id == "null":
        return None
    fields = ComponentSpec.decode_load_id(load_id)
    repo = str(fields["pretrained_model_name_or_path"])
    is_local = Path(repo).is_absolute() or Path(repo).exists()
    # A path of this machine would say who made an image, and means nothing on another.
    name = next((name for name in shipped if Path(repo) == shipped.get(name)), Path(repo).name) if is_local else repo
    where = {"repo": name, "local": is_local and name not in shipped}
    return {**where, **{key: fields[key] for key in ("subfolder", "variant", "revision") if fields[key]}}
