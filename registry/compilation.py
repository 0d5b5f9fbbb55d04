"""Networks that `torch.compile` has compiled: as a whole, in an object around them, or some of their layers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ..state.digest import DigestWriter, NoDigestError
from .module_levels import module_levels

if TYPE_CHECKING:
    import torch

_WRAPPED = "_orig_mod"
"""Where the object that `torch.compile(model)` makes has the model."""
METHOD = "_compiled_call_impl"
"""Where `model.compile()` puts what is called in the model's place; `compile_repeated_blocks` does so with layers."""
_AROUND = frozenset({"DistributedDataParallel", "FullyShardedDataParallel", "DataParallel"})
"""Classes of torch whose objects are modules around a network, by which several processes train it."""
_AS_WRITTEN = "eager"
"""The compiler that calls the kernels of the network itself, in its order: its results are the same bits."""
_WITHOUT_GRAPHS = frozenset({_AS_WRITTEN, "aot_eager"})


def uncompiled(model: Any) -> Any:
    """Return the model itself, where `torch.compile` has made an object around it."""
    return getattr(model, "__dict__", {}).get("_modules", {}).get(_WRAPPED, model)


def network_in(model: Any) -> Any:
    """Return the network itself, also where DistributedDataParallel or others have made a module around it, as accelerate's `prepare` does."""
    while True:
        inner = uncompiled(model)
        # By name, since torch.distributed is imported by nobody who needs none.
        if type(inner).__name__ in _AROUND and "module" in inner.__dict__.get("_modules", {}):
            inner = inner.__dict__["_modules"]["module"]
        if inner is model:
            return model
        model = inner


def compiled_parts(model: Any) -> list[Any]:
    """Return the modules of a network that run compiled: objects of `torch.compile`, and modules that were compiled in place."""
    found: dict[int, Any] = {}
    for level in module_levels(model):
        for module in level:
            if module.__dict__.get(METHOD) is not None or _WRAPPED in module.__dict__["_modules"]:
                found[id(module)] = module
    return list(found.values())


def compiled_call(module: torch.nn.Module) -> Any:
    """Return what is called in the place of a module; None where it is called as it was written."""
    held = vars(module)
    return held.get("forward") if _WRAPPED in module._modules else held.get(METHOD)


def may_reuse_outputs(part: torch.nn.Module) -> bool:
    """Return whether the next call of a compiled module may write into what this one returned, as CUDA graphs do."""
    try:
        backend = _backend(compiled_call(part))
    except NoDigestError:
        return True
    return backend.compiler_name not in _WITHOUT_GRAPHS


def compiler_digest(call: Any) -> str:
    """Digest how something was compiled; "" where that gives the bits of the network itself.

    Raises:
        NoDigestError: nothing tells how.
    """
    backend = _backend(call)
    if backend.compiler_name == _AS_WRITTEN:
        return ""
    writer = DigestWriter(is_code=True)
    function = getattr(backend, "compiler_fn", None)
    # The version of torch stands for the code of its own.
    if function is not None and not str(getattr(function, "__module__", "")).startswith("torch."):
        writer.add(function)
    writer.add([backend.compiler_name, _options(backend), backend.dynamic])
    if writer.unknown:
        raise NoDigestError(f"compiled by {backend.compiler_name}: {writer.unknown[0]}")
    return writer.hexdigest()


def compiler_words(model: Any) -> str:
    """Return by what parts of a network are compiled; "" where nothing is that counts."""
    found: Counter[str] = Counter()
    for part in compiled_parts(model):
        try:
            backend = _backend(compiled_call(part))
        except NoDigestError:
            found["something unknown"] += 1
            continue
        if backend.compiler_name != _AS_WRITTEN:
            options = ", ".join(f"{name}={value}" for name, value in sorted(_options(backend).items()))
            found[f"by {backend.compiler_name}" + (f" ({options})" if options else "")] += 1
    return ", ".join(f"{words} x {count}" for words, count in sorted(found.items()))


def _options(backend: Any) -> dict[str, Any]:
    return {**getattr(backend, "config", {}), **getattr(backend, "kwargs", {})}


def _backend(call: Any) -> Any:
    """Return torch's own record of a compiler (`_TorchCompileInductorWrapper`, `_TorchCompileWrapper`; torch 2.13)."""
    from torch._dynamo.eval_frame import innermost_backend

    cells = getattr(getattr(call, "get_compiler_config", None), "__closure__", None) or ()
    found = innermost_backend(cells[0].cell_contents.callback) if cells else None
    if not hasattr(found, "compiler_name"):
        raise NoDigestError("It is compiled, and nothing tells how.")
    return found
