"""A denoising that begins in one family and ends in another."""

from __future__ import annotations

import copy
import math
from functools import cache
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from technique_families import GIVEN, contract, drawn, family, pipe_of

from brickwork import CompositionError, InputError, ModularPipeline, ModularPipelineBlocks, SequentialPipelineBlocks
from brickwork.blocks.techniques.families_in_turn import signal_and_noise, vae_difference
from brickwork.engine.events import StepFinished
from brickwork.presets.families_in_turn import families_in_turn

SOLVERS: dict[str, Any] = {
    "stable_diffusion": lambda: diffusers.EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012),
    "sdxl": lambda: diffusers.DDIMScheduler(clip_sample=False),
    "sd3": lambda: diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
    "flux": lambda: diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
    "dit": lambda: diffusers.DDIMScheduler(clip_sample=False),
    "ddpm": lambda: diffusers.DDIMScheduler(clip_sample=False),
}
PAIRS = [("stable_diffusion", "flux"), ("flux", "sdxl"), ("sd3", "stable_diffusion"), ("sdxl", "sd3")]
ASKED = {
    "prompt": ["a red circle", "blue"],
    "height": 64,
    "width": 64,
    "num_inference_steps": 6,
    "second_num_inference_steps": 8,
    "guidance_scale": 3.0,
    "second_guidance_scale": 2.0,
    "seed": 7,
    "output_type": "latent",
}
ASKED_OF_SECOND = ("second_num_inference_steps", "second_guidance_scale", "second_eta")


@cache
def in_turn(first: str, second: str, through: Any = "pixels") -> ModularPipeline:
    made = families_in_turn(contract(first), contract(second), through)
    pipe = SequentialPipelineBlocks.from_blocks_dict(made).init_pipeline()
    pipe.configure(progress=False)
    return pipe


def pipe_for(first: str, second: str, through: Any = "pixels", **parts: Any) -> ModularPipeline:
    pipe = in_turn(first, second, through)
    own = {**family(first).parts("float32"), "scheduler": SOLVERS[first]()}
    other = {**family(second).parts("float32"), "scheduler": SOLVERS[second]()}
    all_parts = {**own, **{f"second_{name}": part for name, part in other.items()}, **parts}
    pipe.update_components(**{name: part for name, part in all_parts.items() if name in pipe.component_names})
    return pipe


def alone(name: str, steps: int, scale: float) -> torch.Tensor:
    given = {key: ASKED[key] for key in ("prompt", "height", "width", "seed")}
    pipe = pipe_of(name, scheduler=SOLVERS[name]())
    return drawn(
        pipe, name, ("max_sequence_length",), **{**given, "num_inference_steps": steps, "guidance_scale": scale}
    )


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_all_or_nothing_is_a_family_alone(first: str, second: str) -> None:
    pipe = pipe_for(first, second)
    assert torch.equal(pipe(**ASKED, first_share=1.0, output="images"), alone(first, 6, 3.0))
    assert torch.equal(pipe(**ASKED, first_share=0.0, output="images"), alone(second, 8, 2.0))


