"""A part of a plan that can be left out of a run as a whole, if its result is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen


@frozen(eq=False)
class CacheUnit:
    """Names what the result of a part of a plan depends on.

    Attributes:
        path: of the step. kind: "block", "loop" or "iteration".
        reads: names of the values; None where foreign code may read all of them.
        components: that it uses. config_only: those of which it reads the configuration only.
        identities: from the pipeline's configs to what says which code runs, with which options.
    """

    path: str
    kind: str
    reads: tuple[str, ...] | None
    components: frozenset[str]
    config_only: frozenset[str]
    identities: tuple[Callable[[Mapping[str, Any]], Any], ...] = field(repr=False)
