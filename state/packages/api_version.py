"""The version of what packages and repositories of blocks are written against: a number of its own, which releases do not raise by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

API_VERSION = 1
"""The API of this Brickwork. It is raised where something that blocks, guiders and packages use is removed or means something else."""

OLDEST_API = max(1, API_VERSION - 1)
"""The oldest API whose packages run: what is deprecated in one API works until the next one."""


def api_fault(declared: Iterable[int], remedy: str) -> str | None:
    """Say why something that was written for an API does not run here; None if it does, or declares none.

    Args:
        declared: all APIs that it says it was written for. remedy: how one gets another state of it.
    """
    known = sorted(declared)
    if not known or any(OLDEST_API <= each <= API_VERSION for each in known):
        return None
    written = f"it was written for API {_listed(known)} of Brickwork"
    if known[0] > API_VERSION:
        return f"{written}, and the installed one has API {API_VERSION}: pip install -U brickwork."
    here = _listed(sorted({OLDEST_API, API_VERSION}))
    return f"{written}, and the installed one runs what is written for API {here}: {remedy}."


def _listed(numbers: Sequence[int]) -> str:
    return " and ".join(map(str, numbers))
