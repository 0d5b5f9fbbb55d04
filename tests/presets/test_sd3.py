"""Stable Diffusion 3 beyond what the classic pipelines do: control in every task, nets that differ, images as prompts, and what is refused."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import diffusers
import pytest
import tiny_families
import torch
from coarse_images import half_mask, picture, square_mask
from family_rows import flux as flux_rows
from family_rows import sd3 as rows
from family_rows.sd3 import ASKED, FAMILY, deep, likely, masked
from safetensors.torch import save_file
from tiny_adapters import ip_adapter
from tiny_families import sd3_controlnet, sd3_ip_adapter, siglip
from tiny_sd import unet

from brickwork import BrickworkError, ComponentError, InputError, MemoryCache, ModularPipeline, SequentialPipelineBlocks
from brickwork.presets.sd3 import (
    CONTROLNET_IMAGE2IMAGE,
    CONTROLNET_INPAINT,
    CONTROLNET_TEXT2IMAGE,
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    IP_ADAPTER_BLOCKS,
    TEXT2IMAGE_BLOCKS,
    SD3AutoBlocks,
)

ONE = {**ASKED, "prompt": "a red circle", "negative_prompt": "blue", "num_inference_steps": 2, "output_type": "latent"}
OF_IMAGE = {**ONE, "image": picture(3), "strength": 0.7, "num_inference_steps": 3}
OF_MASK = {**OF_IMAGE, "mask_image": half_mask()}
TASKS: dict[str, tuple[Mapping[str, Any], Mapping[str, Any], dict[str, Any]]] = {
    "text2image": (TEXT2IMAGE_BLOCKS, CONTROLNET_TEXT2IMAGE, ONE),
    "image2image": (IMAGE2IMAGE_BLOCKS, CONTROLNET_IMAGE2IMAGE, OF_IMAGE),
    "inpainting": (INPAINT_BLOCKS, CONTROLNET_INPAINT, OF_MASK),
}
EDGES = {"control_image": picture(8)}


def steerable() -> Any:
    torch.manual_seed(11)
    return deep().eval()


def pipeline(blocks: Mapping[str, Any] | type, **parts: Any) -> ModularPipeline:
    """A preset over the tiny parts that the rows have, with a transformer that nets steer."""
    made = blocks() if isinstance(blocks, type) else SequentialPipelineBlocks.from_blocks_dict(blocks)
    pipe = made.init_pipeline()
    pipe.configure(progress=False)
    own = {**FAMILY.parts("float32"), "transformer": steerable(), **parts}
    own["scheduler"] = copy.deepcopy(own["scheduler"])
    pipe.update_components(**{name: part for name, part in own.items() if name in pipe.component_names})
    return pipe


def steered(task: str, net: Any, **parts: Any) -> ModularPipeline:
    return pipeline(TASKS[task][1], controlnet=net, **parts)


def drawn(pipe: ModularPipeline, **given: Any) -> Any:
    return pipe(**given, generator=torch.Generator().manual_seed(7), output="images")


@pytest.mark.parametrize("task", TASKS)
def test_control_of_no_weight_is_the_task_without_it(task: str) -> None:
    plain, _, given = TASKS[task]
    pipe = steered(task, sd3_controlnet())
    expected = drawn(pipeline(plain), **given)
    assert torch.equal(drawn(pipe, **given, **EDGES, controlnet_conditioning_scale=0.0), expected)
    assert torch.equal(drawn(pipe, **given, **EDGES, control_guidance_start=0.99), expected)
    assert not torch.equal(drawn(pipe, **given, **EDGES), expected)


def test_what_lies_outside_of_the_mask_comes_back_under_control() -> None:
    source = torch.randn(1, 16, 8, 8, generator=torch.Generator().manual_seed(4))
    found = drawn(steered("inpainting", sd3_controlnet()), **{**OF_MASK, "image": source}, **EDGES)
    assert torch.equal(found[..., :4], source[..., :4])
    assert not torch.equal(found[..., 4:], source[..., 4:])


def test_a_control_image_shows_the_part_that_is_worked_on() -> None:
    """Beside the square that is drawn anew, and its margin, it says nothing."""
    pipe = steered("inpainting", sd3_controlnet())
    given = {**OF_MASK, "mask_image": square_mask(), "padding_mask_crop": 4, "output_type": "pil"}
    left, top, right, bottom = square_mask().getbbox()
    shown, same, other = picture(8), picture(9), picture(9)
    box = (left - 8, top - 8, right + 8, bottom + 8)
    same.paste(shown.crop(box), box)
    first, again, changed = (drawn(pipe, **given, control_image=each)[0].tobytes() for each in (shown, same, other))
    assert first == again
    assert first != changed
    with pytest.raises(InputError, match="padding_mask_crop works on PIL images, and control_mask is another kind"):
        drawn(pipe, **given, **EDGES, control_mask=torch.ones(1, 1, 64, 64))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("is_steered", [False, True])
def test_all_tasks_in_one_do_what_each_does(task: str, is_steered: bool) -> None:
    plain, controlled, given = TASKS[task]
    net = sd3_controlnet()
    one = pipeline(controlled if is_steered else plain, controlnet=net)
    more = EDGES if is_steered else {}
    assert torch.equal(drawn(pipeline(SD3AutoBlocks, controlnet=net), **given, **more), drawn(one, **given, **more))


def residuals(pipe: ModularPipeline, **given: Any) -> Sequence[torch.Tensor]:
    """What the first step adds to the blocks."""
    seen: list[Any] = []
    hook = pipe.transformer.register_forward_pre_hook(
        lambda _, __, kwargs: seen.append(kwargs["block_controlnet_hidden_states"]), with_kwargs=True
    )
    with hook:
        drawn(pipe, **ONE, **given)
    found: Sequence[torch.Tensor] = seen[0]
    return found


def test_nets_of_other_depths_are_added_up_block_by_block() -> None:
    """The classic adds as many residuals as the shorter one has, and drops the rest."""
    nets = sd3_controlnet(num_layers=3), sd3_controlnet(4, num_layers=1)
    long, short = (residuals(steered("text2image", net), **EDGES) for net in nets)
    several = diffusers.SD3MultiControlNetModel(list(nets))
    both = residuals(steered("text2image", several), control_image=[picture(8)] * 2)
    assert len(both) == 3
    assert all(torch.equal(found, one + short[0]) for found, one in zip(both, long, strict=True))
    assert len(several(torch.zeros(1, 16, 8, 8), [torch.zeros(1, 16, 8, 8)] * 2, [1.0, 1.0],
                       torch.zeros(1, 32), torch.zeros(1, 4, 32), torch.ones(1), return_dict=False)[0]) == 1  # fmt: skip


def test_each_of_several_nets_is_given_what_it_was_trained_with() -> None:
    """The classic asks the first, or its own class, for all: here one reads a mask, one zeros for the pooled vector, and one neither."""
    nets = masked(), sd3_controlnet(5, force_zeros_for_pooled_projection=True), sd3_controlnet(6)
    mask = {"control_mask": half_mask()}
    alone = [residuals(steered("text2image", net), **EDGES, **(mask if net is nets[0] else {})) for net in nets]
    together = steered("text2image", diffusers.SD3MultiControlNetModel(list(nets)))
    (found,) = residuals(together, control_image=[picture(8)] * 3, **mask)
    assert torch.equal(found, alone[0][0] + alone[1][0] + alone[2][0])


def pooled_of(net: Any, pipe: ModularPipeline, **given: Any) -> torch.Tensor:
    """What a net is told in place of the pooled prompt embeddings, at the first step."""
    seen: list[torch.Tensor] = []
    hook = net.register_forward_pre_hook(
        lambda _, __, kwargs: seen.append(kwargs["pooled_projections"]), with_kwargs=True
    )
    with hook:
        drawn(pipe, **{**ASKED, "num_inference_steps": 1, "output_type": "latent"}, **EDGES, **given)
    return seen[0]


def test_a_net_is_told_pooled_vectors_of_the_callers_own() -> None:
    """The classic asks them for their truth, which tensors have not."""
    net = sd3_controlnet()
    pipe = steered("text2image", net)
    each, one = torch.randn(2, 32), torch.randn(1, 32)
    assert torch.equal(pooled_of(net, pipe, controlnet_pooled_projections=each), torch.cat([each, each]))
    assert torch.equal(pooled_of(net, pipe, controlnet_pooled_projections=one), one.expand(4, -1))
    several = pooled_of(net, pipe, controlnet_pooled_projections=each, num_images_per_prompt=2)
    assert torch.equal(several, each.repeat_interleave(2, dim=0).repeat(2, 1))
    with pytest.raises(
        InputError, match="controlnet_pooled_projections has 3 rows, and there are 2 images; give one for each prompt"
    ):
        pooled_of(net, pipe, controlnet_pooled_projections=torch.randn(3, 32))
    parts = {**FAMILY.parts("float32"), "transformer": pipe.transformer, "controlnet": net}
    with pytest.raises(RuntimeError, match="Boolean value of Tensor"):
        FAMILY.classic(diffusers.StableDiffusion3ControlNetPipeline, parts)(
            **ASKED, **EDGES, controlnet_pooled_projections=each
        )


def test_a_net_without_places_of_its_own_is_as_it_was() -> None:
    """The classic puts a layer of the transformer on it, which `save_pretrained` then writes."""
    net = sd3_controlnet(joint_attention_dim=None, use_pos_embed=False)
    assert len(residuals(steered("text2image", net), **EDGES)) == 1
    assert net.pos_embed is None


@pytest.mark.parametrize(
    ("net", "given", "words"),
    [
        (masked, {}, r"reads a mask beside its image \(extra_conditioning_channels\): give control_mask=\.\.\."),
        (sd3_controlnet, {"control_mask": half_mask()}, "this one reads none: leave it out"),
        (sd3_controlnet, {"guess_mode": True}, "the ControlNets of stable-diffusion-3 steer every one; leave it out"),
        (sd3_controlnet, {"control_mode": 1}, "control_mode is for union ControlNets"),
        (
            masked,
            {"control_mask": half_mask(), "control_image": torch.zeros(1, 16, 8, 8)},
            "control_image is latents, which cannot be masked",
        ),
    ],
)
def test_what_a_net_cannot_do_is_refused(net: Any, given: dict[str, Any], words: str) -> None:
    with pytest.raises(BrickworkError, match=words):
        drawn(steered("text2image", net()), **{**ONE, **EDGES, **given})


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (flux_rows.net, "FluxControlNetModel"),
        (lambda: diffusers.ControlNetModel.from_unet(unet()), "ControlNetModel"),
        (lambda: diffusers.FluxMultiControlNetModel([flux_rows.net()]), "FluxMultiControlNetModel"),
    ],
)
def test_a_net_of_another_family_is_refused(make: Any, name: str) -> None:
    with pytest.raises(ComponentError, match=rf"(?s)controlnet.*SD3ControlNetModel.*{name}"):
        pipeline(CONTROLNET_TEXT2IMAGE, controlnet=make())


def test_a_net_of_this_family_is_refused_by_another() -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict(flux_rows.CONTROLNET_TEXT2IMAGE).init_pipeline()
    with pytest.raises(ComponentError, match=r"(?s)controlnet.*FluxControlNetModel.*SD3ControlNetModel"):
        blocks.update_components(controlnet=sd3_controlnet())


CLASSIC: dict[str, tuple[Any, dict[str, Any]]] = {
    "StableDiffusion3ControlNetPipeline": (sd3_controlnet, EDGES),
    "StableDiffusion3ControlNetInpaintingPipeline": (masked, {**EDGES, "control_mask": half_mask()}),
}


@pytest.mark.parametrize("name", CLASSIC)
def test_a_folder_of_the_classic_opens_as_its_task(name: str, tmp_path: Path) -> None:
    make, inputs = CLASSIC[name]
    parts = {**FAMILY.parts("float32"), "transformer": steerable(), "controlnet": make()}
    classic = FAMILY.classic(getattr(diffusers, name), parts)
    classic.save_pretrained(tmp_path)
    given = {**ASKED, **inputs, "output_type": "np"}
    with likely(classic):
        expected = classic(**given, generator=torch.Generator().manual_seed(7)).images
    pipe = ModularPipeline.from_pretrained(str(tmp_path))
    pipe.load_components()
    pipe.configure(progress=False)
    assert (drawn(pipe, **given) == expected).all()


@pytest.mark.parametrize("several", [False, True])
def test_what_is_saved_with_nets_opens_and_draws_the_same(several: bool, tmp_path: Path) -> None:
    """diffusers has no way to save several."""
    net = rows.nets() if several else sd3_controlnet()
    given = {**ONE, "control_image": [picture(8), picture(9)] if several else picture(8)}
    pipe = steered("text2image", net)
    pipe.save_pretrained(str(tmp_path))
    again = ModularPipeline.from_pretrained(str(tmp_path))
    again.load_components()
    again.configure(progress=False)
    assert type(again.controlnet) is type(net)
    assert torch.equal(drawn(again, **given), drawn(pipe, **given))


def told_images(task: str = "text2image", **parts: Any) -> ModularPipeline:
    blocks = {**IP_ADAPTER_BLOCKS, **TASKS[task][0]}
    return pipeline(blocks, transformer=copy.deepcopy(FAMILY.parts("float32")["transformer"]), **{**siglip(), **parts})


def test_an_adapter_that_is_loaded_is_that_of_the_classic(tmp_path: Path) -> None:
    weights = {f"{part}.{name}": each for part, held in sd3_ip_adapter().items() for name, each in held.items()}
    save_file({name: each.contiguous() for name, each in weights.items()}, tmp_path / "ip-adapter.safetensors")
    pipe = told_images()
    classic = FAMILY.classic(diffusers.StableDiffusion3Pipeline, {**copy.deepcopy(FAMILY.parts("float32")), **siglip()})
    given = {**ASKED, "ip_adapter_image": picture(5), "output_type": "np"}
    plain = {name: value for name, value in given.items() if name != "ip_adapter_image"}
    without = drawn(pipe, **plain)
    for each in (pipe, classic):
        assert not each.is_ip_adapter_active
        each.load_ip_adapter(str(tmp_path))
        assert each.is_ip_adapter_active
    seen = []
    for scale in (0.7, 0.0):
        for each in (pipe, classic):
            each.set_ip_adapter_scale(scale)
            assert each.is_ip_adapter_active == bool(scale)
        seen.append(drawn(pipe, **given))
        assert (seen[-1] == classic(**given, generator=torch.Generator().manual_seed(7)).images).all()
    assert not (seen[0] == without).all()
    assert (seen[1] == without).all()
    # Without an image the transformer draws as it did; a UNet could not.
    pipe.set_ip_adapter_scale(0.7)
    assert (drawn(pipe, **plain) == without).all()
    pipe.unload_ip_adapter()
    assert (drawn(pipe, **plain) == without).all()
    with pytest.raises(InputError, match="has no IP-Adapter, so an image says nothing to it"):
        drawn(pipe, **given)


def test_embeddings_of_an_image_stand_for_it() -> None:
    """The classic takes the one tensor by itself."""
    pipe = told_images()
    pipe.load_ip_adapter(sd3_ip_adapter())
    image = drawn(pipe, **ONE, ip_adapter_image=picture(5))
    shown = pipe.feature_extractor(picture(5), return_tensors="pt").pixel_values
    seen = pipe.image_encoder(shown, output_hidden_states=True).hidden_states[-2].detach()
    embeds = torch.cat([torch.zeros_like(seen), seen])
    assert torch.equal(drawn(pipe, **ONE, ip_adapter_image_embeds=[embeds]), image)
    assert torch.equal(drawn(pipe, **ONE, ip_adapter_image_embeds=[embeds[:, None]]), image)


def test_the_cache_knows_of_an_adapter_and_its_scale() -> None:
    pipe = told_images()
    pipe.configure(cache=MemoryCache())
    plain = drawn(pipe, **ONE)
    pipe.load_ip_adapter(sd3_ip_adapter())
    found = []
    for scale in (0.2, 0.9, 0.2):
        pipe.set_ip_adapter_scale(scale)
        found.append(drawn(pipe, **ONE, ip_adapter_image=picture(5)))
    assert torch.equal(found[0], found[2])
    assert not torch.equal(found[0], found[1])
    assert not torch.equal(found[0], plain)


def other_kind(kind: str) -> dict[str, dict[str, torch.Tensor]]:
    if kind == "UNet2DConditionModel":
        return ip_adapter(unet())
    names = [f"0.to_{part}_ip.{each}" for part in "kv" for each in ("weight", "bias")]
    return {"image_proj": {"proj.weight": torch.ones(1)}, "ip_adapter": {name: torch.ones(1) for name in names}}


@pytest.mark.parametrize("kind", ["UNet2DConditionModel", "FluxTransformer2DModel"])
def test_an_adapter_of_another_family_is_refused_by_the_name_of_its_network(kind: str) -> None:
    with pytest.raises(
        ComponentError, match=rf"is one for a {kind} .*transformer of stable-diffusion-3 is an SD3Transformer2DModel"
    ):
        told_images().load_ip_adapter(other_kind(kind))


def test_an_adapter_of_this_family_is_refused_by_another() -> None:
    blocks = {**flux_rows.TEXT2IMAGE_BLOCKS}
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline()
    pipe.update_components(transformer=tiny_families.flux_transformer())
    with pytest.raises(ComponentError, match="is one for an SD3Transformer2DModel .* is a FluxTransformer2DModel"):
        pipe.load_ip_adapter(sd3_ip_adapter())


def test_a_second_adapter_and_half_of_one_are_refused_and_the_first_stays() -> None:
    pipe = told_images()
    pipe.load_ip_adapter(sd3_ip_adapter())
    before = drawn(pipe, **ONE, ip_adapter_image=picture(5))
    with pytest.raises(
        ComponentError, match="2 IP-Adapters were given, and the transformer of stable-diffusion-3 takes"
    ):
        pipe.load_ip_adapter([sd3_ip_adapter(), sd3_ip_adapter()], [None, None], ["a", "b"])
    half = sd3_ip_adapter(seed=5)
    del half["image_proj"]["layers.3.ln0.weight"]
    with pytest.raises(ComponentError, match=r"does not fit the transformer: .*layers\.3\.ln0\.weight"):
        pipe.load_ip_adapter(half)
    with pytest.raises(InputError, match=r"reads one image, and was given 2: give ip_adapter_image=\.\.\. one image"):
        drawn(pipe, **ONE, ip_adapter_image=[[picture(5), picture(6)]])
    assert torch.equal(drawn(pipe, **ONE, ip_adapter_image=picture(5)), before)


def test_images_of_another_size_than_the_encoder_sees_are_refused() -> None:
    own = {"feature_extractor": type(siglip()["feature_extractor"])(size={"height": 48, "width": 48})}
    pipe = told_images(**own)
    pipe.load_ip_adapter(sd3_ip_adapter())
    with pytest.raises(
        InputError, match=r"feature_extractor makes 48x48 .* sees 32x32\. update_components\(.*size=\{'height': 32"
    ):
        drawn(pipe, **ONE, ip_adapter_image=picture(5))


def test_an_image_encoder_comes_from_beside_the_adapter(tmp_path: Path) -> None:
    """The classic takes the folder's name for a repository."""
    weights = {f"{part}.{name}": each for part, held in sd3_ip_adapter().items() for name, each in held.items()}
    save_file({name: each.contiguous() for name, each in weights.items()}, tmp_path / "ip-adapter.safetensors")
    parts = siglip()
    parts["image_encoder"].save_pretrained(tmp_path / "image_encoder")
    expected = told_images()
    pipe = told_images(image_encoder=None)
    for each in (expected, pipe):
        each.load_ip_adapter(str(tmp_path))
    found = drawn(pipe, **ONE, ip_adapter_image=picture(5))
    assert torch.equal(found, drawn(expected, **ONE, ip_adapter_image=picture(5)))
    classic = FAMILY.classic(diffusers.StableDiffusion3Pipeline, copy.deepcopy(FAMILY.parts("float32")))
    with pytest.raises((OSError, ValueError, TypeError)):
        classic.load_ip_adapter(str(tmp_path), subfolder="")
