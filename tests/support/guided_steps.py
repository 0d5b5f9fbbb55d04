"""What the second step of a run predicts, what its guider shall make of that by its formula, and what the solver is given.

The formulas are those of the papers, in double precision, or diffusers' own classes where these are right (`tests/guiders/methods/test_methods.py`);
no guider of ours is asked, but where diffusers' cannot be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import diffusers.guiders
import torch
from attrs import define, field
from attrs import fields as fields_of

from brickwork import EmbeddedGuidance
from brickwork.blocks.steps.predict_noise import PredictNoise
from brickwork.engine.events import StepFinished

STEP = 1
"""The first of four steps in which those guiders perturb layers that leave the very first step alone."""
Predictions = Mapping[str, torch.Tensor]


@define
class Guided:
    """One step of a run.

    Attributes:
        expected: by the formula. variance: that stands behind the conditional prediction, if any. given: to the solver.
    """

    expected: torch.Tensor | None = None
    variance: torch.Tensor | None = None
    given: torch.Tensor | None = None
    index: int = field(default=-1)

    def away(self) -> float:
        """How far what the solver is given is from the formula, for its size."""
        assert self.expected is not None
        assert self.given is not None
        count = self.expected.shape[1]
        behind = self.given[:, count:]
        # A variance reaches those solvers alone that read it, and then bit for bit.
        assert not behind.numel() or torch.equal(behind, self.variance)
        difference = (self.given[:, :count].double() - self.expected).abs().max()
        return float(difference / self.expected.abs().max().clamp_min(1.0))


@contextmanager
def guided_step(pipe: Any) -> Iterator[Guided]:
    """Watch a pipeline within a `with`; of several loops in a run, the last one."""
    seen, predict = Guided(), PredictNoise._predictions

    def watching(block: Any, branches: Any, call: Any) -> dict[str, torch.Tensor]:
        made = predict(block, branches, call)
        seen.index = call.step.index
        if seen.index == STEP:
            asked: Any = block.memo.guider[1]
            guider = asked.guider or asked if isinstance(asked, EmbeddedGuidance) else asked
            plain = dict(made)
            if block.family.predicts_variance(block.denoiser):
                plain, seen.variance = (
                    {n: p.chunk(2, 1)[0] for n, p in made.items()},
                    made["conditional"].chunk(2, 1)[1],
                )
            seen.expected = by_formula(guider, plain, block.family, call).detach().double()
        return made

    def listen(event: object) -> None:
        # Values of a prior, which stands in a scope, have other names.
        if isinstance(event, StepFinished) and seen.index == STEP and "noise_pred" in event.values:
            seen.given = event.values["noise_pred"].clone()

    listeners = pipe.settings.listeners
    pipe.configure(listeners=[*listeners, listen])
    PredictNoise._predictions = watching  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        PredictNoise._predictions = predict  # type: ignore[method-assign]
        pipe.configure(listeners=listeners)


def by_formula(guider: Any, made: Predictions, family: Any, call: Any) -> torch.Tensor:
    """What a guider shall make of the predictions of a step."""
    return FORMULAS.get(type(guider).__name__, plainly)(guider, made, family, call)


def plainly(guider: Any, made: Predictions, *_: Any) -> torch.Tensor:
    """`u + s (c - u)`, and away from a perturbed prediction by `s (c - p)`; a single prediction is the result."""
    conditional = made["conditional"].double()
    guided = conditional
    if "unconditional" in made:
        unconditional = made["unconditional"].double()
        guided = unconditional + guider.guidance_scale * (conditional - unconditional)
    if "perturbed" in made:
        guided = guided + guider.perturbed_scale * (conditional - made["perturbed"].double())
    return guided


def as_diffusers(guider: Any, made: Predictions, *_: Any) -> torch.Tensor:
    """By diffusers' class of the same name and settings."""
    return _of_diffusers(guider, made["conditional"], made["unconditional"])


