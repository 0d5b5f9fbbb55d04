"""`torch_dtype` means in `init_pipeline` and `load_workflow` what it means in `from_pretrained`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from brickwork import ComponentError, ModularPipeline, SequentialPipelineBlocks, load_workflow
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS


def initialised(folder: Path, _: Path, **options: Any) -> ModularPipeline:
    return SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline(str(folder), **options)


def of_a_workflow(folder: Path, place: Path, **options: Any) -> ModularPipeline:
    (place / "flow.yaml").write_text(f"brickwork: 1\nstart: sdxl.text2image\nrepo: {folder}\n")
    return load_workflow(place / "flow.yaml", **options)


@pytest.mark.parametrize("made", [initialised, of_a_workflow])
def test_models_are_loaded_in_the_dtype_that_was_given(
    made: Callable[..., ModularPipeline], tiny_folder: Path, tmp_path: Path
) -> None:
    pipe = made(tiny_folder, tmp_path, torch_dtype="fp16").load_components(["vae"])
    assert pipe.vae.dtype == torch.float16
    pipe = made(tiny_folder, tmp_path, dtype={"vae": torch.bfloat16, "default": "fp16"})
    assert [pipe.specs[name].dtype for name in ("vae", "unet")] == ["bfloat16", "float16"]


@pytest.mark.parametrize("made", [initialised, of_a_workflow])
def test_a_dtype_that_is_none_is_refused_as_in_from_pretrained(
    made: Callable[..., ModularPipeline], tiny_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ComponentError, match="dtype='fp61'.*'fp16'"):
        made(tiny_folder, tmp_path, torch_dtype="fp61")
    with pytest.raises(ComponentError, match="torch_dtype=torch.float16 are two spellings"):
        made(tiny_folder, tmp_path, torch_dtype="fp16", dtype="bf16")


def test_a_variant_of_the_weights_is_said_with_the_pipeline(
    tiny_pipe: ModularPipeline, tiny_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ComponentError, match="fp16"):
        ModularPipeline.from_pretrained(tiny_folder, variant="fp16").load_components("unet")
    tiny_pipe.save_pretrained(tmp_path, variant="fp16")
    pipe = ModularPipeline.from_pretrained(tmp_path, variant="fp16", use_safetensors=True)
    assert {pipe.specs[name].variant for name in pipe.pretrained_component_names} == {"fp16"}
    pipe.load_components()
    assert torch.equal(pipe.unet.conv_in.weight, tiny_pipe.unet.conv_in.weight)


def test_a_fault_that_components_have_in_common_is_said_once_with_their_names(tiny_folder: Path) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder))
    with pytest.raises(ComponentError) as caught:
        pipe.load_components(["unet", "vae"], dtype="fp17")
    assert str(caught.value).startswith("unet, vae: dtype='fp17' is no dtype of weights. Did you mean 'fp16'?")
    with pytest.raises(ComponentError) as caught:
        pipe.load_components(["unet", "vae"], dtype={"vae": "fp17"})
    assert str(caught.value).startswith("dtype='fp17' is no dtype of weights.")
    assert str(caught.value).count("fp17") == 1
