"""Names that people know of diffusers and other tools, each with what is to be typed here."""

from __future__ import annotations

import inspect
from abc import ABCMeta
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from ..blocks.core.flattening import walk
from ..blocks.core.preset_catalog import find_preset
from ..families.contract import UNBOUND, FamilyContract, bound_family
from ..registry import catalog
from ..registry.catalog import shipped_name
from ..state import InputError, RepoError
from ..state.errors import Later, did_you_mean, nearest

if TYPE_CHECKING:
    from ..blocks.core.base import ModularPipelineBlocks

_LAYERS_OF_PAG = (
    "guider=brickwork.PerturbedAttentionGuidance(perturbed_guidance_layers=...), with the numbers of the layers; without them those that "
    "the family recommends, of a UNet the middle block"
)

INPUTS: Mapping[str, str] = {
    "callback": "for event in pipe.stream(...), or configure(listeners=[...])",
    "callback_on_step_end": "for event in pipe.stream(...), or configure(listeners=[...]); what changes values is a block: "
    "pipe.blocks.insert_after('denoise.after_denoiser', 'mine', MyBlock)",
    "callback_on_step_end_tensor_inputs": "for event in pipe.stream(...); a StepFinished has all values, to look at",
    "callback_steps": "for event in pipe.stream(...)",
    "return_dict": "output='images' returns the images, and no output= the whole state",
    "guidance_rescale": "guider=brickwork.ClassifierFreeGuidance(guidance_rescale=...)",
    "pag_scale": "guider=brickwork.PerturbedAttentionGuidance(perturbed_guidance_scale=...)",
    "pag_adaptive_scale": "guider=brickwork.PerturbedAttentionGuidance(perturbed_guidance_scale=...), where a scale may be a list with one "
    "number for each step",
    "pag_applied_layers": _LAYERS_OF_PAG,
    "skip_guidance_layers": "guider=brickwork.SkipLayerGuidance(skip_layer_guidance_layers=...)",
    "skip_layer_guidance_scale": "guider=brickwork.SkipLayerGuidance(skip_layer_guidance_scale=...)",
    "skip_layer_guidance_start": "guider=brickwork.SkipLayerGuidance(skip_layer_guidance_start=...)",
    "skip_layer_guidance_stop": "guider=brickwork.SkipLayerGuidance(skip_layer_guidance_stop=...)",
    "use_resolution_binning": "blocks of brickwork.presets.tasks.with_trained_sizes(blocks, family); without it, height= and width= count as they are",
    "clean_caption": "nothing: texts are put into small letters where the network was trained so, and are not cleaned further",
    "complex_human_instruction": "attrs.evolve of the family's text_encodings, whose instruction stands before each prompt",
    "system_prompt": "attrs.evolve of the family's text_encodings, whose instruction stands before each prompt",
    "cfg_normalization": "guider=brickwork.NormKeptGuidance(...), or guider=brickwork.ClassifierFreeGuidance(...) for none",
    "cfg_trunc_ratio": "guider=..., whose stop= is the fraction of the steps after which nothing is guided",
    "cfg_truncation": "guider=..., whose stop= is the fraction of the steps after which nothing is guided",
    "min_guidance_scale": "guider=brickwork.FrameScaledGuidance(first_frame_scale=...)",
    "max_guidance_scale": "guidance_scale=",
    "num_waveforms_per_prompt": "num_images_per_prompt=",
    "initial_audio_waveforms": "audio=, of the task with a sound",
    "initial_audio_sampling_rate": "audio_sampling_rate=",
    "num_images": "num_images_per_prompt=",
    "init_image": "image=, of a task with an image",
    "input_image": "image=, of a task with an image",
    "mask": "mask_image=, of a task with a mask",
    "steps": "num_inference_steps=",
    "batch_size": "num_images_per_prompt=, or a list of prompts",
    "n_iter": "num_images_per_prompt=",
    "true_cfg_scale": "guider=brickwork.EmbeddedGuidance(guidance_scale=3.5, guider=brickwork.ClassifierFreeGuidance(guidance_scale=...))",
    "cfg": "guidance_scale=",
    "cfg_scale": "guidance_scale=",
    "denoise": "strength=, of a task with an image",
    "denoising_strength": "strength=, of a task with an image",
    "sampler": "update_components(scheduler=...), before the call",
    "sampler_name": "update_components(scheduler=...), before the call",
    "scheduler": "update_components(scheduler=...), before the call",
    "lora": "load_lora_weights(...), before the call",
    "device": "pipe.to(device), before the call",
    "torch_dtype": "from_pretrained(..., torch_dtype=...), or pipe.to('fp16')",
}
"""Argument of a call to what is typed in its place."""

