"""What networks see in images: depth, directions of surfaces, colours without light (Ke et al. 2023, https://arxiv.org/abs/2312.02145)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from ...families.contract import Autoencoder, Denoiser
from ...registry.model_dtype import compute_dtype
from ...state import Conditioning, Group, InputError, Outputs
from ...state.vocabulary import (
    AskedSize,
    BatchSize,
    ControlImage,
    DType,
    Height,
    Images,
    ImagesPerPrompt,
    InputImage,
    KeepsSize,
    Latents,
    LongSide,
    OutputType,
    Resampling,
    SeenSize,
    StepCount,
    Width,
)
from ..core.block import Block
from ..core.slots import component, config
from ..steps.decode import VAE_ADVICE, Decode, own_dtype
from ..steps.encode_beside import told
from ..steps.encode_image import encoded
from ..steps.encode_prompt import EncodePositivePrompt
from ..steps.expand_batch import ExpandBatch
from ..steps.given_image import given_image, image_faults
from ..steps.prepare_image_latents import repeat_to_batch

if TYPE_CHECKING:
    from torch import Tensor


class EncodeNoPrompt(EncodePositivePrompt):
    """Encode the empty text, which is all that the denoiser was ever told."""

    def run(self) -> EncodePositivePrompt.Out:  # type: ignore[override]  # a block's signature is its declaration
        (part,) = self.family.fields("prompts")
        return self.Out(embeds=self.encoded(Conditioning({part.positive: ""}), None, None, None))


class EncodeSeenImage(Block):
    """Bring the images to the size in which they are looked at, with a margin to what the VAE takes, and encode them: their most likely latents."""

    memory_advice = VAE_ADVICE

    denoiser: Denoiser = component(config_only=True, doc="Says in which dtype it reads them.")
    vae: Autoencoder = component(doc="Between images and latents.")
    default_processing_resolution: int | None = config(None, doc="Longer side in pixels where nobody says one.")

    class Out(Outputs):
        seen: Annotated[Conditioning, Group("seen")]
        height: Height
        width: Width
        seen_size: SeenSize
        asked_size: AskedSize
        batch_size: BatchSize
        dtype: DType

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image."""
        yield from image_faults(given, image="image")

    def effective_defaults(self) -> Mapping[str, Any]:
        """What the network was trained with."""
        own = self.default_processing_resolution
        return {} if own is None else {"processing_resolution": own}

    def run(
        self,
        image: InputImage,
        processing_resolution: LongSide | None = None,
        resample_method_input: Resampling = "bilinear",
        num_images_per_prompt: ImagesPerPrompt = 1,
    ) -> Out:
        longest = self.default_processing_resolution if processing_resolution is None else processing_resolution
        if longest is None:
            raise InputError(
                "Nothing says in which size the image is looked at: give processing_resolution=768, or what the network was trained with; "
                "0 is the size of the image."
            )
        import torch
        from diffusers.pipelines.marigold.marigold_image_processing import MarigoldImageProcessor

        given = _of_one_size(given_image(image, "image"))
        processor = MarigoldImageProcessor(vae_scale_factor=self.family.vae_scale_factor(self.vae))
        _refuse_too_long(_size(given), longest)
        # On a CPU, torch (2.13) makes images small without artefacts in float32 alone.
        is_wide = bool(longest) and torch.device(self.device).type == "cpu"
        kept = torch.float32 if is_wide else own_dtype(self.vae)
        pixels, margin, size = processor.preprocess(given, longest, resample_method_input, self.device, kept)
        latents = encoded(self.family, self.vae, pixels, None, self.device, draws=False)
        dtype = self.family.latents_dtype(compute_dtype(self.denoiser))
        rows = repeat_to_batch(latents.to(dtype), len(latents), num_images_per_prompt)
        height, width = pixels.shape[-2:]
        return self.Out(
            seen=told(self.family, "seen", rows),
            height=height,
            width=width,
            seen_size=(height - margin[0], width - margin[1]),
            asked_size=(int(size[0]), int(size[1])),
            batch_size=len(latents),
            dtype=dtype,
        )


def _size(given: Any) -> tuple[int, int]:
    """Return height and width of images as `given_image` returns them, of a list those of the first."""
    first = given[0] if isinstance(given, list) else given
    if hasattr(first, "getbbox"):
        return first.height, first.width
    height, width = first.shape[-2:] if hasattr(first, "detach") else first.shape[-3:-1]
    return int(height), int(width)


def _of_one_size(given: Any) -> Any:
    sizes = {_size(each) for each in given} if isinstance(given, list) else set()
    if len(sizes) > 1:
        said = ", ".join(f"{width}x{height}" for height, width in sorted(sizes))
        raise InputError(
            f"image holds images of several sizes, {said} pixels, which are looked at together; give one call for each size."
        )
    return given


def _refuse_too_long(size: tuple[int, int], longest: int) -> None:
    if longest and min(size) * longest < max(size):
        raise InputError(
            f"image is {size[1]}x{size[0]} pixels, of which processing_resolution={longest} leaves a side of none; give more, or 0 for its own size."
        )


