"""Mistakes with what a pipeline and its blocks offer: methods of lists, things in the wrong place, settings, listeners."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
from mistake import Mistake

from brickwork import (
    ComponentError,
    ComponentsManager,
    CompositionError,
    InputError,
    MemoryCache,
    ModularPipeline,
    UnknownWorkflowError,
    find_preset,
    load_workflow,
    save_workflow,
)
from brickwork.engine.listeners import TimeTable
from brickwork.presets.embedded import FOLDER

CALL: dict[str, Any] = {"num_inference_steps": 2, "output": "images"}


def put(name: str, make: Callable[[Any], Any], error: type[Exception], *says: str) -> Mistake:
    return Mistake(name, "embedded", make, error, says)


def listed(name: str, *says: str) -> list[Mistake]:
    """An attribute of a dict of blocks, and of the blocks, which they do not have."""
    return [
        put(f"sub_blocks.{name}", lambda pipe: getattr(pipe.blocks.sub_blocks, name), AttributeError, f"no attribute {name!r}", *says),
        put(f"blocks.{name}", lambda pipe: getattr(pipe.blocks, name), AttributeError, "SequentialPipelineBlocks: ", *says),
    ]  # fmt: skip


def replaced(name: str, value: Any, *says: str) -> Mistake:
    return put(
        f"pipe.{name} = ...",
        lambda pipe: setattr(pipe, name, value),
        InputError,
        f"pipe.{name} is not replaced by",
        *says,
    )


def setting(*says: str, **changes: Any) -> Mistake:
    # Without addresses, which differ between the processes of one test run.
    return put(
        re.sub(r" at 0x\w+", "", f"the settings {changes}"), lambda pipe: pipe.configure(**changes), InputError, *says
    )


async def waits(event: object) -> None: ...


BLOCKS = [
    *listed("append", "Write sub_blocks.insert('my_block', Block, 7)."),
    *listed("add", "Write sub_blocks.insert('my_block', Block, 7)."),
    *listed("remove", "Write sub_blocks.pop('decode')."),
    *listed("decode", "Blocks are read by name: sub_blocks['decode']."),
    *listed("decod", "Did you mean sub_blocks['decode']?"),
    *listed("insert_befor", "Did you mean 'insert_before'?"),
    *listed("xyz", "Its blocks are text_encoder, input"),
    put("a slice of blocks", lambda pipe: pipe.blocks.sub_blocks[:2], CompositionError, "A block is named by text"),
    put("no name to pop", lambda pipe: pipe.blocks.sub_blocks.pop(), CompositionError, "pop(name) wants", "text_encoder, input"),
    put("a list of blocks", lambda pipe: setattr(pipe.blocks, "sub_blocks", []), CompositionError, "edited by name", "a list"),
    put("a number as a preset", lambda _: find_preset(3), InputError, "A preset's name is 3 (int)"),  # type: ignore[arg-type]
    put("a number as a workflow", lambda pipe: pipe.blocks.get_workflow(3), InputError, "The name of a workflow is 3 (int)"),
    put("an unknown workflow", lambda pipe: pipe.load_components(workflow="x"), UnknownWorkflowError, "no workflow 'x'"),
]  # fmt: skip
PIPELINES = [
    replaced("blocks", 3, "3 (int)", "pipe.blocks.replace(", "blocks.init_pipeline(repo)"),
    replaced("components", {}, "a dict", "update_components(name=component)"),
    replaced("specs", {}, "update_components(name=ComponentSpec(...))"),
    replaced("settings", {}, "pipe.configure(progress=False)"),
    put("a component by position", lambda pipe: pipe.update_components(pipe.unet), InputError, "update_components(unet=model)"),
    put("a setting by position", lambda pipe: pipe.configure(False), InputError, "configure(progress=False)", "False (bool)"),
    put("a config by position", lambda pipe: pipe.update_config("x"), InputError, "update_config(name=value)"),
    put("a number to load", lambda pipe: pipe.load_components(3), InputError, "names is 3 (int)"),
    put("a number among names", lambda pipe: pipe.load_components(["unet", 3]), InputError, "names holds 3 (int)"),
    put("a number to unload", lambda pipe: pipe.unload_components(3), InputError, "names is 3 (int)"),
    put("a misspelt option", lambda pipe: pipe.load_components(name="unet"), InputError, "'name'. Did you mean 'names'?"),
    put("another misspelt option", lambda pipe: pipe.load_components(torch_dtpe=1), InputError, "Did you mean 'torch_dtype'?"),
    put("a device to load to", lambda pipe: pipe.load_components(device="cpu"), InputError, "pipe.to(device)"),
    put("a number as a repository", lambda pipe: pipe.blocks.init_pipeline(3), InputError, "pretrained_model_name_or_path is 3 (int)"),
    put("a dtype by position", lambda _: ModularPipeline.from_pretrained(str(FOLDER), torch.float16), InputError, "components_manager is a dtype"),  # type: ignore[arg-type]
    put("a number as a workflow file", lambda _: load_workflow(3), InputError, "The workflow's file is 3 (int)"),  # type: ignore[arg-type]
    put("a number to save", lambda _: save_workflow(3, "x"), InputError, "3 (int) was given first"),  # type: ignore[arg-type]
    put("a path to save, first", lambda pipe: save_workflow("x", pipe), InputError, "'x' (str) was given first"),
    put("a number as a LoRA's name", lambda pipe: pipe.set_adapters(3), InputError, "adapter_names is 3 (int)"),
    put("axes without values", lambda pipe: pipe.sweep(prompt="a", axes=["prompt"]), InputError, "axes is a list", "{'seed': [1, 2]}"),
    put("a step in words", lambda pipe: pipe.branch(pipe("a", num_inference_steps=2), "1"), InputError, "at_step is '1' (str)"),
    put("no processors by path", lambda pipe: pipe.attention_processors(3).__enter__(), InputError, "{'attn2': AttnProcessor()}", "3 (int)"),
    put("a number as a processor", lambda pipe: pipe.attention_processors({"attn2": 3}).__enter__(), InputError, "'attn2': 3 (int) is no"),
    put("the class of a processor", lambda pipe: pipe.attention_processors({"attn2": TimeTable}).__enter__(), InputError, "the class TimeTable"),
]  # fmt: skip
SETTINGS = [
    setting("load='ondemand': it is 'before' or 'on demand'. Did you mean 'on demand'?", load="ondemand"),
    setting("residency='jit': it is 'stay' or 'just in time'.", residency="jit"),
    setting("grad='nograd'", "Did you mean 'no_grad'?", grad="nograd"),
    setting("identity=3: it is 'usual' or 'full'.", identity=3),
    setting("no option 'descc'. Did you mean 'desc'?", progress_options={"descc": "x"}),
    setting("progress_options='x': it is a dict", progress_options="x"),
    setting("The listener TimeTable is a class", "TimeTable(...)", listeners=[TimeTable]),
    setting("The listener waits is async", listeners=[waits]),
    setting("is called with one event", listeners=[lambda pipe, step, timestep, kwargs: kwargs]),
    setting("a function that takes an event, and 'print' (str) was given", listeners=["print"]),
    put("a budget in words", lambda _: MemoryCache(max_bytes="2GB"), InputError, "max_bytes is '2GB' (str)"),  # type: ignore[arg-type]
]  # fmt: skip
MANAGERS = [
    put("a component by no name", lambda pipe: ComponentsManager().add(pipe.unet, "unet"), InputError, "The name of a component is a UNet2D"),
    put("ids by a number", lambda _: ComponentsManager().get_ids(3), InputError, "names is 3 (int)"),  # type: ignore[arg-type]
    put("a misspelt device", lambda _: ComponentsManager().enable_auto_cpu_offload("cudaa"), ComponentError, "'cudaa' is no device"),
]  # fmt: skip
MISTAKES = [*BLOCKS, *PIPELINES, *SETTINGS, *MANAGERS]
