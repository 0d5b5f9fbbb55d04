"""What fits a denoiser: other components, what it is told of images, and the sizes of what lies beside its latents."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...adapters.lora_scale import scale_faults
from ...adapters.perturb import acts_on, chosen_layers
from ...families.contract import FamilyContract
from ...families.packing import CHANNELS, TOKENS
from ...registry.compilation import uncompiled
from ...state import Fault, InputError
from ...state.errors import did_you_mean, with_article
from ...state.pipeline_state import describe_value
from ..core.input_checks import image_count
from .encoder_limits import unused_negative

if TYPE_CHECKING:
    from torch import Tensor


def layer_faults(family: FamilyContract, guider: Any, denoiser: Any, name: str) -> Iterator[str]:
    """Yield which layers a guider perturbs and the denoiser, whose name is given, has not."""
    wanted = getattr(guider, "wanted_perturbations", ())
    if not wanted:
        return
    inner = uncompiled(denoiser)
    try:
        layers = family.layers(inner)
    except NotImplementedError:
        yield (
            f"{type(guider).__name__} perturbs layers, and {family.name} does not say which layers {name} has. Take a guider "
            "that perturbs nothing, such as ClassifierFreeGuidance."
        )
        return
    recommended = family.recommended_layers(inner, layers)
    for perturbation in wanted:
        try:
            chosen = list(chosen_layers(layers, recommended, perturbation))
        except InputError as error:
            yield f"guider: {error}"
            continue
        if perturbation.kind == "scores" and not any(layer.has_scores for _, layer in chosen):
            yield (
                f"{type(guider).__name__} perturbs the scores of attention, and that of {name} is linear and has none. Take a guider that "
                "perturbs something else, such as SkipLayerGuidance or SmoothedEnergyGuidance."
            )
        elif not any(acts_on(layer, perturbation) for _, layer in chosen):
            yield (
                f"{type(guider).__name__} takes away the {perturbation.kind} of layers, and nothing is known for that in those of {name}, so "
                "nothing would change. Let it leave out the whole block."
            )


def relation_faults(family: FamilyContract, name: str, components: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a denoiser and the VAE say of themselves that does not go together: they are of two families, or one is.

    Args:
        name: of the denoiser. components: all that the run has, by name.
    """
    denoiser = components[name]
    for part in family.roles.get("vae", ()):
        vae = components.get(part.name)
        latents, made = _known_channels(family, vae), family.predicted_channels(denoiser)
        if latents is not None and made is not None and made != latents:
            yield (
                f"{name} predicts latents of {made} channels, and {part.name} has latents of {latents}: they do not belong "
                f"together. Take the VAE that {name} was trained with, or the denoiser of {part.name}."
            )
        for setting in ("scaling_factor", *(["shift_factor"] if family.reads_shift else [])):
            if vae is not None and getattr(vae.config, setting, 0) is None:
                yield (
                    f"{part.name} has {setting}=None, by which {family.name} brings latents to their scale: take the VAE that {name} was trained with, or "
                    f"set it: {part.name}.register_to_config({setting}=...)."
                )
    fault = family.denoiser_fault(denoiser)
    if fault is not None:
        yield f"{name} {fault}"


def _known_channels(family: FamilyContract, vae: Any) -> int | None:
    """Return the channels of the latents of a VAE; None where it is not there, or does not say."""
    try:
        return None if vae is None else family.vae_channels(vae)
    except (AttributeError, TypeError):  # of another family, or one whose class has no such entry
        return None


def control_faults(
    family: FamilyContract, name: str, nets: Sequence[Any], components: Mapping[str, Any]
) -> Iterator[str]:
    """Yield which ControlNets were made for another VAE, or steer another denoiser, than the run has.

    Args:
        name: of the component that they are. components: all that the run has, by name.
    """
    vaes = [part.name for part in family.roles.get("vae", ()) if components.get(part.name) is not None]
    factors = {vae: family.vae_scale_factor(components[vae]) for vae in vaes}
    denoisers = [part.name for part in family.roles["denoiser"] if components.get(part.name) is not None]
    for net in nets:
        channels: Any = getattr(net.config, "conditioning_embedding_out_channels", None)
        # Each but the first halves the sides; nets of other kinds have no such channels.
        own = 2 ** (len(channels) - 1) if channels else None
        for vae in [vae for vae, factor in factors.items() if own is not None and factor != own]:
            yield (
                f"{name}: {with_article(type(net).__name__)} scales its image down by {own} (conditioning_embedding_out_channels="
                f"{list(channels)}), and {vae} by {factors[vae]}, so that it fits no latents: they do not belong together. Take a "
                f"ControlNet that was trained with {vae}, or its VAE."
            )
        for denoiser in denoisers:
            said = _net_difference(net, components[denoiser])
            if said is not None:
                setting, its, other = said
                yield (
                    f"{name}: {with_article(type(net).__name__)} has {setting} {its}, and {denoiser} has {other}: they do not belong together. "
                    f"Take a ControlNet that was trained with {denoiser}."
                )


