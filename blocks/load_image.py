"""Pictures from files, arrays and, where the caller allows it, from the net."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..state import InputError, TrustError
from ..state.limits import LARGEST_PICTURE_FILE
from .picture_files import decoded_picture, read_picture, upright

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST_FILE = LARGEST_PICTURE_FILE
"""Bytes that are read of a picture's file, or downloaded."""
_PATIENCE = 20.0
"""Seconds until a server must have answered."""


def load_image(source: Any, *, allow_urls: bool = False, mode: str = "RGB") -> Image:
    """Return a picture: of a file, a URL, a PIL image, or an array or tensor `[height width 3]` or `[3 height width]`.

    Files are in PNG, JPEG, WEBP, AVIF, GIF, BMP, TIFF or PPM, and are turned as their notes say (EXIF).

    Args:
        source: path, address, picture or numbers; floating-point numbers are in 0..1, whole ones in 0..255.
        allow_urls: load addresses ("https://..."); without it they are refused, so that a name from elsewhere cannot make this
            machine send requests. Addresses of private networks are refused in every case, also behind a redirection.
        mode: of the result, as PIL names it ("RGB", "L").

    Raises:
        InputError: it is no picture, too large, or cannot be had. TrustError: an address is not allowed.

    Example:
        >>> load_image(torch.ones(3, 4, 6)).size
        (6, 4)
    """
    from PIL import Image

    name = str(source)[:200] if isinstance(source, (str, Path)) else "The picture"
    if isinstance(source, str) and source.partition(":")[0].lower() in ("http", "https"):
        if not allow_urls:
            raise TrustError(f"{source[:100]!r} is an address; load_image(..., allow_urls=True) loads such.")
        picture = decoded_picture(_downloaded(source), source)
    elif isinstance(source, (str, Path)):
        picture = read_picture(Path(source))
    elif isinstance(source, Image.Image):
        picture = source
    else:
        picture = _of_numbers(source)
    return upright(picture, mode, name)


def _of_numbers(source: Any) -> Image:
    import numpy as np
    from PIL import Image

    numbers = source.detach().cpu().numpy() if hasattr(source, "detach") else source
    if not isinstance(numbers, np.ndarray):
        raise InputError(f"A {type(source).__name__} is no picture; give a path, a PIL image, an array or a tensor.")
    if numbers.ndim == 3 and numbers.shape[0] in (1, 3) and numbers.shape[-1] not in (1, 3):
        numbers = numbers.transpose(1, 2, 0)
    if numbers.ndim == 3 and numbers.shape[-1] == 1:
        numbers = numbers[..., 0]
    if numbers.ndim not in (2, 3) or (numbers.ndim == 3 and numbers.shape[-1] not in (3, 4)):
        raise InputError(f"Numbers of the shape {list(numbers.shape)} are no picture; one has [height width 3].")
    if np.issubdtype(numbers.dtype, np.floating):
        if not np.isfinite(numbers).all() or numbers.min() < 0 or numbers.max() > 1:
            raise InputError("Floating-point numbers of a picture are in 0..1.")
        numbers = (numbers.astype(np.float64) * 255).round()
    return Image.fromarray(numbers.astype(np.uint8))


def _downloaded(url: str) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _HTTP(), _HTTPS())
    request = urllib.request.Request(url, headers={"User-Agent": "brickwork"})  # noqa: S310 - http and https alone, see above
    try:
        with opener.open(request, timeout=_PATIENCE) as answer:
            data: bytes = answer.read(LARGEST_FILE + 1)
    except TrustError:
        raise
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        cause = getattr(error, "reason", None)
        if isinstance(cause, TrustError):
            raise cause from None
        raise InputError(f"{url[:200]} could not be loaded: {error}") from None
    if len(data) > LARGEST_FILE:
        raise InputError(f"{url[:200]} has more than {LARGEST_FILE:,} bytes.")
    return data


def _check_peer(connected: socket.socket | None, host: str) -> None:
    """Refuse addresses that are not of the public net; asked of the connection itself, so no name can lead elsewhere."""
    assert connected is not None
    address = ipaddress.ip_address(connected.getpeername()[0].partition("%")[0])
    if not address.is_global or address.is_multicast:
        connected.close()
        raise TrustError(f"{host} is at {address}, which is no address of the public net; it is not loaded from there.")


class _GuardedHTTP(http.client.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _check_peer(self.sock, self.host)


class _GuardedHTTPS(http.client.HTTPSConnection):
    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        _check_peer(self.sock, self.host)
        context: Any = self._context  # type: ignore[attr-defined]  # as the class's own connect has it
        self.sock = context.wrap_socket(self.sock, server_hostname=self.host)


class _HTTP(urllib.request.HTTPHandler):
    def http_open(self, request: urllib.request.Request) -> Any:
        return self.do_open(_GuardedHTTP, request)


class _HTTPS(urllib.request.HTTPSHandler):
    def https_open(self, request: urllib.request.Request) -> Any:
        return self.do_open(_GuardedHTTPS, request)
