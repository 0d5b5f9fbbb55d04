"""Images that a denoiser reads in further tokens, and a text encoder that sees them, too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from ...families.contract import Autoencoder, FamilyContract
from ...families.text_encoding import Encoded, TextEncoding, said_of
from ...families.tokenize import processed
from ...state import Conditioning, Group, InputError, Outputs
from ...state.vocabulary import (
    AttentionArguments,
    BatchSize,
    DType,
    Generators,
    GuidanceScale,
    Height,
    ImagesPerPrompt,
    InputImage,
    MaxArea,
    MaxSequenceLength,
    Width,
)
from ..core.block import Block
from ..core.choice import AutoPipelineBlocks
from ..core.sequential import SequentialPipelineBlocks
from ..core.slots import component
from ..steps.decode import VAE_ADVICE
from ..steps.encode_beside import told
from ..steps.encode_image import encoded
from ..steps.encode_prompt import (
    EncodeNegativePrompt,
    EncodePositivePrompt,
    PlainTexts,
    TakeNegativeEmbeds,
    TakePromptEmbeds,
)
from ..steps.given_image import as_pil, given_image, image_faults, is_latents
from ..steps.prepare_image_latents import repeat_to_batch
from ..steps.resolve_size import ResolveSize, resolved_size

if TYPE_CHECKING:
    from diffusers.image_processor import VaeImageProcessor
    from torch import Tensor
    from transformers import ProcessorMixin

_SEEN = ("pixel_values", "image_grid_thw")
"""What a processor makes of images, by the names of arguments of text encoders."""
AREA = 1024**2
"""Pixels that a reference has where nobody says how many."""


def pil_list(image: Any) -> list[Any]:
    """Return one PIL image or several as a list."""
    made = as_pil(image, "image")
    return made if isinstance(made, list) else [made]


class ResolveReferencedSize(ResolveSize):
    """Take the size that the caller names, or that of the last reference image, brought to as many pixels as references have."""

    def effective_defaults(self) -> Mapping[str, Any]:
        """None of its own: they are the image's, where one is given."""
        return {}

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image."""
        yield from super().input_faults(given)
        yield from image_faults(given, image="image")

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        image: InputImage | None = None,
        height: Height | None = None,
        width: Width | None = None,
        max_area: MaxArea = AREA,
    ) -> ResolveSize.Out:
        family = self.family
        if image is not None and (height is None or width is None):
            rows, columns = self._size(image, max_area)
            multiple = family.size_multiple
            height, width = height or rows // multiple * multiple, width or columns // multiple * multiple
        height, width = resolved_size(family, self.denoiser, self.vae, height, width)
        return self.Out(height=height, width=width)

    def _size(self, image: Any, area: int) -> tuple[int, int]:
        channels = self.family.vae_channels(self.vae)
        shown = image
        if isinstance(image, (list, tuple)):
            shown = image[-1 if self.family.sizing_reference == "last" else 0]
        shown = given_image(shown, "image", latent_channels=channels)
        if is_latents(shown, channels):
            factor = self.family.vae_scale_factor(self.vae)
            return shown.shape[-2] * factor, shown.shape[-1] * factor
        one = pil_list(shown)[0]
        return self.family.reference_size(one.height, one.width, area)


class EncodeReferences(Block):
    """Encode reference images with the VAE, each in a size of its own, for denoisers that read their latents in further tokens."""

    memory_advice = VAE_ADVICE

    vae: Autoencoder = component(doc="Between images and latents.")
    image_processor: VaeImageProcessor = component(config={"vae_scale_factor": 8}, doc="From PIL images, arrays.")

    class Out(Outputs):
        reference: Annotated[Conditioning, Group("reference")]

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image."""
        yield from image_faults(given, image="image")

    def run(
        self,
        batch_size: BatchSize,
        dtype: DType,
        image: InputImage | None = None,
        max_area: MaxArea = AREA,
        num_images_per_prompt: ImagesPerPrompt = 1,
        generator: Generators | None = None,
    ) -> Out:
        if image is None:
            return self.Out(reference=Conditioning({}))
        latents = [
            repeat_to_batch(each.to(dtype), batch_size, num_images_per_prompt)
            for each in self._latents(image, max_area, generator)
        ]
        return self.Out(reference=told(self.family, "reference", latents))

    def _latents(self, image: Any, area: int, generator: Any) -> list[Tensor]:
        """Return the most likely latents of each reference; of all in one batch, where each prompt has its own."""
        family, channels = self.family, self.family.vae_channels(self.vae)
        given = given_image(image, "image", latent_channels=channels)
        if is_latents(given, channels):
            pixels = [given]
        else:
            images = references_of(family, given, area)
            groups = [[each] for each in images] if family.several_references else [images]
            pixels = [self.image_processor.preprocess(each, each[0].height, each[0].width) for each in groups]
        scaled = partial(family.scale_reference, self.vae)
        return [encoded(family, self.vae, each, generator, self.device, draws=False, scaled=scaled) for each in pixels]


