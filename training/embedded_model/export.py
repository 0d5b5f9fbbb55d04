"""Write the trained average as a repository in the layout of SDXL: half precision, a card, the data's licences."""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
from pathlib import Path

import torch

from .networks import TextToLatents, load_tokenizers
from .palette import COLOURS
from .samples import assemble
from .scenes import SceneSource
from .shapes import SHAPES
from .sprites import DATA, STYLE_WORDS

LARGEST = 12_000_000
"""Bytes that the repository may take."""


def load_average(work: Path) -> TextToLatents:
    """The averaged model of a training run."""
    tokenizers = load_tokenizers(work)
    model = TextToLatents(len(tokenizers[0]), (tokenizers[0].pad_token_id, tokenizers[1].pad_token_id))
    model.load_state_dict(torch.load(work / "checkpoint.pt", map_location="cpu")["average"])
    return model.eval()


def caption_words(source: SceneSource) -> dict[str, list[str]]:
    """What captions are made of, so that a prompt can be told what the model never saw."""
    rng = random.Random(0)
    seen = {word for _ in range(20_000) for word in re.findall(r"[\w-]+", source.scene(rng).caption)}
    words = {
        "things": sorted(noun for nouns in source.pool.nouns for noun in nouns),
        "shapes": list(SHAPES),
        "colours": list(COLOURS),
        "styles": list(STYLE_WORDS.values()),
    }
    named = {word for phrases in words.values() for phrase in phrases for word in phrase.split()}
    return {**words, "other": sorted(seen - named)}


def export(work: Path, target: Path) -> int:
    """Write the repository and return its size in bytes."""
    pipeline = assemble(work, load_average(work))
    pipeline.to(dtype=torch.float16)
    pipeline.save_pretrained(target, safe_serialization=True)
    (target / "words.json").write_text(json.dumps(caption_words(SceneSource()), indent=0) + "\n")
    shutil.copy(DATA / "LICENSE-DATA.md", target / "LICENSE-DATA.md")
    shutil.copytree(DATA / "licenses", target / "licenses", dirs_exist_ok=True)
    return sum(path.stat().st_size for path in target.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the training run lies")
    parser.add_argument("--target", type=Path, required=True, help="folder to write")
    options = parser.parse_args()
    size = export(options.folder, options.target)
    print(f"{options.target}: {size / 1e6:.2f} MB")
    if size > LARGEST:
        raise SystemExit(f"That is more than {LARGEST / 1e6:.0f} MB.")


if __name__ == "__main__":
    main()
