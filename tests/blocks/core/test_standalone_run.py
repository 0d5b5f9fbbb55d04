"""`run`, called by hand, is checked as in a pipeline."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import pytest
import torch

from brickwork import Block, Conditioning, InputError, Outputs, RunError
from brickwork.blocks import Decode, ExpandBatch
from brickwork.presets.sdxl import SDXL
from brickwork.state.vocabulary import GuidanceScale, Latents

LATENTS = torch.zeros(2, 4, 8, 8)


class Mix(Block):
    """Mix two latents."""

    shape: ClassVar[tuple[int, ...]] = ()

    class Out(Outputs):
        mixed: Latents

    def run(self, latents: Latents, other: Latents, guidance_scale: GuidanceScale = 1.0) -> Out:
        mixed = guidance_scale * latents + other
        return self.Out(mixed=mixed.reshape(self.shape) if self.shape else mixed)

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        if given.get("guidance_scale") == 13:
            yield "13 is no good"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"latents": [[0.0]]}, "Mix.run: latents is [[0.0]] (a list); it must be Tensor[b c h w]."),
        ({"latents": LATENTS[0]}, "Mix.run: it was given latents as Tensor[4, 8, 8] torch.float32, cpu instead of"),
        ({"other": LATENTS[:, :3]}, "Mix.run: it was given other of the shape [2, 3, 8, 8]: 'c' of"),
        ({"latents": LATENTS.int()}, "it holds float numbers"),
        ({"guidance_scale": -1}, "Mix.run: guidance_scale is -1; it must be 0 or more"),
        ({"guidance_scale": 13}, "Mix.run: 13 is no good"),
    ],
)
def test_bad_values_are_refused_by_name(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Mix().run(**{"latents": LATENTS, "other": LATENTS, **arguments})
    assert message in str(caught.value)


def test_all_faults_are_said_at_once() -> None:
    with pytest.raises(InputError) as caught:
        Mix().run(LATENTS, 5, guidance_scale="a")
    assert len(caught.value.faults) == 2


def test_a_result_that_breaks_its_declaration_is_refused() -> None:
    class Flat(Mix):
        shape = (-1,)

    with pytest.raises(RunError, match=r"Flat.run wrote mixed as Tensor\[512\]"):
        Flat().run(LATENTS, LATENTS)


def test_missing_and_unknown_arguments_are_named_and_are_type_errors_as_pythons_own() -> None:
    with pytest.raises(TypeError, match=r"^Mix.run needs 'other', which was not given: pass other=\.\.\.$"):
        Mix().run(LATENTS)
    with pytest.raises(TypeError, match="^Mix.run has no input 'otter'. Did you mean 'other'?"):
        Mix().run(LATENTS, LATENTS, otter=1)


def test_the_signature_stays_what_was_written() -> None:
    assert list(inspect.signature(Mix.run).parameters) == ["self", "latents", "other", "guidance_scale"]
    assert "guidance_scale * latents + other" in inspect.getsource(Mix.run)


def test_standard_blocks_refuse_what_the_pipeline_would() -> None:
    with pytest.raises(InputError, match="Did you mean 'pil'"):
        Decode.bind(SDXL)(vae=None, image_processor=None).run(LATENTS, output_type="pill")
    rows = Conditioning({"prompt_embeds": torch.zeros(2, 16, 40), "pooled_prompt_embeds": torch.zeros(1, 24)})
    with pytest.raises(InputError, match="they differ in number: prompt_embeds: 2, pooled_prompt_embeds: 1"):
        ExpandBatch.bind(SDXL)().run(rows["prompt_embeds"], rows)
