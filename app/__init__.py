"""What people run and look at: the demo and the command line."""

from ..state import BrickworkError as _BrickworkError  # noqa: F401 - refuses `import app`
