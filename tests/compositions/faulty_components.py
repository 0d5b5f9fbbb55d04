"""Components: types that conflict, slots that are misspelt, classes in place of objects, families that are not there, groups."""

from __future__ import annotations

from typing import Any

from rows import Faulty, placed
from toys import BigNet, Clock, Net, block, chain, compiled, peer, peers

from brickwork import ComponentSpec
from brickwork.blocks import Decode, Denoise, PredictNoise, PrepareLatents
from brickwork.presets.sdxl import SDXL

KINDS = "conflicting component types"
SLOTS = "misspelt component slots"
OBJECTS = "classes for objects, objects for classes"
FAMILIES = "families"
GROUPS = "groups"

NET = "[net: Net = component()] x: int -> scaled: int = x"
_CLOCK = "[net: Clock = component()] x: int -> timed: int = x"
_TWO = {"scaler": NET, "timer": _CLOCK}
_NETT = {"scaler": NET, "caller": "[nett: Net = component()] x: int -> called: int = x"}
_CONFIGURED = {
    "scaler": "[part: Net = component(config={'width': 1})] x: int -> scaled: int = x",
    "timer": "[part: Net = component(config={'width': 2})] x: int -> timed: int = x",
}


def scaling() -> Any:
    """One block with one component."""
    return chain(scaler=NET)


def scaler(text: str) -> Any:
    """One block, whose options are as the text has them."""
    return block(f"[{text}] x: int -> scaled: int = x", "Scaler")


def grouped(annotation: str) -> Any:
    """A block that reads a group."""
    return chain(denoiser=f"x: int, fields: {annotation} -> y: int = x")


def _peer_of_a_group(kind: str, read: bool) -> Any:
    inputs = f'[InputParam("x"), InputParam(kwargs_type={kind!r})]' if read else '[InputParam("x")]'
    outputs = '[OutputParam("y")]' if read else f'[OutputParam("y", kwargs_type={kind!r})]'
    source = f'class Taker(ModularPipelineBlocks):\n    description = "Take."\n    inputs = {inputs}\n'
    source += f"    intermediate_outputs = {outputs}\n\n    def __call__(self, components, state):\n        return components, state\n"
    return compiled("Taker", source)


def loaded(parts: dict[str, Any], **components: Any) -> Any:
    """A pipeline with components."""
    pipe = chain(**parts).init_pipeline()
    pipe.update_components(**components)
    return pipe


