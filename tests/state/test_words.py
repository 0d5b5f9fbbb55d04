"""What declarations, states, outputs and errors say of themselves, and what merges of them keep."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated, Any, ClassVar, ForwardRef

import pytest
import torch
from PIL import Image

from brickwork import BlockState, InputParam, OutputParam, Outputs, PipelineState, RunError
from brickwork.state.conditioning import Conditioning, Group
from brickwork.state.errors import did_you_mean, nearest
from brickwork.state.params import merge_input, with_defaults_of_branches
from brickwork.state.pipeline_state import describe_value
from brickwork.state.types import group_marker, plain_type, strip_metadata, type_words
from brickwork.state.vocabulary import Value

SHOWN: list[tuple[Any, str]] = [
    (torch.zeros(2, 3), "Tensor[2, 3] torch.float32, cpu"),
    ([torch.zeros(1), 2], "list of 2: Tensor[1] torch.float32, cpu"),
    ((1,), "tuple of 1: 1"),
    ([], "[]"),
    ({"a": [1], "b": {}}, "dict(a=list of 1: 1, b=dict())"),
    (Image.new("L", (4, 3)), "image of 4x3, L"),
    ("x" * 78, repr("x" * 78)),
    ("x" * 79, "'" + "x" * 76 + "..."),
    (SimpleNamespace(dtype=1), "namespace(dtype=1)"),
    (SimpleNamespace(shape=(1,)), "namespace(shape=(1,))"),
]


@pytest.mark.parametrize(("value", "words"), SHOWN, ids=[words[:30] for _, words in SHOWN])
def test_a_value_is_shown_in_one_line(value: Any, words: str) -> None:
    assert describe_value(value) == words


def test_a_state_is_shown_with_who_wrote_what() -> None:
    state = PipelineState({"a": 1, "long": "x"}, provenance={"long": "block.inner"})
    assert repr(state) == "PipelineState(\n  a     1\n  long  'x'   (from block.inner)\n)"
    assert repr(PipelineState()) == "PipelineState(\n)"
    assert repr(BlockState(a=1, b="x")) == "BlockState(\n  a: 1\n  b: 'x'\n)"


def test_what_is_set_is_noted_with_its_writer_and_once_in_its_group() -> None:
    state = PipelineState(writer="block")
    for name, group in (("a", "fields"), ("b", "fields"), ("a", "fields"), ("c", None)):
        state.set(name, name.upper(), group)
    assert state.values == {"a": "A", "b": "B", "c": "C"}
    assert state.kwargs_mapping == {"fields": ["a", "b"]}
    assert state.provenance == {"a": "block", "b": "block", "c": "block"}
    anonymous = PipelineState()
    anonymous.set("a", 1)
    assert anonymous.provenance == {}
    del state.values["b"]
    assert state.get_by_kwargs("fields") == {"a": "A"}
    assert state.get_by_kwargs("others") == {}
    assert state.get(["a", "none"], 0) == {"a": "A", "none": 0}
    assert state.get("none") is None


def test_a_copy_has_groups_writers_and_recipe_of_its_own() -> None:
    state = PipelineState({"a": 1}, {"fields": ["a"]}, {"a": "block"})
    state.recipe, state.start = object(), {"x": 1}
    copy = state.copy()
    assert (copy.recipe, copy.start) == (state.recipe, state.start)
    copy.kwargs_mapping["fields"].append("b")
    copy.provenance["b"] = "other"
    assert (state.kwargs_mapping, state.provenance) == ({"fields": ["a"]}, {"a": "block"})
    found = state.to_dict()
    found["b"] = 1
    assert "b" not in state


@pytest.mark.parametrize("view", [PipelineState({"images": 1}), BlockState(images=1)], ids=["state", "view"])
def test_names_of_python_itself_are_no_values(view: Any) -> None:
    with pytest.raises(AttributeError, match="^__nothing__$"):
        _ = view.__nothing__


def test_a_view_is_also_read_and_written_by_brackets() -> None:
    view = BlockState(a=1)
    view["b"] = 2
    assert (view["a"], view.b) == (1, 2)
    assert view.as_dict() is not view.__dict__
    with pytest.raises(RunError, match="^No earlier block gave 'c' to this one. There are: a, b.$"):
        _ = view["c"]


class Out(Outputs):
    kind: ClassVar[str] = "x"
    images: int
    score: float = 0.5


def test_outputs_name_every_fault_in_order() -> None:
    with pytest.raises(RunError) as caught:
        Out(zebra=1, image=2)  # type: ignore[call-arg]
    assert str(caught.value) == (
        "Out declares no output 'image'. Did you mean 'images'? Out declares no output 'zebra'. There are: images, score. "
        "Out declares 'images', and it was not given."
    )
    assert repr(Out(images=1)) == "Out(images, score)"
    assert Out.__brickwork_fields__ == {"images", "score"}


def test_outputs_name_all_that_is_missing_in_order() -> None:
    class Many(Outputs):
        delta: int
        alpha: int
        charlie: int
        bravo: int

    with pytest.raises(RunError) as caught:
        Many(charlie=1)  # type: ignore[call-arg]
    assert [text.partition(",")[0].rpartition(" ")[2] for text in str(caught.value).split("given.")[:-1]] == [
        "'alpha'", "'bravo'", "'delta'",
    ]  # fmt: skip


def test_outputs_without_names_take_none() -> None:
    class Nothing(Outputs):
        pass

    assert repr(Nothing()) == "test_outputs_without_names_take_none.<locals>.Nothing()"
    with pytest.raises(RunError, match="Nothing declares no output 'x'. There are none."):
        Nothing(x=1)  # type: ignore[call-arg]


def test_a_frozen_output_names_what_was_set() -> None:
    with pytest.raises(AttributeError, match="^Out is frozen: make a new one instead of setting 'score'.$"):
        Out(images=1).score = 2.0  # type: ignore[misc]


def test_a_default_of_a_base_may_be_given_anew() -> None:
    class More(Out):
        score: float = 2.0
        images: int = 7

    assert (More().score, More().images) == (2.0, 7)
    assert Out(images=1).score == 0.5


def test_conditionings_are_mappings_that_are_the_same_by_their_objects() -> None:
    one, two = torch.zeros(1), torch.zeros(1)
    given = Conditioning({"a": one, "b": two})
    assert (given["b"], list(given), len(given), repr(given)) == (two, ["a", "b"], 2, "Conditioning(a, b)")
    with pytest.raises(KeyError, match="'c'"):
        _ = given["c"]
    assert given.same_as(Conditioning({"a": one, "b": two}))
    assert not given.same_as(Conditioning({"a": one, "b": one}))
    assert not given.same_as(Conditioning({"b": two, "a": one}))
    assert not given.same_as(Conditioning({"a": one}))
    assert not given.same_as(None)
    assert Group("fields").side == "both"


FIRST = InputParam("x", int, default=1, description="first", kwargs_type="one")


@pytest.mark.parametrize(
    ("known", "other", "expected"),
    [
        (FIRST, InputParam("x", str, default=2, required=True, description="other", kwargs_type="two"),
         InputParam("x", int, default=1, required=True, description="first", kwargs_type="one")),
        (InputParam("x"), FIRST, FIRST),
        (InputParam("x", required=True), InputParam("x"), InputParam("x", required=True)),
        (InputParam("x", default=0), InputParam("x", default=3), InputParam("x", default=0)),
        (InputParam("x", default=1, defaults_by_block={"a": 1}), InputParam("x", defaults_by_block={"b": 2, "a": 3}),
         InputParam("x", defaults_by_block={"a": 3, "b": 2})),
    ],
)  # fmt: skip
def test_two_declarations_of_one_input_are_merged(known: InputParam, other: InputParam, expected: InputParam) -> None:
    assert merge_input(known, other) == expected


def test_branches_with_different_defaults_each_say_their_own() -> None:
    branches = {
        "a": [InputParam("x", default=1), InputParam("y", default=1), InputParam("z", required=True, default=1)],
        "b": [InputParam("x", default=2), InputParam("y", default=1), InputParam("z", default=3)],
        "c": [InputParam(None, default=5, kwargs_type="fields"), InputParam("x")],
    }
    found = with_defaults_of_branches(branches)
    assert [(param.name, param.default, param.defaults_by_block) for param in found] == [
        ("x", None, {"a": 1, "b": 2}), ("y", 1, None), ("z", 1, None),
        ("x", None, {"a": 1, "b": 2}), ("y", 1, None), ("z", 3, None), (None, 5, None), ("x", None, {"a": 1, "b": 2}),
    ]  # fmt: skip


def test_templates_take_what_is_said_instead() -> None:
    param = InputParam.template("prompt", required=False, default="x")
    assert (param.name, param.required, param.default) == ("prompt", False, "x")
    assert InputParam.template("prompt").required
    assert InputParam.template("num_images_per_prompt").default == 1
    assert OutputParam.template("latents", note="noisy", name="noise").name == "noise"
    assert OutputParam.template("latents", note="noisy").description.endswith(" (noisy)")
    assert repr(InputParam(None, kwargs_type="fields")) == "<fields: any, optional, default=None>"


def test_the_nearest_name_is_near() -> None:
    assert nearest("abcde", ["abcxx", "abxxx"]) == "abcxx"
    assert nearest("abcde", ["abxxx"]) is None
    assert did_you_mean("x", ["b", "a", "b"]) == "There are: a, b."


Marked = Annotated[int, Group("fields")]


@pytest.mark.parametrize(
    ("hint", "plain", "stripped"),
    [
        (int, int, int),
        (Marked, int, int),
        (Marked | None, int | None, int),
        (int | str | None, int | str | None, int | str | None),
        (Annotated[Annotated[int, 1] | None, 2], int | None, int),
        (list[Marked], list[Marked], list[Marked]),
    ],
    ids=str,
)
def test_types_without_their_notes(hint: Any, plain: Any, stripped: Any) -> None:
    assert plain_type(hint) == plain
    assert strip_metadata(hint) == stripped


def test_the_marker_of_a_group_is_found_among_other_notes() -> None:
    assert group_marker(Annotated[int, "note", Group("a"), Group("b")]) == Group("a")
    assert group_marker(Annotated[int, Group]) is group_marker(int) is group_marker(list[Marked]) is None


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (ForwardRef("Tensor"), "Tensor"), (Annotated[int | str, Value("b")], "int | str"), (Annotated[int, "x"], "int"),
        (Annotated[torch.Tensor, Value(doc="x")], "Tensor"), (type(None), "NoneType"), (list, "list"), (3, "3"),
    ],
    ids=str,
)  # fmt: skip
def test_odd_types_have_words_too(hint: Any, words: str) -> None:
    assert type_words(hint) == words
