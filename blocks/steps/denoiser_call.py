"""What a step asks of the denoiser, and what other networks add to that."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from attrs import frozen

from ...families.added_arguments import with_added
from ...families.contract import FamilyContract
from ...families.noise_schedule import PREDICTION_TYPES
from ...guiders import GuidanceBranch, GuidanceStep
from ...state import Conditioning, Fault
from ...state.errors import with_article
from ..core.part import BlockPart

if TYPE_CHECKING:
    from torch import Tensor


class ExtraInputs(Protocol):
    """What one network adds at one step: a pure function, asked once for each batch of predictions."""

    def __call__(
        self, call: DenoiserCall, branches: Sequence[GuidanceBranch], latents: Tensor, kwargs: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return arguments of the denoiser, beside `kwargs`; see `DenoiserInput.extra_inputs`."""
        ...


@frozen(eq=False)
class DenoiserCall:
    """What a step asks of the denoiser.

    Attributes:
        latents: `[b c h w]`, scaled as the denoiser expects them. t: the model's timestep. step: where the loop is.
        host_t: the same timestep, on the host where the loop has it there.
        conditioning: what the denoiser is told besides, by name. attention: arguments of the attention processors.
        extras: what other networks add to the arguments. denoiser: that is asked.
    """

    latents: Tensor
    t: Any
    step: GuidanceStep
    conditioning: Conditioning
    attention: Mapping[str, Any] | None = None
    extras: tuple[ExtraInputs, ...] = ()
    denoiser: Any = None
    host_t: Any = None

    def with_extras(
        self, branches: Sequence[GuidanceBranch], latents: Tensor, kwargs: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return the denoiser's arguments for branches in one batch, with what other networks add.

        Args:
            latents: `[branches * b c h w]`, as the denoiser gets them. kwargs: its arguments without extras.

        Raises:
            RunError: two networks add an argument that cannot be summed.
        """
        extended = dict(kwargs)
        for extra in self.extras:
            extended = with_added(extended, extra(self, branches, latents, kwargs))
        return extended


class DenoiserInput(BlockPart):
    """A part of `PredictNoise` that adds to the denoiser's inputs: residuals of a ControlNet, features of a T2I-Adapter.

    Several stand in one list, `PredictNoise.plus(ControlNetResiduals, AdapterFeatures)`. Of those that add the same argument
    the sum is taken.
    """

    _is_framework_base: ClassVar[bool] = True
    spatial_inputs: ClassVar[tuple[str, ...] | None] = None
    """Inputs of `prepare` that lie over the image, `[... height width]`, and of which a window is given its own; None where that is not known,
    and no window can be told anything."""

    def extra_inputs(
        self,
        prepared: Any,
        call: DenoiserCall,
        branches: Sequence[GuidanceBranch],
        latents: Tensor,
        kwargs: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        """Return the arguments that are added for branches in one batch.

        Args:
            prepared: what `prepare` has returned at this step; where that was None, nothing is asked.
            latents: `[branches * b c h w]`. kwargs: the denoiser's arguments for these branches, without extras.
        """
        raise NotImplementedError(f"{type(self).__name__} must define extra_inputs(...).")


def untold_faults(guider: Any, denoiser: str, kinds: Collection[str]) -> Iterator[str]:
    """Yield what a guider leaves out for a second prediction, and the denoiser is not told in the first place.

    Args:
        denoiser: its name. kinds: of what it is told.
    """
    name = type(guider).__name__
    for kind in sorted(getattr(guider, "drops", frozenset()) - set(kinds)):
        yield (
            f"{name} compares with a prediction without {kind}, and {denoiser} is told none; take ClassifierFreeGuidance, or a family "
            "whose network sees one."
        )
    leaves_out = "text" in kinds or getattr(guider, "acts_alone", False)
    if not leaves_out and getattr(guider, "uses_negative", False):
        told = "nothing that can be left out" if kinds else "nothing"
        yield (
            f"{name} compares with a prediction that is told less, and {denoiser} is told {told}, so both would be the same. Take "
            "ClassifierFreeGuidance(enabled=False), or ClassifierGuidance with a score of your own."
        )


def useless_inputs(family: FamilyContract, given: Mapping[str, Any]) -> Iterator[str]:
    """Yield which inputs the denoiser of a family has no use for: arguments of attention, or a strength of guidance."""
    attention, scale = given.get("cross_attention_kwargs"), given.get("guidance_scale")
    if not family.attention_argument and isinstance(attention, dict) and attention.keys() - {"scale"}:
        text = f"cross_attention_kwargs: the denoiser of {family.name} takes no arguments of attention; leave it out."
        yield Fault(text, "cross_attention_kwargs")
    guides = any(part.kind == "text" for part in family.fields("denoiser_input_fields"))
    if not guides and isinstance(scale, (int, float)) and scale > 1:
        yield Fault(
            f"guidance_scale is {scale}, and the denoiser of {family.name} is told nothing that guidance could leave out; leave it out.",
            "guidance_scale",
        )


def prediction_faults(family: FamilyContract, scheduler: Any, denoiser: str) -> Iterator[str]:
    """Yield that a scheduler takes what a denoiser predicts for something else, or for nothing that is known."""
    config = getattr(scheduler, "config", None)
    kind = config.get("prediction_type") if isinstance(config, Mapping) else None
    if kind is not None and kind not in PREDICTION_TYPES:
        yield (
            f"scheduler is {with_article(type(scheduler).__name__)} with prediction_type={kind!r}, which is nothing that a network predicts: it is "
            f"{', '.join(map(repr, PREDICTION_TYPES))}."
        )
    elif family.flow and kind not in family.flow_types:
        taken = (
            "FlowMatchEulerDiscreteScheduler, or one with prediction_type='flow_prediction' and use_flow_sigmas=True"
        )
        yield (
            f"scheduler is {with_article(type(scheduler).__name__)} with prediction_type={kind!r}, and {denoiser} predicts a flow; take "
            f"{taken if None in family.flow_types else 'SCMScheduler'}."
        )


def loop_faults(family: FamilyContract, guider: Any, scheduler: Any, denoiser: str) -> Iterator[str]:
    """Yield what of a guider and a scheduler does not go with the denoiser of a family, whose name is given."""
    if getattr(guider, "on_tokens", False) and type(family).tokens_of is FamilyContract.tokens_of:
        yield (
            f"{type(guider).__name__} works on the tokens of a transformer, and the denoiser of {family.name} reads latents. "
            "Take another guider, such as ClassifierFreeGuidance or AdaptiveProjectedGuidance."
        )
    if getattr(guider, "on_frames", False) and family.medium != "video":
        yield (
            f"{type(guider).__name__} guides each frame of a video by itself, and {family.name} draws images. Take another guider, such as "
            "ClassifierFreeGuidance."
        )
    yield from prediction_faults(family, scheduler, denoiser)
    yield from untold_faults(guider, denoiser, {part.kind for part in family.fields("denoiser_input_fields")})
