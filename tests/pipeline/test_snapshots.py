"""Snapshots: a run goes on bit-equal from any point, in this process or another, also after it was killed."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import diffusers
import pytest
import torch
from prepared_python import PreparedPython
from safetensors import safe_open
from safetensors.torch import save_file
from toy_blocks import Count, pipeline, seeded

import brickwork
from brickwork import (
    AutoPipelineBlocks,
    Block,
    BrickworkError,
    ConditionalPipelineBlocks,
    InputError,
    InputParam,
    LoopSequentialPipelineBlocks,
    MemoryCache,
    ModularPipeline,
    ModularPipelineBlocks,
    OutputParam,
    Outputs,
    PipelineState,
    ReplayError,
    RepoError,
    RunError,
    SequentialPipelineBlocks,
    Snapshot,
    Snapshots,
)
from brickwork.blocks import Decode
from brickwork.presets.sdxl import INPAINT_BLOCKS, SDXL

SCHEDULERS = ["EulerAncestralDiscreteScheduler", "DPMSolverMultistepScheduler", "UniPCMultistepScheduler",
              "HeunDiscreteScheduler", "LMSDiscreteScheduler", "DDPMScheduler", "DEISMultistepScheduler"]  # fmt: skip


def with_scheduler(pipe: ModularPipeline, name: str) -> ModularPipeline:
    pipe.update_components(scheduler=getattr(diffusers, name).from_config(pipe.scheduler.config))
    return pipe


def snapshots_of(pipe: ModularPipeline, after: Any = "blocks", **inputs: Any) -> list[Snapshot]:
    found: list[Snapshot] = []
    pipe.configure(snapshots=Snapshots(found.append, after=after))
    pipe(**inputs)
    pipe.configure(snapshots=None)
    return found


@pytest.mark.rotating(3)
@pytest.mark.parametrize("name", SCHEDULERS)
def test_after_every_block_of_every_step_the_run_goes_on_bit_equal(
    name: str, tiny_pipe: ModularPipeline, tmp_path: Path, many: int
) -> None:
    """From the file also: each with the first scheduler, and with `--long`; else those of the last step, where solvers keep most."""
    pipe = with_scheduler(tiny_pipe, name)
    inputs: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 3, "output": "images", "output_type": "pt"}
    expected = pipe(**inputs, generator=seeded())
    found = snapshots_of(pipe, **inputs, generator=seeded())
    assert [snapshot.where for snapshot in found][:2] == [
        "text_encoder.positive.encode",
        "text_encoder.negative.encode",
    ]
    assert "denoise.step[1].denoiser" in [snapshot.where for snapshot in found]
    last = next(snapshot.where for snapshot in reversed(found) if ".step[" in snapshot.where).partition("]")[0]
    for snapshot in found:
        assert torch.equal(pipe.resume(snapshot), expected), snapshot.where
        if name == SCHEDULERS[0] or many > 1 or snapshot.where.startswith(last):
            snapshot.save(tmp_path / "run.safetensors")
            assert torch.equal(pipe.resume(tmp_path / "run.safetensors"), expected), snapshot.where
    steps = snapshots_of(pipe, "steps", **inputs, generator=seeded())
    iterations = len(pipe(**{**inputs, "output": "timesteps"}, generator=seeded()))
    assert [snapshot.where for snapshot in steps] == [f"denoise.step[{iteration}]" for iteration in range(iterations)]
    assert all(torch.equal(pipe.resume(snapshot), expected) for snapshot in [*steps, steps[0]])


def test_every_nth_is_taken() -> None:
    pipe = pipeline(loop=Count.from_blocks_dict({"add": Add}))
    found: list[Snapshot] = []
    pipe.configure(snapshots=Snapshots(found.append, every=3))
    pipe(iterations=10)
    assert [snapshot.where for snapshot in found] == ["loop.step[2]", "loop.step[5]", "loop.step[8]"]


def test_a_list_of_generators_and_a_state_with_everything(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    pipe = with_scheduler(tiny_pipe, "EulerAncestralDiscreteScheduler")
    inputs: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 3, "num_images_per_prompt": 2}
    expected = pipe(**inputs, generator=[seeded(1), seeded(2)])
    snapshots_of(pipe, "steps", **inputs, generator=[seeded(1), seeded(2)])[1].save(tmp_path / "run.safetensors")
    again = pipe.resume(tmp_path / "run.safetensors")
    assert isinstance(again, PipelineState)
    assert again.values.keys() == expected.values.keys()
    assert torch.equal(again.latents, expected.latents)
    assert [g.initial_seed() for g in again.generator] == [1, 2]
    assert all(
        torch.equal(mine.get_state(), theirs.get_state())
        for mine, theirs in zip(again.generator, expected.generator, strict=True)
    )
    assert again.recipe == expected.recipe
    assert [picture.info["brickwork"] for picture in again.images] == [expected.recipe.of_image(i) for i in (0, 1)]


def test_a_run_without_a_generator_goes_on_with_its_own(tiny_pipe: ModularPipeline) -> None:
    pipe = with_scheduler(tiny_pipe, "EulerAncestralDiscreteScheduler")
    found: list[Snapshot] = []
    pipe.configure(snapshots=Snapshots(found.append))
    expected = pipe(prompt="a cat", num_inference_steps=3)
    pipe.configure(snapshots=None)
    again = pipe.resume(found[1])
    assert torch.equal(again.latents, expected.latents)
    assert "generator" not in again.values


def test_pictures_and_masks_come_along(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict(INPAINT_BLOCKS).init_pipeline()
    pipe.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    pipe.configure(progress=False)
    picture = tiny_pipe(prompt="a cat", num_inference_steps=1, height=64, width=64, output="images")[0]
    inputs: dict[str, Any] = {"prompt": "the", "image": picture, "mask_image": picture.convert("L"), "num_inference_steps": 4,
                              "strength": 0.9, "output": "images", "output_type": "np"}  # fmt: skip
    expected = pipe(**inputs, generator=seeded())
    for number, snapshot in enumerate(snapshots_of(pipe, **inputs, generator=seeded())):
        snapshot.save(tmp_path / f"{number}.safetensors")
        assert (pipe.resume(tmp_path / f"{number}.safetensors") == expected).all(), snapshot.where


RUN = """
import sys, torch, diffusers
sys.path.insert(0, {support!r})
from brickwork import ModularPipeline, Snapshots
torch.set_num_threads(1)
diffusers.utils.logging.set_verbosity_error()
pipe = ModularPipeline.from_pretrained({folder!r}).load_components()
pipe.update_components(scheduler=diffusers.{scheduler}.from_config(pipe.scheduler.config))
pipe.configure(progress=False, check_values=False)
"""
BEGIN = """
pipe.configure(snapshots=Snapshots({path!r}))
print("begins", flush=True)
pipe(prompt="a cat", num_inference_steps=60, generator=torch.Generator().manual_seed(1))
"""
GO_ON = """
torch.save(pipe.resume({path!r}).latents, {out!r})
"""


def script(tail: str, **names: str) -> list[str]:
    return ["-c", (RUN + tail).format(support=str(Path(__file__).parents[1] / "support"), **names)]


@pytest.mark.rotating(2)
@pytest.mark.parametrize("scheduler", ["EulerAncestralDiscreteScheduler", "DPMSolverMultistepScheduler"])
def test_a_run_that_is_killed_goes_on_in_another_process(
    scheduler: str,
    tiny_folder: Path,
    tiny_pipe: ModularPipeline,
    tmp_path: Path,
    many: int,
    prepared_python: PreparedPython,
) -> None:
    names = {"folder": str(tiny_folder), "scheduler": scheduler, "path": str(tmp_path / "run.safetensors")}
    begins = time.perf_counter()
    expected = with_scheduler(tiny_pipe, scheduler)(
        prompt="a cat", num_inference_steps=60, generator=seeded(), output="latents"
    )
    # The killed run saves after every step, so it takes longer than this one.
    seconds = time.perf_counter() - begins
    chance = torch.Generator().manual_seed(many)
    for number in range(min(many, 5)):
        kill_at_random(prepared_python, names, seconds * float(torch.rand(1, generator=chance)))
        found = Snapshot.load(names["path"])
        assert 0 <= (found.standing.position[0].iteration or 0) < 59
        out = str(tmp_path / f"{number}.pt")
        done = prepared_python.run(*script(GO_ON, out=out, **names))
        assert done.returncode == 0, done.stderr
        assert torch.equal(torch.load(out), expected)


def kill_at_random(python: PreparedPython, names: dict[str, str], seconds: float) -> None:
    """Kill a run some time after its first snapshot; whatever it was doing then, the file is whole."""
    path = Path(names["path"])
    path.unlink(missing_ok=True)
    told, tells = os.pipe()
    with python.start(*script(BEGIN, **names), stdout=tells) as process, os.fdopen(told, "rb") as lines:
        os.close(tells)
        while (line := lines.readline()) != b"begins\n":
            assert line, "it ended before it began"
        ends = time.monotonic() + 60
        while not path.exists() and time.monotonic() < ends:
            time.sleep(0.001)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()


def test_a_cache_on_the_way_changes_nothing(tiny_pipe: ModularPipeline) -> None:
    inputs: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 4, "output": "images", "output_type": "pt"}
    expected = tiny_pipe(**inputs, generator=seeded())
    found = snapshots_of(tiny_pipe, **inputs, generator=seeded())
    tiny_pipe.configure(cache=MemoryCache(steps=True))
    for snapshot in found:
        assert torch.equal(tiny_pipe.resume(snapshot), expected), snapshot.where
    assert torch.equal(tiny_pipe(**inputs, generator=seeded()), expected)


def test_taking_snapshots_copies_no_tensor(tiny_pipe: ModularPipeline) -> None:
    found: list[Snapshot] = []
    pointers: list[int] = []
    tiny_pipe.configure(
        snapshots=Snapshots(found.append),
        listeners=[
            lambda e: pointers.append(e.values["latents"].data_ptr()) if type(e).__name__ == "StepFinished" else None
        ],
    )
    tiny_pipe(prompt="a cat", num_inference_steps=3)
    assert [snapshot.standing.values["latents"].data_ptr() for snapshot in found] == pointers


# Compositions of every shape


class Inner(LoopSequentialPipelineBlocks):
    class Vars(Outputs):
        j: int

    def iterate(self, i: int) -> Iterator[Vars]:
        yield from (self.Vars(j=j) for j in range(i % 3))


class Add(Block):
    class Out(Outputs):
        total: int

    def run(self, i: int, total: int = 1) -> Out:
        return self.Out(total=total * 7 % 1000 + i)


class AddInner(Block):
    class Out(Outputs):
        total: int
        iterations: int

    def run(self, i: int, j: int, iterations: int, total: int) -> Out:
        return self.Out(total=(total * 11 + i * j) % 1000, iterations=iterations)


class Halve(Block):
    class Out(Outputs):
        total: int
        way: str

    def run(self, total: int) -> Out:
        return self.Out(total=total // 2, way="b")


class Again(Block):
    class Out(Outputs):
        total: int

    def run(self, total: int) -> Out:
        return self.Out(total=total + 1)


class Even(ConditionalPipelineBlocks):
    block_classes = [Halve, Add]
    block_names = ["halve", "add"]
    block_trigger_inputs = ["total"]

    def select_block(self, total: int | None = None) -> str:
        return "halve" if (total or 0) % 2 == 0 else "add"


class Foreign(ModularPipelineBlocks):
    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam("total", required=True)]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("total"), OutputParam("seen", kwargs_type="group")]

    def __call__(self, components: Any, state: Any) -> Any:
        block_state = self.get_block_state(state)
        block_state.total = block_state.total + 3
        block_state.seen = [block_state.total]
        self.set_block_state(state, block_state)
        return components, state


class Maybe(AutoPipelineBlocks):
    block_classes = [Again, Halve]
    block_names = ["again", "halve"]
    block_trigger_inputs = ["way", None]


BODY = {"add": Add, "inner": Inner.from_blocks_dict({"add": AddInner, "even": Even}), "even": Even, "again": Again}


@pytest.mark.parametrize("output", [None, "total"])
def test_loops_in_loops_choices_and_foreign_code_go_on_from_everywhere(output: str | None, tmp_path: Path) -> None:
    pipe = pipeline(
        loop=Count.from_blocks_dict(BODY),
        foreign=Foreign,
        even=Even,
        maybe=Maybe,
        more=Count.from_blocks_dict({"even": Even, "foreign": Foreign}),
    )
    expected = pipe(iterations=5, i=1, output=output)
    found = snapshots_of(pipe, iterations=5, i=1, output=output)
    places = [snapshot.where for snapshot in found]
    assert {"loop.step[2].inner.step[1].even.halve", "more.step[4].foreign", "maybe.again", "even"} & set(places)
    assert len(found) > 40
    path = tmp_path / "run.safetensors"
    for snapshot in found:
        snapshot.save(path)
        for source in (snapshot, path):
            again = pipe.resume(source)
            if output is None:
                assert again.values == expected.values, snapshot.where
                assert again.kwargs_mapping == expected.kwargs_mapping
            else:
                assert again == expected, snapshot.where


class EvenLoop(ConditionalPipelineBlocks):
    """A loop, and one with a loop inside, in a choice that is made while the run goes on."""

    block_classes = [
        Count.from_blocks_dict({"add": Add}),
        Count.from_blocks_dict({"inner": Inner.from_blocks_dict({"add": AddInner}), "add": Add}),
    ]
    block_names = ["plain", "nested"]
    block_trigger_inputs = ["total"]

    def select_block(self, total: int) -> str:
        return "plain" if total % 2 == 0 else "nested"


@pytest.mark.parametrize(("begin", "branch"), [(Halve, "plain"), (Again, "nested")])
def test_steps_of_a_loop_in_a_choice_are_steps(begin: Any, branch: str) -> None:
    pipe = pipeline(begin=begin, choice=EvenLoop)
    inputs = {"total": 4, "iterations": 3}
    expected = pipe(**inputs)
    found = snapshots_of(pipe, "steps", **inputs)
    assert [snapshot.where for snapshot in found] == [f"choice.{branch}.step[{step}]" for step in range(3)]
    for snapshot in found:
        assert pipe.resume(snapshot).values == expected.values, snapshot.where
    with pytest.raises(InputError, match=r"no loop outside of choices that are made while it runs \(choice\)"):
        pipe.branch(expected, at_step=1, total=6)


# What cannot be


def test_what_cannot_be_written_is_named() -> None:
    class Odd(Block):
        class Out(Outputs):
            tree: Any
            total: int
            weight: torch.Tensor

        def run(self) -> Out:
            return self.Out(tree=object(), total=1, weight=torch.zeros(1, requires_grad=True))

    found = snapshots_of(pipeline(odd=Odd, again=Again))
    with pytest.raises(RunError) as caught:
        found[0].save("never.safetensors")
    assert str(caught.value) == (
        "The run cannot be saved after odd: 2 faults\n"
        "  - value tree: a builtins.object is no plain data\n"
        "  - value weight: a tensor that records gradients; detach it"
    )
    assert not Path("never.safetensors").exists()


def test_a_snapshot_of_other_blocks_or_components_is_refused_with_the_differences(tiny_pipe: ModularPipeline) -> None:
    snapshot = snapshots_of(tiny_pipe, "steps", prompt="a cat", num_inference_steps=2)[0]

    class MyDecode(Decode):
        pass

    tiny_pipe.blocks.replace("decode", MyDecode.bind(SDXL))
    with_scheduler(tiny_pipe, "EulerAncestralDiscreteScheduler")
    tiny_pipe.update_config(force_zeros_for_empty_prompt=False)
    with pytest.raises(InputError) as caught:
        tiny_pipe.resume(snapshot)
    here = f"{__name__}:test_a_snapshot_of_other_blocks_or_components_is_refused_with_the_differences.<locals>.MyDecode"
    assert str(caught.value).splitlines() == [
        "The snapshot does not belong to this pipeline: 3 faults",
        f"  - decode: Decode, and {here} now",
        "  - config force_zeros_for_empty_prompt: True, and False now",
        "  - scheduler: class diffusers:EulerDiscreteScheduler, and diffusers:EulerAncestralDiscreteScheduler now",
    ]


def test_broken_files_are_refused(tmp_path: Path, tiny_pipe: ModularPipeline) -> None:
    with pytest.raises(RepoError, match="There is no snapshot"):
        tiny_pipe.resume(tmp_path / "none.safetensors")
    path = tmp_path / "run.safetensors"
    snapshots_of(tiny_pipe, "steps", prompt="a cat", num_inference_steps=2)[0].save(path)
    whole = path.read_bytes()
    for content in (b"", whole[:4], whole[:500], whole[:-10], b"\xff" * 8 + whole[8:], b"not a file at all"):
        path.write_bytes(content)
        with pytest.raises(RepoError, match="cannot be read as values"):
            tiny_pipe.resume(path)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(RepoError, match="its format is None"):
        tiny_pipe.resume(path)


def test_nothing_in_a_file_names_code(tmp_path: Path, tiny_pipe: ModularPipeline) -> None:
    path = tmp_path / "run.safetensors"
    snapshots_of(tiny_pipe, "steps", prompt="a cat", num_inference_steps=2)[0].save(path)
    with safe_open(path, "pt") as file:
        about = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    values = json.loads(about["values"])
    values["value evil"] = {"$": "pickle", "data": "cos\nsystem\n(S'true'\ntR."}
    del about["digest"]  # as older files are, so that this is not refused as damage
    save_file(tensors, path, metadata={**about, "values": json.dumps(values)})
    with pytest.raises(RepoError, match="'pickle'"):
        tiny_pipe.resume(path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"every": 0}, "every=0: it is a number from 1 on"),
        ({"every": 1.5}, "every=1.5: it is a number from 1 on"),
        ({"every": True}, "every=True: it is a number from 1 on"),
        ({"every": None}, "every=None: it is a number from 1 on"),
        ({"after": "runs"}, r"after='runs': it is 'steps' \(of loops\) or 'blocks'"),
        ({"after": "step"}, "after='step': it is .* Did you mean 'steps'"),
        ({"after": []}, r"after=\[\]: it is 'steps'"),
        ({"to": 5}, r"Snapshots\(5\): it is the path of a file, or a function"),
        ({"to": None}, r"Snapshots\(None\): it is the path of a file, or a function"),
        ({"to": b"a"}, r"Snapshots\(b'a'\): it is the path of a file, or a function"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Snapshots(**{"to": print, **wrong})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none/run.safetensors", "there is no folder .*none; make it before the run"),
        ("there", "that is a folder; name a file in it"),
        ("there/\0/run", "is no name of a file|there is no folder"),
    ],
    ids=ascii,
)
def test_a_place_where_no_file_can_be_is_refused_before_the_first_step(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    steps: list[int] = []

    class Note(Block):
        class Out(Outputs):
            total: int

        def run(self, i: int) -> Out:
            steps.append(i)
            return self.Out(total=i)

    pipe = pipeline(loop=Count.from_blocks_dict({"note": Note}))
    pipe.configure(snapshots=Snapshots(tmp_path / name, every=3))
    with pytest.raises(BrickworkError, match=message):
        pipe(iterations=5)
    assert steps == []


def test_one_flipped_bit_is_damage_and_nothing_goes_on_from_it(tmp_path: Path, tiny_pipe: ModularPipeline) -> None:
    path = tmp_path / "run.safetensors"
    snapshots_of(tiny_pipe, "steps", prompt="a cat", num_inference_steps=2)[0].save(path)
    whole = path.read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    for place in (start, (start + len(whole)) // 2, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 8]) + whole[place + 1 :])
        with pytest.raises(
            RepoError, match=r"run.safetensors cannot be read as values: it is damaged: by its own digest"
        ):
            tiny_pipe.resume(path)
    path.write_bytes(whole)
    tiny_pipe.resume(path)


def test_a_failing_run_leaves_the_last_whole_file(tmp_path: Path) -> None:
    class Fail(Block):
        class Out(Outputs):
            total: int

        def run(self, i: int, total: int = 0) -> Out:
            if i == 3:
                raise OSError("full")
            return self.Out(total=total + 1)

    path = tmp_path / "run.safetensors"
    pipe = pipeline(loop=Count.from_blocks_dict({"fail": Fail}))
    pipe.configure(snapshots=Snapshots(path))
    with pytest.raises(OSError, match="full"):
        pipe(iterations=5)
    assert Snapshot.load(path).where == "loop.step[2]"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["run.safetensors"]


@pytest.mark.parametrize("steps_elsewhere", [1, 2, 3])
def test_a_scheduler_that_others_have_run_changes_nothing(steps_elsewhere: int, tiny_pipe: ModularPipeline) -> None:
    inputs = {"prompt": "a cat", "num_inference_steps": 4, "output_type": "latent"}
    parts = {name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names}
    parts["scheduler"] = type(parts["scheduler"]).from_config(parts["scheduler"].config)
    tiny_pipe.update_components(scheduler=parts["scheduler"])
    classic = diffusers.StableDiffusionXLPipeline(**parts, add_watermarker=False)
    classic.set_progress_bar_config(disable=True)
    classic(**{**inputs, "num_inference_steps": steps_elsewhere}, height=64, width=64)
    base = tiny_pipe(**inputs)
    for at_step in (1, 2, 3):
        assert torch.equal(tiny_pipe.branch(base, at_step=at_step).images, base.images)


class Countdown:
    """A scheduler without a configuration: nothing says what it is before it runs."""

    order = 1

    def __init__(self) -> None:
        self.config = SimpleNamespace(num_train_timesteps=1000)
        self.init_noise_sigma = 1.0
        self.seen: list[float] = []

    def set_timesteps(self, count: int, device: Any = None) -> None:
        self.timesteps = torch.linspace(900, 100, count, device=device)
        self.seen = []

    def scale_model_input(self, sample: torch.Tensor, timestep: Any) -> torch.Tensor:
        return sample

    def step(self, output: torch.Tensor, timestep: Any, sample: torch.Tensor, return_dict: bool = True) -> Any:
        self.seen.append(float(timestep))
        return (sample - 0.1 * len(self.seen) * output,)


def test_a_scheduler_that_nothing_can_make_anew_goes_on_where_it_stood(tiny_pipe: ModularPipeline) -> None:
    scheduler = Countdown()
    tiny_pipe.update_components(scheduler=scheduler)
    base = tiny_pipe(prompt="a cat", num_inference_steps=4, output_type="latent")
    for at_step in (1, 2, 3):
        assert torch.equal(tiny_pipe.branch(base, at_step=at_step).images, base.images)
    assert scheduler.seen == []


def test_a_snapshot_holds_no_path_of_this_machine(
    tiny_folder: Path, tiny_pipe: ModularPipeline, tmp_path: Path
) -> None:
    path = tmp_path / "run.safetensors"
    snapshots_of(tiny_pipe, "steps", prompt="a cat", num_inference_steps=2)[0].save(path)
    assert str(tiny_folder).encode() not in path.read_bytes()
    assert b"_step_index" in path.read_bytes()


def test_the_recipe_of_a_run_that_went_on_with_something_else_says_so(tiny_pipe: ModularPipeline) -> None:
    taken: list[Snapshot] = []
    tiny_pipe.configure(snapshots=Snapshots(taken.append, every=2))
    inputs: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 4, "output": "images"}
    plain = tiny_pipe(**inputs, generator=torch.Generator().manual_seed(1))[0]
    tiny_pipe.configure(snapshots=None)
    tiny_pipe.unet.enable_freeu(0.9, 0.2, 1.5, 1.6)
    with pytest.warns(UserWarning, match="though not everything is as it was"):
        other = tiny_pipe.resume(taken[0], exact=False)[0]
    tiny_pipe.unet.disable_freeu()
    note = "went on after denoise.step[1], though not everything was as it was: unet: unknown changes none, and FreeU (0.9, 0.2, 1.5, 1.6) now"
    assert other.info["brickwork"].to_dict()["notes"] == [note]
    assert list(brickwork.diff(other, plain)) == [f"notes: ['{note}'], and None"]
    with pytest.raises(ReplayError, match=r"went on after denoise.step\[1\], though not everything was"):
        brickwork.replay(other, components=tiny_pipe)
    assert tiny_pipe.resume(taken[0])[0].info["brickwork"].to_dict().get("notes") is None
