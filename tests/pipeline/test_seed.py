"""Seeds in place of generators: of one image, of a batch, in recipes, sweeps, streams, variants and workflow files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import brickwork
from brickwork import Block, InputError, ModularPipeline, Outputs, SequentialPipelineBlocks, load_workflow, replay
from brickwork.engine.events import RunFinished
from brickwork.pipeline.seed import schema_with_seed, signature_with_seed

CALL: dict[str, Any] = {"num_inference_steps": 2, "height": 64, "width": 64}


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pixels(images: list[Any]) -> list[bytes]:
    return [image.tobytes() for image in images]


def test_one_seed_is_the_generator_of_that_seed(tiny_pipe: ModularPipeline) -> None:
    by_seed = tiny_pipe("a cat", seed=7, output="images", **CALL)
    assert pixels(by_seed) == pixels(tiny_pipe("a cat", generator=generator(7), output="images", **CALL))
    assert by_seed[0].info["brickwork"].seed == 7


def test_images_of_a_batch_are_the_images_alone(tiny_pipe: ModularPipeline) -> None:
    batch = tiny_pipe(["a cat", "a dog"], seed=7, num_images_per_prompt=2, output="images", **CALL)
    given = [generator(seed) for seed in (7, 8, 9, 10)]
    same = tiny_pipe(["a cat", "a dog"], generator=given, num_images_per_prompt=2, output="images", **CALL)
    assert pixels(batch) == pixels(same)
    assert [image.info["brickwork"].seed for image in batch] == [7, 8, 9, 10]
    assert "Seed: 9" in batch[2].info["brickwork"].parameters
    assert len(set(pixels(batch))) == 4


@pytest.mark.parametrize("seeds", [[3, 5], (3, 5), range(3, 7, 2), [np.int64(3), np.int64(5)], [torch.tensor(3), 5]])
def test_a_list_has_a_seed_for_each_image(tiny_pipe: ModularPipeline, seeds: Any) -> None:
    images = tiny_pipe("a cat", seed=seeds, num_images_per_prompt=2, output="images", **CALL)
    assert [image.info["brickwork"].seed for image in images] == [3, 5]
    assert all(type(image.info["brickwork"].seed) is int for image in images)


def test_the_recipe_repeats_it(tiny_pipe: ModularPipeline) -> None:
    images = tiny_pipe("a cat", seed=[1, 2], num_images_per_prompt=2, output="images", **CALL)
    assert replay(images[1], components=tiny_pipe).tobytes() == images[1].tobytes()


def test_the_state_has_no_generator_that_nobody_gave(tiny_pipe: ModularPipeline) -> None:
    state = tiny_pipe("a cat", seed=7, **CALL)
    assert "generator" not in state
    assert "seed" not in state


def test_it_works_in_a_stream_a_sweep_and_a_variant(tiny_pipe: ModularPipeline) -> None:
    alone = pixels(tiny_pipe("a cat", seed=7, output="images", **CALL))
    *_, last = tiny_pipe.stream("a cat", seed=7, output="images", **CALL)
    assert isinstance(last, RunFinished)
    assert pixels(last.result) == alone
    swept = tiny_pipe.sweep(prompt="a cat", seed=[6, 7], **CALL)
    assert pixels(swept.results[1]) == alone
    state = tiny_pipe("a cat", seed=7, **{**CALL, "num_inference_steps": 3})
    variant = tiny_pipe.branch(state, at_step=1, prompt="a dog")
    assert variant.recipe.seed == 7
    assert replay(variant.images[0], components=tiny_pipe).tobytes() == variant.images[0].tobytes()


def test_a_carried_generator_gives_way_to_a_seed(tiny_pipe: ModularPipeline) -> None:
    carried = brickwork.PipelineState({"generator": generator(1), "prompt": "a cat"})
    assert pixels(tiny_pipe(carried, seed=7, output="images", **CALL)) == pixels(
        tiny_pipe("a cat", seed=7, output="images", **CALL)
    )


def test_a_workflow_file_may_have_one(tiny_pipe: ModularPipeline, tiny_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "seeded.yaml"
    file.write_text(f"brickwork: 1\nstart: sdxl.text2image\nrepo: {tiny_folder}\ninputs: {{seed: 7}}\n")
    pipe = load_workflow(file).load_components()
    pipe.configure(progress=False)
    alone = pixels(tiny_pipe("a cat", seed=7, output="images", **CALL))
    assert pixels(pipe("a cat", output="images", **CALL)) == alone
    assert pixels(pipe("a cat", generator=generator(7), output="images", **CALL)) == alone
    other = pixels(pipe("a cat", generator=generator(8), output="images", **CALL))
    assert other != alone


class Draw(Block):
    """Has a seed of its own, and a generator beside it."""

    class Out(Outputs):
        found: str

    def run(self, seed: int, generator: torch.Generator | None = None) -> Out:
        return self.Out(found=f"{seed} {generator is None or generator.initial_seed()}")


class Noise(Block):
    """Draws, and knows of no images."""

    class Out(Outputs):
        found: int

    def run(self, generator: torch.Generator) -> Out:
        return self.Out(found=generator.initial_seed())


def test_an_input_of_that_name_keeps_it() -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict({"draw": Draw}).init_pipeline()
    assert pipe(seed=3, generator=generator(4), output="found") == "3 4"
    assert pipe(3, generator=generator(4), output="found") == "3 4"


def test_a_composition_without_images_gets_one_generator() -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict({"noise": Noise}).init_pipeline()
    assert pipe(seed=3, output="found") == 3
    with pytest.raises(InputError, match="2 seeds for 1 image; give one for each"):
        pipe(seed=[1, 2])


def test_a_seed_that_nobody_reads_is_said() -> None:
    class Word(Block):
        class Out(Outputs):
            word: str

        def run(self, text: str) -> Out:
            return self.Out(word=text)

    pipe = SequentialPipelineBlocks.from_blocks_dict({"word": Word}).init_pipeline()
    with pytest.raises(InputError, match="'seed' is no input of this pipeline"):
        pipe("a", seed=1)


def test_a_second_run_gathers_no_inputs_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = brickwork.embedded()
    pipe.configure(progress=False)
    asked: list[str] = []
    for name in ("inputs", "all_inputs", "required_inputs"):
        inner = getattr(SequentialPipelineBlocks, name).fget
        monkeypatch.setattr(
            SequentialPipelineBlocks, name, property(lambda self, i=inner, n=name: asked.append(n) or i(self))
        )
    pipe("a red circle", seed=1, num_inference_steps=1, output="images")
    assert asked
    asked.clear()
    pipe("a red circle", seed=1, num_inference_steps=1, output="images")
    pipe(prompt="a red circle", num_inference_steps=1, output="images")
    assert asked == []


class Draws(Block):
    """Noise of a generator that must be given."""

    class Out(Outputs):
        noise: torch.Tensor

    def run(self, generator: torch.Generator, size: int = 2) -> Out:
        return self.Out(noise=torch.randn(size, generator=generator))


def test_a_generator_that_is_missing_may_be_a_seed(tiny_pipe: ModularPipeline) -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict({"draws": Draws}).init_pipeline()
    with pytest.raises(InputError, match=r"Pass generator=\.\.\. or seed=7\."):
        pipe(size=3)
    with pytest.raises(InputError, match=r"Pass generator=\.\.\. or seed=7\."):
        pipe(sise=3)
    assert torch.equal(pipe(seed=7, output="noise"), torch.randn(2, generator=generator(7)))


def test_a_signature_and_a_schema_have_the_seed_beside_the_generator(tiny_pipe: ModularPipeline) -> None:
    names = tiny_pipe.blocks.input_names
    workflow = tiny_pipe.blocks.workflow(None)
    signature = signature_with_seed(workflow.signature, names)
    parameters = list(signature.parameters)
    assert parameters.index("seed") == parameters.index("generator") + 1
    assert str(signature.parameters["seed"]) == "seed: int | list[int] | None = None"
    schema = schema_with_seed(workflow.input_schema, names)
    whole = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
    assert schema["properties"]["seed"]["anyOf"] == [whole, {"type": "array", "items": whole}, {"type": "null"}]
    assert "seed" not in workflow.input_schema["properties"]
    assert schema["required"] == workflow.input_schema["required"]


def test_a_seed_that_is_a_blocks_own_or_that_nobody_takes_is_not_added(tiny_pipe: ModularPipeline) -> None:
    workflow = tiny_pipe.blocks.workflow(None)
    for names in (["generator", "seed"], ["prompt"]):
        assert signature_with_seed(workflow.signature, names) == workflow.signature
        assert schema_with_seed(workflow.input_schema, names) == workflow.input_schema


def test_a_missing_generator_is_not_required_where_a_seed_may_be_given() -> None:
    """Either is enough, which a schema of required names cannot say."""
    blocks = SequentialPipelineBlocks.from_blocks_dict({"draws": Draws})
    workflow = blocks.workflow(None)
    assert workflow.input_schema["required"] == ["generator"]
    assert schema_with_seed(workflow.input_schema, blocks.input_names)["required"] == []
    signature = signature_with_seed(workflow.signature, blocks.input_names)
    assert signature.parameters["generator"].default is None
    assert list(signature.parameters) == ["generator", "seed", "size"]


def test_a_pipeline_lists_the_seed_among_its_inputs(tiny_pipe: ModularPipeline) -> None:
    assert "seed" in tiny_pipe.signature().parameters
    assert "seed" in tiny_pipe.input_schema()["properties"]


def test_what_is_wrong_with_a_seed_is_said_beside_the_other_faults(tiny_pipe: ModularPipeline) -> None:
    wrong: list[tuple[dict[str, Any], list[str]]] = [
        ({"height": 65, "guidance_scale": "high", "seed": "x"}, ["guidance_scale", "height", "seed"]),
        ({"promt": "a cat", "seed": [3, -1]}, ["promt", "seed"]),
        ({"height": 65, "seed": 3}, ["height"]),
        ({"height": 65}, ["height"]),
    ]
    for given, names in wrong:
        with pytest.raises(InputError) as caught:
            tiny_pipe("a cat", **{**CALL, **given})
        assert [getattr(fault, "input", None) for fault in caught.value.faults] == names


def test_what_must_be_given_is_not_to_be_left_out(tiny_pipe: ModularPipeline) -> None:
    with pytest.raises(InputError, match=r"^prompt is empty; give str \| list\[str\]\.$"):
        tiny_pipe([], **CALL)
    with pytest.raises(InputError, match=r"^timesteps is empty; leave it out, or give "):
        tiny_pipe("a cat", timesteps=[])
