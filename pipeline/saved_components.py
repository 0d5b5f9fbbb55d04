"""Which components of a pipeline are saved, and which keep where they came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..adapters.saved_adapters import SavedAdapters, adapter_faults, write_adapters
from ..adapters.textual_inversion import Encoder, encoders_of
from ..registry import ComponentSpec
from ..registry.compilation import uncompiled
from ..registry.hub.repo import local_name
from ..registry.identity.component_identity import dtype_of
from ..registry.loading.load import is_network
from ..saving.pieces import Piece, origin_faults, pieces_of, reopened_faults, words_faults, write
from ..saving.unsavable import component_faults, is_own_network, name_faults
from ..state import BrickworkError, ComponentError, RepoError

if TYPE_CHECKING:
    from .modular_pipeline import ModularPipeline


@frozen
class ComponentsPlan:
    """Says which components of a pipeline are saved, and which keep where they came from.

    Attributes:
        live: all that are loaded, by name. pieces: of those that are saved. kept: of those that keep their origin. variant: of the
            names of weights.
    """

    pipe: ModularPipeline
    live: Mapping[str, Any]
    pieces: Mapping[str, list[Piece]]
    kept: Mapping[str, list[Piece]]
    variant: str | None

    @classmethod
    def of(cls, pipe: ModularPipeline, variant: str | None, overwrite: bool) -> ComponentsPlan:
        """Look at all loaded components.

        Raises:
            RepoError: something cannot be saved; every fault is named.
        """
        loaded = {
            name: uncompiled(pipe.components[name])
            for name in pipe.pretrained_component_names
            if pipe.components[name] is not None
        }
        encoders = loaded_encoders(pipe)
        faults = [*name_faults(loaded), *adapter_faults(loaded, encoders), *_pending_faults(pipe)]
        fresh: dict[int, Any] = {}
        for name, component in loaded.items():
            faults += component_faults(name, component, fresh, declared_class(pipe, name))
        if faults:
            raise RepoError.of("Components cannot be saved", faults)
        try:
            saved = {name: overwrite or pipe.specs[name].repo is None for name in loaded}
            # A variant is of files that are written now; what stays in its repository stays under its name.
            pieces = {
                name: pieces_of(name, each, encoders, fresh, variant if saved[name] else None)
                for name, each in loaded.items()
            }
        except ComponentError as error:
            raise RepoError(str(error)) from error
        plan = cls(
            pipe,
            loaded,
            {name: each for name, each in pieces.items() if saved[name]},
            {name: each for name, each in pieces.items() if not saved[name]},
            variant,
        )
        faults = [
            fault
            for name, each in plan.kept.items()
            for fault in origin_faults(each, pipe.specs[name], pipe.hub_options)
        ]
        if faults:
            raise RepoError.of("Components cannot be left out", faults)
        return plan

    def write(self, stage: Path, max_shard_size: int | str | None) -> SavedAdapters:
        """Write what is saved, and adapters of all that is loaded."""
        for pieces in self.pieces.values():
            for piece in pieces:
                write(piece, stage, max_shard_size)
        return write_adapters(self.live, loaded_encoders(self.pipe), stage)

    # Opened from the stage and before the old folder goes: a save that would not open must not have replaced one that
    # does.
    def faults(self, stage: Path, adapters: SavedAdapters) -> Iterator[str]:
        """Open everything again, and say in what it differs."""
        for name, pieces in [*self.pieces.items(), *self.kept.items()]:
            for piece in pieces:
                try:
                    yield from reopened_faults(piece, stage, adapters, name in self.pieces)
                except BrickworkError as error:
                    yield f"{piece.name} would not open: {error}"
        yield from words_faults(loaded_encoders(self.pipe), adapters, stage)

    def specs(self, own: str, folder: Path) -> dict[str, ComponentSpec]:
        """Return where the components of the saved pipeline are from.

        Args:
            own: what entries call the new repository. folder: that it is saved to.
        """
        specs = {name: spec.copy() for name, spec in self.pipe.specs.items()}
        for spec in specs.values():
            if spec.repo is not None and Path(spec.repo).is_dir():
                spec.repo = own if Path(spec.repo).resolve() == folder.resolve() else local_name(spec.repo)
        for name in self.pipe.none_on_purpose:
            # Also for diffusers, which loads whatever its index names a place of.
            specs[name] = ComponentSpec(name, specs[name]._type_hint, specs[name].description)
            specs[name].default_creation_method = self.pipe.specs[name].default_creation_method
        for name in self.pieces:
            component = self.live[name]
            specs[name] = ComponentSpec(name, type(component), specs[name].description, None, own, name)
            specs[name].variant = self.variant if is_network(type(component)) else None
        for name, component in self.live.items():
            # Files keep the format, but loaders cast to float32 unless they are told.
            specs[name].dtype = dtype_words(component)
        return specs

    def not_for_diffusers(self, adapters: SavedAdapters) -> list[str]:
        """Return what diffusers would leave out if it opened the repository."""
        several = [
            f"{len(pieces) - 1} of the {len(pieces)} models of {name}"
            for name, pieces in self.pieces.items()
            if len(pieces) > 1
        ]
        networks = [
            f"the network {name!r} of a class of its own"
            for name, each in self.live.items()
            if is_own_network(type(each))
        ]
        loras = [f"the LoRA {name!r}" for name in adapters.files]
        words = [f"the word {word!r}" for saved in adapters.words.values() for word in saved.words]
        inputs = [f"the value of the input {name!r}" for name in self.pipe.input_defaults]
        return [*several, *networks, *loras, *words, *inputs]


def declared_class(pipe: ModularPipeline, name: str) -> object:
    """Return the class that the blocks declare for a component; None if they declare none."""
    return next((spec.type_hint for spec in pipe.blocks.expected_components if spec.name == name), None)


def _pending_faults(pipe: ModularPipeline) -> Iterator[str]:
    """Yield adapters of a repository that were not put in, because their component was not loaded."""
    for name in sorted(pipe.pending_adapters.names):
        yield f"{name} is not loaded, and has saved adapters: load_components({name!r}) first."
    for name, (first, *_) in pipe.techniques.items():
        kind = type(first).__name__
        yield f"{name} has the technique {kind}, which no repository holds: pipe.remove({name!r}) before saving. save_workflow writes it."
    for lora in pipe.wanted_loras.loras:
        yield f"The LoRA {lora.name!r} of the workflow's file is not put in yet: load_components() first."


def loaded_encoders(pipe: ModularPipeline) -> dict[str, Encoder]:
    """Return text encoders that are loaded, with their tokenizers; none where the family has none."""
    try:
        found = encoders_of(pipe)
        return {each.name: Encoder(each.name, uncompiled(each.model), each.tokenizer) for each in found}
    except ComponentError:
        return {}


def created_entry(name: str, component: object) -> dict[str, Any] | None:
    """Return what `brickwork.json` says of a component that is made from a configuration; None where nothing describes
    it.
    """
    if not hasattr(component, "config"):
        return None
    spec = ComponentSpec.from_component(name, component)
    config = {key: value for key, value in dict(component.config).items() if not key.startswith("_")}
    return {"class": ":".join(map(str, spec.type_name)), "config": config}


def dtype_words(component: object) -> str | None:
    """Return the number format of a component, where it is not the one in which others are loaded."""
    import torch

    dtype = dtype_of(component)
    return None if dtype in (None, torch.float32) else str(dtype).removeprefix("torch.")
