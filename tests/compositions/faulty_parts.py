"""What is no block, what a block returns in place of its outputs, and blocks in themselves."""

from __future__ import annotations

from typing import Any

import torch
from rows import Faulty
from toys import auto, block, chain, compiled, loop

from brickwork import (
    AutoPipelineBlocks,
    LoopSequentialPipelineBlocks,
    SequentialPipelineBlocks,
)

PARTS = "what is composed"


RETURNS = "what a block returns"


RECURSION = "a block in itself"


PAINTER = "seed: int -> image: Image"


HEAD = 'class Painter(Block):\n    """Paint."""\n\n'


OUT = "    class Out(Outputs):\n        image: Tensor\n\n"


def painter(body: str) -> Any:
    """A block with the body as it is."""
    return compiled("Painter", HEAD + body)


def returning(expression: str, annotation: str = "Out") -> Any:
    """A block that returns the value of an expression."""
    return chain(painter=painter(OUT + f"    def run(self, seed: int) -> {annotation}:\n        return {expression}\n"))


def in_itself(kind: Any = SequentialPipelineBlocks, **fields: Any) -> Any:
    """A container with itself in it."""
    outer = (
        kind.from_blocks_dict({"painter": block(PAINTER, "Painter")})
        if kind is SequentialPipelineBlocks
        else fields["made"]
    )
    outer.sub_blocks["again"] = outer
    return outer


RUN = "    def run(self, seed: int) -> Out:\n        return self.Out(image=torch.zeros(1))\n"


def _nested() -> Any:
    outer = chain(painter=PAINTER, inner=chain(painter=PAINTER))
    outer.sub_blocks["inner"].sub_blocks["outer"] = outer
    return outer


