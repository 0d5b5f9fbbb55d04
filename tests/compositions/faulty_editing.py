"""Edits by name, outputs that are asked for and do not exist, and outputs that nobody reads."""

from __future__ import annotations

from typing import Any

from rows import Faulty, placed
from toys import PLACES, auto, block, chain, choice, loop, peers

EDITS = "edits by name"
ASKED = "outputs that do not exist"
DEAD = "dead outputs"

PAINTER = "seed: int -> image: Image"
FRAMER = "image: Image -> image: Image"
MEAN = "image: Image -> mean: float = 0.5"


def whole() -> Any:
    """A row with a loop, a choice and a row in it."""
    return chain(
        painter=PAINTER,
        rounds=loop(framer=FRAMER),
        switch=auto(["hot", None], warm="hot: int, image: Image -> image: Image", cool="image: Image -> image: Image"),
        outer=chain(inner=chain(mean=MEAN)),
    )


def edited(edit: Any) -> Any:
    """The composition after an edit."""
    blocks = whole()
    edit(blocks)
    return blocks


NEW = block(FRAMER, "Newcomer")
GONE = ("between", "move", "leave", "remove")
LOST = {"painter": PAINTER, "framer": FRAMER, "repainter": PAINTER, "mean": MEAN}
LATER = {"painter": PAINTER, "mean": MEAN, "framer": FRAMER}

