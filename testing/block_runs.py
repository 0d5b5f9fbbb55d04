"""Runs a block: by itself, and in a pipeline. Nothing of one run is handed to the next."""

from __future__ import annotations

import inspect
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import torch

from ..blocks import SequentialPipelineBlocks
from ..blocks.core.arguments import run_caller
from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.block import Block
from ..engine.isolation import clone_run_state
from ..engine.nodes import Presence
from ..pipeline.modular_pipeline import ModularPipeline
from ..state import ComponentError, InputError, NoDigestError
from ..state.digest import digest_of
from ..state.pipeline_state import describe_value
from .made_values import own_values

Values = dict[str, Any]


class BlockRuns:
    """A block with the components that it is checked with.

    Attributes:
        left_gradients_on: whether torch followed gradients after the last run by itself; runs begin without.
    """

    def __init__(self, block: ModularPipelineBlocks, components: Mapping[str, Any]) -> None:
        self.block = block
        self.left_gradients_on = False
        self.name = block.source_class.__name__
        self.components = dict(components)
        lacking = [
            str(spec.name)
            for spec in block.expected_components
            if spec.name not in components and spec.default_creation_method != "from_config"
        ]
        needed = [name for name in lacking if name not in getattr(block, "optional_names", tuple)()]
        if needed:
            given = ", ".join(f"{name!r}: ..." for name in needed)
            raise ComponentError(
                f"{self.name} uses {', '.join(needed)}, of which there is none to check it with. "
                f"Give small ones: check_block({self.name}, components={{{given}}})."
            )
        self.own = self.pipeline(block)
        self.components = {name: self.own.components.get(name) for name in block.component_names}

    @property
    def output_names(self) -> list[str]:
        """Names that the block declares to write."""
        return [output.name for output in self.block.intermediate_outputs]

    def pipeline(self, block: ModularPipelineBlocks, **settings: Any) -> ModularPipeline:
        """Return a pipeline of a block, with the components."""
        made = block.init_pipeline()
        made.configure(progress=False, **settings)
        made.update_components(**{n: c for n, c in self.components.items() if n in block.component_names})
        lacking = [n for n in block.component_names if n not in self.components]
        if lacking:
            made.load_components(lacking)
        return made

    def among_others(self, **settings: Any) -> ModularPipeline:
        """Return a pipeline in which the block is one of a row."""
        return self.pipeline(SequentialPipelineBlocks.from_blocks_dict({"checked": self.block}), **settings)

    def refuse(self, values: Mapping[str, Any]) -> None:
        """Raise InputError where the block says in words that inputs do not fit, as a pipeline would."""
        if isinstance(self.block, Block):
            bound = self.block.bound_copy(self.components, self.configs, torch.device("cpu"))
            faults = [*bound.input_faults(values), *bound.misfits(values)]
            if faults:
                raise InputError.of(f"The inputs of {self.name} do not fit", faults)

    @property
    def configs(self) -> Values:
        """The settings of the block, as they are declared."""
        return {spec.name: spec.default for spec in self.block.expected_configs}

    def alone(
        self, values: Mapping[str, Any], components: Mapping[str, Any] | None = None, device: str = "cpu"
    ) -> Values:
        """Return all values after the block's own `run`, of copies of these inputs; what it sets on itself as "self.x"."""
        given = own_values(values)
        return self.alone_with(given, components, device)

    def alone_with(self, given: Values, components: Mapping[str, Any] | None = None, device: str = "cpu") -> Values:
        """Return the outputs of a run of exactly these objects."""
        if not isinstance(self.block, Block):
            return self.of_state(self.own(**given))
        held = self.components if components is None else components
        mutated = self.block.mutated_names()
        held = {name: clone_run_state(each) if name in mutated else each for name, each in held.items()}
        bound = self.block.bound_copy(held, self.configs, torch.device(device))
        before = dict(vars(bound))
        values = dict(given)
        with torch.no_grad():
            run_caller(type(self.block), Presence(frozenset(given)))(bound)(values)
            self.left_gradients_on = torch.is_grad_enabled()
        written = {name: values[name] for name in self.output_names if name in values}
        set_on_it = [
            n
            for n, each in vars(bound).items()
            if (n not in before or before[n] is not each) and not _is_computed_once(type(bound), n)
        ]
        return {**written, **({"self": tuple(set_on_it)} if set_on_it else {})}

    def in_pipeline(self, pipe: ModularPipeline, values: Mapping[str, Any]) -> Values:
        """Return what the block wrote in a pipeline, of copies of these inputs."""
        return self.of_state(pipe(**own_values(values)))

    def of_state(self, state: Any) -> Values:
        """Return the outputs that a state holds."""
        return {name: state.values[name] for name in self.output_names if name in state.values}


def _is_computed_once(cls: type, name: str) -> bool:
    return isinstance(inspect.getattr_static(cls, name, None), cached_property)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Set the generators that everybody shares for a time, and put them back."""
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002 - what others may draw from
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - as above
    # `torch.manual_seed` imports torch's compiler for seconds.
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002 - as above
        torch.set_rng_state(before[2])


def content(value: Any) -> str:
    """Return what tells a value from others: its digest, or its words where it has none."""
    try:
        return digest_of(value)
    except NoDigestError:
        return repr(value)


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return names of values that are not the same, bit for bit, each with both in words."""
    found = {}
    for name in dict.fromkeys([*one, *other]):
        if name not in one or name not in other:
            found[name] = tuple("nothing" if name not in held else describe_value(held[name]) for held in (one, other))
        elif content(one[name]) != content(other[name]):
            found[name] = (describe_value(one[name]), _beside(one[name], other[name]))
    return {name: (words[0], words[1]) for name, words in found.items()}


def _beside(one: Any, other: Any) -> str:
    words = describe_value(other)
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor) and one.shape == other.shape:
        apart = (one.double() - other.double()).abs().max().item() if one.numel() else 0.0
        return f"{words}, which differs by {apart:.3g}"
    return words
