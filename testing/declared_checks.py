"""Checks of a declaration beside the code: inputs that nothing reads, and outputs that nothing writes."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from types import CodeType
from typing import Any

import torch

from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.signature_block import SignatureBlock
from .block_report import BlockFault
from .block_runs import BlockRuns, content, seeded
from .block_traces import names_in_code, names_in_other_methods
from .run_checks import NotToldError

_METHODS = ("run", "iterate", "count")
"""Methods whose parameters are inputs."""
_BY_ANY_NAME = frozenset({"locals", "vars", "eval", "exec"})
_COMPUTED = frozenset({*_BY_ANY_NAME, "getattr", "as_dict", "__dict__", "get_by_kwargs", "items"})
"""What reads a value whose name does not stand in the code."""


def unread_inputs(runs: BlockRuns, accepted: Sequence[Mapping[str, Any]]) -> Iterator[BlockFault]:
    """Yield the inputs that no code of the block reads: who gives one would be told nothing."""
    block = runs.block
    unread = _unread_parameters(runs, accepted) if isinstance(block, SignatureBlock) else _unnamed(block)
    for name in unread:
        yield BlockFault(
            "inputs", runs.name, f"declares the input {name!r}, which it does not read", "inputs that results hang on",
            "code to which it is the same what is given", f"Read it, or take it out; or look at it in `input_faults`. If the block writes {name!r} "
            "anew, declare that as an output.",
        )  # fmt: skip


def _unread_parameters(runs: BlockRuns, accepted: Sequence[Mapping[str, Any]]) -> list[str]:
    block: Any = runs.block
    written = [inspect.unwrap(getattr(type(block), name)) for name in _METHODS if hasattr(type(block), name)]
    codes = [each.__code__ for each in written if hasattr(each, "__code__")]
    known = {*_arguments(codes)}
    parameters = {each.own or each.name: each.name for each in block.declaration.parameters}
    unread = [argument for argument in parameters if argument in known and not any(_reads(c, argument) for c in codes)]
    if not unread:
        return []
    looked_at = names_in_other_methods(block, _METHODS) | _looked_at(runs, accepted[0] if accepted else {})
    names = [parameters[argument] for argument in unread]
    return [name for name in names if name not in looked_at and name not in runs.output_names]


def _arguments(codes: Sequence[CodeType]) -> Iterator[str]:
    for code in codes:
        yield from code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]


def _reads(code: CodeType, name: str) -> bool:
    if _BY_ANY_NAME & {*code.co_names} or name in code.co_cellvars:
        return True
    loads = (each.argval for each in dis.get_instructions(code) if each.opname.startswith("LOAD_FAST"))
    return any(name == each or (isinstance(each, tuple) and name in each) for each in loads)


class _Recorded(dict[str, Any]):
    """Inputs that know which of them were read."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)


def _looked_at(runs: BlockRuns, values: Mapping[str, Any]) -> set[str]:
    """Return the inputs that the block looks at before the run."""
    given = _Recorded(values)
    bound: Any = runs.block
    with suppress(Exception):
        bound = bound.bound_copy(runs.components, runs.configs, torch.device("cpu"))
    for look in (bound.input_faults, bound.misfits, bound.shape_advice):
        with suppress(Exception):
            list(look(given))
    return given.read


def _unnamed(block: ModularPipelineBlocks) -> list[str]:
    foreign: Any = getattr(block, "foreign", block)
    if getattr(foreign, "sub_blocks", None):
        raise NotToldError("its blocks are asked by themselves")
    named = names_in_code(block)
    if _COMPUTED & named:
        raise NotToldError("it reads values by names that it computes")
    by_kind = {str(param.name) for param in block.inputs if param.kwargs_type in named}
    return [str(param.name) for param in block.inputs if param.name and param.name not in named | by_kind]


def unwritten_outputs(runs: BlockRuns, accepted: Sequence[Mapping[str, Any]]) -> Iterator[BlockFault]:
    """Yield the outputs that may be left out, that no code names, and that no run wrote."""
    out = getattr(getattr(runs.block, "declaration", None), "out", None)
    if out is None or getattr(runs.block, "sub_blocks", None):
        return
    named = names_in_code(runs.block)
    defaults = {name: each for name, each in out.__brickwork_defaults__.items() if name not in named}
    for values in accepted if defaults else ():
        with seeded(1), suppress(Exception):
            written = runs.alone(values)
            defaults = {n: d for n, d in defaults.items() if n not in written or content(written[n]) == content(d)}
    for name, default in defaults.items() if accepted else ():
        yield BlockFault(
            "outputs", runs.name, f"never writes its output {name!r}", f"{name!r} as the block has found it",
            f"{default!r} in every run, and no code that names it", "Write it, or take it out of the declaration.",
        )  # fmt: skip
