"""What can be known to be wrong with a composition before any input is given: over all of its workflows, in one walk."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ...engine.conditions import ALWAYS, NEVER, Condition
from ...engine.planning.dataflow import trace
from ...engine.planning.plan_checks import Finding, faults, late_writes, warnings
from ...guiders import Guider
from ...registry import ComponentSpec
from ...state import CompositionError, OutputParam
from ...state.errors import nearest
from ...state.type_relations import conflict
from ...state.types import type_words
from .choice import AutoPipelineBlocks, ConditionalPipelineBlocks
from .conditional_flattening import AllWorkflows
from .content_key import content_key
from .flattening import walk, walk_scopes
from .scope import Scope
from .scope_names import Around, component_outside

if TYPE_CHECKING:
    from .base import ModularPipelineBlocks


@frozen
class Report:
    """Findings about a composition; true if it has no fault.

    Attributes:
        faults: what cannot work. warnings: what looks wrong and may be meant.
        given: of findings that only show where inputs are given that choose, these inputs, as few as can be, by the text.
    """

    faults: tuple[str, ...]
    warnings: tuple[str, ...]
    given: Mapping[str, tuple[str, ...]]
    _every: AllWorkflows = field(repr=False, eq=False)

    def __bool__(self) -> bool:
        return not self.faults

    def raise_faults(self) -> None:
        """Raise CompositionError if there are faults."""
        if self.faults:
            raise CompositionError.of("The blocks do not fit together", [self._in_words(text) for text in self.faults])

    @property
    def workflows(self) -> int:
        """How many workflows there are, all of which were looked at; of more than can be counted a lower bound."""
        return self._every.number[0]

    def _in_words(self, text: str) -> str:
        given = self.given.get(text)
        return f"{text} (Where {' and '.join(given)} {'are' if len(given) > 1 else 'is'} given.)" if given else text

    def __repr__(self) -> str:
        counted = ((len(self.faults), "fault"), (len(self.warnings), "warning"), (self.workflows, "workflow"))
        found, looks, workflows = (f"{count} {word}{'s' if count != 1 else ''}" for count, word in counted)
        head = f"{found}, {looks} in {'' if self._every.number[1] else 'more than '}{workflows}"
        lines = [f"  fault: {self._in_words(text)}" for text in self.faults]
        return "\n".join([head, *lines, *(f"  warning: {self._in_words(text)}" for text in self.warnings)])


_KNOWN: dict[Any, Report] = {}
_MOST_KNOWN = 64


def check(blocks: ModularPipelineBlocks) -> Report:
    """Check every workflow of a composition, and what its blocks say about components and choices.

    What was checked is not checked again in this process: a composition of the same classes, options and names has the same report.

    Raises:
        CompositionError: no steps can be made of it.
    """
    key = content_key(blocks)
    report = _KNOWN.pop(key, None) if key is not None else None
    if report is None:
        report = _checked(blocks)
    if key is not None:
        _KNOWN[key] = report  # behind the others, so that the first is the one that was not asked for the longest
        while len(_KNOWN) > _MOST_KNOWN:
            _KNOWN.pop(next(iter(_KNOWN)), None)
    return report


def _checked(blocks: ModularPipelineBlocks) -> Report:
    every = AllWorkflows.of(blocks)
    flow = trace(every.steps, (), every.possible)
    wrong = _merged(faults(flow))
    # A late write is a warning here and an error in a plan: the caller may give the value.
    odd = _merged([*late_writes(flow), *warnings(flow)])
    for text, certain in [*_component_conflicts(blocks), *_branch_conflicts(blocks)]:
        (wrong if certain else odd)[text] = ALWAYS
    scopes = [(path, block) for path, block in walk(blocks) if isinstance(block, Scope)]
    odd.update(dict.fromkeys([*_unreachable(blocks, every.taken), *_nothing_leaves(scopes)], ALWAYS))
    mapped = [fault for path, scope in scopes for fault in scope.mapping_faults(path)]
    found = [*_unknown_triggers(blocks), *_named_as_the_calls_own(blocks), *mapped]
    wrong.update(dict.fromkeys(found, ALWAYS))
    return Report(tuple(wrong), tuple(odd), {t: when.fewest() for t, when in {**odd, **wrong}.items()}, every)


def _merged(found: Iterable[Finding]) -> dict[str, Condition]:
    """Return findings with when they are so; several places may give one text."""
    texts: dict[str, Condition] = {}
    for text, when in found:
        texts[text] = texts.get(text, NEVER) | when
    return texts


_OF_CALL = {"state": "the state to continue from", "output": "the name of what is returned"}
"""Names that a call takes for itself."""


def _named_as_the_calls_own(blocks: ModularPipelineBlocks) -> Iterator[str]:
    taken = {**_OF_CALL, **dict.fromkeys(_guiders_among(blocks.input_names, blocks), "the guider of that run")}
    for name in sorted(taken.keys() & blocks.input_names):
        readers = [path or type(block).__name__ for path, block in walk(blocks) if name in block.input_names]
        yield (
            f"{readers[-1]} has an input named {name!r}, which could not be given: a call has that name for {taken[name]}. "
            "Choose another name."
        )


def _guiders_among(names: list[str], blocks: ModularPipelineBlocks) -> set[str]:
    """Return the names that are those of guiders, too."""
    specs = [spec for spec in blocks.expected_components if spec.name in names]
    return {str(spec.name) for spec in specs if isinstance(spec.type_hint, type) and issubclass(spec.type_hint, Guider)}


def _nothing_leaves(scopes: Iterable[tuple[str, Scope]]) -> Iterator[str]:
    """Yield scopes that keep everything that is made in them to themselves."""
    for path, scope in scopes:
        made = [output.name for part in scope.sub_blocks.values() for output in part.intermediate_outputs]
        if made and not scope.mapped_outputs:
            yield (
                f"{path or type(scope).__name__}: nothing leaves the scope, so nobody sees what its blocks write "
                f"({', '.join(dict.fromkeys(made))}). Say what does: outputs={{{made[-1]!r}: ...}}."
            )


def is_typed(block: object) -> bool:
    """Return whether a block's types are checked annotations."""
    return hasattr(type(block), "declaration")


