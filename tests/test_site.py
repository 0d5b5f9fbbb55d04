"""The site builds without a warning, every public name has a page, and every page is reached."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from rooms import ROOT

import brickwork
from brickwork.blocks.core.block_catalog import block_names
from brickwork.state import vocabulary

DOCS = ROOT / "docs"
ROOMS_WITH_NAMES = sorted(
    folder.name
    for folder in ROOT.iterdir()
    if (folder / "__init__.py").exists()
    and folder.name not in ("tests", "benchmarks", "docs", "examples", "build")
    and hasattr(importlib.import_module(f"brickwork.{folder.name}"), "__all__")
)
"""Packages that say what they export."""


@pytest.fixture(scope="module")
def site() -> Iterator[ModuleType]:
    """The module that builds the site."""
    sys.path.insert(0, str(DOCS / "site"))
    try:
        yield importlib.import_module("build_site")
    finally:
        sys.path.remove(str(DOCS / "site"))


@pytest.fixture(scope="module")
def pages(site: ModuleType) -> dict[str, tuple[str, str]]:
    """All reference pages."""
    found: dict[str, tuple[str, str]] = site.reference_pages()
    return found


@pytest.fixture(scope="module")
def source(site: ModuleType, pages: dict[str, tuple[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the site is built of."""
    folder = tmp_path_factory.mktemp("site") / "source"
    site.write_sources(folder, pages)
    return folder


