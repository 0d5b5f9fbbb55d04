"""How a family counts frames: in seconds, and in latents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from .roles import Autoencoder, Denoiser


class FrameLimits:
    """The part of a contract that says what the family draws, and of videos how many frames are one latent."""

    __slots__ = ()
    medium: ClassVar[Literal["image", "video", "audio"]] = "image"
    """Latents of images are `[b c h w]`, those of videos `[b c f h w]`, those of sounds `[b c t]`."""
    frame_rate: ClassVar[float] = 8.0
    """Frames of a second in the videos that it was trained with."""
    unscales_first: ClassVar[bool] = False
    """Whether latents come to the VAE's scale in their own number format, and then into that of the VAE."""
    frames_first: ClassVar[bool] = False
    """Whether noise is drawn in the order of frames before channels: other noise than in that of latents."""
    frames_first_of_videos: ClassVar[bool] = False
    """Whether noise for given videos is drawn in that order, where the rest is drawn in the order of latents."""
    predicts_float32: ClassVar[bool] = False
    """Whether predictions are in float32, in which the solver computes, beside latents in the denoiser's dtype."""
    draws_float32: ClassVar[bool] = False
    """Whether noise is drawn in float32, and then rounded to the dtype of latents."""
    noises_decoding: ClassVar[bool] = False
    """Whether some of its VAEs are given a little noise, and told how much, when they decode."""
    draws_start: ClassVar[bool] = True
    """Whether latents of the image that videos begin with are drawn from the VAE's posterior."""
    scales_start_first: ClassVar[bool] = False
    """Whether latents of that image come to the denoiser's scale in the VAE's number format, and then into that of the denoiser."""
    marks_start: ClassVar[bool] = False
    """Whether a channel behind the latents of that image says which frame is given."""
    crops_start: ClassVar[bool] = False
    """Whether that image is cropped to a size of the training."""
    seen_state: ClassVar[int | None] = -2
    """Which hidden state says what an encoder sees in that image; None is its output, `last_hidden_state`."""
    next_time: ClassVar[str] = ""
    """Argument in which some of its denoisers are told the timestep of the step after, where videos begin with an image."""
    decodes_frames: ClassVar[Literal["as a video", "alone", "together"]] = "as a video"
    """How the VAE decodes frames: latents of a video at once, or a batch of images, each by itself, or which see each other."""
    videos_at_once: ClassVar[int | None] = None
    """How many videos the VAE decodes in a call; all where None."""
    frames_at_once: ClassVar[int | None] = None
    """How many frames it decodes in a call where nobody says; all of a video where None."""
    draws_video: ClassVar[bool] = False
    """Whether latents of given videos are drawn from the VAE's posterior, and are not its most likely ones."""

    encodes_float32: ClassVar[bool] = False
    """Whether VAEs that say `force_upcast` run in float32 where they encode, and decode as they are."""

    def sound_length(self, denoiser: Denoiser) -> int:
        """How many latents each sound has: those that the denoiser was trained with; of shorter sounds a part is kept."""
        return int(denoiser.config.sample_size)

    def default_frames(self, denoiser: Denoiser) -> int:
        """Frames of a video where nobody says how many: those that the denoiser was trained with."""
        return int(getattr(denoiser.config, "sample_frames", 16))

    def reads_next_time(self, denoiser: Denoiser) -> bool:  # noqa: ARG002 - others read it
        """Whether a denoiser is told the timestep of the step after."""
        return False

    def read_frames(self, denoiser: Denoiser, frames: int) -> int:  # noqa: ARG002 - others read the denoiser
        """Latents along time that a denoiser reads for a video of so many; those at the beginning are then too many."""
        return frames

    def times_of_frames(self, latents: Tensor, t: Tensor, kept: Tensor) -> Tensor:
        """Timesteps `[b f]` of frames of latents `[b c f h w]`: 0 for those that are given.

        Args:
            kept: how many are, of each video.
        """
        import torch

        is_noisy = torch.arange(latents.shape[2], device=latents.device) >= kept[:, None]
        return t.expand(len(latents))[:, None] * is_noisy

    def in_drawing_order(self, latents: Tensor) -> Tensor:
        """Latents `[b c f h w]` as noise for them is drawn, and the other way round."""
        return latents.transpose(1, 2) if self.frames_first else latents

    def temporal_factor(self, vae: Autoencoder) -> int:
        """Frames per latent along time; the first frame has a latent of its own."""
        return int(vae.config.scale_factor_temporal)

    def latent_frames(self, vae: Any, frames: int) -> int:
        """Latents along time of so many frames."""
        return (frames - 1) // self.temporal_factor(vae) + 1

    def frame_fault(self, vae: Any, frames: int) -> str | None:
        """Say that a VAE makes no videos of so many frames; None for what it makes."""
        factor = self.temporal_factor(vae)
        if frames % factor == 1 or factor == 1:
            return None
        low = (frames - 1) // factor * factor + 1
        return (
            f"num_frames is {frames}; the VAE makes one frame, and {factor} more for each further latent. The nearest are {low} and "
            f"{low + factor}."
        )
