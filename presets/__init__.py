"""Model families, ready workflows, and the embedded model."""

from ..state import BrickworkError as _BrickworkError  # noqa: F401 - refuses `import presets`
