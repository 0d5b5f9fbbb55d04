"""LoRAs and taught words of a pipeline in files of their own, beside weights that know nothing of them, and back.

The files are those of diffusers: it loads a LoRA from them with `load_lora_weights(folder, weight_name=...)`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ..registry.hub.repo import Repo
from ..registry.identity.as_made import declared_change
from ..registry.loading.aligned_file import align
from ..registry.loading.tensor_file import read_tensors
from ..state import ComponentError, RepoError
from .finite_weights import format_of, refuse_not_finite
from .lora_metadata import KEY
from .lora_state import LoraState, put_in, state_of, tensors_of
from .textual_inversion import Encoder, taught_of, teach_again

if TYPE_CHECKING:
    import torch

FOLDER = "adapters"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}")


@frozen
class SavedWords:
    """Words that a text encoder was taught. tokenizer: the component that knows them. file: of their vectors."""

    tokenizer: str
    file: str
    words: tuple[str, ...]


@frozen
class SavedAdapters:
    """The adapters that a repository holds.

    Attributes:
        files: LoRA to its file. loras: component to what LoRAs are in it. words: text encoder to what it was taught.
    """

    files: Mapping[str, str] = field(factory=dict)
    loras: Mapping[str, LoraState] = field(factory=dict)
    words: Mapping[str, SavedWords] = field(factory=dict)

    @property
    def components(self) -> frozenset[str]:
        """Components that are more than their weights."""
        return frozenset({*self.loras, *self.words, *(each.tokenizer for each in self.words.values())})

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        words = {
            name: {"tokenizer": each.tokenizer, "file": each.file, "words": list(each.words)}
            for name, each in self.words.items()
        }
        loras = {name: state.to_dict() for name, state in self.loras.items()}
        found = {"files": dict(self.files), "loras": loras, "words": words}
        return {name: part for name, part in found.items() if part}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> SavedAdapters:
        """Make it of what `to_dict` has written.

        Raises:
            RepoError: it is something else.
        """
        unknown = sorted(data.keys() - {"files", "loras", "words"})
        if unknown:
            raise RepoError(f"'adapters' has {', '.join(unknown)}, which is unknown.")
        try:
            files = {str(name): str(file) for name, file in data.get("files", {}).items()}
            loras = {str(name): LoraState.of(state) for name, state in data.get("loras", {}).items()}
            words = {
                str(name): SavedWords(str(each["tokenizer"]), str(each["file"]), tuple(map(str, each["words"])))
                for name, each in data.get("words", {}).items()
            }
        except (KeyError, TypeError, AttributeError) as error:
            raise RepoError(f"'adapters' is broken: {error!r}.") from None
        missing = sorted({name for state in loras.values() for name in state.alphas} - files.keys())
        if missing:
            raise RepoError(f"'adapters' names no file of the LoRA {missing[0]!r}.")
        return cls(files, loras, words)

    def loras_of(self, component: str, repo: Repo) -> dict[str, dict[str, Any]]:
        """Return the tensors of a component's LoRAs."""
        head = f"{component}."
        found = {}
        for name in self.loras[component].alphas:
            tensors = read_tensors(repo, self.files[name])
            found[name] = {key.removeprefix(head): tensor for key, tensor in tensors.items() if key.startswith(head)}
        return found

    def put_into(self, name: str, component: torch.nn.Module, repo: Repo) -> None:
        """Put a component's LoRAs in; those that are in it already, because another pipeline shares it, stay.

        Raises:
            RepoError: a file is missing. ComponentError: a LoRA does not fit.
        """
        known = getattr(component, "peft_config", None) or {}
        if name not in self.loras or self.loras[name].alphas.keys() <= known.keys():
            return
        taken = sorted(self.loras[name].alphas.keys() & known.keys())
        if taken:
            raise ComponentError(
                f"{name} has another LoRA {taken[0]!r} already: delete_adapters({taken[0]!r}), and load it again."
            )
        try:
            held = self.loras_of(name, repo)
            for lora, tensors in held.items():
                refuse_not_finite(f"The LoRA {lora!r}, of {self.files[lora]},", tensors, format_of(component))
            with declared_change(component):
                put_in(component, self.loras[name], held)
        except ComponentError as error:
            raise ComponentError(f"{name}: {error}") from error

    def teach(self, name: str, components: Mapping[str, Any], repo: Repo) -> None:
        """Teach a text encoder and its tokenizer their words; nothing where they know them already."""
        saved = self.words[name]
        encoder = Encoder(name, components[name], components[saved.tokenizer])
        taught = taught_of(encoder.model)
        if taught is None or list(taught.words) != list(saved.words):
            tensors = read_tensors(repo, saved.file)
            lacking = [word for word in saved.words if word not in tensors]
            if lacking:
                raise RepoError(f"{saved.file} of {repo.name} does not hold {lacking[0]!r}.")
            try:
                teach_again(encoder, {word: tensors[word] for word in saved.words})
            except ComponentError as error:
                raise ComponentError(f"{saved.file} of {repo.name}: {error}") from error


