"""A tokenizer is made of its words, or refused: transformers makes one of none that knows next to nothing."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from transformers import CLIPTokenizer

from brickwork import ComponentError, ComponentSpec


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        (("tokenizer.json",), "has not the words of a tokenizer: expected vocab.json and merges.txt, or tokenizer.json. Copy or download it again."),
        (("tokenizer.json", "merges.txt"), "has not the words of a tokenizer: expected vocab.json and merges.txt"),
        (("tokenizer.json", "vocab.json"), "has not the words of a tokenizer: expected vocab.json and merges.txt"),
        (("",), "there is no folder "),
    ],
)  # fmt: skip
def test_a_tokenizer_without_its_words_is_refused(
    lost: tuple[str, ...], words: str, tiny_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_folder / "tokenizer", tmp_path / "tokenizer")
    if len(lost) > 1:
        model = json.loads((tmp_path / "tokenizer" / "tokenizer.json").read_text())["model"]
        (tmp_path / "tokenizer" / "vocab.json").write_text(json.dumps(model["vocab"]))
        (tmp_path / "tokenizer" / "merges.txt").write_text("\n".join(map(" ".join, model["merges"])))
    for name in lost:
        path = tmp_path / "tokenizer" / name
        path.unlink() if name else shutil.rmtree(path)
    with pytest.raises(ComponentError, match=re.escape(words)):
        ComponentSpec("tokenizer", CLIPTokenizer, repo=str(tmp_path), subfolder="tokenizer").load()


def test_words_in_one_file_or_in_two_are_enough(tiny_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_folder / "tokenizer", tmp_path / "tokenizer")
    spec = ComponentSpec("tokenizer", CLIPTokenizer, repo=str(tmp_path), subfolder="tokenizer")
    whole = spec.load()("a red circle").input_ids
    model = json.loads((tmp_path / "tokenizer" / "tokenizer.json").read_text())["model"]
    (tmp_path / "tokenizer" / "vocab.json").write_text(json.dumps(model["vocab"]))
    (tmp_path / "tokenizer" / "merges.txt").write_text("\n".join(["#version: 0.2", *map(" ".join, model["merges"])]))
    (tmp_path / "tokenizer" / "tokenizer.json").unlink()
    assert spec.load()("a red circle").input_ids == whole
