"""How often a step makes the host wait for the device, by scheduler and guider: the sides that benchmarks/waits.py compares and tests count.

Counted on a simulated device (simulated_device.py), over tiny models. A number is the slope between two numbers of steps, so what a run does
once, at its start and end, is not in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any
from unittest import mock

import diffusers
import torch
from attrs import frozen
from diffusers.modular_pipelines.stable_diffusion_xl import StableDiffusionXLAutoBlocks
from simulated_device import DEVICE, SimulatedDevice

import brickwork
from brickwork.guiders import GUIDERS
from tiny_sdxl import make_pipeline

SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "Euler": ("EulerDiscreteScheduler", {}),
    "Euler Karras": ("EulerDiscreteScheduler", {"use_karras_sigmas": True}),
    "Euler ancestral": ("EulerAncestralDiscreteScheduler", {}),
    "DDIM": ("DDIMScheduler", {}),
    "DDPM": ("DDPMScheduler", {}),
    "PNDM": ("PNDMScheduler", {"skip_prk_steps": True}),
    "LCM": ("LCMScheduler", {}),
    "TCD": ("TCDScheduler", {}),
    "DPM++ 2M": ("DPMSolverMultistepScheduler", {}),
    "DPM++ 2M SDE": ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
    "DPM++ singlestep": ("DPMSolverSinglestepScheduler", {}),
    "DEIS": ("DEISMultistepScheduler", {}),
    "UniPC": ("UniPCMultistepScheduler", {}),
    "SA": ("SASolverScheduler", {}),
    "Heun": ("HeunDiscreteScheduler", {}),
    "KDPM2": ("KDPM2DiscreteScheduler", {}),
    "KDPM2 ancestral": ("KDPM2AncestralDiscreteScheduler", {}),
    "LMS": ("LMSDiscreteScheduler", {}),
    "EDM Euler": ("EDMEulerScheduler", {}),
    "IPNDM": ("IPNDMScheduler", {}),
}
FLOWS: dict[str, tuple[str, dict[str, Any]]] = {
    "flow Euler": ("FlowMatchEulerDiscreteScheduler", {}),
    "flow Heun": ("FlowMatchHeunDiscreteScheduler", {}),
    "flow UniPC": ("UniPCMultistepScheduler", {"prediction_type": "flow_prediction", "use_flow_sigmas": True}),
    "flow DPM++": ("DPMSolverMultistepScheduler", {"prediction_type": "flow_prediction", "use_flow_sigmas": True}),
}
"""For the networks of flow matching, of which Stable Diffusion 3 stands for all."""
SETTINGS: dict[str, dict[str, Any]] = {
    "ClassifierGuidance": {"score": lambda samples, _: 100.0 * samples.mean(dim=(1, 2, 3))},
    "SampleSpaceGuidance": {"guider": "AdaptiveProjectedGuidance"},
    "PerturbedAttentionGuidance": {"perturbed_guidance_start": 0.0, "perturbed_guidance_stop": 1.0},
    "SkipLayerGuidance": {"skip_layer_guidance_start": 0.0, "skip_layer_guidance_stop": 1.0},
}
"""So that every step is guided, by what has no default."""
ELSEWHERE = ("EmbeddedGuidance", "FrameScaledGuidance", "ImageTextGuidance", "NormKeptGuidance")
"""Guiders for networks of a kind of their own."""
FEW, MANY = 3, 7
"""Numbers of steps between which is counted: past the first steps of solvers that look back."""


@frozen
class Side:
    """One of those that are compared: its pipeline, on the simulated device, and how it is asked for images of so many steps."""

    name: str
    pipe: Any
    run: Callable[..., Any]

    def waits(self, device: SimulatedDevice, steps: int, **inputs: Any) -> Counter[str]:
        """Where a run of so many steps waits, and how often."""
        device.found.clear()
        self.run(self.pipe, num_inference_steps=steps, generator=torch.Generator().manual_seed(7), **inputs)
        return device.count()


def per_step(side: Side, device: SimulatedDevice, **inputs: Any) -> tuple[float, Counter[str]]:
    """How often a step waits, and where."""
    few, many = (side.waits(device, steps, **inputs) for steps in (FEW, MANY))
    more = Counter({where: count - few[where] for where, count in many.items() if count > few[where]})
    return (many.total() - few.total()) / (MANY - FEW), more


def between_steps(side: Side, device: SimulatedDevice, steps: int = 4, **inputs: Any) -> list[str]:
    """What waits between the ends of the solver's first and last step; one run of few steps, where `per_step` needs two."""
    marks: list[int] = []
    solver = type(side.pipe.components["scheduler"])
    step = solver.step

    @wraps(step)
    def marked(*args: Any, **kwargs: Any) -> Any:
        made = step(*args, **kwargs)
        marks.append(len(device.found))
        return made

    device.found.clear()
    with mock.patch.object(solver, "step", marked):
        side.run(side.pipe, num_inference_steps=steps, generator=torch.Generator().manual_seed(7), **inputs)
    assert len(marks) >= steps
    return [f"{each.kind} at {each.where}" for each in device.found[marks[0] : marks[-1]]]


def scheduler_of(name: str, config: Mapping[str, Any]) -> Any:
    """A scheduler of the table, of a model's configuration."""
    kind, options = {**SCHEDULERS, **FLOWS}[name]
    return getattr(diffusers, kind).from_config(config, **options)


def guider_of(name: str) -> Any:
    """A guider of the table that acts in every step."""
    return GUIDERS[name](**SETTINGS.get(name, {}))


def guiders() -> list[str]:
    """Names of the guiders that are counted."""
    return [name for name in GUIDERS if name not in ELSEWHERE]


def _asked(pipe: Any, **inputs: Any) -> Any:
    return pipe(prompt="a red circle", height=64, width=64, output_type="latent", **inputs)


def sdxl_parts() -> dict[str, Any]:
    """Models that all sides share."""
    return {name: part for name, part in make_pipeline(0).components.items() if part is not None}


def ours(parts: Mapping[str, Any], blocks: Any = None) -> Side:
    """Brickwork's pipeline; enter the simulated device before."""
    from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS

    made = brickwork.SequentialPipelineBlocks.from_blocks_dict(blocks or TEXT2IMAGE_BLOCKS).init_pipeline()
    made.update_components(**{name: part for name, part in parts.items() if name in made.components})
    made.configure(progress=False)
    made.to(DEVICE)
    return Side("ours", made, lambda pipe, **inputs: _asked(pipe, **inputs, output="images"))


def classic(parts: Mapping[str, Any]) -> Side:
    """Diffusers' classic pipeline."""
    made = diffusers.StableDiffusionXLPipeline(**parts, add_watermarker=False)
    made.set_progress_bar_config(disable=True)
    return Side("classic", made.to(DEVICE), lambda pipe, **inputs: _asked(pipe, **inputs).images)


def peer(parts: Mapping[str, Any]) -> Side:
    """Diffusers' modular pipeline."""
    made = StableDiffusionXLAutoBlocks().init_pipeline()
    made.update_components(**{name: part for name, part in parts.items() if name in made.components})
    made.set_progress_bar_config(disable=True)
    made.to(DEVICE)
    return Side("peer", made, lambda pipe, **inputs: _asked(pipe, **inputs, output="images"))
