"""What a family knows of its denoisers' limits: channels, sizes, and how wide the texts are that they read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ..state import InputError

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def said_side(denoiser: Any) -> int:
    """Return the side of the latents that a denoiser was trained for, or raise an InputError: it says none, or two."""
    side = getattr(denoiser.config, "sample_size", None)
    if not isinstance(side, int):
        raise InputError(f"The denoiser says no side of images (sample_size={side}): give height= and width=.")
    return side


def halving_fault(what: str, sides: Sequence[int], stages: int) -> str | None:
    """Say that sides cannot be halved and doubled again by a UNet that rounds nothing; None where they can.

    Args:
        what: they are of. sides: height and width. stages: of the UNet, each but the last halves.
    """
    multiple = 2 ** (stages - 1)
    if all(side % multiple == 0 for side in sides):
        return None
    height, width = sides
    near = [max(1, round(side / multiple)) * multiple for side in sides]
    return (
        f"{what} are {height}x{width} (height x width), and the UNet halves them {stages - 1} times: both must be multiples of {multiple}. "
        f"The nearest are {near[0]}x{near[1]}."
    )


def image_fault(config: Any, shape: Sequence[int]) -> str | None:
    """Say that images `[b c h w]` have other channels than a UNet of pixels reads, or sides that it cannot halve; None where it takes them."""
    if shape[1] != config.in_channels:
        return f"The images have {shape[1]} channels, and the UNet reads {config.in_channels} (in_channels)."
    return halving_fault("The images", shape[-2:], len(config.block_out_channels))


class DenoiserLimits:
    """The part of a contract that says which denoisers, latents and encoders go together."""

    __slots__ = ()
    flow_types: ClassVar[tuple[str | None, ...]] = (None, "flow_prediction")
    """What schedulers of its flow say of themselves (`prediction_type`)."""
    keeps_asked_size: ClassVar[bool] = True
    """Whether images that were drawn in another size than was asked for are brought to that."""
    told_ratings: ClassVar[bool] = False
    """Whether some of its denoisers are told a rating in place of the target size."""

    def latents_dtype(self, dtype: torch.dtype) -> torch.dtype:
        """Return the dtype of latents in the loop, beside a denoiser that computes in a dtype: the same, unless the family says otherwise."""
        return dtype

    def trained_size(self, denoiser: Any, height: int, width: int) -> tuple[int, int]:  # noqa: ARG002 - others read it
        """Return height and width in pixels of the size next to another one, of those that a denoiser was trained with; the same where any will do."""
        return height, width

    def default_sides(self, side: int) -> tuple[int, int]:
        """Height and width in pixels where the caller names none, of a denoiser that was trained with a side; those of a square, unless the family says otherwise."""
        return side, side

    def predicts_variance(self, denoiser: Any) -> bool:  # noqa: ARG002 - others read it
        """Whether a denoiser says a variance beside its prediction, in as many channels again."""
        return False

    def predicted_channels(self, denoiser: Any) -> int | None:
        """How many channels of latents a denoiser predicts, without a variance beside them; None where it does not say."""
        config = getattr(denoiser, "config", None)
        made = getattr(config, "out_channels", None) or getattr(config, "in_channels", None)
        if not isinstance(made, int):
            return None
        return made // 2 if self.predicts_variance(denoiser) else made

    def read_channels(self, denoiser: Any) -> int | None:  # noqa: ARG002 - others read it
        """How many channels a denoiser reads, of latents and of what lies behind their channels; None where it is given something else."""
        return None

    def denoiser_fault(self, denoiser: Any) -> str | None:  # noqa: ARG002 - others read it
        """Say that a denoiser is one of another family, as what follows its name; None for one that is not known to be."""
        return None

    def latents_fault(self, denoiser: Any, latents: Tensor) -> str | None:  # noqa: ARG002 - others read them
        """Say of which size or channels a denoiser takes no latents `[b c h w]`; None for what it takes."""
        return None

    def tokens_fault(self, latents: Tensor) -> str | None:  # noqa: ARG002 - others read them
        """Say of which size latents `[b c h w]` do not become tokens, after "are"; None for what does."""
        return None

    def text_width(self, widths: Sequence[int | None]) -> int | None:
        """How wide joined hidden states are, of encoders whose hidden states are so wide; None where that is not known.

        Args:
            widths: of those encoders whose hidden states are read, None for one that is not there.
        """
        known = [width for width in widths if width is not None]
        return sum(known) if known and len(known) == len(widths) else None
