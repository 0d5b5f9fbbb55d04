"""A judge of one's own, such as the oracle of the embedded model, and what autoencoders leave of images."""

from __future__ import annotations

import pytest
import torch
from diffusers import AutoencoderKL, AutoencoderTiny
from measured_images import as_tensor, noise_images
from PIL import Image, ImageDraw

from brickwork.blocks.measures import JudgeImages, Reconstruct
from brickwork.state import InputError
from embedded_model.oracle import Oracle


def circle(colour: str) -> Image.Image:
    image = Image.new("RGB", (64, 64), "white")
    ImageDraw.Draw(image).ellipse((16, 16, 48, 48), fill=colour)
    return image


def test_the_oracle_judges_images_by_their_prompts() -> None:
    # Of the oracle only what needs no drawings of things.
    oracle = Oracle.__new__(Oracle)

    def judge(image: Image.Image, prompt: str) -> dict[str, bool]:
        colour, shape = prompt.split()[-2:]
        return {"shape": oracle.shapes(image) == [(shape, colour)], "background": oracle.background(image) == "white"}

    drawn = [circle((230, 25, 25)), circle((30, 60, 230))]
    found = JudgeImages(judge=judge).run(images=drawn, prompt=["a red circle", "a red circle"]).judged
    assert found == [1.0, 0.5]
    assert JudgeImages(judge=lambda _image, text: len(text)).run(images=drawn[:1], prompt="abc").judged == [3.0]
    with pytest.raises(InputError, match="The judge gave no verdict"):
        JudgeImages(judge=lambda _image, _text: {}).run(images=drawn[:1], prompt="abc")


@pytest.fixture(scope="module")
def images() -> list[Image.Image]:
    return noise_images(2, 1, 32)


def test_images_are_reconstructed_as_diffusers_autoencoders_do(images: list[Image.Image]) -> None:
    torch.manual_seed(0)
    blocks = {"down_block_types": ["DownEncoderBlock2D"] * 2, "up_block_types": ["UpDecoderBlock2D"] * 2}
    vae = AutoencoderKL(**blocks, block_out_channels=[8, 8], norm_num_groups=4).eval()
    tiny = AutoencoderTiny(
        encoder_block_out_channels=(8, 8), decoder_block_out_channels=(8, 8), num_encoder_blocks=(1, 1), num_decoder_blocks=(1, 1)
    ).eval()  # fmt: skip
    given = (as_tensor(images) * 2 - 1).float()
    with torch.no_grad():
        wanted = vae.decode(vae.encode(given).latent_dist.mode()).sample
        wanted_tiny = tiny.decode(tiny.encode(given).latents).sample
        for made, each in ((vae, wanted), (tiny, wanted_tiny)):
            found = Reconstruct(vae=made).run(image=images)
            assert torch.equal(found.images, ((each.double() + 1) / 2).clamp(0, 1))
            assert torch.equal(found.reference_images, as_tensor(images))
        with pytest.raises(InputError, match="image is 31x31 pixels, and this autoencoder gives"):
            Reconstruct(vae=vae).run(image=[image.crop((0, 0, 31, 31)) for image in images])
