"""Declarations: signatures that lack something, and properties that are lists of the wrong things."""

from __future__ import annotations

from typing import Any

from rows import Faulty
from toys import chain, compiled

SIGNATURE = "signatures"


PROPERTIES = "properties"


HEAD = 'class Painter(Block):\n    """Paint."""\n\n'


OUT = "    class Out(Outputs):\n        image: Tensor\n\n"


def painter(body: str) -> Any:
    """A block with the body as it is."""
    return compiled("Painter", HEAD + body)


def peer_with(**lines: str) -> Any:
    """A block of properties, some of them as they are given."""
    code = {"inputs": '[InputParam("seed", required=True)]', "intermediate_outputs": '[OutputParam("image")]', **lines}
    source = 'class Painter(ModularPipelineBlocks):\n    description = "Paint."\n\n'
    for name, value in code.items():
        source += f"    @property\n    def {name}(self):\n        return {value}\n\n"
    source += "    def __call__(self, components, state):\n        block_state = self.get_block_state(state)\n"
    source += "        block_state.image = 1\n        self.set_block_state(state, block_state)\n        return components, state\n"
    return compiled("Painter", source)


RUN = "    def run(self, seed: int) -> Out:\n        return self.Out(image=torch.zeros(1))\n"


BODIES = [
    ("no return annotation", OUT + RUN.replace(" -> Out", ""), ("painter", "run", "Out")),
    ("a tensor as the return annotation", OUT + RUN.replace("-> Out", "-> torch.Tensor"), ("painter", "tensor", "Out")),
    ("a dict as the return annotation", OUT + RUN.replace("-> Out", "-> dict"), ("painter", "dict", "Out")),
    ("None as the return annotation", OUT + RUN.replace("-> Out", "-> None"), ("painter", "none", "Out")),
    ("text that is no type", OUT + RUN.replace("-> Out", "-> 'Otu'"), ("painter", "otu")),
    ("no annotation of an input", OUT + RUN.replace("seed: int", "seed"), ("painter", "seed", "annotat")),
    ("no run", OUT, ("painter", "run")),
    ("no Out", RUN.replace("-> Out", "-> int"), ("painter", "Out")),
    ("Out of another base", OUT.replace("(Outputs)", "") + RUN, ("painter", "Out", "Outputs")),
    ("Out without a type", OUT.replace(": Tensor", " = None") + RUN, ("painter", "image", ("annotat", "type"))),
    ("a type that there is not", OUT + RUN.replace("seed: int", "seed: 'Seeed'"), ("painter", "seed", "Seeed")),
    ("star arguments", OUT + RUN.replace("seed: int", "*seeds: int"), ("painter", "seeds")),
    ("star keywords", OUT + RUN.replace("seed: int", "**seeds: int"), ("painter", "seeds")),
    ("no self", OUT + RUN.replace("self, seed", "seed").replace("self.", ""), ("painter", "run", "self")),
    (
        "a static method",
        OUT + RUN.replace("    def", "    @staticmethod\n    def").replace("self, ", "").replace("self.", "Painter."),
        ("painter", "run", "static"),
    ),
    ("a coroutine", OUT + RUN.replace("    def", "    async def"), ("painter", "run", "async")),
    ("a generator", OUT + RUN.replace("return", "yield"), ("painter", "run", "yield")),
    (
        "an input that is named as a component",
        "    seed: Net = component()\n\n" + OUT + RUN,
        ("painter", "seed", "component"),
    ),
    ("an option that is named run", "    run: int = 3\n\n" + OUT, ("painter", "run")),
    (
        "a name that the framework has",
        OUT + RUN.replace("seed: int", "output: int"),
        ("painter", "output", ("reserved", "rename")),
    ),
]


ROWS = [
    *[Faulty(SIGNATURE, name, lambda body=body: painter(body), says, "class") for name, body, says in BODIES],
    Faulty(
        SIGNATURE,
        "an option that nobody gives",
        lambda: chain(painter=painter("    size: int\n\n" + OUT + RUN)),
        ("painter", "size"),
    ),
    *[
        Faulty(PROPERTIES, name, lambda lines=lines: chain(painter=peer_with(**lines)), ("painter", *says), warns=True)
        for name, lines, says in [
            ("text for an input", {"inputs": '["seed"]'}, ("inputs", "seed", "InputParam")),
            ("text for all inputs", {"inputs": '"seed"'}, ("inputs", "InputParam")),
            ("None for the inputs", {"inputs": "None"}, ("inputs", "none", "list")),
            ("an output for an input", {"inputs": '[OutputParam("seed")]'}, ("inputs", "OutputParam", "InputParam")),
            (
                "an input for an output",
                {"intermediate_outputs": '[InputParam("image")]'},
                ("intermediate_outputs", "InputParam", "OutputParam"),
            ),
            (
                "text for an output",
                {"intermediate_outputs": '["image"]'},
                ("intermediate_outputs", "image", "OutputParam"),
            ),
            ("an input and no list", {"inputs": 'InputParam("seed")'}, ("inputs", "InputParam", "list")),
            (
                "a class for a component",
                {"expected_components": "[Net]"},
                ("expected_components", "Net", "ComponentSpec"),
            ),
            (
                "text for a component",
                {"expected_components": '["net"]'},
                ("expected_components", "net", "ComponentSpec"),
            ),
            (
                "a component for a config",
                {"expected_configs": '[ComponentSpec("net", Net)]'},
                ("expected_configs", "ComponentSpec", "ConfigSpec"),
            ),
            ("text for a config", {"expected_configs": '["strong"]'}, ("expected_configs", "strong", "ConfigSpec")),
            (
                "a component twice",
                {"expected_components": '[ComponentSpec("net", Net), ComponentSpec("net", Clock)]'},
                ("net", "clock"),
            ),
            (
                "an input twice",
                {"inputs": '[InputParam("seed", default=1), InputParam("seed", default=2)]'},
                ("seed", ("twice", "two", "1")),
            ),
            ("an input without a name", {"inputs": "[InputParam()]"}, ("inputs", "name")),
            (
                "a component without a name",
                {"expected_components": "[ComponentSpec(type_hint=Net)]"},
                ("expected_components", "name"),
            ),
            (
                "an output without a name",
                {"intermediate_outputs": '[OutputParam("")]'},
                ("intermediate_outputs", "name"),
            ),
            (
                "required, and a default",
                {"inputs": '[InputParam("seed", required=True, default=3)]'},
                ("seed", "required", "default"),
            ),
        ]
    ],
]
