"""IP-Adapters into a pipeline's denoiser and out again, by diffusers' own loader."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from ..registry import families
from ..registry.applied import applied_to
from ..registry.devices.casting import without_empty_remark
from ..registry.hub.repo import open_repo
from ..registry.identity.as_made import declared_change
from ..registry.loading.tensor_file import read_tensors
from ..state import ComponentError
from ..state.errors import with_article
from ..state.given import given_path
from .finite_weights import format_of, refuse_not_finite
from .lora import loader_mixin

IMAGE_ENCODER = "image_encoder"
_PROCESSORS = "_brickwork_processors"
"""Note on a denoiser: the attention processors that it had before its first adapter."""
_PARTS = {
    "image_proj": "image_proj",
    "ip_adapter": "ip_adapter",
    "ip_adapter_proj_model": "image_proj",
    "double_blocks": "ip_adapter",
}
_RENAMED = {
    "ip_adapter_double_stream_k_proj": "to_k_ip",
    "ip_adapter_double_stream_v_proj": "to_v_ip",
    "processor.": "",
}
"""Names of files for UNets, and for transformers as XLabs writes them (diffusers 0.42.1, `FluxIPAdapterMixin`)."""


def load_ip_adapter(
    pipe: Any,
    repo: object,
    subfolder: object,
    weight_name: object,
    image_encoder_folder: str | None,
    revision: str | None,
    **hub: object,
) -> None:
    """Load one adapter or several; see `ModularPipeline.load_ip_adapter`.

    Raises:
        ComponentError: it is damaged, or does not fit, and the UNet is as it was.
    """
    names, folders = _listed(weight_name), _listed(subfolder)
    given = repo if isinstance(repo, (list, tuple)) else [repo] * len(names)
    folders = folders * len(names) if len(folders) == 1 else folders
    if not len(given) == len(names) == len(folders):
        raise ComponentError(
            f"{len(given)} repositories, {len(folders)} subfolders and {len(names)} weight_names do not fit."
        )
    states = []
    for place, folder, name in zip(given, folders, names, strict=True):
        states.append(place if isinstance(place, dict) else _state(place, folder, name, revision, hub))
    holder = _holder(pipe)
    denoiser = holder.denoiser
    _refuse_barred(holder)
    _refuse_other_kinds(holder, states)
    for number, (place, name, state) in enumerate(zip(given, names, states, strict=True), 1):
        flat = {
            f"{part}.{key}": each
            for part, held in state.items()
            if isinstance(held, dict)
            for key, each in held.items()
        }
        what = f"The IP-Adapter {number if isinstance(place, dict) else name}"
        refuse_not_finite(what, flat, format_of(denoiser))
    # The mixin of a denoiser that takes one adapter takes no list.
    given_states = (states[0], "", "") if len(states) == 1 else (states, [""] * len(states), [""] * len(states))
    with declared_change(denoiser), _or_as_it_was(denoiser, holder.family.image_projection), without_empty_remark():
        try:
            holder.mixin.load_ip_adapter(
                holder, given_states[0], subfolder=given_states[1], weight_name=given_states[2]
            )
            _refuse_half_filled(denoiser)
        except Exception as error:
            raise ComponentError(
                f"The IP-Adapter does not fit the {holder.word}: {type(error).__name__}: {error}"
            ) from error
        if image_encoder_folder is not None and pipe.components.get(IMAGE_ENCODER, holder) is None:
            _load_encoder(pipe, given[0], folders[0], image_encoder_folder, revision, hub)


@contextmanager
def _or_as_it_was(denoiser: Any, projection: str) -> Iterator[None]:
    """Note which attention processors a denoiser has before its first adapter, and give it back all that it had if one cannot be loaded.

    Args:
        projection: the attribute that brings what an image encoder says to the denoiser's width.
    """
    before = dict(denoiser.attn_processors), getattr(denoiser, projection, None)
    # A second adapter finds the first one's processors.
    is_first = _PROCESSORS not in vars(denoiser)
    if is_first:
        object.__setattr__(denoiser, _PROCESSORS, before[0])
    try:
        yield
    except BaseException:
        # diffusers replaces processors before it has read all weights, so a failure leaves half of them.
        denoiser.set_attn_processor(before[0])
        setattr(denoiser, projection, before[1])
        if is_first:
            # Else these would be put back by a later adapter that goes, in place of those that somebody has set until then.
            vars(denoiser).pop(_PROCESSORS)
        raise


def _refuse_barred(holder: Any) -> None:
    """Refuse a denoiser with techniques that lie on the processors whose place an adapter's would take."""
    for each in applied_to(holder.denoiser):
        if each.holds_processors:
            kind = type(each.technique).__name__
            raise ComponentError(
                f"The {holder.word} has the technique {kind}, which lies on attention processors, and an IP-Adapter brings its own: "
                f"pipe.remove({holder.name!r}, {kind!r}) first."
            )


def _refuse_other_kinds(holder: Any, states: list[dict[str, Any]]) -> None:
    """Raise ComponentError for adapters of another kind of denoiser, and for several where it takes one."""
    family, denoiser = holder.family, holder.denoiser
    if family.one_ip_adapter and len(states) > 1:
        raise ComponentError(
            f"{len(states)} IP-Adapters were given, and the {holder.word} of {family.name} takes one at a time."
        )
    for state in states:
        names = {name.partition(".")[2] for name in state.get("ip_adapter", {})}
        if not family.ip_adapter_names or not names or names == set(family.ip_adapter_names):
            continue
        kinds = {kind: other for kind, other in _kinds().items() if names >= set(other.ip_adapter_names)}
        kind = max(kinds, key=lambda each: len(kinds[each].ip_adapter_names), default=None)
        if kind is not None and kinds[kind].ip_adapter_names != family.ip_adapter_names:
            raise ComponentError(
                f"The IP-Adapter is one for {with_article(kind)} (its layers have {', '.join(kinds[kind].ip_adapter_names[:2])}), and the "
                f"{holder.word} of {family.name} is {with_article(type(denoiser).__name__)}: take one that was trained with it."
            )