def test_the_site_builds_without_a_warning(
    site: ModuleType, pages: dict[str, tuple[str, str]], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """All written pages, and every tenth of the reference, which one function makes: all of it with `--long`."""
    some = dict(list(pages.items())[:: 1 if request.config.getoption("--long") else 10])
    # Pages of commands link to those within them.
    some |= {name: each for name, each in pages.items() if name.startswith("commands/")}
    site.write_sources(tmp_path / "source", some)
    ran = sphinx(tmp_path)
    assert ran.returncode == 0, ran.stderr[-3000:]


def test_a_dead_link_ends_the_build(site: ModuleType, tmp_path: Path) -> None:
    site.write_sources(tmp_path / "source", {})
    for page in (tmp_path / "source").glob("*.md"):
        page.unlink()
    (tmp_path / "source" / "index.md").write_text("# One\n\n[nowhere](missing.md)\n")
    ran = sphinx(tmp_path)
    assert ran.returncode != 0
    assert "missing.md" in ran.stderr


def sphinx(folder: Path) -> subprocess.CompletedProcess[str]:
    """Look for faults in `folder/source`, which are errors."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "dummy", "-c", str(DOCS / "site")]
    return subprocess.run(
        [*command, str(folder / "source"), str(folder / "out")], capture_output=True, text=True, check=False
    )


def test_every_public_name_has_a_page(source: Path) -> None:
    names = json.loads((source / "names.json").read_text())
    public = {name for name in brickwork.__all__ if not name.startswith("__")}
    values = {name for name, hint in vars(vocabulary).items() if not name.startswith("_") and vocabulary.value_of(hint)}
    presets = {name for name in brickwork.preset_names() if "." in name}
    assert {*public, *block_names(), *brickwork.GUIDERS, *values, *presets} - names.keys() == set()
    assert len(names) > 400
    assert all((source / f"{page}.md").exists() for page in names.values())


@pytest.mark.parametrize("room", ROOMS_WITH_NAMES)
def test_every_name_that_a_package_exports_has_a_page(room: str, source: Path) -> None:
    """Under its own name, or where another package exports the same thing, under that."""
    names = json.loads((source / "names.json").read_text())
    exported = {name for name in importlib.import_module(f"brickwork.{room}").__all__ if not name.startswith("__")}
    assert {name for name in exported if f"{room}.{name}" not in names and name not in names} == set()


def test_a_plain_word_in_prose_leads_to_no_function_of_that_name(source: Path) -> None:
    names = json.loads((source / "names.json").read_text())
    assert names["scale.map"] == "reference/rooms/scale.map"
    assert not {"map", "stream", "families", "catalog"} & names.keys()
    assert names["check_block"] == "reference/rooms/testing.check_block"


def test_every_command_has_a_page_that_prose_links_to(source: Path) -> None:
    names = json.loads((source / "names.json").read_text())
    listed = {path.stem.replace("_", " ") for path in (ROOT / "tests" / "app" / "cli" / "help").glob("*.txt")} - {
        "brickwork"
    }
    assert {name for name in names if name.startswith("brickwork ")} == {f"brickwork {name}" for name in listed}
    assert names["brickwork trust grant"] == "reference/commands/trust-grant"


def test_every_page_is_reached(source: Path) -> None:
    """From the start page, by menus, links and names."""
    names = {name: f"{page}.md" for name, page in json.loads((source / "names.json").read_text()).items()}
    reached, waiting = set(), ["index.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        text, folder = (source / page).read_text(), Path(page).parent
        menus = [
            line
            for block in re.findall(r"```\{toctree\}\n(.*?)```", text, re.DOTALL)
            for line in block.split()
            if not line.startswith(":")
        ]
        linked = [f"{each}.md" for each in menus] + re.findall(r"\]\((?!https?:)([^)#]+\.md)", text)
        waiting += [
            str((source / folder / each).resolve().relative_to(source.resolve()))
            for each in linked
            if (source / folder / each).exists()
        ]
        waiting += [names[each] for each in re.findall(r"`([^`]+)`", text) if each in names]
    assert {str(each.relative_to(source)) for each in source.rglob("*.md")} - reached == set()


def test_a_link_that_names_a_file_shows_the_title_that_it_leads_to(source: Path) -> None:
    assert "[Prompts and parameters](calling.md)" in (source / "index.md").read_text()
    text = (source / "first_image.md").read_text()
    assert "[Schedulers by name](schedulers_loras_controlnets.md#schedulers-by-name)" in text
    pages = {each.name: each.read_text() for each in source.glob("*.md")}
    assert [name for name, text in pages.items() if re.search(r"\[[\w/]+\.md\]\(", text)] == []


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("blocks/Decode", ["| `latents` | `Latents`: `Tensor[b c h w]` | required |", "`vae`", "| `sdxl.text2image` | `decode` |", "`blocks/steps/decode.py`"]),
        ("blocks/Denoise", ["- `denoiser`: `PredictNoise`"]),
        ("guiders/PerturbedAttentionGuidance", ["| `guidance_scale` |", "- `perturbed_guidance_config`: more exactly"]),
        ("values/Latents", ["| shape | `b c h w` |", "| `Decode` | `latents` |"]),
        ("values/GuidanceScale", ["| range | 0 or more |"]),
        ("presets/sd3.inpainting", ["## Components", "`text_encoder_3`"]),
        ("events/BlockFinished", ["`path`"]),
        ("errors/InputError", ["Derived from: `BrickworkError`"]),
        ("settings/cache", ["pipe.configure(cache=...)", "MemoryCache"]),
        ("commands/run", ["brickwork run [OPTIONS] TARGET", "| `-o, --out TEXT` | File to write: .png for images", "## Example\n\n```sh\nbrickwork run embedded --prompt", "| 130 | Ctrl-C |"]),
        ("commands/replay", ["| 5 | `replay` gave something else, or would: blocks or settings are not as they were |"]),
        ("commands/trust", ["- [`brickwork trust grant`](trust-grant.md)"]),
        ("rooms/testing.check_block", ["brickwork.testing.check_block(block, *, components=None", "`testing/block_check.py`"]),
        ("api/ModularPipeline", ["### `save_pretrained("]),
    ],
)  # fmt: skip
def test_a_page_says_what_the_declaration_says(page: str, said: list[str], source: Path) -> None:
    text = (source / "reference" / f"{page}.md").read_text()
    assert [each for each in said if each not in text] == []