def write_adapters(components: Mapping[str, Any], encoders: Mapping[str, Encoder], stage: Path) -> SavedAdapters:
    """Write the LoRAs and words of components to files.

    Args:
        encoders: text encoders by name, with their tokenizers. components: those that are looked at.
    """
    loras = {name: state for name, component in components.items() if (state := _loras_of(component)).alphas}
    held: dict[str, dict[str, Any]] = {}
    for name, state in loras.items():
        for lora in state.alphas:
            tensors = {f"{name}.{key}": tensor for key, tensor in tensors_of(components[name], lora).items()}
            held.setdefault(lora, {}).update(tensors)
    files = {lora: f"{FOLDER}/{stem}.safetensors" for lora, stem in _stems(held).items()}
    for lora, tensors in held.items():
        _write(
            stage / files[lora],
            tensors,
            _described({name: components[name] for name in loras if lora in loras[name].alphas}, lora),
        )
    words = {}
    for name, encoder in encoders.items():
        taught = taught_of(encoder.model)
        if taught is not None and name in components:
            tokenizer = next(each for each, component in components.items() if component is encoder.tokenizer)
            words[name] = SavedWords(tokenizer, f"{FOLDER}/words-{name}.safetensors", tuple(taught.words))
            _write(stage / words[name].file, taught.words, {})
    return SavedAdapters(files, loras, words)


def _loras_of(component: object) -> LoraState:
    return state_of(component) if getattr(component, "peft_config", None) else LoraState()


def _stems(names: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of files: those of the LoRAs where they are plain and no two of them are one file, else
    numbers.
    """
    plain = {name: name if _PLAIN.fullmatch(name) else f"lora-{number}" for number, name in enumerate(names)}
    # On file systems that ignore case "A" and "a" are one file.
    folded = [stem.casefold() for stem in plain.values()]
    return plain if len({*folded}) == len(folded) else {name: f"lora-{number}" for number, name in enumerate(names)}


def _write(path: Path, tensors: Mapping[str, Any], metadata: Mapping[str, str]) -> None:
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()},
        path,
        {"format": "pt", **metadata},
    )
    # As weights: a LoRA that is read back must multiply in the same way to the last bit.
    align(path)


def _described(models: Mapping[str, Any], lora: str) -> dict[str, str]:
    """Return ranks and alphas as diffusers' own files say them, for who loads the file there."""
    said: dict[str, Any] = {}
    for name, model in models.items():
        config = model.peft_config[lora]
        fields = ("r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_dora", "use_rslora", "lora_bias")
        said |= {f"{name}.{each}": getattr(config, each) for each in fields}
        said[f"{name}.target_modules"] = sorted({key.partition(".lora_")[0] for key in tensors_of(model, lora)})
    return {KEY: json.dumps(said, indent=2, sort_keys=True)}


def adapter_faults(components: Mapping[str, Any], encoders: Mapping[str, Encoder]) -> Iterator[str]:
    """Say of which components the adapters cannot be written."""
    for name, component in components.items():
        try:
            _loras_of(component)
        except ComponentError as error:
            yield f"{name}: {error}"
    for name, encoder in encoders.items():
        taught = taught_of(encoder.model)
        if taught is not None:
            known = encoder.tokenizer.get_vocab()
            lacking = [word for word in taught.words if word not in known]
            if lacking or not any(component is encoder.tokenizer for component in components.values()):
                yield f"{name} was taught {next(iter(taught.words))!r}, and its tokenizer is another one now: unload_textual_inversion() first."
