"""Runs a composition inside of foreign code, which calls it as one of its own blocks."""

from __future__ import annotations

from typing import Any

from ...engine import Run, RunSettings
from ...engine.isolation import RunComponents
from .base import ModularPipelineBlocks
from .components_view import frozen_guider


def run_within(blocks: ModularPipelineBlocks, components: Any, values: dict[str, Any], extra: dict[str, Any]) -> None:
    """Run a composition inside of foreign code, on the components that it was called with."""
    # A dict of its own: loop variables are the caller's, and end with its call.
    before = {**values, **extra}
    plan = blocks.plan(before)
    named = {name: frozen_guider(getattr(components, name)) for name in plan.components}
    settings = getattr(components, "settings", RunSettings(progress=False))

    def make_run(_mutates: frozenset[str]) -> Run:
        # The caller owns the run: its clones are used as they are.
        run_components = RunComponents(named, frozenset())
        return Run(run_components, components.config, components, getattr(components, "device", None), settings)

    state = plan.run(dict(before), make_run)
    for name in plan.outputs:
        if name not in extra and name in state.values:
            values[name] = state.values[name]
