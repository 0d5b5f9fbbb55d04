"""Videos."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import diffusers
import torch
from coarse_images import half_mask, picture
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

from classic_rows.row import Row
from classic_rows.sd import ddim, net
from classic_rows.sd import parts as sd_parts
from classic_rows.t5 import FLOW, cogvideo_solver, parts, umt5

SMALL = {"prompt": "a cat", "num_inference_steps": 2, "height": 32, "width": 32, "output_type": "pt"}
LONG = {**SMALL, "max_sequence_length": 32}
EMBEDS = {
    f"{name}prompt_embeds": torch.randn(1, 32, 32, generator=torch.Generator().manual_seed(3))
    for name in ("", "negative_")
}
FILM = [picture(seed, 32) for seed in range(9)]


@cache
def cog_vae() -> Any:
    torch.manual_seed(0)
    return diffusers.AutoencoderKLCogVideoX(
        down_block_types=("CogVideoXDownBlock3D",) * 4, up_block_types=("CogVideoXUpBlock3D",) * 4, block_out_channels=(8, 8, 8, 8),
        latent_channels=4, layers_per_block=1, norm_num_groups=2, temporal_compression_ratio=4,
    ).eval()  # fmt: skip


def cogvideo(**changes: Any) -> Any:
    return diffusers.CogVideoXTransformer3DModel(
        **{
            "num_attention_heads": 4, "attention_head_dim": 8, "in_channels": 4, "out_channels": 4, "time_embed_dim": 2,
            "text_embed_dim": 32, "num_layers": 1, "sample_width": 2, "sample_height": 2, "sample_frames": 9, "max_text_seq_length": 32,
            **changes,
        }
    )  # fmt: skip


@cache
def ltx_vae() -> Any:
    torch.manual_seed(0)
    return diffusers.AutoencoderKLLTXVideo(
        latent_channels=8, block_out_channels=(8, 8, 8, 8), decoder_block_out_channels=(8, 8, 8, 8), layers_per_block=(1, 1, 1, 1, 1),
        decoder_layers_per_block=(1, 1, 1, 1, 1), spatio_temporal_scaling=(True, True, False, False), patch_size=1,
        decoder_spatio_temporal_scaling=(True, True, False, False), encoder_causal=True, decoder_causal=False,
    ).eval()  # fmt: skip


def ltx() -> Any:
    return diffusers.LTXVideoTransformer3DModel(
        in_channels=8, out_channels=8, patch_size=1, patch_size_t=1, num_attention_heads=4, attention_head_dim=8,
        cross_attention_dim=32, num_layers=1, caption_channels=32,
    )  # fmt: skip


@cache
def wan_vae() -> Any:
    torch.manual_seed(0)
    return diffusers.AutoencoderKLWan(
        base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    ).eval()


def wan(cls: str = "WanTransformer3DModel", **changes: Any) -> Any:
    return getattr(diffusers, cls)(
        **{
            "patch_size": (1, 2, 2), "num_attention_heads": 2, "attention_head_dim": 12, "in_channels": 16, "out_channels": 16,
            "text_dim": 32, "freq_dim": 32, "ffn_dim": 32, "num_layers": 2, "cross_attn_norm": True, "rope_max_seq_len": 32, **changes,
        }
    )  # fmt: skip


@cache
def mochi_vae() -> Any:
    torch.manual_seed(0)
    return diffusers.AutoencoderKLMochi(
        latent_channels=12, out_channels=3, encoder_block_out_channels=(32, 32, 32, 32), decoder_block_out_channels=(32, 32, 32, 32),
        layers_per_block=(1, 1, 1, 1, 1),
    ).eval()  # fmt: skip


def mochi() -> Any:
    return diffusers.MochiTransformer3DModel(
        patch_size=2, num_attention_heads=2, attention_head_dim=8, num_layers=2, pooled_projection_dim=16, in_channels=12,
        text_embed_dim=32, time_embed_dim=4, activation_fn="swiglu", max_sequence_length=16,
    )  # fmt: skip


def sky() -> Any:
    return wan("SkyReelsV2Transformer3DModel")


UNIPC = partial(diffusers.UniPCMultistepScheduler, flow_shift=8.0, use_flow_sigmas=True)


def seeing() -> dict[str, Any]:
    """The text encoder, and the image encoder that older checkpoints have: these models have no place for what it sees."""
    return dict(umt5())


@cache
def allegro_vae() -> Any:
    torch.manual_seed(0)
    return diffusers.AutoencoderKLAllegro(
        down_block_types=("AllegroDownBlock3D",) * 4, up_block_types=("AllegroUpBlock3D",) * 4, block_out_channels=(8, 8, 8, 8),
        latent_channels=4, layers_per_block=1, norm_num_groups=2, temporal_compression_ratio=4,
    ).eval()  # fmt: skip


def allegro() -> Any:
    return diffusers.AllegroTransformer3DModel(
        num_attention_heads=2, attention_head_dim=12, in_channels=4, out_channels=4, num_layers=1, cross_attention_dim=24, sample_width=8,
        sample_height=8, sample_frames=8, caption_channels=32,
    )  # fmt: skip


def motion() -> Any:
    torch.manual_seed(4)
    return diffusers.MotionAdapter(
        block_out_channels=(16, 32), motion_layers_per_block=1, motion_norm_num_groups=4, motion_num_attention_heads=2
    )


@cache
def svd() -> dict[str, Any]:
    torch.manual_seed(0)
    unet = diffusers.UNetSpatioTemporalConditionModel(
        block_out_channels=(32, 64), layers_per_block=1, sample_size=8, in_channels=8, out_channels=4, cross_attention_dim=24,
        down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"), num_attention_heads=8,
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"), addition_time_embed_dim=32,
        projection_class_embeddings_input_dim=96,
    )  # fmt: skip
    vae = diffusers.AutoencoderKLTemporalDecoder(
        block_out_channels=(32, 64), down_block_types=("DownEncoderBlock2D",) * 2, latent_channels=4
    )
    steps = diffusers.EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction", timestep_type="continuous",
        use_karras_sigmas=True, sigma_min=0.002, sigma_max=700.0,
    )  # fmt: skip
    # It brings images to 224 pixels itself.
    seen = CLIPVisionConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=224, patch_size=56, projection_dim=24
    )  # fmt: skip
    sees = {"image_encoder": CLIPVisionModelWithProjection(seen).eval(), "feature_extractor": CLIPImageProcessor()}
    return {"unet": unet.eval(), "vae": vae.eval(), "scheduler": steps, **sees}


ANIMATED = {**SMALL, "height": 64, "width": 64, "num_frames": 2}
COG = {**LONG, "num_frames": 9}
MOVES = {"motion_adapter": motion, "scheduler": ddim}

ROWS = {
    "AnimateDiffPipeline": Row(sd_parts(**MOVES), ANIMATED),
    "AnimateDiffControlNetPipeline": Row(
        sd_parts(controlnet=net, **MOVES), {**ANIMATED, "conditioning_frames": [picture(4)] * 2}
    ),
    "AnimateDiffVideoToVideoPipeline": Row(
        sd_parts(**MOVES),
        {"prompt": "a cat", "video": [picture(3)] * 2, "num_inference_steps": 4, "strength": 0.6, "output_type": "pt"},
    ),
    "AnimateDiffVideoToVideoControlNetPipeline": Row(
        sd_parts(controlnet=net, **MOVES),
        {
            "prompt": "a cat",
            "video": [picture(3)] * 2,
            "conditioning_frames": [picture(4)] * 2,
            "num_inference_steps": 4,
            "strength": 0.6,
            "output_type": "pt",
        },
    ),
    "AnimateDiffPAGPipeline": Row(sd_parts(**MOVES), ANIMATED),
    "CogVideoXPipeline": Row(parts(cogvideo, cog_vae, cogvideo_solver), COG),
    "CogVideoXImageToVideoPipeline": Row(
        parts(partial(cogvideo, in_channels=8), cog_vae, cogvideo_solver), {**COG, "image": picture(3, 32)}
    ),
    "CogVideoXVideoToVideoPipeline": Row(
        parts(cogvideo, cog_vae, cogvideo_solver),
        {**LONG, "video": FILM, "num_inference_steps": 4, "strength": 0.6},
    ),
    "CogVideoXFunControlPipeline": Row(
        parts(partial(cogvideo, in_channels=8), cog_vae, cogvideo_solver), {**LONG, "control_video": FILM}
    ),
    "LTXPipeline": Row(parts(ltx, ltx_vae, FLOW), {**LONG, "num_frames": 9}),
    "LTXImageToVideoPipeline": Row(parts(ltx, ltx_vae, FLOW), {**LONG, "num_frames": 9, "image": picture(3, 32)}),
    "LTXConditionPipeline": Row(
        parts(ltx, ltx_vae, FLOW), {**LONG, "num_frames": 9, "image": picture(3, 32), "strength": 1.0}
    ),
    "MochiPipeline": Row(parts(mochi, mochi_vae, FLOW), {**LONG, "num_frames": 7, "max_sequence_length": 16}),
    "WanPipeline": Row(parts(wan, wan_vae, FLOW, umt5), {**LONG, "height": 16, "width": 16, "num_frames": 5}),
    "WanVideoToVideoPipeline": Row(
        parts(wan, wan_vae, partial(diffusers.UniPCMultistepScheduler, flow_shift=3.0), umt5),
        # Of a text it would ask for ftfy, without a look at whether that is installed.
        {**LONG, **EMBEDS, "prompt": None, "video": FILM[:5], "num_inference_steps": 4, "strength": 0.6},
    ),
    "WanImageToVideoPipeline": Row(
        parts(partial(wan, in_channels=36), wan_vae, FLOW, seeing),
        {**LONG, **EMBEDS, "prompt": None, "image": picture(3, 32), "height": 16, "width": 16, "num_frames": 5},
        {"boundary_ratio": None},
    ),
    "WanVACEPipeline": Row(
        parts(partial(wan, "WanVACETransformer3DModel", vace_layers=[0], vace_in_channels=96), wan_vae, FLOW, umt5),
        {**LONG, **EMBEDS, "prompt": None, "video": FILM[:5], "mask": [half_mask(32)] * 5, "num_frames": 5},
    ),
    "SkyReelsV2Pipeline": Row(
        parts(sky, wan_vae, UNIPC, umt5), {**LONG, **EMBEDS, "prompt": None, "height": 16, "width": 16, "num_frames": 5}
    ),
    "SkyReelsV2DiffusionForcingPipeline": Row(
        parts(sky, wan_vae, UNIPC, umt5),
        {**LONG, **EMBEDS, "prompt": None, "height": 16, "width": 16, "num_frames": 5, "base_num_frames": 5},
    ),
    # Of itself this class decodes in tiles alone.
    "AllegroPipeline": Row(
        parts(allegro, allegro_vae, diffusers.DDIMScheduler),
        {**LONG, "height": 16, "width": 16, "num_frames": 8, "clean_caption": False, "output_type": "latent"},
    ),
    "StableVideoDiffusionPipeline": Row(
        svd,
        {
            "image": picture(3, 32),
            "num_frames": 2,
            "num_inference_steps": 2,
            "height": 32,
            "width": 32,
            "output_type": "pt",
        },
    ),
}
