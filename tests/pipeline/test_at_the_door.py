"""What people who know diffusers do first with a pipeline: look at it, read its scheduler, load an adapter, cast it."""

from __future__ import annotations

import copy
import logging
import pydoc
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from PIL import Image
from safetensors.torch import save_file
from tiny_adapters import image_encoder, ip_adapter
from transformers import CLIPImageProcessor

from brickwork import (
    ClassifierFreeGuidance,
    ComponentError,
    ComponentSpec,
    InputError,
    ModularPipeline,
    SequentialPipelineBlocks,
)
from brickwork.blocks.steps.ip_adapter import EncodeImagePrompt
from brickwork.families.sdxl import SDXL
from brickwork.pipeline.mixed_dtypes import note_mixed_dtypes
from brickwork.presets.embedded import FOLDER
from brickwork.presets.sdxl import IP_ADAPTER_BLOCKS, TEXT2IMAGE_BLOCKS
from brickwork.registry.devices.casting import cast


@pytest.fixture
def unloaded() -> ModularPipeline:
    return ModularPipeline.from_pretrained(str(FOLDER))


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> Iterator[logging.Logger]:
    """The logger by which diffusers warns of casts, as loud as it is outside of tests."""
    logger = logging.getLogger("diffusers.models.modeling_utils")
    level = logger.level
    logger.addHandler(caplog.handler)
    logger.setLevel(logging.WARNING)
    yield logger
    logger.removeHandler(caplog.handler)
    logger.setLevel(level)


