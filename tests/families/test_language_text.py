"""Texts as language models read them: after an instruction, as a message, with padding of another kind."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tiny_language import glm, llama, qwen3

from brickwork import CompositionError
from brickwork.families.text_encoding import Encoded, TextEncoding
from brickwork.families.tokenize import tokenized, tokens_for
from brickwork.presets import hidream, z_image
from brickwork.presets.tasks import with_prompt_weights

HIDDEN = TextEncoding(
    hidden_state=None,
    tokens=12,
    masked=True,
    instruction="ab: ",
    hides_instruction=True,
    padding_side="right",
)


@pytest.fixture(scope="module")
def words() -> Any:
    return glm()["tokenizer"]


def read(tokenizer: Any, encoding: TextEncoding, *texts: str) -> list[str]:
    found = tokens_for(encoding, tokenizer, list(texts)).ids
    return ["".join(tokenizer.convert_ids_to_tokens(row)) for row in found.tolist()]


def test_an_instruction_that_is_hidden_stands_before_a_text_and_its_tokens_do_not_count(words: Any) -> None:
    (text,) = read(words, HIDDEN, "cat")
    assert text.startswith("<bos>ab:")
    # Of 12 tokens for the text the repository counts one for its beginning and one for an end that it does not have.
    assert text.count("<pad>") + len("cat") == 12 - 2
    count = len(tokens_for(HIDDEN, words, ["cat"]).ids[0])
    said = Encoded(torch.arange(count).reshape(1, -1, 1), mask=torch.arange(count).reshape(1, -1))
    handed = HIDDEN.handed_on(said)
    assert handed.hidden is not None
    assert handed.hidden.flatten().tolist() == [0, *range(count - 11, count)]
    assert handed.mask is not None
    assert handed.mask.tolist() == [[0, *range(count - 11, count)]]


def test_a_negative_text_stands_without_instruction(words: Any) -> None:
    beside = HIDDEN.beside(20)
    (text,) = read(words, beside, "cat")
    assert text == "<bos>cat" + 8 * "<pad>"
    said = Encoded(torch.zeros(1, 12, 3))
    assert beside.handed_on(said) is said


def test_an_instruction_that_is_not_hidden_is_handed_on(words: Any) -> None:
    shown = TextEncoding(tokens=16, instruction="ab: ", padding_side="right")
    (text,) = read(words, shown, "cat")
    assert text.startswith("<bos>ab:")
    assert len(tokens_for(shown, words, ["cat"]).ids[0]) == 16
    said = Encoded(torch.zeros(1, 16, 3))
    assert shown.handed_on(said) is said


@pytest.mark.parametrize(("side", "first"), [("", "<pad>"), ("left", "<pad>"), ("right", "<bos>")])
def test_padding_stands_on_the_side_that_is_asked_for(words: Any, side: Any, first: str) -> None:
    ids = tokenized(words, ["cat"], 8, side=side).ids[0].tolist()
    assert words.convert_ids_to_tokens(ids)[0] == first
    assert words.padding_side == "left"


def test_what_is_cut_off_is_the_end_wherever_padding_stands(words: Any) -> None:
    assert tokenized(words, ["cat", "abcdefgh"], 6, "longest", side="left").lost == ("efg",)


def test_texts_are_padded_to_a_multiple() -> None:
    tokenizer = glm()["tokenizer"]
    encoding = TextEncoding(tokens=64, to_longest=True, multiple=16, padding_side="left")
    assert [len(text) for text in tokens_for(encoding, tokenizer, ["cat", "a" * 17]).ids] == [32, 32]


def test_a_text_is_read_as_a_message() -> None:
    tokenizer = qwen3()["tokenizer"]
    chat = TextEncoding(
        tokens=40,
        chat=lambda text: [{"role": "user", "content": text}],
        chat_options={"add_generation_prompt": True, "enable_thinking": False},
    )
    (text,) = read(tokenizer, chat, "cat")
    assert text.replace("\u0120", " ").startswith("[user] cat [assistant] quick<|endoftext|>")


def test_a_tokenizer_without_padding_pads_with_its_end_and_is_as_before() -> None:
    tokenizer = llama()["tokenizer_4"]
    ended = TextEncoding(tokens=8, pads_with_end=True)
    (text,) = read(tokenizer, ended, "cat")
    assert text == "<bos>cat" + 4 * "<eos>"
    assert tokenizer.pad_token is None


@pytest.mark.parametrize(
    ("preset", "contract", "names"),
    [(z_image, z_image.Z_IMAGE, "text_encoder"), (hidream, hidream.HIDREAM, "text_encoder_4")],
)
def test_weights_of_words_are_refused_where_a_text_is_not_read_by_itself(
    preset: Any, contract: Any, names: str
) -> None:
    with pytest.raises(CompositionError, match=f": {names} of {contract.name} reads a prompt inside of a message"):
        with_prompt_weights(preset.TEXT2IMAGE_BLOCKS, contract)