def _of_diffusers(guider: Any, conditional: torch.Tensor, unconditional: torch.Tensor) -> torch.Tensor:
    settings = {each.name: getattr(guider, each.name) for each in fields_of(type(guider))}
    lists = {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
    theirs = getattr(diffusers.guiders, type(guider).__name__)(**lists)
    theirs.set_state(step=STEP, num_inference_steps=4, timestep=torch.tensor(1))
    theirs.prepare_inputs({"x": (1, 2)})
    guided: torch.Tensor = theirs.forward(conditional, unconditional).pred
    return guided


def by_frames(guider: Any, made: Predictions, _: Any, call: Any) -> torch.Tensor:
    """By diffusers' class, of videos each frame as an image."""
    conditional, unconditional = made["conditional"], made["unconditional"]
    if conditional.ndim == 3 or min(conditional.shape[-2:]) < 3:
        # A sound is an image of one row. Too small for the reflection at the edges of diffusers' pyramid: here alone ours is asked, of which other sizes are tested.
        small: torch.Tensor = guider.combine(made, call.step)[0]
        return small
    if conditional.ndim == 4:
        return _of_diffusers(guider, conditional, unconditional)
    frames = [_of_diffusers(guider, conditional[:, :, n], unconditional[:, :, n]) for n in range(conditional.shape[2])]
    return torch.stack(frames, dim=2)


def by_strengths_of_frames(guider: Any, made: Predictions, *_: Any) -> torch.Tensor:
    """`u + s_f (c - u)`, evenly from the first frame's strength to the last one's."""
    conditional, unconditional = made["conditional"].double(), made["unconditional"].double()
    last = conditional.shape[2] - 1
    first, all_of = guider.first_frame_scale, guider.guidance_scale - guider.first_frame_scale
    frames = [first + all_of * n / max(last, 1) for n in range(last + 1)]
    return unconditional + torch.tensor(frames, dtype=torch.float64).view(-1, 1, 1) * (conditional - unconditional)


def by_magnitude(guider: Any, made: Predictions, *_: Any) -> torch.Tensor:
    """`u + (1 + (s - 1) exp(-alpha |c - u| / |u|)) (c - u)`, with the norms of an image."""
    conditional, unconditional = made["conditional"].double(), made["unconditional"].double()
    images = []
    for one, other in zip(conditional, unconditional, strict=True):
        damping = torch.exp(-guider.alpha * (one - other).flatten().norm() / other.flatten().norm())
        images.append(other + (1 + (guider.guidance_scale - 1) * damping) * (one - other))
    return torch.stack(images)


def of_the_length_of_tokens(guider: Any, made: Predictions, family: Any, call: Any) -> torch.Tensor:
    """`g |c| / |g|` along the numbers of a token."""
    conditional, guided = made["conditional"], plainly(guider, made).float()
    tokens, before = (family.tokens_of(each).double() for each in (guided, conditional))
    lengths = before.square().sum(-1, keepdim=True).sqrt() / tokens.square().sum(-1, keepdim=True).sqrt()
    latents: torch.Tensor = family.latents_of((tokens * lengths).float(), call.latents)
    return latents


def in_samples(guider: Any, made: Predictions, _: Any, call: Any) -> torch.Tensor:
    """The inner guider's formula, of the clean samples that the predictions mean."""
    noise = call.step.noise
    samples = {name: noise.sample_of(each) for name, each in made.items()}
    guided: torch.Tensor = noise.prediction_of(as_diffusers(guider.guider, samples))
    return guided


def within_a_quantile(guider: Any, made: Predictions, _: Any, call: Any) -> torch.Tensor:
    """Samples cut at their quantile of values, and shrunk to that of the conditional prediction."""
    noise = call.step.noise
    sample, plain = noise.sample_of(plainly(guider.guider, made).float()), noise.sample_of(made["conditional"])
    images = []
    for one, other in zip(sample, plain, strict=True):
        bound, limit = (torch.quantile(each.abs().flatten(), guider.quantile) for each in (other, one))
        limit = max(limit, bound)
        images.append(one.clamp(-limit, limit) * (bound / limit))
    guided: torch.Tensor = noise.prediction_of(torch.stack(images))
    return guided


def along_a_gradient(guider: Any, made: Predictions, _: Any, call: Any) -> torch.Tensor:
    """The sample of the inner formula, moved by `s sigma^2 / alpha` times the gradient of its score by the latents."""
    noise = call.step.noise
    sample = noise.sample_of(plainly(guider.guider, made).float())
    score = guider.score(sample, call.step)
    (gradient,) = torch.autograd.grad(score.sum(), call.latents, retain_graph=True)
    moved = sample + guider.classifier_scale * noise.noise**2 / noise.signal * gradient
    guided: torch.Tensor = noise.prediction_of(moved.detach())
    return guided


FORMULAS: dict[str, Callable[..., torch.Tensor]] = {
    "AdaptiveProjectedGuidance": as_diffusers,
    "AdaptiveProjectedMixGuidance": as_diffusers,
    "ClassifierFreeZeroStarGuidance": as_diffusers,
    "TangentialClassifierFreeGuidance": as_diffusers,
    "FrequencyDecoupledGuidance": by_frames,
    "FrameScaledGuidance": by_strengths_of_frames,
    "MagnitudeAwareGuidance": by_magnitude,
    "NormKeptGuidance": of_the_length_of_tokens,
    "SampleSpaceGuidance": in_samples,
    "DynamicThresholding": within_a_quantile,
    "ClassifierGuidance": along_a_gradient,
}
