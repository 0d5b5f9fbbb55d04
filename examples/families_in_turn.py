"""Half of a denoising by one family, the rest by another with a VAE and a schedule of its own. Into families_in_turn.png."""

import copy

import diffusers

import brickwork
from brickwork import SequentialPipelineBlocks
from brickwork.presets.embedded import ARROW_LORA
from brickwork.presets.families_in_turn import families_in_turn
from brickwork.presets.sdxl import SDXL

# Both are of one kind here, since one model ships with the package; any two families go together in the same way.
base = brickwork.embedded()
first = {name: base.components[name] for name in base.pretrained_component_names}
second = {
    **first,
    "unet": copy.deepcopy(base.unet),
    "scheduler": diffusers.DDIMScheduler.from_config(base.scheduler.config),
}
base.load_lora_weights(str(ARROW_LORA))

pipe = SequentialPipelineBlocks.from_blocks_dict(families_in_turn(SDXL, SDXL)).init_pipeline()
pipe.update_components(**first, **{f"second_{name}": part for name, part in second.items()})
shares = [0.0, 0.2, 0.5, 0.8, 1.0]
pictures = [
    pipe(
        prompt="a purple arrow on a yellow background",
        num_inference_steps=16,
        second_num_inference_steps=24,
        guidance_scale=4.0,
        second_guidance_scale=4.0,
        first_share=share,
        seed=3,
        output="images",
    )[0]
    for share in shares
]
labels = [f"{share:.0%} by the first" for share in shares]
brickwork.make_image_grid(pictures, 1, 5, resize=192, labels=labels).save("families_in_turn.png")
