"""T2I-Adapters equal diffusers' own pipeline bit for bit, on the same weights, seeds and inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from coarse_images import picture
from diffusers import MultiAdapter
from technique_families import family, pipe_of
from tiny_adapters import t2i_adapter

from brickwork import ComponentError, InputError, ModularPipeline, SequentialPipelineBlocks
from brickwork.presets import tasks
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS, with_adapter


def adapted(adapter: Any, tiny_folder: Path, tiny_pipe: ModularPipeline) -> ModularPipeline:
    pipe = SequentialPipelineBlocks.from_blocks_dict(with_adapter(TEXT2IMAGE_BLOCKS)).init_pipeline(str(tiny_folder))
    pipe.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    pipe.update_components(adapter=adapter)
    pipe.configure(progress=False)
    return pipe


def both(pipe: ModularPipeline, tiny_pipe: ModularPipeline, **inputs: Any) -> tuple[Any, Any]:
    parts = {name: pipe.components[name] for name in (*tiny_pipe.pretrained_component_names, "adapter")}
    classic = diffusers.StableDiffusionXLAdapterPipeline(**parts)
    classic.set_progress_bar_config(disable=True)
    given = {"prompt": "a cat", "num_inference_steps": 4, "guidance_scale": 5.0, "output_type": "latent",
             "adapter_image": picture(8), "height": 64, "width": 64, **inputs}  # fmt: skip
    mine = pipe(**given, generator=torch.Generator().manual_seed(7), output="images")
    theirs = {**given, "image": given["adapter_image"]}
    del theirs["adapter_image"]
    return mine, classic(**theirs, generator=torch.Generator().manual_seed(7)).images


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"adapter_conditioning_scale": 0.4},
        {"adapter_conditioning_factor": 0.5},
        {"guidance_scale": 1.0},
        {"num_images_per_prompt": 2},
        {"adapter_image": picture(8, 80), "height": None, "width": None},
    ],
    ids=["plain", "scale", "factor", "no guidance", "two results", "own size"],
)
def test_features_are_added_as_in_the_classic_pipeline(
    inputs: dict[str, Any], tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    pipe = adapted(t2i_adapter(), tiny_folder, tiny_pipe)
    mine, expected = both(pipe, tiny_pipe, **inputs)
    assert torch.equal(mine, expected)


def test_several_adapters(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    pipe = adapted(MultiAdapter([t2i_adapter(2), t2i_adapter(3)]), tiny_folder, tiny_pipe)
    inputs = {"adapter_image": [picture(8), picture(9)], "adapter_conditioning_scale": [0.3, 0.9]}
    mine, expected = both(pipe, tiny_pipe, **inputs)
    assert torch.equal(mine, expected)
    for wrong, message in (({"adapter_image": [picture(8)]}, "There are 2 adapters"),
                           ({"adapter_conditioning_scale": [1.0]}, "has 1 values for 2 adapters")):  # fmt: skip
        with pytest.raises(InputError, match=message):
            pipe(prompt="a cat", num_inference_steps=2, output="images", **{**inputs, **wrong})


def test_a_scale_of_0_is_off_and_another_model_is_refused(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    pipe = adapted(t2i_adapter(), tiny_folder, tiny_pipe)
    inputs = {
        "prompt": "a cat",
        "num_inference_steps": 3,
        "height": 64,
        "width": 64,
        "output_type": "latent",
        "output": "images",
    }
    plain = tiny_pipe(**inputs, generator=torch.Generator().manual_seed(1))
    off = pipe(
        **inputs, adapter_image=picture(8), adapter_conditioning_scale=0.0, generator=torch.Generator().manual_seed(1)
    )
    on = pipe(**inputs, adapter_image=picture(8), generator=torch.Generator().manual_seed(1))
    assert torch.equal(off, plain)
    assert not torch.allclose(on, plain, atol=1e-3)
    with pytest.raises(ComponentError, match="'adapter' expects a T2IAdapter, and got an AutoencoderKL"):
        pipe.update_components(adapter=tiny_pipe.vae)


def test_counts_of_adapters_are_compared_before_anything_is_computed(
    tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    pipe = adapted(MultiAdapter([t2i_adapter(2), t2i_adapter(3)]), tiny_folder, tiny_pipe)

    def called(*_: object) -> None:
        raise AssertionError("a text was encoded")

    hook = pipe.text_encoder.register_forward_pre_hook(called)
    for inputs, message in (
        ({"adapter_image": picture(8)}, "There are 2 adapters; give adapter_image a list with one image for each"),
        (
            {"adapter_image": [picture(8)] * 2, "adapter_conditioning_scale": [1.0]},
            "adapter_conditioning_scale has 1 values for 2 adapters",
        ),
    ):
        with pytest.raises(InputError, match=message):
            pipe(prompt="a cat", num_inference_steps=2, output="images", **inputs)
    hook.remove()


def of_stable_diffusion(task: str, adapter: Any, **given: Any) -> torch.Tensor:
    pipe = pipe_of("stable_diffusion", tasks.with_adapter, task, adapter=adapter)
    inputs = {
        **family("stable_diffusion").tasks[task].given,
        "seed": 7,
        "output_type": "pt",
        "adapter_image": picture(8),
    }
    found: torch.Tensor = pipe(**{**inputs, **given}, output="images")
    return found


@pytest.mark.parametrize("task", ["image2image", "inpainting"])
def test_tasks_of_images_have_adapters_that_no_classic_has(task: str) -> None:
    """At scale 0, and before their window, the image is the plain one, bit for bit."""
    given = {**family("stable_diffusion").tasks[task].given, "seed": 7, "output_type": "pt"}
    plain = pipe_of("stable_diffusion", None, task)(**given, output="images")
    assert torch.equal(of_stable_diffusion(task, t2i_adapter(), adapter_conditioning_scale=0.0), plain)
    assert torch.equal(of_stable_diffusion(task, t2i_adapter(), adapter_conditioning_factor=0.0), plain)
    drawn = of_stable_diffusion(task, t2i_adapter())
    assert not torch.equal(drawn, plain)
    two = MultiAdapter([t2i_adapter(), t2i_adapter()])
    both = {"adapter_image": [picture(8), picture(8)], "adapter_conditioning_scale": [0.5, 0.5]}
    assert torch.allclose(of_stable_diffusion(task, two, **both), drawn, atol=1e-5)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            {"channels": [8, 8]},
            "of 8 channels and 4x4 for block 0 of the denoiser, which has 16 channels and 4x4 there",
        ),
        ({"downscale_factor": 8}, "of 16 channels and 8x8 for block 0 of the denoiser, which has 16 channels and 4x4"),
        ({"channels": [16, 16]}, "of 16 channels and 4x4 for block 1 of the denoiser, which has 32 channels and 4x4"),
        ({"in_channels": 1}, r"adapter_image has 3 channels, and the adapter reads 1 (in_channels). Give them in grey"),
        ({"in_channels": 5}, "adapter_image has 3 channels, and the adapter reads 5 (in_channels)."),
    ],
)
def test_adapters_of_other_models_are_refused(config: dict[str, Any], words: str) -> None:
    usual = {"in_channels": 3, "channels": [16, 32], "num_res_blocks": 1, "downscale_factor": 16}
    adapter = diffusers.T2IAdapter(**{**usual, **config}, adapter_type="full_adapter_xl").eval()
    with pytest.raises(InputError) as caught:
        of_stable_diffusion("image2image", adapter)
    assert words in str(caught.value)