def test_inputs_of_the_family_that_is_left_out_are_said_to_change_nothing(caplog: pytest.LogCaptureFixture) -> None:
    pipe, odd = pipe_for("sdxl", "stable_diffusion"), {"eta": 0.5, "second_eta": 0.5}
    for share, read, unread in (
        (1.0, ("eta",), ASKED_OF_SECOND),
        (0.0, ASKED_OF_SECOND, ("num_inference_steps", "guidance_scale", "eta")),
    ):
        caplog.clear()
        pipe(**ASKED, **odd, first_share=share)
        said = [line.split(": ")[1].split()[0] for line in caplog.messages if " runs, and does not read it" in line]
        assert said == sorted(unread)
        assert not set(said) & set(read)
    caplog.clear()
    pipe(**ASKED, **odd, first_share=0.5)
    assert "does not read it" not in caplog.text


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_the_second_begins_at_the_level_that_the_first_leaves(first: str, second: str) -> None:
    """Next to it on its own grid of timesteps: no other timestep is nearer."""
    pipe = pipe_for(first, second)
    state = pipe(**ASKED, first_share=0.5)
    assert state.get("noise_ratio") == pytest.approx(ratio_of(first, state.get("reached_timestep"), 6), rel=1e-3)
    whole, begun = pipe_of(second, scheduler=SOLVERS[second]()), []
    grid = drawn_timesteps(whole, second)
    away = {
        float(t): abs(math.log(ratio_of(second, t[None], 8)) - math.log(state.get("noise_ratio")))
        for t in grid
        if float(t) < 1000
    }
    pipe.configure(listeners=[lambda event: begun.append(steps_of(event)) if begins(event) else None])
    try:
        pipe(**ASKED, first_share=0.5)
    finally:
        pipe.configure(listeners=[])
    assert float(begun[0][0]) == min(away, key=away.__getitem__)
    assert len(begun[0]) < len(grid)
    assert torch.isfinite(state.get("images")).all()
    assert state.get("images").shape == alone(second, 8, 2.0).shape


def ratio_of(name: str, timestep: torch.Tensor, steps: int) -> float:
    """Noise by signal, by the formula of the schedule."""
    own = SOLVERS[name]()
    if "FlowMatch" in type(own).__name__:
        return float(timestep) / (1000 - float(timestep))
    own.set_timesteps(steps)
    if hasattr(own, "sigmas"):
        return float(own.sigmas[own.timesteps.tolist().index(float(timestep))])
    kept = float(own.alphas_cumprod[int(timestep)])
    return ((1 - kept) / kept) ** 0.5


def drawn_timesteps(pipe: ModularPipeline, name: str) -> torch.Tensor:
    given = {key: ASKED[key] for key in ("prompt", "height", "width", "seed", "output_type")}
    found: torch.Tensor = pipe(**given, num_inference_steps=8, guidance_scale=2.0, output="timesteps")
    return found


def steps_of(event: Any) -> Any:
    """The timesteps of the second family, which are private to its scope."""
    (name,) = [name for name in event.values if name.endswith("timesteps") and "second" in name]
    return event.values[name]


def begins(event: Any) -> bool:
    """Whether the loop of the second family has made its first step."""
    return isinstance(event, StepFinished) and "second" in event.path


@pytest.mark.parametrize("through", ["latents", "pixels"])
def test_a_family_that_follows_itself(through: str) -> None:
    """With the same network, VAE and schedule the second goes on where the first stopped, within rounding; through pixels it is another image."""
    pipe = pipe_for("stable_diffusion", "stable_diffusion", through)
    given = {**ASKED, "second_num_inference_steps": 6, "second_guidance_scale": 3.0}
    whole = alone("stable_diffusion", 6, 3.0)
    for share in (0.3, 0.5, 0.8):
        found = pipe(**given, first_share=share, output="images")
        assert torch.isfinite(found).all()
        assert (float((found - whole).abs().max()) < 1e-3) is (through == "latents")


def test_levels_of_both_kinds_of_schedules() -> None:
    flow = diffusers.FlowMatchEulerDiscreteScheduler()
    flow.set_timesteps(4)
    flow.set_begin_index(1)
    signal, noise = signal_and_noise(flow, flow.timesteps[1:2])
    assert (signal, noise) == pytest.approx((1 - float(flow.sigmas[1]), float(flow.sigmas[1])))
    ddim = diffusers.DDIMScheduler()
    ddim.set_timesteps(4)
    signal, noise = signal_and_noise(ddim, ddim.timesteps[1:2])
    assert signal**2 + noise**2 == pytest.approx(1)
    euler = diffusers.EulerDiscreteScheduler()
    euler.set_timesteps(4)
    euler.set_begin_index(2)
    assert signal_and_noise(euler, euler.timesteps[2:3]) == pytest.approx((1, float(euler.sigmas[2])))


