"""What a prompt loses because a text encoder reads no more is said once, in words, in every family."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny_language
import torch
from tiny_text import FLUX, SD, SD3, classic_text, text_parts, text_pipeline

from brickwork import ClassifierFreeGuidance
from brickwork.families.tokenize import Tokens, tokenized, warn_of_cuts

LONG = " ".join(["a red circle"] * 26)
"""80 tokens of the CLIPs, and 339 of the T5."""
FAMILIES = {"sd": SD, "sd3": SD3, "flux": FLUX}
OTHERS = ("transformers", "diffusers")


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.LogCaptureFixture]:
    """What is logged, also by the libraries, which keep it from the root until some library asks them not to."""
    for name in OTHERS:
        monkeypatch.setattr(logging.getLogger(name), "propagate", False)
        caplog.set_level(logging.WARNING, name)
        logging.getLogger(name).addHandler(caplog.handler)
    try:
        yield caplog
    finally:
        for name in OTHERS:
            logging.getLogger(name).removeHandler(caplog.handler)


def encode(name: str, **inputs: Any) -> None:
    """Encode with tokenizers that have logged nothing yet."""
    parts = text_parts(FAMILIES[name])
    text_pipeline(FAMILIES[name], parts, guider=ClassifierFreeGuidance(guidance_scale=4.0))(**inputs)


@pytest.mark.parametrize(
    ("name", "inputs", "expected"),
    [
        ("sd", {}, ["text_encoder reads 77 tokens; this part of the prompt was cut off"]),
        (
            "sd3",
            {"max_sequence_length": 400},
            [
                "text_encoder and text_encoder_2 read 77 tokens; this part of the prompt was cut off",
            ],
        ),
        (
            "sd3",
            {},
            [
                "text_encoder and text_encoder_2 read 77 tokens; this part of the prompt was cut off",
                "text_encoder_3 reads 256 tokens; this part of the prompt was cut off",
            ],
        ),
        ("sd3", {"prompt_2": "red", "prompt_3": "blue"}, ["text_encoder reads 77 tokens; this part of the prompt"]),
        ("flux", {}, ["text_encoder reads 77 tokens; this part of the prompt was cut off"]),
    ],
)
def test_a_cut_is_said_once_with_those_that_make_it(
    name: str, inputs: dict[str, Any], expected: list[str], said: pytest.LogCaptureFixture
) -> None:
    encode(name, prompt=LONG, **inputs)
    messages = [record.getMessage() for record in said.records]
    assert [message.startswith(words) for message, words in zip(messages, expected, strict=True)] == [True] * len(
        expected
    ), messages
    assert all("circle" in message for message in messages)


def test_who_reads_the_whole_prompt_is_said(said: pytest.LogCaptureFixture) -> None:
    encode("sd3", prompt=LONG, max_sequence_length=400)
    encode("flux", prompt=LONG)
    assert [record.getMessage().rpartition("]. ")[2] for record in said.records] == [
        "text_encoder_3 reads all of it", "text_encoder_2 reads all of it",
    ]  # fmt: skip
    said.clear()
    encode("sd3", prompt=LONG, prompt_3="blue")
    (alone,) = said.records
    assert alone.getMessage().endswith("]")


def test_a_negative_prompt_is_said_to_be_one(said: pytest.LogCaptureFixture) -> None:
    encode("sd", prompt="a red circle", negative_prompt=LONG)
    (record,) = said.records
    assert "this part of the negative prompt was cut off" in record.getMessage()


def test_what_fits_is_silent(said: pytest.LogCaptureFixture) -> None:
    encode("sd3", prompt="a red circle", negative_prompt=" ".join(["red"] * 60))
    assert said.records == []


def test_the_same_loss_of_several_texts_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    row = torch.zeros(1, 4)
    read = {"one": Tokens(row, row, ("a", "b"), 4, ("tail",)), "other": Tokens(row, row, ("a", "b"), 8, ("tail",))}
    warn_of_cuts(read, "prompt")
    assert [record.getMessage() for record in caplog.records] == [
        "one reads 4 tokens; this part of the prompt was cut off: ['tail']",
        "other reads 8 tokens; this part of the prompt was cut off: ['tail']",
    ]


def test_the_classic_counts_what_a_t5_loses_from_the_clips_length_on(said: pytest.LogCaptureFixture) -> None:
    """And says of each CLIP, and of nothing that would fail, that it fails."""
    classic_text(SD3, text_parts(SD3)).encode_prompt(
        prompt=LONG, prompt_2=None, prompt_3=None, device=torch.device("cpu"), do_classifier_free_guidance=False
    )
    theirs = [record.getMessage() for record in said.records]
    assert sum("will result in indexing errors" in message for message in theirs) == 3
    assert sum("CLIP can only handle" in message for message in theirs) == 2
    lost = next(message for message in theirs if "`max_sequence_length` is set to  256" in message)
    said.clear()
    encode("sd3", prompt=LONG)
    ours = next(record.getMessage() for record in said.records if "reads 256" in record.getMessage())
    assert lost.count("circle") > 2 * ours.count("circle") > 0


@pytest.mark.parametrize("own", ["left", "right"])
def test_a_tokenizer_is_the_same_after_it_was_asked_for_another_side(own: str, tmp_path: Path) -> None:
    words = tiny_language.gemma2()["tokenizer"]
    words.padding_side = own
    before = words.backend_tokenizer.to_str()
    asked = "right" if own == "left" else "left"
    ids = tokenized(words, ["red", "a red circle"], padding="longest", side=asked).ids
    assert ids[0, 0 if asked == "left" else -1] == words.pad_token_id
    assert (ids[1] != words.pad_token_id).all()
    assert words.backend_tokenizer.to_str() == before
    words.backend_tokenizer.enable_padding(direction=own, pad_id=words.pad_token_id)
    words.backend_tokenizer.enable_truncation(max_length=9)
    before = words.backend_tokenizer.to_str()
    tokenized(words, ["red", "a red circle"], 4, side=asked)
    assert words.backend_tokenizer.to_str() == before
    words.save_pretrained(tmp_path)
    assert type(words).from_pretrained(tmp_path).padding_side == own
