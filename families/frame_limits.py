"""How a family counts frames: in seconds, and in latents."""

from __future__ import annotations

from typing import Any, ClassVar, Literal


class FrameLimits:
    """The part of a contract that says what the family draws, and of videos how many frames are one latent."""

    __slots__ = ()
    medium: ClassVar[Literal["image", "video"]] = "image"
    """Latents of images are `[b c h w]`, those of videos `[b c f h w]`."""
    frame_rate: ClassVar[float] = 8.0
    """Frames of a second in the videos that it was trained with."""
    unscales_first: ClassVar[bool] = False
    """Whether latents come to the VAE's scale in their own number format, and then into that of the VAE."""

    def temporal_factor(self, vae: Any) -> int:
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
