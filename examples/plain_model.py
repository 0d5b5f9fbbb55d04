"""A plain torch model as a block: a network that finds edges, behind the decoder. Into plain_model.png."""

import numpy as np
import torch
from PIL import Image

import brickwork
from brickwork import Block, Outputs, SequentialPipelineBlocks, component
from brickwork.presets.embedded import FOLDER
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS
from brickwork.state.vocabulary import Images


class Edges(torch.nn.Module):
    """How much the brightness changes at each place of an image, in 0..1."""

    def __init__(self) -> None:
        super().__init__()
        sobel = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
        self.kernels = torch.nn.Parameter(torch.stack([sobel, sobel.T])[:, None], requires_grad=False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        padded = torch.nn.functional.pad(pixels.mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
        return torch.nn.functional.conv2d(padded, self.kernels).norm(dim=1, keepdim=True).clamp(max=1)


class FindEdges(Block):
    """Draw the edges of the finished images."""

    edge_finder: Edges = component()

    class Out(Outputs):
        edges: list

    def run(self, images: Images) -> Out:
        pixels = torch.stack([torch.from_numpy(np.asarray(image, dtype="float32")) for image in images]) / 255
        found = self.edge_finder(pixels.movedim(-1, 1).to(self.device))
        return self.Out(edges=[Image.fromarray(np.uint8(255 * each[0])) for each in found.cpu().numpy()])


blocks = SequentialPipelineBlocks.from_blocks_dict({**TEXT2IMAGE_BLOCKS, "edges": FindEdges})
pipe = blocks.init_pipeline(str(FOLDER)).load_components()
pipe.update_components(edge_finder=Edges())
state = pipe("a cartoon fox on a green background", num_inference_steps=20, guidance_scale=4.0, seed=6)
pictures = [state.images[0], state.edges[0].convert("RGB")]
brickwork.make_image_grid(pictures, 1, 2, resize=256, labels=["images", "edges"]).save("plain_model.png")
