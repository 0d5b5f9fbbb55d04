"""What fits a denoiser: other components, what it is told of images, and the sizes of what lies beside its latents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...adapters.perturb import chosen_layers
from ...families.contract import FamilyContract
from ...families.packing import CHANNELS, TOKENS
from ...registry.compilation import uncompiled
from ...state import Fault, InputError
from ...state.pipeline_state import describe_value
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
            list(chosen_layers(layers, recommended, perturbation))
        except InputError as error:
            yield f"guider: {error}"


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
    fault = family.denoiser_fault(denoiser)
    if fault is not None:
        yield f"{name} {fault}"


def _known_channels(family: FamilyContract, vae: Any) -> int | None:
    """Return the channels of the latents of a VAE; None where it is not there, or does not say."""
    try:
        return None if vae is None else family.vae_channels(vae)
    except (AttributeError, TypeError):  # of another family, or one whose class has no such entry
        return None


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


def _is_embedding(value: object) -> bool:
    import torch

    return isinstance(value, torch.Tensor) and value.is_floating_point() and value.ndim in (3, 4) and all(value.shape)


def memory_faults(given: Mapping[str, Any]) -> Iterator[str]:
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
    fault = family.latents_fault(denoiser, latents)
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