_ATTENTION = ("cross_attention_kwargs", "joint_attention_kwargs", "attention_kwargs")
"""What the denoisers of families call the arguments of their attention processors."""

OPENING: Mapping[str, str] = {
    "device": "pipe.to(device), after load_components()",
    "device_map": "a ComponentsManager places components: components_manager=",
    "variant": "load_components(variant=...)",
    "use_safetensors": "load_components(use_safetensors=...)",
    "revision": "ModularPipeline.from_pretrained(..., revision=...)",
    "trust_remote_code": "ModularPipeline.from_pretrained(..., trust_remote_code=...)",
    "workflow": "blocks.get_workflow(name).init_pipeline()",
}
"""Argument of the making of a pipeline to what is typed in its place."""

REPOSITORIES: Mapping[str, str] = {
    "enable_pag": "pipe.update_components(guider=brickwork.PerturbedAttentionGuidance()), after opening",
    "pag_applied_layers": "pipe.update_components(guider=brickwork.PerturbedAttentionGuidance(perturbed_guidance_layers=...)), after "
    "opening, with the numbers of the layers",
    "pag_scale": "pipe.update_components(guider=brickwork.PerturbedAttentionGuidance(perturbed_guidance_scale=...)), after opening",
    "guider": "pipe.update_components(guider=...), after opening",
    "device": "pipe.to(device), after load_components()",
    "device_map": "load_components(...), and a ComponentsManager, which places components: components_manager=",
    "scheduler": "pipe.update_components(scheduler=...), after opening",
    "safety_checker": "nothing: a checker is a block of its own (SAFETY_BLOCKS of a family's presets), and none is there unless it is put in",
    "custom_pipeline": "trust_remote_code=True, for a repository that brings blocks of its own",
}
"""Option of `from_pretrained` to what is typed in its place."""

SETTINGS: Mapping[str, str] = {
    "device": "pipe.to(device)",
    "devices": "ModularPipeline.from_pretrained(..., components_manager=manager), and manager.enable_auto_cpu_offload(devices=[...])",
    "device_map": "ModularPipeline.from_pretrained(..., components_manager=manager), and manager.enable_auto_cpu_offload(devices={...})",
    "dtype": "pipe.to('fp16'), or from_pretrained(..., torch_dtype=...)",
    "torch_dtype": "pipe.to('fp16'), or from_pretrained(..., torch_dtype=...)",
}
"""What is no setting of runs to what is typed in its place."""

METHODS: Mapping[str, str] = {
    "save": "save_pretrained(folder); brickwork.save(image, path) writes an image",
    "enable_model_cpu_offload": "from_pretrained(..., components_manager=manager), and manager.enable_auto_cpu_offload(device)",
    "enable_sequential_cpu_offload": "configure(residency='just in time'), or a ComponentsManager",
    "enable_xformers_memory_efficient_attention": "nothing: torch's own attention needs as little memory",
    "enable_attention_slicing": "nothing: torch's own attention needs as little memory",
    "enable_vae_slicing": "vae.enable_slicing()",
    "disable_vae_slicing": "vae.disable_slicing()",
    "enable_vae_tiling": "vae.enable_tiling()",
    "disable_vae_tiling": "vae.disable_tiling()",
    "enable_freeu": "unet.enable_freeu(s1, s2, b1, b2)",
    "disable_freeu": "unet.disable_freeu()",
    "enable_group_offload": "from_pretrained(..., components_manager=manager), and manager.enable_auto_cpu_offload(device)",
    "set_pag_applied_layers": "update_components(guider=brickwork.PerturbedAttentionGuidance(perturbed_guidance_layers=...)), with the "
    "numbers of the layers",
    "half": "pipe.to('fp16')",
    "cuda": "pipe.to('cuda')",
    "from_config": "blocks.init_pipeline(repo), or from_pretrained(repo)",
    "from_pipe": "update_components(**other.components)",
    "maybe_free_model_hooks": "nothing, or manager.disable_auto_cpu_offload()",
    "encode_prompt": "pipe.blocks.sub_blocks['text_encoder'].init_pipeline(folder).load_components(), a pipeline of its own",
    "progress_bar": "set_progress_bar_config(disable=...)",
}
"""Method of a pipeline to what is typed in its place."""


