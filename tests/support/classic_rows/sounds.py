"""Sounds, and LTX-2, whose videos have one: families without presets."""

from __future__ import annotations

import contextlib
from functools import cache
from typing import Any

import diffusers
import numpy as np
import torch
import transformers
from coarse_images import picture
from diffusers.pipelines.deprecated.audio_diffusion.mel import Mel
from diffusers.pipelines.ltx2 import LTX2LatentUpsamplerModel, LTX2TextConnectors, LTX2Vocoder
from diffusers.pipelines.ltx2.pipeline_ltx2_hdr_lora import LTX2HDRReferenceCondition
from diffusers.pipelines.stable_audio_3.modeling_stable_audio_3 import StableAudio3DurationEmbedder
from tiny_packed import words as pieces
from tiny_sd import unet

from classic_rows.language import SMALL, WIDTH, words
from classic_rows.newer import gemma_reader
from classic_rows.row import Row
from classic_rows.sd import ddim
from classic_rows.t5 import FLOW, umt5
from classic_rows.video import FILM


@cache
@torch.no_grad()
def heard() -> dict[str, Any]:
    """Parts of AudioLDM."""
    torch.manual_seed(0)
    vocabulary, merges = pieces()
    marks = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    known = {word: number for number, word in enumerate([*marks, *vocabulary])}
    told = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "projection_dim": 16,
    }
    text = transformers.ClapTextConfig(**told, vocab_size=len(known))
    vae = diffusers.AutoencoderKL(
        block_out_channels=(8, 8), in_channels=1, out_channels=1, down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=4, norm_num_groups=4,
    )  # fmt: skip
    denoiser = unet(
        class_embed_type="simple_projection",
        projection_class_embeddings_input_dim=16,
        class_embeddings_concat=True,
        cross_attention_dim=(16, 32),
    )
    vocoder = transformers.SpeechT5HifiGanConfig(
        model_in_dim=8, sampling_rate=16000, upsample_initial_channel=16, upsample_rates=[2, 2], upsample_kernel_sizes=[4, 4],
        resblock_kernel_sizes=[3, 7], resblock_dilation_sizes=[[1, 3, 5], [1, 3, 5]], normalize_before=False,
    )  # fmt: skip
    return {
        "vae": vae.eval(),
        "text_encoder": transformers.ClapTextModelWithProjection(text).eval(),
        "tokenizer": transformers.RobertaTokenizer(vocab=known, merges=list(merges), model_max_length=64),
        "unet": denoiser.eval(),
        "scheduler": ddim(),
        "vocoder": transformers.SpeechT5HifiGan(vocoder).eval(),
    }


@cache
@torch.no_grad()
def stable_audio_3() -> dict[str, Any]:
    torch.manual_seed(0)
    network = diffusers.StableAudio3DiTModel(
        io_channels=8, patch_size=1, embed_dim=32, depth=1, num_heads=4, cond_token_dim=WIDTH, global_cond_dim=WIDTH, local_add_cond_dim=9,
        timestep_features_dim=16, ff_mult=2, num_memory_tokens=3, use_differential_attention=False,
    )  # fmt: skip
    vae = diffusers.AutoencoderSAME(
        audio_channels=2, patch_size=2, encoder_channels=8, encoder_c_mults=(2,), encoder_strides=(2,), encoder_transformer_depths=(1,), latent_dim=8,
        use_differential_attention=False, dim_heads=4, ff_mult=2, sampling_rate=16,
    )  # fmt: skip
    return {
        **gemma_reader(whole=True),
        "transformer": network.eval(),
        "vae": vae.eval(),
        "scheduler": FLOW(num_train_timesteps=1, shift=1.0),
        "duration_embedder": StableAudio3DurationEmbedder(output_dim=WIDTH, fourier_dim=16).eval(),
    }


@cache
@torch.no_grad()
def longcat() -> dict[str, Any]:
    torch.manual_seed(0)
    network = diffusers.LongCatAudioDiTTransformer(
        dit_dim=32, dit_depth=1, dit_heads=2, dit_text_dim=32, latent_dim=8, text_conv=False
    )
    vae = diffusers.LongCatAudioDiTVae(
        in_channels=1,
        channels=16,
        c_mults=[1, 2],
        strides=[2],
        latent_dim=8,
        encoder_latent_dim=16,
        downsampling_ratio=2,
        sample_rate=24000,
    )
    return {**umt5(), "transformer": network.eval(), "vae": vae.eval(), "scheduler": FLOW()}


