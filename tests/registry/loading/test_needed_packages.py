"""What needs a package that is not installed says so, with the line that installs it, before anything is changed."""

from __future__ import annotations

import importlib
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from prepared_python import PreparedPython
from rooms import ROOT

from brickwork import ComponentError, ComponentSpec

# A Python that has no PEFT: what was imported of it is forgotten, and it cannot be found.
WITHOUT_PEFT = """
import sys
for name in [name for name in sys.modules if name.partition(".")[0] == "peft"]:
    del sys.modules[name]

class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "peft":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Without())

import brickwork, torch
from brickwork.adapters.lora_state import LoraState, put_in, tensors_of
from brickwork.presets.embedded import ARROW_LORA

pipe = brickwork.embedded()
before = {name: value.clone() for name, value in pipe.unet.state_dict().items()}
attempts = {
    "load": lambda: pipe.load_lora_weights(ARROW_LORA),
    "load from a place that is not there": lambda: pipe.load_lora_weights("/nowhere/lora.safetensors"),
    "swap": lambda: pipe.load_lora_weights(ARROW_LORA, adapter_name="a", hotswap=True),
    "open": lambda: put_in(pipe.unet, LoraState({}, {}, (), True), {"a": {}}),
    "save": lambda: tensors_of(pipe.unet, "a"),
}
for name, attempt in attempts.items():
    try:
        attempt()
    except brickwork.ComponentError as error:
        print(f"{name}: {error}")
after = pipe.unet.state_dict()
print(before.keys() == after.keys() and all(torch.equal(after[name], before[name]) for name in before))
print(pipe.get_list_adapters())
"""
SAID = "LoRAs need the package peft, which is not installed: pip install peft, or pip install 'brickwork[lora]'"


def test_loras_without_peft_say_what_to_install_and_change_nothing(prepared_python: PreparedPython) -> None:
    done = prepared_python.run("-c", WITHOUT_PEFT)
    assert done.returncode == 0, done.stderr[-1500:]
    *said, unchanged, loaded = done.stdout.splitlines()
    assert said == [
        f"{name}: {SAID}" for name in ("load", "load from a place that is not there", "swap", "open", "save")
    ]
    assert (unchanged, loaded) == ("True", "[]")


class Needing(torch.nn.Module):
    """A component whose loader imports a package that is not there."""

    def __init__(self) -> None:
        super().__init__()
        importlib.import_module("cv2.no_such_part")

    @classmethod
    def from_pretrained(cls, *args: Any, **options: Any) -> Any:
        return cls()


@pytest.fixture
def without_opencv(monkeypatch: pytest.MonkeyPatch) -> None:
    """No module of OpenCV, whether the machine has it or not."""
    monkeypatch.setitem(sys.modules, "cv2", None)
    return


@pytest.mark.usefixtures("without_opencv")
def test_a_loader_that_misses_a_package_names_it_as_pip_does() -> None:
    with pytest.raises(ComponentError, match=r"'part': Needing could not be created: .*pip install opencv-python"):
        ComponentSpec("part", Needing, default_creation_method="from_config").create()


def test_the_extras_that_errors_name_hold_what_they_install() -> None:
    """pyproject.toml has each of them under the name that the line in the message has."""
    from brickwork.registry.loading.needed_packages import _EXTRAS, install_line

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for package, extra in _EXTRAS.items():
        assert install_line([package]) == f"pip install {package}, or pip install 'brickwork[{extra}]'"
        assert any(line.startswith(f"{package}>=") for line in extras[extra])
    assert install_line(["scipy", "torchsde"]).endswith("'brickwork[schedulers]'")
    assert install_line(["peft", "scipy"]) == "pip install peft scipy"


def test_a_broken_package_is_not_said_to_be_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from brickwork.registry.loading.needed_packages import refuse_without

    (tmp_path / "broken_package.py").write_text("raise ImportError('its library is gone')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ComponentError, match=r"which cannot be imported \(its library is gone\): pip install broken"):
        refuse_without("broken_package", "Tests need")
    assert not isinstance(sys.modules.get("broken_package"), ModuleType)
