"""Where Kolors differs from its classic pipelines, and what its tokenizer is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from coarse_images import picture
from family_rows.kolors import FAMILY, WHOLE
from tiny_adapters import image_encoder, ip_adapter_plus
from tiny_glm import glm
from transformers import CLIPImageProcessor

from brickwork import SequentialPipelineBlocks
from brickwork.presets import tasks
from brickwork.presets.kolors import KOLORS, TEXT2IMAGE_BLOCKS
from brickwork.registry.identity.tokenizer_content import vocabulary

GIVEN = {**FAMILY.tasks["text2image"].given, "num_inference_steps": 1}


def expected(task: str, **inputs: object) -> torch.Tensor:
    parts = FAMILY.parts("float32")
    classic = FAMILY.classic(FAMILY.tasks[task].classic, parts)
    seeds = [torch.Generator().manual_seed(7), torch.Generator().manual_seed(8)]
    drawn: torch.Tensor = classic(**inputs, output_type="pt", generator=seeds).images
    return drawn


def test_the_number_of_tokens_counts_which_the_classic_ignores() -> None:
    assert torch.equal(expected("text2image", **GIVEN, max_sequence_length=16), expected("text2image", **GIVEN))
    assert not torch.equal(
        FAMILY.draw("text2image", num_inference_steps=1, max_sequence_length=16),
        FAMILY.draw("text2image", num_inference_steps=1),
    )


def test_an_image_is_told_its_own_size_and_by_the_classic_that_of_the_unet() -> None:
    given = {**WHOLE, "num_inference_steps": 2}
    side = FAMILY.parts("float32")["unet"].config.sample_size * 8
    told = [
        expected("image2image", **given, original_size=(each, each), target_size=(each, each)) for each in (32, side)
    ]
    assert torch.equal(FAMILY.draw("image2image", num_inference_steps=2), told[0])
    assert torch.equal(expected("image2image", **given), told[1])
    assert not torch.equal(*told)


def test_a_prompt_is_cut_at_256_tokens(caplog: pytest.LogCaptureFixture) -> None:
    FAMILY.draw("text2image", num_inference_steps=1, prompt=["a red circle", "ab" * 130], negative_prompt="blue")
    (said,) = [record.getMessage() for record in caplog.records if "cut off" in record.getMessage()]
    # Of the prompt that is too long, and of no other.
    assert said.startswith("text_encoder reads 256 tokens; this part of the prompt was cut off: ['abab")
    assert "," not in said


def test_an_ip_adapter_leaves_the_projection_of_text_where_it_was() -> None:
    parts = FAMILY.parts("float32")
    blocks = tasks.image_prompt(KOLORS) | dict(TEXT2IMAGE_BLOCKS)
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline()
    pipe.configure(progress=False)
    extractor = CLIPImageProcessor(size=32, crop_size=32)
    pipe.update_components(**parts, image_encoder=image_encoder(), feature_extractor=extractor)
    given = {**GIVEN, "output_type": "pt", "seed": 7, "output": "images"}
    plain = pipe(**given)
    pipe.load_ip_adapter(ip_adapter_plus(parts["unet"]), image_encoder_folder=None)
    try:
        shown = pipe(**given, ip_adapter_image=picture(5))
    finally:
        pipe.unload_ip_adapter()
    assert not torch.equal(shown, plain)
    assert torch.equal(pipe(**given), plain)


def test_a_tokenizer_without_a_fast_one_is_the_same_in_another_folder(tmp_path: Path) -> None:
    made = glm()["tokenizer"]
    for name in ("one", "two"):
        made.save_pretrained(tmp_path / name)
        made = type(made).from_pretrained(tmp_path / name)
        assert vocabulary(made) == vocabulary(glm()["tokenizer"])
    made.add_tokens(["new"])
    assert vocabulary(made) != vocabulary(glm()["tokenizer"])
