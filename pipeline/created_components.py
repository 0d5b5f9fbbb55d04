"""Components that are made of a configuration, read again before a save takes its place, and compared with what is alive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..guiders import Guider
from ..guiders.guider_file import comes_back
from ..registry.hub.repo_files import RepoFiles
from ..registry.identity.same_component import component_differences
from ..saving.block_sources import Sources
from ..saving.open_repository import created_components
from ..saving.repo_format import RepoFormat
from ..state import BrickworkError

if TYPE_CHECKING:
    from .modular_pipeline import ModularPipeline


def created_faults(pipe: ModularPipeline, files: RepoFiles, sources: Sources) -> Iterator[str]:
    """Say which components that are made from configurations would be others."""
    written = RepoFormat.of(files)
    assert written is not None
    known = {reference: cls for cls, reference in sources.places.items() if issubclass(cls, Guider)}
    try:
        made = created_components(written, pipe.specs, known)
    except BrickworkError as error:
        yield f"Components would not be made: {error}"
        return
    defaults = {str(spec.name): spec for spec in pipe.blocks.expected_components}
    for name in pipe.config_component_names:
        live = pipe.components[name]
        again = made[name] if name in made else defaults[name].create()
        if isinstance(live, Guider):
            if not comes_back(live, again):
                yield f"{name} is {live}, and opened again {again}."
        elif live is not None:
            yield from (f"{name}: {fault}" for fault in component_differences(live, again))
