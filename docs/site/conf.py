"""Settings of Sphinx for the site; `build_site.py` beside this file makes the pages that it reads."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "Brickwork"
copyright = "the Brickwork authors"  # noqa: A001 - Sphinx's name
extensions = ["myst_parser", "name_links"]
html_theme = "furo"
html_title = "Brickwork"
html_show_sphinx = False
html_theme_options = {"source_directory": "docs/", "navigation_with_keys": True}
exclude_patterns = ["site", "README.md"]
myst_enable_extensions = ["colon_fence", "deflist", "html_image"]
myst_heading_anchors = 4
# The pages are also read where they lie, with links to files of the repository.
suppress_warnings = ["myst.header"]
nitpicky = True
smartquotes = False
