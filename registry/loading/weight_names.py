"""Which files of a folder hold a model's weights: its loader's names and its index decide, whatever else lies beside them.

The rules are those of `ModelMixin.from_pretrained` (diffusers 0.42.1) and `PreTrainedModel.from_pretrained` (transformers 5.23):
they differ in the name, and in what counts where there is a single file as well as a list of shards.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import PurePosixPath
from typing import Any

from attrs import frozen

from ...state import ComponentError, TrustError
from ..hub.repo_paths import name_fault

CONFIG = "config.json"
ADAPTER_CONFIG = "adapter_config.json"
ReadJson = Callable[[str], Mapping[str, Any]]


@frozen
class WeightNames:
    """The files of a model's weights.

    Attributes:
        files: their names, in order. index: the list of shards among them; None where there is one file.
        places: tensor to the shard that holds it, as the index says.
    """

    files: tuple[str, ...] = ()
    index: str | None = None
    places: Mapping[str, str] | None = None


@frozen
class _Loader:
    """Says how a library names weights. index_first: whether a list of shards counts more than a single file beside it."""

    stem: str
    index_first: bool

    def single(self, variant: str | None) -> str:
        return f"{self.stem}{f'.{variant}' if variant else ''}.safetensors"

    def indices(self, variant: str | None) -> tuple[str, ...]:
        if not variant:
            return (f"{self.stem}.safetensors.index.json",)
        # diffusers writes the first, and still reads the second of older versions (`_fetch_index_file_legacy`,
        # 0.42.1).
        newer, older = f"index.{variant}.json", f"{variant}.index.json"
        return tuple(f"{self.stem}.safetensors.{end}" for end in ((newer, older) if self.index_first else (newer,)))


DIFFUSERS = _Loader("diffusion_pytorch_model", index_first=True)
TRANSFORMERS = _Loader("model", index_first=False)


def weights_among(names: Collection[str], variant: str | None, read: ReadJson) -> WeightNames:
    """Choose the weights among the files of a model's folder.

    Args:
        names: of all files in it. variant: "fp16" of `model.fp16.safetensors`. read: returns what a JSON file of it says.

    Raises:
        TrustError: an index names a file elsewhere. ComponentError: an index is no list of shards, or a shard is not there.
    """
    config = read(CONFIG) if CONFIG in names else {}
    loader = _loader_of(config)
    if loader is None:  # of a library that is not known: its loader may read any of them
        return WeightNames(
            tuple(sorted(name for name in names if name.endswith(".safetensors") and variant_of(name) == variant))
        )
    told = config.get("transformers_weights") if loader is TRANSFORMERS else None
    # The first that is there is what the loader takes, whatever else lies beside it.
    for name in _in_order(loader, variant) if told is None else (str(told),):
        if name in names:
            return _shards(name, names, read(name)) if name.endswith(".json") else WeightNames((name,))
    return WeightNames()


def _loader_of(config: Mapping[str, Any]) -> _Loader | None:
    if "_class_name" in config:
        return DIFFUSERS
    return TRANSFORMERS if config.keys() & {"model_type", "architectures", "transformers_version"} else None


def _in_order(loader: _Loader, variant: str | None) -> tuple[str, ...]:
    single, indices = loader.single(variant), loader.indices(variant)
    return (*indices, single) if loader.index_first else (single, *indices)


def _shards(index: str, names: Collection[str], data: Mapping[str, Any]) -> WeightNames:
    """Return the shards that an index names."""
    places = data.get("weight_map")
    if not isinstance(places, dict) or not places or not all(isinstance(name, str) for name in places.values()):
        raise ComponentError(f"{index} is no list of shards: it has no 'weight_map' from tensors to files.")
    files = tuple(sorted({*places.values()}))
    for name in files:
        fault = shard_fault(name)
        if fault:
            raise TrustError(f"{index} names the shard {name[:80]!r}: {fault}.")
    missing = [name for name in files if name not in names]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise ComponentError(
            f"{index} names {', '.join(missing[:3])}{more}, which {'is' if len(missing) == 1 else 'are'} not there."
        )
    return WeightNames(files, index, places)


@frozen
class WrittenWeights:
    """Holds what the name of a file of weights says. stem: which library's. is_shard: whether it is one of several files."""

    stem: str
    variant: str | None
    is_shard: bool

    @property
    def others(self) -> tuple[str, ...]:
        """Names of the single file, and of the lists of shards, of the same weights."""
        loader = DIFFUSERS if self.stem == DIFFUSERS.stem else TRANSFORMERS
        return (loader.single(self.variant), *loader.indices(self.variant))


_WRITTEN = re.compile(r"(diffusion_pytorch_model|model)(?:\.([A-Za-z0-9_-]+?))?(-\d{5}-of-\d{5})?\.safetensors")


def written_weights(name: str) -> WrittenWeights | None:
    """Return what a name says, if a library names weights so; None if not."""
    found = _WRITTEN.fullmatch(name)
    return None if found is None else WrittenWeights(found[1], found[2], found[3] is not None)


def shard_fault(name: str) -> str | None:
    """Return what is wrong with the name of a shard in an index; None if nothing is."""
    return name_fault(name) or ("shards lie beside their list" if "/" in name else None)


def variant_of(name: str) -> str | None:
    """Return the part between the name and the ending; "00001-of-00002" of a shard belongs to the name."""
    _, dot, variant = PurePosixPath(name).stem.rpartition(".")
    return variant.partition("-")[0] if dot else None
