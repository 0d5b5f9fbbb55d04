"""Videos whose first frames are given, and stay as they are, and what denoisers are told beside their latents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from ...state import Conditioning, Group, Outputs
from ...state.vocabulary import (
    BatchSize,
    DType,
    FrameRate,
    ImagesPerPrompt,
    KeptLatents,
    Latents,
    StartLatents,
)
from ..core.block import Block
from ..steps.denoise import Denoise, ScaleLatents, StepScheduler
from ..steps.encode_beside import told
from ..steps.predict_noise import PredictNoise
from ..steps.prepare_image_latents import refuse_other_rows, repeat_to_batch

if TYPE_CHECKING:
    from torch import Tensor


class BeginWithImage(Block):
    """Put the latents of an image in the place of each video's first frame, and say that this one is given."""

    class Out(Outputs):
        latents: Latents
        kept_latents: KeptLatents
        kept: Annotated[Conditioning, Group("kept_frames")]

    def run(
        self,
        start_latents: StartLatents,
        latents: Latents,
        batch_size: BatchSize,
        dtype: DType,
        num_images_per_prompt: ImagesPerPrompt = 1,
    ) -> Out:
        first = repeat_to_batch(start_latents.to(dtype), batch_size, num_images_per_prompt)
        refuse_other_rows(latents, len(first), "videos")
        count = latents.new_full((len(latents),), first.shape[2])
        return self.Out(
            latents=beginning_with(first, latents), kept_latents=first, kept=told(self.family, "kept_frames", count)
        )


def beginning_with(first: Tensor, latents: Tensor) -> Tensor:
    """Return latents `[b c f h w]` with others in the place of their first frames."""
    import torch

    return torch.cat([first, latents[:, :, first.shape[2] :]], dim=2)


class TellFrameRate(Block):
    """Tell the denoiser how many frames a second has, those of the family where nobody says it."""

    class Out(Outputs):
        frame_rate: FrameRate
        rate: Annotated[Conditioning, Group("frame_rate")]

    def run(
        self, batch_size: BatchSize, num_images_per_prompt: ImagesPerPrompt = 1, frame_rate: FrameRate | None = None
    ) -> Out:
        import torch

        rate = frame_rate or self.family.frame_rate
        # In double precision: it is a number, and no input of a layer.
        rates = torch.full((batch_size * num_images_per_prompt,), rate, dtype=torch.float64)
        return self.Out(frame_rate=rate, rate=told(self.family, "frame_rate", rates))


class KeepFirstFrames(Block):
    """Put the given frames back, which the solver changed, too."""

    class Out(Outputs):
        latents: Latents

    def run(self, latents: Latents, kept_latents: KeptLatents) -> Out:
        return self.Out(latents=beginning_with(kept_latents.to(latents.dtype), latents))


class DenoiseAfterImage(Denoise):
    """Denoise the frames after those that are given, step by step."""

    block_classes = [ScaleLatents, PredictNoise, StepScheduler, KeepFirstFrames]
    block_names = ["before_denoiser", "denoiser", "after_denoiser", "keep_frames"]
