"""What a CLIP says of images and texts (Radford et al. 2021, https://arxiv.org/abs/2103.00020); its weights are the caller's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...state import Fault, Outputs
from ...state.vocabulary import (
    ComparedImages,
    Images,
    ImageScores,
    MeasuredFeatures,
    Prompt,
    SourcePrompt,
)
from ..core.block import Block
from ..core.slots import component
from .compared_images import for_each_image, listed_images

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import CLIPImageProcessor, CLIPModel, CLIPTokenizer


def seen_by(clip: CLIPModel, processor: CLIPImageProcessor, images: Any, name: str) -> Tensor:
    """Return what a CLIP makes of images, `[b features]`, in float32 on the CPU."""
    given = processor(listed_images(images, name), return_tensors="pt").pixel_values
    pooled = clip.vision_model(pixel_values=given.to(clip.device, clip.dtype)).pooler_output
    found: Tensor = clip.visual_projection(pooled).float().cpu()
    return found


def read_by(clip: CLIPModel, tokenizer: CLIPTokenizer, texts: Sequence[str], warn: Callable[[str], None]) -> Tensor:
    """Return what a CLIP makes of texts, `[b features]`, in float32 on the CPU; what is too long is cut, and said."""
    most = clip.config.text_config.max_position_embeddings
    different = list(dict.fromkeys(texts))
    whole = tokenizer(different, padding=False).input_ids
    cut = [text for text, ids in zip(different, whole, strict=True) if len(ids) > most]
    if cut:
        warn(f"The CLIP reads {most} tokens, and {len(cut)} texts are longer; of {cut[0]!r} the end was not read.")
    tokens = tokenizer(different, padding=True, truncation=True, max_length=most, return_tensors="pt")
    ids, mask = (each.to(clip.device) for each in (tokens.input_ids, tokens.attention_mask))
    rows: Tensor = clip.text_projection(clip.text_model(input_ids=ids, attention_mask=mask).pooler_output).float().cpu()
    return rows[[different.index(text) for text in texts]]


class MeasureClipScore(Block):
    """Say how well each image fits its prompt: 100 times the cosine of their embeddings (Hessel et al. 2021, https://arxiv.org/abs/2104.08718).

    As torchmetrics counts it, before it averages; its average is never below 0. Scores of different CLIPs cannot be compared.
    """

    clip: CLIPModel = component(doc="Embeds images and texts where they can be compared.")
    clip_image_processor: CLIPImageProcessor = component(doc="Prepares images for the CLIP.")
    clip_tokenizer: CLIPTokenizer = component(doc="Cuts texts into tokens for the CLIP.")

    class Out(Outputs):
        clip_score: ImageScores

    def run(self, images: Images, prompt: Prompt) -> Out:
        seen = seen_by(self.clip, self.clip_image_processor, images, "images")
        read = read_by(self.clip, self.clip_tokenizer, for_each_image(prompt, len(seen), "prompt"), self.warn)
        return self.Out(clip_score=(100 * _cosine(seen, read)).tolist())


class MeasureImageSimilarity(Block):
    """Say how alike images are to others in what a CLIP sees: the cosine of their embeddings, 1 for equal ones."""

    clip: CLIPModel = component(doc="Embeds images where they can be compared.")
    clip_image_processor: CLIPImageProcessor = component(doc="Prepares images for the CLIP.")

    class Out(Outputs):
        image_similarity: ImageScores

    def run(self, images: Images, reference_images: ComparedImages) -> Out:
        seen, other = (
            seen_by(self.clip, self.clip_image_processor, images, "images"),
            seen_by(self.clip, self.clip_image_processor, reference_images, "reference_images"),
        )
        chosen = for_each_image(list(range(len(other))), len(seen), "reference_images")
        return self.Out(image_similarity=_cosine(seen, other[chosen]).tolist())


class MeasureDirection(Block):
    """Say whether images changed as their texts did: the cosine of the two changes (Gal et al. 2021, https://arxiv.org/abs/2108.00946).

    `reference_images` and `source_prompt` are before the change, `images` and `prompt` after it. An image that did not change has 0.
    """

    clip: CLIPModel = component(doc="Embeds images and texts where they can be compared.")
    clip_image_processor: CLIPImageProcessor = component(doc="Prepares images for the CLIP.")
    clip_tokenizer: CLIPTokenizer = component(doc="Cuts texts into tokens for the CLIP.")

    class Out(Outputs):
        directional_similarity: ImageScores

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say where a text did not change: then there is no direction."""
        before, after = (_texts(given.get(name)) for name in ("source_prompt", "prompt"))
        if before and after and any(text in before for text in after):
            same = next(text for text in after if text in before)
            yield Fault(
                f"prompt and source_prompt both say {same!r}, which is no change that images could follow.",
                "source_prompt",
            )

    def run(self, images: Images, prompt: Prompt, reference_images: ComparedImages, source_prompt: SourcePrompt) -> Out:
        seen, other = (
            seen_by(self.clip, self.clip_image_processor, images, "images"),
            seen_by(self.clip, self.clip_image_processor, reference_images, "reference_images"),
        )
        chosen = for_each_image(list(range(len(other))), len(seen), "reference_images")
        after = read_by(self.clip, self.clip_tokenizer, for_each_image(prompt, len(seen), "prompt"), self.warn)
        sources = for_each_image(source_prompt, len(seen), "source_prompt")
        before = read_by(self.clip, self.clip_tokenizer, sources, self.warn)
        change = _unit(seen) - _unit(other)[chosen]
        return self.Out(directional_similarity=_cosine(change, _unit(after) - _unit(before)).tolist())


class GatherClipFeatures(Block):
    """Gather what a CLIP sees in images, batch by batch, behind what was gathered before."""

    clip: CLIPModel = component(doc="Embeds images where they can be compared.")
    clip_image_processor: CLIPImageProcessor = component(doc="Prepares images for the CLIP.")

    class Out(Outputs):
        features: MeasuredFeatures

    def run(self, images: Images, features: MeasuredFeatures | None = None) -> Out:
        return self.Out(features=[*(features or ()), seen_by(self.clip, self.clip_image_processor, images, "images")])


def _texts(given: object) -> list[str]:
    return [given] if isinstance(given, str) else list(given) if isinstance(given, (list, tuple)) else []


def _unit(rows: Tensor) -> Tensor:
    found: Tensor = rows / rows.norm(dim=-1, keepdim=True)
    return found


def _cosine(one: Tensor, other: Tensor) -> Tensor:
    import torch

    found: Tensor = torch.nn.functional.cosine_similarity(one, other, dim=-1)
    return found
