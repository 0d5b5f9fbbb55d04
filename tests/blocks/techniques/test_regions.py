"""Prompts by region, on every family whose denoiser is told something."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from technique_families import GIVEN, SIDE, blocks, contract, drawn, family, pipe_of
from tiny_adapters import controlnet

from brickwork import (
    AdaptiveProjectedGuidance,
    ClassifierFreeGuidance,
    CompositionError,
    InputError,
    ModularPipelineBlocks,
    SequentialPipelineBlocks,
)
from brickwork.blocks.techniques.predicting import with_prediction
from brickwork.blocks.techniques.regions import PredictRegions, PrepareRegionWeights, mask_numbers
from brickwork.families.stable_diffusion import SD
from brickwork.presets.regions import with_regions
from brickwork.presets.sd import TEXT2IMAGE_BLOCKS, with_control
from brickwork.presets.tasks import with_prompt_weights

NAMES = ["stable_diffusion", "sdxl", "sd3", "flux", "dit"]
TOLD: dict[str, tuple[str, str, list[Any]]] = {
    **dict.fromkeys(NAMES, ("region_prompts", "prompt", ["a green square", "blue"])),
    "dit": ("region_labels", "class_labels", [11, 500]),
}
"""The input of regions, that of the whole image, and what two regions show."""


def whole(name: str) -> np.ndarray:
    return np.ones((SIDE[name], SIDE[name]), "float32")


def half(name: str, right: bool = False) -> np.ndarray:
    mask = whole(name)
    middle = SIDE[name] // 2
    mask[:, slice(0, middle) if right else slice(middle, None)] = 0
    return mask


def regional(name: str, shown: list[Any], masks: list[Any], **more: Any) -> torch.Tensor:
    return drawn(pipe_of(name, with_regions), name, **{TOLD[name][0]: shown, "region_masks": masks, **more})


def plain(name: str, shown: Any, **more: Any) -> torch.Tensor:
    """One prompt, or class, for both images."""
    return drawn(pipe_of(name), name, **{TOLD[name][1]: [shown, shown], **more})


@pytest.mark.parametrize("name", NAMES)
def test_one_region_over_everything_is_the_plain_image(name: str) -> None:
    one = TOLD[name][2][0]
    assert torch.equal(regional(name, [one], [whole(name)]), plain(name, one))


@pytest.mark.parametrize("name", NAMES)
def test_two_regions_that_show_the_same_are_the_plain_image(name: str) -> None:
    one = TOLD[name][2][0]
    found = regional(name, [one, one], [half(name), half(name, right=True)])
    assert torch.equal(found, plain(name, one))


@pytest.mark.parametrize("name", NAMES)
def test_a_prediction_of_a_region_is_that_of_its_prompt_alone(name: str) -> None:
    """After one step, which looks at a place alone: what another region shows changes nothing in this one."""
    first, second = TOLD[name][2]
    found = regional(name, [first, second], [half(name), half(name, right=True)], num_inference_steps=1)
    middle = found.shape[-1] // 2
    left, right = (plain(name, each, num_inference_steps=1) for each in (first, second))
    assert torch.equal(found[..., :middle], left[..., :middle])
    assert torch.equal(found[..., middle:], right[..., middle:])
    assert not torch.equal(left, right)


@pytest.mark.parametrize("name", NAMES)
def test_a_place_that_no_mask_covers_is_of_the_prompt_for_the_whole(name: str) -> None:
    first, second = TOLD[name][2]
    base = {TOLD[name][1]: [second, second], "num_inference_steps": 1}
    found = regional(name, [first], [half(name)], **base)
    middle = found.shape[-1] // 2
    assert torch.equal(found[..., :middle], plain(name, first, num_inference_steps=1)[..., :middle])
    assert torch.equal(found[..., middle:], plain(name, second, num_inference_steps=1)[..., middle:])


def test_without_a_prompt_for_the_whole_regions_say_all() -> None:
    pipe = pipe_of("flux", with_regions)
    masks = [half("flux"), half("flux", right=True)]
    given = {"region_prompts": [["red", "blue"], "green"], "region_masks": masks}
    found = drawn(pipe, "flux", without=("prompt",), **given)
    assert torch.equal(found, drawn(pipe, "flux", **given))
    assert len(found) == 2


def test_masks_count_in_shares_of_their_sum() -> None:
    prepare = PrepareRegionWeights.bind(SD)(vae=family("stable_diffusion").parts("float32")["vae"])
    masks = [np.full((16, 24), 0.2, "float32"), np.full((16, 24), 0.6, "float32")]
    masks[0][:8, :8] = masks[1][:8, :8] = 0
    masks[1][8:] = 0
    weights = prepare.run(region_masks=masks, height=16, width=24, dtype=torch.float64).region_weights
    assert weights.shape == (3, 1, 2, 3)
    assert weights.dtype == torch.float64
    assert weights[:, 0, 0, 0].tolist() == [1, 0, 0]
    torch.testing.assert_close(weights[:, 0, 0, 1], torch.tensor([0, 0.25, 0.75]), check_dtype=False)
    assert weights[:, 0, 1, 1].tolist() == [0, 1, 0]
    torch.testing.assert_close(weights.sum(0), torch.ones(1, 2, 3), check_dtype=False)


def test_soft_masks_mix_predictions() -> None:
    first, second = TOLD["sd3"][2]
    soft = [np.full((64, 64), share, "float32") for share in (0.25, 0.75)]
    found = regional("sd3", [first, second], soft, num_inference_steps=1)
    one, other = (plain("sd3", each, num_inference_steps=1) for each in (first, second))
    torch.testing.assert_close(found, 0.25 * one + 0.75 * other, atol=2e-6, rtol=1e-5)


def test_masks_are_images_arrays_and_tensors_alike() -> None:
    grey = Image.new("L", (8, 6), 51)
    numbers = np.full((6, 8), 0.2, "float32")
    found = mask_numbers([grey, numbers, torch.from_numpy(numbers), numbers[..., None], grey.convert("RGB")])
    assert found.shape == (5, 6, 8)
    torch.testing.assert_close(found, torch.full((5, 6, 8), 0.2))


def test_a_guider_remembers_each_region_by_itself() -> None:
    """Its momentum is of one prompt: mixed, a region would be steered by what another one showed."""
    guider = AdaptiveProjectedGuidance(guidance_scale=4.0, adaptive_projected_guidance_momentum=-0.5)
    one = "a green square"
    pipes = pipe_of("stable_diffusion", with_regions, guider=guider), pipe_of("stable_diffusion", guider=guider)
    try:
        given = {"region_prompts": [one, one], "region_masks": [half("flux"), half("flux", right=True)]}
        found = drawn(pipes[0], "stable_diffusion", without=("guidance_scale",), **given)
        expected = drawn(pipes[1], "stable_diffusion", without=("guidance_scale",), prompt=[one, one])
        assert torch.equal(found, expected)
        other = {**given, "region_prompts": ["red", one]}
        seen = drawn(pipes[0], "stable_diffusion", without=("guidance_scale",), **other)
        assert not torch.equal(seen, found)
    finally:
        for pipe in pipes:
            pipe.update_components(guider=ClassifierFreeGuidance(guidance_scale=7.5))


@pytest.mark.parametrize("name", ["stable_diffusion", "flux"])
def test_inpainting_by_region_is_inpainting(name: str) -> None:
    task = family(name).tasks["inpainting"].given
    more = {key: task[key] for key in ("image", "mask_image", "strength", "num_inference_steps")}
    masks = [half(name), half(name, right=True)]
    pipe, usual = pipe_of(name, with_regions, "inpainting"), pipe_of(name, None, "inpainting")
    found = drawn(pipe, name, **more, region_prompts=["blue", "blue"], region_masks=masks)
    assert torch.equal(found, drawn(usual, name, **{**more, "prompt": ["blue", "blue"]}))


def regions_then_weights(made: Any, of: Any) -> Any:
    return with_prompt_weights(with_regions(made, of), of)


def weights_then_regions(made: Any, of: Any) -> Any:
    return with_regions(with_prompt_weights(made, of), of)


@pytest.mark.parametrize("technique", [regions_then_weights, weights_then_regions])
@pytest.mark.parametrize("name", ["sdxl", "sd3", "flux"])
def test_words_of_regions_are_weighed(name: str, technique: Any) -> None:
    """And texts of regions are read to their end: in chunks, or by the encoder that reads more."""
    pipe, usual = pipe_of(name, technique), pipe_of(name, with_prompt_weights)
    drawings = []
    for shown in ("a (red:1.6) circle", "a red circle", "a red circle BREAK blue"):
        found = drawn(pipe, name, region_prompts=[shown], region_masks=[whole(name)])
        expected = drawn(usual, name, prompt=[shown, shown])
        # Two chunks and one of what is not shown are two predictions here, and there one batch, in which the one stands twice.
        assert torch.allclose(found, expected, atol=1e-4) if "BREAK" in shown else torch.equal(found, expected), shown
        drawings.append(found)
    assert not torch.equal(drawings[0], drawings[1])
    assert not torch.allclose(drawings[1], drawings[2], atol=1e-4)
    with pytest.raises(InputError, match=r"region_prompts\[1\]\[0\], column 3: the weight is -2"):
        drawn(pipe, name, region_prompts=["blue", ["a (red:-2)", "red"]], region_masks=[half(name), whole(name)])
    with pytest.raises(InputError, match=r"region_prompts\[0\] is 3; give a text"):
        drawn(pipe, name, region_prompts=[3], region_masks=[whole(name)])


def controlled(made: Any, _: Any) -> Any:
    return with_control(made)


def regions_then_control(made: Any, of: Any) -> Any:
    return with_control(with_regions(made, of))


def control_then_regions(made: Any, of: Any) -> Any:
    return with_regions(with_control(made), of)


@pytest.mark.parametrize("technique", [regions_then_control, control_then_regions])
def test_a_controlnet_steers_every_region(technique: Any) -> None:
    name = "stable_diffusion"
    net = controlnet(family(name).parts("float32")["unet"])
    more = {"control_image": Image.fromarray((half(name) * 255).astype("uint8")).convert("RGB")}
    masks = {"region_masks": [half(name), half(name, right=True)]}
    pipe = pipe_of(name, technique, controlnet=net)
    found = drawn(pipe, name, **more, **masks, region_prompts=["blue", "blue"])
    expected = drawn(pipe_of(name, controlled, controlnet=net), name, **{**more, "prompt": ["blue", "blue"]})
    assert torch.equal(found, expected)
    assert not torch.equal(found, plain(name, "blue"))


def test_what_a_network_caches_is_of_one_region(monkeypatch: pytest.MonkeyPatch) -> None:
    import copy

    from diffusers import FirstBlockCacheConfig
    from diffusers.models.cache_utils import CacheMixin

    transformer = copy.deepcopy(family("flux").parts("float32")["transformer"])
    transformer.enable_cache(FirstBlockCacheConfig(threshold=0.0))
    opened: list[str] = []
    usual = CacheMixin.cache_context

    def note(self: Any, name: str) -> Any:
        opened.append(name)
        return usual(self, name)

    monkeypatch.setattr(CacheMixin, "cache_context", note)
    pipe = pipe_of("flux", with_regions, transformer=transformer)
    masks = [half("flux"), half("flux", right=True)]
    drawn(pipe, "flux", region_prompts=["blue", "red"], region_masks=masks, num_inference_steps=2)
    assert len(opened) == 4
    assert len(set(opened)) == 2


def refused(name: str = "stable_diffusion", without: tuple[str, ...] = (), **given: Any) -> str:
    with pytest.raises(InputError) as caught:
        drawn(pipe_of(name, with_regions), name, without, **given)
    return str(caught.value)


def test_regions_that_do_not_fit_are_refused_before_the_run() -> None:
    left = half("sd3")
    masks, one = {"region_masks": [left]}, {"region_prompts": ["blue"]}
    said = refused(**masks, region_prompts=["blue", "red"])
    assert "region_prompts holds 2 regions and region_masks 1 masks; give one mask for each." in said
    said = refused(**one, region_masks=[left], without=("prompt",))
    assert "region_masks leave 2048 of 4096 pixels to no region, and there is no prompt for them" in said
    assert "region_masks[0] holds numbers from 0 to 2" in refused(**one, region_masks=[left * 2])
    assert "region_masks[0] holds 3 masks" in refused(**one, region_masks=[np.ones((3, 64, 65), "float32")])
    both = {"region_prompts": ["blue", "red"], "region_masks": [left, left[:32]]}
    assert "region_masks are of different sizes: 64x64, 32x64" in refused(**both)
    said = refused(**one, region_masks=[left[:32]])
    assert "region_masks are 32x64 (height x width), and the images 64x64; give masks of that size." in said
    assert "region_prompts[0] is 3; give a text" in refused(**masks, region_prompts=[3])
    assert "region_prompts[0] is []; give a text" in refused(**masks, region_prompts=[[]])
    said = refused(**masks, region_prompts=[["blue", "red", "green"]])
    assert "region_prompts[0] holds 3 texts, and there are 2 prompts" in said
    labels = {"region_labels": [1000], "region_masks": [half("dit")]}
    assert "region_labels hold 1000; the denoiser knows the classes 0 to 999." in refused("dit", **labels)
    labels = {"region_labels": [1], "region_masks": [half("dit")]}
    assert "there is no class_labels for them" in refused("dit", ("class_labels",), **labels)


def test_sizes_that_only_the_run_knows_are_refused_in_it() -> None:
    given = {"region_prompts": ["blue"], "region_masks": [half("sd3")[:32]]}
    assert "region_masks are 32x64" in refused(without=("height", "width"), **given)


def test_embeddings_are_a_prompt_for_the_whole() -> None:
    pipe = pipe_of("stable_diffusion", with_regions)
    width = pipe.unet.config.cross_attention_dim
    embeds = {"prompt_embeds": torch.zeros(2, 16, width), "negative_prompt_embeds": torch.zeros(2, 16, width)}
    given = {"region_prompts": ["blue"], "region_masks": [half("sd3")], **embeds}
    assert len(drawn(pipe, "stable_diffusion", without=("prompt",), **given)) == 2


def test_attention_maps_are_of_one_prompt() -> None:
    pipe = pipe_of("stable_diffusion", with_regions)
    given = {"region_prompts": ["blue"], "region_masks": [half("sd3")]}
    with pipe.attention_maps(), pytest.raises(InputError, match=r"attention_maps\(\) shows .* SDPredictRegions"):
        drawn(pipe, "stable_diffusion", **given)


def test_blocks_that_take_no_regions_are_refused() -> None:
    with pytest.raises(CompositionError, match="The denoiser of ddpm is told nothing beside its latents"):
        with_regions(blocks("ddpm"), contract("ddpm"))
    with pytest.raises(CompositionError, match="no 'denoise' among these: input"):
        with_regions({"input": TEXT2IMAGE_BLOCKS["input"]}, SD)
    with pytest.raises(CompositionError, match="no 'input' among these: denoise"):
        with_regions({"denoise": TEXT2IMAGE_BLOCKS["denoise"]}, SD)
    with pytest.raises(CompositionError, match="'denoise' is SDDecode, which has no PredictNoise"):
        with_prediction(TEXT2IMAGE_BLOCKS["decode"], PredictRegions, SD)
    made = with_regions(TEXT2IMAGE_BLOCKS, SD)
    with pytest.raises(
        CompositionError, match="'denoise.denoiser' is SDPredictRegions, which predicts in a way of its own"
    ):
        with_prediction(made["denoise"], PredictRegions, SD)


def test_the_composition_is_saved_and_opened(tmp_path: Path) -> None:
    made = SequentialPipelineBlocks.from_blocks_dict(with_regions(TEXT2IMAGE_BLOCKS, SD))
    made.save_pretrained(str(tmp_path))
    opened = ModularPipelineBlocks.from_pretrained(str(tmp_path))
    assert str(opened) == str(made)
    assert made.check().faults == ()
    assert made.check().warnings == ()
    assert GIVEN["stable_diffusion"].keys() <= set(opened.input_names) | {"batch_size"}