_NET_TOLD = ("addition_embed_type", "class_embed_type")
"""What a ControlNet is told of only where the denoiser is."""
_NET_TEXT = ("joint_attention_dim", "caption_projection_dim")
_NET_SETTINGS = (
    "block_out_channels",
    "layers_per_block",
    "hidden_size",
    "patch_size",
    "cross_attention_dim",
    "cross_attention_dim_t5",
    "pooled_projection_dim",
)
"""What a ControlNet and the denoiser that it steers have alike: depth, width, and what both are told."""


def _net_difference(net: Any, denoiser: Any) -> tuple[str, object, object] | None:
    """Return the first setting in which a net and a denoiser differ so that residuals or texts do not fit, with both values."""
    own, other = net.config, uncompiled(denoiser).config
    # Nets that read no words have entries about them all the same.
    read = _NET_SETTINGS if getattr(own, "joint_attention_dim", 1) is None else (*_NET_TEXT, *_NET_SETTINGS)
    # A transformer of patches of 1 is given tokens, and that of its net then says what it cuts out of pixels.
    names = [*(name for name in read if name != "patch_size" or getattr(other, name, 1) != 1), *_NET_TOLD]
    pairs = [(name, getattr(own, name, None), getattr(other, name, None)) for name in names]
    pairs.append(("a width (num_attention_heads * attention_head_dim) of", _inner_width(own), _inner_width(other)))
    for setting, its, theirs in pairs:
        if (
            its is not None
            and (theirs is not None or setting in _NET_TOLD)
            and _written_out(its) != _written_out(theirs)
        ):
            return setting, its, theirs
    # Those that embed no places read what the denoiser makes of the latents.
    reads = None if getattr(net, "pos_embed", net) is None else getattr(own, "in_channels", None)
    takes = [each for each in (getattr(other, "in_channels", None), getattr(other, "out_channels", None)) if each]
    return ("in_channels", reads, takes[0]) if reads is not None and takes and reads not in takes else None


def _inner_width(config: Any) -> int | None:
    """Return how wide the layers of a transformer are; None of a UNet, and where the configuration does not say."""
    heads, width = getattr(config, "num_attention_heads", None), getattr(config, "attention_head_dim", None)
    return (
        heads * width
        if isinstance(heads, int) and isinstance(width, int) and not hasattr(config, "block_out_channels")
        else None
    )


def _written_out(value: object) -> object:
    """Return a setting for all stages, which may be written as one number or as one for each that is the same."""
    if not isinstance(value, (list, tuple)):
        return value
    return value[0] if len({*map(str, value)}) == 1 else list(value)


def image_prompt_faults(family: FamilyContract, denoiser: Any, told: Mapping[str, Any]) -> Iterator[str]:
    """Yield which embeddings of images are none, or are for adapters that the denoiser has not.

    Args:
        told: what is known of it, by name.
    """
    for part in family.fields("image_prompt"):
        for name in (part.positive, part.negative):
            value = told.get(name)
            if value is None:
                continue
            layers = family.image_projections(uncompiled(denoiser))
            if not layers:
                text = f"{name} is given, and the denoiser has no IP-Adapter to read it: pipe.load_ip_adapter(...) first, or leave it out."
                yield Fault(text, name)
            elif not isinstance(value, (list, tuple)) or not value or not all(map(_is_embedding, value)):
                yield Fault(
                    f"{name} is {describe_value(value)}; give a list with one tensor of floating-point numbers for each IP-Adapter, "
                    "[rows images width] or, of adapters that read patches, [rows images patches width].",
                    name,
                )
            elif len(value) != len(layers):
                text = f"{name} holds {len(value)} tensors, and the denoiser has {len(layers)} IP-Adapters; give one for each."
                yield Fault(text, name)
            else:
                yield from image_width_faults(name, value, layers)


