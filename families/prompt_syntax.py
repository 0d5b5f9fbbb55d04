"""Prompts in which words have weights, as other tools write them: a text in, pieces with weights out.

Three dialects, each as its project reads it, or refused in words: "a1111" (AUTOMATIC1111/stable-diffusion-webui, function
`parse_prompt_attention` of modules/prompt_parser.py; other tools call it emphasis or attention), "comfyui" (comfyanonymous/ComfyUI,
`token_weights` of comfy/sd1_clip.py), and "compel" (damian0815/compel 2.5.1, prompt_parser.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from attrs import field, frozen

from ..state import InputError

PromptSyntax = Literal["a1111", "comfyui", "compel"]
"""Whose syntax and arithmetic of weights."""

MOST = 100.0
"""No weight is greater: hidden states would leave the range of half precision."""
_STEP = 1.1


@frozen
class Span:
    """A piece of a prompt, and how much it counts."""

    text: str
    weight: float = 1.0


@frozen
class Reading:
    """What a prompt says.

    Attributes:
        parts: pieces of each part; more than one where the text is broken (`BREAK`).
        plain: nothing in it is syntax, so that it is one piece as it was written.
        remarks: what its writer may not have meant, in sentences.
    """

    parts: tuple[tuple[Span, ...], ...]
    plain: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def weighted(self) -> bool:
        """Whether some piece counts more or less than others."""
        return any(span.weight != 1 for part in self.parts for span in part)


@frozen
class Scribe:
    """Where a reader is: the name of the prompt, and what it has to say of it."""

    name: str
    remarks: list[str] = field(factory=list)

    def place(self, index: int) -> str:
        """Where in the prompt an index is, for messages; columns are counted from 1."""
        return f"{self.name}, column {index + 1}"

    def remark(self, index: int, words: str) -> None:
        """Note a sentence."""
        self.remarks.append(f"{self.place(index)}: {words}")

    def fault(self, index: int, words: str) -> InputError:
        """The error that refuses the prompt."""
        return InputError(f"{self.place(index)}: {words}")

    def weight(self, index: int, value: float) -> float:
        """Return a weight that can be one.

        Raises:
            InputError: it is below 0, above `MOST`, or no number.
        """
        if 0 <= value <= MOST:
            return value
        raise self.fault(
            index,
            f"the weight is {value:g}; it must be between 0 and {MOST:g}. What images shall not show is said by negative_prompt.",
        )


def refuse(text: str, scribe: Scribe, refused: Sequence[tuple[str, str]]) -> None:
    """Raise InputError for the first expression that is found, with its words."""
    for expression, words in refused:
        found = re.search(expression, text)
        if found:
            raise scribe.fault(found.start(), words.format(found.group().strip()))


_A1111_REFUSED = (
    (
        r"<(?:lora|lyco|hypernet):[^<>]*>",
        "{} is no text but asks for weights of a network. Load them by pipe.load_lora_weights(...), and leave it out here.",
    ),
    (
        r"\bAND\b",
        (
            "{} would make two prompts that are predicted apart (composable diffusion), which is not done. Write 'and' for the word; prompts for "
            "parts of an image are made by brickwork.presets.regions.with_regions(blocks, family)."
        ),
    ),
)
_EDITED = (
    "{} would be another text in later steps (prompt editing), which is not done. Square brackets take no number: "
    "write (word:0.7) for a weight, and \\[ for a bracket."
)
_ESCAPED = re.compile(r"\\.", re.DOTALL)
_SQUARE = re.compile(r"\[([^\[\]]*)\]")
_EDITING = re.compile(r".*(?::\s*[+-]?[\d.]+(?:e[+-]?\d+)?\s*|\|.*)", re.DOTALL | re.IGNORECASE)
# A backslash before anything else is dropped, as in the web UI.
_A1111_MARKS = re.compile(r"\\[()\[\]\\]?|:\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*\)|[()\[\]]")
_NO_NUMBER = re.compile(r":\s*([^\s:()\[\]]+)\s*$")
_BREAK = re.compile(r"\s*\bBREAK\b\s*")


def a1111_parts(text: str, scribe: Scribe) -> list[list[Span]]:
    """Read brackets. `BREAK` breaks inside of brackets, too, where the web UI takes it for a word."""
    refuse(text, scribe, _A1111_REFUSED)
    _refuse_editing(text, scribe)
    pieces = _A1111Pieces(text, scribe)
    end = 0
    for mark in _A1111_MARKS.finditer(text):
        pieces.add(text[end : mark.start()])
        end = mark.end()
        pieces.mark(mark)
    pieces.add(text[end:])
    pieces.close_all()
    return pieces.parts()


def _refuse_editing(text: str, scribe: Scribe) -> None:
    """Refuse square brackets with a time or alternatives, also around others: `[a [red] cat:dog:0.5]`."""
    left = _ESCAPED.sub("__", text)
    while (inner := _SQUARE.search(left)) is not None:
        if _EDITING.fullmatch(inner[1]):
            raise scribe.fault(inner.start(), _EDITED.format(text[inner.start() : inner.end()]))
        left = f"{left[: inner.start()]}{'_' * len(inner[0])}{left[inner.end() :]}"


@frozen
class _A1111Pieces:
    text: str
    scribe: Scribe
    found: list[tuple[str, float] | None] = field(factory=list)
    """Texts and weights; None is a break."""
    opened: dict[str, list[tuple[int, int]]] = field(factory=lambda: {"(": [], "[": []})
    """Brackets that are open, each by the number of its first piece, and its place."""

    def add(self, words: str) -> None:
        for number, piece in enumerate(_BREAK.split(words)):
            if number:
                self.found.append(None)
            self.found.append((piece, 1.0))

    def mark(self, mark: re.Match[str]) -> None:
        sign = mark.group()
        if sign.startswith("\\"):
            self.found.append((sign[1:], 1.0))
        elif sign in self.opened:
            self.opened[sign].append((len(self.found), mark.start()))
        elif mark.group(1) is not None and self.opened["("]:
            self.close("(", float(mark.group(1)))
        elif sign == ")" and self.opened["("]:
            self.remark_no_number(mark.start())
            self.close("(", _STEP)
        elif sign == "]" and self.opened["["]:
            self.close("[", 1 / _STEP)
        else:
            self.scribe.remark(
                mark.start(), f"{sign!r} closes nothing and is read as text; write \\ before it if that is meant."
            )
            self.found.append((sign, 1.0))

    def close(self, kind: str, weight: float) -> None:
        first, place = self.opened[kind].pop()
        self.scribe.weight(place, weight)
        for number in range(first, len(self.found)):
            piece = self.found[number]
            if piece is not None:
                self.found[number] = (piece[0], self.scribe.weight(place, piece[1] * weight))

    def remark_no_number(self, end: int) -> None:
        said = _NO_NUMBER.search(self.text, self.opened["("][-1][1], end)
        if said:
            self.scribe.remark(
                said.start(),
                f"{said.group(1)!r} is no number, so the colon is text and the brackets count {_STEP} times, as in the web UI. "
                "Write (word:1.4) for a weight, and \\( for a bracket.",
            )

    def close_all(self) -> None:
        for kind, weight in (("(", _STEP), ("[", 1 / _STEP)):
            while self.opened[kind]:
                self.scribe.remark(
                    self.opened[kind][-1][1],
                    f"{kind!r} is never closed, so all that follows counts {weight:.3g} times, as in the web UI. Close it, or write "
                    f"\\{kind} for a bracket.",
                )
                self.close(kind, weight)

    def parts(self) -> list[list[Span]]:
        parts: list[list[Span]] = [[]]
        for piece in self.found:
            if piece is None:
                parts.append([])
            elif parts[-1] and parts[-1][-1].weight == piece[1]:
                parts[-1][-1] = Span(parts[-1][-1].text + piece[0], piece[1])
            elif piece[0]:
                parts[-1].append(Span(*piece))
        return parts


_COMFYUI_REFUSED = (
    (
        r"\bembedding:\S+",
        "{} is no text but asks for a file. Load it by pipe.load_textual_inversion(...), and write its word here.",
    ),
)
_COMFYUI_MARKS = re.compile(r"\\[()]|[()]")


def comfyui_parts(text: str, scribe: Scribe) -> list[list[Span]]:
    """Read round brackets; a number inside of others stands for itself, and is not multiplied."""
    refuse(text, scribe, _COMFYUI_REFUSED)
    _refuse_unbalanced(text, scribe)
    return [list(_comfyui_spans(text, 0, len(text), 1.0, scribe))]


def _refuse_unbalanced(text: str, scribe: Scribe) -> None:
    opened: list[int] = []
    words = (
        "; what ComfyUI makes of that depends on what stands elsewhere. Close it, or write \\ before it for a bracket."
    )
    for mark in _COMFYUI_MARKS.finditer(text):
        if mark.group() == "(":
            opened.append(mark.start())
        elif mark.group() == ")":
            if not opened:
                raise scribe.fault(mark.start(), f"')' closes nothing{words}")
            opened.pop()
    if opened:
        raise scribe.fault(opened[-1], f"'(' is never closed{words}")


def _comfyui_spans(text: str, start: int, end: int, weight: float, scribe: Scribe) -> Iterator[Span]:
    written, depth, opened = "", 0, start
    place = start
    for mark in _COMFYUI_MARKS.finditer(text, start, end):
        if depth == 0:
            written += text[place : mark.start()]
        if mark.group() == "(":
            if depth == 0:
                yield Span(written, weight)
                written, opened = "", mark.start()
            depth += 1
        elif mark.group() == ")":
            depth -= 1
            if depth == 0:
                yield from _comfyui_group(text, opened, mark.start(), weight, scribe)
        elif depth == 0:
            written += mark.group()[1:]
        place = mark.end()
    yield Span(written + text[place:end], weight)


def _comfyui_group(text: str, opened: int, closed: int, weight: float, scribe: Scribe) -> Iterator[Span]:
    colon = text.rfind(":", opened + 2, closed)
    if colon > 0:
        try:
            asked = float(text[colon + 1 : closed])
        except ValueError:
            if _NO_NUMBER.fullmatch(text, colon, closed):
                scribe.remark(colon, f"{text[colon + 1 : closed]!r} is no number, so the colon is text, as in ComfyUI.")
        else:
            yield from _comfyui_spans(text, opened + 1, colon, scribe.weight(opened, asked), scribe)
            return
    yield from _comfyui_spans(text, opened + 1, closed, scribe.weight(opened, weight * _STEP), scribe)


_BRACKETS: tuple[PromptSyntax, ...] = ("a1111", "comfyui")
_UNREAD: tuple[tuple[str, tuple[PromptSyntax, ...]], ...] = (
    # A digit before the colon is a ratio, a time or a verse: "(16:9)".
    (r"\([^()]*[^\s\d():]:\s*\d?\.\d+\s*\)", _BRACKETS),
    (r"\([^()]*[^\s\d():]:\d\)", _BRACKETS),
    (r"\(\([^()]+\)\)", _BRACKETS),
    (r"\[\[[^\[\]]+\]\]", ("a1111",)),
    (r"\)(?:\d?\.\d+|\+{1,4}(?![\w+])|-{2,4}(?![\w-]))", ("compel",)),
    (r"\b[^\W\d_]{2,}\+{2,4}(?![\w+])", ("compel",)),
    (r"<lora:[^<>:]+(?::[\d.]+)?>", ("a1111",)),
)
"""What can hardly be anything but syntax of weights, and the dialects that know it."""
_UNREAD_BREAK = re.compile(r"(?<![A-Z]\s)(?<![\"'\u201c\u2018])\bBREAK\b(?![\"'\u201d\u2019])(?!\s+[A-Z]{2})")


def weight_syntax_in(text: str, syntax: PromptSyntax | None = None) -> str | None:
    """Return what in a prompt can hardly be anything but syntax of weights; None where brackets may be brackets.

    Args:
        syntax: the dialect in which the prompt is read, whose own syntax is not looked for.
    """
    unread = (re.search(each, text) for each, known_to in _UNREAD if syntax not in known_to)
    found = next((match.group() for match in unread if match), None)
    if found is not None or syntax == "a1111" or not any(letter.islower() for letter in text):
        return found
    broken = _UNREAD_BREAK.search(text)
    return broken.group() if broken else None
