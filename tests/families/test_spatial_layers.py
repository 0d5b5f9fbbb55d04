"""What can be taken away of the layers of transformers that read latents, and what cannot."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from family_table import families

from brickwork import ClassifierFreeGuidance, InputError, LayerSkipConfig, SkipLayerGuidance

FAMILIES = families()


def drawn(name: str, guider: Any) -> torch.Tensor:
    found: torch.Tensor = FAMILIES[name].draw(
        "text2image", guider=guider, num_inference_steps=2, without=("guidance_scale",)
    )
    return found


def without(**parts: bool) -> SkipLayerGuidance:
    config = LayerSkipConfig(indices=[0], **parts)
    return SkipLayerGuidance(skip_layer_guidance_start=0.0, skip_layer_guidance_stop=1.0, skip_layer_config=config)


@pytest.mark.parametrize("name", ["auraflow", "cogview4", "hidream", "lumina2"])
def test_attention_can_be_left_out_in_whichever_order_it_gives_text_and_image_back(name: str) -> None:
    guided = drawn(name, ClassifierFreeGuidance(guidance_scale=without().guidance_scale))
    assert not torch.equal(drawn(name, without(skip_attention=True, skip_ff=False)), guided)


@pytest.mark.parametrize("name", ["hidream", "sana"])
def test_a_feed_forward_part_of_which_nothing_is_known_is_refused(name: str) -> None:
    with pytest.raises(
        InputError, match="takes away the feed-forward of layers, and nothing is known for that in those of"
    ):
        drawn(name, without(skip_attention=False, skip_ff=True))


def test_sizes_that_a_transformer_has_no_room_for_are_refused() -> None:
    said = "latents are 12x4, which are 12 squares of 2x2, and the transformer reads at most 4"
    with pytest.raises(InputError, match=said):
        FAMILIES["hidream"].draw("text2image", height=96, width=32)


def test_a_schedule_on_a_circle_is_for_the_family_that_was_trained_on_one() -> None:
    solver = FAMILIES["sana"].parts("float32")["scheduler"]
    pipe = FAMILIES["sana_sprint"].ready("text2image")
    pipe.update_components(scheduler=solver)
    with pytest.raises(
        InputError, match="with prediction_type='flow_prediction', and transformer predicts a flow; take SCMScheduler"
    ):
        pipe(**FAMILIES["sana_sprint"].tasks["text2image"].given)
