"""Notes lie among a component's attributes, or beside it where its class writes all of them into its files."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_packed
from transformers import CLIPImageProcessor

from brickwork.registry import notes
from brickwork.registry.identity.component_identity import (
    fingerprint,
    identity_of,
    invalidate,
    moment_of,
    temporary_identity,
)
from brickwork.registry.notes import notes_of, put_note, writes_attributes
from brickwork.registry.provenance import note_provenance, provenance_of

WRITERS: dict[str, Callable[[], Any]] = {
    "image processor": lambda: CLIPImageProcessor(size=32, crop_size=32),
    "processor of text and images": lambda: tiny_packed.flux2()["tokenizer"],
}
COPIES: dict[str, Callable[[Any], Any]] = {
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "pickle": lambda each: pickle.loads(pickle.dumps(each)),
}


class Plain:
    """Its attributes are its own matter."""


class OnlyJson(Plain):
    def to_json_string(self) -> str:
        return "{}"


class OnlyDict(Plain):
    def to_dict(self) -> dict[str, Any]:
        return {}


@pytest.fixture(params=WRITERS)
def noted(request: pytest.FixtureRequest) -> Any:
    """A component of a class that writes all attributes, with every note that a run makes."""
    made = WRITERS[request.param]()
    note_provenance(made, repo="a/b", commit="c" * 40)
    invalidate(made)
    identity_of(made)
    return made


def test_its_own_save_pretrained_writes_none_of_our_notes(noted: Any, tmp_path: Path) -> None:
    noted.save_pretrained(tmp_path)
    written = [json.loads(path.read_text()) for path in tmp_path.glob("*.json")]
    assert "brickwork" not in json.dumps(written)
    assert "brickwork" not in noted.to_json_string()
    assert not [name for name in vars(noted) if name.startswith("_brickwork_")]
    assert provenance_of(noted).repo == "a/b"


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_has_no_note_of_the_first(kind: str, noted: Any) -> None:
    copied = COPIES[kind](noted)
    assert notes_of(copied) == {}
    assert provenance_of(copied).commit is None
    # That somebody has declared the first one to be something new says nothing of the copy.
    assert fingerprint(copied) != fingerprint(noted)
    assert fingerprint(copied) == fingerprint(COPIES[kind](copied))
    assert provenance_of(noted).commit == "c" * 40


@pytest.mark.parametrize("make", WRITERS.values(), ids=WRITERS)
def test_what_is_declared_holds_until_it_is_gone(make: Callable[[], Any]) -> None:
    made = make()
    first, moment = identity_of(made), moment_of(made)
    assert identity_of(made, content=False) is first
    assert moment_of(made) is moment
    with temporary_identity(made):
        assert fingerprint(made) != first.digest
    assert fingerprint(made) == first.digest
    invalidate(made)
    changed = fingerprint(made)
    with temporary_identity(made):
        assert fingerprint(made) not in (changed, first.digest)
    assert fingerprint(made) == changed != first.digest


def test_notes_beside_an_object_go_with_it() -> None:
    before = len(notes._beside)
    made = CLIPImageProcessor()
    put_note(made, "note", "text")
    assert len(notes._beside) == before + 1
    number, gone = id(made), weakref.ref(made)
    del made
    gc.collect()
    assert gone() is None
    assert number not in notes._beside
    assert len(notes._beside) == before


def test_another_object_in_its_place_has_notes_of_its_own() -> None:
    numbers = set[int]()
    for number in range(20):
        made = CLIPImageProcessor()
        numbers.add(id(made))
        assert notes_of(made) == {}
        put_note(made, "note", number)
        del made
    assert len(numbers) < 20, "places are given again"


def test_threads_that_ask_first_get_one_dict() -> None:
    made, found, start = CLIPImageProcessor(), list[dict[str, Any]](), threading.Barrier(8)

    def ask() -> None:
        start.wait(30)
        found.append(notes_of(made))

    workers = [threading.Thread(target=ask) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert len(found) == 8
    assert all(each is found[0] for each in found)


@pytest.mark.parametrize("cls", [Plain, OnlyJson, OnlyDict])
def test_notes_of_others_lie_among_their_attributes(cls: type[Plain]) -> None:
    made = cls()
    assert not writes_attributes(made)
    put_note(made, "_brickwork_note", 1)
    assert vars(made) == notes_of(made) == {"_brickwork_note": 1}
    assert notes_of(made) is vars(made)


def test_what_has_slots_keeps_none() -> None:
    class Slotted:
        __slots__ = ()

    assert notes_of(Slotted()) == {}
    assert notes_of(Plain) == {}
    with pytest.raises(AttributeError):
        put_note(Slotted(), "note", 1)
