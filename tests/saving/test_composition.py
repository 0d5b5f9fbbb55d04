"""Compositions as data: written, read, the same again; and nothing is imported that the data name."""

from __future__ import annotations

import json
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_blocks import Twice

from brickwork import (
    AutoPipelineBlocks,
    Block,
    CompositionError,
    InputParam,
    ModularPipelineBlocks,
    Outputs,
    SequentialPipelineBlocks,
)
from brickwork.blocks import Decode, Denoise
from brickwork.blocks.core import block_catalog
from brickwork.presets.sdxl import IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS, SDXL, TEXT2IMAGE_BLOCKS, AutoBlocks
from brickwork.saving.composition import compose, describe


class Scale(Block):
    """Scale a number."""

    by: float = 1.0
    shape: tuple[int, ...] = (1, 2)
    dtype: torch.dtype = torch.float32
    table: Any = None

    class Out(Outputs):
        x: float

    def run(self, x: float) -> Out:
        return self.Out(x=x * self.by)


class Foreign(ModularPipelineBlocks):
    def __init__(self, add: int = 0) -> None:
        self.add = add

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam("x")]

    def __call__(self, components: Any, state: Any) -> Any:
        state.set("x", state.get("x") + self.add)
        return components, state


class Choose(AutoPipelineBlocks):
    block_classes = [Scale, Foreign]
    block_names = ["scale", "foreign"]
    block_trigger_inputs = ["x", None]


def again(blocks: ModularPipelineBlocks, given: Any = ()) -> ModularPipelineBlocks:
    return compose(json.loads(json.dumps(describe(blocks))), given)


@pytest.mark.parametrize("preset", [TEXT2IMAGE_BLOCKS, IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS])
def test_a_preset_comes_back(preset: Any) -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict(preset)
    found = again(blocks)
    assert describe(found) == describe(blocks)
    assert [type(block) for block in found.sub_blocks.values()] == list(preset.values())  # type: ignore[attr-defined]
    assert found.plan(["prompt", "image", "mask_image"]).paths == blocks.plan(["prompt", "image", "mask_image"]).paths


def test_the_composition_of_all_tasks_comes_back() -> None:
    found = again(AutoBlocks())
    assert type(found) is AutoBlocks
    assert describe(found) == describe(AutoBlocks())
    assert found.available_workflows == AutoBlocks().available_workflows


def test_blocks_of_ones_own_with_options_loops_and_choices_come_back() -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict(
        {
            "scale": Scale(by=2.5, shape=(3,), dtype=torch.float16, table={"a": [1, None], "$": 3}),
            "loop": Twice.from_blocks_dict(
                {"first": Scale, "inner": Twice.from_blocks_dict({"scale": Scale(by=float("inf"))})}
            ),
            "choose": Choose,
            "denoise": Denoise.bind(SDXL),
        }
    )
    blocks.sub_blocks["denoise"].insert_after("denoiser", "more", Scale(by=0.5))
    for given in ([Scale, Twice, Choose, Foreign], {"a": Scale, "b": Twice, "c": Choose, "d": Foreign}, blocks):
        found = again(blocks, given)
        assert describe(found) == describe(blocks)
        assert found.sub_blocks["scale"].options == blocks.sub_blocks["scale"].options  # type: ignore[attr-defined]
        assert found.sub_blocks["scale"].dtype is torch.float16  # type: ignore[attr-defined]


def test_what_comes_back_is_nobody_elses() -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict({"scale": Scale(table=torch.ones(2)), "foreign": Foreign})
    found = again(blocks, blocks)
    assert found.sub_blocks["scale"] is not blocks.sub_blocks["scale"]  # type: ignore[attr-defined]
    assert torch.equal(found.sub_blocks["scale"].table, torch.ones(2))  # type: ignore[attr-defined]


def test_an_option_that_is_no_data_wants_the_block_itself() -> None:
    with pytest.raises(CompositionError, match=r"it was Tensor\[2\] torch.float32, cpu, which was not written down"):
        again(SequentialPipelineBlocks.from_blocks_dict({"scale": Scale(table=torch.ones(2))}), [Scale])


def test_a_name_that_nobody_vouches_for_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in (
        "evil:Block",
        "evil",
        "evil.Block",
        "os:system",
        "brickwork.blocks.steps.decode:Decode",
        "brickwork.app.demo:main",
    ):
        with pytest.raises(
            CompositionError, match="is no block of this package, of an installed one, or that you gave"
        ):
            compose({"block": name})
    assert "evil" not in sys.modules
    assert not (tmp_path / "canary").exists()


