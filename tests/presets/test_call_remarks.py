"""The embedded model says, in the call, which words it does not know, and that another size than its own was asked for."""

from __future__ import annotations

import copy
import logging
from typing import Any

import pytest

import brickwork
from brickwork import ModularPipeline
from brickwork.presets.embedded import ARROW_LORA


@pytest.fixture
def pipe(embedded_pipe: ModularPipeline) -> ModularPipeline:
    """A pipeline over the embedded model that has said nothing yet."""
    made = copy.copy(embedded_pipe)
    made.remarked.clear()
    return made


def said(pipe: ModularPipeline, caplog: pytest.LogCaptureFixture, *args: Any, **inputs: Any) -> list[str]:
    """What a call of one step is warned of."""
    caplog.clear()
    with caplog.at_level(logging.WARNING, "brickwork"):
        pipe(*args, **inputs, num_inference_steps=1, seed=0, output="latents")
    return [record.getMessage() for record in caplog.records]


HINT = " brickwork.presets.embedded.known_words() lists what it knows."


def test_a_word_that_it_does_not_know_is_said_once_with_the_nearest(
    pipe: ModularPipeline, caplog: pytest.LogCaptureFixture
) -> None:
    expected = [
        f"'a pinguin and a zxqv': the embedded model does not know 'pinguin' (did you mean 'penguin'?) and 'zxqv'.{HINT}"
    ]
    assert said(pipe, caplog, "a pinguin and a zxqv") == expected
    assert said(pipe, caplog, "a pinguin and a zxqv") == []
    assert said(pipe, caplog, "a zxqv") == [f"'a zxqv': the embedded model does not know 'zxqv'.{HINT}"]


def test_every_text_of_a_call_is_looked_at(pipe: ModularPipeline, caplog: pytest.LogCaptureFixture) -> None:
    found = said(pipe, caplog, ["a cat", "a catt"], negative_prompt="blurry", guidance_scale=3.0)
    assert [text.partition(":")[0] for text in found] == ["'a catt'", "'blurry'"]


@pytest.mark.parametrize(
    ("size", "asked"),
    [({"height": 96, "width": 64}, "64x96"), ({"width": 32}, "32x64"), ({"height": 64, "width": 64}, None), ({}, None)],
)
def test_another_size_than_its_own_is_said(
    size: dict[str, int], asked: str | None, pipe: ModularPipeline, caplog: pytest.LogCaptureFixture
) -> None:
    text = f"The embedded model draws 64x64 images; it was never shown others, and {asked} was asked for. Leave out height and width."
    assert said(pipe, caplog, "a cat", **size) == ([text] if asked else [])


def test_what_it_knows_is_drawn_without_a_word(pipe: ModularPipeline, caplog: pytest.LogCaptureFixture) -> None:
    assert said(pipe, caplog, "A purple truck, 3d style, on a white background!", negative_prompt="a cat") == []


def test_words_that_the_tokenizer_was_taught_are_known(caplog: pytest.LogCaptureFixture) -> None:
    import torch

    pipe = brickwork.embedded()
    pipe.configure(progress=False)
    widths = [getattr(pipe, name).config.hidden_size for name in ("text_encoder", "text_encoder_2")]
    word = {"clip_l": torch.zeros(1, widths[0]), "clip_g": torch.zeros(1, widths[1])}
    pipe.load_textual_inversion(word, token="<zxqv>")
    assert said(pipe, caplog, "a <zxqv>") == []
    assert len(said(pipe, caplog, "a zxqv")) == 1


def test_nothing_is_said_of_a_model_that_was_changed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With a LoRA nobody knows what it knows; another model in its place is another model."""
    own = brickwork.embedded()
    own.configure(progress=False)
    own.load_lora_weights(str(ARROW_LORA))
    assert said(own, caplog, "a zxqv") == []
    own.unload_lora_weights()
    assert len(said(own, caplog, "a zxqv")) == 1
    own.unet = type(own.unet).from_config(own.unet.config)
    assert said(own, caplog, "a zxqv", height=32) == []


def test_adapters_are_asked_for_only_where_there_is_something_to_say(
    pipe: ModularPipeline, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    found = type(pipe).get_list_adapters
    monkeypatch.setattr(type(pipe), "get_list_adapters", lambda self: (asked.append(self), found(self))[1])
    assert said(pipe, caplog, "a red circle") == []
    assert asked == []
    assert len(said(pipe, caplog, "a zxqv")) == 1
    assert asked == [pipe]
