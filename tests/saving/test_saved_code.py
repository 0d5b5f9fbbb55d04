"""The code that is saved is the code that runs: what was changed since a file was read is refused, and nothing else is."""

from __future__ import annotations

import importlib
import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prepared_python import PreparedPython

from brickwork import ModularPipelineBlocks, RepoError

BLOCK = '''
class Dim(Block):
    """Take light from images."""

    factor = 1.0

    class Out(Outputs):
        images: Images

    def run(self, images: Images) -> Out:
        return self.Out(images=images * self.factor * strength())
'''
HEAD = """
from brickwork import Block, Outputs
from brickwork.state.vocabulary import Images
"""
HELPER = """
AMOUNTS = {"by": 1.0}
class Amount:
    by = 2.0
def strength(by=2.0):
    return AMOUNTS["by"] * by * Amount.by
"""
PACKAGE = {"__init__.py": "", "dim.py": f"{HEAD}from .amounts import strength\n{BLOCK}", "amounts.py": HELPER}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Writes files to a package of its own, and imports the class of a module of it."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(files: dict[str, str], module: str = "my_lamp.dim") -> Any:
        for name, text in files.items():
            path = tmp_path / "my_lamp" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        importlib.invalidate_caches()
        return importlib.import_module(module).Dim

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_lamp"]:
        del sys.modules[name]


def in_scripts(texts: dict[str, str], folder: Path, python: PreparedPython) -> dict[str, str]:
    """Run each text as a script that saves its block, in one process; return what was said of each that was refused."""
    for name, text in texts.items():
        saving = f"Dim().save_pretrained({str(folder / name)!r})"
        (folder / f"{name}.py").write_text(f"{text}\n{saving}\n")
    run = """
        import json, runpy, sys
        said = {}
        for name in sys.argv[1:]:
            try:
                runpy.run_path(f"{name}.py", run_name="__main__")
            except Exception as error:
                said[name] = str(error)
        print(json.dumps(said))
    """
    done = python.run("-c", textwrap.dedent(run), *texts, cwd=folder)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def reopened(block: Any, place: Path) -> Any:
    block.save_pretrained(place)
    return ModularPipelineBlocks.from_pretrained(str(place), trust_remote_code=True)


def refusal(block: Any, place: Path) -> str:
    with pytest.raises(RepoError, match="that runs is not what its") as caught:
        block.save_pretrained(place)
    assert not list(place.glob("*"))
    return str(caught.value)


def set_amounts(cls: Any) -> None:
    sys.modules["my_lamp.amounts"].AMOUNTS["by"] = 3.0


def set_class_of_helper(cls: Any) -> None:
    sys.modules["my_lamp.amounts"].Amount.by = 3.0


def set_class(cls: Any) -> None:
    cls.factor = 3.0


def set_method(cls: Any) -> None:
    cls.run = lambda self, images: self.Out(images=images)


def set_helper(cls: Any) -> None:
    sys.modules["my_lamp.dim"].strength = lambda: 3.0  # type: ignore[attr-defined]


def set_default(cls: Any) -> None:
    sys.modules["my_lamp.amounts"].strength.__defaults__ = (3.0,)


def edit_file(cls: Any) -> None:
    path = Path(str(sys.modules["my_lamp.dim"].__file__))
    path.write_text(path.read_text().replace("self.factor *", "self.factor * 3.0 *"))


def edit_helper(cls: Any) -> None:
    path = Path(str(sys.modules["my_lamp.amounts"].__file__))
    path.write_text(path.read_text().replace("* by", "/ by"))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (set_amounts, "strength (global 'AMOUNTS')"),
        (set_class_of_helper, "Amount (attribute 'by')"),
        (set_class, "Dim (attribute 'factor')"),
        (set_method, "Dim (attribute 'run')"),
        (set_helper, "Dim.run (global 'strength')"),
        (set_default, "strength"),
        (edit_file, "Dim.run"),
        (edit_helper, "strength"),
    ],
)
def test_a_module_that_is_not_what_its_file_says_is_refused(
    change: Any, named: str, package: Any, tmp_path: Path
) -> None:
    cls = package(PACKAGE)
    block = cls()
    change(cls)
    message = refusal(block, tmp_path / "repo")
    assert f"dim.py says, or a file that it imports: {named} is another one" in message


def test_a_script_whose_names_have_other_values_than_when_it_ran_is_refused(
    tmp_path: Path, prepared_python: PreparedPython
) -> None:
    as_it_is = f"{HEAD}{HELPER}\nX = 1.0\n{BLOCK.replace('factor = 1.0', 'factor = X * 2')}"
    texts = {"as_it_is": as_it_is, "later": f"{as_it_is}\nX = 5.0\n", "set": f"{as_it_is}\nDim.factor = 5.0\n"}
    said = in_scripts(texts, tmp_path, prepared_python)
    assert said.keys() == {"later", "set"}
    for message in said.values():
        assert "says: Dim (attribute 'factor') is another one. Run the script" in message


def test_a_repository_whose_class_was_changed_after_it_was_opened_is_refused(package: Any, tmp_path: Path) -> None:
    again = reopened(package(PACKAGE)(), tmp_path / "repo")
    assert reopened(again, tmp_path / "twice") is not None
    try:
        type(again).factor = 3.0
        assert "Dim (attribute 'factor')" in refusal(again, tmp_path / "thrice")
    finally:
        type(again).factor = 1.0


