"""Weights of words are read as the projects read them that the dialects are of; what cannot be read is refused or remarked, with its column."""

from __future__ import annotations

import re

import pytest

from brickwork import InputError
from brickwork.families.prompt_reading import read_prompt
from brickwork.families.prompt_syntax import MOST, PromptSyntax, Scribe, Span, weight_syntax_in

DOWN = 1 / 1.1


def pieces(text: str, syntax: PromptSyntax) -> list[list[tuple[str, float]]]:
    return [[(span.text, span.weight) for span in part] for part in read_prompt(text, syntax).parts]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("normal text", [[("normal text", 1.0)]]),
        ("an (important) word", [[("an ", 1.0), ("important", 1.1), (" word", 1.0)]]),
        ("(red:1.4) (red: .5 )", [[("red", 1.4), ("red", 0.5)]]),
        ("(red:2.)[x]", [[("red", 2.0), ("x", DOWN)]]),
        ("(unnecessary)(brackets)", [[("unnecessarybrackets", 1.1)]]),
        (r"\(a\) \[b\] \\ c\d", [[(r"(a) [b] \ cd", 1.0)]]),
        (
            "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
            [
                [
                    ("a ", 1.0), ("house", 1.3 * 1.1 * 1.1), ("on", 1.1 * DOWN), (" a ", 1.1), ("hill", 0.5 * 1.1),
                    (", sun, ", 1.1), ("sky", 1.1 * 1.1 * 1.1 * 1.1), (".", 1.1),
                ]
            ],
        ),
        ("a (cat BREAK dog:1.5) BREAK b", [[("a ", 1.0), ("cat", 1.5)], [("dog", 1.5)], [("b", 1.0)]]),
        ("BREAKFAST", [[("BREAKFAST", 1.0)]]),
        ("", [[]]),
    ],
)  # fmt: skip
def test_brackets_of_the_web_ui(text: str, parts: list[list[tuple[str, float]]]) -> None:
    assert [[(words, pytest.approx(weight)) for words, weight in part] for part in parts] == pieces(text, "a1111")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a (b (c:1.3)) (d)", [("a ", 1.0), ("b ", 1.1), ("c", 1.3), ("d", 1.1)]),
        ("((a)) ((b:0.5) c:2)", [("a", 1.1 * 1.1), ("b", 0.5), (" c", 2.0)]),
        ("[a] BREAK b", [("[a] BREAK b", 1.0)]),
        (r"\(a\) (b\):1.2)", [("(a) ", 1.0), ("b)", 1.2)]),
        ("(a:1e1)", [("a", 10.0)]),
        ("(:1.5)", [(":1.5", 1.1)]),
    ],
)
def test_a_number_of_comfyui_stands_for_itself(text: str, part: list[tuple[str, float]]) -> None:
    assert pieces(text, "comfyui") == [[(words, pytest.approx(weight)) for words, weight in part]]


@pytest.mark.parametrize("syntax", ["a1111", "comfyui", "compel"])
def test_text_without_syntax_is_one_piece_as_it_was_written(syntax: PromptSyntax) -> None:
    for text in ("a  cat,dog: 16:9 well-known", "", " ", "Émile's cat"):
        reading = read_prompt(text, syntax)
        assert reading.plain, text
        assert not reading.weighted
        assert not text.strip() or reading.parts == ((Span(text),),)
    marked = {"a1111": "[cat]", "comfyui": "(cat)", "compel": "cat+"}[syntax]
    assert read_prompt(marked, syntax).weighted
    assert not read_prompt(marked, syntax).plain
    assert not read_prompt("(cat:1.0)", "a1111").plain


