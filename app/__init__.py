"""What people run and look at: the demo."""

from ..state import BrickworkError as _BrickworkError  # noqa: F401 - refuses `import app`
