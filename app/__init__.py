"""What people run and look at: pictures, the demo, the command line."""

from ..state import BrickworkError as _BrickworkError  # noqa: F401 - refuses `import app`
