"""A ChatGLM3 with tiny random weights and its tokenizer, whose pieces are letters: diffusers' own classes, without sentencepiece."""

from __future__ import annotations

from typing import Any

import torch
from diffusers.pipelines.kolors import text_encoder, tokenizer

PIECES = ["<unk>", "<s>", "</s>", "▁", *"abcdefghijklmnopqrstuvwxyz"]


class Letters:
    """What a tokenizer asks of a model of sentencepiece."""

    def __init__(self, model_file: str) -> None:
        self.model_file = model_file

    def vocab_size(self) -> int:
        return len(PIECES)

    get_piece_size = vocab_size

    def unk_id(self) -> int:
        return 0

    def bos_id(self) -> int:
        return 1

    def eos_id(self) -> int:
        return 2

    def EncodeAsPieces(self, text: str) -> list[str]:
        return list("▁" + text.replace(" ", "▁"))

    def DecodePieces(self, pieces: list[str]) -> str:
        return "".join(pieces).replace("▁", " ")

    def PieceToId(self, piece: str) -> int:
        return PIECES.index(piece) if piece in PIECES else 0

    def IdToPiece(self, number: int) -> str:
        return PIECES[number]


class _Pieces(tokenizer.SPTokenizer):
    def __init__(self, model_path: str) -> None:
        self.sp_model = Letters(model_path)
        self.n_words, self.bos_id, self.eos_id, self.pad_id = len(PIECES), 1, 2, 0
        marks = ["[MASK]", "[gMASK]", "[sMASK]", "sop", "eop", "<|system|>", "<|user|>", "<|assistant|>"]
        self.special_tokens = {mark: len(PIECES) + place for place, mark in enumerate(marks)}
        self.index_special_tokens = {place: mark for mark, place in self.special_tokens.items()}
        self.n_words += len(marks)


# Wherever the tests have such a tokenizer, also where one is loaded from a folder.
tokenizer.SPTokenizer = _Pieces


def glm(vocab_file: str = __file__) -> dict[str, Any]:
    """The encoder and its tokenizer, by name."""
    words = tokenizer.ChatGLMTokenizer(vocab_file, model_max_length=256)
    config = text_encoder.ChatGLMConfig(
        num_layers=2,
        padded_vocab_size=48,
        hidden_size=16,
        ffn_hidden_size=16,
        kv_channels=8,
        num_attention_heads=2,
        seq_length=256,
        multi_query_attention=True,
        multi_query_group_num=1,
        add_qkv_bias=True,
        original_rope=True,
    )
    encoder = text_encoder.ChatGLMModel(config, empty_init=False)
    # Its class leaves some of them as memory was.
    for weight in encoder.parameters():
        weight.data = 0.2 * torch.randn(weight.shape) if weight.ndim > 1 else torch.ones(weight.shape)
    return {"text_encoder": encoder.eval(), "tokenizer": words}