def test_blocks_of_installed_packages_come_by_their_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("soft", f"{__name__}:Scale", "brickwork.blocks"),
        EntryPoint("odd", "os:path", "brickwork.blocks"),
    ]
    monkeypatch.setitem(sys.modules, __name__, sys.modules[Scale.__module__])
    monkeypatch.setattr(block_catalog, "points_of", lambda group: points)
    found = again(SequentialPipelineBlocks.from_blocks_dict({"scale": Scale(by=3.0)}))
    assert found.sub_blocks["scale"].by == 3.0  # type: ignore[attr-defined]
    assert isinstance(compose({"block": "soft"}), Scale)
    with pytest.raises(
        CompositionError, match="The entry point 'odd' is <module 'posixpath'.*which is no class of blocks"
    ):
        compose({"block": "odd"})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"block": "Decod"}, "'Decod' is no block .* Did you mean 'Decode'?"),
        ({"block": 3}, "^block: expected str, got 3.$"),
        ([], "^the composition: expected dict, got list.$"),
        ({"block": "Decode", "blocks": {"a": {"block": "Decode"}}}, "Decode holds no blocks, and some are listed"),
        ({"block": "SequentialPipelineBlocks", "blocks": 3}, "^blocks: expected dict, got 3.$"),
        ({"block": "Decode", "options": {"factor": 1}}, "Decode takes no 'factor'"),
        ({"block": "Decode", "family": "stable-difusion-xl"}, "Did you mean 'stable-diffusion-xl'?"),
        ({"block": "SequentialPipelineBlocks", "blocks": {"a b": {"block": "Decode"}}}, "cannot be named 'a b'"),
        ({"block": "Decode", "options": {"a": {"$": "pickle"}}}, "'pickle' is no kind of value"),
    ],
)
def test_what_is_wrong_with_data_is_said(data: Any, message: str) -> None:
    with pytest.raises(CompositionError, match=message):
        compose(data)


def test_all_faults_come_together_with_their_places() -> None:
    data = {
        "block": "SequentialPipelineBlocks",
        "blocks": {"a": {"block": "Denois"}, "b": {"block": "Denoise", "blocks": {"c": {}}}},
    }
    with pytest.raises(CompositionError) as caught:
        compose(data)
    assert caught.value.faults[0] == "b.c: 'block' is missing."
    assert caught.value.faults[1].startswith("a: 'Denois' is no block")


def test_the_code_of_every_block_is_in_it() -> None:
    class MyDecode(Decode):
        """Another one."""

    blocks = SequentialPipelineBlocks.from_blocks_dict({"decode": Decode.bind(SDXL)})
    mine = SequentialPipelineBlocks.from_blocks_dict({"decode": MyDecode.bind(SDXL)})
    assert describe(blocks)["blocks"]["decode"]["code"] != describe(mine)["blocks"]["decode"]["code"]


def test_a_description_of_an_instance_comes_back(tmp_path: Path) -> None:
    inner = SequentialPipelineBlocks.from_blocks_dict(
        {"denoise": Denoise.bind(SDXL)}, description="The part that takes long."
    )
    named = Decode.bind(SDXL)()
    named.description = "Decodes, as everybody does."
    blocks = SequentialPipelineBlocks.from_blocks_dict(
        {"inner": inner, "decode": named, "again": Decode.bind(SDXL)}, description="Mine."
    )
    for found in (again(blocks), saved(blocks, tmp_path / "one")):
        assert found.description == "Mine."
        assert [part.description for part in found.sub_blocks.values()] == [
            each.description for each in blocks.sub_blocks.values()
        ]  # type: ignore[attr-defined]
        assert "description" not in vars(found.sub_blocks["again"])  # type: ignore[attr-defined]
    workflow = AutoBlocks().get_workflow("image2image")
    assert saved(workflow, tmp_path / "two").description == workflow.description != ""


def saved(blocks: ModularPipelineBlocks, folder: Path) -> ModularPipelineBlocks:
    blocks.save_pretrained(str(folder))
    return ModularPipelineBlocks.from_pretrained(str(folder))


def test_a_description_that_is_no_text_is_a_fault_of_the_data() -> None:
    with pytest.raises(CompositionError, match="description"):
        compose({"block": "SequentialPipelineBlocks", "description": 3})