def warned(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(record.getMessage() for record in caplog.records)


def test_a_scheduler_is_made_of_that_of_the_repository_before_anything_is_loaded(unloaded: ModularPipeline) -> None:
    unloaded.scheduler = DDIMScheduler.from_config(unloaded.scheduler.config)
    assert isinstance(unloaded.scheduler, DDIMScheduler)
    assert unloaded.scheduler.config.beta_schedule == "scaled_linear"
    assert unloaded.null_component_names == [
        "tokenizer",
        "tokenizer_2",
        "text_encoder",
        "text_encoder_2",
        "unet",
        "vae",
    ]


@pytest.mark.parametrize("name", ["unet", "tokenizer"])
def test_what_is_read_of_others_before_loading_is_none(name: str, unloaded: ModularPipeline) -> None:
    assert getattr(unloaded, name) is None
    assert name in unloaded.null_component_names


def test_a_scheduler_of_nowhere_or_none_on_purpose_stays_none(unloaded: ModularPipeline) -> None:
    assert SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline().scheduler is None
    unloaded.update_components(scheduler=None)
    assert unloaded.scheduler is None


def test_printing_shows_every_component_and_where_it_is_from(unloaded: ModularPipeline) -> None:
    unloaded.scheduler = DDIMScheduler()
    shown = str(unloaded)
    assert "null" not in shown
    assert shown == repr(unloaded)
    assert shown.endswith("What is not loaded is None as an attribute, until pipe.load_components().")
    unloaded.load_components()
    assert "load_components" not in str(unloaded)
    (line,) = [line for line in shown.splitlines() if line.startswith("  scheduler ")]
    assert line.split() == ["scheduler", "DDIMScheduler", "loaded", "created", "from", "its", "config"]


def test_completion_offers_what_a_person_uses(unloaded: ModularPipeline) -> None:
    offered = dir(unloaded)
    assert {"unet", "scheduler", "load_components", "save_pretrained", "stream", "components", "blocks"} <= {*offered}
    assert [name for name in offered if name.startswith("_") and not name.startswith("__")] == []
    assert {"prepare_run", "kept_plans", "register", "promised_key", "described", "take_from"}.isdisjoint(offered)
    assert "load_components" in pydoc.render_doc(type(unloaded))


def test_an_ip_adapter_says_at_loading_that_no_block_feeds_it(
    tiny_pipe: ModularPipeline, caplog: pytest.LogCaptureFixture
) -> None:
    tiny_pipe.load_ip_adapter(ip_adapter(tiny_pipe.unet))
    tiny_pipe.unload_ip_adapter()
    said = warned(caplog)
    assert "no block of this pipeline turns an image into ip_adapter_embeds" in said
    assert "pipe.blocks.insert('ip_adapter', image_prompt(pipe.family)['ip_adapter'], 0)" in said
    assert "sdxl.auto" in said


def test_a_block_alone_says_which_size_its_encoder_sees(tiny_pipe: ModularPipeline) -> None:
    block = EncodeImagePrompt.bind(SDXL)(
        image_encoder=image_encoder(),
        feature_extractor=CLIPImageProcessor(),
        denoiser=tiny_pipe.unet,
        guider=ClassifierFreeGuidance(),
    )
    tiny_pipe.load_ip_adapter(ip_adapter(tiny_pipe.unet))
    try:
        with pytest.raises(
            InputError, match="feature_extractor makes 224x224 of ip_adapter_image, and image_encoder sees"
        ):
            block.run(ip_adapter_image=Image.new("RGB", (64, 64)))
        seen = block.run(ip_adapter_image=torch.zeros(1, 3, 32, 32))
    finally:
        tiny_pipe.unload_ip_adapter()
    assert seen.image_prompt["ip_adapter_embeds"][0].shape == (1, 1, 24)


def test_what_it_advises_runs_and_is_then_not_said(
    tiny_pipe: ModularPipeline, caplog: pytest.LogCaptureFixture
) -> None:
    from brickwork.presets.tasks import image_prompt

    pipe = copy.copy(tiny_pipe)
    pipe.blocks.insert("ip_adapter", image_prompt(pipe.family)["ip_adapter"], 0)
    assert "ip_adapter_image" in pipe.blocks.input_names
    pipe.load_ip_adapter(ip_adapter(pipe.unet))
    pipe.unload_ip_adapter()
    assert "IP-Adapter" not in warned(caplog)
    assert IP_ADAPTER_BLOCKS["ip_adapter"].__name__ == type(pipe.blocks.sub_blocks["ip_adapter"]).__name__


def test_a_cast_says_of_parts_in_float32_only_where_there_are_some(
    heard: logging.Logger, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    vae, before = ModularPipeline.from_pretrained(str(FOLDER)).load_components("vae").vae, list(heard.filters)
    assert cast(vae, dtype=torch.float16).dtype == torch.float16
    assert warned(caplog) == ""
    monkeypatch.setattr(type(vae), "_keep_in_fp32_modules", ["decoder"])
    cast(vae, dtype=torch.float32)
    assert "['decoder']" in warned(caplog)
    assert heard.filters == before


@pytest.mark.usefixtures("heard")
def test_decoding_in_float16_and_casting_a_pipeline_say_nothing(
    tiny_pipe: ModularPipeline, caplog: pytest.LogCaptureFixture
) -> None:
    pipe = copy.deepcopy(tiny_pipe)
    pipe.to("fp16")
    assert pipe.vae.config.force_upcast
    pipe.to("fp32")
    pipe.vae.half()
    pipe("a cat", num_inference_steps=1, output="images")
    assert "kept in float32" not in warned(caplog)


def test_a_single_file_is_of_the_class_that_the_blocks_expect(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    save_file({"x": torch.ones(1)}, tmp_path / "unet.safetensors")
    pipe = copy.copy(tiny_pipe)
    pipe.update_components(unet=ComponentSpec("unet", repo=str(tmp_path / "unet.safetensors")))
    assert pipe.specs["unet"].type_hint is UNet2DConditionModel
    pipe.update_components(unet=ComponentSpec("unet", repo="owner/name"))
    assert pipe.specs["unet"]._type_hint is None  # a folder says it


def test_a_name_on_the_hub_may_end_as_a_file_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Exception, match=r"There is no file me/unet\.bin.*Nor is it found as a repository"):
        ModularPipeline.from_pretrained("me/unet.bin", local_files_only=True)
    (tmp_path / "me").mkdir()
    with pytest.raises(Exception, match=r"There is no file me/unet\.bin, and no other file of weights in .*me\.$"):
        ModularPipeline.from_pretrained("me/unet.bin", local_files_only=True)


@pytest.mark.parametrize("given", [{"prompt": None}, {"prompt": None, "negative_prompt": "x"}])
def test_none_for_what_is_required_is_refused(given: dict[str, Any], tiny_pipe: ModularPipeline) -> None:
    with pytest.raises(InputError, match="prompt is None; it must be str"):
        tiny_pipe(**given)


def test_none_beside_what_stands_in_its_place_is_none(tiny_pipe: ModularPipeline) -> None:
    embeds = tiny_pipe("a cat", num_inference_steps=1, output=["prompt_embeds", "pooled_prompt_embeds"])
    call = {"num_inference_steps": 1, "output_type": "latent", "output": "images", "seed": 1}
    assert tiny_pipe(prompt=None, negative_prompt=None, **embeds, **call).shape[0] == 1


def test_latents_of_another_size_are_refused_before_the_prompt_is_encoded(tiny_pipe: ModularPipeline) -> None:
    begun: list[Any] = []
    pipe = copy.copy(tiny_pipe)
    pipe.configure(listeners=[begun.append])
    with pytest.raises(InputError, match=r"latents have the shape \[1, 4, 16, 16\]; 1 image needs \[1, 4,"):
        pipe("a cat", latents=torch.zeros(1, 4, 16, 16), num_inference_steps=1)
    assert begun == []


def test_a_model_of_two_dtypes_is_named_where_torch_fails(tiny_pipe: ModularPipeline) -> None:
    pipe = copy.deepcopy(tiny_pipe)
    pipe.unet.conv_in.half()
    with pytest.raises(RuntimeError) as failed:
        pipe("a cat", num_inference_steps=1)
    notes = "\n".join(failed.value.__notes__)
    assert re.search(r"unet has weights in float32, and conv_in\.\w+ and 1 more in float16\. .*pipe\.to\(dtype=", notes)
    assert "vae" not in notes.splitlines()[-1]


@pytest.mark.parametrize(
    ("kept", "message"), [(["conv_in"], "mat1 and mat2 must have the same dtype"), (None, "out of luck")]
)
def test_what_is_kept_in_float32_on_purpose_and_other_errors_are_left_alone(
    kept: list[str] | None, message: str, tiny_pipe: ModularPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = copy.deepcopy(tiny_pipe)
    pipe.unet.half().conv_in.float()
    monkeypatch.setattr(type(pipe.unet), "_keep_in_fp32_modules", kept)
    error = RuntimeError(message)
    note_mixed_dtypes(error, pipe.components)
    assert not hasattr(error, "__notes__")


def test_a_variant_is_of_all_components_that_are_loaded(unloaded: ModularPipeline) -> None:
    pipe = ModularPipeline.from_pretrained(str(FOLDER), variant="fp16")
    assert {pipe.specs[name].variant for name in pipe.pretrained_component_names} == {"fp16"}
    assert {unloaded.specs[name].variant for name in unloaded.pretrained_component_names} == {None}
    with pytest.raises(ComponentError, match="variant 'fp16'"):
        pipe.load_components("vae")
