"""Adapters that an opened repository holds, until the components that they are for are loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import define, field

from ..registry.hub.repo import Repo
from ..state import ComponentError, InputError
from .saved_adapters import SavedAdapters


@define(eq=False)
class PendingAdapters:
    """LoRAs and taught words, and which components are yet to get them.

    Attributes:
        saved, repo: what there is, and where. names: components that lack something.
    """

    saved: SavedAdapters = field(factory=SavedAdapters)
    repo: Repo = field(factory=lambda: Repo(""))
    names: set[str] = field(factory=set)

    @classmethod
    def of(cls, data: Mapping[str, Any], repo: Repo, known: Iterable[str]) -> PendingAdapters:
        """Make it of what `brickwork.json` says of adapters, and the components of the pipeline.

        Raises:
            RepoError: it is broken.
        """
        saved = SavedAdapters.of(data)
        return cls(saved, repo, set(saved.components & set(known)))

    def put_in(self, loaded: Iterable[str], components: Mapping[str, Any]) -> Iterator[str]:
        """Put in what is for components that were just loaded, and yield what went wrong."""
        for name in [each for each in loaded if each in self.names and components.get(each) is not None]:
            try:
                self.saved.put_into(name, components[name], self.repo)
            except ComponentError as error:
                yield str(error)
            else:
                # A text encoder lacks its words until its tokenizer is there as well.
                if not any(name in (encoder, words.tokenizer) for encoder, words in self.saved.words.items()):
                    self.names.discard(name)
        for encoder, words in self.saved.words.items():
            if encoder in self.names and None not in (components.get(encoder), components.get(words.tokenizer)):
                try:
                    self.saved.teach(encoder, components, self.repo)
                except (ComponentError, InputError) as error:
                    yield str(error)
                else:
                    self.names -= {encoder, words.tokenizer}

    def fault(self, names: Iterable[str]) -> str | None:
        """Say which of these components a run may not use yet; None if it may use all."""
        lacking = [name for name in names if name in self.names]
        if not lacking:
            return None
        wanted = sorted(self.names)
        return (
            f"{lacking[0]} was saved with adapters, which load_components() puts in: call load_components({wanted!r}) first, or replace "
            "it with update_components."
        )
