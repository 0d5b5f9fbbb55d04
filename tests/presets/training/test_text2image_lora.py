"""The recipe of a LoRA: bit-equal to a loop written by hand, also after the process was killed, and loaded by diffusers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from attrs import evolve
from diffusers import DDPMScheduler, StableDiffusionXLPipeline
from peft import LoraConfig
from PIL import Image
from prepared_python import PreparedPython

import brickwork
from brickwork import InputError
from brickwork.blocks.training import ComputeLoss, ImageBatches
from brickwork.engine.events import Event, StepFinished
from brickwork.presets.embedded import FOLDER
from brickwork.presets.training import prepare_lora, save_lora, text2image_training

STEPS, ACCUMULATED = 4, 2
COLOURS = ["red", "blue", "green"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("images")
    for colour in COLOURS:
        Image.new("RGB", (80, 64), colour).save(made / f"{colour}.png")
    lines = [json.dumps({"file_name": f"{colour}.png", "text": f"a {colour} apple"}) for colour in COLOURS]
    (made / "metadata.jsonl").write_text("\n".join(lines))
    return made


def training(folder: Path, losses: list[float], **options: Any) -> Any:
    pipe = brickwork.embedded()
    batches = ImageBatches.of_folder(folder, batch_size=2, size=64, seed=3, flip=0.5)
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=ACCUMULATED)
    made = prepare_lora(
        pipe, batches, train_steps=STEPS, learning_rate=1e-2, accelerator=accelerator, seed=5, **options
    )

    def note(event: Event) -> None:
        if isinstance(event, StepFinished):
            losses.append(event.values["step_loss"])

    made.pipe.configure(progress=False, listeners=[note])
    return pipe, made


def by_hand(folder: Path) -> tuple[list[float], Any]:
    """The same without blocks, as diffusers' script for LoRAs of SDXL does it."""
    pipe = StableDiffusionXLPipeline.from_pretrained(FOLDER, torch_dtype=torch.float32)
    unet, vae, scheduler = pipe.unet, pipe.vae, DDPMScheduler.from_config(pipe.scheduler.config)
    for part in (unet, vae, pipe.text_encoder, pipe.text_encoder_2):
        part.requires_grad_(False)
    torch.manual_seed(5)
    unet.add_adapter(LoraConfig(r=4, lora_alpha=4, init_lora_weights="gaussian",
                                target_modules=["to_q", "to_k", "to_v", "to_out.0"]))  # fmt: skip
    learns = [each for each in unet.parameters() if each.requires_grad]
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=ACCUMULATED)
    optimizer = accelerator.prepare(torch.optim.AdamW(learns, lr=1e-2))
    batches = ImageBatches.of_folder(folder, batch_size=2, size=64, seed=3, flip=0.5)
    generator, losses = torch.Generator().manual_seed(5), []
    for number in range(STEPS * ACCUMULATED):
        with accelerator.accumulate(unet):
            pixels, prompts = batches.batch(number)
            with torch.no_grad():
                clean = vae.encode(pixels).latent_dist.sample(generator) * vae.config.scaling_factor
                embeds, _, pooled, _ = pipe.encode_prompt(prompts, do_classifier_free_guidance=False)
            noise = torch.randn(clean.shape, generator=generator)
            t = torch.randint(0, scheduler.config.num_train_timesteps, (2,), generator=generator)
            told = {"text_embeds": pooled, "time_ids": torch.tensor([[64.0, 64, 0, 0, 64, 64]] * 2)}
            said = unet(scheduler.add_noise(clean, noise, t), t, embeds, added_cond_kwargs=told).sample
            loss = F.mse_loss(said.float(), scheduler.get_velocity(clean, noise, t).float())
            accelerator.backward(loss)
            if accelerator.sync_gradients:
                accelerator.clip_grad_norm_(learns, 1.0)
            optimizer.step()
            optimizer.zero_grad()
        losses.append(loss.item())
    return losses, unet


@pytest.fixture(scope="module")
def unbroken(folder: Path) -> Any:
    losses: list[float] = []
    pipe, made = training(folder, losses)
    made.run()
    return losses, pipe, made


def learned(unet: Any) -> dict[str, torch.Tensor]:
    return {name: each.detach() for name, each in unet.named_parameters() if each.requires_grad}


