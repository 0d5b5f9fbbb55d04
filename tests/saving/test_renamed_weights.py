"""A model that transformers stores under other names than it holds is saved, and what is stored is compared all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from brickwork.adapters.saved_adapters import SavedAdapters
from brickwork.registry.loading.weights import stored_tensors
from brickwork.saving.pieces import Piece, reopened_faults, write


@pytest.fixture
def model(tmp_path: Path) -> Any:
    """A model as it is loaded: what transformers completes of a configuration is in it."""
    torch.manual_seed(0)
    rope = {"mrope_section": [1, 1, 2], "rope_type": "default", "type": "default"}
    text = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text |= {"num_key_value_heads": 2, "vocab_size": 40, "rope_scaling": rope}
    vision = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 16}
    made = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=vision))
    made.save_pretrained(str(tmp_path / "first"))
    return Qwen2_5_VLForConditionalGeneration.from_pretrained(str(tmp_path / "first")).eval()


def test_it_is_saved_and_a_changed_weight_is_noticed(model: Any, tmp_path: Path) -> None:
    piece = Piece("text_encoder", model, model)
    write(piece, tmp_path)
    stored = stored_tensors(tmp_path / "text_encoder", None)
    assert not stored.keys() & {name for name, _ in model.named_parameters() if "embed_tokens" in name}
    assert list(reopened_faults(piece, tmp_path, SavedAdapters({}, {}), True)) == []
    with torch.no_grad():
        model.model.language_model.embed_tokens.weight[0, 0] += 1
    faults = list(reopened_faults(piece, tmp_path, SavedAdapters({}, {}), True))
    assert len(faults) == 1
    assert "embed_tokens.weight" in faults[0]
