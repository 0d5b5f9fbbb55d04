"""Pipelines of blocks that only count, written as texts, so that their code can be changed as in a notebook."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

from attrs import define, field, frozen
from scenes import Scene

import brickwork
from brickwork import ModularPipeline, PipelineState


@frozen
class Blocks:
    """Blocks that only count, as a text, and a change of them, as texts.

    Attributes:
        adds: the expression that every block adds to `number`.
        head: what stands before the class. members: what stands in it. lines: what stands in `run` before the result.
        given: inputs of the call beside `number`, as arguments; each is a parameter of `run`.
        files: modules beside it, by their ending in `HELPER`, `HELPER2`. first: is done before the first run.
        change, back: are executed in the module, as a cell of a notebook is; "" in `back` where nothing can be taken back.
        settings: of the pipeline. moves: it gives something else every time, without any change.
        may_be_refused: such a block need not run at all.
    """

    adds: str = ""
    head: str = ""
    members: str = ""
    lines: str = ""
    given: str = ""
    files: Mapping[str, str] = field(factory=dict)
    first: str = ""
    change: str = ""
    back: str = ""
    settings: Mapping[str, Any] = field(factory=dict)
    moves: bool = False
    may_be_refused: bool = False

    def source(self) -> str:
        """The module. Where `head` has a class `Use` or a composition `BLOCKS`, that is taken."""
        names = re.findall(r"(\w+)=", re.sub(r"\(.*?\)", "", self.given))
        params = "".join(f", {name}: Any" for name in names)
        own = f"{_START}{self.head}\n"
        if "class Use" not in own and "BLOCKS" not in own:
            own += use(self.adds, self.members, self.lines, params)
        return own if "BLOCKS" in own else f"{own}\n{_COMPOSITION}"


_START = """
from typing import Any
import torch
from brickwork import Block, LoopSequentialPipelineBlocks, Outputs
from scenes import Repeat
"""
_COMPOSITION = 'BLOCKS = {"first": Use(), "repeat": Repeat.from_blocks_dict({"use": Use()})}\n'


def use(adds: str, members: str = "", lines: str = "", params: str = "") -> str:
    """The text of a block that adds something to a number."""
    indented = "".join(f"    {line}\n" for line in members.splitlines())
    before = "".join(f"        {line}\n" for line in lines.splitlines())
    return f"""
class Use(Block):
    \"\"\"Add to a number.\"\"\"

{indented}
    class Out(Outputs):
        number: float

    def run(self, number: float{params}) -> Out:
{before}        return self.Out(number=number + ({adds}))
"""


@define(slots=False)
class Counting(Scene):
    """A pipeline of blocks that only count. What a cell of a notebook would see is `names`."""

    blocks: Blocks
    name: str
    folder: Path
    pipe: ModularPipeline = field(init=False)
    module: ModuleType = field(init=False)
    results: list[PipelineState] = field(factory=list)
    after: str = "blocks"

    def __attrs_post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for ending, text in self.blocks.files.items():
            self.rewrite(ending, text)
        (self.folder / f"{self.name}.py").write_text(self._text(self.blocks.source()))
        sys.path.insert(0, str(self.folder))
        importlib.invalidate_caches()
        self.module = importlib.import_module(self.name)
        self.pipe = brickwork.SequentialPipelineBlocks.from_blocks_dict(self.module.BLOCKS).init_pipeline()
        self.pipe.configure(progress=False, **self.blocks.settings)
        self.do(self.blocks.first)

    def close(self) -> None:
        """Forget the modules, so that they can be made anew."""
        sys.path.remove(str(self.folder))
        for name in (self.name, *map(self.name_of, self.blocks.files)):
            sys.modules.pop(name, None)

    def name_of(self, ending: str) -> str:
        return f"{self.name}_{ending.lower()}"

    def _text(self, text: str) -> str:
        text = text.replace("FOLDER", str(self.folder))
        return re.sub(r"\bHELPER2?\b", lambda found: self.name_of(found[0]), text)

    def rewrite(self, ending: str, text: str) -> None:
        """Write a module beside this one."""
        (self.folder / f"{self.name_of(ending)}.py").write_text(self._text(text))

    def uses(self) -> list[Any]:
        """The blocks of the pipeline that are a `Use`."""
        blocks = self.pipe.blocks.sub_blocks
        return [blocks["first"], blocks["repeat"].sub_blocks["use"]]

    def do(self, text: str) -> None:
        """Execute a cell, which also sees the pipeline, its blocks, what runs returned, and how to edit a file."""
        tools = {"pipe": self.pipe, "uses": self.uses, "rewrite": self.rewrite, "results": self.results}
        names = vars(self.module)
        names |= tools
        try:
            exec(compile(self._text(text), "<cell>", "exec", dont_inherit=True), names)
        finally:
            for name in tools:
                del names[name]

    def inputs(self) -> dict[str, Any]:
        found: dict[str, Any] = eval(self._text(f"dict(number=1.0, {self.blocks.given})"), vars(self.module))
        return found

    def call(self) -> PipelineState:
        found: PipelineState = self._at_place(lambda: self.pipe(**self.inputs()))
        self.results.append(found)
        return found

    def resume(self, snapshot: Any) -> PipelineState:
        return self._at_place(lambda: self.pipe.resume(snapshot))

    def replay(self, source: Any, recipe: Any) -> Any:
        given = self.inputs()
        again = {name: given[name] for name in recipe.missing_inputs if name in given}
        return self._at_place(lambda: brickwork.replay(source, blocks=self.pipe.blocks, components=self.pipe, **again))

    def _at_place(self, job: Callable[[], Any]) -> Any:
        """Do it in this thread, or in another one where the module says so; no seed is set, as blocks may draw."""
        if not vars(self.module).get("IN_THREAD"):
            return job()
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(job).result()


def slug(name: str) -> str:
    """A name for modules and folders."""
    return "kinds_" + "_".join(re.findall(r"[a-z0-9]+", name.lower().replace("-0", "minus")))
