"""From videos, and images that videos begin with, to latents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from ...engine.network_calls import call_network
from ...families.contract import Autoencoder, Denoiser, with_rows
from ...registry.model_dtype import compute_dtype
from ...state import Conditioning, Fault, Group, InputError, Outputs
from ...state.vocabulary import (
    BatchSize,
    DType,
    FrameCount,
    Generators,
    Height,
    ImageLatents,
    ImagesPerPrompt,
    InputImage,
    InputVideo,
    LastImage,
    Latents,
    StartLatents,
    Width,
)
from ..core.block import Block
from ..core.slots import component
from ..steps.decode import VAE_ADVICE
from ..steps.encode_beside import told
from ..steps.encode_image import encoded
from ..steps.given_image import Purpose, as_pil, given_image, image_faults, pixels_of
from ..steps.prepare_image_latents import repeat_to_batch

if TYPE_CHECKING:
    import torch
    from diffusers.video_processor import VideoProcessor
    from torch import Tensor
    from transformers import CLIPImageProcessor, CLIPVisionModel


def frames_of(video: Any, name: str = "video", purpose: Purpose = "image") -> list[Any]:
    """Return videos as the processor of images reads them, each the frames of one: a list of PIL images, an array or a tensor.

    Args:
        name: of the input. purpose: as of `given_image`.

    Raises:
        InputError: it is none, or the videos have other numbers of frames.
    """
    first = video[0] if isinstance(video, (list, tuple)) and video else video
    many = isinstance(first, (list, tuple)) or getattr(first, "ndim", 0) == (5 if first is video else 4)
    videos = list(video) if many else [video]
    if not videos or any(isinstance(each, (list, tuple)) and not each for each in videos):
        raise InputError(f"{name} has no frames; give its frames as images, or what load_video(path) returns.")
    made = [given_image(each, name, purpose) for each in videos]
    made = [[each] if hasattr(each, "getbbox") else each for each in made]
    counts = sorted({len(each) for each in made})
    if len(counts) > 1:
        raise InputError(f"{name} holds videos of {', '.join(map(str, counts))} frames; give videos of one length.")
    return made


def video_faults(given: Mapping[str, Any], **purposes: Purpose) -> Iterator[str]:
    """Yield what is wrong with the inputs that are videos: name to what each is for."""
    for name, purpose in purposes.items():
        if given.get(name) is not None:
            try:
                frames_of(given[name], name, purpose)
            except InputError as error:
                yield Fault(str(error), name)


class EncodeVideo(Block):
    """Encode the given videos with the VAE: their most likely latents, or drawn from its posterior, as the family has it."""

    memory_advice = VAE_ADVICE

    vae: Autoencoder = component(doc="Between videos and latents.")
    video_processor: VideoProcessor = component(config={"vae_scale_factor": 8}, doc="From PIL images, arrays.")

    class Out(Outputs):
        image_latents: ImageLatents
        num_frames: FrameCount

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no video."""
        yield from video_faults(given, video="image")

    def run(
        self,
        video: InputVideo,
        dtype: DType,
        height: Height | None = None,
        width: Width | None = None,
        generator: Generators | None = None,
    ) -> Out:
        family, frames = self.family, frames_of(video)
        fault = family.frame_fault(self.vae, len(frames[0]))
        if fault is not None:
            raise InputError(f"video: {fault}")
        shown = [pixels_of(self.video_processor, each, "video", height, width) for each in frames]
        scaled = partial(_scaled, family.scale_latents, self.vae, dtype)
        source = generator if family.draws_video else None
        if family.decodes_frames != "as a video":
            found = frame_by_frame(family, self.vae, shown, source, self.device, scaled)
            return self.Out(image_latents=found, num_frames=len(frames[0]))
        rows = [each.transpose(0, 1)[None] for each in shown]
        found = row_by_row(family, self.vae, rows, source, self.device, family.draws_video, scaled)
        return self.Out(image_latents=found, num_frames=len(frames[0]))


