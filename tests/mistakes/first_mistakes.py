"""Mistakes of a first call."""

from __future__ import annotations

from mistake import Mistake

from brickwork import InputError

MISTAKES = [
    Mistake(
        "a misspelt input",
        "embedded",
        lambda pipe: pipe(promt="a red circle"),
        InputError,
        ("'promt'", "Did you mean 'prompt'?"),
    ),
    Mistake(
        "no prompt",
        "embedded",
        lambda pipe: pipe(num_inference_steps=2),
        InputError,
        ("'prompt'",),
    ),
    Mistake(
        "an unknown output",
        "embedded",
        lambda pipe: pipe(prompt="a red circle", output="image"),
        InputError,
        ("'image'", "Did you mean 'images'?"),
    ),
]
