"""OpenAI's interface, asked by OpenAI's own client."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from PIL import Image
from served import Client, Served, is_same

from brickwork.app.server.errors import RefusedError
from brickwork.app.server.openai_request import typed_fields

FEW: dict[str, Any] = {"num_inference_steps": 4}


@pytest.fixture(scope="module")
def ai(served: Served) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"http://127.0.0.1:{served.port}/v1", api_key="none", max_retries=0) as found:
        yield found


def opened(text: str | None) -> Image.Image:
    assert text is not None
    return Image.open(io.BytesIO(base64.b64decode(text)))


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


RED = encoded(Image.new("RGB", (64, 64), "red"))


def test_workflows_are_models(ai: openai.OpenAI) -> None:
    assert [each.id for each in ai.models.list()] == ["embedded", "painting"]
    assert ai.models.retrieve("painting").owned_by == "brickwork"
    with pytest.raises(openai.NotFoundError) as caught:
        ai.models.retrieve("embeded")
    assert caught.value.code == "model_not_found"
    assert "Did you mean 'embedded'?" in str(caught.value)


def test_several_images_are_those_of_their_seeds_alone_bit_for_bit(ai: openai.OpenAI, client: Client) -> None:
    more = {"seed": 21, "brickwork": FEW}
    two = ai.images.generate(prompt="a red apple", model="embedded", n=2, size="64x64", extra_body=more)
    assert two.data is not None
    assert len(two.data) == 2
    assert two.brickwork["seeds"] == [21, 22]  # type: ignore[attr-defined]  # ours, beside theirs
    for number, image in enumerate(two.data):
        one = ai.images.generate(prompt="a red apple", size="64x64", extra_body={**more, "seed": 21 + number})
        assert one.data is not None
        assert is_same(opened(one.data[0].b64_json), opened(image.b64_json))
    # With the recipe in it, like every image.
    assert '"a red apple"' in opened(two.data[0].b64_json).info["brickwork"]
    assert client.get(f"/api/runs/{two.brickwork['runs'][0]}").data["status"] == "finished"  # type: ignore[attr-defined]


def test_an_image_is_told_by_its_address(ai: openai.OpenAI, client: Client) -> None:
    more = {"seed": 3, "brickwork": FEW}
    found = ai.images.generate(prompt="a cat", response_format="url", quality="hd", user="me", extra_body=more)
    assert found.data is not None
    place = f"http://127.0.0.1:{client.port}"
    assert str(found.data[0].url).startswith(place)
    assert client.get(str(found.data[0].url).removeprefix(place)).body.startswith(b"\x89PNG")
    # What is for models of OpenAI's changes nothing, and is said to.
    assert found.brickwork["ignored"] == ["quality", "user"]  # type: ignore[attr-defined]


def test_a_stream_has_partial_images_and_then_the_image(ai: openai.OpenAI) -> None:
    more = {"seed": 31, "brickwork": {"num_inference_steps": 6}}
    events = list(ai.images.generate(prompt="a red apple", stream=True, partial_images=2, extra_body=more))
    kinds = [event.type for event in events]
    assert kinds == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert [event.partial_image_index for event in events[:2]] == [0, 1]  # type: ignore[union-attr]
    assert opened(events[0].b64_json).format == "JPEG"
    alone = ai.images.generate(prompt="a red apple", extra_body=more)
    assert alone.data is not None
    assert is_same(opened(alone.data[0].b64_json), opened(events[-1].b64_json))


def test_what_changes_nothing_and_what_was_warned_of_is_said_with_the_image(ai: openai.OpenAI) -> None:
    more = {"seed": 2**63 - 1, "brickwork": FEW}
    asked: dict[str, Any] = {"prompt": "a (red:1.4) apple", "extra_body": more}
    # The second one comes from the cache, and says as much.
    for _ in range(2):
        found = ai.images.generate(partial_images=2, **asked)
        assert found.brickwork["ignored"] == ["partial_images"]  # type: ignore[attr-defined]  # ours, beside theirs
        assert found.brickwork["warnings"] == ["prompt has '(red:1.4)', which is read as text"]  # type: ignore[attr-defined]
    (event,) = ai.images.generate(stream=True, **asked)
    assert event.brickwork["warnings"] == found.brickwork["warnings"]  # type: ignore[union-attr,attr-defined]


def test_a_run_that_fails_in_a_stream_is_said(ai: openai.OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("brickwork.app.server.run_work.RunWork._computed", fails)
    with pytest.raises(openai.APIError, match="Memory ran out"):
        list(ai.images.generate(prompt="a cat", stream=True, extra_body={"brickwork": FEW}))
    with pytest.raises(openai.InternalServerError, match="Memory ran out"):
        ai.images.generate(prompt="a cat", extra_body={"brickwork": FEW})


def test_what_is_transparent_in_a_mask_is_drawn_anew(ai: openai.OpenAI) -> None:
    mask = Image.new("RGBA", (64, 64), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (0, 0, 24, 64))
    more = {"seed": 3, "brickwork": {**FEW, "strength": 0.9}}
    files = {"image": ("a.png", RED), "mask": ("m.png", encoded(mask))}
    found = ai.images.edit(model="painting", prompt="a cat", extra_body=more, **files)  # type: ignore[arg-type]
    assert found.data is not None
    image = opened(found.data[0].b64_json).convert("RGB")
    left, right = (
        image.crop(box).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
        for box in ((0, 0, 16, 64), (40, 0, 64, 64))
    )
    assert isinstance(right, tuple)
    assert isinstance(left, tuple)
    assert abs(right[0] - 255) + right[1] + right[2] < 120
    assert abs(left[0] - 255) + left[1] + left[2] > 120
    assert found.brickwork["seeds"] == [3]  # type: ignore[attr-defined]


def test_an_edit_without_a_mask_begins_at_the_image_and_streams(ai: openai.OpenAI) -> None:
    more = {"seed": 3, "brickwork": {**FEW, "strength": 0.5}}
    stream = ai.images.edit(image=[("a.png", RED)], model="painting", prompt="a cat", stream=True, extra_body=more)
    assert [event.type for event in stream] == ["image_edit.completed"]


@pytest.mark.parametrize(
    ("asked", "said", "parameter"),
    [
        ({"n": 11}, "n is 11; it is from 1 to 10.", "n"),
        ({"n": 2, "stream": True}, "n is 2; with stream it is 1.", "n"),
        ({"size": "64"}, "size is '64'; it is WIDTHxHEIGHT", "size"),
        ({"size": "65x64"}, "width is 65; it must be a multiple of 8", None),
        ({"partial_images": 4}, "partial_images is 4; it is from 0 to 3.", "partial_images"),
        ({"output_format": "webp"}, "images are png here", "output_format"),
        ({"response_format": "svg"}, "it is b64_json or url", "response_format"),
        ({"response_format": "url", "stream": True}, "with stream, or where a token is needed", "response_format"),
        ({"background": "transparent"}, "background is transparent", "background"),
        ({"extra_body": {"seed": -1}}, "seed is -1; it is from 0", "seed"),
        ({"extra_body": {"brickwork": {"promt": "x"}}}, "Did you mean 'prompt'?", None),
        ({"extra_body": {"brickwork": {"prompt": "x"}}}, "prompt is given beside brickwork and in it", "prompt"),
        ({"extra_body": {"brickwork": {"num_images_per_prompt": 2}}}, "the request's own count says it", "num_images_per_prompt"),
        ({"extra_body": {"seed": 1, "brickwork": {"seed": 2}}}, "seed is given beside the inputs and among them", None),
        ({"n": 2, "extra_body": {"brickwork": {"seed": [1, 2]}}}, "seed is one whole number", "seed"),
        ({"extra_body": {"count": 1}}, "There is no key 'count'", None),
        ({"extra_body": {"brickwork": {"output_type": "latent"}}}, "output_type is 'latent', and images are asked for here", "output_type"),
        ({"extra_body": {"seed": 2**63}}, "it is from 0 to 9223372036854775807", "seed"),
    ],
)  # fmt: skip
def test_a_request_that_does_not_fit_is_refused_as_openai_does(
    ai: openai.OpenAI, asked: dict[str, Any], said: str, parameter: str | None
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ai.images.generate(prompt="a cat", **asked)
    assert said in str(caught.value)
    assert caught.value.type == "invalid_request_error"
    if parameter is not None:
        assert caught.value.param == parameter


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"mask": ("m.png", RED)}, "mask has no transparent pixel"),
        ({"image": ("a.png", b"none")}, "it is none of the formats PNG, JPEG, WEBP"),
        ({"image": [("a.png", RED), ("b.png", RED)]}, "A form has one image and one mask"),
        ({"extra_body": {"brickwork": {"a": {"b": 1}}}}, "is deeper than an input; give brickwork as JSON"),
        ({"extra_body": {"sede": 1}}, "There is no field 'sede'. Did you mean 'seed'?"),
        ({"extra_body": {"n": "many"}}, "n is 'many'; it is a whole number."),
    ],
)
def test_an_edit_that_does_not_fit_is_refused(ai: openai.OpenAI, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ai.images.edit(**{"image": ("a.png", RED), "prompt": "a cat", "model": "painting", **asked})
    assert said in str(caught.value)


def test_texts_of_a_form_are_values_of_the_types_of_their_fields() -> None:
    texts = {
        "prompt": ["12"], "n": ["2"], "stream": ["true"], "brickwork[guidance_scale]": ["1.5"], "brickwork[prompt_2]": ["a cat"],
        "brickwork[sigmas][]": ["0.5", "0"], "brickwork[eta]": ["1e-3"], "brickwork[height]": ["-8"], "brickwork[latents]": [""],
    }  # fmt: skip
    assert typed_fields(texts) == {
        "prompt": "12",
        "n": 2,
        "stream": True,
        "brickwork": {
            "guidance_scale": 1.5,
            "prompt_2": "a cat",
            "sigmas": [0.5, 0],
            "eta": 0.001,
            "height": -8,
            "latents": None,
        },
    }
    for field, text in (("stream", "1"), ("n", "true"), ("n", "1.5")):
        with pytest.raises(RefusedError, match=f"{field} is '{text}'"):
            typed_fields({field: [text]})


def test_inputs_of_a_form_are_json_too_and_a_form_is_needed(client: Client) -> None:
    head = {"Content-Type": "multipart/form-data; boundary=x"}
    image = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + RED + b"\r\n"

    def field(name: str, value: str) -> bytes:
        return f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()

    def asked(*parts: bytes) -> str:
        answer = client.post("/v1/images/edits", b"".join(parts) + b"--x--\r\n", head)
        return f"{answer.status} {answer.error['message']}"

    model = field("model", "painting")
    assert "'promt' is no input" in asked(image, model, field("brickwork", '{"promt": 1}'))
    assert "400 brickwork holds no JSON object" in asked(image, model, field("brickwork", "[1]"))
    assert "400 n is there 2 times" in asked(image, model, field("n", "1"), field("n", "2"))
    assert asked(model) == "400 There is no image in the form."
    assert "come in a form: multipart/form-data" in client.post("/v1/images/edits", {}).error["message"]


def test_too_much_is_429_with_when_to_try_again(ai: openai.OpenAI, client: Client) -> None:
    # More than may wait: taken whole, or not at all.
    with pytest.raises(openai.RateLimitError) as caught:
        ai.images.generate(prompt="a cat", n=10, extra_body={"brickwork": FEW})
    assert int(caught.value.response.headers["retry-after"]) >= 1
    assert caught.value.code == "rate_limit_exceeded"
    assert client.get("/api/queue").data["waiting"] == []


def test_a_token_is_the_key(served: Served, ai: openai.OpenAI, client: Client) -> None:
    with Token(served) as token:
        with pytest.raises(openai.AuthenticationError) as caught:
            ai.models.list()
        assert caught.value.code == "invalid_api_key"
        with openai.OpenAI(base_url=ai.base_url, api_key=token, max_retries=0) as known:
            assert len(known.models.list().data) == 2
            with pytest.raises(openai.BadRequestError, match="where a token is needed"):
                known.images.generate(prompt="a cat", response_format="url")
        # Clients of AUTOMATIC1111's know a name and a password.
        for password, status in ((token, 200), ("none", 401)):
            basic = base64.b64encode(f"me:{password}".encode()).decode()
            assert client.get("/sdapi/v1/options", Authorization=f"Basic {basic}").status == status
        assert client.get("/sdapi/v1/options", Authorization="Basic %").data["error"] == "TokenError"


class Token:
    """A token that the server asks for, for a while."""

    def __init__(self, served: Served) -> None:
        self.service = served.service

    def __enter__(self) -> str:
        token = "x" * 20
        self.before = self.service.settings
        # Where the rules have it from.
        object.__setattr__(self.before, "tokens", {token: "me"})
        return token

    def __exit__(self, *_: object) -> None:
        object.__setattr__(self.before, "tokens", {})


def test_a_client_that_goes_away_cancels_its_runs(ai: openai.OpenAI, client: Client) -> None:
    slow = {"brickwork": {"num_inference_steps": 900}}
    with pytest.raises(openai.APITimeoutError):
        ai.images.generate(prompt="a cat", n=2, extra_body=slow, timeout=0.5)
    # Its headers are there, and nothing of it is read.
    ai.images.generate(prompt="a cat", stream=True, partial_images=3, extra_body=slow).close()
    until = time.monotonic() + 20
    while client.get("/api/queue").data["running"] and time.monotonic() < until:
        time.sleep(0.05)
    runs = client.get("/api/runs?limit=3").data
    assert [run["status"] for run in runs] == ["cancelled"] * 3
