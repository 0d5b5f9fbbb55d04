"""What a user holds: the pipeline, its runs, components and settings."""

from .modular_pipeline import ModularPipeline
from .previews import Previews
from .started_run import RunProgress, StartedRun

__all__ = ["ModularPipeline", "Previews", "RunProgress", "StartedRun"]
