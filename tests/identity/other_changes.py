"""Changes of settings beside those of models: schedulers, tokenizers, guiders, adapters, configs of the pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import torch
from changes import change, patched, restored
from diffusers import DDIMScheduler, EulerDiscreteScheduler
from peft.tuners.tuners_utils import BaseTunerLayer
from tiny_adapters import lora

from brickwork import ClassifierFreeGuidance, ClassifierGuidance


@change("config registered", "vae")
def config_registered(scene: Any) -> Iterator[None]:
    kept = scene.pipe.vae.config.scaling_factor
    scene.pipe.vae.register_to_config(scaling_factor=0.5)
    yield
    scene.pipe.vae.register_to_config(scaling_factor=kept)


@change("config that forward reads", "unet")
def config_that_forward_reads(scene: Any) -> Iterator[None]:
    kept = scene.pipe.unet.config.center_input_sample
    scene.pipe.unet.register_to_config(center_input_sample=True)
    yield
    scene.pipe.unet.register_to_config(center_input_sample=kept)


@change("scheduler class patched", scene="solve")
def scheduler_class_patched(scene: Any) -> Iterator[None]:
    step = EulerDiscreteScheduler.step

    def larger(self: Any, noise: Any, *args: Any, **kwargs: Any) -> Any:
        return step(self, noise * 1.1, *args, **kwargs)

    with patched(EulerDiscreteScheduler, "step", larger):
        yield


@change("scheduler config", "scheduler", scene="solve")
def scheduler_config(scene: Any) -> Iterator[None]:
    kept = scene.pipe.scheduler.config.timestep_spacing
    scene.pipe.scheduler.register_to_config(timestep_spacing="trailing")
    yield
    scene.pipe.scheduler.register_to_config(timestep_spacing=kept)


@change("scheduler from config", "scheduler", scene="solve")
def scheduler_from_config(scene: Any) -> Iterator[None]:
    kept = scene.pipe.scheduler
    scene.pipe.update_components(scheduler=DDIMScheduler.from_config(kept.config))
    yield
    scene.pipe.update_components(scheduler=kept)


@change("scheduler's tensor", "scheduler", scene="solve")
def schedulers_tensor(scene: Any) -> Iterator[None]:
    table = scene.pipe.scheduler.alphas_cumprod
    with restored(table):
        table.mul_(0.9)
        yield


@change("scheduler's method", "scheduler", scene="solve")
def schedulers_method(scene: Any) -> Iterator[None]:
    scheduler = scene.pipe.scheduler

    def larger(sample: Any, timestep: Any) -> Any:
        return sample * 0.5

    with patched(scheduler, "scale_model_input", larger):
        yield


@change("scheduler used by hand", "scheduler", scene="solve")
def scheduler_used_by_hand(scene: Any) -> Iterator[None]:
    scene.pipe.scheduler.set_timesteps(7)
    yield


@change("tokenizer's padding side", "tokenizer")
def padding_side(scene: Any) -> Iterator[None]:
    scene.pipe.tokenizer.padding_side = "left"
    yield
    scene.pipe.tokenizer.padding_side = "right"


@change("tokenizer's length", "tokenizer")
def length(scene: Any) -> Iterator[None]:
    kept = scene.pipe.tokenizer.model_max_length
    scene.pipe.tokenizer.model_max_length = 8
    yield
    scene.pipe.tokenizer.model_max_length = kept


@change("tokenizer's added token", "tokenizer")
def added_token(scene: Any) -> Iterator[None]:
    assert scene.pipe.tokenizer.add_tokens(["a"]) >= 0
    yield


@change("tokenizer's padding token", "tokenizer")
def padding_token(scene: Any) -> Iterator[None]:
    kept = scene.pipe.tokenizer.pad_token
    scene.pipe.tokenizer.pad_token = "!"
    yield
    scene.pipe.tokenizer.pad_token = kept


@change("guider's field", "guider", scene="sdxl")
def guiders_field(scene: Any) -> Iterator[None]:
    kept = scene.pipe.guider
    scene.pipe.update_components(guider=ClassifierFreeGuidance(guidance_scale=2.0))
    yield
    scene.pipe.update_components(guider=kept)


@change("guider's function", "guider", scene="sdxl", prepared=True)
def guiders_function(scene: Any) -> Iterator[None]:
    by = 3.0

    def scale(progress: float) -> float:
        return by + progress

    scene.pipe.update_components(guider=ClassifierFreeGuidance(guidance_scale=scale))
    yield
    by = 6.0
    yield
    by = 3.0


@change("guider's score", "guider", scene="sdxl", prepared=True)
def guiders_score(scene: Any) -> Iterator[None]:
    weight = torch.ones(4)

    def score(sample: Any, step: Any) -> Any:
        return (sample.mean(dim=(2, 3)) * weight).sum(dim=1)

    inner = ClassifierFreeGuidance(guidance_scale=2.0)
    scene.pipe.update_components(guider=ClassifierGuidance(guider=inner, score=score, classifier_scale=50.0))
    yield
    with restored(weight):
        weight.mul_(-1.0)
        yield


@change("image processor", "image_processor", scene="sdxl")
def picture_processor(scene: Any) -> Iterator[None]:
    kept = scene.pipe.image_processor.config.do_normalize
    scene.pipe.image_processor.register_to_config(do_normalize=False)
    yield
    scene.pipe.image_processor.register_to_config(do_normalize=kept)


@change("pipeline's config", "force_zeros", scene="sdxl")
def pipelines_config(scene: Any) -> Iterator[None]:
    kept = scene.pipe.config["force_zeros_for_empty_prompt"]
    scene.pipe.update_config(force_zeros_for_empty_prompt=not kept)
    yield
    scene.pipe.update_config(force_zeros_for_empty_prompt=kept)


def _lora(scene: Any, seed: int = 3) -> dict[str, torch.Tensor]:
    """A LoRA for the UNet alone: what is in text encoders, too, can not be swapped, and takes twice the time."""
    return lora(
        SimpleNamespace(unet=scene.pipe.unet, text_encoder=torch.nn.Module(), text_encoder_2=torch.nn.Module()), seed
    )


@change("LoRA loaded", "unet", scene="sdxl")
def lora_loaded(scene: Any) -> Iterator[None]:
    scene.pipe.load_lora_weights(_lora(scene), adapter_name="one")
    yield
    scene.pipe.unload_lora_weights()


@change("LoRA edited", "unet", scene="sdxl", prepared=True)
def lora_edited(scene: Any) -> Iterator[None]:
    scene.pipe.load_lora_weights(_lora(scene), adapter_name="one")
    yield
    matrices = [weight for name, weight in scene.pipe.unet.named_parameters() if "lora_A" in name]
    with restored(*matrices):
        for each in matrices:
            each.data.mul_(2.0)
        yield


@change("LoRA's weight", "unet", scene="sdxl", prepared=True)
def loras_weight(scene: Any) -> Iterator[None]:
    scene.pipe.load_lora_weights(_lora(scene), adapter_name="one")
    yield
    scene.pipe.set_adapters("one", 0.3)
    yield
    scene.pipe.set_adapters("one", 1.0)


@change("LoRA's scaling edited", "unet", scene="sdxl", prepared=True)
def loras_scaling(scene: Any) -> Iterator[None]:
    scene.pipe.load_lora_weights(_lora(scene), adapter_name="one")
    yield
    layer = next(each for each in scene.pipe.unet.modules() if isinstance(each, BaseTunerLayer))
    kept = layer.scaling["one"]
    layer.scaling["one"] = 3.0
    yield
    layer.scaling["one"] = kept


@change("LoRA disabled", "unet", scene="sdxl", prepared=True)
def lora_disabled(scene: Any) -> Iterator[None]:
    scene.pipe.load_lora_weights(_lora(scene), adapter_name="one")
    yield
    scene.pipe.disable_lora()
    yield
    scene.pipe.enable_lora()


@change("LoRA fused", "unet", scene="sdxl", prepared=True)
def lora_fused(scene: Any) -> Iterator[None]:
    scene.pipe.load_lora_weights(_lora(scene), adapter_name="one")
    yield
    scene.pipe.fuse_lora()
    yield
    scene.pipe.unfuse_lora()


@change("LoRA swapped", "unet", scene="sdxl", prepared=True)
def lora_swapped(scene: Any) -> Iterator[None]:
    one, other = _lora(scene, 3), _lora(scene, 4)
    scene.pipe.load_lora_weights(one, adapter_name="one")
    yield
    scene.pipe.load_lora_weights(other, adapter_name="one", hotswap=True)
    yield


@change("textual inversion", "text_encoder", scene="sdxl", prepared=True)
def textual_inversion(scene: Any) -> Iterator[None]:
    scene.prompt = "a <cat>"
    generator = torch.Generator().manual_seed(7)
    taught = {name: torch.randn(1, width, generator=generator) for name, width in (("clip_l", 16), ("clip_g", 24))}
    yield
    scene.pipe.load_textual_inversion(taught, token="<cat>")
    yield
    scene.pipe.unload_textual_inversion()


@change("IP-Adapter's scale", "unet", scene="pictures", prepared=True)
def ip_adapters_scale(scene: Any) -> Iterator[None]:
    scene.pipe.set_ip_adapter_scale(1.0)
    yield
    scene.pipe.set_ip_adapter_scale(0.3)
    yield
    scene.pipe.set_ip_adapter_scale(1.0)
