"""How a command opens its target."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from cli_runner import invoke

from brickwork.app.cli.shared import opening
from brickwork.app.cli.shared.targets import Target, target_of
from brickwork.state import InputError


@pytest.fixture
def collected() -> Iterator[None]:
    """As a process of its own has it; the tests collect nothing."""
    gc.enable()
    yield
    gc.unfreeze()
    gc.disable()


@pytest.mark.usefixtures("collected")
def test_no_garbage_is_looked_for_while_a_target_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    made = opening._made
    monkeypatch.setattr(opening, "_made", lambda *asked: seen.append(gc.isenabled()) or made(*asked))
    assert opening.opened(target_of("embedded")).blocks
    assert seen == [False]
    assert gc.isenabled()
    assert gc.get_freeze_count() > 1000
    with pytest.raises(InputError):
        opening.opened(Target("nothing", "preset", "nothing"))
    assert gc.isenabled()


def test_a_process_that_collects_nothing_is_left_so() -> None:
    frozen = gc.get_freeze_count()
    assert not gc.isenabled()
    assert invoke("graph", "embedded").exit_code == 0
    assert (gc.isenabled(), gc.get_freeze_count()) == (False, frozen)
