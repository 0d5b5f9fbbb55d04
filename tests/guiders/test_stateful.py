"""The guider that foreign loops call, against diffusers' own in the same loop."""

from __future__ import annotations

from typing import Any

import diffusers
import pytest
import torch
from attrs import frozen
from diffusers.modular_pipelines import BlockState as TheirBlockState

from brickwork import BlockState, ClassifierFreeGuidance, RunError
from brickwork.guiders import GuidanceBranch, GuidanceStep, Guider, PerturbedAttentionGuidance, StatefulGuider

STEPS = 8


def noise(seed: int) -> torch.Tensor:
    return torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(seed))


def foreign_loop(guider: Any, data: Any, steps: int = STEPS) -> list[dict[str, Any]]:
    """What a denoise loop of diffusers does, with a model that adds the branch's text to the latents."""
    seen = []
    for i in range(steps):
        guider.set_state(step=i, num_inference_steps=steps, timestep=torch.tensor(999 - i))
        parts = guider.prepare_inputs_from_block_state(data, {"latents": "latents", "text": ("positive", "negative")})
        conditional = []
        for part in parts:
            guider.prepare_models(None)
            conditional.append(guider.is_conditional)
            part.noise_pred = part.latents + part.text
            guider.cleanup_models(None)
        result = guider(parts)
        names = [getattr(part, guider._identifier_key) for part in parts]
        seen.append({"names": names, "conditional": conditional, "pred": result.pred, "uncond": result.pred_uncond})
    return seen


@pytest.mark.parametrize(
    "options",
    [
        {"guidance_scale": 5.0},
        {"guidance_scale": 5.0, "start": 0.25, "stop": 0.75},
        {"guidance_scale": 1.0},
        {"guidance_scale": 3.0, "use_original_formulation": True, "guidance_rescale": 0.5},
        {"enabled": False},
    ],
)
def test_a_foreign_loop_gets_what_diffusers_guider_gives(options: dict[str, Any]) -> None:
    values = {"latents": noise(0), "positive": noise(1), "negative": noise(2)}
    found = foreign_loop(StatefulGuider(ClassifierFreeGuidance(**options)), BlockState(**values))
    expected = foreign_loop(diffusers.ClassifierFreeGuidance(**options), TheirBlockState(**values))
    for ours, theirs in zip(found, expected, strict=True):
        assert ours["names"] == theirs["names"]
        assert ours["conditional"] == theirs["conditional"]
        assert torch.equal(ours["pred"], theirs["pred"])
        assert (ours["uncond"] is None) == (theirs["uncond"] is None)


def test_pairs_are_divided_and_single_values_shared() -> None:
    guider = StatefulGuider(ClassifierFreeGuidance())
    guider.set_state(step=0, num_inference_steps=4)
    first, second = guider.prepare_inputs({"hidden": noise(0), "text": (noise(1), noise(2))})
    assert first.hidden is second.hidden
    assert torch.equal(first.text, noise(1))
    assert torch.equal(second.text, noise(2))


def test_it_can_be_switched_off_for_a_while_and_leaves_the_guider_as_it_is() -> None:
    frozen_guider = ClassifierFreeGuidance(guidance_scale=4.0)
    guider = StatefulGuider(frozen_guider)
    assert guider.num_conditions == 2
    guider.disable()
    assert guider.num_conditions == 1
    guider.enable()
    assert guider.num_conditions == 2
    assert guider.guidance_scale == 4.0
    assert frozen_guider == ClassifierFreeGuidance(guidance_scale=4.0)


def test_memory_goes_from_step_to_step_and_ends_with_the_loop() -> None:
    seen: list[bool] = []

    @frozen(kw_only=True, slots=False)
    class Sum(Guider):
        @property
        def uses_negative(self) -> bool:
            return False

        def branches(self, step: GuidanceStep) -> tuple[GuidanceBranch, ...]:
            return (GuidanceBranch("conditional"),)

        def combine(self, predictions: Any, step: GuidanceStep, memory: Any = None) -> Any:
            seen.append(memory is None)
            total = predictions["conditional"] + (0 if memory is None else memory)
            return total, total

    guider = StatefulGuider(Sum())
    data = BlockState(latents=torch.ones(1), positive=torch.zeros(1), negative=torch.zeros(1))
    first = [step["pred"].item() for step in foreign_loop(guider, data, steps=3)]
    again = [step["pred"].item() for step in foreign_loop(guider, data, steps=3)]
    assert first == again == [1.0, 2.0, 3.0]
    assert seen == [True, False, False] * 2


def test_a_loop_that_forgets_something_is_told() -> None:
    guider = StatefulGuider(ClassifierFreeGuidance())
    with pytest.raises(RunError, match=r"does not know the step: call set_state\(step=i"):
        guider.prepare_inputs({"text": (noise(0), noise(1))})
    guider.set_state(step=0, num_inference_steps=1)
    parts = guider.prepare_inputs({"text": (noise(0), noise(1))})
    parts[0].noise_pred = noise(2)
    with pytest.raises(RunError, match="needs 2 predictions at this step, and got 1"):
        guider(parts[:1])


def test_what_a_foreign_loop_cannot_do_is_refused() -> None:
    guider = StatefulGuider(PerturbedAttentionGuidance(perturbed_guidance_stop=1.0))
    guider.set_state(step=0, num_inference_steps=10)
    assert guider.num_conditions == 2
    guider.set_state(step=5, num_inference_steps=10)
    with pytest.raises(
        RunError, match="PerturbedAttentionGuidance needs layers perturbed, which a loop of foreign code cannot give it"
    ):
        guider.prepare_inputs({"x": (1, 2)})
