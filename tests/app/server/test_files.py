"""Images that come in, and results of runs that go into others; and what never comes in."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from served import Client

from brickwork.app.server.file_store import FileStore
from brickwork.state import InputError


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


RED = Image.new("RGB", (64, 64), "red")
PAINT = {"prompt": "a cat", "num_inference_steps": 2, "strength": 1.0}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_an_image_is_kept_under_its_hash(client: Client, kind: str) -> None:
    content = encoded(RED, kind)
    answer = client.post("/api/files", content)
    assert answer.status == 201
    assert answer.data == {"file": f"sha256:{hashlib.sha256(content).hexdigest()}"}
    assert client.post("/api/files", content).data == answer.data
    again = client.get(f"/api/files/{answer.data['file']}")
    assert (again.headers["content-type"], again.body) == (f"image/{kind.lower()}", content)
    assert again.headers["cache-control"].endswith("immutable")


def test_a_file_that_there_is_not_and_what_is_no_name_of_one_are_refused(client: Client) -> None:
    absent = client.get(f"/api/files/sha256:{'0' * 64}")
    assert (absent.status, absent.error["type"]) == (404, "UnknownFileError")
    assert absent.error["message"] == f"There is no image sha256:{'0' * 64}, or it is not kept any more."
    other = client.get("/api/files/sha256:..")
    assert other.status == 422
    assert "is no name of a file" in other.error["message"]


def test_an_image_comes_in_a_form(client: Client) -> None:
    content = encoded(RED)
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="../a.png"\r\n\r\n' + content + b"\r\n--x--\r\n"
    )
    answer = client.post("/api/files", body, {"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.data["file"].endswith(hashlib.sha256(content).hexdigest())
    empty = client.post("/api/files", b"--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"})
    assert (empty.status, empty.error["message"]) == (422, "There is no file in the form.")


def animated(kind: str) -> bytes:
    """Three frames in a file."""
    red, green, blue = (Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue"))
    return encoded(red, kind, save_all=True, append_images=[green, blue])


def bomb(side: int) -> bytes:
    """A PNG file of some hundred bytes that says it has so many rows and columns."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(100_000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is none of the formats PNG, JPEG, WEBP"),
        (b"<svg/>", "it is none of the formats PNG, JPEG, WEBP"),
        (encoded(RED, "GIF"), "it is none of the formats PNG, JPEG, WEBP"),
        (encoded(RED, "TIFF"), "it is none of the formats PNG, JPEG, WEBP"),
        (encoded(RED)[:100], "cannot be read as an image"),
        (bomb(8_000), "says it is 8000x8000; at most 33,554,432 pixels are decoded"),
        (bomb(32_000), "could be decompression bomb"),
        (b"\x80\x04\x95", "it is none of the formats"),
        (animated("PNG"), "The file has 3 frames, and an image has one; give one of them as a file of its own."),
        (animated("WEBP"), "has 3 frames, and an image has one"),
    ],
    ids=["empty", "svg", "gif", "tiff", "cut", "bomb", "larger bomb", "pickle", "animated png", "animated webp"],
)  # fmt: skip
def test_what_is_no_image_is_refused(client: Client, content: bytes, said: str) -> None:
    answer = client.post("/api/files", content)
    assert answer.status == 422
    assert said in answer.error["message"]


def test_a_photo_with_more_images_behind_it_is_a_photo(client: Client) -> None:
    content = animated("MPO")
    name = client.post("/api/files", content).data["file"]
    answer = client.get(f"/api/files/{name}")
    assert (answer.headers["content-type"], answer.body) == ("image/jpeg", content)


def test_a_file_goes_into_a_run(client: Client) -> None:
    name = client.post("/api/files", encoded(RED)).data["file"]
    answer = client.post("/api/workflows/painting/check", {"inputs": {**PAINT, "image": {"$file": name}}})
    assert answer.data["faults"] == []
    assert any(row["path"].endswith("encode_image") or "image" in " ".join(row["reads"]) for row in answer.data["plan"])
    run = client.run({**PAINT, "image": {"$file": name}, "strength": 0.5}, workflow="painting", seed=1)
    assert (run["status"], run["error"]) == ("finished", None)


