"""Rooms below `families/` and `presets/` know no model family by name: what varies between them, contracts say."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from brickwork.registry import families

ROOT = Path(__file__).parents[1]
ROOMS = ("state", "registry", "engine", "guiders", "adapters", "blocks", "saving", "pipeline", "app", "testing")
OWN = {Path(inspect.getfile(type(families.get(name)))).stem for name in families}
"""Files that hold a family, which may say its name."""
SHARED = [path for path in sorted((ROOT / "families").glob("*.py")) if path.stem not in {*OWN, "fitting"}]
"""Of `families/` what is no family's own; `fitting` lists classes of diffusers."""
FILES = [*SHARED, *(path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")))]
FIELD = (
    "stable.?diffusion", "stable.?video.?diffusion", "stable.?audio", "ace.?step", "svd", "sd(?!e)", "sdedit", "latentconsistency", "sdxl", "sd3", "sd15", "flux", "wan", "qwen", "pixart", "kandinsky", "lumina", "hunyuan", "deepfloyd", "(?-i:IF)[a-z0-9]*pipeline", "marigold", "stable.?unclip",
    "animatediff", "cogview", "cogvideo", "cogvideox", "sana", "chroma", "hidream", "kolors", "auraflow", "ltx", "mochi", "consistency", "z.?image", "ovis", "krea", "longcat", "bria", "ddpm(?!scheduler)", "(?<!e)dit",
)  # fmt: skip
NAMES = re.compile(rf"(?<![a-z])(?i:{'|'.join(FIELD)})(?![a-z])|(?i:stable.?diffusion|sdxl)")

SOLVERS = {"ddpm"}
"""Short names of schedulers, which are those of families too."""

OF_CLIENTS = {"sd_model_checkpoint", "sd_model_name", "/sdapi/v1/sd-models"}
"""Words of an interface that clients speak, which call models of every family so."""
OF_DIFFUSERS = {"StableDiffusionParadigmsPipeline"}
"""A class of diffusers that is adopted and fails with a callback, which its name alone says."""

LEFT = {"families/noise_schedule.py: 'FlowMatch'", "saving/unsavable.py: 'IPAdapter'"}
"""Schedulers of flows, and attention processors of IP-Adapters, share no class in diffusers, and no family has them alone."""


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Strings of code, without docstrings."""
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.lineno, node.value


def guesses(tree: ast.AST) -> Iterator[str]:
    """Parts of a class's name that are looked for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
            (within,) = node.comparators[-1:]
            if isinstance(within, ast.Attribute) and within.attr in ("__name__", "__qualname__"):
                yield ast.unparse(node.left)


def places(found: dict[Path, list[str]]) -> list[str]:
    return [f"{path.relative_to(ROOT)}: {each}" for path, lines in found.items() for each in lines]


def test_no_string_of_a_lower_room_names_a_family() -> None:
    found = {
        path: [
            f"{line}: {text[:60]!r}"
            for line, text in texts(ast.parse(path.read_text()))
            if NAMES.search(text) and text not in SOLVERS | OF_CLIENTS | OF_DIFFUSERS
        ]
        for path in FILES
    }
    assert places(found) == []


def test_no_lower_room_guesses_by_part_of_a_class_name() -> None:
    found = {path: [each for each in guesses(ast.parse(path.read_text())) if each != "'<locals>'"] for path in FILES}
    assert set(places(found)) == LEFT


@pytest.mark.parametrize("name", sorted(families))
def test_the_names_that_are_looked_for_are_those_of_the_families_that_are_there(name: str) -> None:
    family = families.get(name)
    for each in (
        family.name,
        family.prefix,
        family.classic_pipeline,
        family.modular_pipeline,
        family.modular_blocks,
        # Files of a family whose name says nothing of it are as diffusers' loader calls them.
        family.ip_adapter_weights.replace("ip-adapter.safetensors", ""),
    ):
        assert not each or NAMES.search(each), each


@pytest.mark.parametrize(
    "code", ["kind = 'sdxl'", "f'load {x} of FLUX'", "if 'ControlNet' in cls.__name__: pass", "a = {'wan': 1}"]
)
def test_what_is_looked_for_is_found(code: str) -> None:
    tree = ast.parse(code)
    assert any(NAMES.search(text) for _, text in texts(tree)) or list(guesses(tree))