class TellImages(ExpandBatch):
    """Tell the denoiser the same for every image, in its dtype."""

    class Out(Outputs):
        embeds: Annotated[Conditioning, Group("prompt_embeds")]

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        embeds: Annotated[Conditioning, Group("prompt_embeds")],
        batch_size: BatchSize,
        num_images_per_prompt: ImagesPerPrompt = 1,
    ) -> Out:
        return self.Out(embeds=self.rows(embeds, batch_size * num_images_per_prompt)["embeds"])


class TakeOwnSteps(Block):
    """Take as many steps as the caller says, or as the network was made for."""

    default_denoising_steps: int | None = config(None, doc="Number of steps where nobody says one.")

    class Out(Outputs):
        num_inference_steps: StepCount

    def effective_defaults(self) -> Mapping[str, Any]:
        """What the network was made for."""
        own = self.default_denoising_steps
        return {} if own is None else {"num_inference_steps": own}

    def run(self, num_inference_steps: StepCount | None = None) -> Out:
        steps = num_inference_steps or self.default_denoising_steps
        if steps is None:
            raise InputError(
                "Nothing says how many steps there are: give num_inference_steps=4, or what the network was made for."
            )
        return self.Out(num_inference_steps=steps)


class DecodeDepth(Decode):
    """Turn latents into depth, 0 near and 1 far unless the network sees disparity, in the size of the images; `output_type="pil"` shows it in grey."""

    class Out(Outputs):
        images: Images

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        latents: Latents,
        seen_size: SeenSize,
        asked_size: AskedSize,
        match_input_resolution: KeepsSize = True,
        resample_method_output: Resampling = "bilinear",
        output_type: OutputType = "pil",
    ) -> Out:
        if output_type == "latent":
            return self.Out(images=latents)
        found = self.found(latents, seen_size, asked_size if match_input_resolution else None, resample_method_output)
        if output_type == "pt":
            return self.Out(images=found)
        if output_type == "np":
            return self.Out(images=_numbers(found))
        return self.Out(images=self.image_processor.numpy_to_pil(_numbers(self.shown(found))))

    def found(self, latents: Tensor, seen: tuple[int, int], asked: tuple[int, int] | None, resampling: str) -> Tensor:
        """Return what was seen, `[b c height width]`, without the margin; in another size where one is asked for."""
        from torch.nn.functional import interpolate

        channels = self.family.vae_channels(self.vae)
        # What several things were seen of lies in rows of its own.
        pixels = self.decoded(latents.reshape(-1, channels, *latents.shape[-2:]))
        values = self.values(pixels)[:, :, : seen[0], : seen[1]]
        return values if asked is None else self.resized(interpolate(values, asked, mode=resampling))

    def values(self, pixels: Tensor) -> Tensor:
        """Return depth `[b 1 height width]` in 0..1 of what the VAE says `[b 3 height width]`."""
        return (pixels.mean(dim=1, keepdim=True).clip(-1.0, 1.0) + 1.0) / 2.0

    def resized(self, values: Tensor) -> Tensor:
        """Return values whose size was changed."""
        return values

    def shown(self, values: Tensor) -> Tensor:
        """Return values in 0..1, as an image shows them."""
        return values


class DecodeNormals(DecodeDepth):
    """Turn latents into the direction of each surface, three numbers in -1..1 of length 1; `output_type="pil"` shows them as colours."""

    use_full_z_range: bool = config(True, doc="Whether surfaces may look away, too.")

    class Out(Outputs):
        images: Images

    def values(self, pixels: Tensor) -> Tensor:
        """Return directions of length 1 of what the VAE says."""
        found = pixels.clip(-1.0, 1.0)
        if not self.use_full_z_range:
            found[:, 2] = found[:, 2] * 0.5 + 0.5
        return _of_length_one(found)

    def resized(self, values: Tensor) -> Tensor:
        """Return directions of length 1 again: between two there is a shorter one."""
        return _of_length_one(values)

    def shown(self, values: Tensor) -> Tensor:
        """Return directions as colours."""
        return (values + 1.0) / 2.0


def _of_length_one(directions: Tensor) -> Tensor:
    import torch

    unit: Tensor = directions / torch.norm(directions, dim=1, keepdim=True).clamp(min=1e-6)
    return unit


class DecodeIntrinsics(DecodeDepth):
    """Turn latents into what an image is made of, such as colour and light apart: the images of each one after the other, in 0..1."""

    class Out(Outputs):
        images: Images

    def values(self, pixels: Tensor) -> Tensor:
        """Return what the VAE says in 0..1."""
        return (pixels.clip(-1.0, 1.0) + 1.0) / 2.0


class DecodeDepthControl(DecodeDepth):
    """Turn latents into an image that steers a ControlNet of depth: white is near."""

    prediction_type: str | None = config("depth", doc="'depth' is far where it is more, 'disparity' near.")

    class Out(Outputs):
        control_image: ControlImage

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self, latents: Latents, seen_size: SeenSize, asked_size: AskedSize
    ) -> Out:
        found = self.found(latents, seen_size, asked_size, "bilinear")
        near = found if self.prediction_type == "disparity" else 1.0 - found
        # In float32, as images are that were not computed on the way.
        return self.Out(control_image=near.float().expand(-1, 3, -1, -1))


def _numbers(values: Tensor) -> Any:
    return values.cpu().permute(0, 2, 3, 1).float().numpy()