def image_width_faults(name: str, embeds: Sequence[Any], layers: Sequence[Any]) -> Iterator[str]:
    """Yield which embeddings of images have another width than the adapter reads, whose first linear layer says it.

    Args:
        embeds: one tensor for each adapter. layers: of the adapters, in the same order.
    """
    import torch

    for each, layer in zip(embeds, layers, strict=False):
        width = next((part.in_features for part in layer.modules() if isinstance(part, torch.nn.Linear)), None)
        if width is not None and each.shape[-1] != width:
            yield Fault(
                f"{name} holds a tensor of the shape {list(each.shape)}, and the IP-Adapter reads embeddings that are {width} wide; make them with "
                "the image encoder that belongs to it.",
                name,
            )


def _is_embedding(value: object) -> bool:
    import torch

    return isinstance(value, torch.Tensor) and value.is_floating_point() and value.ndim in (3, 4) and all(value.shape)


def input_misfits(family: FamilyContract, denoiser: Any, given: Mapping[str, Any]) -> Iterator[str]:
    """Yield which inputs of a call a denoiser does not take as they are."""
    yield from image_prompt_faults(family, denoiser, given)
    yield from _attention_faults(family, denoiser, given)
    yield from _memory_faults(given)
    images = image_count(family, given)
    for name in (name for part in family.fields("extra_channels") for name in (part.positive, part.negative)):
        rows = len(given[name]) if isinstance(getattr(given.get(name), "shape", None), tuple) else images
        if images is not None and rows != images:
            yield Fault(f"{name} holds {rows} row{'s' * (rows != 1)}, and {images} are drawn; give one for each.", name)


_SCALE, _MASKS, _BOXES = "scale", "ip_adapter_masks", "gligen"
_OF_LAYERS = frozenset(
    {"self", "attn", "hidden_states", "encoder_hidden_states", "attention_mask", "temb", "image_rotary_emb"}
)
"""What every layer of attention is given by the network itself."""


def _attention_faults(family: FamilyContract, denoiser: Any, given: Mapping[str, Any]) -> Iterator[str]:
    """Yield which arguments of attention no layer of a denoiser takes, which diffusers (0.42.1) leaves out with a line in its log, and which
    are of the wrong kind.
    """
    name = family.input_name("cross_attention_kwargs")
    asked = given.get(name)
    if not isinstance(asked, Mapping):
        return
    yield from (Fault(str(each), name) for each in scale_faults([denoiser], asked))
    known = _attention_arguments(uncompiled(denoiser))
    if known is None:
        return  # of a network with layers of its own kind nothing is known
    for argument in asked:
        if argument != _SCALE and argument not in known:
            lacks = (
                ", as no IP-Adapter is loaded: pipe.load_ip_adapter(...) first, or leave it out"
                if argument == _MASKS
                else ""
            )
            near = did_you_mean(str(argument), [_SCALE, *known])
            yield Fault(f"{name}: no layer of the denoiser takes {argument!r:.60}{lacks}. {near}", name)
    if _MASKS in known and asked.get(_MASKS) is not None:
        yield from _mask_faults(family, denoiser, asked[_MASKS], name)


def _attention_arguments(denoiser: Any) -> frozenset[str] | None:
    """Return what the layers of attention of a network take beside what it gives them; None where it has none that say so."""
    modules = getattr(denoiser, "modules", None)
    processors = {
        type(each): each
        for module in (modules() if modules else ())
        if callable(each := getattr(module, "processor", None))
    }
    if not processors:
        return None
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    taken = {
        each.name
        for processor in processors.values()
        for each in inspect.signature(type(processor).__call__).parameters.values()
        if each.kind in named
    }
    boxes = {_BOXES} if getattr(denoiser, "position_net", None) is not None else set()
    return frozenset(taken - _OF_LAYERS - {_SCALE} | boxes)


