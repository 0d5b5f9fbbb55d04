"""What people run and look at: images, the demo, the command line."""

from ..state import BrickworkError as _BrickworkError  # noqa: F401 - refuses `import app`
