"""An image of one family, and what another makes of it at three strengths. Into refiner_of_another_family.png."""

import copy

import diffusers

import brickwork
from brickwork import SequentialPipelineBlocks
from brickwork.presets.embedded import ARROW_LORA
from brickwork.presets.families_in_turn import refined_by
from brickwork.presets.sdxl import SDXL

# Both are of one kind here, since one model ships with the package; refined_by(FLUX, SDXL) is called in the same way.
base = brickwork.embedded()
first = {name: base.components[name] for name in base.pretrained_component_names}
second = {
    **first,
    "unet": copy.deepcopy(base.unet),
    "scheduler": diffusers.DDIMScheduler.from_config(base.scheduler.config),
}
base.load_lora_weights(str(ARROW_LORA))

pipe = SequentialPipelineBlocks.from_blocks_dict(refined_by(SDXL, SDXL)).init_pipeline()
pipe.update_components(**first, **{f"second_{name}": part for name, part in second.items()})
strengths = [0.2, 0.5, 0.8]
pictures = [
    pipe(
        prompt="a purple arrow on a yellow background",
        num_inference_steps=16,
        second_num_inference_steps=20,
        guidance_scale=4.0,
        second_guidance_scale=4.0,
        strength=strength,
        seed=3,
        output="images",
    )[0]
    for strength in strengths
]
labels = [f"strength {strength}" for strength in strengths]
brickwork.make_image_grid(pictures, 1, 3, resize=192, labels=labels).save("refiner_of_another_family.png")
