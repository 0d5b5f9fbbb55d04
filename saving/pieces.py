"""Components on their way to files: written one folder each, then opened again and compared with what is alive."""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..adapters.lora_state import lora_differences
from ..adapters.saved_adapters import SavedAdapters
from ..adapters.techniques.applying import like
from ..adapters.textual_inversion import Encoder, taught_of, untaught_table
from ..registry import ComponentSpec
from ..registry.hub.repo import HUB_OPTIONS, Repo
from ..registry.identity.component_identity import dtype_of
from ..registry.identity.same_component import component_differences
from ..registry.identity.same_model import model_differences, same_tensor, stored_differences
from ..registry.loading.aligned_file import align, begins_line
from ..registry.loading.base_modules import adapted_layers, base_tensors
from ..registry.loading.load import check_files, is_network
from ..registry.loading.several import parts_of
from ..registry.loading.skeleton import load_model, plain_model
from ..registry.loading.tensor_file import read_tensors
from ..registry.loading.weight_names import CONFIG
from ..registry.loading.weights import weight_files
from ..registry.provenance import commit_of
from ..state import ComponentError
from ..state.errors import with_article

if TYPE_CHECKING:
    import torch

_PLACES = ("_name_or_path", "_diffusers_load_id")
"""Settings in which transformers and diffusers note where something was loaded from."""


@frozen(eq=False)
class Piece:
    """Names what is written to one folder: a component, or one of the models that it holds.

    Attributes:
        live: as the pipeline has it. plain: what is written, without adapters and taught words; it shares the live one's tensors.
    """

    name: str
    live: Any
    plain: Any
    variant: str | None = None


def pieces_of(
    name: str, component: object, encoders: Mapping[str, Encoder], fresh: dict[int, Any], variant: str | None = None
) -> list[Piece]:
    """Return what is to be written of a component.

    Args:
        encoders: text encoders with their tokenizers, which may have been taught words. fresh: skeletons by the ids of models, as
            `component_faults` has left them; they are used up. variant: of the names of weights.

    Raises:
        ComponentError: its class cannot be made without weights, which parting it from adapters needs.
    """
    for encoder in encoders.values():
        held = taught_of(encoder.model)
        # A shallow copy with the backend as it was: the live tokenizer goes on knowing the words.
        if component is encoder.tokenizer and held is not None:
            plain = copy.copy(component)
            plain._tokenizer = held.backend
            return [Piece(name, component, plain)]
    if not is_network(type(component)):
        return [Piece(name, component, component)]
    return [
        Piece(part_name, part, _plain(part_name, part, fresh.pop(id(part), None)), variant)
        for part_name, part in parts_of(name, component)
    ]


def _plain(name: str, model: Any, fresh: torch.nn.Module | None = None) -> Any:
    taught = taught_of(model)
    if taught is None:
        plain = plain_model(model, fresh)
    else:
        table = next(path for path, module in model.named_modules() if module is model.get_input_embeddings())
        before = untaught_table(model, taught).weight
        plain = plain_model(model, None, {f"{table}.weight": before}, {"vocab_size": taught.vocabulary})
    if plain is None and (taught is not None or any(adapted_layers(model))):
        raise ComponentError(
            f"{name} has adapters, and {with_article(type(model).__name__)} cannot be made without them: take them out before saving, and load "
            "them after opening."
        )
    return model if plain is None else plain


def write(piece: Piece, stage: Path, max_shard_size: int | str | None = None) -> None:
    """Write a piece to a folder of its name, without notes of where it came from on this machine."""
    save = piece.plain.save_pretrained
    # Classes of somebody's own need not take what diffusers' and transformers' models do.
    accepted = inspect.signature(save).parameters
    takes_all = any(each.kind is each.VAR_KEYWORD for each in accepted.values())
    options: dict[str, Any] = {}
    if is_network(type(piece.plain)):
        given = {"safe_serialization": True, "variant": piece.variant, "max_shard_size": max_shard_size}
        options = {key: value for key, value in given.items() if value is not None and (takes_all or key in accepted)}
    folder = stage / piece.name
    folder.mkdir(parents=True)
    save(str(folder), **options)
    # Written where the weights begin in cache lines as they compute now: opened as pages of the file they keep their
    # place, and so the last bit.
    if is_network(type(piece.plain)) and all(begins_line(tensor) for _, tensor in base_tensors(piece.plain)):
        for file in weight_files(folder, piece.variant):
            align(file)
    # Paths of this machine say who somebody is, and are nothing to others.
    for file in folder.glob(f"*{CONFIG}"):
        config = json.loads(file.read_text(encoding="utf-8"))
        plain = _without_places(config)
        if file.name == CONFIG or plain != config:
            file.write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")


