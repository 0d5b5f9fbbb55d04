"""Names that do not meet: misspelt reads and writes, values that nobody gives, and blocks in the wrong order."""

from __future__ import annotations

from rows import Faulty, placed
from toys import chain, choice, compiled, in_branch, loop, peer, peers

PAINTER = "seed: int -> image: Image"
OURS = ("top", "loop", "branch", "two deep", "choice")
THEIRS = ("top", "branch", "two deep", "choice")

READS = "misspelt reads"
WRITES = "misspelt writes"
MISSING = "missing producers"
ORDER = "wrong order"

_READ = {"painter": PAINTER, "framer": "imgae: Image -> framed: Image = imgae"}
_OPTIONAL = {
    "painter": "seed: int -> image: Image, glimmer: float = 0.5",
    "framer": "image: Image, glimer: float = 0.1 -> framed: Image = image",
}
_FIRST_WRITE = {"painter": "seed: int -> latnets: Image", "framer": "latents: Image -> framed: Image = latents"}
_LOST = {
    "painter": PAINTER,
    "brighten": "image: Image -> imgae: Image = image",
    "measure": "image: Image -> mean: float = 0.0",
}
_NEEDS = {"painter": PAINTER, "framer": "image: Image, depth: Gray -> framed: Image = image"}
_LATE = {"measure": "image: Image -> mean: float = 0.0", "painter": PAINTER}
_AFTER = {
    "painter": PAINTER,
    "measure": "image: Image -> mean: float = 0.0",
    "brighten": "image: Image -> image: Image",
}
_TURNED = {"encoder": "tokens: list[int] -> hidden: Flat", "tokenizer": "words: str -> tokens: list[int] = [1]"}
_NET = {"scaler": "[net: Net = component()] size: int -> scaled: int = size"}

_IN_RETURN = '''class Painter(Block):
    """Paint."""

    class Out(Outputs):
        image: Tensor

    def run(self, seed: int) -> Out:
        return self.Out(imgae=torch.zeros(1))
'''
_UNSET = """class Painter(ModularPipelineBlocks):
    description = "Paint."
    inputs = [InputParam("seed", type_hint=int, required=True)]
    intermediate_outputs = [OutputParam("image")]

    def __call__(self, components, state):
        block_state = self.get_block_state(state)
        block_state.imgae = block_state.seed
        self.set_block_state(state, block_state)
        return components, state
"""
_UNREAD = _UNSET.replace("imgae = block_state.seed", "image = block_state.sead")

