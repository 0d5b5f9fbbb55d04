"""A block between the text encoder and what reads its embeddings: blends two prompts. Into between_prompt_and_input.png."""

import brickwork
from brickwork import Block, Outputs
from brickwork.state.vocabulary import PooledPromptEmbeds, PromptEmbeds


class BlendPrompts(Block):
    """Move each prompt of a batch towards the next one, and the last towards the first."""

    class Out(Outputs):
        prompt_embeds: PromptEmbeds
        pooled_prompt_embeds: PooledPromptEmbeds

    def run(self, prompt_embeds: PromptEmbeds, pooled_prompt_embeds: PooledPromptEmbeds, blend: float = 0.0) -> Out:
        return self.Out(
            prompt_embeds=prompt_embeds.lerp(prompt_embeds.roll(-1, 0), blend),
            pooled_prompt_embeds=pooled_prompt_embeds.lerp(pooled_prompt_embeds.roll(-1, 0), blend),
        )


pipe = brickwork.embedded()
pipe.blocks.insert_after("text_encoder", "blend", BlendPrompts)
shares, pictures = [0.0, 0.25, 0.5, 0.75, 1.0], []
for share in shares:
    pictures += pipe(
        prompt=["a red circle", "a yellow star"],
        blend=share,
        num_inference_steps=16,
        guidance_scale=4.0,
        seed=[1, 1],
        output="images",
    )[:1]
labels = [f"blend {share}" for share in shares]
brickwork.make_image_grid(pictures, 1, 5, resize=192, labels=labels).save("between_prompt_and_input.png")
