"""Which guider works on which kind of denoiser, tried out: the table of docs/guiders.md.

.venv/bin/python tests/support/guider_table.py
"""

from __future__ import annotations

from typing import Any

import torch
from guided_families import FAMILIES, Family

from brickwork import ClassifierFreeGuidance
from brickwork.adapters import forward_override as behaviour
from brickwork.guiders import GUIDERS

FULL: dict[str, dict[str, Any]] = {
    "PerturbedAttentionGuidance": {"perturbed_guidance_stop": 1.0},
    "SkipLayerGuidance": {"skip_layer_guidance_stop": 1.0},
    "ClassifierFreeZeroStarGuidance": {"zero_init_steps": 0},
    "ClassifierGuidance": {"score": lambda samples, _: 100.0 * samples.flatten(1).mean(dim=1)},
    "FrameScaledGuidance": {"guidance_scale": 30.0},
    "SampleSpaceGuidance": {"guider": "AdaptiveProjectedGuidance"},
}
"""So that every step is guided, by what has no default."""
ELSEWHERE = {
    "EmbeddedGuidance": "needs a distilled network",
    "FrameScaledGuidance": "needs a network of videos",
    "ImageTextGuidance": "needs a network that sees an image",
    "NormKeptGuidance": "needs a family with tokens",
}
"""Guiders for networks of a kind of their own, which `tests/guiders/methods/test_conditionings.py` has."""


def state_of(model: torch.nn.Module) -> Any:
    """Everything that a guider could leave on a model."""
    own = {"_brickwork_identity", "_brickwork_as_made"}  # what is known of the model, which every run may note
    attributes = [(name, sorted(vars(module).keys() - own)) for name, module in model.named_modules()]
    hooks = [(len(module._forward_hooks), len(module._forward_pre_hooks)) for module in model.modules()]
    return attributes, hooks, [tensor.clone() for tensor in model.state_dict().values()]


def is_untouched(model: torch.nn.Module, before: Any) -> bool:
    """Whether a model is as it was, bit for bit."""
    after = state_of(model)
    same = all(torch.equal(one, other) for one, other in zip(after[2], before[2], strict=True))
    return same and after[:2] == before[:2] and behaviour._patches == {}


def cell(family: Family, name: str) -> str:
    """Say yes, or what does not hold."""
    if name in ELSEWHERE:
        return ELSEWHERE[name]
    before = state_of(family.denoiser)
    guider = GUIDERS[name](**FULL.get(name, {}))
    plain = family.predict(ClassifierFreeGuidance(enabled=False)).noise_pred
    batched = family.predict(guider).noise_pred
    sequential = family.predict(guider, batching="sequential").noise_pred
    faults = {
        "changes nothing": torch.allclose(batched, plain, atol=1e-4),
        "not finite": not batched.isfinite().all(),
        "one batch is not one after another": not torch.allclose(batched, sequential, atol=2e-4, rtol=1e-3),
        "leaves something behind": not is_untouched(family.denoiser, before),
    }
    return ", ".join(words for words, holds in faults.items() if holds) or "yes"


def table() -> str:
    """The table, in Markdown."""
    families = {name: make() for name, make in FAMILIES.items()}
    lines = [f"| | {' | '.join(families)} |", f"| --- |{' --- |' * len(families)}"]
    lines += [f"| {name} | {' | '.join(cell(each, name) for each in families.values())} |" for name in GUIDERS]
    return "\n".join(lines)


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(table())
