"""Blocks that are written as properties and `__call__`: what they see, and what they may leave undeclared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from brickwork import (
    Block,
    BlockState,
    ComponentSpec,
    InputError,
    InputParam,
    LoopSequentialPipelineBlocks,
    ModularPipeline,
    ModularPipelineBlocks,
    OutputParam,
    Outputs,
    RunCancelledError,
    RunError,
    SequentialPipelineBlocks,
)
from brickwork.engine.events import Event, StepFinished
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS
from brickwork.state.vocabulary import Latents


class Twice(LoopSequentialPipelineBlocks):
    """Two iterations."""

    class Vars(Outputs):
        i: int

    def iterate(self) -> Iterator[Vars]:
        for i in range(2):
            yield self.Vars(i=i)


class Guess(ModularPipelineBlocks):
    """Writes `guess` on the loop's view, without a declaration."""

    def __call__(self, components: Any, block_state: BlockState, i: int) -> Any:
        block_state.guess = i + 1
        return components, block_state


class GuessLate(ModularPipelineBlocks):
    """Writes `guess` in the second iteration only."""

    def __call__(self, components: Any, block_state: BlockState, i: int) -> Any:
        if i == 1:
            block_state.guess = i
        return components, block_state


def scribble(view: BlockState) -> None:
    """Write a name that no reader of the caller's source finds."""
    view["guess"] = 5


class Escapes(ModularPipelineBlocks):
    """Hands its view to other code."""

    def __call__(self, components: Any, block_state: BlockState) -> Any:
        scribble(block_state)
        return components, block_state


class Total(Block):
    """Add the guess up."""

    class Out(Outputs):
        total: int

    def run(self, guess: int, total: int = 0) -> Out:
        return self.Out(total=total + guess)


def run(blocks: ModularPipelineBlocks, output: Any = "total", **inputs: Any) -> Any:
    pipe = blocks.init_pipeline()
    pipe.configure(progress=False)
    return pipe(output=output, **inputs)


@pytest.mark.parametrize(("writer", "expected"), [(Guess, 3), (Escapes, 10)])
def test_a_sibling_reads_what_was_written_undeclared_and_the_plan_warns(
    writer: type[ModularPipelineBlocks], expected: int
) -> None:
    loop = Twice.from_blocks_dict({"guess": writer, "total": Total})
    (warning,) = loop.plan().warnings
    assert warning == (
        "total reads 'guess', which no block declares as its output; it may be written undeclared by guess. "
        "Declare it there, or the run may stop at the first read."
    )
    assert run(loop) == expected


def test_it_ends_with_the_loop() -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict(
        {"loop": Twice.from_blocks_dict({"guess": Guess, "total": Total}), "after": Total}
    )
    with pytest.raises(InputError, match="after needs 'guess'"):
        blocks.plan()


def test_a_block_whose_source_never_writes_the_name_is_no_excuse() -> None:
    with pytest.raises(InputError, match="needs 'guess' .* no earlier block gives it"):
        Twice.from_blocks_dict({"other": PropertyHead, "total": Total}).plan()


def test_a_read_that_nobody_wrote_in_time_is_an_error_at_the_first_read() -> None:
    loop = Twice.from_blocks_dict({"guess": GuessLate, "total": Total})
    assert loop.plan().warnings
    with pytest.raises(
        RunError, match="total needs 'guess', which no block has written in this run: guess would write it"
    ) as caught:
        run(loop)
    assert "step[0].total" in caught.value.__notes__[0]


def test_what_the_caller_gives_is_there_until_it_is_written() -> None:
    loop = Twice.from_blocks_dict({"guess": GuessLate, "total": Total})
    assert run(loop, guess=10) == 11


class PropertyHead(ModularPipelineBlocks):
    """Reads what SDXL's pipeline knows besides its components."""

    model_name = "stable-diffusion-xl"

    @property
    def expected_components(self) -> list[ComponentSpec]:
        return [ComponentSpec("unet", torch.nn.Module), ComponentSpec("vae", torch.nn.Module)]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("facts")]

    def __call__(self, components: Any, state: Any) -> Any:
        block_state = self.get_block_state(state)
        names = ("default_height", "default_width", "default_sample_size", "vae_scale_factor", "num_channels_unet")
        block_state.facts = {name: getattr(components, name) for name in (*names, "num_channels_latents")}
        block_state.facts["device"] = components._execution_device
        block_state.facts["zeros"] = components.config.force_zeros_for_empty_prompt
        block_state.facts["unet"] = components.unet
        self.set_block_state(state, block_state)
        return components, state


