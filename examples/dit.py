"""A diffusion transformer that is told a class: two classes, and one with weaker guidance, into dit.png.

The networks are tiny and have random weights, so that this runs offline; with real ones,
`ModularPipeline.from_pretrained("facebook/DiT-XL-2-256")` opens them.
"""

import diffusers
import torch

import brickwork
from brickwork import AdaptiveProjectedGuidance, SequentialPipelineBlocks
from brickwork.presets.dit import CLASS2IMAGE_BLOCKS

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
pipe = SequentialPipelineBlocks.from_blocks_dict(CLASS2IMAGE_BLOCKS).init_pipeline()
pipe.update_components(transformer=transformer.eval(), vae=vae.eval(), scheduler=diffusers.DDIMScheduler())
settings = {"num_inference_steps": 10, "seed": 3, "output": "images"}
images = pipe([207, 980], guidance_scale=4.0, **settings)
# Guiders work on every family: this is one that diffusers' pipeline has not.
images += pipe([207], guider=AdaptiveProjectedGuidance(guidance_scale=4.0), **settings)
brickwork.make_image_grid(images, 1, 3, resize=128, labels=["class 207", "class 980", "projected"]).save("dit.png")
