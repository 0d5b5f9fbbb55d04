"""Images as prompts equal diffusers' own pipelines bit for bit, on the same weights, seeds and inputs."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from coarse_images import half_mask, picture
from diffusers.image_processor import IPAdapterMaskProcessor
from hub_server import Hub
from PIL import Image
from safetensors.torch import save_file
from tiny_adapters import controlnet, image_encoder, ip_adapter, ip_adapter_plus
from transformers import CLIPImageProcessor

from brickwork import (
    Block,
    ComponentError,
    InputError,
    MemoryCache,
    ModularPipeline,
    Outputs,
    RepoError,
    SequentialPipelineBlocks,
    TrustError,
)
from brickwork.families.sdxl import SDXL
from brickwork.presets.sdxl import IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS, IP_ADAPTER_BLOCKS, TEXT2IMAGE_BLOCKS, AutoBlocks

TASKS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "text2image": (TEXT2IMAGE_BLOCKS, diffusers.StableDiffusionXLPipeline, {"height": 64, "width": 64}),
    "image2image": (IMAGE2IMAGE_BLOCKS, diffusers.StableDiffusionXLImg2ImgPipeline, {"image": picture(3), "strength": 0.7}),
    "inpainting": (INPAINT_BLOCKS, diffusers.StableDiffusionXLInpaintPipeline,
                   {"image": picture(3), "mask_image": half_mask(), "strength": 0.7, "height": 64, "width": 64}),
}  # fmt: skip
REMARKS = logging.getLogger("diffusers.models.modeling_utils")
PROCESSOR = CLIPImageProcessor(size=32, crop_size=32)


def with_pictures(task: str, tiny_folder: Path, tiny_pipe: ModularPipeline) -> ModularPipeline:
    blocks = SequentialPipelineBlocks.from_blocks_dict(TASKS[task][0])
    blocks.sub_blocks.insert("ip_adapter", IP_ADAPTER_BLOCKS["ip_adapter"], 0)
    pipe = blocks.init_pipeline(str(tiny_folder))
    pipe.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    pipe.update_components(image_encoder=image_encoder(), feature_extractor=PROCESSOR)
    pipe.configure(progress=False)
    return pipe


@pytest.fixture
def unet(tiny_pipe: ModularPipeline) -> Iterator[Any]:
    """The shared UNet, which must be as before in the end."""
    before = {name: tensor.clone() for name, tensor in tiny_pipe.unet.state_dict().items()}
    yield tiny_pipe.unet
    tiny_pipe.unload_ip_adapter()
    after = tiny_pipe.unet.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any("IPAdapter" in type(each).__name__ for each in tiny_pipe.unet.attn_processors.values())


def both(task: str, ours: ModularPipeline, tiny_pipe: ModularPipeline, **inputs: Any) -> tuple[Any, Any]:
    parts = {
        name: ours.components[name]
        for name in (*tiny_pipe.pretrained_component_names, "image_encoder", "feature_extractor")
    }
    classic = TASKS[task][1](**parts, add_watermarker=False)
    classic.set_progress_bar_config(disable=True)
    given = {"prompt": "a cat", "num_inference_steps": 4, "guidance_scale": 5.0, **TASKS[task][2], **inputs}
    source = given.pop("generator", torch.Generator().manual_seed(7))
    mine = ours(**given, output_type="latent", generator=copied(source), output="images")
    return mine, classic(**given, output_type="latent", generator=copied(source)).images


def copied(source: Any) -> Any:
    """A generator, or several, in the same state."""
    return [copied(each) for each in source] if isinstance(source, list) else source.clone_state()


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    "inputs",
    [
        {"ip_adapter_image": picture(9)},
        {"ip_adapter_image": picture(9), "num_images_per_prompt": 2},
        {"ip_adapter_image": picture(9), "guidance_scale": 1.0},
        {"ip_adapter_image": [[picture(9), picture(10)]]},
        {"ip_adapter_image_embeds": [torch.randn(2, 1, 24, generator=torch.Generator().manual_seed(1))]},
    ],
    ids=["one", "two results", "no guidance", "two images", "embeddings"],
)
def test_a_picture_is_a_prompt_as_in_the_classic_pipeline(
    task: str, inputs: dict[str, Any], tiny_folder: Path, tiny_pipe: ModularPipeline, unet: Any
) -> None:
    ours = with_pictures(task, tiny_folder, tiny_pipe)
    ours.load_ip_adapter(ip_adapter(unet))
    ours.set_ip_adapter_scale(0.7)
    mine, expected = both(task, ours, tiny_pipe, **inputs)
    assert torch.equal(mine, expected)


def test_several_adapters_with_scales_of_their_own(tiny_folder: Path, tiny_pipe: ModularPipeline, unet: Any) -> None:
    ours = with_pictures("text2image", tiny_folder, tiny_pipe)
    ours.load_ip_adapter([ip_adapter(unet, 4), ip_adapter(unet, 5)], [None, None], ["a", "b"])
    ours.set_ip_adapter_scale([0.3, 0.9])
    mine, expected = both("text2image", ours, tiny_pipe, ip_adapter_image=[picture(9), [picture(10), picture(11)]])
    assert torch.equal(mine, expected)
    ours.set_ip_adapter_scale(0.9)
    other, _ = both("text2image", ours, tiny_pipe, ip_adapter_image=[picture(9), [picture(10), picture(11)]])
    assert not torch.equal(mine, other)
    with pytest.raises(ComponentError, match="3 scales were given for 2 IP-Adapters"):
        ours.set_ip_adapter_scale([1.0, 1.0, 1.0])
    with pytest.raises(InputError, match="1 images were given for 2 IP-Adapters"):
        ours(prompt="a cat", num_inference_steps=2, ip_adapter_image=picture(9), output="images")


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("scale", [5.0, 1.0])
def test_an_adapter_that_looks_at_hidden_states(
    task: str, scale: float, tiny_folder: Path, tiny_pipe: ModularPipeline, unet: Any
) -> None:
    ours = with_pictures(task, tiny_folder, tiny_pipe)
    ours.load_ip_adapter(ip_adapter_plus(unet))
    mine, expected = both(task, ours, tiny_pipe, ip_adapter_image=picture(9), guidance_scale=scale)
    assert torch.equal(mine, expected)


def test_each_picture_counts_where_its_mask_is(tiny_folder: Path, tiny_pipe: ModularPipeline, unet: Any) -> None:
    ours = with_pictures("text2image", tiny_folder, tiny_pipe)
    ours.load_ip_adapter(ip_adapter(unet))
    left, right = half_mask().transpose(Image.Transpose.FLIP_LEFT_RIGHT), half_mask()
    masks = IPAdapterMaskProcessor().preprocess([left, right], height=64, width=64).reshape(1, 2, 64, 64)
    given = {"ip_adapter_image": [[picture(9), picture(10)]], "cross_attention_kwargs": {"ip_adapter_masks": [masks]}}
    mine, expected = both("text2image", ours, tiny_pipe, **given)
    assert torch.equal(mine, expected)
    plain, _ = both("text2image", ours, tiny_pipe, ip_adapter_image=[[picture(9), picture(10)]])
    assert not torch.allclose(mine, plain, atol=1e-3)
    for odd in ([masks, masks], [masks[0]], 3):
        given["cross_attention_kwargs"] = {"ip_adapter_masks": odd}
        with pytest.raises(
            InputError,
            match=r"ip_adapter_masks is .*; give a list with one tensor \[1 images height width\] for each of the 1",
        ):
            ours.prepare_run(None, "images", {"prompt": "a cat", **given})
    given["cross_attention_kwargs"] = {"ip_adapter_masks": [None], "scale": 0.5}
    ours.prepare_run(None, "images", {"prompt": "a cat", **given})


def test_an_adapter_without_a_picture_is_an_error_in_words(
    tiny_folder: Path, tiny_pipe: ModularPipeline, unet: Any
) -> None:
    ours = with_pictures("text2image", tiny_folder, tiny_pipe)
    ours.load_ip_adapter(ip_adapter(unet))
    with pytest.raises(
        InputError, match=r"The UNet has an IP-Adapter, and no image was given: ip_adapter_image=\.\.\."
    ):
        ours(prompt="a cat", num_inference_steps=2)


def test_every_prompt_of_a_batch_sees_the_whole_picture(
    tiny_folder: Path, tiny_pipe: ModularPipeline, unet: Any
) -> None:
    ours = with_pictures("text2image", tiny_folder, tiny_pipe)
    ours.load_ip_adapter(ip_adapter(unet))
    prompts = ["a cat", "a red circle"]
    given = {"num_inference_steps": 3, "ip_adapter_image": picture(9)}
    generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
    mine, classic = both("text2image", ours, tiny_pipe, prompt=prompts, **given, generator=generators)
    assert torch.equal(mine, classic)
    for row, prompt in enumerate(prompts):
        source = torch.Generator().manual_seed(row + 1)
        alone, _ = both("text2image", ours, tiny_pipe, prompt=prompt, **given, generator=source)
        assert torch.allclose(mine[row : row + 1], alone, atol=1e-4)


def test_the_block_of_an_ip_adapter_stands_first_and_scale_0_is_off(
    tiny_folder: Path, tiny_pipe: ModularPipeline, unet: Any
) -> None:
    ours = with_pictures("text2image", tiny_folder, tiny_pipe)
    assert next(iter(ours.blocks.sub_blocks)) == "ip_adapter"
    assert {"image_encoder", "feature_extractor"} <= set(ours.component_names)
    assert "ip_adapter_image" in ours.blocks.input_names
    plain, _ = both("text2image", ours, tiny_pipe)
    ours.loader.load_ip_adapter(ip_adapter(unet))
    seen = []
    for scale in (0.0, 0.5, 1.0):
        ours.loader.set_ip_adapter_scale(scale)
        seen.append(both("text2image", ours, tiny_pipe, ip_adapter_image=picture(9))[0])
    assert torch.allclose(seen[0], plain, atol=1e-5)
    assert not torch.allclose(seen[1], plain, atol=1e-3)
    assert not torch.allclose(seen[2], seen[1], atol=1e-3)
    ours.unload_ip_adapter()
    assert torch.equal(both("text2image", ours, tiny_pipe)[0], plain)


def test_the_cache_knows_of_adapters(tiny_folder: Path, tiny_pipe: ModularPipeline, unet: Any) -> None:
    ours = with_pictures("text2image", tiny_folder, tiny_pipe)
    ours.configure(cache=MemoryCache())
    ours.load_ip_adapter(ip_adapter(unet))
    drawn = []
    for scale in (0.2, 0.9, 0.2):
        ours.set_ip_adapter_scale(scale)
        drawn.append(both("text2image", ours, tiny_pipe, ip_adapter_image=picture(9))[0])
    assert torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], drawn[1])


def test_a_picture_without_an_adapter_is_refused(tiny_folder: Path, tiny_pipe: ModularPipeline) -> None:
    ours = with_pictures("text2image", tiny_folder, tiny_pipe)
    with pytest.raises(InputError, match=r"has no IP-Adapter, so an image says nothing to it: pipe.load_ip_adapter"):
        ours(prompt="a cat", num_inference_steps=2, ip_adapter_image=picture(9), output="images")
    with pytest.raises(ComponentError, match="has no IP-Adapter: call load_ip_adapter"):
        ours.set_ip_adapter_scale(1.0)


def flat(state: dict[str, dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    return {f"{part}.{name}": tensor.contiguous() for part, held in state.items() for name, tensor in held.items()}


def test_adapters_come_from_folders_and_the_hub_with_their_image_encoder(
    tiny_folder: Path, tiny_pipe: ModularPipeline, unet: Any, tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "adapters" / "sdxl_models"
    folder.mkdir(parents=True)
    save_file(flat(ip_adapter(unet)), folder / "ip-adapter_sdxl.safetensors")
    image_encoder().save_pretrained(folder / "image_encoder")
    hub.add_folder("h94/IP-Adapter", tmp_path / "adapters")
    expected, heard = None, list[str]()
    monkeypatch.setattr(REMARKS, "isEnabledFor", lambda _: True)
    monkeypatch.setattr(REMARKS, "callHandlers", lambda record: heard.append(record.getMessage()))
    for repo in (str(tmp_path / "adapters"), "h94/IP-Adapter"):
        ours = with_pictures("text2image", tiny_folder, tiny_pipe)
        ours.unload_components("image_encoder") if "image_encoder" in ours.pretrained_component_names else None
        ours.components["image_encoder"] = None
        ours.load_ip_adapter(repo, subfolder="sdxl_models", weight_name="ip-adapter_sdxl.safetensors")
        assert not heard
        assert ours.specs["image_encoder"].repo == repo
        found, classic = both("text2image", ours, tiny_pipe, ip_adapter_image=picture(9))
        assert torch.equal(found, classic)
        assert expected is None or torch.equal(found, expected)
        expected = found
        ours.unload_ip_adapter()


class Unbound(Block):
    class Out(Outputs):
        n: int

    def run(self) -> Out:
        return self.Out(n=1)


def test_the_file_has_the_name_that_the_family_gives_it(tiny_pipe: ModularPipeline, unet: Any, tmp_path: Path) -> None:
    save_file(flat(ip_adapter(unet)), tmp_path / "ip-adapter_sdxl.safetensors")
    tiny_pipe.load_ip_adapter(str(tmp_path), image_encoder_folder=None)
    assert len(SDXL.image_projections(tiny_pipe.unet)) == 1
    tiny_pipe.unload_ip_adapter()
    other = SequentialPipelineBlocks.from_blocks_dict({"unbound": Unbound}).init_pipeline()
    with pytest.raises(
        ComponentError, match="of no family that says how its IP-Adapters' file is called: give weight_name"
    ):
        other.load_ip_adapter(str(tmp_path))


def test_adapters_that_are_none_are_refused(tiny_pipe: ModularPipeline, unet: Any, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(pickle.dumps({}))
    save_file({"x.y": torch.ones(1)}, tmp_path / "b.safetensors")
    save_file({"image_proj.proj.weight": torch.ones(1)}, tmp_path / "c.safetensors")
    (tmp_path / "d.safetensors").write_bytes(pickle.dumps({}))
    cases: list[tuple[str, type[Exception], str]] = [
        ("a.bin", TrustError, "is no .safetensors file"), ("b.safetensors", ComponentError, "it has 'x.y'"),
        ("c.safetensors", ComponentError, "it has no ip_adapter"), ("d.safetensors", ComponentError, "no safetensors file"),
        ("none.safetensors", RepoError, "has no file none.safetensors"), ("../x.safetensors", TrustError, "leads out"),
    ]  # fmt: skip
    for name, error, message in cases:
        with pytest.raises(error, match=message):
            tiny_pipe.load_ip_adapter(str(tmp_path), weight_name=name)


@pytest.mark.parametrize("part", ["ip_adapter", "image_proj"])
def test_an_adapter_that_does_not_fit_leaves_the_one_before(
    part: str, tiny_folder: Path, tiny_pipe: ModularPipeline, unet: Any
) -> None:
    ours = with_pictures("text2image", tiny_folder, tiny_pipe)
    ours.load_ip_adapter(ip_adapter(unet), subfolder="", weight_name="")
    before = dict(ours.unet.attn_processors), ours.unet.encoder_hid_proj
    broken = ip_adapter(unet, seed=5)
    broken[part] = {f"{name}.x": tensor for name, tensor in broken[part].items()}
    with pytest.raises(ComponentError, match="The IP-Adapter does not fit the UNet"):
        ours.load_ip_adapter(broken, subfolder="", weight_name="")
    assert dict(ours.unet.attn_processors) == before[0]
    assert ours.unet.encoder_hid_proj is before[1]
    ours.unload_ip_adapter()


@pytest.mark.parametrize("broken", ["adapter", "image encoder"])
def test_an_adapter_that_cannot_be_loaded_leaves_nothing(
    broken: str, tiny_folder: Path, tiny_pipe: ModularPipeline, unet: Any, tmp_path: Path
) -> None:
    state = flat(ip_adapter(unet))
    image_encoder().save_pretrained(tmp_path / "image_encoder")
    if broken == "adapter":
        state.pop("image_proj.norm.bias")
    else:
        file = tmp_path / "image_encoder" / "model.safetensors"
        file.write_bytes(file.read_bytes()[:-10])
    save_file(state, tmp_path / "a.safetensors")
    ours, before = with_pictures("text2image", tiny_folder, tiny_pipe), dict(unet.attn_processors)
    ours.components["image_encoder"] = None
    message = "does not fit the UNet" if broken == "adapter" else "is truncated"
    with pytest.raises(ComponentError, match=message):
        ours.load_ip_adapter(str(tmp_path), weight_name="a.safetensors")
    assert dict(unet.attn_processors) == before
    assert unet.encoder_hid_proj is None
    # Those that are set now are there again when another adapter goes.
    own = diffusers.models.attention_processor.AttnProcessor()
    unet.set_attn_processor(own)
    ours.load_ip_adapter(ip_adapter(unet))
    ours.unload_ip_adapter()
    assert all(each is own for each in unet.attn_processors.values())
    unet.set_attn_processor(before)


@pytest.mark.parametrize("task", TASKS)
def test_the_auto_composition_takes_pictures_as_prompts_beside_control(
    task: str, tiny_folder: Path, tiny_pipe: ModularPipeline, unet: Any
) -> None:
    auto = AutoBlocks().init_pipeline(str(tiny_folder))
    auto.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    auto.update_components(image_encoder=image_encoder(), feature_extractor=PROCESSOR, controlnet=controlnet(unet))
    auto.configure(progress=False)
    own = with_pictures(task, tiny_folder, tiny_pipe)
    own.load_ip_adapter(ip_adapter(unet))
    given = {
        "prompt": "a cat",
        "num_inference_steps": 3,
        "ip_adapter_image": picture(9),
        "height": 64,
        "width": 64,
        **TASKS[task][2],
    }

    def drawn(pipe: ModularPipeline, **more: Any) -> torch.Tensor:
        found: torch.Tensor = pipe(
            **given, **more, output_type="latent", generator=torch.Generator().manual_seed(1), output="images"
        )
        return found

    plain = drawn(own)
    assert torch.equal(drawn(auto), plain)
    assert not torch.allclose(drawn(auto, control_image=picture(8)), plain, atol=1e-3)
    assert f"ip_adapter_controlnet_{task}" in auto.available_workflows
