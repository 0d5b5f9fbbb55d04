"""Videos as files: read and written in memory by PyAV, with their rate."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...state import ComponentError, InputError
from ...state.atomic import beside
from ...state.limits import LARGEST_PICTURE_FILE, MOST_PIXELS
from ...state.reading import read_bytes
from ..steps.given_image import pil_images
from ..steps.image_reading import refuse_address

if TYPE_CHECKING:
    from PIL.Image import Image

_CODECS = {".mp4": ("libx264", "h264", "mpeg4"), ".mov": ("libx264", "h264", "mpeg4"), ".mkv": ("ffv1",), ".gif": ()}
"""Encoders by the end of a file's name, the first that is there counts."""
_CONTAINERS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
FORMATS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "gif", "avi")
"""What FFmpeg calls the formats that are read. Others are refused: some of them open further files."""
LARGEST_VIDEO_FILE = 4 * LARGEST_PICTURE_FILE
MOST_FRAMES = 10_000


def load_video(path: str | Path, *, most_frames: int = MOST_FRAMES) -> tuple[list[Image], float]:
    """Return the frames of a file, in RGB, and how many of them a second has.

    Files are in MP4, MOV, MKV, WebM, AVI or GIF.

    Args:
        most_frames: of longer videos the first so many are returned.

    Raises:
        InputError: it is no video, damaged or too large, or an address of the net. ComponentError: PyAV is not installed.

    Example:
        >>> frames, rate = load_video("cat.mp4")  # doctest: +SKIP
    """
    name = str(path)[:200]
    refuse_address(path)
    if most_frames < 1:
        raise InputError(f"most_frames is {most_frames}; give 1 or more.")
    av = _library()
    data = read_bytes(Path(path), LARGEST_VIDEO_FILE, InputError)
    try:
        # From memory, without a name: what is in a file can open no other one.
        with av.open(io.BytesIO(data), mode="r") as container:
            if container.format.name not in FORMATS:
                raise InputError(
                    f"{name} is in the format {container.format.name}, which is not read; give MP4, MOV, MKV, WebM, AVI or GIF."
                )
            return _frames(container, name, most_frames)
    except av.FFmpegError as error:
        raise InputError(f"{name} cannot be read as a video: {error}") from error


def _frames(container: Any, name: str, most: int) -> tuple[list[Image], float]:
    if not container.streams.video:
        raise InputError(f"{name} holds no video.")
    stream = container.streams.video[0]
    size = stream.codec_context.width * stream.codec_context.height
    if size > MOST_PIXELS:
        raise InputError(
            f"{name} says it is {stream.codec_context.width}x{stream.codec_context.height}; at most {MOST_PIXELS:,} pixels are decoded."
        )
    frames: list[Image] = []
    for frame in container.decode(stream):
        frames.append(frame.to_image())
        if len(frames) == most:
            break
    return frames, float(stream.average_rate or 1)


def export_to_video(video: Any, path: str | Path, frame_rate: float) -> Path:
    """Write the frames of one video to a file, and return its path; what was there is replaced when all is written.

    Args:
        video: a list of PIL images, an array `[f h w c]` or a tensor `[f c h w]` of numbers in 0..1, as an item of `videos` is.
        path: its end says the format: .mp4, .mov, .mkv (without loss), or .gif, which needs no PyAV. frame_rate: frames of a second.

    Raises:
        InputError: there are no frames, they differ in size, or the format is another. ComponentError: PyAV is not installed.

    Example:
        >>> export_to_video(state.videos[0], "cat.mp4", state.frame_rate)  # doctest: +SKIP
    """
    target = Path(path)
    codecs = _CODECS.get(target.suffix.lower())
    if codecs is None:
        raise InputError(f"{target.name!r} says no format of videos; names end with {', '.join(_CODECS)}.")
    if not 0 < frame_rate < float("inf"):
        raise InputError(f"frame_rate is {frame_rate}; give how many frames a second has.")
    frames = _as_images(video)
    data = _gif(frames, frame_rate) if not codecs else _encoded(frames, frame_rate, target.suffix.lower(), codecs)
    with beside(target) as begun:
        begun.write_bytes(data)
    return target


def _gif(frames: Sequence[Image], rate: float) -> bytes:
    """Return a GIF that goes round and round; it counts hundredths of a second."""
    held = io.BytesIO()
    frames[0].save(held, "GIF", save_all=True, append_images=frames[1:], duration=1000 / rate, loop=0)
    return held.getvalue()


def _encoded(frames: Sequence[Image], rate: float, end: str, codecs: Sequence[str]) -> bytes:
    av = _library()
    codec = next((each for each in codecs if each in av.codecs_available), None)
    if codec is None:
        raise InputError(
            f"This PyAV has no encoder for {end}: {', '.join(codecs)}. Write a .gif, or install another build."
        )
    is_exact = end == ".mkv"
    width, height = frames[0].size
    if not is_exact and (width % 2 or height % 2):
        raise InputError(f"The frames are {width}x{height}, and {end} takes even sides; write a .mkv or .gif.")
    held = io.BytesIO()
    with av.open(held, mode="w", format=_CONTAINERS[end]) as container:
        stream = container.add_stream(codec, rate=Fraction(rate).limit_denominator(100_000))
        stream.width, stream.height, stream.pix_fmt = width, height, "bgr0" if is_exact else "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_image(frame)))
        container.mux(stream.encode())
    return held.getvalue()


def _as_images(video: Any) -> Sequence[Image]:
    """Return the frames of one video as PIL images in RGB of one size."""
    if hasattr(video, "ndim") and hasattr(video, "dtype"):
        if video.ndim != 4:
            raise InputError(
                f"video has the shape {list(video.shape)}; give one video, [frames height width 3] or, of tensors, [frames 3 height width]."
            )
        video = pil_images(video.float() if hasattr(video, "detach") else video, "video")
    odd = next((each for each in video if not hasattr(each, "getbbox")), None)
    if odd is not None:
        raise InputError(f"video holds {type(odd).__name__}; give the frames of one video, as state.videos[0] is.")
    frames = [each.convert("RGB") for each in video]
    sizes = list(dict.fromkeys(each.size for each in frames))
    if len(sizes) != 1:
        said = " and ".join(f"{width}x{height}" for width, height in sizes[:2])
        raise InputError(f"video has frames of {said}; give frames of one size." if sizes else "video has no frames.")
    return frames


def _library() -> Any:
    try:
        import av
    except ImportError:
        raise ComponentError(
            "Files of videos are read and written by PyAV, which is not installed: pip install 'brickwork[video]'."
        ) from None
    return av
