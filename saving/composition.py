"""Compositions as data, and back. No module is imported because the data names it.

A block is named by where it is found: the standard blocks and presets by their class name ("Decode"), others as
"module:Class". They are taken from this package, from what the caller gives, and from entry points of installed packages (the
group "brickwork.blocks"), in which the very same "module:Class" stands.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.binding import further_parts
from ..blocks.core.block_catalog import BlockResolver, reference
from ..blocks.core.block_identity import attributes_of_block, outside_reasons
from ..blocks.core.container import Container, sub_blocks_of
from ..blocks.core.part import BlockPart
from ..registry import families
from ..state import BrickworkError, CompositionError
from ..state.digest import CodeIdentity, NoDigestError, code_identity, digest_of
from ..state.errors import did_you_mean
from ..state.limits import DEEPEST, MOST_BLOCKS
from ..state.pipeline_state import describe_value
from ..state.structure import Place, examined, place_words
from ..state.value_data import data_of, is_note, note_of, value_of_data
from .kept_attributes import kept_attributes, put_back
from .written_block import WrittenBlock

_MOST_UNKNOWN = 20
"""Faults of a composition that are told; the search for the nearest name takes milliseconds."""


def describe(block: ModularPipelineBlocks, name_of: Callable[[type], str] | None = None) -> dict[str, Any]:
    """Write a composition as data: which blocks, in which order, with which options, for which family, and what code.

    An option that is no data, such as a tensor, is noted by what it is; `compose` then wants the block itself.

    Args:
        name_of: names classes, for who keeps their source; the code is then left out.
    """
    return _described(block, name_of, cache(code_identity))


def _described(
    block: ModularPipelineBlocks, name_of: Callable[[type], str] | None, identity_of: Callable[[type], CodeIdentity]
) -> dict[str, Any]:
    # Whether code is as it was is asked once for each class, and not for each of a thousand blocks of it.
    source, within = getattr(block, "made_in", None) or (block.source_class, None)
    entry: dict[str, Any] = {"block": (name_of or reference)(source)}
    if within is not None:
        entry["within"] = within
    if "bound_from" in vars(type(block)):
        entry["family"] = block.family.name
    further = further_parts(type(block))
    if further:
        entry["parts"] = [_described_part(part, name_of) for part in further]
    options = _options(block)
    if options:
        entry["options"] = options
    # Of classes of diffusers and those written for it, whose constructors take what they keep.
    kept = kept_attributes(block) if name_of is not None else {}
    if kept:
        entry["kept"] = kept
    entry |= _put_on(block)
    # Files have their code beside them, under digests of SHA-256; only recipes must recognise it without.
    if name_of is None:
        code = identity_of(coded_class(block))
        entry["code"] = code.digest
        unknown = outside_reasons(getattr(block, "foreign", block), code)
        if unknown:
            entry["unknown"] = list(unknown)
        declared = getattr(getattr(block, "declaration", None), "options", {})
        own = attributes_of_block(getattr(block, "foreign", block), {**declared, **dict.fromkeys(_WRITTEN)})
        if own:
            entry["attributes"] = {name: _digest(value) for name, value in own.items()}
    parts = getattr(block, "sub_blocks", None)
    if parts:
        entry["blocks"] = {name: _described(part, name_of, identity_of) for name, part in parts.items()}
    return entry


def _put_on(block: ModularPipelineBlocks) -> dict[str, Any]:
    """Return what was put on this very block and not on its class: description, family and workflows; an adopted block makes its own."""
    if hasattr(block, "foreign"):
        return {}
    there, cls = vars(block), type(block)
    own = {name: there[name] for name in _WRITTEN if there.get(name) is not None and there[name] != getattr(cls, name)}
    try:
        return {name: data_of(value) for name, value in own.items()}
    except ValueError:
        # Found when it is opened again: what no file holds is another composition.
        return {}


def _described_part(part: type, name_of: Callable[[type], str] | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"block": (name_of or reference)(part)}
    if name_of is None:
        entry["code"] = code_identity(part).digest
    return entry


_WRITTEN = ("description", "model_name", "workflow_map")
"""What is written of that which lies on a block, and is no option."""


def _digest(value: object) -> str | None:
    try:
        return digest_of(value)
    except NoDigestError:
        return None


def coded_class(block: ModularPipelineBlocks) -> type:
    """Return the class whose code a block runs."""
    source = block.source_class
    # A block of diffusers runs its own class's code; one of ours may be bound, and then runs the bound class's.
    return source if not issubclass(source, ModularPipelineBlocks) else type(block)


def _options(block: ModularPipelineBlocks) -> dict[str, Any]:
    """Return options that differ from those that the class has by itself."""
    declared = getattr(block, "declaration", None)
    found = {}
    for name, default in declared.options.items() if declared is not None else ():
        value = vars(block).get(name, default)
        if value is default:
            continue
        written = data_or_note(value)
        # Without defaults, so that a file written today has tomorrow's; notes of two different objects may read
        # alike.
        if written != data_or_note(default) or is_note(written):
            found[name] = written
    return found


def data_or_note(value: object) -> Any:
    """Return a value as data; what it is, where it is none."""
    try:
        return data_of(value)
    except ValueError:
        return note_of(describe_value(value))


def compose(data: Mapping[str, Any], given: object = ()) -> ModularPipelineBlocks:
    """Make the blocks of data that `describe` has written.

    Args:
        given: blocks and classes of blocks that the data may name, besides those of this package and of installed ones.

    Raises:
        CompositionError: blocks or families are unknown, or the data are no composition; every fault is named.
    """
    finder = given if isinstance(given, BlockResolver) else BlockResolver.of(given)
    written, wrong = examined(WrittenBlock, data)
    faults = wrong.sentences(_block_place)
    if faults:
        faults += _unknown(data, finder)
    elif len(written.walk()) > MOST_BLOCKS:
        faults = [f"there are {len(written.walk()):,} blocks; at most {MOST_BLOCKS:,} are read."]
    else:
        faults = finder.unfit(each.block for each in written.walk())
    block = _composed(written, "", finder, faults) if not faults else None
    if faults or block is None:
        raise CompositionError.of("The composition cannot be made", faults)
    return block


def _block_place(place: Place) -> str:
    """Return the path of a block, and what of it is meant, without the keys in between."""
    last = len(place) - 1
    parts = [part for depth, part in enumerate(place) if depth % 2 or depth == last or part != "blocks"]
    return place_words(tuple(parts)) or "the composition"


def _unknown(data: object, finder: BlockResolver) -> Iterator[str]:
    """Yield the names of blocks that are nowhere, in data that have other faults, too; only some of very many."""
    pending: deque[tuple[Any, str]] = deque([(data, "")])
    count = 0
    while pending and count < _MOST_UNKNOWN:
        each, path = pending.popleft()
        if not isinstance(each, Mapping):
            continue
        if isinstance(each.get("block"), str):
            try:
                finder.find(each["block"])
            except CompositionError as error:
                count += 1
                yield f"{path or 'the composition'}: {error}"
        inner = each.get("blocks")
        if isinstance(inner, Mapping) and path.count(".") < DEEPEST:
            pending += [(part, f"{path}.{name}".lstrip(".")) for name, part in inner.items()]


def _composed(
    written: WrittenBlock, path: str, finder: BlockResolver, faults: list[str]
) -> ModularPipelineBlocks | None:
    if len(faults) >= _MOST_UNKNOWN:
        return None
    parts = {
        name: _composed(part, f"{path}.{name}" if path else name, finder, faults)
        for name, part in written.blocks.items()
    }
    try:
        block = _made(written, finder)
        if parts and not isinstance(block, Container):
            raise CompositionError(f"{written.block[:80]} holds no blocks, and some are listed.")
        if isinstance(block, Container) and parts and all(part is not None for part in parts.values()):
            block.sub_blocks = sub_blocks_of({name: part for name, part in parts.items() if part is not None})
        vars(block).update(_put_back(written))
    except (BrickworkError, ValueError, TypeError) as error:
        faults.append(f"{path or 'the composition'}: {error}")
        return None
    return block


def _put_back(written: WrittenBlock) -> dict[str, Any]:
    put = {name: getattr(written, name) for name in _WRITTEN}
    return {name: value_of_data(value) for name, value in put.items() if value is not None}


def _part_of(adopted: ModularPipelineBlocks, written: WrittenBlock) -> ModularPipelineBlocks:
    parts = getattr(adopted, "sub_blocks", {})
    if written.within not in parts:
        raise CompositionError(
            f"{written.block} has no block {str(written.within)[:80]!r}. {did_you_mean(str(written.within), parts)}"
        )
    found: ModularPipelineBlocks = parts[written.within]
    return found


def _with_parts(cls: type[Any], parts: list[type[Any]]) -> type[Any]:
    wrong = [part.__name__ for part in parts if not issubclass(part, BlockPart)]
    if wrong or not hasattr(cls, "plus"):
        raise CompositionError(f"{', '.join(wrong) or 'It'} cannot be a part of {cls.__name__}.")
    extended: type[Any] = cls.plus(*parts)
    return extended


def _made(written: WrittenBlock, finder: BlockResolver) -> ModularPipelineBlocks:
    made = _made_plain(written, finder)
    if written.kept:
        put_back(made, {name: value_of_data(value) for name, value in written.kept.items()})
    return made


def _made_plain(written: WrittenBlock, finder: BlockResolver) -> ModularPipelineBlocks:
    name, options = written.block, written.options
    # A copy: two pipelines of one composition must not share a block that somebody edits. Where data says all, it
    # counts, and the object only gives its class.
    if name in finder.instances and (name not in finder.classes or any(is_note(value) for value in options.values())):
        return copy.deepcopy(finder.instances[name])
    cls: type[Any] = finder.find(name)
    if written.parts:
        cls = _with_parts(cls, [finder.find(part.block) for part in written.parts])
    if written.family is not None:
        cls = cls.bind(families.get(written.family))
    if not issubclass(cls, ModularPipelineBlocks):
        from ..blocks.core.from_diffusers import adopt

        adopted = adopt(cls)
        return adopted if written.within is None else _part_of(adopted, written)
    made: ModularPipelineBlocks = cls(**{option: value_of_data(value) for option, value in options.items()})
    return made
