"""The network's part of a step: which predictions, in which batches, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from traceback import clear_frames
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from attrs import define, evolve, frozen

from ...adapters.attention_maps import maps_of, watching
from ...adapters.lora_scale import lora_scale, weight_of
from ...adapters.perturb import chosen_layers, perturbed
from ...engine.execution.out_of_memory import is_out_of_memory
from ...families.contract import Denoiser, Scheduler, with_rows
from ...guiders import ClassifierFreeGuidance, EmbeddedGuidance, GuidanceBranch, GuidanceStep, Perturbation
from ...state import Conditioning, Group, InputError, Outputs, RunError
from ...state.vocabulary import (
    AttentionArguments,
    GuidanceMemory,
    GuidanceScale,
    NoisePrediction,
    ScaledLatents,
    StepCount,
    StepIndex,
    Timestep,
)
from ..core.block import Block
from ..core.slots import component
from .denoiser_call import DenoiserCall
from .encode_prompt import active_guider

if TYPE_CHECKING:
    from torch import Tensor


@frozen(eq=False)
class _Batch:
    """The denoiser's arguments for branches that run in one call."""

    branches: tuple[GuidanceBranch, ...]
    names: tuple[str, ...]
    kwargs: Mapping[str, Any]


@frozen(eq=False)
class _Batches:
    """What a step calls the denoiser for."""

    branches: tuple[GuidanceBranch, ...]
    conditioning: Conditioning
    batches: tuple[_Batch, ...]


@define(eq=False)
class _Memo:
    """What holds from step to step: `guider` as the call has it, `batches` while nothing of them changes, and whether
    memory has run out for several predictions at once.
    """

    guider: tuple[float | None, Any] | None = None
    batches: _Batches | None = None
    one_by_one: bool = False


_AS_IT_IS = nullcontext()


