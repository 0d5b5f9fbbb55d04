"""ControlNets and T2I-Adapters in one step: the denoiser is told both, as diffusers' UNet takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_adapters import controlnet, several, t2i_adapter

from brickwork import ModularPipeline, ModularPipelineBlocks, SequentialPipelineBlocks
from brickwork.blocks.core.insertable_dict import InsertableDict
from brickwork.presets.sdxl import (
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    SDXL,
    TEXT2IMAGE_BLOCKS,
    with_adapter,
    with_control,
)
from brickwork.presets.tasks import adapter

from .test_sdxl_image2image import half_mask, picture

GIVEN: dict[str, Any] = {
    "prompt": "a cat",
    "negative_prompt": "dark and old",
    "num_inference_steps": 4,
    "guidance_scale": 5.0,
    "output_type": "latent",
    "height": 64,
    "width": 64,
    "num_images_per_prompt": 2,
}
ADAPTED = {"adapter_image": picture(5)}
BOTH = {"control_image": picture(8), "adapter_image": picture(5)}
TASKS = {
    "text2image": (TEXT2IMAGE_BLOCKS, {}),
    "image2image": (IMAGE2IMAGE_BLOCKS, {"image": picture(3), "strength": 0.7}),
    "inpainting": (INPAINT_BLOCKS, {"image": picture(3), "mask_image": half_mask(), "strength": 0.7}),
}


def made(blocks: Any, tiny_folder: Path, tiny_pipe: ModularPipeline, net: Any = None) -> ModularPipeline:
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline(str(tiny_folder))
    pipe.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    networks = {"controlnet": net or controlnet(tiny_pipe.unet), "adapter": t2i_adapter()}
    pipe.update_components(**{name: net for name, net in networks.items() if name in pipe.component_names})
    pipe.configure(progress=False)
    return pipe


def drawn(pipe: ModularPipeline, **inputs: Any) -> Any:
    return pipe(**{**GIVEN, **inputs}, generator=torch.Generator().manual_seed(7), output="images")


class Told:
    """What a UNet is told, call by call."""

    def __init__(self, unet: Any) -> None:
        self.calls: list[dict[str, Any]] = []
        self._hook = unet.register_forward_pre_hook(self._see, with_kwargs=True)

    def _see(self, _: Any, args: Any, kwargs: dict[str, Any]) -> None:
        # The UNet takes the list of features apart.
        self.calls.append(
            {
                "latents": args[0],
                **{name: list(value) if isinstance(value, list) else value for name, value in kwargs.items()},
            }
        )

    def __enter__(self) -> list[dict[str, Any]]:
        return self.calls

    def __exit__(self, *_: object) -> None:
        self._hook.remove()


DOWN, MIDDLE, WAY = (
    "down_block_additional_residuals",
    "mid_block_additional_residual",
    "down_intrablock_additional_residuals",
)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("guess", [False, True])
def test_the_denoiser_is_told_what_each_network_says_alone(
    task: str, guess: bool, tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    blocks, inputs = TASKS[task]
    both = made(with_adapter(with_control(blocks)), tiny_folder, tiny_pipe)
    with Told(both.unet) as together:
        drawn(both, **inputs, **BOTH, guess_mode=guess)
    # By hand: at the first step the latents are the same in all three, so each network alone says what it says together.
    for alone, image, names in (
        (with_control(blocks), {"control_image": BOTH["control_image"], "guess_mode": guess}, (DOWN, MIDDLE)),
        (with_adapter(blocks), {"adapter_image": BOTH["adapter_image"]}, (WAY,)),
    ):
        pipe = made(alone, tiny_folder, tiny_pipe)
        with Told(pipe.unet) as told:
            drawn(pipe, **inputs, **image)
        assert torch.equal(told[0]["latents"], together[0]["latents"])
        for name in names:
            mine, theirs = told[0][name], together[0][name]
            pairs = [(mine, theirs)] if name == MIDDLE else zip(mine, theirs, strict=True)
            assert all(torch.equal(one, other) for one, other in pairs)
    assert all({DOWN, MIDDLE, WAY} <= call.keys() for call in together)


def test_what_is_drawn_is_what_the_unet_makes_of_both(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    pipe = made(with_adapter(with_control(TEXT2IMAGE_BLOCKS)), tiny_folder, tiny_pipe)
    with Told(pipe.unet) as told:
        state = pipe(**GIVEN, **BOTH, generator=torch.Generator().manual_seed(7))
    from diffusers import EulerDiscreteScheduler

    scheduler = type(pipe.scheduler).from_config(pipe.scheduler.config)
    assert isinstance(scheduler, EulerDiscreteScheduler)
    scheduler.set_timesteps(GIVEN["num_inference_steps"])
    generator = torch.Generator().manual_seed(7)
    latents = torch.randn(told[0]["latents"].chunk(2)[0].shape, generator=generator) * scheduler.init_noise_sigma
    with torch.inference_mode():
        for t, call in zip(scheduler.timesteps, told, strict=True):
            given = torch.cat([scheduler.scale_model_input(latents, t)] * 2)
            kwargs = {name: value for name, value in call.items() if name != "latents"}
            negative, positive = pipe.unet(given, t, **kwargs)[0].chunk(2)
            guided = negative + GIVEN["guidance_scale"] * (positive - negative)
            latents = scheduler.step(guided, t, latents, return_dict=False)[0]
    assert torch.equal(latents, state.images)


def test_the_order_does_not_matter(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    one = drawn(made(with_adapter(with_control(TEXT2IMAGE_BLOCKS)), tiny_folder, tiny_pipe), **BOTH)
    other = drawn(made(with_control(with_adapter(TEXT2IMAGE_BLOCKS)), tiny_folder, tiny_pipe), **BOTH)
    assert torch.equal(one, other)


def test_either_may_count_for_nothing(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    both = made(with_adapter(with_control(TEXT2IMAGE_BLOCKS)), tiny_folder, tiny_pipe)
    control = made(with_control(TEXT2IMAGE_BLOCKS), tiny_folder, tiny_pipe)
    adapter = made(with_adapter(TEXT2IMAGE_BLOCKS), tiny_folder, tiny_pipe)
    assert torch.equal(drawn(both, **BOTH, controlnet_conditioning_scale=0.0), drawn(adapter, adapter_image=picture(5)))
    assert torch.equal(drawn(both, **BOTH, adapter_conditioning_factor=0.0), drawn(control, control_image=picture(8)))
    assert not torch.equal(drawn(both, **BOTH), drawn(control, control_image=picture(8)))
    assert not torch.equal(drawn(both, **BOTH), drawn(adapter, adapter_image=picture(5)))


def test_several_nets_and_an_adapter(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    nets = several(tiny_pipe.unet)
    pipe = made(with_adapter(with_control(TEXT2IMAGE_BLOCKS)), tiny_folder, tiny_pipe, nets)
    images = {"control_image": [picture(8)] * len(nets.nets), "adapter_image": picture(5)}
    assert drawn(pipe, **images).shape == (2, 4, 8, 8)


def test_the_combination_is_saved_and_opened(tiny_folder: Path, tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict(with_adapter(with_control(INPAINT_BLOCKS)))
    blocks.save_pretrained(str(tmp_path / "blocks"))
    opened = ModularPipelineBlocks.from_pretrained(str(tmp_path / "blocks"))
    assert str(opened) == str(blocks)
    assert opened.input_names == blocks.input_names
    assert torch.equal(
        drawn(made(dict(opened.sub_blocks), tiny_folder, tiny_pipe), **BOTH, **TASKS["inpainting"][1]),
        drawn(made(dict(blocks.sub_blocks), tiny_folder, tiny_pipe), **BOTH, **TASKS["inpainting"][1]),
    )


@pytest.mark.parametrize("task", ["image2image", "inpainting"])
def test_the_adapter_of_an_image_task_draws_what_it_drew_where_it_wrote_sizes(
    task: str, tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    blocks, inputs = TASKS[task]
    now = with_adapter(blocks)
    before = InsertableDict(now)
    before.pop("adapter_input")
    before.insert_before("prepare_latents", "adapter_input", adapter(SDXL)["adapter_input"])
    one, other = (made(each, tiny_folder, tiny_pipe) for each in (now, before))
    assert torch.equal(drawn(one, **inputs, **ADAPTED), drawn(other, **inputs, **ADAPTED))
    # A size of its own is the image's, which another size had to be brought to by hand.
    small = {"adapter_image": picture(5, 48), "height": None, "width": None}
    assert drawn(one, **inputs, **small).shape == (2, 4, 8, 8)
