"""Text encoders and tokenizers of language models, the VAEs and the schedulers beside them, tiny and with random weights."""

from __future__ import annotations

import json
from typing import Any

import diffusers
import tiny_families
import torch
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    Gemma2Config,
    Gemma2Model,
    GemmaTokenizer,
    GlmConfig,
    GlmModel,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaModel,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3Model,
    UMT5Config,
    UMT5EncoderModel,
)

from brickwork.families.spatial import lumina2, sana

_LETTERS = ["▁", *(chr(code) for code in range(33, 127))]

THIN: dict[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
}
"""Of language models."""


def t5(encoder: str = "text_encoder", words: str = "tokenizer") -> dict[str, Any]:
    """A T5 that reads letters, and its tokenizer."""
    return tiny_families.t5(encoder, words)


def vae(latent_channels: int = 4, **changes: Any) -> Any:
    """A VAE of images of 8 pixels per latent."""
    return diffusers.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(4, 4, 4, 8),
        norm_num_groups=4,
        latent_channels=latent_channels,
        sample_size=64,
        scaling_factor=1.5,
        **changes,
    )


def seeded(seed: int = 0) -> None:
    torch.manual_seed(seed)


def gemma2(length: int = 64) -> dict[str, Any]:
    """A Gemma 2 that reads pieces of words, and its tokenizer, which pads at the left, as the released ones do."""
    pieces = taught([sana.INSTRUCTION, lumina2.INSTRUCTION], 700)
    vocab = pieces["vocab"]
    words = GemmaTokenizer(**pieces, add_bos_token=True, model_max_length=length)
    config = Gemma2Config(
        vocab_size=len(vocab),
        **THIN,
        max_position_embeddings=2048,
    )
    return {"text_encoder": Gemma2Model(config).eval(), "tokenizer": words}


def taught(texts: list[str], size: int) -> dict[str, Any]:
    """Pieces of words of what a tokenizer will read, and how they are joined: instructions of families would be hundreds of letters."""
    marks = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    trainer = BpeTrainer(vocab_size=size, special_tokens=marks, initial_alphabet=_LETTERS, show_progress=False)
    model = Tokenizer(BPE(unk_token="<unk>"))
    model.train_from_iterator([text.replace(" ", "▁") for text in texts], trainer)
    read = json.loads(model.to_str())["model"]
    return {"vocab": read["vocab"], "merges": [tuple(pair) for pair in read["merges"]]}


def taught_llama(text: str) -> dict[str, Any]:
    """A Llama of three layers, and its tokenizer, which reads a text in a few pieces, and pads at the right."""
    pieces = taught([text], 290)
    config = LlamaConfig(
        vocab_size=len(pieces["vocab"]),
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=3,
        num_attention_heads=1,
        num_key_value_heads=1,
    )
    words = GemmaTokenizer(**pieces, add_bos_token=True, padding_side="right")
    return {"text_encoder": LlamaModel(config).eval(), "tokenizer": words}


def umt5() -> dict[str, Any]:
    """A UMT5 that reads letters, and its tokenizer."""
    words = tiny_families.t5("", "tokenizer")["tokenizer"]
    config = UMT5Config(vocab_size=len(words), d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    return {"text_encoder": UMT5EncoderModel(config).eval(), "tokenizer": words}


CHAT = (
    "{% for message in messages %}[{{ message['role'] }}] {{ message['content'] }} {% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% if not enable_thinking %} quick{% endif %}{% endif %}"
)


def qwen3(length: int = 64) -> dict[str, Any]:
    """A Qwen 3 that reads letters, and its tokenizer with a chat template."""
    letters = [*_LETTERS, "\u0120"]
    words = Qwen2Tokenizer(
        vocab={"<|endoftext|>": 0, **{letter: number for number, letter in enumerate(letters, start=1)}},
        model_max_length=length,
        chat_template=CHAT,
    )
    config = Qwen3Config(
        vocab_size=len(letters) + 1,
        **THIN,
    )
    return {"text_encoder": Qwen3Model(config).eval(), "tokenizer": words}


def bert() -> dict[str, Any]:
    """A BERT that reads letters, and its tokenizer."""
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocab = {token: number for number, token in enumerate([*marks, *_LETTERS, *(f"##{letter}" for letter in _LETTERS)])}
    config = BertConfig(
        vocab_size=len(vocab),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=80,
    )
    return {"text_encoder": BertModel(config).eval(), "tokenizer": BertTokenizer(vocab=vocab, model_max_length=77)}


def glm(length: int = 64) -> dict[str, Any]:
    """A GLM that reads letters, and its tokenizer, which pads at the left."""
    marks = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    vocab = {token: number for number, token in enumerate([*marks, *_LETTERS])}
    config = GlmConfig(
        vocab_size=len(vocab),
        **THIN,
        pad_token_id=0,
    )
    return {
        "text_encoder": GlmModel(config).eval(),
        "tokenizer": GemmaTokenizer(vocab=vocab, add_bos_token=True, model_max_length=length),
    }


def llama() -> dict[str, Any]:
    """A Llama that reads letters, and its tokenizer, which has no padding of its own."""
    marks = ["<eos>", "<bos>", "<unk>", "<mask>"]
    vocab = {token: number for number, token in enumerate([*marks, *_LETTERS])}
    config = LlamaConfig(
        vocab_size=len(vocab),
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=2,
        num_attention_heads=1,
        num_key_value_heads=1,
    )
    words = GemmaTokenizer(vocab=vocab, add_bos_token=True, pad_token=None, padding_side="right")
    return {"text_encoder_4": LlamaForCausalLM(config).eval(), "tokenizer_4": words}
