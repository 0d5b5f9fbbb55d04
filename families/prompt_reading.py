"""A prompt is read in one of the dialects of weights."""

from __future__ import annotations

from collections.abc import Callable

from ..state import InputError
from .compel_syntax import compel_parts
from .prompt_syntax import PromptSyntax, Reading, Scribe, Span, a1111_parts, comfyui_parts, weight_syntax_in


def read_prompt(text: str, syntax: PromptSyntax, name: str = "prompt") -> Reading:
    """Read a prompt in a dialect.

    Args:
        name: of the prompt, for messages.

    Raises:
        InputError: the syntax asks for what is not done, or has a weight that is none; it says the column.

    Example:
        >>> read_prompt("a (red:1.4) [cat]", "a1111").parts
        ((Span(text='a ', weight=1.0), Span(text='red', weight=1.4), Span(text='cat', weight=0.9090909090909091)),)
    """
    readers: dict[str, Callable[[str, Scribe], list[list[Span]]]] = {
        "a1111": a1111_parts,
        "comfyui": comfyui_parts,
        "compel": compel_parts,
    }
    if syntax not in readers:
        raise InputError(f"prompt_syntax is {syntax!r}; it is {', '.join(map(repr, readers))}.")
    scribe = Scribe(name)
    parts = [[span for span in part if span.text.strip()] for part in readers[syntax](text, scribe)]
    if other := weight_syntax_in(text, syntax):
        words = f"{syntax!r} reads {other!r} as text; set prompt_syntax to that in which the prompt is written."
        scribe.remark(text.index(other), words)
    plain = parts == [[Span(text)]] or not text.strip()
    return Reading(tuple(tuple(part) for part in parts), plain, tuple(scribe.remarks))
