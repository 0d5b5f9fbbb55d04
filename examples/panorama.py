"""Images three times as wide as the model was trained for, in overlapping windows, flat and in a circle. Into panorama.png."""

import brickwork
from brickwork import SequentialPipelineBlocks
from brickwork.presets.sdxl import SDXL, TEXT2IMAGE_BLOCKS
from brickwork.presets.windows import with_windows

pipe = SequentialPipelineBlocks.from_blocks_dict(with_windows(TEXT2IMAGE_BLOCKS, SDXL)).init_pipeline()
base = brickwork.embedded()
pipe.update_components(**{name: base.components[name] for name in base.pretrained_component_names})

asked = {
    "prompt": "a red circle",
    "height": 64,
    "width": 192,
    "num_inference_steps": 16,
    "guidance_scale": 4.0,
    "seed": 2,
    "output": "images",
}
pictures = [
    pipe(**asked, window_width=192)[0],
    pipe(**asked, window_stride=32)[0],
    pipe(**asked, window_stride=32, circular=True)[0],
]
labels = ["all at once", "windows of 64 pixels", "in a circle"]
brickwork.make_image_grid(pictures, 3, 1, labels=labels).save("panorama.png")