@cache
def ltx2() -> dict[str, Any]:
    torch.manual_seed(0)
    seen = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 14,
    }
    config = transformers.Gemma3Config(
        text_config={**SMALL, "vocab_size": 256, "pad_token_id": 0}, vision_config=seen, mm_tokens_per_image=4
    )
    heads = {f"{of}_connector_{name}": value for of in ("video", "audio") for name, value in CONNECTOR.items()}
    connectors = LTX2TextConnectors(
        caption_channels=WIDTH, text_proj_in_factor=3, **heads, connector_rope_base_seq_len=32, rope_double_precision=False, rope_type="split",
        causal_temporal_positioning=False,
    )  # fmt: skip
    network = diffusers.LTX2VideoTransformer3DModel(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=8, cross_attention_dim=16, audio_in_channels=4, audio_out_channels=4,
        audio_num_attention_heads=2, audio_attention_head_dim=4, audio_cross_attention_dim=8, num_layers=2, caption_channels=WIDTH,
        rope_double_precision=False, rope_type="split",
    )  # fmt: skip
    audio = diffusers.AutoencoderKLLTX2Audio(
        base_channels=4, output_channels=2, ch_mult=(1,), num_res_blocks=1, in_channels=2, resolution=32, latent_channels=2, mel_bins=8,
    )  # fmt: skip
    vocoder = LTX2Vocoder(
        in_channels=16, hidden_channels=32, out_channels=2, upsample_kernel_sizes=[4, 4], upsample_factors=[2, 2], resnet_kernel_sizes=[3],
        resnet_dilations=[[1, 3, 5]], output_sampling_rate=16000,
    )  # fmt: skip
    larger = LTX2LatentUpsamplerModel(in_channels=4, mid_channels=32, num_blocks_per_stage=1)
    return {
        "text_encoder": transformers.Gemma3ForConditionalGeneration(config).eval(),
        "tokenizer": words(),
        "connectors": connectors.eval(),
        "transformer": network.eval(),
        "vae": ltx2_vae(),
        "audio_vae": audio.eval(),
        "vocoder": vocoder.eval(),
        "scheduler": FLOW(),
        "latent_upsampler": larger.eval(),
    }


class PlainMel(Mel):
    """A Mel that reads a spectrogram without librosa: row by row, as it is."""

    def __init__(self, x_res: int = 16, y_res: int = 16, sample_rate: int = 22050) -> None:
        # Asks for librosa at its very end.
        with contextlib.suppress(ValueError):
            super().__init__(x_res, y_res, sample_rate)

    def image_to_audio(self, image: Any) -> np.ndarray:
        return np.asarray(image, dtype=float).reshape(-1) / 255


@cache
def spectrograms() -> dict[str, Any]:
    torch.manual_seed(0)
    network = diffusers.UNet2DModel(
        sample_size=16, in_channels=1, out_channels=1, layers_per_block=1, block_out_channels=(8, 16), norm_num_groups=4,
        down_block_types=("DownBlock2D",) * 2, up_block_types=("UpBlock2D",) * 2,
    )  # fmt: skip
    return {"unet": network.eval(), "mel": PlainMel(), "scheduler": ddim()}


CONNECTOR = {"num_attention_heads": 2, "attention_head_dim": 8, "num_layers": 1, "num_learnable_registers": None}


def ltx2_vae() -> Any:
    return diffusers.AutoencoderKLLTX2Video(
        latent_channels=4, block_out_channels=(8,), decoder_block_out_channels=(8,), layers_per_block=(1,), decoder_layers_per_block=(1, 1),
        spatio_temporal_scaling=(True,), decoder_spatio_temporal_scaling=(True,), decoder_inject_noise=(False, False), downsample_type=("spatial",),
        upsample_residual=(False,), upsample_factor=(1,), patch_size=1, encoder_causal=True, decoder_causal=False,
    ).eval()  # fmt: skip


HEARD = {"prompt": "a red circle", "num_inference_steps": 2, "audio_length_in_s": 0.004}
PLAYED = {"prompt": "a cat", "duration": 1.0, "num_inference_steps": 2}
SOUND = torch.rand(1, 2, 16, generator=torch.Generator().manual_seed(3))
# Guidance that perturbs asks for a 29th layer of its own.
FILMED = {
    "prompt": "a cat", "num_inference_steps": 2, "height": 32, "width": 32, "num_frames": 5, "max_sequence_length": 16, "output_type": "pt",
    "guidance_scale": 2.0, "stg_scale": 0.0, "audio_stg_scale": 0.0, "modality_scale": 1.0, "audio_modality_scale": 1.0,
    "spatio_temporal_guidance_blocks": None, "use_cross_timestep": False,
}  # fmt: skip

HDR = {
    name: FILMED[name]
    for name in ("prompt", "num_inference_steps", "height", "width", "num_frames", "max_sequence_length", "output_type")
}
FRAME = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(3))


ROWS = {
    "AudioDiffusionPipeline": Row(spectrograms, {"batch_size": 2, "steps": 2}),
    "AudioLDMPipeline": Row(heard, HEARD),
    "StableAudio3Pipeline": Row(stable_audio_3, PLAYED),
    "StableAudio3AudioToAudioPipeline": Row(stable_audio_3, {**PLAYED, "audio": SOUND, "init_noise_level": 0.7}),
    "StableAudio3InpaintPipeline": Row(
        stable_audio_3, {**PLAYED, "audio": SOUND, "mask_start_seconds": 0.2, "mask_end_seconds": 0.7}
    ),
    "LongCatAudioDiTPipeline": Row(longcat, {"prompt": "a cat", "audio_duration_s": 0.1, "num_inference_steps": 2}),
    "LTX2Pipeline": Row(ltx2, FILMED),
    "LTX2ImageToVideoPipeline": Row(ltx2, {**FILMED, "image": picture(3, 32)}),
    "LTX2ConditionPipeline": Row(ltx2, FILMED),
    "LTX2InContextPipeline": Row(ltx2, FILMED),
    "LTX2HDRPipeline": Row(
        ltx2, {**HDR, "reference_conditions": [LTX2HDRReferenceCondition(frames=FRAME, strength=1.0)]}
    ),
    "LTX2LatentUpsamplePipeline": Row(
        ltx2, {"video": FILM[:5], "height": 32, "width": 32, "num_frames": 5, "output_type": "pt"}
    ),
}
