"""Blocks in words: what `print(blocks)` and `blocks.doc` show."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from ...registry import ComponentSpec
from ...state import BrickworkError, CompositionError, InputParam, OutputParam, html_view
from ...state.types import type_words
from .interface import description_of

if TYPE_CHECKING:
    from .base import ModularPipelineBlocks

WIDTH = 100


def summary(block: ModularPipelineBlocks) -> str:
    """Draw the tree of blocks, then what it takes, gives and uses, a line each."""
    lines = tree(block, type(block).__name__)
    required = [p.name for p in block.all_inputs if p.required and p.name]
    optional = [_short(p) for p in block.all_inputs if not p.required and p.name]
    sections = [
        ("needs", required),
        ("takes", optional),
        ("gives", [output.name for output in block.intermediate_outputs]),
        ("uses", [str(spec.name) for spec in block.expected_components]),
    ]
    for title, names in sections:
        if names:
            lines += textwrap.wrap(
                f"{title}: {', '.join(names)}", WIDTH, subsequent_indent=" " * (len(title) + 2), break_long_words=False
            )
    return "\n".join(lines)


def tree(block: ModularPipelineBlocks, label: str, indent: str = "") -> list[str]:
    """Return one line per block: name, class, and the first sentence of its description."""
    lines = [_labelled(label, block, len(indent))]
    inner = list(getattr(block, "sub_blocks", {}).items())
    width = max((len(name) for name, _ in inner), default=0)
    for position, (name, part) in enumerate(inner):
        last = position == len(inner) - 1
        branch, deeper = ("└─ ", "   ") if last else ("├─ ", "│  ")
        first, *rest = tree(part, name.ljust(width) if not getattr(part, "sub_blocks", None) else name, indent + deeper)
        lines.append(branch + first)
        lines += [deeper + line for line in rest]
    return lines


def _labelled(label: str, block: ModularPipelineBlocks, indent: int) -> str:
    kind = _KINDS.get(_kind_of(block), "")
    own = type(block).__name__
    head = label if label == own else f"{label}  {own}"
    if kind:
        head += f" ({kind})"
    sentence = description_of(block).partition(". ")[0].rstrip(".")
    room = WIDTH - indent - len(head) - 3
    if not sentence or room < 20:
        return head
    return f"{head} · {textwrap.shorten(sentence, room, placeholder='...')}"


_KINDS = {"loop": "loop", "choice": "choice", "scope": "scope"}


def _kind_of(block: ModularPipelineBlocks) -> str:
    if hasattr(block, "loop_step"):
        return "loop"
    if hasattr(block, "names_at"):
        return "scope"
    return "choice" if hasattr(block, "select_block") else ""


def _short(param: InputParam) -> str:
    return f"{param.name}={param.default!r}" if param.default is not None else str(param.name)


def html_summary(block: ModularPipelineBlocks) -> str:
    """Return the same for a notebook: the tree opens by clicks."""
    inputs = [
        (
            param.name or f"**{param.kwargs_type}",
            type_words(param.type_hint),
            "required" if param.required else repr(param.default),
            param.description,
        )
        for param in _required_first(block.all_inputs)
    ]
    outputs = [(output.name, type_words(output.type_hint), output.description) for output in block.intermediate_outputs]
    parts = [(spec.name, _class_name(spec), spec.description or "") for spec in block.expected_components]
    sections = [
        ("blocks", _html_tree(block)),
        ("inputs", html_view.table(("input", "type", "default", "meaning"), inputs)),
        ("outputs", html_view.table(("output", "type", "meaning"), outputs)),
        ("components", html_view.table(("component", "class", "what for"), parts)),
    ]
    shown = [html_view.folded(title, body, unfolded=title == "blocks") for title, body in sections]
    return html_view.titled(_labelled(type(block).__name__, block, 0), *shown)


def _html_tree(block: ModularPipelineBlocks) -> html_view.Html:
    items = []
    for name, part in getattr(block, "sub_blocks", {}).items():
        label = _labelled(name, part, 0)
        inner = _html_tree(part)
        items.append(html_view.folded(label, inner) if inner else label)
    return html_view.listed(items)


def document(block: ModularPipelineBlocks) -> str:
    """Return everything there is to know of a block, as text."""
    parts = [*tree(block, type(block).__name__), ""]
    description = description_of(block)
    if description:
        parts += [*textwrap.wrap(description, WIDTH), ""]
    trigger_text = getattr(block, "trigger_text", None)
    if trigger_text:
        parts += [*textwrap.wrap(f"Choice: {trigger_text}", WIDTH), ""]
    parts += _section("Inputs", [_input_line(param) for param in _required_first(block.all_inputs)])
    parts += _section("Outputs", [_output_line(output) for output in block.intermediate_outputs])
    parts += _section("Components", [_component_line(spec) for spec in block.expected_components])
    configs = [f"{c.name} (default {c.default!r})  {c.description or ''}" for c in block.expected_configs]
    parts += _section("Configs", configs)
    return html_view.Text("\n".join(parts).rstrip())


def _required_first(params: list[InputParam]) -> list[InputParam]:
    return sorted(params, key=lambda param: not param.required)


def _section(title: str, lines: list[str]) -> list[str]:
    if not lines:
        return []
    wrapped: list[str] = []
    for line in lines:
        wrapped += textwrap.wrap(line, WIDTH - 2, initial_indent="  ", subsequent_indent="      ")
    return [f"{title}:", *wrapped, ""]


def _input_line(param: InputParam) -> str:
    several = " or ".join(map(repr, dict.fromkeys((param.defaults_by_block or {}).values())))
    default = f"default {several}, by what runs" if several else f"default {param.default!r}"
    need = "required" if param.required else default
    return f"{param.name or '**' + str(param.kwargs_type)} ({type_words(param.type_hint)}, {need})  {param.description}"


def _output_line(output: OutputParam) -> str:
    return f"{output.name} ({type_words(output.type_hint)})  {output.description}"


def _component_line(spec: ComponentSpec) -> str:
    return f"{spec.name} ({_class_name(spec)})  {spec.description or ''}"


def _class_name(spec: ComponentSpec) -> str:
    try:
        return spec.type_name[1] or type_words(spec.type_hint)
    except BrickworkError:
        return "unknown class"


def no_pipeline(block: object) -> CompositionError:
    """Return the error for who calls a definition as if it were a pipeline."""
    return CompositionError(
        f"{type(block).__name__} is a definition, which holds no models and cannot be called. Make a pipeline of "
        "it, pipe = blocks.init_pipeline(repo), and call that: pipe(prompt=...)."
    )
