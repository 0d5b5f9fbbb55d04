"""Reference pages of blocks and presets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from docstrings import markdown_of
from tables import code, page, section, table

from brickwork.blocks.core.base import ModularPipelineBlocks
from brickwork.blocks.core.block_catalog import is_base, own_blocks, wants_family
from brickwork.blocks.core.part import BlockPart
from brickwork.blocks.core.preset_catalog import presets
from brickwork.families.contract import FamilyContract
from brickwork.registry import families
from brickwork.state import BrickworkError, Value, vocabulary
from brickwork.state.types import type_words
from brickwork.state.vocabulary import value_of

FIRST = "stable-diffusion-xl"
"""The family that stands for all where a block is for any."""


def block_pages() -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield a page for every block that the package has by name."""
    users = _users()
    for name, cls in sorted(own_blocks().items()):
        if not is_base(cls):
            yield name, _block_page(name, cls, users.get(name, {}))


@cache
def _all_presets() -> dict[str, ModularPipelineBlocks]:
    return dict(sorted(presets()))


def _users() -> dict[str, dict[str, str]]:
    """Return for each block, where it stands in presets: path by preset."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for preset, blocks in _all_presets().items():
        for path, block in _inner(blocks):
            found[block.source_class.__name__].setdefault(preset, path)
    return found


def _inner(blocks: ModularPipelineBlocks, at: str = "") -> Iterator[tuple[str, ModularPipelineBlocks]]:
    for name, block in getattr(blocks, "sub_blocks", {}).items():
        path = f"{at}.{name}" if at else name
        yield path, block
        yield from _inner(block, path)


@cache
def example_of(cls: type[ModularPipelineBlocks]) -> tuple[ModularPipelineBlocks | None, FamilyContract | None]:
    """Make a block of a class, for the first family that fits where it is for any; nothing where it wants arguments."""
    contracts = [families.get(name) for name in (FIRST, *(each for each in families if each != FIRST))]
    if not any(wants_family(cls, family) for family in contracts):
        return _made(cls), None
    for family in contracts:
        made = _made(cls.bind(family))
        if made is not None:
            return made, family
    return None, None


def _made(cls: type[ModularPipelineBlocks]) -> ModularPipelineBlocks | None:
    try:
        made = cls()
        _ = (made.inputs, made.intermediate_outputs)
    except (BrickworkError, TypeError):
        return None
    return made


def _block_page(name: str, cls: type[ModularPipelineBlocks], users: Mapping[str, str]) -> tuple[str, str]:
    parts = [markdown_of(cls)]
    made, family = (None, None) if issubclass(cls, BlockPart) else example_of(cls)
    if family is not None:
        parts.append(f"For any family; the names below are those of {code(family.name)}.")
    if made is not None:
        parts += _interface(made)
    rows = [(code(preset), code(path)) for preset, path in sorted(users.items())]
    parts.append(section("Stands in", table(("preset", "at"), rows)))
    parts.append(section("Source", code(cls.__module__.removeprefix("brickwork.").replace(".", "/") + ".py")))
    return page(name, *parts), _first(cls.__doc__)


def _interface(made: ModularPipelineBlocks) -> list[str]:
    """Return sections of what a block takes, gives, uses and consists of."""
    inputs = [
        (
            code(each.name),
            type_of(each.type_hint),
            "required" if each.required else code(repr(each.default)),
            each.description,
        )
        for each in made.inputs
    ]
    outputs = [(code(each.name), type_of(each.type_hint), each.description) for each in made.intermediate_outputs]
    parts = [
        (code(each.name), code(type_words(each.type_hint)), each.description or "") for each in made.expected_components
    ]
    options = [(code(each.name), code(repr(each.default)), each.description) for each in made.expected_configs]
    return [
        section("Consists of", _tree(made)),
        section("Inputs", table(("input", "type", "default", "meaning"), inputs)),
        section("Outputs", table(("output", "type", "meaning"), outputs)),
        section("Components", table(("component", "type", "what for"), parts)),
        section("Options", table(("option", "default", "meaning"), options)),
    ]


@cache
def _names_of_values() -> dict[Value, str]:
    found = {value_of(hint): name for name, hint in vars(vocabulary).items() if not isinstance(hint, type)}
    return {value: name for value, name in found.items() if value is not None and not name.startswith("_")}


def type_of(hint: object) -> str:
    """Return a type in words, with the name of the vocabulary for it."""
    value = value_of(hint)
    name = _names_of_values().get(value) if value is not None else None
    words = code(type_words(hint))
    return f"{code(name)}: {words}" if name else words


def _tree(made: ModularPipelineBlocks) -> str:
    def lines(blocks: Any, depth: int) -> Iterator[str]:
        for name, block in getattr(blocks, "sub_blocks", {}).items():
            yield f"{'  ' * depth}- {code(name)}: {code(block.source_class.__name__)}"
            yield from lines(block, depth + 1)

    return "\n".join(lines(made, 0))


def preset_pages() -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield a page for every preset of the package."""
    for name, blocks in _all_presets().items():
        opened = (
            f"```python\nfrom brickwork import find_preset\n\npipe = find_preset({name!r}).init_pipeline(folder)\n```"
        )
        workflows = blocks.available_workflows
        chosen = "\n".join(f"- {code(each)}" for each in workflows[:200]) if len(workflows) > 1 else ""
        doc = markdown_of(type(blocks)) if type(blocks).__module__.startswith("brickwork.presets") else ""
        summary = _first(doc) or f"{len(blocks.sub_blocks)} blocks in a row: {', '.join(blocks.sub_blocks)}."
        yield name, (page(name, doc or summary, opened, section("Workflows", chosen), *_interface(blocks)), summary)


def _first(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]
