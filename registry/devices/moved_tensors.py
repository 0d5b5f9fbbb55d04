"""The tensors of a component, and which of them can leave the host."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from attrs import field, frozen

from ...state import ComponentError
from ...state.errors import with_article

if TYPE_CHECKING:
    import torch

P = ParamSpec("P")
R = TypeVar("R")


def outside_inference(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function make ordinary tensors: those of inference mode can never be used with gradients again."""

    @functools.wraps(function)
    def moved(*args: P.args, **kwargs: P.kwargs) -> R:
        import torch

        with torch.inference_mode(False), torch.no_grad():
            return function(*args, **kwargs)

    return moved


@frozen
class HeldTensor:
    """A parameter or buffer, and every place of the component's modules where it stands: tied weights have several.

    Attributes:
        places: tables of modules (`_parameters`, `_buffers`), each with the name in it.
    """

    tensor: Any
    places: tuple[tuple[dict[str, Any], str], ...] = field(repr=False)

    @property
    def is_plain(self) -> bool:
        """Whether its numbers are all that it is: they can lie in another memory while the object stays the same."""
        # One of inference mode counts no writes, and torch computes with it outside of the mode only while its numbers are its first.
        return not self.is_wrapper and not self.tensor.is_inference()

    @property
    def is_wrapper(self) -> bool:
        """Whether it is a shell around inner tensors, as quantized numbers often are: a swap of its numbers would leave these where they are."""
        from torch.utils._python_dispatch import is_traceable_wrapper_subclass

        return is_traceable_wrapper_subclass(self.tensor)

    def replace(self, other: Any) -> None:
        """Let another object stand in all of its places."""
        for table, name in self.places:
            table[name] = other

    def leave(self) -> None:
        """Lie on the host, whatever device it was on."""
        if self.is_plain:
            self.tensor.data = self.tensor.data.cpu()
        else:
            self.replace(copy_on(self.tensor, "cpu"))


def held_tensors(component: object) -> Iterator[HeldTensor]:
    """Yield the parameters and buffers of a component, each once; none of what is no model."""
    if not hasattr(component, "parameters") or not hasattr(component, "modules"):
        return
    found: dict[int, tuple[Any, list[tuple[dict[str, Any], str]]]] = {}
    for module in component.modules():
        for table in (module._parameters, module._buffers):
            for name, tensor in table.items():
                if tensor is not None:
                    found.setdefault(id(tensor), (tensor, []))[1].append((table, name))
    for tensor, places in found.values():
        yield HeldTensor(tensor, tuple(places))


def unmovable(component: object) -> str:
    """Return why a component cannot be moved to a device and back, as the end of a sentence; "" if it can."""
    return next((why for held in held_tensors(component) if (why := _unmovable(held))), "")


def refuse_unmovable(components: Mapping[str, object]) -> None:
    """Raise ComponentError, before anything is moved, if some of the components cannot be; it names them all."""
    found = [f"{name!r} cannot be placed: {why}." for name, each in components.items() if (why := unmovable(each))]
    if found:
        raise ComponentError.of("Components cannot be moved to a device and back", found)


def _unmovable(held: HeldTensor) -> str:
    import torch

    tensor, (_, name) = held.tensor, held.places[0]
    if torch.nn.parameter.is_lazy(tensor):
        return f"{name!r} has no size before the first call. Call the model once"
    if tensor.is_meta:
        return f"{name!r} has no numbers (it lies on 'meta'). Load its weights first"
    if held.is_wrapper:
        return ""
    beside = sorted(each for each, value in vars(tensor).items() if _has_tensors(value))
    if beside:
        return (
            f"{name!r} is {with_article(type(tensor).__name__)}, whose {', '.join(map(repr, beside))} would stay behind. Quantized models of "
            "this kind move only as their own library moves them: leave them on the device, outside of this manager"
        )
    kinds = {"quantized": tensor.is_quantized, "nested": tensor.is_nested, "sparse": tensor.layout != torch.strided}
    kind = next((kind for kind, is_it in kinds.items() if is_it), "")
    if kind:
        return f"{name!r} is {kind}, which moves only as a whole: leave it on one device"
    return ""


def _has_tensors(value: object) -> bool:
    """Return whether a note on a tensor holds others, as bitsandbytes' states of quantization do."""
    import torch

    if isinstance(value, torch.Tensor):
        return True
    return any(isinstance(inner, torch.Tensor) for inner in getattr(value, "__dict__", {}).values())


def inner_tensors(tensor: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors that hold a tensor's numbers: itself, or what a wrapper wraps."""
    from torch.utils._python_dispatch import is_traceable_wrapper_subclass

    if not is_traceable_wrapper_subclass(tensor):
        yield tensor
        return
    for name in tensor.__tensor_flatten__()[0]:
        yield from inner_tensors(getattr(tensor, name))


def bytes_held(tensor: Any) -> int:
    """Return the bytes of a tensor's numbers, of a wrapper those of what it wraps."""
    return sum(inner.numel() * inner.element_size() for inner in inner_tensors(tensor))


def placed_bytes(*components: object) -> int:
    """Return the bytes that components take on a device: what they share once, and buffers that are no part of their files, too."""
    every = (held.tensor for each in components for held in held_tensors(each))
    return sum(map(bytes_held, {id(tensor): tensor for tensor in every}.values()))


def copy_on(tensor: Any, device: Any) -> Any:
    """Return a copy on a device, as a parameter where it is one."""
    import torch

    copy = tensor.detach().to(device, copy=True)
    return torch.nn.Parameter(copy, tensor.requires_grad) if isinstance(tensor, torch.nn.Parameter) else copy
