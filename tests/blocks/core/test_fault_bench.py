"""Faults that are put into presets and small compositions are found, right compositions raise no alarm.

No pipeline here has weights: whatever is found was found without them. `benchmarks/faults.py` says how long it takes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attrs import evolve, frozen

from brickwork import Block, BrickworkError, InputError, ModularPipelineBlocks, Outputs, SequentialPipelineBlocks
from brickwork.blocks import InsertableDict
from brickwork.presets.sdxl import AUTO_BLOCKS, IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS, TEXT2IMAGE_BLOCKS
from brickwork.state import OutputParam

PRESETS: dict[str, tuple[InsertableDict[Any], tuple[str, ...]]] = {
    "text2image": (TEXT2IMAGE_BLOCKS, ("prompt",)),
    "image2image": (IMAGE2IMAGE_BLOCKS, ("prompt", "image")),
    "inpaint": (INPAINT_BLOCKS, ("prompt", "image", "mask_image")),
    "auto": (AUTO_BLOCKS, ("prompt", "image", "mask_image")),
}


@frozen
class Fault:
    """One fault: how to make and meet it, and what must be in the message."""

    name: str
    meet: Callable[[], Any]
    words: tuple[str, ...]


def preset(name: str) -> SequentialPipelineBlocks:
    return SequentialPipelineBlocks.from_blocks_dict(PRESETS[name][0])


def findings(blocks: ModularPipelineBlocks, given: tuple[str, ...]) -> str:
    """All that is said of a composition, at rest and when it is planned for the inputs that it needs."""
    report = blocks.check()
    said = [*report.faults, *report.warnings]
    try:
        said += blocks.plan(given).warnings
    except BrickworkError as error:
        said.append(str(error))
    return "\n".join(said)


def raised(action: Callable[[], Any]) -> str:
    try:
        action()
    except BrickworkError as error:
        return str(error)
    return ""


def dropped() -> Iterator[Fault]:
    """A block that later ones need is missing."""
    readers = {
        "text_encoder": "input",
        "image_encoder": "prepare_latents",
        "input": "prepare_latents",
        "set_timesteps": "denoise",
        "prepare_latents": "denoise",
        "prepare_mask": "denoise",
        "prepare_masked_image": "denoise",
        "prepare_add_cond": "denoise",
        "denoise": "",
    }
    for name, (blocks, given) in PRESETS.items():
        for block in blocks:
            if block in ("decode", "denoise", "ip_adapter"):
                continue

            def meet(name: str = name, block: str = block, given: tuple[str, ...] = given) -> str:
                edited = preset(name)
                edited.pop(block)
                return findings(edited, given)

            yield Fault(f"{name} without {block}", meet, (readers[block],))


def swapped() -> Iterator[Fault]:
    """A block stands after one that needs what it gives."""
    orders = [
        ("set_timesteps", "denoise"),
        ("prepare_latents", "denoise"),
        ("text_encoder", "input"),
        ("input", "prepare_latents"),
        ("prepare_add_cond", "denoise"),
        ("decode", "denoise"),
        ("prepare_latents", "prepare_add_cond"),
        ("input", "prepare_add_cond"),
        ("image_encoder", "prepare_latents"),
        ("set_timesteps", "prepare_latents"),
        ("prepare_mask", "denoise"),
    ]
    for name, (blocks, given) in PRESETS.items():
        for first, second in orders:
            if first not in blocks or (
                first == "set_timesteps" and second == "prepare_latents" and name == "text2image"
            ):
                continue

            def meet(name: str = name, first: str = first, second: str = second, given: tuple[str, ...] = given) -> str:
                edited = preset(name)
                moved = edited.pop(first)
                if first == "decode":
                    edited.insert_before(second, first, moved)
                else:
                    edited.insert_after(second, first, moved)
                return findings(edited, given)

            yield Fault(f"{name} with {first} and {second} swapped", meet, (first, second))


def misspelt() -> Iterator[Fault]:
    """An input at the call is misspelt."""
    wrong = {
        "promt": "prompt",
        "negativ_prompt": "negative_prompt",
        "hight": "height",
        "widht": "width",
        "guidance": "guidance_scale",
        "num_inference_step": "num_inference_steps",
        "generater": "generator",
        "outputtype": "output_type",
        "latent": "latents",
        "promptembeds": "prompt_embeds",
        "sigma": "sigmas",
        "num_image_per_prompt": "num_images_per_prompt",
        "clipskip": "clip_skip",
        "denoise_end": "denoising_end",
    }
    for name, (_, given) in PRESETS.items():
        for word, right in wrong.items():

            def meet(name: str = name, word: str = word, given: tuple[str, ...] = given) -> str:
                pipe = preset(name).init_pipeline()
                return raised(lambda: pipe(**dict.fromkeys(given, "a cat"), **{word: 1}))

            yield Fault(f"{name} with {word}", meet, (f"{word!r}", f"{right!r}"))


def altered(block: Any, name: str, change: Callable[[OutputParam], OutputParam]) -> Any:
    """A block of the same class that declares one output otherwise."""
    changed = [change(output) if output.name == name else output for output in block.intermediate_outputs]
    made = type(type(block).__name__, (type(block),), {"intermediate_outputs": property(lambda _: changed)})()
    made.__dict__.update(block.__dict__)
    return made


def retyped() -> Iterator[Fault]:
    """A block gives another type than the reader of the value takes."""
    values = [
        ("prepare_latents", "latents"),
        ("prepare_latents", "height"),
        ("set_timesteps", "timesteps"),
        ("input", "batch_size"),
        ("input", "prompt_embeds"),
        ("input", "pooled_prompt_embeds"),
        ("prepare_add_cond", "add_time_ids"),
        ("set_timesteps", "num_inference_steps"),
    ]
    for name in ("text2image", "image2image", "inpaint"):
        for path, value in values:

            def meet(name: str = name, path: str = path, value: str = value) -> str:
                edited = preset(name)
                edited.replace(path, altered(edited[path], value, lambda output: evolve(output, type_hint=bytes)))
                return raised(edited.init_pipeline)

            yield Fault(f"{name} with {value} of {path} as bytes", meet, (path, value, "bytes"))


FAULTS = [*dropped(), *swapped(), *misspelt(), *retyped()]


def test_there_are_enough_faults() -> None:
    assert len(FAULTS) >= 100
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


@pytest.mark.rotating(3)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_is_found_with_its_place(fault: Fault) -> None:
    said = fault.meet()
    assert said
    for word in fault.words:
        assert word in said, said


class Note(Block):
    """Read the latents and write something of its own."""

    class Out(Outputs):
        note: str

    def run(self, num_inference_steps: int = 50) -> Out: ...


class Remark(Block):
    """Write something else."""

    class Out(Outputs):
        remark: str

    def run(self, prompt: str | list[str] = "") -> Out: ...


def right_composition(seed: int) -> tuple[SequentialPipelineBlocks, tuple[str, ...]]:
    """A preset with changes that are no faults: harmless blocks, another end, an allowed order, nesting."""
    rng = random.Random(seed)
    name = rng.choice(list(PRESETS))
    blocks, given = preset(name), PRESETS[name][1]
    if rng.random() < 0.5:
        blocks.insert(f"note_{rng.randrange(9)}", Note, rng.randrange(len(blocks.sub_blocks) + 1))
    if rng.random() < 0.3:
        blocks.pop("decode")
    if rng.random() < 0.3 and name == "text2image":
        blocks.insert_before("text_encoder", "set_timesteps", blocks.pop("set_timesteps"))
    if rng.random() < 0.3:
        outer = SequentialPipelineBlocks.from_blocks_dict({"inner": blocks, "remark": Remark})
        return outer, given
    return blocks, given


@pytest.mark.rotating(3)
@pytest.mark.parametrize("seed", range(100))
def test_right_compositions_raise_no_alarm(seed: int) -> None:
    blocks, given = right_composition(seed)
    assert findings(blocks, given) == ""
    blocks.init_pipeline()


EDITS = ("drop", "rename", "retype", "reorder")


def random_edit(seed: int) -> tuple[str, str]:
    """Edit a preset at random so that something must be wrong; return what was done, and what is said."""
    rng = random.Random(seed)
    name = rng.choice(["text2image", "image2image", "inpaint"])
    edited, given = preset(name), PRESETS[name][1]
    flow = edited.plan(given).flow
    read = {
        (v.writer.partition(".")[0], v.name, r.path.partition(".")[0])
        for r in flow.reads
        if r.param.required
        for v in r.sources.versions
        if v.writer
    }
    writer, value, reader = rng.choice(sorted(edge for edge in read if edge[0] != edge[2]))
    edit = rng.choice(EDITS)
    done = f"{name}: {edit} {value} of {writer}, read by {reader}"
    if edit == "drop":
        edited.pop(writer)
    elif edit == "reorder":
        edited.insert_after(reader, writer, edited.pop(writer))
    else:
        (path,) = {
            v.writer
            for v in flow.versions
            if v.name == value
            and v.writer.partition(".")[0] == writer
            and not any(
                w.name == value and w.writer.startswith(f"{writer}.") and w.number > v.number for w in flow.versions
            )
        }

        def change(output: OutputParam) -> OutputParam:
            return evolve(output, name=f"{value}_x") if edit == "rename" else evolve(output, type_hint=frozenset[int])

        edited.replace(path, altered(edited[path], value, change))
    return done, findings(edited, given)


def test_random_edits_are_caught() -> None:
    said = [random_edit(seed) for seed in range(200)]
    missed = [done for done, found in said if not found]
    assert len(missed) <= 0.05 * len(said), missed


def test_a_call_with_nothing_says_what_is_needed() -> None:
    for name, (_, given) in PRESETS.items():
        if name == "auto":
            continue
        with pytest.raises(InputError) as caught:
            preset(name).init_pipeline()()
        for needed in given:
            assert f"needs {needed!r}" in str(caught.value)
