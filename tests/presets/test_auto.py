"""One composition of several tasks is made of them; that of Stable Diffusion XL is what files of before say of it."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from attrs import evolve
from family_table import Family, families
from presets_of_then import auto_of_then
from untold_family import UNTOLD

import brickwork.presets.sdxl.auto
from brickwork import Block, CompositionError, Outputs, SequentialPipelineBlocks
from brickwork.blocks.core.block_catalog import own_blocks, reference
from brickwork.blocks.core.flattening import walk
from brickwork.presets.auto import AutoForm, AutoPlace, AutoTask, auto
from brickwork.presets.auto_image import auto_image
from brickwork.presets.sdxl import AUTO_BLOCKS, AutoBlocks
from brickwork.registry import catalog
from brickwork.saving.composition import compose, describe

SAVED = Path(__file__).parents[1] / "saved_before" / "auto" / "brickwork.json"
CODE = {
    "AutoImageEncoder": "f53ac313f25f60ceb39a4aab87b4d12a",
    "AutoPrepareLatents": "3852444c2ad374e33c78b88cbdf7c4ae",
    "AutoInpaintLatents": "f17b1c9c690608331e76d331258eca45",
    "ControlledTextLatents": "86fd1dda4a2fa72912c011a347461fff",
    "AutoDenoise": "56f2937a00b21acd291e89809d51c504",
    "AutoDecode": "ae29c20568870bfe6d7d5baa8607ff16",
}
"""What recipes of before say of the code, when each class was written out."""


class Draw(Block):
    """Make a value."""

    class Out(Outputs):
        value: int

    def run(self, seed: int = 1) -> Out:
        return self.Out(value=seed)


class Take(Draw):
    """Take a value."""

    def run(self, given: int) -> Draw.Out:
        return self.Out(value=given)


class Double(Block):
    """Double a value."""

    class Out(Outputs):
        value: int

    def run(self, value: int) -> Out:
        return self.Out(value=2 * value)


class Show(Block):
    """Give a value away."""

    class Out(Outputs):
        shown: int

    def run(self, value: int) -> Out:
        return self.Out(shown=value)


DOCS = {"AutoPrepareValue": "Prepare.", "TakeValue": "Take and double.", "AutoEnd": "End.", "AutoDrawEnd": "End."}
TAKING = AutoTask("take", "Take", {"prepare_value": Take, "double": Double, "end": Show}, "given", ("seed",))
DRAWING = AutoTask("draw", "Draw", {"prepare_value": Draw, "end": Show})
PLACES = {"prepare_value": AutoPlace(parts=("prepare_value", "double"))}


def made(*tasks: AutoTask, **options: Any) -> Any:
    return auto(tasks, DOCS, {"__name__": __name__}, **{"places": PLACES, **options})


def test_the_composition_is_the_one_that_was_saved_but_for_what_was_mended_since() -> None:
    assert describe(auto_of_then(), reference) == json.loads(SAVED.read_text())["composition"]


def test_its_choices_are_the_code_that_recipes_know() -> None:
    found = {type(block).__name__: block for _, block in walk(AutoBlocks())}
    assert {name: describe(found[name])["code"] for name in CODE} == CODE


def test_its_classes_are_found_by_name_as_any_other() -> None:
    classes = [type(block) for _, block in walk(AutoBlocks()) if type(block).bound_from is None]
    assert len(classes) == 18 - 1  # all but the one that stands in compositions of one's own
    for cls in classes:
        assert pickle.loads(pickle.dumps(cls)) is cls
        assert getattr(brickwork.presets.sdxl.auto, cls.__name__) is cls
        assert own_blocks()[cls.__name__] is cls
        assert cls.__doc__
        assert cls.__doc__ not in [base.__doc__ for base in cls.__mro__[1:]]


def test_a_block_in_which_tasks_agree_is_theirs_and_others_are_a_choice() -> None:
    blocks = made(TAKING, DRAWING)
    assert list(blocks) == ["prepare_value", "end"]
    assert blocks["end"] is Show
    choice = blocks["prepare_value"]
    assert (choice.__name__, choice.block_names) == ("AutoPrepareValue", ["take", "draw"])
    assert (choice.block_trigger_inputs, choice.block_requires) == (["given", None], {"take": ["seed"]})
    assert choice.block_classes[1] is Draw
    assert (choice.block_classes[0].__name__, choice.block_classes[0].block_names) == ("TakeValue", ["value", "double"])


def test_it_runs_the_task_that_the_inputs_ask_for() -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict(made(TAKING, DRAWING)).init_pipeline()
    assert (pipe(given=4, seed=1, output="shown"), pipe(seed=5, output="shown")) == (8, 5)


def test_another_form_is_a_choice_where_it_is_another() -> None:
    def louder(blocks: Any) -> Any:
        return {**blocks, "end": Double} if "double" not in blocks else blocks

    blocks = made(TAKING, DRAWING, forms=[AutoForm("loud", "louder", louder)])
    taken, drawn = blocks["end"].block_classes
    assert taken is Show
    assert (drawn.block_names, drawn.block_trigger_inputs) == (["loud", "plain"], ["louder", None])
    assert drawn.block_classes == [Double, Show]


def test_neighbours_that_agree_are_merged_and_require_nothing() -> None:
    masked = AutoTask("mask", "Mask", TAKING.blocks, "mask", ("given",))
    choice = made(masked, TAKING, DRAWING)["prepare_value"]
    assert (choice.block_names, choice.block_trigger_inputs) == (["take", "draw"], ["given", None])
    assert "block_requires" not in vars(choice)


def test_neighbours_that_agree_stay_apart_where_one_does_not_imply_the_other() -> None:
    other = AutoTask("other", "Take", TAKING.blocks, "other")
    assert made(other, TAKING, DRAWING)["prepare_value"].block_names == ["other", "take", "draw"]


def test_a_task_that_lacks_a_block_does_not_get_that_of_another() -> None:
    without = AutoTask("bare", "Bare", {"prepare_value": Take}, "given")
    with pytest.raises(
        CompositionError, match="'end' of draw would run for bare, too, which has no such block: give it one"
    ):
        made(without, DRAWING)
    (choice,) = [made(AutoTask("take", "Take", TAKING.blocks, "given"), AutoTask("draw", "Draw", {}))["end"]]
    assert (choice.block_names, choice.block_trigger_inputs) == (["take"], ["given"])


def test_a_class_without_docstring_is_refused() -> None:
    with pytest.raises(CompositionError, match=r"AutoPrepareValue \(take, draw\) has no docstring: say in docs"):
        auto([TAKING, DRAWING], {"TakeValue": "Take."}, {"__name__": __name__}, places=PLACES)


def test_another_family_has_classes_of_its_own() -> None:
    namespace: dict[str, Any] = {"__name__": __name__}
    blocks = auto_image(UNTOLD, namespace)
    assert list(blocks) == [name for name in AUTO_BLOCKS if name not in ("ip_adapter", "prepare_add_cond")]
    assert blocks["denoise"] is namespace["UntoldAutoDenoise"]
    whole = SequentialPipelineBlocks.from_blocks_dict(blocks)
    assert whole.check().faults == ()
    assert all(block.family is UNTOLD for _, block in walk(whole) if isinstance(block, Block))
    assert own_blocks()["AutoDenoise"] is AUTO_BLOCKS["denoise"]
    again = compose(describe(AutoBlocks()))
    assert type(again["denoise"]) is AUTO_BLOCKS["denoise"]


@pytest.mark.parametrize(
    "name",
    [
        "ddpm",
        "deepfloyd",
        "dit",
        "chroma",
        "consistency",
        "flux2",
        "flux2_klein",
        "kandinsky22",
        "kolors",
        "krea2",
        "ovis_image",
        "qwenimage",
    ],
)
def test_the_inputs_of_a_call_choose_the_task_of_a_family(name: str) -> None:
    """Those of Stable Diffusion, SD3 and FLUX are with what steers them."""
    family = families()[name]
    blocks = catalog.get(f"{name.replace('_klein', '.klein')}.auto")
    tasks = list(blocks.workflow_map)[:3]
    assert tasks[0] == next(iter(family.tasks))
    assert tasks[1:] == ["image2image", "inpainting"]
    everything = Family(
        name,
        family.denoiser,
        lambda: family.parts("float32"),
        {
            task: evolve(family.tasks[task], blocks=dict(zip(blocks.block_names, blocks.block_classes, strict=True)))
            for task in tasks
        },
    )
    for task in tasks:
        assert torch.equal(everything.draw(task), family.draw(task))
    plain = list(
        everything.pipe(tasks[0], "plain", everything.tasks[tasks[0]].blocks, "batched")
        .blocks.sub_blocks["denoise"]
        .sub_blocks
    )
    assert plain == ["inpaint", tasks[0]]
