"""What a LoRA's file says of itself is read as strictly as any file."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from brickwork import ComponentError, ModularPipeline
from brickwork.presets.embedded import ARROW_LORA


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "nested deeper than"),
        ('{"unet.r": ' + "9" * 5000 + "}", "a number has 5,000 digits"),
        ('{"unet.r": 1, "unet.r": 2}', "'unet.r' stands there twice"),
        ("[1]", "holds no JSON object"),
        ("{", "cannot be read"),
        ('{"unet.r": "many"}', "says something odd of unet.r"),
    ],
    ids=lambda text: text[:12],
)
def test_an_odd_description_of_a_lora_is_refused(
    text: str, words: str, tmp_path: Path, embedded_pipe: ModularPipeline
) -> None:
    tensors = load_file(ARROW_LORA / "pytorch_lora_weights.safetensors")
    save_file(tensors, tmp_path / "lora.safetensors", metadata={"lora_adapter_metadata": text})
    with pytest.raises(ComponentError) as caught:
        embedded_pipe.load_lora_weights(str(tmp_path / "lora.safetensors"), adapter_name="odd")
    assert "The LoRA's description of itself (lora_adapter_metadata)" in str(caught.value)
    assert words in str(caught.value)
