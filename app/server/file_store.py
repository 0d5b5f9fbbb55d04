"""Files under the hash of what is in them: images that were uploaded, and values of runs that other runs take."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Any

from attrs import define, field
from PIL import Image

from ...blocks.steps.image_reading import as_turned, decoded_image
from ...state import InputError
from ...state.atomic import beside
from ...state.value_file import load_values
from .settings import MOST_PIXELS

_NAME = re.compile(r"sha256:([0-9a-f]{64})")
_FORMATS = ("PNG", "JPEG", "WEBP")
IMAGE_KINDS = tuple(f"image/{each.lower()}" for each in _FORMATS)
"""Media types of the images that are kept."""
_IMAGE, _VALUES = ".image", ".safetensors"


@define(eq=False)
class FileStore:
    """Keeps files by their SHA-256, so that a name says what is in it and none leads elsewhere.

    Attributes:
        most_bytes: of all; the oldest go, except those that `held` names.
    """

    folder: Path
    most_bytes: int
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def __attrs_post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def put_image(self, content: bytes, held: Collection[str] = ()) -> str:
        """Keep an image, and return its name.

        Raises:
            InputError: it is no PNG, JPEG or WebP, damaged, or has too many pixels.
        """
        image_of(content, "The file")
        return self._put(content, _IMAGE, held)

    def put_values(self, path: Path) -> str:
        """Keep a file of values that this server has written, and return its name."""
        return self._put(path.read_bytes(), _VALUES, ())

    def value(self, name: object) -> Any:
        """Return what is in a file: an image, or a value.

        Raises:
            InputError: there is no such file.
        """
        image = self._path(name, _IMAGE)
        if image.is_file():
            return image_of(image.read_bytes(), str(name))
        values = self._path(name, _VALUES)
        if values.is_file():
            return next(iter(load_values(values)[0].values()))
        raise InputError(f"There is no file {name}, or it is not kept any more; POST /api/files takes it again.")

    def image_file(self, name: object) -> tuple[Path, str] | None:
        """Return where an image is kept as it was sent, and its media type; None where there is none of this name.

        Raises:
            InputError: it is no name of a file.
        """
        path = self._path(name, _IMAGE)
        if not path.is_file():
            return None
        with Image.open(path, formats=_FORMATS) as image:
            # A JPEG with more of a camera's images behind it, which browsers know as JPEG.
            return path, Image.MIME["JPEG" if image.format == "MPO" else str(image.format)]

    def _path(self, name: object, ending: str) -> Path:
        found = _NAME.fullmatch(name) if isinstance(name, str) else None
        if found is None:
            raise InputError(
                f"{str(name)[:80]!r} is no name of a file: those are 'sha256:' and 64 digits, as POST /api/files says."
            )
        return self.folder / f"{found[1]}{ending}"

    def _put(self, content: bytes, ending: str, held: Collection[str]) -> str:
        digest = hashlib.sha256(content).hexdigest()
        path = self.folder / f"{digest}{ending}"
        with self._lock:
            if path.is_file():
                path.touch()
            else:
                with beside(path) as place:
                    place.write_bytes(content)
            self._let_go({path.stem, *(name.removeprefix("sha256:") for name in held)})
        return f"sha256:{digest}"

    def _let_go(self, held: Collection[str]) -> None:
        """Delete the oldest files where there is too much."""
        files = sorted((path for path in self.folder.iterdir()), key=lambda path: path.stat().st_mtime)
        total = sum(path.stat().st_size for path in files)
        for path in files:
            if total <= self.most_bytes:
                return
            if path.stem not in held:
                total -= path.stat().st_size
                path.unlink(missing_ok=True)


def image_of(content: bytes, name: str) -> Image.Image:
    """Decode an image that somebody has sent, upright and with nothing but its pixels.

    Raises:
        InputError: it is no PNG, JPEG or WebP, damaged, animated, or has too many pixels.
    """
    image = decoded_image(content, name, _FORMATS, MOST_PIXELS)
    count = getattr(image, "n_frames", 1)
    # Cameras put small or brighter versions of the same image behind it (MPO).
    if count > 1 and image.format != "MPO":
        raise InputError(f"{name} has {count} frames, and an image has one; give one of them as a file of its own.")
    image = as_turned(image, name)
    image.info = {key: image.info[key] for key in ("transparency",) if key in image.info}
    return image
