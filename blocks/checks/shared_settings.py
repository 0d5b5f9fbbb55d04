"""What blocks of a composition say in common beside values: settings of the pipeline, and groups of values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ...families.contract import UNBOUND, FamilyContract
from ...registry import families
from ...state import ConfigSpec
from ...state.defaults import are_same
from ...state.errors import nearest
from ..core.flattening import Part
from ..core.signature_block import SignatureBlock

_GROUPS = ("prompts", "prompt_embeds", "denoiser_input_fields", "sizes", "controlnet_kwargs")
"""Groups that blocks of diffusers name, or that families may leave out."""


def own_configs(block: Any) -> list[ConfigSpec]:
    """Return the settings that a block declares itself, without those of what is in it."""
    if isinstance(block, SignatureBlock):
        # A loop's own; past the loop, which adds those of its blocks.
        own: list[ConfigSpec] = SignatureBlock.expected_configs.__get__(block)
        return [*own, *getattr(block, "loop_expected_configs", ())]
    return [] if getattr(block, "sub_blocks", None) else list(block.expected_configs)


def config_conflicts(parts: Sequence[Part]) -> Iterator[tuple[str, bool]]:
    """Yield settings for which two blocks have other defaults, and whether both are checked declarations: a pipeline has one value."""
    first: dict[str, tuple[str, Any, ConfigSpec]] = {}
    for path, block in parts:
        for spec in own_configs(block):
            other_path, other_block, other = first.setdefault(spec.name, (path or type(block).__name__, block, spec))
            if are_same(other.default, spec.default):
                continue
            text = (
                f"the config {spec.name!r} is {other.default!r} for {other_path} and {spec.default!r} for {path}, where nobody sets "
                "it, and a pipeline has one. Give both the same default, or rename one."
            )
            yield text, isinstance(block, SignatureBlock) and isinstance(other_block, SignatureBlock)


def group_faults(parts: Sequence[Part]) -> Iterator[str]:
    """Yield groups of signatures that no family, or none that the block is bound to, can fill."""
    for path, block in parts:
        for where, name, group in block.declaration.groups if isinstance(block, SignatureBlock) else ():
            at = f"{path or type(block).__name__}: {where} {name!r} stands for the group {group.name!r}"
            known = () if group.name in block.family.groups else known_groups(block.family)
            near = nearest(group.name, known) if group.name not in known else None
            if near is not None:
                yield f"{at}, which no family has. Did you mean Group({near!r})?"
            elif block.family is UNBOUND:
                yield (
                    f"{at}, which only a model family fills: bind the block, as in {type(block).__name__}.bind("
                    f"families.get({next(iter(families))!r})), with brickwork.registry.families."
                )


def known_groups(family: FamilyContract) -> set[str]:
    """Return the names of all groups that a family, or any in the catalog, has."""
    return {*family.groups, *_GROUPS, *(name for key in families for name in families.get(key).groups)}


def group_warnings(parts: Sequence[Part]) -> Iterator[str]:
    """Yield groups of blocks that declare by properties which nobody knows, and of which nobody is on the other side."""
    read: dict[str, str] = {}
    written: dict[str, str] = {}
    families_here: list[FamilyContract] = []
    for path, block in parts:
        families_here += [block.family] if isinstance(block, SignatureBlock) else []
        if isinstance(block, SignatureBlock) or getattr(block, "sub_blocks", None):
            continue
        for param in block.inputs:
            if param.kwargs_type is not None:
                read.setdefault(param.kwargs_type, path or type(block).__name__)
        for output in block.intermediate_outputs:
            if output.kwargs_type is not None:
                written.setdefault(output.kwargs_type, path or type(block).__name__)
    if not read and not written:
        return
    known = set().union(*(known_groups(family) for family in (*families_here, UNBOUND)))
    for name in {**read, **written}:
        if name in known or (name in read and name in written):
            continue
        path, verb = (read[name], "reads") if name in read else (written[name], "writes")
        other = "writes" if verb == "reads" else "reads"
        near = nearest(name, known)
        hint = f"Did you mean {near!r}?" if near else "Name it as the others do, or leave it out."
        yield f"{path} {verb} values of the group {name!r} (its kwargs_type), which no family has, and no block {other} it. {hint}"


def bare_groups(parts: Sequence[Part]) -> Iterator[str]:
    """Yield inputs that are a `Conditioning` without the group that it is made of, which no block writes."""
    found = [
        (path or type(block).__name__, name)
        for path, block in parts
        for name in (block.declaration.bare_groups if isinstance(block, SignatureBlock) else ())
    ]
    written = {output.name for _, block in parts for output in block.intermediate_outputs} if found else set()
    for path, name in found:
        if name not in written:
            yield (
                f"{path} reads {name!r} as one Conditioning, which no block writes. Say of which group it is made: "
                f'{name}: Annotated[Conditioning, Group("denoiser_input_fields")].'
            )
