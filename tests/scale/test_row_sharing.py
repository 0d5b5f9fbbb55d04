"""Rows of one run over processes that torchrun starts: bit-equal to one branch after the other, and refused where they are not one run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from brickwork import InputError, scale
from brickwork.engine.network_calls import RowArguments
from brickwork.engine.serving.merged_arguments import rows_between

SCRIPT = Path(__file__).parents[1] / "support" / "rows_over_processes.py"


@pytest.fixture(scope="module", params=[2, 3])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the first of several processes saw."""
    if request.param > 2 and not request.config.getoption("--long"):
        pytest.skip("more processes than rows; --long")
    out = tmp_path_factory.mktemp("rows") / "seen.json"
    path = os.pathsep.join([str(SCRIPT.parent), *filter(None, sys.path)])
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={request.param}"]
    ended = subprocess.run(
        [*command, str(SCRIPT), str(out)],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return json.loads(out.read_text())


def test_two_branches_are_bit_equal_to_one_after_the_other(seen: Any) -> None:
    assert seen["stable_diffusion 1"]["equal"]
    assert seen["stable_diffusion 1"]["shared"] == 3
    # Without a second branch there is one row, which every process computes.
    assert seen["flux 1"] == {"equal": True, "apart": 0.0, "shared": 0, "alone": {"it has one row": 2}}


def test_rows_that_do_not_divide_are_within_rounding(seen: Any) -> None:
    for name, calls in (("stable_diffusion 3", 3), ("flux 3", 2)):
        assert seen[name]["apart"] < 1e-5
        assert (seen[name]["shared"], seen[name]["alone"]) == (calls, {})
    assert seen["recipe"]["replaced"][0].startswith("network_calls(...): rows over ")


@pytest.mark.parametrize(
    ("what", "call", "words"),
    [
        ("numbers", 1, "not the same numbers in them, or in the network"),
        ("prompts", 1, "not the same numbers in them, or in the network"),
        ("weights", 1, "not the same numbers in them, or in the network"),
        ("rows", 1, "process 1 FluxTransformer2DModel with 3 rows of"),
        ("one row", 1, "process 1 FluxTransformer2DModel as a whole, because it has one row"),
        ("steps", 2, "not the same numbers in them, or in the network"),
    ],
)
def test_processes_that_make_other_runs_are_refused_in_each(seen: Any, what: str, call: int, words: str) -> None:
    assert [kind for kind, _ in seen[what]] == ["RunError"] * 2
    for _, text in seen[what]:
        assert text.startswith(f"The processes do not make the same run: in call {call} there is ")
        assert words in text


def test_where_one_process_ends_the_others_do_not_wait_for_it(seen: Any) -> None:
    (kind, text), (of_it, _) = seen["interrupted"]
    assert (kind, of_it) == ("RunError", "KeyboardInterrupt")
    assert "in call 2 there is process 0 FluxTransformer2DModel with 2 rows of" in text
    assert "process 1 the end of the run" in text


def test_tokens_over_processes_by_diffusers_are_within_rounding(seen: Any) -> None:
    if "by diffusers" not in seen:
        pytest.skip("of two processes")
    assert 0 < seen["by diffusers"] < 1e-5


def test_without_processes_it_is_refused() -> None:
    with (
        pytest.raises(InputError, match="share_rows needs processes: start the script by torchrun"),
        scale.share_rows(),
    ):
        pass


def test_rows_are_taken_from_all_that_has_rows() -> None:
    declared = RowArguments({"told", "added.ids"}, numbers={"timestep", "scales"})
    given = {
        "": torch.arange(4.0),
        "timestep": torch.tensor(3.0),
        "scales": torch.arange(4.0),
        "told": [torch.arange(4.0), torch.arange(8.0).reshape(4, 2)],
        "added": {"ids": torch.arange(4), "other": torch.arange(4)},
        "places": torch.arange(4),
        "flag": True,
    }
    found = rows_between(given, declared, 1, 3)
    assert found[""].tolist() == found["scales"].tolist() == [1, 2]
    assert (found["timestep"], found["flag"]) == (3.0, True)
    assert [each.tolist() for each in found["told"]] == [[1, 2], [[2, 3], [4, 5]]]
    assert found["added"]["ids"].tolist() == [1, 2]
    # What is not said to have rows is left whole.
    assert found["added"]["other"].tolist() == found["places"].tolist() == [0, 1, 2, 3]