def references_of(family: FamilyContract, image: Any, area: int) -> list[Any]:
    """Return PIL images in the size in which they are read; that of the first for all, where each prompt has its own."""
    images = pil_list(image)
    sizes = [family.reference_size(each.height, each.width, area) for each in images]
    if not family.several_references:
        sizes = [sizes[0]] * len(sizes)
    return [family.as_reference(each, size, area) for each, size in zip(images, sizes, strict=True)]


class TextsWithImages(PlainTexts):
    """Reads prompts with images in front of them, by a processor that makes tokens of both."""

    _is_framework_base: ClassVar[bool] = True
    if TYPE_CHECKING:
        processor: ProcessorMixin

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image."""
        yield from super().input_faults(given)
        yield from image_faults(given, image="image")

    def encoded_with(
        self, image: Any, area: int, texts: Sequence[list[str]], encodings: Sequence[TextEncoding], negative: bool
    ) -> list[Encoded | None]:
        """Encode the texts of each prompt with the images that are given; as plain texts where none are."""
        if image is None:
            return self.encoded_texts(texts, encodings, negative)
        (encoding,), (encoder,), (batch, *_) = encodings, self.text_encoders, texts
        if is_latents(image):
            raise InputError("image is latents, and the text encoder sees pixels: give the image itself.")
        seen = references_of(self.family, image, encoding.image_area or area)
        if self.family.several_references:
            each, all_seen = len(seen), seen * len(batch)
        else:
            each, all_seen = 1, seen * len(batch) if len(seen) == 1 else seen
            if len(all_seen) != len(batch):
                raise InputError(
                    f"{len(seen)} images were given for {len(batch)} prompts; give one, or one for each prompt."
                )
        found = processed(self.processor, [encoding.written(text, each) for text in batch], all_seen)
        beside: dict[str, Tensor] = {name: found[name] for name in _SEEN if name in found}
        return [said_of(encoder, found["input_ids"], found["attention_mask"], encoding, beside=beside)]


class EncodePositivePromptWithImages(TextsWithImages, EncodePositivePrompt):
    """Encode the prompts, and the images that they speak of, with a text encoder that sees."""

    processor: ProcessorMixin = component(doc="Makes tokens of text and images.")

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        prompts: Annotated[Conditioning, Group("prompts", "positive")],
        image: InputImage | None = None,
        max_area: MaxArea = AREA,
        cross_attention_kwargs: AttentionArguments | None = None,
        max_sequence_length: MaxSequenceLength | None = None,
    ) -> EncodePositivePrompt.Out:
        read = partial(self.encoded_with, image, max_area)
        return self.Out(embeds=self.encoded(prompts, None, cross_attention_kwargs, max_sequence_length, read))


class EncodeNegativePromptWithImages(TextsWithImages, EncodeNegativePrompt):
    """Encode what the images shall not show, beside the images that the prompts speak of."""

    processor: ProcessorMixin = component(doc="Makes tokens of text and images.")

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        given: Annotated[Conditioning, Group("prompt_embeds", "positive")],
        negative_prompts: Annotated[Conditioning, Group("prompts", "negative")] = Conditioning({}),
        image: InputImage | None = None,
        max_area: MaxArea = AREA,
        guidance_scale: GuidanceScale | None = None,
        cross_attention_kwargs: AttentionArguments | None = None,
        max_sequence_length: MaxSequenceLength | None = None,
    ) -> EncodeNegativePrompt.Out:
        read = partial(self.encoded_with, image, max_area)
        made = self.negatives(
            given, negative_prompts, guidance_scale, cross_attention_kwargs, max_sequence_length, read
        )
        return self.Out(embeds=made)


class PositivePromptWithImages(AutoPipelineBlocks):
    """Prompts with images, or embeddings in their place."""

    block_classes = [TakePromptEmbeds, EncodePositivePromptWithImages]
    block_names = ["given", "encode"]
    block_trigger_inputs = ["prompt_embeds", None]


class NegativePromptWithImages(AutoPipelineBlocks):
    """Negative prompts with images, or embeddings in their place."""

    block_classes = [TakeNegativeEmbeds, EncodeNegativePromptWithImages]
    block_names = ["given", "encode"]
    block_trigger_inputs = ["negative_prompt_embeds", None]


class EncodePromptWithImages(SequentialPipelineBlocks):
    """Turn prompts, and the images that they speak of, into embeddings."""

    block_classes = [PositivePromptWithImages, NegativePromptWithImages]
    block_names = ["positive", "negative"]
