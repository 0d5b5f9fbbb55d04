"""The inputs of a pipeline as JSON schema, with what its families and components say of them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Self

from attrs import frozen

from ...blocks.core.base import ModularPipelineBlocks
from ...blocks.core.flattening import walk_scopes
from ...blocks.core.schema import in_order, input_schema, with_default, with_multiple
from ...blocks.core.scope_names import Around, component_outside, components_at, value_outside
from ...blocks.core.signature_block import SignatureBlock
from ...blocks.core.workflows import Workflow
from ...engine.nodes import all_nodes
from ...families.contract import UNBOUND
from ...state.given import given_name
from ...state.vocabulary import value_of
from ..seed import GENERATOR, schema_with_seed, takes_seed

if TYPE_CHECKING:
    from ..modular_pipeline import ModularPipeline


@frozen(eq=False)
class _Form:
    """What of the schema of a workflow follows from the blocks alone, so that it is worked out once for a composition.

    Attributes:
        schema: with what blocks and families say of inputs. reads: paths of steps, each with an input that it reads from the caller. asked: blocks
            among them that take something from components where an input is left out, each with its path and the scopes around it.
    """

    workflow: Workflow
    schema: Mapping[str, Any]
    reads: frozenset[tuple[str, str]]
    asked: tuple[tuple[str, SignatureBlock, Around], ...]

    @classmethod
    def of(cls, blocks: ModularPipelineBlocks, names: Collection[str], name: str | None) -> Self:
        """Work it out.

        Args:
            names: of all inputs.
        """
        workflow = blocks.workflow(name)
        required, optional = workflow.required, workflow.optional
        if name is None:
            known = {param.name for param in (*required, *optional)}
            optional = [*optional, *(each for each in blocks.inputs if each.name and each.name not in known)]
        schema = schema_with_seed(input_schema(required, optional), names)
        running = None if name is None else {node.path for node in all_nodes(workflow.steps)}
        multiples = _multiples(blocks, running)
        properties = {
            name: with_multiple(said, multiples[name]) if name in multiples else said
            for name, said in schema["properties"].items()
        }
        flow = workflow.flow
        # Only of those that read it from the caller: others are given it by a block before them.
        reads = frozenset((r.path, flow.outside_name(str(r.param.name))) for r in flow.reads if not r.sources.versions)
        paths = {path for path, _ in reads}
        asked = tuple(
            (path, block, around)
            for path, block, around in walk_scopes(blocks)
            if path in paths and isinstance(block, SignatureBlock) and _has_defaults(block)
        )
        return cls(workflow, {**schema, "properties": properties}, reads, asked)


def pipeline_schema(pipe: ModularPipeline, name: str | None) -> dict[str, Any]:
    """Return the inputs of a workflow as JSON schema (draft 2020-12); with None those of all workflows, of which the ones that are given
    choose one.
    """
    if name is not None:
        given_name(name, "workflow")
    kept = pipe.kept_plans()
    form: _Form | None = kept.forms.get(name)
    if form is None:
        form = kept.forms[name] = _Form.of(pipe.blocks, kept.input_names, name)
    own = _to_give(pipe, frozenset(str(param.name) for param in form.workflow.required))
    needed = [own] if name is not None else required_sets(pipe)
    common = frozenset.intersection(*needed)
    defaults = {**_of_components(pipe, form), **pipe.input_defaults}
    properties = {
        # Copies, which a caller may change.
        each: with_default(deepcopy(said), defaults[each]) if each in defaults else deepcopy(said)
        for each, said in form.schema["properties"].items()
    }
    found = {**form.schema, "properties": in_order(properties, own), "required": _in_order_of(properties, common)}
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
    by_seed = {GENERATOR} if takes_seed(pipe.kept_plans().input_names) else set()
    return needed.difference(by_seed, pipe.input_defaults)


def _in_order_of(properties: Iterable[str], names: frozenset[str]) -> list[str]:
    return [name for name in properties if name in names]


def _multiples(blocks: ModularPipelineBlocks, running: set[str] | None) -> dict[str, int]:
    """Return of which number each side of images must be a multiple.

    Args:
        running: paths of the steps that are asked; None is all of them, of which some may not run, so that the most is said that holds
            for each.
    """
    found: dict[str, set[int]] = {}
    for path, block, around in walk_scopes(blocks):
        if getattr(block, "family", UNBOUND) is UNBOUND or (running is not None and path not in running):
            continue
        for param in block.inputs:
            value = value_of(param.type_hint)
            name = value_outside(around, str(param.name))
            if value is not None and value.form.is_side and name is not None:
                found.setdefault(name, set()).add(block.family.size_multiple)
    return {name: (math.gcd if running is None else math.lcm)(*several) for name, several in found.items()}


def _of_components(pipe: ModularPipeline, form: _Form) -> dict[str, Any]:
    """Return what a workflow takes for inputs that are left out, where blocks do not declare it: what they take from components, the scale
    of the guider, and the longest text of the family. Of what hangs on components that are not loaded, nothing is said.
    """
    asked: dict[str, list[Any]] = {}
    for name, value in (*_of_blocks(pipe, form), *_of_guiders(pipe), *_of_families(pipe)):
        asked.setdefault(name, []).append(value)
    open_ones = {str(param.name) for param in form.workflow.optional if param.default is None}
    return {
        name: several[0]
        for name, several in asked.items()
        if name in open_ones and several.count(several[0]) == len(several)
    }


def _of_blocks(pipe: ModularPipeline, form: _Form) -> Iterator[tuple[str, Any]]:
    for path, block, around in form.asked:
        names = (component_outside(around, name) for _, each, _ in block._slot_names() for name in each)
        if any(pipe.components[name] is None for name in names):
            continue
        bound = block.bound_copy(components_at(around, pipe.components), pipe.config, pipe.device)
        for inner, value in bound.effective_defaults().items():
            name = value_outside(around, inner)
            if name is not None and (path, name) in form.reads:
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