def instead_of_input(name: str, blocks: ModularPipelineBlocks, known: Iterable[str], repo: str | None = None) -> str:
    """Say what to type in place of an input that a composition does not have, as the end of an error message.

    Args:
        known: the inputs that it has. repo: of the pipeline, which another composition would be opened with.
    """
    called = next((each for each in known if each in _ATTENTION), None)
    if name in _ATTENTION and called is not None:
        return f"In place of {name}: {called}=, as the denoiser of this family calls it."
    if name in INPUTS:
        return f"In place of {name}: {INPUTS[name]}."
    if name in blocks.component_names:
        return instead_of_component(name)
    taking = _presets_with(name, blocks)
    if not taking:
        return did_you_mean(name, known)
    return (
        f"Presets of this family that take it: {', '.join(taking)}. {_opened(taking[0], repo)} makes "
        "such a pipeline, and its update_components(**pipe.components) takes over what is loaded."
    )


def _opened(preset: str, repo: str | None) -> str:
    """Return the code that makes a pipeline of a preset with the components of a repository; `folder` stands for one that nobody named."""
    if repo is not None and (short := shipped_name(repo)) is not None:
        return f"brickwork.{short}(task={preset.partition('.')[2]!r})"
    return f"brickwork.find_preset({preset!r}).init_pipeline({'folder' if repo is None else repr(repo)})"


def refuse_options(given: Iterable[str]) -> None:
    """Refuse options of `from_pretrained` of which is known what they are here.

    Raises:
        RepoError: some are; the others are looked at where the repository is opened.
    """
    texts = [
        f"{name} is no option for repositories. In place of {name}: {REPOSITORIES[name]}."
        for name in given
        if name in REPOSITORIES
    ]
    if texts:
        raise RepoError.of("from_pretrained() was given what it does not take", texts)


def unknown_arguments(blocks: ModularPipelineBlocks, method: str, given: Iterable[str]) -> InputError:
    """Return the error that arguments which a method of blocks does not take are refused with."""
    known = [name for name in inspect.signature(getattr(blocks, method)).parameters if name != "others"]
    texts = []
    for name in given:
        if name in OPENING:
            hint = f"In place of {name}: {OPENING[name]}."
        elif name in blocks.component_names:
            hint = f"It is a component: pipe.update_components({name}=...), with the pipeline that {method}() returns."
        elif name in blocks.input_names:
            hint = f"It is an input of a call: pipe({name}=...)."
        else:
            hint = did_you_mean(name, known)
        texts.append(f"{method}() takes no {name!r}. {hint}")
    return InputError.of(f"{method}() was given what it does not take", texts)


def instead_of_component(name: str) -> str:
    """Say what to type where a component was given as something else, as the end of an error message."""
    return f"It is a component: update_components({name}=...), before the call."


def instead_of_setting(name: str, blocks: ModularPipelineBlocks, known: Iterable[str]) -> str:
    """Say what to type in place of a setting of runs that there is not, as the end of an error message."""
    if name in SETTINGS:
        return f"In place of {name}: {SETTINGS[name]}."
    if name in blocks.component_names:
        return instead_of_component(name)
    if name in blocks.input_names:
        return f"It is an input of a call: pipe({name}=...)."
    return did_you_mean(name, known)


def instead_of_attribute(name: str) -> str | None:
    """Say what to type in place of a method of diffusers' pipelines; None for any other name."""
    return f"In place of diffusers' {name}: {METHODS[name]}." if name in METHODS else None


def public_names(cls: type) -> list[str]:
    """Return the names of a class that somebody may mean."""
    return [name for name in dir(cls) if not name.startswith("_")]


class AnswersNames(ABCMeta):
    """Class of a pipeline's class: the class itself answers names that it does not have, as its objects do."""

    # A class of ABCs, so that somebody's pipeline may be one, too. Checkers are to see that a name is missing.
    if not TYPE_CHECKING:

        def __getattr__(cls, name: str) -> Any:
            # copy, pickle and inspect ask for such names all the time, and need no list of what there is.
            if name.startswith("_"):
                raise AttributeError(name)
            raise AttributeError(Later(lambda: _no_attribute(cls, name)))


def _no_attribute(cls: type, name: str) -> str:
    match = nearest(name, public_names(cls))
    hint = instead_of_attribute(name) or (f"Did you mean {match!r}?" if match else "dir() lists what there is.")
    return f"{cls.__name__} has no attribute {name!r}. {hint}"


def _presets_with(name: str, blocks: ModularPipelineBlocks) -> list[str]:
    family = bound_family(block for _, block in walk(blocks))
    if family is UNBOUND:
        return []
    found = ((preset, _family_and_inputs(preset)) for preset in catalog if "." in preset)
    return sorted(preset for preset, (its_family, inputs) in found if its_family is family and name in inputs)


@cache
def _family_and_inputs(preset: str) -> tuple[FamilyContract, frozenset[str]]:
    """Read once, since every unknown name asks all presets, and to make them takes a fifth of a second."""
    made = find_preset(preset)
    return bound_family(block for _, block in walk(made)), frozenset(made.input_names)