UNCHANGED = {
    "a helper": HELPER,
    "a closure": "def made(by):\n    def inner():\n        return by\n    return inner\nstrength = made(2.0)\n",
    "a decorated function": """
        import functools
        def doubled(function):
            @functools.wraps(function)
            def inner(*args):
                return 2 * function(*args)
            return inner
        @doubled
        def strength() -> float:
            return 2.0
        """,
    "a dataclass": """
        from dataclasses import dataclass, field
        @dataclass(frozen=True, order=True)
        class Amount:
            by: float = 2.0
            more: list = field(default_factory=list)
        def strength():
            return Amount().by
        """,
    "a class with slots": """
        from attrs import define, field, frozen
        @frozen
        class Amount:
            by: float = field(default=2.0, converter=float)
        @define
        class More(Amount):
            kept: dict = field(factory=dict)
        def strength():
            return More().by
        """,
    "an enum and named tuples": """
        import enum
        from typing import NamedTuple, Protocol
        class Kind(enum.Enum):
            FEW = 2.0
            MANY = 3.0
        class Pair(NamedTuple):
            one: float = 1.0
            kind: Kind = Kind.FEW
        class Has(Protocol):
            one: float
        def strength(pair: Has = Pair()) -> float:
            return pair.one * Kind.FEW.value
        """,
    "functions in functions": """
        from functools import lru_cache, partial, cached_property
        class Amount:
            @cached_property
            def by(self) -> float:
                return 2.0
            @staticmethod
            def of(by: float) -> "Amount":
                return Amount()
        def strength() -> float:
            def inner(by: float, more: Amount | None = None) -> float:
                kept: list[float] = [by for by in (by, 1.0)]
                return kept[0]
            return partial(inner, 2.0)()
        """,
    "a logger by the module's name": """
        import logging
        logger = logging.getLogger(__name__)
        def strength():
            logging.getLogger(__name__).debug("of %s", __name__)
            logger.debug("here")
            return 2.0
        """,
    "what two names of each other": """
        def strength(by=2):
            return other(by - 1) if by else 2.0
        def other(by):
            return strength(by - 1) if by else 2.0
        """,
    "an abstract class": """
        from abc import ABC, abstractmethod
        from typing import Generic, TypeVar
        class Base(ABC):
            @abstractmethod
            def by(self): ...
        T = TypeVar("T")
        class Amount(Base, Generic[T]):
            def by(self):
                return 2.0
        def strength():
            return Amount().by()
        """,
    "names of its own that the script has, too, for what no text stands for": """
        from typing import Literal
        image = each = found = amount = object()
        def strength(amount: Literal["image"] = "image"):
            found = {"image": [each for each in (2.0,)]}
            return found[amount][0]
        """,
    "tensors, patterns and arrays": """
        import re
        import numpy as np
        import torch
        import torch.nn.functional as F
        def strength():
            return float(F.relu(torch.tensor(2.0))) * float(np.ones(1)[0]) * len(re.findall("a", "a"))
        """,
}


FUTURE = "from __future__ import annotations\n"


@pytest.mark.rotating(4)
@pytest.mark.parametrize("text", UNCHANGED.values(), ids=UNCHANGED)
@pytest.mark.parametrize("future", ["", FUTURE], ids=["", "text"])
def test_unchanged_code_is_saved_from_modules(text: str, future: str, package: Any, tmp_path: Path) -> None:
    dim = f"{future}{HEAD}from .amounts import strength\n{BLOCK}"
    files = {"__init__.py": "", "dim.py": dim, "amounts.py": future + textwrap.dedent(text)}
    assert reopened(package(files)(), tmp_path / "repo").run is not None


def test_unchanged_code_is_saved_from_scripts(tmp_path: Path, prepared_python: PreparedPython) -> None:
    texts = {
        f"{name.replace(' ', '_')}{n}": f"{future}{HEAD}{textwrap.dedent(text)}{BLOCK}"
        for name, text in UNCHANGED.items()
        for n, future in enumerate(["", FUTURE])
        if not name.startswith(("a closure", "a decorated", "a logger", "an abstract"))  # which no text stands for
    }
    assert in_scripts(texts, tmp_path, prepared_python) == {}


IN_PACKAGES = {
    "relative imports within functions": {
        "__init__.py": "",
        "other.py": "BY = object()\n",
        "dim.py": f"{HEAD}def strength():\n    from . import amounts\n    from .amounts import strength as by\n    return by()\n{BLOCK}",
        "amounts.py": HELPER,
    },
    "modules as a whole": {
        "__init__.py": "from . import other\n",
        "other.py": "",
        "dim.py": f"{HEAD}from . import amounts\ndef strength():\n    return vars(amounts)['strength']()\n{BLOCK}",
        "amounts.py": HELPER,
    },
    "folders in folders": {
        "__init__.py": "",
        "parts/__init__.py": "",
        "parts/amounts.py": "from ..more import HALF\ndef strength():\n    return HALF\n",
        "more.py": "HALF = 0.5\n",
        "dim.py": f"{HEAD}from .parts.amounts import strength\nfrom .parts import amounts\n{BLOCK}",
    },
}


@pytest.mark.parametrize("files", IN_PACKAGES.values(), ids=IN_PACKAGES)
def test_unchanged_packages_are_saved(files: dict[str, str], package: Any, tmp_path: Path) -> None:
    block = package(files)()
    importlib.import_module("my_lamp.amounts" if "amounts.py" in files else "my_lamp.more")
    if "other.py" in files:
        importlib.import_module("my_lamp.other")
    assert reopened(block, tmp_path / "repo").run is not None
    assert reopened(block, tmp_path / "repo").run is not None


def test_a_block_in_the_init_file_of_a_package_is_saved(package: Any, tmp_path: Path) -> None:
    files = {"__init__.py": f"{HEAD}from .amounts import strength\n{BLOCK}", "amounts.py": HELPER}
    assert reopened(package(files, "my_lamp")(), tmp_path / "repo").run is not None