ROWS = [
    *placed(READS, "required", _READ, ("framer", "imgae", "image", ("pass", "rename")), OURS, {"seed": 1}, by="call"),
    *placed(
        READS,
        "required, as properties",
        lambda: peers(_READ),
        ("framer", "imgae", "image", ("pass", "rename")),
        THEIRS,
        {"seed": 1},
        by="call",
    ),
    *placed(READS, "optional", _OPTIONAL, ("framer", "glimer", "glimmer"), ("top", "loop", "branch"), warns=True),
    Faulty(
        READS,
        "plural for singular",
        lambda: chain(painter=PAINTER, counter="images: Image -> found: int = 1"),
        ("counter", "images", "image", ("pass", "rename")),
        "call",
        {"seed": 1},
    ),
    Faulty(
        READS,
        "a value of the block outside of the loop",
        lambda: chain(painter=PAINTER, rounds=loop(framer="imag: Image, i: int -> framed: Image = imag")),
        ("rounds.framer", "imag", "image", ("pass", "rename")),
        "call",
        {"seed": 1, "times": 1},
    ),
    Faulty(
        READS,
        "in what select_block takes",
        lambda: chain(
            painter="seed: int -> brightness: float",
            pick=choice(
                "brigthness: float", "'framer' if brigthness > 1 else None", framer="seed: int -> framed: int = seed"
            ),
        ),
        ("pick", "brigthness", "brightness", ("pass", "rename")),
        "call",
        {"seed": 1},
    ),
    *placed(WRITES, "lost between two", _LOST, ("brighten", "imgae", "image"), OURS, warns=True),
    *placed(WRITES, "lost, as properties", lambda: peers(_LOST), ("brighten", "imgae", "image"), THEIRS, warns=True),
    *placed(
        WRITES,
        "the first",
        _FIRST_WRITE,
        ("framer", "latents", "latnets", ("pass", "rename")),
        ("top", "loop", "branch"),
        {"seed": 1},
        by="call",
    ),
    Faulty(
        WRITES,
        "in the call of Out",
        lambda: compiled("Painter", _IN_RETURN),
        ("painter", "imgae", "image"),
        "run",
        {"seed": 1},
    ),
    Faulty(
        WRITES, "not set, as properties", lambda: compiled("Painter", _UNSET), ("painter", "image"), "run", {"seed": 1}
    ),
    Faulty(
        WRITES,
        "read of the block state",
        lambda: compiled("Painter", _UNREAD),
        ("painter", "sead", "seed"),
        "run",
        {"seed": 1},
    ),
    *placed(MISSING, "of a tensor", _NEEDS, ("framer", "depth", "pass"), OURS, {"seed": 1}, by="call"),
    *placed(
        MISSING, "as properties", lambda: peers(_NEEDS), ("framer", "depth", "pass"), THEIRS, {"seed": 1}, by="call"
    ),
    *placed(
        MISSING,
        "of a component",
        _NET,
        ("scaler", "net", ("update_components", "load")),
        ("top", "loop", "branch"),
        {"size": 1},
        by="call",
    ),
    Faulty(
        MISSING,
        "written in the branch that is not taken",
        lambda: chain(switch=in_branch(painter=PAINTER), framer="image: Image -> framed: Image = image"),
        ("framer", "image", ("pass", "go")),
        "call",
        {"seed": 1},
    ),
    Faulty(
        MISSING,
        "of what iterate takes",
        lambda: chain(
            rounds=loop("repeats: int, times: int = 1 -> i: int", adder="i: int, total: int -> total: int = total + i")
        ),
        ("repeats", "rounds", "pass"),
        "call",
        {"total": 0},
    ),
    *placed(
        ORDER,
        "the reader first",
        _LATE,
        ("measure", "painter", "image", ("before", "order", "move", "after", "later")),
        OURS,
        {"seed": 1},
        by="call",
        warns=True,
    ),
    *placed(
        ORDER,
        "the reader first, as properties",
        lambda: peers(_LATE),
        ("measure", "painter", "image", ("before", "order", "move", "after", "later")),
        THEIRS,
        {"seed": 1},
        by="call",
        warns=True,
    ),
    *placed(
        ORDER,
        "a change after the last reader",
        _AFTER,
        ("brighten", "image", "measure", ("before", "move")),
        ("top", "branch", "two deep"),
        warns=True,
    ),
    *placed(
        ORDER,
        "two turned round",
        _TURNED,
        ("encoder", "tokens", "tokenizer", ("before", "order", "move", "after", "later")),
        ("top", "loop"),
        {"words": "a"},
        by="call",
        warns=True,
    ),
    Faulty(
        ORDER,
        "the loop before what it needs",
        lambda: chain(rounds=loop(framer="image: Image, i: int -> image: Image"), painter=PAINTER),
        ("framer", "image", "painter", ("before", "order", "move", "after", "later")),
        "call",
        {"seed": 1, "times": 2},
        warns=True,
    ),
    Faulty(
        ORDER,
        "each needs the other",
        lambda: chain(hen="egg: int -> chick: int = egg", nest="chick: int -> egg: int = chick"),
        ("hen", "egg", "nest"),
        "call",
        warns=True,
    ),
    Faulty(
        ORDER,
        "a peer before one of ours",
        lambda: chain(measure=peer("image: Image -> mean: float = 0.0", "Measure"), painter=PAINTER),
        ("measure", "painter", "image", ("before", "order", "move", "after", "later")),
        "call",
        {"seed": 1},
        warns=True,
    ),
]
