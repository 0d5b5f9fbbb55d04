"""Ready compositions, the tasks that they are made of, and the embedded model."""

from ..state import BrickworkError as _BrickworkError  # noqa: F401 - refuses `import presets`
