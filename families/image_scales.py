"""How a family reads images: the channels and the scale of their latents, and the size of those that are references."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from torch import Tensor


class ImageScales:
    """The part of a contract that says how the VAE's latents become the denoiser's, and how reference images are read."""

    __slots__ = ()

    reads_shift: ClassVar[bool] = False
    """Whether latents are shifted by the VAE's `shift_factor`."""

    def decode_arguments(self, vae: Any, latents: Tensor) -> dict[str, Any]:  # noqa: ARG002 - others read them
        """Return what a VAE is told beside the latents, in its scale, that it decodes."""
        return {}

    def vae_channels(self, vae: Any) -> int:
        """Channels of the latents that are made of images."""
        return int(vae.config.latent_channels)

    def scale_latents(self, vae: Any, latents: Tensor) -> Tensor:
        """Bring latents from the VAE's scale to the denoiser's."""
        scale: float = vae.config.scaling_factor
        return latents * scale

    def unscale_latents(self, vae: Any, latents: Tensor) -> Tensor:
        """Bring latents from the denoiser's scale to the VAE's."""
        scale: float = vae.config.scaling_factor
        return latents / scale

    def reference_size(self, height: int, width: int, area: int | None = None) -> tuple[int, int]:  # noqa: ARG002 - others read it
        """Height and width in pixels in which an image of a size is read as a reference; its own, where the family has no such sizes.

        Args:
            area: about how many pixels it then has, of families that have no certain sizes.
        """
        return height, width

    def as_reference(self, image: Any, size: tuple[int, int], area: int | None = None) -> Any:  # noqa: ARG002 - others read it
        """Bring a PIL image to the height and width in which it is read as a reference.

        Args:
            size: that `reference_size` gave. area: with which it was asked.
        """
        from PIL.Image import Resampling

        return image.resize(size[::-1], Resampling.LANCZOS)

    def scale_reference(self, vae: Any, latents: Tensor) -> Tensor:
        """Bring latents of a reference image from the VAE's scale to the denoiser's."""
        return self.scale_latents(vae, latents)
