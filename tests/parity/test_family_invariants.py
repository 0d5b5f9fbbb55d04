"""What holds on every family, also where no pipeline of diffusers has the task."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from coarse_images import band_map, picture
from family_table import Family, Task, families

from brickwork import ClassifierFreeGuidance, InputError
from brickwork.engine.events import StepFinished
from brickwork.families.contract import FamilyContract
from brickwork.presets import sdxl
from tiny_sdxl import make_pipeline

FAMILIES = families()
ASKED = {"prompt": "a red circle", "negative_prompt": "blue", "image": picture(3), "num_inference_steps": 7}
DIFFERENTIAL = {"change_map": band_map(0, 0.3, 0.7, 1)}
# It has tests of its own beside the classic pipelines.
SDXL = Family(
    "sdxl",
    "unet",
    lambda: {name: part for name, part in make_pipeline().components.items() if part is not None},
    {
        "image2image": Task(sdxl.IMAGE2IMAGE_BLOCKS, None, ASKED),
        "differential": Task(sdxl.DIFFERENTIAL_BLOCKS, None, {**ASKED, **DIFFERENTIAL}),
    },
)
CHANGED = {**{name: each for name, each in FAMILIES.items() if "differential" in each.tasks}, "sdxl": SDXL}
BY_TASK = {
    task: [
        name
        for name, each in FAMILIES.items()
        if task in each.tasks and not (each.like and task in FAMILIES[each.like].tasks)
    ]
    for task in ("image2image", "inpainting")
}


@pytest.mark.rotating(4)
@pytest.mark.parametrize("name", BY_TASK["inpainting"])
def test_the_known_area_comes_back_bit_for_bit(name: str) -> None:
    family = FAMILIES[name]
    state = family.ready("inpainting")(**{"output_type": "latent", "seed": 7, **family.tasks["inpainting"].given})
    seen = {key: state.values[key] for key in ("latents", "image_latents", "mask")}
    known = (seen["mask"] == 0).expand_as(seen["latents"])
    assert known.any()
    assert not known.all()
    assert torch.equal(seen["latents"][known], seen["image_latents"].expand_as(seen["latents"])[known])
    assert not torch.equal(seen["latents"], seen["image_latents"].expand_as(seen["latents"]))


@pytest.mark.rotating(4)
@pytest.mark.parametrize("name", BY_TASK["image2image"])
def test_more_strength_is_less_of_the_image(name: str) -> None:
    """Run with as many steps as the strength leaves one and all of them."""
    given = FAMILIES[name].tasks["image2image"].given
    pixels = np.asarray(given["image"], dtype="float32") / 255
    drawn = [FAMILIES[name].draw("image2image", strength=strength) for strength in (1 / 7 + 0.01, 1.0)]
    assert all(torch.isfinite(each).all() for each in drawn)
    size = given.get("height", pixels.shape[0]), given.get("width", pixels.shape[1])
    assert drawn[0].shape[-2:] == size
    assert not torch.equal(*drawn)


def test_a_variation_is_image_to_image_that_is_told_nothing() -> None:
    """Of a transformer that is told classes, that of no class, in one prediction; it is what guidance of strength 0 leaves of the others."""
    dit, told = FAMILIES["dit"], []
    transformer = dit.parts("float32")["transformer"]
    hook = transformer.register_forward_pre_hook(
        lambda _, args, kwargs: told.append(kwargs["class_labels"].tolist()), with_kwargs=True
    )
    try:
        drawn = dit.draw("variation")
    finally:
        hook.remove()
    assert told == [[1000, 1000]] * 4
    other = dit.draw("image2image", guider=ClassifierFreeGuidance(guidance_scale=0.0), without=("guidance_scale",))
    assert float((drawn - other).abs().max()) <= 1e-5
    assert float((drawn - dit.draw("image2image")).abs().max()) > 1e-3
    with pytest.raises(InputError, match=r"guidance_scale is 4\.0, and the denoiser of dit-variation is told nothing"):
        dit.draw("variation", guidance_scale=4.0)
    with pytest.raises(InputError, match="class_labels"):
        dit.draw("variation", class_labels=3)


@pytest.mark.parametrize(("name", "task"), [("ddpm", "image2image"), ("dit", "variation")])
def test_variations_are_the_less_like_the_image_the_greater_the_strength(name: str, task: str) -> None:
    """With other noise they are others, too, unless nothing of them is noise."""
    drawn = [
        run(FAMILIES[name], task, strength=strength, seed=seed) for strength, seed in ((0.2, 1), (0.9, 1), (0.2, 2))
    ]
    low, _, other = (each["latents"] for each in drawn)
    away = [float((each["latents"] - each["image_latents"]).square().mean()) for each in drawn]
    assert away[0] < away[1]
    assert not torch.equal(low, other)
    assert not torch.equal(low[0], low[1])


def contract_of(name: str) -> FamilyContract:
    contract: FamilyContract = next(iter(FAMILIES[name].tasks.values())).blocks["denoise"].family
    return contract


def run(
    family: Family, task: str, listeners: Sequence[Callable[[object], None]] = (), **inputs: object
) -> dict[str, torch.Tensor]:
    """Return what a run wrote."""
    pipe = family.ready(task)
    pipe.configure(listeners=listeners)
    try:
        values: dict[str, torch.Tensor] = pipe(
            **{"output_type": "latent", "seed": 7, **family.tasks[task].given, **inputs}
        ).values
    finally:
        pipe.configure(listeners=())
    return values


@pytest.mark.rotating(4)
@pytest.mark.parametrize("name", CHANGED)
def test_a_black_map_keeps_the_image_bit_for_bit_and_a_white_one_is_image_to_image(name: str) -> None:
    family = CHANGED[name]
    black = run(family, "differential", change_map=band_map(0))
    assert torch.equal(black["latents"], black["image_latents"])
    white = run(family, "differential", change_map=band_map(1))
    steps = family.tasks["differential"].given["num_inference_steps"]
    drawn = run(family, "image2image", strength=1.0, num_inference_steps=steps)
    assert torch.equal(white["latents"], drawn["latents"])


@pytest.mark.rotating(4)
@pytest.mark.parametrize("name", CHANGED)
def test_a_place_changes_from_its_own_step_on(name: str) -> None:
    """The brighter the map, the earlier: until then a place is the image with the noise of the step, as it is to the end under a black map."""
    traces = []
    for given in ({"change_map": band_map(0)}, {}):
        steps: list[torch.Tensor] = []
        values = run(
            CHANGED[name], "differential", listeners=[lambda event, into=steps: into.extend(latents_of(event))], **given
        )
        traces.append(torch.stack(steps))
    known, drawn = traces
    count = len(values["timesteps"])
    assert len(known) == len(drawn) == count
    is_kept = (known == drawn).all(dim=2, keepdim=True)
    shares = (torch.arange(count) + 1) / count
    expected = torch.stack([1 - values["change"] >= share for share in shares])
    assert torch.equal(is_kept, expected)
    levels = {int(each) for each in expected.sum(dim=0).flatten()}
    assert {0, count} < levels


def latents_of(event: object) -> list[torch.Tensor]:
    """Return the latents that a step of the loop ended with."""
    # Not of a prior, whose values are in a scope.
    is_step = isinstance(event, StepFinished) and "latents" in event.values
    return [event.values["latents"].clone()] if is_step else []


def is_euler(contract: FamilyContract) -> bool:
    """Of the other solvers of flows, the first sigma is a little less than 1."""
    return contract.flow and contract.roles["scheduler"][0].type_hint.endswith("FlowMatchEulerDiscreteScheduler")


FLOWS = [name for name, each in FAMILIES.items() if "image2image" in each.tasks and is_euler(contract_of(name))]


@pytest.mark.rotating(4)
@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_at_full_strength_is_text_to_image(name: str) -> None:
    """Its first sigma is 1, which leaves nothing of the image. An image that is latents draws nothing, so the noise is the same."""
    given, parts = FAMILIES[name].tasks["text2image"].given, FAMILIES[name].parts("float32")
    size = given["height"], given["width"]
    shape = contract_of(name).latent_shape(parts[FAMILIES[name].denoiser], parts["vae"], 1, *size)
    image = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    drawn = run(FAMILIES[name], "image2image", image=image, strength=1.0)
    steps = FAMILIES[name].tasks["image2image"].given["num_inference_steps"]
    assert torch.equal(drawn["latents"], run(FAMILIES[name], "text2image", num_inference_steps=steps)["latents"])


def test_the_flows_are_looked_at() -> None:
    assert FLOWS == [
        "auraflow",
        "chroma",
        "cogview4",
        "flux",
        "flux2",
        "flux2_klein",
        "hidream",
        "krea2",
        "lumina2",
        "ovis_image",
        "qwenimage",
        "sd3",
        "z_image",
    ]


@pytest.mark.parametrize("side", ["height", "width"])
def test_an_image_that_is_latents_is_not_resized(side: str) -> None:
    """Where no schedule depends on the size either."""
    latents = torch.zeros(1, 4, 8, 8)
    with pytest.raises(
        InputError, match=r"image is latents of 16x16 pixels, and the run is for .*: give height=16 and"
    ):
        FAMILIES["dit"].draw("image2image", image=latents, **{side: 32})
    FAMILIES["dit"].draw("image2image", image=latents, **{side: 16})


ALIKE = {"kandinsky3": {"prompt": ["a red circle", "a blue square"], "negative_prompt": ["a photo", "a cat"]}}
"""Texts of one length, where all of a batch are cut to the longest prompt's, negative ones too, as the classic does."""


