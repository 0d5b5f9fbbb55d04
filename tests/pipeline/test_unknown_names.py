"""Names that a pipeline has not, asked for or given where nothing would say so, are answered with the nearest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from brickwork import Block, ComponentsManager, InputError, ModularPipeline, Outputs
from brickwork.blocks import AutoPipelineBlocks, ModularPipelineBlocks, SequentialPipelineBlocks
from brickwork.presets.embedded import FOLDER
from brickwork.presets.sdxl.auto import AutoBlocks
from brickwork.state import InputParam, OutputParam


class Read(ModularPipelineBlocks):
    """Gives what it is given."""

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam("image", type_hint=int, default=1)]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("found", type_hint=int)]

    def __call__(self, components: Any, state: Any) -> Any:
        block_state = self.get_block_state(state)
        block_state.found = block_state.image
        self.set_block_state(state, block_state)
        return components, state


class Choose(AutoPipelineBlocks):
    """Reads where there is a mask."""

    block_classes = [Read]
    block_names = ["read"]
    block_trigger_inputs = ["image"]


def test_components_specs_and_configs_name_the_nearest() -> None:
    pipe = AutoBlocks().init_pipeline()
    for held, odd, near in ((pipe.components, "unett", "unet"), (pipe.specs, "vaee", "vae")):
        with pytest.raises(KeyError, match=f"no component '{odd}'. Did you mean '{near}'"):
            held[odd]  # type: ignore[index]  # one of two dicts
    with pytest.raises(KeyError, match="no config 'force_zeros_for_empty_promt'. Did you mean"):
        pipe.config["force_zeros_for_empty_promt"]


def test_a_value_for_an_input_that_there_is_not_is_refused() -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict({"read": Read}).init_pipeline()
    pipe.input_defaults["image"] = 4
    assert pipe(output="found") == 4
    pipe.input_defaults["imge"] = 5
    with pytest.raises(
        InputError,
        match=r"'imge' is no input of this pipeline. Did you mean 'image'\? It stands in pipe.input_defaults",
    ):
        pipe(output="found")
    with pytest.raises(InputError, match=r"'imagee' is no input of this pipeline. Did you mean 'image'\?$"):
        SequentialPipelineBlocks.from_blocks_dict({"read": Read}).init_pipeline()(imagee=1)


@pytest.mark.parametrize("kind", ["by name", "with a value"])
def test_blocks_for_unknown_inputs_are_refused(kind: str) -> None:
    for blocks in (Choose(), SequentialPipelineBlocks.from_blocks_dict({"choose": Choose})):
        with pytest.raises(
            InputError,
            match=f"get_execution_blocks: 'imge' is no input of {type(blocks).__name__}. Did you mean 'image'",
        ):
            blocks.get_execution_blocks(*["imge"] * (kind == "by name"), **{"imge": 1} if kind != "by name" else {})
        # What a block writes may be given, too.
        assert blocks.get_execution_blocks("found", image=1) is not None


def test_values_for_other_workflows_do_not_hinder_one(tmp_path: Any) -> None:
    pipe = AutoBlocks().init_pipeline()
    pipe.input_defaults |= {"strength": 0.5, "prompt": "a"}
    pipe.save_pretrained(str(tmp_path / "repo"))
    found = type(pipe).from_pretrained(str(tmp_path / "repo"), workflow="text2image")
    assert found.input_defaults == {"prompt": "a"}


NO_NAMES: list[Any] = [None, 3, 1.5, b"unet", ["unet"], {"unet": 1}]


@pytest.mark.parametrize("odd", NO_NAMES)
def test_what_is_no_name_is_refused_in_words(odd: Any, embedded_pipe: ModularPipeline) -> None:
    pipe, manager = embedded_pipe, ComponentsManager()
    asked: dict[str, Callable[[], object]] = {
        "name is": lambda: pipe.get_component_spec(odd),
        "names of components holds": lambda: pipe.invalidate(odd),
        "names holds": lambda: pipe.explain(odd),
        "collection is": lambda: manager.remove_collection(odd),
        "component_id is": lambda: manager.remove(odd),
    }
    if odd is not None:
        asked |= {
            "workflow is": lambda: pipe.input_schema(odd),
            "task is": lambda: ModularPipeline.from_pretrained(FOLDER, task=odd),
            "index is": lambda: ModularPipeline(pipe.blocks, index=odd),
        }
        if not isinstance(odd, list):
            asked |= {"lock is": lambda: ModularPipeline.from_pretrained(FOLDER, lock=odd)}
    for said, ask in asked.items():
        with pytest.raises(InputError, match=f"^{said} .*; (it|each) is a "):
            ask()
    with pytest.raises(InputError, match=r"names holds .*; each is a name"):
        pipe.memory(odd)
    with pytest.raises(InputError, match=r"^blocks is .*; a pipeline is made of blocks"):
        ModularPipeline(odd)


@pytest.mark.parametrize("odd", [None, 3, 1.5, b"unet"])
def test_what_holds_no_names_is_refused_in_words(odd: Any, embedded_pipe: ModularPipeline) -> None:
    pipe, manager = embedded_pipe, ComponentsManager()
    for said, ask in {
        "given": pipe.plan,
        "names": pipe.component_sizes,
        "ids": manager.get_components_by_ids,
    }.items():
        with pytest.raises(InputError, match=f"^{said} is .*; it is a name, or a list of names"):
            ask(odd)
    with pytest.raises(InputError, match=r"^names is "):
        manager.get_components_by_names(odd)
    with pytest.raises(InputError, match=r"^given holds 1 "):
        pipe.plan({1: 2})  # type: ignore[dict-item]  # what is refused
    with pytest.raises(InputError, match=r"^names of components holds 1 "):
        pipe.load_in({1: "fp16"})


def test_a_seed_is_planned_as_in_a_call(embedded_pipe: ModularPipeline) -> None:
    plan = embedded_pipe.plan({"prompt": "a", "generator": True})
    for ask in (lambda: embedded_pipe.plan({"prompt": "a", "seed": 1}), lambda: embedded_pipe.plan(["prompt", "seed"])):
        assert ask() is plan
    assert embedded_pipe.plan(["prompt", "seed"], checked=["seed"]).reads == plan.reads
    assert str(embedded_pipe.explain("seed", prompt="a")) == str(embedded_pipe.explain("generator", prompt="a"))
    with pytest.raises(InputError) as refused:
        embedded_pipe.plan({"seed": 1})
    assert "seed" not in str(refused.value)


def test_a_seed_that_a_block_reads_stays_its_own() -> None:
    class Seeded(Block):
        class Out(Outputs):
            images: list[int]

        def run(self, seed: int) -> Out:
            return self.Out(images=[seed])

    pipe = SequentialPipelineBlocks.from_blocks_dict({"seeded": Seeded}).init_pipeline()
    assert "seed" in pipe.plan({"seed": 1}).reads
