"""Write the trained average as a repository in the layout of SDXL: half precision, a card, the data's licences."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionXLPipeline

from .networks import TextToLatents, load_tokenizers, make_scheduler
from .sprites import DATA

LARGEST = 12_000_000
"""Bytes that the repository may take."""


def load_average(work: Path) -> TextToLatents:
    """The averaged model of a training run."""
    tokenizers = load_tokenizers(work)
    model = TextToLatents(len(tokenizers[0]), (tokenizers[0].pad_token_id, tokenizers[1].pad_token_id))
    model.load_state_dict(torch.load(work / "checkpoint.pt", map_location="cpu")["average"])
    return model.eval()


def export(work: Path, target: Path) -> int:
    """Write the repository and return its size in bytes."""
    tokenizers, model = load_tokenizers(work), load_average(work)
    pipeline = StableDiffusionXLPipeline(
        vae=AutoencoderKL.from_pretrained(work / "vae"),
        text_encoder=model.text_encoder,
        text_encoder_2=model.text_encoder_2,
        tokenizer=tokenizers[0],
        tokenizer_2=tokenizers[1],
        unet=model.unet,
        scheduler=make_scheduler(),
        force_zeros_for_empty_prompt=False,
        add_watermarker=False,
    )
    pipeline.to(dtype=torch.float16)
    pipeline.save_pretrained(target, safe_serialization=True)
    things = json.loads((DATA / "things.json").read_text())
    (target / "things.json").write_text(json.dumps(sorted(nouns[0] for nouns in things.values()), indent=0) + "\n")
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
