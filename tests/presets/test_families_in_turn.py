"""One denoising by two families of one VAE, and an image of one family that another refines; what "in turn" is in general is tested with its blocks."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import diffusers
import pytest
import torch
from family_rows import wan, z_image
from family_table import families

from brickwork import CompositionError, InputError, ModularPipeline, SequentialPipelineBlocks
from brickwork.blocks.techniques.families_in_turn import vae_difference
from brickwork.engine.events import StepFinished
from brickwork.families.contract import FamilyContract, bound_family
from brickwork.presets.families_in_turn import families_in_turn, refined_by

LATENTS = [
    ("flux", "chroma"),
    ("chroma", "z_image"),
    ("z_image", "flux"),
    ("wan_frame", "qwenimage"),
    ("qwenimage", "wan_frame"),
]
ASKED: dict[str, Any] = {"prompt": ["a red circle", "two cat on the blue"], "height": 32, "width": 48}
OF_FIRST: dict[str, Any] = {"num_inference_steps": 4, "guidance_scale": 3.0, "max_sequence_length": 64}
OF_SECOND: dict[str, Any] = {"num_inference_steps": 5, "guidance_scale": 2.0, "max_sequence_length": 48}
GIVEN = {**ASKED, **OF_FIRST, **{f"second_{name}": value for name, value in OF_SECOND.items()}}
SIGMAS = [1.0, 0.75, 0.5, 0.25]
ALIGNED = {
    **{name: value for name, value in GIVEN.items() if not name.endswith("num_inference_steps")},
    "sigmas": SIGMAS,
    "second_sigmas": SIGMAS,
}
"""No noise level of one lies between two timesteps of the other."""


def contract(name: str) -> FamilyContract:
    return bound_family(first_task(name).values())


def first_task(name: str) -> Any:
    tasks = families()[name].tasks
    return tasks[next(iter(tasks))].blocks


@cache
def flow() -> Any:
    """One schedule for all: its grids are then the same."""
    return diffusers.FlowMatchEulerDiscreteScheduler(shift=2.0)


@cache
def parts(name: str) -> dict[str, Any]:
    """Components of a family, with the VAE that it has in common with others."""
    made = families()[name].parts("float32")
    torch.manual_seed(5)
    own: dict[str, Any] = {}
    if name in ("chroma", "z_image"):
        own["vae"] = copy.deepcopy(parts("flux")["vae"])
    if name == "z_image":
        own["transformer"] = z_image.transformer(16).eval()
    if name == "wan_frame":
        # The same network in another class.
        own["vae"] = diffusers.AutoencoderKLWan(base_dim=4, num_res_blocks=1).eval()
        own["vae"].load_state_dict(parts("qwenimage")["vae"].state_dict())
        own["transformer"] = wan.transformer(16, 16).eval()
    return {**made, **own, "scheduler": flow()}


def ready(blocks: Any, first: str, second: str = "", **changed: Any) -> ModularPipeline:
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline()
    pipe.configure(progress=False)
    others = {f"second_{name}": part for name, part in parts(second).items()} if second else {}
    given = {**parts(first), **others, **changed}
    pipe.update_components(**{name: part for name, part in given.items() if name in pipe.component_names})
    return pipe


@cache
def alone(name: str, is_first: bool) -> torch.Tensor:
    found: torch.Tensor = ready(first_task(name), name)(
        **ASKED, **(OF_FIRST if is_first else OF_SECOND), seed=7, output_type="latent", output="images"
    )
    return found


@cache
def handing(first: str, second: str) -> ModularPipeline:
    return ready(families_in_turn(contract(first), contract(second), "latents"), first, second)


@pytest.mark.parametrize(("first", "second"), LATENTS)
def test_latents_are_handed_over_between_families_of_one_vae(first: str, second: str) -> None:
    """All and nothing is a family alone, bit for bit; between, the second begins with the latents at which the first stopped."""
    pipe = handing(first, second)
    assert torch.equal(
        pipe(**GIVEN, seed=7, output_type="latent", first_share=1.0, output="images"), alone(first, True)
    )
    assert torch.equal(
        pipe(**GIVEN, seed=7, output_type="latent", first_share=0.0, output="images"), alone(second, False)
    )
    told: list[torch.Tensor] = []
    stopped: list[torch.Tensor] = []
    denoiser = pipe.components["second_transformer"]
    hook = denoiser.register_forward_pre_hook(
        lambda _, args, kwargs: told.append(told_latents(args, kwargs)), with_kwargs=True
    )
    pipe.configure(listeners=[lambda event: stopped.append(event.values["latents"]) if is_of_first(event) else None])
    try:
        found = pipe(**ALIGNED, seed=7, output_type="latent", first_share=0.5, output="images")
    finally:
        hook.remove()
        pipe.configure(listeners=[])
    assert torch.isfinite(found).all()
    assert not torch.equal(found, alone(first, True))
    assert not torch.equal(found, alone(second, False))
    handed = contract(second).tokens_of(stopped[-1]) if told[0].ndim == 3 else stopped[-1]
    seen = told[0][-len(handed) :].reshape(handed.shape)
    assert float((seen - handed).abs().max()) < 1e-5


def is_of_first(event: object) -> bool:
    return isinstance(event, StepFinished) and "second" not in event.path


def told_latents(args: Any, kwargs: Any) -> torch.Tensor:
    given = kwargs["hidden_states"] if "hidden_states" in kwargs else args[0]
    return torch.stack(given) if isinstance(given, list) else given


@pytest.mark.parametrize("name", ["z_image", "wan_frame"])
def test_a_family_that_follows_itself_by_latents(name: str) -> None:
    """Within rounding, as where no one else came between: the level is read in the family's own sign and time."""
    pipe = handing(name, name)
    given = {**GIVEN, **{f"second_{key}": value for key, value in OF_FIRST.items()}}
    found = pipe(**given, seed=7, output_type="latent", first_share=0.5, output="images")
    assert float((found - alone(name, True)).abs().max()) < 1e-3


