"""The networks of the embedded model, in the layout of SDXL, and the tokenizer that reads its captions."""

from __future__ import annotations

import json
import random
from pathlib import Path

import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, UNet2DConditionModel
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from .scenes import SceneSource

TOKENS = 32
_WORDS = r"""'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""


def default_device() -> str:
    """A GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def train_tokenizers(folder: Path, source: SceneSource, seed: int = 1) -> None:
    """Learn a small byte-pair vocabulary from captions and write both tokenizers; bytes cover every other text."""
    rng = random.Random(seed)
    captions = [source.scene(rng).caption for _ in range(20_000)]
    captions += [noun for nouns in source.pool.nouns for noun in nouns for _ in range(20)]
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer = normalizers.Lowercase()
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    learner.train_from_iterator(
        captions,
        trainers.BpeTrainer(
            vocab_size=256 + 1500, initial_alphabet=alphabet, end_of_word_suffix="</w>", show_progress=False
        ),
    )
    merges = [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]]
    tokens = dict.fromkeys([*alphabet, *(letter + "</w>" for letter in alphabet), *(a + b for a, b in merges)])
    vocabulary = {token: i for i, token in enumerate([*tokens, "<|startoftext|>", "<|endoftext|>"])}
    for name, padding in (("tokenizer", "<|endoftext|>"), ("tokenizer_2", "!")):
        tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges, pad_token=padding, model_max_length=TOKENS)
        tokenizer.save_pretrained(folder / name)


def load_tokenizers(folder: Path) -> list[CLIPTokenizer]:
    """Both tokenizers of a folder."""
    return [CLIPTokenizer.from_pretrained(folder / name) for name in ("tokenizer", "tokenizer_2")]


def tokenize(tokenizers: list[CLIPTokenizer], captions: list[str]) -> Tensor:
    """Ids for both text encoders, `[b, 2, tokens]`."""
    ids = [t(captions, padding="max_length", max_length=TOKENS, truncation=True).input_ids for t in tokenizers]
    return torch.tensor(ids).transpose(0, 1)


def make_vae() -> AutoencoderKL:
    """A factor-4 autoencoder of 0.65 M parameters."""
    channels = (16, 32, 64)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=channels,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=64,
        mid_block_add_attention=False,
        scaling_factor=1.0,
    )


def make_scheduler() -> EulerDiscreteScheduler:
    """SDXL's noise schedule, predicting velocity, with trailing timesteps."""
    return EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        steps_offset=1,
    )


class TextToLatents(nn.Module):
    """Both text encoders and the UNet, trained together."""

    def __init__(self, vocabulary: int, padding: tuple[int, int]) -> None:
        super().__init__()
        self.text_encoder = CLIPTextModel(_text_config(64, vocabulary, padding[0], "quick_gelu"))
        self.text_encoder_2 = CLIPTextModelWithProjection(_text_config(96, vocabulary, padding[1], "gelu"))
        for encoder in (self.text_encoder, self.text_encoder_2):
            # CLIP's 0.02 leaves the penultimate hidden state far too small to steer a UNet of this size.
            nn.init.normal_(encoder.get_input_embeddings().weight, std=0.5)
            for name, weight in encoder.named_parameters():
                if "position_embedding" in name:
                    nn.init.normal_(weight, std=0.1)
        self.unet = UNet2DConditionModel(
            sample_size=16,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            block_out_channels=(32, 64, 128),
            layers_per_block=1,
            attention_head_dim=[1, 2, 4],
            cross_attention_dim=64 + 96,
            norm_num_groups=16,
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=16,
            projection_class_embeddings_input_dim=96 + 6 * 16,
        )

    def forward(self, noisy: Tensor, timesteps: Tensor, ids: Tensor, time_ids: Tensor) -> Tensor:
        """Velocity for noisy latents `[b, 4, 16, 16]`, given token ids `[b, 2, tokens]` and time ids `[b, 6]`."""
        first = self.text_encoder(ids[:, 0], output_hidden_states=True)
        second = self.text_encoder_2(ids[:, 1], output_hidden_states=True)
        embeds = torch.cat([first.hidden_states[-2], second.hidden_states[-2]], -1)
        added = {"text_embeds": second.text_embeds, "time_ids": time_ids}
        output: Tensor = self.unet(noisy, timesteps, encoder_hidden_states=embeds, added_cond_kwargs=added).sample
        return output


def _text_config(width: int, vocabulary: int, padding: int, activation: str) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=3,
        num_attention_heads=width // 32,
        max_position_embeddings=TOKENS,
        projection_dim=width,
        hidden_act=activation,
        bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 1,
        pad_token_id=padding,
    )
