"""Edits by name: what is moved, what is refused, and that presets which all share are not edited."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from toy_blocks import AddOne, Double, Twice, chain

from brickwork import BrickworkError, CompositionError, InsertableDict, SequentialPipelineBlocks
from brickwork.blocks.core import insertable_dict
from brickwork.blocks.core.insertable_dict import SharedBlocks
from brickwork.presets import sdxl
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS


def whole() -> Any:
    return chain(add=AddOne, rounds=Twice.from_blocks_dict({"again": AddOne}), double=Double)


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "another block under its name": (lambda b: b.insert("add", Double, 0), "already a block 'add'.*replace\\('add', block\\)"),
    "another before": (lambda b: b.insert_before("double", "add", Double), "already a block 'add'"),
    "another behind": (lambda b: b.insert_after("rounds.again", "again", Double), "already a block 'again'"),
    "beside itself": (lambda b: b.insert_after("add", "add", b["add"]), "already a block 'add', and it cannot be put beside"),
    "no position": (lambda b: b.insert("new", Double), "has no position.*insert_before\\('add', 'new', block\\)"),
    "a name for a position": (lambda b: b.insert("new", Double, "double"), "'double' for its position.*insert_before\\('double', 'new'"),
    "a fraction for a position": (lambda b: b.insert("new", Double, 0.5), "has 0.5 for its position"),
    "a position for a name": (lambda b: b.insert(0, "new", Double), r"insert\(name, block, index\) wants a name.*0 \(int\)"),
    "a block for a name": (lambda b: b.insert_before("add", Double, "new"), "insert_before.*wants a name.*the class Double"),
    "a block for a name behind": (lambda b: b.insert_after("add", Double(), "new"), "insert_after.*wants a name.*a Double"),
    "a number for a path": (lambda b: b[0], r"named by text.*0 \(int\)"),
    "a number, popped": (lambda b: b.pop(0), r"named by text.*0 \(int\)"),
    "a number, set": (lambda b: b.__setitem__(0, Double), r"named by text.*0 \(int\)"),
    "None, replaced": (lambda b: b.replace(None, Double), r"named by text.*None \(NoneType\)"),
    "a path for a name": (lambda b: b.insert("rounds.new", Double, 0), "cannot be named 'rounds.new': a dot is for paths.*, 'new', block"),
    "a path for a name before": (lambda b: b.insert_before("double", "rounds.new", Double), "cannot be named 'rounds.new'"),
    "a path for a name behind": (lambda b: b.insert_after("rounds.again", "a.b", Double), "cannot be named 'a.b'"),
    "a path for a name in sub_blocks": (lambda b: b.sub_blocks.insert_after("add", "a.", Double), "cannot be named 'a.'"),
    "set in a container that is not there": (lambda b: b.sub_blocks.__setitem__("nowhere.new", Double), "no block 'nowhere'"),
    "set in a block": (lambda b: b.sub_blocks.__setitem__("add.new", Double), "'add.new' reaches into .*AddOne.*holds no blocks"),
    "wrapped in a block": (lambda b: b.wrap("add", Double), "'add' cannot be wrapped in the class Double.*class of a container"),
    "wrapped in an object": (lambda b: b.wrap("add", whole()), "wrapped in a SequentialPipelineBlocks: give the class"),
    "wrapped, and not there": (lambda b: b.wrap("ad", Twice), "no block 'ad'.*'add'"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_an_edit_that_cannot_be_meant_is_refused_and_changes_nothing(name: str) -> None:
    edit, said = REFUSED[name]
    blocks = whole()
    before = {path: list(blocks[path].sub_blocks.items()) for path in ("rounds",)}, list(blocks.sub_blocks.items())
    with pytest.raises(CompositionError, match=f"(?s){said}"):
        edit(blocks)
    assert before == ({"rounds": list(blocks["rounds"].sub_blocks.items())}, list(blocks.sub_blocks.items()))


def test_a_block_that_is_inserted_again_under_its_name_is_moved() -> None:
    blocks = whole()
    blocks.insert("double", blocks["double"], 0)
    assert list(blocks.sub_blocks) == ["double", "add", "rounds"]
    blocks.insert_after("rounds", "double", blocks["double"])
    assert list(blocks.sub_blocks) == ["add", "rounds", "double"]
    assert list(InsertableDict(add=AddOne, double=Double).insert("double", Double, 0)) == ["double", "add"]


MADE: dict[str, tuple[Callable[[], Any], str]] = {
    "a list": (lambda: Twice.from_blocks_dict([AddOne]), "Twice.from_blocks_dict takes a dict.*a list.*{'name': Block"),  # type: ignore[arg-type]
    "a dict for the constructor": (lambda: SequentialPipelineBlocks({"add": AddOne}), r"\(a dict\).*from_blocks_dict\({'name'"),
    "keywords": (lambda: SequentialPipelineBlocks(add=AddOne), "add=the class AddOne.*from_blocks_dict\\({'add': Block"),
    "a dot": (lambda: chain(**{"a.b": AddOne}), "cannot be named 'a.b'.*a dot is for paths"),
    "the base class": (lambda: chain(my_step=AddOne.__mro__[1]), "'my_step' is the class Block itself.*class MyStep\\(Block\\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_what_is_no_dict_of_blocks_is_refused_with_what_to_write(name: str) -> None:
    make, said = MADE[name]
    with pytest.raises(CompositionError, match=f"(?s){said}"):
        make()


SHARED = {name: value for name, value in vars(sdxl).items() if name.isupper() and isinstance(value, InsertableDict)}
EDITS: dict[str, Callable[[Any], Any]] = {
    "insert": lambda b: b.insert("new", Double, 0),
    "insert_before": lambda b: b.insert_before("decode", "new", Double),
    "insert_after": lambda b: b.insert_after("decode", "new", Double),
    "replace": lambda b: b.replace("decode", Double),
    "set": lambda b: b.__setitem__("decode", Double),
    "delete": lambda b: b.__delitem__("decode"),
    "pop": lambda b: b.pop("decode"),
    "popitem": lambda b: b.popitem(),
    "clear": lambda b: b.clear(),
    "update": lambda b: b.update(decode=Double),
    "setdefault": lambda b: b.setdefault("new", Double),
    "or": lambda b: b.__ior__({"new": Double}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_preset_is_not_edited_and_says_what_is(edit: str) -> None:
    before = list(TEXT2IMAGE_BLOCKS.items())
    with pytest.raises(
        BrickworkError, match=r"blocks = TEXT2IMAGE_BLOCKS.copy\(\).*from_blocks_dict\(TEXT2IMAGE_BLOCKS\)"
    ):
        EDITS[edit](TEXT2IMAGE_BLOCKS)
    assert list(TEXT2IMAGE_BLOCKS.items()) == before


def test_every_preset_is_shared_under_its_own_name() -> None:
    assert len(SHARED) == 17
    assert {name: getattr(value, "title", None) for name, value in SHARED.items()} == {name: name for name in SHARED}


def test_copies_of_a_preset_are_edited() -> None:
    made = [
        TEXT2IMAGE_BLOCKS.copy(),
        copy.copy(TEXT2IMAGE_BLOCKS),
        copy.deepcopy(TEXT2IMAGE_BLOCKS),
        {**TEXT2IMAGE_BLOCKS},
        TEXT2IMAGE_BLOCKS | {},
    ]
    for each in made:
        each.pop("decode")
        assert "decode" not in each
        assert list(each) == list(TEXT2IMAGE_BLOCKS)[:-1]
    again = pickle.loads(pickle.dumps(SharedBlocks("MINE", {"add": AddOne})))
    assert again.insert("double", Double, 0) == {"double": Double, "add": AddOne}


@pytest.mark.parametrize("asked", [whole(), whole().sub_blocks], ids=["container", "dict"])
def test_an_attribute_that_may_be_missing_is_asked_for_without_words(
    asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saving a composition asks hundreds of times, and the search for near names took half of its time."""
    with monkeypatch.context() as patched:
        patched.setattr(insertable_dict, "nearest", lambda *_: pytest.fail("near names were looked for"))
        assert getattr(asked, "inser", None) is None
        with pytest.raises(AttributeError) as caught:
            asked.inser
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert str(error).endswith("sub_blocks has no attribute 'inser'. Did you mean 'insert'?")
        assert "Did you mean 'insert'?" in repr(error)
        assert "Did you mean 'insert'?" in "".join(traceback.format_exception(error))
