"""Images as prompts for denoisers that read what an image encoder sees as further tokens of text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from ...engine.network_calls import call_network
from ...families.contract import ImageEmbedder
from ...state import Conditioning, Group, InputError, Outputs
from ...state.vocabulary import EmbedsScale, InputImage
from ..core.block import Block
from ..core.slots import component
from ..steps.encode_prompt import EncodePositivePrompt, HandOnPromptEmbeds, PositivePrompt
from ..steps.given_image import as_pil, image_faults

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import CLIPImageProcessor, CLIPVisionModel


class ZeroPrompt(Block):
    """Put zeros in the place of what text encoders say, where there are none: the prompt is then images alone."""

    image_embedder: ImageEmbedder = component(doc="Makes of what was seen what the denoiser reads as text.")

    class Out(Outputs):
        embeds: Annotated[Conditioning, Group("prompt_embeds", "positive")]

    def run(self) -> Out:
        import torch

        shapes = self.family.unsaid(self.image_embedder)
        zeros = {
            part.positive: torch.zeros(shapes[part.source], device=self.device)
            for part in self.family.fields("prompt_embeds")
        }
        return self.Out(embeds=Conditioning(zeros))


class PromptForImages(PositivePrompt):
    """Prompts, or embeddings in their place, to which images are added."""

    block_classes = [HandOnPromptEmbeds, EncodePositivePrompt]


class AddImagesToPrompt(Block):
    """Put what images say after what the prompt says, and add up the rows of several images, each with its weight.

    One prompt serves all images; of several there is one for each image. The result is one row: a prompt of text and images.
    """

    image_encoder: CLIPVisionModel = component(doc="Sees the images.")
    feature_extractor: CLIPImageProcessor = component(doc="Brings them to the size that it sees.")
    image_embedder: ImageEmbedder = component(doc="Makes of what was seen what the denoiser reads as text.")

    class Out(Outputs):
        embeds: Annotated[Conditioning, Group("prompt_embeds", "positive")]

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image."""
        yield from image_faults(given, image="image")

    def run(
        self,
        image: InputImage,
        embeds: Annotated[Conditioning, Group("prompt_embeds", "positive")],
        prompt_embeds_scale: EmbedsScale = 1.0,
        pooled_prompt_embeds_scale: EmbedsScale = 1.0,
    ) -> Out:
        import torch

        seen = self._seen(image)
        scales = {"hidden": prompt_embeds_scale, "pooled": pooled_prompt_embeds_scale}
        made: dict[str, Tensor] = {}
        for part in self.family.fields("prompt_embeds"):
            value = _rows_for(embeds[part.positive], len(seen), part.positive).to(seen)
            if part.source == "hidden":
                value = torch.cat([value, seen], dim=1)
            weights = torch.tensor(_weights(part.positive, scales[part.source], len(seen))).to(seen)
            made[part.positive] = (value * weights.reshape(-1, *[1] * (value.ndim - 1))).sum(dim=0, keepdim=True)
        return self.Out(embeds=Conditioning(made))

    def _seen(self, image: Any) -> Tensor:
        """Return what the denoiser reads of each image, `[images tokens width]`."""
        encoder: Any = self.image_encoder
        pixels = self.feature_extractor(as_pil(image, "image"), return_tensors="pt").pixel_values
        states = call_network(encoder, pixels.to(self.device, encoder.dtype)).last_hidden_state
        found: Tensor = call_network(self.image_embedder, states).image_embeds
        return found


def _rows_for(value: Tensor, count: int, name: str) -> Tensor:
    """Return one row for each image.

    Raises:
        InputError: there are other numbers of rows.
    """
    if len(value) == count:
        return value
    if len(value) == 1:
        return value.repeat_interleave(count, dim=0)
    raise InputError(
        f"{name} has {len(value)} rows, and there are {count} images; give one prompt, or one for each image."
    )


def _weights(name: str, scale: float | list[float], count: int) -> list[float]:
    """Return a weight for each image."""
    weights = list(scale) if isinstance(scale, (list, tuple)) else [scale] * count
    if len(weights) != count:
        raise InputError(
            f"{name}_scale has {len(weights)} values for {count} images; give one number, or one for each."
        )
    return weights
