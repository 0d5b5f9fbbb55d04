"""The prior of Kandinsky 2.2 beside its classic pipeline, and alone in a batch."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from classic_rows.kandinsky import WITH_HINT, prior, unet
from coarse_images import half_mask, picture
from family_rows.kandinsky22 import ASKED, FAMILY, NEGATIVE

import brickwork
from brickwork import InputError, ModularPipeline, SequentialPipelineBlocks
from brickwork.blocks.techniques.vectors import AskNegativeVectors
from brickwork.presets.kandinsky22 import KANDINSKY22, KANDINSKY22_PRIOR, PRIOR_BLOCKS

GIVEN: dict[str, Any] = {"num_inference_steps": 3, "guidance_scale": 2.0, "prompt": ASKED["prompt"]}
VECTORS = ["image_embeds", "negative_image_embeds"]


@pytest.fixture(scope="module")
def pipe() -> ModularPipeline:
    made = SequentialPipelineBlocks.from_blocks_dict(PRIOR_BLOCKS).init_pipeline()
    made.update_components(**{name: part for name, part in prior().items() if name in made.component_names})
    made.configure(progress=False)
    return made


@pytest.mark.parametrize(
    "more",
    [
        {},
        NEGATIVE,
        {"guidance_scale": 1.0},
        {"num_images_per_prompt": 2, **NEGATIVE},
    ],
)
def test_the_vectors_are_the_classics(more: dict[str, Any], pipe: ModularPipeline) -> None:
    given = {**GIVEN, **more}
    classic = diffusers.KandinskyV22PriorPipeline(**copy.deepcopy(prior()))
    classic.set_progress_bar_config(disable=True)
    expected = classic(**given, generator=torch.Generator().manual_seed(7))
    drawn = pipe(**given, generator=torch.Generator().manual_seed(7), output=VECTORS)
    assert [torch.equal(drawn[name], expected[name]) for name in VECTORS] == [True, True]


def test_one_negative_prompt_serves_all_and_a_vector_of_a_batch_is_that_alone(pipe: ModularPipeline) -> None:
    both = pipe(**GIVEN, negative_prompt="blue", seed=[3, 4], output=VECTORS)
    for place, seed in enumerate((3, 4)):
        asked = {**GIVEN, "prompt": GIVEN["prompt"][place], "negative_prompt": "blue"}
        # A list, as one generator draws for the vectors of negative prompts, too.
        alone = pipe(**asked, generator=[torch.Generator().manual_seed(seed)], output=VECTORS)
        assert all(float((alone[name][0] - both[name][place]).abs().max()) < 1e-4 for name in VECTORS)


def test_prior_and_decoder_in_one_are_both_in_a_row(pipe: ModularPipeline) -> None:
    asked = {name: value for name, value in ASKED.items() if not name.startswith("prior_")}
    del asked["prompt"]
    source = torch.Generator().manual_seed(7)
    vectors = pipe(**GIVEN, **NEGATIVE, generator=source, output=VECTORS)
    apart = FAMILY.ready("decoder")(**asked, **vectors, generator=source, output="images")
    together = FAMILY.ready("text2image")(
        **ASKED, **NEGATIVE, generator=torch.Generator().manual_seed(7), output="images"
    )
    assert apart.tobytes() == together.tobytes()


def test_a_repository_of_the_prior_opens_and_so_does_what_is_saved_of_it(tmp_path: Path) -> None:
    parts = prior()
    diffusers.KandinskyV22PriorPipeline(**parts).save_pretrained(tmp_path / "theirs")
    opened = brickwork.from_pretrained(str(tmp_path / "theirs")).load_components()
    opened.configure(progress=False)
    drawn = opened(**GIVEN, seed=1, output="image_embeds")
    opened.save_pretrained(tmp_path / "ours")
    again = brickwork.from_pretrained(str(tmp_path / "ours")).load_components()
    again.configure(progress=False)
    assert torch.equal(again(**GIVEN, seed=1, output="image_embeds"), drawn)


@pytest.mark.parametrize(
    ("task", "changes", "words"),
    [
        ("decoder", {"in_channels": 9}, "unet reads 9 channels and addition_embed_type='image', and these blocks are for 4 and 'image'"),
        ("decoder", WITH_HINT, "reads 8 channels and addition_embed_type='image_hint', and these blocks are for 4 and 'image'"),
        ("decoder", {"addition_embed_type": "image_hint"}, "reads 4 channels and addition_embed_type='image_hint'"),
        ("decoder with control", {}, "reads 4 channels and addition_embed_type='image', and these blocks are for 8 and 'image_hint'"),
        ("decoder with a mask", {}, "reads 4 channels and addition_embed_type='image', and these blocks are for 9 and 'image'"),
    ],
)  # fmt: skip
def test_a_unet_of_another_task_is_refused_with_the_blocks_of_its_own(
    task: str, changes: dict[str, Any], words: str
) -> None:
    pipe = FAMILY.ready(task)
    pipe.update_components(unet=unet(**changes))
    with pytest.raises(InputError) as caught:
        pipe(**{**FAMILY.tasks[task].given, **FAMILY.tasks[task].mine})
    assert words in str(caught.value)
    assert "kandinsky22.decoder.inpainting for 9 with a mask, kandinsky22.decoder.controlnet for 8" in str(caught.value)


def test_each_image_of_a_batch_is_put_back_where_its_own_mask_is_black() -> None:
    given = {**FAMILY.tasks["decoder"].given, "mask_image": half_mask(), "image": [picture(3), picture(5)]}
    pipe = FAMILY.ready("decoder with a mask")
    pipe.update_components(unet=unet(in_channels=9))
    state = pipe(**{**given, "output_type": "latent"}, seed=7)
    known = (state.values["mask"] == 0).expand_as(state.values["latents"])
    assert 0 < int(known.sum()) < known.numel() // 2
    assert torch.equal(state.values["latents"][known], state.values["image_latents"][known])


def test_negative_prompts_stand_behind_the_others_and_are_guided_by_themselves() -> None:
    block: Any = AskNegativeVectors.bind(KANDINSKY22_PRIOR)()
    source = torch.Generator().manual_seed(3)
    out = block.run(prompt=["a", "b"], negative_prompt="c", generator=[source, source])
    assert (out.prompt, out.negative_prompt, out.asks_negative) == (["a", "b", "c", "c"], ["c"] * 4, True)
    assert out.generator[:2] == [source, source]
    assert torch.equal(torch.randn(3, generator=out.generator[2]), torch.randn(3, generator=source))
    without = block.run(prompt="a")
    assert (without.prompt, without.negative_prompt, without.asks_negative) == (["a"], None, False)


def test_a_family_of_images_has_no_vectors() -> None:
    with pytest.raises(NotImplementedError, match=r"kandinsky-2\.2 makes images, and no embeddings of images"):
        KANDINSKY22.vectors(None, torch.zeros(1, 4, 1, 1))