def frame_by_frame(family: Any, vae: Any, videos: Sequence[Tensor], generator: Any, device: Any, scaled: Any) -> Tensor:
    """Return the latents of videos `[f 3 height width]` as a batch `[b c f h w]`, of VAEs that read frames as images.

    Args:
        generator: of several, each draws a video of its own.
    """
    import torch

    def latents_of(video: Tensor, source: Any) -> Tensor:
        parts = torch.split(video, family.frames_at_once or len(video))
        made = [encoded(family, vae, part, source, device, draws=family.draws_video, scaled=scaled) for part in parts]
        return torch.cat(made).transpose(0, 1)[None]

    return torch.cat([latents_of(video, source) for video, source in _with_sources(videos, generator)])


def _with_sources(videos: Sequence[Tensor], generator: Any) -> list[tuple[Tensor, Any]]:
    """Return videos with what draws them: with several generators a video once for each of its own.

    Raises:
        InputError: so many generators do not fit so many videos.
    """
    if not isinstance(generator, (list, tuple)):
        return [(video, generator) for video in videos]
    each = _for_each(generator, len(videos))
    return [(videos[i // each], source) for i, source in enumerate(generator)]


def _for_each(generators: Sequence[Any], videos: int) -> int:
    if len(generators) % videos:
        raise InputError(f"{len(generators)} generators do not fit {videos} given videos; give one for each result.")
    return len(generators) // videos


def row_by_row(
    family: Any, vae: Any, rows: Sequence[Tensor], generator: Any, device: Any, draws: bool, scaled: Any
) -> Tensor:
    """Return the latents of videos `[1 3 f height width]`, encoded one after another, as a batch rounds otherwise; the rest as `encoded`.

    Args:
        generator: of several, so many draw from each row as there are for it.
    """
    import torch

    own = list(generator) if isinstance(generator, (list, tuple)) else None
    each = 0 if own is None else _for_each(own, len(rows))
    sources: list[Any] = [generator if own is None else own[i * each : (i + 1) * each] for i in range(len(rows))]
    found = [
        encoded(family, vae, row, source, device, draws=draws, scaled=scaled)
        for row, source in zip(rows, sources, strict=True)
    ]
    return torch.cat(found)


def _scaled(scale: Any, vae: Any, dtype: torch.dtype, latents: Tensor) -> Tensor:
    """Bring latents to the denoiser's scale in the run's number format, which may be more exact than the VAE's."""
    made: Tensor = scale(vae, latents.to(dtype))
    return made


class EncodeStartImage(Block):
    """Encode the image that videos begin with, as latents of one frame, in the scale of references: drawn from the VAE's posterior, or its most likely ones, as the
    family has it.
    """

    memory_advice = VAE_ADVICE

    vae: Autoencoder = component(doc="Between videos and latents.")
    video_processor: VideoProcessor = component(config={"vae_scale_factor": 8}, doc="From PIL images, arrays.")

    class Out(Outputs):
        start_latents: StartLatents

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image."""
        yield from image_faults(given, image="image")

    def run(
        self, image: InputImage, height: Height, width: Width, dtype: DType, generator: Generators | None = None
    ) -> Out:
        pixels = pixels_of(self.video_processor, given_image(image, "image"), "image", height, width)
        rows = [each[None, :, None] for each in pixels]
        scale = self.family.scale_reference
        first = self.family.scales_start_first
        scaled = partial(scale, self.vae) if first else partial(_scaled, scale, self.vae, dtype)
        draws = self.family.draws_start
        source = generator if draws else None
        return self.Out(start_latents=row_by_row(self.family, self.vae, rows, source, self.device, draws, scaled))


class PlaceStartImage(Block):
    """Put the latents of the image that videos begin with beside the first frame, and zeros beside the others, for denoisers that read both in
    further channels; for some with one more behind them, which has 1 where a frame is given.
    """

    class Out(Outputs):
        beside: Annotated[Conditioning, Group("extra_channels")]

    def run(
        self,
        start_latents: StartLatents,
        latents: Latents,
        batch_size: BatchSize,
        dtype: DType,
        num_images_per_prompt: ImagesPerPrompt = 1,
    ) -> Out:
        import torch

        first = repeat_to_batch(start_latents.to(dtype), batch_size, num_images_per_prompt)
        others = first.new_zeros(*first.shape[:2], latents.shape[2] - 1, *first.shape[3:])
        beside = torch.cat([first, others], dim=2)
        if self.family.marks_start:
            mark = torch.zeros_like(beside[:, :1])
            mark[:, :, : first.shape[2]] = 1
            beside = torch.cat([beside, mark], dim=1)
        return self.Out(beside=told(self.family, "extra_channels", beside))


class EncodeFirstFrame(Block):
    """Encode the image that videos begin with, and maybe the one they end with, for denoisers that read both in further channels.

    Before them stands which frames are given, one channel for each frame of a latent.
    """

    memory_advice = VAE_ADVICE

    vae: Autoencoder = component(doc="Between videos and latents.")
    video_processor: VideoProcessor = component(config={"vae_scale_factor": 8}, doc="From PIL images, arrays.")

    class Out(Outputs):
        beside: Annotated[Conditioning, Group("extra_channels")]

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image."""
        yield from image_faults(given, image="image", last_image="image")

    def run(
        self,
        image: InputImage,
        height: Height,
        width: Width,
        batch_size: BatchSize,
        dtype: DType,
        last_image: LastImage | None = None,
        num_frames: FrameCount = 16,
        num_images_per_prompt: ImagesPerPrompt = 1,
    ) -> Out:
        import torch

        first = self._pixels(image, "image", height, width)
        last = [] if last_image is None else [self._pixels(last_image, "last_image", height, width)]
        rows = max(len(each) for each in (first, *last))
        first, last = with_rows(first, rows), [with_rows(each, rows) for each in last]
        if num_frames <= len(last):
            raise InputError(f"last_image is given, and num_frames is {num_frames}; give 2 or more.")
        between = first.new_zeros(*first.shape[:2], num_frames - 1 - len(last), height, width)
        shown = torch.cat([first, between, *last], dim=2)
        scaled = partial(_scaled, self.family.scale_latents, self.vae, dtype)
        latents = encoded(self.family, self.vae, shown, None, self.device, draws=False, scaled=scaled)
        given = torch.zeros(len(latents), num_frames, *latents.shape[-2:], device=latents.device, dtype=latents.dtype)
        given[:, [0, *([-1] if last else [])]] = 1
        factor = self.family.temporal_factor(self.vae)
        # The first frame has a latent of its own, and counts for each of the frames that others have.
        given = torch.cat([given[:, :1].repeat_interleave(factor, dim=1), given[:, 1:]], dim=1)
        mask = given.reshape(len(given), -1, factor, *given.shape[2:]).transpose(1, 2)
        beside = repeat_to_batch(torch.cat([mask, latents], dim=1), batch_size, num_images_per_prompt)
        return self.Out(beside=told(self.family, "extra_channels", beside))

    def _pixels(self, image: Any, name: str, height: int, width: int) -> Tensor:
        pixels: Tensor = pixels_of(self.video_processor, given_image(image, name), name, height, width)
        return pixels.unsqueeze(2)


class SeeImage(Block):
    """Look at the image that videos begin with, and maybe the one they end with, by an encoder of images; nothing where there is none."""

    denoiser: Denoiser = component(config_only=True, doc="Says in which dtype it is told what is seen.")
    image_encoder: CLIPVisionModel | None = component(doc="Sees the images; None for denoisers that are not told.")
    feature_extractor: CLIPImageProcessor | None = component(doc="Brings them to the size that it sees.")

    class Out(Outputs):
        seen: Annotated[Conditioning, Group("seen_image")]

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image."""
        yield from image_faults(given, image="image", last_image="image")

    def run(
        self,
        image: InputImage,
        batch_size: BatchSize,
        last_image: LastImage | None = None,
        num_images_per_prompt: ImagesPerPrompt = 1,
    ) -> Out:
        encoder = self.image_encoder
        if encoder is None or self.feature_extractor is None:
            return self.Out(seen=Conditioning({}))
        import torch

        shown = [as_pil(each, "image") for each in (image, last_image) if each is not None]
        pixels = [self.feature_extractor(each, return_tensors="pt").pixel_values for each in shown]
        # In one batch, as in the classic pipeline.
        seen = torch.cat(pixels).to(self.device, encoder.dtype)
        which = self.family.seen_state
        if which is None:
            states = call_network(encoder, seen).last_hidden_state
        else:
            states = call_network(encoder, seen, output_hidden_states=True).hidden_states[which]
        each = states.to(compute_dtype(self.denoiser)).split([len(rows) for rows in pixels])
        told_of = [repeat_to_batch(rows, batch_size, num_images_per_prompt) for rows in each]
        return self.Out(seen=told(self.family, "seen_image", torch.cat(told_of, dim=1)))
