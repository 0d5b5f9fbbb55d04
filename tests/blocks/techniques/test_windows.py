"""Images that are denoised in windows, on every family."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from family_table import families
from PIL import Image
from technique_families import GIVEN, NAMES, SIDE, blocks, contract, drawn, family, pipe_of
from tiny_adapters import controlnet

from brickwork import (
    AdaptiveProjectedGuidance,
    ClassifierFreeGuidance,
    CompositionError,
    InputError,
    ModularPipelineBlocks,
    SequentialPipelineBlocks,
)
from brickwork.blocks.steps.decode import Decode
from brickwork.blocks.steps.denoiser_call import DenoiserCall
from brickwork.blocks.techniques.windows import (
    DecodeCircular,
    PredictWindows,
    PrepareWindows,
    averaged,
    window_of,
    window_starts,
)
from brickwork.families.stable_diffusion import SD
from brickwork.guiders import GuidanceStep
from brickwork.presets.flux import FLUX_KONTEXT, KONTEXT_BLOCKS
from brickwork.presets.regions import with_regions
from brickwork.presets.sd import INPAINT_BLOCKS, TEXT2IMAGE_BLOCKS, with_adapter, with_control
from brickwork.presets.windows import with_windows
from brickwork.state import Conditioning

FACTOR = {**dict.fromkeys(NAMES, 8), "dit": 2, "ddpm": 1}
"""Pixels by latent."""


def scheduler(name: str) -> dict[str, Any]:
    """A solver that draws no noise and clips nothing, where the family's own does: an average of what is clipped is another."""
    return {"scheduler": diffusers.DDIMScheduler(clip_sample=False)} if name in ("ddpm", "dit") else {}


def noise(name: str, columns: int) -> torch.Tensor:
    """Latents of two images as high as windows are, and of another width."""
    shape = family(name)
    channels = {"sd3": 16, "flux": 16, "ddpm": 3}.get(shape.name, 4)
    side = SIDE[name] // FACTOR[name]
    return torch.randn(2, channels, side, columns, generator=torch.Generator().manual_seed(5))


def wide(name: str, latents: torch.Tensor, stride: int, technique: Any = with_windows, **more: Any) -> torch.Tensor:
    """Denoise latents in square windows; the stride is in latents."""
    side, factor = SIDE[name], FACTOR[name]
    sizes = {"height": side, "width": latents.shape[-1] * factor, "window_stride": stride * factor}
    windows = {"window_height": side, "window_width": side}
    return drawn(pipe_of(name, technique, **scheduler(name)), name, latents=latents, **{**sizes, **windows, **more})


def plain(name: str, latents: torch.Tensor, technique: Any = None, **more: Any) -> torch.Tensor:
    return drawn(pipe_of(name, technique, **scheduler(name)), name, latents=latents, **more)


@pytest.mark.parametrize("name", NAMES)
def test_one_window_is_the_plain_image(name: str) -> None:
    """With the noise that it draws, also of solvers that draw some in every step."""
    assert torch.equal(drawn(pipe_of(name, with_windows), name), drawn(pipe_of(name), name))


@pytest.mark.parametrize("name", NAMES)
def test_windows_side_by_side_are_images_by_themselves(name: str) -> None:
    """Over all steps, as sizes that a denoiser is told and a shift of the schedule are those of a window."""
    side = SIDE[name] // FACTOR[name]
    latents = noise(name, 2 * side)
    found = wide(name, latents, side)
    expected = [plain(name, each.contiguous()) for each in latents.split(side, -1)]
    assert torch.equal(found, torch.cat(expected, -1))


@pytest.mark.parametrize("name", NAMES)
def test_where_windows_overlap_their_predictions_are_averaged(name: str) -> None:
    side = SIDE[name] // FACTOR[name]
    half = side // 2
    latents = noise(name, side + half)
    found = wide(name, latents, half, num_inference_steps=1)
    left, right = (plain(name, latents[..., s : s + side].contiguous(), num_inference_steps=1) for s in (0, half))
    assert torch.equal(found[..., :half], left[..., :half])
    assert torch.equal(found[..., side:], right[..., half:])
    middle = (left[..., half:] + right[..., :half]) / 2
    torch.testing.assert_close(found[..., half:side], middle, atol=2e-5, rtol=1e-5)
    assert not torch.equal(left[..., half:], right[..., :half])


