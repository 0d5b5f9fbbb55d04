"""The tables of docs/families.md are those of the tests, and a family is what the page says: small, and no loop of its own."""

from __future__ import annotations

import ast
from pathlib import Path

import diffusers
import family_page
import pytest
from rooms import ROOT

from brickwork.registry import catalog

FOLDERS = (
    "stable_diffusion",
    "stable_diffusion_3",
    "flux",
    "controlnet",
    "controlnet_sd3",
    "t2i_adapter",
    "latent_consistency_models",
    "aura_flow",
    "hidream_image",
    "hunyuandit",
    "controlnet_hunyuandit",
    "lumina2",
    "pixart_alpha",
    "kolors",
    "consistency_models",
    "kandinsky2_2",
    "kandinsky3",
    "deepfloyd_if",
    "marigold",
)
"""Of diffusers' classic pipelines, those of the families that are compared whole."""


def test_the_tables_are_those_of_the_tests() -> None:
    assert family_page.written() == family_page.PAGE.read_text(), "run tests/support/family_page.py"


def lines_of(file: Path, *, names: bool = True) -> int:
    """Without docstrings and empty lines; also without what is nothing but names: imports, `__all__` and `NAMES`."""
    source = file.read_text()
    tree = ast.parse(source)
    left: list[ast.AST] = [
        node for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ]
    left += [] if names else [node for node in tree.body if is_of_names(node)]
    silent = {line for node in left for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}  # type: ignore[attr-defined]  # statements have lines
    return sum(1 for number, line in enumerate(source.splitlines(), start=1) if line.strip() and number not in silent)


def is_of_names(node: ast.stmt) -> bool:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return True
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return any(isinstance(target, ast.Name) and target.id in ("__all__", "NAMES") for target in targets)


def files_of_a_family(folder: Path) -> list[Path]:
    """Its presets, and the contracts that they import."""
    presets = sorted(folder.glob("*.py"))
    trees = [ast.parse(file.read_text()) for file in presets]
    modules = {node.module or "" for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    contracts = [ROOT / f"{module.replace('.', '/')}.py" for module in modules if module.startswith("families.")]
    return [*presets, *(file for file in contracts if "families.register(" in file.read_text())]


FAMILIES = [
    path.parent
    for path in sorted((ROOT / "presets").glob("*/__init__.py"))
    if path.parent.name not in ("embedded", "training")
]
MOST = {"ddpm": 75, "dit": 95, "sd3": 218, "flux": 320, "sdxl": 350, "sd": 405}
"""Lines of a family with its names: of all that is released under the three last, and a reason to think before there are more."""


@pytest.mark.parametrize("folder", FAMILIES, ids=lambda folder: folder.name)
def test_a_family_stays_small(folder: Path) -> None:
    files = files_of_a_family(folder)
    assert any("families" in file.parts for file in files)
    assert sum(lines_of(file, names=False) for file in files) < 300
    assert sum(lines_of(file) for file in files) <= MOST.get(folder.name, 300)


OF_SCHEDULERS = ("step", "set_timesteps", "set_begin_index", "add_noise", "scale_noise", "scale_model_input")
OF_STEPS = ("set_schedule", "begin_at", "with_noise", "scaled_input", "draw_noise")
OF_NOISE = ("rand", "randn", "randn_like", "rand_like", "randint", "randn_tensor", "normal_", "normal", "Generator")


def computed_by_a_family(tree: ast.AST) -> list[str]:
    """Say what code does that the shared steps do: a loop that predicts, noise that is drawn, a scheduler that is called."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [(node, ast.unparse(node.func).rpartition(".")[2]) for node in calls]
    found = [name for _, name in named if name in (*OF_SCHEDULERS, *OF_STEPS, *OF_NOISE)]
    for loop in ast.walk(tree):
        if isinstance(loop, ast.While):
            found.append("while")
        elif isinstance(loop, (ast.For, ast.comprehension)) and "timestep" in ast.unparse(loop.iter):
            found.append(f"for {ast.unparse(loop.target)}")
        elif isinstance(loop, (ast.For, ast.ListComp)):
            within = {id(node) for node in ast.walk(loop)}
            found += [f"for: {name}" for node, name in named if id(node) in within and name in ("predict", "denoiser")]
    return found


@pytest.mark.parametrize("folder", FAMILIES, ids=lambda folder: folder.name)
def test_a_family_has_no_loop_draws_no_noise_and_calls_no_scheduler(folder: Path) -> None:
    found = {file.name: computed_by_a_family(ast.parse(file.read_text())) for file in files_of_a_family(folder)}
    assert {name: each for name, each in found.items() if each} == {}


@pytest.mark.parametrize(
    "code",
    [
        "scheduler.step(x, t, latents)",
        "scheduler.set_timesteps(4)",
        "torch.randn(shape)",
        "while left: pass",
        "for t in timesteps: pass",
        "[f(t) for t in self.scheduler.timesteps]",
        "for each in parts: family.predict(each)",
        "[denoiser(each) for each in parts]",
    ],
)
def test_what_a_family_may_not_compute_is_found(code: str) -> None:
    assert len(computed_by_a_family(ast.parse(code))) == 1


def test_the_smallest_family_takes_at_most_sixty_lines() -> None:
    """Of contract and preset, without docstrings and empty lines; the composition of all tasks is beside them."""
    assert sum(lines_of(ROOT / name) for name in ("families/ddpm.py", "presets/ddpm/__init__.py")) <= 60


def classics(folder: str) -> list[str]:
    """The classes of pipelines that a folder of diffusers defines, but for those of ONNX."""
    place = Path(diffusers.__file__).parent / "pipelines" / folder
    trees = [ast.parse(file.read_text()) for file in sorted(place.glob("pipeline_*.py")) if "onnx" not in file.name]
    nodes = [node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    return [node.name for node in nodes if node.name.endswith("Pipeline")]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_classic_pipeline_has_a_row_or_a_reason(folder: str) -> None:
    page = family_page.PAGE.read_text()
    names = classics(folder)
    assert names
    # Those of Stable Diffusion XL are on a page of their own, and open by their names.
    assert [name for name in names if f"`{name}`" not in page and not ("XL" in name and name in catalog)] == []


def test_what_the_page_says_is_not_there_is_not_there() -> None:
    page = family_page.PAGE.read_text()
    said = page.partition("These pipelines of diffusers have no counterpart")[2].partition("`FluxPriorReduxPipeline`")[
        0
    ]
    absent = [name for folder in FOLDERS for name in classics(folder) if f"`{name}`" in said]
    assert len(absent) == 1
    assert [name for name in absent if name in catalog] == []