ROWS = [
    *placed(
        KINDS,
        "of two blocks",
        _TWO,
        ("scaler", "timer", "net", "clock"),
        ("top", "loop", "branch", "two deep", "choice"),
    ),
    *placed(
        KINDS,
        "as properties",
        lambda: peers(_TWO),
        ("scaler", "timer", "net", "clock"),
        ("top", "branch", "two deep", "choice"),
        warns=True,
    ),
    Faulty(
        KINDS,
        "a signature and properties",
        lambda: chain(scaler=NET, timer=peer(_CLOCK, "Timer")),
        ("scaler", "timer", "net", "clock"),
        warns=True,
    ),
    Faulty(KINDS, "two configurations", lambda: chain(**_CONFIGURED), ("scaler", "timer", "part", "width")),
    Faulty(
        KINDS,
        "with weights and without",
        lambda: chain(scaler=_CONFIGURED["scaler"], timer="[part: Net = component()] x: int -> timed: int = x"),
        ("scaler", "timer", "part"),
        warns=True,
    ),
    Faulty(
        KINDS,
        "a component and a config",
        lambda: chain(scaler=NET, timer="[net: bool = config(True)] x: int -> timed: int = x"),
        ("scaler", "timer", "net", "config"),
    ),
    *placed(
        SLOTS, "of two blocks", _NETT, ("caller", "nett", "net"), ("top", "loop", "branch", "two deep"), warns=True
    ),
    Faulty(
        SLOTS, "not loaded", lambda: loaded(_NETT, net=Net()), ("caller", "nett", "update_components"), "call", {"x": 1}
    ),
    *[
        Faulty(SLOTS, name, scaling, says, "call", do)
        for name, do, says in [
            ("update_components", lambda pipe: pipe.update_components(nett=Net()), ("nett", "'net'")),
            ("load_components", lambda pipe: pipe.load_components(["nett"]), ("nett", "'net'")),
            ("load_components, one name", lambda pipe: pipe.load_components("nett"), ("nett", "'net'")),
            ("get_component_spec", lambda pipe: pipe.get_component_spec("nett"), ("nett", "'net'")),
            ("a dtype of it", lambda pipe: pipe.load_components(dtype={"nett": "float16"}), ("nett", "'net'")),
            ("given at the call", lambda pipe: pipe(x=1, net=Net()), ("net", "update_components")),
            ("update_config", lambda pipe: pipe.update_config(net=True), ("net", "update_components")),
        ]
    ],
    Faulty(
        SLOTS,
        "a config",
        lambda: chain(lamp="[strong: bool = config(True)] x: int -> y: int = x"),
        ("stong", "strong"),
        "call",
        lambda pipe: pipe.update_config(stong=False),
    ),
    Faulty(SLOTS, "of an instance", lambda: block(NET, "Scaler")(nett=Net()), ("scaler", "nett", "net")),
    *[
        Faulty(OBJECTS, name, scaling, ("net", *says), "call", do)
        for name, do, says in [
            (
                "a class",
                lambda pipe: pipe.update_components(net=Net),
                ("class", ("instance", "object", "net(", "Net()")),
            ),
            ("text", lambda pipe: pipe.update_components(net="Net"), ("str", "Net")),
            ("another class", lambda pipe: pipe.update_components(net=Clock()), ("clock", "Net")),
            ("a number", lambda pipe: pipe.update_components(net=3), ("int", "Net")),
            (
                "a spec of another class",
                lambda pipe: pipe.update_components(net=ComponentSpec("net", Clock)),
                ("clock", "Net"),
            ),
            (
                "a class, as an attribute",
                lambda pipe: setattr(pipe, "net", Net),
                ("class", ("instance", "object", "Net()")),
            ),
        ]
    ],
    Faulty(
        OBJECTS,
        "a class for an instance's component",
        lambda: block(NET, "Scaler")(net=Net),
        ("scaler", "net", "class"),
        "class",
    ),
    Faulty(
        OBJECTS,
        "component without brackets",
        lambda: scaler("net: Net = component"),
        ("scaler", "net", "component()"),
        "class",
    ),
    Faulty(
        OBJECTS,
        "config without brackets",
        lambda: scaler("strong: bool = config"),
        ("scaler", "strong", "config("),
        "class",
    ),
    Faulty(
        OBJECTS,
        "a component without a type",
        lambda: compiled(
            "Scaler",
            'class Scaler(Block):\n    """Scale."""\n\n    net = component()\n\n    class Out(Outputs):\n        y: int\n\n    def run(self, x: int) -> Out:\n        return self.Out(y=x)\n',
        ),
        ("scaler", "net", ("annotat", "type")),
        "class",
    ),
    Faulty(
        OBJECTS,
        "a component that is an object",
        lambda: scaler("net: Net() = component()"),
        ("scaler", "net", ("class", "type")),
        "class",
    ),
    Faulty(OBJECTS, "a spec of an object", lambda: ComponentSpec("net", Net()), ("net", ("class", "type")), "class"),
    Faulty(
        OBJECTS,
        "a spec of a spec",
        lambda: ComponentSpec("net", ComponentSpec("net", Net)),
        ("net", ("class", "type")),
        "class",
    ),
    Faulty(
        OBJECTS,
        "an option that is a component",
        lambda: block("[size: int = 1] x: int -> y: int = x", "Sizer")(size=BigNet()),
        ("sizer", "size", "int"),
    ),
    *[
        Faulty(
            FAMILIES,
            f"{kind.__name__}.bind({name})",
            lambda kind=kind, family=family: kind.bind(family),
            ("bind", ("sdxl", "contract", "family"), given),
            "class",
        )
        for kind in (Denoise, PrepareLatents)
        for name, family, given in [
            ("'sdxl'", "sdxl", "str"),
            ("'sdlx'", "sdlx", "str"),
            ("None", None, "none"),
            ("a class", type(SDXL), "class"),
        ]
    ],
    *[
        Faulty(
            FAMILIES,
            f"{kind.__name__} without a family",
            lambda kind=kind: chain(worker=kind),
            ("worker", kind.__name__, "bind"),
        )
        for kind in (PrepareLatents, PredictNoise, Decode, Denoise)
    ],
    Faulty(FAMILIES, "bind() of nothing", lambda: Decode.bind(), ("bind", "family"), "class"),
    *[
        Faulty(GROUPS, name, lambda text=text: grouped(text), ("denoiser", *says))
        for name, text, says in [
            (
                "misspelt",
                "Annotated[Conditioning, Group('denoiser_inputs_fields')]",
                ("denoiser_inputs_fields", ("group", "bind")),
            ),
            (
                "no family",
                "Annotated[Conditioning, Group('denoiser_input_fields')]",
                ("denoiser_input_fields", ("bind", "family")),
            ),
            ("without its name", "Conditioning", ("fields", "group")),
            (
                "with an unknown side",
                "Annotated[Conditioning, Group('denoiser_input_fields', side='left')]",
                ("left", "positive"),
            ),
            ("empty", "Annotated[Conditioning, Group('')]", ("fields", "group")),
            ("of another type", "Annotated[int, Group('denoiser_input_fields')]", ("fields", "conditioning")),
            ("that is a class", "Annotated[Conditioning, Group]", ("fields", "group(")),
        ]
    ],
    Faulty(
        GROUPS,
        "bound, misspelt",
        lambda: chain(
            denoiser=block(
                "x: int, fields: Annotated[Conditioning, Group('denoiser_inputs_fields')] -> y: int = x", "Denoiser"
            ).bind(SDXL)
        ),
        ("denoiser", "denoiser_inputs_fields", "denoiser_input_fields"),
    ),
    *[
        Faulty(
            GROUPS,
            f"kwargs_type of {'a read' if read else 'a write'}, {kind}",
            lambda kind=kind, read=read: chain(taker=_peer_of_a_group(kind, read)),
            ("taker", kind, *says),
            warns=True,
        )
        for read in (True, False)
        for kind, says in [("denoiser_inputs_fields", ("denoiser_input_fields",)), ("whatever", ())]
    ],
    Faulty(
        GROUPS, "kwargs_type is no text", lambda: chain(taker=_peer_of_a_group(3, True)), ("taker", "kwargs_type", "3")
    ),
]