ROWS = [
    *[
        Faulty(EDITS, name, lambda edit=edit: edited(edit), says)
        for name, edit, says in [
            (
                "insert of a name that exists",
                lambda b: b.insert("painter", NEW, 1),
                ("painter", ("exists", "already", "there is")),
            ),
            (
                "insert_before of a name that exists",
                lambda b: b.insert_before("outer", "painter", NEW),
                ("painter", ("exists", "already", "there is")),
            ),
            (
                "insert_after of a name that exists",
                lambda b: b.insert_after("painter", "outer", NEW),
                ("outer", ("exists", "already", "there is")),
            ),
            (
                "insert_before in a loop of a name that exists",
                lambda b: b.insert_before("rounds.framer", "framer", NEW),
                ("framer", ("exists", "already", "there is")),
            ),
            ("insert_before of no anchor", lambda b: b.insert_before("paniter", "new", NEW), ("paniter", "painter")),
            (
                "insert_after of no anchor in a loop",
                lambda b: b.insert_after("rounds.farmer", "new", NEW),
                ("farmer", "framer"),
            ),
            ("insert_after of no loop", lambda b: b.insert_after("ruonds.framer", "new", NEW), ("ruonds", "rounds")),
            (
                "insert at a name",
                lambda b: b.insert("new", NEW, "painter"),
                ("painter", ("index", "position", "insert_before")),
            ),
            (
                "insert with the arguments turned",
                lambda b: b.insert(0, "new", NEW),
                ("insert", ("name", "block", "index")),
            ),
            (
                "insert_before with the arguments turned",
                lambda b: b.insert_before("new", "painter", NEW),
                ("new", "painter"),
            ),
            (
                "insert_before with the block second",
                lambda b: b.insert_before("painter", NEW, "new"),
                ("newcomer", ("name", "block")),
            ),
            ("insert of a function", lambda b: b.insert("new", lambda image: image, 0), ("new", "function", "block")),
            (
                "insert of text that names nothing",
                lambda b: b.insert("new", "framer", 0),
                ("framer", ("no block", "named")),
            ),
            ("a default branch popped", lambda b: b.pop("switch.cool"), ("switch", ("default", "trigger"))),
            ("a branch popped", lambda b: b.pop("switch.warm"), ("switch", ("trigger", "branch", "choice"))),
            ("pop of what is not there", lambda b: b.pop("paniter"), ("paniter", "painter")),
            ("pop in a loop of what is not there", lambda b: b.pop("rounds.farmer"), ("farmer", "framer")),
            ("the last of a loop popped", lambda b: b.pop("rounds.framer"), ("rounds", "empty")),
            ("replace of what is not there", lambda b: b.replace("paniter", NEW), ("paniter", "painter")),
            ("replace two deep of what is not there", lambda b: b.replace("outer.inner.maen", NEW), ("maen", "mean")),
            ("replace by None", lambda b: b.replace("painter", None), ("painter", "none", "block")),
            ("replace of a leaf's part", lambda b: b.replace("painter.inner", NEW), ("painter", "inner")),
            ("a path of slashes", lambda b: b.replace("outer/inner/mean", NEW), ("outer/inner/mean", "outer")),
            ("a path that ends in a dot", lambda b: b.replace("outer.", NEW), (("outer.", "''"),)),
            ("an empty path", lambda b: b.replace("", NEW), (("path", "name", "''"),)),
            ("a number for a path", lambda b: b.pop(0), ("0", ("path", "name"))),
            ("wrap of what is not there", lambda b: b.wrap("paniter", type(loop())), ("paniter", "painter")),
            ("wrap in a block", lambda b: b.wrap("painter", NEW), ("painter", "newcomer", ("loop", "container"))),
            (
                "wrap in an object",
                lambda b: b.wrap("painter", loop(framer=FRAMER)),
                ("painter", ("class", "container")),
            ),
            ("sub_blocks of what is not there", lambda b: b.sub_blocks["paniter"], ("paniter", "painter")),
            ("a workflow that there is not", lambda b: b.get_workflow("hto"), ("hto", "hot")),
        ]
    ],
    Faulty(
        EDITS,
        "the first popped",
        lambda: edited(lambda b: b.pop("painter")),
        ("framer", "image", "pass"),
        "call",
        {"times": 2},
    ),
    Faulty(
        EDITS,
        "in the blocks of a pipeline",
        whole,
        ("paniter", "painter"),
        "call",
        lambda pipe: pipe.blocks.replace("paniter", NEW),
    ),
    Faulty(
        EDITS,
        "a replacement that does not fit",
        lambda: edited(lambda b: b.replace("painter", block("seed: int -> image: str", "Writer"))),
        ("painter", "framer", "image", "str"),
    ),
    *[
        Faulty(ASKED, name, whole, says, "call", lambda pipe, output=output: pipe(seed=1, times=1, output=output))
        for name, output, says in [
            ("misspelt", "maen", ("maen", "mean")),
            ("plural", "images", ("images", "image")),
            ("one of two", ["mean", "imgae"], ("imgae", "image")),
            ("of the branch that does not run", "warmed", ("warmed",)),
            ("the name of a block", "painter", ("painter", ("image", "output"))),
            ("a number", 3, ("output", "3")),
            ("a loop variable", "i", ("'i'", ("loop", "output"))),
            ("a list of numbers", [1], ("output", "1")),
            ("a path", "outer.inner.mean", ("outer.inner.mean", "mean")),
            ("in capitals", "Mean", ("Mean", "'mean'")),
            ("none", "", ("output", ("''", "empty"))),
        ]
    ],
    Faulty(
        ASKED,
        "of the other branch",
        lambda: chain(switch=auto(["hot", None], warm="hot: int -> warmed: int = hot", cool="-> cooled: int = 0")),
        ("warmed", ("hot", "cooled")),
        "call",
        lambda pipe: pipe(output="warmed"),
    ),
    Faulty(
        ASKED,
        "in a stream",
        whole,
        ("maen", "mean"),
        "call",
        lambda pipe: list(pipe.stream(seed=1, times=1, output="maen")),
    ),
    Faulty(
        ASKED,
        "in start",
        whole,
        ("maen", "mean"),
        "call",
        lambda pipe: pipe.start(seed=1, times=1, output="maen").result(),
    ),
    *placed(
        DEAD,
        "written again before it is read",
        LOST,
        ("framer", "image", GONE),
        ("top", "loop", "branch", "two deep", "choice"),
        warns=True,
    ),
    *placed(
        DEAD, "as properties", lambda: peers(LOST), ("framer", "image", GONE), ("top", "branch", "two deep"), warns=True
    ),
    *placed(
        DEAD,
        "behind the last reader",
        LATER,
        ("framer", "image", "mean"),
        ("top", "branch", "two deep", "choice"),
        warns=True,
    ),
    Faulty(
        DEAD,
        "a loop that is written over",
        lambda: chain(painter=PAINTER, rounds=loop(framer=FRAMER), repainter=PAINTER, mean=MEAN),
        ("rounds", "image", GONE),
        warns=True,
    ),
    Faulty(
        DEAD,
        "written twice by two blocks that read nothing",
        lambda: chain(painter=PAINTER, repainter="image_seed: int -> image: Image", mean=MEAN),
        ("painter", "image", GONE),
        warns=True,
    ),
    Faulty(
        DEAD,
        "a choice that is written over",
        lambda: chain(
            switch=auto(["hot", None], warm="hot: int -> image: Image", cool="-> image: Image"),
            repainter=PAINTER,
            mean=MEAN,
        ),
        ("switch", "image", GONE),
        warns=True,
    ),
    Faulty(
        DEAD,
        "a choice by values that is written over",
        lambda: chain(pick=choice("x: int", "'warm'", warm="x: int -> image: Image"), repainter=PAINTER, mean=MEAN),
        ("pick", "image", GONE),
        warns=True,
    ),
    Faulty(
        DEAD,
        "of the caller's input",
        lambda: chain(repainter=PAINTER, mean=MEAN),
        ("image", ("repainter", "no input", "no block")),
        "call",
        lambda pipe: pipe(seed=1, image=3),
    ),
    Faulty(
        DEAD,
        "in each iteration",
        lambda: PLACES["top"][0](
            painter=PAINTER,
            rounds=loop(
                framer="image: Image, i: int -> framed: Image = image", reframer="image: Image -> framed: Image = image"
            ),
            mean="framed: Image -> mean: float = 0.5",
        ),
        ("framer", "framed", GONE),
        warns=True,
    ),
]
