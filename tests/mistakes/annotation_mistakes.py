"""Mistakes with the annotations of a block: each is told which to write."""

from __future__ import annotations

import linecache
import sys
import types
from pathlib import Path
from typing import Any

from mistake import Mistake

from brickwork import DeclarationError

HEAD = """from __future__ import annotations
import torch
from brickwork import Block, Outputs
class Doer(Block):
"""
OUT = "class Out(Outputs):\n        y: int"
RUN = "def run(self, x: int) -> Out: ..."


def declared(name: str, *says: str, out: str = OUT, run: str = RUN, option: str = "") -> Mistake:
    """A module with a block, of which inputs and outputs are asked for."""

    def make(_: Path) -> Any:
        module = types.ModuleType("doer")
        text = HEAD + "".join(f"    {part}\n" for part in (option, out, run) if part)
        # By a file of its own: code that is nowhere cannot be asked for what it imports.
        linecache.cache["doer.py"] = (len(text), None, text.splitlines(True), "doer.py")
        sys.modules["doer"] = module
        try:
            exec(compile(text, "doer.py", "exec"), vars(module))
            block = module.Doer()
            return block.inputs, block.intermediate_outputs
        finally:
            del sys.modules["doer"]

    return Mistake(name, "folder", make, DeclarationError, says)


def returned(annotation: str, *says: str, out: str = OUT) -> Mistake:
    arrow = f" -> {annotation}" if annotation else ""
    return declared(
        f"{annotation or 'nothing'} returned{'' if out else ' without Out'}",
        *says,
        out=out,
        run=f"def run(self, x: int){arrow}: ...",
    )


def read(annotation: str, *says: str) -> Mistake:
    return declared(f"an input {annotation}", *says, run=f"def run(self, x: {annotation}) -> Out: ...")


HOW = "write '-> Out', and return self.Out(y=...)."
WHOLE = "write a class Out(Outputs) with a line `name: type` for each value, '-> Out', and return self.Out(name=...)."
RETURNED = [
    returned("", "Doer.run has no return annotation; write '-> Out'."),
    returned("torch.Tensor", "Doer.run returns torch.Tensor, but the block's outputs are Doer.Out", HOW),
    returned("dict", "Doer.run returns dict", HOW),
    returned("tuple[int, int]", "Doer.run returns tuple[int, int]", HOW),
    returned("'Outt'", "Doer.run returns Outt", HOW),
    returned("Out | None", "Doer.run returns Out | None", HOW),
    returned("", WHOLE, "A block that returns nothing says so: '-> None'.", out=""),
    returned("torch.Tensor", "Doer.run returns 'torch.Tensor', but the class declares no Out(Outputs)", WHOLE, out=""),
    returned("'dict'", "Doer.run returns 'dict'", WHOLE, out=""),
    declared("an Out that is no Outputs", "Doer.Out must be a class that derives from Outputs: class Out(Outputs).", out="class Out:\n        y: int"),
]  # fmt: skip
READ = [
    read("Optional[int]", "'Optional'", "Write `X | None`, as in `int | None`."),
    read("Optinal[int]", "Did you mean 'Optional'? Write `X | None`"),
    read("itn", "nothing is named 'itn' here", "Did you mean 'int'?"),
    read("'itn'", "the annotation 'itn' names 'itn'", "Did you mean 'int'?"),
    read("'int | Nonee'", "Did you mean 'None'?"),
    read("Tensor", "`torch.Tensor` (import torch)", "Latents"),
    read("Latents", "Write `from brickwork.state.vocabulary import Latents`"),
    read("torch.Tensr", "module 'torch' has no attribute 'Tensr'. Did you mean 'Tensor'?"),
    read("'int |'", "the annotation 'int |' cannot be read: invalid syntax", "Write a type, such as int"),
    read("'int | \"x\"'", "cannot be read: unsupported operand"),
    read("[int]", "Doer.run: x is annotated with a list, which is no type; write list[int]."),
    read("(int, str)", "Doer.run: x is annotated with a tuple, which is no type; write int | str."),
    read("3", "x is annotated with 3 (int), which is no type; write int."),
    read("any", "x is annotated with the function any, which is no type; write Any, of typing."),
    read("torch.tensor", "write torch.Tensor."),
    read("torch.float16", "x is annotated with a dtype, which is no type; write torch.Tensor."),
    declared("an output that is no type", "Doer.Out: y is annotated with 3 (int)", out="class Out(Outputs):\n        y: 3"),
    declared("an option that is no type", "Doer: size is annotated with a list", option="size: [int] = 3"),
]  # fmt: skip
MISTAKES = [*RETURNED, *READ]
