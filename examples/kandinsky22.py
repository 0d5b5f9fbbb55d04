"""A prior that makes vectors of images of a text, and a decoder that draws what they say, in one composition with one plan: into kandinsky22.png.

The networks are tiny and have random weights, so that this runs offline; a repository of `KandinskyV22CombinedPipeline` is opened by
`brickwork.from_pretrained`.
"""

from __future__ import annotations

import diffusers
import torch
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, CLIPVisionConfig, CLIPVisionModelWithProjection

import brickwork
from brickwork import SequentialPipelineBlocks
from brickwork.presets.kandinsky22 import DECODER_BLOCKS, TEXT2IMAGE_BLOCKS

torch.manual_seed(0)
tokenizer = brickwork.embedded().components["tokenizer"]
size = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4}
words = {"vocab_size": len(tokenizer), "max_position_embeddings": 77, "projection_dim": 32}
simple = {
    "down_block_types": ("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
    "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
    "up_block_types": ("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
}
parts = {
    "prior_prior": diffusers.PriorTransformer(
        num_attention_heads=2,
        attention_head_dim=12,
        embedding_dim=32,
        num_layers=1,
        num_embeddings=tokenizer.model_max_length,
    ),
    "prior_text_encoder": CLIPTextModelWithProjection(CLIPTextConfig(**size, **words)),
    "prior_tokenizer": tokenizer,
    "prior_scheduler": diffusers.UnCLIPScheduler(prediction_type="sample", clip_sample_range=5.0),
    "prior_image_encoder": CLIPVisionModelWithProjection(
        CLIPVisionConfig(**size, projection_dim=32, image_size=32, patch_size=8)
    ),
    "unet": diffusers.UNet2DConditionModel(
        **simple,
        in_channels=4,
        out_channels=8,
        block_out_channels=(16, 32),
        layers_per_block=1,
        norm_num_groups=8,
        cross_attention_dim=16,
        attention_head_dim=4,
        addition_embed_type="image",
        encoder_hid_dim=32,
        encoder_hid_dim_type="image_proj",
        sample_size=8,
    ),
    "movq": diffusers.VQModel(
        block_out_channels=(32, 32, 32, 32),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4,
        latent_channels=4,
        num_vq_embeddings=12,
        vq_embed_dim=4,
        norm_type="spatial",
    ),
    "scheduler": diffusers.DDPMScheduler(),
}

pipe = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline()
pipe.update_components(**parts)
pipe.configure(progress=False)
asked = {"prompt": "a red circle", "prior_num_inference_steps": 3, "num_inference_steps": 3, "height": 64, "width": 64}
print(pipe.plan(asked))
found = pipe(**asked, seed=1, output=["images", "image_embeds"])
print(found["images"][0].size, list(found["image_embeds"].shape))

# The vectors are values, which can be kept, mixed and given to the decoder alone: here half of one prompt and half of another.
other = pipe(**{**asked, "prompt": "a blue square"}, seed=1, output=["image_embeds", "negative_image_embeds"])
decoder = SequentialPipelineBlocks.from_blocks_dict(DECODER_BLOCKS).init_pipeline()
decoder.update_components(**{name: parts[name] for name in ("unet", "movq", "scheduler")})
decoder.configure(progress=False)
mixed = decoder(
    image_embeds=(found["image_embeds"] + other["image_embeds"]) / 2,
    negative_image_embeds=other["negative_image_embeds"],
    height=64,
    width=64,
    num_inference_steps=3,
    seed=1,
    output="images",
)[0]
sheet = Image.new("RGB", (128, 64))
sheet.paste(found["images"][0], (0, 0))
sheet.paste(mixed, (64, 0))
sheet.save("kandinsky22.png")