def refused(pipe: ModularPipeline, **given: Any) -> str:
    with pytest.raises(InputError) as caught:
        pipe(**{**ASKED, **given})
    return str(caught.value)


def test_shares_and_solvers_that_do_not_fit_are_refused() -> None:
    pipe = pipe_for("stable_diffusion", "flux")
    said = refused(pipe, first_share=0.0001)
    assert "first_share=0.0001 of 6 steps leaves none to the first family; use more steps" in said
    assert "or 0, which is the other family alone." in said
    said = refused(pipe, first_share=0.9999)
    assert "leaves none to the second family" in said
    assert "or 1, which is the other family alone." in said
    assert "first_share is 1.5; it must be between 0 and 1" in refused(pipe, first_share=1.5)
    own = pipe_for("stable_diffusion", "flux", scheduler=diffusers.HeunDiscreteScheduler())
    assert "HeunDiscreteScheduler predicts more than once for a step" in refused(own, first_share=0.5)
    own = pipe_for("stable_diffusion", "flux", scheduler=diffusers.PNDMScheduler(skip_prk_steps=True))
    assert "PNDMScheduler predicts more than once for a step" in refused(own, first_share=0.5)
    other = pipe_for("flux", "sdxl", second_scheduler=diffusers.HeunDiscreteScheduler())
    assert "HeunDiscreteScheduler predicts more than once for a step" in refused(other, first_share=0.5)
    pipe = pipe_for("stable_diffusion", "flux")
    said = refused(pipe, first_share=0.5, height=56)
    assert "height is 56; it must be a multiple of 16." in said


SMALL = {"height": 16, "width": 16, "first_share": 0.5}


def asked_of(pipe: ModularPipeline, first: str, second: str) -> dict[str, Any]:
    """What both families read; DDPM is told nothing that guidance could leave out."""
    unread = {
        name for name, each in {"guidance_scale": first, "second_guidance_scale": second}.items() if each == "ddpm"
    }
    return {name: each for name, each in ASKED.items() if name in pipe.blocks.input_names and name not in unread}


def unequal(first: str, second: str, **given: Any) -> str:
    """What is said of inputs of which two families would make different numbers of images: before anything is computed."""
    pipe = pipe_for(first, second)
    ran: list[object] = []
    pipe.configure(listeners=[ran.append])
    asked = {name: each for name, each in asked_of(pipe, first, second).items() if name != "prompt"}
    try:
        with pytest.raises(InputError) as caught:
            pipe(**{**asked, **SMALL, **given})
    finally:
        pipe.configure(listeners=[])
    assert not any(isinstance(event, StepFinished) for event in ran)
    return str(caught.value)


def test_families_that_would_make_different_numbers_of_images_are_refused() -> None:
    two = ["a red circle", "blue"]
    said = unequal("stable_diffusion", "dit", prompt=two, class_labels=[1])
    assert "they differ in number: prompt says 2, class_labels says 1. Give as many of each;" in said
    assert "prompt says 2, class_labels says 3." in unequal(
        "stable_diffusion", "dit", prompt=two, class_labels=[1, 2, 3]
    )
    assert "prompt says 1, class_labels says 2." in unequal(
        "stable_diffusion", "dit", prompt="a cat", class_labels=[1, 2]
    )
    assert "class_labels says 1, prompt says 2." in unequal("dit", "stable_diffusion", prompt=two, class_labels=1)
    embeds = torch.zeros(3, 77, 32)
    said = unequal("dit", "stable_diffusion", prompt=two, class_labels=[1, 2], second_prompt_embeds=embeds)
    assert "class_labels says 2, second_prompt_embeds says 3." in said
    assert "prompt says 2, batch_size says 3." in unequal("stable_diffusion", "ddpm", prompt=two, batch_size=3)
    assert "batch_size says 3, prompt says 2." in unequal("ddpm", "stable_diffusion", prompt=two, batch_size=3)
    assert "batch_size says 1 (its default), prompt says 2." in unequal("ddpm", "stable_diffusion", prompt=two)