def test_losses_and_weights_are_those_of_a_loop_by_hand_and_no_accumulation_is_left_over(
    folder: Path, unbroken: Any
) -> None:
    losses, pipe, _ = unbroken
    expected, unet = by_hand(folder)
    assert losses == expected
    assert len(losses) == STEPS * ACCUMULATED
    ours, theirs = learned(pipe.unet), learned(unet)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


KILLED = """
import os, signal, sys
sys.path[:0] = {paths!r}
from pathlib import Path
from test_text2image_lora import training
from brickwork.engine.events import StepFinished
losses = []
pipe, made = training(Path({folder!r}), losses)
def stop(event):
    if isinstance(event, StepFinished) and len(losses) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
made.pipe.configure(listeners=[*made.pipe.settings.listeners, stop])
made.run({snapshot!r}, every=3)
"""


def test_a_training_that_was_killed_goes_on_with_the_losses_of_one_that_was_not(
    folder: Path, unbroken: Any, tmp_path: Path, prepared_python: PreparedPython
) -> None:
    snapshot = tmp_path / "run.safetensors"
    script = KILLED.format(
        paths=[str(Path(__file__).parent), str(Path(__file__).parents[2] / "support")],
        folder=str(folder),
        snapshot=str(snapshot),
    )
    done = prepared_python.run("-c", script)
    assert done.returncode == -9, done.stderr
    losses: list[float] = []
    pipe, made = training(folder, losses)
    made.run(snapshot, every=1000)
    # The snapshot was taken after the third batch, between two that are accumulated; the process died after the fourth.
    assert losses == unbroken[0][3:]
    ours, whole = learned(pipe.unet), learned(unbroken[1].unet)
    assert all(torch.equal(ours[name], whole[name]) for name in whole)


def test_diffusers_loads_the_lora_and_draws_as_we_do(unbroken: Any, tmp_path: Path) -> None:
    _, pipe, made = unbroken
    save_lora(pipe, made, tmp_path)
    theirs = StableDiffusionXLPipeline.from_pretrained(FOLDER, torch_dtype=torch.float32)
    theirs.set_progress_bar_config(disable=True)
    plain = theirs("a red apple", num_inference_steps=1, output_type="latent", generator=torch.manual_seed(0)).images
    theirs.load_lora_weights(tmp_path)
    drawn = theirs("a red apple", num_inference_steps=1, output_type="latent", generator=torch.manual_seed(0)).images
    assert not torch.equal(plain, drawn)
    loaded = learned(pipe.unet)
    for name, each in theirs.unet.named_parameters():
        if "lora" in name:
            assert torch.equal(each, loaded[name.replace("default_0", "default")])
    recipe = brickwork.Recipe.from_dict(json.loads((tmp_path / "training_recipe.json").read_text()))
    pipe.configure(progress=False)
    image = pipe("a red apple", num_inference_steps=1, output="images")[0]
    assert image.info["brickwork"]["components"]["unet"]["is"]["trained"] == f"by the recipe {recipe.digest}"


def test_other_data_are_refused(folder: Path, unbroken: Any, tmp_path: Path) -> None:
    snapshot = tmp_path / "run.safetensors"
    _, made = training(folder, [])
    made.run(snapshot, every=7)
    _, other = training(folder, [])
    batches = other.live["batches"]
    pears = tuple(text.replace("apple", "pear") for text in batches.captions)
    other.live["batches"] = evolve(batches, captions=pears)
    with pytest.raises(brickwork.RunError, match="'batches' .* these are other batches than those of the run: data"):
        other.run(snapshot)


def test_a_scheduler_under_another_name_is_no_silent_fault(folder: Path) -> None:
    _, made = training(folder, [])
    live = dict(made.live)
    live["scheduler_of_rates"] = live.pop("lr_scheduler")
    with pytest.raises(InputError, match="'scheduler_of_rates' is no input.*\n.*needs 'lr_scheduler'"):
        made.pipe(**made.inputs, **live, output="step_loss")


def test_blocks_of_an_iteration_are_edited_by_name(folder: Path) -> None:
    from brickwork.families.sdxl import SDXL

    losses: list[float] = []
    blocks = text2image_training(SDXL)
    blocks["loss"] = ComputeLoss(min_snr=5.0)
    _, made = training(folder, losses, blocks=blocks)
    made.inputs["train_steps"] = 1
    made.run()
    assert len(losses) == ACCUMULATED
