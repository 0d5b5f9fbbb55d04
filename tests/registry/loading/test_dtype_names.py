"""Names of dtypes, wherever one is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from brickwork import ComponentError, ComponentSpec, ModularPipeline
from brickwork.registry.loading.dtype_names import dtype_named, is_dtype_name


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("fp16", torch.float16),
        ("half", torch.float16),
        ("float16", torch.float16),
        ("torch.float16", torch.float16),
        ("bf16", torch.bfloat16),
        ("bfloat16", torch.bfloat16),
        ("fp32", torch.float32),
        (torch.float64, torch.float64),
        (None, None),
    ],
)
def test_names_are_understood(name: Any, dtype: Any) -> None:
    assert dtype_named(name) is dtype


@pytest.mark.parametrize("name", ["fp61", "int8", torch.int8, "nn", "", 16, "uint8"])
def test_others_are_refused_with_the_names(name: Any) -> None:
    assert not is_dtype_name(name)
    with pytest.raises(ComponentError, match="is no dtype of weights.*'fp16'"):
        dtype_named(name)


@pytest.mark.parametrize("option", ["dtype", "torch_dtype"])
def test_a_repository_is_loaded_in_the_dtype_that_it_was_opened_with(tiny_folder: Path, option: str) -> None:
    options: dict[str, Any] = {option: "bf16"}
    pipe = ModularPipeline.from_pretrained(str(tiny_folder), **options).load_components(["unet", "vae", "scheduler"])
    assert (pipe.unet.dtype, pipe.vae.dtype) == (torch.bfloat16, torch.bfloat16)
    pipe.load_components("unet", dtype="float32")
    assert pipe.unet.dtype is torch.float32


def test_each_component_may_have_its_own(tiny_folder: Path) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder), dtype={"vae": "fp32", "default": torch.float16})
    pipe.load_components(["unet", "vae"])
    assert (pipe.unet.dtype, pipe.vae.dtype) == (torch.float16, torch.float32)
    with pytest.raises(ComponentError, match="no component 'unett'"):
        ModularPipeline.from_pretrained(str(tiny_folder), dtype={"unett": "fp16"})


def test_a_spec_and_a_pipeline_that_is_there_take_names(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    loaded = ComponentSpec("unet", repo=str(tiny_folder), subfolder="unet")
    loaded.type_hint = type(tiny_pipe.unet)
    own = loaded.load(torch_dtype="bf16")
    assert own.dtype is torch.bfloat16
    tiny_pipe.unet = own
    for name in tiny_pipe.pretrained_component_names:
        if name != "unet":
            tiny_pipe.components[name] = None
    assert tiny_pipe.to("fp32").unet.dtype is torch.float32
    assert tiny_pipe.to(dtype="fp16").unet.dtype is torch.float16
    assert tiny_pipe.to("cpu", "float32").unet.dtype is torch.float32


def test_a_device_that_is_not_there_leaves_all_as_it_was(tiny_pipe: ModularPipeline) -> None:
    with pytest.raises(ComponentError, match="This machine has no device 'xpu'. There are: cpu"):
        tiny_pipe.to("xpu")
    assert tiny_pipe.device == torch.device("cpu")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("fp17", "Did you mean the dtype 'fp16'?"),
        ("bfloat61", "Did you mean the dtype 'bfloat16'?"),
        ("cudda", "Did you mean 'cuda'?"),
        ("cudaa:1", "Did you mean 'cuda:1'?"),
        ("cpuu", "Did you mean 'cpu'?"),
        ("gpu", "A GPU has the name of its kind: 'cuda' (NVIDIA and AMD), 'mps' (Apple) or 'xpu' (Intel)."),
        ("gpu:1", "A GPU has the name of its kind: "),
        ("nowhere", "(Expected one of cpu, "),
        (
            "balanced",
            "'balanced' divides models over devices. A manager has components on several: enable_auto_cpu_offload(devices=[",
        ),
    ],
)
def test_a_misspelt_device_or_dtype_is_answered_with_the_nearest(
    tiny_pipe: ModularPipeline, given: str, said: str
) -> None:
    with pytest.raises(ComponentError) as caught:
        tiny_pipe.to(given)
    assert str(caught.value).startswith(f"This machine has no device {given!r}. There are: cpu. {said}")


@pytest.mark.parametrize("given", [["cpu"], ("cuda:0", "cuda:1"), {"unet": "cpu"}, True, 1.5])
def test_what_is_no_device_is_answered_with_what_is_one_and_where_several_are_said(
    tiny_pipe: ModularPipeline, given: Any
) -> None:
    with pytest.raises(ComponentError) as caught:
        tiny_pipe.to(given)
    assert str(caught.value) == (
        f"{given!r} is no device; it takes one: 'cuda', 'cuda:1', a number, or a torch.device. A manager has components on several: "
        "enable_auto_cpu_offload(devices=['cuda:0', 'cuda:1']), or with devices={'text_encoders': 'cuda:1', 'default': 'cuda:0'}."
    )


def test_a_misspelt_dtype_is_answered_with_the_nearest() -> None:
    with pytest.raises(
        ComponentError, match=r"^dtype='fp17' is no dtype of weights\. Did you mean 'fp16'\? Give torch"
    ):
        dtype_named("fp17")


@pytest.mark.parametrize("second", ["float16", torch.float16, {"default": "half"}])
def test_two_spellings_of_one_dtype_are_looked_at_alike_everywhere(second: Any, tiny_folder: Path) -> None:
    folder = str(tiny_folder)
    pipe = ModularPipeline.from_pretrained(folder, dtype="fp16", torch_dtype=second).load_components("vae")
    other = ModularPipeline.from_pretrained(folder).load_components("vae", dtype="fp16", torch_dtype=second)
    assert pipe.vae.dtype == other.vae.dtype == torch.float16
    said = "dtype=torch.float32 and torch_dtype=torch.float16 are two spellings of one thing; give one."
    with pytest.raises(ComponentError, match=said):
        ModularPipeline.from_pretrained(folder, dtype="fp32", torch_dtype=second)
    with pytest.raises(ComponentError, match=said):
        other.load_components("unet", dtype="fp32", torch_dtype=second)