def _mask_faults(family: FamilyContract, denoiser: Any, masks: Any, name: str) -> Iterator[str]:
    """Yield that masks are not one for each IP-Adapter."""
    count = len(family.image_projections(uncompiled(denoiser)))
    every = masks if isinstance(masks, (list, tuple)) else [masks]
    if not all(each is None or getattr(each, "ndim", None) == 4 for each in every) or len(every) != count:
        yield Fault(
            f"{name}: {_MASKS} is {describe_value(masks)}; give a list with one tensor [1 images height width] for each of the {count} "
            "IP-Adapters.",
            name,
        )


def _memory_faults(given: Mapping[str, Any]) -> Iterator[str]:
    """Yield that what was given as the memory of a guider is a text or a switch, which no guider keeps."""
    memory = given.get("guidance_memory")
    if isinstance(memory, (str, bytes, bool)):
        yield Fault(
            f"guidance_memory is {memory!r:.80}; it is what a guider has kept from a step before, as the state of a run holds it. "
            "Leave it out.",
            "guidance_memory",
        )


def lost_negatives(family: FamilyContract, guider: Any, conditioning: Mapping[str, Any]) -> str | None:
    """Say that negative embeddings count nothing, as the guider makes no negative prediction; None where there are none, or it does."""
    if guider.uses_negative:
        return None
    fields = family.fields("prompt_embeds")
    given = next((part.negative for part in fields if conditioning.get(part.negative) is not None), None)
    return None if given is None else unused_negative(guider, given)


def size_faults(
    family: FamilyContract, denoiser: Any, conditioning: Mapping[str, Any], latents: Tensor
) -> Iterator[str]:
    """Yield of which size a denoiser takes no latents, and which images beside them are of another one.

    Args:
        latents: `[b c h w]`, as the denoiser gets them.
    """
    fault = family.latents_fault(denoiser, latents) or _channels_fault(family, denoiser, conditioning, latents)
    if fault is not None:
        yield fault
    size = tuple(latents.shape[-2:])
    for part in family.fields("denoiser_input_fields"):
        value: Any = conditioning.get(part.positive)
        if part.argument not in (CHANNELS, TOKENS) or value is None:
            continue
        if part.argument == CHANNELS:
            rows, columns = value.shape[-2:]
            if (rows, columns) != size:
                yield (
                    f"{part.positive} are {rows}x{columns} (height x width in latents), and the latents of the run {size[0]}x{size[1]}; they lie "
                    "over each other, so give an image of that size, or height and width of that image."
                )
            continue
        for each in value if isinstance(value, list) else [value]:
            if each.shape[1] != latents.shape[1]:
                yield (
                    f"{part.positive} have {each.shape[1]} channels, and the latents of the run {latents.shape[1]}; give latents of the same "
                    "VAE."
                )
            elif (fault := family.tokens_fault(each)) is not None:
                yield f"{part.positive} are {fault}"


def _channels_fault(
    family: FamilyContract, denoiser: Any, conditioning: Mapping[str, Any], latents: Tensor
) -> str | None:
    """Say that a denoiser reads another number of channels than it is given; None for one that reads something else, and says it itself."""
    reads = family.read_channels(denoiser)
    if reads is None:
        return None
    beside = {
        part.positive: conditioning[part.positive].shape[1]
        for part in family.fields("denoiser_input_fields")
        if part.argument == CHANNELS and conditioning.get(part.positive) is not None
    }
    if reads == latents.shape[1] + sum(beside.values()):
        return None
    given = ", ".join([f"{latents.shape[1]} of latents", *(f"{count} of {name}" for name, count in beside.items())])
    return (
        f"The denoiser reads {reads} channels (in_channels), and is given {given}: it was trained for another task. Take the blocks of that task, or "
        "a denoiser of this one."
    )


def empty_windows(given: Mapping[str, Any]) -> Iterator[Fault]:
    """Say that control would end before it began, of whichever net, so that it counted at no step."""
    names = ("control_guidance_start", "control_guidance_end")
    values = [given.get(name, default) for name, default in zip(names, (0.0, 1.0), strict=True)]
    count = max(len(value) if isinstance(value, list) else 1 for value in values)
    starts, ends = (value if isinstance(value, list) else [value] * count for value in values)
    # Lists of other lengths, and what is no number, are faults by themselves.
    for start, end in zip(starts, ends, strict=False):
        if isinstance(start, (int, float)) and isinstance(end, (int, float)) and start >= end:
            yield Fault(f"{names[0]} is {start} and {names[1]} {end}; control begins before it ends.", *names)