@pytest.mark.parametrize("name", NAMES)
def test_a_circle_has_no_beginning(name: str) -> None:
    """Noise that is turned by a stride gives the image turned by it; within rounding, as sums are made in another order."""
    side = SIDE[name] // FACTOR[name]
    half = side // 2
    latents = noise(name, side + half)
    found = wide(name, latents, half, circular=True)
    turned = wide(name, latents.roll(half, -1), half, circular=True)
    torch.testing.assert_close(turned, found.roll(half, -1), atol=2e-4, rtol=1e-4)
    assert (wide(name, latents.roll(half, -1), half) - wide(name, latents, half).roll(half, -1)).abs().max() > 1e-2


def test_a_guider_remembers_each_window_by_itself() -> None:
    guider = AdaptiveProjectedGuidance(guidance_scale=4.0, adaptive_projected_guidance_momentum=-0.5)
    name, latents = "stable_diffusion", noise("stable_diffusion", 16)
    pipes = pipe_of(name, with_windows, guider=guider), pipe_of(name, guider=guider)
    without = ("guidance_scale",)
    try:
        found = drawn(pipes[0], name, without, latents=latents, width=128, window_stride=64)
        expected = [drawn(pipes[1], name, without, latents=each.contiguous()) for each in latents.split(8, -1)]
        assert torch.equal(found, torch.cat(expected, -1))
    finally:
        for pipe in pipes:
            pipe.update_components(guider=ClassifierFreeGuidance(guidance_scale=7.5))


def controlled(made: Any, _: Any) -> Any:
    return with_control(made)


def windows_then_control(made: Any, of: Any) -> Any:
    return with_control(with_windows(made, of))


def control_then_windows(made: Any, of: Any) -> Any:
    return with_windows(with_control(made), of)


@pytest.mark.parametrize("technique", [windows_then_control, control_then_windows])
def test_a_controlnet_sees_the_window(technique: Any) -> None:
    name, latents = "stable_diffusion", noise("stable_diffusion", 16)
    net = controlnet(family(name).parts("float32")["unet"])
    pixels = np.random.default_rng(4).integers(0, 255, (64, 128, 3), dtype=np.uint8)
    sizes = {"width": 128, "window_stride": 64, "latents": latents, "control_image": Image.fromarray(pixels)}
    found = drawn(pipe_of(name, technique, controlnet=net), name, **sizes)
    alone = pipe_of(name, controlled, controlnet=net)
    for start in (0, 8):
        part = {
            "latents": latents[..., start : start + 8].contiguous(),
            "control_image": Image.fromarray(pixels[:, start * 8 : start * 8 + 64]),
        }
        assert torch.equal(found[..., start : start + 8], drawn(alone, name, **part))
        assert not torch.equal(found[..., start : start + 8], plain(name, part["latents"]))


def test_an_image_is_drawn_anew_by_tiles() -> None:
    name = "stable_diffusion"
    task = {"image": Image.new("RGB", (128, 96), "red"), "strength": 0.5, "num_inference_steps": 4}
    pipe = pipe_of(name, with_windows, "image2image")
    found = drawn(pipe, name, ("height", "width"), **task, window_stride=32)
    assert found.shape == (2, 4, 12, 16)
    assert torch.equal(found, drawn(pipe, name, ("height", "width"), **task, window_stride=32))
    whole = {**task, "window_height": 96, "window_width": 128}
    usual = drawn(pipe_of(name, None, "image2image"), name, ("height", "width"), **task)
    assert torch.equal(drawn(pipe, name, ("height", "width"), **whole), usual)
    assert not torch.equal(found, usual)


def test_sizes_are_told_as_of_a_window_unless_the_caller_says_them() -> None:
    pipe, latents = pipe_of("sdxl", with_windows), noise("sdxl", 12)
    given = {**GIVEN["sdxl"], "width": 96, "window_stride": 32, "latents": latents, "output_type": "latent"}
    told = [pipe(**given, **more).get("add_time_ids")[0].tolist() for more in ({}, {"original_size": (64, 96)})]
    assert told == [[64, 64, 0, 0, 64, 64], [64, 96, 0, 0, 64, 64]]