def test_a_result_of_a_run_goes_into_another_and_stays_what_it_was(client: Client, apple: Any) -> None:
    given = {"$run": apple["id"], "output": "images", "index": 1}
    run = client.run({**PAINT, "image": given}, workflow="painting", seed=1)
    assert (run["status"], run["error"]) == ("finished", None)
    # By its content: the run may be gone when this one begins.
    assert run["inputs"]["image"] == {"$file": f"sha256:{apple['outputs'][1]['sha256']}"}


def test_a_value_of_a_run_goes_into_another(client: Client, few: dict[str, Any]) -> None:
    encoded_prompt = client.run(few, seed=1, output=["prompt_embeds", "pooled_prompt_embeds"])
    given = {name: {"$run": encoded_prompt["id"], "output": name} for name in ("prompt_embeds", "pooled_prompt_embeds")}
    run = client.run({"num_inference_steps": 4, **given}, seed=1)
    assert (run["status"], run["error"]) == ("finished", None)
    plain = client.run(few, seed=1)
    assert client.get(run["outputs"][0]["url"]).status == 200
    assert plain["status"] == "finished"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("/etc/passwd", "image is a text; images are uploaded (POST /api/files)"),
        ("https://example.org/a.png", "image is a text; images are uploaded"),
        (["a.png"], "image is a text; images are uploaded"),
        ({"$file": "/etc/passwd"}, "is no name of a file: those are 'sha256:' and 64 digits"),
        ({"$file": 3}, "is no name of a file"),
        ({"$file": "sha256:../" + "0" * 61}, "is no name of a file"),
        ({"$file": "sha256:" + "0" * 64}, "or it is not kept any more"),
        ({"$file": "sha256:" + "0" * 64, "x": 1}, "$file stands with $file only, and not with x."),
    ],
)  # fmt: skip
def test_no_path_and_no_address_is_an_image(client: Client, value: object, said: str) -> None:
    for path, body in (("/api/runs", {"workflow": "painting"}), ("/api/workflows/painting/check", {})):
        answer = client.post(path, {**body, "inputs": {**PAINT, "image": value}})
        faults = answer.data["faults"] if path.endswith("check") else answer.error["faults"]
        assert any(said in fault["text"] and fault["input"] == "image" for fault in faults)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"$run": "none"}, "There is no run 'none'"),
        ({"$run": "APPLE", "output": "latents"}, "has no output 'latents' 0. It has: images 0, images 1."),
        ({"$run": "APPLE", "index": 2}, "has no output 'images' 2."),
        ({"$run": "APPLE", "index": "x"}, "has no output 'images' x."),
        ({"$run": "APPLE", "path": "x"}, "$run stands with $run, index, output only, and not with path."),
    ],
)  # fmt: skip
def test_a_result_that_is_none_is_refused(client: Client, apple: Any, value: dict[str, Any], said: str) -> None:
    given = {**value, "$run": apple["id"] if value["$run"] == "APPLE" else value["$run"]}
    answer = client.post("/api/runs", {"workflow": "painting", "inputs": {**PAINT, "image": given}})
    assert answer.status in (404, 422)
    assert said in answer.error["message"]


def test_the_oldest_files_go_where_there_are_too_many(tmp_path: Path) -> None:
    import os

    one, two, three = (encoded(Image.new("RGB", (8, 8), colour)) for colour in ("red", "green", "blue"))
    store = FileStore(tmp_path, len(one) + len(two) + len(three) - 1)
    names = []
    for age, content in enumerate((one, two)):
        names.append(store.put_image(content))
        os.utime(next(tmp_path.glob(f"{names[-1][7:]}*")), (age, age))
    store.put_image(three, held=[names[0]])
    assert store.value(names[0]).size == (8, 8)
    with pytest.raises(InputError, match="is not kept any more"):
        store.value(names[1])


def test_an_image_is_upright_and_brings_nothing_but_pixels(tmp_path: Path) -> None:
    store = FileStore(tmp_path, 10**6)
    exif = Image.Exif()
    exif[0x0112] = 6
    value = store.value(store.put_image(encoded(Image.new("RGB", (8, 4)), "JPEG", exif=exif, comment=b"x")))
    assert (value.size, value.info) == ((4, 8), {})
