"""Lists of images show images in a notebook: where one is the result of a cell, IPython shows the `repr` of its parts otherwise."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from ...state.html_view import Html, is_images, thumbnails

SHOWN = 256
"""Longest side of an image of such a list, in pixels."""


def show_lists_of_images() -> None:
    """Tell the notebook that this process serves, if it serves one; any other list is shown as before."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    if shell is not None:
        shell.display_formatter.formatters["text/html"].for_type(list, html_of_list)


def html_of_list(found: Sequence[Any]) -> Html | None:
    """Return images as HTML; None for lists of anything else."""
    return thumbnails(found, SHOWN) if is_images(found) else None
