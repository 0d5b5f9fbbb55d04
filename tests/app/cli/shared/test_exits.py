"""Errors name options where the library names arguments."""

from __future__ import annotations

import pytest
from cli_runner import events, invoke

from brickwork.app.cli.shared.exits import with_options


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Pass prompt=...", "Pass --prompt"),
        ("Pass mask_image=..., or write it.", "Pass --mask-image, or write it."),
        ("Pass prompt=... or prompt_embeds=..., or let", "Pass --prompt or --prompt-embeds, or let"),
        ("Pass generator=...", "Pass --seed"),
        (
            "./dark brings code of its own (darken.py), which can do anything that you can. Read it, then grant it with the hash ab: trust_remote_code=True, or trust_remote_code='ab' for just this state.",
            "./dark brings code of its own (darken.py), which can do anything that you can. Read it, then grant it: brickwork trust grant ./dark.",
        ),
        ("give it: replay(..., image=...).", "give it: --given image=FILE."),
        (
            "give it: blocks=[Tint], or those of a pipeline that has it: blocks=pipe.blocks. ",
            "give it: --blocks FOLDER, a folder with its code. ",
        ),
        (
            "No block. Blocks of your own are given in Python: load_workflow(path, blocks=[...]).",
            "No block. --blocks FOLDER says where its code is, and that it may run.",
        ),
        (
            "Blocks of your own are given in Python: load_workflow(path, blocks=[...]). The code is in /a b/c.d, and is not run because a file names it.",
            "--blocks '/a b/c.d' says where its code is, and that it may run.",
        ),
        ("call pipe(prompt=...) with blocks=[...]", "call pipe(prompt=...) with blocks=[...]"),
    ],
)
def test_arguments_are_said_as_options(text: str, said: str) -> None:
    assert with_options(text) == said


def test_what_is_missing_is_asked_for_as_an_option() -> None:
    result = invoke("run", "embedded")
    assert (result.exit_code, result.stderr.rstrip().endswith("Pass --prompt")) == (2, True)
    (event,) = events(invoke("run", "embedded", "--json"))
    assert event["message"].endswith("Pass --prompt")
    assert event["faults"] == [{"input": "prompt", "text": event["message"]}]
