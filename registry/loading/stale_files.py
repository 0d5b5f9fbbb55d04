"""Files of an older save that a loader would read beside, or in place of, those of the one that is made now.

They are known by the names that loaders look for, and only within folders of components that are saved now; what a person has put
there, and weights of other variants, stay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from ...state.strict_json import read_json
from ..hub.repo_paths import relative_name
from .several import holds_several
from .weight_names import written_weights

_READ = frozenset(
    {
        "adapter_config.json", "adapter_model.safetensors", "added_tokens.json", "chat_template.jinja", "chat_template.json",
        "config.json", "feature_extractor.json", "generation_config.json", "guider_config.json", "image_processor_config.json",
        "merges.txt", "preprocessor_config.json", "processor_config.json", "scheduler_config.json", "sentencepiece.bpe.model",
        "special_tokens_map.json", "spiece.model", "tokenizer.json", "tokenizer.model", "tokenizer_config.json",
        "video_preprocessor_config.json", "vocab.json", "vocab.txt",
    }
)  # fmt: skip
"""Names that the loaders of diffusers and transformers look for, besides those of weights."""


def stale_files(saved: Path, index: str, there: Iterable[str]) -> list[str]:
    """Name the files of a repository that are of an older save, and would be read with one that is written now.

    Args:
        saved: the folder with all files that are written now, and its index. there: names of the files that there are already.
    """
    new = {relative_name(saved, path) for path in saved.rglob("*") if path.is_file()}
    # Only folders that are written now: others may be a person's own.
    folders = {name.rpartition("/")[0] for name in new if name.count("/") == 1}
    several = [folder for folder in folders if _holds_several(saved / index, folder)]
    return sorted(
        name
        for name in there
        if name not in new
        and (_is_of_loader(name, folders, new) or any(_is_further(name, each, new) for each in several))
    )


def _holds_several(index: Path, folder: str) -> bool:
    entry = read_json(index).get(folder) if index.is_file() else None
    return isinstance(entry, list) and len(entry) == 3 and holds_several(*entry[2].get("type_hint", (None, None)))


def _is_of_loader(name: str, folders: Collection[str], new: Collection[str]) -> bool:
    """Return whether a file is in the folder of a component that is saved now, and has a name that its loader looks
    for.
    """
    folder, _, file = name.rpartition("/")
    if folder not in folders:
        return False
    return file in _READ or file in set(_weights(folder, new)) or _shard_of(file, folder, new)


def _weights(folder: str, new: Collection[str]) -> Iterator[str]:
    """Yield names under which the weights of a folder could have been saved otherwise."""
    for name in new:
        inside, _, file = name.rpartition("/")
        if inside == folder and (found := written_weights(file)) is not None:
            yield from found.others


def _shard_of(file: str, folder: str, new: Collection[str]) -> bool:
    """Return whether a file is a shard of weights that are saved now, in other shards or in one."""
    mine = written_weights(file)
    if mine is None or not mine.is_shard:
        return False
    kinds = {
        (found.stem, found.variant)
        for name in new
        if name.rpartition("/")[0] == folder and (found := written_weights(name.rpartition("/")[2])) is not None
    }
    return (mine.stem, mine.variant) in kinds


def _is_further(name: str, first: str, new: Collection[str]) -> bool:
    """Return whether a file is in a folder that would be read as one more model of a component that holds several."""
    folder = name.partition("/")[0]
    number = folder.removeprefix(f"{first}_")
    return (
        "/" in name
        and number != folder
        and number.isdecimal()
        and not any(each.startswith(f"{folder}/") for each in new)
    )