@pytest.mark.parametrize(
    ("syntax", "text", "message"),
    [
        ("a1111", "a (red:-1)", "it, column 3: the weight is -1; it must be between 0 and 100. What images shall not"),
        ("a1111", "(red:100.5)", "it, column 1: the weight is 100.5"),
        ("a1111", "((a:90):2)", "it, column 1: the weight is 180"),
        ("comfyui", "a (b:nan)", "it, column 3: the weight is nan"),
        ("comfyui", "(b:inf)", "it, column 1: the weight is inf"),
        ("comfyui", "(" * 49 + "a" + ")" * 49, "it, column 49: the weight is 106."),
        ("compel", "a (b)101", "it, column 3: the weight is 101"),
        ("compel", "a (b+)100", "it, column 3: the weight is 110"),
        ("a1111", "a <lora:x:0.8>", "it, column 3: <lora:x:0.8> is no text but asks for weights of a network. Load them"),
        ("a1111", "a [cat:dog:0.5]", "it, column 3: [cat:dog:0.5] would be another text in later steps (prompt editing)"),
        ("a1111", "[cat:10]", "it, column 1: [cat:10] would be another text"),
        ("a1111", "[cat|dog]", "it, column 1: [cat|dog] would be another text"),
        ("a1111", "a [b [red] cat:dog:0.5]", "it, column 3: [b [red] cat:dog:0.5] would be another text"),
        ("a1111", "a [[red]|dog]", "it, column 3: [[red]|dog] would be another text"),
        ("a1111", "[cat \\[x\\]:dog:+5e-1]", "it, column 1: [cat \\[x\\]:dog:+5e-1] would be another text"),
        ("a1111", "a cat AND a dog", "it, column 7: AND would make two prompts that are predicted apart (composable diffusion)"),
        ("comfyui", "a (b", "it, column 3: '(' is never closed; what ComfyUI makes of that depends on"),
        ("comfyui", "a) b", "it, column 2: ')' closes nothing; what ComfyUI makes of that"),
        ("comfyui", "embedding:bad", "it, column 1: embedding:bad is no text but asks for a file. Load it by"),
        ("compel", '("a", "b").blend(1, 2)', 'it, column 10: ).blend( is an operator of compel that is not done here'),
        ("compel", "cat withLora(x)", "it, column 5: withLora( is no text but asks for weights"),
    ],
)  # fmt: skip
def test_what_is_not_done_is_refused_with_its_column(syntax: PromptSyntax, text: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        read_prompt(text, syntax, "it")


def test_the_greatest_weight_is_one() -> None:
    assert Scribe("it").weight(0, MOST) == MOST
    assert Scribe("it").weight(0, 0.0) == 0.0
    assert pieces(r"\[cat:10\] [a] [b]", "a1111")[0][0] == ("[cat:10] ", 1.0)


@pytest.mark.parametrize(
    ("syntax", "text", "parts", "remark"),
    [
        ("a1111", "a (red:1.4", [("a ", 1.0), ("red:1.4", 1.1)], "column 3: '(' is never closed, so all that follows counts 1.1 times"),
        ("a1111", "a [red", [("a ", 1.0), ("red", DOWN)], r"column 3: '[' is never closed, so all that follows counts 0.909 times"),
        ("a1111", "red:1.4)", [("red:1.4)", 1.0)], "column 4: ':1.4)' closes nothing and is read as text"),
        ("a1111", "red]", [("red]", 1.0)], "column 4: ']' closes nothing"),
        ("a1111", "(red:abc)", [("red:abc", 1.1)], "column 5: 'abc' is no number, so the colon is text and the brackets count 1.1 times"),
        ("a1111", "(red:nan)", [("red:nan", 1.1)], "column 5: 'nan' is no number"),
        ("comfyui", "(red:abc)", [("red:abc", 1.1)], "column 5: 'abc' is no number, so the colon is text, as in ComfyUI."),
        ("compel", "x (a = b)2", [("x (a = b)2", 1.0)], "column 3: '(' opens nothing that compel can read, so '(a' is text"),
    ],
)  # fmt: skip
def test_what_may_not_be_meant_is_remarked(
    syntax: PromptSyntax, text: str, parts: list[tuple[str, float]], remark: str
) -> None:
    reading = read_prompt(text, syntax, "it")
    assert pieces(text, syntax) == [parts]
    assert len(reading.remarks) == 1
    assert reading.remarks[0].startswith(f"it, {remark}")


def test_a_sentence_with_a_colon_is_not_remarked() -> None:
    assert read_prompt("(film: an old one)", "a1111").remarks == ()
    assert read_prompt("(film: an old one)", "comfyui").remarks == ()


ORDINARY = [
    "a cat (close up)", "a cat (close-up: 35 mm)", "poster (16:9)", "time (10:30)", "verse (John 3:16)", "scale (1:2.5)", "f(x) = (a(b))",
    "[photo]", "array[0][1]", "C++ code on a screen", "a g++ manual", "5+ stars, A+ grade, 18+", "TAKE A BREAK NOW",
    "a sign that says BREAK GLASS", 'the word "BREAK" in neon', "BREAKFAST on a table", "a break", "well-known -- or not", "(2)1 cats",
    "(a) (b), 1.5 m tall", "cat (1.5)", "a <lora> mug", ":) ;)", "(chapter 2: the cat)", "(cats)-like", "",
]  # fmt: skip
SYNTAX = {
    "a (red:1.4) cat": "(red:1.4)",
    "(red: .5)": "(red: .5)",
    "(red hat:2)": "(red hat:2)",
    "a ((red)) cat": "((red))",
    "[[red]]": "[[red]]",
    "a cat BREAK a dog": "BREAK",
    "red++ cat": "red++",
    "a cat, red++": "red++",
    "(a cat)1.4 on": ")1.4",
    "(a cat)++ on": ")++",
    "(a cat)-- on": ")--",
    "a <lora:thing:0.8>": "<lora:thing:0.8>",
}


@pytest.mark.parametrize("text", ORDINARY)
def test_brackets_of_ordinary_prompts_are_no_syntax(text: str) -> None:
    assert weight_syntax_in(text) is None


@pytest.mark.parametrize("text", SYNTAX)
def test_syntax_is_found(text: str) -> None:
    assert weight_syntax_in(text) == SYNTAX[text]


@pytest.mark.parametrize(
    ("syntax", "text", "column", "found"),
    [
        ("compel", "a (red:1.4) cat", 3, "(red:1.4)"),
        ("compel", "a (red hat:2)", 3, "(red hat:2)"),
        ("compel", "((red)) cat", 1, "((red))"),
        ("compel", "[[red]] cat", 1, "[[red]]"),
        ("compel", "a cat BREAK a dog", 7, "BREAK"),
        ("comfyui", "[[red]] cat", 1, "[[red]]"),
        ("comfyui", "a cat BREAK a dog", 7, "BREAK"),
        ("comfyui", "a <lora:thing:0.8>", 3, "<lora:thing:0.8>"),
        ("comfyui", "(a cat)1.4 on", 7, ")1.4"),
        ("a1111", "(a cat)1.4 on", 7, ")1.4"),
        ("a1111", "red++ cat", 1, "red++"),
    ],
)
def test_syntax_of_another_dialect_is_said_to_be_text(syntax: PromptSyntax, text: str, column: int, found: str) -> None:
    (remark,) = read_prompt(text, syntax, "it").remarks
    expected = f"it, column {column}: {syntax!r} reads {found!r} as text; set prompt_syntax to that in which the prompt is written."
    assert remark == expected


@pytest.mark.parametrize(
    ("syntax", "texts"),
    [
        ("a1111", ["a (red:1.4) cat", "((red))", "[[red]]", "a cat BREAK a dog", *ORDINARY]),
        ("comfyui", ["a (red:1.4) cat", "((red))"]),
        ("compel", ["red++ cat", "(a cat)1.4 on", "(a cat)++ on"]),
    ],
)
def test_of_syntax_that_a_dialect_knows_nothing_is_said(syntax: PromptSyntax, texts: list[str]) -> None:
    assert [text for text in texts if any("as text; set" in each for each in read_prompt(text, syntax).remarks)] == []
