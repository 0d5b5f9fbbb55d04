"""Blocks of the corpus, each written as one line: `"[options] reads -> writes"`.

`"[net: Net = component()] image: Image, light: float = 0.5 -> image: Image = image + light"` is a block with a component, two
inputs, and an output with the expression that it returns. The code is made from the line and compiled, so the framework sees
what it would see of an author's file. `peer` makes the same block in the style of diffusers, with properties and `__call__`.
"""

# ruff: noqa: F401 - the compiled blocks use what is imported here

from __future__ import annotations

import functools
import itertools
import linecache
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Optional, Union

import torch
from torch import Tensor

import brickwork
from brickwork import (
    AutoPipelineBlocks,
    Block,
    ClassifierFreeGuidance,
    ComponentSpec,
    ConditionalPipelineBlocks,
    Conditioning,
    ConfigSpec,
    Group,
    InputParam,
    LoopSequentialPipelineBlocks,
    ModularPipelineBlocks,
    OutputParam,
    Outputs,
    SequentialPipelineBlocks,
    Value,
    component,
    config,
)


class Net:
    """A component without weights."""


class BigNet(Net):
    """A component that is a `Net`, too."""


class Clock:
    """A component of another kind."""


Image = Annotated[Tensor, Value("b 3 h w", "Red, green and blue.", dtype="float")]
Gray = Annotated[Tensor, Value("b 1 h w", "Brightness.", dtype="float")]
Flat = Annotated[Tensor, Value("b n", "A row for each.", dtype="float")]
Marks = Annotated[Tensor, Value("b 3 h w", "Whole numbers.", dtype="int")]
Flags = Annotated[Tensor, Value("b 3 h w", "Yes or no.", dtype="bool")]
Fraction = Annotated[float, Value(doc="From none to all.", low=0, high=1)]
Scale = Annotated[float, Value(doc="Above zero.", low=0, high=10, open=True)]

_SAMPLES = {"int": "1", "float": "1.0", "str": "'a'", "bool": "True", "Tensor": "torch.zeros(1)"}
_SAMPLES |= {"Image": "torch.zeros(1, 3, 2, 2)", "Gray": "torch.zeros(1, 1, 2, 2)", "Flat": "torch.zeros(1, 2)"}
_COUNT = itertools.count()


def compiled(name: str, source: str) -> Any:
    """Compile the source of a class, as if it stood in a file of its own."""
    file = f"<composition {next(_COUNT)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names = {**{key: value for key, value in globals().items() if not key.startswith("_")}, "__name__": "composition"}
    exec(compile(source, file, "exec", dont_inherit=True), names)
    return names[name]


