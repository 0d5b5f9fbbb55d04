"""What a page draws, as data: trees of blocks with ports, plans, drawings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...blocks.core.block_catalog import reference
from ...state.types import type_words

if TYPE_CHECKING:
    from ...engine import Plan


def needed_names(schema: Mapping[str, Any]) -> list[str]:
    """Return the inputs that a run needs; of alternatives, such as a prompt or its embeddings, the first."""
    first: Mapping[str, Any] = next(iter(schema.get("anyOf", ())), {})
    return list(dict.fromkeys([*schema["required"], *first.get("required", ())]))


def plan_rows(plan: Plan) -> list[dict[str, Any]]:
    """Return the steps of a plan: what each reads, by who gives it, writes and uses."""
    return [
        {"path": row.step, "reads": list(row.reads), "writes": _listed(row.writes), "uses": _listed(row.uses)}
        for row in plan.explain().rows
    ]


def _listed(text: str) -> list[str]:
    return text.split(", ") if text else []


def graph_data(graph: Any) -> dict[str, Any]:
    """Return a drawing, and its nodes with the paths of their blocks."""
    nodes = [
        {"path": node.path, "title": node.title, "detail": node.detail, "reads": [p.name for p in node.ports if not p.is_write],
         "writes": [p.name for p in node.ports if p.is_write]}
        for node in graph.nodes
    ]  # fmt: skip
    edges = [
        {
            "name": edge.name,
            "from": graph.nodes[edge.source].path,
            "to": graph.nodes[edge.target].path,
            "carried": edge.carried,
        }
        for edge in graph.edges
    ]
    return {"svg": graph.svg, "mermaid": graph.mermaid, "nodes": nodes, "edges": edges}


def block_tree(blocks: Any, path: str = "", name: str = "") -> dict[str, Any]:
    """Return the tree of blocks with their ports and options."""
    inside = f"{path}." if path else ""
    parts = [block_tree(part, f"{inside}{each}", each) for each, part in getattr(blocks, "sub_blocks", {}).items()]
    found = block_data(blocks)
    return {"path": path, "name": name, **found, **({"blocks": parts} if parts else {})}


def block_data(block: Any) -> dict[str, Any]:
    """Return what a block declares: its class, ports, components and options."""

    def port(param: Any) -> dict[str, Any]:
        hint = None if param.type_hint is None else type_words(param.type_hint)
        return {"name": str(param.name), "type": hint, "description": param.description or ""}

    # The class that a person names: one that speaks of roles is bound to a family, under another name.
    cls = block.source_class
    return {
        "class": cls.__name__,
        "block": reference(cls),
        "description": str(block.description or "").strip().partition("\n")[0],
        "inputs": [{**port(each), "required": bool(each.required)} for each in block.inputs if each.name],
        "outputs": [port(each) for each in block.intermediate_outputs],
        "components": [{"name": spec.name, "class": str(spec.type_name[1])} for spec in block.expected_components],
        "options": options_of(block),
    }


def options_of(block: Any) -> dict[str, Any]:
    """Return a block's options; what is no plain data as text."""
    options = getattr(block, "options", None) or {}
    return {name: _plain(value) for name, value in options.items() if name[:1] != "_"}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, (list, tuple)) and all(isinstance(each, (str, int, float, bool)) for each in value):
        return list(value)
    return repr(value)
