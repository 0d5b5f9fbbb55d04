"""What is particular to Krea 2 beside the rows of the table: the schedule of the distilled model, and what is told of text."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from brickwork.families.krea2 import KREA2, KREA2_TURBO

SHIFTING: Any = SimpleNamespace(config={"use_dynamic_shifting": True})
PLAIN: Any = SimpleNamespace(config={})


def test_the_distilled_model_has_one_shift_for_every_size() -> None:
    for side in (4, 64):
        assert KREA2_TURBO.shift(SHIFTING, 8, (1, 16, side, side)) == {"mu": 1.15}
    assert KREA2.shift(SHIFTING, 8, (1, 16, 4, 4)) != KREA2.shift(SHIFTING, 8, (1, 16, 64, 64))
    assert KREA2_TURBO.shift(PLAIN, 8, (1, 16, 4, 4)) == {}


def test_a_mask_is_told_as_one_and_text_has_no_place() -> None:
    told = {"encoder_hidden_states": torch.zeros(1, 2, 12, 4)}
    found = KREA2.static_kwargs(None, torch.zeros(1, 16, 2, 4), told)  # type: ignore[arg-type]  # it is not asked
    assert found.keys() == {"position_ids"}
    assert found["position_ids"].tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 1]]
    masked = KREA2.static_kwargs(None, torch.zeros(1, 16, 2, 4), {**told, "encoder_attention_mask": torch.ones(1, 2)})  # type: ignore[arg-type]
    assert masked["encoder_attention_mask"].dtype == torch.bool
