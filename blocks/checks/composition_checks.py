"""What can be known to be wrong with a composition before any input is given: over all of its workflows, in one walk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ...engine.conditions import ALWAYS, NEVER, Condition
from ...engine.planning.dataflow import trace
from ...engine.planning.flow import Dataflow, Finding
from ...engine.planning.plan_checks import faults, late_writes, warnings
from ...engine.scoped_names import own_name
from ...guiders import Guider
from ...state import CompositionError, OutputParam, html_view
from ...state.type_relations import conflict
from ...state.types import type_words
from ..core.choice import ConditionalPipelineBlocks
from ..core.conditional_flattening import AllWorkflows
from ..core.declaration import NAMES_OF_CALLS
from ..core.declaration_checks import none_defaults
from ..core.flattening import Part, joined, walk
from ..core.interface import is_typed, odd_defaults, refuse_wrong_lists
from ..core.scope import Scope
from ..core.signature_block import SignatureBlock
from .choice_checks import undecided, unknown_names, unreachable
from .component_checks import component_conflicts
from .content_key import content_key
from .other_branches import branch_values, told
from .shared_settings import bare_groups, config_conflicts, group_faults, group_warnings

if TYPE_CHECKING:
    from ..core.base import ModularPipelineBlocks


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

    @property
    def kinds_of_warnings(self) -> list[str]:
        """Of warnings that differ only in the blocks that they name, the first, and how many more there are."""
        paths = {step.path for step in self._every.steps}
        kinds: dict[str, list[str]] = {}
        for text in self.warnings:
            kind = re.sub(r"[\w.]*\w,?", lambda word: "" if word[0].rstrip(",") in paths else word[0], text)
            kinds.setdefault(" ".join(kind.split()), []).append(text)
        return [
            f"{first} (And {len(more)} more like it, of other blocks: blocks.check() lists them.)" if more else first
            for first, *more in kinds.values()
        ]

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

    def _repr_html_(self) -> str:
        head, *lines = repr(self).splitlines()
        return html_view.titled(
            f"{'fits' if self else 'does not fit'}: {head}", html_view.listed(line.strip() for line in lines)
        )

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
    parts = list(walk(blocks))
    listing = [(path or type(block).__name__, block) for path, block in parts if block.has_lists]
    refuse_wrong_lists(listing)
    every = AllWorkflows.of(blocks)
    flow = trace(every.steps, (), every.possible)
    wrong = _merged(faults(flow))
    # A late write is a warning here and an error in a plan: the caller may give the value.
    odd = _merged([*late_writes(flow), *warnings(flow)])
    for text, certain in [
        *component_conflicts(blocks, parts),
        *_branch_conflicts(parts, flow),
        *config_conflicts(parts),
    ]:
        (wrong if certain else odd)[text] = ALWAYS
    odd.update(_merged(told(blocks, branch_values(blocks, every, flow))))
    odd.update(dict.fromkeys(unreachable(blocks, parts, every, flow), ALWAYS))
    for text, certain in unknown_names(parts):
        (wrong if certain else odd)[text] = ALWAYS
    scopes = [(path, block) for path, block in parts if isinstance(block, Scope)]
    mapped = [fault for path, scope in scopes for fault in scope.mapping_faults(path)]
    wrong.update(dict.fromkeys([*undecided(parts), *_named_as_the_calls_own(blocks, parts), *mapped], ALWAYS))
    wrong.update(dict.fromkeys([*group_faults(parts), *bare_groups(parts)], ALWAYS))
    odd.update(dict.fromkeys([text for path, block in listing for text in odd_defaults(path, block)], ALWAYS))
    typed = [block.declaration.unsettled for _, block in parts if isinstance(block, SignatureBlock)]
    odd.update(dict.fromkeys([text for values in typed for text in none_defaults(values)], ALWAYS))
    odd.update(dict.fromkeys([*group_warnings(parts), *_nothing_leaves(scopes)], ALWAYS))
    return Report(tuple(wrong), tuple(odd), {t: when.fewest() for t, when in {**odd, **wrong}.items()}, every)


def _merged(found: Iterable[Finding]) -> dict[str, Condition]:
    """Return findings with when they are so; several places may give one text."""
    texts: dict[str, Condition] = {}
    for text, when in found:
        texts[text] = texts.get(text, NEVER) | when
    return texts


def _named_as_the_calls_own(blocks: ModularPipelineBlocks, parts: Sequence[Part]) -> Iterator[str]:
    inputs = blocks.input_names
    taken = {**NAMES_OF_CALLS, **dict.fromkeys(_guiders_among(inputs, blocks), "the guider of that run")}
    for name in sorted(taken.keys() & inputs):
        readers = [path or type(block).__name__ for path, block in parts if name in block.input_names]
        yield (
            f"{readers[-1]} has an input named {name!r}, which could not be given: a call has that name for {taken[name]}. "
            "Choose another name."
        )


def _guiders_among(names: list[str], blocks: ModularPipelineBlocks) -> set[str]:
    """Return the names that are those of guiders, too."""
    among = set(names)
    specs = [spec for spec in blocks.expected_components if spec.name in among]
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


def _branch_conflicts(parts: Sequence[Part], flow: Dataflow) -> Iterator[tuple[str, bool]]:
    """Yield branches of one choice that promise different types for one value, which not all of its readers take."""
    for path, block in parts:
        if not isinstance(block, ConditionalPipelineBlocks):
            continue
        promised: dict[str, tuple[str, OutputParam, bool]] = {}
        for name, branch in block.sub_blocks.items():
            for output in branch.intermediate_outputs:
                known = promised.setdefault(output.name, (name, output, is_typed(branch)))
                both = [joined(path, branch) for branch in (known[0], name)]
                if conflict(known[1].type_hint, output.type_hint) and not _all_take(output.name, both, flow):
                    text = (
                        f"{path or type(block).__name__}: the branches {known[0]!r} and {name!r} promise {output.name!r} "
                        f"as {type_words(known[1].type_hint)} and as {type_words(output.type_hint)}. A later block "
                        "cannot tell which it gets: give them one type, or two names."
                    )
                    yield text, known[2] and is_typed(branch)


def _all_take(name: str, branches: Iterable[str], flow: Dataflow) -> bool:
    """Return whether somebody reads what branches write under a name, and every such reader takes what each of them gives."""
    written = [
        [version for version in flow.versions if own_name(version.name) == name and _is_in(version.writer, branch)]
        for branch in branches
    ]
    read = {version: [each.param.type_hint for each in flow.readers[version]] for part in written for version in part}
    return all(any(read[version] for version in part) for part in written) and not any(
        conflict(version.type_hint, wanted) for version, hints in read.items() for wanted in hints
    )


def _is_in(path: str, branch: str) -> bool:
    return path == branch or path.startswith(f"{branch}.")
