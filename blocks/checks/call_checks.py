"""What is looked at before a run, worked out once for each plan: the caller's inputs by themselves, and beside the components."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any, Self

from attrs import frozen

from ...engine import Plan
from ...engine.execution.value_checks import Expected
from ...engine.planning.flow import CALLER, Read
from ...families.contract import UNBOUND
from ...registry.loading.several import parts_of
from ..core.base import ModularPipelineBlocks
from ..core.flattening import walk
from ..core.input_checks import (
    FaultFinder,
    expectations,
    fault_finders,
    input_faults,
    mistyped,
    promised,
    running_blocks,
    shape_faults,
    shapes,
    size_faults,
)
from ..core.scope_names import Around, component_outside, components_at, explained_at, given_at
from ..core.signature_block import SignatureBlock
from .given_choice import GivenChoice, given_choices

_GIVEN_LATENTS = ("denoiser", "controlnet")
"""Roles whose networks are given the latents of the run as they are."""


@frozen(eq=False)
class CallChecks:
    """What is known of a plan.

    Attributes:
        annotated, hinted: what inputs must be, and what they should be by the hints of others. shapes: what steps say of tensors.
        promised: the sizes of dimensions that blocks promise to steps.
        finders: what looks at the inputs as a whole. fitting: blocks that look at inputs beside components, each with the names
            of components that it cannot do without, those of its inputs that no other block writes (where nobody gives one, it takes
            what it has for that), and the scopes around it. sharing: names of components that are given the same latents.
        choices: that the caller's values decide. narrowed: gives what remains without some branches.
    """

    annotated: Mapping[str, Sequence[Any]]
    hinted: Mapping[str, Sequence[Any]]
    shapes: Mapping[str, Sequence[Expected]]
    promised: Mapping[str, Mapping[str, tuple[int, str]]]
    finders: Sequence[FaultFinder]
    fitting: Sequence[tuple[SignatureBlock, tuple[str, ...], frozenset[str], Around]]
    sharing: tuple[str, ...]
    choices: Sequence[GivenChoice]
    narrowed: Callable[[frozenset[str]], CallChecks]

    @classmethod
    def of(cls, blocks: ModularPipelineBlocks, plan: Plan, untaken: frozenset[str] = frozenset()) -> Self:
        """Work out what there is to look at.

        Args:
            untaken: paths of branches that the run will not take.
        """
        reads = [read for read in plan.flow.reads if not _stands_in(read.path, untaken)]
        parts = running_blocks(blocks, [path for path in plan.paths if not _stands_in(path, untaken)])
        paths, unwritten = {id(block): path for path, block in walk(blocks)}, _unwritten(reads)
        typed = [(block, around) for block, around in parts if isinstance(block, SignatureBlock)]
        return cls(
            expectations(reads),
            expectations(reads, typed=False),
            shapes(reads),
            promised(reads),
            fault_finders(parts),
            [
                # What is private to a scope is known by other names than those of the block.
                (block, _needed(block, at), frozenset() if at else unwritten.get(paths[id(block)], frozenset()), at)
                for block, at in typed
                if _looks_at_fit(block)
            ],
            tuple(dict.fromkeys(component_outside(at, name) for block, at in typed for name in _networks(block))),
            () if untaken else given_choices(plan),
            cache(partial(cls.of, blocks, plan)),
        )

    def of_taken(self, inputs: Mapping[str, Any]) -> CallChecks:
        """Return what is to be looked at where choices by values take the branches that these inputs ask for."""
        if not self.choices:
            return self
        return self.narrowed(frozenset(path for choice in self.choices for path in choice.untaken(inputs)))

    def input_faults(self, inputs: Mapping[str, Any], with_shapes: bool = True) -> list[str]:
        """Return what is wrong with the inputs by themselves."""
        faults, wrong = input_faults(self.annotated, inputs), set[str]()
        if faults:
            # What looks at several inputs relies on their types.
            wrong = mistyped(self.annotated, inputs)
            inputs = {name: value for name, value in inputs.items() if name not in wrong}
        odd = shape_faults(self.shapes, inputs) if with_shapes else []
        if odd:
            # Sizes of what has other dimensions say nothing; what a block knows of such a form may help.
            advice = (
                said for block, *_, around in self.fitting for said in block.shape_advice(given_at(around, inputs))
            )
            return [*faults, *odd, *dict.fromkeys(advice)]
        for find in self.finders:
            # Without one of a wrong type a block takes the default, of which the caller has asked nothing.
            found = (fault for fault in find(inputs) if wrong.isdisjoint(getattr(fault, "inputs", ())))
            faults += [fault for fault in found if fault not in faults]
        return faults

    def size_faults(self, inputs: Mapping[str, Any]) -> list[str]:
        """Return which of the inputs are of different sizes, where only one can be meant."""
        return size_faults(self.shapes, self.promised, inputs)

    def fit_faults(
        self,
        inputs: Mapping[str, Any],
        components: Mapping[str, Any],
        configs: Mapping[str, Any],
        device: object,
        carried: Collection[str] = (),
        awaited: Collection[str] = (),
    ) -> list[str]:
        """Return what does not fit between inputs and components, and between networks that are given the same latents.

        Args:
            carried: names that an earlier state or the pipeline gives besides. awaited: components that the run loads: that they are None
                says nothing.
        """
        faults = list(dtype_faults(self.sharing, components))
        for block, needed, unwritten, around in self.fitting:
            if all(components[name] is not None for name in needed) and not _awaits(block, around, awaited):
                # Named with None: what it is certain not to be given, in contrast to what is not known yet.
                given = {**dict.fromkeys(unwritten.difference(carried)), **given_at(around, inputs)}
                bound = block.bound_copy(components_at(around, components), configs, device)
                found = (explained_at(around, fault) for fault in bound.misfits(given))
                faults += [fault for fault in found if fault not in faults]
        return faults


def dtype_faults(names: Sequence[str], components: Mapping[str, Any]) -> Iterator[str]:
    """Yield that networks which are given the same latents are in different dtypes."""
    networks = [part for name in names for part in parts_of(name, components[name]) if part[1] is not None]
    if len(networks) < 2:
        return  # the usual case; a network looks for its dtype among its parameters
    dtypes = {name: str(getattr(network, "dtype", None)).removeprefix("torch.") for name, network in networks}
    if len(set(dtypes.values())) > 1:
        said = ", ".join(f"{name} in {dtype}" for name, dtype in dtypes.items())
        wanted = f"dtype=torch.{next(iter(dtypes.values()))}"
        yield (
            f"{said}: they are given the same latents, so they must be in one dtype. Cast all: pipe.to({wanted}), or load them in "
            f"it: load_components({wanted})."
        )


def _unwritten(reads: Iterable[Read]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for read in reads:
        if all(version.writer == CALLER for version in read.sources.versions):
            found.setdefault(read.path, set()).add(str(read.param.name))
    return {path: frozenset(names) for path, names in found.items()}


def _stands_in(path: str, places: Iterable[str]) -> bool:
    return any(path == place or path.startswith(f"{place}.") for place in places)


def _awaits(block: SignatureBlock, around: Around, awaited: Collection[str]) -> bool:
    return bool(awaited) and any(
        component_outside(around, name) in awaited for _, names, _ in block._slot_names() for name in names
    )


def _looks_at_fit(block: SignatureBlock) -> bool:
    return any(cls.misfits is not SignatureBlock.misfits for cls in (type(block), *block.parts))


def _needed(block: SignatureBlock, around: Around) -> tuple[str, ...]:
    return tuple(component_outside(around, names[0]) for _, names, many in block._slot_names() if names and not many)


def _networks(block: SignatureBlock) -> list[str]:
    if block.family is UNBOUND:
        return []
    slots = block.declaration.components
    return [
        names[0]
        for role, names, _ in block._slot_names()
        if names and role in _GIVEN_LATENTS and not slots[role].config_only
    ]
