"""What docstrings say of single names."""

from __future__ import annotations

from brickwork.state.classes.meanings import first_line, meanings


class Outer:
    """Says a word. And more.

    Attributes:
        one, two: the first two, with
            a second line. three: the third; four: the fourth.

    Raises:
        five: what is no name.
    """


class Inner(Outer):
    """`one`: what counts.

    With another paragraph: which says nothing.
    """


def test_names_are_explained_by_the_class_or_by_what_it_derives_from() -> None:
    assert meanings(Inner.__mro__, ["one", "two", "three", "four", "six"]) == {
        "one": "What counts.",
        "two": "The first two, with a second line.",
        "three": "The third",
        "four": "The fourth.",
    }


def test_the_first_sentence_has_no_full_stop() -> None:
    assert first_line(Outer) == "Says a word. And more"
    assert first_line(type("Silent", (), {})) == ""
