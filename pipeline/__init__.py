"""What a user holds: the pipeline, its runs, components and settings."""

from .images.notebook_lists import show_lists_of_images
from .images.previews import Previews
from .modular_pipeline import ModularPipeline
from .started_run import RunProgress, StartedRun

show_lists_of_images()

__all__ = ["ModularPipeline", "Previews", "RunProgress", "StartedRun"]
