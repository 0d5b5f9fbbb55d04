"""One rule for every image and mask that a caller gives: what it may be, and what the image processors get of it.

diffusers' `VaeImageProcessor` (0.42.1) counts channels, so that an RGBA image is taken for latents, and divides nothing by 255, so that
an array of whole numbers is another image than the file it was read from. Here an image is known by its type and dtype; what the
processor has always understood passes unchanged, bit for bit.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...state import Fault, InputError
from ...state.errors import nearest, with_article
from .image_numbers import (
    as_colours,
    as_grey,
    checked_range,
    eight_bit,
    is_whole,
    joined,
    of_sixteen_bits,
    with_channels,
)
from .image_reading import as_turned, is_address, read_image

if TYPE_CHECKING:
    from PIL.Image import Image

Purpose = Literal["image", "mask", "control"]
"""What it is for: a mask has one channel, and its transparent places are black; numbers of a control image may lie in -1..1."""

_MOST_FILES = 10_000
"""Files of a folder that are looked at for one that was meant."""


def given_image(value: Any, name: str, purpose: Purpose = "image", latent_channels: int | None = None) -> Any:
    """Return an image, or several, as the image processors understand them.

    Args:
        value: PIL images of any mode, arrays or tensors, or a list of one sort. name: of the input, for errors.
        latent_channels: of the VAE. A floating-point tensor `[b c h w]` with so many channels is latents, and passes.

    Returns:
        A PIL image, a list of such, an array `[b h w c]` or a tensor `[b c h w]`.

    Raises:
        InputError: it is none, or its numbers are out of range.
    """
    if isinstance(value, (list, tuple)):
        made = [given_image(each, name, purpose, latent_channels) for each in value]
        flat = [one for each in made for one in (each if isinstance(each, list) else [each])]
        sorts = {_sort(one) for one in flat}
        if len(sorts) > 1:
            raise InputError(f"{name} mixes {' and '.join(sorted(sorts))}; give a list of one sort.")
        return flat if sorts <= {"PIL images"} else _batch_of(flat, name)
    if hasattr(value, "getbbox"):
        return _of_pil(value, name, purpose)
    if not (hasattr(value, "dtype") and hasattr(value, "ndim")):
        raise InputError(
            f"{name} is {with_article(type(value).__name__)}, which is no image; give a PIL image, an array, a tensor, or the path of a "
            f"file: {name}='image.png'."
        )
    if purpose != "mask" and is_latents(value, latent_channels):
        return value
    return _of_numbers(value, name, purpose)


def with_files_read(value: Any, name: str) -> Any:
    """Return the images in place of the paths in what was given, upright; what names no file is returned as the same object.

    It is for what a caller gives, before a run: a block is given images, so that caches and recipes know what was in the file.

    Raises:
        InputError: a file cannot be read as an image, or an address of the net is given.
    """
    if isinstance(value, (str, Path)):
        if is_address(str(value)):
            raise InputError(
                f"{name} is the address {str(value)[:100]!r}; nothing is loaded from the net in a call. Give "
                f"{name}=load_image({str(value)[:100]!r}, allow_urls=True)."
            )
        try:
            return as_turned(read_image(Path(value)), str(value))
        except InputError as error:
            near = _nearest_file(Path(value))
            raise InputError(f"{name}: {error}{f' Did you mean {str(near)!r}?' if near else ''}") from error
    return type(value)(with_files_read(each, name) for each in value) if names_files(value) else value


def _nearest_file(path: Path) -> Path | None:
    """Return the file of the same folder that is named most alike, where there is none of this name."""
    try:
        if path.exists() or not path.parent.is_dir():
            return None
        with os.scandir(path.parent) as entries:
            names = [entry.name for entry in islice(entries, _MOST_FILES) if entry.is_file()]
    except (OSError, ValueError):  # ValueError: a zero byte in the name
        return None
    near = nearest(path.name, names)
    return None if near is None else path.parent / near


def names_files(value: object) -> bool:
    """Return whether it is a path, or a list in which one is."""
    return isinstance(value, (str, Path)) or (isinstance(value, (list, tuple)) and any(map(names_files, value)))


def is_latents(value: Any, channels: int | None = None) -> bool:
    """Return whether it is latents: a floating-point tensor `[b c h w]`, with the VAE's channels or, if these are not known, with others
    than images have.
    """
    import torch

    if not isinstance(value, torch.Tensor) or not value.is_floating_point() or value.ndim != 4:
        return False
    return value.shape[1] not in (1, 3) if channels is None else value.shape[1] == channels


def is_pixel_values(value: Any) -> bool:
    """Return whether it is what an image encoder reads, `[b 3 h w]`, already scaled as it was trained: a floating-point tensor."""
    import torch

    return isinstance(value, torch.Tensor) and value.is_floating_point() and value.ndim == 4


def as_pil(value: Any, name: str, purpose: Purpose = "image") -> Any:
    """Return a PIL image, or a list of such, of what is an image.

    Raises:
        InputError: as `given_image`.
    """
    made = given_image(value, name, purpose)
    if hasattr(made, "getbbox") or isinstance(made, list):
        return made
    images = pil_images(made.float() if hasattr(made, "detach") else made, name)
    return images[0] if len(images) == 1 else images


def image_faults(given: Mapping[str, Any], **purposes: Purpose) -> Iterator[str]:
    """Yield what is wrong with the inputs that are images: name to what each is for."""
    for name, purpose in purposes.items():
        if given.get(name) is not None:
            try:
                given_image(given[name], name, purpose)
            except InputError as error:
                yield Fault(str(error), name)


def refuse_too_small(value: Any, name: str, smallest: int) -> None:
    """Refuse an image from which no size can be taken.

    Raises:
        InputError: a side has fewer pixels than `smallest`.
    """
    first = value[0] if isinstance(value, list) else value
    if hasattr(first, "getbbox"):
        height, width = first.height, first.width
    else:
        height, width = (first.shape[-2], first.shape[-1]) if hasattr(first, "detach") else first.shape[1:3]
    if height < smallest or width < smallest:
        raise InputError(
            f"{name} is {width}x{height} pixels, and the smallest that the VAE takes is {smallest}x{smallest}; "
            "give height= and width=, or a larger image."
        )


def stretched(value: Any, name: str, size: tuple[int, int]) -> str | None:
    """Say that a PIL image would be stretched to a size of other proportions; None where it would not, or it is no PIL image.

    Args:
        size: width and height.
    """
    first = value[0] if isinstance(value, list) and value else value
    if not hasattr(first, "getbbox"):
        return None
    width, height = first.size
    if abs(width * size[1] - height * size[0]) <= _ROUNDING * width * size[1]:
        return None
    return (
        f"{name} is {width}x{height}, and is stretched to {size[0]}x{size[1]}, which has other proportions: what it shows moves. Crop it, or add "
        "a border, before the call."
    )


def unstretched(value: Any, name: str, height: int | None, width: int | None, warn: Callable[[str], None]) -> Any:
    """Return an image as it is, and warn where it would be stretched to a size that is known."""
    said = stretched(value, name, (width, height)) if height and width else None
    if said is not None:
        warn(said)
    return value


_ROUNDING = 0.03
"""By which fraction proportions may differ: sides are rounded to what the VAE takes."""


def pixels_of(processor: Any, given: Any, name: str, height: int | None = None, width: int | None = None) -> Any:
    """Return an image, as `given_image` returns it, in pixels of a size; its own where None.

    Raises:
        InputError: it is too small to take a size from.
    """
    if height is None or width is None:
        refuse_too_small(given, name, processor.config.vae_scale_factor)
    return processor.preprocess(given, height=height, width=width)


def control_pixels(processor: Any, shown: Any, height: int | None, width: int | None) -> Any:
    """Return a control image, as `given_image` returns it, in pixels of a size; its own where None.

    Raises:
        InputError: it is latents, or too small to take a size from.
    """
    if is_latents(shown):
        raise InputError("control_image is latents, and the ControlNet reads pixels; give the image itself.")
    return pixels_of(processor, shown, "control_image", height, width)


def _sort(value: Any) -> str:
    return "PIL images" if hasattr(value, "getbbox") else "tensors" if hasattr(value, "detach") else "arrays"


def _batch_of(parts: list[Any], name: str) -> Any:
    if len({part.shape[1:] for part in parts}) > 1:
        shapes = ", ".join(str(list(part.shape[1:])) for part in parts)
        raise InputError(f"{name} holds numbers of different shapes: {shapes}; give images of one size.")
    return joined(parts)


def _of_pil(image: Image, name: str, purpose: Purpose) -> Image:
    """Return an image upright, in RGB; a mask in RGB or L. Those that are so already are the same object."""
    if not image.width or not image.height:
        raise InputError(f"{name} is {image.width}x{image.height} pixels: there is nothing in it.")
    image = as_turned(image, name)
    if image.mode.startswith("I;16") or image.mode == "I":
        image = of_sixteen_bits(image, name)
    elif image.mode == "F":
        import numpy as np
        import PIL.Image

        image = PIL.Image.fromarray(eight_bit(np.asarray(image), name))
    if purpose == "mask" and image.mode in ("1", "L", "RGB") and not image.has_transparency_data:
        return image
    return without_alpha(image, "black" if purpose == "mask" else "white")


def without_alpha(image: Image, behind: str) -> Image:
    """Return an image in RGB; what is transparent lies before a colour."""
    if image.mode == "RGB":
        return image
    if not image.has_transparency_data:
        return image.convert("RGB")
    import PIL.Image

    shown = image.convert("RGBA")
    return PIL.Image.alpha_composite(PIL.Image.new("RGBA", shown.size, behind), shown).convert("RGB")


def _of_numbers(value: Any, name: str, purpose: Purpose) -> Any:
    """Return numbers `[b h w c]` or, of a tensor, `[b c h w]`; whole ones of 8 bits and bool as PIL images, which is what they were."""
    numbers = with_channels(value, name, purpose == "mask")
    if is_whole(numbers):
        made = [_of_pil(image, name, purpose) for image in pil_images(numbers, name)]
        return made[0] if len(made) == 1 else made
    checked_range(numbers, name, -1.0 if purpose == "control" and hasattr(numbers, "detach") else 0.0)
    return as_grey(numbers) if purpose == "mask" else as_colours(numbers)


def pil_images(numbers: Any, name: str) -> list[Image]:
    """Return numbers as `with_channels` returns them as PIL images of 8 bits.

    Raises:
        InputError: they are out of range.
    """
    import PIL.Image

    rows = numbers.detach().cpu().movedim(1, -1).numpy() if hasattr(numbers, "detach") else numbers
    return [PIL.Image.fromarray(eight_bit(row if row.shape[-1] > 1 else row[..., 0], name)) for row in rows]
