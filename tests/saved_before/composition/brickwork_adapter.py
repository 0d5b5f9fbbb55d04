"""Made by brickwork: lets diffusers run the blocks of this repository, with brickwork installed."""

import json

from brickwork.blocks.in_diffusers import blocks_for_diffusers

from .own_blocks import __name__ as file_0
from .own_blocks import Brighter as block_0

CLASSES = {
    './own_blocks.py:Brighter': block_0,
}
DATA = json.loads("{\"composition\": {\"block\": \"SequentialPipelineBlocks\", \"blocks\": {\"text_encoder\": {\"block\": \"EncodePrompt\", \"family\": \"stable-diffusion-xl\", \"blocks\": {\"positive\": {\"block\": \"PositivePrompt\", \"family\": \"stable-diffusion-xl\", \"blocks\": {\"given\": {\"block\": \"TakePromptEmbeds\", \"family\": \"stable-diffusion-xl\"}, \"encode\": {\"block\": \"EncodePositivePrompt\", \"family\": \"stable-diffusion-xl\"}}}, \"negative\": {\"block\": \"NegativePrompt\", \"family\": \"stable-diffusion-xl\", \"blocks\": {\"given\": {\"block\": \"TakeNegativeEmbeds\", \"family\": \"stable-diffusion-xl\"}, \"encode\": {\"block\": \"EncodeNegativePrompt\", \"family\": \"stable-diffusion-xl\"}}}}}, \"input\": {\"block\": \"ExpandBatch\", \"family\": \"stable-diffusion-xl\"}, \"set_timesteps\": {\"block\": \"SetTimesteps\", \"family\": \"stable-diffusion-xl\"}, \"prepare_latents\": {\"block\": \"PrepareLatents\", \"family\": \"stable-diffusion-xl\"}, \"prepare_add_cond\": {\"block\": \"PrepareSizeConditioning\", \"family\": \"stable-diffusion-xl\"}, \"denoise\": {\"block\": \"Denoise\", \"family\": \"stable-diffusion-xl\", \"blocks\": {\"before_denoiser\": {\"block\": \"ScaleLatents\", \"family\": \"stable-diffusion-xl\"}, \"denoiser\": {\"block\": \"PredictNoise\", \"family\": \"stable-diffusion-xl\"}, \"after_denoiser\": {\"block\": \"StepScheduler\", \"family\": \"stable-diffusion-xl\"}}}, \"decode\": {\"block\": \"Decode\", \"family\": \"stable-diffusion-xl\"}, \"brighter\": {\"block\": \"./own_blocks.py:Brighter\", \"options\": {\"by\": 1.25}}}}, \"created\": {}}")
BrickworkBlocks = blocks_for_diffusers(DATA["composition"], DATA["created"], CLASSES, __name__)
