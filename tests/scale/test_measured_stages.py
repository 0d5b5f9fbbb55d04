"""What is measured of a run, for cuts of its plan."""

from __future__ import annotations

import pytest
import torch
from toy_blocks import Add, chain, pipeline

from brickwork import Block, InputError, Outputs, component, scale
from brickwork.scale.measured_stages import handed_on


class Open(Block):
    """Give what no file holds."""

    net: torch.nn.Module = component()

    class Out(Outputs):
        handle: object
        x: int

    def run(self, x: int) -> Out:
        return self.Out(handle=iter(()), x=x)


class Close(Block):
    class Out(Outputs):
        x: int

    def run(self, handle: object, x: int) -> Out:
        return self.Out(x=x + 1)


def test_steps_have_seconds_and_bytes_of_what_is_needed_behind_them() -> None:
    pipe = chain(open=Open, close=Close, add=Add).init_pipeline()
    pipe.configure(progress=False)
    pipe.update_components(net=torch.nn.Linear(4, 4))
    found = scale.stage_profile(pipe, "x", x=1, link=5.0)
    assert (found.output, found.link, found.moving) == (("x",), 5.0, 12e9)
    assert list(found.seconds) == ["open", "close", "add"]
    assert all(0 <= seconds < 1 for seconds in found.seconds.values())
    assert found.sizes == {"net": 80}
    assert set(found.unsent) == {"open"}
    assert "handle" in found.unsent["open"]
    assert found.sent["open"] == 0 < found.sent["close"] == found.sent["add"]
    stages = pipe.plan(["x"]).stages(["cpu", "cpu"], found)
    assert [each.partition(":")[0] for each in stages.refused] == ["before close"]
    with pytest.raises(InputError, match="y"):
        scale.stage_profile(pipe, "x", y=1)


def test_tensors_count_as_they_are_written() -> None:
    class Twice(Block):
        class Out(Outputs):
            x: torch.Tensor

        def run(self, x: torch.Tensor) -> Out:
            return self.Out(x=x + x)

    pipe = pipeline(first=Twice, second=Twice)
    small, large = (handed_on(pipe, "x", x=torch.zeros(size))[0]["first"] for size in (10, 1010))
    assert large - small in range(4000, 4100)
