"""IP-Adapters: images as prompts (Ye et al. 2023, https://arxiv.org/abs/2308.06721)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from ...engine.network_calls import call_network
from ...families.contract import Denoiser
from ...guiders import ClassifierFreeGuidance
from ...registry.compilation import uncompiled
from ...registry.model_dtype import compute_dtype
from ...state import Conditioning, Fault, Group, InputError, Outputs
from ...state.pipeline_state import describe_value
from ...state.vocabulary import GivenImageEmbeds, GuidanceScale, ImagePrompt
from ..core.block import Block
from ..core.choice import AutoPipelineBlocks
from ..core.slots import component
from .denoiser_fit import image_width_faults
from .encode_prompt import active_guider
from .given_image import as_pil, image_faults, is_pixel_values

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection


_OF_ONE_SIZE = ("clip_vision_model", "siglip_vision_model")


class EncodeImagePrompt(Block):
    """Turn images into embeddings for the denoiser's IP-Adapters: one image, or a list of such, for each adapter."""

    image_encoder: CLIPVisionModelWithProjection = component(doc="Sees the images.")
    feature_extractor: CLIPImageProcessor = component(
        config={"size": 224, "crop_size": 224}, doc="Brings them to the size that it sees."
    )
    denoiser: Denoiser = component(doc="Its adapters say what of an image they want.")
    guider: ClassifierFreeGuidance = component(
        config={"guidance_scale": 7.5},
        doc="Which predictions are made.",
    )

    class Out(Outputs):
        image_prompt: Annotated[Conditioning, Group("image_prompt")]

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Images and embeddings exclude each other."""
        if given.get("ip_adapter_image") is not None and given.get("ip_adapter_image_embeds") is not None:
            text = "ip_adapter_image and ip_adapter_image_embeds are two ways to say one thing; give one of them."
            yield Fault(text, "ip_adapter_image", "ip_adapter_image_embeds")
        images = given.get("ip_adapter_image")
        for image in images if isinstance(images, (list, tuple)) else [images]:
            if not is_pixel_values(image):
                yield from image_faults({"ip_adapter_image": image}, ip_adapter_image="image")

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say which embeddings of images the adapters do not take, and which images the encoder does not."""
        yield from self._size_faults(given.get("ip_adapter_image"))
        embeds = given.get("ip_adapter_image_embeds")
        if not embeds:
            return
        layers = self.family.image_projections(uncompiled(self.denoiser))
        halves = 2 if active_guider(self.guider, given.get("guidance_scale")).uses_negative else 1
        for place, each in enumerate(embeds):
            shape = list(getattr(each, "shape", ()))
            if len(shape) not in (3, 4) or not each.is_floating_point() or not all(shape):
                yield Fault(
                    f"ip_adapter_image_embeds holds {describe_value(each)}; for each adapter it is a tensor of floating-point "
                    "numbers, [rows images width] or, of adapters that read patches, [rows images patches width].",
                    "ip_adapter_image_embeds",
                )
            elif shape[0] % halves:
                yield Fault(
                    f"ip_adapter_image_embeds holds a tensor of the shape {shape}; with guidance the first half of its rows is "
                    "of no image, so there must be an even number of them.",
                    "ip_adapter_image_embeds",
                )
            else:
                yield from image_width_faults("ip_adapter_image_embeds", [each], layers[place : place + 1])

    def _size_faults(self, images: object) -> Iterable[str]:
        """Say of images, and of lists of them, which the image encoder does not see, each thing once."""
        if isinstance(images, (list, tuple)):
            return dict.fromkeys(fault for each in images for fault in self._size_faults(each))
        fault = None if images is None else self._size_fault(images)
        return [] if fault is None else [Fault(fault, "ip_adapter_image")]

    def _size_fault(self, image: object) -> str | None:
        """Say that the image encoder would be given another size than it sees; None where that is not so, or not known."""
        config = self.image_encoder.config
        # Their embeddings of places are for one size; other encoders may take any.
        side = getattr(config, "image_size", None) if getattr(config, "model_type", "") in _OF_ONE_SIZE else None
        if not isinstance(side, int):
            return None
        if is_pixel_values(image):
            height, width = image.shape[-2:]  # type: ignore[attr-defined]  # of a tensor
            found = f"ip_adapter_image is a tensor of {height}x{width}, which is read as it is"
            advice = f"Resize it to {side}x{side}"
        else:
            extractor: Any = self.feature_extractor
            crops = getattr(extractor, "do_center_crop", False)
            made: Any = getattr(extractor, "crop_size" if crops else "size", None) or {}
            height, width = made.get("height"), made.get("width")
            if height is None or width is None:
                return None
            found = f"feature_extractor makes {height}x{width} of ip_adapter_image"
            given = f"size={side}, crop_size={side}" if crops else f"size={{'height': {side}, 'width': {side}}}"
            advice = f"update_components(feature_extractor={type(extractor).__name__}({given}))"
        return None if (height, width) == (side, side) else f"{found}, and image_encoder sees {side}x{side}. {advice}."

    def run(
        self,
        ip_adapter_image: ImagePrompt | None = None,
        ip_adapter_image_embeds: GivenImageEmbeds | None = None,
        guidance_scale: GuidanceScale | None = None,
    ) -> Out:
        layers = self.family.image_projections(self.denoiser)
        if not layers:
            raise InputError(
                "The denoiser has no IP-Adapter, so an image says nothing to it: pipe.load_ip_adapter(...) first."
            )
        needs_negative = active_guider(self.guider, guidance_scale).uses_negative
        if ip_adapter_image_embeds is not None:
            pairs = [
                self._given(each, needs_negative)
                for each in self._one_each(ip_adapter_image_embeds, layers, "embeddings")
            ]
        else:
            images = ip_adapter_image if isinstance(ip_adapter_image, list) else [ip_adapter_image]
            chosen = self._one_each(images, layers, "images")
            pairs = [self._encoded(image, layer, needs_negative) for image, layer in zip(chosen, layers, strict=True)]
        # An encoder in another dtype, and what callers have kept in half precision, meets the weights of the denoiser.
        dtype = compute_dtype(self.denoiser)
        embeds = {"ip_adapter_embeds": [positive.to(dtype) for positive, _ in pairs]}
        if needs_negative:
            embeds["negative_ip_adapter_embeds"] = [negative.to(dtype) for _, negative in pairs]
        return self.Out(image_prompt=Conditioning(embeds))

    def _one_each(self, given: Sequence[Any], layers: list[Any], what: str) -> list[Any]:
        if len(given) != len(layers):
            raise InputError(
                f"{len(given)} {what} were given for {len(layers)} IP-Adapters; give a list with one for each."
            )
        return list(given)

    def _given(self, embeds: Tensor, needs_negative: bool) -> tuple[Tensor, Any]:
        """Return embeddings of the caller's own; with guidance the negative ones stand first, as in diffusers."""
        embeds = embeds.to(self.device)
        if not needs_negative:
            return embeds, None
        negative, positive = embeds.chunk(2)
        return positive, negative

    def _black(self, like: Tensor) -> Tensor:
        """Return what the encoder is given of a black image, as many as there are of others."""
        import PIL.Image

        made: Any = self.feature_extractor(PIL.Image.new("RGB", (64, 64)), return_tensors="pt").pixel_values
        return made.to(like).repeat_interleave(len(like), dim=0)  # type: ignore[no-any-return]  # a tensor of transformers

    def _encoded(self, image: object, layer: object, needs_negative: bool) -> tuple[Tensor, Tensor]:
        """Return embeddings of one adapter's images, and of none, each `[1 images ...]`."""
        import torch
        from diffusers.models.embeddings import ImageProjection

        encoder = self.image_encoder
        # Again: where components are loaded on demand, nobody could ask before the run.
        faults = list(self._size_faults(image))
        if faults:
            raise InputError(" ".join(faults))
        # Numbers that the encoder reads as they are, or what the extractor brings to its size.
        pixels: Any = (
            image
            if is_pixel_values(image)
            else self.feature_extractor(as_pil(image, "ip_adapter_image"), return_tensors="pt").pixel_values
        )
        pixels = pixels.to(self.device, encoder.dtype)
        if isinstance(layer, ImageProjection):
            positive = call_network(encoder, pixels).image_embeds
            if self.family.no_image == "black" and needs_negative:
                return positive[None, :], call_network(encoder, self._black(pixels)).image_embeds[None, :]
            return positive[None, :], torch.zeros_like(positive)[None, :]
        positive = call_network(encoder, pixels, output_hidden_states=True).hidden_states[-2]
        if self.family.no_image == "zeros":
            return positive[None, :], torch.zeros_like(positive)[None, :]
        # Zeros of normalized pixels, a grey image, are "no image" for adapters that read patches; for those that read
        # the pooled vector it is a vector of zeros (diffusers' `encode_image`).
        negative = call_network(encoder, torch.zeros_like(pixels), output_hidden_states=True).hidden_states[-2]
        return positive[None, :], negative[None, :]


class AutoImagePrompt(AutoPipelineBlocks):
    """Turn images into embeddings where such are given."""

    block_classes = [EncodeImagePrompt, EncodeImagePrompt]
    block_names = ["image", "embeds"]
    block_trigger_inputs = ["ip_adapter_image", "ip_adapter_image_embeds"]
