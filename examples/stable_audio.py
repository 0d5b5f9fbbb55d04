"""Sound: one from embeddings of a text, bird.wav, and one more that begins from it, again.flac. stable_audio.png shows both.

The networks are tiny and have random weights, so that this runs offline, and without a text encoder; with real ones,
`ModularPipeline.from_pretrained("stabilityai/stable-audio-open-1.0")` opens them, and reads `prompt=`. Files of sound are written by
soundfile: pip install 'brickwork[audio]'.
"""

import diffusers
import torch
from diffusers.pipelines.stable_audio import StableAudioProjectionModel
from PIL import Image, ImageDraw

import brickwork
from brickwork import SequentialPipelineBlocks
from brickwork.presets.stable_audio import AUDIO2AUDIO_BLOCKS, TEXT2AUDIO_BLOCKS

torch.manual_seed(0)
transformer = diffusers.StableAudioDiTModel(
    sample_size=32,
    in_channels=4,
    out_channels=4,
    num_layers=2,
    attention_head_dim=8,
    num_attention_heads=2,
    num_key_value_attention_heads=2,
    cross_attention_dim=8,
    cross_attention_input_dim=8,
    global_states_input_dim=16,
    time_proj_dim=8,
)
vae = diffusers.AutoencoderOobleck(
    encoder_hidden_size=8,
    downsampling_ratios=[8, 8],
    channel_multiples=[1, 2],
    decoder_channels=4,
    decoder_input_channels=4,
    sampling_rate=1024,
)
projection = StableAudioProjectionModel(text_encoder_dim=32, conditioning_dim=8, min_value=0, max_value=32)
scheduler = diffusers.EDMDPMSolverMultistepScheduler(
    sigma_min=0.3, sigma_max=500, sigma_data=1.0, prediction_type="v_prediction", sigma_schedule="exponential"
)
text = {"prompt_embeds": torch.randn(1, 8, 32), "prompt_attention_mask": torch.ones(1, 8)}
text |= {"negative_prompt_embeds": torch.zeros(1, 8, 32), "negative_prompt_attention_mask": torch.zeros(1, 8)}
settings = {**text, "audio_end_in_s": 2.0, "num_inference_steps": 4, "seed": 3}
pipes = []
for blocks in (TEXT2AUDIO_BLOCKS, AUDIO2AUDIO_BLOCKS):
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline()
    pipe.update_components(
        transformer=transformer.eval(), vae=vae.eval(), projection_model=projection, scheduler=scheduler
    )
    pipes.append(pipe)
first = pipes[0](**settings)
brickwork.export_to_sound(first.audios[0], "bird.wav", first.sampling_rate)
waveform, rate = brickwork.load_sound("bird.wav")
again = pipes[1](**settings, audio=waveform, audio_sampling_rate=rate)
brickwork.export_to_sound(again.audios[0], "again.flac", again.sampling_rate)
image = Image.new("RGB", (512, 128), "white")
draw = ImageDraw.Draw(image)
for row, each in enumerate((first.audios[0, 0], again.audios[0, 0])):
    heights = 32 + 64 * row - 30 * each / each.abs().max()
    draw.line([(x, float(heights[x * len(heights) // 512])) for x in range(512)], fill="navy")
image.save("stable_audio.png")
