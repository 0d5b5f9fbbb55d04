"""No kind of change is taken for the same by the cache, by resume here or in another process, by replay, or by the difference of recipes."""

from __future__ import annotations

from pathlib import Path

import pytest
from counting import Blocks
from kinds import KINDS, Kind
from models import save_models
from prepared_python import PreparedPython
from rotation import part_of
from stages import MADE
from table import Table, elsewhere, wrong

pytestmark = pytest.mark.filterwarnings("ignore")  # the readers collect them


@pytest.fixture(scope="module")
def table(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Table:
    folder = tmp_path_factory.mktemp("kinds")
    return Table(save_models(folder / "model", tiny_folder), folder, thorough=request.config.getoption("--long"))


def test_every_kind_of_the_list_is_made_and_has_a_sentence() -> None:
    assert sorted(MADE) == sorted(kind.name for kind in KINDS)
    assert all(kind.says.endswith(".") for kind in KINDS)
    assert len(KINDS) >= 95


@pytest.mark.rotating(6)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_no_reader_takes_it_for_the_same(kind: Kind, table: Table) -> None:
    assert wrong(table.row(kind)) == {}, kind.says


def test_no_run_is_resumed_in_another_process_as_if_nothing_had_changed(
    table: Table, turn: int | None, prepared_python: PreparedPython
) -> None:
    """Of blocks a sixth, as they cost little, of components every thirty-second kind; all with `--long`."""
    of_components = [kind for kind in KINDS if not isinstance(MADE[kind.name], Blocks)]
    of_blocks = [kind for kind in KINDS if isinstance(MADE[kind.name], Blocks)]
    kinds = [*part_of(of_blocks, 6, turn), *part_of(of_components, 32, turn)]
    answers = elsewhere(table, kinds, prepared_python)
    assert len(answers) == len(kinds) > 10
    assert wrong(answers) == {}
