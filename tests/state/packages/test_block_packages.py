"""Packages that bring blocks: what they declare is compared with what is installed before anything of them is imported."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from installed_package import install

from brickwork import API_VERSION, CompositionError, SequentialPipelineBlocks, find_preset, load_workflow
from brickwork.blocks.core.block_catalog import block_names, find_block
from brickwork.saving.composition import compose
from brickwork.state.packages import api_version
from brickwork.state.packages.block_packages import block_packages, load_point, points_of

BLOCK = """
from brickwork import Block, Outputs


class Dim(Block):
    class Out(Outputs):
        y: int

    def run(self, x: int) -> Out:
        return self.Out(y=x)
"""
POINTS = "[brickwork.blocks]\ndim = {module}:Dim\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the path that packages are installed in; what was imported of it is gone afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    (tmp_path / "site").mkdir()
    _forget_modules()
    yield tmp_path / "site"
    _forget_modules()


def _forget_modules() -> None:
    for name in [*sys.modules]:
        if name.endswith("_of_tests"):
            del sys.modules[name]


def canary(place: Path) -> str:
    """Code that leaves a trace when it is imported."""
    return f"open({str(place / 'imported')!r}, 'w').close()\n{BLOCK}"


def put(site: Path, name: str, points: str | bytes | None = None, code: str = BLOCK, **options: Any) -> None:
    module = f"{name.replace('-', '_')}_of_tests"
    install(
        site,
        name,
        entry_points=POINTS.format(module=module) if points is None else points,
        modules={f"{module}.py": code},
        **options,
    )
    importlib.invalidate_caches()


def said(site: Path) -> str:
    """What is said of the one package; nothing of it was imported."""
    (package,) = block_packages()
    assert not (site / "imported").exists()
    return " ".join(package.faults)


API = "[brickwork.api]\n{api} = my_light_of_tests\n" + POINTS.format(module="my_light_of_tests")


def test_a_package_that_fits_has_no_faults_and_is_found_without_being_imported(site: Path) -> None:
    put(site, "my-light", API.format(api=API_VERSION), canary(site), requires=("torch>=1", "numpy; extra == 'x'"))
    (package,) = block_packages()
    assert (package.words, package.apis, package.faults, package.notes) == ("my-light 1.0", (API_VERSION,), (), ())
    assert "my-light/dim" in block_names()
    assert not (site / "imported").exists()
    assert find_block("my-light/dim").__name__ == "Dim"
    assert (site / "imported").exists()


@pytest.mark.parametrize(
    ("api", "oldest", "now", "message"),
    [
        ("3", 1, 2, "it was written for API 3 of Brickwork, and the installed one has API 2: pip install -U brickwork."),
        ("1", 2, 3, "it was written for API 1 of Brickwork, and the installed one runs what is written for API 2 and 3: pip install -U my-light."),
        ("2", 2, 3, ""),
        ("3", 2, 3, ""),
        ("one", 1, 1, "one = 'my_light_of_tests' under brickwork.api: an API is a whole number, as in 1 = 'my_light_of_tests'."),
        ("1.0", 1, 1, "1.0 = 'my_light_of_tests' under brickwork.api: an API is a whole number"),
    ],
)  # fmt: skip
def test_an_api_that_does_not_run_here_is_said(
    api: str, oldest: int, now: int, message: str, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_version, "OLDEST_API", oldest)
    monkeypatch.setattr(api_version, "API_VERSION", now)
    put(site, "my-light", API.format(api=api), canary(site))
    assert (message in said(site)) if message else said(site) == ""


def test_one_of_several_apis_that_runs_here_is_enough(site: Path) -> None:
    points = f"[brickwork.api]\n{API_VERSION} = my_light_of_tests\n{API_VERSION + 7} = my_light_of_tests\n"
    put(site, "my-light", points + POINTS.format(module="my_light_of_tests"))
    assert said(site) == ""


@pytest.mark.parametrize(
    ("requires", "message"),
    [
        (("no-such-package>=2",), "no-such-package >=2 is not installed: pip install 'no-such-package>=2'."),
        (("no-such-package",), "no-such-package is not installed: pip install no-such-package."),
        (("torch>=99",), "torch >=99 is wanted, and "),
        (("brickwork>=99",), "brickwork >=99 is wanted, and 0."),
        (("torch what?",), "its requirement 'torch what?' cannot be read"),
        (("no-such-package; sys_platform == 'nowhere'",), ""),
    ],
)
def test_a_requirement_that_is_not_met_is_said(requires: tuple[str, ...], message: str, site: Path) -> None:
    put(site, "my-light", code=canary(site), requires=requires)
    assert (message in said(site)) if message else said(site) == ""


def test_all_faults_of_all_packages_are_said_before_one_is_imported(site: Path, tmp_path: Path) -> None:
    put(site, "first", code=canary(site), requires=("no-such-package", "torch>=99"))
    put(site, "second", f"[brickwork.api]\n99 = second\n{POINTS.format(module='second_of_tests')}", canary(site))
    put(site, "third", f"[brickwork.presets]\nsoft = third_of_tests:SOFT\n{POINTS.format(module='third_of_tests')}", canary(site))  # fmt: skip
    blocks = {name: {"block": f"{name}_of_tests:Dim"} for name in ("third", "first", "second")}
    with pytest.raises(CompositionError) as caught:
        compose({"block": "SequentialPipelineBlocks", "blocks": blocks})
    assert [fault.partition(":")[0] for fault in caught.value.faults] == [
        "first 1.0 cannot be used",
        "first 1.0 cannot be used",
        "second 1.0 cannot be used",
    ]
    edits = "".join(f"  - insert: {n}\n    block: {n}/dim\n    before: decode\n" for n in ("third", "first", "second"))
    (tmp_path / "a.yaml").write_text(f"brickwork: 1\nstart: third/soft\nedits:\n{edits}")
    with pytest.raises(CompositionError) as caught:
        load_workflow(tmp_path / "a.yaml")
    assert len(caught.value.faults) == 3
    with pytest.raises(CompositionError, match="first 1.0 cannot be used: no-such-package is not installed"):
        find_block("first/dim")
    assert not (site / "imported").exists()


def test_a_repository_that_names_blocks_of_packages_says_the_same(site: Path, tmp_path: Path) -> None:
    put(site, "my-light")
    blocks = SequentialPipelineBlocks.from_blocks_dict({"dim": find_block("my-light/dim")})
    blocks.save_pretrained(tmp_path / "repo")
    (site / "my_light-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: my-light\nVersion: 0.5\nRequires-Dist: torch>=99\n"
    )
    importlib.invalidate_caches()
    from brickwork import ModularPipelineBlocks, RepoError

    with pytest.raises(RepoError) as caught:
        ModularPipelineBlocks.from_pretrained(tmp_path / "repo")
    unfit, wanted = sorted(caught.value.faults)
    assert wanted == "my-light >=1.0 is wanted, and 0.5 is installed: pip install 'my-light>=1.0'."
    assert "my-light 0.5 cannot be used: torch >=99 is wanted" in unfit


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (b"\xef\xbb\xbf[brickwork.blocks]\ndim = my_light_of_tests:Dim\n", "begins with a byte order mark"),
        (b"[brickwork.blocks]\ndim my_light_of_tests:Dim\n", "lines that are neither [group] nor name = module:attribute"),
        ("[brickwork.blocks]\nd\xfcm = my_light_of_tests:Dim\n".encode("latin-1"), "is not UTF-8"),
        ("[brickwork.blocks]\ndim = x:y\n".encode("utf-16"), "is not UTF-8"),
        (b"[brickwork.blocks]\ndim = my_light_of_tests\n", "dim = 'my_light_of_tests' under brickwork.blocks is no module:Class"),
        (b"[brickwork.blocks]\ndim = ../x:y\n", "is no module:Class"),
        (b"[brickwork.blocks]\ndim = not_there_of_tests.blocks:Dim\n", "there is no module 'not_there_of_tests'"),
        (b"[brickwork.blocks]\n" + b"#" * 1_000_001, "more than 1,000,000 characters"),
    ],
)  # fmt: skip
def test_metadata_that_cannot_be_read_are_said_and_keep_no_other_package_away(
    points: bytes, message: str, site: Path
) -> None:
    put(site, "my-light", points, canary(site))
    assert message in said(site)
    put(site, "other")
    assert find_block("other/dim").__module__ == "other_of_tests"
    assert "other/dim" in block_names()


def test_a_package_without_name_or_metadata_is_said(site: Path) -> None:
    put(site, "my-light", code=canary(site), metadata="Metadata-Version: 2.1\n")
    assert "its METADATA say no name" in said(site)
    (site / "my_light-1.0.dist-info" / "METADATA").write_bytes(b"Name: my-light\n\xff\n")
    assert "its METADATA say no name" in said(site)
    info = site / "my_light-1.0.dist-info" / "METADATA"
    info.unlink()
    assert "its METADATA say no name" in said(site)
    assert all("my-light" not in name and "None" not in name for name in block_names())


def test_what_a_package_does_when_it_is_imported_is_said_with_its_name(site: Path) -> None:
    for number, code in enumerate(["import no_such_module_of_tests", "raise RuntimeError('no\\nGPU')", "import sys; sys.exit(3)", "Dim = 3", "x = 1"]):  # fmt: skip
        put(site, f"bad{number}", code=code)
    messages = ["ModuleNotFoundError: No module named 'no_such_module_of_tests'", "RuntimeError: no. Update", "SystemExit: 3", "no class of blocks", "AttributeError"]  # fmt: skip
    for number, message in enumerate(messages):
        with pytest.raises(CompositionError, match=message) as caught:
            find_block(f"bad{number}/dim")
        assert f"bad{number}" in str(caught.value)


def test_a_preset_that_cannot_be_imported_is_said_with_its_package(site: Path) -> None:
    put(site, "my-light", "[brickwork.presets]\nsoft = my_light_of_tests:SOFT\n", code="1 / 0")
    with pytest.raises(CompositionError, match="my-light/soft cannot be imported from my_light_of_tests:SOFT: ZeroDiv"):
        find_preset("my-light/soft")


def test_of_two_versions_the_first_on_the_path_counts_and_the_other_is_said(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "older", "My.Light", "0.5", POINTS.format(module="older_of_tests"), ("no-such-package",))
    monkeypatch.syspath_prepend(str(tmp_path / "older"))
    monkeypatch.syspath_prepend(str(site))
    put(site, "my-light")
    (package,) = block_packages()
    assert (package.words, package.faults) == ("my-light 1.0", ())
    assert package.notes == (f"it is installed twice: 0.5 in {tmp_path / 'older'} is not used; pip uninstall one.",)
    assert [point.value for point in points_of("brickwork.blocks")] == ["my_light_of_tests:Dim"]
    assert find_block("my-light/dim").__module__ == "my_light_of_tests"


def test_a_name_of_two_packages_is_said_with_the_names_to_write(site: Path) -> None:
    put(site, "one")
    put(site, "two")
    notes = {package.name: package.notes for package in block_packages()}
    assert notes == dict.fromkeys(("one", "two"), ("'dim' is a block of several packages; write one/dim or two/dim.",))
    assert [find_block(name).__module__ for name in ("one/dim", "two/dim")] == ["one_of_tests", "two_of_tests"]


def test_an_entry_point_of_nobody_is_loaded(site: Path) -> None:
    from importlib.metadata import EntryPoint

    assert load_point(EntryPoint("path", "os:path", "brickwork.blocks")).__name__ in ("posixpath", "ntpath")
