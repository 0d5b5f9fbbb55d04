"""Stable Diffusion 3 without its T5: text to image, the same image begun from halfway, its half drawn anew, and one that it steers, into sd3.png.

The networks are tiny and have random weights, so that this runs offline; with real ones,
`ModularPipeline.from_pretrained("stabilityai/stable-diffusion-3.5-medium")` opens them, and `text_encoder_3` may be None there, too.
"""

import diffusers
import torch
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

import brickwork
from brickwork.presets.sd3 import SD3AutoBlocks

torch.manual_seed(0)
SIZES = {
    "sample_size": 16,
    "attention_head_dim": 8,
    "num_attention_heads": 4,
    "caption_projection_dim": 32,
    "joint_attention_dim": 32,
    "pooled_projection_dim": 32,
}
# The embedded model has tokenizers of its own, which serve here.
base = brickwork.embedded()
tokenizer = base.components["tokenizer"]
text = CLIPTextConfig(
    vocab_size=len(tokenizer),
    hidden_size=16,
    intermediate_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    projection_dim=16,
    eos_token_id=tokenizer.eos_token_id,
)
components = {
    "tokenizer": tokenizer,
    "tokenizer_2": tokenizer,
    "text_encoder": CLIPTextModelWithProjection(text).eval(),
    "text_encoder_2": CLIPTextModelWithProjection(text).eval(),
    "tokenizer_3": None,
    "text_encoder_3": None,
    "transformer": diffusers.SD3Transformer2DModel(num_layers=2, **SIZES).eval(),
    "controlnet": diffusers.SD3ControlNetModel(num_layers=1, **SIZES).eval(),
    "vae": diffusers.AutoencoderKL(
        block_out_channels=(8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        norm_num_groups=4,
        latent_channels=16,
        shift_factor=0.06,
    ).eval(),
    "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
}
# A new net steers nothing: its last layers are zeros until it is trained.
for layer in components["controlnet"].controlnet_blocks:
    torch.nn.init.normal_(layer.weight)
pipe = SD3AutoBlocks().init_pipeline()
pipe.update_components(**components)
settings = {"num_inference_steps": 8, "seed": 3, "height": 64, "width": 64, "output": "images"}
first = pipe("a red circle", negative_prompt="blue", **settings)[0]
second = pipe("a red circle", image=first, strength=0.5, **settings)[0]
half = Image.new("L", first.size, 0)
half.paste(255, (32, 0, 64, 64))
third = pipe("a blue square", image=first, mask_image=half, **settings)[0]
fourth = pipe("a red circle", control_image=first, controlnet_conditioning_scale=0.7, **settings)[0]
pictures = [first, second, third, fourth]
labels = ["from noise", "from the image", "half of it", "steered by it"]
brickwork.make_image_grid(pictures, 1, 4, resize=128, labels=labels).save("sd3.png")
