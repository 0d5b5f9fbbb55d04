"""Images from files, numbers and addresses."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from brickwork import InputError, TrustError, load_image
from brickwork.blocks.steps import image_reading, public_net
from brickwork.blocks.steps import load_image as module
from brickwork.blocks.steps.given_image import given_image


def picture(width: int = 6, height: int = 4) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_files_pictures_and_numbers_are_the_same_picture(tmp_path: Path) -> None:
    expected = picture()
    expected.save(tmp_path / "a.png")
    pixels = np.asarray(expected)
    tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
    sources = [
        tmp_path / "a.png",
        str(tmp_path / "a.png"),
        expected,
        pixels,
        tensor,
        pixels / 255.0,
        tensor.float() / 255.0,
        tensor.half() / 255,
    ]
    for source in sources:
        assert load_image(source).tobytes() == expected.tobytes()
    assert load_image(pixels[..., 0]).size == (6, 4)
    assert load_image(expected, mode="L").mode == "L"


@pytest.mark.parametrize(
    "shape", [(3, 4, 3), (1, 4, 3), (3, 4, 1), (4, 4, 3), (3, 4, 4), (3, 5, 6), (5, 6, 3), (4, 5, 6)]
)
@pytest.mark.parametrize("as_tensor", [False, True])
def test_channels_are_where_the_images_of_a_call_have_them(shape: tuple[int, ...], as_tensor: bool) -> None:
    numbers: Any = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    given = torch.from_numpy(numbers) if as_tensor else numbers
    meant: Any = given_image(given, "image")
    assert load_image(given).tobytes() == meant.tobytes()
    assert load_image(given).size == meant.size
    assert load_image(given[None]).tobytes() == meant.tobytes()


def test_where_both_could_be_tensors_have_the_channels_first_and_arrays_last() -> None:
    numbers = np.random.default_rng(0).integers(0, 255, (3, 5, 3), dtype=np.uint8)
    assert np.array_equal(load_image(numbers), numbers)
    assert np.array_equal(load_image(torch.from_numpy(numbers)), numbers.transpose(1, 2, 0))


def test_a_file_is_turned_as_its_notes_say_and_loses_transparency(tmp_path: Path) -> None:
    notes = Image.Exif()
    notes[0x0112] = 6
    picture().save(tmp_path / "turned.jpg", exif=notes)
    assert load_image(tmp_path / "turned.jpg").size == (4, 6)
    picture().convert("RGBA").save(tmp_path / "clear.png")
    assert load_image(tmp_path / "clear.png").mode == "RGB"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("/none.png", "There is no file /none.png"),
        (7, "An int is no image"),
        (np.zeros((2, 3, 4, 5)), r"The image has the shape \[2, 3, 4, 5\], which is of 2 images; give one"),
        (np.zeros((8, 8, 2)), r"The image has the shape \[8, 8, 2\], which no image has"),
        (np.full((8, 8, 3), 2.0), "are in 0..1"),
        (np.full((8, 8, 3), np.nan), "are in 0..1"),
    ],
)
def test_what_is_no_picture_is_said(source: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_image(source)


def test_broken_and_huge_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(InputError, match="cannot be read as an image"):
        load_image(tmp_path / "a.png")
    picture(60, 60).save(tmp_path / "b.png")
    monkeypatch.setattr(image_reading, "MOST_PIXELS", 1000)
    with pytest.raises(InputError, match="says it is 60x60; at most 1,000 pixels are decoded"):
        load_image(tmp_path / "b.png")
    monkeypatch.setattr(image_reading, "LARGEST_PICTURE_FILE", 50)
    with pytest.raises(InputError, match="at most 50 are read"):
        load_image(tmp_path / "b.png")


@pytest.mark.parametrize("name", image_reading.FORMATS)
def test_every_format_that_is_named_is_read(name: str, tmp_path: Path) -> None:
    picture(8, 8).save(tmp_path / "a.bin", name)
    assert load_image(tmp_path / "a.bin").size == (8, 8)


@pytest.mark.parametrize("name", ["EPS", "PDF", "ICO", "TGA", "PCX", "SGI", "DDS", "JPEG2000"])
def test_other_formats_are_refused_before_a_decoder_sees_them(name: str, tmp_path: Path) -> None:
    """EPS is drawn by a program, which Pillow starts."""
    picture(16, 16).save(tmp_path / "a.png", name)
    with pytest.raises(InputError, match="is none of the formats PNG, JPEG, WEBP"):
        load_image(tmp_path / "a.png")


@pytest.mark.parametrize(
    "data", [b"\xff\xd8\xff\xe0" + b"\0" * 9, b"II*\0" + b"\xff" * 40, b"\x89PNG\r\n\x1a\n", b"GIF89a", b""]
)
def test_what_decoders_come_across_is_an_error_of_ours(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(InputError, match=r"a.png cannot be read as an image"):
        load_image(tmp_path / "a.png")


def test_notes_that_are_damaged_turn_nothing_and_are_no_warning(tmp_path: Path) -> None:
    picture(8, 4).save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x09\x01\x12")
    assert load_image(tmp_path / "a.jpg").size == picture(8, 4).size


def test_a_file_that_is_read_late_and_is_cut_off_is_said(tmp_path: Path) -> None:
    picture(60, 60).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:-200])
    with Image.open(tmp_path / "a.png") as late, pytest.raises(InputError, match="The image cannot be made"):
        load_image(late)
    with pytest.raises(InputError, match="cannot be made an image in 'XYZ'"):
        load_image(picture(4, 4), mode="XYZ")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A server on this machine with an image, and addresses that lead elsewhere."""
    picture().save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/a.png"
            self.send_response(200 if found else 302 if self.path == "/away" else 404)
            if self.path == "/away":
                self.send_header("Location", "http://127.0.0.1:1/x")
            self.end_headers()
            if found:
                self.wfile.write(data)

        def log_message(self, *_: Any) -> None: ...

    there = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=there.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{there.server_address[1]}"
    there.shutdown()
    there.server_close()


def test_addresses_are_loaded_where_they_are_allowed_and_public(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TrustError, match=r"is an address; load_image\(..., allow_urls=True\) loads such"):
        load_image(f"{server}/a.png")
    for url in (f"{server}/a.png", server.replace("127.0.0.1", "localhost") + "/a.png"):
        with pytest.raises(TrustError, match=r"is at (127.0.0.1|::1), which is no address of the public net"):
            load_image(url, allow_urls=True)
    # What follows looks at the rest of the way, which no test can do on the public net.
    checked: list[str] = []
    monkeypatch.setattr(public_net, "is_public", lambda address: not checked.append(str(address)))
    assert load_image(f"{server}/a.png", allow_urls=True).tobytes() == picture().tobytes()
    with pytest.raises(InputError, match="could not be loaded: the server says 404"):
        load_image(f"{server}/none", allow_urls=True)
    with pytest.raises(InputError, match="could not be loaded"):
        load_image(f"{server}/away", allow_urls=True)
    assert checked == ["127.0.0.1"] * 4, "every address is looked at before a connection is made"
    monkeypatch.setattr(module, "LARGEST_FILE", 10)
    with pytest.raises(InputError, match="has more than 10 bytes"):
        load_image(f"{server}/a.png", allow_urls=True)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y.png", "http:/x", "https://", "HTTP://[::1]:1/x"])
def test_odd_addresses_are_no_way_around(url: str) -> None:
    with pytest.raises((InputError, TrustError)):
        load_image(url, allow_urls=True)
