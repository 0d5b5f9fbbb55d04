"""No page and no name in the code uses a word of tests/retired_words.toml."""

from __future__ import annotations

import io
import re
import tokenize
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import room_map

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "app" / "templates").rglob("README.md-tpl")),
]
RETIRED = tomllib.loads((ROOT / "tests" / "retired_words.toml").read_text())


def prose_of(page: str) -> list[str]:
    """The lines of a page without code, names in backticks, and addresses of links."""
    for code in (r"^```.*?^```", r"`[^`\n]*`", r"\]\([^)]*\)"):
        page = re.sub(code, lambda found: "\n" * found[0].count("\n"), page, flags=re.MULTILINE | re.DOTALL)
    return page.splitlines()


def words_in(lines: list[str], retired: Mapping[str, str]) -> Iterator[str]:
    """What stands in prose and should not, with its line; a word may also break between two lines."""
    text = "\n".join(lines)
    for word, instead in retired.items():
        pattern = r"\b" + re.escape(word).replace(r"\ ", r"\s+") + r"s?\b"
        for found in re.finditer(pattern, text, re.IGNORECASE):
            yield f"line {text.count(chr(10), 0, found.start()) + 1}: {word!r}; write {instead!r}"


def names_in(text: str, retired: Mapping[str, str]) -> Iterator[str]:
    """Names in backticks and in snippets of Python, with their lines."""
    snippets = r"^```python\n(.*?)^```|`([^`\n]+)`"
    for code in re.finditer(snippets, text, re.MULTILINE | re.DOTALL):
        for found in re.finditer(r"[A-Za-z_]\w*", code[0]):
            if found[0] in retired:
                number = text.count("\n", 0, code.start() + found.start()) + 1
                yield f"line {number}: {found[0]}; it is {retired[found[0]]} now"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_uses_no_retired_word(page: Path) -> None:
    text = page.read_text()
    found = [*words_in(prose_of(text), RETIRED["prose"]), *names_in(text, RETIRED["names"])]
    assert found == [], f"{page.name} uses words of tests/retired_words.toml"


def retired_names(source: str) -> Iterator[str]:
    """Identifiers of Python source that are retired, with their lines."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME and token.string in RETIRED["names"]:
            yield f"line {token.start[0]}: {token.string}; it is {RETIRED['names'][token.string]} now"


def test_no_identifier_in_the_code_is_retired() -> None:
    found = [
        f"{module}, {words}"
        for module, path in room_map.module_files().items()
        for words in retired_names(path.read_text())
        if (module.removeprefix("brickwork."), words.split()[2].rstrip(";")) not in ALIASES
    ]
    assert found == [], "names of tests/retired_words.toml"


ALIASES = {("pipeline.images.previews", "pictures")}
"""Names that still lead to the new ones, for a minor version."""


def test_a_retired_identifier_is_found() -> None:
    assert list(retired_names("def f(turn):\n    'turn'\n    return x.picture\n")) == [
        "line 1: turn; it is iteration now",
        "line 3: picture; it is image now",
    ]


def test_a_retired_word_is_found_in_prose_and_not_in_code() -> None:
    page = "A `picture` [here](picture.md).\n```python\npicture = 1\n```\nTwo Pictures, one number\nformat.\n"
    found = list(words_in(prose_of(page), RETIRED["prose"]))
    assert found == ["line 5: 'picture'; write 'image'", "line 5: 'number format'; write 'dtype'"]


def test_a_retired_name_is_found_in_backticks_and_in_code() -> None:
    page = "An `Opened` file is opened.\n```python\nresult = Finder(1)\n```\nPrepared is a word.\n"
    assert list(names_in(page, RETIRED["names"])) == [
        "line 1: Opened; it is OpenedRepository now",
        "line 3: Finder; it is BlockResolver now",
    ]
