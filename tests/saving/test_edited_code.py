"""Code of a repository that was edited in the folder is refused, with what differs from what was granted."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from brickwork import ModularPipelineBlocks, TrustError

CODE = """
from brickwork import Block, Outputs

BY = 2


class Twice(Block):
    class Out(Outputs):
        y: int

    def run(self, x: int) -> Out:
        return self.Out(y=x * BY)
"""


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BRICKWORK_HOME", str(tmp_path / "home"))
    (tmp_path / "twice_block.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    import twice_block  # type: ignore[import-not-found]  # written above

    twice_block.Twice().save_pretrained(tmp_path / "repo")
    del sys.modules["twice_block"]
    return tmp_path / "repo"


def refusal(saved: Path) -> str:
    with pytest.raises(TrustError) as caught:
        ModularPipelineBlocks.from_pretrained(saved, trust_remote_code=True)
    return str(caught.value)


def test_without_a_grant_the_files_are_named(saved: Path) -> None:
    code = saved / "twice_block.py"
    code.write_text(code.read_text().replace("BY = 2", "BY = 3"))
    assert refusal(saved) == (
        f"twice_block.py (changed) of {saved} is not what brickwork.json says: the files were changed one by one. If the changes are yours, save "
        "the repository again, from Python where the block is; else take back what was there."
    )


def test_after_a_grant_it_is_said_which_files_changed_and_how(saved: Path) -> None:
    assert ModularPipelineBlocks.from_pretrained(saved, trust_remote_code=True).run(x=2).y == 4
    code = saved / "twice_block.py"
    code.write_text(code.read_text().replace("BY = 2", "from .more import BY"))
    (saved / "more.py").write_text("BY = 3\n")
    said = refusal(saved)
    assert said.startswith(f"twice_block.py (changed), more.py (added) of {saved} are not what brickwork.json says: ")
    assert "lock: changed: twice_block.py; added: more.py\n" in said
    assert "-BY = 2\n+from .more import BY\n" in said


def test_a_file_that_is_gone_is_named(saved: Path) -> None:
    from brickwork.registry.hub.lock import Lock
    from brickwork.registry.hub.repo import open_repo
    from brickwork.registry.hub.trust import Grant

    grant = Grant(True, Lock.at(None))
    ModularPipelineBlocks.from_pretrained(saved, trust_remote_code=True)
    repo = open_repo(saved)
    assert grant.since_granted(repo, {"twice_block.py": (saved / "twice_block.py").read_bytes()}) is None
    said = grant.since_granted(repo, {})
    assert said is not None
    assert said.startswith("gone: twice_block.py\n--- twice_block.py (granted)")
