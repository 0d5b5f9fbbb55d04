"""The syntax of weights of compel (damian0815/compel 2.5.1, prompt_parser.py): `red++`, `(a red cat)1.3`, `"a red cat"-`."""

from __future__ import annotations

import re

from .prompt_syntax import Scribe, Span, refuse

_MORE, _LESS = 1.1, 0.9
_SIGNS = r'()",.+\-='
_WORD = re.compile(rf"(?:\\[{_SIGNS}]|[-+](?![\s{_SIGNS}]|$)|-?\d+|[^\s{_SIGNS}])+")
_STRENGTH = re.compile(r"\++|-+|-?\d*\.\d+|\d+\.?")
_SIGN_RUN = re.compile(r"\++|-+")
_SPACE = re.compile(r"\s+")
# Behind a comma another word begins, as behind a space.
_FREE = re.compile(r"[^\s,]*,|[^\s,]+")
_ESCAPED = re.compile(r'\\([()"])')
_REFUSED = (
    (
        r"[)\"]\s*\.(?:blend|and|add|swap|attend)\(",
        "{} is an operator of compel that is not done here. Write (words)1.3 for a weight; what blends prompts is pipe(prompt_embeds=...).",
    ),
    (
        r"\b(?:withLora|useLora)\(",
        "{} is no text but asks for weights of a network. Load them by pipe.load_lora_weights(...), and leave it out here.",
    ),
)


def compel_parts(text: str, scribe: Scribe) -> list[list[Span]]:
    """Read a prompt: words, and what stands in brackets or quotation marks, each with a strength behind it or none."""
    refuse(text, scribe, _REFUSED)
    reader = _Reader(text, scribe)
    found, place = [], 0
    while place < len(text):
        space = _SPACE.match(text, place)
        if space:
            place = space.end()
            continue
        made = reader.item(place, top=True)
        if made is None:
            free = _FREE.match(text, place)
            assert free is not None
            if text[place] in '("':
                scribe.remark(
                    place, f"{text[place]!r} opens nothing that compel can read, so {free.group()!r} is text, as there."
                )
            made = [Span(_ESCAPED.sub(r"\1", free.group()))], free.end()
        found += made[0]
        place = made[1]
    if all(span.weight == 1 for span in found) and "".join(span.text for span in found) == "".join(text.split()):
        return [[Span(text)]]
    return [_fused(found)]


class _Reader:
    def __init__(self, text: str, scribe: Scribe) -> None:
        self.text = text
        self.scribe = scribe

    def item(self, place: int, top: bool) -> tuple[list[Span], int] | None:
        """Return the pieces of a word or a group with a strength, and where they end; None for what is neither.

        Args:
            top: it is not in brackets, where words without a strength may hold any sign.
        """
        grouped = self.group(place)
        if grouped is not None:
            spans, end = grouped
            strength = _STRENGTH.match(self.text, end)
            if strength is None:
                return spans, end
            return self.weighed(spans, strength.group(), place), strength.end()
        word = _WORD.match(self.text, place)
        if word is None:
            return None
        spans = [Span(_ESCAPED.sub(r"\1", word.group()))]
        strength = _SIGN_RUN.match(self.text, word.end())
        if strength is not None:
            return self.weighed(spans, strength.group(), place), strength.end()
        return None if top else (spans, word.end())

    def group(self, place: int) -> tuple[list[Span], int] | None:
        opening = self.text[place]
        if opening not in '("':
            return None
        closing = ")" if opening == "(" else '"'
        spans: list[Span] = []
        place += 1
        while place < len(self.text):
            space = _SPACE.match(self.text, place)
            if space:
                place = space.end()
            elif self.text[place] == closing:
                return spans, place + 1
            elif self.text[place] in ",.":
                spans.append(Span(self.text[place]))
                place += 1
            else:
                made = self.item(place, top=False)
                if made is None:
                    return None
                spans += made[0]
                place = made[1]
        return None

    def weighed(self, spans: list[Span], strength: str, place: int) -> list[Span]:
        base = {"+": _MORE, "-": _LESS}.get(strength[0]) if set(strength) <= set("+-") else None
        weight = self.scribe.weight(place, float(strength) if base is None else base ** len(strength))
        return [Span(span.text, self.scribe.weight(place, span.weight * weight)) for span in spans]


def _fused(spans: list[Span]) -> list[Span]:
    """Join neighbours that count as much, as words."""
    fused: list[Span] = []
    for span in spans:
        if fused and fused[-1].weight == span.weight:
            fused[-1] = Span(f"{fused[-1].text} {span.text}", span.weight)
        else:
            fused.append(span)
    return fused
