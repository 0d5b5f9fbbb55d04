"""Images as prompts: an IP-Adapter tells the network what three images show. Into ip_adapter.png."""

import torch
from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

import brickwork
from brickwork import SequentialPipelineBlocks
from brickwork.presets.embedded import IP_ADAPTER
from brickwork.presets.sdxl import IP_ADAPTER_BLOCKS, TEXT2IMAGE_BLOCKS

base = brickwork.embedded()
blocks = SequentialPipelineBlocks.from_blocks_dict({**IP_ADAPTER_BLOCKS, **TEXT2IMAGE_BLOCKS})
pipe = blocks.init_pipeline()
pipe.update_components(**{name: base.components[name] for name in base.pretrained_component_names})
pipe.update_components(
    image_encoder=CLIPVisionModelWithProjection.from_pretrained(IP_ADAPTER / "image_encoder", dtype=torch.float32),
    feature_extractor=CLIPImageProcessor.from_pretrained(IP_ADAPTER / "feature_extractor"),
)


def draw(prompt, seed, **given):
    settings = {"num_inference_steps": 20, "guidance_scale": 2.5, "generator": torch.Generator().manual_seed(seed)}
    return pipe(prompt=prompt, **settings, **given, output="images")[0]


prompts = ["a donut", "a purple star on a yellow background", "a red heart on a blue background"]
shown = [draw(prompt, seed=3) for prompt in prompts]
pipe.load_ip_adapter(str(IP_ADAPTER), weight_name="ip_adapter.safetensors", image_encoder_folder=None)
seen = [draw("", seed=2, ip_adapter_image=picture) for picture in shown]
labels = ["given"] * 3 + ["drawn, without a prompt"] * 3
brickwork.make_image_grid([*shown, *seen], 2, 3, resize=192, labels=labels).save("ip_adapter.png")
