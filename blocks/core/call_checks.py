"""What is looked at before a run, worked out once for each plan: the caller's inputs by themselves, and beside the components."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from attrs import frozen

from ...engine import Plan
from ...engine.execution.value_checks import Expected
from ...families.contract import UNBOUND
from ...registry.loading.several import parts_of
from .base import ModularPipelineBlocks
from .input_checks import (
    FaultFinder,
    expectations,
    fault_finders,
    input_faults,
    running_blocks,
    shape_faults,
    shapes,
    size_faults,
)
from .scope_names import Around, component_outside, components_at, explained_at, given_at
from .signature_block import SignatureBlock

_GIVEN_LATENTS = ("denoiser", "controlnet")
"""Roles whose networks are given the latents of the run as they are."""


@frozen(eq=False)
class CallChecks:
    """What is known of a plan.

    Attributes:
        annotated, hinted: what inputs must be, and what they should be by the hints of others. shapes: what steps say of tensors.
        finders: what looks at the inputs as a whole. fitting: blocks that look at inputs beside components, each with the names
            of components that it cannot do without, and the scopes around it. sharing: names of components that are given the same latents.
    """

    annotated: Mapping[str, Sequence[Any]]
    hinted: Mapping[str, Sequence[Any]]
    shapes: Mapping[str, Sequence[Expected]]
    finders: Sequence[FaultFinder]
    fitting: Sequence[tuple[SignatureBlock, tuple[str, ...], Around]]
    sharing: tuple[str, ...]

    @classmethod
    def of(cls, blocks: ModularPipelineBlocks, plan: Plan) -> Self:
        """Work out what there is to look at."""
        parts = running_blocks(blocks, plan)
        typed = [(block, around) for block, around in parts if isinstance(block, SignatureBlock)]
        return cls(
            expectations(plan),
            expectations(plan, typed=False),
            shapes(plan),
            fault_finders(parts),
            [(block, _needed(block, around), around) for block, around in typed if _looks_at_fit(block)],
            tuple(dict.fromkeys(component_outside(at, name) for block, at in typed for name in _networks(block))),
        )

    def input_faults(self, inputs: Mapping[str, Any], with_shapes: bool = True) -> list[str]:
        """Return what is wrong with the inputs by themselves."""
        faults = input_faults(self.annotated, inputs)
        odd = shape_faults(self.shapes, inputs) if with_shapes else []
        if odd:
            return [*faults, *odd]  # sizes of what has other dimensions say nothing
        for find in self.finders:
            faults += [fault for fault in find(inputs) if fault not in faults]
        return faults

    def size_faults(self, inputs: Mapping[str, Any]) -> list[str]:
        """Return which of the inputs are of different sizes, where only one can be meant."""
        return size_faults(self.shapes, inputs)

    def fit_faults(
        self, inputs: Mapping[str, Any], components: Mapping[str, Any], configs: Mapping[str, Any], device: object
    ) -> list[str]:
        """Return what does not fit between inputs and components, and between networks that are given the same latents."""
        faults = list(dtype_faults(self.sharing, components))
        for block, needed, around in self.fitting:
            if all(components[name] is not None for name in needed):
                bound = block.bound_copy(components_at(around, components), configs, device)
                found = (explained_at(around, fault) for fault in bound.misfits(given_at(around, inputs)))
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


def _looks_at_fit(block: SignatureBlock) -> bool:
    return any(cls.misfits is not SignatureBlock.misfits for cls in (type(block), *block.parts))


def _needed(block: SignatureBlock, around: Around) -> tuple[str, ...]:
    return tuple(component_outside(around, names[0]) for _, names, many in block._slot_names() if not many)


def _networks(block: SignatureBlock) -> list[str]:
    if block.family is UNBOUND:
        return []
    slots = block.declaration.components
    return [
        names[0] for role, names, _ in block._slot_names() if role in _GIVEN_LATENTS and not slots[role].config_only
    ]
