"""What the components of one run are; asked once a run, so that cache and recipe speak of the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...registry.identity.component_identity import Identity, identity_of
from ...registry.identity.context_changes import context_words
from ...registry.identity.library_code import process_words
from ...state.digest import NoDigestError


class RunIdentities:
    """Identities of the components of one run, each found out when it is first asked for.

    Args:
        components: by name, those that are loaded.
        content: look at the bytes of weights, and not only at what torch counts. whole: at all of them, of large models too.
    """

    def __init__(self, components: Mapping[str, Any], content: bool, whole: bool) -> None:
        self._components = components
        self.content = content or whole
        self._whole = whole
        self._known: dict[str, Identity | str] = {}
        self._process: tuple[str, ...] | str | None = None

    def look(self, name: str) -> Identity | str:
        """Identify a component; text says why nothing can."""
        known = self._known.get(name)
        if known is None:
            try:
                known = identity_of(self._components[name], content=self.content, whole=self._whole)
            except NoDigestError as error:
                known = str(error)
            # A refusal is remembered like an identity: finding out that nothing can tell is as slow as telling.
            self._known[name] = known
        return known

    def digest(self, name: str) -> str:
        """Digest what a component is.

        Raises:
            NoDigestError: nothing tells.
        """
        found = self.look(name)
        if isinstance(found, str):
            raise NoDigestError(found)
        return found.digest

    def forget(self, name: str) -> None:
        """Look at a component anew when it is asked for again: a step has changed it."""
        self._known.pop(name, None)

    def process(self) -> tuple[str, ...]:
        """Return what in the process is not as its libraries have it, and what is changed for a time in this context.

        Raises:
            NoDigestError: something is active of which nothing says what it does.
        """
        if self._process is None:
            try:
                self._process = (*process_words(), *context_words())
            except NoDigestError as error:
                self._process = str(error)
        if isinstance(self._process, str):
            raise NoDigestError(self._process)
        return self._process
