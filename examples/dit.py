"""A diffusion transformer that is told a class: two classes, other guidance, a variation of an image, and its half as another class, into dit.png.

The networks are tiny and have random weights, so that this runs offline; with real ones,
`ModularPipeline.from_pretrained("facebook/DiT-XL-2-256")` opens them.
"""

import diffusers
import torch
from PIL import Image

import brickwork
from brickwork import AdaptiveProjectedGuidance
from brickwork.presets.dit import DiTAutoBlocks

torch.manual_seed(0)
transformer = diffusers.DiTTransformer2DModel(
    num_attention_heads=2,
    attention_head_dim=8,
    in_channels=4,
    out_channels=8,
    num_layers=3,
    sample_size=16,
    num_embeds_ada_norm=1000,
    norm_num_groups=8,
)
vae = diffusers.AutoencoderKL(
    block_out_channels=(8, 8, 8),
    down_block_types=("DownEncoderBlock2D",) * 3,
    up_block_types=("UpDecoderBlock2D",) * 3,
    norm_num_groups=4,
)
pipe = DiTAutoBlocks().init_pipeline()
pipe.update_components(transformer=transformer.eval(), vae=vae.eval(), scheduler=diffusers.DDIMScheduler())
settings = {"num_inference_steps": 10, "seed": 3, "output": "images"}
images = pipe([207, 980], guidance_scale=4.0, **settings)
# Guiders work on every family: this is one that diffusers' pipeline has not.
images += pipe([207], guider=AdaptiveProjectedGuidance(guidance_scale=4.0), **settings)
images += pipe([207], image=images[0], strength=0.5, **settings)
mask = Image.new("L", images[0].size, 0)
mask.paste(255, (mask.width // 2, 0, *mask.size))
images += pipe([980], image=images[0], mask_image=mask, **settings)
labels = ["class 207", "class 980", "projected", "variation", "half is 980"]
brickwork.make_image_grid(images, 1, 5, resize=128, labels=labels).save("dit.png")
