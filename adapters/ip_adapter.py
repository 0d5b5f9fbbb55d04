"""IP-Adapters into a pipeline's denoiser and out again, by diffusers' own loader."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ..registry.hub.repo import open_repo
from ..registry.loading.tensor_file import read_tensors
from ..state import ComponentError

IMAGE_ENCODER = "image_encoder"
_PROCESSORS = "_brickwork_processors"
"""Note on a denoiser: the attention processors that it had before its first adapter."""


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
    from diffusers.loaders import IPAdapterMixin

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
    if _PROCESSORS not in vars(holder.unet):
        # Before the first adapter only: a second one finds the first one's processors.
        object.__setattr__(holder.unet, _PROCESSORS, dict(holder.unet.attn_processors))
    before = dict(holder.unet.attn_processors), holder.unet.encoder_hid_proj
    try:
        IPAdapterMixin.load_ip_adapter(holder, states, subfolder=[""] * len(states), weight_name=[""] * len(states))
    except Exception as error:
        # diffusers replaces processors before it has read all weights, so a failure leaves half of them.
        holder.unet.set_attn_processor(before[0])
        holder.unet.encoder_hid_proj = before[1]
        raise ComponentError(f"The IP-Adapter does not fit the UNet: {type(error).__name__}: {error}") from error
    if image_encoder_folder is not None and pipe.components.get(IMAGE_ENCODER, holder) is None:
        _load_encoder(pipe, given[0], folders[0], image_encoder_folder, revision, hub)


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _holder(pipe: Any) -> Any:
    """Return what diffusers' methods know of a pipeline."""
    unet = pipe.components.get("unet")
    if unet is None:
        raise ComponentError("The UNet is not loaded; call load_components() before its adapters.")
    return SimpleNamespace(unet=unet, unet_name="unet", dtype=unet.dtype, device=unet.device)


def _state(
    repo: Any, subfolder: str | None, name: str | None, revision: str | None, hub: dict[str, Any]
) -> dict[str, Any]:
    if name is None:
        raise ComponentError(
            "The blocks are of no family that says how its IP-Adapters' file is called: give weight_name=..."
        )
    tensors = read_tensors(open_repo(repo, revision, **hub), "/".join(filter(None, [subfolder, name])))
    state: dict[str, Any] = {"image_proj": {}, "ip_adapter": {}}
    for key, tensor in tensors.items():
        part, _, rest = key.partition(".")
        if part not in state:
            raise ComponentError(f"{name} is no IP-Adapter: it has {key!r}, and neither image_proj nor ip_adapter.")
        state[part][rest] = tensor
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
    from diffusers.loaders import IPAdapterMixin

    holder = _holder(pipe)
    count = len(getattr(getattr(holder.unet, "encoder_hid_proj", None), "image_projection_layers", ()))
    if not count:
        raise ComponentError("The UNet has no IP-Adapter: call load_ip_adapter(...) first.")
    scales = _listed(scale)
    if len(scales) not in (1, count):
        raise ComponentError(f"{len(scales)} scales were given for {count} IP-Adapters; give one, or one for each.")
    IPAdapterMixin.set_ip_adapter_scale(holder, scales * count if len(scales) == 1 else scales)


def unload_ip_adapter(pipe: object) -> None:
    """Take all adapters out of the denoiser, which is then as before."""
    holder = _holder(pipe)
    unet = holder.unet
    if not hasattr(unet, "encoder_hid_proj") or unet.encoder_hid_proj is None:
        return
    from diffusers.loaders import IPAdapterMixin

    IPAdapterMixin.unload_ip_adapter(holder)
    if _PROCESSORS in vars(unet):
        unet.set_attn_processor(vars(unet).pop(_PROCESSORS))
