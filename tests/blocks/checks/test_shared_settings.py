"""Settings of the pipeline for which two blocks have other defaults, and groups of values that nobody fills."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

from brickwork import (
    Block,
    Conditioning,
    ConfigSpec,
    Group,
    InputParam,
    ModularPipelineBlocks,
    OutputParam,
    Outputs,
    SequentialPipelineBlocks,
    config,
)
from brickwork.families.sdxl import SDXL


def setting(default: Any) -> type[Block]:
    """A block that reads a setting of the pipeline."""

    class Reads(Block):
        strong: Any = config(default)

        def run(self) -> None: ...

    return Reads


class Listed(ModularPipelineBlocks):
    """A block that declares by properties."""

    def __init__(self, inputs: Any = (), outputs: Any = (), configs: Any = ()) -> None:
        self.lists = list(inputs), list(outputs), list(configs)

    @property
    def inputs(self) -> list[InputParam]:
        return self.lists[0]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return self.lists[1]

    @property
    def expected_configs(self) -> list[ConfigSpec]:
        return self.lists[2]

    def __call__(self, components: Any, state: Any) -> Any:
        return components, state


def report(**blocks: Any) -> Any:
    return SequentialPipelineBlocks.from_blocks_dict(blocks).check()


def grouped(group: str) -> type[Block]:
    """A block that reads a group."""

    def run(self: Any, fields: Any) -> None: ...

    run.__annotations__ = {"fields": Annotated[Conditioning, Group(group)], "return": None}
    return type("Denoise", (Block,), {"__doc__": "Denoise.", "run": run})


def test_two_defaults_of_one_setting_are_a_fault_of_signatures_and_a_warning_of_properties() -> None:
    text = (
        "the config 'strong' is True for one and False for two, where nobody sets it, and a pipeline has one. Give both the same "
        "default, or rename one."
    )
    assert report(one=setting(default=True), two=setting(default=False)).faults == (text,)
    found = report(one=setting(default=True), two=Listed(configs=[ConfigSpec("strong", default=False)]))
    assert (found.faults, found.warnings) == ((), (text,))


@pytest.mark.parametrize(("one", "two"), [(True, True), (1, 1.0), ([1], [1]), (None, None)])
def test_one_default_is_no_fault_however_it_is_written(one: Any, two: Any) -> None:
    found = report(one=setting(one), two=setting(two))
    assert (found.faults, found.warnings) == ((), ())


def test_a_setting_without_a_default_differs_from_one_with() -> None:
    assert "'strong' is None for one and True for two" in report(one=setting(None), two=setting(default=True)).faults[0]


def test_a_group_that_no_family_has_names_the_nearest() -> None:
    said = "'fields' stands for the group 'denoiser_inputs_fields', which no family has. Did you mean Group('denoiser_input_fields')?"
    assert report(denoiser=grouped("denoiser_inputs_fields")).faults == (f"denoiser: the input {said}",)
    assert report(denoiser=grouped("denoiser_inputs_fields").bind(SDXL)).faults == (f"denoiser: the input {said}",)


def test_a_group_needs_a_family_and_a_family_may_have_no_such_group() -> None:
    (fault,) = report(denoiser=grouped("prompts")).faults
    assert (
        "stands for the group 'prompts', which only a model family fills: bind the block, as in Denoise.bind(" in fault
    )
    assert not report(denoiser=grouped("controlnet_kwargs").bind(SDXL)).faults
    assert not report(denoiser=grouped("my_group_of_values").bind(SDXL)).faults


def test_a_group_of_outputs_needs_a_family_as_well() -> None:
    class Encode(Block):
        class Out(Outputs):
            fields: Annotated[Conditioning, Group("prompt_embeds")]

        def run(self) -> Out:
            return self.Out(fields=Conditioning({}))

    (fault,) = report(encode=Encode).faults
    assert fault.startswith(
        "encode: the output 'fields' stands for the group 'prompt_embeds', which only a model family fills"
    )


def test_a_conditioning_that_no_block_writes_must_say_of_what_it_is_made() -> None:
    class Denoise(Block):
        def run(self, fields: Conditioning) -> None: ...

    class Gather(Block):
        class Out(Outputs):
            fields: Conditioning

        def run(self) -> Out:
            return self.Out(fields=Conditioning({}))

    assert report(denoise=Denoise).faults == (
        (
            "denoise reads 'fields' as one Conditioning, which no block writes. Say of which group it is made: fields: "
            'Annotated[Conditioning, Group("denoiser_input_fields")].'
        ),
    )
    assert not report(gather=Gather, denoise=Denoise).faults


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (
            Listed([InputParam(kwargs_type="denoiser_inputs_fields")]),
            "no block writes it. Did you mean 'denoiser_input_fields'?",
        ),
        (
            Listed([InputParam(kwargs_type="mine")]),
            "taker reads values of the group 'mine' (its kwargs_type), which no family has",
        ),
        (
            Listed((), [OutputParam("y", kwargs_type="mine")]),
            "taker writes values of the group 'mine' (its kwargs_type), which no",
        ),
    ],
)
def test_a_group_of_properties_that_nobody_knows_is_warned_of(block: Any, said: str) -> None:
    (warning,) = report(taker=block).warnings
    assert said in warning


def test_a_group_of_properties_with_two_sides_or_a_usual_name_is_not() -> None:
    writes, reads = Listed((), [OutputParam("y", kwargs_type="mine")]), Listed([InputParam(kwargs_type="mine")])
    assert not report(writes=writes, reads=reads).warnings
    assert not report(reads=Listed([InputParam(kwargs_type="denoiser_input_fields")])).warnings
