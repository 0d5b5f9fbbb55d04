"""FLUX.1 with true guidance around the strength that it is told, and the same image as a beginning: `python examples/flux.py [folder]` writes
flux.png, with text to image, image to image and inpainting.

Without the folder of a repository (such as a copy of FLUX.1 dev) a tiny transformer with random weights paints, from made-up embeddings.
"""

import sys

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxTransformer2DModel
from PIL import Image

from brickwork import (
    ClassifierFreeGuidance,
    EmbeddedGuidance,
    ModularPipeline,
    SequentialPipelineBlocks,
    make_image_grid,
)
from brickwork.presets.flux import AUTO_BLOCKS

if len(sys.argv) > 1:
    pipe = ModularPipeline.from_pretrained(sys.argv[1], task="auto")
    pipe.load_components(dtype=torch.bfloat16)
    given = {"prompt": "a lighthouse at dusk", "negative_prompt": "people", "height": 1024, "width": 1024}
else:
    torch.manual_seed(0)
    blocks = {name: block for name, block in AUTO_BLOCKS.items() if name not in ("text_encoder", "ip_adapter")}
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline()
    pipe.update_components(
        transformer=FluxTransformer2DModel(
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            pooled_projection_dim=32,
            guidance_embeds=True,
            axes_dims_rope=(4, 4, 8),
        ),
        vae=AutoencoderKL(
            latent_channels=4,
            block_out_channels=(32, 32),
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            shift_factor=0.1,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
    )
    given = {"height": 64, "width": 96}
    for sign in ("", "negative_"):
        given[f"{sign}prompt_embeds"] = torch.randn(1, 8, 32)
        given[f"{sign}pooled_prompt_embeds"] = torch.randn(1, 32)

pipe.update_components(guider=EmbeddedGuidance(guidance_scale=3.5, guider=ClassifierFreeGuidance(guidance_scale=2.0)))
settings = {**given, "num_inference_steps": 8, "output": "images"}
drawn = pipe(**settings, seed=1)[0]
again = pipe(**settings, seed=2, image=drawn, strength=0.5)[0]
mask = Image.new("L", drawn.size, 0)
mask.paste(255, (drawn.width // 2, 0, *drawn.size))
half = pipe(**settings, seed=2, image=drawn, mask_image=mask, strength=0.9)[0]
make_image_grid([drawn, again, half], 1, 3, labels=["text to image", "image to image", "inpainting"]).save("flux.png")