def _without_places(config: object) -> Any:
    """Return a configuration without the folder that a component was loaded from, which libraries note in it."""
    if isinstance(config, dict):
        return {name: _without_places(value) for name, value in config.items() if name not in _PLACES}
    return [_without_places(value) for value in config] if isinstance(config, list) else config


def reopened_faults(piece: Piece, stage: Path, adapters: SavedAdapters, is_saved: bool) -> Iterator[str]:
    """Open what was written of a piece, and say in what it differs. Weights are the pages of the files, and no copy."""
    folder, repo = stage / piece.name, Repo(str(stage), stage)
    if not is_saved:
        if piece.name in adapters.loras:
            model = _plain(piece.name, piece.live)
            adapters.put_into(piece.name, model, repo)
            yield from _told(piece.name, lora_differences(piece.live, model))
        return
    if not is_network(type(piece.plain)):
        loaded = ComponentSpec(piece.name, type(piece.plain), repo=str(stage), subfolder=piece.name).load()
        yield from _told(piece.name, component_differences(piece.plain, loaded))
        return
    # Weights as pages of the stage's files: the check of a model takes no second copy of it in memory.
    check_files(type(piece.plain), str(stage), piece.name, piece.variant)
    model = load_model(type(piece.plain), folder, piece.variant, None)
    if model is None:
        yield from _told(
            piece.name, stored_differences(piece.plain, folder, piece.variant) and _read_differences(piece, stage)
        )
        return
    yield from _told(piece.name, model_differences(piece.plain, model, dtype_of(piece.live)))
    adapters.put_into(piece.name, model, repo)
    if piece.name in adapters.loras:
        yield from _told(piece.name, lora_differences(piece.live, model))


def _read_differences(piece: Piece, stage: Path) -> Iterable[str]:
    """Say in what a model that is stored under other names differs, as its library reads them (transformers renames some; a copy in memory)."""
    spec = ComponentSpec(piece.name, type(piece.plain), repo=str(stage), subfolder=piece.name, variant=piece.variant)
    return model_differences(piece.plain, spec.load(dtype=dtype_of(piece.plain)), dtype_of(piece.live))


def words_faults(encoders: Mapping[str, Encoder], adapters: SavedAdapters, stage: Path) -> Iterator[str]:
    """Say which words would be taught otherwise."""
    repo = Repo(str(stage), stage)
    for name, saved in adapters.words.items():
        taught = taught_of(encoders[name].model)
        read = read_tensors(repo, saved.file)
        assert taught is not None
        if list(taught.words) != list(saved.words) or not all(
            same_tensor(taught.words[word], read[word]) for word in saved.words
        ):
            yield f"{name}: the words that it was taught would be others."


def origin_faults(pieces: Sequence[Piece], spec: ComponentSpec, hub_options: Mapping[str, Any]) -> Iterator[str]:
    """Say in what a component is not what its origin holds, for who writes the origin down and not the component."""
    name = pieces[0].name
    spec = spec.copy()
    # By the commit that it was loaded from: the branch may have moved on since.
    spec.revision = spec.revision or commit_of(pieces[0].live, spec.repo)
    hub = {key: value for key, value in hub_options.items() if key in HUB_OPTIONS}
    folders = spec.fetched_folders(**hub) if is_network(type(pieces[0].plain)) else []
    models = [
        load_model(type(piece.plain), folder, spec.variant, None)
        for piece, folder in zip(pieces, folders, strict=False)
    ]
    if len(models) == len(pieces) == len(folders) and all(model is not None for model in models):
        found = [
            _told(each.name, model_differences(each.plain, like(each.live, model), dtype_of(each.live)))
            for each, model in zip(pieces, models, strict=True)
        ]
    else:
        other = spec.load(**hub, **({"dtype": dtype_of(pieces[0].live)} if folders else {}))
        found = [
            _told(name, component_differences(pieces[0].plain, like(pieces[0].live, other), dtype_of(pieces[0].live)))
        ]
    place = "/".join(filter(None, [spec.repo, spec.subfolder]))
    yield from (
        f"{fault} It is not as in {place}, where its entry would point: save it, too."
        for each in found
        for fault in each
    )


def _told(name: str, faults: Iterable[str]) -> Iterator[str]:
    return (f"{name}: {fault}{'' if fault.endswith('.') else '.'}" for fault in faults)
