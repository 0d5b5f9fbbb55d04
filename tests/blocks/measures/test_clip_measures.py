"""Scores of a CLIP equal torchmetrics and the formulas of diffusers' page on evaluation; the weights are the caller's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from measured_images import as_tensor, noise_images
from torch.nn import functional

from brickwork import SequentialPipelineBlocks
from brickwork.blocks.measures import (
    GatherClipFeatures,
    MeasureClipScore,
    MeasureDirection,
    MeasureImageSimilarity,
)
from brickwork.state import InputError

ONE, OTHER = noise_images(4, 1), noise_images(4, 2)
PROMPTS = ["a red apple", "a blue fish on a white background"]
EACH = [PROMPTS[0], PROMPTS[0], PROMPTS[1], PROMPTS[1]]


def measured(block: type, parts: dict[str, Any], output: str, **inputs: Any) -> Any:
    pipe = SequentialPipelineBlocks.from_blocks_dict({"measure": block}).init_pipeline()
    pipe.update_components(**{name: part for name, part in parts.items() if name in pipe.component_names})
    return pipe(**inputs, output=output)


def pooled(found: Any) -> torch.Tensor:
    return found if isinstance(found, torch.Tensor) else found.pooler_output


class AsTorchmetricsReads(torch.nn.Module):
    """transformers 5 gives features within an output, and torchmetrics 1.9 reads a tensor."""

    def __init__(self, clip: Any) -> None:
        super().__init__()
        self.clip, self.config = clip, clip.config

    def get_image_features(self, pixels: torch.Tensor) -> torch.Tensor:
        return pooled(self.clip.get_image_features(pixel_values=pixels))

    def get_text_features(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return pooled(self.clip.get_text_features(input_ids=ids, attention_mask=mask))


@torch.no_grad()
def unit_embeddings(parts: dict[str, Any], images: list[Any], texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """As diffusers' page on evaluation has them (`DirectionalSimilarity`)."""
    pixels = parts["clip_image_processor"](images, return_tensors="pt").pixel_values
    ids = parts["clip_tokenizer"](
        texts, padding="max_length", max_length=32, truncation=True, return_tensors="pt"
    ).input_ids
    seen = pooled(parts["clip"].get_image_features(pixel_values=pixels))
    read = pooled(parts["clip"].get_text_features(input_ids=ids))
    return seen / seen.norm(dim=1, keepdim=True), read / read.norm(dim=1, keepdim=True)


def test_the_clip_score_is_torchmetrics(parts: dict[str, Any]) -> None:
    from torchmetrics.functional.multimodal.clip_score import _clip_score_update

    def processor(text: Any = None, images: Any = None, return_tensors: str = "pt", padding: bool = True) -> Any:
        if text is not None:
            return parts["clip_tokenizer"](text, return_tensors=return_tensors, padding=padding)
        return parts["clip_image_processor"](images, return_tensors=return_tensors)

    found = measured(MeasureClipScore, parts, "clip_score", images=ONE, prompt=PROMPTS)
    given = [(image * 255).round().byte() for image in as_tensor(ONE)]
    with torch.no_grad():
        wanted, _ = _clip_score_update(given, EACH, AsTorchmetricsReads(parts["clip"]), processor)
    # float32 through the same layers; texts are padded together in one and apart in the other.
    assert found == pytest.approx(wanted.tolist(), abs=1e-4)


def test_direction_and_similarity_are_the_formulas_of_diffusers_page(parts: dict[str, Any]) -> None:
    seen, read = unit_embeddings(parts, ONE, EACH)
    other, source = unit_embeddings(parts, OTHER, ["a dog"] * 4)
    found = measured(
        MeasureDirection, parts, "directional_similarity", images=ONE, prompt=PROMPTS, reference_images=OTHER, source_prompt="a dog",
    )  # fmt: skip
    assert found == pytest.approx(functional.cosine_similarity(seen - other, read - source).tolist(), abs=1e-5)
    alike = measured(MeasureImageSimilarity, parts, "image_similarity", images=ONE, reference_images=OTHER)
    assert alike == pytest.approx(functional.cosine_similarity(seen, other).tolist(), abs=1e-5)
    assert measured(MeasureImageSimilarity, parts, "image_similarity", images=ONE, reference_images=ONE[0])[
        0
    ] == pytest.approx(1)


def test_features_are_gathered_behind_those_before(parts: dict[str, Any]) -> None:
    first = measured(GatherClipFeatures, parts, "features", images=ONE)
    both = measured(GatherClipFeatures, parts, "features", images=OTHER, features=first)
    assert [len(each) for each in both] == [4, 4]
    assert torch.equal(both[0], first[0])


def test_a_text_that_is_too_long_is_cut_and_said(parts: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    measured(MeasureClipScore, parts, "clip_score", images=ONE[:1], prompt="a red apple " * 40)
    assert "The CLIP reads 32 tokens, and 1 texts are longer" in caplog.text


def test_no_change_of_the_text_and_an_odd_number_of_texts_are_refused(parts: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="prompt and source_prompt both say 'a dog', which is no change"):
        measured(
            MeasureDirection, parts, "directional_similarity", images=ONE, prompt="a dog", reference_images=OTHER, source_prompt="a dog"
        )  # fmt: skip
    with pytest.raises(InputError, match="prompt has 3 for 4 images; give one for all"):
        measured(MeasureClipScore, parts, "clip_score", images=ONE, prompt=["a", "b", "c"])
