"""A LoRA from images with captions, for every family of text to image whose LoRAs diffusers knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...adapters.lora import loader_mixin
from ...blocks.core.flattening import walk
from ...blocks.core.insertable_dict import InsertableDict
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...blocks.steps.encode_prompt import EncodePositivePrompt
from ...blocks.steps.prepare_size_conditioning import PrepareSizeConditioning
from ...blocks.training import (
    ComputeLoss,
    EncodePixels,
    ImageBatches,
    LoadBatch,
    NoiseBatch,
    Optimise,
    PredictTarget,
    TrainDenoiser,
)
from ...families.contract import FamilyContract, bound_family
from ...families.noise_schedule import is_flow
from ...pipeline.modular_pipeline import ModularPipeline
from ...state import InputError
from ..tasks import Blocks
from .prepared_training import PreparedTraining

if TYPE_CHECKING:
    from accelerate import Accelerator

LORA_LAYERS = ("to_q", "to_k", "to_v", "to_out.0")
"""Layers of attention, which LoRAs are usually put into."""


def text2image_training(family: FamilyContract) -> Blocks:
    """Return the blocks of one iteration, by name, to copy and edit; of families that read no text, those without."""
    made: Blocks = InsertableDict(load_batch=LoadBatch, encode_pixels=EncodePixels.bind(family))
    if family.text_encodings:
        made["encode_prompt"] = EncodePositivePrompt.bind(family)
    if family.fields("sizes"):
        made["prepare_add_cond"] = PrepareSizeConditioning.bind(family)
    made |= {"noise": NoiseBatch, "predict": PredictTarget.bind(family), "loss": ComputeLoss, "optimise": Optimise}
    return made


def prepare_lora(
    pipe: ModularPipeline,
    batches: ImageBatches,
    *,
    train_steps: int,
    rank: int = 4,
    layers: Sequence[str] = LORA_LAYERS,
    learning_rate: float = 1e-4,
    accelerator: Accelerator | None = None,
    blocks: Blocks | None = None,
    seed: int = 0,
) -> PreparedTraining:
    """Put a LoRA into the denoiser of a pipeline, and prepare its training; everything else is frozen.

    Args:
        train_steps: of the optimizer (AdamW, whose rate stays as it is). rank: of the LoRA. accelerator: with another number format, or
            batches that are accumulated. blocks: of an iteration, where they are not those of `text2image_training`.

    Raises:
        InputError: the family has no LoRAs, or the denoiser has an adapter already.
    """
    import torch
    from accelerate import Accelerator
    from peft import LoraConfig

    family = bound_family(block for _, block in walk(pipe.blocks))
    if not family.lora_loader:
        raise InputError(f"{family.name or 'This pipeline'} has no LoRAs that diffusers loads, so none is trained.")
    name = family.roles["denoiser"][0].name
    denoiser: Any = pipe.components[name]
    if getattr(denoiser, "peft_config", None):
        raise InputError(
            f"{name} has an adapter already ({', '.join(denoiser.peft_config)}): unload it, and train another."
        )
    for each in pipe.components.values():
        if isinstance(each, torch.nn.Module):
            each.requires_grad_(False)
    # The first weights of a LoRA are drawn; a training of the same seed begins with the same ones.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = LoraConfig(r=rank, lora_alpha=rank, init_lora_weights="gaussian", target_modules=list(layers))
        denoiser.add_adapter(config)
    train = SequentialPipelineBlocks.from_blocks_dict(
        {"train": TrainDenoiser.bind(family).from_blocks_dict(blocks or text2image_training(family))}
    ).init_pipeline()
    held = {each: part for each, part in pipe.components.items() if each in train.components}
    train.update_components(**held, noise_scheduler=_noise_scheduler(pipe.components["scheduler"]))
    accelerator = accelerator or Accelerator()
    learns = [each for each in denoiser.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(learns, lr=learning_rate)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, _constant)
    live = {"optimizer": accelerator.prepare(optimizer), "lr_scheduler": rate, "accelerator": accelerator}
    inputs = {"train_steps": train_steps, "generator": torch.Generator().manual_seed(seed)}
    return PreparedTraining(train, inputs, {**live, "batches": batches})


def save_lora(pipe: ModularPipeline, training: PreparedTraining, folder: str | Path) -> None:
    """Write the LoRA as `pytorch_lora_weights.safetensors`, which diffusers and others load, and beside it the recipe of its training."""
    from diffusers.utils import convert_state_dict_to_diffusers
    from peft.utils import get_peft_model_state_dict

    family = bound_family(block for _, block in walk(pipe.blocks))
    name = family.roles["denoiser"][0].name
    denoiser: Any = pipe.components[name]
    layers = convert_state_dict_to_diffusers(get_peft_model_state_dict(denoiser))
    told = {f"{name}_lora_layers": layers, f"{name}_lora_adapter_metadata": denoiser.peft_config["default"].to_dict()}
    loader_mixin(family.lora_loader).save_lora_weights(folder, **told)
    recipe = training.pipe.last_recipe
    if recipe is not None:
        recipe.save(Path(folder) / "training_recipe.json")


def _constant(_: int) -> float:
    return 1.0


def _noise_scheduler(scheduler: Any) -> Any:
    """Return what adds noise as the pipeline's scheduler takes it away."""
    from diffusers import DDPMScheduler, FlowMatchEulerDiscreteScheduler

    cls = FlowMatchEulerDiscreteScheduler if is_flow(scheduler) else DDPMScheduler
    return cls.from_config(scheduler.config)
