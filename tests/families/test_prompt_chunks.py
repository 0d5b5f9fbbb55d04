"""Long prompts are cut where the project of the dialect cuts them."""

from __future__ import annotations

import pytest
from transformers import CLIPTokenizer

from brickwork.families.prompt_chunks import chunks_of, padded
from brickwork.families.prompt_reading import read_prompt
from brickwork.families.prompt_syntax import PromptSyntax

SIGNS = "abcdefghijkl,.;"


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    """A token for each letter and sign, so that words are as long as they look."""
    tokens = [*SIGNS, *(f"{sign}</w>" for sign in SIGNS), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[], model_max_length=77)


def cut(tokenizer: CLIPTokenizer, text: str, room: int, syntax: PromptSyntax) -> list[str]:
    chunks = chunks_of(tokenizer, read_prompt(text, syntax), room, syntax)
    names = [tokenizer.convert_ids_to_tokens([token.id for token in chunk]) for chunk in chunks]
    return ["".join(each).replace("</w>", " ").strip() for each in names]


@pytest.mark.parametrize(
    ("syntax", "text", "room", "chunks"),
    [
        ("a1111", "abcdef", 4, ["abcd", "ef"]),
        ("a1111", "ab, cd ef", 6, ["ab ,", "cd ef"]),
        ("a1111", "ab, cd ,ef", 5, ["ab , cd", ", ef"]),
        ("a1111", "ab, " + "c " * 20, 22, ["ab ,", ("c " * 20).strip()]),
        ("a1111", "ab, " + "c " * 21, 23, ["ab , " + ("c " * 20).strip(), "c"]),
        ("a1111", "ab BREAK cd BREAK", 4, ["ab", "cd"]),
        ("a1111", "BREAK ab BREAK BREAK cd", 4, ["", "ab", "", "cd"]),
        ("a1111", "", 4, [""]),
        ("comfyui", "ab cde fg", 4, ["ab", "cde", "fg"]),
        ("comfyui", "ab abcdefgh i", 6, ["ab abcd", "efgh i"]),
        ("comfyui", "ab (abcdefg:2) i", 8, ["ab", "abcdefg i"]),
        ("compel", "ab. cd, ef gh", 7, ["ab .", "cd , ef gh"]),
        ("compel", "ab, cd; ef gh", 7, ["ab , cd ;", "ef gh"]),
        ("compel", "ab cd ef", 5, ["ab cd", "ef"]),
        ("compel", "abcdef", 4, ["abcd", "ef"]),
    ],
)
def test_where_a_long_prompt_is_cut(
    tokenizer: CLIPTokenizer, syntax: PromptSyntax, text: str, room: int, chunks: list[str]
) -> None:
    assert cut(tokenizer, text, room, syntax) == chunks


def test_rows_are_padded_as_the_tokenizer_pads_them(tokenizer: CLIPTokenizer) -> None:
    texts = ["ab c", "d"]
    chunks = [chunks_of(tokenizer, read_prompt(text, "a1111"), 75, "a1111")[0] for text in texts]
    for length, padding in ((9, "max_length"), (None, "longest")):
        ids, there, weights = padded(tokenizer, chunks, length)
        expected = tokenizer(texts, padding=padding, max_length=length, return_tensors="pt")
        assert ids.tolist() == expected.input_ids.tolist()
        assert there.tolist() == expected.attention_mask.tolist()
        assert weights.tolist() == [[1.0] * ids.shape[1]] * 2
    (heavy,) = chunks_of(tokenizer, read_prompt("a (bc:1.5) d", "a1111"), 75, "a1111")
    assert padded(tokenizer, [heavy], 8)[2].tolist() == [[1, 1, 1.5, 1.5, 1, 1, 1, 1]]
