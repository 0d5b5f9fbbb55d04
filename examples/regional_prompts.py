"""A prompt for each half of the image: in every step the noise is predicted twice, and mixed by place. Into regional_prompts.png."""

import torch

import brickwork
from brickwork import Block, Outputs, Scope, SequentialPipelineBlocks
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS
from brickwork.state.vocabulary import NoisePrediction


class MixHalves(Block):
    """Take the left half of one prediction, and the right half of another."""

    class Out(Outputs):
        noise_pred: NoisePrediction

    def run(self, noise_pred: NoisePrediction, right_noise: NoisePrediction) -> Out:
        middle = noise_pred.shape[-1] // 2
        return self.Out(noise_pred=torch.cat([noise_pred[..., :middle], right_noise[..., middle:]], -1))


embeddings = {
    name: f"right_{name}"
    for name in (
        "prompt_embeds",
        "pooled_prompt_embeds",
        "negative_prompt_embeds",
        "negative_pooled_prompt_embeds",
    )
}
encode_right = Scope.from_blocks_dict(
    {name: TEXT2IMAGE_BLOCKS[name] for name in ("text_encoder", "input")},
    inputs={"prompt": "right_prompt"},
    outputs=embeddings,
)
# What guidance remembers is of each prompt by itself, and goes from step to step.
predict_right = Scope.from_blocks_dict(
    {"denoiser": SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)["denoise.denoiser"]},
    inputs={**embeddings, "guidance_memory": "right_memory"},
    outputs={"noise_pred": "right_noise", "guidance_memory": "right_memory"},
)
blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
blocks.insert_after("input", "right_text", encode_right)
blocks.insert_after("denoise.denoiser", "right", predict_right)
blocks.insert_after("denoise.right", "mix", MixHalves)

base = brickwork.embedded()
pipe = blocks.init_pipeline()
pipe.update_components(**{name: base.components[name] for name in base.pretrained_component_names})
pictures = [
    pipe(
        prompt="a red circle",
        right_prompt=right,
        num_inference_steps=16,
        guidance_scale=4.0,
        generator=torch.Generator().manual_seed(1),
        output="images",
    )[0]
    for right in ("a red circle", "a blue circle", "a green square")
]
labels = ["red and red", "red and blue", "circle and square"]
brickwork.make_image_grid(pictures, 1, 3, resize=192, labels=labels).save("regional_prompts.png")
