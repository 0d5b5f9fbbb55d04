"""Small images of latents while they are denoised, by a linear map from latent channels to red, green and blue."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from attrs import define, field

from ...blocks.steps.decode import decoded_by, decoding_overflows, in_float32
from ...engine.events import Event, StepFinished
from ...engine.scoped_names import seen_at
from ...families.contract import FamilyContract
from ...registry.model_dtype import compute_dtype
from ...state import InputError
from ...state.user_warnings import deprecated, user_warning

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from ...families.contract import Autoencoder

SAMPLES = 24
SIZE = 8
"""Latents that the map is fitted to: so many, of so many rows and columns."""


def fit_projection(vae: Autoencoder, family: FamilyContract) -> Tensor | None:
    """Fit the map from a latent's channels, and a one, to the mean colour of its pixels, by least squares.

    A few smooth random latents are decoded, 64x64 pixels each for most models, so no table of numbers per model is
    needed; a large VAE takes a second or two on a CPU, once.

    Returns:
        `[channels + 1, 3]`, for colours in -1..1; None where what the VAE decodes is not finite.
    """
    import torch
    from torch.nn.functional import adaptive_avg_pool2d, interpolate

    channels = family.vae_channels(vae)
    # Of its own and fixed: a listener must not draw from what the run draws from, and one model has one map.
    generator = torch.Generator().manual_seed(0)
    # Smooth, as latents of images are; a VAE was not trained on those of white noise.
    coarse = torch.randn(SAMPLES, channels, 3, 3, generator=generator)
    smooth = interpolate(coarse, size=(SIZE, SIZE), mode="bilinear")
    vae = _quick(vae)
    with torch.no_grad(), in_float32(vae, decoding_overflows(family, vae)):
        latents = smooth.to(vae.device, compute_dtype(vae))
        unscaled = family.unscale_latents(vae, latents)
        # What decodes frames of one video together would mix the samples.
        groups = torch.split(unscaled, 1) if family.decodes_frames == "together" else [unscaled]
        pixels = torch.cat([decoded_by(family, vae, each) for each in groups])
    if not bool(torch.isfinite(pixels).all()):
        return None
    colours = adaptive_avg_pool2d(pixels.float(), (SIZE, SIZE)).permute(0, 2, 3, 1).reshape(-1, 3)
    rows = latents.float().permute(0, 2, 3, 1).reshape(-1, channels)
    # On the host: not every accelerator has the solver, and the system is of a few columns.
    found: Tensor = torch.linalg.lstsq(torch.cat([rows, torch.ones_like(rows[:, :1])], 1).cpu(), colours.cpu()).solution
    return found


def first_shown(latents: Tensor) -> Tensor | None:
    """Return latents `[c h w]` of the first image of a batch, or of the frame in the middle of its first video; None of tokens, which have no
    rows and columns.
    """
    if latents.ndim == 5:
        return latents[0, :, latents.shape[2] // 2]
    return latents[0] if latents.ndim == 4 else None


def _quick(vae: Any) -> Any:
    """Return a VAE to decode with now: on the host, where a manager keeps it during the loop, half precision takes seconds."""
    import torch

    is_slow = vae.device.type == "cpu" and compute_dtype(vae) in (torch.float16, torch.bfloat16)
    # A copy: a run that decodes meanwhile must not meet the VAE in another format.
    return copy.deepcopy(vae).float() if is_slow else vae


@define(eq=False)
class Previews:
    """A listener that turns the latents of every step into small images.

    Attributes:
        vae: of the pipeline; None of families that work on pixels, whose latents are what is shown. family: the contract of its model family. every: an image for each so many steps.
        loops: whether videos are kept, too, which `export_to_video(frames, "preview.gif", rate)` writes.
        images: those of the first item of the batch, of videos of the frame in the middle, one pixel per latent, enlarged by `scale`. videos: with `loops`, all frames of the first
            video at each of these steps.

    Raises:
        InputError: the family has a VAE, and none is given, as before it is loaded.

    Example:
        >>> pipe = embedded()
        >>> previews = Previews(pipe.vae, SDXL)
        >>> pipe.configure(listeners=[previews], progress=False)
        >>> _ = pipe(prompt="a red circle", num_inference_steps=4, output="images")
        >>> len(previews.images), previews.images[0].size
        (4, (64, 64))
    """

    vae: Any
    family: FamilyContract
    every: int = 1
    scale: int = 4
    loops: bool = False
    images: list[Image] = field(factory=list, init=False)
    videos: list[list[Image]] = field(factory=list, init=False)
    _projection: Any = field(default=None, init=False)
    _is_told: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        if self.vae is None and self.family.roles.get("vae"):
            raise InputError(
                f"Previews of {self.family.name} need its VAE, and it is None. Load it first: pipe.load_components('vae'), then "
                "Previews(pipe.vae, family)."
            )

    @property
    def pictures(self) -> list[Image]:
        """The images, by the name that they had before 0.1.0 was out."""
        deprecated("Previews.pictures", "it is Previews.images now", since=1)
        return self.images

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if not isinstance(event, StepFinished) or (event.index + 1) % self.every:
            return
        latents = seen_at(event.path, "latents", event.values)
        one = None if latents is None else first_shown(latents)
        if one is None:
            return
        shown = self.image(one)
        if shown is not None:
            self.images.append(shown)
        if shown is not None and self.loops and latents.ndim == 5:
            frames = [self.image(frame) for frame in latents[0].unbind(1)]
            self.videos.append([frame for frame in frames if frame is not None])

    def image(self, latents: Tensor) -> Image | None:
        """Turn one item's latents `[c h w]` into an image; None where its VAE decodes nothing finite, which is said once."""
        from PIL import Image as Images

        rows = latents.detach().float().cpu().permute(1, 2, 0)
        if self.vae is None:
            colours = rows.expand(-1, -1, 3) if rows.shape[-1] == 1 else rows[..., :3]
        else:
            if self._projection is None:
                self._projection = fit_projection(self.vae, self.family)
            if self._projection is None:
                if not self._is_told:
                    user_warning("There are no previews: what the VAE decodes is not finite. Load it in float32.")
                self._is_told = True
                return None
            colours = rows @ self._projection[:-1] + self._projection[-1]
        pixels = ((colours.clamp(-1, 1) + 1) * 127.5).round().byte().numpy()
        image = Images.fromarray(pixels)
        return image.resize((image.width * self.scale, image.height * self.scale), Images.Resampling.BICUBIC)
