"""What blocks of a composition say of components, held against each other: classes, configurations, names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ...registry import ComponentSpec
from ...state.errors import is_slip, with_article
from ...state.type_relations import conflict
from ..core.flattening import Part, walk_scopes
from ..core.interface import is_typed
from ..core.scope_names import Around, component_outside

if TYPE_CHECKING:
    from ..core.base import ModularPipelineBlocks


def component_conflicts(blocks: ModularPipelineBlocks, parts: Sequence[Part]) -> Iterator[tuple[str, bool]]:
    """Yield what of the blocks' components does not fit together, and whether that is certain.

    Blocks may want different classes of one component, or different configurations; the name of a component may be that of a config,
    or nearly that of another component.
    """
    first: dict[str, tuple[str, Any, ComponentSpec, Around]] = {}
    for path, block, spec, around in _leaf_specs(blocks):
        name = component_outside(around, str(spec.name))
        other_path, other_block, other, other_around = first.setdefault(name, (path, block, spec, around))
        how = _how(around, other_around, spec)
        certain = is_typed(block) and is_typed(other_block)
        if not _classes_agree(other, spec):
            text = f"{other_path} wants {name!r} to be {with_article(_class_words(other))}, and {path} {with_article(_class_words(spec))}."
            yield f"{text} Rename one of the two components{how}, or use blocks of one family.", certain
        elif other.config is not None and spec.config is not None and dict(other.config) != dict(spec.config):
            text = f"{other_path} makes {name!r} from {dict(other.config)}, and {path} from {dict(spec.config)}."
            yield f"{text} Give both the same configuration, or rename one{how}.", certain
        elif (other.config is None) is not (spec.config is None) and not _is_made_anyway(spec):
            made, loaded = (path, other_path) if other.config is None else (other_path, path)
            config = dict(spec.config or other.config or {})
            yield (
                (
                    f"{made} makes {name!r} from {config}, without weights, and {loaded} asks for it without a configuration, as for one "
                    f"with weights; both get what {made} makes. Write component(config={config}) in both, or rename one{how}."
                ),
                False,
            )
    yield from _named_as_configs(parts, {name: path for name, (path, *_) in first.items()})
    yield from ((text, False) for text in _slips({name: path for name, (path, *_) in first.items()}))


def misspelt_slots(blocks: ModularPipelineBlocks, missing: Iterable[str], known: Iterable[str]) -> str:
    """Say which blocks ask for components that are missing, and whose names look like others, as the end of an error message."""
    known = list(known)
    slips = {name: near for name in missing for near in known if is_slip(name, near)}
    askers: dict[str, str] = {}
    for path, _, spec, _ in _leaf_specs(blocks) if slips else ():
        if spec.name in slips:
            askers.setdefault(spec.name, path)
    return "".join(f" {path} asks for {name!r}. Did you mean {slips[name]!r}?" for name, path in askers.items())


def _leaf_specs(blocks: ModularPipelineBlocks) -> Iterator[tuple[str, Any, ComponentSpec, Around]]:
    for path, block, around in walk_scopes(blocks):
        if not getattr(block, "sub_blocks", None):
            for spec in block.expected_components:
                yield path or type(block).__name__, block, spec, around


def _how(around: Around, other: Around, spec: ComponentSpec) -> str:
    """Return how a scope gives a component another name, if one of two blocks stands in one that the other does not."""
    scopes = [names.path for names in (*around[-1:], *other[-1:])]
    if around == other or not scopes or len({*scopes}) == 1 == len(around[-1:]) == len(other[-1:]):
        return ""
    return f" (the scope {scopes[0]} takes components={{{spec.name!r}: ...}})"


def _named_as_configs(parts: Sequence[Part], components: dict[str, str]) -> Iterator[tuple[str, bool]]:
    """Yield names that one block has for a component and another for a config: an index could hold one of them only."""
    for path, block in parts if components else ():
        for config in block.expected_configs if not getattr(block, "sub_blocks", None) else ():
            if config.name in components:
                asker = components[config.name]
                yield (
                    (
                        f"{asker} has a component {config.name!r}, and {path or type(block).__name__} a config of that name; files know "
                        "both by it. Rename one."
                    ),
                    is_typed(block),
                )


def _slips(components: dict[str, str]) -> Iterator[str]:
    """Yield names of components of which one looks like another, misspelt."""
    # By what is left without one letter, which two names that differ by a slip have in common: comparing all with all would take
    # seconds for a thousand.
    known: dict[str, list[str]] = {}
    for name, path in components.items():
        left = {name, *(name[:i] + name[i + 1 :] for i, letter in enumerate(name) if i and letter.isalpha())}
        alike = dict.fromkeys(other for each in left for other in known.get(each, ()))
        for other in alike:
            if is_slip(name, other):
                yield (
                    f"{path} asks for the component {name!r}, and {components[other]} for {other!r}. Is one of them misspelt? If both "
                    "are meant, names that are less alike say so."
                )
        for each in left:
            known.setdefault(each, []).append(name)


def _class_words(spec: ComponentSpec) -> str:
    library, name = spec.type_name
    return name or str(library)


def _classes_agree(one: ComponentSpec, other: ComponentSpec) -> bool:
    if None in (one.type_name[1], other.type_name[1]) or one.type_name == other.type_name:
        return True
    mine, theirs = one.type_hint, other.type_hint
    if hasattr(mine, "set_timesteps") and hasattr(theirs, "set_timesteps"):
        return True  # schedulers are interchangeable, and share a mixin and no class
    return conflict(mine, theirs) is None


def _is_made_anyway(spec: ComponentSpec) -> bool:
    """Return whether a class has no weights: guiders, image processors and schedulers are made from what says most of them."""
    cls: Any = spec.type_hint
    return hasattr(cls, "from_config") and not hasattr(cls, "parameters")
