"""What the server says is for people at a page, who cannot call functions of Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from served import Client

import brickwork
from brickwork.app.server.errors import _IN_PYTHON, faults_of, for_people
from brickwork.state import InputError

_ROOMS = ("blocks", "families", "pipeline", "presets")
"""Whose errors and remarks a run meets."""


def test_every_advice_that_is_put_in_other_words_is_one_that_is_given() -> None:
    folder = Path(brickwork.__file__).parent
    texts = "\n".join(path.read_text() for room in _ROOMS for path in (folder / room).rglob("*.py"))
    assert [pattern.pattern for pattern, _ in _IN_PYTHON if not pattern.search(texts)] == []


def test_a_remark_of_an_unknown_word_names_no_function(client: Client) -> None:
    given = {"inputs": {"prompt": "a zyzzyva"}}
    (remark,) = client.post("/api/workflows/embedded/check", given).data["remarks"]
    assert "does not know 'zyzzyva'" in remark
    assert remark.endswith("`brickwork words` lists what it knows.")


@pytest.mark.parametrize(
    ("python", "people"),
    [
        ("x is given: pipe.load_ip_adapter(...) first, or leave it out.", "x is given: leave it out."),
        ("Load them by pipe.load_lora_weights(...), and leave it out here.", "Leave it out; it is loaded where the server is started."),
    ],
)  # fmt: skip
def test_faults_and_messages_advise_what_can_be_done_without_python(python: str, people: str) -> None:
    assert for_people(python) == people
    assert [fault["text"] for fault in faults_of(InputError(python))] == [people]
    assert not re.search(r"\w\(", people)
