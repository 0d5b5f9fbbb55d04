"""Gradients are a setting of the run: none, inference mode, or the caller's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from toy_blocks import Twice

from brickwork import Block, InputError, ModularPipeline, Outputs, component


class Grow(Block):
    """Multiply by the model's weight."""

    model: torch.nn.Linear = component()

    class Out(Outputs):
        x: torch.Tensor

    def run(self, x: torch.Tensor) -> Out:
        return self.Out(x=self.model(x))


@pytest.fixture
def pipe() -> ModularPipeline:
    torch.manual_seed(0)
    made = Twice.from_blocks_dict({"grow": Grow}).init_pipeline()
    made.update_components(model=torch.nn.Linear(1, 1, bias=False))
    made.configure(progress=False)
    return made


def test_a_weight_is_trained_through_a_loop(pipe: ModularPipeline) -> None:
    pipe.configure(grad="inherit")
    optimizer = torch.optim.SGD(pipe.model.parameters(), lr=0.01)
    with torch.no_grad():
        pipe.model.weight.fill_(1.0)
    for _ in range(100):
        optimizer.zero_grad()
        loss = (pipe(x=torch.ones(1, 1), output="x") - 4.0).square().mean()
        loss.backward()
        optimizer.step()
    assert pipe.model.weight.item() == pytest.approx(2.0, abs=1e-3)


@pytest.mark.parametrize(
    ("mode", "requires_grad", "is_inference"),
    [("no_grad", False, False), ("inference", False, True), ("inherit", True, False), (True, True, False)],
)
def test_the_setting_decides(mode: Any, requires_grad: bool, is_inference: bool, pipe: ModularPipeline) -> None:
    pipe.configure(grad=mode)
    found = pipe(x=torch.ones(1, 1), output="x")
    assert (found.requires_grad, found.is_inference()) == (requires_grad, is_inference)
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


def test_inherit_means_the_callers_mode(pipe: ModularPipeline) -> None:
    pipe.configure(grad="inherit")
    with torch.no_grad():
        assert not pipe(x=torch.ones(1, 1), output="x").requires_grad


def test_another_word_is_refused(pipe: ModularPipeline) -> None:
    with pytest.raises(InputError, match="grad='sometimes': it is 'no_grad' or 'inference'"):
        pipe.configure(grad="sometimes")
