"""What is particular to Qwen-Image beside the rows of the table: sizes of references, masks that say nothing, statistics of channels."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers.pipelines.qwenimage.pipeline_qwenimage_edit import calculate_dimensions
from family_rows import qwenimage as rows

from brickwork.families.channel_statistics import divided_by_statistics
from brickwork.families.qwenimage import QWEN_IMAGE, QWEN_IMAGE_EDIT


@pytest.mark.parametrize("size", [(64, 96), (1000, 300), (17, 400)])
def test_a_reference_has_a_megapixel_in_its_ratio(size: tuple[int, int]) -> None:
    width, height, _ = calculate_dimensions(1024**2, size[1] / size[0])
    assert QWEN_IMAGE_EDIT.reference_size(*size) == (height, width)
    assert QWEN_IMAGE_EDIT.reference_size(*size, 64**2)[0] % 32 == 0


def test_a_mask_of_nothing_but_text_is_not_told() -> None:
    text, latents = torch.zeros(2, 3, 8), torch.zeros(2, 16, 4, 6)
    told = {"encoder_hidden_states": text, "encoder_hidden_states_mask": torch.ones(2, 3)}
    found = QWEN_IMAGE.static_kwargs(None, latents, told)  # type: ignore[arg-type]  # it is not asked
    assert found == {"img_shapes": [[(1, 2, 3)]] * 2, "encoder_hidden_states_mask": None}
    told["encoder_hidden_states_mask"][0, 2] = 0
    found = QWEN_IMAGE.static_kwargs(None, latents, told)  # type: ignore[arg-type]
    assert found["encoder_hidden_states_mask"] is told["encoder_hidden_states_mask"]
    alone = QWEN_IMAGE.static_kwargs(None, latents, {"encoder_hidden_states": text, "@tokens": [latents[..., :2]]})  # type: ignore[arg-type]
    assert alone["img_shapes"][0] == [(1, 2, 3), (1, 2, 1)]
    assert alone["encoder_hidden_states_mask"] is None


def test_latents_come_back_from_the_scale_of_the_denoiser() -> None:
    vae: Any = rows.FAMILY.parts("float32")["vae"]
    latents = torch.randn(1, 16, 4, 6, generator=torch.Generator().manual_seed(1))
    scaled = QWEN_IMAGE.scale_latents(vae, latents)
    assert torch.allclose(QWEN_IMAGE.unscale_latents(vae, scaled), latents, atol=1e-5)
    assert torch.allclose(divided_by_statistics(vae.config, latents), scaled, atol=1e-5)
    assert not torch.allclose(scaled, latents, atol=0.1)