def _kinds() -> dict[str, Any]:
    """Return a family that has IP-Adapters for each class of denoisers, by the name of the class."""
    found: dict[str, Any] = {}
    for name in families:
        family = families.get(name)
        # Families of videos take those of the images' that they are made of.
        if family.medium == "image" and family.ip_adapter_names and family.fields("image_prompt"):
            _, _, cls = family.roles["denoiser"][0].type_hint.partition(":")
            found.setdefault(cls, family)
    return found


def _refuse_half_filled(denoiser: Any) -> None:
    """Raise ComponentError if tensors are missing: diffusers makes the layers of an adapter empty, and fills those that it finds."""
    lost = [name for name, each in denoiser.named_parameters() if each.is_meta]
    if lost:
        raise ComponentError(f"it has no tensor for {lost[0]}, and {len(lost) - 1} more are missing.")


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _holder(pipe: Any) -> Any:
    """Return what diffusers' methods know of a pipeline; beside it the mixin that has them, the denoiser, and what people call it."""
    family = pipe.family
    name = next((part.name for part in family.roles.get("denoiser", ())), "unet")
    denoiser, word = pipe.components.get(name), "UNet" if name == "unet" else name
    if denoiser is None:
        raise ComponentError(f"The {word} is not loaded; call load_components() before its adapters.")
    return SimpleNamespace(
        **{name: denoiser, f"{name}_name": name},
        denoiser=denoiser,
        family=family,
        mixin=loader_mixin(family.ip_adapter_loader),
        name=name,
        word=word,
        dtype=denoiser.dtype,
        device=denoiser.device,
    )


def _state(
    repo: Any, subfolder: str | None, name: str | None, revision: str | None, hub: dict[str, Any]
) -> dict[str, Any]:
    if name is None:
        raise ComponentError(
            "The blocks are of no family that says how its IP-Adapters' file is called: give weight_name=..."
        )
    given_path(repo, "The IP-Adapter")
    tensors = read_tensors(open_repo(repo, revision, **hub), "/".join(filter(None, [subfolder, name])))
    state: dict[str, Any] = {"image_proj": {}, "ip_adapter": {}}
    for key, tensor in tensors.items():
        part, _, rest = key.partition(".")
        if part not in _PARTS:
            raise ComponentError(f"{name} is no IP-Adapter: it has {key!r}, and neither image_proj nor ip_adapter.")
        for said, meant in _RENAMED.items():
            rest = rest.replace(said, meant)
        state[_PARTS[part]][rest] = tensor
    if not all(state.values()):
        raise ComponentError(
            f"{name} is no IP-Adapter: it has no {' or '.join(part for part, held in state.items() if not held)}."
        )
    return state


def _load_encoder(
    pipe: Any, repo: Any, subfolder: str | None, folder: str, revision: str | None, hub: dict[str, Any]
) -> None:
    """Load the image encoder beside the adapter, if there is one."""
    if isinstance(repo, dict):
        return
    place = folder if "/" in folder else "/".join(filter(None, [subfolder, folder]))
    if not any(name.startswith(f"{place}/") for name in open_repo(repo, revision, **hub).names()):
        return
    spec = pipe.get_component_spec(IMAGE_ENCODER)
    spec.repo, spec.subfolder, spec.revision = str(repo), place, revision
    pipe.update_components(**{IMAGE_ENCODER: spec})
    pipe.load_components(IMAGE_ENCODER, **hub)


def set_ip_adapter_scale(pipe: object, scale: object) -> None:
    """Set the strength of each adapter; see `ModularPipeline.set_ip_adapter_scale`."""
    holder = _holder(pipe)
    count = len(holder.family.image_projections(holder.denoiser))
    if not count:
        raise ComponentError(f"The {holder.word} has no IP-Adapter: call load_ip_adapter(...) first.")
    scales = _listed(scale)
    if len(scales) not in (1, count):
        raise ComponentError(f"{len(scales)} scales were given for {count} IP-Adapters; give one, or one for each.")
    # A list of one is taken for a number for each layer by diffusers' mixin of transformers.
    with declared_change(holder.denoiser):
        holder.mixin.set_ip_adapter_scale(holder, scales[0] if count == 1 else scales * (count // len(scales)))


def is_ip_adapter_active(pipe: object) -> bool:
    """Return whether the denoiser has an adapter that counts; see `ModularPipeline.is_ip_adapter_active`."""
    import torch

    holder = _holder(pipe)
    if not holder.family.image_projections(holder.denoiser):
        return False
    # Those of adapters have weights, and others none.
    own: list[Any] = [each for each in holder.denoiser.attn_processors.values() if isinstance(each, torch.nn.Module)]
    return any(scale for each in own for scale in _listed(each.scale))


def unload_ip_adapter(pipe: object) -> None:
    """Take all adapters out of the denoiser, which is then as before."""
    holder = _holder(pipe)
    denoiser = holder.denoiser
    if not holder.family.image_projections(denoiser):
        return
    with declared_change(denoiser):
        holder.mixin.unload_ip_adapter(holder)
        if _PROCESSORS in vars(denoiser):
            denoiser.set_attn_processor(vars(denoiser).pop(_PROCESSORS))