@pytest.mark.rotating(4)
@pytest.mark.parametrize(
    "name", [name for name, each in FAMILIES.items() if contract_of(name).rows_independent and not each.like]
)
def test_an_image_of_a_batch_is_the_image_alone(name: str) -> None:
    """With a seed for each: within 1e-4, as kernels round batches of other sizes otherwise."""
    family = FAMILIES[name]
    assert family.tasks
    task = next(iter(family.tasks))
    given = {**family.tasks[task].given, **ALIKE.get(name, {})}
    both = family.draw(task, seed=[3, 4], **ALIKE.get(name, {}))
    for index, seed in enumerate((3, 4)):
        alone = {key: [value[index]] for key, value in given.items() if isinstance(value, list) and len(value) == 2}
        if "batch_size" in given:
            alone["batch_size"] = 1
        found = family.draw(task, seed=seed, **alone)
        assert float((found[0] - both[index]).abs().max()) < 1e-4


TWICE = {
    name: (task, feature)
    for name, each in FAMILIES.items()
    for task in list(each.tasks)[:1]
    for feature in each.features.values()
    if feature.batching == "sequential" and (not feature.tasks or task in feature.tasks)
}


@pytest.mark.rotating(3)
@pytest.mark.parametrize("name", TWICE)
def test_predictions_in_one_batch_are_those_of_one_after_another(name: str) -> None:
    """Up to rounding; the classics of these families make one after another, which the table asks for, too."""
    task, feature = TWICE[name]
    given = {**feature.inputs, **feature.mine, "guider": feature.guider and feature.guider()}
    both, apart = (FAMILIES[name].draw(task, batching=batching, **given) for batching in ("batched", "sequential"))
    assert float((both - apart).abs().max()) <= 1e-5
