"""The network's part of a step: which predictions, in which batches, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from traceback import clear_frames
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from attrs import define, evolve, field, frozen

from ...adapters.attention_maps import maps_of, watching
from ...adapters.lora_scale import lora_scale, weight_of
from ...adapters.perturb import perturbed
from ...engine.execution.out_of_memory import is_out_of_memory
from ...engine.execution.second_try import is_tried_again
from ...families.contract import Denoiser, Scheduler, with_rows
from ...families.noise_schedule import reads_variance
from ...guiders import ClassifierFreeGuidance, EmbeddedGuidance, GuidanceBranch, GuidanceStep, Perturbation
from ...registry.compilation import uncompiled
from ...registry.model_dtype import is_hooked
from ...state import Conditioning, Group, InputError, Outputs, RunError
from ...state.vocabulary import (
    AttentionArguments,
    GuidanceMemory,
    GuidanceScale,
    HostTimestep,
    NoisePrediction,
    ScaledLatents,
    StepCount,
    StepIndex,
    Timestep,
)
from ..core.block import Block
from ..core.slots import component
from .compiled_denoiser import CompiledDenoiser
from .denoiser_call import DenoiserCall, loop_faults, useless_inputs
from .denoiser_fit import image_prompt_faults, input_misfits, layer_faults, lost_negatives, relation_faults, size_faults
from .encode_prompt import active_guider

if TYPE_CHECKING:
    from torch import Tensor

    from ...guiders import Guider


@frozen(eq=False)
class _Batch:
    """The denoiser's arguments for branches that run in one call."""

    branches: tuple[GuidanceBranch, ...]
    names: tuple[str, ...]
    kwargs: Mapping[str, Any]
    # By the shape of the latents.
    static: dict[Any, Mapping[str, Any]] = field(factory=dict)


@frozen(eq=False)
class _Batches:
    """What a step calls the denoiser for."""

    branches: tuple[GuidanceBranch, ...]
    conditioning: Conditioning
    batches: tuple[_Batch, ...]


