"""Classes of pipelines that are not compared with themselves, adopted, and why."""

from __future__ import annotations

REASONS: dict[str, tuple[str, ...]] = {}
"""Classes by the reason."""
NOT_COMPARED = {name: why for why, names in REASONS.items() for name in names}
