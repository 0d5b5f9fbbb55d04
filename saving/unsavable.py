"""What of a component no file holds: said by name before anything is written, with what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..adapters.saved_adapters import FOLDER
from ..adapters.techniques.applying import like
from ..adapters.textual_inversion import taught_of
from ..guiders import GUIDERS, Guider
from ..registry.hub.repo_paths import name_fault
from ..registry.identity.same_model import model_differences
from ..registry.loading.classes import allowed_libraries, library_of, resolve_class
from ..registry.loading.load import is_network
from ..registry.loading.several import parts_of
from ..registry.loading.skeleton import skeleton_like
from ..state import ComponentError, TrustError
from ..state.code_home import is_packaged
from ..state.errors import with_article

if TYPE_CHECKING:
    import torch

_ADVICE = "No file holds that: undo it before saving, and do it again after opening."
# In small letters: file systems of macOS and Windows take README.md and readme.md for one.
_OWN_NAMES = frozenset({FOLDER, "graph.svg", "readme.md"})


def name_faults(loaded: Mapping[str, Any]) -> Iterator[str]:
    """Folders of components must not be one another's, nor places of other files."""
    taken: dict[str, str] = {}
    for name, component in loaded.items():
        for folder, _ in parts_of(name, component):
            fault = name_fault(folder) or (
                "files of a repository have that name" if folder.casefold() in _OWN_NAMES else None
            )
            # By `casefold`, for the same reason.
            other = taken.setdefault(folder.casefold(), name)
            if other != name:
                fault = f"{other} has the folder {folder!r}, too"
            if fault:
                yield f"{name}: no component can be saved under this name, because {fault}. Name it otherwise in the block."


def component_faults(name: str, component: object, fresh: dict[int, Any], declared: object) -> Iterator[str]:
    """Say what of a component no file holds; nothing is written, and no weights are read.

    Args:
        fresh: takes the skeletons that models were compared with, by the models' ids. declared: the class that the blocks expect.
    """
    if is_own_network(type(component)):
        unnamed = [*_own_network_faults(name, type(component), declared)]
    else:
        unnamed = [fault for part_name, part in parts_of(name, component) for fault in class_faults(part_name, part)]
        unnamed += class_faults(name, component)
    yield from dict.fromkeys(unnamed)
    if unnamed:
        return
    if not hasattr(component, "save_pretrained") and not isinstance(component, Guider):
        yield f"{name} is {with_article(type(component).__name__)}, which has no save_pretrained."
    elif is_network(type(component)):
        for part_name, part in parts_of(name, component):
            yield from _model_faults(part_name, part, fresh)


def class_faults(name: str, component: object) -> Iterator[str]:
    """A file names a class by its library, which has to be known and to have it."""
    cls = type(component)
    library = library_of(cls)
    if isinstance(component, Guider):
        if GUIDERS.get(cls.__name__) is not cls:
            yield (
                f"{name} is {with_article(cls.__name__)}, a guider of your own, of which its folder would hold no code: give the object with "
                "update_components, and the pipeline takes its code along."
            )
        return
    try:
        found = resolve_class(library, cls.__name__)
    except (ComponentError, TrustError):
        found = None
    if found is not cls:
        yield (
            f"{name} is {with_article(f'{cls.__module__}.{cls.__qualname__}')}, which no file can name: only public classes of "
            f"{', '.join(sorted(allowed_libraries()))}. Grant a library of your own with brickwork.registry.allow_library, or leave "
            "the component out (unload_components)."
        )


def is_own_network(cls: type) -> bool:
    """Return whether a class is a network that no library has: the code of the blocks brings it."""
    return is_network(cls) and not is_packaged(cls.__module__) and library_of(cls) not in allowed_libraries()


def _own_network_faults(name: str, cls: type, declared: object) -> Iterator[str]:
    """Say why a network of somebody's own would not come back: the block that declares its class brings it, and nothing else."""
    own = cls.__name__
    if cls is not declared:
        expected = f"declares {declared.__name__}" if isinstance(declared, type) else "declares no class"
        yield (
            f"{name} is {with_article(own)} of your own, and the block {expected}, so who opens the repository would not find {own}. "
            f"Declare it in the block, {name}: {own} = component(), or leave it out (unload_components({name!r}))."
        )
    elif not (hasattr(cls, "save_pretrained") and hasattr(cls, "from_pretrained")):
        yield (
            f"{name} is {with_article(own)}, a network of your own that cannot write its weights (it has no save_pretrained). Derive it from "
            f"two classes of diffusers, class {own}(ModelMixin, ConfigMixin), with @register_to_config on its __init__; or leave it out "
            f"(unload_components({name!r})), and others give it."
        )


def _model_faults(name: str, model: torch.nn.Module, skeletons: dict[int, Any]) -> Iterator[str]:
    odd = _odd_weights(model)
    if odd:
        yield f"{name} {odd}: dequantize it, or load it anew without quantization; a quantized model is not saved."
        return
    if _has_ip_adapter(model):
        yield f"{name} has an IP-Adapter, which is not saved: unload_ip_adapter() before saving, and load it after opening."
        return
    # Kept: `pieces_of` fills the same skeleton with the weights.
    fresh = skeletons[id(model)] = skeleton_like(model)
    if fresh is not None:
        _teach_ends(model, fresh)
        faults = model_differences(model, like(model, fresh), weights=False)
        yield from (f"{name}: {fault}. {_ADVICE}" for fault in faults)


def _teach_ends(model: torch.nn.Module, fresh: torch.nn.Module) -> None:
    """Let a fresh encoder end texts as one does that was taught words, which comes with them."""
    taught = taught_of(model)
    paths = {id(module): path for path, module in model.named_modules()}
    modules = dict(fresh.named_modules())
    for module, _ in taught.ends if taught is not None else ():
        modules[paths[id(module)]].eos_token_id = module.eos_token_id


def _odd_weights(model: torch.nn.Module) -> str | None:
    """Say what makes a model quantized; None if nothing does."""
    import torch

    config = getattr(model, "config", None)
    found = getattr(config, "quantization_config", None) or getattr(model, "hf_quantizer", None)
    if found is not None:
        return f"is quantized ({type(found).__name__})"
    plain = (torch.nn.Parameter, torch.Tensor, torch.nn.Buffer)
    kinds = {
        type(each).__name__
        for each in (*model.parameters(), *model.buffers())
        if type(each) not in plain or type(each.data) is not torch.Tensor
    }
    if kinds:
        return f"has weights of a kind of their own ({', '.join(sorted(kinds))})"
    # torch's own quantized layers keep their weights packed, and in no parameter.
    packed = {type(module).__name__ for module in model.modules() if "quantized" in type(module).__module__}
    return f"is quantized ({', '.join(sorted(packed))})" if packed else None


def _has_ip_adapter(model: object) -> bool:
    processors = getattr(model, "attn_processors", {})
    return any("IPAdapter" in type(each).__name__ for each in processors.values())
