"""What a block may ask of a model family. The files beside it implement it; blocks know nothing else of a family."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

from ..engine.network_calls import RowArguments, call_rows
from ..guiders import NoiseLevel
from ..state import Fault, InputError
from ..state.object_content import UNCOUNTED
from ..state.values.form import side_fault
from .added_arguments import ROWS_BESIDE
from .controlnet import ControlNetInputs, unet_control
from .denoiser_limits import DenoiserLimits, said_side
from .frame_limits import FrameLimits
from .image_scales import ImageScales
from .noise_schedule import level_of, prediction_type_of
from .roles import (
    ROLE_TYPES,
    Autoencoder,
    ControlNet,
    Denoiser,
    ImageAdapter,
    ImageEmbedder,
    PictureAdapter,
    Scheduler,
    TextEncoder,
    Tokenizer,
)
from .text_encoding import Encoded, TextEncoding, joined_by_width

if TYPE_CHECKING:
    from torch import Tensor

    from ..guiders import GuidanceBranch
    from .layers import Layer

__all__ = [
    "ROLE_TYPES",
    "UNBOUND",
    "Autoencoder",
    "ConditioningField",
    "ControlNet",
    "Denoiser",
    "Encoded",
    "FamilyContract",
    "ImageAdapter",
    "ImageEmbedder",
    "PictureAdapter",
    "RoleComponent",
    "Scheduler",
    "TextEncoder",
    "TextEncoding",
    "Tokenizer",
    "bound_family",
    "with_rows",
]


@frozen
class RoleComponent:
    """One component that plays a role.

    Attributes:
        name: under which the repository knows it ("unet"). type_hint: class, or "library:Class".
        config: it is made from this configuration, unless the repository says otherwise.
        optional: the family runs without it, where the repository or a person says that there is none (the T5 of SD3).
    """

    name: str
    type_hint: Any
    config: dict[str, Any] | None = None
    optional: bool = False


@frozen
class ConditioningField:
    """One value that a family is told besides the latents, in its positive and its negative branch.

    Attributes:
        positive, negative: names of the two values. word: their type and meaning. negative_word: the negative
            one's, where it differs.
        argument: where the denoiser takes it, as in "added_cond_kwargs.time_ids"; empty for what it never sees.
        required: the positive value must be given. shared: it serves the negative branch where that has none.
        kind: "text", or what else a guider may drop by itself ("image").
        source: what of the text encoders it is: "hidden" states, the "pooled" vector, or the "mask" of the tokens that count; "second" of the second
            encoder by itself.
    """

    positive: str
    negative: str
    word: Any
    negative_word: Any = None
    argument: str = ""
    required: bool = True
    shared: bool = False
    source: Literal["", "hidden", "pooled", "mask", "second hidden", "second mask"] = ""
    doc: str = ""
    kind: str = "text"


@frozen
class FamilyContract(ImageScales, DenoiserLimits, FrameLimits):
    """What varies between model families: data, and small pure functions that subclasses add.

    Attributes:
        name: as in catalogs. prefix: before the names of bound classes.
        roles: role in blocks to the components that play it.
        groups: "prompts" (what text encoders read), "prompt_embeds" (what they write), "denoiser_input_fields"
            (what the denoiser is told), "sizes" (which of it are sizes and crops), each to its fields.
        text_encodings: one per text encoder, in order. size_multiple: of heights and widths, in pixels.
        zeros_for_empty_prompt: whether no negative prompt means embeddings of zeros; None leaves it to the pipeline's config.
        max_sequence_length: tokens of the text encoders that read as many as are asked for, where nobody asks.
        attention_argument: where the denoiser takes arguments of its attention processors; the input is called so, too.
        lora_loader: diffusers' mixin that knows the family's LoRAs, as "module:Class".
        accepts: role to the names of all classes that fit it, where these are more than the one that the role names.
        classic_pipeline, modular_pipeline, modular_blocks: diffusers' classes for the family, as indices of repositories name
            them; `modular_blocks` is the composition of all tasks, by which the modular pipeline runs.
        advice: role to what a person can take in place of a component whose members do not do for the blocks.
        ip_adapter_loader: diffusers' mixin that knows the family's IP-Adapters, as "module:Class". ip_adapter_weights: their file, where
            the caller names none. ip_adapter_names: of the tensors of each of their layers. image_projection: what of the denoiser turns
            images into tokens for them. one_ip_adapter: the denoiser takes no second one beside the first.
        no_image: what they are told where they shall be told none: "zeros", what the image encoder sees of a "black" image, or
            what adapters of their kind are told ("kind": of hidden states those of a grey image, else zeros).
        defaults: of inputs that may be left out, by name, where they differ from those of the blocks; of one block by "Block.input".
        flow: it denoises by flow matching, whose schedulers scale neither the first noise nor what the network is given.
        schedule_reads_size: the timesteps depend on the size of the latents. truncates_start: of a share of the steps that is no
            whole number, the start is cut, and not the number of steps that are left.
        video_vae: the VAE is one of videos, of which an image is one frame.
        upcasts_vae: VAEs that say `force_upcast` run in float32: the first one of SDXL gives NaN in half precision. Others say it by default.
        control_latents: ControlNets read control images as the VAE's latents, and cannot guess. draws_control: those are drawn from its
            posterior, and are not its most likely ones. masked_control: some of the nets read a mask beside the image.
        positive_control: they are told the positive conditioning alone, and steer every prediction by what they say of it.
        image_multiple: of the sides of images, in pixels, as the image processors round them.
        several_references: each prompt is told all reference images; else each its own. sizing_reference: which of them says the size of
            images where nobody does.
        repeats_text: text that stands twice says what it says once, as in cross attention; so texts of several lengths are brought to one.
        rows_independent: a row of a batch is what it would be alone, so rows of several requests can share a call.
        pipeline_properties: what foreign blocks of the family read besides components, as in
            `components.vae_scale_factor`: each is computed from an object with the components as attributes.
    """

    name: str
    prefix: str
    roles: Mapping[str, tuple[RoleComponent, ...]] = field(factory=dict)
    groups: Mapping[str, tuple[ConditioningField, ...]] = field(factory=dict)
    text_encodings: tuple[TextEncoding, ...] = ()
    size_multiple: int = 8
    zeros_for_empty_prompt: bool | None = None
    max_sequence_length: int | None = None
    lora_loader: str = ""
    # Names alone: the code of blocks is the same whatever they are, and recipes from before these fields stay true.
    accepts: Mapping[str, tuple[str, ...]] = field(factory=dict, metadata=UNCOUNTED)
    classic_pipeline: str = field(default="", metadata=UNCOUNTED)
    modular_pipeline: str = field(default="", metadata=UNCOUNTED)
    modular_blocks: str = field(default="", metadata=UNCOUNTED)
    ip_adapter_weights: str = field(default="", metadata=UNCOUNTED)
    ip_adapter_loader: str = field(default="diffusers.loaders:IPAdapterMixin", metadata=UNCOUNTED)
    ip_adapter_names: tuple[str, ...] = field(default=(), metadata=UNCOUNTED)
    image_projection: str = field(default="encoder_hid_proj", metadata=UNCOUNTED)
    one_ip_adapter: bool = field(default=False, metadata=UNCOUNTED)
    no_image: Literal["kind", "zeros", "black"] = "kind"
    advice: Mapping[str, str] = field(factory=dict, metadata=UNCOUNTED)
    attention_argument: str = ""
    defaults: Mapping[str, Any] = field(factory=dict)
    flow: bool = False
    schedule_reads_size: bool = False
    truncates_start: bool = False
    upcasts_vae: bool = False
    video_vae: bool = field(default=False, metadata=UNCOUNTED)
    control_latents: bool = False
    draws_control: bool = True
    masked_control: bool = False
    positive_control: bool = False
    image_multiple: int = 8
    repeats_text: bool = field(default=False, metadata=UNCOUNTED)
    several_references: bool = field(default=False, metadata=UNCOUNTED)
    sizing_reference: Literal["first", "last"] = field(default="first", metadata=UNCOUNTED)
    rows_independent: bool = True
    pipeline_properties: Mapping[str, Callable[[Any], Any]] = field(factory=dict)

    @cached_property
    def row_arguments(self) -> RowArguments:
        """Which arguments of the denoiser have a row for each image."""
        named = {part.argument for part in self.groups.get("denoiser_input_fields", ())}
        return RowArguments(named | ROWS_BESIDE, independent=self.rows_independent)

    def fields(self, group: str) -> tuple[ConditioningField, ...]:
        """Fields of a group, none for a group that the family does not know."""
        return self.groups.get(group, ())

    def input_name(self, name: str) -> str:
        """What an input of blocks is called in the family: arguments of attention as the denoiser calls them."""
        return self.attention_argument or name if name == "cross_attention_kwargs" else name

    def vae_scale_factor(self, vae: Autoencoder) -> int:
        """Pixels per latent along a side."""
        return int(2 ** (len(vae.config.block_out_channels) - 1))

    def default_size(self, denoiser: Denoiser, vae: Autoencoder) -> int:
        """Height and width in pixels of an image where the caller names none."""
        return said_side(denoiser) * self.vae_scale_factor(vae)

    def latent_shape(
        self, denoiser: Denoiser, vae: Autoencoder, batch: int, height: int, width: int
    ) -> tuple[int, ...]:
        """Shape of a batch of latents for images of a size in pixels."""
        factor = self.vae_scale_factor(vae)
        return (batch, self.latent_channels(denoiser, vae), height // factor, width // factor)

    def latent_channels(self, denoiser: Denoiser, vae: Autoencoder) -> int:  # noqa: ARG002 - others read it
        """Channels of latents, without those that a denoiser reads beside them."""
        return int(denoiser.config.in_channels)

    def schedule(self, scheduler: Scheduler, steps: int, shape: tuple[int, ...] | None) -> dict[str, Any]:  # noqa: ARG002 - others read them
        """Arguments of the scheduler's `set_timesteps` for a number of steps, where it is not the number alone: own sigmas, a shift.

        Args:
            shape: of the latents, of families whose schedule reads sizes.
        """
        return {}

    def class_count(self, denoiser: Denoiser) -> int:
        """How many classes a denoiser knows, of families that are told such; the number after the last stands for none."""
        return int(denoiser.config.num_embeds_ada_norm)

    def embedding_widths(self, denoiser: Denoiser) -> Mapping[str, int]:  # noqa: ARG002 - others read it
        """How wide embeddings are that a denoiser reads, by what they are ("hidden", "pooled"); what is not known is left out."""
        return {}

    def joined_texts(
        self,
        encoded: Sequence[Encoded | None],
        denoiser: Denoiser | None,  # noqa: ARG002 - others read these
        rows: int,  # noqa: ARG002
        tokens: int | None,  # noqa: ARG002
    ) -> Mapping[str, Tensor | None]:
        """What text encoders say of a batch of texts, by the `source` of the fields in the group "prompt_embeds".

        Args:
            encoded: of each encoder; None for one that is not there. denoiser: of the role "embeds_readers", if the family has it.
            rows: texts. tokens: the `max_sequence_length` that counts.
        """
        return joined_by_width(encoded)

    def unsaid(self, embedder: Any) -> Mapping[str, tuple[int, ...]]:
        """Shapes of what text encoders would say of one prompt, by `source`, where what an image embedder makes stands alone."""
        raise NotImplementedError(f"{self.name} does not go without text encoders.")

    def size_fault(self, name: str, size: Any) -> Fault | None:
        """Say what is wrong with a height or width in pixels; None for what is fine or no whole number."""
        return side_fault(name, size, self.size_multiple)

    def denoiser_kwargs(self, conditioning: Mapping[str, Any], branches: Sequence[GuidanceBranch]) -> dict[str, Any]:
        """Arguments of the denoiser besides latents and timestep, for branches that run as one batch.

        Args:
            conditioning: values by name. branches: say which of them are fed the negative values.
        """
        kwargs: dict[str, Any] = {}
        rows = 0
        for part in self.fields("denoiser_input_fields"):
            if conditioning.get(part.positive) is None:
                continue
            values = [_branch_value(part, conditioning, _is_dropped(part, branch)) for branch in branches]
            rows = rows or len(values[0])
            values = [
                [with_rows(each, rows) for each in value] if isinstance(value, list) else value for value in values
            ]
            *outer, name = part.argument.split(".")
            place = kwargs
            for key in outer:
                place = place.setdefault(key, {})
            place[name] = values[0] if len(values) == 1 else _joined(values)
        return kwargs

    def shapes(self, conditioning: Mapping[str, Any], branch: GuidanceBranch) -> tuple[Any, ...]:
        """Shapes of what a branch is told, without rows: branches of one shape can share a batch."""
        found: list[tuple[int, ...] | None] = []
        for part in self.fields("denoiser_input_fields"):
            value: Any = conditioning.get(_name_of(part, conditioning, _is_dropped(part, branch)))
            found.append(tuple(value.shape[1:]) if hasattr(value, "shape") else None)
        return tuple(found)

    def size_ids(self, denoiser: Denoiser, sizes: Sequence[tuple[float, ...]], pooled_width: int) -> list[float]:
        """The numbers that tell the denoiser about sizes and crops; of families that have such."""
        raise NotImplementedError(f"{self.name} is told nothing about sizes.")

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the denoiser with a batch of latents at a timestep."""
        prediction: Tensor = call_rows(self.row_arguments, denoiser, latents, t, **kwargs, return_dict=False)[0]
        return prediction

    def static_kwargs(self, denoiser: Any, latents: Tensor, kwargs: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - others read them
        """Arguments that follow from sizes alone, such as places of tokens: asked once a run for each batch of branches.

        Args:
            latents: `[branches * b c h w]`, as the denoiser gets them. kwargs: its other arguments.
        """
        return {}

    def tokens_of(self, latents: Tensor) -> Tensor:
        """Latents `[b c h w]` as the denoiser's tokens, `[b tokens width]`."""
        raise NotImplementedError(f"The denoiser of {self.name} reads latents and no tokens.")

    def latents_of(self, tokens: Tensor, like: Tensor) -> Tensor:
        """Tokens `[b tokens width]` as latents of the shape of others; the inverse of `tokens_of`."""
        raise NotImplementedError(f"The denoiser of {self.name} reads latents and no tokens.")

    def vectors(self, denoiser: Any, latents: Tensor) -> Tensor:
        """Embeddings of images, `[b width]`, that latents `[b c 1 1]` of a prior are."""
        raise NotImplementedError(f"{self.name} makes images, and no embeddings of images.")

    def noise_level(self, scheduler: Any, latents: Tensor, t: Any) -> NoiseLevel:
        """What the network predicts, and how much noise is in the latents that it is given at a timestep."""
        return NoiseLevel(latents, *level_of(scheduler, t), prediction_type_of(scheduler), float(t))

    def conditioning_fault(self, denoiser: Denoiser, conditioning: Mapping[str, Any]) -> str | None:  # noqa: ARG002 - others read it
        """Say what a denoiser must be told beside its required fields, and is not; None for nothing."""
        return None

    def control(self, steering: ControlNetInputs, latents: Tensor, t: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments with which ControlNets steer the denoiser; `latents`, `t` and `kwargs` are what it is given itself."""
        return unet_control(steering, latents, t, kwargs)

    def scale_control(self, net: Any, vae: Autoencoder, latents: Tensor) -> Tensor:  # noqa: ARG002 - others read the net
        """Bring latents of a control image from the VAE's scale to that of a ControlNet."""
        return self.scale_latents(vae, latents)

    def image_projections(self, denoiser: Denoiser) -> list[Any]:
        """What turns images into tokens in a denoiser, one per IP-Adapter; none where no adapter is loaded."""
        held = getattr(denoiser, self.image_projection, None)
        return list(getattr(held, "image_projection_layers", ()))

    def aspect(self, latents: Tensor) -> float:
        """Height of latents by their width."""
        return latents.shape[-2] / latents.shape[-1]

    def embedded_guidance(self, denoiser: Denoiser, scales: Sequence[float]) -> dict[str, Any]:  # noqa: ARG002 - others read it
        """Arguments that tell the denoiser a strength of guidance, for each branch of a batch."""
        raise InputError(
            f"{self.name} has no guidance built in; use ClassifierFreeGuidance, or a family that was distilled for it."
        )

    def is_distilled(self, denoiser: Denoiser) -> bool:  # noqa: ARG002 - others read it
        """Whether a denoiser has guidance built in, and must be told its strength."""
        return False

    def layers(self, denoiser: Any) -> Sequence[Layer]:
        """The denoiser's transformer blocks, in the order in which they run; guiders name them by their numbers."""
        raise NotImplementedError(
            f"{self.name} does not say which layers its denoiser has, so nothing can be perturbed."
        )

    def recommended_layers(self, denoiser: Denoiser, layers: Sequence[Layer]) -> Sequence[int]:
        """Numbers of the layers that are perturbed where a guider names none."""
        raise NotImplementedError(f"{self.name} recommends no layers to perturb; name them.")


UNBOUND = FamilyContract(name="", prefix="")
"""The family of blocks that were not bound to one: it fills no role and knows no group."""


def bound_family(blocks: Iterable[Any]) -> FamilyContract:
    """The family of the first block that is bound to one; UNBOUND where none is."""
    return next((each.family for each in blocks if getattr(each, "family", UNBOUND) is not UNBOUND), UNBOUND)


def _is_dropped(part: ConditioningField, branch: GuidanceBranch) -> bool:
    return branch.negative if part.kind == "text" else part.kind in branch.without


def _name_of(part: ConditioningField, conditioning: Mapping[str, Any], negative: bool) -> str:
    return part.negative if negative and (part.negative in conditioning or not part.shared) else part.positive


def _branch_value(part: ConditioningField, conditioning: Mapping[str, Any], negative: bool) -> Any:
    if (name := _name_of(part, conditioning, negative)) not in conditioning:
        raise InputError(
            f"The guider asks for the negative branch, and {name!r} was not given. Pass {name}=..., "
            "or guidance_scale=1 to do without."
        )
    return conditioning[name]


def with_rows(value: Tensor, rows: int) -> Tensor:
    """One row serves all images, one per prompt those of that prompt."""
    return value if len(value) == rows or rows % len(value) else value.repeat_interleave(rows // len(value), dim=0)


def _joined(values: list[Any]) -> Any:
    import torch

    if isinstance(values[0], list):
        return [torch.cat(each) for each in zip(*values, strict=True)]
    return torch.cat(values)