class PredictNoise(Block):
    """Call the denoiser, with all branches that need the same network in one batch, and combine the predictions.

    `batching`: "batched" makes one call for them; "sequential" one after another, which needs less memory and more time;
    "auto" begins with the first, and goes on with the second where memory runs out, which the recipe then says.
    """

    batching: Literal["auto", "batched", "sequential"] = "auto"

    memory_advice = (
        "fewer images at once: a smaller num_images_per_prompt, or fewer prompts",
        "smaller images: height and width",
        "half precision: load_components(dtype=torch.float16)",
    )

    denoiser: Denoiser = component(doc="The network that is called once per step.")
    scheduler: Scheduler = component(doc="Says how much noise a step has, to guiders that ask.")
    guider: ClassifierFreeGuidance = component(
        config={"guidance_scale": 7.5}, doc="Which predictions, and how combined."
    )

    takes_parts: ClassVar[bool] = True
    Memo: ClassVar[type[_Memo]] = _Memo
    if TYPE_CHECKING:
        memo: _Memo

    class Out(Outputs):
        noise_pred: NoisePrediction
        guidance_memory: GuidanceMemory

    def run(
        self,
        scaled_latents: ScaledLatents,
        t: Timestep,
        i: StepIndex,
        num_inference_steps: StepCount,
        conditioning: Annotated[Conditioning, Group("denoiser_input_fields")],
        guidance_scale: GuidanceScale | None = None,
        guidance_memory: GuidanceMemory = None,
        cross_attention_kwargs: AttentionArguments | None = None,
        **of_parts: Any,
    ) -> Out:
        if i == 0:
            self._begin(conditioning)
        guider = self._active_guider(guidance_scale)
        step = GuidanceStep(i, num_inference_steps)
        extras = ()
        if self.bound_parts:
            known = {"t": t, "i": i, "num_inference_steps": num_inference_steps, "conditioning": conditioning}
            extras = self._extras({**of_parts, **known, "scaled_latents": scaled_latents})
        call = DenoiserCall(scaled_latents, t, step, conditioning, cross_attention_kwargs, extras)
        if guider.needs_noise_level:
            guided, memory = self._guided_by_noise(guider, call, guidance_memory)
        else:
            guided, memory = guider.combine(self._predictions(guider.branches(step), call), step, guidance_memory)
        return self.Out(noise_pred=guided, guidance_memory=memory)

    def _extras(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        prepared = [(part, part.prepared(values)) for part in self.bound_parts]
        return tuple(partial(part.extra_inputs, made) for part, made in prepared if made is not None)

    def _begin(self, conditioning: Conditioning) -> None:
        """Before the first step: check what the denoiser must be told, and begin maps anew."""
        fault = self.family.conditioning_fault(self.denoiser, conditioning)
        if fault:
            raise InputError(fault)
        maps = maps_of(self.denoiser)
        if maps is not None:
            maps.begin()

    def component_faults(self, components: Mapping[str, Any]) -> Iterable[str]:
        """Layers that the guider perturbs must be there."""
        yield from super().component_faults(components)
        (denoiser_name,) = next(names for name, names, _ in self._slot_names() if name == "denoiser")
        guider, denoiser = components["guider"], components[denoiser_name]
        wanted = getattr(guider, "wanted_perturbations", ())
        if denoiser is not None and self.family.is_distilled(denoiser) and not isinstance(guider, EmbeddedGuidance):
            yield (
                f"{denoiser_name} has guidance built in, and {type(guider).__name__} does not tell it the strength; use "
                "EmbeddedGuidance(guidance_scale=...): pipe.update_components(guider='EmbeddedGuidance')."
            )
        if not wanted or denoiser is None:
            return
        layers = self.family.layers(denoiser)
        recommended = self.family.recommended_layers(denoiser, layers)
        for perturbation in wanted:
            try:
                list(chosen_layers(layers, recommended, perturbation))
            except InputError as error:
                yield f"guider: {error}"

    def _guided_by_noise(self, guider: Any, call: DenoiserCall, memory: Any) -> tuple[Tensor, Any]:
        """Predict and combine for a guider that asks for the level of noise, and maybe for gradients."""
        import torch

        with_gradient = guider.needs_gradient(call.step)
        if with_gradient:
            if torch.is_inference_mode_enabled():
                raise RunError(
                    f"{type(guider).__name__} needs gradients, which torch's inference mode cannot record: "
                    'pipe.configure(grad="no_grad").'
                )
            call = evolve(call, latents=call.latents.detach().requires_grad_())
        step = evolve(call.step, noise=self.family.noise_level(self.scheduler, call.latents, call.t))
        call = evolve(call, step=step)
        with torch.enable_grad() if with_gradient else _AS_IT_IS:
            guided, memory = guider.combine(self._predictions(guider.branches(step), call), step, memory)
        return guided.detach() if with_gradient else guided, memory

    def _predictions(self, branches: tuple[GuidanceBranch, ...], call: DenoiserCall) -> dict[str, Tensor]:
        """What the denoiser says, by branch. Where memory runs out for several at once, one after another from then on."""
        predictions: dict[str, Tensor] = {}
        for batch in self._batches(branches, call.conditioning):
            try:
                predictions.update(self._predicted(batch, call))
            except (RuntimeError, MemoryError) as error:
                if self.batching != "auto" or len(batch.branches) == 1 or not is_out_of_memory(error):
                    raise
                # The frames of the failed call hold its tensors, and so would keep the memory that ran out.
                clear_frames(error.__traceback__)
                break
        else:
            return predictions
        self.memo.one_by_one, self.memo.batches = True, None
        predictions.clear()
        self.warn("memory ran out for several predictions at once; they are made one after another from here on")
        return self._predictions(branches, call)

    def _predicted(self, batch: _Batch, call: DenoiserCall) -> Iterable[tuple[str, Tensor]]:
        """Call the denoiser once, for branches with the same perturbation."""
        denoiser: Any = self.denoiser
        count = len(batch.names)
        wanted = batch.branches[0].perturbations
        given = repeated(call.latents, count)
        kwargs = call.with_extras(batch.branches, given, batch.kwargs) if call.extras else batch.kwargs
        weight = 1.0
        if call.attention:
            told = {name: value for name, value in call.attention.items() if name != "scale"}
            kwargs = {**kwargs, self.family.attention_argument: told} if told else kwargs
            weight = weight_of(call.attention)
        maps = maps_of(denoiser)
        if wanted or weight != 1.0 or maps is not None:
            with (
                self._perturbed(denoiser, wanted, call.latents) if wanted else _AS_IT_IS,
                watching(maps, self.family, batch.branches, call.latents),
                lora_scale(denoiser, weight),
            ):
                prediction = self.family.predict(denoiser, given, call.t, kwargs)
        else:
            prediction = self.family.predict(denoiser, given, call.t, kwargs)
        return zip(batch.names, prediction.chunk(count) if count > 1 else (prediction,), strict=True)

    def _perturbed(self, denoiser: Any, wanted: Sequence[Perturbation], latents: Tensor) -> Any:
        layers = self.family.layers(denoiser)
        recommended = self.family.recommended_layers(denoiser, layers)
        return perturbed(denoiser, layers, recommended, wanted, self.family.aspect(latents))

    def _active_guider(self, guidance_scale: float | None) -> Any:
        last = self.memo.guider
        if last is None or last[0] is not guidance_scale:
            last = self.memo.guider = (guidance_scale, active_guider(self.guider, guidance_scale))
        return last[1]

    def _batches(self, branches: tuple[GuidanceBranch, ...], conditioning: Conditioning) -> tuple[_Batch, ...]:
        """Branches by perturbation, with what the denoiser is told, kept from step to step while nothing of it changes."""
        last = self.memo.batches
        if last is not None and last.conditioning is conditioning:
            if last.branches is branches:
                return last.batches
            if last.branches == branches:
                return last.batches
        alone = self.batching == "sequential" or self.memo.one_by_one
        groups: dict[Any, list[GuidanceBranch]] = {}
        for branch in branches:
            groups.setdefault(branch if alone else branch.perturbations, []).append(branch)
        batches = tuple(self._batch(tuple(group), conditioning) for group in groups.values())
        self.memo.batches = _Batches(branches, conditioning, batches)
        return batches

    def _batch(self, branches: tuple[GuidanceBranch, ...], conditioning: Conditioning) -> _Batch:
        kwargs = self.family.denoiser_kwargs(conditioning, branches)
        scales = [branch.embedded_scale for branch in branches if branch.embedded_scale is not None]
        if scales:
            rows = next((len(value) for value in kwargs.values() if hasattr(value, "shape")), len(scales))
            told = self.family.embedded_guidance(self.denoiser, scales)
            kwargs |= {name: with_rows(value, rows) for name, value in told.items()}
        return _Batch(branches, tuple(branch.name for branch in branches), kwargs)


def repeated(latents: Tensor, count: int) -> Tensor:
    """Repeat a batch once per branch."""
    if count == 1:
        return latents
    import torch

    return torch.cat([latents] * count)
