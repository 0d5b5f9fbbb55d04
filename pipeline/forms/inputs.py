"""The inputs of a pipeline as JSON schema, with what its families and components say of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...blocks.core.flattening import walk_scopes
from ...blocks.core.schema import in_order, input_schema, with_default, with_multiple
from ...blocks.core.scope_names import component_outside, components_at, value_outside
from ...blocks.core.signature_block import SignatureBlock
from ...blocks.core.workflows import Workflow
from ...engine.nodes import all_nodes
from ...families.contract import UNBOUND
from ...state.vocabulary import value_of
from ..seed import GENERATOR, schema_with_seed, takes_seed

if TYPE_CHECKING:
    from ..modular_pipeline import ModularPipeline


def pipeline_schema(pipe: ModularPipeline, name: str | None) -> dict[str, Any]:
    """Return the inputs of a workflow as JSON schema (draft 2020-12); with None those of all workflows, of which the ones that are given
    choose one.
    """
    workflow = pipe.blocks.workflow(name)
    required, optional = workflow.required, workflow.optional
    own = _to_give(pipe, frozenset(str(param.name) for param in required))
    needed = [own] if name is not None else required_sets(pipe)
    if name is None:
        known = {param.name for param in (*required, *optional)}
        optional = [*optional, *(each for each in pipe.blocks.inputs if each.name and each.name not in known)]
    schema = schema_with_seed(input_schema(required, optional), pipe.blocks.input_names)
    common = frozenset.intersection(*needed)
    properties = _with_facts(pipe, workflow, schema["properties"], every=name is None)
    found = {**schema, "properties": in_order(properties, own), "required": _in_order_of(properties, common)}
    if len(needed) > 1:
        found["anyOf"] = [{"required": _in_order_of(properties, each - common)} for each in needed]
    return found


def required_sets(pipe: ModularPipeline) -> list[frozenset[str]]:
    """Return the smallest sets of inputs of which one must be given, so that some workflow can run; the first is that of the workflow which
    runs where nothing else is given, if it is one of them.
    """
    # Of very many workflows it is not known, and nothing is said to be needed.
    sets = dict.fromkeys(_to_give(pipe, each) for each in pipe.kept_plans().workflow_needs or [frozenset()])
    return [each for each in sets if not any(other < each for other in sets)]


def _to_give(pipe: ModularPipeline, needed: frozenset[str]) -> frozenset[str]:
    """Return what of needed inputs a caller must give: neither has the pipeline a value for it, nor does a seed stand for it."""
    by_seed = {GENERATOR} if takes_seed(pipe.blocks.input_names) else set()
    return needed.difference(by_seed, pipe.input_defaults)


def _in_order_of(properties: Iterable[str], names: frozenset[str]) -> list[str]:
    return [name for name in properties if name in names]


def _with_facts(
    pipe: ModularPipeline, workflow: Workflow, properties: Mapping[str, dict[str, Any]], every: bool
) -> dict[str, dict[str, Any]]:
    """Return properties with what families say of sides, and what a run takes for those that are left out.

    Args:
        every: they are those of all workflows, and not of this one alone.
    """
    running = {node.path for node in all_nodes(workflow.steps)}
    multiples = _multiples(pipe, None if every else running)
    defaults = {**_of_components(pipe, workflow), **pipe.input_defaults}
    found = {}
    for name, schema in properties.items():
        said = with_multiple(schema, multiples[name]) if name in multiples else schema
        found[name] = with_default(said, defaults[name]) if name in defaults else said
    return found


def _multiples(pipe: ModularPipeline, running: set[str] | None) -> dict[str, int]:
    """Return of which number each side of images must be a multiple.

    Args:
        running: paths of the steps that are asked; None is all of them, of which some may not run, so that the most is said that holds
            for each.
    """
    found: dict[str, set[int]] = {}
    for path, block, around in walk_scopes(pipe.blocks):
        if getattr(block, "family", UNBOUND) is UNBOUND or (running is not None and path not in running):
            continue
        for param in block.inputs:
            value = value_of(param.type_hint)
            name = value_outside(around, str(param.name))
            if value is not None and value.form.is_side and name is not None:
                found.setdefault(name, set()).add(block.family.size_multiple)
    return {name: (math.gcd if running is None else math.lcm)(*several) for name, several in found.items()}


def _of_components(pipe: ModularPipeline, workflow: Workflow) -> dict[str, Any]:
    """Return what a workflow takes for inputs that are left out, where blocks do not declare it: what they take from components, the scale
    of the guider, and the longest text of the family. Of what hangs on components that are not loaded, nothing is said.
    """
    asked: dict[str, list[Any]] = {}
    for name, value in (*_of_blocks(pipe, workflow), *_of_guiders(pipe), *_of_families(pipe)):
        asked.setdefault(name, []).append(value)
    open_ones = {str(param.name) for param in workflow.optional if param.default is None}
    return {
        name: several[0]
        for name, several in asked.items()
        if name in open_ones and several.count(several[0]) == len(several)
    }


def _of_blocks(pipe: ModularPipeline, workflow: Workflow) -> Iterator[tuple[str, Any]]:
    flow = workflow.flow
    # Only of those that read it from the caller: others are given it by a block before them.
    reads = {(each.path, flow.outside_name(str(each.param.name))) for each in flow.reads if not each.sources.versions}
    for path, block, around in walk_scopes(pipe.blocks):
        is_asked = isinstance(block, SignatureBlock) and _has_defaults(block) and any(each[0] == path for each in reads)
        names = block._slot_names() if is_asked else ()
        if not is_asked or any(
            pipe.components[component_outside(around, n)] is None for _, each, _ in names for n in each
        ):
            continue
        bound = block.bound_copy(components_at(around, pipe.components), pipe.config, pipe.device)
        for inner, value in bound.effective_defaults().items():
            name = value_outside(around, inner)
            if name is not None and (path, name) in reads:
                yield name, value


def _has_defaults(block: SignatureBlock) -> bool:
    return type(block).effective_defaults is not SignatureBlock.effective_defaults


def _of_guiders(pipe: ModularPipeline) -> Iterator[tuple[str, Any]]:
    for name in pipe.guider_names:
        scale = getattr(pipe.components[name], "guidance_scale", None)
        if isinstance(scale, (int, float)):
            yield "guidance_scale", scale


def _of_families(pipe: ModularPipeline) -> Iterator[tuple[str, Any]]:
    for family in pipe.kept_plans().families:
        if family.max_sequence_length is not None:
            yield "max_sequence_length", family.max_sequence_length