def _leaf_specs(blocks: ModularPipelineBlocks) -> Iterator[tuple[str, Any, ComponentSpec, Around]]:
    for path, block, around in walk_scopes(blocks):
        if not getattr(block, "sub_blocks", None):
            for spec in block.expected_components:
                yield path or type(block).__name__, block, spec, around


def _component_conflicts(blocks: ModularPipelineBlocks) -> Iterator[tuple[str, bool]]:
    """Yield blocks that want different classes, or different configurations, of one component."""
    first: dict[str, tuple[str, Any, ComponentSpec, Around]] = {}
    for path, block, spec, around in _leaf_specs(blocks):
        name = component_outside(around, str(spec.name))
        other_path, other_block, other, other_around = first.setdefault(name, (path, block, spec, around))
        certain = is_typed(block) and is_typed(other_block)
        if not _classes_agree(other, spec):
            text = f"{other_path} wants {name!r} to be a {_class_words(other)}, and {path} a {_class_words(spec)}."
            yield (
                f"{text} Rename one of the two components{_how(around, other_around, spec)}, or use blocks of one family.",
                certain,
            )
        elif other.config is not None and spec.config is not None and dict(other.config) != dict(spec.config):
            text = f"{other_path} makes {name!r} from {dict(other.config)}, and {path} from {dict(spec.config)}."
            yield f"{text} Give both the same configuration, or rename one{_how(around, other_around, spec)}.", certain


def _how(around: Around, other: Around, spec: ComponentSpec) -> str:
    """Return how a scope gives a component another name, if one of two blocks stands in one that the other does not."""
    scopes = [names.path for names in (*around[-1:], *other[-1:])]
    if around == other or not scopes or len({*scopes}) == 1 == len(around[-1:]) == len(other[-1:]):
        return ""
    return f" (the scope {scopes[0]} takes components={{{spec.name!r}: ...}})"


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


