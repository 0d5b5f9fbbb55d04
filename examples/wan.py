"""Videos: one from embeddings of a text, one more from its frames, each as a file that moves, wan.gif and again.gif, and the frames of both in
wan.png.

The networks are tiny and have random weights, so that this runs offline, and without a text encoder; with real ones,
`ModularPipeline.from_pretrained("Wan-AI/Wan2.1-T2V-1.3B-Diffusers")` opens them, and reads `prompt=`. Names that end with .mp4 are
written by PyAV: pip install 'brickwork[video]'.
"""

import diffusers
import torch

import brickwork
from brickwork import SequentialPipelineBlocks
from brickwork.presets.wan import TEXT2VIDEO_BLOCKS, VIDEO2VIDEO_BLOCKS

torch.manual_seed(0)
transformer = diffusers.WanTransformer3DModel(
    num_attention_heads=2,
    attention_head_dim=12,
    in_channels=4,
    out_channels=4,
    text_dim=32,
    freq_dim=16,
    ffn_dim=16,
    num_layers=1,
    rope_max_seq_len=32,
)
vae = diffusers.AutoencoderKLWan(
    base_dim=3,
    z_dim=4,
    dim_mult=[1, 1, 1, 1],
    num_res_blocks=1,
    temperal_downsample=[False, True, True],
    latents_mean=[0.0] * 4,
    latents_std=[1.0] * 4,
)
scheduler = diffusers.UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
text = {"prompt_embeds": torch.randn(1, 8, 32), "negative_prompt_embeds": torch.zeros(1, 8, 32)}
settings = {**text, "height": 32, "width": 48, "num_inference_steps": 4, "seed": 3}
pipes = []
for blocks in (TEXT2VIDEO_BLOCKS, VIDEO2VIDEO_BLOCKS):
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline()
    pipe.update_components(transformer=transformer.eval(), vae=vae.eval(), scheduler=scheduler)
    pipes.append(pipe)
first = pipes[0](**settings, num_frames=9)
brickwork.export_to_video(first.videos[0], "wan.gif", first.frame_rate)
again = pipes[1](**settings, video=first.videos[0], strength=0.5)
brickwork.export_to_video(again.videos[0], "again.gif", again.frame_rate)
frames = [*first.videos[0], *again.videos[0]]
brickwork.make_image_grid(frames, 2, len(first.videos[0]), resize=64).save("wan.png")
