"""What is said where a grant of code did not reach a component."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..registry import ComponentSpec
from ..state import TrustError


@contextmanager
def grant_was_for_another(spec: ComponentSpec, repo_name: str | None) -> Iterator[None]:
    """Say of a component that asks for a grant that the caller's did not reach it, and how one does.

    Args:
        repo_name: the repository of the pipeline, for which the grant was; None if it has none.
    """
    try:
        yield
    except TrustError as error:
        holder = (
            f"{repo_name}, the repository of the pipeline"
            if repo_name
            else "the repository of the pipeline, which has none"
        )
        name = spec.name
        raise TrustError(
            f"{name!r} comes from {spec.repo}, and was not loaded: trust_remote_code of load_components() is for {holder}, and for no "
            f"other. What {name!r} asks for: {_asked(str(error))} Read its code. Then load it by itself: "
            f"pipe.update_components({name}=pipe.get_component_spec({name!r}).load(trust_remote_code=True))."
        ) from error


def _asked(text: str) -> str:
    """Return the first sentence of an error about trust, without its advice, which the caller has followed."""
    head, _, _ = text.partition(" Read it, then grant it")
    return head if head.endswith(".") else f"{head}."