@define(eq=False)
class StepMemo:
    """What holds from step to step: `guider` as the call has it, `batches` while nothing of them changes, and whether
    memory has run out for several predictions at once. `caches`: the network keeps what it computes from step to step, under names
    that begin with `part`. `compiled`: what it means that it is compiled; None before that is known. `variance`: whether the network
    predicts it, and whether the solver reads it; None before it is known.
    """

    guider: tuple[float | None, Any] | None = None
    batches: _Batches | None = None
    one_by_one: bool = False
    caches: bool | None = None
    part: str = ""
    compiled: CompiledDenoiser | None = None
    variance: tuple[bool, bool] | None = None


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
    shares_rows: ClassVar[tuple[str, ...]] = ("denoiser",)
    Memo: ClassVar[type[StepMemo]] = StepMemo
    if TYPE_CHECKING:
        memo: StepMemo

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
        host_t: HostTimestep | None = None,
        **of_parts: Any,
    ) -> Out:
        step = GuidanceStep(i, num_inference_steps)
        asked = DenoiserCall(scaled_latents, t, step, conditioning, cross_attention_kwargs, host_t=host_t)
        guided, memory = self.predicted(asked, guidance_scale, guidance_memory, of_parts)
        return self.Out(noise_pred=guided, guidance_memory=memory)

    def predicted(
        self, asked: DenoiserCall, guidance_scale: float | None, memory: Any, of_parts: Mapping[str, Any]
    ) -> tuple[Tensor, Any]:
        """Return the guided prediction of a step, `[b c h w]`, and what the guider keeps.

        Args:
            asked: without what other networks add, which is made here of `of_parts`, their inputs.
        """
        step = asked.step
        if step.index == 0:
            self._begin(asked.conditioning, asked.latents)
        guider = self._active_guider(guidance_scale)
        if step.index == 0 and (lost := lost_negatives(self.family, guider, asked.conditioning)):
            self.warn(lost)
        if (compiled := self._compiled()).parts:
            compiled.begin_step()
            self._tell_of_compiling(guider, step, asked.latents, asked.conditioning)
        call = asked
        if self.bound_parts:
            known = {"t": asked.t, "host_t": asked.host_t, "i": step.index, "num_inference_steps": step.count}
            told = {"conditioning": asked.conditioning, "scaled_latents": asked.latents}
            call = evolve(asked, extras=self._extras({**of_parts, **known, **told}), denoiser=self.denoiser)
        if guider.needs_noise_level:
            return self._guided_by_noise(guider, call, memory)
        return self._combined(guider, call, memory)

    def _combined(self, guider: Guider, call: DenoiserCall, memory: object) -> tuple[Tensor, Any]:
        """Predict what the guider asks for, and combine it: tokens for those that work on them, and no variance."""
        predictions = self._predictions(guider.branches(call.step), call)
        variance = None
        if self.memo.variance is None:
            is_predicted = self.family.predicts_variance(self.denoiser)
            self.memo.variance = is_predicted, is_predicted and reads_variance(self.scheduler)
        is_predicted, is_read = self.memo.variance
        if is_predicted:
            predictions, variance = _without_variance(predictions)
        if guider.on_tokens:
            predictions = {name: self.family.tokens_of(each) for name, each in predictions.items()}
        guided, memory = guider.combine(predictions, call.step, memory)
        if guider.on_tokens:
            guided = self.family.latents_of(guided, call.latents)
        if variance is not None and is_read:
            import torch

            guided = torch.cat([guided, variance], dim=1)
        return guided, memory

    def _extras(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        prepared = [(part, part.prepared(values)) for part in self.bound_parts]
        return tuple(partial(part.extra_inputs, made) for part, made in prepared if made is not None)

    def _begin(self, conditioning: Conditioning, latents: Tensor) -> None:
        """Before the first step: check what the denoiser must be told, and begin maps anew."""
        absent = [kind for kind in sorted(self.guider.drops) if not self._is_told(kind, conditioning)]
        if absent:
            raise InputError(
                f"{type(self.guider).__name__} compares with a prediction without {absent[0]}, and none was given; give one, or take "
                "ClassifierFreeGuidance."
            )
        told = next(image_prompt_faults(self.family, self.denoiser, conditioning), None)
        odd = next(size_faults(self.family, self.denoiser, conditioning, latents), None)
        fault = told or self.family.conditioning_fault(self.denoiser, conditioning) or odd
        if fault:
            raise InputError(fault)
        maps = maps_of(self.denoiser)
        if maps is not None:
            maps.begin()

    def _compiled(self) -> CompiledDenoiser:
        known = self.memo.compiled
        if known is None:
            known = self.memo.compiled = CompiledDenoiser.of(self.denoiser)
        return known

    def _tell_of_compiling(self, guider: Any, step: GuidanceStep, latents: Tensor, conditioning: Conditioning) -> None:
        """Say in the first step of a run where torch will compile once more."""
        if self.memo.batches is not None:
            return
        steps = (GuidanceStep(index, step.count) for index in range(step.index, step.count))
        batches = [self._groups(guider.branches(each), conditioning) for each in steps]
        plain = [[len(group) for group in groups if not group[0].perturbations] for groups in batches]
        if text := self._compiled().new_sizes(plain, step.index, latents):
            self.warn(text)

    def _is_told(self, kind: str, conditioning: Conditioning) -> bool:
        parts = self.family.fields("denoiser_input_fields")
        return any(part.kind == kind and conditioning.get(part.positive) is not None for part in parts)

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what the denoiser of the family has no use for."""
        yield from super().input_faults(given)
        yield from useless_inputs(self.family, given)

    def component_faults(self, components: Mapping[str, Any]) -> Iterable[str]:
        """Layers that the guider perturbs must be there."""
        yield from super().component_faults(components)
        (denoiser_name,) = next(names for name, names, _ in self._slot_names() if name == "denoiser")
        guider, denoiser = components["guider"], components[denoiser_name]
        if denoiser is not None and self.family.is_distilled(denoiser) and not isinstance(guider, EmbeddedGuidance):
            yield (
                f"{denoiser_name} has guidance built in, and {type(guider).__name__} does not tell it the strength; use "
                "EmbeddedGuidance(guidance_scale=...): pipe.update_components(guider='EmbeddedGuidance')."
            )
        yield from loop_faults(self.family, guider, components["scheduler"], denoiser_name)
        if denoiser is not None:
            yield from relation_faults(self.family, denoiser_name, components)
            yield from layer_faults(self.family, guider, denoiser, denoiser_name)

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what of images as prompts and of arguments of attention the denoiser does not take, and what is no memory of a guider."""
        yield from super().misfits(given)
        yield from input_misfits(self.family, self.denoiser, given)

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
        time = call.t if call.host_t is None else call.host_t
        step = evolve(call.step, noise=self.family.noise_level(self.scheduler, call.latents, time))
        call = evolve(call, step=step)
        with torch.enable_grad() if with_gradient else _AS_IT_IS:
            guided, memory = self._combined(guider, call, memory)
        return guided.detach() if with_gradient else guided, memory

    def _predictions(self, branches: tuple[GuidanceBranch, ...], call: DenoiserCall) -> dict[str, Tensor]:
        """What the denoiser says, by branch. Where memory runs out for several at once, one after another from then on."""
        predictions: dict[str, Tensor] = {}
        for batch in self._batches(branches, call.conditioning):
            try:
                predictions.update(self._predicted(batch, call))
            except (RuntimeError, MemoryError) as error:
                if self.batching != "auto" or len(batch.branches) == 1 or not self._may_divide(error):
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

    @staticmethod
    def _may_divide(error: BaseException) -> bool:
        # Not while other components can leave first: the same numbers at once are the same result, bit for bit.
        return is_out_of_memory(error) and not is_tried_again()

    def _predicted(self, batch: _Batch, call: DenoiserCall) -> Iterable[tuple[str, Tensor]]:
        """Call the denoiser once, for branches with the same perturbation."""
        denoiser: Any = self.denoiser
        count = len(batch.names)
        wanted = batch.branches[0].perturbations
        given = repeated(call.latents, count)
        kwargs = self._with_static(batch, given)
        if call.extras:
            kwargs = call.with_extras(batch.branches, given, kwargs)
        weight = 1.0
        if call.attention:
            told = {name: value for name, value in call.attention.items() if name != "scale"}
            argument = self.family.attention_argument
            kwargs = {**kwargs, argument: {**kwargs.get(argument, {}), **told}} if told else kwargs
            weight = weight_of(call.attention)
        maps = maps_of(denoiser)
        caches = self._caches(denoiser)
        compiled = self._compiled()
        if compiled.parts and (wanted or weight != 1.0 or maps is not None) and (text := compiled.as_written()):
            self.warn(text)
        if wanted or weight != 1.0 or maps is not None or caches or compiled.parts:
            with (
                denoiser.cache_context(self.memo.part + "+".join(batch.names)) if caches else _AS_IT_IS,
                self._perturbed(denoiser, wanted, call.latents) if wanted else _AS_IT_IS,
                watching(maps, self.family, batch.branches, call.latents),
                lora_scale(denoiser, weight),
            ):
                prediction = self.family.predict(denoiser, given, call.t, kwargs)
        else:
            prediction = self.family.predict(denoiser, given, call.t, kwargs)
        if compiled.reuses_outputs:
            prediction = prediction.clone()
        return zip(batch.names, prediction.chunk(count) if count > 1 else (prediction,), strict=True)

    def _with_static(self, batch: _Batch, latents: Tensor) -> Mapping[str, Any]:
        """The denoiser's arguments with those that follow from sizes."""
        known = batch.static.get(latents.shape)
        if known is None:
            found = self.family.static_kwargs(self.denoiser, latents, batch.kwargs)
            known = batch.static[latents.shape] = {**batch.kwargs, **found} if found else batch.kwargs
        return known

    def _caches(self, denoiser: Any) -> bool:
        """Whether a network keeps what it computes from step to step (`apply_first_block_cache` and the like), apart for each batch."""
        known = self.memo.caches
        if known is None:
            # Asked once a run: without such hooks a context does nothing, and makes diffusers walk through all modules.
            known = self.memo.caches = hasattr(denoiser, "cache_context") and is_hooked(denoiser)
        return known

    def _perturbed(self, denoiser: Any, wanted: Sequence[Perturbation], latents: Tensor) -> Any:
        inner = uncompiled(denoiser)
        layers = self.family.layers(inner)
        recommended = self.family.recommended_layers(inner, layers)
        return perturbed(denoiser, layers, recommended, wanted, self.family.aspect(latents))

    def _active_guider(self, guidance_scale: float | None) -> Any:
        last = self.memo.guider
        if last is None or last[0] is not guidance_scale:
            last = self.memo.guider = (guidance_scale, active_guider(self.guider, guidance_scale))
        return last[1]

    def _batches(self, branches: tuple[GuidanceBranch, ...], conditioning: Conditioning) -> tuple[_Batch, ...]:
        """Branches by perturbation, with what the denoiser is told, kept from step to step while nothing of it changes."""
        last = self.memo.batches
        if last is not None and last.conditioning is conditioning and last.branches == branches:
            return last.batches
        batches = tuple(self._batch(tuple(group), conditioning) for group in self._groups(branches, conditioning))
        self.memo.batches = _Batches(branches, conditioning, batches)
        return batches

    def _groups(self, branches: Iterable[GuidanceBranch], conditioning: Conditioning) -> Iterable[list[GuidanceBranch]]:
        """What runs in one call each."""
        alone = self.batching == "sequential" or self.memo.one_by_one
        groups: dict[Any, list[GuidanceBranch]] = {}
        for branch in branches:
            shapes = self.family.shapes(conditioning, branch)
            groups.setdefault(branch if alone else (branch.perturbations, shapes), []).append(branch)
        return groups.values()

    def _batch(self, branches: tuple[GuidanceBranch, ...], conditioning: Conditioning) -> _Batch:
        kwargs = self.family.denoiser_kwargs(conditioning, branches)
        scales = [branch.embedded_scale for branch in branches if branch.embedded_scale is not None]
        if scales:
            rows = next((len(value) for value in kwargs.values() if hasattr(value, "shape")), len(scales))
            told = self.family.embedded_guidance(self.denoiser, scales)
            kwargs |= {name: with_rows(value, rows) for name, value in told.items()}
        return _Batch(branches, tuple(branch.name for branch in branches), kwargs)


def _without_variance(predictions: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], Tensor]:
    """Split `[b 2c h w]` in what is guided, and the variance of the first prediction, the conditional one."""
    halves = {name: each.chunk(2, dim=1) for name, each in predictions.items()}
    conditional = halves.get("conditional") or next(iter(halves.values()))
    return {name: mean for name, (mean, _) in halves.items()}, conditional[1]


def repeated(latents: Tensor, count: int) -> Tensor:
    """Repeat a batch once per branch."""
    if count == 1:
        return latents
    import torch

    return torch.cat([latents] * count)