def prepared(**given: Any) -> Any:
    parts = family("stable_diffusion").parts("float32")
    block = PrepareWindows.bind(SD)(denoiser=parts["unet"], vae=parts["vae"])
    return block.run(**{"height": 64, "width": 128, **given})


def test_windows_cover_every_place() -> None:
    assert window_starts(10, 4, 4) == [0, 4, 6]
    assert window_starts(10, 10, 4) == [0]
    assert window_starts(8, 4, 4) == [0, 4]
    assert window_starts(10, 4, 4, circular=True) == [0, 4, 8]
    found = prepared(window_stride=48)
    assert found.windows == [(0, 8, 0, 8), (0, 8, 6, 14), (0, 8, 8, 16)]
    assert (found.window_height, found.window_width) == (64, 64)
    assert prepared(height=32, window_width=32, window_stride=32).windows[-1] == (0, 4, 12, 16)
    assert prepared(circular=True, window_stride=64).windows == [(0, 8, 0, 8), (0, 8, 8, 16)]
    # An eighth of a window is one latent here.
    assert len(prepared().windows) == 9


def test_a_window_goes_on_over_the_edge() -> None:
    row = torch.arange(6.0).repeat(2, 1)
    assert window_of(row, (0, 1, 4, 8), (2, 6)).tolist() == [[4, 5, 0, 1]]
    assert window_of([row.repeat(2, 2)], (0, 1, 1, 2), (2, 6))[0].shape == (2, 2)
    with pytest.raises(InputError, match="A tensor of 2x6 lies over latents of 2x5"):
        window_of(row, (0, 1, 0, 2), (2, 5))
    with pytest.raises(InputError, match="A tensor of 2x6 lies over latents of 2x12"):
        window_of(row, (0, 1, 0, 2), (2, 12))
    with pytest.raises(InputError, match="A tensor of 2x6 lies over latents of 2x3"):
        window_of(row, (0, 1, 0, 2), (2, 3))


def test_averages_are_made_in_single_precision() -> None:
    ones = torch.ones(1, 1, 1, 2, dtype=torch.float16)
    found = averaged({(0, 1, 0, 2): ones, (0, 1, 1, 3): 2 * ones, (0, 1, 2, 4): 65000 * ones}, (1, 3))
    assert found.dtype == torch.float16
    assert found.flatten().tolist() == [32496.0, 1.5, 32496.0]


def test_a_circle_is_decoded_with_what_lies_beyond_its_edges() -> None:
    vae = family("stable_diffusion").parts("float32")["vae"]
    processor = diffusers.image_processor.VaeImageProcessor(vae_scale_factor=8)
    block = DecodeCircular.bind(SD)(vae=vae, image_processor=processor)
    usual = Decode.bind(SD)(vae=vae, image_processor=processor)
    latents = noise("stable_diffusion", 12)
    with torch.no_grad():
        beyond = torch.cat([latents[..., 4:], latents, latents[..., :8]], -1)
        expected = usual.run(latents=beyond, output_type="pt").images[..., 64:160]
        assert torch.equal(block.run(latents=latents, output_type="pt", circular=True).images, expected)
        flat = usual.run(latents=latents, output_type="pt").images
        assert torch.equal(block.run(latents=latents, output_type="pt").images, flat)
        assert block.run(latents=latents, output_type="latent", circular=True).images is latents
    assert not torch.equal(expected, flat)


def test_inpainting_is_decoded_over_the_edges_too() -> None:
    made = with_windows(INPAINT_BLOCKS, SD)
    assert type(made["decode"].sub_blocks["decode"]).__name__ == "SDDecodeCircular"
    assert with_windows({**TEXT2IMAGE_BLOCKS, "decode": TEXT2IMAGE_BLOCKS["input"]}, SD)["decode"].family is SD
    assert "decode" not in with_windows({n: b for n, b in TEXT2IMAGE_BLOCKS.items() if n != "decode"}, SD)


def refused(name: str = "stable_diffusion", **given: Any) -> str:
    with pytest.raises(InputError) as caught:
        drawn(pipe_of(name, with_windows), name, **given)
    return str(caught.value)


