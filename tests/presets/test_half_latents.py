"""Latents that were kept in half precision are cast to the run's dtype."""

from __future__ import annotations

import torch

from brickwork import ModularPipeline


def test_half_latents_are_cast(tiny_pipe: ModularPipeline) -> None:
    half = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0)).half()
    call = {"prompt": "a cat", "num_inference_steps": 2, "height": 64, "width": 64, "output": "latents"}
    assert torch.equal(tiny_pipe(**call, latents=half), tiny_pipe(**call, latents=half.float()))