def test_the_view_has_the_pipeline_properties_of_the_family(tiny_folder: Any, tiny_pipe: ModularPipeline) -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict({"facts": PropertyHead, **TEXT2IMAGE_BLOCKS})
    pipe = blocks.init_pipeline(str(tiny_folder))
    pipe.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    pipe.configure(progress=False)
    state = pipe(prompt="a cat", num_inference_steps=1, output_type="latent")
    assert state.facts == {
        "default_height": 64,
        "default_width": 64,
        "default_sample_size": 8,
        "vae_scale_factor": 8,
        "num_channels_unet": 4,
        "num_channels_latents": 4,
        "device": torch.device("cpu"),
        "zeros": True,
        "unet": pipe.unet,
    }


def test_a_block_without_a_family_is_told_what_there_is(tiny_pipe: ModularPipeline) -> None:
    class Nameless(PropertyHead):
        model_name = None

    pipe = SequentialPipelineBlocks.from_blocks_dict({"facts": Nameless}).init_pipeline()
    pipe.update_components(unet=tiny_pipe.unet, vae=tiny_pipe.vae)
    with pytest.raises(AttributeError, match="no component or attribute 'default_height'"):
        pipe()


class ForeignDenoiser(ModularPipelineBlocks):
    """A denoiser as it is written for the peer: it drives the guider itself."""

    model_name = "stable-diffusion-xl"

    @property
    def expected_components(self) -> list[ComponentSpec]:
        return [ComponentSpec("unet", torch.nn.Module), ComponentSpec("guider", object)]

    @property
    def inputs(self) -> list[InputParam]:
        names = ("scaled_latents", "prompt_embeds", "pooled_prompt_embeds", "add_time_ids", "num_inference_steps")
        return [
            *(InputParam(name, required=True) for name in names),
            InputParam("negative_prompt_embeds"),
            InputParam("negative_pooled_prompt_embeds"),
            InputParam("negative_add_time_ids"),
        ]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("noise_pred", type_hint=Latents)]

    def __call__(self, components: Any, block_state: BlockState, i: int, t: torch.Tensor) -> Any:
        guider = components.guider
        guider.set_state(step=i, num_inference_steps=block_state.num_inference_steps, timestep=t)
        parts = guider.prepare_inputs_from_block_state(
            block_state,
            {
                "text": ("prompt_embeds", "negative_prompt_embeds"),
                "pooled": ("pooled_prompt_embeds", "negative_pooled_prompt_embeds"),
                "ids": ("add_time_ids", "negative_add_time_ids"),
            },
        )
        for part in parts:
            guider.prepare_models(components.unet)
            added = {"text_embeds": part.pooled, "time_ids": part.ids}
            prediction = components.unet(block_state.scaled_latents, t, part.text, added_cond_kwargs=added)
            part.noise_pred = prediction.sample
            guider.cleanup_models(components.unet)
        block_state.noise_pred = guider(parts)[0]
        return components, block_state


def test_a_foreign_denoiser_takes_the_place_of_ours(tiny_folder: Any, tiny_pipe: ModularPipeline) -> None:
    inputs: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 3, "output_type": "latent"}
    expected = tiny_pipe(**inputs, generator=torch.Generator().manual_seed(0), output="images")
    blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
    blocks.replace("denoise.denoiser", ForeignDenoiser)
    pipe = blocks.init_pipeline(str(tiny_folder))
    pipe.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    pipe.update_components(guider=tiny_pipe.guider)
    pipe.configure(progress=False)
    found = pipe(**inputs, generator=torch.Generator().manual_seed(0), output="images")
    assert (found - expected).abs().max() < 1e-4  # two forwards in place of one batch


class HandWritten(LoopSequentialPipelineBlocks):
    """A loop of its own, as the peer's are."""

    @property
    def loop_inputs(self) -> list[InputParam]:
        return [InputParam("times")]

    def __call__(self, components: Any, state: Any) -> Any:  # type: ignore[override]
        block_state = self.get_block_state(state)
        for i in range(block_state.times):
            components, block_state = self.loop_step(components, block_state, i=i)
        self.set_block_state(state, block_state)
        return components, state


class Count(ModularPipelineBlocks):
    """Counts iterations."""

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam("total", default=0)]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("total")]

    def __call__(self, components: Any, block_state: BlockState, i: int) -> Any:
        block_state.total += 1
        return components, block_state


def test_a_hand_written_loop_tells_of_its_turns_and_can_be_cancelled() -> None:
    pipe = HandWritten.from_blocks_dict({"count": Count}).init_pipeline()
    iterations = [e for e in pipe.stream(times=3, output="total") if isinstance(e, StepFinished)]
    assert [(iteration.path, iteration.index) for iteration in iterations] == [
        ("HandWritten", 0),
        ("HandWritten", 1),
        ("HandWritten", 2),
    ]
    assert iterations[-1].values["total"] == 3

    def stop(event: Event) -> None:
        if isinstance(event, StepFinished) and event.index == 1:
            pipe.cancel()

    pipe.configure(listeners=[stop])
    with pytest.raises(RunCancelledError, match=r"cancelled before HandWritten.step\[2\]"):
        pipe(times=5)
    pipe.configure(listeners=[])
    assert pipe(times=5, output="total") == 5
