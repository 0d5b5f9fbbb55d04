"""What was made of Stable Diffusion, and other pipelines that diffusers keeps as deprecated, or nearly so."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import diffusers
import torch
from coarse_images import half_mask, picture
from tiny_adapters import image_encoder
from tiny_sd import unet
from transformers import BertConfig, BertModel, BertTokenizer, CLIPImageProcessor, CLIPTextModelWithProjection

from classic_rows import sd, sdxl
from classic_rows.row import Row
from classic_rows.sd import TEXT, ddim
from classic_rows.t5 import encoder, four_channels
from classic_rows.video import FILM, motion
from tiny_sdxl import text_config, tokenizer


def unet3d() -> Any:
    return diffusers.UNet3DConditionModel(
        block_out_channels=(16, 32), norm_num_groups=8, layers_per_block=1, cross_attention_dim=16, attention_head_dim=4, sample_size=8,
        down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"), up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
    ).eval()  # fmt: skip


def six_colours() -> Any:
    """A VAE of images with a depth beside them."""
    return diffusers.AutoencoderKL(
        in_channels=6, out_channels=6, block_out_channels=(8, 8, 8, 16), down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, norm_num_groups=4, latent_channels=4,
    ).eval()  # fmt: skip


@cache
def amused() -> dict[str, Any]:
    torch.manual_seed(0)
    words = tokenizer("!", length=77)
    network = diffusers.UVit2DModel(
        hidden_size=8, use_bias=False, hidden_dropout=0.0, cond_embed_dim=8, micro_cond_encode_dim=2, micro_cond_embed_dim=10,
        encoder_hidden_size=8, vocab_size=32, codebook_size=32, in_channels=8, block_out_channels=8, num_res_blocks=1, downsample=True,
        upsample=True, block_num_heads=1, num_hidden_layers=1, num_attention_heads=1, attention_dropout=0.0, intermediate_size=8,
    )  # fmt: skip
    vqvae = diffusers.VQModel(
        block_out_channels=(8, 8), down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=8,
        layers_per_block=1, norm_num_groups=8, num_vq_embeddings=32, mid_block_add_attention=False, lookup_from_codebook=True,
    )  # fmt: skip
    text = CLIPTextModelWithProjection(text_config(8, len(words), length=77))
    steps = diffusers.AmusedScheduler(mask_token_id=31)
    return {
        "transformer": network.eval(),
        "vqvae": vqvae.eval(),
        "text_encoder": text.eval(),
        "tokenizer": words,
        "scheduler": steps,
    }


@cache
def hunyuan() -> dict[str, Any]:
    torch.manual_seed(0)
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *(chr(letter) for letter in range(97, 123)),
        *(f"##{chr(letter)}" for letter in range(97, 123)),
    ]
    bert = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    network = diffusers.HunyuanDiT2DModel(
        sample_size=8, num_layers=2, patch_size=2, attention_head_dim=8, num_attention_heads=3, in_channels=4, cross_attention_dim=16,
        cross_attention_dim_t5=32, pooled_projection_dim=16, hidden_size=24,
    )  # fmt: skip
    t5 = {f"{name}_2": part for name, part in encoder().items()}
    known = {
        "tokenizer": BertTokenizer(vocab={word: number for number, word in enumerate(words)}),
        "text_encoder": BertModel(bert).eval(),
    }
    return {
        **known,
        **t5,
        "transformer": network.eval(),
        "vae": four_channels(),
        "scheduler": diffusers.DDPMScheduler(),
    }


def seen(channels: int = 4) -> Any:
    """Parts of Marigold: a denoiser that reads an image beside what it finds in it."""
    return sd.parts(unet=partial(unet, in_channels=4 + channels, out_channels=channels), scheduler=ddim)


def moving() -> Any:
    # Ready made: of a plain UNet the class makes one whose embedding of sizes it leaves at chance.
    torch.manual_seed(3)
    return diffusers.UNetMotionModel.from_unet2d(sdxl.plain()["unet"], motion()).eval()


FROM = {"prompt": "a cat", "image": picture(3, 16), "num_inference_steps": 2, "output_type": "np"}
FOUND = {"image": picture(3), "num_inference_steps": 1, "processing_resolution": 0}
DRAWN = {"prompt": "a cat", "num_inference_steps": 2, "output_type": "np"}


@cache
def hunyuan_control() -> dict[str, Any]:
    torch.manual_seed(3)
    made = diffusers.HunyuanDiT2DControlNetModel(
        sample_size=8, transformer_num_layers=2, patch_size=2, attention_head_dim=8, num_attention_heads=3, in_channels=4,
        cross_attention_dim=16, cross_attention_dim_t5=32, pooled_projection_dim=16, hidden_size=24,
    )  # fmt: skip
    return {**hunyuan(), "controlnet": made.eval()}


def noised() -> Any:
    from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import StableUnCLIPImageNormalizer

    return sd.parts(
        unet=partial(unet, class_embed_type="projection", projection_class_embeddings_input_dim=48),
        image_encoder=image_encoder,
        feature_extractor=partial(CLIPImageProcessor, size=32, crop_size=32),
        image_normalizer=partial(StableUnCLIPImageNormalizer, embedding_dim=24),
        image_noising_scheduler=partial(diffusers.DDPMScheduler, beta_schedule="squaredcos_cap_v2"),
    )


def large() -> Any:
    """A UNet whose attention looks at named boxes, too."""
    return unet(attention_type="gated", attention_head_dim=4)


ROWS = {
    "HunyuanDiTControlNetPipeline": Row(
        hunyuan_control, {**TEXT, "use_resolution_binning": False, "control_image": picture(4)}, sd.NO_CHECK
    ),
    "StableUnCLIPImg2ImgPipeline": Row(noised(), {**TEXT, "image": picture(3, 32)}),
    "StableDiffusionGLIGENPipeline": Row(
        sd.parts(unet=large), {**TEXT, "gligen_phrases": ["a cat"], "gligen_boxes": [[0.1, 0.2, 0.5, 0.6]]}, sd.NO_CHECK
    ),
    "TextToVideoZeroSDXLPipeline": Row(
        sdxl.parts(scheduler=ddim),
        {**DRAWN, "num_inference_steps": 4, "video_length": 2, "t0": 1, "t1": 2, "height": 64, "width": 64},
        sdxl.NO_MARK,
    ),
    "StableDiffusionImageVariationPipeline": Row(
        sd.parts(
            unet=partial(unet, cross_attention_dim=24),
            image_encoder=image_encoder,
            feature_extractor=partial(CLIPImageProcessor, size=32, crop_size=32),
        ),
        {"image": picture(3, 32), "num_inference_steps": 2, "height": 64, "width": 64, "output_type": "np"},
        sd.NO_CHECK,
    ),
    "TextToVideoSDPipeline": Row(sd.parts(unet=unet3d), {**TEXT, "num_frames": 2}),
    "VideoToVideoSDPipeline": Row(
        sd.parts(unet=unet3d), {**DRAWN, "video": FILM[:2], "num_inference_steps": 4, "strength": 0.6}
    ),
    "TextToVideoZeroPipeline": Row(
        sd.parts(scheduler=ddim),
        {**DRAWN, "num_inference_steps": 4, "video_length": 2, "t0": 1, "t1": 2, "height": 64, "width": 64},
        sd.NO_CHECK,
    ),
    "StableDiffusionLDM3DPipeline": Row(sd.parts(vae=six_colours), TEXT, sd.NO_CHECK),
    "AnimateDiffSDXLPipeline": Row(
        sdxl.parts(unet=moving, motion_adapter=motion, scheduler=ddim), {**TEXT, "num_frames": 2, "output_type": "pt"}
    ),
    "AmusedPipeline": Row(amused, {**DRAWN, "height": 16, "width": 16}),
    "AmusedImg2ImgPipeline": Row(amused, FROM),
    "AmusedInpaintPipeline": Row(amused, {**FROM, "mask_image": half_mask(16)}),
    "HunyuanDiTPipeline": Row(hunyuan, {**TEXT, "use_resolution_binning": False}, sd.NO_CHECK),
    "HunyuanDiTPAGPipeline": Row(
        hunyuan, {**TEXT, "use_resolution_binning": False}, {**sd.NO_CHECK, "pag_applied_layers": "blocks.1"}
    ),
    "MarigoldDepthPipeline": Row(seen(), FOUND, {"prediction_type": "depth"}),
    "MarigoldNormalsPipeline": Row(seen(), FOUND, {"prediction_type": "normals"}),
    "MarigoldIntrinsicsPipeline": Row(
        seen(8),
        FOUND,
        {
            "prediction_type": "intrinsics",
            "target_properties": {
                "target_names": ["a", "b"],
                "a": {"prediction_space": "srgb"},
                "b": {"prediction_space": "linear"},
            },
        },
    ),
}