def _branch_conflicts(blocks: ModularPipelineBlocks) -> Iterator[tuple[str, bool]]:
    """Yield branches of one choice that promise different types for one value."""
    for path, block in walk(blocks):
        if not isinstance(block, ConditionalPipelineBlocks):
            continue
        promised: dict[str, tuple[str, OutputParam, bool]] = {}
        for name, branch in block.sub_blocks.items():
            for output in branch.intermediate_outputs:
                known = promised.setdefault(output.name, (name, output, is_typed(branch)))
                reason = conflict(known[1].type_hint, output.type_hint)
                if reason:
                    text = (
                        f"{path or type(block).__name__}: the branches {known[0]!r} and {name!r} promise {output.name!r} "
                        f"as {type_words(known[1].type_hint)} and as {type_words(output.type_hint)}. A later block "
                        "cannot tell which it gets: give them one type, or two names."
                    )
                    yield text, known[2] and is_typed(branch)


def _unreachable(blocks: ModularPipelineBlocks, taken: Collection[str]) -> Iterator[str]:
    """Yield branches that no inputs lead to."""
    for path, block in walk(blocks):
        if not isinstance(block, AutoPipelineBlocks) or _outer_is_unreachable(path, blocks, taken):
            continue
        for name, trigger in block.pairs:
            branch = f"{path}.{name}" if path else name
            # Workflows do not look into hand-written loops, so nothing says which of their branches run.
            if branch not in taken and not _inside_opaque(path, blocks):
                reason = (
                    f"its trigger {trigger!r} already selects an earlier branch" if trigger else "it is the default"
                )
                yield (
                    f"{path or type(block).__name__}: the branch {name!r} can never run: {reason}, or an outer choice "
                    "rules it out. Remove it, or give it another trigger."
                )


def _outer_is_unreachable(path: str, blocks: ModularPipelineBlocks, taken: Collection[str]) -> bool:
    """Return whether the choice itself stands in a branch that is never taken; that branch is the finding."""
    here: Any = blocks
    done = ""
    for name in filter(None, path.split(".")):
        done = f"{done}.{name}" if done else name
        if isinstance(here, ConditionalPipelineBlocks) and done not in taken:
            return True
        here = here.sub_blocks[name]
    return False


def _inside_opaque(path: str, blocks: ModularPipelineBlocks) -> bool:
    """Return whether a hand-written loop around it decides by itself what runs."""
    here: Any = blocks
    for name in filter(None, path.split(".")):
        if getattr(here, "is_hand_written", False):
            return True
        here = here.sub_blocks[name]
    return False


def _unknown_triggers(blocks: ModularPipelineBlocks) -> Iterator[str]:
    """Yield triggers and requirements that look like misspelt inputs: nobody reads them, and their branch reads a near
    name.
    """
    # Scopes, too, which know values by names outside that none of their blocks has.
    everything = [
        block for _, block in walk(blocks) if not getattr(block, "sub_blocks", None) or hasattr(block, "names_at")
    ]
    read = {param.name for block in everything for param in block.all_inputs}
    written = {output.name for block in everything for output in block.intermediate_outputs}
    for path, block in walk(blocks):
        if not isinstance(block, AutoPipelineBlocks):
            continue
        for name, branch in block.sub_blocks.items():
            trigger = dict(block.pairs)[name]
            for word in filter(None, [trigger, *block.block_requires.get(name, ())]):
                near = nearest(word, [n for n in branch.input_names if n])
                if word not in read | written and near:
                    yield (
                        f"{path or type(block).__name__}: the branch {name!r} hangs on {word!r}, which no block reads or "
                        f"writes. Did you mean {near!r}?"
                    )
        unknown = sorted(block.block_requires.keys() - block.sub_blocks.keys())
        for name in unknown:
            yield f"{path or type(block).__name__}: block_requires names {name!r}, which is no branch of it."
