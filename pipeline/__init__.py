"""What a user holds: the pipeline, its runs, components and settings."""

from .images.previews import Previews
from .modular_pipeline import ModularPipeline
from .started_run import RunProgress, StartedRun

__all__ = ["ModularPipeline", "Previews", "RunProgress", "StartedRun"]
