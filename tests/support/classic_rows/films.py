"""Videos of families that have no preset, and of what was made of Wan, HunyuanVideo, LTX and CogVideoX."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import diffusers
import torch
import transformers
from coarse_images import picture

from classic_rows import language, sd
from classic_rows.language import GEMMA2, WIDTH, film_vae, hunyuan_video, two_encoders, words
from classic_rows.row import Parts, Row
from classic_rows.sd import ddim
from classic_rows.t5 import FLOW, parts, umt5
from classic_rows.video import ANIMATED, EMBEDS, FILM, LONG, UNIPC, cog_vae, ltx_vae, motion, wan, wan_vae

TINY = {**LONG, **EMBEDS, "prompt": None, "height": 16, "width": 16}
"""Of a text these classes would ask for ftfy, without a look at whether that is installed."""
FACES = [picture(seed, 16) for seed in range(5)]


def eye(cls: str = "CLIPVisionModel", width: int = 4) -> Any:
    config = transformers.CLIPVisionConfig(
        hidden_size=width, projection_dim=width, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=8
    )  # fmt: skip
    return getattr(transformers, cls)(config).eval()


def seeing(cls: str = "CLIPVisionModel") -> dict[str, Any]:
    torch.manual_seed(3)
    return {
        **umt5(),
        "image_encoder": eye(cls),
        "image_processor": transformers.CLIPImageProcessor(size=32, crop_size=32),
    }


def sky(**changes: Any) -> Any:
    return wan("SkyReelsV2Transformer3DModel", **changes)


def animated() -> Any:
    return wan(
        "WanAnimateTransformer3DModel", in_channels=36, latent_channels=16, image_dim=4, motion_encoder_channel_sizes={"4": 16, "8": 16, "16": 16},
        motion_encoder_size=16, motion_style_dim=8, motion_dim=4, motion_encoder_dim=16, face_encoder_hidden_dim=16, face_encoder_num_heads=2,
        inject_face_latents_blocks=2,
    )  # fmt: skip


def flowing(cls: str = "AnyFlowTransformer3DModel", **changes: Any) -> Any:
    return wan(cls, gate_value=0.25, deltatime_type="r", **changes)


MAP = partial(diffusers.FlowMapEulerDiscreteScheduler, num_train_timesteps=1000, shift=5.0)


@cache
def larger() -> dict[str, Any]:
    torch.manual_seed(0)
    made = diffusers.pipelines.ltx.modeling_latent_upsampler.LTXLatentUpsamplerModel(
        in_channels=8, mid_channels=32, num_blocks_per_stage=1, dims=3, spatial_upsample=True, temporal_upsample=False
    )
    return {"vae": ltx_vae(), "latent_upsampler": made.eval()}


def sparse() -> Any:
    torch.manual_seed(3)
    return language.some_weight(
        diffusers.SparseControlNetModel(
            block_out_channels=(16, 32), layers_per_block=1, in_channels=4, conditioning_channels=4, cross_attention_dim=16, norm_num_groups=4,
            down_block_types=("DownBlockMotion", "CrossAttnDownBlockMotion"), attention_head_dim=(2, 4), motion_max_seq_length=8,
        )
    )  # fmt: skip


def known_face() -> Any:
    return diffusers.ConsisIDTransformer3DModel(
        num_attention_heads=2, attention_head_dim=16, in_channels=8, out_channels=4, time_embed_dim=2, text_embed_dim=32, num_layers=1,
        sample_width=2, sample_height=2, sample_frames=9, patch_size=2, max_text_seq_length=32, use_rotary_positional_embeddings=True,
        use_learned_positional_embeddings=True, cross_attn_interval=1, is_train_face=True, cross_attn_dim_head=1, cross_attn_num_heads=1,
        LFE_id_dim=2, LFE_vit_dim=2, LFE_depth=5, LFE_dim_head=8, LFE_num_heads=2, LFE_num_id_token=1, LFE_num_querie=1, LFE_output_dim=21,
        LFE_ff_mult=1, LFE_num_scale=1,
    )  # fmt: skip


@cache
def watching() -> Mapping[str, Any]:
    torch.manual_seed(4)
    seen = transformers.SiglipVisionConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=8
    )
    return {
        **two_encoders(),
        "image_encoder": transformers.SiglipVisionModel(seen).eval(),
        "feature_extractor": transformers.SiglipImageProcessor(size={"height": 32, "width": 32}),
    }


def sana_video() -> Any:
    return diffusers.SanaVideoTransformer3DModel(
        in_channels=16, out_channels=16, num_attention_heads=2, attention_head_dim=12, num_layers=2, num_cross_attention_heads=2,
        cross_attention_head_dim=12, cross_attention_dim=24, caption_channels=WIDTH, mlp_ratio=2.5, sample_size=8, patch_size=(1, 2, 2),
        qk_norm="rms_norm_across_heads", rope_max_seq_len=32,
    )  # fmt: skip


@cache
def magvit() -> Any:
    torch.manual_seed(0)
    blocks = ("SpatialDownBlock3D", *("SpatialTemporalDownBlock3D",) * 3)
    return diffusers.AutoencoderKLMagvit(
        down_block_types=blocks, up_block_types=tuple(each.replace("Down", "Up") for each in blocks), block_out_channels=(8, 8, 8, 8),
        latent_channels=4, layers_per_block=1, norm_num_groups=2, spatial_group_norm=False,
    ).eval()  # fmt: skip


def easy(channels: int = 4) -> Any:
    return diffusers.EasyAnimateTransformer3DModel(
        num_attention_heads=2, attention_head_dim=16, in_channels=channels, out_channels=4, time_embed_dim=2, text_embed_dim=WIDTH, num_layers=1,
        sample_width=16, sample_height=16, patch_size=2,
    )  # fmt: skip


def two_languages() -> Parts:
    """Qwen2-VL and its tokenizer."""
    text = {
        **language.SMALL,
        "vocab_size": len(words()),
        "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2]},
    }
    seen = {"depth": 1, "embed_dim": 16, "hidden_size": WIDTH, "num_heads": 2}

    @cache
    def made() -> Mapping[str, Any]:
        torch.manual_seed(0)
        config = transformers.Qwen2VLConfig(text_config=text, vision_config=seen)
        return {"text_encoder": transformers.Qwen2VLForConditionalGeneration(config).eval(), "tokenizer": words(64)}

    return made


QWEN2 = two_languages()


def i2vgen() -> Any:
    return diffusers.I2VGenXLUNet(
        block_out_channels=(8, 16), layers_per_block=1, sample_size=8, in_channels=4, out_channels=4, cross_attention_dim=16, attention_head_dim=4,
        down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"), up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"), norm_num_groups=4,
    ).eval()  # fmt: skip


def masked_motion() -> Any:
    torch.manual_seed(4)
    return diffusers.MotionAdapter(
        block_out_channels=(16, 32),
        motion_layers_per_block=1,
        motion_norm_num_groups=4,
        motion_num_attention_heads=2,
        conv_in_channels=9,
    )


def moved() -> Any:
    # Ready made: of a plain UNet the class makes one with draws of its own, which come at another time where it is adopted.
    return diffusers.UNetMotionModel.from_unet2d(sd.plain()["unet"], motion()).eval()


SEES = {
    "image_encoder": partial(eye, "CLIPVisionModelWithProjection", 16),
    "feature_extractor": partial(transformers.CLIPImageProcessor, size=32, crop_size=32),
}
MOTIF = {"prompt": "a cat", "prompt_embeds": None, "negative_prompt_embeds": None}


def helios() -> Any:
    return diffusers.HeliosTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=16, out_channels=16, text_dim=32, freq_dim=32, ffn_dim=32,
        num_layers=2, cross_attn_norm=True, rope_dim=(4, 4, 4), has_multi_term_memory_patch=True, guidance_cross_attn=True,
        zero_history_timestep=True, is_amplify_history=False,
    )  # fmt: skip


def motif() -> Any:
    return diffusers.MotifVideoTransformer3DModel(
        in_channels=33, out_channels=16, num_attention_heads=2, attention_head_dim=12, num_layers=1, num_single_layers=1, patch_size=1,
        patch_size_t=1, text_embed_dim=32, rope_axes_dim=(4, 4, 4),
    )  # fmt: skip


@cache
def motif_reader() -> Mapping[str, Any]:
    torch.manual_seed(0)
    own = transformers.models.t5gemma2
    text = own.configuration_t5gemma2.T5Gemma2TextConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, vocab_size=len(words()), max_position_embeddings=128, head_dim=16,
        num_key_value_heads=2, dropout_rate=0.0,
    )  # fmt: skip
    config = own.configuration_t5gemma2.T5Gemma2EncoderConfig(text_config=text)
    return {
        "text_encoder": own.modeling_t5gemma2.T5Gemma2Encoder(config).eval(),
        "tokenizer": words(),
        "guider": diffusers.guiders.AdaptiveProjectedGuidance(),
    }


MOVING = torch.rand(1, 3, 5, 16, 16, generator=torch.Generator().manual_seed(3))
EASY = {
    "prompt": "a cat",
    "negative_prompt": "blue",
    "num_inference_steps": 2,
    "height": 16,
    "width": 16,
    "num_frames": 5,
    "output_type": "pt",
}
SHIFTED = {"prompt_template": {"template": "{}", "crop_start": 0}, "max_sequence_length": 16}
HUNYUAN = {**EASY, **SHIFTED, "image": picture(3, 16)}
SANA = {
    "prompt": "a cat", "num_inference_steps": 2, "height": 32, "width": 32, "frames": 9, "max_sequence_length": 16, "output_type": "pt",
    "complex_human_instruction": [], "use_resolution_binning": False,
}  # fmt: skip

ROWS = {
    "SkyReelsV2ImageToVideoPipeline": Row(
        parts(partial(sky, in_channels=36, image_dim=4), wan_vae, UNIPC, partial(seeing, "CLIPVisionModelWithProjection")),
        {**TINY, "image": picture(3, 16), "num_frames": 5},
    ),
    "SkyReelsV2DiffusionForcingImageToVideoPipeline": Row(
        parts(sky, wan_vae, UNIPC, umt5), {**TINY, "image": picture(3, 16), "num_frames": 5, "base_num_frames": 5}
    ),
    "SkyReelsV2DiffusionForcingVideoToVideoPipeline": Row(
        parts(sky, wan_vae, UNIPC, umt5),
        {**TINY, "video": FILM[:5], "num_frames": 9, "base_num_frames": 5, "overlap_history": 3, "num_inference_steps": 4},
    ),
    "WanAnimatePipeline": Row(
        parts(animated, wan_vae, partial(diffusers.UniPCMultistepScheduler, flow_shift=3.0, use_flow_sigmas=True), seeing),
        {**TINY, "image": picture(3, 16), "pose_video": FACES, "face_video": FACES, "segment_frame_length": 5},
    ),
    "AnyFlowPipeline": Row(parts(flowing, wan_vae, MAP, umt5), {**TINY, "num_frames": 5}),
    "AnyFlowFARPipeline": Row(
        parts(
            partial(flowing, "AnyFlowFARTransformer3DModel", compressed_patch_size=(1, 4, 4), full_chunk_limit=3, chunk_partition=(1, 1, 1)),
            wan_vae, MAP, umt5,
        ),
        {**TINY, "guidance_scale": 6.0, "num_frames": 9},
    ),
    "ChronoEditPipeline": Row(
        parts(partial(wan, "ChronoEditTransformer3DModel", in_channels=36, image_dim=4), wan_vae, FLOW, seeing),
        {**TINY, "image": picture(3, 16), "num_frames": 5},
    ),
    "LucyEditPipeline": Row(
        parts(partial(wan, in_channels=32), wan_vae, FLOW, umt5), {**TINY, "video": FACES, "num_frames": 5}
    ),
    "HeliosPipeline": Row(
        parts(helios, wan_vae, partial(diffusers.HeliosScheduler, stage_range=[0, 1], stages=1, use_dynamic_shifting=True), umt5),
        {**TINY, "num_frames": 9},
    ),
    "MotifVideoPipeline": Row(parts(motif, wan_vae, FLOW, motif_reader), {**TINY, **MOTIF, "num_frames": 5}),
    "LTXLatentUpsamplePipeline": Row(larger, {"video": FILM[:5], "height": 16, "width": 16, "output_type": "pt"}),
    "AnimateDiffSparseControlNetPipeline": Row(
        sd.parts(unet=moved, controlnet=sparse, motion_adapter=motion, scheduler=ddim),
        {**ANIMATED, "conditioning_frames": [picture(4)], "controlnet_frame_indices": [0]},
    ),
    "I2VGenXLPipeline": Row(
        sd.parts(unet=i2vgen, scheduler=ddim, **SEES), {**ANIMATED, "image": picture(3), "clip_skip": None}
    ),
    "PIAPipeline": Row(sd.parts(motion_adapter=masked_motion, scheduler=ddim), {**ANIMATED, "image": picture(3)}),
    "ConsisIDPipeline": Row(
        parts(known_face, cog_vae, diffusers.CogVideoXDPMScheduler),
        {**LONG, "image": picture(3, 16), "height": 16, "width": 16, "num_frames": 8,
            "id_vit_hidden": [torch.ones(1, 2, 2)], "id_cond": torch.ones(1, 2)},
    ),
    "HunyuanSkyreelsImageToVideoPipeline": Row(
        parts(partial(hunyuan_video, in_channels=8), film_vae, FLOW, two_encoders), HUNYUAN
    ),
    "HunyuanVideoFramepackPipeline": Row(
        parts(
            partial(
                hunyuan_video, "HunyuanVideoFramepackTransformer3DModel", patch_size=2, image_condition_type=None, has_image_proj=True,
                image_proj_dim=16, has_clean_x_embedder=True,
            ),
            film_vae, FLOW, watching,
        ),
        {**HUNYUAN, "image": picture(3, 32), "height": 32, "width": 32, "latent_window_size": 3},
    ),
    "SanaVideoPipeline": Row(parts(sana_video, wan_vae, diffusers.DPMSolverMultistepScheduler, GEMMA2), SANA),
    "SanaImageToVideoPipeline": Row(parts(sana_video, wan_vae, FLOW, GEMMA2), {**SANA, "image": picture(3, 32)}),
    "EasyAnimatePipeline": Row(parts(easy, magvit, FLOW, QWEN2), EASY),
    "EasyAnimateInpaintPipeline": Row(
        parts(partial(easy, 9), magvit, FLOW, QWEN2),
        {**EASY, "video": MOVING, "mask_video": 255.0 * torch.ones(1, 1, 5, 16, 16)},
    ),
}  # fmt: skip