ROWS = [
    *[
        Faulty(PARTS, name, make, says)
        for name, make, says in [
            (
                "a list",
                lambda: SequentialPipelineBlocks.from_blocks_dict([block(PAINTER, "Painter")]),
                ("from_blocks_dict", "list", ("dict", "mapping", "names")),
            ),
            (
                "a dict for the constructor",
                lambda: SequentialPipelineBlocks({"painter": block(PAINTER, "Painter")}),
                ("SequentialPipelineBlocks", "from_blocks_dict"),
            ),
            (
                "keywords for the constructor",
                lambda: SequentialPipelineBlocks(painter=block(PAINTER, "Painter")),
                ("SequentialPipelineBlocks", "painter", "from_blocks_dict"),
            ),
            (
                "a pipeline",
                lambda: chain(painter=chain(painter=PAINTER).init_pipeline()),
                ("painter", "pipeline", ("blocks", "block")),
            ),
            ("a function", lambda: chain(painter=lambda seed: seed), ("painter", "function", "block")),
            ("a module of torch", lambda: chain(painter=torch.nn.Identity()), ("painter", "identity", "block")),
            ("None", lambda: chain(painter=None), ("painter", "none", "block")),
            ("a dict in a dict", lambda: chain(painter={"inner": block(PAINTER, "Painter")}), ("painter", "block")),
            ("another class", lambda: chain(painter=dict), ("painter", "dict", "block")),
            ("the base class", lambda: chain(painter=block.__globals__["Block"]), ("painter", "run")),
            (
                "a name with a dot",
                lambda: SequentialPipelineBlocks.from_blocks_dict({"a.b": block(PAINTER, "Painter")}),
                ("a.b", "."),
            ),
            (
                "a name that is a number",
                lambda: SequentialPipelineBlocks.from_blocks_dict({1: block(PAINTER, "Painter")}),
                ("1", "name"),
            ),
            (
                "an empty name",
                lambda: SequentialPipelineBlocks.from_blocks_dict({"": block(PAINTER, "Painter")}),
                ("name", ("empty", "''")),
            ),
            ("nothing", lambda: SequentialPipelineBlocks.from_blocks_dict({}), (("empty", "no blocks"),)),
            (
                "pairs",
                lambda: SequentialPipelineBlocks.from_blocks_dict([("painter", block(PAINTER, "Painter"))]),
                ("from_blocks_dict", "list", ("dict", "mapping", "names")),
            ),
            (
                "classes and names of unequal number",
                lambda: type(
                    "Flow",
                    (SequentialPipelineBlocks,),
                    {"__doc__": "F.", "block_classes": [block(PAINTER)], "block_names": []},
                ),
                ("flow", "block_names"),
            ),
            (
                "a dict for a list of classes",
                lambda: type(
                    "Flow", (SequentialPipelineBlocks,), {"__doc__": "F.", "block_classes": {"painter": block(PAINTER)}}
                ),
                ("flow", "block_classes"),
            ),
            (
                "a loop without a class of its own",
                lambda: LoopSequentialPipelineBlocks.from_blocks_dict({"painter": block(PAINTER)}),
                ("LoopSequentialPipelineBlocks", "iterate"),
            ),
            (
                "a choice without triggers",
                lambda: AutoPipelineBlocks.from_blocks_dict({"painter": block(PAINTER)}),
                ("AutoPipelineBlocks", "trigger"),
            ),
            (
                "an own block with its components",
                lambda: chain(
                    scaler=block("[net: Net = component()] x: int -> y: int = x", "Scaler")(
                        net=block.__globals__["Net"]()
                    )
                ),
                ("scaler", ("Scaler()", "update_components", "definition")),
            ),
        ]
    ],
    *[
        Faulty(
            RETURNS, name, lambda expression=expression: returning(expression), ("painter", *says), "run", {"seed": 1}
        )
        for name, expression, says in [
            ("a tensor", "torch.zeros(1)", ("tensor", "Out")),
            ("None", "None", ("none", "Out")),
            ("a dict", "{'image': torch.zeros(1)}", ("image", "Out")),
            ("a tuple", "(torch.zeros(1),)", ("tensor", "Out")),
            ("the class", "self.Out", ("Out", ("class", "type"))),
            ("a value of another type", "self.Out(image='a')", ("image", "str", "tensor")),
            ("too little", "self.Out()", ("image",)),
            ("too much", "self.Out(image=torch.zeros(1), mask=1)", ("mask", "image")),
            ("by position", "self.Out(torch.zeros(1))", ("Out", ("image", "keyword", "name"))),
            ("None for a tensor", "self.Out(image=None)", ("image", "none", "tensor")),
            (
                "outputs of another class",
                "type('Other', (Outputs,), {'__annotations__': {'image': Tensor}})(image=torch.zeros(1))",
                ("other", "Out"),
            ),
        ]
    ],
    Faulty(
        RETURNS,
        "in a loop",
        lambda: chain(
            rounds=loop(painter=painter(OUT + RUN.replace("self.Out(image=torch.zeros(1))", "torch.zeros(1)")))
        ),
        ("painter", "tensor", "Out"),
        "run",
        {"seed": 1, "times": 1},
    ),
    Faulty(
        RETURNS,
        "in a branch",
        lambda: chain(
            switch=auto(["seed"], painter=painter(OUT + RUN.replace("self.Out(image=torch.zeros(1))", "None")))
        ),
        ("painter", "none", "Out"),
        "run",
        {"seed": 1},
    ),
    *[
        Faulty(RECURSION, name, make, says)
        for name, make, says in [
            ("by its dict", in_itself, ("again", ("itself", "cycle", "recurs"))),
            ("two deep", _nested, ("outer", ("itself", "cycle", "recurs"))),
            (
                "inserted",
                lambda: _edited(lambda outer: outer.insert("again", outer, 0)),
                ("again", ("itself", "cycle", "recurs")),
            ),
            (
                "inserted deeper",
                lambda: _edited(lambda outer: outer.insert_after("inner.painter", "again", outer)),
                ("again", ("itself", "cycle", "recurs")),
            ),
            (
                "replaced",
                lambda: _edited(lambda outer: outer.replace("painter", outer)),
                ("painter", ("itself", "cycle", "recurs")),
            ),
            (
                "replaced deeper",
                lambda: _edited(lambda outer: outer.replace("inner.painter", outer)),
                ("painter", ("itself", "cycle", "recurs")),
            ),
            ("its own class", lambda: _own_class(), ("flow", ("itself", "cycle", "recurs"))),
            ("a loop in itself", lambda: _loop_in_itself(), ("again", ("itself", "cycle", "recurs"))),
            ("a choice in itself", lambda: _choice_in_itself(), ("again", ("itself", "cycle", "recurs"))),
        ]
    ],
]


def _nested() -> Any:
    outer = chain(painter=PAINTER, inner=chain(painter=PAINTER))
    outer.sub_blocks["inner"].sub_blocks["outer"] = outer
    return outer


def _edited(edit: Any) -> Any:
    outer = chain(painter=PAINTER, inner=chain(painter=PAINTER))
    edit(outer)
    return outer


def _own_class() -> Any:
    kind = type(
        "Flow",
        (SequentialPipelineBlocks,),
        {"__doc__": "F.", "block_classes": [block(PAINTER)], "block_names": ["painter"]},
    )
    kind.block_classes, kind.block_names = [block(PAINTER), kind], ["painter", "again"]
    return kind


def _loop_in_itself() -> Any:
    rounds = loop(painter=PAINTER)
    rounds.sub_blocks["again"] = rounds
    return chain(rounds=rounds)


def _choice_in_itself() -> Any:
    switch = auto(["seed", None], painter=PAINTER, again="-> image: Image")
    switch.sub_blocks["again"] = switch
    return chain(switch=switch)
