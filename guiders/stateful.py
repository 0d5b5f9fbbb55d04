"""A frozen guider in the shape that foreign blocks call: told the step first, then asked for inputs and a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import evolve

from ..state import BlockState, RunError
from .guider import CONDITIONAL, UNCONDITIONAL, GuidanceBranch, GuidanceStep, Guider
from .perturbation import Perturbation

if TYPE_CHECKING:
    from torch import Tensor

Perturb = Callable[[Any, Sequence[Perturbation]], AbstractContextManager[None]]
"""Takes a denoiser and what is perturbed; gives a context in which the denoiser is so."""

_PEER_NAMES = {CONDITIONAL.name: "pred_cond", UNCONDITIONAL.name: "pred_uncond"}


class GuidedPrediction(NamedTuple):
    """The result of guidance; `pred_uncond` is None where the step had no such branch."""

    pred: Tensor
    pred_cond: Tensor
    pred_uncond: Tensor | None


class StatefulGuider:
    """One run's guider with the protocol of `diffusers.guiders.BaseGuidance` (0.42.1).

    A loop calls `set_state`, then `prepare_inputs`, then for each of the parts it gets `prepare_models`, the model and
    `cleanup_models`, sets `noise_pred` on the part, and at last calls the guider itself with all parts.

    Args:
        guider: the frozen one. perturb: how layers of a denoiser are perturbed; without it, guiders that want that are refused.
    """

    _identifier_key = "__guidance_identifier__"

    def __init__(self, guider: Guider, perturb: Perturb | None = None) -> None:
        self.guider = guider
        self._perturb = perturb
        self._changed = ExitStack()
        self._enabled = guider.enabled
        self._step: GuidanceStep | None = None
        self._memory: Any = None
        self._prepared = 0

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "guider":
            raise AttributeError(name)
        return getattr(self.guider, name)

    def enable(self) -> None:
        """Guide from now on."""
        self._enabled = True

    def disable(self) -> None:
        """Give the conditional prediction alone from now on."""
        self._enabled = False

    def set_state(self, step: int, num_inference_steps: int, timestep: object = None) -> None:  # noqa: ARG002 - protocol
        """Say where the loop is; its first step forgets what an earlier loop left."""
        # Foreign loops do not say when they begin; a step that does not come after the last one is of a new loop.
        if self._step is None or step <= self._step.index:
            self._memory = None
        self._step = GuidanceStep(step, num_inference_steps)
        self._prepared = 0

    @property
    def num_conditions(self) -> int:
        """The number of predictions that this step needs; before the first, 2 if a negative prompt is of use, else 1."""
        # Foreign blocks ask before the loop, to know whether a negative prompt is of use.
        return 1 + self._active.uses_negative if self._step is None else len(self._branches())

    @property
    def is_conditional(self) -> bool:
        """True if the model was last prepared for a branch with the positive conditioning."""
        return not self._branches()[max(self._prepared, 1) - 1].negative

    def prepare_inputs(self, data: Mapping[str, Any]) -> list[BlockState]:
        """Return one part per prediction: of pairs, the positive or the negative value; the rest as it is."""
        return [self._part(branch, {k: _of_branch(v, branch) for k, v in data.items()}) for branch in self._branches()]

    def prepare_inputs_from_block_state(
        self, data: BlockState, input_fields: Mapping[str, str | Sequence[str]]
    ) -> list[BlockState]:
        """Prepare as `prepare_inputs` does, of names of values on the block state; absent ones are left out."""
        values = data.as_dict()
        parts = []
        for branch in self._branches():
            names = {key: _of_branch(tuple(n) if isinstance(n, list) else n, branch) for key, n in input_fields.items()}
            parts.append(self._part(branch, {key: values[name] for key, name in names.items() if name in values}))
        return parts

    def prepare_models(self, denoiser: object) -> None:
        """Say that the model is called for the next part: what its branch wants perturbed is, until `cleanup_models`."""
        # Should the loop have forgotten `cleanup_models`, the perturbation of the part before must not stay.
        self.close()
        wanted = self._branches()[self._prepared].perturbations
        self._prepared += 1
        if wanted and self._perturb is not None:
            self._changed.enter_context(self._perturb(denoiser, wanted))

    def cleanup_models(self, denoiser: object) -> None:  # noqa: ARG002 - protocol
        """Say that it was."""
        self.close()

    def close(self) -> None:
        """Give the model back as it was; the run does so, too, when it ends or fails."""
        self._changed.close()

    def __call__(self, data: Sequence[Any]) -> GuidedPrediction:
        """Combine the parts' `noise_pred`.

        Raises:
            RunError: the parts are not those of this step.
        """
        branches = self._branches()
        if len(data) != len(branches):
            raise RunError(
                f"{type(self.guider).__name__} needs {len(branches)} predictions at this step, and got {len(data)}: "
                "give it all parts that prepare_inputs returned."
            )
        predictions = {branch.name: part.noise_pred for branch, part in zip(branches, data, strict=True)}
        pred, self._memory = self._active.combine(predictions, self._told, self._memory)
        return GuidedPrediction(pred, predictions[CONDITIONAL.name], predictions.get(UNCONDITIONAL.name))

    @property
    def _active(self) -> Guider:
        return self.guider if self._enabled == self.guider.enabled else evolve(self.guider, enabled=self._enabled)

    @property
    def _told(self) -> GuidanceStep:
        if self._step is None:
            raise RunError(
                f"{type(self.guider).__name__} does not know the step: call "
                "set_state(step=i, num_inference_steps=..., timestep=t) first."
            )
        return self._step

    def _branches(self) -> list[GuidanceBranch]:
        """The conditional prediction comes first, as foreign loops expect.

        Raises:
            RunError: a prediction needs more than foreign loops can give it.
        """
        branches = self._active.branches(self._told)
        lacking = [
            words
            for words, needed in (
                ("layers perturbed", self._perturb is None and any(each.perturbations for each in branches)),
                ("single conditionings dropped", any(each.without for each in branches)),
                ("a network that is told a strength", any(each.embedded_scale is not None for each in branches)),
                ("the level of noise", self._active.needs_noise_level),
            )
            if needed
        ]
        if lacking:
            raise RunError(
                f"{type(self.guider).__name__} needs {' and '.join(lacking)}, which a loop of foreign code cannot give it. "
                "Use a loop of ours (Denoise), or ClassifierFreeGuidance and its kin."
            )
        # The sort is stable, so the others keep their order.
        return sorted(branches, key=lambda branch: branch.name != CONDITIONAL.name)

    def _part(self, branch: GuidanceBranch, values: dict[str, Any]) -> BlockState:
        return BlockState(**values, **{self._identifier_key: _PEER_NAMES.get(branch.name, f"pred_{branch.name}")})


def _of_branch(value: object, branch: GuidanceBranch) -> Any:
    return value[int(branch.negative)] if isinstance(value, tuple) else value