def split(text: str) -> list[str]:
    """Split at the commas that stand in no bracket."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "[({") - (letter in "])}")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def _named(part: str) -> tuple[str, str, str]:
    """Cut `name: type = value` into its three parts; what is not there is empty."""
    head, _, value = part.partition(" = ")
    name, _, kind = head.partition(":")
    return name.strip(), kind.strip(), value.strip()


def _cut(text: str) -> tuple[list[str], list[str], list[str]]:
    options = ""
    if text.startswith("["):
        end = next(i for i in range(len(text)) if text[: i + 1].count("[") == text[: i + 1].count("]"))
        options, text = text[1:end], text[end + 1 :]
    reads, _, writes = text.partition("->")
    return split(options), split(reads), split(writes)


def _given(writes: list[str], reads: list[str]) -> list[tuple[str, str]]:
    read = {_named(part)[0] for part in reads}
    outputs = [_named(part) for part in writes]
    return [(name, value or (name if name in read else _SAMPLES.get(kind, "None"))) for name, kind, value in outputs]


def block(text: str, name: str = "Made") -> type[Block]:
    """Make a block whose signature is its declaration."""
    options, reads, writes = _cut(text)
    declared = "".join(f"        {key}: {kind}\n" for key, kind, _ in map(_named, writes)) or "        pass\n"
    given = ", ".join(f"{key}={value}" for key, value in _given(writes, reads))
    source = f'class {name}(Block):\n    """Make one thing of another."""\n\n'
    source += "".join(f"    {option}\n" for option in options)
    source += f"    class Out(Outputs):\n{declared}\n    def run({', '.join(['self', *reads])}) -> Out:\n"
    return compiled(name, source + f"        return self.Out({given})\n")


def peer(text: str, name: str = "Made", variables: str = "") -> type[ModularPipelineBlocks]:
    """Make a block in the style of diffusers; in a loop it gets `variables`."""
    options, reads, writes = _cut(text)
    code = {
        "expected_components": [
            f"ComponentSpec({key!r}, {kind})" for key, kind, v in map(_named, options) if "comp" in v
        ],
        "expected_configs": [
            f"ConfigSpec({key!r}, {v[7:-1]})" for key, _, v in map(_named, options) if v.startswith("config")
        ],
        "inputs": [
            f"InputParam({key!r}, type_hint={kind or None}, {f'default={v}' if v else 'required=True'})"
            for key, kind, v in map(_named, reads)
        ],
        "intermediate_outputs": [
            f"OutputParam({key!r}, type_hint={kind or None})" for key, kind, _ in map(_named, writes)
        ],
    }
    source = f'class {name}(ModularPipelineBlocks):\n    description = "Make one thing of another."\n\n'
    for key, items in code.items():
        source += f"    @property\n    def {key}(self):\n        return [{', '.join(items)}]\n\n"
    held = "block_state" if variables else "state"
    more = "".join(f", {variable}" for variable in split(variables))
    source += f"    def __call__(self, components, {held}{more}):\n"
    view = "block_state" if variables else "state_of_block"
    if not variables:
        source += f"        {view} = self.get_block_state(state)\n"
    source += "".join(f"        {_named(part)[0]} = {view}.{_named(part)[0]}\n" for part in reads)
    source += "".join(f"        {view}.{key} = {value}\n" for key, value in _given(writes, reads))
    if not variables:
        source += f"        self.set_block_state(state, {view})\n"
    return compiled(name, source + f"        return components, {held}\n")


def made(parts: dict[str, Any], make: Any = block) -> dict[str, Any]:
    """Make blocks of those parts that are lines; each class has the name of its place."""
    title = lambda key: "".join(word.capitalize() for word in key.split("_"))  # noqa: E731
    return {key: make(part, title(key)) if isinstance(part, str) else part for key, part in parts.items()}


def chain(**parts: Any) -> SequentialPipelineBlocks:
    """Put blocks in a row."""
    return SequentialPipelineBlocks.from_blocks_dict(made(parts))


def loop_class(text: str, code: str = "", count: str = "", name: str = "Rounds") -> type[LoopSequentialPipelineBlocks]:
    """Make a loop: `"reads -> variables"`; `code` is the body of `iterate`, `count` the signature of `count`."""
    _, reads, writes = _cut(text)
    declared = "".join(f"        {key}: {kind}\n" for key, kind, _ in map(_named, writes))
    given = ", ".join(f"{key}={value or 'i'}" for key, _, value in map(_named, writes))
    source = f'class {name}(LoopSequentialPipelineBlocks):\n    """Repeat some times."""\n\n    class Vars(Outputs):\n'
    source += f"{declared}\n    def iterate({', '.join(['self', *reads])}) -> Iterator[Vars]:\n"
    source += f"        {code or f'yield from (self.Vars({given}) for i in range(times))'}\n"
    if count:
        source += f"\n    def count(self, {count}) -> int:\n        return {split(count)[0].partition(':')[0]}\n"
    return compiled(name, source)


def loop(text: str = "times: int -> i: int", **parts: Any) -> LoopSequentialPipelineBlocks:
    """Repeat blocks `times` times."""
    return loop_class(text).from_blocks_dict(made(parts))


def auto(triggers: list[Any], requires: Any = None, name: str = "Switch", **parts: Any) -> AutoPipelineBlocks:
    """Choose the first block whose trigger is given."""
    blocks = made(parts)
    body: dict[str, Any] = {"block_classes": list(blocks.values()), "block_names": list(blocks)}
    body |= {"block_trigger_inputs": triggers} | ({"block_requires": requires} if requires else {})
    return type(name, (AutoPipelineBlocks,), {"__doc__": "Choose.", "__module__": __name__, **body})()


def choice(reads: str, pick: str, default: str | None = None, **parts: Any) -> ConditionalPipelineBlocks:
    """Choose in the run: `pick` is the expression that names the block, of the values in `reads`."""
    source = 'class Pick(ConditionalPipelineBlocks):\n    """Choose in the run."""\n\n'
    source += f"    def select_block(self, {reads}):\n        return {pick}\n"
    kind = compiled("Pick", source)
    blocks = made(parts)
    kind = type(
        "Pick",
        (kind,),
        {"__doc__": "Choose in the run.", "__module__": __name__, "block_names": list(blocks)}
        | {
            "block_classes": list(blocks.values()),
            "block_trigger_inputs": [_named(part)[0] for part in split(reads)],
            **({"default_block_name": default} if default else {}),
        },
    )
    return kind()


def in_branch(**parts: Any) -> Any:
    """Put blocks into a branch of a choice by inputs; `go` leads there."""
    first = block("go: int -> opened: int = go", "Opener")
    return chain(switch=auto(["go", None], filled=chain(opener=first, **parts), other="-> closed: int = 0"))


def in_choice(**parts: Any) -> Any:
    """Put blocks into a branch of a choice by values; `mode="filled"` leads there."""
    return chain(pick=choice("mode: str", "mode", filled=chain(**parts), other="-> closed: int = 0"))


#: Where a fault may lie: how the blocks get there, and what the call gives beside.
PLACES: dict[str, tuple[Any, dict[str, Any]]] = {
    "top": (chain, {}),
    "loop": (lambda **parts: chain(rounds=loop(**parts)), {"times": 2}),
    "branch": (in_branch, {"go": 1}),
    "two deep": (lambda **parts: chain(outer=chain(inner=chain(**parts))), {}),
    "choice": (in_choice, {"mode": "filled"}),
}
peers = functools.partial(made, make=peer)