def test_latents_of_another_scale_are_refused_with_what_differs() -> None:
    """By shift, by numbers of channels, by a weight, and by a setting that the other class does not know."""
    odd = copy.deepcopy(parts("chroma")["vae"])
    odd.register_to_config(shift_factor=0.3)
    assert vae_difference(parts("flux")["vae"], odd) == "shift_factor (0.1 and 0.3)"
    made, other = parts("wan_frame")["vae"], parts("qwenimage")["vae"]
    assert vae_difference(made, other) == vae_difference(other, made) == ""
    odd = copy.deepcopy(made)
    odd.register_to_config(latents_mean=[1.0] * 16)
    assert vae_difference(odd, other).startswith("latents_mean ([1.0, 1.0,")
    odd.register_to_config(latents_mean=other.config.latents_mean, patch_size=2)
    assert vae_difference(odd, other) == "patch_size (2 and None)"
    assert vae_difference(other, odd) == "patch_size (None and 2)"
    pipe = handing("wan_frame", "qwenimage")
    pipe.update_components(vae=odd)
    try:
        with pytest.raises(
            InputError, match=r"The VAEs of both families differ in patch_size .*through=\"pixels\""
        ) as caught:
            pipe(**GIVEN, first_share=0.5)
        assert "Only their decoders differ" not in str(caught.value)
    finally:
        pipe.update_components(vae=made)


def test_a_decoder_that_was_trained_further_is_allowed_where_it_is_asked_for() -> None:
    """What latents mean, the encoder says; its own weights are compared in any case."""
    other = copy.deepcopy(parts("qwenimage")["vae"])
    with torch.no_grad():
        other.decoder.conv_in.bias += 1
        other.post_quant_conv.bias += 1
    pipe = handing("wan_frame", "qwenimage")
    pipe.update_components(second_vae=other)
    try:
        with pytest.raises(
            InputError,
            match=r'the weight post_quant_conv.bias, .*Only their decoders differ: compared="encoder" hands latents over',
        ):
            pipe(**GIVEN, first_share=0.5)
    finally:
        pipe.update_components(second_vae=parts("qwenimage")["vae"])
    of_encoder = families_in_turn(contract("wan_frame"), contract("qwenimage"), "latents", compared="encoder")
    pipe = ready(of_encoder, "wan_frame", "qwenimage", second_vae=other)
    given = {**GIVEN, "seed": 7, "output_type": "latent", "first_share": 0.5, "output": "images"}
    assert torch.equal(pipe(**given), handing("wan_frame", "qwenimage")(**given))
    with torch.no_grad():
        other.quant_conv.bias += 1
    with pytest.raises(InputError, match="differ in the weight quant_conv.bias, so latents"):
        pipe(**given)
    wrong: Any = "decoder"
    with pytest.raises(CompositionError, match='compared is \'decoder\'; it is "whole" or "encoder".'):
        families_in_turn(contract("flux"), contract("chroma"), compared=wrong)


@pytest.mark.parametrize(("first", "second"), [("flux", "stable_diffusion"), ("wan_frame", "flux")])
def test_a_refiner_of_another_family_is_both_one_after_the_other(first: str, second: str) -> None:
    scheduler, image2image = (
        families()[second].parts("float32")["scheduler"],
        families()[second].tasks["image2image"].blocks,
    )
    both = ready(refined_by(contract(first), contract(second)), first, second, second_scheduler=scheduler)
    given = {**GIVEN, "height": 64, "width": 64, "strength": 0.6, "output_type": "pt"}
    of_first, of_second = {**OF_FIRST}, {**OF_SECOND}
    if second == "stable_diffusion":
        # Its text encoder reads one number of tokens.
        for each, name in (
            (given, "second_max_sequence_length"),
            (given, "max_sequence_length"),
            (of_first, "max_sequence_length"),
        ):
            del each[name]
        del of_second["max_sequence_length"]
    found = both(**given, generator=torch.Generator().manual_seed(7), output="images")
    generator = torch.Generator().manual_seed(7)
    size = {**ASKED, "height": 64, "width": 64, "output_type": "pt", "generator": generator}
    drawn = ready(first_task(first), first)(**size, **of_first, output="images")
    refining = ready(image2image, second, scheduler=scheduler)
    assert torch.equal(found, refining(image=drawn, strength=0.6, **size, **of_second, output="images"))
    assert not torch.equal(found, drawn)


def test_a_refiner_that_would_make_another_number_of_images_is_refused() -> None:
    solvers = {name: diffusers.DDIMScheduler() for name in ("scheduler", "second_scheduler")}
    pipe = ready(refined_by(contract("stable_diffusion"), contract("dit")), "stable_diffusion", "dit", **solvers)
    with pytest.raises(InputError, match="prompt says 2, class_labels says 1"):
        pipe(prompt=["a", "b"], class_labels=[1], height=16, width=16, strength=0.5)


def test_what_refines_is_a_family() -> None:
    wrong: Any = "sdxl"
    with pytest.raises(
        CompositionError, match=r"refined_by\(first, second\) takes the contract of a family, .* was given 'sdxl'"
    ):
        refined_by(contract("flux"), wrong)