def test_windows_that_do_not_fit_are_refused() -> None:
    said = refused(window_width=128)
    assert "window_width is 128, and the images have width=64; give a window of that or less." in said
    assert "window_height is 128, and the images have height=64" in refused(window_height=128)
    assert "window_height is 20; it must be a multiple of 8." in refused(window_height=20)
    assert "window_width is 24; it must be a multiple of 16." in refused("flux", window_width=24)
    assert "window_stride is 12; it must be a multiple of 8." in refused(window_stride=12)
    said = refused(width=128, window_stride=72)
    assert "window_stride is 72 and window_height 64, which leaves gaps; give a stride of that or less." in said
    assert "window_stride is 40 and window_width 32" in refused(window_width=32, window_stride=40)
    said = refused("ddpm", window_height=16, window_width=7)
    assert "window_height=16 and window_width=7: each window is denoised as an image of that size" in said
    assert "The images are 16x7 (height x width), and the UNet halves them 1 times" in said
    assert "window_height=16 and window_width=7: each" in refused("ddpm", window_width=7)
    assert "window_height=16 and window_width=8: each" in refused("dit", window_width=8)
    masks = {"ip_adapter_masks": [torch.ones(1, 1, 64, 96)]}
    assert "no IP-Adapter is loaded" in refused(width=96, cross_attention_kwargs=masks)
    call = DenoiserCall(torch.zeros(1, 4, 8, 12), 1, GuidanceStep(0, 2), Conditioning({}), masks)
    with pytest.raises(
        InputError, match="cross_attention_kwargs holds ip_adapter_masks, which lie over the whole image"
    ):
        PredictWindows.bind(SD)()._refuse_whole(call)


def test_a_reference_is_of_a_whole_image() -> None:
    task = families()["flux"].tasks["kontext"]
    pipe = SequentialPipelineBlocks.from_blocks_dict(with_windows(KONTEXT_BLOCKS, FLUX_KONTEXT)).init_pipeline()
    pipe.configure(progress=False)
    parts = copy.copy(family("flux").parts("float32"))
    pipe.update_components(**{key: each for key, each in parts.items() if key in pipe.component_names})
    given = {**task.given, "output_type": "latent", "seed": 1}
    with pytest.raises(InputError, match="reference_latents is of a whole image that the denoiser reads in tokens"):
        pipe(**given, window_width=16, window_height=16)


def test_attention_maps_are_of_the_whole_image() -> None:
    pipe = pipe_of("stable_diffusion", with_windows)
    with pipe.attention_maps(), pytest.raises(InputError, match=r"attention_maps\(\) shows .* SDPredictWindows"):
        drawn(pipe, "stable_diffusion", width=96)


def test_compositions_that_cannot_be_cut_are_refused() -> None:
    adapted = SequentialPipelineBlocks.from_blocks_dict(with_adapter(with_windows(TEXT2IMAGE_BLOCKS, SD)))
    with pytest.raises(
        CompositionError, match="denoise.denoiser: AdapterFeatures steers the prediction of a whole image"
    ):
        adapted.init_pipeline()
    with pytest.raises(CompositionError, match="is SDPredictRegions, which predicts in a way of its own"):
        with_windows(with_regions(TEXT2IMAGE_BLOCKS, SD), SD)
    with pytest.raises(CompositionError, match="no 'denoise' among these: prepare_latents"):
        with_windows({"prepare_latents": TEXT2IMAGE_BLOCKS["prepare_latents"]}, SD)
    with pytest.raises(CompositionError, match="no 'prepare_latents' among these: denoise"):
        with_windows({"denoise": TEXT2IMAGE_BLOCKS["denoise"]}, SD)


@pytest.mark.parametrize("name", NAMES)
def test_the_composition_is_saved_and_opened(name: str, tmp_path: Path) -> None:
    made = SequentialPipelineBlocks.from_blocks_dict(with_windows(blocks(name), contract(name)))
    assert made.check().faults == ()
    assert made.check().warnings == ()
    made.save_pretrained(str(tmp_path))
    assert str(ModularPipelineBlocks.from_pretrained(str(tmp_path))) == str(made)
