"""Loads models from safetensors files: a skeleton without memory, then the files' own pages, or one cast copy.

The fast way serves models of diffusers and transformers whose files match them name by name. All others (older names,
quantized models, weights on the Hub that are not in the cache) go through the class's own loader.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...state.garbage import without_collections
from ...state.strict_json import read_json
from ...state.tensor_list import TensorEntry
from ..hub.byte_order_marks import without_marks
from .base_modules import base_tensors
from .building import refuse_large
from .memory_map import format_of, is_mappable, mapped_tensors
from .weights import check_file, data_start, header_of, stored_tensors, weight_files

if TYPE_CHECKING:
    import torch

_RANDOM = (
    "normal_ uniform_ trunc_normal_ orthogonal_ sparse_ xavier_uniform_ xavier_normal_ kaiming_uniform_ kaiming_normal_"
)
_FILLING = frozenset([*_RANDOM.split(), "constant_", "ones_", "zeros_", "eye_", "dirac_", "zero_", "fill_", "copy_"])
"""What initialises a tensor; on one without memory there is nothing to do."""
BATCH = 8 * 2**20
"""Bytes of files that are mapped at a time while casting: what was cast is let go of before more is read."""


def load_model(cls: Any, folder: Path, variant: str | None, dtype: torch.dtype | None) -> Any:
    """Load a model from a local folder the fast way; None if it is not for this model.

    Raises:
        ComponentError: a file is truncated, or no safetensors file; a list of shards does not say what they hold.
    """
    if not hasattr(cls, "from_pretrained") or not hasattr(cls, "named_parameters"):
        return None
    files = weight_files(folder, variant)
    for path in files:
        check_file(path)
    # torch reads numbers only at addresses that are a multiple of their size.
    if not files or not all(is_mappable(header_of(path), data_start(path)) for path in files):
        return None
    stored = stored_tensors(folder, variant)
    with without_collections():
        return _loaded(cls, folder, stored, dtype)


def skeleton(cls: Any, folder: Path, dtype: torch.dtype | None) -> Any:
    """Return a model of a local folder without weights, for its configuration; None if it is not for this model."""
    if not hasattr(cls, "from_pretrained") or not hasattr(cls, "named_parameters"):
        return None
    import torch

    with without_collections():
        model = _skeleton(cls, folder)
    # The class's own `to` warns of parts that should stay precise; there is nothing to cast here but names of formats.
    return model if model is None or dtype is None else torch.nn.Module.to(model, dtype)


def plain_model(
    model: torch.nn.Module,
    fresh: torch.nn.Module | None = None,
    replaced: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Any:
    """Return a model as its class and configuration make it, which holds the tensors of this one; None if its class cannot.

    It has none of what was put into the model: adapters, processors, hooks. Nothing is copied, and the model is not touched.

    Args:
        fresh: what `skeleton_like` gave of it, to be filled. replaced: tensors by name that it holds in place of the model's own.
            changes: to the configuration.
    """
    plain = fresh if fresh is not None else skeleton_like(model, changes)
    if plain is None:
        return None
    slots = _Slots.of(plain)
    held = {**dict(base_tensors(model)), **(replaced or {})}
    if not slots.match({name: tuple(tensor.shape) for name, tensor in held.items()}):
        return None
    for name, tensor in held.items():
        slots.put(name, tensor.detach())
    if getattr(model, "generation_config", None) is not None:
        plain.generation_config = model.generation_config
    return plain.eval() if not slots.has_gaps() else None


def skeleton_like(model: torch.nn.Module, changes: Mapping[str, Any] | None = None) -> Any:
    """Return a model of the class and configuration of another one, without weights; None if its class cannot.

    Args:
        changes: to the configuration.
    """
    config = getattr(model, "config", None)
    if config is None:
        return None
    if hasattr(type(model), "load_config"):
        config = {**config, **(changes or {})}
    else:
        config = copy.deepcopy(config)
        for name, value in (changes or {}).items():
            setattr(config, name, value)
    with without_collections():
        return _made_of(type(model), config)


def _loaded(cls: Any, folder: Path, stored: Mapping[str, tuple[Path, Any]], dtype: torch.dtype | None) -> Any:
    model = _skeleton(cls, folder)
    if model is None:
        return None
    slots = _Slots.of(model)
    # Tensors of older versions, such as position ids, that the class's own loader passes over.
    ignored = [re.compile(pattern) for pattern in getattr(cls, "_keys_to_ignore_on_load_unexpected", None) or ()]
    wanted = {name: found for name, found in stored.items() if not any(p.search(name) for p in ignored)}
    if not slots.match({name: entry.shape for name, (_, entry) in wanted.items()}):
        return None
    _fill(slots, wanted, dtype, precise_parts(model, dtype))
    if slots.has_gaps():
        return None
    # As `eval()`, over the modules that were walked already.
    for module in slots.modules.values():
        module.training = False
    return model


@frozen(eq=False)
class _Slots:
    """Finds where the weights of a skeleton go. Modules are walked once: there are thousands.

    Attributes:
        shapes: of every name. tied: name to all names of the same tensor, itself among them.
    """

    modules: dict[str, Any]
    shapes: dict[str, tuple[int, ...]]
    tied: dict[str, list[str]]

    @classmethod
    def of(cls, model: torch.nn.Module) -> _Slots:
        modules = dict(model.named_modules())
        shapes: dict[str, tuple[int, ...]] = {}
        names: dict[int, list[str]] = {}
        tied: dict[str, list[str]] = {}
        for path, module in modules.items():
            prefix = f"{path}." if path else ""
            for leaf, tensor in (*module._parameters.items(), *module._buffers.items()):
                if tensor is not None and leaf not in module._non_persistent_buffers_set:
                    name = prefix + leaf
                    shapes[name] = tuple(tensor.shape)
                    # One list for all names of a tensor: what is put under one of them is put under all.
                    tied[name] = names.setdefault(id(tensor), [])
                    tied[name].append(name)
        return cls(modules, shapes, tied)

    def match(self, stored: Mapping[str, tuple[int, ...]]) -> bool:
        """Return whether the files hold every tensor, under one of its names, and nothing else."""
        if any(self.shapes.get(name) != shape for name, shape in stored.items()):
            return False
        return all(any(name in stored for name in names) for names in self.tied.values())

    def put(self, name: str, tensor: torch.Tensor) -> None:
        from torch.nn import Parameter

        parameter = None
        for each in self.tied[name]:
            path, _, leaf = each.rpartition(".")
            module = self.modules[path]
            if leaf in module._parameters:
                if parameter is None:
                    # One Parameter object for all names, else tied weights would come apart in training.
                    parameter = Parameter(tensor, requires_grad=module._parameters[leaf].requires_grad)
                module._parameters[leaf] = parameter
            else:
                module._buffers[leaf] = tensor

    def has_gaps(self) -> bool:
        """Return whether something was made without memory and is in no file."""
        return any(
            tensor is not None and tensor.is_meta
            for module in self.modules.values()
            for tensor in (*module._parameters.values(), *module._buffers.values())
        )


def _skeleton(cls: Any, folder: Path) -> Any:
    """Make a model whose parameters have shapes and no memory; None if its class needs its own loader."""
    config = config_of(folder)
    # Quantized models replace their layers while they are loaded.
    if not config or config.get("quantization_config"):
        return None
    return _made_of(cls, config if hasattr(cls, "load_config") else None, folder)


def _made_of(cls: Any, config: Any, folder: Path | None = None) -> Any:
    try:
        with _without_memory():
            if hasattr(cls, "load_config"):
                return cls.from_config({name: value for name, value in config.items() if name != "_name_or_path"})
            if folder is None:
                return cls(config)
            with without_marks(folder) as place:
                made = cls.config_class.from_pretrained(place)
            return cls(made)
    except (NotImplementedError, RuntimeError, AttributeError, TypeError):
        return None  # it computes with its weights while it is made


def config_of(folder: Path) -> dict[str, Any] | None:
    """Return what `config.json` of a model says; None where there is none."""
    path = folder / "config.json"
    if not path.is_file():
        return None
    return read_json(path)


@contextmanager
def _without_memory() -> Iterator[None]:
    """Make parameters without memory in this thread, and do not initialise them."""
    import torch
    from torch.overrides import TorchFunctionMode

    makers = {torch.empty, torch.randn, torch.rand}
    tables = {torch.arange, torch.linspace, torch.logspace, torch.zeros, torch.ones, torch.full, torch.eye}

    class Skeleton(TorchFunctionMode):
        def __torch_function__(
            self,
            function: Callable[..., Any],
            types: object,
            args: Sequence[Any] = (),
            kwargs: Mapping[str, Any] | None = None,
        ) -> Any:
            kwargs = kwargs or {}
            if function in makers:
                return function(*args, **{**kwargs, "device": "meta"})
            # Tables of positions and the like are no weights: no file has them, so they are really made, as long as
            # they are of a size that files justify.
            if function in tables:
                with suppress(
                    RuntimeError, NotImplementedError, TypeError
                ):  # what it is given may be on another device
                    refuse_large(function(*args, **{**kwargs, "device": "meta"}).numel())
            if getattr(function, "__name__", "") in _FILLING:
                tensor = args[0] if args else kwargs.get("tensor")
                if tensor is not None and tensor.is_meta:
                    return tensor
            return function(*args, **kwargs)

    with Skeleton():
        yield


def _fill(
    slots: _Slots,
    wanted: Mapping[str, tuple[Path, TensorEntry]],
    dtype: torch.dtype | None,
    precise: re.Pattern[str] | None,
) -> None:
    """Put the tensors of files into a skeleton."""
    by_file: dict[Path, dict[str, TensorEntry]] = {}
    for name, (path, entry) in wanted.items():
        by_file.setdefault(path, {})[name] = entry
    for path, entries in by_file.items():
        for batch in _batches(entries, dtype):
            for name, tensor in mapped_tensors(path, batch).items():
                slots.put(name, tensor.to(format_of_loaded(name, tensor, dtype, precise)))


def precise_parts(model: torch.nn.Module, dtype: torch.dtype | None) -> re.Pattern[str] | None:
    """Return what stays in float32 in a smaller format; transformers ask for it in float16 alone, but for the strict
    ones.
    """
    import torch

    parts = set(getattr(model, "_keep_in_fp32_modules_strict", None) or ())
    # diffusers keeps these parts precise in every small format, transformers in float16 alone.
    if hasattr(model, "register_to_config") or dtype == torch.float16:
        parts |= set(getattr(model, "_keep_in_fp32_modules", None) or ())
    return re.compile(rf"(^|\.)({'|'.join(map(re.escape, sorted(parts)))})(\.|$)") if parts else None


def format_of_loaded(
    name: str, tensor: torch.Tensor, dtype: torch.dtype | None, precise: re.Pattern[str] | None
) -> Any:
    """Return the number format that a stored tensor has once it is loaded."""
    import torch

    if dtype is None or not tensor.is_floating_point():
        return tensor.dtype
    return torch.float32 if precise is not None and precise.search(name) else dtype


def _batches(entries: Mapping[str, TensorEntry], dtype: torch.dtype | None) -> Iterator[list[str]]:
    """Yield the names in parts: all at once where the model keeps the file's own pages, else `BATCH` bytes at a
    time.
    """
    if dtype is None or all(format_of(entry) == dtype for entry in entries.values()):
        yield list(entries)
        return
    part: list[str] = []
    size = 0
    for name in sorted(entries, key=lambda name: entries[name].first):
        length = entries[name].end - entries[name].first
        if part and size + length > BATCH:
            yield part
            part, size = [], 0
        part.append(name)
        size += length
    yield part