@pytest.mark.parametrize(
    ("first", "second", "given"),
    [
        ("stable_diffusion", "dit", {"class_labels": [1, 2]}),
        ("stable_diffusion", "ddpm", {"num_images_per_prompt": 2}),
        ("ddpm", "stable_diffusion", {"batch_size": 2}),
    ],
)
def test_families_that_are_told_different_things_make_the_same_images(
    first: str, second: str, given: dict[str, Any]
) -> None:
    pipe = pipe_for(first, second)
    found = pipe(**{**asked_of(pipe, first, second), **SMALL, **given}, output="images")
    assert len(found) == 2 * given.get("num_images_per_prompt", 1)
    assert torch.isfinite(found).all()


def test_a_second_family_alone_makes_as_many_images_as_is_asked() -> None:
    found = pipe_for("stable_diffusion", "ddpm")(
        batch_size=3, **{**SMALL, "first_share": 0.0}, second_num_inference_steps=2, output="images", output_type="pt"
    )
    assert len(found) == 3


def test_latents_are_handed_over_between_equal_vaes_alone() -> None:
    pipe = pipe_for("stable_diffusion", "sdxl", "latents")
    said = refused(pipe, first_share=0.5)
    assert "The VAEs of both families differ in scaling_factor (0.18215 and 0.13025)" in said
    assert 'families_in_turn(first, second, through="pixels")' in said
    vae = family("stable_diffusion").parts("float32")["vae"]
    copied = copy.deepcopy(vae)
    assert (
        vae_difference(vae, vae) == vae_difference(vae, copied) == vae_difference(vae, copied.to(torch.float64)) == ""
    )
    copied.to(torch.float32)
    with torch.no_grad():
        copied.decoder.conv_out.bias += 1
    assert vae_difference(vae, copied) == "the weight decoder.conv_out.bias"
    # A write that torch does not count, made after the two were found equal.
    again = copy.deepcopy(vae)
    assert vae_difference(vae, again) == ""
    again.decoder.conv_in.weight.data[0] += 1
    assert vae_difference(vae, again) == "the weight decoder.conv_in.weight"
    again.decoder.conv_in = torch.nn.Conv2d(1, 1, 1)
    assert vae_difference(vae, again) == "the weight decoder.conv_in.weight"
    del again.decoder.conv_out.bias
    again.decoder.conv_in = vae.decoder.conv_in
    assert vae_difference(vae, again) == "the weight decoder.conv_out.bias"
    wrong: Any = "air"
    with pytest.raises(CompositionError, match='through is \'air\'; it is "pixels" or "latents".'):
        families_in_turn(contract("sdxl"), contract("flux"), wrong)


@pytest.mark.parametrize("through", ["pixels", "latents"])
def test_the_composition_is_saved_and_opened(through: Any, tmp_path: Path) -> None:
    made = SequentialPipelineBlocks.from_blocks_dict(
        families_in_turn(contract("stable_diffusion"), contract("sdxl"), through)
    )
    assert made.check().faults == ()
    assert made.check().warnings == ()
    made.save_pretrained(str(tmp_path))
    opened = ModularPipelineBlocks.from_pretrained(str(tmp_path))
    assert str(opened) == str(made)
    assert GIVEN["sdxl"].keys() <= set(opened.input_names)


def test_vaes_that_hold_nan_in_the_same_place_are_the_same() -> None:
    vae = copy.deepcopy(family("stable_diffusion").parts("float32")["vae"])
    vae.decoder.conv_out.bias.data[0] = math.nan
    again = copy.deepcopy(vae)
    assert vae_difference(vae, again) == vae_difference(vae, again.to(torch.float64)) == ""
    again.decoder.conv_out.bias.data[0] = 0.0
    assert vae_difference(vae, again) == vae_difference(again, vae) == "the weight decoder.conv_out.bias"
