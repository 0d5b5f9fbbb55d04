"""What is said of components that a run needs and that are not there: who needs them, and how each comes to be there."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from ..adapters.ip_adapter import IMAGE_ENCODER
from ..blocks.checks.component_checks import misspelt_slots
from ..blocks.core.base import ModularPipelineBlocks
from ..engine import Plan
from ..registry import ComponentSpec


def not_loaded(
    blocks: ModularPipelineBlocks, plan: Plan, missing: Sequence[str], specs: Mapping[str, ComponentSpec]
) -> str:
    """Say which components a plan needs and has not, and what brings each of them.

    Args:
        missing: their names. specs: of all components of the pipeline.
    """
    return (
        f"Not loaded: {', '.join(missing)}. Needed by {', '.join(plan.users_of(missing))}. {_remedy(missing, specs)}"
        f"{misspelt_slots(blocks, missing, specs)}"
    )


def how_to_do_without(missing: Sequence[str], dispensable: Container[str]) -> str:
    """Say how to run without components that blocks can do without; nothing where they can without none."""
    spared = [f"{name}=None" for name in missing if name in dispensable]
    return f" To run without: update_components({', '.join(spared)})." if spared else ""


def _remedy(missing: Sequence[str], specs: Mapping[str, ComponentSpec]) -> str:
    is_of_files = any(spec.repo is not None for spec in specs.values())
    # Of a pipeline that names no repository at all, that is what is missing first.
    without = [name for name in missing if specs[name].repo is None] if is_of_files else []
    loadable = [name for name in missing if name not in without]
    said = [f"Call load_components() first, or update_components({loadable[0]}=...)."] if loadable else []
    if not is_of_files:
        said.append("The pipeline names no repository to load from: blocks.init_pipeline(folder) does.")
    return " ".join([*said, *(_without_origin(name, specs[name]) for name in without)])


def _without_origin(name: str, spec: ComponentSpec) -> str:
    """Say what brings a component that no repository of the pipeline has, so that load_components() cannot."""
    library, cls = spec.type_name
    made = f"{cls}.from_pretrained(...)" if cls and library in ("diffusers", "transformers") else "..."
    how = f"update_components({name}={made})"
    if name == IMAGE_ENCODER:
        how = f"load_ip_adapter(...) brings it along with an adapter's weights, or {how}"
    return f"{name} is not in the pipeline's repository: {how}."
