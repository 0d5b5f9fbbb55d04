"""A Sphinx extension: names of the reference that stand in prose as code become links to their pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

if TYPE_CHECKING:
    from sphinx.application import Sphinx

INDEX = "names.json"
"""In the source folder: pages by name."""


class LinkNames(SphinxPostTransform):
    """Turn `` `Name` `` into a link, except in headings, in links, and on the page of the name itself."""

    default_priority = 600

    def run(self, **_: Any) -> None:
        """Look at every piece of code in prose."""
        pages: dict[str, str] = self.app.brickwork_names  # type: ignore[attr-defined]
        for literal in list(self.document.findall(nodes.literal)):
            target = pages.get(literal.astext())
            if target is None or target == self.env.docname or _is_linked(literal):
                continue
            address = self.app.builder.get_relative_uri(self.env.docname, target)
            literal.replace_self(nodes.reference("", "", literal.deepcopy(), refuri=address, internal=True))


def _is_linked(node: nodes.Node) -> bool:
    parent = node.parent
    while parent is not None:
        if isinstance(parent, (nodes.reference, nodes.title)):
            return True
        parent = parent.parent
    return False


def setup(app: Sphinx) -> dict[str, bool]:
    """Read which names have pages."""
    app.brickwork_names = json.loads((Path(app.srcdir) / INDEX).read_text())  # type: ignore[attr-defined]
    app.add_post_transform(LinkNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
