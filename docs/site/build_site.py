"""Build the site: `python docs/site/build_site.py [FOLDER]`. Warnings (dead links, unknown names) end it with an error."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from reference import Pages, reference_pages
from sphinx.cmd.build import build_main
from tables import code, page, table

HERE = Path(__file__).parent
DOCS = HERE.parent
ROOT = DOCS.parent
KINDS = {
    "api": "Names of `brickwork`",
    "rooms": "Names of the packages within `brickwork`",
    "blocks": "Blocks",
    "presets": "Presets",
    "guiders": "Guiders",
    "values": "Values that cross blocks",
    "settings": "Settings of runs",
    "events": "Events",
    "errors": "Errors",
    "commands": "Commands",
}


def build(target: Path, builder: str = "html") -> int:
    """Write the pages into `target/source` and the site into a folder beside it; return the exit code of Sphinx.

    Args:
        builder: "html", or "dummy" to look for faults alone.
    """
    source = target / "source"
    shutil.rmtree(target, ignore_errors=True)
    write_sources(source, reference_pages())
    return build_main(["-q", "-W", "--keep-going", "-b", builder, "-c", str(HERE), str(source), str(target / builder)])


def write_sources(source: Path, pages: Pages) -> None:
    """Write all pages: those of `docs/`, and the reference."""
    shutil.copytree(DOCS, source, ignore=shutil.ignore_patterns("site"))
    written = {each.name: each.read_text() for each in source.glob("*.md")}
    titles = {name: _titles_of(text) for name, text in written.items()}
    for name, text in written.items():
        (source / name).write_text(_with_titles(_within_site(text), titles))
    for path, (text, _) in pages.items():
        place = source / "reference" / f"{path}.md"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    _write_indexes(source / "reference", pages)
    names: dict[str, str] = {}
    for path in sorted(pages, key=lambda each: list(KINDS).index(each.partition("/")[0])):
        for name in _names_in_prose(path):
            names.setdefault(name, f"reference/{path}")
    (source / "names.json").write_text(json.dumps(names))


def _names_in_prose(path: str) -> list[str]:
    """Return what prose calls the thing of a page; what a plain word names, such as `scale.map`, is named with its package."""
    kind, _, name = path.partition("/")
    if kind == "commands":
        return [f"brickwork {name.replace('-', ' ')}"]
    last = name.rpartition(".")[2]
    if kind == "rooms":
        return [name, last] if "_" in last or not last.islower() else [name]
    return [name] if kind == "presets" else [path.rpartition("/")[2]]


def _within_site(text: str) -> str:
    """Return a page whose links out of `docs/` are the paths that they name: the site does not hold those files."""
    return re.sub(r"\[([^\]]+)\]\(\.\./([^)#]+)(#[^)]*)?\)", r"`\2`", text)


def _titles_of(text: str) -> dict[str, str]:
    """Return the headings of a page by their anchors, and that of the page itself by an empty one."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-"): title for title in found}
    return {**anchors, "": found[0]}


def _with_titles(text: str, titles: Mapping[str, Mapping[str, str]]) -> str:
    """Return a page whose links that say the name of a file say the title that they lead to."""

    def titled(link: re.Match[str]) -> str:
        title = titles.get(link[1], {}).get(link[2] or "")
        return f"[{title}]({link[1]}{'#' + link[2] if link[2] else ''})" if title else link[0]

    return re.sub(r"\[(?:docs/)?\w+\.md\]\((\w+\.md)(?:#([\w-]+))?\)", titled, text)


def _write_indexes(folder: Path, pages: Pages) -> None:
    folder.mkdir(exist_ok=True)
    kinds = {kind: list(group) for kind, group in groupby(sorted(pages), key=lambda path: path.partition("/")[0])}
    for kind, title in KINDS.items():
        rows = [(f"[{code(path.partition('/')[2])}]({path}.md)", pages[path][1]) for path in kinds.get(kind, ())]
        (folder / f"{kind}.md").write_text(page(title, table(("name", "what it is"), rows), orphan=False))
    links = "\n".join(f"{kind}" for kind in KINDS)
    text = page(
        "Reference", "A page for each name, made from its declaration.", f"```{{toctree}}\n{links}\n```", orphan=False
    )
    (folder / "index.md").write_text(text)


if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "site")))
