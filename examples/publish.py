"""A block of one's own, saved with its code and opened again from the folder "warm-circles"."""

import torch
from PIL import ImageEnhance

import brickwork
from brickwork import Block, ModularPipeline, Outputs
from brickwork.state.vocabulary import Images


class Warm(Block):
    """Make images more colourful."""

    by: float = 1.5

    class Out(Outputs):
        images: Images

    def run(self, images: Images) -> Out:
        return self.Out(images=[ImageEnhance.Color(image).enhance(self.by) for image in images])


pipe = brickwork.embedded()
pipe.blocks.insert_after("decode", "warm", Warm(by=2.0))
pipe.save_pretrained("warm-circles", license_id="apache-2.0")

again = ModularPipeline.from_pretrained("warm-circles", trust_remote_code=True).load_components()
inputs = {"prompt": "a red circle", "num_inference_steps": 8, "output": "images"}
pictures = [each(**inputs, generator=torch.Generator().manual_seed(1))[0] for each in (pipe, again)]
print("the same image:", pictures[0].tobytes() == pictures[1].tobytes())
