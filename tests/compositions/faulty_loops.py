"""Loops: what nothing changes, what is changed that must not be, and variables that are misspelt."""

from __future__ import annotations

from typing import Any

from rows import Faulty
from toys import PLACES, chain, loop, peer

STILL = "a loop that changes nothing"


VARIABLE = "the loop variable overwritten"


MISSPELT = "the loop variable misspelt"


ADD = "total: int, i: int -> total: int = total + i"


PREDICT = "latents: Image, t: int -> noise: Image = latents"


STEP = "noise: Image, latents: Image, t: int -> latents: Image = latents - noise"


START = "seed: int -> latents: Image"


DENOISE = "times: int -> t: int"


def denoising(**parts: Any) -> Any:
    """Latents, a loop over them, and what becomes of them."""
    return chain(start=START, denoise=loop(DENOISE, **parts), decode="latents: Image -> images: Image = latents")


def _in(place: str, **parts: Any) -> Any:
    return PLACES[place][0](
        start=START, denoise=loop(DENOISE, **parts), decode="latents: Image -> images: Image = latents"
    )


AGAIN = ("overwrit", "rename", "loop variable", "written again")


OVER = [
    ("at once", {"adder": "i: int, total: int -> i: int = i + 1, total: int = total + i"}),
    ("by the second", {"adder": ADD, "setter": "total: int -> i: int = total"}),
    ("without reading it", {"setter": "total: int -> i: int = 0, total: int = total + 1"}),
    ("two deep", {"inner": chain(setter="total: int -> i: int = total, total: int = total + 1")}),
    ("in properties", {"setter": peer("total: int -> i: int = 0, total: int = 1", "Setter", "i")}),
]


WRONG = [
    ("index for i", "index: int, total: int -> total: int = total + index", ("adder", "index", "i")),
    ("near", "ii: int, total: int -> total: int = total + ii", ("adder", "ii", "i")),
    ("in capitals", "I: int, total: int -> total: int = total + I", ("adder", "'I'", "'i'")),
]


ROWS = [
    Faulty(STILL, "no step", lambda: denoising(denoiser=PREDICT), ("denoise", "latents"), warns=True),
    *[
        Faulty(
            STILL,
            f"no step, {place}",
            lambda place=place: _in(place, denoiser=PREDICT),
            ("denoise", "latents"),
            warns=True,
        )
        for place in ("branch", "two deep", "choice")
    ],
    Faulty(
        STILL,
        "the step writes another name",
        lambda: denoising(denoiser=PREDICT, step="noise: Image, latents: Image -> latent: Image = latents"),
        ("step", "latent", "latents"),
        warns=True,
    ),
    Faulty(
        STILL,
        "the step writes the prediction",
        lambda: denoising(denoiser=PREDICT, step="noise: Image, latents: Image -> noise: Image = latents"),
        ("denoise", "latents"),
        warns=True,
    ),
    Faulty(
        STILL,
        "the step is behind the loop",
        lambda: chain(
            start=START,
            denoise=loop(DENOISE, denoiser=PREDICT),
            step="noise: Image, latents: Image -> latents: Image",
            decode="latents: Image -> images: Image = latents",
        ),
        ("denoise", "latents"),
        warns=True,
    ),
    Faulty(
        STILL,
        "the step before the prediction",
        lambda: denoising(step=STEP, denoiser=PREDICT),
        ("step", "noise", "denoiser", ("order", "before", "move", "after", "later")),
        "call",
        {"seed": 1, "times": 2},
        warns=True,
    ),
    Faulty(
        STILL,
        "scaling after the prediction",
        lambda: denoising(
            denoiser="scaled: Image, t: int -> noise: Image = scaled",
            scale="latents: Image, t: int -> scaled: Image = latents",
            step=STEP,
        ),
        ("denoiser", "scaled", "scale", ("order", "before", "move", "after", "later")),
        "call",
        {"seed": 1, "times": 2},
        warns=True,
    ),
    Faulty(
        STILL,
        "the prediction of properties",
        lambda: denoising(denoiser=peer("latents: Image -> noise: Image", "Denoiser", "t")),
        ("denoise", "latents"),
        warns=True,
    ),
    Faulty(
        STILL,
        "nothing reads the prediction",
        lambda: denoising(denoiser=PREDICT, step="latents: Image, t: int -> latents: Image"),
        ("denoiser", "noise"),
        warns=True,
    ),
    Faulty(STILL, "an empty loop", lambda: chain(start=START, denoise=loop(DENOISE)), ("denoise", "empty")),
    *[
        Faulty(VARIABLE, name, lambda parts=parts: chain(rounds=loop(**parts)), ("rounds", "i", AGAIN), warns=True)
        for name, parts in OVER
    ],
    *[
        Faulty(
            VARIABLE,
            f"{name}, {place}",
            lambda place=place, parts=parts: PLACES[place][0](
                first="seed: int -> seeded: int = seed", again=loop(**parts)
            ),
            ("again", "i", AGAIN),
            warns=True,
        )
        for name, parts in OVER[:2]
        for place in ("branch", "two deep", "choice")
    ],
    Faulty(
        VARIABLE,
        "the inner loop has the name of the outer",
        lambda: chain(rounds=loop(inner=loop("inner_times: int -> i: int = 0", adder=ADD))),
        ("rounds", "i"),
        warns=True,
    ),
    *[
        Faulty(MISSPELT, name, lambda text=text: chain(rounds=loop(adder=text)), says, "call", {"times": 2, "total": 0})
        for name, text, says in WRONG
    ],
    *[
        Faulty(
            MISSPELT,
            f"{name}, {place}",
            lambda place=place, text=text: PLACES[place][0](
                first="seed: int -> seeded: int = seed", again=loop(adder=text)
            ),
            says,
            "run" if place == "choice" else "call",
            {"seed": 1, "times": 2, "total": 0, **PLACES[place][1]},
        )
        for name, text, says in WRONG[:2]
        for place in ("branch", "two deep", "choice")
    ],
    Faulty(
        MISSPELT,
        "step for t",
        lambda: denoising(denoiser="latents: Image, timestep: int -> noise: Image = latents", step=STEP),
        ("denoiser", "timestep", ("pass", "rename")),
        "call",
        {"seed": 1, "times": 2},
    ),
    Faulty(
        MISSPELT,
        "read behind the loop",
        lambda: chain(rounds=loop(adder=ADD), reader="i: int -> last: int = i"),
        ("reader", "i", "rounds"),
        "call",
        {"times": 2, "total": 0},
    ),
    Faulty(
        MISSPELT,
        "in the parameters of a peer",
        lambda: chain(rounds=loop(adder=peer("total: int -> total: int = 1", "Adder", "index"))),
        ("adder", "index", "i"),
        "run",
        {"times": 2, "total": 0},
    ),
    Faulty(
        MISSPELT,
        "optional",
        lambda: chain(
            rounds=loop(
                "times: int -> iteration: int",
                adder="iteratoin: int = 0, total: int = 0 -> total: int = total + iteratoin",
            )
        ),
        ("adder", "iteratoin", "iteration"),
        warns=True,
    ),
]
