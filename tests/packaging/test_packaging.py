"""The wheel holds what the tree holds, and works where the checkout is not."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNPACKAGED = {"tests", "training", "docs", "examples", "benchmarks", "build", "dist", "outputs"}


def packages_in_tree() -> set[str]:
    found = {"brickwork"}
    for init in ROOT.glob("*/**/__init__.py"):
        parts = init.parent.relative_to(ROOT).parts
        if parts[0] not in UNPACKAGED and not any(part.startswith(".") for part in parts):
            found.add(".".join(["brickwork", *parts]))
    return found


def test_the_list_of_packages_is_the_tree() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(settings["tool"]["setuptools"]["packages"]) == packages_in_tree()


def test_every_folder_of_a_room_is_a_package() -> None:
    for package in packages_in_tree():
        folder = ROOT.joinpath(*package.split(".")[1:])
        for source in folder.glob("*/*.py"):
            inner = source.parent
            if folder != ROOT or (inner.name not in UNPACKAGED and not inner.name.startswith(".")):
                assert (inner / "__init__.py").exists(), f"{inner} holds modules and is no package"


def test_no_stray_module_lies_at_the_root() -> None:
    assert sorted(path.name for path in ROOT.glob("*.py")) == ["__init__.py", "__main__.py"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the tracked tree, in a folder of another name."""
    work = tmp_path_factory.mktemp("wheel")
    copy = work / "some-other-name"
    ignored = shutil.ignore_patterns(".*", "build", "dist", "outputs", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, copy, ignore=ignored)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(work),
        str(copy),
    ]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (built,) = work.glob("*.whl")
    return built


def test_the_wheel_holds_code_types_and_the_model(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for needed in (
        "brickwork/py.typed",
        "brickwork/blocks/steps/denoise.py",
        "brickwork/presets/embedded/model/model_index.json",
        "brickwork/presets/embedded/model/unet/diffusion_pytorch_model.safetensors",
        "brickwork/presets/embedded/arrow_lora/pytorch_lora_weights.safetensors",
        "brickwork/presets/embedded/layout_controlnet/diffusion_pytorch_model.safetensors",
        "brickwork/presets/embedded/ip_adapter/image_encoder/model.safetensors",
        "brickwork/presets/embedded/model/LICENSE-DATA.md",
        "brickwork/presets/embedded/model/licenses/Unicode-3.0.txt",
        "brickwork/app/page/static/index.html",
        "brickwork/app/page/static/js/main.js",
        "brickwork/app/page/static/css/theme.css",
        "brickwork/app/page/static/vendor/preact.mjs",
        "brickwork/app/page/static/vendor/LICENSE-preact",
    ):
        assert needed in names
    templates = {path.relative_to(ROOT).as_posix() for path in (ROOT / "app" / "templates").rglob("*-tpl")}
    assert {f"brickwork/{name}" for name in templates} == {name for name in names if "/templates/" in name}
    assert len(templates) > 25
    assert not [name for name in names if name.startswith(("brickwork/tests", "brickwork/training", "state/"))]


SCRIPT = """
import sys
import brickwork
assert "torch" not in sys.modules and "attr" not in sys.modules, "import brickwork must be lazy"
assert {site!r} in brickwork.__file__, brickwork.__file__
pipe = brickwork.embedded()
pipe.configure(progress=False)
image = pipe(prompt="a red circle", num_inference_steps=2, output="images")[0]
assert image.size == (64, 64)
print("drawn by", brickwork.__version__)
"""


def test_the_wheel_runs_in_an_environment_of_its_own(wheel: Path, tmp_path: Path) -> None:
    # The pip of here installs into it: one of its own takes longer to put there than the wheel.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    (site,) = (tmp_path / "venv").glob("lib/*/site-packages")
    # The heavy dependencies come from here; our own package is only where the wheel put it, because the link that
    # an editable install leaves is not followed from a path file.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    done = subprocess.run(
        [str(python), "-c", SCRIPT.format(site=str(site))], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "drawn by 0.1.0" in done.stdout


@pytest.mark.parametrize(
    "room", ["state", "registry", "engine", "guiders", "blocks", "presets", "app", "modular_pipelines"]
)
def test_no_room_can_be_imported_by_its_bare_name(room: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import {room}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "ImportError" in done.stderr
