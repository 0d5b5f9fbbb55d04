"""An image of the latents beside the result, written anew after each step."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ....engine.events import Event, StepFinished
from ....pipeline.images.previews import Previews
from .events import EventLines

if TYPE_CHECKING:
    from ....pipeline import ModularPipeline


class PreviewFile:
    """A listener that writes each preview to one file, which is deleted when the run is over."""

    def __init__(self, previews: Previews, file: Path, lines: EventLines) -> None:
        self.file = file
        self._previews, self._lines = previews, lines

    @classmethod
    def beside(cls, pipe: ModularPipeline, place: Path, lines: EventLines) -> Self:
        """Make the one of a pipeline's next run, whose result goes to a place."""
        family = pipe.family
        vae = pipe.components.get("vae") if family.roles.get("vae") else None
        return cls(Previews(vae, family), place.with_name(f"{place.stem.replace('{}', '')}.preview.png"), lines)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.unlink(missing_ok=True)

    def __call__(self, event: Event) -> None:
        """Take an event."""
        before = len(self._previews.images)
        self._previews(event)
        if isinstance(event, StepFinished) and len(self._previews.images) > before:
            new = self.file.with_suffix(".part")
            self._previews.images[-1].save(new, format="PNG")
            new.replace(self.file)
            self._previews.images.clear()
            self._lines.preview(event.path, event.index, self.file)
