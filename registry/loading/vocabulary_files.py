"""Files in which tokenizers of transformers have their words; without them, transformers makes a tokenizer that knows next to none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...state import ComponentError
from ...state.errors import did_you_mean

_WHOLE = "tokenizer_file"
_PARTS = ("vocab_file", "merges_file")
"""Keys of `vocab_files_names`: one file has all, or these have it together. Others (a normalizer) may be absent."""
_OTHER_NAMES = ("*.model", "*.tiktoken", "tekken.json", "vocab.*")
"""Under which further names transformers finds words."""


def check_vocabulary(cls: Any, folder: Path) -> None:
    """Refuse a folder that has no words for a tokenizer; other classes have none.

    Raises:
        ComponentError: there is no such folder, or its files lack the words.
    """
    names = getattr(cls, "vocab_files_names", None)
    if not isinstance(names, dict) or not names:
        return
    if not folder.is_dir():
        near = [each.name for each in folder.parent.iterdir()] if folder.parent.is_dir() else []
        raise ComponentError(f"there is no folder {folder}. {did_you_mean(folder.name, near)}")
    if _WHOLE in names and (folder / names[_WHOLE]).is_file():
        return
    parts = [names[key] for key in _PARTS if key in names]
    lost = [name for name in parts if not (folder / name).is_file()]
    is_elsewhere = len(parts) < len(_PARTS) and any(True for name in _OTHER_NAMES for _ in folder.glob(name))
    if is_elsewhere or (parts and not lost):
        return
    ways = [" and ".join(parts), names.get(_WHOLE, "")]
    raise ComponentError(
        f"{folder} has not the words of a tokenizer: expected {', or '.join(filter(None, ways))}. Copy or download it again."
    )
